/* simd_channels.c - the table of simd_channels.h for one instruction set
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Compiled with CHANNELS = the table's name, VECTOR = LANES = floats of a vector. With d a tile of inputs, Y of
 * outputs: forward   V = B^T d B,  M[tile][output] = sum over inputs of V[tile][input] U[input][output],  Y = A^T M A
 *   weights   dU[input][output] = sum over tiles of V[tile][input] (A dY A^T)[tile][output]
 * Data gradients are the forward pass with turned weights. Transformed tiles lie [position][tile][channel], channels
 * filled up to whole vectors with the numbers that follow. No result that is kept depends on them.
 */
#include "simd_channels.h"

#include <string.h>

#include "vector_tmpl.h"

/* --- sizes, in floats ------------------------------------------------------------------------------------------- */

static inline int
whole_vectors(int channels)
{
  return cbigan_tiling_padded(channels, VECTOR);
}

/* Outputs of the block that begins at `from`: two vectors, or one at the end. */
static inline int
output_block(int padded, int from)
{
  return padded - from >= 2 * VECTOR ? 2 * VECTOR : VECTOR;
}

/* TRUE: channels fill vectors, and the map is large enough. A small map of many channels has fewer numbers than its
 * filters, whose transforms then cost more than they save. */
static gboolean
fits(const CbiganTiling *t)
{
  int fewest = MIN(t->inputs, t->outputs);
  return fewest >= CBIGAN_FILTERING_CHANNELS && VECTOR <= MAX(CBIGAN_FILTERING_CHANNELS, fewest) &&
         cbigan_tiling_count(t) * (t->inputs + t->outputs) > t->inputs * t->outputs;
}

static gsize
weights_size(const CbiganTiling *t) /* and that of the sums */
{
  return (gsize)cbigan_tiling_positions(t) * (gsize)t->inputs * (gsize)whole_vectors(t->outputs);
}

/* Tiles at a time: as many as a second-level cache holds, but enough to make loading the weights worth its time. */
static int
tiles_at_once(const CbiganTiling *t)
{
  int fit = 256 * 1024 / (cbigan_tiling_positions(t) * (t->inputs + t->outputs) * (int)sizeof(float));
  return CLAMP(fit / 6 * 6, 24, 96);
}

/* Floats from one position of transformed tiles to the next. At a power of two, positions would displace each other
 * from the cache. */
static gsize
position_stride(const CbiganTiling *t, int channels)
{
  return (gsize)tiles_at_once(t) * (gsize)whole_vectors(channels) + 16;
}

static gsize
scratch_size(const CbiganTiling *t)
{
  return (gsize)cbigan_tiling_positions(t) * (position_stride(t, t->inputs) + position_stride(t, t->outputs));
}

static int
output_vectors(const CbiganTiling *t)
{
  return whole_vectors(t->outputs) / VECTOR;
}

/* --- transforms and products ------------------------------------------------------------------------------------ */

#include "winograd_filter_tmpl.h"
#include "winograd_input_tmpl.h"

#define ROWS 6 /* tiles, or inputs, whose sums stay in registers */

/* clang-format off */

INLINE Vector
load_any(const float *x)
{
  return *(const Loose *)x;
}

INLINE void
store_any(float *x, Vector v)
{
  *(Loose *)x = v;
}

/* The first lanes only */
INLINE void
store_some(float *x, int lanes, Vector v)
{
  if (lanes == VECTOR)
    store_any(x, v);
  else if (lanes == VECTOR / 2)
    *(Half *)x = *(const Half *)&v;
  else
    for (int lane = 0; lane < lanes; lane++)
      x[lane] = v[lane];
}

/* Likewise; the other lanes are 0. They are not read, since another thread may be writing them. */
INLINE Vector
load_some(const float *x, int lanes)
{
#if VECTOR == 16 && defined(__AVX512F__)
  return (Vector)_mm512_maskz_loadu_ps((__mmask16)((1u << lanes) - 1), x);
#elif VECTOR == 8 && defined(__AVX__)
  return (Vector)_mm256_maskload_ps(x, (__m256i)(lanes > (Mask){ 0, 1, 2, 3, 4, 5, 6, 7 }));
#elif VECTOR == 4 && defined(__AVX__)
  return (Vector)_mm_maskload_ps(x, (__m128i)(lanes > (Mask){ 0, 1, 2, 3 }));
#else
  Vector v = { 0 };
  if (lanes == VECTOR)
    return load_any(x);
  for (int lane = 0; lane < lanes; lane++)
    v[lane] = x[lane];
  return v;
#endif
}

/* A y, y of side numbers -> n numbers */
INLINE void
spread_output(const int side, const Vector *y, Vector *out, const int out_stride)
{
  const Vector y0 = y[0], y1 = y[1];
  if (side == 2) {
    out[0] = y0;
    out[out_stride] = y0 + y1;
    out[2 * out_stride] = y0 - y1;
    out[3 * out_stride] = -y1;
  } else {
    const float a = CBIGAN_POINT_A, b = CBIGAN_POINT_B, a2 = CBIGAN_A2, b2 = CBIGAN_B2;
    const Vector y2 = y[2], y3 = y[3];
    const Vector even = (1 / a) * y0 + a * y2, odd = y1 + a2 * y3, even2 = (1 / b) * y0 + b * y2, odd2 = y1 + b2 * y3;
    out[0] = y0;
    out[out_stride] = even + odd;
    out[2 * out_stride] = even - odd;
    out[3 * out_stride] = even2 + odd2;
    out[4 * out_stride] = even2 - odd2;
    out[5 * out_stride] = y3;
  }
}

/* The pixels of a tile, n x n from (row, column) on. Rows and columns outside the picture are zeros. */
typedef struct {
  const float *rows[6];
  gsize steps[6];       /* floats from one of a row's pixels to the next; 0 for rows of zeros */
  gboolean left, right; /* its first, last column lies outside */
} Pixels;

static const float zeros[16 * CBIGAN_MAX_WIDTH + VECTOR] __attribute__((aligned(64))); /* a pixel */

INLINE Pixels
find_pixels(const CbiganTiling *t, const int side, const int border, const float *x, int channels, int tile)
{
  const int n = side + 2 * border, across = t->w / side, down = t->h / side;
  int sample = tile / (across * down);
  int row = tile / across % down * side - border, column = tile % across * side - border;
  Pixels p = { .left = column < 0, .right = column + n > t->w };
  UNROLL for (int j = 0; j < n; j++) {
    gboolean inside = row + j >= 0 && row + j < t->h;
    p.rows[j] = inside ? x + ((gssize)(sample * t->h + row + j) * t->w + column) * channels : zeros;
    p.steps[j] = inside ? (gsize)channels : 0;
  }
  return p;
}

/* Column k of the pixels, a vector of channels from `at` on */
INLINE void
read_column(const int n, const Pixels *p, const int k, int at, Vector *d)
{
  gboolean outside = (k == 0 && p->left) || (k == n - 1 && p->right);
  UNROLL for (int j = 0; j < n; j++)
    d[j] = outside ? (Vector){ 0 } : load_any(p->rows[j] + (gsize)k * p->steps[j] + at);
}

/* Which transform of a tile: B^T d B of inputs, one pixel larger on each side, or A dY A^T of the outputs' gradients. */
typedef enum { INPUTS, SPREAD } Kind;

/* Tiles [first, first + n) -> out; side, kind: constants */
INLINE void
transform_tiles(const CbiganTiling *t, const int side, const Kind kind, const float *x, int first, int n, float *out,
                gsize stride)
{
  const int size = side + 2, border = kind == INPUTS ? 1 : 0, width = side + 2 * border;
  int channels = kind == INPUTS ? t->inputs : t->outputs, padded = whole_vectors(channels);
  for (int i = 0; i < n; i++) {
    const Pixels p = find_pixels(t, side, border, x, channels, first + i);
    for (int c = 0; c < channels; c += VECTOR) {
      float *to = out + (gsize)(i * padded + c);
      Vector down[36];
      UNROLL for (int k = 0; k < width; k++) {
        Vector d[6];
        read_column(width, &p, k, c, d);
        if (kind == INPUTS)
          transform_input(side, d, 1, down + k, (gsize)width);
        else
          spread_output(side, d, down + k, width);
      }
      UNROLL for (int j = 0; j < size; j++) {
        Vector across[6];
        if (kind == INPUTS)
          transform_input(side, down + j * width, 1, across, 1);
        else
          spread_output(side, down + j * width, across, 1);
        UNROLL for (int k = 0; k < size; k++)
          store_any(to + (gsize)(j * size + k) * stride, across[k]);
      }
    }
  }
}

/* Outputs [from, end), whole vectors but for the last one */
typedef struct {
  int from, end;
} Outputs;

/* Y = A^T M A of tiles [first, first + n) */
INLINE void
finish_tiles(const CbiganTiling *t, const int side, const float *m, gsize stride, float slope, gboolean accumulate,
             int first, int n, Outputs some, float *y)
{
  const int size = side + 2;
  int channels = t->outputs, padded = whole_vectors(channels);
  for (int i = 0; i < n; i++) {
    const Pixels p = find_pixels(t, side, 0, y, channels, first + i);
    for (int c = some.from; c < some.end; c += VECTOR) {
      const float *from = m + (gsize)(i * padded + c);
      int lanes = MIN(VECTOR, channels - c);
      Vector down[24];
      UNROLL for (int k = 0; k < size; k++) {
        Vector d[6];
        UNROLL for (int j = 0; j < size; j++)
          d[j] = load_any(from + (gsize)(j * size + k) * stride);
        transform_output(side, d, down + k, size);
      }
      UNROLL for (int j = 0; j < side; j++) {
        Vector across[4];
        transform_output(side, down + j * size, across, 1);
        UNROLL for (int k = 0; k < side; k++) {
          float *to = (float *)p.rows[j] + (gsize)k * (gsize)channels + c;
          if (accumulate)
            across[k] += load_some(to, lanes);
          store_some(to, lanes, leaky(across[k], slope));
        }
      }
    }
  }
}

/* out[r][...] (+)= sum over i < n of a[r * a_row + i * a_step] b[i * b_step ...]; rows, vectors: constants */
INLINE void
outer_sums(const int rows, const int vectors, const float *a, gsize a_row, gsize a_step, const float *b, gsize b_step,
           int n, gboolean accumulate, float *out, gsize out_row)
{
  Vector sum[ROWS][2];
  UNROLL for (int r = 0; r < rows; r++)
    UNROLL for (int v = 0; v < vectors; v++)
      sum[r][v] = accumulate ? load_any(out + (gsize)r * out_row + v * VECTOR) : (Vector){ 0 };
  for (int i = 0; i < n; i++, a += a_step, b += b_step) {
    Vector x[2];
    UNROLL for (int v = 0; v < vectors; v++)
      x[v] = load_any(b + v * VECTOR);
    UNROLL for (int r = 0; r < rows; r++)
      UNROLL for (int v = 0; v < vectors; v++)
        sum[r][v] += x[v] * a[(gsize)r * a_row];
  }
  UNROLL for (int r = 0; r < rows; r++)
    UNROLL for (int v = 0; v < vectors; v++)
      store_any(out + (gsize)r * out_row + v * VECTOR, sum[r][v]);
}

/* The same for any number of rows. */
INLINE void
all_rows(const int vectors, int rows, const float *a, gsize a_row, gsize a_step, const float *b, gsize b_step, int n,
         gboolean accumulate, float *out, gsize out_row)
{
  int r = 0;
  for (; r + ROWS <= rows; r += ROWS, a += ROWS * a_row, out += ROWS * out_row)
    outer_sums(ROWS, vectors, a, a_row, a_step, b, b_step, n, accumulate, out, out_row);
  for (; r + 4 <= rows; r += 4, a += 4 * a_row, out += 4 * out_row)
    outer_sums(4, vectors, a, a_row, a_step, b, b_step, n, accumulate, out, out_row);
  for (; r + 2 <= rows; r += 2, a += 2 * a_row, out += 2 * out_row)
    outer_sums(2, vectors, a, a_row, a_step, b, b_step, n, accumulate, out, out_row);
  for (; r < rows; r++, a += a_row, out += out_row)
    outer_sums(1, vectors, a, a_row, a_step, b, b_step, n, accumulate, out, out_row);
}
/* clang-format on */

static void
rows_of_two(int rows, const float *a, gsize a_row, gsize a_step, const float *b, gsize b_step, int n,
            gboolean accumulate, float *out, gsize out_row)
{
  all_rows(2, rows, a, a_row, a_step, b, b_step, n, accumulate, out, out_row);
}

static void
rows_of_one(int rows, const float *a, gsize a_row, gsize a_step, const float *b, gsize b_step, int n,
            gboolean accumulate, float *out, gsize out_row)
{
  all_rows(1, rows, a, a_row, a_step, b, b_step, n, accumulate, out, out_row);
}

static void (*const rows_of[])(int, const float *, gsize, gsize, const float *, gsize, int, gboolean, float *,
                               gsize) = { NULL, rows_of_one, rows_of_two };

/* M = V U for n tiles */
static void
multiply_tiles(const CbiganTiling *t, const float *weights, const float *v, gsize v_stride, int n, Outputs some,
               float *m, gsize m_stride)
{
  int inputs = t->inputs, in = whole_vectors(inputs), out = whole_vectors(t->outputs);
  for (int position = 0; position < cbigan_tiling_positions(t); position++) {
    for (int o = some.from, width; o < some.end; o += width) { /* a block, or half of one */
      int begin = o / (2 * VECTOR) * 2 * VECTOR, block = output_block(out, begin);
      width = o == begin && o + VECTOR < some.end ? block : VECTOR;
      rows_of[width / VECTOR](n, v, (gsize)in, 1, weights + begin * inputs + (o - begin), (gsize)block, inputs, FALSE,
                              m + o, (gsize)out);
    }
    weights += inputs * out;
    v += v_stride;
    m += m_stride;
  }
}

/* dU = V^T M for n tiles; more: added to what is there */
static void
correlate_tiles(const CbiganTiling *t, const float *v, gsize v_stride, const float *m, gsize m_stride, int n,
                gboolean more, float *sums)
{
  int inputs = t->inputs, in = whole_vectors(inputs), out = whole_vectors(t->outputs);
  for (int position = 0; position < cbigan_tiling_positions(t); position++) {
    for (int o = 0, block; o < out; o += block) {
      block = output_block(out, o);
      rows_of[block / VECTOR](inputs, v, 1, (gsize)in, m + o, (gsize)out, n, more, sums + o, (gsize)out);
    }
    v += v_stride;
    m += m_stride;
    sums += inputs * out;
  }
}

/* Parts of the scratch memory. */
typedef struct {
  float *v, *m;
  gsize v_stride, m_stride;
} Scratch;

static Scratch
divide(const CbiganTiling *t, float *scratch)
{
  Scratch s = { .v = scratch, .v_stride = position_stride(t, t->inputs), .m_stride = position_stride(t, t->outputs) };
  s.m = s.v + (gsize)cbigan_tiling_positions(t) * s.v_stride;
  return s;
}

static void
convolve_outputs(const CbiganTiling *t, const float *weights, const float *x, float slope, gboolean accumulate,
                 int first, int n, int from, int outputs, float *y, float *scratch)
{
  const Outputs wanted = { from, from + outputs };
  const Scratch s = divide(t, scratch);
  for (int end = first + n, some; first < end; first += some) {
    some = MIN(tiles_at_once(t), end - first);
    if (t->side == 4)
      transform_tiles(t, 4, INPUTS, x, first, some, s.v, s.v_stride);
    else
      transform_tiles(t, 2, INPUTS, x, first, some, s.v, s.v_stride);
    multiply_tiles(t, weights, s.v, s.v_stride, some, wanted, s.m, s.m_stride);
    if (t->side == 4)
      finish_tiles(t, 4, s.m, s.m_stride, slope, accumulate, first, some, wanted, y);
    else
      finish_tiles(t, 2, s.m, s.m_stride, slope, accumulate, first, some, wanted, y);
  }
}

static void
convolve(const CbiganTiling *t, const float *weights, const float *x, float slope, gboolean accumulate, int first,
         int n, float *y, float *scratch)
{
  convolve_outputs(t, weights, x, slope, accumulate, first, n, 0, t->outputs, y, scratch);
}

static void
correlate(const CbiganTiling *t, const float *x, const float *dy, int first, int n, float *sums, float *scratch)
{
  const Scratch s = divide(t, scratch);
  gboolean more = FALSE;
  for (int end = first + n, some; first < end; first += some, more = TRUE) {
    some = MIN(tiles_at_once(t), end - first);
    if (t->side == 4) {
      transform_tiles(t, 4, INPUTS, x, first, some, s.v, s.v_stride);
      transform_tiles(t, 4, SPREAD, dy, first, some, s.m, s.m_stride);
    } else {
      transform_tiles(t, 2, INPUTS, x, first, some, s.v, s.v_stride);
      transform_tiles(t, 2, SPREAD, dy, first, some, s.m, s.m_stride);
    }
    correlate_tiles(t, s.v, s.v_stride, s.m, s.m_stride, some, more, sums);
  }
}

#include "direct_tmpl.h"
#include "conv3x3_planar_tmpl.h"
#include "pixelwise_tmpl.h"
#include "dense_tmpl.h"
#include "peak_tmpl.h"

extern const CbiganCpuChannels CHANNELS;
const CbiganCpuChannels CHANNELS = {
  .vector = VECTOR,
  .filtering = {
    .fits = fits,
    .weights = weights_size,
    .sums = weights_size,
    .scratch = scratch_size,
    .items = cbigan_tiling_count,
    .chunk = tiles_at_once,
    .parts = output_vectors,
    .pack = pack,
    .convolve = convolve,
    .correlate = correlate,
    .unpack = unpack,
  },
  .narrow = {
    .fits = narrow_fits,
    .weights = narrow_weights,
    .sums = narrow_sums_size,
    .scratch = narrow_scratch,
    .items = narrow_items,
    .chunk = narrow_chunk,
    .parts = narrow_parts,
    .pack = narrow_pack,
    .convolve = narrow_convolve,
    .correlate = narrow_correlate,
    .unpack = narrow_unpack,
  },
  .convolve_outputs = convolve_outputs,
  .pixelwise = pixelwise,
  .pixelwise_products = pixelwise_products,
  .direct = run_direct,
  .dense = dense,
  .multiply_add = multiply_add,
};
