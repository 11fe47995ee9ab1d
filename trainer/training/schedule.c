/* schedule.c - which batch each update of a training run takes, and the update's numbers
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Batches are prepared before their updates and carry these numbers, so all is a function of the batch's number.
 */
#include "schedule.h"

#include <math.h>

/* Adam's constants in each phase. The warm-up is plain regression. Against D the loss moves, so the moments span few
 * steps (Gulrajani et al. 2017). */
typedef struct {
  float beta1, beta2;
} AdamBetas;
static const AdamBetas warmup_betas = { 0.9f, 0.999f }, adversarial_betas = { 0.5f, 0.9f };
#define ADAM_EPSILON 1e-8f
/* The warm-up's rate rises over RISE updates, or a tenth of the warm-up if that is less. The first updates of Adam all
 * point the same way. At the full rate they can drive G's tanh into saturation, and L_R stays where it was: this
 * happened with one seed of two at patches of 128. */
#define RISE 100

guint
cbigan_schedule_critic_updates(const CbiganTrainOptions *o)
{
  return o->alpha < 1.0 ? (guint)o->critic_updates : 0;
}

guint64
cbigan_schedule_batches_before(const CbiganTrainOptions *o, guint step)
{
  guint warmup = MIN(step, cbigan_train_options_warmup(o));
  return warmup + (guint64)(step - warmup) * (cbigan_schedule_critic_updates(o) + 1);
}

static double
warmup_rate(const CbiganTrainOptions *o, guint count)
{
  guint rise = MIN(RISE, cbigan_train_options_warmup(o) / 10);
  return o->warmup_rate * MIN(1.0, count / (rise + 1.0));
}

/* decay_t = (decay - decay^t) / (1 - decay^t). The weights of a mean are then proportional to decay^(t-i). A constant
 * decay would give the start too much weight. */
static float
average_decay(const CbiganTrainOptions *o, guint step)
{
  double decay = cbigan_train_options_decay(o), power = pow(decay, step + 1.0);
  return (float)((decay - power) / (1.0 - power));
}

CbiganUpdate
cbigan_schedule_update(const CbiganTrainOptions *o, guint64 number)
{
  guint warmup = cbigan_train_options_warmup(o), n = cbigan_schedule_critic_updates(o);
  if (number < warmup) {
    guint step = (guint)number;
    return cbigan_update_numbers(step + 1, (float)warmup_rate(o, step + 1), warmup_betas.beta1, warmup_betas.beta2,
                                 ADAM_EPSILON, average_decay(o, step));
  }
  guint since = (guint)((number - warmup) / (n + 1)), turn = (guint)((number - warmup) % (n + 1));
  guint count = turn < n ? since * n + turn + 1 : since + 1; /* D and the pair E, G count their updates separately */
  return cbigan_update_numbers(count, (float)o->rate, adversarial_betas.beta1, adversarial_betas.beta2, ADAM_EPSILON,
                               average_decay(o, warmup + since));
}
