/* test_graphs.c - fused layers of the cuda backend as CUDA graphs: pointers, loading, failures, again and again
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * In fp32 the network here is one launch of residual_block.cu, in fp16 it is cuDNN's convolutions.
 */
#include <stdlib.h>
#include <string.h>

#include "cbigan.h"
#include "counts.h"
#include "gpu_configs.h"
#include "network_runs.h"
#include "rss.h"
#include "harness.h"

static Pass
open_pass(const CbiganNetwork *network, const Case *c)
{
  return pass_new("cuda", NULL, 0, network, c, FUSED);
}

/* A small network that runs over and over, with buffers of the caller's in place of the forward pass's. */
typedef struct {
  Pass pass;
  CbiganNetwork *network;
  Case c;
  gsize in, out; /* floats */
  float *want;   /* of a pass made of launches */
} Loop;

static const CbiganPrecision precisions[] = { CBIGAN_PRECISION_FP32, CBIGAN_PRECISION_FP16 };

static Loop
loop_new(CbiganPrecision precision)
{
  Loop l = { .c = { CBIGAN_DISCRIMINATOR, 2, 64, 1, .n_layers = 5, .precision = precision } }; /* the first block */
  l.network = case_network(&l.c);
  l.pass = open_pass(l.network, &l.c);
  const CbiganForward *f = l.pass.forward;
  l.in = (gsize)l.c.batch * cbigan_shape_size(l.network->values[0].shape);
  l.out = (gsize)l.c.batch * cbigan_shape_size(l.network->values[l.network->layers[f->n_layers - 1].output].shape);
  return l;
}

static void
loop_clear(Loop *l)
{
  pass_clear(&l->pass);
  cbigan_network_free(l->network);
  g_free(l->want);
}

/* (transfer full) what comes out of x, in its own buffers */
static float *
loop_run(Loop *l, float *x, float *y, guint32 seed)
{
  CbiganForward *f = l->pass.forward;
  const int output = l->network->layers[f->n_layers - 1].output;
  g_autoptr(GError) error = NULL;
  g_autofree float *host = data_new(DATA_RANDOM, l->in, seed);
  float *found = g_new(float, l->out), *kept[] = { f->values[0], f->values[output] };
  if (x)
    f->values[0] = x;
  if (y)
    f->values[output] = y;
  cbigan_backend_upload(l->pass.backend, l->network->values[0].shape, l->c.batch, host, f->values[0]);
  cbigan_forward_run(f);
  cbigan_backend_download(l->pass.backend, l->network->values[output].shape, l->c.batch, f->values[output], found);
  f->values[0] = kept[0];
  f->values[output] = kept[1];
  cbigan_backend_finish(l->pass.backend, &error);
  g_assert_no_error(error);
  return found;
}

static void
loop_check(Loop *l, float *x, float *y, guint32 seed, const float *want)
{
  g_autofree float *found = loop_run(l, x, y, seed);
  g_assert_cmpmem(found, l->out * sizeof *found, want, l->out * sizeof *want);
}

/* Each set of buffers has its own graph, and there are more sets than graphs. The bits are always those without a
 * graph. */
static void
test_pointers(void)
{
  enum { SETS = 7 };
  float *x[SETS], *y[SETS], *want[2];
  for (guint m = 0; m < G_N_ELEMENTS(precisions) && can_run(); m++) {
    Loop l = loop_new(precisions[m]);
    want[0] = loop_run(&l, NULL, NULL, 1); /* of launches */
    Loop other = loop_new(precisions[m]);
    want[1] = loop_run(&other, NULL, NULL, 2);
    for (int i = 0; i < SETS; i++) {
      x[i] = cbigan_backend_alloc(l.pass.backend, l.in, NULL);
      y[i] = cbigan_backend_alloc(l.pass.backend, l.out, NULL);
    }
    for (int turn = 0; turn < 3; turn++) /* two sets, in turns */
      for (int i = 0; i < 2; i++)
        loop_check(&l, x[i], y[i], 1 + (guint32)i, want[i]);
    for (int turn = 0; turn < 2; turn++) /* all, and such that have one pointer in common */
      for (int i = 0; i < SETS; i++)
        loop_check(&l, x[i], y[(i + turn) % SETS], 1 + (guint32)(i % 2), want[i % 2]);
    for (int i = 0; i < SETS; i++) {
      cbigan_backend_free(l.pass.backend, x[i]);
      cbigan_backend_free(l.pass.backend, y[i]);
    }
    g_free(want[0]);
    g_free(want[1]);
    loop_clear(&l);
    loop_clear(&other);
  }
}

static void
set_parameters(Loop *l, float *to, guint64 seed)
{
  g_autofree float *host = g_new(float, l->network->n_floats);
  cbigan_network_initialise(l->network, seed, host);
  for (int i = 0; i < l->network->n_parameters; i++) /* biases that show, too */
    for (gsize k = 0; l->network->parameters[i].n_dims == 1 && k < l->network->parameters[i].size; k++)
      host[l->network->parameters[i].offset + k] = 0.01f * (float)(seed % 50);
  cbigan_backend_upload(l->pass.backend, (CbiganShape){ (int)l->network->n_floats, 1, 1 }, 1, host, to);
}

/* After load() graphs give what the new parameters say, whether they lie where the old ones lay or elsewhere. */
static void
test_load(void)
{
  for (guint m = 0; m < G_N_ELEMENTS(precisions) && can_run(); m++) {
    Loop l = loop_new(precisions[m]), fresh = loop_new(precisions[m]);
    g_autofree float *before = loop_run(&l, NULL, NULL, 1);
    loop_check(&l, NULL, NULL, 1, before);
    set_parameters(&fresh, fresh.pass.parameters, 99);
    cbigan_forward_load(fresh.pass.forward);
    g_autofree float *want = loop_run(&fresh, NULL, NULL, 1);
    g_assert_true(memcmp(before, want, l.out * sizeof *want));
    set_parameters(&l, l.pass.parameters, 99);
    cbigan_forward_load(l.pass.forward);
    loop_check(&l, NULL, NULL, 1, want);
    float *elsewhere = cbigan_backend_alloc(l.pass.backend, l.network->n_floats, NULL);
    set_parameters(&l, elsewhere, 98);
    set_parameters(&fresh, fresh.pass.parameters, 98);
    cbigan_forward_load(fresh.pass.forward);
    g_autofree float *third = loop_run(&fresh, NULL, NULL, 1);
    for (int i = 0; i < l.pass.forward->n_layers; i++)
      if (l.pass.forward->plans[i])
        cbigan_backend_load(l.pass.backend, l.pass.forward->plans[i], NULL, elsewhere);
    loop_check(&l, NULL, NULL, 1, third);
    loop_check(&l, NULL, NULL, 1, third);
    cbigan_backend_free(l.pass.backend, elsewhere);
    loop_clear(&l);
    loop_clear(&fresh);
  }
}

/* When a larger workspace replaces cuDNN's, a graph that uses the old one is not launched again. */
static void
test_workspace(void)
{
  for (guint m = 0; m < G_N_ELEMENTS(precisions) && can_run(); m++) {
    Loop l = loop_new(precisions[m]);
    g_autofree float *want = loop_run(&l, NULL, NULL, 1);
    loop_check(&l, NULL, NULL, 1, want);
    g_autoptr(CbiganNetwork) wide = cbigan_network_new(CBIGAN_DISCRIMINATOR, 16, 64);
    g_autoptr(GError) error = NULL;
    float *parameters = cbigan_backend_alloc(l.pass.backend, wide->n_floats, &error);
    CbiganForward *more =
        cbigan_forward_new(l.pass.backend, wide, wide->n_layers, 1, CBIGAN_KEEP_ALL, parameters, &error);
    g_assert_no_error(error);
    loop_check(&l, NULL, NULL, 1, want);
    loop_check(&l, NULL, NULL, 1, want);
    cbigan_forward_free(more);
    cbigan_backend_free(l.pass.backend, parameters);
    loop_clear(&l);
  }
}

/* --- failures ---------------------------------------------------------------------------------------------------- */

static void
assert_failure(CbiganBackend *backend, const char *pattern)
{
  g_autoptr(GError) error = NULL;
  g_assert_false(cbigan_backend_finish(backend, &error));
  g_assert_error(error, CBIGAN_ERROR, CBIGAN_ERROR_BACKEND);
  if (!g_regex_match_simple(pattern, error->message, 0, 0))
    g_error("“%s”, expected “%s”", error->message, pattern);
}

/* A sequence that can't be captured or instantiated is launched, with the same bits and no failure. Later it is
 * captured after all. */
static void
test_capture_fails(void)
{
  static const struct {
    CbiganPrecision precision;
    const char *machine;
  } rows[] = { { CBIGAN_PRECISION_FP32, USUAL ",uncapturable=1" },
               { CBIGAN_PRECISION_FP32, USUAL ",graphs=1" },
               { CBIGAN_PRECISION_FP16, USUAL ",uncapturable=1" },
               { CBIGAN_PRECISION_FP16, USUAL ",uncapturable=3" } };
  for (guint i = 0; i < G_N_ELEMENTS(rows) && can_run() && only_emulated(); i++) {
    Loop l = loop_new(rows[i].precision);
    g_autofree float *want = loop_run(&l, NULL, NULL, 1);
    g_setenv("CBIGAN_EMULATOR", rows[i].machine, TRUE);
    for (int again = 0; again < 2; again++)
      loop_check(&l, NULL, NULL, 1, want);
    g_setenv("CBIGAN_EMULATOR", USUAL, TRUE);
    for (int again = 0; again < 2; again++)
      loop_check(&l, NULL, NULL, 1, want);
    loop_clear(&l);
  }
}

/* The device is lost with a launch of a graph: one error, and what follows ends at once. */
static void
test_lost(void)
{
  if (!only_emulated())
    return;
  if (!g_test_subprocess()) {
    g_test_trap_subprocess(NULL, 60 * G_USEC_PER_SEC, 0);
    g_test_trap_assert_passed();
    return;
  }
  g_setenv("CBIGAN_EMULATOR", USUAL ",lostlaunch=3", TRUE);
  Loop l = loop_new(CBIGAN_PRECISION_FP32);
  for (int i = 0; i < 3; i++)
    g_free(loop_run(&l, NULL, NULL, 1));
  cbigan_forward_run(l.pass.forward);
  assert_failure(l.pass.backend, "^graph_cache\\.c:[0-9]+: cudaGraphLaunch.*: cudaErrorDevicesUnavailable");
  cbigan_forward_run(l.pass.forward);
  assert_failure(l.pass.backend, "^[a-z0-9_]+\\.c:[0-9]+: .*: cudaErrorDevicesUnavailable");
  cbigan_forward_run(l.pass.forward); /* its failure is never asked for */
  loop_clear(&l);
}

/* Too little memory is an error that says so, at whichever allocation it happens; then all is given back. */
static void
test_memory(void)
{
  Case c = { CBIGAN_GENERATOR, 4, 64, 8 };
  g_autoptr(CbiganNetwork) network = case_network(&c);
  g_autoptr(GError) error = NULL;
  int failed = 0, done = 0;
  if (!can_run() || !only_emulated())
    return;
  g_autoptr(CbiganBackend) backend = open_backend(&(CbiganBackendOptions){ .name = "cuda" });
  float *parameters = cbigan_backend_alloc(backend, network->n_floats, &error);
  for (int mib = 1; mib < 16; mib++) {
    g_autofree char *machine = g_strdup_printf(USUAL ",memory=%d", mib);
    g_setenv("CBIGAN_EMULATOR", machine, TRUE);
    g_autoptr(CbiganForward) forward =
        cbigan_forward_new(backend, network, network->n_layers, c.batch, NULL, parameters, &error);
    done += forward != NULL;
    if (forward)
      continue;
    if (done) /* with more memory than was enough before */
      g_error("%d MiB: %s", mib, error->message);
    failed++;
    expect_error(error, CBIGAN_ERROR_BACKEND, "memory");
    g_clear_error(&error);
    g_assert_true(cbigan_backend_finish(backend, &error));
  }
  g_assert_cmpint(failed, >, 1);
  g_assert_cmpint(done, >, 1);
  cbigan_backend_free(backend, parameters);
}

/* A network is opened, captured and closed a thousand times, and one that stays open gets a thousand sets of pointers.
 * Neither the device's memory grows (the emulated GPU is small and has room for few graphs) nor the host's. */
static void
test_again_and_again(void)
{
  enum { ALIGNED = 16 }; /* floats */
  const int times = 1000;
  gint64 before = 0;
  if (!can_run_on(USUAL ",memory=6,graphs=6"))
    return;
  Loop open = loop_new(CBIGAN_PRECISION_FP32);
  float *y = cbigan_backend_alloc(open.pass.backend, open.out + (gsize)times * ALIGNED, NULL);
  g_assert_nonnull(y);
  for (int i = 0; i < times; i++) {
    g_free(loop_run(&open, NULL, y + i * ALIGNED, 1));
    if (i % 20)
      continue;
    CbiganForward *f = open.pass.forward;
    g_autoptr(GError) error = NULL;
    open.pass.forward =
        cbigan_forward_new(f->backend, f->network, f->n_layers, f->batch, open.pass.values, f->parameters, &error);
    g_assert_no_error(error);
    cbigan_forward_free(f);
    if (i == times / 5) /* libraries have what they keep */
      before = resident_bytes();
  }
  cbigan_backend_free(open.pass.backend, y);
  loop_clear(&open);
  const long graphs = is_emulated() ? emulator_count("graph") : 0;
  for (int i = 0; i < times; i++) {
    Loop l = loop_new(CBIGAN_PRECISION_FP32);
    for (int run = 0; run < 2; run++)
      g_free(loop_run(&l, NULL, NULL, 1));
    loop_clear(&l);
  }
  if (is_emulated()) /* else they would be launches instead, as there is no room */
    g_assert_cmpint(emulator_count("graph") - graphs, >=, times);
  g_assert_cmpint(resident_bytes() - before, <, 32 << 20);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/cuda-graphs/pointers", test_pointers);
  g_test_add_func("/cuda-graphs/load", test_load);
  g_test_add_func("/cuda-graphs/workspace", test_workspace);
  g_test_add_func("/cuda-graphs/capture-fails", test_capture_fails);
  g_test_add_func("/cuda-graphs/lost", test_lost);
  g_test_add_func("/cuda-graphs/memory", test_memory);
  g_test_add_func("/cuda-graphs/again-and-again", test_again_and_again);
  return g_test_run();
}
