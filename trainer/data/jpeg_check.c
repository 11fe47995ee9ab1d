/* jpeg_check.c - whether libjpeg reads a JPEG file without a warning
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * jpegdec drops libjpeg's warnings, and those are all that is said of damaged data. So the data are read once more
 * here, at an eighth of the size, which takes little more than undoing the Huffman code.
 */
#include "cbigan.h"
#include "i18n.h"
#include "still_decoder.h"
#include <setjmp.h>
#include <stdio.h> /* jpeglib.h needs FILE */
#include <jpeglib.h>

typedef struct {
  struct jpeg_error_mgr base;
  jmp_buf failed;
  char text[JMSG_LENGTH_MAX]; /* the first warning, or the error */
} Errors;

static void
keep_error(j_common_ptr jpeg)
{
  Errors *errors = (Errors *)jpeg->err;

  if (!errors->text[0])
    errors->base.format_message(jpeg, errors->text);
  longjmp(errors->failed, 1);
}

static void
keep_warning(j_common_ptr jpeg, int level)
{
  Errors *errors = (Errors *)jpeg->err;

  if (level < 0 && !errors->text[0])
    errors->base.format_message(jpeg, errors->text);
}

/* One row of an eighth of the widest JPEG, 4 channels. */
#define ROW (4 * (JPEG_MAX_DIMENSION / 8 + 8))

static void
read_all(struct jpeg_decompress_struct *jpeg, const guint8 *data, gsize size, JSAMPROW row)
{
  jpeg_mem_src(jpeg, (unsigned char *)data, size);
  jpeg_read_header(jpeg, TRUE);
  jpeg->out_color_space = jpeg->jpeg_color_space;
  jpeg->scale_num = 1;
  jpeg->scale_denom = 8;
  jpeg->do_fancy_upsampling = FALSE;
  jpeg_start_decompress(jpeg);
  while (jpeg->output_scanline < jpeg->output_height)
    jpeg_read_scanlines(jpeg, &row, 1);
  jpeg_finish_decompress(jpeg);
}

gboolean
cbigan_jpeg_check(const guint8 *data, gsize size, GError **error)
{
  Errors errors = { .text = "" };
  struct jpeg_decompress_struct jpeg = { .err = jpeg_std_error(&errors.base) };
  guint8 *row = g_malloc(ROW);

  errors.base.error_exit = keep_error;
  errors.base.emit_message = keep_warning;
  jpeg_create_decompress(&jpeg);
  if (!setjmp(errors.failed))
    read_all(&jpeg, data, size, row);
  jpeg_destroy_decompress(&jpeg);
  g_free(row);
  if (errors.text[0])
    g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_FILE, _("libjpeg: %s"), errors.text);
  return !errors.text[0];
}
