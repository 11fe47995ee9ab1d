/* export.h - models as ONNX graphs
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include "graph.h"
#include "model/model.h"
#include "score/areas/areas.h"

G_BEGIN_DECLS

/* Adds the layers of a network until `value` is complete. inputs: names of its input values, batches in c, h, w order.
 * parameters: (n_floats). Returns the names of all values (transfer container), NULL where none was computed. */
const char **cbigan_onnx_network(CbiganOnnxGraph *graph, const CbiganNetwork *network, const float *parameters,
                                 const char *const *inputs, int value);

/* From uint8 `frame` (height, width, 3), R, G, B, to float `score` (1) and `map` (height, width) by the model's score
 * (gan_scores.c). width x height: the model's, or any size of at least a patch where the model is native. */
void cbigan_onnx_gan_score(CbiganOnnxGraph *graph, const CbiganModel *model, int width, int height);

/* The same of an inspector that turns no part upright (inspector_score.c). areas: of the model's mask, prepared for
 * that size of at most CBIGAN_ONNX_MASKED pixels; NULL = no mask. width, height: multiples of CBIGAN_INSPECTOR_STEP */
#define CBIGAN_ONNX_MASKED (1 << 24)
void cbigan_onnx_inspector_score(CbiganOnnxGraph *graph, const CbiganModel *model, const CbiganAreas *areas, int width,
                                 int height);

/* The graph's building blocks that the scores share (pictures.c). x, y: names of values. */
typedef struct {
  CbiganOnnxGraph *graph;
  int width, height, side, columns, rows; /* of the frame and its patches */
  const gint64 *across, *down;            /* corners of patches: (columns), (rows) */
} CbiganOnnxFrame;

const char *cbigan_onnx_binary(CbiganOnnxGraph *graph, const char *op, const char *x, const char *y);
const char *cbigan_onnx_scale(CbiganOnnxGraph *graph, const char *x, double factor, double plus);
/* Sum, mean or maximum (ReduceSum, ReduceMean, ReduceMax) over n of the axes, which disappear */
const char *cbigan_onnx_reduce(CbiganOnnxGraph *graph, const char *op, const char *x, int n, const gint64 *axes);
const char *cbigan_onnx_cast(CbiganOnnxGraph *graph, const char *x, CbiganOnnxType type);
/* How many of the n indices (int64, one axis) are 0, 1, … bins - 1: (bins), of 64 bits */
const char *cbigan_onnx_counts(CbiganOnnxGraph *graph, const char *indices, gsize n, int bins);
/* As cbigan_light_quantile() of the counts (256) of bytes. wanted: the share, times the number of bytes */
const char *cbigan_onnx_byte_quantile(CbiganOnnxGraph *graph, const char *counts, double wanted);
/* The n largest of x (one axis) */
const char *cbigan_onnx_top(CbiganOnnxGraph *graph, const char *x, gint64 n);
const char *cbigan_onnx_reshape(CbiganOnnxGraph *graph, const char *x, int n_dims, const gint64 *dims);
/* x (1, c, h, w) blurred by the 2 radius + 1 weights along both axes, borders repeated; c = 1 */
const char *cbigan_onnx_blur(CbiganOnnxGraph *graph, const char *x, int radius, const float *kernel);
/* The same with a Gaussian that is cut off at 3 sigma */
const char *cbigan_onnx_gaussian(CbiganOnnxGraph *graph, const char *x, double sigma);
/* Means of squares of `factor` pixels; and bilinear between such squares' centres, borders repeated */
const char *cbigan_onnx_pool(CbiganOnnxGraph *graph, const char *x, gint64 factor);
const char *cbigan_onnx_enlarge(CbiganOnnxGraph *graph, const char *x, int factor);
/* frame (1, 3, height, width) -> patches (n, 3, side, side) */
const char *cbigan_onnx_patches(const CbiganOnnxFrame *frame, const char *x);
/* patches (n, c, side, side) -> (1, c, height, width): the mean where they overlap */
const char *cbigan_onnx_mosaic_mean(const CbiganOnnxFrame *frame, const char *x, int c);
/* patches (n, 1, side, side) -> (1, 1, height, width): the largest number where they overlap */
const char *cbigan_onnx_mosaic_max(const CbiganOnnxFrame *frame, const char *x);

G_END_DECLS
