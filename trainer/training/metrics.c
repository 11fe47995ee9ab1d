/* metrics.c - measures how well scores separate defective pictures from good ones
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "metrics.h"
#include "data/random.h"
#include <math.h>
#include <stdlib.h>

typedef struct {
  double score;
  gboolean defective;
} Item;

static int
compare_items(const void *a, const void *b)
{
  double x = ((const Item *)a)->score, y = ((const Item *)b)->score;

  return (x > y) - (x < y);
}

/* All scores in ascending order. */
static Item *
sorted_items(const double *good, guint n_good, const double *defective, guint n_defective)
{
  Item *items = g_new(Item, (gsize)n_good + n_defective);

  for (guint i = 0; i < n_good; i++)
    items[i] = (Item){ good[i], FALSE };
  for (guint i = 0; i < n_defective; i++)
    items[n_good + i] = (Item){ defective[i], TRUE };
  qsort(items, n_good + n_defective, sizeof *items, compare_items);
  return items;
}

/* Counts the group of equal scores that starts at i; returns where the next one starts. */
static guint
count_ties(const Item *items, guint n, guint i, guint *good, guint *defective)
{
  guint end = i;

  *good = *defective = 0;
  for (; end < n && items[end].score == items[i].score; end++)
    (*(items[end].defective ? defective : good))++;
  return end;
}

double
cbigan_auroc(const double *good, guint n_good, const double *defective, guint n_defective)
{
  g_autofree Item *items = NULL;
  guint n = n_good + n_defective, below = 0, tied_good, tied_defective;
  double won = 0;

  if (!n_good || !n_defective)
    return NAN;
  items = sorted_items(good, n_good, defective, n_defective);
  for (guint i = 0; i < n;) {
    i = count_ties(items, n, i, &tied_good, &tied_defective);
    won += tied_defective * (below + 0.5 * tied_good);
    below += tied_good;
  }
  return won / ((double)n_good * n_defective);
}

double
cbigan_balanced_accuracy(const double *good, guint n_good, const double *defective, guint n_defective,
                         double *threshold)
{
  g_autofree Item *items = NULL;
  guint n = n_good + n_defective, good_below = 0, defective_below = 0, tied_good, tied_defective;
  double best = 0.5, best_threshold = NAN; /* all called defective: half of it right */

  if (!n_good || !n_defective)
    return NAN;
  items = sorted_items(good, n_good, defective, n_defective);
  best_threshold = items[0].score - 1;
  for (guint i = 0; i < n;) {
    guint next = count_ties(items, n, i, &tied_good, &tied_defective);
    double accuracy;

    good_below += tied_good;
    defective_below += tied_defective;
    accuracy = ((double)good_below / n_good + 1 - (double)defective_below / n_defective) / 2;
    if (accuracy > best) {
      best = accuracy;
      best_threshold = next < n ? (items[i].score + items[next].score) / 2 : items[i].score;
    }
    i = next;
  }
  if (threshold)
    *threshold = best_threshold;
  return best;
}

#define DRAWS 1000

static int
compare_doubles(const void *a, const void *b)
{
  double x = *(const double *)a, y = *(const double *)b;

  return (x > y) - (x < y);
}

void
cbigan_auroc_interval(const double *good, guint n_good, const double *defective, guint n_defective, double *low,
                      double *high)
{
  g_autofree double *some_good = g_new(double, n_good), *some_defective = g_new(double, n_defective);
  double areas[DRAWS];

  *low = *high = NAN;
  if (!n_good || !n_defective)
    return;
  for (guint draw = 0; draw < DRAWS; draw++) {
    guint64 key = cbigan_random_key(1, CBIGAN_RANDOM_BOOTSTRAP, draw);

    for (guint i = 0; i < n_good; i++)
      some_good[i] = good[cbigan_random_below(key, i, n_good)];
    for (guint i = 0; i < n_defective; i++)
      some_defective[i] = defective[cbigan_random_below(key, n_good + i, n_defective)];
    areas[draw] = cbigan_auroc(some_good, n_good, some_defective, n_defective);
  }
  qsort(areas, DRAWS, sizeof *areas, compare_doubles);
  *low = areas[DRAWS / 40];
  *high = areas[DRAWS - 1 - DRAWS / 40];
}
