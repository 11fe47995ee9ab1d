/* conv2d.c - gradients of the convolution: stride 1, zero padding "same"
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gradient/reference/reference.h"

/* One kernel row times a row of dy, moved to where the forward pass read it. */
static void
add_row(int width, int kernel, const float *w /* (kernel) */, const float *dy /* (width) */, double *row /* (width) */)
{
  for (int kx = 0; kx < kernel; kx++) {
    int shift = kx - kernel / 2; /* x = dy's column + shift */
    for (int x = MAX(0, shift); x < MIN(width, width + shift); x++)
      row[x] += (double)w[kx] * dy[x - shift];
  }
}

/* dx[i][y] = sum over o, ky of w[o][i][ky] * dy[o][y - ky + kernel/2] */
void
cbigan_grad_reference_conv2d_data(const CbiganGradReferencePlan *plan, const float *dy, float *dx, gboolean accumulate)
{
  const CbiganLayer *l = plan->base.layer;
  const float *weight = plan->parameters + l->weight; /* (out.c, in.c, kernel, kernel) */
  const int width = l->in.w, height = l->in.h, kernel = l->kernel;
  double row[width];
  for (int n = 0; n < plan->base.batch; n++, dy += cbigan_shape_size(l->out))
    for (int i = 0; i < l->in.c; i++)
      for (int y = 0; y < height; y++, dx += width) {
        for (int x = 0; x < width; x++)
          row[x] = accumulate ? dx[x] : 0.0;
        for (int o = 0; o < l->out.c; o++)
          for (int ky = 0; ky < kernel; ky++) {
            int from = y - ky + kernel / 2;
            if (from >= 0 && from < height)
              add_row(width, kernel, weight + o * l->weight_stride + (gsize)(i * kernel + ky) * kernel,
                      dy + (gsize)(o * height + from) * width, row);
          }
        for (int x = 0; x < width; x++)
          dx[x] = (float)row[x];
      }
}

/* sum over one plane of dy[y][x] * x[y + sy][x + sx] */
static double
correlate(int height, int width, int sy, int sx, const float *x, const float *dy)
{
  double sum = 0.0;
  for (int row = MAX(0, -sy); row < MIN(height, height - sy); row++)
    for (int column = MAX(0, -sx); column < MIN(width, width - sx); column++)
      sum += (double)dy[row * width + column] * x[(row + sy) * width + column + sx];
  return sum;
}

void
cbigan_grad_reference_conv2d_weights(const CbiganGradReferencePlan *plan, const float *x, const float *dy,
                                     float *gradients)
{
  const CbiganLayer *l = plan->base.layer;
  const int kernel = l->kernel, half = l->kernel / 2;
  const gsize plane = (gsize)l->in.h * l->in.w;
  for (int o = 0; o < l->out.c; o++)
    for (int i = 0; i < l->in.c; i++)
      for (int ky = 0; ky < kernel; ky++)
        for (int kx = 0; kx < kernel; kx++) {
          double sum = 0.0;
          for (int n = 0; n < plan->base.batch; n++)
            sum += correlate(l->in.h, l->in.w, ky - half, kx - half, x + ((gsize)n * l->in.c + i) * plane,
                             dy + ((gsize)n * l->out.c + o) * plane);
          float *g = gradients + l->weight + o * l->weight_stride + (gsize)(i * kernel + ky) * kernel + kx;
          *g = (float)(*g + sum);
        }
}
