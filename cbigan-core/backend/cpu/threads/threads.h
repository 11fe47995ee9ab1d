/* threads.h - how many threads there may be, and how many an operation takes
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include <glib.h>
#include <sched.h>

G_BEGIN_DECLS

/* cpu_count.c */
#define CBIGAN_CPU_MOST 8192 /* processors of a set; as many as Linux knows */

typedef struct {
  int all;  /* processors that this process may use, by affinity and quotas; >= 1 */
  int node; /* those on the NUMA node that has most of them; >= 1 */
} CbiganCpuCount;

/* By the calling thread's affinity. */
CbiganCpuCount cbigan_cpu_count(void);
/* root: the folder that holds sys and proc. allowed: a set of CBIGAN_CPU_MOST processors */
CbiganCpuCount cbigan_cpu_count_below(const char *root, const cpu_set_t *allowed);

/* cpu_budget.c: one share per backend. A pass begins with the first team() after end(), by one thread at a time. */
typedef struct _CbiganCpuShare CbiganCpuShare;
/* threads: at most so many, >= 1. Free with cbigan_cpu_share_free(). */
CbiganCpuShare *cbigan_cpu_share_new(int threads, int processors);
void cbigan_cpu_share_free(CbiganCpuShare *self);
/* Threads for the next operation of the pass; begins a pass unless one has begun. Any thread may read it. */
int cbigan_cpu_share_team(CbiganCpuShare *self);
void cbigan_cpu_share_end(CbiganCpuShare *self);
#define CBIGAN_CPU_LINGER_USEC 2000 /* how long a pass counts after its end */

G_END_DECLS
