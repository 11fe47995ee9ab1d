/* test_layers.c - conv2d, dense, upsample and avgpool of every backend against the reference
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A layer's tolerance is worked out for each output: a small multiple of the same sum over absolute values, which is
 * what rounding is proportional to. Inputs lie between NaN, so reading beside them shows as well as writing beside
 * the outputs does.
 */
#include <math.h>

#include "cbigan.h"
#include "harness.h"
#include "model/liveness.h"

#define ROUNDING 4e-6f   /* of the sum of absolute values; sums have up to 577 terms */
#define TRAINING 1e-5f   /* backend.h's, of the largest sum of absolute values */
#define TANH_ERROR 2e-6f /* of its approximation */
#define SMALLEST 1e-36f  /* what denormal numbers may be off, as a processor may take them for zero */

/* What layers do besides: each shape is done in all of these ways. */
typedef struct {
  CbiganActivation activation;
  gboolean accumulate, bias;
  gsize extra; /* floats between rows of a dense layer's weights */
} Variant;

static const Variant variants[] = {
  { CBIGAN_LINEAR, FALSE, FALSE, 0 }, { CBIGAN_LEAKY, FALSE, FALSE, 1 }, { CBIGAN_TANH, FALSE, TRUE, 512 },
  { CBIGAN_LEAKY, TRUE, TRUE, 0 },    { CBIGAN_LINEAR, TRUE, FALSE, 1 },
};

/* A row of the tables of inputs: see harness.h */
typedef struct {
  const char *name;
  gboolean slow;
  CbiganShape in;
  int batch;
} Row;

typedef struct {
  CbiganLayer layer;
  int batch;
  DataKind data;
  guint32 seed;
} Case;

static char *
describe(const Case *c)
{
  static const char *const kinds[] = { "conv2d", "dense", "upsample", "avgpool" };
  static const char *const activations[] = { "linear", "leaky", "tanh" };
  const CbiganLayer *l = &c->layer;
  return g_strdup_printf("%s (%d,%d,%d,%d) -> (%d,%d,%d) kernel %d %s%s%s stride %" G_GSIZE_FORMAT " %s data",
                         kinds[l->kind], c->batch, l->in.c, l->in.h, l->in.w, l->out.c, l->out.h, l->out.w, l->kernel,
                         activations[l->activation], l->accumulate ? " accumulate" : "",
                         l->bias == CBIGAN_NO_OFFSET ? "" : " bias", l->weight_stride, data_names[c->data]);
}

/* All NULL: the one to be tested can't run here. training: NULL where it is as scoring, which is everywhere but on cpu.
 */
typedef struct {
  CbiganBackend *scoring, *training, *reference;
} Backends;

static Backends
open_backends(const CbiganBackendClass *klass)
{
  Backends b = { .scoring = open_or_skip(klass) };
  if (b.scoring)
    b.reference = cbigan_backend_open(&(CbiganBackendOptions){ .name = "reference" }, NULL);
  if (b.scoring && klass == &cbigan_backend_cpu)
    b.training = cbigan_backend_open(&(CbiganBackendOptions){ .name = "cpu", .purpose = CBIGAN_FOR_TRAINING }, NULL);
  return b;
}

static void
close_backends(Backends *b)
{
  cbigan_backend_close(b->scoring);
  cbigan_backend_close(b->training);
  cbigan_backend_close(b->reference);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Backends, close_backends)

/* (transfer full) what the layer makes of x, and of y where it accumulates; all on the host */
static float *
run(CbiganBackend *backend, const CbiganLayer *layer, int batch, const char *what, const float *parameters,
    gsize n_parameters, const float *x, const float *y)
{
  g_autoptr(GError) error = NULL;
  Guarded p = guarded_new(backend, (CbiganShape){ (int)n_parameters, 1, 1 }, 1, parameters, NAN);
  Guarded in = guarded_new(backend, layer->in, batch, x, NAN);
  Guarded out = guarded_new(backend, layer->out, batch, layer->accumulate ? y : NULL, 12345.678f);
  CbiganLayerNetwork network;
  cbigan_layer_network_init(&network, layer);
  CbiganPlan *plan = cbigan_backend_plan(backend, &network.network, 0, 1, batch, CBIGAN_KEEP_ALL, &error);
  g_assert_no_error(error);
  cbigan_backend_load(backend, plan, NULL, p.data);
  cbigan_backend_run(backend, plan, (float *[]){ in.data, out.data });
  cbigan_backend_finish(backend, &error);
  g_assert_no_error(error);
  plan->free(plan);
  g_free(guarded_finish(&p, what));
  g_free(guarded_finish(&in, what));
  return guarded_finish(&out, what);
}

/* Absolute values all through: what each output's rounding is proportional to. */
static float *
tolerances(CbiganBackend *reference, const Case *c, const char *what, const float *parameters, gsize n_parameters,
           const float *x, const float *y)
{
  CbiganLayer linear = c->layer;
  linear.activation = CBIGAN_LINEAR;
  gsize in = (gsize)c->batch * cbigan_shape_size(linear.in), out = (gsize)c->batch * cbigan_shape_size(linear.out);
  g_autofree float *p = data_absolute(parameters, n_parameters), *ax = data_absolute(x, in),
                   *ay = data_absolute(y, out);
  float *t = run(reference, &linear, c->batch, what, p, n_parameters, ax, ay);
  for (gsize i = 0; i < out; i++)
    t[i] = ROUNDING * t[i] + SMALLEST + (c->layer.activation == CBIGAN_TANH ? TANH_ERROR : 0);
  return t;
}

/* CBIGAN_FOR_TRAINING may compute a convolution's outputs a tile at a time. Then errors are larger, and a number that
 * is not finite spreads over its tile. But it spreads no further than its sample, and it is never lost. */
static void
loosen(const Case *c, const float *x, const float *have, float *want, float *tolerance)
{
  const CbiganLayer *l = &c->layer;
  gsize in = cbigan_shape_size(l->in), out = cbigan_shape_size(l->out);
  if (l->kind != CBIGAN_CONV2D || l->kernel == 1)
    return;
  for (int n = 0; n < c->batch; n++, x += in, have += out, want += out, tolerance += out) {
    float largest = 0;
    gboolean finite = TRUE;
    for (gsize i = 0; i < in; i++)
      finite &= !!isfinite(x[i]);
    for (gsize i = 0; i < out; i++)
      largest = isfinite(tolerance[i]) ? fmaxf(largest, tolerance[i]) : largest;
    for (gsize i = 0; i < out; i++) {
      tolerance[i] = fmaxf(tolerance[i], largest * (TRAINING / ROUNDING));
      if (!finite && !isfinite(have[i]))
        want[i] = have[i];
    }
  }
}

static void
check(const Backends *b, const Case *c)
{
  const CbiganLayer *l = &c->layer;
  g_autofree char *what = describe(c);
  gsize in = (gsize)c->batch * cbigan_shape_size(l->in), out = (gsize)c->batch * cbigan_shape_size(l->out);
  gsize outputs = l->kind == CBIGAN_DENSE ? cbigan_shape_size(l->out) : (gsize)l->out.c;
  gsize n_parameters = MAX(l->weight == CBIGAN_NO_OFFSET ? 0 : l->weight, 1) + outputs * (l->weight_stride + 1);
  g_autofree float *parameters = data_new(DATA_RANDOM, n_parameters, c->seed);
  g_autofree float *x = data_new(c->data, in, c->seed + 1), *y = data_new(c->data, out, c->seed + 2);
  g_autofree float *tolerance = tolerances(b->reference, c, what, parameters, n_parameters, x, y);
  g_autofree float *want = run(b->reference, l, c->batch, what, parameters, n_parameters, x, y);
  g_autofree float *have = run(b->scoring, l, c->batch, what, parameters, n_parameters, x, y);
  expect_close(what, l->out, c->batch, have, want, tolerance);
  if (!b->training)
    return;
  g_autofree float *trained = run(b->training, l, c->batch, what, parameters, n_parameters, x, y);
  loosen(c, x, trained, want, tolerance);
  expect_close(what, l->out, c->batch, trained, want, tolerance);
}

/* A layer's weights start at an odd place; its bias comes behind them. */
static void
add_weights(CbiganLayer *l, gsize stride, gboolean bias)
{
  gsize outputs = l->kind == CBIGAN_DENSE ? cbigan_shape_size(l->out) : (gsize)l->out.c;
  l->name = "layer";
  l->weight = 3;
  l->weight_stride = stride;
  l->bias = bias ? l->weight + outputs * stride : CBIGAN_NO_OFFSET;
}

static void
check_conv2d(const Backends *b, const Row *row, int outputs, int kernel, const Variant *v, DataKind data)
{
  const CbiganShape in = row->in;
  Case c = { .batch = row->batch, .data = data, .seed = (guint32)outputs };
  c.layer = (CbiganLayer){ .kind = CBIGAN_CONV2D,
                           .kernel = kernel,
                           .in = in,
                           .out = { outputs, in.h, in.w },
                           .activation = v->activation,
                           .accumulate = v->accumulate };
  add_weights(&c.layer, (gsize)in.c * kernel * kernel, v->bias);
  check(b, &c);
}

/* Maps of every number of channels: one pixel, one row, rows that fill vectors, and rows with a rest. */
static const Row maps[] = {
  { "1x33x9", FALSE, { 1, 33, 9 }, 3 },   { "2x64x5", FALSE, { 2, 64, 5 }, 1 },   { "3x1x1", FALSE, { 3, 1, 1 }, 8 },
  { "3x9x64", FALSE, { 3, 9, 64 }, 1 },   { "4x8x33", FALSE, { 4, 8, 33 }, 1 },   { "5x7x17", FALSE, { 5, 7, 17 }, 3 },
  { "7x32x7", FALSE, { 7, 32, 7 }, 1 },   { "8x16x16", FALSE, { 8, 16, 16 }, 3 }, { "16x1x2", FALSE, { 16, 1, 2 }, 1 },
  { "16x8x13", FALSE, { 16, 8, 13 }, 3 }, { "17x7x8", FALSE, { 17, 7, 8 }, 3 },   { "32x4x7", FALSE, { 32, 4, 7 }, 3 },
  { "48x2x3", FALSE, { 48, 2, 3 }, 8 },   { "64x1x1", FALSE, { 64, 1, 1 }, 3 },   { "64x4x4", FALSE, { 64, 4, 4 }, 3 },
};

static void
test_conv2d(gconstpointer data)
{
  static const int outputs[] = { 1, 2, 3, 4, 5, 7, 8, 16, 17, 32, 48, 64 };
  const BackendRow *row = data;
  g_auto(Backends) b = open_backends(row->klass);
  for (gsize o = 0; b.scoring && o < G_N_ELEMENTS(outputs); o++)
    for (int kernel = 1; kernel <= 3; kernel += 2)
      for (gsize v = 0; v < G_N_ELEMENTS(variants); v++)
        check_conv2d(&b, row->row, outputs[o], kernel, &variants[v], DATA_RANDOM);
}

/* Every kind of number, in layers that networks have. */
static void
test_conv2d_data(gconstpointer klass)
{
  static const struct {
    Row row;
    int outputs, kernel;
  } layers[] = { { { "3x17x13", FALSE, { 3, 17, 13 }, 3 }, 4, 3 },
                 { { "12x8x8", FALSE, { 12, 8, 8 }, 3 }, 16, 3 },
                 { { "5x9x7", FALSE, { 5, 9, 7 }, 3 }, 3, 1 },
                 { { "64x4x4", FALSE, { 64, 4, 4 }, 3 }, 32, 1 } };
  g_auto(Backends) b = open_backends(klass);
  for (gsize i = 0; b.scoring && i < G_N_ELEMENTS(layers); i++)
    for (int kind = 0; kind < N_DATA; kind++)
      for (gsize v = 0; v < G_N_ELEMENTS(variants); v++)
        check_conv2d(&b, &layers[i].row, layers[i].outputs, layers[i].kernel, &variants[v], (DataKind)kind);
}

/* 3x3 as the networks have them: no bias, and so many tiles that several rounds and both threads have some. */
static const Row blocks[] = {
  { "3x32x32", FALSE, { 3, 32, 32 }, 1 },   { "4x64x64", FALSE, { 4, 64, 64 }, 3 },
  { "8x32x32", FALSE, { 8, 32, 32 }, 1 },   { "9x4x128", FALSE, { 9, 4, 128 }, 8 },
  { "12x16x16", FALSE, { 12, 16, 16 }, 3 }, { "16x64x64", FALSE, { 16, 64, 64 }, 1 },
  { "17x8x12", FALSE, { 17, 8, 12 }, 8 },   { "24x6x10", FALSE, { 24, 6, 10 }, 3 },
  { "32x4x4", FALSE, { 32, 4, 4 }, 8 },     { "64x2x2", FALSE, { 64, 2, 2 }, 3 },
};

static void
test_conv3(gconstpointer data)
{
  static const int outputs[] = { 4, 8, 12, 16, 20, 33, 64 };
  static const Variant linear = { CBIGAN_LINEAR }, leaky = { CBIGAN_LEAKY };
  const BackendRow *row = data;
  g_auto(Backends) b = open_backends(row->klass);
  for (gsize o = 0; b.scoring && o < G_N_ELEMENTS(outputs); o++)
    check_conv2d(&b, row->row, outputs[o], 3, &leaky, DATA_RANDOM);
  for (int kind = 0; b.scoring && kind < N_DATA; kind++)
    check_conv2d(&b, row->row, 12, 3, &linear, (DataKind)kind);
}

static const Row inputs[] = {
  { "1", FALSE, { 1, 1, 1 }, 1 },       { "64", FALSE, { 64, 1, 1 }, 8 },     { "17", FALSE, { 17, 1, 1 }, 3 },
  { "16x2x2", FALSE, { 16, 2, 2 }, 3 }, { "48x4x4", FALSE, { 48, 4, 4 }, 1 }, { "3x5x7", FALSE, { 3, 5, 7 }, 8 },
  { "7x1x3", FALSE, { 7, 1, 3 }, 3 },   { "512", FALSE, { 512, 1, 1 }, 8 },   { "256x4x4", FALSE, { 256, 4, 4 }, 3 },
  { "1x8x8", FALSE, { 1, 8, 8 }, 1 },
};

static void
test_dense(gconstpointer data)
{
  static const CbiganShape outputs[] = { { 1, 1, 1 },  { 64, 1, 1 }, { 5, 1, 1 },  { 48, 1, 1 },
                                         { 16, 2, 2 }, { 3, 2, 2 },  { 64, 2, 2 }, { 7, 3, 5 } };
  const BackendRow *row = data;
  const Row *r = row->row;
  g_auto(Backends) b = open_backends(row->klass);
  for (gsize o = 0; b.scoring && o < G_N_ELEMENTS(outputs); o++)
    for (gsize v = 0; v < G_N_ELEMENTS(variants); v++)
      for (int kind = 0; kind < (outputs[o].h == 3 ? N_DATA : 1); kind++) { /* 7x3x5: every kind of number */
        Case c = { .batch = r->batch, .data = (DataKind)kind, .seed = (guint32)o };
        c.layer = (CbiganLayer){ .kind = CBIGAN_DENSE,
                                 .in = r->in,
                                 .out = outputs[o],
                                 .activation = variants[v].activation,
                                 .accumulate = variants[v].accumulate };
        add_weights(&c.layer, cbigan_shape_size(r->in) + variants[v].extra, variants[v].bias);
        check(&b, &c);
      }
}

static void
check_resample(const BackendRow *row, CbiganLayerKind kind)
{
  const Row *r = row->row;
  const CbiganShape in = r->in;
  CbiganLayer layer = { .kind = kind, .name = "layer", .in = in, .weight = CBIGAN_NO_OFFSET, .bias = CBIGAN_NO_OFFSET };
  layer.out =
      kind == CBIGAN_UPSAMPLE ? (CbiganShape){ in.c, in.h * 2, in.w * 2 } : (CbiganShape){ in.c, in.h / 2, in.w / 2 };
  if (cbigan_shape_size(layer.out) == 0) /* half of 1 is nothing */
    return;
  g_auto(Backends) b = open_backends(row->klass);
  for (int k = 0; b.scoring && k < N_DATA; k++)
    check(&b, &(Case){ layer, r->batch, (DataKind)k, (guint32)k });
}

static void
test_upsample(gconstpointer row)
{
  check_resample(row, CBIGAN_UPSAMPLE);
}

static void
test_avgpool(gconstpointer row)
{
  check_resample(row, CBIGAN_AVGPOOL);
}

/* The judge itself, by hand: 2x2 -> 4x4 as PyTorch's interpolate (bilinear, align_corners = false) has it. */
static void
test_judge(void)
{
  static const float x[] = { 0, 4, 8, 12 };
  static const float up[] = { 0, 1, 3, 4, 2, 3, 5, 6, 6, 7, 9, 10, 8, 9, 11, 12 };
  static const float parameters[] = { 0, 0, 0, 0, 1, 2, 0, 0, 0, -20 }; /* 3x3: the pixel + twice its right one */
  static const float conv[] = { -2.4f, -3.2f, 12, -1.6f }, tolerance[16] = { 0 };
  g_autoptr(CbiganBackend) reference = cbigan_backend_open(&(CbiganBackendOptions){ .name = "reference" }, NULL);
  CbiganShape two = { 1, 2, 2 }, four = { 1, 4, 4 };
  CbiganLayer upsample = { .kind = CBIGAN_UPSAMPLE, .name = "up", .in = two, .out = four, .weight = CBIGAN_NO_OFFSET };
  CbiganLayer avgpool = { .kind = CBIGAN_AVGPOOL, .name = "pool", .in = four, .out = two, .weight = CBIGAN_NO_OFFSET };
  CbiganLayer conv2d = { .kind = CBIGAN_CONV2D,
                         .name = "conv",
                         .kernel = 3,
                         .in = two,
                         .out = two,
                         .weight = 0,
                         .weight_stride = 9,
                         .bias = 9,
                         .activation = CBIGAN_LEAKY };
  static const float pooled[] = { 1.5f, 4.5f, 7.5f, 10.5f };
  g_autofree float *a = run(reference, &upsample, 1, "upsample", x, 1, x, NULL);
  g_autofree float *b = run(reference, &avgpool, 1, "avgpool", x, 1, up, NULL);
  g_autofree float *c = run(reference, &conv2d, 1, "conv2d", parameters, 10, x, NULL);
  expect_close("upsample by hand", four, 1, a, up, tolerance);
  expect_close("avgpool by hand", two, 1, b, pooled, tolerance);
  expect_close("conv2d by hand", two, 1, c, conv, tolerance);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/reference/by-hand", test_judge);
  add_rows_for_backends("conv2d", maps, G_N_ELEMENTS(maps), sizeof *maps, test_conv2d);
  add_for_backends("conv2d-data", FALSE, test_conv2d_data);
  add_rows_for_backends("conv3", blocks, G_N_ELEMENTS(blocks), sizeof *blocks, test_conv3);
  add_rows_for_backends("dense", inputs, G_N_ELEMENTS(inputs), sizeof *inputs, test_dense);
  add_rows_for_backends("upsample", maps, G_N_ELEMENTS(maps), sizeof *maps, test_upsample);
  add_rows_for_backends("avgpool", maps, G_N_ELEMENTS(maps), sizeof *maps, test_avgpool);
  return g_test_run();
}
