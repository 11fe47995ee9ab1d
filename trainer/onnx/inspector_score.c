/* inspector_score.c - an inspector's score and map of a frame as an ONNX graph
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The same steps as score/inspector/inspection.c, inspector_maps.c and cells.c.
 */
#include "inspector_score.h"

#include <math.h>

#include "score/inspector/cells.h"

#define FAR 1e18 /* in each channel of a sample that is not there; its square is finite */

typedef struct {
  CbiganOnnxGraph *graph;
  const CbiganInspector *inspector;
  const char *counts, *least; /* (1, 1, rows, columns): 1 and 0 where a cell counts, else 0 and the least number; NULL =
                               * all cells count */
  int columns, rows;          /* cells */
  const char *planes;         /* (1, planes, h, w) */
  const char *features[CBIGAN_N_MAP_KINDS]; /* (1, channels, rows, columns) of maps in use */
} Export;

static void
add_network_features(Export *e)
{
  const CbiganInspector *inspector = e->inspector;
  g_autoptr(CbiganNetwork) network =
      cbigan_inspector_network(inspector, e->columns * CBIGAN_INSPECTOR_CELL, e->rows * CBIGAN_INSPECTOR_CELL);
  g_autofree const char **names =
      cbigan_onnx_network(e->graph, network, inspector->parameters, CBIGAN_ONNX_IN(e->planes), network->output);
  e->features[CBIGAN_MAP_LOGIT] = names[network->output];
  e->features[CBIGAN_MAP_HIDDEN] = names[network->layers[network->n_layers - 1].input];
}

static const char *
plane(const Export *e, int first, int n)
{
  return cbigan_onnx_node(e->graph, "Slice",
                          CBIGAN_ONNX_IN(e->planes, cbigan_onnx_ints(e->graph, 1, (gint64[]){ first }),
                                         cbigan_onnx_ints(e->graph, 1, (gint64[]){ first + n }),
                                         cbigan_onnx_ints(e->graph, 1, (gint64[]){ 1 })),
                          NULL);
}

static void
add_bank_features(Export *e)
{
  const char *planes[CBIGAN_ONNX_COLOURS];
  if (e->inspector->w)
    cbigan_onnx_level_and_colours(e->graph, plane(e, 0, 3), planes);
  else
    for (int k = 0; k < CBIGAN_ONNX_COLOURS; k++)
      planes[k] = plane(e, 2 + k, 1);
  e->features[CBIGAN_MAP_BANK] = e->features[CBIGAN_MAP_NEAREST] = cbigan_onnx_bank(e->graph, planes);
}

/* The lower triangles (channels * (channels + 1) / 2, positions) as matrices (positions, channels, channels) */
static const char *
whitening(CbiganOnnxGraph *graph, const float *triangles, int channels, gsize positions)
{
  const gsize c = (gsize)channels;
  g_autofree float *whole = g_new0(float, positions *c *c);
  for (gsize i = 0, row = 0; i < c; i++)
    for (gsize j = 0; j <= i; j++, row++)
      for (gsize p = 0; p < positions; p++)
        whole[(p * c + i) * c + j] = triangles[row * positions + p];
  return cbigan_onnx_floats(graph, 3, (gint64[]){ (gint64)positions, channels, channels }, whole);
}

/* Distance of features from the good pictures' Gaussian in each position, as cbigan_gaussian_distance() */
static const char *
distance(const Export *e, const CbiganInspectorMap *map, int channels, const char *features)
{
  CbiganOnnxGraph *graph = e->graph;
  const gsize positions = cbigan_inspector_positions(e->inspector);
  const gint64 cells = (gint64)e->columns * e->rows;
  const char *x = cbigan_onnx_reshape(graph, features, 2, (gint64[]){ channels, cells });
  x = cbigan_onnx_binary(graph, "Sub", x,
                         cbigan_onnx_floats(graph, 2, (gint64[]){ channels, (gint64)positions }, map->mean));
  x = cbigan_onnx_node(graph, "Transpose", CBIGAN_ONNX_IN(x), CBIGAN_ONNX_WITH(CBIGAN_ONNX_INTS("perm", 2, 1, 0)));
  x = cbigan_onnx_reshape(graph, x, 3, (gint64[]){ cells, channels, 1 });
  x = cbigan_onnx_binary(graph, "MatMul", whitening(graph, map->whitening, channels, positions), x);
  x = cbigan_onnx_reduce(graph, "ReduceMean", cbigan_onnx_binary(graph, "Mul", x, x), 2, (gint64[]){ 1, 2 });
  return cbigan_onnx_node(graph, "Sqrt", CBIGAN_ONNX_IN(x), NULL);
}

/* The good samples of the rows and columns around each cell, as far as there are any: one of 3 x 3 places
 * (rows, samples, channels, columns). padded: with a cell of far samples on each side */
static const char *
beside(const Export *e, const char *padded, gint64 down, gint64 across)
{
  CbiganOnnxGraph *graph = e->graph;
  return cbigan_onnx_node(graph, "Slice",
                          CBIGAN_ONNX_IN(padded, cbigan_onnx_ints(graph, 2, (gint64[]){ down, across }),
                                         cbigan_onnx_ints(graph, 2, (gint64[]){ down + e->rows, across + e->columns }),
                                         cbigan_onnx_ints(graph, 2, (gint64[]){ 0, 3 })),
                          NULL);
}

/* Distance of features from the three nearest good samples, as cbigan_whiten() and cbigan_nearest_distance() */
static const char *
nearest(const Export *e, const CbiganInspectorMap *map, int channels, int samples, const char *features)
{
  enum { PLACES = 9, LEAST = 3 };
  CbiganOnnxGraph *graph = e->graph;
  const gint64 pads[] = { 1, 0, 0, 1, 1, 0, 0, 1 };
  const char *squares[PLACES + 1] = { NULL };
  const char *x = cbigan_onnx_binary(graph, "Sub", features,
                                     cbigan_onnx_floats(graph, 4, (gint64[]){ 1, channels, 1, 1 }, map->mean));
  x = cbigan_onnx_binary(graph, "Conv", x,
                         cbigan_onnx_reshape(graph, whitening(graph, map->whitening, channels, 1), 4,
                                             (gint64[]){ channels, channels, 1, 1 }));
  x = cbigan_onnx_node(graph, "Transpose", CBIGAN_ONNX_IN(x),
                       CBIGAN_ONNX_WITH(CBIGAN_ONNX_INTS("perm", 4, 2, 0, 1, 3)));
  const char *good = cbigan_onnx_floats(graph, 4, (gint64[]){ e->rows, samples, channels, e->columns }, map->samples);
  good = cbigan_onnx_node(graph, "Pad",
                          CBIGAN_ONNX_IN(good, cbigan_onnx_ints(graph, 8, pads), cbigan_onnx_float(graph, FAR)), NULL);
  for (int i = 0; i < PLACES; i++) {
    const char *difference = cbigan_onnx_binary(graph, "Sub", x, beside(e, good, i / 3, i % 3));
    squares[i] = cbigan_onnx_reduce(graph, "ReduceSum", cbigan_onnx_binary(graph, "Mul", difference, difference), 1,
                                    (gint64[]){ 2 });
  }
  x = cbigan_onnx_node(graph, "Concat", squares, CBIGAN_ONNX_WITH(CBIGAN_ONNX_INT("axis", 1)));
  x = cbigan_onnx_node(graph, "TopK", CBIGAN_ONNX_IN(x, cbigan_onnx_ints(graph, 1, (gint64[]){ LEAST })),
                       CBIGAN_ONNX_WITH(CBIGAN_ONNX_INT("axis", 1), CBIGAN_ONNX_INT("largest", 0)));
  x = cbigan_onnx_reduce(graph, "ReduceSum", cbigan_onnx_node(graph, "Sqrt", CBIGAN_ONNX_IN(x), NULL), 1,
                         (gint64[]){ 1 });
  return cbigan_onnx_scale(graph, x, 1.0 / (LEAST * sqrt(channels)), 0.0);
}

/* One map of the frame on the scale of good pictures' summaries: (1, 1, rows, columns) */
static const char *
values(const Export *e, CbiganMapKind kind)
{
  const CbiganInspectorMap *map = &e->inspector->maps[kind];
  const int channels = cbigan_map_descriptions[kind].channels;
  const gint64 dims[] = { 1, 1, e->rows, e->columns };
  const char *x = e->features[kind];
  if (map->samples)
    x = nearest(e, map, channels, cbigan_map_descriptions[kind].samples, x);
  else if (map->mean)
    x = distance(e, map, channels, x);
  x = cbigan_onnx_reshape(e->graph, x, 4, dims);
  if (map->levelled) {
    x = cbigan_onnx_binary(e->graph, "Sub", x, cbigan_onnx_floats(e->graph, 4, dims, map->level));
    x = cbigan_onnx_binary(e->graph, "Div", x, cbigan_onnx_floats(e->graph, 4, dims, map->spread));
  }
  return cbigan_onnx_scale(e->graph, x, 1.0 / map->scale, -map->offset / map->scale);
}

/* The smallest of the maps in use */
static const char *
fused(Export *e)
{
  const CbiganInspectorMap *maps = e->inspector->maps;
  const char *smallest = NULL;
  if (cbigan_inspector_uses_network(e->inspector))
    add_network_features(e);
  if (maps[CBIGAN_MAP_BANK].used || maps[CBIGAN_MAP_NEAREST].used)
    add_bank_features(e);
  for (int i = 0; i < CBIGAN_N_MAP_KINDS; i++)
    if (maps[i].used) {
      const char *x = values(e, (CbiganMapKind)i);
      smallest = smallest ? cbigan_onnx_binary(e->graph, "Min", smallest, x) : x;
    }
  return smallest;
}

/* --- masks ------------------------------------------------------------------------------------------------------ */

/* bytes (h * w, 3) as cbigan_areas_fill() leaves them: it moves pixels, so it moves their numbers too. */
static const char *
filled(CbiganOnnxGraph *graph, const CbiganAreas *areas, gsize n, const char *bytes)
{
  g_autofree guint8 *numbers = g_new(guint8, 3 * n);
  g_autofree gint64 *sources = g_new(gint64, n);
  for (gsize i = 0; i < 3 * n; i++)
    numbers[i] = (guint8)(i / 3 >> (8 * (i % 3)));
  cbigan_areas_fill(areas, numbers);
  for (gsize i = 0; i < n; i++)
    sources[i] = numbers[3 * i] | numbers[3 * i + 1] << 8 | numbers[3 * i + 2] << 16;
  return cbigan_onnx_binary(graph, "Gather", bytes, cbigan_onnx_ints(graph, (int)n, sources));
}

/* Which cells have a pixel that counts. Returns their number. */
static gsize
count_cells(Export *e, const guint8 *pixels)
{
  const gsize n = (gsize)e->columns * (gsize)e->rows, w = (gsize)e->columns * CBIGAN_INSPECTOR_CELL;
  const gint64 dims[] = { 1, 1, e->rows, e->columns };
  g_autofree float *counts = g_new0(float, n), *least = g_new(float, n);
  gsize counting = 0;
  for (gsize i = 0; i < n * CBIGAN_INSPECTOR_CELL * CBIGAN_INSPECTOR_CELL; i++)
    if (pixels[i])
      counts[i / w / CBIGAN_INSPECTOR_CELL * (gsize)e->columns + i % w / CBIGAN_INSPECTOR_CELL] = 1.0f;
  for (gsize i = 0; i < n; i++) {
    counting += counts[i] > 0.0f;
    least[i] = counts[i] > 0.0f ? 0.0f : -G_MAXFLOAT;
  }
  e->counts = cbigan_onnx_floats(e->graph, 4, dims, counts);
  e->least = cbigan_onnx_floats(e->graph, 4, dims, least);
  return counting;
}

/* x (1, 1, rows, columns) with the least number where a cell does not count */
static const char *
counting(const Export *e, const char *x)
{
  if (!e->counts)
    return x;
  return cbigan_onnx_binary(e->graph, "Add", cbigan_onnx_binary(e->graph, "Mul", x, e->counts), e->least);
}

/* The mean of the counting cells around each cell */
static const char *
blurred(const Export *e, const char *x)
{
  CbiganOnnxGraph *graph = e->graph;
  if (!e->counts)
    return cbigan_onnx_gaussian(graph, x, CBIGAN_CELLS_BLUR);
  const char *sum = cbigan_onnx_gaussian(graph, cbigan_onnx_binary(graph, "Mul", x, e->counts), CBIGAN_CELLS_BLUR);
  const char *weight = cbigan_onnx_gaussian(graph, e->counts, CBIGAN_CELLS_BLUR);
  weight = cbigan_onnx_binary(graph, "Max", weight, cbigan_onnx_float(graph, 1e-30)); /* 0 far from those that count */
  return counting(e, cbigan_onnx_binary(graph, "Div", sum, weight));
}

/* map (height, width), 0 where a pixel does not count */
static const char *
masked(CbiganOnnxGraph *graph, const guint8 *pixels, int width, int height, const char *map)
{
  const gsize n = (gsize)width * (gsize)height;
  g_autofree float *counts = g_new(float, n);
  for (gsize i = 0; i < n; i++)
    counts[i] = pixels[i];
  return cbigan_onnx_binary(graph, "Mul", map, cbigan_onnx_floats(graph, 2, (gint64[]){ height, width }, counts));
}

/* ---------------------------------------------------------------------------------------------------------------- */

void
cbigan_onnx_inspector_score(CbiganOnnxGraph *graph, const CbiganModel *model, const CbiganAreas *areas, int width,
                            int height)
{
  const CbiganInspector *inspector = &model->inspector;
  const guint8 *unmasked = areas ? cbigan_areas_unmasked(areas) : NULL;
  Export e = { .graph = graph,
               .inspector = inspector,
               .columns = width / CBIGAN_INSPECTOR_CELL,
               .rows = height / CBIGAN_INSPECTOR_CELL };
  const gsize cells = unmasked ? count_cells(&e, unmasked) : (gsize)(e.columns * e.rows);
  const gint64 top = (gint64)cbigan_cells_top(cells, inspector->summary);
  const char *bytes = cbigan_onnx_input(graph, "frame", CBIGAN_ONNX_UINT8, 3, (gint64[]){ height, width, 3 });
  bytes = cbigan_onnx_cast(graph, cbigan_onnx_reshape(graph, bytes, 2, (gint64[]){ -1, 3 }), CBIGAN_ONNX_INT64);
  if (unmasked)
    bytes = filled(graph, areas, (gsize)width * (gsize)height, bytes);
  e.planes = inspector->w ? cbigan_onnx_object_planes(graph, inspector, unmasked, bytes)
                          : cbigan_onnx_surface_planes(graph, &inspector->light, bytes, width, height);
  const char *x = fused(&e), *smooth = blurred(&e, x), *score;
  if (inspector->summary != CBIGAN_SUMMARY_PEAK)
    score = cbigan_onnx_reduce(
        graph, "ReduceMean",
        cbigan_onnx_top(graph, cbigan_onnx_reshape(graph, counting(&e, x), 1, (gint64[]){ -1 }), top), 1,
        (gint64[]){ 0 });
  else
    score = cbigan_onnx_reduce(graph, "ReduceMax", smooth, 4, (gint64[]){ 0, 1, 2, 3 });
  score = cbigan_onnx_node(graph, "Softplus", CBIGAN_ONNX_IN(score), NULL);
  const char *map = cbigan_onnx_node(graph, "Softplus", CBIGAN_ONNX_IN(smooth), NULL);
  map = cbigan_onnx_enlarge(graph, map, CBIGAN_INSPECTOR_CELL);
  map = cbigan_onnx_reshape(graph, map, 2, (gint64[]){ height, width });
  if (unmasked)
    map = masked(graph, unmasked, width, height, map);
  cbigan_onnx_output(graph, cbigan_onnx_reshape(graph, score, 1, (gint64[]){ 1 }), "score", 1, (gint64[]){ 1 });
  cbigan_onnx_output(graph, map, "map", 2, (gint64[]){ height, width });
}
