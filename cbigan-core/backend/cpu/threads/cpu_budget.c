/* cpu_budget.c - passes at the same time divide the processors of the process
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Two scorers with one thread per processor each would wait for threads that the other scorer has displaced. So
 * scorers whose passes run at the same time divide the processors. A scorer that is alone takes as many as its
 * `threads` allows; when a second scorer begins, each continues with half of the processors.
 *
 * A pass begins with the first operation after finish() and ends with the next finish(). It asks for its
 * threads before each operation, so it can lose threads within a pass. It gets more threads only at its next pass. A
 * pass counts for CBIGAN_CPU_LINGER_USEC after its end, because a busy stream begins its next frame at once.
 *
 * Neither scores nor gradients depend on the number of threads: the operations that ask here compute the same bits.
 */
#include "threads.h"

#include <unistd.h>

struct _CbiganCpuShare {
  int threads, processors;
  int team;          /* of the pass at work; 0 = none is. Atomic, but changed only under the lock */
  pid_t caller;      /* of the last pass */
  gint64 ended;      /* time of that pass's end, by the monotonic clock; G_MININT64 = never */
  gboolean dividing; /* for divide() */
  int part;
};

static GMutex lock;
static GPtrArray *shares; /* of all backends */

/* Fills `part` of the n shares that are `dividing`. A share that takes less than an equal part leaves the rest to the
 * others. */
static void
divide(int processors, int n)
{
  gboolean again = n > 1;
  for (guint i = 0; i < shares->len; i++)
    ((CbiganCpuShare *)shares->pdata[i])->part = 0;
  while (again) {
    again = FALSE;
    for (guint i = 0; i < shares->len; i++) {
      CbiganCpuShare *s = shares->pdata[i];
      if (!s->dividing || s->part || s->threads > processors / n)
        continue;
      s->part = s->threads;
      processors -= s->part;
      n--;
      again = TRUE;
    }
  }
  for (guint i = 0; i < shares->len; i++) {
    CbiganCpuShare *s = shares->pdata[i];
    if (!s->dividing || s->part)
      continue;
    s->part = MAX(1, processors / n);
    processors -= s->part;
    n--;
  }
}

static int
begin(CbiganCpuShare *self)
{
  gint64 now = g_get_monotonic_time();
  int n = 0, processors = 1;
  g_mutex_lock(&lock);
  self->caller = gettid();
  for (guint i = 0; i < shares->len; i++) {
    CbiganCpuShare *other = shares->pdata[i];
    if (other != self && other->caller == self->caller) { /* the passes of one thread are never at the same time */
      g_atomic_int_set(&other->team, 0);
      other->ended = G_MININT64;
    }
    other->dividing = other == self || other->team || now - CBIGAN_CPU_LINGER_USEC < other->ended;
    if (other->dividing) {
      processors = MAX(processors, other->processors);
      n++;
    }
  }
  divide(processors, n);
  for (guint i = 0; i < shares->len && n > 1; i++) {
    CbiganCpuShare *other = shares->pdata[i];
    if (other->dividing && other->team)
      g_atomic_int_set(&other->team, MIN(other->team, other->part));
  }
  int team = n > 1 ? self->part : self->threads;
  g_atomic_int_set(&self->team, team);
  g_mutex_unlock(&lock);
  return team;
}

int
cbigan_cpu_share_team(CbiganCpuShare *self)
{
  int team = g_atomic_int_get(&self->team);
  return team ? team : begin(self);
}

void
cbigan_cpu_share_end(CbiganCpuShare *self)
{
  g_mutex_lock(&lock);
  if (self->team)
    self->ended = g_get_monotonic_time();
  g_atomic_int_set(&self->team, 0);
  g_mutex_unlock(&lock);
}

CbiganCpuShare *
cbigan_cpu_share_new(int threads, int processors)
{
  CbiganCpuShare *self = g_new0(CbiganCpuShare, 1);
  *self = (CbiganCpuShare){ .threads = threads, .processors = processors, .ended = G_MININT64 };
  g_mutex_lock(&lock);
  shares = shares ? shares : g_ptr_array_new();
  g_ptr_array_add(shares, self);
  g_mutex_unlock(&lock);
  return self;
}

void
cbigan_cpu_share_free(CbiganCpuShare *self)
{
  g_mutex_lock(&lock);
  g_ptr_array_remove(shares, self);
  if (!shares->len)
    g_clear_pointer(&shares, g_ptr_array_unref);
  g_mutex_unlock(&lock);
  g_free(self);
}
