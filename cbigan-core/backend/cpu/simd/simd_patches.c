/* simd_patches.c - the table of kernels for one instruction set and number of lanes; see simd_patches.h
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Compiled with KERNELS = the table's name, ISA = the instruction set's name in words, VECTOR = floats of its
 * vectors, LANES = VECTOR or a multiple, SUMS = how many columns of LANES its registers hold as sums, CHUNK = outputs
 * at a time, BF16 = 1 for products of bf16 numbers (else 0).
 */
#include "simd_patches.h"

extern const CbiganCpuKernels KERNELS;

#include "multiply_tmpl.h"
#include "winograd_conv_tmpl.h"

/* clang-format off */

static void
multiply_matrix(const CbiganCpuMatrix *matrix, const CbiganCpuSource *sources, int n_sources, int columns, gboolean accumulate,
                float *out, gsize plane)
{
  int inputs = 0;
  for (int s = 0; s < n_sources; s++)
    inputs += cbigan_cpu_cells(&KERNELS, sources[s].channels);
  Product p = { .weights = matrix->weights, .sources = sources, .n_sources = n_sources, .accumulate = accumulate,
                .slope = matrix->slope, .plane = plane };
  for (int o = 0, chunk; o < matrix->outputs; o += chunk, p.weights += inputs * chunk) {
    chunk = cbigan_cpu_chunk(&KERNELS, matrix->outputs, matrix->outputs - o);
    p.bias = matrix->bias ? matrix->bias + o : NULL;
    p.out = out + (gsize)o * plane;
    multiply_columns(&p, chunk, columns);
  }
}

/* Column `column` of (3 a + b) / 4, a and b being rows; outside the picture, the nearest column's. */
INLINE Vector
between_rows(const CbiganCpuMap *x, const float *a, const float *b, int column)
{
  if (column < 0)
    return 0.75f * before(x, a, load(a, 0)) + 0.25f * before(x, b, load(b, 0));
  if (column == x->w)
    return 0.75f * behind(x, a, load(a, x->w - 1)) + 0.25f * behind(x, b, load(b, x->w - 1));
  return 0.75f * load(a, column) + 0.25f * load(b, column);
}

static void
upsample(const CbiganCpuMap *x, int row, float *out, gsize plane)
{
  int near = row / 2, far = CLAMP(row % 2 ? near + 1 : near - 1, 0, x->h - 1);
  for (int i = 0; i < x->c * PARTS; i++) {
    gsize channel = (gsize)(i / PARTS), at = channel * x->plane + (gsize)(i % PARTS * VECTOR);
    const float *a = cbigan_map_row(x, near) + at, *b = cbigan_map_row(x, far) + at;
    float *y = out + channel * plane + i % PARTS * VECTOR;
    Vector left = between_rows(x, a, b, -1), here = between_rows(x, a, b, 0);
    for (int column = 0; column < x->w; column++) {
      Vector right = between_rows(x, a, b, column + 1);
      store(y, 2 * column, 0.25f * left + 0.75f * here);
      store(y, 2 * column + 1, 0.75f * here + 0.25f * right);
      left = here;
      here = right;
    }
  }
}

static void
avgpool(const float *above, const float *below, gsize plane, int channels, int w, float *out, gsize out_plane)
{
  for (int i = 0; i < channels * PARTS; i++) {
    gsize channel = (gsize)(i / PARTS), part = (gsize)(i % PARTS * VECTOR);
    const float *a = above + channel * plane + part, *b = below + channel * plane + part;
    for (int x = 0; x < w; x++)
      store(out + channel * out_plane + part, x,
            ((load(a, 2 * x) + load(a, 2 * x + 1)) + (load(b, 2 * x) + load(b, 2 * x + 1))) * 0.25f);
  }
}

/* Rational approximation, odd / even, of degree 13 / 6 (as Eigen's): a few units in the last place; +-1 outside. */
INLINE Vector
tanh_of(Vector x)
{
  static const float odd[] = { -2.76076847742355e-16f, 2.00018790482477e-13f, -8.60467152213735e-11f,
                               5.12229709037114e-08f,  1.48572235717979e-05f, 6.37261928875436e-04f,
                               4.89352455891786e-03f };
  static const float even[] = { 1.19825839466702e-06f, 1.18534705686654e-04f, 2.26843463243900e-03f,
                                4.89352518554385e-03f };
  const Vector limit = (Vector){ 0 } + 7.90531110763549805f;
  x = choose(x > limit, limit, x);
  x = choose(x < -limit, -limit, x);
  Vector square = x * x, p = (Vector){ 0 } + odd[0], q = (Vector){ 0 } + even[0];
  UNROLL for (int i = 1; i < 7; i++) p = p * square + odd[i];
  UNROLL for (int i = 1; i < 4; i++) q = q * square + even[i];
  return x * p / q;
}
/* clang-format on */

static void
tanh_row(float *row, gsize plane, int channels, int w)
{
  for (int c = 0; c < channels; c++, row += plane)
    for (int x = 0; x < w * PARTS; x++)
      ((Vector *)row)[x] = tanh_of(((Vector *)row)[x]);
}

/* VECTOR x VECTOR numbers: rows become columns, by log2(VECTOR) perfect shuffles */
INLINE void
transpose_square(Vector *x)
{
  UNROLL for (int size = 1; size < VECTOR; size *= 2)
  {
    Vector y[VECTOR];
    UNROLL for (int i = 0; i < VECTOR / 2; i++)
    {
      y[2 * i] = SHUFFLE(x[i], x[i + VECTOR / 2], LOW);
      y[2 * i + 1] = SHUFFLE(x[i], x[i + VECTOR / 2], HIGH);
    }
    UNROLL for (int i = 0; i < VECTOR; i++) x[i] = y[i];
  }
}

/* clang-format off */
/* VECTOR numbers of the first lanes' samples. Lanes behind them get a sample's numbers once more. */
INLINE void
transpose_vector(float *samples, gsize stride, int lanes, float *const *columns, gsize part, gboolean in)
{
  Vector x[VECTOR];
  UNROLL for (int i = 0; i < VECTOR; i++)
    x[i] = *(const Loose *)(in ? samples + (gsize)MIN(i, lanes - 1) * stride : columns[i] + part);
  transpose_square(x);
  UNROLL for (int i = 0; i < VECTOR; i++)
    if (in || i < lanes)
      *(Loose *)(in ? columns[i] + part : samples + (gsize)i * stride) = x[i];
}
/* clang-format on */

static void
transpose(float *samples, gsize stride, int lanes, float *const *columns, int n, gboolean in)
{
  for (int part = 0; part < lanes; part += VECTOR)
    for (int k = 0, some; k < n; k += some) {
      float *from = samples + (gsize)part * stride + k;
      some = MIN(VECTOR, n - k);
      if (some == VECTOR) {
        transpose_vector(from, stride, lanes - part, columns + k, (gsize)part, in);
        continue;
      }
      for (int i = 0; i < MIN(VECTOR, lanes - part); i++)
        for (int j = 0; j < some; j++) {
          float *one = from + (gsize)i * stride + j, *other = &columns[k + j][part + i];
          *(in ? other : one) = *(in ? one : other);
        }
    }
}

const CbiganCpuKernels KERNELS = {
  .name = ISA,
  .lanes = LANES,
  .segments = SEGMENTS,
  .sums = SUMS,
  .chunk = CHUNK,
  .bf16 = BF16,
  .conv3 = conv3,
  .multiply = multiply_matrix,
  .upsample = upsample,
  .avgpool = avgpool,
  .tanh = tanh_row,
  .transpose = transpose,
};
