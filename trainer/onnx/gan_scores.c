/* gan_scores.c - a CBiGAN's score and map of a frame as an ONNX graph
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * docs/model-format.md has the formulas. onnxruntime sums in another order than cbigan, so scores agree to 1e-4.
 */
#include <math.h>

#include "export.h"
#include "score/gan/baseline.h"
#include "score/gan/score.h"
#include "score/gan/tiling.h"
#include "score/gan/weights.h"

typedef struct {
  CbiganOnnxGraph *graph;
  const CbiganModel *model;
  CbiganOnnxFrame frame;
  const char *x;           /* patches (n, 3, side, side) in the score's light */
  const char *z, *r;       /* E(x), G(E(x)) */
  const char *score, *map; /* (1), (1, 1, height, width) */
} Export;

/* --- light ------------------------------------------------------------------------------------------------------ */

/* As cbigan_light_compensation(): x in the light of the training pictures */
static const char *
compensate(CbiganOnnxGraph *graph, const CbiganModelInfo *info, const char *bytes, gint64 n, const char *x)
{
  const char *index =
      cbigan_onnx_cast(graph, cbigan_onnx_reshape(graph, bytes, 1, (gint64[]){ -1 }), CBIGAN_ONNX_INT64);
  const char *counts = cbigan_onnx_counts(graph, index, (gsize)n, 256);
  const char *low = cbigan_onnx_byte_quantile(graph, counts, CBIGAN_LIGHT_LOW * (double)n);
  const char *median = cbigan_onnx_byte_quantile(graph, counts, CBIGAN_LIGHT_MEDIAN * (double)n);
  const char *contrast =
      cbigan_onnx_binary(graph, "Max", cbigan_onnx_binary(graph, "Sub", median, low), cbigan_onnx_float(graph, 1e-6));
  const char *gain =
      cbigan_onnx_binary(graph, "Div", cbigan_onnx_float(graph, info->light_median - info->light_low), contrast);
  gain = cbigan_onnx_node(
      graph, "Clip", CBIGAN_ONNX_IN(gain, cbigan_onnx_float(graph, 3.0 / 4.0), cbigan_onnx_float(graph, 4.0 / 3.0)),
      NULL);
  const char *shift = cbigan_onnx_binary(graph, "Sub", cbigan_onnx_float(graph, info->light_median),
                                         cbigan_onnx_binary(graph, "Mul", gain, median));
  return cbigan_onnx_binary(graph, "Add", cbigan_onnx_binary(graph, "Mul", x, gain), shift);
}

/* --- networks --------------------------------------------------------------------------------------------------- */

/* f_D of an image; latent: E(x), read by the hidden tap only */
static const char *
tap(const Export *e, const char *image)
{
  const CbiganModel *model = e->model;
  const CbiganNetwork *d = model->networks[CBIGAN_DISCRIMINATOR];
  if (model->info.tap == CBIGAN_TAP_FIRST) {
    g_autoptr(CbiganNetwork) first = cbigan_network_new_first_tap(model->info.width, model->info.patch);
    g_autofree const char **names = cbigan_onnx_network(e->graph, first, model->parameters[CBIGAN_DISCRIMINATOR],
                                                        CBIGAN_ONNX_IN(image), first->output);
    return names[first->output];
  }
  const int hidden = cbigan_network_find_value(d, "discriminator.hidden");
  g_autofree const char **names =
      cbigan_onnx_network(e->graph, d, model->parameters[CBIGAN_DISCRIMINATOR], CBIGAN_ONNX_IN(image, e->z), hidden);
  return names[hidden];
}

static const char *
run(const Export *e, CbiganNetworkKind kind, const char *input)
{
  const CbiganNetwork *network = e->model->networks[kind];
  g_autofree const char **names =
      cbigan_onnx_network(e->graph, network, e->model->parameters[kind], CBIGAN_ONNX_IN(input), network->output);
  return names[network->output];
}

static void
reconstruct(Export *e)
{
  e->z = run(e, CBIGAN_ENCODER, e->x);
  e->r = run(e, CBIGAN_GENERATOR, e->z);
}

/* --- paper ------------------------------------------------------------------------------------------------------ */

static const char *
sum_of_differences(CbiganOnnxGraph *graph, const char *x, const char *y, int n_axes)
{
  const char *difference = cbigan_onnx_node(graph, "Abs", CBIGAN_ONNX_IN(cbigan_onnx_binary(graph, "Sub", x, y)), NULL);
  return cbigan_onnx_reduce(graph, "ReduceSum", difference, n_axes, (gint64[]){ 1, 2, 3 });
}

/* Sum of absolute values over channels: (1, 3, height, width) -> (1, 1, height, width) */
static const char *
sum_channels(const Export *e, const char *x)
{
  x = cbigan_onnx_node(e->graph, "Abs", CBIGAN_ONNX_IN(x), NULL);
  x = cbigan_onnx_reduce(e->graph, "ReduceSum", x, 1, (gint64[]){ 1 });
  return cbigan_onnx_reshape(e->graph, x, 4, (gint64[]){ 1, 1, e->frame.height, e->frame.width });
}

static const char *
difference_of_frame(const Export *e)
{
  return cbigan_onnx_mosaic_mean(&e->frame, cbigan_onnx_binary(e->graph, "Sub", e->x, e->r), 3);
}

static void
add_paper(Export *e) /* Eq. 7, 9, 11 */
{
  const CbiganModelInfo *info = &e->model->info;
  const CbiganMapFilter filter = cbigan_error_map_filter(info->patch);
  reconstruct(e);
  const char *l_r = sum_of_differences(e->graph, e->x, e->r, 3);
  const char *l_fd = sum_of_differences(e->graph, tap(e, e->x), tap(e, e->r), info->tap == CBIGAN_TAP_FIRST ? 3 : 1);
  const char *a = cbigan_onnx_binary(e->graph, "Add", cbigan_onnx_scale(e->graph, l_r, 1.0 - info->lambda, 0.0),
                                     cbigan_onnx_scale(e->graph, l_fd, info->lambda, 0.0));
  e->score = cbigan_onnx_reduce(e->graph, "ReduceMax", a, 1, (gint64[]){ 0 });
  e->map = cbigan_onnx_blur(e->graph, sum_channels(e, difference_of_frame(e)), filter.blur, filter.kernel);
  e->map = cbigan_onnx_scale(e->graph, e->map, (1.0 - info->lambda) * info->patch * info->patch, 0.0);
}

/* --- calibrated ------------------------------------------------------------------------------------------------- */

static void
add_calibrated(Export *e)
{
  const CbiganMapStatistics *good = &e->model->map;
  const CbiganMapFilter filter = cbigan_local_map_filter(e->model->info.patch);
  const gint64 r = filter.high_pass, dims[] = { 1, 1, good->h, good->w };
  const gsize n = (gsize)good->w * (gsize)good->h;
  g_autofree float *divisor = g_memdup2(good->deviation, n * sizeof *divisor);
  for (gsize i = 0; i < n; i++)
    divisor[i] += (float)cbigan_map_floor(good);
  reconstruct(e);
  const char *d = difference_of_frame(e);
  const char *mean = cbigan_onnx_node(e->graph, "AveragePool", CBIGAN_ONNX_IN(d),
                                      CBIGAN_ONNX_WITH(CBIGAN_ONNX_INTS("kernel_shape", 2, 2 * r + 1, 2 * r + 1),
                                                       CBIGAN_ONNX_INTS("pads", 4, r, r, r, r),
                                                       CBIGAN_ONNX_INT("count_include_pad", 0)));
  const char *map = sum_channels(e, cbigan_onnx_binary(e->graph, "Sub", d, mean));
  map = cbigan_onnx_blur(e->graph, map, filter.blur, filter.kernel);
  map = cbigan_onnx_binary(e->graph, "Sub", map, cbigan_onnx_floats(e->graph, 4, dims, good->mean));
  map = cbigan_onnx_binary(e->graph, "Div", map, cbigan_onnx_floats(e->graph, 4, dims, divisor));
  e->map = cbigan_onnx_node(e->graph, "Relu", CBIGAN_ONNX_IN(map), NULL);
  e->score = cbigan_onnx_reduce(e->graph, "ReduceMax", e->map, 4, (gint64[]){ 0, 1, 2, 3 });
}

/* --- critic ----------------------------------------------------------------------------------------------------- */

/* matrix (rows, columns) * x * its transpose, for x (…, columns, columns) */
static const char *
both_axes(CbiganOnnxGraph *graph, int rows, int columns, const float *matrix, const char *x)
{
  g_autofree float *turned = g_new(float, rows *columns);
  for (int i = 0; i < rows; i++)
    for (int k = 0; k < columns; k++)
      turned[k * rows + i] = matrix[i * columns + k];
  const char *left = cbigan_onnx_floats(graph, 2, (gint64[]){ rows, columns }, matrix);
  const char *right = cbigan_onnx_floats(graph, 2, (gint64[]){ columns, rows }, turned);
  return cbigan_onnx_binary(graph, "MatMul", cbigan_onnx_binary(graph, "MatMul", left, x), right);
}

static const char *
to_grid(CbiganOnnxGraph *graph, const char *x, int from, int grid)
{
  CbiganResampler r;
  g_autofree float *matrix = g_new0(float, grid *from);
  cbigan_resampler_init(&r, from, grid);
  for (int i = 0; i < grid; i++)
    for (int k = 0; k < r.taps; k++)
      matrix[i * from + r.first[i] + k] = r.weight[i * r.taps + k];
  cbigan_resampler_clear(&r);
  return both_axes(graph, grid, from, matrix, x);
}

/* Features of the chosen blocks: (patches, grid * grid, channels) */
static const char *
critic_features(const Export *e)
{
  const CbiganModelInfo *info = &e->model->info;
  const CbiganNetwork *d = e->model->networks[CBIGAN_DISCRIMINATOR];
  const int grid = info->critic_grid, last = g_bit_nth_msf(info->critic_blocks, -1);
  g_autofree const char **names = cbigan_onnx_network(e->graph, d, e->model->parameters[CBIGAN_DISCRIMINATOR],
                                                      CBIGAN_ONNX_IN(e->x, NULL), cbigan_network_block_output(d, last));
  const char *parts[CBIGAN_MAX_FEATURES + 1] = { NULL };
  int n = 0;
  for (int block = 0; block <= last; block++)
    if (info->critic_blocks & 1u << block) {
      const int value = cbigan_network_block_output(d, block);
      parts[n++] = to_grid(e->graph, names[value], d->values[value].shape.w, grid);
    }
  const char *x = cbigan_onnx_node(e->graph, "Concat", parts, CBIGAN_ONNX_WITH(CBIGAN_ONNX_INT("axis", 1)));
  x = cbigan_onnx_node(e->graph, "Transpose", CBIGAN_ONNX_IN(x),
                       CBIGAN_ONNX_WITH(CBIGAN_ONNX_INTS("perm", 4, 0, 2, 3, 1)));
  return cbigan_onnx_reshape(e->graph, x, 3, (gint64[]){ -1, (gint64)grid * grid, e->model->critic.channels });
}

static void
add_critic(Export *e)
{
  const CbiganCriticStatistics *good = &e->model->critic;
  const int grid = e->model->info.critic_grid, side = e->model->info.patch;
  const gint64 c = good->channels, positions = good->positions;
  const char *mean = cbigan_onnx_floats(e->graph, 2, (gint64[]){ positions, c }, good->mean);
  const char *whitening = cbigan_onnx_floats(e->graph, 3, (gint64[]){ positions, c, c }, good->whitening);
  const char *x = cbigan_onnx_binary(e->graph, "Sub", critic_features(e), mean);
  x = cbigan_onnx_reshape(e->graph, x, 4, (gint64[]){ -1, (gint64)grid * grid, c, 1 });
  x = cbigan_onnx_binary(e->graph, "MatMul", whitening, x);
  x = cbigan_onnx_reduce(e->graph, "ReduceSum", cbigan_onnx_binary(e->graph, "Mul", x, x), 2, (gint64[]){ 2, 3 });
  x = cbigan_onnx_node(e->graph, "Sqrt", CBIGAN_ONNX_IN(x), NULL);
  e->score = cbigan_onnx_reduce(e->graph, "ReduceMax", x, 2, (gint64[]){ 0, 1 });
  g_autofree float *matrix = g_new0(float, side *grid);
  for (int pixel = 0; pixel < side; pixel++) {
    int before;
    float part;
    cbigan_critic_knots(pixel, side, grid, &before, &part);
    matrix[pixel * grid + before] += 1.0f - part;
    matrix[pixel * grid + MIN(before + 1, grid - 1)] += part;
  }
  x = cbigan_onnx_reshape(e->graph, x, 4, (gint64[]){ -1, 1, grid, grid });
  e->map = cbigan_onnx_mosaic_max(&e->frame, both_axes(e->graph, side, grid, matrix, x));
}

/* --- the whole -------------------------------------------------------------------------------------------------- */

void
cbigan_onnx_gan_score(CbiganOnnxGraph *graph, const CbiganModel *model, int width, int height)
{
  const CbiganModelInfo *info = &model->info;
  const int side = info->patch, columns = (width + side - 1) / side, rows = (height + side - 1) / side;
  g_autofree float *corners = g_new(float, columns + rows);
  g_autofree gint64 *whole = g_new(gint64, columns + rows);
  const CbiganFrameTiling tiling = { .width = width, .height = height, .side = side, .columns = columns, .rows = rows };
  Export e = { .graph = graph,
               .model = model,
               .frame = { graph, width, height, side, columns, rows, whole, whole + columns } };
  cbigan_tiling_corners(&tiling, corners);
  for (int i = 0; i < columns + rows; i++)
    whole[i] = (gint64)corners[i];
  const char *bytes = cbigan_onnx_input(graph, "frame", CBIGAN_ONNX_UINT8, 3, (gint64[]){ height, width, 3 });
  const char *x =
      cbigan_onnx_node(graph, "Transpose", CBIGAN_ONNX_IN(cbigan_onnx_cast(graph, bytes, CBIGAN_ONNX_FLOAT)),
                       CBIGAN_ONNX_WITH(CBIGAN_ONNX_INTS("perm", 3, 2, 0, 1)));
  x = cbigan_onnx_scale(graph, x, 1.0 / 127.5, -1.0);
  if (cbigan_score_rows[info->score].view == CBIGAN_VIEW_LIGHT && !isnan(info->light_median))
    x = compensate(graph, info, bytes, (gint64)3 * width * height, x);
  e.x = cbigan_onnx_patches(&e.frame, cbigan_onnx_reshape(graph, x, 4, (gint64[]){ 1, 3, height, width }));
  static void (*const add[])(Export *) = {
    [CBIGAN_SCORE_PAPER] = add_paper, [CBIGAN_SCORE_CALIBRATED] = add_calibrated, [CBIGAN_SCORE_CRITIC] = add_critic
  };
  add[info->score](&e);
  cbigan_onnx_output(graph, cbigan_onnx_reshape(graph, e.score, 1, (gint64[]){ 1 }), "score", 1, (gint64[]){ 1 });
  cbigan_onnx_output(graph, cbigan_onnx_reshape(graph, e.map, 2, (gint64[]){ height, width }), "map", 2,
                     (gint64[]){ height, width });
}
