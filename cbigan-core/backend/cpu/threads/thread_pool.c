/* thread_pool.c - threads for work of a few microseconds and more
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Scoring one patch takes dozens of turns of a few microseconds each, and a training update takes hundreds of short
 * loops. Waking a thread takes longer than several turns. So a run does not wait for its workers: threads that already
 * run take the next item, and workers join once they are scheduled. Threads wait only for items that another thread
 * has begun.
 *
 * A waiting thread spins for SPIN_USEC, about the time between two runs, and then sleeps. It does not yield: on a busy
 * machine a thread that yields loses the processor for milliseconds, and a thread that is woken does not.
 *
 * All pools of a process share their workers, as many as the largest pool wants. A run calls workers that no other run
 * has called, and does their work itself where too few are free. So many scorers have no more threads than one.
 */
#include "thread_pool.h"

#include <stdatomic.h>

#define PAUSES 100 /* about a microsecond, between looks at the clock */
#define SPIN_USEC 100
#define MOST_WORKERS 1023

/* A worker's `run`: the address of the run that called it, with the bit JOINED once the worker takes part; or one of
 * these values. */
#define FREE ((guintptr)0)
#define JOINED ((guintptr)1)
#define RESERVED ((guintptr)2) /* a run is about to call it */
#define ENDED ((guintptr)4)

typedef struct {
  _Atomic guintptr run;
  atomic_bool asleep;
  GCond called;
  int place; /* the worker's thread number in the run; set before the call */
  GThread *thread;
} Worker;

struct _CbiganCpuPool {
  int threads; /* the caller's included */
};

static GMutex crew; /* held while workers are started or ended */
static guint pools; /* under `crew` */
static Worker *workers[MOST_WORKERS];
static atomic_int n_workers;

static GMutex lock;
static GCond changed;       /* a turn is done, or a worker has left a run */
static atomic_int sleepers; /* threads that wait for `changed` */

/* --- waiting --------------------------------------------------------------------------------------------------- */

typedef gboolean (*Condition)(gpointer data);

/* TRUE: the condition holds. FALSE: SPIN_USEC have passed. */
static gboolean
spin_until(Condition condition, gpointer data)
{
  gint64 until = 0;
  for (int tries = 1; !condition(data); tries++) {
#ifdef __x86_64__
    __builtin_ia32_pause();
#endif
    if (tries % PAUSES)
      continue;
    gint64 now = g_get_monotonic_time();
    until = until ? until : now + SPIN_USEC;
    if (now >= until)
      return FALSE;
  }
  return TRUE;
}

static void
wait_until(Condition condition, gpointer data)
{
  if (spin_until(condition, data))
    return;
  g_mutex_lock(&lock);
  atomic_fetch_add(&sleepers, 1);
  while (!condition(data))
    g_cond_wait(&changed, &lock);
  atomic_fetch_sub(&sleepers, 1);
  g_mutex_unlock(&lock);
}

/* To be called after each change that a thread may wait for */
static void
wake_sleepers(void)
{
  if (!atomic_load(&sleepers))
    return;
  g_mutex_lock(&lock);
  g_cond_broadcast(&changed);
  g_mutex_unlock(&lock);
}

static gboolean
turn_is_done(gpointer data)
{
  CbiganCpuTurn *turn = data;
  return atomic_load(&turn->done) >= turn->items;
}

static gboolean
is_called(gpointer data)
{
  const guintptr run = atomic_load(&((Worker *)data)->run);
  return run != FREE && run != RESERVED;
}

typedef struct {
  Worker *worker;
  guintptr run;
} Taking;

static gboolean
has_left(gpointer data)
{
  const Taking *taking = data;
  return atomic_load(&taking->worker->run) != (taking->run | JOINED);
}

/* --- workers --------------------------------------------------------------------------------------------------- */

/* Does items of turn after turn. A turn is over when all of its items are done. */
static void
take_part(const CbiganCpuRun *run, int thread)
{
  for (int t = 0; t < run->n_turns; t++) {
    CbiganCpuTurn *turn = &run->turns[t];
    for (int item; (item = atomic_fetch_add(&turn->next, 1)) < turn->items;) {
      run->work(run->data, t, item, thread);
      if (atomic_fetch_add(&turn->done, 1) == turn->items - 1)
        wake_sleepers();
    }
    wait_until(turn_is_done, turn);
  }
}

static void
call(Worker *self, guintptr run)
{
  atomic_store(&self->run, run);
  if (!atomic_load(&self->asleep))
    return;
  g_mutex_lock(&lock);
  g_cond_signal(&self->called);
  g_mutex_unlock(&lock);
}

static void
wait_for_call(Worker *self)
{
  if (spin_until(is_called, self))
    return;
  g_mutex_lock(&lock);
  atomic_store(&self->asleep, TRUE);
  while (!is_called(self))
    g_cond_wait(&self->called, &lock);
  atomic_store(&self->asleep, FALSE);
  g_mutex_unlock(&lock);
}

static gpointer
work(gpointer data)
{
  Worker *self = data;
  for (;;) {
    wait_for_call(self);
    guintptr run = atomic_load(&self->run);
    if (run == ENDED)
      return NULL;
    /* The run may have ended without this worker. */
    if (run == FREE || run == RESERVED || !atomic_compare_exchange_strong(&self->run, &run, run | JOINED))
      continue;
    take_part((const CbiganCpuRun *)run, self->place);
    atomic_store(&self->run, FREE);
    wake_sleepers();
  }
}

/* Calls up to n free workers for the run, and returns their number. */
static int
call_workers(const CbiganCpuRun *run, int n)
{
  const int all = atomic_load(&n_workers);
  int called = 0;
  for (int i = 0; i < all && called < n; i++) {
    guintptr expected = FREE;
    Worker *worker = workers[i];
    if (atomic_load_explicit(&worker->run, memory_order_relaxed) != FREE ||
        !atomic_compare_exchange_strong(&worker->run, &expected, RESERVED))
      continue;
    worker->place = ++called;
    call(worker, (guintptr)run);
  }
  return called;
}

/* Frees the run's workers. Waits for those that take part; the others never will. */
static void
release_workers(const CbiganCpuRun *run, int called)
{
  for (int i = 0; called > 0; i++) {
    Taking taking = { workers[i], (guintptr)run };
    guintptr found = (guintptr)run;
    if (atomic_compare_exchange_strong(&taking.worker->run, &found, FREE)) {
      called--;
    } else if (found == ((guintptr)run | JOINED)) {
      wait_until(has_left, &taking);
      called--;
    }
    if (i + 1 == atomic_load(&n_workers)) /* the other workers have left already */
      return;
  }
}

void
cbigan_cpu_pool_run(CbiganCpuPool *self, const CbiganCpuRun *run)
{
  const int team = self ? MIN(run->team, self->threads) : 1;
  for (int t = 0; team > 1 && t < run->n_turns; t++) {
    atomic_store_explicit(&run->turns[t].next, 0, memory_order_relaxed);
    atomic_store_explicit(&run->turns[t].done, 0, memory_order_relaxed);
  }
  const int called = team > 1 ? call_workers(run, team - 1) : 0;
  if (called) {
    take_part(run, 0);
    release_workers(run, called);
    return;
  }
  for (int t = 0; t < run->n_turns; t++)
    for (int item = 0; item < run->turns[t].items; item++)
      run->work(run->data, t, item, 0);
}

/* --- the crew -------------------------------------------------------------------------------------------------- */

/* FALSE: the system allows no more threads. */
static gboolean
add_worker(void)
{
  Worker *worker = g_new0(Worker, 1);
  g_cond_init(&worker->called);
  worker->thread = g_thread_try_new("cbigan-worker", work, worker, NULL);
  if (!worker->thread) {
    g_cond_clear(&worker->called);
    g_free(worker);
    return FALSE;
  }
  const int n = atomic_load(&n_workers);
  workers[n] = worker;
  atomic_store(&n_workers, n + 1);
  return TRUE;
}

static void
end_workers(void)
{
  const int n = atomic_load(&n_workers);
  atomic_store(&n_workers, 0);
  for (int i = 0; i < n; i++)
    call(workers[i], ENDED);
  for (int i = 0; i < n; i++) {
    g_thread_join(workers[i]->thread);
    g_cond_clear(&workers[i]->called);
    g_clear_pointer(&workers[i], g_free);
  }
}

CbiganCpuPool *
cbigan_cpu_pool_new(int threads)
{
  if (threads < 2)
    return NULL;
  CbiganCpuPool *self = g_new0(CbiganCpuPool, 1);
  self->threads = threads;
  g_mutex_lock(&crew);
  pools++;
  for (int i = atomic_load(&n_workers); i < MIN(threads - 1, MOST_WORKERS) && add_worker(); i++)
    ;
  g_mutex_unlock(&crew);
  return self;
}

void
cbigan_cpu_pool_free(CbiganCpuPool *self)
{
  if (!self)
    return;
  g_mutex_lock(&crew);
  if (--pools == 0)
    end_workers();
  g_mutex_unlock(&crew);
  g_free(self);
}
