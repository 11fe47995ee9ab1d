/* still_jpeg.c - the markers of a JPEG file, up to the end of its first picture
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Files of several pictures (MPO, gain maps, previews) are JPEG files one behind the other: the first one counts.
 */
#include "i18n.h"
#include "still_scan.h"
#include <string.h>

enum { TEM = 0x01, SOF0 = 0xc0, DHT = 0xc4, JPG = 0xc8, DAC = 0xcc, SOF15 = 0xcf, RST0 = 0xd0, RST7 = 0xd7 };
enum { SOI = 0xd8, EOI = 0xd9, SOS = 0xda, APP1 = 0xe1 };

static gboolean
is_frame_header(guint8 marker)
{
  return marker >= SOF0 && marker <= SOF15 && marker != DHT && marker != JPG && marker != DAC;
}

/* body: behind the length. */
static gboolean
read_frame_header(const CbiganStillBytes *b, gsize body, gsize length, CbiganStill *still, GError **error)
{
  guint64 precision, components;

  if (length < 6 || !cbigan_still_number(b, body, 1, &precision) ||
      !cbigan_still_number(b, body + 1, 2, &still->height) || !cbigan_still_number(b, body + 3, 2, &still->width) ||
      !cbigan_still_number(b, body + 5, 1, &components))
    return cbigan_still_refuse(error, _("a damaged frame header"));
  if (precision != 8)
    return cbigan_still_refuse(error, _("JPEG of %d bits per channel; expected 8"), (int)precision);
  if (components != 1 && components != 3)
    return cbigan_still_refuse(error,
                               _("JPEG of %d channels (CMYK, as printers use it), which GStreamer's jpegdec does not "
                                 "decode; expected gray or RGB"),
                               (int)components);
  return TRUE;
}

static void
read_exif(const CbiganStillBytes *b, gsize body, gsize length, CbiganStill *still)
{
  static const char exif[6] = "Exif\0";

  if (still->orientation == 1 && length > sizeof exif && memcmp(b->data + body, exif, sizeof exif) == 0)
    still->orientation = cbigan_still_exif_orientation(b->data + body + sizeof exif, length - sizeof exif);
}

/* The first marker at or behind `at` that ends a scan's data; b->size if there is none. */
static gsize
find_scan_end(const CbiganStillBytes *b, gsize at)
{
  while (at + 1 < b->size) {
    const guint8 *ff = memchr(b->data + at, 0xff, b->size - 1 - at);

    if (!ff)
      break;
    if (ff[1] != 0 && ff[1] != 0xff && (ff[1] < RST0 || ff[1] > RST7))
      return (gsize)(ff - b->data);
    at = (gsize)(ff - b->data) + (ff[1] == 0xff ? 1 : 2);
  }
  return b->size;
}

/* One segment at *at, its 0xff included. FALSE with an error; *at moves behind it. */
static gboolean
read_segment(const CbiganStillBytes *b, guint8 marker, gsize *at, CbiganStill *still, GError **error)
{
  guint64 length;

  if (!cbigan_still_number(b, *at + 2, 2, &length) || !cbigan_still_holds(b, *at + 2, length))
    return cbigan_still_cut(error, b->size, *at + 4);
  if (length < 2)
    return cbigan_still_refuse(error, _("a damaged segment at byte %zu"), *at);
  if (is_frame_header(marker) && !read_frame_header(b, *at + 4, length - 2, still, error))
    return FALSE;
  if (marker == APP1)
    read_exif(b, *at + 4, length - 2, still);
  *at += 2 + length;
  if (marker == SOS)
    *at = find_scan_end(b, *at);
  return TRUE;
}

gboolean
cbigan_still_scan_jpeg(const CbiganStillBytes *b, CbiganStill *still, GError **error)
{
  gsize at = 2;

  while (at + 1 < b->size) {
    guint8 marker = b->data[at + 1];

    if (b->data[at] != 0xff)
      return cbigan_still_refuse(error, _("byte %zu is no marker of JPEG"), at);
    if (marker == EOI) {
      still->size = at + 2;
      return still->width || cbigan_still_refuse(error, _("JPEG without a picture"));
    }
    if (marker == 0xff)
      at++;
    else if (marker == TEM || marker == SOI || (marker >= RST0 && marker <= RST7))
      at += 2;
    else if (!read_segment(b, marker, &at, still, error))
      return FALSE;
  }
  return cbigan_still_refuse(error, _("the file is cut off: after %zu bytes there is no end of the picture"), b->size);
}
