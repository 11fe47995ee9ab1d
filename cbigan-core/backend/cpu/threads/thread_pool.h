/* thread_pool.h - threads for work of a few microseconds and more
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include <glib.h>

G_BEGIN_DECLS

/* Items that may be done at the same time, by any thread. The next turn begins when all of them are done. */
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

/* threads: the caller's included. NULL with fewer than 2. All pools of the process have their threads together. Threads
 * that cannot be started, or that work for other runs at the moment, are missing: the other ones do all work. Free with
 * cbigan_cpu_pool_free(). */
CbiganCpuPool *cbigan_cpu_pool_new(int threads);
void cbigan_cpu_pool_free(CbiganCpuPool *self); /* self: may be NULL */
/* Returns when all turns are done. Any thread may call it at any time. self: NULL = the caller does all work. */
void cbigan_cpu_pool_run(CbiganCpuPool *self, const CbiganCpuRun *run);

G_END_DECLS
