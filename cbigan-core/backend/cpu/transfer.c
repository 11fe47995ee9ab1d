/* transfer.c - between c,h,w order (files, tests) and the cpu's h,w,c
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "cpu.h"

void
cbigan_cpu_upload(CbiganBackend *self, CbiganShape s, int n, const float *host, float *data)
{
  gsize pixels = (gsize)s.h * s.w;
  for (int i = 0; i < n; i++)
    for (int c = 0; c < s.c; c++)
      for (gsize p = 0; p < pixels; p++)
        data[(i * pixels + p) * s.c + c] = host[((gsize)i * s.c + c) * pixels + p];
}

void
cbigan_cpu_download(CbiganBackend *self, CbiganShape s, int n, const float *data, float *host)
{
  gsize pixels = (gsize)s.h * s.w;
#pragma omp parallel for num_threads(cbigan_cpu_team(self)) if (n * cbigan_shape_size(s) > 65536)
  for (int i = 0; i < n; i++)
    for (int c = 0; c < s.c; c++)
      for (gsize p = 0; p < pixels; p++)
        host[((gsize)i * s.c + c) * pixels + p] = data[(i * pixels + p) * s.c + c];
}
