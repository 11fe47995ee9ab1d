/* score_worker.c - a thread that does the newest of the jobs it is offered
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "score_worker.h"

struct _CbiganWorker {
  void (*work)(gpointer job, gpointer data);
  GDestroyNotify free_job;
  gpointer data;
  GMutex lock;
  GCond changed; /* a job came, a job is done, or the worker must end */
  /* under the lock */
  GThread *thread;  /* NULL = no job was offered since the last stop */
  gpointer waiting; /* job that waits, or NULL */
  gboolean busy;    /* a job is in work */
  gboolean ending;
};

static gpointer
run(gpointer data)
{
  CbiganWorker *self = data;
  g_mutex_lock(&self->lock);
  while (!self->ending) {
    gpointer job = g_steal_pointer(&self->waiting);
    if (!job) {
      g_cond_wait(&self->changed, &self->lock);
      continue;
    }
    self->busy = TRUE;
    g_mutex_unlock(&self->lock);
    self->work(job, self->data);
    self->free_job(job);
    g_mutex_lock(&self->lock);
    self->busy = FALSE;
    g_cond_broadcast(&self->changed);
  }
  g_mutex_unlock(&self->lock);
  return NULL;
}

CbiganWorker *
cbigan_worker_new(void (*work)(gpointer job, gpointer data), GDestroyNotify free_job, gpointer data)
{
  CbiganWorker *self = g_new0(CbiganWorker, 1);
  self->work = work;
  self->free_job = free_job;
  self->data = data;
  g_mutex_init(&self->lock);
  g_cond_init(&self->changed);
  return self;
}

void
cbigan_worker_free(CbiganWorker *self)
{
  cbigan_worker_stop(self);
  g_cond_clear(&self->changed);
  g_mutex_clear(&self->lock);
  g_free(self);
}

void
cbigan_worker_stop(CbiganWorker *self)
{
  cbigan_worker_discard(self);
  g_mutex_lock(&self->lock);
  GThread *thread = g_steal_pointer(&self->thread);
  self->ending = TRUE;
  g_cond_broadcast(&self->changed);
  g_mutex_unlock(&self->lock);
  if (thread)
    g_thread_join(thread);
  self->ending = FALSE;
}

gboolean
cbigan_worker_offer(CbiganWorker *self, gpointer job)
{
  g_mutex_lock(&self->lock);
  gpointer old = self->waiting;
  self->waiting = job;
  if (!self->thread)
    self->thread = g_thread_new("cbigan-score", run, self);
  g_cond_broadcast(&self->changed);
  g_mutex_unlock(&self->lock);
  if (old)
    self->free_job(old);
  return old != NULL;
}

gboolean
cbigan_worker_discard(CbiganWorker *self)
{
  g_mutex_lock(&self->lock);
  gpointer old = g_steal_pointer(&self->waiting);
  g_cond_broadcast(&self->changed);
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
  while ((self->busy || self->waiting) && in_time) {
    if (timeout < 0)
      g_cond_wait(&self->changed, &self->lock);
    else
      in_time = g_cond_wait_until(&self->changed, &self->lock, end);
  }
  const gboolean idle = !self->busy && !self->waiting;
  g_mutex_unlock(&self->lock);
  return idle;
}
