/* pictures.c - frames, patches and filters as nodes of an ONNX graph
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <math.h>

#include "export.h"

const char *
cbigan_onnx_binary(CbiganOnnxGraph *graph, const char *op, const char *x, const char *y)
{
  return cbigan_onnx_node(graph, op, CBIGAN_ONNX_IN(x, y), NULL);
}

const char *
cbigan_onnx_scale(CbiganOnnxGraph *graph, const char *x, double factor, double plus)
{
  const char *y = factor == 1.0 ? x : cbigan_onnx_binary(graph, "Mul", x, cbigan_onnx_float(graph, factor));
  return plus == 0.0 ? y : cbigan_onnx_binary(graph, "Add", y, cbigan_onnx_float(graph, plus));
}

const char *
cbigan_onnx_reduce(CbiganOnnxGraph *graph, const char *op, const char *x, int n, const gint64 *axes)
{
  CbiganOnnxAttribute attributes[] = { CBIGAN_ONNX_INT("keepdims", 0), { .name = "axes", .n_ints = n }, { NULL } };
  for (int i = 0; i < n; i++)
    attributes[1].ints[i] = axes[i];
  if (!g_str_equal(op, "ReduceSum")) /* in opset 17 the axes of sums are an input, those of the others an attribute */
    return cbigan_onnx_node(graph, op, CBIGAN_ONNX_IN(x), attributes);
  attributes[1] = (CbiganOnnxAttribute){ NULL };
  return cbigan_onnx_node(graph, op, CBIGAN_ONNX_IN(x, cbigan_onnx_ints(graph, n, axes)), attributes);
}

const char *
cbigan_onnx_cast(CbiganOnnxGraph *graph, const char *x, CbiganOnnxType type)
{
  return cbigan_onnx_node(graph, "Cast", CBIGAN_ONNX_IN(x), CBIGAN_ONNX_WITH(CBIGAN_ONNX_INT("to", type)));
}

/* 64 bits count the bytes of a large frame exactly. */
const char *
cbigan_onnx_counts(CbiganOnnxGraph *graph, const char *indices, gsize n, int bins)
{
  const char *zeros = cbigan_onnx_binary(graph, "Expand", cbigan_onnx_double(graph, 0.0),
                                         cbigan_onnx_ints(graph, 1, (gint64[]){ bins }));
  const char *ones = cbigan_onnx_binary(graph, "Expand", cbigan_onnx_double(graph, 1.0),
                                        cbigan_onnx_ints(graph, 1, (gint64[]){ (gint64)n }));
  return cbigan_onnx_node(graph, "ScatterElements", CBIGAN_ONNX_IN(zeros, indices, ones),
                          CBIGAN_ONNX_WITH(CBIGAN_ONNX_INT("axis", 0), CBIGAN_ONNX_TEXT("reduction", "add")));
}

const char *
cbigan_onnx_byte_quantile(CbiganOnnxGraph *graph, const char *counts, double wanted)
{
  const char *axis = cbigan_onnx_ints(graph, 1, (gint64[]){ 0 });
  const char *sums = cbigan_onnx_binary(graph, "CumSum", counts, axis);
  const char *at = cbigan_onnx_double(graph, wanted);
  const char *below = cbigan_onnx_cast(graph, cbigan_onnx_binary(graph, "LessOrEqual", sums, at), CBIGAN_ONNX_INT64);
  const char *v = cbigan_onnx_binary(graph, "Min", cbigan_onnx_reduce(graph, "ReduceSum", below, 1, (gint64[]){ 0 }),
                                     cbigan_onnx_ints(graph, 1, (gint64[]){ 255 }));
  const char *here = cbigan_onnx_binary(graph, "Gather", counts, v),
             *sum = cbigan_onnx_binary(graph, "Gather", sums, v);
  const char *before = cbigan_onnx_binary(graph, "Sub", sum, here);
  const char *part = cbigan_onnx_binary(graph, "Div", cbigan_onnx_binary(graph, "Sub", at, before),
                                        cbigan_onnx_binary(graph, "Max", here, cbigan_onnx_double(graph, 1.0)));
  const char *value = cbigan_onnx_binary(graph, "Add", cbigan_onnx_cast(graph, v, CBIGAN_ONNX_DOUBLE), part);
  value = cbigan_onnx_cast(graph, cbigan_onnx_binary(graph, "Sub", value, cbigan_onnx_double(graph, 0.5)),
                           CBIGAN_ONNX_FLOAT);
  value = cbigan_onnx_node(graph, "Clip",
                           CBIGAN_ONNX_IN(value, cbigan_onnx_float(graph, 0.0), cbigan_onnx_float(graph, 255.0)), NULL);
  return cbigan_onnx_scale(graph, value, 1.0 / 127.5, -1.0);
}

const char *
cbigan_onnx_top(CbiganOnnxGraph *graph, const char *x, gint64 n)
{
  return cbigan_onnx_binary(graph, "TopK", x, cbigan_onnx_ints(graph, 1, &n));
}

const char *
cbigan_onnx_reshape(CbiganOnnxGraph *graph, const char *x, int n_dims, const gint64 *dims)
{
  return cbigan_onnx_binary(graph, "Reshape", x, cbigan_onnx_ints(graph, n_dims, dims));
}

const char *
cbigan_onnx_blur(CbiganOnnxGraph *graph, const char *x, int radius, const float *kernel)
{
  const char *pads = cbigan_onnx_ints(graph, 8, (gint64[]){ 0, 0, radius, radius, 0, 0, radius, radius });
  const char *down = cbigan_onnx_floats(graph, 4, (gint64[]){ 1, 1, 2 * radius + 1, 1 }, kernel);
  const char *along = cbigan_onnx_floats(graph, 4, (gint64[]){ 1, 1, 1, 2 * radius + 1 }, kernel);
  const char *y =
      cbigan_onnx_node(graph, "Pad", CBIGAN_ONNX_IN(x, pads), CBIGAN_ONNX_WITH(CBIGAN_ONNX_TEXT("mode", "edge")));
  return cbigan_onnx_binary(graph, "Conv", cbigan_onnx_binary(graph, "Conv", y, down), along);
}

const char *
cbigan_onnx_gaussian(CbiganOnnxGraph *graph, const char *x, double sigma)
{
  const int radius = (int)ceil(3.0 * sigma);
  g_autofree float *kernel = g_new(float, 2 * radius + 1);
  double sum = 0.0;
  for (int k = -radius; k <= radius; k++)
    sum += exp(-0.5 * k * k / (sigma * sigma));
  for (int k = -radius; k <= radius; k++)
    kernel[k + radius] = (float)(exp(-0.5 * k * k / (sigma * sigma)) / sum);
  return cbigan_onnx_blur(graph, x, radius, kernel);
}

const char *
cbigan_onnx_pool(CbiganOnnxGraph *graph, const char *x, gint64 factor)
{
  return cbigan_onnx_node(graph, "AveragePool", CBIGAN_ONNX_IN(x),
                          CBIGAN_ONNX_WITH(CBIGAN_ONNX_INTS("kernel_shape", 2, factor, factor),
                                           CBIGAN_ONNX_INTS("strides", 2, factor, factor)));
}

const char *
cbigan_onnx_enlarge(CbiganOnnxGraph *graph, const char *x, int factor)
{
  const float by = (float)factor;
  const char *scales = cbigan_onnx_floats(graph, 1, (gint64[]){ 4 }, (float[]){ 1, 1, by, by });
  return cbigan_onnx_node(graph, "Resize", CBIGAN_ONNX_IN(x, "", scales),
                          CBIGAN_ONNX_WITH(CBIGAN_ONNX_TEXT("mode", "linear"),
                                           CBIGAN_ONNX_TEXT("coordinate_transformation_mode", "half_pixel")));
}

static const char *
gather(CbiganOnnxGraph *graph, const char *x, int axis, int n, const gint64 *indices)
{
  return cbigan_onnx_node(graph, "Gather", CBIGAN_ONNX_IN(x, cbigan_onnx_ints(graph, n, indices)),
                          CBIGAN_ONNX_WITH(CBIGAN_ONNX_INT("axis", axis)));
}

static const char *
gather_patches(CbiganOnnxGraph *graph, const char *x, int axis, const gint64 *corners, int n, int side)
{
  g_autofree gint64 *lines = g_new(gint64, n * side);
  for (int i = 0; i < n * side; i++)
    lines[i] = corners[i / side] + i % side;
  return gather(graph, x, axis, n * side, lines);
}

const char *
cbigan_onnx_patches(const CbiganOnnxFrame *f, const char *x)
{
  CbiganOnnxGraph *graph = f->graph;
  x = gather_patches(graph, x, 2, f->down, f->rows, f->side);
  x = gather_patches(graph, x, 3, f->across, f->columns, f->side);
  x = cbigan_onnx_reshape(graph, x, 5, (gint64[]){ 3, f->rows, f->side, f->columns, f->side });
  x = cbigan_onnx_node(graph, "Transpose", CBIGAN_ONNX_IN(x),
                       CBIGAN_ONNX_WITH(CBIGAN_ONNX_INTS("perm", 5, 1, 3, 0, 2, 4)));
  return cbigan_onnx_reshape(graph, x, 4, (gint64[]){ (gint64)f->rows * f->columns, 3, f->side, f->side });
}

/* patches (n, c, side, side) side by side: (1, c, rows * side, columns * side) */
static const char *
lay_out(const CbiganOnnxFrame *f, const char *x, int c)
{
  CbiganOnnxGraph *graph = f->graph;
  x = cbigan_onnx_reshape(graph, x, 5, (gint64[]){ f->rows, f->columns, c, f->side, f->side });
  x = cbigan_onnx_node(graph, "Transpose", CBIGAN_ONNX_IN(x),
                       CBIGAN_ONNX_WITH(CBIGAN_ONNX_INTS("perm", 5, 2, 0, 3, 1, 4)));
  return cbigan_onnx_reshape(graph, x, 4, (gint64[]){ 1, c, (gint64)f->rows * f->side, (gint64)f->columns * f->side });
}

/* Matrix (length, n * side) that takes the mean of the patches that cover a pixel, transposed on request */
static const char *
mean_matrix(CbiganOnnxGraph *graph, int length, const gint64 *corners, int n, int side, gboolean transposed)
{
  const gsize lines = (gsize)n * (gsize)side;
  g_autofree float *matrix = g_new0(float, (gsize)length *lines);
  for (int pixel = 0; pixel < length; pixel++) {
    int covering = 0;
    for (int i = 0; i < n; i++)
      covering += pixel >= corners[i] && pixel < corners[i] + side;
    for (int i = 0; i < n; i++)
      if (pixel >= corners[i] && pixel < corners[i] + side) {
        gsize line = (gsize)(i * side + pixel - (int)corners[i]);
        matrix[transposed ? line * (gsize)length + (gsize)pixel : (gsize)pixel * lines + line] = 1.0f / (float)covering;
      }
  }
  return cbigan_onnx_floats(
      graph, 2, transposed ? (gint64[]){ (gint64)lines, length } : (gint64[]){ length, (gint64)lines }, matrix);
}

const char *
cbigan_onnx_mosaic_mean(const CbiganOnnxFrame *f, const char *x, int c)
{
  const char *down = mean_matrix(f->graph, f->height, f->down, f->rows, f->side, FALSE);
  const char *across = mean_matrix(f->graph, f->width, f->across, f->columns, f->side, TRUE);
  x = cbigan_onnx_binary(f->graph, "MatMul", down, lay_out(f, x, c));
  return cbigan_onnx_binary(f->graph, "MatMul", x, across);
}

/* The larger number of the two patches at most that cover a line of pixels: patches lie more than half a side apart
 * where there are more than two of them. */
static const char *
larger_of_two(CbiganOnnxGraph *graph, const char *x, int axis, int length, const gint64 *corners, int n, int side)
{
  g_autofree gint64 *first = g_new(gint64, length), *last = g_new(gint64, length);
  for (int pixel = 0; pixel < length; pixel++)
    for (int i = n - 1, found = 0; i >= 0; i--)
      if (pixel >= corners[i] && pixel < corners[i] + side) {
        first[pixel] = i * side + pixel - corners[i];
        last[pixel] = found++ ? last[pixel] : first[pixel];
      }
  return cbigan_onnx_binary(graph, "Max", gather(graph, x, axis, length, first), gather(graph, x, axis, length, last));
}

const char *
cbigan_onnx_mosaic_max(const CbiganOnnxFrame *f, const char *x)
{
  x = lay_out(f, x, 1);
  x = larger_of_two(f->graph, x, 2, f->height, f->down, f->rows, f->side);
  return larger_of_two(f->graph, x, 3, f->width, f->across, f->columns, f->side);
}
