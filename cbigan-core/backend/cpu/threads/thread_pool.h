/* thread_pool.h - threads for work of a few microseconds and more
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include <glib.h>

G_BEGIN_DECLS

/* Items that threads may do at the same time and in any order. The next turn begins when all of them are done. */
typedef struct {
  int items;
  _Atomic int next, done; /* used by the run */
} CbiganCpuTurn;

typedef struct {
  int team; /* threads at most, the caller's included */
  CbiganCpuTurn *turns;
  int n_turns;
  void (*work)(gpointer data, int turn, int item, int thread); /* thread: 0 .. team - 1, different for each thread */
  gpointer data;
} CbiganCpuRun;

typedef struct _CbiganCpuPool CbiganCpuPool;

/* threads: the most that a run may have, the caller's included; fewer than 2 give NULL. All pools of the process share
 * their threads. A run does without threads that could not be started or that work for other runs. Free with
 * cbigan_cpu_pool_free(). */
CbiganCpuPool *cbigan_cpu_pool_new(int threads);
void cbigan_cpu_pool_free(CbiganCpuPool *self); /* self: may be NULL */
/* Returns when all turns are done. May be called by any thread at any time. self: NULL = the caller does all work. */
void cbigan_cpu_pool_run(CbiganCpuPool *self, const CbiganCpuRun *run);

G_END_DECLS
