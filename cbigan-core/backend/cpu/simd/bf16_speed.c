/* bf16_speed.c - measures whether a processor multiplies faster in bf16 than in fp32
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Having the instructions is not enough: some processors issue half as many of them per cycle, and the rounding to bf16
 * costs time as well. A 3x3 convolution of a few tiles is timed with the kernels that scoring would use.
 */
#include <stdlib.h>
#include <time.h>

#include "backend/cpu/cpu.h"

#define SIDE 8 /* of the map, in pixels: four tiles per lane, the largest number that kernels do together */
#define RUNS 5
#define LEAST_GAIN 0.1
#define MOST_CHANNELS 32 /* wider convolutions gain the same and take ten times as long to measure */

/* Seconds per call, the least of RUNS; the first call loads the caches and is not counted. */
typedef struct {
  const CbiganKernels *kernels;
  CbiganConv3 conv;
  CbiganMap x, y;
  float *weights, *scratch;
  double least;
} Trial;

/* n numbers of ordinary size, as zeros or denormal numbers may take another time; NULL: out of memory. For free(). */
static float *
numbers(gsize n)
{
  float *x = cbigan_cpu_memory(n * sizeof *x);
  for (gsize i = 0; x && i < n; i++)
    x[i] = 0.5f + (float)(i % 7) / 8.0f;
  return x;
}

static CbiganMap
map_new(const CbiganKernels *kernels, int channels)
{
  gsize plane = cbigan_map_plane(SIDE, kernels->lanes);
  float *data = numbers((gsize)(channels * SIDE) * plane);
  return (CbiganMap){ data, channels, SIDE, SIDE, SIDE, FALSE, plane };
}

static Trial
trial_new(const CbiganKernels *kernels, int width)
{
  const int channels = MIN(2 * width, MOST_CHANNELS);
  Trial t = { .kernels = kernels, .conv = { channels, channels, 4, 1.0f }, .least = G_MAXDOUBLE };
  t.x = map_new(kernels, channels);
  t.y = map_new(kernels, channels);
  t.conv.weights = t.weights = numbers((gsize)(36 * channels * channels));
  t.scratch = numbers(cbigan_cpu_conv3_scratch(kernels, &t.conv));
  return t;
}

static gboolean
is_complete(const Trial *t)
{
  return t->x.data && t->y.data && t->weights && t->scratch;
}

static void
trial_run(Trial *t, gboolean counts)
{
  struct timespec start, end;
  clock_gettime(CLOCK_MONOTONIC, &start);
  t->kernels->conv3(&t->conv, &t->x, &t->y, 0, SIDE / 4 * (SIDE / 4), t->scratch);
  clock_gettime(CLOCK_MONOTONIC, &end);
  double took = (double)(end.tv_sec - start.tv_sec) + (double)(end.tv_nsec - start.tv_nsec) * 1e-9;
  if (counts)
    t->least = MIN(t->least, took);
}

static void
trial_clear(Trial *t)
{
  free(t->x.data);
  free(t->y.data);
  free(t->weights);
  free(t->scratch);
}

gboolean
cbigan_cpu_bf16_is_faster(const CbiganKernels *fp32, const CbiganKernels *bf16, int width)
{
  Trial a = trial_new(fp32, width), b = trial_new(bf16, width);
  gboolean ready = is_complete(&a) && is_complete(&b);
  for (int run = 0; ready && run <= RUNS; run++) {
    trial_run(&a, run > 0);
    trial_run(&b, run > 0);
  }
  trial_clear(&a);
  trial_clear(&b);
  /* Kernels of another number of lanes do another number of samples per call. */
  return ready && b.least / bf16->lanes < (1 - LEAST_GAIN) * a.least / fp32->lanes;
}

gboolean
cbigan_cpu_prefers_bf16(const CbiganIsa *isa, int width)
{
  static GMutex lock;
  static GHashTable *known; /* per process: instruction set's name and width -> whether */
  if (!isa || !isa->bf16 || width > isa->widest)
    return FALSE;
  g_autofree char *key = g_strdup_printf("%s %d", isa->name, width);
  gpointer faster;
  g_mutex_lock(&lock);
  if (!known)
    known = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  if (!g_hash_table_lookup_extended(known, key, NULL, &faster)) {
    faster = GINT_TO_POINTER(cbigan_cpu_bf16_is_faster(isa->many, isa->bf16_many, width) &&
                             cbigan_cpu_bf16_is_faster(isa->few, isa->bf16_few, width));
    g_hash_table_insert(known, g_steal_pointer(&key), faster);
  }
  g_mutex_unlock(&lock);
  return GPOINTER_TO_INT(faster);
}
