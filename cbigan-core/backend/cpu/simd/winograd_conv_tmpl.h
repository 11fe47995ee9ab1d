/* winograd_conv_tmpl.h - 3x3 convolutions by Winograd's minimal filtering; part of simd_patches.c
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Lavin & Gray 2015 (arXiv 1509.09308), section 4: with d a tile of inputs two wider than the tile Y of outputs,
 * Y = A^T [(G g G^T) . (B^T d B)] A. G g G^T is made in pack.c. Each step handles several tiles at a time:
 *   V[position][panel of tiles][input, or cell of two][tile of the panel] = B^T d B
 *   M[position][panel][output][tile of the panel] = sum over inputs of U[position] V[position]   (multiply_tmpl.h)
 *   Y = leaky(A^T M A)
 * M lies one position before V: what takes the place of a position's V was made of the next one's, and both fit into
 * the first cache for few channels. `side` and `doubles` are constants wherever a function that takes them is inlined.
 */
#pragma once
#include "multiply_tmpl.h"
#include "winograd_input_tmpl.h"

#define MAX_SIDE 6 /* of a tile of inputs */

/* clang-format off */

/* side / 2 + 2 numbers, the first of them half a pixel before the tile -> the n numbers of the upsampled row */
INLINE void
upsample_tile(const int side, const Vector *x, Vector *out)
{
  UNROLL for (int j = 0; j < side + 2; j++)
    out[j] = j % 2 ? 0.25f * x[j / 2] + 0.75f * x[j / 2 + 1] : 0.75f * x[j / 2] + 0.25f * x[j / 2 + 1];
}

/* The rows of inputs under one tile of outputs. */
typedef struct {
  const float *rows[MAX_SIDE]; /* first channel; rows of zeros outside */
  gsize planes[MAX_SIDE];      /* 0 for rows of zeros */
  gboolean top, bottom, left, right; /* the tile lies at this edge (of its lane) */
  int column;                        /* of x: the second one under the tile; the first may lie outside */
} Window;

static const float zeros[CBIGAN_CPU_MOST_COLUMNS * LANES] __attribute__((aligned(64)));

INLINE Window
window(const int side, const gboolean doubles, const CbiganCpuMap *x, const CbiganCpuMap *y, int tile)
{
  const int step = doubles ? side / 2 : side, n = step + 2, across = y->w / side, down = y->h / side;
  int ty = tile / across, tx = tile % across;
  Window w = { .top = ty == 0, .bottom = ty == down - 1, .left = tx == 0, .right = tx == across - 1,
               .column = tx * step };
  for (int j = 0; j < n; j++) {
    int row = ty * step - 1 + j;
    gboolean outside = row < 0 || row >= x->h;
    if (doubles)
      row = CLAMP(row, 0, x->h - 1);
    w.rows[j] = outside && !doubles ? zeros : cbigan_map_row(x, row);
    w.planes[j] = outside && !doubles ? 0 : x->plane;
  }
  return w;
}

/* Column k of the inputs under the tile, or of half as many where they are to be upsampled: (step + 2 rows) */
INLINE void
read_column(const int step, const gboolean doubles, const CbiganCpuMap *x, const Window *w, gsize offset, const int k,
            Vector *d)
{
  UNROLL for (int j = 0; j < step + 2; j++) {
    const float *row = w->rows[j] + (w->planes[j] ? offset : 0);
    if (k == 0 && w->left)
      d[j] = before(x, row, doubles ? load(row, 0) : (Vector){ 0 });
    else if (k == step + 1 && w->right)
      d[j] = behind(x, row, doubles ? load(row, x->w - 1) : (Vector){ 0 });
    else
      d[j] = load(row, w->column + k - 1);
  }
}

/* B^T d of one tile and channel, one vector of its columns -> down (n rows, columns) */
INLINE void
transform_down(const int side, const gboolean doubles, const CbiganCpuMap *x, const Window *w, int channel, int part,
               Vector *down)
{
  const int n = side + 2, step = doubles ? side / 2 : side, columns = step + 2;
  const gsize offset = (gsize)channel * x->plane + (gsize)(part * VECTOR);
  UNROLL for (int k = 0; k < columns; k++) {
    Vector column[MAX_SIDE], source[MAX_SIDE];
    read_column(step, doubles, x, w, offset, k, source);
    if (doubles) {
      upsample_tile(side, source, column);
      if (w->top)
        column[0] = (Vector){ 0 };
      if (w->bottom)
        column[n - 1] = (Vector){ 0 };
    }
    transform_input(side, doubles ? column : source, 1, down + k, (gsize)columns);
  }
}

/* A row of B^T d -> n numbers of B^T d B, stride apart */
INLINE void
transform_across(const int side, const gboolean doubles, const CbiganCpuMap *x, const Window *w, const Vector *down,
                 Vector *out, gsize stride)
{
  const int n = side + 2;
  Vector row[MAX_SIDE];
  if (doubles) {
    upsample_tile(side, down, row);
    if (w->left)
      row[0] = without_first(x, row[0]);
    if (w->right)
      row[n - 1] = without_last(x, row[n - 1]);
  }
  transform_input(side, doubles ? row : down, 1, out, stride);
}

/* V of one tile and input, or with bf16 of two inputs; one vector of its columns: position p -> out[p * stride] */
INLINE void
transform_window(const int side, const gboolean doubles, const CbiganCpuMap *x, const Window *w, int input, int part,
                 Vector *out, gsize stride)
{
  const int n = side + 2, columns = (doubles ? side / 2 : side) + 2;
  Vector down[MAX_SIDE * MAX_SIDE];
#if BF16
  Vector down2[MAX_SIDE * MAX_SIDE] = { 0 };
  transform_down(side, doubles, x, w, 2 * input, part, down);
  if (2 * input + 1 < x->c)
    transform_down(side, doubles, x, w, 2 * input + 1, part, down2);
  UNROLL for (int j = 0; j < n; j++) {
    Vector first[MAX_SIDE], second[MAX_SIDE];
    transform_across(side, doubles, x, w, down + j * columns, first, 1);
    transform_across(side, doubles, x, w, down2 + j * columns, second, 1);
    UNROLL for (int k = 0; k < n; k++)
      out[(gsize)(j * n + k) * stride] = (Vector)pair(first[k], second[k]);
  }
#else
  transform_down(side, doubles, x, w, input, part, down);
  UNROLL for (int j = 0; j < n; j++)
    transform_across(side, doubles, x, w, down + j * columns, out + (gsize)(j * n) * stride, stride);
#endif
}

/* m: positions of one tile and output, stride apart -> side x side numbers of y */
INLINE void
transform_products(const int side, const Vector *m, gsize stride, float slope, float *out, gsize row_size)
{
  const int n = side + 2;
  Vector down[MAX_SIDE * 4];
  UNROLL for (int k = 0; k < n; k++) {
    Vector column[MAX_SIDE];
    UNROLL for (int j = 0; j < n; j++)
      column[j] = m[(gsize)(j * n + k) * stride];
    transform_output(side, column, down + k, n);
  }
  UNROLL for (int j = 0; j < side; j++) {
    Vector row[4];
    transform_output(side, down + j * n, row, 1);
    UNROLL for (int k = 0; k < side; k++)
      store(out + (gsize)j * row_size, k, leaky(row[k], slope));
  }
}

INLINE Vector
add_product(Vector sum, Vector v, const float *weight)
{
#if BF16
  return add_pairs(sum, (Pairs)v, *(const Cell *)weight);
#else
  return sum + v * *weight;
#endif
}

typedef struct {
  const CbiganCpuWinograd *conv;
  int n_panels;
  gsize stride; /* floats from one position to the next */
  const float *v;
  float *m;
} Products;

/* Positions [from, to), all panels, outputs [first, first + n); outputs (at a time) and panel are constants where
 * inlined. */
INLINE void
multiply_all(const int outputs, const int panel, const Products *p, int from, int to, int first, int n)
{
  const int vectors = panel * PARTS, all = p->conv->outputs;
  int inputs = cbigan_cpu_cells(&KERNELS, p->conv->inputs);
  for (int position = from; position < to; position++)
    for (int k = 0; k < p->n_panels; k++) {
      const float *weights = p->conv->weights + (gsize)position * (gsize)(inputs * all) + (gsize)(first * inputs);
      const Vector *panel_v = (const Vector *)(p->v + (gsize)position * p->stride) + k * inputs * vectors;
      Vector *m = (Vector *)(p->m + (gsize)position * p->stride) + (k * all + first) * vectors;
      for (int done = 0; done < n; done += outputs, m += outputs * vectors) {
        const Vector *v = panel_v;
        Vector sum[8][4 * PARTS];
        UNROLL for (int o = 0; o < outputs; o++)
          UNROLL for (int i = 0; i < vectors; i++)
            sum[o][i] = (Vector){ 0 };
        for (int input = 0; input < inputs; input++, v += vectors, weights += outputs)
          UNROLL for (int o = 0; o < outputs; o++)
            UNROLL for (int i = 0; i < vectors; i++)
              sum[o][i] = add_product(sum[o][i], v[i], weights + o);
        UNROLL for (int o = 0; o < outputs; o++)
          UNROLL for (int i = 0; i < vectors; i++)
            m[o * vectors + i] = sum[o][i];
      }
    }
}

#define ALL(outputs, panel)                                                                                            \
  static void multiply_all_##outputs##_##panel(const Products *p, int from, int to, int first, int n)                  \
  {                                                                                                                    \
    multiply_all(outputs, panel, p, from, to, first, n);                                                               \
  }
#define ALLS(outputs) ALL(outputs, 1) ALL(outputs, 2) ALL(outputs, 4)
ALLS(1) ALLS(2) ALLS(3) ALLS(4) ALLS(6) ALLS(8)
#define ALL_ROW(outputs) { multiply_all_##outputs##_1, multiply_all_##outputs##_2, multiply_all_##outputs##_4 }

    /* clang-format on */

    /* Positions [from, to). Products of a position replace the inputs of the position before it. */
    static void multiply_positions(const Products *p, int panel, int from, int to)
{
  /* [outputs][log2 panel] */
  static void (*const runs[9][3])(const Products *, int, int, int, int) = {
    [1] = ALL_ROW(1), [2] = ALL_ROW(2), [3] = ALL_ROW(3), [4] = ALL_ROW(4), [6] = ALL_ROW(6), [8] = ALL_ROW(8),
  };
  int outputs = p->conv->outputs;
  for (int o = 0, n; o < outputs; o += n) { /* chunks of the same size that follow each other */
    int chunk = cbigan_cpu_chunk(&KERNELS, outputs, outputs - o);
    for (n = chunk; o + n < outputs && cbigan_cpu_chunk(&KERNELS, outputs, outputs - o - n) == chunk;)
      n += chunk;
    if (n < outputs && to - from > 1) { /* all chunks of a position before the next one's */
      for (int position = from; position < to; position++)
        multiply_positions(p, panel, position, position + 1);
      return;
    }
    runs[chunk][panel == 4 ? 2 : panel - 1](p, from, to, o, n);
  }
}

INLINE void
convolve_tiles(const int side, const gboolean doubles, const CbiganCpuWinograd *conv, const CbiganCpuMap *x,
               const CbiganCpuMap *y, int first, int n, float *scratch)
{
  const int positions = (side + 2) * (side + 2);
  int inputs = cbigan_cpu_cells(&KERNELS, conv->inputs);
  int panel = cbigan_cpu_panel(&KERNELS, conv->outputs), at_once = cbigan_cpu_conv3_tiles(&KERNELS, conv);
  while (panel / 2 >= n) /* a narrow map has fewer tiles per row */
    panel /= 2;
  gsize stride = cbigan_cpu_conv3_stride(&KERNELS, conv), row_size = (gsize)y->c * y->plane;
  float *m = scratch, *v = scratch + stride;
  for (int end = first + n; first < end; first += at_once) {
    int tiles = MIN(at_once, end - first);
    for (int i = 0; i < tiles; i += panel) {
      Window w[4];
      int some = MIN(panel, tiles - i);
      float *out = v + (gsize)(i * inputs) * LANES;
      for (int k = 0; k < some; k++)
        w[k] = window(side, doubles, x, y, first + i + k);
      for (int input = 0; input < inputs; input++, out += panel * LANES)
        for (int k = 0; k < some * PARTS; k++)
          transform_window(side, doubles, x, &w[k / PARTS], input, k % PARTS, (Vector *)out + k, stride / VECTOR);
    }
    const Products products = { conv, (tiles + panel - 1) / panel, stride, v, m };
    multiply_positions(&products, panel, 0, positions);
    for (int i = 0; i < tiles; i++) {
      int across = y->w / side, ty = (first + i) / across, tx = (first + i) % across;
      const float *from = m + (i / panel * panel * conv->outputs + i % panel) * LANES;
      float *out = cbigan_map_row(y, ty * side) + tx * side * LANES;
      for (int o = 0; o < conv->outputs; o++, from += panel * LANES, out += y->plane)
        for (int part = 0; part < PARTS; part++)
          transform_products(side, (const Vector *)from + part, stride / VECTOR, conv->slope, out + part * VECTOR,
                             row_size);
    }
  }
}

static void
conv3(const CbiganCpuWinograd *conv, const CbiganCpuMap *x, const CbiganCpuMap *y, int first, int n, float *scratch)
{
  if (conv->side == 4 && conv->doubles)
    convolve_tiles(4, TRUE, conv, x, y, first, n, scratch);
  else if (conv->side == 4)
    convolve_tiles(4, FALSE, conv, x, y, first, n, scratch);
  else if (conv->doubles)
    convolve_tiles(2, TRUE, conv, x, y, first, n, scratch);
  else
    convolve_tiles(2, FALSE, conv, x, y, first, n, scratch);
}
