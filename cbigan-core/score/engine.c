/* engine.c - the networks of a model, opened once for any number of scorers
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A pass computes on a seat for the requests at the queue's head. Requests that a thread waits for are computed by such
 * threads: the one whose request is the head leads the pass, also for others, so one stream alone costs no change of
 * threads. Requests that were posted are computed by runners. Runners are threads of all engines together, at most one
 * per processor. They start when work would wait, and end with the last shared engine.
 *
 * One lock guards all engines. It is held for some microseconds per frame.
 */
#include "score/engine.h"

#include <string.h>

#include "score/seat.h"

struct _CbiganEngine {
  CbiganEngineKey key;          /* owns the model and the name */
  const CbiganBackend *backend; /* of the first seat */
  guint frames;                 /* of a pass, at most */
  /* under the lock */
  gboolean shared;
  gboolean listed;  /* new members may find it */
  gboolean opening; /* a thread opens a seat */
  GPtrArray *seats; /* CbiganSeat; the first one stays */
  guint most_seats;
  guint members, active; /* active: with frames that wait or are in work */
  GQueue waiting;        /* CbiganRequest.link, oldest first */
};

/* A thread that waits for its requests. */
typedef struct _CbiganCall {
  GCond changed;
  guint left; /* requests that are not done */
} Call;

static GMutex lock;
static GCond opened;                     /* an engine is not `opening` any more */
static GPtrArray *engines;               /* all shared ones that have members or are opened; NULL = none */
static GCond posted;                     /* for runners: a posted request came to a queue's head, or a seat was left */
static guint n_runners, n_idle, n_woken; /* woken: of the idle ones */
static GQueue finished = G_QUEUE_INIT;   /* CbiganRequest.link: posted ones, whose done() is to be called */

/* --- the queue ------------------------------------------------------------------------------------------------- */

static const CbiganRequest *
head(CbiganEngine *self)
{
  return g_queue_peek_head(&self->waiting);
}

static CbiganSeat *
free_seat(const CbiganEngine *self)
{
  for (guint i = 0; i < self->seats->len; i++) {
    CbiganSeat *seat = self->seats->pdata[i];
    if (!seat->busy)
      return seat;
  }
  return NULL;
}

/* Whether a pass should begin, for which there is a free seat: its batch is full, no other member can fill it, or the
 * head has waited long enough. */
static gboolean
is_due(CbiganEngine *self, gint64 now)
{
  const CbiganRequest *first = head(self);
  return first && (self->waiting.length >= self->frames || self->active == self->members || first->deadline <= now);
}

static gpointer run_posted(gpointer unused);

/* Does nothing where the system is at its limit of threads. */
static void
start_runner(void)
{
  GThread *thread = g_thread_try_new("cbigan-score", run_posted, NULL, NULL);
  n_runners += thread != NULL;
  if (thread)
    g_thread_unref(thread);
}

static void
wake_runner(void)
{
  if (n_idle > n_woken) {
    n_woken++;
    g_cond_signal(&posted);
  } else if (n_runners < g_get_num_processors()) {
    start_runner();
  }
}

/* After a change of the queue or of a seat: wakes the thread that must look at it. */
static void
look_after(CbiganEngine *self)
{
  const CbiganRequest *first = head(self);
  if (!first || !free_seat(self))
    return;
  if (first->call)
    g_cond_signal(&first->call->changed);
  else
    wake_runner();
}

static void
push(CbiganEngine *self, CbiganRequest *request)
{
  CbiganMember *member = request->member;
  request->link = (GList){ .data = request };
  request->deadline = g_get_monotonic_time() + (self->frames > 1 ? member->timeout : 0);
  self->active += member->frames++ == 0;
  g_queue_push_tail_link(&self->waiting, &request->link);
}

/* Takes the requests of one pass from the queue, does them, and gives the results to those who wait. The lock is held,
 * but not while the seat computes. */
static void
run_pass(CbiganEngine *self, CbiganSeat *seat)
{
  const guint n = self->shared ? MIN(self->waiting.length, self->frames) : self->waiting.length;
  g_autofree CbiganRequest **requests = g_new(CbiganRequest *, n);
  for (guint i = 0; i < n; i++)
    requests[i] = g_queue_pop_head_link(&self->waiting)->data;
  seat->busy = TRUE;
  look_after(self); /* the rest of the queue may find another seat */
  g_mutex_unlock(&lock);
  cbigan_seat_run(seat, requests, n);
  g_mutex_lock(&lock);
  seat->busy = FALSE;
  for (guint i = 0; i < n; i++) {
    CbiganRequest *r = requests[i];
    if (g_error_matches(r->error, CBIGAN_ERROR, CBIGAN_ERROR_BACKEND))
      self->listed = FALSE; /* a device may be lost: new members open another engine */
    self->active -= --r->member->frames == 0;
    if (!r->call) {
      g_queue_push_tail_link(&finished, &r->link);
      wake_runner();
    } else if (--r->call->left == 0) {
      g_cond_signal(&r->call->changed);
    }
  }
  look_after(self);
}

/* Whether a request of the call is among the next pass's. */
static gboolean
is_next(CbiganEngine *self, const Call *call)
{
  const GList *link = self->waiting.head;
  for (guint i = 0; link && i < self->frames; i++, link = link->next)
    if (((const CbiganRequest *)link->data)->call == call)
      return TRUE;
  return FALSE;
}

/* Computes for the call, or waits until another thread has. */
static void
finish(CbiganEngine *self, Call *call)
{
  while (call->left) {
    CbiganSeat *seat = free_seat(self);
    const CbiganRequest *first = head(self);
    if (seat && is_due(self, g_get_monotonic_time())) {
      if (is_next(self, call)) {
        run_pass(self, seat);
        continue;
      }
      look_after(self);
    }
    if (seat && first && first->call == call)
      g_cond_wait_until(&call->changed, &lock, first->deadline);
    else
      g_cond_wait(&call->changed, &lock);
  }
}

/* The lock is held, but not while a seat computes. */
static void
push_and_finish(CbiganEngine *self, CbiganRequest *requests, guint n)
{
  Call call = { .left = n };
  g_cond_init(&call.changed);
  for (guint i = 0; i < n; i++) {
    requests[i].call = &call;
    push(self, &requests[i]);
  }
  finish(self, &call);
  g_cond_clear(&call.changed);
}

gboolean
cbigan_engine_run(CbiganMember *member, CbiganRequest *requests, guint n, GError **error)
{
  gboolean ok = TRUE;
  g_mutex_lock(&lock);
  push_and_finish(member->engine, requests, n);
  g_mutex_unlock(&lock);
  for (guint i = 0; i < n; i++) {
    if (!requests[i].error)
      continue;
    if (ok)
      g_propagate_error(error, g_steal_pointer(&requests[i].error));
    g_clear_error(&requests[i].error);
    ok = FALSE;
  }
  return ok;
}

/* --- runners --------------------------------------------------------------------------------------------------- */

/* Moves on to the next engine with a posted head and a free seat whose pass is due. NULL: there is none; *until = when
 * one will be due, G_MAXINT64 = not known. */
static CbiganEngine *
next_due(CbiganSeat **seat, gint64 *until)
{
  const gint64 now = g_get_monotonic_time();
  *until = G_MAXINT64;
  for (guint i = 0; engines && i < engines->len; i++) {
    CbiganEngine *engine = engines->pdata[i];
    const CbiganRequest *first = head(engine);
    if (!first || first->call || !(*seat = free_seat(engine)))
      continue;
    if (is_due(engine, now)) {
      g_ptr_array_remove_index(engines, i); /* the others come first next time */
      g_ptr_array_add(engines, engine);
      return engine;
    }
    *until = MIN(*until, first->deadline);
  }
  return NULL;
}

/* The lock is held, but not while done() is called. */
static void
finish_posted(CbiganRequest *request)
{
  g_mutex_unlock(&lock);
  request->done(request->data, !request->error && !request->dropped, request->error);
  g_clear_error(&request->error);
  g_free(request);
  g_mutex_lock(&lock);
}

/* until: monotonic time, us; G_MAXINT64 = none */
static void
idle(gint64 until)
{
  n_idle++;
  if (until == G_MAXINT64)
    g_cond_wait(&posted, &lock);
  else
    g_cond_wait_until(&posted, &lock, until);
  n_idle--;
  n_woken -= n_woken > 0;
}

static gpointer
run_posted(gpointer unused)
{
  g_mutex_lock(&lock);
  while (engines) {
    CbiganSeat *seat = NULL;
    gint64 until;
    GList *link = g_queue_pop_head_link(&finished);
    CbiganEngine *engine = link ? NULL : next_due(&seat, &until);
    if (link)
      finish_posted(link->data);
    else if (engine)
      run_pass(engine, seat);
    else
      idle(until);
  }
  n_runners--;
  g_mutex_unlock(&lock);
  return NULL;
}

void
cbigan_engine_post(CbiganRequest *request)
{
  CbiganEngine *self = request->member->engine;
  g_mutex_lock(&lock);
  if (!n_runners)
    start_runner();
  if (!n_runners) {
    push_and_finish(self, request, 1);
    finish_posted(request);
  } else {
    push(self, request);
    if (request == head(self) || is_due(self, g_get_monotonic_time()))
      look_after(self);
  }
  g_mutex_unlock(&lock);
}

/* --- members --------------------------------------------------------------------------------------------------- */

static gboolean
is_same(const CbiganEngineKey *a, const CbiganEngineKey *b)
{
  return a->model == b->model && g_str_equal(a->backend, b->backend) && a->device == b->device &&
         a->threads == b->threads && a->batch == b->batch && a->precision == b->precision &&
         a->cuda_context == b->cuda_context && !memcmp(a->needs, b->needs, sizeof a->needs);
}

static void
engine_free(CbiganEngine *self)
{
  while (self->seats->len) /* the first seat has the weights */
    g_ptr_array_remove_index(self->seats, self->seats->len - 1);
  g_ptr_array_unref(self->seats);
  cbigan_model_unref(self->key.model);
  g_free((char *)self->key.backend);
  g_free(self);
}

static CbiganEngine *
engine_new(const CbiganEngineKey *key, gboolean shared)
{
  CbiganEngine *self = g_new0(CbiganEngine, 1);
  self->key = *key;
  self->key.model = cbigan_model_ref(key->model);
  self->key.backend = g_strdup(key->backend);
  self->shared = self->listed = shared;
  self->seats = g_ptr_array_new_with_free_func((GDestroyNotify)cbigan_seat_free);
  self->frames = self->most_seats = 1;
  return self;
}

/* Opens one more seat, like the first one. The lock is held, but not meanwhile. */
static gboolean
add_seat(CbiganEngine *self, GError **error)
{
  self->opening = TRUE;
  g_mutex_unlock(&lock);
  CbiganSeat *seat = cbigan_seat_new(&self->key, self->seats->len ? self->seats->pdata[0] : NULL, error);
  g_mutex_lock(&lock);
  self->opening = FALSE;
  g_cond_broadcast(&opened);
  if (!seat)
    return FALSE;
  if (!self->backend) {
    self->backend = seat->backend;
    self->frames = cbigan_seat_frames(seat);
    self->most_seats = self->shared ? MAX(1, (guint)seat->backend->passes) : 1;
  }
  g_ptr_array_add(self->seats, seat);
  look_after(self);
  return TRUE;
}

/* An engine with that key, once it is opened; NULL: there is none */
static CbiganEngine *
find(const CbiganEngineKey *key)
{
  for (guint i = 0; engines && i < engines->len; i++) {
    CbiganEngine *engine = engines->pdata[i];
    if (!engine->listed || !is_same(&engine->key, key))
      continue;
    if (!engine->opening)
      return engine;
    g_cond_wait(&opened, &lock);
    return find(key); /* the list may have changed */
  }
  return NULL;
}

static void
unlist(CbiganEngine *self)
{
  if (!self->shared)
    return;
  g_ptr_array_remove(engines, self);
  if (engines->len)
    return;
  g_clear_pointer(&engines, g_ptr_array_unref);
  g_cond_broadcast(&posted); /* runners end */
}

gboolean
cbigan_engine_join(CbiganMember *member, const CbiganEngineKey *key, gboolean shared, GError **error)
{
  g_mutex_lock(&lock);
  CbiganEngine *self = shared ? find(key) : NULL;
  if (!self) {
    self = engine_new(key, shared);
    if (shared) {
      engines = engines ? engines : g_ptr_array_new();
      g_ptr_array_add(engines, self);
    }
    if (!add_seat(self, error)) {
      unlist(self);
      g_mutex_unlock(&lock);
      engine_free(self);
      return FALSE;
    }
  }
  member->engine = self;
  self->members++;
  if (self->seats->len < MIN(self->most_seats, self->members) && !self->opening && !add_seat(self, NULL))
    self->most_seats = self->seats->len; /* there is no memory for more */
  g_mutex_unlock(&lock);
  return TRUE;
}

void
cbigan_engine_leave(CbiganMember *member)
{
  CbiganEngine *self = member->engine;
  if (!self)
    return;
  g_mutex_lock(&lock);
  const gboolean is_last = --self->members == 0;
  if (is_last)
    unlist(self);
  else
    look_after(self); /* the others need not wait for this member's frames */
  g_mutex_unlock(&lock);
  if (is_last)
    engine_free(self);
  member->engine = NULL;
}

const CbiganBackend *
cbigan_engine_backend(const CbiganMember *member)
{
  return member->engine->backend;
}

guint
cbigan_engine_members(const CbiganMember *member)
{
  g_mutex_lock(&lock);
  const guint n = member->engine->members;
  g_mutex_unlock(&lock);
  return n;
}
