/* still.c - formats of still pictures: which one a file has, and what all scans share
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "still.h"
#include "i18n.h"
#include <string.h>

#define MOST_PIXELS (1 << 29) /* decoders count the bytes of four channels in an int */

static gboolean (*const scans[])(const CbiganStillBytes *, CbiganStill *, GError **) = {
  [CBIGAN_STILL_PNG] = cbigan_still_scan_png,   [CBIGAN_STILL_JPEG] = cbigan_still_scan_jpeg,
  [CBIGAN_STILL_WEBP] = cbigan_still_scan_webp, [CBIGAN_STILL_BMP] = cbigan_still_scan_bmp,
  [CBIGAN_STILL_PNM] = cbigan_still_scan_pnm,   [CBIGAN_STILL_TIFF] = cbigan_still_scan_tiff,
  [CBIGAN_STILL_GIF] = cbigan_still_scan_gif,
};

/* The text chunk "Software: cbigan heat map", with its length and check sum. */
const guint8 cbigan_still_heatmap_chunk[] = { 0,   0,   0,   24,  't', 'E', 'X', 't', 'S',  'o',  'f',  't',
                                              'w', 'a', 'r', 'e', 0,   'c', 'b', 'i', 'g',  'a',  'n',  ' ',
                                              'h', 'e', 'a', 't', ' ', 'm', 'a', 'p', 0xb5, 0xae, 0x40, 0x8b };
const gsize cbigan_still_heatmap_chunk_size = sizeof cbigan_still_heatmap_chunk;

/* A bitmap's two letters occur in other files too, so its header must make sense. */
static gboolean
is_bmp(const guint8 *data, gsize size)
{
  static const guint8 headers[] = { 12, 16, 40, 52, 56, 64, 108, 124 };

  if (size < 26 || memcmp(data, "BM", 2) != 0 || data[15] || data[16] || data[17])
    return FALSE;
  return memchr(headers, data[14], sizeof headers) != NULL;
}

static gboolean
is_pnm(const guint8 *data, gsize size)
{
  gsize at = 2;

  if (size < 8 || data[0] != 'P' || !strchr("1234567fF", data[1]) || !data[1] || !g_ascii_isspace(data[2]))
    return FALSE;
  while (at < size && g_ascii_isspace(data[at]))
    at++;
  return data[1] == '7' || (at < size && (data[at] == '#' || g_ascii_isdigit(data[at])));
}

CbiganStillFormat
cbigan_still_format(const guint8 *data, gsize size)
{
  static const struct {
    CbiganStillFormat format;
    guint8 size;
    const char *magic;
  } magics[] = { { CBIGAN_STILL_PNG, 8, "\x89PNG\r\n\x1a\n" },
                 { CBIGAN_STILL_JPEG, 3, "\xff\xd8\xff" },
                 { CBIGAN_STILL_GIF, 6, "GIF87a" },
                 { CBIGAN_STILL_GIF, 6, "GIF89a" },
                 { CBIGAN_STILL_TIFF, 4, "II*" },
                 { CBIGAN_STILL_TIFF, 4, "MM\0*" },
                 { CBIGAN_STILL_TIFF, 4, "II+" },
                 { CBIGAN_STILL_TIFF, 4, "MM\0+" } };

  for (guint i = 0; i < G_N_ELEMENTS(magics); i++)
    if (size >= magics[i].size && memcmp(data, magics[i].magic, magics[i].size) == 0)
      return magics[i].format;
  if (size >= 12 && memcmp(data, "RIFF", 4) == 0 && memcmp(data + 8, "WEBP", 4) == 0)
    return CBIGAN_STILL_WEBP;
  return is_bmp(data, size) ? CBIGAN_STILL_BMP : is_pnm(data, size) ? CBIGAN_STILL_PNM : CBIGAN_STILL_NONE;
}

const char *
cbigan_still_unknown_name(const guint8 *data, gsize size)
{
  static const struct {
    guint8 at, size;
    const char *magic, *name;
  } rows[] = { { 4, 8, "ftypheic", "HEIC" }, { 4, 8, "ftypheix", "HEIC" },    { 4, 8, "ftypmif1", "HEIF" },
               { 4, 8, "ftypavif", "AVIF" }, { 4, 8, "ftypavis", "AVIF" },    { 4, 8, "ftypcrx ", "CR3" },
               { 4, 4, "JXL ", "JPEG XL" },  { 0, 2, "\xff\x0a", "JPEG XL" }, { 4, 4, "jP  ", "JPEG 2000" },
               { 0, 4, "8BPS", "PSD" },      { 0, 4, "v/1\x01", "OpenEXR" },  { 0, 4, "\0\0\1\0", "ICO" },
               { 0, 5, "<svg ", "SVG" },     { 0, 5, "<?xml", "XML or SVG" }, { 0, 8, "FUJIFILM", "RAF" } };

  for (guint i = 0; i < G_N_ELEMENTS(rows); i++)
    if (size >= (gsize)rows[i].at + rows[i].size && memcmp(data + rows[i].at, rows[i].magic, rows[i].size) == 0)
      return rows[i].name;
  return NULL;
}

gboolean
cbigan_still_scan(const guint8 *data, gsize size, CbiganStill *still, GError **error)
{
  CbiganStillBytes bytes = { data, size, TRUE };
  CbiganStill found = { .format = cbigan_still_format(data, size), .orientation = 1, .size = size, .pictures = 1 };

  *still = found;
  g_return_val_if_fail(found.format != CBIGAN_STILL_NONE, FALSE);
  if (!scans[found.format](&bytes, still, error))
    return FALSE;
  if (still->width && still->height && still->width <= MOST_PIXELS && still->height <= MOST_PIXELS / still->width)
    return TRUE;
  return cbigan_still_refuse(error,
                             _("%zux%zu pixels; expected at least 1x1, and at most "
                               "%d pixels in all"),
                             (gsize)still->width, (gsize)still->height, MOST_PIXELS);
}

void
cbigan_still_clear(CbiganStill *still)
{
  g_clear_pointer(&still->pages, g_free);
}

gboolean
cbigan_still_is_heatmap(const guint8 *data, gsize size)
{
  enum { AT = 8 + 12 + 13 }; /* behind signature and header */

  return size >= AT + sizeof cbigan_still_heatmap_chunk && cbigan_still_format(data, size) == CBIGAN_STILL_PNG &&
         memcmp(data + AT, cbigan_still_heatmap_chunk, sizeof cbigan_still_heatmap_chunk) == 0;
}
