/* test_fused.c - fused passes of the cpu backend against layers one by one
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Narrow networks are held to the reference; wide ones, where that would take minutes, to the cpu backend's single
 * operations, which test_layers.c holds to the reference. Inputs lie between NaN, outputs between sentinels.
 */
#include <math.h>

#include <string.h>

#include "backend/cpu/fused.h"
#include "cbigan.h"
#include "compare.h"
#include "model/forward.h"

#define TOLERANCE 1e-4f /* of the largest number of a value */
#define MAX_VALUES 10
#define SENTINEL 12345.678f

typedef struct {
  CbiganNetworkKind kind;
  int width, patch, batch;
  DataKind data;
  int n_layers; /* 0 = all */
} Case;

/* Block outputs, what the dense layers make, the last value: -1-terminated. */
static void
readable(const CbiganNetwork *n, int n_layers, int *values)
{
  int count = 0;
  for (int block = 0; block < 6; block++) {
    int v = cbigan_network_block_output(n, block);
    if (cbigan_network_layers_until(n, v) <= n_layers)
      values[count++] = v;
  }
  static const char *const names[] = { "hidden", "seed" };
  for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
    g_autofree char *name = g_strdup_printf("%s.%s", cbigan_network_prefix(n->kind), names[i]);
    int v = cbigan_network_find_value(n, name);
    if (v >= 0 && cbigan_network_layers_until(n, v) <= n_layers)
      values[count++] = v;
  }
  int last = n->layers[n_layers - 1].output;
  if (!count || values[count - 1] != last)
    values[count++] = last;
  values[count] = -1;
}

/* out[i] = (transfer full) values[i] on the host */
static void
pass(const char *backend_name, const char *isa, const Case *c, const CbiganNetwork *network, int n_layers,
     const int *values, gboolean fused, float **out)
{
  g_autoptr(GError) error = NULL;
  g_setenv("CBIGAN_ISA", isa, TRUE);
  g_autoptr(CbiganBackend) backend = cbigan_backend_open(backend_name, 0, 1, &error);
  g_assert_no_error(error);
  g_autofree float *host = g_new(float, network->n_floats);
  cbigan_network_initialise(network, 7, host);
  for (int i = 0; i < network->n_parameters; i++) /* biases that show */
    for (gsize k = 0; network->parameters[i].n_dims == 1 && k < network->parameters[i].size; k++)
      host[network->parameters[i].offset + k] = 0.1f * (float)(k % 7) - 0.2f;
  float *parameters = cbigan_backend_alloc(backend, network->n_floats, &error);
  cbigan_backend_upload(backend, (CbiganShape){ (int)network->n_floats, 1, 1 }, 1, host, parameters);
  g_autoptr(CbiganForward) forward =
      cbigan_forward_new(backend, network, n_layers, c->batch, CBIGAN_FORWARD_REUSE, values, parameters, &error);
  g_assert_no_error(error);
  if (fused) { /* whatever is faster */
    forward->fused = cbigan_cpu_fuse_always(backend, network, n_layers, c->batch, values);
    g_assert_nonnull(forward->fused);
    cbigan_forward_load(forward);
  }

  Guarded in[2], guarded[MAX_VALUES];
  for (int v = 0; v < network->n_inputs; v++) {
    CbiganShape shape = network->values[v].shape;
    g_autofree float *x = data_new(c->data, cbigan_shape_size(shape) * c->batch, (guint32)(c->width + v));
    in[v] = guarded_new(backend, shape, c->batch, x, NAN);
    forward->values[v] = in[v].data;
  }
  for (int i = 0; fused && values[i] >= 0; i++) {
    guarded[i] = guarded_new(backend, network->values[values[i]].shape, c->batch, NULL, SENTINEL);
    forward->values[values[i]] = guarded[i].data;
  }
  for (int again = 0; again < 2; again++) /* the second pass finds the first one's leftovers */
    cbigan_forward_run(forward);
  cbigan_backend_finish(backend, &error);
  g_assert_no_error(error);
  for (int i = 0; values[i] >= 0; i++) {
    CbiganShape shape = network->values[values[i]].shape;
    if (fused) {
      out[i] = guarded_finish(&guarded[i], network->values[values[i]].name);
    } else {
      out[i] = g_new(float, cbigan_shape_size(shape) * c->batch);
      cbigan_backend_download(backend, shape, c->batch, forward->values[values[i]], out[i]);
    }
  }
  for (int v = 0; v < network->n_inputs; v++)
    g_free(guarded_finish(&in[v], "input"));
  cbigan_backend_free(backend, parameters);
}

static void
check(const char *isa, const Case *c, const CbiganNetwork *network)
{
  int n_layers = c->n_layers ? c->n_layers : network->n_layers, values[MAX_VALUES + 1];
  float *have[MAX_VALUES], *want[MAX_VALUES];
  readable(network, n_layers, values);
  pass("cpu", isa, c, network, n_layers, values, TRUE, have);
  pass(c->width <= 2 ? "reference" : "cpu", "none", c, network, n_layers, values, FALSE, want);
  for (int i = 0; values[i] >= 0; i++) {
    CbiganShape shape = network->values[values[i]].shape;
    gsize size = cbigan_shape_size(shape) * c->batch;
    float largest = 1e-30f;
    for (gsize k = 0; k < size; k++)
      if (isfinite(want[i][k]))
        largest = fmaxf(largest, fabsf(want[i][k]));
    g_autofree float *tolerances = g_new(float, size);
    for (gsize k = 0; k < size; k++)
      tolerances[k] = TOLERANCE * largest;
    g_autofree char *what = g_strdup_printf("%s %s c = %d, %dx%d, %d %s samples", isa, network->values[values[i]].name,
                                            c->width, c->patch, c->patch, c->batch, data_names[c->data]);
    compare(what, shape, c->batch, have[i], want[i], tolerances);
    g_free(have[i]);
    g_free(want[i]);
  }
}

static gboolean
skip(const char *isa)
{
  g_setenv("CBIGAN_ISA", isa, TRUE);
  const CbiganIsa *best = NULL;
  if (cbigan_cpu_choose_isa(&best, NULL) && best && g_str_equal(best->kernels->name, isa))
    return FALSE;
  g_test_skip("this processor has not got these instructions");
  return TRUE;
}

static void
check_network(const char *isa, const Case *c)
{
  g_autoptr(CbiganNetwork) network = cbigan_network_new(c->kind, c->width, c->patch);
  check(isa, c, network);
}

static void
test_widths(gconstpointer isa)
{
  static const int widths[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 16, 19, 24, 32, 37, 48, 63, 64 };
  for (guint i = 0; !skip(isa) && i < G_N_ELEMENTS(widths) * CBIGAN_N_NETWORKS; i++) {
    int width = widths[i / CBIGAN_N_NETWORKS];
    check_network(isa, &(Case){ (CbiganNetworkKind)(i % CBIGAN_N_NETWORKS), width, 64, 13, DATA_RANDOM, 0 });
  }
}

static void
test_patch_128(gconstpointer isa)
{
  static const int widths[] = { 1, 3, 5, 16 };
  for (guint i = 0; !skip(isa) && i < G_N_ELEMENTS(widths) * CBIGAN_N_NETWORKS; i++)
    check_network(isa, &(Case){ (CbiganNetworkKind)(i % CBIGAN_N_NETWORKS), widths[i / CBIGAN_N_NETWORKS], 128, 13,
                                DATA_RANDOM, 0 });
}

static void
test_data(gconstpointer isa)
{
  for (guint i = 0; !skip(isa) && i < N_DATA * CBIGAN_N_NETWORKS; i++)
    check_network(isa, &(Case){ (CbiganNetworkKind)(i % CBIGAN_N_NETWORKS), i % 2 ? 2 : 3, 64, 13,
                                (DataKind)(i / CBIGAN_N_NETWORKS), 0 });
}

/* More than a group of samples; D's trunk alone; f_D "first". */
static void
test_taps(gconstpointer isa)
{
  if (skip(isa))
    return;
  g_autoptr(CbiganNetwork) d = cbigan_network_new(CBIGAN_DISCRIMINATOR, 3, 64);
  check(isa, &(Case){ CBIGAN_DISCRIMINATOR, 3, 64, 29, DATA_RANDOM, 0 }, d);
  for (int block = 0; block < 6; block++) {
    int n = cbigan_network_layers_until(d, cbigan_network_block_output(d, block));
    check(isa, &(Case){ CBIGAN_DISCRIMINATOR, 3, 64, 13, DATA_RANDOM, n }, d);
  }
  g_autoptr(CbiganNetwork) first = cbigan_network_new_first_tap(5, 64);
  float *have[2], *want[2];
  const Case c = { CBIGAN_DISCRIMINATOR, 5, 64, 29, DATA_RANDOM, 0 };
  const int value[] = { first->output, -1 };
  pass("cpu", isa, &c, first, 1, value, TRUE, have);
  pass("reference", "none", &c, first, 1, value, FALSE, want);
  gsize n = cbigan_shape_size(first->values[first->output].shape) * c.batch;
  for (gsize i = 0; i < n; i++)
    if (!(fabsf(have[0][i] - want[0][i]) <= 1e-5f))
      g_error("first tap: [%zu] is %.9g, reference %.9g, tolerance 1e-5", i, (double)have[0][i], (double)want[0][i]);
  g_free(have[0]);
  g_free(want[0]);
}

/* Who asks gets a fused pass where one is faster, with the same bits as from cbigan_cpu_fuse_always(). */
static void
test_forward(gconstpointer isa)
{
  g_autoptr(GError) error = NULL;
  if (skip(isa))
    return;
  g_autoptr(CbiganBackend) backend = cbigan_backend_open("cpu", 0, 1, &error);
  g_assert_no_error(error);
  const CbiganIsa *row = ((CbiganCpu *)backend)->isa;
  int lanes = row->kernels->lanes;
  const struct {
    CbiganForwardMemory memory;
    int width, batch;
    gboolean fused;
  } cases[] = {
    { CBIGAN_FORWARD_FUSE, 3, lanes, TRUE },
    { CBIGAN_FORWARD_FUSE, row->widest, 3 * lanes / 4, TRUE },
    { CBIGAN_FORWARD_FUSE, row->widest + 1, lanes, FALSE },
    { CBIGAN_FORWARD_FUSE, 3, 3 * lanes / 4 - 1, FALSE },
    { CBIGAN_FORWARD_FUSE, 3, lanes + 1, FALSE },
    { CBIGAN_FORWARD_REUSE, 3, lanes, FALSE },
    { CBIGAN_FORWARD_KEEP, 3, lanes, FALSE },
  };
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autoptr(CbiganNetwork) e = cbigan_network_new(CBIGAN_ENCODER, cases[i].width, 64);
    float *parameters = cbigan_backend_alloc(backend, e->n_floats, &error), *out[2];
    cbigan_network_initialise(e, 5, parameters);
    gsize n = cbigan_shape_size(e->values[e->output].shape) * (gsize)cases[i].batch;
    g_autofree float *x = data_new(DATA_RANDOM, cbigan_shape_size(e->values[0].shape) * (gsize)cases[i].batch, 11);
    for (int always = 0; always < 2; always++) {
      g_autoptr(CbiganForward) forward =
          cbigan_forward_new(backend, e, e->n_layers, cases[i].batch, cases[i].memory, NULL, parameters, &error);
      g_assert_no_error(error);
      if ((forward->fused != NULL) != cases[i].fused)
        g_error("case %u: %s, c = %d, batch %d is %sfused", i, (const char *)isa, cases[i].width, cases[i].batch,
                forward->fused ? "" : "not ");
      if (always && cases[i].fused) {
        forward->fused->free(forward->fused);
        forward->fused = cbigan_cpu_fuse_always(backend, e, e->n_layers, cases[i].batch, NULL);
        cbigan_forward_load(forward);
      }
      cbigan_backend_upload(backend, e->values[0].shape, cases[i].batch, x, forward->values[0]);
      cbigan_forward_run(forward);
      out[always] = g_memdup2(forward->values[e->output], n * sizeof(float));
    }
    g_assert_cmpmem(out[0], n * sizeof(float), out[1], n * sizeof(float));
    g_free(out[0]);
    g_free(out[1]);
    cbigan_backend_free(backend, parameters);
  }
}

static void
test_isa_names(void)
{
  static const char *const wrong[] = { "", "sse9", "AVX2" };
  for (guint i = 0; i < G_N_ELEMENTS(wrong); i++) {
    g_autoptr(GError) error = NULL;
    g_setenv("CBIGAN_ISA", wrong[i], TRUE);
    g_assert_null(cbigan_backend_open("cpu", 0, 1, &error));
    g_assert_error(error, CBIGAN_ERROR, CBIGAN_ERROR_BACKEND);
    g_assert_nonnull(strstr(error->message, wrong[i]));
    g_assert_nonnull(strstr(error->message, "none"));
  }
  g_autoptr(GError) error = NULL;
  g_setenv("CBIGAN_ISA", "none", TRUE);
  g_autoptr(CbiganBackend) backend = cbigan_backend_open("cpu", 0, 1, &error);
  g_assert_no_error(error);
  g_assert_null(((CbiganCpu *)backend)->isa);
}

int
main(int argc, char **argv)
{
  static const char *const isas[] = { "avx2", "avx512" };
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/names", test_isa_names);
  for (guint i = 0; i < G_N_ELEMENTS(isas); i++) {
    static const struct {
      const char *name;
      GTestDataFunc run;
    } tests[] = { { "data", test_data },
                  { "taps", test_taps },
                  { "forward", test_forward },
                  { "widths", test_widths },
                  { "patch-128", test_patch_128 } };
    for (guint k = 0; k < G_N_ELEMENTS(tests); k++) {
      g_autofree char *path = g_strdup_printf("/%s/%s", isas[i], tests[k].name);
      g_test_add_data_func(path, isas[i], tests[k].run);
    }
  }
  return g_test_run();
}
