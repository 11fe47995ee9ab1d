/* threads.h - how many threads there may be, how many a pass takes, and how they wait
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include <glib.h>
#include <sched.h>

G_BEGIN_DECLS

/* threads.c */
#define CBIGAN_CPU_MOST 8192 /* processors of a set; as many as Linux knows */

typedef struct {
  int all;  /* processors that this process may use, by affinity and quotas; >= 1 */
  int node; /* those of them that share memory: of the NUMA node with most of them; >= 1 */
} CbiganCpuCount;

/* By the calling thread's affinity. */
CbiganCpuCount cbigan_cpu_count(void);
/* root: where the folders sys and proc are; allowed: a set of CBIGAN_CPU_MOST */
CbiganCpuCount cbigan_cpu_count_below(const char *root, const cpu_set_t *allowed);

/* sharing.c: one for each backend. begin() .. end() is a pass, by one thread at a time. */
typedef struct _CbiganCpuShare CbiganCpuShare;
CbiganCpuShare *cbigan_cpu_share_new(int threads, int processors); /* threads: at most that many, >= 1 */
void cbigan_cpu_share_free(CbiganCpuShare *self);
/* Threads for the next operation of the pass; begins one unless it has begun. Any thread may read it. */
int cbigan_cpu_share_team(CbiganCpuShare *self);
void cbigan_cpu_share_end(CbiganCpuShare *self);
#define CBIGAN_CPU_LINGER_USEC 2000 /* how long a pass counts after its end */

/* waiting.c: while somebody holds it, threads of GNU OpenMP hardly spin. */
void cbigan_cpu_idlers_hold(void);
void cbigan_cpu_idlers_release(void);

G_END_DECLS
