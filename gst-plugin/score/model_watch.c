/* model_watch.c - a thread that tells when a file was replaced or written
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "model_watch.h"

#include <glib/gstdio.h>

#define PERIOD (G_USEC_PER_SEC / 2) /* between two looks */

/* What tells two versions of a file apart. */
typedef struct {
  char *path;
  gboolean exists;
  guint64 device, inode, size;
  gint64 seconds, nanoseconds; /* of the last change of its content */
} State;

struct _CbiganWatch {
  char *(*get_path)(gpointer data);
  void (*changed)(gpointer data);
  gpointer data;
  GThread *thread;
  GMutex mutex;
  GCond cond;
  gboolean stopped; /* under the mutex */
  State known;      /* of the file that was told last */
};

static State
look(const CbiganWatch *self)
{
  State state = { .path = self->get_path(self->data) };
  GStatBuf status;
  if (!state.path || g_stat(state.path, &status) != 0)
    return state;
  state.exists = TRUE;
  state.device = (guint64)status.st_dev;
  state.inode = (guint64)status.st_ino;
  state.size = (guint64)status.st_size;
  state.seconds = status.st_mtim.tv_sec;
  state.nanoseconds = status.st_mtim.tv_nsec;
  return state;
}

static gboolean
same_file(const State *a, const State *b)
{
  return a->exists == b->exists && a->device == b->device && a->inode == b->inode && a->size == b->size &&
         a->seconds == b->seconds && a->nanoseconds == b->nanoseconds;
}

static void
take(State *to, State *from)
{
  g_free(to->path);
  *to = *from;
  *from = (State){ 0 };
}

/* FALSE: the watch is to end. */
static gboolean
wait_for_period(CbiganWatch *self)
{
  const gint64 end = g_get_monotonic_time() + PERIOD;
  g_mutex_lock(&self->mutex);
  while (!self->stopped && g_cond_wait_until(&self->cond, &self->mutex, end))
    ;
  const gboolean goes_on = !self->stopped;
  g_mutex_unlock(&self->mutex);
  return goes_on;
}

static gpointer
run(gpointer data)
{
  CbiganWatch *self = data;
  State before = { 0 };
  while (wait_for_period(self)) {
    State now = look(self);
    if (g_strcmp0(now.path, self->known.path)) {
      g_free(before.path);
      before = (State){ 0 };
      take(&self->known, &now); /* another file: whoever chose it has read it */
    } else if (now.exists && !same_file(&now, &self->known) && before.path && same_file(&now, &before)) {
      take(&self->known, &now);
      self->changed(self->data);
    } else {
      take(&before, &now);
    }
    g_free(now.path);
  }
  g_free(before.path);
  return NULL;
}

CbiganWatch *
cbigan_watch_new(char *(*get_path)(gpointer data), void (*changed)(gpointer data), gpointer data, GError **error)
{
  CbiganWatch *self = g_new0(CbiganWatch, 1);
  self->get_path = get_path;
  self->changed = changed;
  self->data = data;
  g_mutex_init(&self->mutex);
  g_cond_init(&self->cond);
  self->known = look(self);
  self->thread = g_thread_try_new("cbigan-watch", run, self, error);
  if (!self->thread)
    g_clear_pointer(&self, cbigan_watch_free);
  return self;
}

void
cbigan_watch_free(CbiganWatch *self)
{
  if (!self)
    return;
  g_mutex_lock(&self->mutex);
  self->stopped = TRUE;
  g_cond_signal(&self->cond);
  g_mutex_unlock(&self->mutex);
  if (self->thread)
    g_thread_join(self->thread);
  g_mutex_clear(&self->mutex);
  g_cond_clear(&self->cond);
  g_free(self->known.path);
  g_free(self);
}
