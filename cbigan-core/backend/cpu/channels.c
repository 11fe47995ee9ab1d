/* channels.c - the table of channels.h for one instruction set
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Compiled with CHANNELS = the table's name, VECTOR = LANES = floats of a vector. With d a tile of inputs, Y of outputs:
 *   forward   V = B^T d B,  M[tile][output] = sum over inputs of V[tile][input] U[input][output],  Y = A^T M A
 *   weights   dU[input][output] = sum over tiles of V[tile][input] (A dY A^T)[tile][output]
 * Data gradients are the forward pass with turned weights. Transformed tiles lie [position][tile][channel].
 */
#include "channels.h"

#include "transform.h"

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

/* A y of side numbers -> n numbers */
INLINE void
spread_output(const int side, const Vector *y, const int stride, Vector *out, const int out_stride)
{
  const Vector y0 = y[0], y1 = y[stride];
  if (side == 2) {
    out[0] = y0;
    out[out_stride] = y0 + y1;
    out[2 * out_stride] = y0 - y1;
    out[3 * out_stride] = -y1;
  } else {
    const Vector y2 = y[2 * stride], y3 = y[3 * stride];
    const Vector even = y0 + y2, odd = y1 + y3, even2 = y0 + 4.0f * y2, odd2 = 2.0f * y1 + 8.0f * y3;
    out[0] = y0;
    out[out_stride] = even + odd;
    out[2 * out_stride] = even - odd;
    out[3 * out_stride] = even2 + odd2;
    out[4 * out_stride] = even2 - odd2;
    out[5 * out_stride] = y3;
  }
}

/* Where tile number `tile` begins in its map: sample, row, column. */
INLINE void
find_tile(const CbiganTiling *t, const int side, int tile, int *sample, int *row, int *column)
{
  int across = t->w / side, down = t->h / side;
  *sample = tile / (across * down);
  *row = tile / across % down * side;
  *column = tile % across * side;
}

/* pixels[j * n + k]: n x n pixels from (row, column) on; those outside are `zeros` */
INLINE void
find_pixels(const CbiganTiling *t, const int n, const float *x, int channels, int sample, int row, int column,
            const float *zeros, const float **pixels)
{
  UNROLL for (int j = 0; j < n; j++)
    UNROLL for (int k = 0; k < n; k++) {
      int y = row + j, at = column + k;
      gboolean inside = y >= 0 && y < t->h && at >= 0 && at < t->w;
      pixels[j * n + k] = inside ? x + (gsize)((sample * t->h + y) * t->w + at) * (gsize)channels : zeros;
    }
}

/* B^T d B of tiles [first, first + n) -> v */
INLINE void
transform_tiles(const CbiganTiling *t, const int side, const float *x, int first, int n, const float *zeros, float *v,
                gsize stride)
{
  const int size = side + 2;
  int channels = t->inputs, padded = cbigan_tiling_padded(channels, VECTOR);
  for (int i = 0; i < n; i++) {
    const float *pixels[36];
    int sample, row, column;
    find_tile(t, side, first + i, &sample, &row, &column);
    find_pixels(t, size, x, channels, sample, row - 1, column - 1, zeros, pixels);
    for (int c = 0; c < channels; c += VECTOR) {
      int at = MIN(c, channels - VECTOR); /* the last vector overlaps the one before */
      Vector down[36];
      UNROLL for (int k = 0; k < size; k++) {
        Vector d[6];
        UNROLL for (int j = 0; j < size; j++)
          d[j] = load_any(pixels[j * size + k] + at);
        transform_input(side, d, 1, down + k, (gsize)size);
      }
      UNROLL for (int j = 0; j < size; j++) {
        Vector across[6];
        transform_input(side, down + j * size, 1, across, 1);
        UNROLL for (int k = 0; k < size; k++)
          store_any(v + (gsize)(j * size + k) * stride + (gsize)(i * padded + at), across[k]);
      }
    }
  }
}

/* A dy A^T of tiles [first, first + n) -> m */
INLINE void
spread_tiles(const CbiganTiling *t, const int side, const float *dy, int first, int n, float *m, gsize stride)
{
  const int size = side + 2;
  int channels = t->outputs, padded = cbigan_tiling_padded(channels, VECTOR);
  for (int i = 0; i < n; i++) {
    const float *pixels[16];
    int sample, row, column;
    find_tile(t, side, first + i, &sample, &row, &column);
    find_pixels(t, side, dy, channels, sample, row, column, NULL, pixels);
    for (int c = 0; c < channels; c += VECTOR) {
      int at = MIN(c, channels - VECTOR);
      Vector down[24];
      UNROLL for (int k = 0; k < side; k++) {
        Vector d[4];
        UNROLL for (int j = 0; j < side; j++)
          d[j] = load_any(pixels[j * side + k] + at);
        spread_output(side, d, 1, down + k, side);
      }
      UNROLL for (int j = 0; j < size; j++) {
        Vector across[6];
        spread_output(side, down + j * side, 1, across, 1);
        UNROLL for (int k = 0; k < size; k++)
          store_any(m + (gsize)(j * size + k) * stride + (gsize)(i * padded + at), across[k]);
      }
    }
    for (int position = 0; position < size * size; position++) /* what fills up the last vector */
      for (int c = channels; c < padded; c++)
        m[(gsize)position * stride + (gsize)(i * padded + c)] = 0.0f;
  }
}

/* Y = A^T M A of tiles [first, first + n) */
INLINE void
finish_tiles(const CbiganTiling *t, const int side, const float *m, gsize stride, float slope, gboolean accumulate,
             int first, int n, float *y)
{
  const int size = side + 2;
  int channels = t->outputs, padded = cbigan_tiling_padded(channels, VECTOR);
  for (int i = 0; i < n; i++) {
    const float *pixels[16];
    int sample, row, column;
    find_tile(t, side, first + i, &sample, &row, &column);
    find_pixels(t, side, y, channels, sample, row, column, NULL, pixels);
    for (int c = 0; c < channels; c += VECTOR) {
      /* what an overlapping vector would add twice is kept from the first time */
      int at = MIN(c, channels - VECTOR), again = c - at;
      Vector down[24];
      UNROLL for (int k = 0; k < size; k++) {
        Vector d[6];
        UNROLL for (int j = 0; j < size; j++)
          d[j] = load_any(m + (gsize)(j * size + k) * stride + (gsize)(i * padded + at));
        transform_output(side, d, down + k, size);
      }
      UNROLL for (int j = 0; j < side; j++) {
        Vector across[4];
        transform_output(side, down + j * size, across, 1);
        UNROLL for (int k = 0; k < side; k++) {
          float *to = (float *)pixels[j * side + k] + at;
          if (!accumulate)
            store_any(to, leaky(across[k], slope));
          else if (!again)
            store_any(to, load_any(to) + across[k]);
          else
            for (int lane = again; lane < VECTOR; lane++)
              to[lane] += across[k][lane];
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
  for (; r + ROWS <= rows; r += ROWS)
    outer_sums(ROWS, vectors, a + (gsize)r * a_row, a_row, a_step, b, b_step, n, accumulate, out + (gsize)r * out_row, out_row);
  for (; r + 2 <= rows; r += 2)
    outer_sums(2, vectors, a + (gsize)r * a_row, a_row, a_step, b, b_step, n, accumulate, out + (gsize)r * out_row, out_row);
  for (; r < rows; r++)
    outer_sums(1, vectors, a + (gsize)r * a_row, a_row, a_step, b, b_step, n, accumulate, out + (gsize)r * out_row, out_row);
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
multiply_tiles(const CbiganTiling *t, const float *weights, const float *v, gsize v_stride, int n, float *m,
               gsize m_stride)
{
  int inputs = t->inputs, in = cbigan_tiling_padded(inputs, VECTOR), out = cbigan_tiling_padded(t->outputs, VECTOR);
  for (int position = 0; position < cbigan_tiling_positions(t); position++, v += v_stride, m += m_stride)
    for (int o = 0, block; o < out; o += block, weights += inputs * block) {
      block = cbigan_tiling_block(out, VECTOR, o);
      rows_of[block / VECTOR](n, v, (gsize)in, 1, weights, (gsize)block, inputs, FALSE, m + o, (gsize)out);
    }
}

/* dU += V^T M for n tiles */
static void
correlate_tiles(const CbiganTiling *t, const float *v, gsize v_stride, const float *m, gsize m_stride, int n,
                float *sums)
{
  int inputs = t->inputs, in = cbigan_tiling_padded(inputs, VECTOR), out = cbigan_tiling_padded(t->outputs, VECTOR);
  for (int position = 0; position < cbigan_tiling_positions(t); position++) {
    for (int o = 0, block; o < out; o += block) {
      block = cbigan_tiling_block(out, VECTOR, o);
      rows_of[block / VECTOR](inputs, v, 1, (gsize)in, m + o, (gsize)out, n, TRUE, sums + o, (gsize)out);
    }
    v += v_stride;
    m += m_stride;
    sums += inputs * out;
  }
}

/* Parts of the scratch memory. */
typedef struct {
  float *v, *m, *zeros;
  gsize v_stride, m_stride;
} Scratch;

static Scratch
divide(const CbiganTiling *t, float *scratch)
{
  Scratch s = { .zeros = scratch,
                .v = scratch + cbigan_tiling_zeros(t),
                .v_stride = cbigan_tiling_stride(t, t->inputs, VECTOR),
                .m_stride = cbigan_tiling_stride(t, t->outputs, VECTOR) };
  s.m = s.v + (gsize)cbigan_tiling_positions(t) * s.v_stride;
  return s;
}

static void
convolve(const CbiganTiling *t, const float *weights, const float *x, float slope, gboolean accumulate, int first,
         int n, float *y, float *scratch)
{
  const Scratch s = divide(t, scratch);
  for (int end = first + n, some; first < end; first += some) {
    some = MIN(cbigan_tiling_chunk(t), end - first);
    if (t->side == 4)
      transform_tiles(t, 4, x, first, some, s.zeros, s.v, s.v_stride);
    else
      transform_tiles(t, 2, x, first, some, s.zeros, s.v, s.v_stride);
    multiply_tiles(t, weights, s.v, s.v_stride, some, s.m, s.m_stride);
    if (t->side == 4)
      finish_tiles(t, 4, s.m, s.m_stride, slope, accumulate, first, some, y);
    else
      finish_tiles(t, 2, s.m, s.m_stride, slope, accumulate, first, some, y);
  }
}

static void
correlate(const CbiganTiling *t, const float *x, const float *dy, int first, int n, float *sums, float *scratch)
{
  const Scratch s = divide(t, scratch);
  for (int end = first + n, some; first < end; first += some) {
    some = MIN(cbigan_tiling_chunk(t), end - first);
    if (t->side == 4) {
      transform_tiles(t, 4, x, first, some, s.zeros, s.v, s.v_stride);
      spread_tiles(t, 4, dy, first, some, s.m, s.m_stride);
    } else {
      transform_tiles(t, 2, x, first, some, s.zeros, s.v, s.v_stride);
      spread_tiles(t, 2, dy, first, some, s.m, s.m_stride);
    }
    correlate_tiles(t, s.v, s.v_stride, s.m, s.m_stride, some, sums);
  }
}

extern const CbiganChannels CHANNELS;
const CbiganChannels CHANNELS = { .vector = VECTOR, .convolve = convolve, .correlate = correlate };
