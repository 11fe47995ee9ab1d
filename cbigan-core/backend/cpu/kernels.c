/* kernels.c - rows of pixels of LANES patches at once, in GCC's vector types
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Compiled once for each instruction set, with KERNELS = the table's name, ISA its name in words, LANES = floats of a
 * vector and SUMS = how many of its registers may hold sums.
 */
#include "kernels.h"

#define MAX_PIXELS 8
#define INLINE static inline __attribute__((always_inline))
#ifdef __clang__
#define UNROLL _Pragma("unroll")
#else
#define UNROLL _Pragma("GCC unroll 8")
#endif

typedef float Vector __attribute__((vector_size(LANES * sizeof(float))));
typedef gint32 Mask __attribute__((vector_size(LANES * sizeof(float))));

INLINE Vector
choose(Mask mask, Vector yes, Vector no)
{
  return (Vector)((mask & (Mask)yes) | (~mask & (Mask)no));
}

/* It takes UNROLL for a statement. */
/* clang-format off */

/* `outputs` x `pixels` sums stay in registers over all inputs; both are constants wherever this is inlined. */
INLINE void
tile(const int outputs, const int pixels, float slope, const CbiganSource *source, int n, gsize offset,
     const float *weights, const float *bias, float *out, gsize plane)
{
  Vector sum[8][MAX_PIXELS];
  UNROLL for (int o = 0; o < outputs; o++)
    UNROLL for (int p = 0; p < pixels; p++)
      sum[o][p] = (Vector){ 0 } + bias[o];
  for (; n > 0; n--, source++) {
    if (!source->data) {
      weights += (gsize)source->channels * source->taps * outputs;
      continue;
    }
    const float *channel = source->data + offset;
    for (int i = 0; i < source->channels; i++, channel += source->plane)
      for (int t = 0; t < source->taps; t++, weights += outputs) {
        const Vector *x = (const Vector *)channel + t;
        UNROLL for (int o = 0; o < outputs; o++)
          UNROLL for (int p = 0; p < pixels; p++)
            sum[o][p] += x[p] * weights[o];
      }
  }
  UNROLL for (int o = 0; o < outputs; o++)
    UNROLL for (int p = 0; p < pixels; p++) {
      Vector below = sum[o][p] * slope;
      ((Vector *)(out + o * plane))[p] = choose(sum[o][p] > below, sum[o][p], below); /* NaN stays NaN */
    }
}

typedef void (*Tile)(float slope, const CbiganSource *sources, int n, gsize offset, const float *weights,
                     const float *bias, float *out, gsize plane);

#define TILE(outputs, pixels)                                                                                          \
  static void tile_##outputs##_##pixels(float slope, const CbiganSource *sources, int n, gsize offset,                 \
                                        const float *weights, const float *bias, float *out, gsize plane)              \
  {                                                                                                                    \
    tile(outputs, pixels, slope, sources, n, offset, weights, bias, out, plane);                                       \
  }
#define TILES(outputs) TILE(outputs, 1) TILE(outputs, 2) TILE(outputs, 4) TILE(outputs, 8)
TILES(1) TILES(2) TILES(3)
TILE(4, 1) TILE(4, 2) TILE(4, 4)
TILE(6, 1) TILE(6, 2) TILE(6, 4)
TILE(8, 1) TILE(8, 2)

/* [outputs][log2 pixels]; a row's last is the most that SUMS <= 24 registers hold */
#define ROW(outputs) { tile_##outputs##_1, tile_##outputs##_2, tile_##outputs##_4, tile_##outputs##_8 }
static const Tile tiles[9][4] = {
  [1] = ROW(1),
  [2] = ROW(2),
  [3] = ROW(3),
  [4] = { tile_4_1, tile_4_2, tile_4_4 },
  [6] = { tile_6_1, tile_6_2, tile_6_4 },
  [8] = { tile_8_1, tile_8_2 },
};
/* clang-format on */

static void
convolve(const CbiganWeights *w, const CbiganSource *sources, int n, int width, float *out, gsize plane)
{
  const float *weights = w->weights;
  gsize inputs = 0;
  for (int s = 0; s < n; s++)
    inputs += (gsize)sources[s].channels * sources[s].taps;
  for (int o = 0, chunk; o < w->outputs; o += chunk, weights += inputs * chunk) {
    chunk = cbigan_cpu_chunk(w->outputs, w->outputs - o, width);
    int log = 0;
    while (log < 3 && 2 << log <= width && chunk * (2 << log) <= SUMS)
      log++;
    Tile run = tiles[chunk][log];
    for (int x = 0; x < width; x += 1 << log)
      run(w->slope, sources, n, (gsize)x * LANES, weights, w->bias + o, out + o * plane + (gsize)x * LANES, plane);
  }
}

static void
upsample(const float *near, const float *far, int channels, int w, float *out)
{
  for (int c = 0; c < channels; c++, near += (w + 2) * LANES, far += (w + 2) * LANES, out += (2 * w + 2) * LANES) {
    const Vector *a = (const Vector *)near + 1, *b = (const Vector *)far + 1;
    Vector *y = (Vector *)out + 1, before = a[0] * 0.75f + b[0] * 0.25f, here = before;
    for (int x = 0; x < w; x++) {
      Vector after = x + 1 < w ? a[x + 1] * 0.75f + b[x + 1] * 0.25f : here;
      y[2 * x] = here * 0.75f + before * 0.25f;
      y[2 * x + 1] = here * 0.75f + after * 0.25f;
      before = here;
      here = after;
    }
  }
}

static void
avgpool(const float *above, const float *below, int channels, int w, float *out)
{
  for (int c = 0; c < channels;
       c++, above += (2 * w + 2) * LANES, below += (2 * w + 2) * LANES, out += (w + 2) * LANES) {
    const Vector *a = (const Vector *)above + 1, *b = (const Vector *)below + 1;
    Vector *y = (Vector *)out + 1;
    for (int x = 0; x < w; x++)
      y[x] = ((a[2 * x] + a[2 * x + 1]) + (b[2 * x] + b[2 * x + 1])) * 0.25f;
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

static void
tanh_row(int channels, int w, float *row)
{
  for (int c = 0; c < channels; c++, row += (w + 2) * LANES)
    for (int x = 1; x <= w; x++)
      ((Vector *)row)[x] = tanh_of(((Vector *)row)[x]);
}

extern const CbiganKernels KERNELS;
const CbiganKernels KERNELS = {
  .name = ISA,
  .lanes = LANES,
  .convolve = convolve,
  .upsample = upsample,
  .avgpool = avgpool,
  .tanh = tanh_row,
};
