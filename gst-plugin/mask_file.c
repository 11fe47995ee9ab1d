/* mask_file.c - a mask from a PNG file
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "mask_file.h"

#include <cairo.h>
#include <string.h>

#include "i18n.h"

#define HALF 128 /* of 0..255 */

typedef struct {
  const char *data;
  gsize left;
} Reading;

static cairo_status_t
read_bytes(void *closure, unsigned char *to, unsigned int n)
{
  Reading *reading = closure;
  if (n > reading->left)
    return CAIRO_STATUS_READ_ERROR;
  memcpy(to, reading->data, n);
  reading->data += n;
  reading->left -= n;
  return CAIRO_STATUS_SUCCESS;
}

/* The picture on black, so that transparent pixels are dark. With its error if it has one. */
static cairo_surface_t *
on_black(cairo_surface_t *picture)
{
  const int w = cairo_image_surface_get_width(picture), h = cairo_image_surface_get_height(picture);
  if (cairo_surface_status(picture) != CAIRO_STATUS_SUCCESS)
    return cairo_surface_reference(picture);
  cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, w, h);
  cairo_t *cr = cairo_create(surface);
  cairo_set_source_rgb(cr, 0, 0, 0);
  cairo_paint(cr);
  cairo_set_source_surface(cr, picture, 0, 0);
  cairo_paint(cr);
  cairo_destroy(cr);
  cairo_surface_flush(surface);
  return surface;
}

/* FALSE: no memory */
static gboolean
take_pixels(cairo_surface_t *surface, CbiganMask *mask)
{
  const int w = cairo_image_surface_get_width(surface), h = cairo_image_surface_get_height(surface);
  guint8 *counts = g_try_malloc((gsize)w * (gsize)h);
  if (!counts)
    return FALSE;
  for (int y = 0; y < h; y++) {
    const guint8 *row =
        cairo_image_surface_get_data(surface) + (gsize)y * (gsize)cairo_image_surface_get_stride(surface);
    for (int x = 0; x < w; x++) {
      guint32 rgb;
      memcpy(&rgb, row + 4 * (gsize)x, 4);
      const guint grey = (299 * (rgb >> 16 & 255) + 587 * (rgb >> 8 & 255) + 114 * (rgb & 255)) / 1000;
      counts[(gsize)y * (gsize)w + (gsize)x] = grey >= HALF;
    }
  }
  *mask = (CbiganMask){ counts, w, h };
  return TRUE;
}

gboolean
cbigan_mask_read(const char *path, CbiganMask *mask, GError **error)
{
  g_autofree char *name = g_filename_display_name(path), *data = NULL;
  g_autoptr(GError) reason = NULL;
  gsize size;
  if (!g_file_test(path, G_FILE_TEST_IS_REGULAR) && g_file_test(path, G_FILE_TEST_EXISTS)) {
    g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_FILE, _("%s: not a regular file; expected a PNG as a mask"), name);
    return FALSE;
  }
  if (!g_file_get_contents(path, &data, &size, &reason)) {
    g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_FILE, _("%s: can't read the mask: %s"), name, reason->message);
    return FALSE;
  }
  Reading reading = { data, size };
  cairo_surface_t *picture = cairo_image_surface_create_from_png_stream(read_bytes, &reading);
  cairo_surface_t *surface = on_black(picture);
  const cairo_status_t status = cairo_surface_status(surface);
  gboolean fine = FALSE;
  if (status != CAIRO_STATUS_SUCCESS)
    g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_FILE, _("%s: no whole PNG (%s); expected one as a mask"), name,
                cairo_status_to_string(status));
  else if (!(fine = take_pixels(surface, mask)))
    g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_FILE, "%s: %s", name, _("out of memory"));
  cairo_surface_destroy(surface);
  cairo_surface_destroy(picture);
  return fine;
}

void
cbigan_mask_clear(CbiganMask *mask)
{
  g_free((gpointer)mask->counts);
  *mask = (CbiganMask){ 0 };
}
