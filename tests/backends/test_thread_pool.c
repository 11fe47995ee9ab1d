/* test_thread_pool.c - the threads that share the cpu backend's work
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "backend/cpu/threads/thread_pool.h"
#include "harness.h"

#define MOST_WORKERS 9
#define MOST_TURNS 7
#define MOST_ITEMS 12

typedef struct {
  const CbiganCpuRun *run;
  int done[MOST_TURNS][MOST_ITEMS]; /* all atomic */
  int busy[MOST_WORKERS];
} Work;

static void
do_item(gpointer data, int turn, int item, int thread)
{
  Work *w = data;
  g_assert_cmpint(thread, >=, 0);
  g_assert_cmpint(thread, <, w->run->team);
  g_assert_cmpint(g_atomic_int_add(&w->busy[thread], 1), ==, 0); /* nobody else is that one */
  for (int i = 0; turn && i < w->run->turns[turn - 1].items; i++)
    g_assert_cmpint(g_atomic_int_get(&w->done[turn - 1][i]), ==, 1);
  for (int spin = 0; spin < 200 * (item % 3); spin++) /* some take longer */
    g_atomic_int_get(&w->busy[thread]);
  g_atomic_int_inc(&w->done[turn][item]);
  g_atomic_int_add(&w->busy[thread], -1);
}

/* One run after another, of 1 to `threads` threads */
static void
run_all(CbiganCpuPool *pool, int threads)
{
  for (int i = 0; i < 500; i++) {
    CbiganCpuTurn turns[MOST_TURNS] = { { 0 } };
    CbiganCpuRun run = { 1 + i % threads, turns, i % (MOST_TURNS + 1), do_item, NULL };
    Work work = { &run };
    run.data = &work;
    for (int t = 0; t < run.n_turns; t++)
      turns[t].items = (i / 3 + 5 * t) % (MOST_ITEMS + 1);
    if (i % 100 == 0)
      g_usleep(2000); /* they fall asleep */
    cbigan_cpu_pool_run(pool, &run);
    for (int t = 0; t < run.n_turns; t++)
      for (int item = 0; item < MOST_ITEMS; item++)
        g_assert_cmpint(work.done[t][item], ==, item < turns[t].items);
  }
}

/* Every item is done once, after those of the turn before, by threads of the team, whether workers spin, sleep or are
 * more than there are processors. */
static void
test_workers(void)
{
  g_assert_null(cbigan_cpu_pool_new(0));
  g_assert_null(cbigan_cpu_pool_new(1));
  for (int threads = 1; threads < MOST_WORKERS; threads++) {
    CbiganCpuPool *pool = cbigan_cpu_pool_new(threads);
    run_all(pool, threads);
    cbigan_cpu_pool_free(pool);
  }
}

static gpointer
run_in_pool(gpointer data)
{
  const int threads = GPOINTER_TO_INT(data);
  CbiganCpuPool *pool = cbigan_cpu_pool_new(threads);
  run_all(pool, threads);
  cbigan_cpu_pool_free(pool);
  return NULL;
}

/* Runs of several pools at the same time share the workers of the largest one. */
static void
test_pools(void)
{
  enum { POOLS = 4 };
  GThread *threads[POOLS];
  const int before = count_own_threads();
  CbiganCpuPool *largest = cbigan_cpu_pool_new(POOLS + 2);
  for (int i = 0; i < POOLS; i++)
    threads[i] = g_thread_new("pool", run_in_pool, GINT_TO_POINTER(2 + i));
  g_assert_cmpint(count_own_threads(), <=, before + POOLS + POOLS + 1);
  for (int i = 0; i < POOLS; i++)
    g_thread_join(threads[i]);
  cbigan_cpu_pool_free(largest);
  g_assert_cmpint(count_own_threads(), ==, before);
}

/* Waits until all items have been begun, each by a thread of its own. */
static void
meet(gpointer begun, int turn, int item, int thread)
{
  g_atomic_int_inc((int *)begun);
  for (int i = 0; i < 100000 && g_atomic_int_get((int *)begun) < 3; i++)
    g_usleep(100);
}

static void
test_workers_come(void)
{
  CbiganCpuPool *pool = cbigan_cpu_pool_new(3);
  for (int i = 0; i < 3; i++) {
    int begun = 0;
    CbiganCpuTurn turn = { 3 };
    gint64 start = g_get_monotonic_time();
    g_usleep(1000 * (gulong)i); /* awake the first time, asleep the others */
    cbigan_cpu_pool_run(pool, &(CbiganCpuRun){ 3, &turn, 1, meet, &begun });
    g_assert_cmpint(begun, ==, 3);
    g_assert_cmpint(g_get_monotonic_time() - start, <, 9 * G_USEC_PER_SEC); /* nobody gave up */
  }
  cbigan_cpu_pool_free(pool);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/thread-pool/workers", test_workers);
  g_test_add_func("/thread-pool/pools", test_pools);
  g_test_add_func("/thread-pool/workers-come", test_workers_come);
  return g_test_run();
}
