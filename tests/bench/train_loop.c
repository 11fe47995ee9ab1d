/* train_loop.c - one update of a training run after another, on command, for train_peer.py
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * train_loop WIDTH PATCH BATCH BACKEND THREADS < commands
 * Says "ready"; then each line "warm-up", "critic" or
 * "encoder-generator" is answered with the milliseconds of that update as train.c makes it: next batch (turned
 * pictures, prepared ahead), losses, gradients, Adam, averages.
 */
#include <stdio.h>
#include <string.h>

#include "bench.h"
#include "golden/golden.h"
#include "training/losses.h"

#define PICTURES 40
#define ALPHA 1e-4

typedef struct {
  CbiganBackend *backend;
  CbiganGrad grad;
  CbiganLearner learners[CBIGAN_N_NETWORKS];
  CbiganLosses *losses;
  CbiganBatches *batches;
} Run;

static gboolean
make_networks(Run *r, int width, int patch, GError **error)
{
  for (int i = 0; i < CBIGAN_N_NETWORKS; i++) {
    CbiganLearner *l = &r->learners[i];
    if (!cbigan_learner_init(l, r->backend, i, width, patch, error))
      return FALSE;
    g_autofree float *start = g_new(float, l->network->n_floats);
    golden_parameters(l->network, start);
    cbigan_backend_upload(r->backend, (CbiganShape){ (int)l->network->n_floats, 1, 1 }, 1, start, l->parameters);
  }
  return TRUE;
}

static void
give_numbers(gconstpointer unused, guint64 number, CbiganUpdate *update)
{
  *update = cbigan_update_numbers((guint)number + 1, 1e-4f, 0.5f, 0.9f, 1e-8f, 0.99f);
}

static void
make_batches(Run *r, int patch, int batch)
{
  const CbiganPicture *pictures[PICTURES];
  for (int i = 0; i < PICTURES; i++) {
    CbiganPicture *p = g_new0(CbiganPicture, 1);
    p->width = p->height = patch;
    p->pixels = bench_pixels((gsize)patch * patch * 3);
    pictures[i] = p;
  }
  CbiganBatchOptions options = { .pictures = pictures,
                                 .n_pictures = PICTURES,
                                 .batch = batch,
                                 .patch = patch,
                                 .rotation = 45.0,
                                 .seed = 1,
                                 .grad = &r->grad,
                                 .update = give_numbers };
  r->batches = cbigan_batches_new(&options, 0, NULL);
}

static gboolean
run(Run *r, const char *command, CbiganLossValues *values, GError **error)
{
  const CbiganBatch *batch = cbigan_batches_next(r->batches);
  if (g_str_has_prefix(command, "critic"))
    return cbigan_losses_critic(r->losses, batch, values, error);
  double alpha = g_str_has_prefix(command, "warm-up") ? 1.0 : ALPHA;
  return cbigan_losses_encoder_generator(r->losses, batch, alpha, values, error);
}

/* The process ends afterwards, so nothing is given back. */
static gboolean
serve(char **argv, GError **error)
{
  Run r = { 0 };
  int width = atoi(argv[1]), patch = atoi(argv[2]), batch = atoi(argv[3]);
  r.backend = cbigan_backend_open(
      &(CbiganBackendOptions){ .name = argv[4], .threads = atoi(argv[5]), .purpose = CBIGAN_FOR_TRAINING }, error);
  if (!r.backend || !cbigan_grad_init(&r.grad, r.backend, error) || !make_networks(&r, width, patch, error))
    return FALSE;
  make_batches(&r, patch, batch);
  CbiganLossOptions options = { batch, TRUE, TRUE, 10.0 };
  r.losses = cbigan_losses_new(&r.grad, r.learners, &options, error);
  if (!r.losses)
    return FALSE;
  puts("ready");
  for (char line[64]; fflush(stdout) == 0 && fgets(line, sizeof line, stdin);) {
    CbiganLossValues values;
    gint64 start = g_get_monotonic_time();
    if (!run(&r, line, &values, error))
      return FALSE;
    printf("%.3f\n", (double)(g_get_monotonic_time() - start) / 1000.0);
  }
  return TRUE;
}

int
main(int argc, char **argv)
{
  g_autoptr(GError) error = NULL;
  if (argc != 6) {
    fprintf(stderr, "usage: train_loop WIDTH PATCH BATCH BACKEND THREADS\n");
    return 2;
  }
  if (serve(argv, &error))
    return 0;
  fprintf(stderr, "train_loop: %s\n", error->message);
  return 1;
}
