/* test_updates.c - whole updates of training on the cuda backend: the same bits however they get there, and what is
 * asked of the device
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <math.h>
#include <string.h>

#include "counts.h"
#include "training/losses.h"
#include "gpu_configs.h"
#include "harness.h"

#define WIDTH 2
#define PATCH 64
#define BATCH 2
#define PICTURES 5

typedef enum { WARM_UP, CRITIC, ENCODER_GENERATOR, N_KINDS } Kind;
static const char *const kind_names[N_KINDS] = { "warm-up", "critic", "encoder-generator" };

/* How a batch gets into the device's memory */
typedef enum { STORED, SENT, ORDINARY } Way;

typedef struct {
  CbiganPicture pictures[PICTURES];
  CbiganBackend *backend;
  CbiganGrad grad;
  CbiganGradients table; /* less what `way` does without */
  CbiganLearner learners[CBIGAN_N_NETWORKS];
  CbiganLosses *losses;
  CbiganBatches *batches;
} Run;

static void
give_numbers(gconstpointer unused, guint64 number, CbiganUpdate *update)
{
  *update = cbigan_update_numbers((guint)number + 1, 1e-3f / (float)(number + 1), 0.5f, 0.9f, 1e-8f,
                                  (float)number / (float)(number + 1));
}

static void
make_networks(Run *r)
{
  for (int i = 0; i < CBIGAN_N_NETWORKS; i++) {
    CbiganLearner *l = &r->learners[i];
    g_assert_true(cbigan_learner_init(l, r->backend, i, WIDTH, PATCH, NULL));
    const gsize n = l->network->n_floats;
    g_autofree float *start = g_new(float, n);
    cbigan_network_initialise(l->network, (guint64)i + 1, start);
    cbigan_backend_upload(r->backend, (CbiganShape){ (int)n, 1, 1 }, 1, start, l->parameters);
  }
}

static void
run_open(Run *r, Way way)
{
  g_autoptr(GError) error = NULL;
  const CbiganPicture *pictures[PICTURES];
  *r = (Run){ .backend = open_backend(
                  &(CbiganBackendOptions){ .name = "cuda", .threads = 1, .purpose = CBIGAN_FOR_TRAINING }) };
  g_assert_true(cbigan_grad_init(&r->grad, r->backend, NULL));
  r->table = *r->grad.table;
  r->grad.table = &r->table;
  if (way != STORED)
    r->table.store = NULL;
  if (way == ORDINARY)
    r->table.staging_new = NULL;
  for (int i = 0; i < PICTURES; i++) {
    CbiganPicture *p = &r->pictures[i];
    *p = (CbiganPicture){ .width = 80, .height = 70, .pixels = g_new(guint8, 80 * 70 * 3) };
    for (int k = 0; k < 80 * 70 * 3; k++)
      p->pixels[k] = (guint8)(k * (7 + i) + k / 240 * 13);
    pictures[i] = p;
  }
  make_networks(r);
  const CbiganLossOptions options = { BATCH, TRUE, TRUE, 10.0 };
  r->losses = cbigan_losses_new(&r->grad, r->learners, &options, &error);
  g_assert_no_error(error);
  const CbiganBatchOptions batches = { .pictures = pictures,
                                       .n_pictures = PICTURES,
                                       .batch = BATCH,
                                       .patch = PATCH,
                                       .rotation = 30.0,
                                       .seed = 3,
                                       .grad = &r->grad,
                                       .update = give_numbers };
  r->batches = cbigan_batches_new(&batches, 0, NULL);
}

static void
run_close(Run *r)
{
  cbigan_batches_free(r->batches);
  cbigan_losses_free(r->losses);
  for (int i = 0; i < CBIGAN_N_NETWORKS; i++)
    cbigan_learner_clear(&r->learners[i], r->backend);
  cbigan_backend_close(r->backend);
  for (int i = 0; i < PICTURES; i++)
    g_free(r->pictures[i].pixels);
}

static gboolean
run_update(Run *r, Kind kind, CbiganLossValues *values, GError **error)
{
  const CbiganBatch *batch = cbigan_batches_next(r->batches);
  return kind == CRITIC ? cbigan_losses_critic(r->losses, batch, values, error)
                        : cbigan_losses_encoder_generator(r->losses, batch, kind == WARM_UP ? 1.0 : 0.1, values, error);
}

/* Updates of all kinds until all are captured. Their losses and the networks' arrays are added to `seen`. */
static void
run_updates(Run *r, GByteArray *seen)
{
  static const Kind kinds[] = { WARM_UP, WARM_UP, WARM_UP, CRITIC, ENCODER_GENERATOR, CRITIC, ENCODER_GENERATOR,
                                CRITIC,  CRITIC,  WARM_UP, CRITIC, ENCODER_GENERATOR };
  for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++) {
    g_autoptr(GError) error = NULL;
    CbiganLossValues values;
    run_update(r, kinds[i], &values, &error);
    g_assert_no_error(error);
    g_byte_array_append(seen, (const guint8 *)&values.reconstruction, 4 * sizeof(double));
  }
  for (int i = 0; i < CBIGAN_N_NETWORKS; i++) {
    const CbiganLearner *l = &r->learners[i];
    const gsize n = l->network->n_floats;
    float *arrays[] = { l->parameters, l->gradients, l->moment1, l->moment2, l->mean };
    g_autofree float *host = g_new(float, n);
    for (gsize k = 0; k < G_N_ELEMENTS(arrays); k++) {
      if (!arrays[k])
        continue;
      cbigan_backend_download(r->backend, (CbiganShape){ (int)n, 1, 1 }, 1, arrays[k], host);
      for (gsize j = 0; j < n; j++)
        g_assert_true(isfinite(host[j]));
      g_byte_array_append(seen, (const guint8 *)host, (guint)(n * sizeof *host));
    }
  }
}

/* Launched one by one or as graphs, cut here or there, sent or uploaded; and whenever the emulated GPU copies. */
static void
test_same_bits(void)
{
  static const struct {
    const char *name, *graphs, *machine;
    Way way;
    gboolean slow; /* with -m slow, beside the first row */
  } rows[] = {
    { "launched, ordinary memory", "none", QUICK, ORDINARY, FALSE },
    { "recorded, ordinary memory", NULL, QUICK, ORDINARY, TRUE },
    { "recorded, sent late", NULL, QUICK, SENT, TRUE },
    { "recorded, sent early", NULL, QUICK ",eager=1", SENT, FALSE },
    { "recorded, stored", NULL, QUICK, STORED, FALSE },
    { "launched, stored", "none", QUICK ",eager=1", STORED, TRUE },
    { "no pinned memory", NULL, QUICK ",pinned=16", SENT, TRUE },
  };
  g_autoptr(GByteArray) first = NULL;
  if (!can_run())
    return;
  for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autoptr(GByteArray) seen = g_byte_array_new();
    Run r;
    if (first && rows[i].slow != g_test_slow())
      continue;
    if (is_emulated())
      g_setenv("CBIGAN_EMULATOR", rows[i].machine, TRUE);
    if (rows[i].graphs)
      g_setenv("CBIGAN_GRAPHS", rows[i].graphs, TRUE);
    run_open(&r, rows[i].way);
    g_unsetenv("CBIGAN_GRAPHS");
    run_updates(&r, seen);
    run_close(&r);
    if (!first)
      first = g_steal_pointer(&seen);
    else if (first->len != seen->len || memcmp(first->data, seen->data, seen->len))
      g_error("%s: other bits than: %s", rows[i].name, rows[0].name);
  }
}

/* An update is one graph, and the host waits once; what is launched besides brings its batch and takes its losses. */
static void
test_counts(void)
{
  enum { TIMES = 3 };
  static const char *const names[] = { "graph", "wait", "pageable", "copy", "launch" };
  static const struct {
    Way way;
    long graphs, waits, pageable; /* of an update */
    long launches;                /* but the batch's copy, which may be of the next update's already */
  } rows[] = {
    { STORED, 1, 1, 1, 3 },   /* received, cut, losses */
    { SENT, 1, 1, 1, 3 },     /* received twice, losses */
    { ORDINARY, 1, 5, 5, 5 }, /* patches, numbers, e, z, losses */
  };
  if (!can_run() || !only_emulated())
    return;
  for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autoptr(GByteArray) seen = g_byte_array_new();
    Run r;
    g_setenv("CBIGAN_EMULATOR", QUICK, TRUE);
    run_open(&r, rows[i].way);
    run_updates(&r, seen);
    for (Kind kind = 0; kind < N_KINDS; kind++) {
      long before[G_N_ELEMENTS(names)], n[G_N_ELEMENTS(names)];
      CbiganLossValues values;
      g_assert_true(run_update(&r, kind, &values, NULL)); /* D's first one after a warm-up loads E and G */
      for (gsize k = 0; k < G_N_ELEMENTS(names); k++)
        before[k] = emulator_count(names[k]);
      for (int time = 0; time < TIMES; time++)
        g_assert_true(run_update(&r, kind, &values, NULL));
      for (gsize k = 0; k < G_N_ELEMENTS(names); k++)
        n[k] = emulator_count(names[k]) - before[k];
      g_test_message("%s, %s: %ld graphs, %ld waits, %ld pageable copies, %ld others, %ld launches in %d",
                     (const char *[]){ "stored", "sent", "ordinary memory" }[rows[i].way], kind_names[kind], n[0], n[1],
                     n[2], n[3], n[4], TIMES);
      g_assert_cmpint(n[0], ==, TIMES * rows[i].graphs);
      g_assert_cmpint(n[1], ==, TIMES * rows[i].waits);
      g_assert_cmpint(n[2], ==, TIMES * rows[i].pageable);
      g_assert_cmpint(labs(n[3] - (rows[i].way == ORDINARY ? 0 : TIMES)), <=, 1);
      g_assert_cmpint(n[4] - n[3], ==, TIMES * rows[i].launches);
    }
    run_close(&r);
  }
}

/* Operations that can't be captured are launched, with the same bits. A failure within an update is the update's error,
 * reported once. */
static void
test_fails(void)
{
  if (!can_run() || !only_emulated())
    return;
  g_autoptr(GError) error = NULL;
  CbiganLossValues values;
  Run r;
  g_setenv("CBIGAN_EMULATOR", QUICK, TRUE);
  run_open(&r, SENT);
  g_assert_true(run_update(&r, CRITIC, &values, NULL)); /* launched */
  g_setenv("CBIGAN_EMULATOR", QUICK ",uncapturable=9", TRUE);
  g_assert_true(run_update(&r, CRITIC, &values, NULL));
  g_assert_true(isfinite(values.critic) && isfinite(values.penalty));
  cbigan_backend_fail(r.backend, "of before");
  g_assert_false(run_update(&r, CRITIC, &values, &error));
  g_assert_error(error, CBIGAN_ERROR, CBIGAN_ERROR_BACKEND);
  g_assert_cmpstr(error->message, ==, "of before");
  g_setenv("CBIGAN_EMULATOR", QUICK, TRUE);
  g_assert_true(run_update(&r, CRITIC, &values, NULL));
  g_assert_true(isfinite(values.critic) && isfinite(values.penalty));
  run_close(&r);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/updates/same-bits", test_same_bits);
  g_test_add_func("/updates/counts", test_counts);
  g_test_add_func("/updates/fails", test_fails);
  return g_test_run();
}
