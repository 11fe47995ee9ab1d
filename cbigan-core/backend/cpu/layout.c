/* layout.c - between c,h,w order (files, tests) and the cpu's h,w,c
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "context.h"

void
cbigan_cpu_upload(CbiganBackend *self, CbiganShape s, int n, const float *host, float *data)
{
  gsize pixels = (gsize)s.h * s.w;
  for (int i = 0; i < n; i++)
    for (int c = 0; c < s.c; c++)
      for (gsize p = 0; p < pixels; p++)
        data[(i * pixels + p) * s.c + c] = host[((gsize)i * s.c + c) * pixels + p];
}

typedef struct {
  CbiganShape shape;
  const float *from;
  float *to;
} Download;

static void
download_rows(gpointer data, int first, int end) /* of all samples */
{
  const Download *d = data;
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
  Download download = { s, data, host };
  cbigan_backend_each(self, n * s.h, (gsize)n * cbigan_shape_size(s), download_rows, &download);
}
