/* test_forward.c - whole networks on every backend
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <math.h>
#include <string.h>

#include "cbigan.h"
#include "forward/forward.h"
#include "harness.h"

#define TOLERANCE 1e-4f /* of the largest number of the output */

typedef struct {
  CbiganNetwork *network;
  float *parameters; /* backend memory */
  CbiganForward *forward;
  CbiganBackend *backend;
} Fixture;

static Fixture
open_forward(CbiganBackend *backend, CbiganNetworkKind kind, int width, int patch, int batch, const int *keep)
{
  g_autoptr(GError) error = NULL;
  Fixture f = { .backend = backend, .network = cbigan_network_new(kind, width, patch) };
  gsize n = f.network->n_floats;
  g_autofree float *host = g_new(float, n);
  cbigan_network_initialise(f.network, 7, host);
  f.parameters = cbigan_backend_alloc(backend, n, &error);
  g_assert_no_error(error);
  cbigan_backend_upload(backend, (CbiganShape){ (int)n, 1, 1 }, 1, host, f.parameters);
  f.forward = cbigan_forward_new(backend, f.network, f.network->n_layers, batch, keep, f.parameters, &error);
  g_assert_no_error(error);
  return f;
}

static void
close_forward(Fixture *f)
{
  cbigan_forward_free(f->forward);
  cbigan_backend_free(f->backend, f->parameters);
  cbigan_network_free(f->network);
}

static gsize
value_size(const Fixture *f, int value)
{
  return cbigan_shape_size(f->network->values[value].shape);
}

/* Inputs: each sample has its own seed. (transfer full) the output on the host */
static float *
run(Fixture *f, const guint32 *seeds, DataKind kind, int nan_sample)
{
  for (int v = 0; v < f->network->n_inputs; v++) {
    gsize size = value_size(f, v);
    g_autofree float *all = g_new(float, size * f->forward->batch);
    for (int i = 0; i < f->forward->batch; i++) {
      g_autofree float *x = data_new(i == nan_sample ? DATA_NAN : kind, size, seeds[i] + (guint32)v);
      memcpy(all + i * size, x, size * sizeof *x);
    }
    cbigan_backend_upload(f->backend, f->network->values[v].shape, f->forward->batch, all, f->forward->values[v]);
  }
  g_autoptr(GError) error = NULL;
  cbigan_forward_run(f->forward);
  cbigan_backend_finish(f->backend, &error);
  g_assert_no_error(error);
  int output = f->network->output;
  float *y = g_new(float, value_size(f, output) * f->forward->batch);
  cbigan_backend_download(f->backend, f->network->values[output].shape, f->forward->batch, f->forward->values[output],
                          y);
  return y;
}

static void
compare_within(const char *what, CbiganShape shape, int n, const float *a, const float *b, float tolerance)
{
  gsize size = (gsize)n * cbigan_shape_size(shape);
  float largest = 0;
  for (gsize i = 0; i < size; i++)
    largest = fmaxf(largest, fabsf(b[i]));
  g_assert_cmpfloat(largest, >, 0);
  g_autofree float *tolerances = g_new(float, size);
  for (gsize i = 0; i < size; i++)
    tolerances[i] = tolerance * largest;
  expect_close(what, shape, n, a, b, tolerances);
}

/* All networks of a width */
typedef struct {
  const char *name;
  gboolean slow;
  int width, patch, batch;
} Row;

static const Row rows[] = {
  { "3 of 64x64", FALSE, 3, 64, 3 },    { "4 of 64x64", FALSE, 4, 64, 3 },    { "16 of 64x64", FALSE, 16, 64, 1 },
  { "3 of 128x128", FALSE, 3, 128, 3 }, { "4 of 128x128", FALSE, 4, 128, 3 }, { "16 of 128x128", FALSE, 16, 128, 1 },
};

static void
test_networks(gconstpointer data)
{
  static const guint32 seeds[] = { 10, 20, 30 };
  const Row *row = ((const BackendRow *)data)->row;
  g_autoptr(CbiganBackend) backend = open_or_skip(((const BackendRow *)data)->klass);
  g_autoptr(CbiganBackend) reference = cbigan_backend_open(&(CbiganBackendOptions){ .name = "reference" }, NULL);
  for (int kind = 0; backend && kind < CBIGAN_N_NETWORKS; kind++) {
    Fixture b = open_forward(reference, kind, row->width, row->patch, row->batch, NULL);
    g_autofree float *want = run(&b, seeds, DATA_RANDOM, -1);
    for (int by_layer = 0; by_layer < 2; by_layer++) {
      Fixture a = open_forward(backend, kind, row->width, row->patch, row->batch, by_layer ? CBIGAN_KEEP_ALL : NULL);
      g_autofree float *have = run(&a, seeds, DATA_RANDOM, -1);
      compare_within(cbigan_network_prefix(kind), a.network->values[a.network->output].shape, row->batch, have, want,
                     TOLERANCE);
      close_forward(&a);
    }
    close_forward(&b);
  }
}

static gboolean
is_fused(const Fixture *f)
{
  for (int i = 0; i < f->forward->n_layers; i += f->forward->plans[i]->n_layers)
    if (f->forward->plans[i]->n_layers > 1)
      return TRUE;
  return FALSE;
}

/* To the bit where both run layers by themselves; kernels for several layers round differently. */
static void
compare_value(const Fixture *a, const Fixture *b, int v)
{
  const CbiganShape shape = a->network->values[v].shape;
  gsize n = 2 * value_size(a, v);
  g_autofree float *p = g_new(float, n), *q = g_new(float, n);
  cbigan_backend_download(a->backend, shape, 2, a->forward->values[v], p);
  cbigan_backend_download(b->backend, shape, 2, b->forward->values[v], q);
  if (is_fused(b))
    compare_within(a->network->values[v].name, shape, 2, q, p, TOLERANCE);
  else
    g_assert_cmpmem(p, n * sizeof *p, q, n * sizeof *q);
}

static void
check_reuse(CbiganBackend *backend, CbiganNetworkKind kind, int patch)
{
  static const guint32 seeds[] = { 1, 2 };
  Fixture a = open_forward(backend, kind, 4, patch, 2, CBIGAN_KEEP_ALL);
  int keep[4] = { -1, -1, -1, -1 };
  for (int k = 0; k < 3; k++)
    keep[k] = cbigan_network_block_output(a.network, k * 2);
  Fixture b = open_forward(backend, kind, 4, patch, 2, keep);
  g_assert_cmpint(a.forward->n_buffers, ==, a.network->n_values);
  g_assert_cmpint(b.forward->n_buffers, <, is_fused(&b) ? a.network->n_values : a.network->n_values / 2);
  for (int again = 0; again < 2; again++) { /* the second pass finds the first one's leftovers */
    g_free(run(&a, seeds, DATA_RANDOM, -1));
    g_free(run(&b, seeds, DATA_RANDOM, -1));
    for (int v = 0; v < a.network->n_values; v++)
      if (v < a.network->n_inputs || v == a.network->output || v == keep[0] || v == keep[1] || v == keep[2])
        compare_value(&a, &b, v);
  }
  close_forward(&a);
  close_forward(&b);
}

/* Sharing buffers changes nothing, not in values asked for either, and does share. */
static void
test_reuse(gconstpointer klass)
{
  g_autoptr(CbiganBackend) backend = open_or_skip(klass);
  for (int kind = 0; backend && kind < CBIGAN_N_NETWORKS; kind++)
    for (int patch = 64; patch <= 128; patch += 64)
      check_reuse(backend, kind, patch);
}

static void
check_neighbours(CbiganBackend *backend, CbiganNetworkKind kind, int width, const int *keep)
{
  static const guint32 seeds[2][5] = { { 1, 2, 3, 4, 5 }, { 6, 7, 3, 8, 9 } };
  Fixture f = open_forward(backend, kind, width, 64, 5, keep);
  gsize size = value_size(&f, f.network->output);
  g_autofree float *x = run(&f, seeds[0], DATA_RANDOM, -1), *y = run(&f, seeds[1], DATA_RANDOM, -1);
  g_autofree float *z = run(&f, seeds[1], DATA_RANDOM, 1);
  g_assert_true(isnan(z[1 * size]));
  g_assert_cmpmem(x + 2 * size, size * sizeof *x, y + 2 * size, size * sizeof *y);
  g_assert_cmpmem(x + 2 * size, size * sizeof *x, z + 2 * size, size * sizeof *z);
  close_forward(&f);
}

/* A sample's result is the same to the bit whatever lies beside it, NaN too. */
static void
test_neighbours(gconstpointer klass)
{
  g_autoptr(CbiganBackend) backend = open_or_skip(klass);
  for (int kind = 0; backend && kind < CBIGAN_N_NETWORKS; kind++)
    for (int width = 3; width <= 4; width++) {
      check_neighbours(backend, kind, width, CBIGAN_KEEP_ALL);
      check_neighbours(backend, kind, width, NULL);
    }
}

static void
check_places(CbiganBackend *backend, CbiganNetworkKind kind, int width, int batch)
{
  static const guint32 seeds[16] = { 0 };
  Fixture f = open_forward(backend, kind, width, 64, batch, CBIGAN_KEEP_ALL);
  g_free(run(&f, seeds, DATA_RANDOM, -1));
  for (int layer = 0; layer < f.forward->n_layers; layer++) {
    int v = f.network->layers[layer].output;
    gsize size = value_size(&f, v), n = size * (gsize)batch;
    g_autofree float *y = g_new(float, n);
    cbigan_backend_download(backend, f.network->values[v].shape, batch, f.forward->values[v], y);
    for (gsize k = size; k < n; k++)
      if (memcmp(&y[k], &y[k % size], sizeof *y))
        g_error("c = %d, batch %d, %s: number %zu is %.9g at place %zu, expected %.9g as at place 0", width, batch,
                f.network->layers[layer].name, k % size, y[k], k / size, y[k % size]);
  }
  close_forward(&f);
}

/* A sample's result is the same to the bit at every place of the batch: a frame's score must not depend on the frames
 * that are scored with it. */
static void
test_places(gconstpointer klass)
{
  static const int widths[] = { 1, 3, 4, 5, 16 }, batches[] = { 5, 7, 8, 13, 16 };
  g_autoptr(CbiganBackend) backend = open_or_skip(klass);
  for (int kind = 0; backend && kind < CBIGAN_N_NETWORKS; kind++)
    for (gsize w = 0; w < G_N_ELEMENTS(widths); w++)
      for (gsize b = 0; b < G_N_ELEMENTS(batches); b++)
        check_places(backend, kind, widths[w], batches[b]);
}

/* Alone or among others: not to the bit, other sums may be used, but closer than anyone could see. */
static void
test_batches(gconstpointer klass)
{
  static const guint32 seeds[] = { 5, 6, 7, 8, 9, 10, 11, 12 };
  g_autoptr(CbiganBackend) backend = open_or_skip(klass);
  for (int kind = 0; backend && kind < CBIGAN_N_NETWORKS; kind++) {
    Fixture one = open_forward(backend, (CbiganNetworkKind)kind, 4, 64, 1, CBIGAN_KEEP_ALL);
    Fixture many = open_forward(backend, (CbiganNetworkKind)kind, 4, 64, 8, CBIGAN_KEEP_ALL);
    CbiganShape shape = one.network->values[one.network->output].shape;
    g_autofree float *all = run(&many, seeds, DATA_RANDOM, -1);
    for (int i = 0; i < 8; i++) {
      g_autofree float *alone = run(&one, &seeds[i], DATA_RANDOM, -1);
      compare_within(cbigan_network_prefix((CbiganNetworkKind)kind), shape, 1, all + i * cbigan_shape_size(shape),
                     alone, 2e-5f);
    }
    close_forward(&one);
    close_forward(&many);
  }
}

/* D's first layers alone; what they never write has no memory. */
static void
test_early_stop(gconstpointer klass)
{
  static const guint32 seed = 3;
  g_autoptr(CbiganBackend) backend = open_or_skip(klass);
  if (!backend)
    return;
  g_autoptr(GError) error = NULL;
  g_autoptr(CbiganNetwork) network = cbigan_network_new(CBIGAN_DISCRIMINATOR, 4, 64);
  int block = cbigan_network_block_output(network, 1),
      hidden = cbigan_network_find_value(network, "discriminator.hidden");
  const int keep[] = { block, -1 };
  Fixture whole = open_forward(backend, CBIGAN_DISCRIMINATOR, 4, 64, 1, keep);
  g_autoptr(CbiganForward) part = cbigan_forward_new(backend, network, cbigan_network_layers_until(network, block), 1,
                                                     NULL, whole.parameters, &error);
  g_assert_no_error(error);
  g_assert_null(part->values[hidden]);
  g_free(run(&whole, &seed, DATA_RANDOM, -1));
  gsize n = value_size(&whole, block);
  g_autofree float *image = data_new(DATA_RANDOM, value_size(&whole, 0), seed), *a = g_new(float, n),
                   *b = g_new(float, n);
  cbigan_backend_upload(backend, network->values[0].shape, 1, image, part->values[0]);
  cbigan_forward_run(part);
  cbigan_backend_download(backend, network->values[block].shape, 1, part->values[block], a);
  cbigan_backend_download(backend, network->values[block].shape, 1, whole.forward->values[block], b);
  g_assert_cmpmem(a, n * sizeof *a, b, n * sizeof *b);
  close_forward(&whole);
}

/* Another image with the same latent: as a whole pass, though D's path from the latent is not run again, whatever lies
 * in the latent's place by then. */
static void
run_again(CbiganBackend *backend, int batch)
{
  g_autoptr(CbiganNetwork) network = cbigan_network_new(CBIGAN_DISCRIMINATOR, 4, 64);
  const int keep[] = { cbigan_network_find_value(network, "discriminator.latent2"), -1 };
  Fixture f = open_forward(backend, CBIGAN_DISCRIMINATOR, 4, 64, batch, keep);
  const CbiganValue *values = network->values;
  gsize size = (gsize)batch * value_size(&f, 0), n = (gsize)batch * value_size(&f, network->output),
        latent = (gsize)batch * value_size(&f, 1);
  g_autofree guint32 *seeds = g_new(guint32, batch);
  for (int i = 0; i < batch; i++)
    seeds[i] = 3 + (guint32)i;
  g_autofree float *expected = run(&f, seeds, DATA_RANDOM, -1), *found = g_new(float, n), *image = g_new(float, size),
                   *other = data_new(DATA_RANDOM, MAX(size, latent), 99);
  cbigan_backend_download(backend, values[0].shape, batch, f.forward->values[0], image);
  cbigan_backend_upload(backend, values[0].shape, batch, other, f.forward->values[0]);
  cbigan_forward_run_again(f.forward, 0);
  cbigan_backend_download(backend, values[network->output].shape, batch, f.forward->values[network->output], found);
  g_assert_false(!memcmp(found, expected, n * sizeof *found)); /* it was run */
  cbigan_backend_upload(backend, values[0].shape, batch, image, f.forward->values[0]);
  cbigan_backend_upload(backend, values[1].shape, batch, other, f.forward->values[1]);
  cbigan_forward_run_again(f.forward, 0);
  cbigan_backend_download(backend, values[network->output].shape, batch, f.forward->values[network->output], found);
  g_assert_cmpmem(found, n * sizeof *found, expected, n * sizeof *expected);
  close_forward(&f);
}

static void
test_again(gconstpointer klass)
{
  g_autoptr(CbiganBackend) backend = open_or_skip(klass);
  if (!backend)
    return;
  run_again(backend, 1);
  run_again(backend, 32); /* a patch a lane */
}

static gpointer
run_in_thread(gpointer fixture)
{
  static const guint32 seed = 3;
  return run(fixture, &seed, DATA_RANDOM, -1);
}

/* Opened in one thread, run in another, as an element does. */
static void
test_other_thread(gconstpointer klass)
{
  g_autoptr(CbiganBackend) backend = open_or_skip(klass);
  if (!backend)
    return;
  for (int by_layer = 0; by_layer < 2; by_layer++) {
    Fixture f = open_forward(backend, CBIGAN_DISCRIMINATOR, 4, 64, 1, by_layer ? CBIGAN_KEEP_ALL : NULL);
    gsize size = value_size(&f, f.network->output) * sizeof(float);
    g_autofree float *there = g_thread_join(g_thread_new("other", run_in_thread, &f)), *here = run_in_thread(&f);
    g_assert_cmpmem(here, size, there, size);
    close_forward(&f);
  }
}

/* New parameters count after cbigan_forward_load(). */
static void
test_load(gconstpointer klass)
{
  static const guint32 seed = 3;
  g_autoptr(CbiganBackend) backend = open_or_skip(klass);
  if (!backend)
    return;
  for (int by_layer = 0; by_layer < 2; by_layer++) {
    Fixture a = open_forward(backend, CBIGAN_GENERATOR, 3, 64, 1, by_layer ? CBIGAN_KEEP_ALL : NULL);
    g_autofree float *before = run(&a, &seed, DATA_RANDOM, -1), *zero = g_new0(float, a.network->n_floats);
    cbigan_backend_upload(backend, (CbiganShape){ (int)a.network->n_floats, 1, 1 }, 1, zero, a.parameters);
    cbigan_forward_load(a.forward);
    g_autofree float *after = run(&a, &seed, DATA_RANDOM, -1);
    g_assert_cmpfloat(before[0], !=, 0);
    for (gsize i = 0; i < value_size(&a, a.network->output); i++)
      g_assert_cmpfloat(after[i], ==, 0);
    close_forward(&a);
  }
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  add_rows_for_backends("networks", rows, G_N_ELEMENTS(rows), sizeof *rows, test_networks);
  add_for_backends("reuse", TRUE, test_reuse);
  add_for_backends("neighbours", TRUE, test_neighbours);
  add_for_backends("places", FALSE, test_places);
  add_for_backends("batches", TRUE, test_batches);
  add_for_backends("early-stop", TRUE, test_early_stop);
  add_for_backends("again", TRUE, test_again);
  add_for_backends("other-thread", TRUE, test_other_thread);
  add_for_backends("load", TRUE, test_load);
  return g_test_run();
}
