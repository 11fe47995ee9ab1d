/* test_schedule.c - the numbers that updates get, against the run that counts them one by one
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <math.h>

#include "training/schedule.h"

#define ADAM_EPSILON 1e-8f

/* By the paper's algorithm 1 (Kingma & Ba 2015), from the powers multiplied out. */
static void
check(const CbiganUpdate *u, guint count, double rate, float beta1, float beta2, double decay)
{
  double power1 = 1.0, power2 = 1.0;
  for (guint i = 0; i < count; i++) {
    power1 *= (double)beta1;
    power2 *= (double)beta2;
  }
  g_assert_cmpfloat(u->rate, ==, (double)(float)rate);
  g_assert_cmpfloat(u->beta1, ==, beta1);
  g_assert_cmpfloat(u->beta2, ==, beta2);
  g_assert_cmpfloat(u->epsilon, ==, ADAM_EPSILON);
  g_assert_cmpfloat_with_epsilon(u->correction1, 1.0 - power1, 1e-12);
  g_assert_cmpfloat_with_epsilon(u->correction2, 1.0 - power2, 1e-12);
  g_assert_cmpfloat_with_epsilon(u->scale, rate / (1.0 - power1), 1e-6 * rate / (1.0 - power1));
  g_assert_cmpfloat_with_epsilon(u->root, 1.0 / sqrt(1.0 - power2), 1e-6 / sqrt(1.0 - power2));
  g_assert_cmpfloat_with_epsilon(u->decay, decay, 1e-6);
}

/* The average's weights add up to 1, whatever the step. */
static double
decay_at(double decay, guint step)
{
  double sum = 0.0, newest = 1.0, weight = 1.0;
  for (guint i = 0; i <= step; i++, weight *= decay)
    sum += weight;
  return 1.0 - newest / sum;
}

typedef struct {
  const char *name;
  double alpha;
  int critic_updates;
  guint warmup;
  double decay; /* NAN: the presets' */
} Case;

static const Case cases[] = {
  { "presets", 0.1, 1, 1500, NAN },     { "no-warm-up", 0.1, 3, 0, 0.9 },        { "one-warm-up-step", 0.1, 1, 1, 0.9 },
  { "short-warm-up", 0.1, 5, 9, NAN },  { "rise-of-a-tenth", 0.1, 3, 200, 0.9 }, { "egbad", 0.0, 5, 200, NAN },
  { "egbad-constant", 0.0, 1, 9, 0.9 }, { "autoencoder", 1.0, 3, 200, NAN },     { "autoencoder-only", 1.0, 1, 0, 0.9 },
};

/* A whole run: all updates in their order, counted separately for D, and anew after the warm-up. */
static void
test_run(gconstpointer data)
{
  const Case *c = data;
  const double alpha = c->alpha;
  const guint warmup = c->warmup;
  double decay = c->decay;
  CbiganTrainOptions o;
  cbigan_train_options_init(&o, CBIGAN_PRESET_OBJECT);
  o.alpha = alpha;
  o.critic_updates = c->critic_updates;
  o.warmup_steps = warmup;
  o.steps = 30;
  o.decay = decay;
  if (isnan(decay)) /* the presets': a window of a fiftieth of all steps */
    decay = 1.0 - 1.0 / MAX(((alpha > 0.0 ? warmup : 0) + o.steps) / 50.0, 1.0);
  const guint n = alpha < 1.0 ? (guint)c->critic_updates : 0, rise = MIN(100, warmup / 10);
  guint64 number = 0;
  guint step = 0, critics = 0;
  g_assert_cmpuint(cbigan_schedule_critic_updates(&o), ==, n);
  for (; alpha > 0.0 && step < warmup; step++) {
    g_assert_cmpuint(cbigan_schedule_batches_before(&o, step), ==, number);
    const CbiganUpdate u = cbigan_schedule_update(&o, number++);
    check(&u, step + 1, o.warmup_rate * MIN(1.0, (step + 1) / (rise + 1.0)), 0.9f, 0.999f, decay_at(decay, step));
  }
  for (guint i = 0; i < o.steps; i++, step++) {
    g_assert_cmpuint(cbigan_schedule_batches_before(&o, step), ==, number);
    for (guint k = 0; k < n; k++) {
      const CbiganUpdate u = cbigan_schedule_update(&o, number++);
      check(&u, ++critics, o.rate, 0.5f, 0.9f, decay_at(decay, step));
    }
    const CbiganUpdate u = cbigan_schedule_update(&o, number++);
    check(&u, i + 1, o.rate, 0.5f, 0.9f, decay_at(decay, step));
  }
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autofree char *path = g_strconcat("/schedule/", cases[i].name, NULL);
    g_test_add_data_func(path, &cases[i], test_run);
  }
  return g_test_run();
}
