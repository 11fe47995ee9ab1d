/* inspector_planes.c - an inspector's light and planes as nodes of an ONNX graph
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The same steps as score/inspector/exposure.c and score/inspector/surface.c, where constants and reasons stand.
 */
#include <math.h>

#include "inspector_score.h"
#include "score/inspector/exposure.h"
#include "score/inspector/histogram.h"
#include "score/inspector/surface_light.h"

static const char *
add(CbiganOnnxGraph *graph, const char *op, const char *x, const char *y)
{
  return cbigan_onnx_binary(graph, op, x, y);
}

static const char *
one(CbiganOnnxGraph *graph, const char *op, const char *x)
{
  return cbigan_onnx_node(graph, op, CBIGAN_ONNX_IN(x), NULL);
}

static const char *
clip(CbiganOnnxGraph *graph, const char *x, const char *least, const char *most)
{
  return cbigan_onnx_node(graph, "Clip", CBIGAN_ONNX_IN(x, least, most), NULL);
}

static const char *
sum(CbiganOnnxGraph *graph, const char *x)
{
  return cbigan_onnx_reduce(graph, "ReduceSum", x, 1, (gint64[]){ 0 });
}

/* Counts of n numbers x of any shape, as those of a CbiganHistogram */
static const char *
count(CbiganOnnxGraph *graph, const char *x, gsize n, double least, double most)
{
  const double bins = CBIGAN_HISTOGRAM_BINS;
  x = cbigan_onnx_cast(graph, cbigan_onnx_reshape(graph, x, 1, (gint64[]){ -1 }), CBIGAN_ONNX_DOUBLE);
  const char *at = add(graph, "Div", add(graph, "Sub", x, cbigan_onnx_double(graph, least)),
                       cbigan_onnx_double(graph, most - least));
  at = add(graph, "Mul", at, cbigan_onnx_double(graph, bins));
  at = clip(graph, at, cbigan_onnx_double(graph, 0.0), cbigan_onnx_double(graph, bins - 1.0));
  return cbigan_onnx_counts(graph, cbigan_onnx_cast(graph, at, CBIGAN_ONNX_INT64), n, (int)bins);
}

/* How many numbers lie in a bin and in those before it */
static const char *
sums_of(CbiganOnnxGraph *graph, const char *counts)
{
  return add(graph, "CumSum", counts, cbigan_onnx_ints(graph, 1, (gint64[]){ 0 }));
}

/* A place among the bins, 0 to CBIGAN_HISTOGRAM_BINS, as a number */
static const char *
number_at(CbiganOnnxGraph *graph, const char *at, double least, double most)
{
  at = add(graph, "Mul", at, cbigan_onnx_double(graph, (most - least) / CBIGAN_HISTOGRAM_BINS));
  return add(graph, "Add", at, cbigan_onnx_double(graph, least));
}

/* As cbigan_histogram_quantile() of n numbers x of any shape: one number of 64 bits */
static const char *
quantile(CbiganOnnxGraph *graph, const char *x, gsize n, double least, double most, double share)
{
  const char *counts = count(graph, x, n, least, most), *sums = sums_of(graph, counts);
  const char *wanted = cbigan_onnx_double(graph, share * (double)n);
  const char *i = sum(graph, cbigan_onnx_cast(graph, add(graph, "Less", sums, wanted), CBIGAN_ONNX_INT64));
  const char *here = add(graph, "Gather", counts, i);
  const char *before = add(graph, "Sub", add(graph, "Gather", sums, i), here);
  const char *value = add(graph, "Div", add(graph, "Sub", wanted, before), here);
  value = add(graph, "Add", value, cbigan_onnx_cast(graph, i, CBIGAN_ONNX_DOUBLE));
  return number_at(graph, value, least, most);
}

/* Logarithms of all bytes, (256), with gain * byte + offset before; both of 64 bits */
static const char *
curve(CbiganOnnxGraph *graph, const char *gain, const char *offset)
{
  float bytes[256];
  for (int i = 0; i < 256; i++)
    bytes[i] = (float)i;
  const char *x = cbigan_onnx_cast(graph, cbigan_onnx_floats(graph, 1, (gint64[]){ 256 }, bytes), CBIGAN_ONNX_DOUBLE);
  x = add(graph, "Add", add(graph, "Mul", x, gain), offset);
  x = cbigan_onnx_cast(graph, add(graph, "Max", x, cbigan_onnx_double(graph, 0.0)), CBIGAN_ONNX_FLOAT);
  x = add(graph, "Add", x, cbigan_onnx_float(graph, CBIGAN_EXPOSURE_DARK));
  return one(graph, "Log", add(graph, "Div", x, cbigan_onnx_float(graph, CBIGAN_EXPOSURE_SCALE)));
}

/* Bytes (h * w, 3) of `some` pixels, every so manieth */
static const char *
some_pixels(CbiganOnnxGraph *graph, const char *bytes, gsize some, gsize every)
{
  g_autofree gint64 *places = g_new(gint64, some);
  for (gsize i = 0; i < some; i++)
    places[i] = (gint64)(i * every);
  return add(graph, "Gather", bytes, cbigan_onnx_ints(graph, (int)some, places));
}

/* Grey levels of bytes (n, 3), of 64 bits */
static const char *
grey_of(CbiganOnnxGraph *graph, const char *bytes)
{
  bytes =
      cbigan_onnx_reduce(graph, "ReduceSum", cbigan_onnx_cast(graph, bytes, CBIGAN_ONNX_DOUBLE), 1, (gint64[]){ 1 });
  return add(graph, "Div", bytes, cbigan_onnx_double(graph, 3.0));
}

/* --- objects ---------------------------------------------------------------------------------------------------- */

typedef struct {
  CbiganOnnxGraph *graph;
  const char *grey, *good, *usable; /* (n): of the frame, of the mean good picture, 1 where neither black nor clipped */
  const char *gain, *offset;        /* of the fit so far */
  gsize n;
} Fit;

/* |gain * grey + offset - good| */
static const char *
residuals(const Fit *fit)
{
  const char *x = add(fit->graph, "Add", add(fit->graph, "Mul", fit->grey, fit->gain), fit->offset);
  return one(fit->graph, "Abs", add(fit->graph, "Sub", x, fit->good));
}

/* Mean over pixels of weight w of x * y */
static const char *
mean(const Fit *fit, const char *w, const char *count, const char *x, const char *y)
{
  x = add(fit->graph, "Mul", w, x);
  return add(fit->graph, "Div", sum(fit->graph, y ? add(fit->graph, "Mul", x, y) : x), count);
}

/* Least squares over pixels whose residual is at most `limit`; NULL: over all that are usable */
static void
fit_once(Fit *fit, const char *limit)
{
  CbiganOnnxGraph *graph = fit->graph;
  const char *w = fit->usable;
  if (limit)
    w = add(graph, "Mul", w,
            cbigan_onnx_cast(graph, add(graph, "LessOrEqual", residuals(fit), limit), CBIGAN_ONNX_DOUBLE));
  const char *all = sum(graph, w), *count = add(graph, "Max", all, cbigan_onnx_double(graph, 1.0));
  const char *a = mean(fit, w, count, fit->grey, NULL), *b = mean(fit, w, count, fit->good, NULL);
  const char *variance = add(graph, "Sub", mean(fit, w, count, fit->grey, fit->grey), add(graph, "Mul", a, a));
  const char *covariance = add(graph, "Sub", mean(fit, w, count, fit->grey, fit->good), add(graph, "Mul", a, b));
  const char *gain = add(graph, "Div", covariance, add(graph, "Add", variance, cbigan_onnx_double(graph, 1e-6)));
  gain = clip(graph, gain, cbigan_onnx_double(graph, CBIGAN_EXPOSURE_LEAST_GAIN),
              cbigan_onnx_double(graph, CBIGAN_EXPOSURE_LARGEST_GAIN));
  const char *offset = add(graph, "Sub", b, add(graph, "Mul", gain, a));
  const char *enough = add(graph, "GreaterOrEqual", all, cbigan_onnx_double(graph, 2.0));
  fit->gain = cbigan_onnx_node(graph, "Where", CBIGAN_ONNX_IN(enough, gain, fit->gain), NULL);
  fit->offset = cbigan_onnx_node(graph, "Where", CBIGAN_ONNX_IN(enough, offset, fit->offset), NULL);
}

/* bytes: (h * w, 3) */
static void
begin_fit(Fit *fit, const CbiganGoodLight *good, const char *bytes)
{
  CbiganOnnxGraph *graph = fit->graph;
  const gsize all = (gsize)good->w * (gsize)good->h;
  fit->n = (all + CBIGAN_EXPOSURE_SPARSE - 1) / CBIGAN_EXPOSURE_SPARSE;
  g_autofree float *values = g_new(float, fit->n);
  for (gsize i = 0; i < fit->n; i++)
    values[i] = good->grey[i * CBIGAN_EXPOSURE_SPARSE];
  fit->grey = grey_of(graph, some_pixels(graph, bytes, fit->n, CBIGAN_EXPOSURE_SPARSE));
  fit->good =
      cbigan_onnx_cast(graph, cbigan_onnx_floats(graph, 1, (gint64[]){ (gint64)fit->n }, values), CBIGAN_ONNX_DOUBLE);
  const char *usable =
      add(graph, "And", add(graph, "Greater", fit->grey, cbigan_onnx_double(graph, CBIGAN_EXPOSURE_BLACK)),
          add(graph, "Less", fit->grey, cbigan_onnx_double(graph, CBIGAN_EXPOSURE_CLIPPED)));
  fit->usable = cbigan_onnx_cast(graph, usable, CBIGAN_ONNX_DOUBLE);
  fit->gain = cbigan_onnx_double(graph, 1.0);
  fit->offset = cbigan_onnx_double(graph, 0.0);
}

/* Logarithms of all pixels, (h * w, 3), in the light of the mean good picture */
static const char *
object_logarithms(CbiganOnnxGraph *graph, const CbiganInspector *inspector, const char *bytes)
{
  CbiganGoodLight good;
  Fit fit = { .graph = graph };
  cbigan_good_light_init(&good, NULL, inspector->w, inspector->h, inspector->mean);
  const gint64 n = (gint64)good.w * good.h;
  begin_fit(&fit, &good, bytes);
  for (int round = 0; round < CBIGAN_EXPOSURE_ROUNDS; round++)
    fit_once(&fit, round ? quantile(graph, residuals(&fit), fit.n, 0.0, 256.0, CBIGAN_EXPOSURE_KEPT) : NULL);
  const char *x = add(graph, "Gather", curve(graph, fit.gain, fit.offset), bytes);
  const char *level = cbigan_onnx_reduce(graph, "ReduceMean", x, 1, (gint64[]){ 1 });
  const char *difference = add(graph, "Sub", level, cbigan_onnx_floats(graph, 1, &n, good.level));
  const char *shift = quantile(graph, difference, (gsize)n, -1.0, 1.0, 0.5);
  cbigan_good_light_clear(&good);
  return add(graph, "Sub", x, cbigan_onnx_cast(graph, shift, CBIGAN_ONNX_FLOAT));
}

/* (h * w, 3) -> (1, 3, h, w) */
static const char *
to_planes(CbiganOnnxGraph *graph, const char *x, int w, int h)
{
  x = cbigan_onnx_node(graph, "Transpose", CBIGAN_ONNX_IN(x), CBIGAN_ONNX_WITH(CBIGAN_ONNX_INTS("perm", 2, 1, 0)));
  return cbigan_onnx_reshape(graph, x, 4, (gint64[]){ 1, 3, h, w });
}

/* x (1, 3, h, w) with ignored pixels as in the mean good picture */
static const char *
use_mean(CbiganOnnxGraph *graph, const CbiganInspector *inspector, const guint8 *unmasked, const char *x)
{
  const gsize n = (gsize)inspector->w * (gsize)inspector->h;
  g_autofree float *weights = g_new(float, 3 * n), *usual = g_new(float, 3 * n);
  const gint64 dims[] = { 1, 3, inspector->h, inspector->w };
  for (gsize i = 0; i < 3 * n; i++) {
    weights[i] = unmasked[i % n];
    usual[i] = unmasked[i % n] ? 0.0f : inspector->mean[i];
  }
  x = add(graph, "Mul", x, cbigan_onnx_floats(graph, 4, dims, weights));
  return add(graph, "Add", x, cbigan_onnx_floats(graph, 4, dims, usual));
}

const char *
cbigan_onnx_object_planes(CbiganOnnxGraph *graph, const CbiganInspector *inspector, const guint8 *unmasked,
                          const char *bytes)
{
  const gint64 dims[] = { 1, 3, inspector->h, inspector->w };
  const char *x = to_planes(graph, object_logarithms(graph, inspector, bytes), inspector->w, inspector->h);
  if (unmasked)
    x = use_mean(graph, inspector, unmasked, x);
  const char *z = add(graph, "Div", add(graph, "Sub", x, cbigan_onnx_floats(graph, 4, dims, inspector->mean)),
                      cbigan_onnx_floats(graph, 4, dims, inspector->deviation));
  z = clip(graph, z, cbigan_onnx_float(graph, -6.0), cbigan_onnx_float(graph, 6.0));
  return cbigan_onnx_node(graph, "Concat", CBIGAN_ONNX_IN(x, cbigan_onnx_scale(graph, z, 0.5, 0.0)),
                          CBIGAN_ONNX_WITH(CBIGAN_ONNX_INT("axis", 1)));
}

/* --- surfaces --------------------------------------------------------------------------------------------------- */

/* As cbigan_histogram_middle() of n numbers x of any shape: one number of 64 bits */
static const char *
middle(CbiganOnnxGraph *graph, const char *x, gsize n, double least, double most)
{
  float bins[CBIGAN_HISTOGRAM_BINS];
  for (int i = 0; i < CBIGAN_HISTOGRAM_BINS; i++)
    bins[i] = (float)i;
  const char *i = cbigan_onnx_floats(graph, 1, (gint64[]){ CBIGAN_HISTOGRAM_BINS }, bins);
  const char *counts = count(graph, x, n, least, most), *sums = sums_of(graph, counts);
  const char *before = add(graph, "Sub", sums, counts);
  const char *from = add(graph, "Max", before, cbigan_onnx_double(graph, 0.25 * (double)n));
  const char *to = add(graph, "Min", sums, cbigan_onnx_double(graph, 0.75 * (double)n));
  const char *some = add(graph, "Max", add(graph, "Sub", to, from), cbigan_onnx_double(graph, 0.0));
  const char *at = add(graph, "Mul", add(graph, "Add", from, to), cbigan_onnx_double(graph, 0.5));
  at = add(graph, "Div", add(graph, "Sub", at, before), add(graph, "Max", counts, cbigan_onnx_double(graph, 1.0)));
  at = add(graph, "Add", at, cbigan_onnx_cast(graph, i, CBIGAN_ONNX_DOUBLE));
  at = add(graph, "Div", sum(graph, add(graph, "Mul", some, at)), cbigan_onnx_double(graph, 0.5 * (double)n));
  return number_at(graph, at, least, most);
}

/* Median of a plane's numbers, as one of 32 bits */
static const char *
median(CbiganOnnxGraph *graph, const char *x, gsize n, double least, double most)
{
  return cbigan_onnx_cast(graph, quantile(graph, x, n, least, most, 0.5), CBIGAN_ONNX_FLOAT);
}

/* What stands for a plane of colour, as one number of 32 bits */
static const char *
middle_of_colours(CbiganOnnxGraph *graph, const CbiganSurfaceLight *light, const char *x, gsize n, double least)
{
  const char *found = light->known ? middle(graph, x, n, least, 3.0) : quantile(graph, x, n, least, 3.0, 0.5);
  return cbigan_onnx_cast(graph, found, CBIGAN_ONNX_FLOAT);
}

/* Means of squares, blurred, and bilinear in between */
static const char *
low_pass(CbiganOnnxGraph *graph, const char *x, int factor)
{
  x = cbigan_onnx_gaussian(graph, cbigan_onnx_pool(graph, x, factor), CBIGAN_SURFACE_LOW_SIGMA);
  return cbigan_onnx_enlarge(graph, x, factor);
}

static const char *
limited(CbiganOnnxGraph *graph, const char *x)
{
  return clip(graph, x, cbigan_onnx_float(graph, -CBIGAN_SURFACE_LARGEST),
              cbigan_onnx_float(graph, CBIGAN_SURFACE_LARGEST));
}

/* As cbigan_surface_shift(), of 64 bits. bytes: (n, 3) */
static const char *
surface_shift(CbiganOnnxGraph *graph, const CbiganSurfaceLight *light, const char *bytes, gsize n)
{
  const gsize every = MAX(n / CBIGAN_LIGHT_PIXELS, 1), some = (n + every - 1) / every;
  const char *shift = cbigan_onnx_double(graph, 0.0), *counts[3];
  if (!light->known)
    return shift;
  bytes = some_pixels(graph, bytes, some, every);
  for (int c = 0; c < 3; c++) {
    const char *channel =
        cbigan_onnx_node(graph, "Gather", CBIGAN_ONNX_IN(bytes, cbigan_onnx_ints(graph, 1, &(gint64){ c })),
                         CBIGAN_ONNX_WITH(CBIGAN_ONNX_INT("axis", 1)));
    counts[c] = cbigan_onnx_counts(graph, cbigan_onnx_reshape(graph, channel, 1, (gint64[]){ -1 }), some, 256);
  }
  for (int i = 0; i < CBIGAN_LIGHT_QUARTILES; i++) {
    const char *found = cbigan_onnx_byte_quantile(graph, counts[i / 3], 0.25 * (i % 3 + 1) * (double)some);
    found = cbigan_onnx_scale(graph, found, 127.5, 127.5 - (double)light->quartiles[i]);
    found = cbigan_onnx_cast(graph, found, CBIGAN_ONNX_DOUBLE);
    shift = add(graph, "Add", shift, add(graph, "Mul", found, cbigan_onnx_double(graph, (double)light->weights[i])));
  }
  return clip(graph, shift, cbigan_onnx_double(graph, -CBIGAN_LIGHT_LARGEST_SHIFT),
              cbigan_onnx_double(graph, CBIGAN_LIGHT_LARGEST_SHIFT));
}

const char *
cbigan_onnx_surface_planes(CbiganOnnxGraph *graph, const CbiganSurfaceLight *light, const char *bytes, int w, int h)
{
  const gsize n = (gsize)w * (gsize)h;
  const char *shift = surface_shift(graph, light, bytes, n);
  const char *logarithms = curve(graph, cbigan_onnx_double(graph, 1.0), shift);
  const char *planes[CBIGAN_ONNX_COLOURS], *deviation[CBIGAN_ONNX_COLOURS];
  cbigan_onnx_level_and_colours(graph, to_planes(graph, add(graph, "Gather", logarithms, bytes), w, h), planes);
  for (int k = 1; k < CBIGAN_ONNX_COLOURS; k++) {
    planes[k] = add(graph, "Sub", planes[k], middle_of_colours(graph, light, planes[k], n, -3.0));
    deviation[k] = middle_of_colours(graph, light, one(graph, "Abs", planes[k]), n, 0.0);
  }
  const char *chroma = cbigan_onnx_scale(graph, add(graph, "Max", deviation[1], deviation[2]), 2.0, 0.05);
  const char *detail = add(graph, "Sub", planes[0], low_pass(graph, planes[0], 4));
  const char *contrast = cbigan_onnx_scale(graph, median(graph, one(graph, "Abs", detail), n, 0.0, 1.0), 2.0, 0.02);
  const char *level = add(graph, "Sub", planes[0], median(graph, planes[0], n, -3.0, 0.0));
  const char *local = add(graph, "Sub", level, low_pass(graph, level, 2));
  const char *square = one(graph, "Relu", low_pass(graph, add(graph, "Mul", local, local), 4));
  const char *scale = add(graph, "Add", one(graph, "Sqrt", square), cbigan_onnx_scale(graph, contrast, 0.5, 0.0));
  local = add(graph, "Div", local, cbigan_onnx_scale(graph, scale, 1.5, 0.0));
  return cbigan_onnx_node(graph, "Concat",
                          CBIGAN_ONNX_IN(cbigan_onnx_scale(graph, level, 1.5, 0.0),
                                         limited(graph, add(graph, "Div", detail, contrast)), limited(graph, local),
                                         limited(graph, add(graph, "Div", planes[1], chroma)),
                                         limited(graph, add(graph, "Div", planes[2], chroma))),
                          CBIGAN_ONNX_WITH(CBIGAN_ONNX_INT("axis", 1)));
}
