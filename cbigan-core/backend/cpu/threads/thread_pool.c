/* thread_pool.c - helpers for passes of some hundred microseconds
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A single patch's pass has dozens of turns of a few microseconds, and waking a thread takes longer than several of
 * them. A team that begins only when all are there, as OpenMP's does, was slower than one thread. So nobody waits for a
 * helper to come: who is there takes the next item of the turn, and helpers join when they are awake. All wait only for
 * items that somebody has begun. A helper looks out for the next run for a while (SPIN_USEC), about as long as the
 * stages of a frame are apart, and gives way to any other thread meanwhile; then it sleeps.
 */
#include "thread_pool.h"

#include <stdatomic.h>

#define PAUSES 200  /* a few microseconds, before a waiting thread gives way to others */
#define YIELDS 2000 /* about a millisecond, before it sleeps, so that it can't keep a thread of lower priority away */
#define SPIN_USEC 150

struct _CbiganCpuPool {
  int threads; /* with the caller's */
  GThread **helpers;
  const CbiganCpuRun *run; /* at work; guarded by the protocol of `open` and `inside` */
  atomic_uint begun;       /* runs so far */
  atomic_uint open;        /* number of the run that may be joined; 0 = none */
  atomic_int inside;       /* helpers that look at `run` */
  atomic_int sleepers;
  atomic_bool ended;
  GMutex lock;
  GCond wake;
};

typedef struct {
  CbiganCpuPool *pool;
  int number; /* 1 .. threads - 1 */
} Helper;

static inline void
pause_for(int tries)
{
  if (tries > PAUSES + YIELDS)
    g_usleep(100);
  else if (tries > PAUSES)
    g_thread_yield();
#ifdef __x86_64__
  else
    __builtin_ia32_pause();
#endif
}

/* Turn after turn; each is over when all of its items are done. */
static void
take_part(const CbiganCpuRun *run, int thread)
{
  for (int t = 0; t < run->n_turns; t++) {
    CbiganCpuTurn *turn = &run->turns[t];
    for (int item; (item = atomic_fetch_add_explicit(&turn->next, 1, memory_order_acq_rel)) < turn->items;) {
      run->work(run->data, t, item, thread);
      atomic_fetch_add_explicit(&turn->done, 1, memory_order_acq_rel);
    }
    for (int tries = 0; atomic_load_explicit(&turn->done, memory_order_acquire) < turn->items; tries++)
      pause_for(tries);
  }
}

/* Returns when there is another run than `seen`, or at the end. */
static unsigned
wait_for_run(CbiganCpuPool *self, unsigned seen)
{
  gint64 until = g_get_monotonic_time() + SPIN_USEC;
  for (int tries = 0; atomic_load(&self->begun) == seen && !atomic_load(&self->ended); tries++) {
    pause_for(tries);
    if (tries % PAUSES || g_get_monotonic_time() < until)
      continue;
    g_mutex_lock(&self->lock);
    atomic_fetch_add(&self->sleepers, 1);
    while (atomic_load(&self->begun) == seen && !atomic_load(&self->ended))
      g_cond_wait(&self->wake, &self->lock);
    atomic_fetch_sub(&self->sleepers, 1);
    g_mutex_unlock(&self->lock);
  }
  return atomic_load(&self->begun);
}

static gpointer
help(gpointer data)
{
  g_autofree Helper *helper = data;
  CbiganCpuPool *self = helper->pool;
  for (unsigned seen = 0; !atomic_load(&self->ended);) {
    seen = wait_for_run(self, seen);
    atomic_fetch_add(&self->inside, 1);
    if (seen && atomic_load(&self->open) == seen && helper->number < self->run->team)
      take_part(self->run, helper->number);
    atomic_fetch_sub(&self->inside, 1);
  }
  return NULL;
}

static void
wake_sleepers(CbiganCpuPool *self)
{
  if (!atomic_load(&self->sleepers))
    return;
  g_mutex_lock(&self->lock);
  g_cond_broadcast(&self->wake);
  g_mutex_unlock(&self->lock);
}

void
cbigan_cpu_pool_run(CbiganCpuPool *self, const CbiganCpuRun *run)
{
  gboolean alone = !self || run->team < 2;
  for (int t = 0; alone && t < run->n_turns; t++)
    for (int item = 0; item < run->turns[t].items; item++)
      run->work(run->data, t, item, 0);
  if (alone)
    return;
  for (int t = 0; t < run->n_turns; t++) {
    atomic_store_explicit(&run->turns[t].next, 0, memory_order_relaxed);
    atomic_store_explicit(&run->turns[t].done, 0, memory_order_relaxed);
  }
  self->run = run;
  unsigned number = atomic_load(&self->begun) + 1;
  number += !number; /* 0 means none */
  atomic_store(&self->open, number);
  atomic_store(&self->begun, number);
  wake_sleepers(self);
  take_part(run, 0);
  atomic_store(&self->open, 0);
  for (int tries = 0; atomic_load(&self->inside); tries++)
    pause_for(tries);
}

CbiganCpuPool *
cbigan_cpu_pool_new(int threads)
{
  if (threads < 2)
    return NULL;
  CbiganCpuPool *self = g_new0(CbiganCpuPool, 1);
  self->threads = threads;
  self->helpers = g_new0(GThread *, threads);
  g_mutex_init(&self->lock);
  g_cond_init(&self->wake);
  for (int i = 1; i < threads; i++) {
    Helper *helper = g_new(Helper, 1);
    *helper = (Helper){ self, i };
    self->helpers[i] = g_thread_try_new("cbigan-helper", help, helper, NULL);
    if (!self->helpers[i]) /* a limit on threads: the others do its part */
      g_free(helper);
  }
  return self;
}

void
cbigan_cpu_pool_free(CbiganCpuPool *self)
{
  if (!self)
    return;
  g_mutex_lock(&self->lock);
  atomic_store(&self->ended, TRUE);
  g_cond_broadcast(&self->wake);
  g_mutex_unlock(&self->lock);
  for (int i = 1; i < self->threads; i++)
    if (self->helpers[i])
      g_thread_join(self->helpers[i]);
  g_mutex_clear(&self->lock);
  g_cond_clear(&self->wake);
  g_free(self->helpers);
  g_free(self);
}
