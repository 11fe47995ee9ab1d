/* liveness.c - which values of a network exist from when to when, and which of them can share memory
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "liveness.h"

#include <stdlib.h>

const CbiganStep *
cbigan_network_step_of(const CbiganNetwork *network, int layer)
{
  const CbiganStep *step = network->steps;
  while (step->first_layer + step->n_layers <= layer)
    step++;
  return step;
}

int
cbigan_network_same_sources(const CbiganNetwork *network, int first, int end)
{
  const CbiganStep *begin = cbigan_network_step_of(network, first), *step = begin;
  while (step < network->steps + network->n_steps && step->first_layer < end && step->sources == begin->sources)
    step++;
  return MIN(end, step[-1].first_layer + step[-1].n_layers);
}

static gboolean
contains(const int *values, int value)
{
  for (; values && *values >= 0; values++)
    if (*values == value)
      return TRUE;
  return FALSE;
}

gboolean
cbigan_step_is_whole(const CbiganNetwork *network, const CbiganStep *step, int end, const int *keep)
{
  const CbiganLayer *first = &network->layers[step->first_layer], *last = first + step->n_layers - 1;
  if (step->first_layer + step->n_layers > end || cbigan_keeps_all(keep))
    return FALSE;
  for (const CbiganLayer *l = first; l < last; l++)
    if (l->output != last->output && contains(keep, l->output))
      return FALSE;
  return TRUE;
}

void
cbigan_network_boundary(const CbiganNetwork *network, int first, int n_layers, int end, const int *keep, int **inputs,
                        int **outputs)
{
  enum { READ = 1, WRITTEN = 2, WANTED = 4 };
  const CbiganLayer *layers = network->layers;
  int n_in = 0, n_out = 0;
  g_autofree guint *marks = g_new0(guint, network->n_values);
  *inputs = g_new(int, network->n_values + 1);
  *outputs = g_new(int, network->n_values + 1);
  for (int i = first + n_layers; i < end; i++) {
    marks[layers[i].input] |= WANTED;
    if (layers[i].accumulate)
      marks[layers[i].output] |= WANTED;
  }
  marks[layers[end - 1].output] |= WANTED;
  for (const CbiganLayer *l = layers + first; l < layers + first + n_layers; l++) {
    const int read[] = { l->input, l->accumulate ? l->output : l->input };
    for (int i = 0; i < 2; i++) {
      if (!(marks[read[i]] & (READ | WRITTEN)))
        (*inputs)[n_in++] = read[i];
      marks[read[i]] |= READ;
    }
    if (!(marks[l->output] & WRITTEN) &&
        (marks[l->output] & WANTED || cbigan_keeps_all(keep) || contains(keep, l->output)))
      (*outputs)[n_out++] = l->output;
    marks[l->output] |= WRITTEN;
  }
  (*inputs)[n_in] = (*outputs)[n_out] = -1;
}

/* --- memory ------------------------------------------------------------------------------------------------------- */

typedef struct {
  gsize size;
  int free_at; /* first operation that may write it again */
} Slot;

static int
by_start(const void *a, const void *b, void *lives)
{
  const CbiganLife *x = (const CbiganLife *)lives + *(const int *)a, *y = (const CbiganLife *)lives + *(const int *)b;
  return x->first != y->first ? (x->first > y->first) - (x->first < y->first) : *(const int *)a - *(const int *)b;
}

/* The free slot that fits best: the smallest that is large enough, else the largest, which then grows. -1: none. */
static int
best_slot(const GArray *slots, const CbiganLife *life)
{
  int best = -1;
  for (guint i = 0; i < slots->len; i++) {
    const Slot *slot = &g_array_index(slots, Slot, i);
    if (slot->free_at > life->first)
      continue;
    gsize have = best < 0 ? 0 : g_array_index(slots, Slot, best).size;
    if (best < 0 || (slot->size >= life->size ? have < life->size || slot->size < have : slot->size > have))
      best = (int)i;
  }
  return best;
}

gsize *
cbigan_lives_share(CbiganLife *lives, int n, int *n_slots)
{
  g_autoptr(GArray) slots = g_array_new(FALSE, TRUE, sizeof(Slot));
  g_autofree int *order = g_new(int, n);
  for (int i = 0; i < n; i++)
    order[i] = i;
  qsort_r(order, (size_t)n, sizeof *order, by_start, lives);
  for (int i = 0; i < n; i++) {
    CbiganLife *life = &lives[order[i]];
    life->slot = -1;
    if (life->last < life->first)
      continue;
    life->slot = best_slot(slots, life);
    if (life->slot < 0) {
      life->slot = (int)slots->len;
      g_array_set_size(slots, slots->len + 1);
    }
    Slot *slot = &g_array_index(slots, Slot, life->slot);
    slot->size = MAX(slot->size, life->size);
    slot->free_at = life->last + 1;
  }
  gsize *sizes = g_new(gsize, slots->len);
  for (guint i = 0; i < slots->len; i++)
    sizes[i] = g_array_index(slots, Slot, i).size;
  *n_slots = (int)slots->len;
  return sizes;
}
