/* test_losses.c - every loss and every gradient of it against PyTorch's, on every backend that can train
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <math.h>

#include "harness.h"
#include "digest.h"
#include "training/losses.h"

#define WIDTH 2
#define PATCH 64
#define BATCH 2
#define PENALTY 10.0
#define HEAVY 4096.0f
#define GRADIENT_TOLERANCE 5e-5 /* float32 against float64: rounding, and a sign or slope at a kink now and then */
#define LOSS_TOLERANCE 1e-5     /* relative */

typedef struct {
  const char *backend_name;
  CbiganBackend *backend;
  CbiganGrad grad;
  CbiganLearner learners[CBIGAN_N_NETWORKS];
  Golden *golden;
  CbiganBatch batch;
} Fixture;

static void
set_up(Fixture *f, gconstpointer backend_name)
{
  g_autoptr(GError) error = NULL;
  f->backend_name = backend_name;
  f->backend =
      open_backend(&(CbiganBackendOptions){ .name = f->backend_name, .threads = 1, .purpose = CBIGAN_FOR_TRAINING });
  cbigan_grad_init(&f->grad, f->backend, &error);
  g_assert_no_error(error);
  f->golden = golden_open("training_c2_p64.safetensors");
  for (int i = 0; i < CBIGAN_N_NETWORKS; i++) {
    CbiganLearner *l = &f->learners[i];
    cbigan_learner_init(l, f->backend, i, WIDTH, PATCH, &error);
    g_assert_no_error(error);
    g_autofree float *parameters = g_new(float, l->network->n_floats);
    golden_parameters(l->network, parameters);
    cbigan_backend_upload(f->backend, (CbiganShape){ (int)l->network->n_floats, 1, 1 }, 1, parameters, l->parameters);
  }
  gsize n;
  const guint8 *pixels = golden_bytes(f->golden, "losses.pixels", &n, NULL);
  f->batch.x = g_new(float, n);
  for (gsize i = 0; i < n; i++)
    f->batch.x[i] = (float)(pixels[i] / 127.5 - 1.0);
  f->batch.z = (float *)golden_floats(f->golden, "losses.z", NULL, NULL);
  f->batch.e = (float *)golden_floats(f->golden, "losses.e", NULL, NULL);
}

static void
tear_down(Fixture *f, gconstpointer unused)
{
  for (int i = 0; i < CBIGAN_N_NETWORKS; i++)
    cbigan_learner_clear(&f->learners[i], f->backend);
  g_free(f->batch.x);
  golden_free(f->golden);
  cbigan_backend_close(f->backend);
}

/* Losses that add gradients and update nothing. */
static CbiganLosses *
new_losses(Fixture *f, gboolean consistency, gboolean adversarial, double penalty)
{
  g_autoptr(GError) error = NULL;
  CbiganLossOptions options = { BATCH, consistency, adversarial, penalty };
  CbiganLearner learners[CBIGAN_N_NETWORKS];
  for (int i = 0; i < CBIGAN_N_NETWORKS; i++)
    learners[i] = (CbiganLearner){ f->learners[i].network, f->learners[i].parameters, f->learners[i].gradients };
  CbiganLosses *losses = cbigan_losses_new(&f->grad, learners, &options, &error);
  g_assert_no_error(error);
  return losses;
}

/* (transfer full), and zeroes them in the backend. */
static float *
take_gradients(Fixture *f, CbiganNetworkKind kind)
{
  const CbiganLearner *l = &f->learners[kind];
  float *gradients = g_new(float, l->network->n_floats);
  cbigan_backend_download(f->backend, (CbiganShape){ (int)l->network->n_floats, 1, 1 }, 1, l->gradients, gradients);
  cbigan_grad_fill(&f->grad, l->network->n_floats, 0.0f, l->gradients);
  return gradients;
}

static void
compare_gradients(Fixture *f, const char *name, CbiganNetworkKind kind, double tolerance)
{
  g_autofree char *what = g_strdup_printf("%s.%s", name, cbigan_network_prefix(kind));
  g_autofree float *gradients = take_gradients(f, kind);
  double worst = digest_compare(f->golden, what, f->learners[kind].network, gradients, tolerance, 0.0);
  g_test_message("%s on %s: within %.2g of the tolerance %g", what, f->backend_name, worst, tolerance);
}

static void
compare_loss(const char *what, double found, double expected)
{
  if (!(fabs(found - expected) <= LOSS_TOLERANCE * MAX(1.0, fabs(expected))))
    g_error("%s is %.9g, expected %.9g (tolerance %g, relative)", what, found, expected, LOSS_TOLERANCE);
}

static void
check_encoder_generator(Fixture *f, CbiganLosses *losses, const char *name, double alpha)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *key = g_strconcat(name, ".values", NULL);
  const float *expected = golden_floats(f->golden, key, NULL, NULL);
  CbiganLossValues values;
  cbigan_losses_encoder_generator(losses, &f->batch, alpha, &values, &error);
  g_assert_no_error(error);
  g_assert_cmpint(values.has_consistency, ==, alpha > 0.0);
  g_assert_cmpint(values.has_critic, ==, alpha < 1.0);
  if (values.has_consistency) {
    compare_loss("L_R (Eq. 11)", values.reconstruction, expected[0]);
    compare_loss("L_R' (Eq. 12)", values.latent, expected[1]);
  }
  if (values.has_critic)
    compare_loss("L_D (Eq. 6)", values.critic, expected[2]);
  compare_gradients(f, name, CBIGAN_ENCODER, GRADIENT_TOLERANCE);
  compare_gradients(f, name, CBIGAN_GENERATOR, GRADIENT_TOLERANCE);
}

/* Eq. 10: the warm-up and the double autoencoder need no D at all. */
static void
test_consistency(Fixture *f, gconstpointer unused)
{
  g_autoptr(CbiganLosses) losses = new_losses(f, TRUE, FALSE, PENALTY);
  check_encoder_generator(f, losses, "consistency", 1.0);
}

/* Eq. 5: EGBAD needs no reconstruction. */
static void
test_adversarial(Fixture *f, gconstpointer unused)
{
  g_autoptr(CbiganLosses) losses = new_losses(f, FALSE, TRUE, PENALTY);
  check_encoder_generator(f, losses, "adversarial", 0.0);
}

/* Eq. 13, and all three one after the other in the same buffers: no update may see what the one before left. */
static void
test_combined(Fixture *f, gconstpointer unused)
{
  g_autoptr(CbiganLosses) losses = new_losses(f, TRUE, TRUE, PENALTY);
  check_encoder_generator(f, losses, "combined", 1e-3);
  check_encoder_generator(f, losses, "adversarial", 0.0);
  check_encoder_generator(f, losses, "consistency", 1.0);
  check_encoder_generator(f, losses, "combined", 1e-3);
}

static float *
critic_gradients(Fixture *f, double penalty, CbiganLossValues *values)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(CbiganLosses) losses = new_losses(f, TRUE, TRUE, penalty);
  cbigan_losses_critic(losses, &f->batch, values, &error);
  g_assert_no_error(error);
  return take_gradients(f, CBIGAN_DISCRIMINATOR);
}

/* Eq. 6 alone, with the penalty, and the penalty alone: weighted so that little is lost in the difference. */
static void
test_critic(Fixture *f, gconstpointer unused)
{
  const CbiganNetwork *network = f->learners[CBIGAN_DISCRIMINATOR].network;
  const float *expected = golden_floats(f->golden, "critic.values", NULL, NULL);
  CbiganLossValues values;
  g_autofree float *without = critic_gradients(f, 0.0, &values);
  g_autofree float *alone = critic_gradients(f, PENALTY * HEAVY, &values);
  g_autofree float *with = critic_gradients(f, PENALTY, &values);
  compare_loss("L_D (Eq. 6)", values.critic, expected[0]);
  compare_loss("gradient penalty", values.penalty, expected[1]);
  double worst[3];
  worst[0] = digest_compare(f->golden, "critic.discriminator", network, without, GRADIENT_TOLERANCE, 0.0);
  worst[1] = digest_compare(f->golden, "both.discriminator", network, with, GRADIENT_TOLERANCE, 0.0);
  for (gsize i = 0; i < network->n_floats; i++)
    alone[i] = (alone[i] - without[i]) / HEAVY;
  worst[2] = digest_compare(f->golden, "penalty.discriminator", network, alone, GRADIENT_TOLERANCE, 0.0);
  for (int i = 0; i < network->n_parameters; i++)
    for (gsize k = 0; network->parameters[i].n_dims == 1 && k < network->parameters[i].size; k++)
      g_assert_cmpfloat(alone[network->parameters[i].offset + k], ==, 0.0f);
  g_test_message("on %s: L_D within %.2g, both %.2g, penalty %.2g of the tolerance %g", f->backend_name, worst[0],
                 worst[1], worst[2], GRADIENT_TOLERANCE);
}

/* D's update gives E and G no gradient, nor theirs D. */
static void
test_separate(Fixture *f, gconstpointer unused)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(CbiganLosses) losses = new_losses(f, TRUE, TRUE, PENALTY);
  CbiganLossValues values;
  cbigan_losses_critic(losses, &f->batch, &values, &error);
  g_assert_no_error(error);
  for (int kind = CBIGAN_ENCODER; kind <= CBIGAN_GENERATOR; kind++) {
    g_autofree float *gradients = take_gradients(f, kind);
    for (gsize i = 0; i < f->learners[kind].network->n_floats; i++)
      g_assert_cmpfloat(gradients[i], ==, 0.0f);
  }
  g_free(take_gradients(f, CBIGAN_DISCRIMINATOR));
  cbigan_losses_encoder_generator(losses, &f->batch, 1e-3, &values, &error);
  g_assert_no_error(error);
  g_autofree float *gradients = take_gradients(f, CBIGAN_DISCRIMINATOR);
  for (gsize i = 0; i < f->learners[CBIGAN_DISCRIMINATOR].network->n_floats; i++)
    g_assert_cmpfloat(gradients[i], ==, 0.0f);
}

/* One update of each kind; gradients as they come out of it. */
static void
run_update(Fixture *f, CbiganLosses *losses, double alpha, float *gradients[CBIGAN_N_NETWORKS],
           CbiganLossValues *values)
{
  g_autoptr(GError) error = NULL;
  if (alpha < 0.0)
    cbigan_losses_critic(losses, &f->batch, values, &error);
  else
    cbigan_losses_encoder_generator(losses, &f->batch, alpha, values, &error);
  g_assert_no_error(error);
  for (int kind = 0; kind < CBIGAN_N_NETWORKS; kind++)
    gradients[kind] = take_gradients(f, kind);
}

/* Other parameters and another batch. */
static void
change(Fixture *f, CbiganLosses *losses[2])
{
  for (int i = 0; i < BATCH; i++)
    f->batch.e[i] = 1.0f - 0.5f * f->batch.e[i];
  for (int i = 0; i < BATCH * CBIGAN_LATENT; i++)
    f->batch.z[i] *= -0.75f;
  for (gsize i = 0; i < (gsize)BATCH * 3 * PATCH * PATCH; i++)
    f->batch.x[i] *= -0.875f;
  for (int kind = 0; kind < CBIGAN_N_NETWORKS; kind++) {
    const CbiganLearner *l = &f->learners[kind];
    cbigan_grad_fill(&f->grad, l->network->n_floats / 3, 0.01f, l->parameters);
    cbigan_losses_load(losses[0], kind);
    cbigan_losses_load(losses[1], kind);
  }
}

/* A backend that records operations makes the same bits of them as when they are called. */
static void
test_recorded(Fixture *f, gconstpointer unused)
{
  const double alphas[] = { -1.0, 1e-3, 1.0, 0.0, 0.5, -1.0 }; /* negative: D's update */
  CbiganBackendClass unrecorded = *f->backend->klass;
  const CbiganBackendClass *both[] = { f->backend->klass, &unrecorded };
  CbiganLosses *losses[2];
  if (!unrecorded.capture) {
    g_test_skip("this backend records nothing");
    return;
  }
  unrecorded.capture = NULL;
  f->batch.z = g_memdup2(f->batch.z, sizeof(float) * BATCH * CBIGAN_LATENT);
  f->batch.e = g_memdup2(f->batch.e, sizeof(float) * BATCH);
  for (int i = 0; i < 2; i++)
    losses[i] = new_losses(f, TRUE, TRUE, PENALTY);
  for (int turn = 0; turn < 3; turn++) { /* called, recorded, replayed */
    for (gsize k = 0; k < G_N_ELEMENTS(alphas); k++) {
      float *gradients[2][CBIGAN_N_NETWORKS];
      CbiganLossValues values[2];
      for (int i = 0; i < 2; i++) {
        f->backend->klass = both[i];
        run_update(f, losses[i], alphas[k], gradients[i], &values[i]);
      }
      f->backend->klass = both[0];
      g_assert_cmpmem(&values[0].reconstruction, 4 * sizeof(double), &values[1].reconstruction, 4 * sizeof(double));
      for (int kind = 0; kind < CBIGAN_N_NETWORKS; kind++) {
        gsize size = f->learners[kind].network->n_floats * sizeof(float);
        g_assert_cmpmem(gradients[0][kind], size, gradients[1][kind], size);
        g_free(gradients[0][kind]);
        g_free(gradients[1][kind]);
      }
    }
    change(f, losses);
  }
  for (int i = 0; i < 2; i++)
    cbigan_losses_free(losses[i]);
  g_free(f->batch.z);
  g_free(f->batch.e);
}

static float *
download(Fixture *f, CbiganNetworkKind kind, const float *from)
{
  gsize n = f->learners[kind].network->n_floats;
  float *host = g_new(float, n);
  cbigan_backend_download(f->backend, (CbiganShape){ (int)n, 1, 1 }, 1, from, host);
  return host;
}

static void
assert_same(Fixture *f, CbiganNetworkKind kind, const float *found, const float *expected)
{
  g_autofree float *a = download(f, kind, found), *b = download(f, kind, expected);
  gsize size = f->learners[kind].network->n_floats * sizeof(float);
  g_assert_cmpmem(a, size, b, size);
}

/* Adam and the average, one after the other, on the learners of the fixture. */
static void
learn_by_hand(Fixture *f, CbiganNetworkKind kind)
{
  const CbiganLearner *l = &f->learners[kind];
  const CbiganShape shape = { sizeof(CbiganUpdate) / sizeof(float), 1, 1 };
  const gsize n = l->network->n_floats;
  float *update = cbigan_backend_alloc(f->backend, cbigan_shape_size(shape), NULL);
  const CbiganUpdate *there = (const CbiganUpdate *)(gpointer)update;
  cbigan_backend_upload(f->backend, shape, 1, (const float *)(gconstpointer)f->batch.update, update);
  cbigan_grad_adam(&f->grad, n, there, l->gradients, l->moment1, l->moment2, l->parameters);
  if (l->mean)
    cbigan_grad_average(&f->grad, n, there, l->parameters, l->mean);
  cbigan_backend_free(f->backend, update);
}

/* Networks that the losses update have the bits of networks that are updated by hand and loaded, after any order of
 * updates. */
static void
test_learns(Fixture *f, gconstpointer unused)
{
  const double alphas[] = { 1.0, -1.0, 0.25, -1.0, -1.0, 0.0, -1.0, 1.0, -1.0 }; /* negative: D's update */
  const CbiganLossOptions options = { BATCH, TRUE, TRUE, PENALTY };
  CbiganLearner learners[CBIGAN_N_NETWORKS];
  CbiganUpdate update;
  g_autoptr(GError) error = NULL;
  for (int kind = 0; kind < CBIGAN_N_NETWORKS; kind++) {
    g_assert_true(cbigan_learner_init(&learners[kind], f->backend, kind, WIDTH, PATCH, NULL));
    cbigan_grad_copy(&f->grad, learners[kind].network->n_floats, f->learners[kind].parameters,
                     learners[kind].parameters);
  }
  CbiganLosses *by_hand = new_losses(f, TRUE, TRUE, PENALTY);
  CbiganLosses *learning = cbigan_losses_new(&f->grad, learners, &options, &error);
  g_assert_no_error(error);
  f->batch.update = &update;
  for (gsize i = 0; i < G_N_ELEMENTS(alphas); i++) {
    CbiganLossValues values[2];
    CbiganLosses *both[] = { by_hand, learning };
    update = cbigan_update_numbers((guint)i + 1, 1e-3f, 0.5f, 0.9f, 1e-8f, 0.25f);
    for (int k = 0; k < 2; k++) {
      gboolean ok = alphas[i] < 0.0
                        ? cbigan_losses_critic(both[k], &f->batch, &values[k], &error)
                        : cbigan_losses_encoder_generator(both[k], &f->batch, alphas[i], &values[k], &error);
      g_assert_no_error(error);
      g_assert_true(ok);
    }
    g_assert_cmpmem(&values[0].reconstruction, 4 * sizeof(double), &values[1].reconstruction, 4 * sizeof(double));
    for (int kind = 0; kind < CBIGAN_N_NETWORKS; kind++) {
      if ((alphas[i] < 0.0) == (kind == CBIGAN_DISCRIMINATOR)) {
        learn_by_hand(f, kind);
        cbigan_losses_load(by_hand, kind);
      }
      const CbiganLearner *a = &learners[kind], *b = &f->learners[kind];
      assert_same(f, kind, a->parameters, b->parameters);
      assert_same(f, kind, a->gradients, b->gradients);
      assert_same(f, kind, a->moment1, b->moment1);
      assert_same(f, kind, a->moment2, b->moment2);
      if (a->mean)
        assert_same(f, kind, a->mean, b->mean);
    }
  }
  cbigan_losses_free(by_hand);
  cbigan_losses_free(learning);
  for (int kind = 0; kind < CBIGAN_N_NETWORKS; kind++)
    cbigan_learner_clear(&learners[kind], f->backend);
}

int
main(int argc, char **argv)
{
  static const struct {
    const char *name;
    void (*run)(Fixture *, gconstpointer);
  } tests[] = {
    { "consistency", test_consistency }, { "adversarial", test_adversarial }, { "combined", test_combined },
    { "critic", test_critic },           { "separate", test_separate },       { "recorded", test_recorded },
    { "learns", test_learns },
  };
  g_test_init(&argc, &argv, NULL);
  for (const CbiganBackendClass *const *b = cbigan_backend_list(); *b; b++) {
    if (!available_or_skipped("losses", (*b)->name))
      continue;
    for (gsize i = 0; i < G_N_ELEMENTS(tests); i++) {
      g_autofree char *path = g_strdup_printf("/losses/%s/%s", (*b)->name, tests[i].name);
      g_test_add(path, Fixture, (*b)->name, set_up, tests[i].run, tear_down);
    }
  }
  return g_test_run();
}
