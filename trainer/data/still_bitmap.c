/* still_bitmap.c - BMP and PNM: a header, and pixels whose size follows from it
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "i18n.h"
#include "still_scan.h"
#include <string.h>

/* Rows of whole `unit` bits. Sides of more than 31 bits are refused later; they don't overflow here. */
static guint64
pixel_bytes(guint64 width, guint64 height, guint64 bits, guint64 unit)
{
  return MIN((MIN(width, G_MAXUINT32) * bits + unit - 1) / unit * (unit / 8), G_MAXUINT32) * MIN(height, G_MAXINT32);
}

gboolean
cbigan_still_scan_bmp(const CbiganStillBytes *big, CbiganStill *still, GError **error)
{
  const CbiganStillBytes bytes = { big->data, big->size, FALSE }, *b = &bytes;
  guint64 offset, header, bits, compression = 0, size = 0, expected;
  int side; /* bytes of a side */

  if (!cbigan_still_number(b, 10, 4, &offset) || !cbigan_still_number(b, 14, 4, &header))
    return cbigan_still_cut(error, b->size, 54);
  side = header < 16 ? 2 : 4;
  if (!cbigan_still_number(b, 18, side, &still->width) ||
      !cbigan_still_number(b, 18 + (guint)side, side, &still->height) ||
      !cbigan_still_number(b, 20 + 2 * (guint)side, 2, &bits) ||
      (header >= 40 && (!cbigan_still_number(b, 30, 4, &compression) || !cbigan_still_number(b, 34, 4, &size))))
    return cbigan_still_cut(error, b->size, 54);
  if (side == 4 && still->height > G_MAXINT32) /* rows from top to bottom */
    still->height = (guint64)G_MAXUINT32 + 1 - still->height;
  if (compression == 4 || compression == 5)
    return cbigan_still_refuse(error, _("BMP that holds a JPEG or PNG, as printers use it"));
  expected = compression == 1 || compression == 2 ? size : pixel_bytes(still->width, still->height, bits, 32);
  return cbigan_still_holds(b, offset, expected) || cbigan_still_cut(error, b->size, offset + expected);
}

/* Skips white space and comments, then reads a decimal number. FALSE if there is none. */
static gboolean
read_decimal(const CbiganStillBytes *b, gsize *at, guint64 *number)
{
  gsize start;

  while (*at < b->size && (g_ascii_isspace(b->data[*at]) || b->data[*at] == '#')) {
    gboolean comment = b->data[*at] == '#';

    (*at)++;
    while (comment && *at < b->size && b->data[*at] != '\n' && b->data[*at] != '\r')
      (*at)++;
  }
  *number = 0;
  for (start = *at; *at < b->size && g_ascii_isdigit(b->data[*at]) && *number < G_MAXINT32; (*at)++)
    *number = 10 * *number + (guint64)(b->data[*at] - '0');
  return *at > start;
}

/* Each number of a plain PNM is a digit at least, and of a plain PBM exactly one; white space may be missing there. */
static gboolean
check_plain(const CbiganStillBytes *b, gsize at, guint64 numbers, gboolean bits, GError **error)
{
  guint64 found = 0;

  for (gboolean inside = FALSE; at < b->size; at++) {
    gboolean digit = g_ascii_isdigit(b->data[at]);

    if (!digit && !g_ascii_isspace(b->data[at]))
      return cbigan_still_refuse(error, _("byte %zu is no number"), at);
    found += digit && (bits || !inside);
    inside = digit;
  }
  return found >= numbers ||
         cbigan_still_refuse(error, _("the file is cut off: %zu numbers; expected %zu"), (gsize)found, (gsize)numbers);
}

gboolean
cbigan_still_scan_pnm(const CbiganStillBytes *b, CbiganStill *still, GError **error)
{
  char kind = (char)b->data[1];
  guint64 most = 1, bits, expected;
  gsize at = 2;

  if (!g_ascii_isdigit(kind) || kind == '7')
    return cbigan_still_refuse(error, _("%s, which is not decoded; expected PBM, PGM or PPM"),
                               kind == '7' ? "PAM" : "PFM");
  if (!read_decimal(b, &at, &still->width) || !read_decimal(b, &at, &still->height) ||
      (kind != '1' && kind != '4' && !read_decimal(b, &at, &most)) || !most || most > 65535)
    return cbigan_still_refuse(error, _("a damaged header of a PNM"));
  bits = (kind == '4' ? 1 : most > 255 ? 16 : 8) * (kind == '3' || kind == '6' ? 3 : 1);
  if (kind <= '3')
    return check_plain(b, at, pixel_bytes(still->width, still->height, bits, 8) / (most > 255 ? 2 : 1), kind == '1',
                       error);
  expected = pixel_bytes(still->width, still->height, bits, 8);
  return cbigan_still_holds(b, at + 1, expected) || cbigan_still_cut(error, b->size, at + 1 + expected);
}
