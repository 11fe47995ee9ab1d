/* score_worker.c - one job of an element is in work, and the newest other one waits
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "score_worker.h"

struct _CbiganWorker {
  void (*ask)(gpointer data);
  GDestroyNotify free_job;
  gpointer data;
  gpointer job; /* of the turn; NULL = none */
  GMutex lock;
  GCond idle; /* no job waits, and there is no turn */
  /* under the lock */
  gpointer waiting; /* job that waits, or NULL */
  gboolean asked;   /* from the request for a turn to the turn's end */
};

CbiganWorker *
cbigan_worker_new(void (*ask)(gpointer data), GDestroyNotify free_job, gpointer data)
{
  CbiganWorker *self = g_new0(CbiganWorker, 1);
  self->ask = ask;
  self->free_job = free_job;
  self->data = data;
  g_mutex_init(&self->lock);
  g_cond_init(&self->idle);
  return self;
}

void
cbigan_worker_free(CbiganWorker *self)
{
  g_cond_clear(&self->idle);
  g_mutex_clear(&self->lock);
  g_free(self);
}

gboolean
cbigan_worker_offer(CbiganWorker *self, gpointer job)
{
  g_mutex_lock(&self->lock);
  gpointer old = self->waiting;
  const gboolean is_idle = !self->asked;
  self->waiting = job;
  self->asked = TRUE;
  g_mutex_unlock(&self->lock);
  if (is_idle)
    self->ask(self->data);
  if (old)
    self->free_job(old);
  return old != NULL;
}

gboolean
cbigan_worker_discard(CbiganWorker *self)
{
  g_mutex_lock(&self->lock);
  gpointer old = g_steal_pointer(&self->waiting);
  g_mutex_unlock(&self->lock);
  if (old)
    self->free_job(old);
  return old != NULL;
}

gboolean
cbigan_worker_wait(CbiganWorker *self, gint64 timeout)
{
  const gint64 end = g_get_monotonic_time() + timeout;
  gboolean in_time = TRUE;
  g_mutex_lock(&self->lock);
  while (self->asked && in_time) {
    if (timeout < 0)
      g_cond_wait(&self->idle, &self->lock);
    else
      in_time = g_cond_wait_until(&self->idle, &self->lock, end);
  }
  const gboolean is_idle = !self->asked;
  g_mutex_unlock(&self->lock);
  return is_idle;
}

gpointer
cbigan_worker_take(CbiganWorker *self)
{
  g_mutex_lock(&self->lock);
  self->job = g_steal_pointer(&self->waiting);
  g_mutex_unlock(&self->lock);
  return self->job;
}

void
cbigan_worker_end(CbiganWorker *self)
{
  g_clear_pointer(&self->job, self->free_job);
  g_mutex_lock(&self->lock);
  const gboolean again = self->waiting != NULL;
  self->asked = again;
  if (!again)
    g_cond_broadcast(&self->idle);
  g_mutex_unlock(&self->lock);
  if (again)
    self->ask(self->data);
}
