/* waiting.c - keeps OpenMP's threads from spinning for long
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * GNU OpenMP lets a thread that waits for the others spin for some 15 ms before it sleeps. Where decoders, converters
 * or a second scorer share the processors, the spinning takes the time slice of the very thread it waits for: passes
 * of 5 ms took 250. Only OMP_WAIT_POLICY, read before main(), sets this; too early for a plugin. But the library
 * spins 300 times shorter once a process has more OpenMP threads than processors, so each backend keeps a few idle
 * ones, asleep, for that. Other OpenMP libraries are not harmed.
 */
#include "cpu.h"

#include <omp.h>

struct _CbiganCpuIdlers {
  GThread *owner; /* of the idle team */
  GMutex mutex;
  GCond changed;
  int size; /* of the team */
  gboolean asleep, done;
};

static gpointer
own_team(gpointer data)
{
  CbiganCpuIdlers *self = data;
  int started = 0;
#pragma omp parallel num_threads(self->size) reduction(+ : started)
  started++; /* the team exists from here on until this thread ends */
  g_mutex_lock(&self->mutex);
  self->asleep = started > 0;
  g_cond_broadcast(&self->changed);
  while (!self->done)
    g_cond_wait(&self->changed, &self->mutex);
  g_mutex_unlock(&self->mutex);
  return NULL;
}

CbiganCpuIdlers *
cbigan_cpu_idlers_new(int threads)
{
  CbiganCpuIdlers *self = g_new0(CbiganCpuIdlers, 1);
  g_mutex_init(&self->mutex);
  g_cond_init(&self->changed);
  /* The backend's team adds threads - 1 to the process's first thread, this one size - 1. */
  self->size = MAX(2, omp_get_num_procs() - threads + 2);
  self->owner = g_thread_new("cbigan-idle", own_team, self);
  g_mutex_lock(&self->mutex);
  while (!self->asleep)
    g_cond_wait(&self->changed, &self->mutex);
  g_mutex_unlock(&self->mutex);
  return self;
}

void
cbigan_cpu_idlers_free(CbiganCpuIdlers *self)
{
  g_mutex_lock(&self->mutex);
  self->done = TRUE;
  g_cond_broadcast(&self->changed);
  g_mutex_unlock(&self->mutex);
  g_thread_join(self->owner);
  g_mutex_clear(&self->mutex);
  g_cond_clear(&self->changed);
  g_free(self);
}
