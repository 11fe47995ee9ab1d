/* thread_pool.c - threads for work of a few microseconds and more
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A single patch has dozens of turns of a few microseconds each, and a training update has hundreds of short loops.
 * Waking a thread takes longer than several of them. So a run does not wait for its workers: running threads take the
 * next item, and workers join when they are scheduled. Threads wait only for items that another thread has begun.
 *
 * A waiting thread spins for a while (SPIN_USEC), about as long as two runs are apart, and then sleeps. It does not
 * yield: on a busy machine a thread that yields loses the processor for milliseconds, a thread that is woken does not.
 */
#include "thread_pool.h"

#include <stdatomic.h>

#define PAUSES 100 /* about a microsecond, between looks at the clock */
#define SPIN_USEC 100

struct _CbiganCpuPool {
  int threads; /* the caller's included */
  GThread **workers;
  const CbiganCpuRun *run; /* at work; guarded by the protocol of `open` and `inside` */
  atomic_uint begun;       /* runs so far */
  atomic_uint open;        /* number of the run that may be joined; 0 = none */
  atomic_int inside;       /* workers that look at `run` */
  atomic_int sleepers;     /* threads that wait for `changed` */
  atomic_bool ended;
  GMutex lock;
  GCond changed; /* one of the atomic members or of the turns' `done` */
};

typedef struct {
  CbiganCpuPool *pool;
  int number; /* 1 .. threads - 1 */
} Worker;

/* What a thread waits for. */
typedef gboolean (*Condition)(CbiganCpuPool *self, gpointer data);

static void
wait_until(CbiganCpuPool *self, Condition condition, gpointer data)
{
  gint64 until = 0;
  for (int tries = 1; !condition(self, data); tries++) {
#ifdef __x86_64__
    __builtin_ia32_pause();
#endif
    if (tries % PAUSES)
      continue;
    gint64 now = g_get_monotonic_time();
    until = until ? until : now + SPIN_USEC;
    if (now < until)
      continue;
    g_mutex_lock(&self->lock);
    atomic_fetch_add(&self->sleepers, 1);
    while (!condition(self, data))
      g_cond_wait(&self->changed, &self->lock);
    atomic_fetch_sub(&self->sleepers, 1);
    g_mutex_unlock(&self->lock);
    return;
  }
}

/* After a change that a thread may wait for. */
static void
wake_sleepers(CbiganCpuPool *self)
{
  if (!atomic_load(&self->sleepers))
    return;
  g_mutex_lock(&self->lock);
  g_cond_broadcast(&self->changed);
  g_mutex_unlock(&self->lock);
}

static gboolean
turn_is_done(CbiganCpuPool *self, gpointer turn)
{
  return atomic_load(&((CbiganCpuTurn *)turn)->done) >= ((CbiganCpuTurn *)turn)->items;
}

static gboolean
is_empty(CbiganCpuPool *self, gpointer unused)
{
  return !atomic_load(&self->inside);
}

static gboolean
has_begun(CbiganCpuPool *self, gpointer seen)
{
  return atomic_load(&self->begun) != *(unsigned *)seen || atomic_load(&self->ended);
}

/* Turn after turn; each is over when all of its items are done. */
static void
take_part(CbiganCpuPool *self, const CbiganCpuRun *run, int thread)
{
  for (int t = 0; t < run->n_turns; t++) {
    CbiganCpuTurn *turn = &run->turns[t];
    for (int item; (item = atomic_fetch_add(&turn->next, 1)) < turn->items;) {
      run->work(run->data, t, item, thread);
      if (atomic_fetch_add(&turn->done, 1) == turn->items - 1)
        wake_sleepers(self);
    }
    wait_until(self, turn_is_done, turn);
  }
}

static gpointer
work(gpointer data)
{
  g_autofree Worker *worker = data;
  CbiganCpuPool *self = worker->pool;
  for (unsigned seen = 0; !atomic_load(&self->ended);) {
    wait_until(self, has_begun, &seen);
    seen = atomic_load(&self->begun);
    atomic_fetch_add(&self->inside, 1);
    if (seen && atomic_load(&self->open) == seen && worker->number < self->run->team)
      take_part(self, self->run, worker->number);
    if (atomic_fetch_sub(&self->inside, 1) == 1)
      wake_sleepers(self);
  }
  return NULL;
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
  take_part(self, run, 0);
  atomic_store(&self->open, 0);
  wait_until(self, is_empty, NULL);
}

CbiganCpuPool *
cbigan_cpu_pool_new(int threads)
{
  if (threads < 2)
    return NULL;
  CbiganCpuPool *self = g_new0(CbiganCpuPool, 1);
  self->threads = threads;
  self->workers = g_new0(GThread *, threads);
  g_mutex_init(&self->lock);
  g_cond_init(&self->changed);
  for (int i = 1; i < threads; i++) {
    Worker *worker = g_new(Worker, 1);
    *worker = (Worker){ self, i };
    self->workers[i] = g_thread_try_new("cbigan-worker", work, worker, NULL);
    if (!self->workers[i]) /* a limit on threads: the other threads do its part */
      g_free(worker);
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
  g_cond_broadcast(&self->changed);
  g_mutex_unlock(&self->lock);
  for (int i = 1; i < self->threads; i++)
    if (self->workers[i])
      g_thread_join(self->workers[i]);
  g_mutex_clear(&self->lock);
  g_cond_clear(&self->changed);
  g_free(self->workers);
  g_free(self);
}
