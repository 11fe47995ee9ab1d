/* random.h - random numbers that need no state: a function of (seed, purpose, draw, index)
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A run continues from its step number alone, and a thread that works ahead gets the same numbers. A new use of
 * randomness gets its own purpose, at the end of the list: the numbers of the others stay as they were.
 */
#pragma once
#include <glib.h>
#include <math.h>

G_BEGIN_DECLS

typedef enum {
  CBIGAN_RANDOM_PARAMETERS, /* start values; draw = network */
  CBIGAN_RANDOM_HELD_OUT,   /* which pictures are kept for calibration */
  CBIGAN_RANDOM_ORDER,      /* of the pictures in an epoch; draw = epoch */
  CBIGAN_RANDOM_CROP,       /* draw = batch, index = sample * 3 + (x, y, angle) */
  CBIGAN_RANDOM_LATENT,     /* z ~ N(0, I) */
  CBIGAN_RANDOM_MIX,        /* e ~ U(0, 1) of the gradient penalty */
  CBIGAN_RANDOM_INSPECTOR,  /* the inspector's start values; draw = parameter */
  CBIGAN_RANDOM_DEFECTS,    /* synthetic defects; draw = batch or picture */
  CBIGAN_RANDOM_BOOTSTRAP   /* pictures that are drawn again; draw = number of the draw */
} CbiganRandomPurpose;

static inline guint64
cbigan_random_mix(guint64 z) /* the finaliser of splitmix64: Steele, Lea, Flood 2014 */
{
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

/* Start of a stream; its numbers are cbigan_random_bits(key, 0), (key, 1), ... */
static inline guint64
cbigan_random_key(guint64 seed, CbiganRandomPurpose purpose, guint64 draw)
{
  guint64 key = cbigan_random_mix(seed + 0x9e3779b97f4a7c15u);
  key = cbigan_random_mix(key + ((guint64)purpose + 1) * 0xd1b54a32d192ed03u);
  return cbigan_random_mix(key + (draw + 1) * 0x8cb92ba72f3d8dd7u);
}

static inline guint64
cbigan_random_bits(guint64 key, guint64 index)
{
  return cbigan_random_mix(key + (index + 1) * 0x9e3779b97f4a7c15u);
}

static inline double
cbigan_random_uniform(guint64 key, guint64 index) /* [0, 1) */
{
  return (double)(cbigan_random_bits(key, index) >> 11) * 0x1p-53;
}

static inline guint
cbigan_random_below(guint64 key, guint64 index, guint n) /* 0 .. n - 1 */
{
  return (guint)(cbigan_random_uniform(key, index) * n);
}

/* Fills `out` with n numbers ~ N(0, 1): Box and Muller 1958. */
static inline void
cbigan_random_normal(guint64 key, gsize n, float *out)
{
  for (gsize i = 0; i < n; i += 2) {
    double radius = sqrt(-2.0 * log(1.0 - cbigan_random_uniform(key, i)));
    double angle = 2.0 * G_PI * cbigan_random_uniform(key, i + 1);
    out[i] = (float)(radius * cos(angle));
    if (i + 1 < n)
      out[i + 1] = (float)(radius * sin(angle));
  }
}

/* order[n] = 0..n-1 shuffled: Fisher and Yates. */
static inline void
cbigan_random_order(guint64 key, guint n, guint *order)
{
  for (guint i = 0; i < n; i++) {
    guint j = cbigan_random_below(key, i, i + 1);
    order[i] = order[j];
    order[j] = i;
  }
}

G_END_DECLS
