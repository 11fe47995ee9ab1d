/* openmp_idle.c - keeps OpenMP's threads from spinning for long
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * GNU OpenMP lets a thread that waits for the others spin for some 15 ms before it sleeps. Where decoders, converters
 * or a second scorer share the processors, the spinning takes the time slice of the very thread it waits for: passes
 * of 5 ms took 250. Only OMP_WAIT_POLICY, read before main(), sets this; too early for a plugin. But the library
 * spins 300 times shorter once a process has more OpenMP threads than processors, so while there are backends, one more
 * than there are processors sleep here for that. Other OpenMP libraries are not harmed. Training does without.
 */
#include "threads.h"

#include <omp.h>
#include <unistd.h>

static GMutex lock; /* of the users */
static int users;
static GThread *owner; /* of the idle team */

static GMutex mutex; /* of what follows */
static GCond changed;
static gboolean asleep, done;

/* As OpenMP counted when it was loaded, most likely in the process's first thread. */
static int
count_processors(void)
{
  const gsize size = CPU_ALLOC_SIZE(CBIGAN_CPU_MOST);
  cpu_set_t *allowed = CPU_ALLOC(CBIGAN_CPU_MOST);
  int n = sched_getaffinity(getpid(), size, allowed) ? 1 : CPU_COUNT_S(size, allowed);
  CPU_FREE(allowed);
  return MAX(n, omp_get_num_procs());
}

static gpointer
own_team(gpointer data)
{
  int started = 0;
#pragma omp parallel num_threads(count_processors() + 1) reduction(+ : started)
  started++; /* the team exists from here on until this thread ends */
  g_mutex_lock(&mutex);
  asleep = started > 0;
  g_cond_broadcast(&changed);
  while (!done)
    g_cond_wait(&changed, &mutex);
  g_mutex_unlock(&mutex);
  return NULL;
}

void
cbigan_cpu_idlers_hold(void)
{
  g_mutex_lock(&lock);
  if (!users++) {
    asleep = done = FALSE;
    owner = g_thread_new("cbigan-idle", own_team, NULL);
    g_mutex_lock(&mutex);
    while (!asleep)
      g_cond_wait(&changed, &mutex);
    g_mutex_unlock(&mutex);
  }
  g_mutex_unlock(&lock);
}

void
cbigan_cpu_idlers_release(void)
{
  g_mutex_lock(&lock);
  if (!--users) {
    g_mutex_lock(&mutex);
    done = TRUE;
    g_cond_broadcast(&changed);
    g_mutex_unlock(&mutex);
    g_thread_join(owner);
  }
  g_mutex_unlock(&lock);
}
