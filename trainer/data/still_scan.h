/* still_scan.h - what the files that scan still pictures share; inside still.c
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include <glib.h>

G_BEGIN_DECLS

typedef enum {
  CBIGAN_STILL_NONE, /* another kind of file */
  CBIGAN_STILL_PNG,
  CBIGAN_STILL_JPEG,
  CBIGAN_STILL_WEBP,
  CBIGAN_STILL_BMP,
  CBIGAN_STILL_PNM,
  CBIGAN_STILL_TIFF,
  CBIGAN_STILL_GIF,
} CbiganStillFormat;

typedef struct {
  CbiganStillFormat format;
  guint64 width, height; /* of the first picture */
  int orientation;       /* EXIF's 1 to 8: how the decoder's picture must be turned to be upright */
  gsize size;            /* bytes of the first picture; bytes behind it belong to other pictures */
  guint pictures;        /* at least 1: pages or frames */
  gboolean deep;         /* PNG: 16 bits per channel */
  gboolean deep_rgb;     /* PNG: RGB of 16 bits without alpha */
  gboolean interlaced;   /* PNG */
  guint64 *pages;        /* TIFF: where the directory of each full-size page lies, `pictures` of them; else NULL */
} CbiganStill;

/* A file in memory; every read is checked against its size. */
typedef struct {
  const guint8 *data;
  gsize size;
  gboolean big_endian;
} CbiganStillBytes;

/* A number of 1, 2, 4 or 8 bytes at `at`. FALSE where the file ends before. */
gboolean cbigan_still_number(const CbiganStillBytes *b, guint64 at, int bytes, guint64 *number);
/* Whether `length` bytes at `at` lie in the file. */
gboolean cbigan_still_holds(const CbiganStillBytes *b, guint64 at, guint64 length);
/* Sets "cut off: ..." and returns FALSE. */
gboolean cbigan_still_cut(GError **error, guint64 found, guint64 expected);
gboolean cbigan_still_refuse(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);

gboolean cbigan_still_scan_png(const CbiganStillBytes *b, CbiganStill *still, GError **error);
gboolean cbigan_still_scan_jpeg(const CbiganStillBytes *b, CbiganStill *still, GError **error);
gboolean cbigan_still_scan_webp(const CbiganStillBytes *b, CbiganStill *still, GError **error);
gboolean cbigan_still_scan_bmp(const CbiganStillBytes *b, CbiganStill *still, GError **error);
gboolean cbigan_still_scan_pnm(const CbiganStillBytes *b, CbiganStill *still, GError **error);
gboolean cbigan_still_scan_tiff(const CbiganStillBytes *b, CbiganStill *still, GError **error);
gboolean cbigan_still_scan_gif(const CbiganStillBytes *b, CbiganStill *still, GError **error);

/* Makes page `page` the first one of a TIFF file in memory. */
void cbigan_still_choose_page(guint8 *data, const CbiganStill *still, guint page);

/* The orientation in EXIF data, which is a TIFF file of its own: 1 where there is none. */
int cbigan_still_exif_orientation(const guint8 *data, gsize size);

G_END_DECLS
