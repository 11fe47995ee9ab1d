/* layout.c - between c,h,w order (files, tests) and the cpu's h,w,c
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "context.h"

/* Rows of all samples on their way. */
typedef struct {
  CbiganShape shape;
  const float *from;
  float *to;
} Transfer;

static void
upload_rows(gpointer data, int first, int end) /* of all samples */
{
  const Transfer *t = data;
  const CbiganShape s = t->shape;
  for (int row = first; row < end; row++) {
    const float *restrict from = t->from + ((gsize)(row / s.h * s.c * s.h) + (gsize)(row % s.h)) * (gsize)s.w;
    float *restrict to = t->to + (gsize)row * (gsize)(s.w * s.c);
    for (int c = 0; c < s.c; c++, from += s.h * s.w)
      for (int x = 0; x < s.w; x++)
        to[x * s.c + c] = from[x];
  }
}

void
cbigan_cpu_upload(CbiganBackend *self, CbiganShape s, int n, const float *host, float *data)
{
  Transfer upload = { s, host, data };
  cbigan_backend_each(self, n * s.h, (gsize)n * cbigan_shape_size(s), upload_rows, &upload);
}

static void
download_rows(gpointer data, int first, int end) /* of all samples */
{
  const Transfer *d = data;
  CbiganShape s = d->shape;
  for (int row = first; row < end; row++) {
    const float *restrict from = d->from + (gsize)row * (gsize)(s.w * s.c);
    float *restrict to = d->to + ((gsize)(row / s.h * s.c * s.h) + (gsize)(row % s.h)) * (gsize)s.w;
    for (int c = 0; c < s.c; c++, to += s.h * s.w)
      for (int x = 0; x < s.w; x++)
        to[x] = from[x * s.c + c];
  }
}

void
cbigan_cpu_download(CbiganBackend *self, CbiganShape s, int n, const float *data, float *host)
{
  Transfer download = { s, data, host };
  cbigan_backend_each(self, n * s.h, (gsize)n * cbigan_shape_size(s), download_rows, &download);
}
