/* dice.h - a sequence of random numbers, as a function of its key
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include "data/random.h"

#include <math.h>

G_BEGIN_DECLS

/* A sequence of random numbers. */
typedef struct {
  guint64 key, index;
} CbiganDice;

static inline double
cbigan_dice_uniform(CbiganDice *self, double least, double most)
{
  return least + (most - least) * cbigan_random_uniform(self->key, self->index++);
}
static inline int
cbigan_dice_below(CbiganDice *self, int n) /* 0 .. n - 1 */
{
  return (int)cbigan_random_below(self->key, self->index++, (guint)MAX(n, 1));
}
static inline double
cbigan_dice_normal(CbiganDice *self)
{
  float x;
  cbigan_random_normal(cbigan_random_mix(self->key + ++self->index), 1, &x);
  return x;
}
static inline double
cbigan_dice_log_uniform(CbiganDice *self, double least, double most)
{
  return exp(cbigan_dice_uniform(self, log(least), log(most)));
}
static inline gboolean
cbigan_dice_chance(CbiganDice *self, double share)
{
  return cbigan_dice_uniform(self, 0.0, 1.0) < share;
}
/* As CLAMP(), for values that are drawn: the macro would draw them up to three times. */
static inline int
cbigan_clamp(int value, int least, int most)
{
  return CLAMP(value, least, most);
}

G_END_DECLS
