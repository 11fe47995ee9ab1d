/* png_check.c - whether a PNG file holds data for all of its rows
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * libpng warns where there are fewer, decoders drop the warning, and the missing rows are what lay in memory. Of a
 * picture that pngdec writes from top to bottom the last row tells (marked_memory.h); here the others are checked.
 */
#include "i18n.h"
#include "still_decoder.h"
#include <gio/gio.h>
#include <string.h>

/* Bytes of the rows of one pass, each with its filter byte. */
static guint64
pass_bytes(guint64 width, guint64 height, guint64 bits)
{
  return width && height ? height * (1 + (width * bits + 7) / 8) : 0;
}

static guint64
expected_bytes(const CbiganStill *still, guint64 bits, gboolean interlaced)
{
  static const guint8 passes[7][4] = { /* x and y of the first pixel, steps in x and y */
                                       { 0, 0, 8, 8 }, { 4, 0, 8, 8 }, { 0, 4, 4, 8 }, { 2, 0, 4, 4 },
                                       { 0, 2, 2, 4 }, { 1, 0, 2, 2 }, { 0, 1, 1, 2 }
  };
  guint64 sum = 0;

  if (!interlaced)
    return pass_bytes(still->width, still->height, bits);
  for (guint i = 0; i < G_N_ELEMENTS(passes); i++)
    sum += pass_bytes((still->width + passes[i][2] - 1 - passes[i][0]) / passes[i][2],
                      (still->height + passes[i][3] - 1 - passes[i][1]) / passes[i][3], bits);
  return sum;
}

/* Adds to *sum what `length` bytes of compressed data become. FALSE where the data end; *damaged: by a fault, such as a
 * wrong check sum, before which libpng drops the last row. */
static gboolean
inflate_chunk(GConverter *zlib, const guint8 *data, gsize length, guint64 *sum, gboolean *damaged)
{
  guint8 out[1 << 15];
  gsize read, written;

  while (length) {
    g_autoptr(GError) reason = NULL;
    GConverterResult result =
        g_converter_convert(zlib, data, length, out, sizeof out, G_CONVERTER_NO_FLAGS, &read, &written, &reason);

    if (result == G_CONVERTER_ERROR) {
      *damaged = !g_error_matches(reason, G_IO_ERROR, G_IO_ERROR_PARTIAL_INPUT);
      return !*damaged;
    }
    data += read;
    length -= read;
    *sum += written;
    if (result == G_CONVERTER_FINISHED)
      return FALSE;
  }
  return TRUE;
}

gboolean
cbigan_png_check(const guint8 *data, const CbiganStill *still, GError **error)
{
  static const guint8 channels[8] = { 1, 0, 3, 1, 2, 0, 4, 0 }; /* by colour type */
  const CbiganStillBytes bytes = { data, still->size, TRUE };
  g_autoptr(GConverter) zlib = G_CONVERTER(g_zlib_decompressor_new(G_ZLIB_COMPRESSOR_FORMAT_ZLIB));
  guint64 expected = expected_bytes(still, (guint64)data[24] * channels[data[25] & 7], still->interlaced);
  guint64 length, sum = 0;
  gboolean damaged = FALSE;

  for (guint64 at = 8; cbigan_still_number(&bytes, at, 4, &length); at += 12 + length)
    if (memcmp(data + at + 4, "IDAT", 4) == 0 && !inflate_chunk(zlib, data + at + 8, length, &sum, &damaged))
      break;
  if (damaged)
    return cbigan_still_refuse(error, _("its compressed data are damaged"));
  return sum >= expected || cbigan_still_refuse(error, _("its data end after %zu bytes of rows; expected %zu"),
                                                (gsize)sum, (gsize)expected);
}
