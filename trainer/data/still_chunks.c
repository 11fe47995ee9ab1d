/* still_chunks.c - PNG, WebP and GIF: files made of chunks that tell their length
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "i18n.h"
#include "still_scan.h"
#include <string.h>

#define TAG(a, b, c, d) ((guint32)(a) << 24 | (guint32)(b) << 16 | (guint32)(c) << 8 | (guint32)(d))
enum { PNG_RGB = 2 };

/* body: behind the chunk's type. */
static void
read_png_chunk(const CbiganStillBytes *b, guint64 type, gsize body, guint64 length, CbiganStill *still)
{
  guint64 frames;

  if (type == TAG('e', 'X', 'I', 'f'))
    still->orientation = cbigan_still_exif_orientation(b->data + body, length);
  else if (type == TAG('a', 'c', 'T', 'L') && length >= 4 && cbigan_still_number(b, body, 4, &frames))
    still->pictures = (guint)MAX(1, frames);
}

gboolean
cbigan_still_scan_png(const CbiganStillBytes *b, CbiganStill *still, GError **error)
{
  guint64 length, type, depth, colour, interlaced;

  if (!cbigan_still_number(b, 16, 4, &still->width) || !cbigan_still_number(b, 20, 4, &still->height) ||
      !cbigan_still_number(b, 24, 1, &depth) || !cbigan_still_number(b, 25, 1, &colour) ||
      !cbigan_still_number(b, 28, 1, &interlaced))
    return cbigan_still_cut(error, b->size, 33);
  still->deep = depth == 16;
  still->deep_rgb = still->deep && colour == PNG_RGB;
  still->interlaced = interlaced != 0;
  for (guint64 at = 8; cbigan_still_number(b, at, 4, &length) && cbigan_still_number(b, at + 4, 4, &type);) {
    if (!cbigan_still_holds(b, at + 8, length + 4))
      return cbigan_still_cut(error, b->size, at + 12 + length);
    read_png_chunk(b, type, at + 8, length, still);
    at += 12 + length;
    if (type == TAG('I', 'E', 'N', 'D')) {
      still->size = at;
      return TRUE;
    }
  }
  return cbigan_still_refuse(error, _("the file is cut off: after %zu bytes there is no end of the picture"), b->size);
}

static gboolean
read_webp_chunk(const CbiganStillBytes *b, guint64 type, gsize body, guint64 length, CbiganStill *still)
{
  guint64 flags, bits, width, height;

  if (type == TAG('V', 'P', '8', 'X') && length >= 10) {
    if (!cbigan_still_number(b, body, 1, &flags) || !cbigan_still_number(b, body + 4, 2, &still->width) ||
        !cbigan_still_number(b, body + 6, 1, &width) || !cbigan_still_number(b, body + 7, 2, &still->height) ||
        !cbigan_still_number(b, body + 9, 1, &height))
      return FALSE;
    still->width = (still->width | width << 16) + 1;
    still->height = (still->height | height << 16) + 1;
    if (flags & 2)
      still->pictures = 2; /* an animation; nobody counts its frames */
  } else if (type == TAG('V', 'P', '8', ' ') && !still->width) {
    if (!cbigan_still_number(b, body + 6, 2, &still->width) || !cbigan_still_number(b, body + 8, 2, &still->height))
      return FALSE;
    still->width &= 0x3fff;
    still->height &= 0x3fff;
  } else if (type == TAG('V', 'P', '8', 'L') && !still->width) {
    if (!cbigan_still_number(b, body + 1, 4, &bits))
      return FALSE;
    still->width = (bits & 0x3fff) + 1;
    still->height = (bits >> 14 & 0x3fff) + 1;
  } else if (type == TAG('E', 'X', 'I', 'F')) {
    const guint8 *exif = b->data + body;
    gsize prefix = length > 6 && memcmp(exif, "Exif\0", 6) == 0 ? 6 : 0;

    still->orientation = cbigan_still_exif_orientation(exif + prefix, length - prefix);
  }
  return TRUE;
}

gboolean
cbigan_still_scan_webp(const CbiganStillBytes *b, CbiganStill *still, GError **error)
{
  CbiganStillBytes little = { b->data, b->size, FALSE };
  guint64 all, type, length;

  if (!cbigan_still_number(&little, 4, 4, &all) || !cbigan_still_holds(b, 8, all))
    return cbigan_still_cut(error, b->size, all + 8);
  little.size = still->size = all + 8;
  for (guint64 at = 12; cbigan_still_number(b, at, 4, &type) && cbigan_still_number(&little, at + 4, 4, &length);
       at += 8 + length + length % 2)
    if (!cbigan_still_holds(&little, at + 8, length) || !read_webp_chunk(&little, type, at + 8, length, still))
      return cbigan_still_refuse(error, _("a damaged chunk at byte %zu"), (gsize)at);
  if (still->pictures > 1)
    return cbigan_still_refuse(error, _("an animated WebP, which GStreamer's webpdec does not decode"));
  return still->width || cbigan_still_refuse(error, _("WebP without a picture"));
}

/* Moves *at behind sub-blocks: a length, so many bytes, and so on until a length of 0. */
static gboolean
skip_gif_blocks(const CbiganStillBytes *b, guint64 *at)
{
  guint64 length;

  do {
    if (!cbigan_still_number(b, *at, 1, &length))
      return FALSE;
    *at += 1 + length;
  } while (length);
  return TRUE;
}

gboolean
cbigan_still_scan_gif(const CbiganStillBytes *b, CbiganStill *still, GError **error)
{
  const CbiganStillBytes little = { b->data, b->size, FALSE };
  enum { EXTENSION = 0x21, IMAGE = 0x2c, TRAILER = 0x3b };
  guint64 flags, kind = 0, at = 13;

  still->pictures = 0;
  if (cbigan_still_number(&little, 6, 2, &still->width) && cbigan_still_number(&little, 8, 2, &still->height) &&
      cbigan_still_number(&little, 10, 1, &flags)) {
    at += flags & 0x80 ? 3u << ((flags & 7) + 1) : 0;
    while (cbigan_still_number(b, at, 1, &kind) && kind != TRAILER) {
      if (kind == IMAGE && cbigan_still_number(b, at + 9, 1, &flags)) {
        still->pictures++;
        at += 11 + (flags & 0x80 ? 3u << ((flags & 7) + 1) : 0);
      } else if (kind == EXTENSION) {
        at += 2;
      } else {
        return cbigan_still_refuse(error, _("a damaged block at byte %zu"), (gsize)at);
      }
      if (!skip_gif_blocks(b, &at))
        break;
      kind = 0;
    }
  }
  if (kind != TRAILER)
    return cbigan_still_refuse(error, _("the file is cut off: after %zu bytes there is no end of the picture"),
                               b->size);
  return still->pictures || cbigan_still_refuse(error, _("GIF without a picture"));
}
