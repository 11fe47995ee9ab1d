/* thread_pool.h - helpers for passes of some hundred microseconds
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include <glib.h>

G_BEGIN_DECLS

/* Items that can be done at the same time, by anyone; the next turn begins when all are done. */
typedef struct {
  int items;
  _Atomic int next, done; /* of a run */
} CbiganCpuTurn;

typedef struct {
  int team; /* threads at most, the caller's among them */
  CbiganCpuTurn *turns;
  int n_turns;
  void (*work)(gpointer data, int turn, int item, int thread); /* thread: 0 .. team - 1; two never have the same */
  gpointer data;
} CbiganCpuRun;

typedef struct _CbiganCpuPool CbiganCpuPool;

/* threads: with the caller's; below 2 there is nobody to help: NULL. Threads that can't be started are missing. */
CbiganCpuPool *cbigan_cpu_pool_new(int threads);
void cbigan_cpu_pool_free(CbiganCpuPool *self); /* may be NULL */
/* Returns when all turns are done. One thread at a time. self: NULL = the caller does it all. */
void cbigan_cpu_pool_run(CbiganCpuPool *self, const CbiganCpuRun *run);

G_END_DECLS
