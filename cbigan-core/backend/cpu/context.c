/* context.c - memory and threads of the cpu backend
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "context.h"

#include <stdlib.h>
#include <string.h>

#include "large_pages.h"

void *
cbigan_cpu_memory(gsize size)
{
  void *memory = NULL;
  size += 64; /* bytes that the last vector may read behind the last number */
  if (posix_memalign(&memory, 64, size))
    return NULL;
  return memset(cbigan_in_large_pages(memory, size), 0, size);
}

/* In front of the weights lies a vector's room with their count of holders. */
#define HEADER 64

static gatomicrefcount *
holders(float *weights)
{
  return (gatomicrefcount *)((char *)weights - HEADER);
}

float *
cbigan_cpu_weights_new(gsize n_floats)
{
  char *memory = cbigan_cpu_memory(HEADER + n_floats * sizeof(float));
  if (!memory)
    return NULL;
  float *weights = (float *)(memory + HEADER);
  g_atomic_ref_count_init(holders(weights));
  return weights;
}

float *
cbigan_cpu_weights_ref(float *weights)
{
  if (weights)
    g_atomic_ref_count_inc(holders(weights));
  return weights;
}

void
cbigan_cpu_weights_unref(float *weights)
{
  if (weights && g_atomic_ref_count_dec(holders(weights)))
    free(holders(weights));
}

int
cbigan_cpu_team(const CbiganBackend *self)
{
  return cbigan_cpu_share_team(((const CbiganCpu *)self)->share);
}

void
cbigan_cpu_parallel(CbiganCpu *self, int n, void (*work)(gpointer data, int turn, int item, int thread), gpointer data)
{
  CbiganCpuTurn turn = { .items = n };
  int team = MIN(n, cbigan_cpu_team(&self->base));
  cbigan_cpu_pool_run(self->pool, &(CbiganCpuRun){ team, &turn, 1, work, data });
}

typedef struct {
  int n, parts;
  CbiganRangeFunc range;
  gpointer data;
} Loop;

static void
run_part(gpointer data, int turn, int part, int thread)
{
  const Loop *loop = data;
  int first = (int)((gint64)loop->n * part / loop->parts), end = (int)((gint64)loop->n * (part + 1) / loop->parts);
  loop->range(loop->data, first, end);
}

void
cbigan_cpu_each(CbiganBackend *base, int n, CbiganRangeFunc range, gpointer data)
{
  Loop loop = { n, MIN(n, 4 * cbigan_cpu_team(base)), range, data };
  cbigan_cpu_parallel((CbiganCpu *)base, loop.parts, run_part, &loop);
}
