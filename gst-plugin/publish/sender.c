/* sender.c - takes messages from a stream to a broker, in a thread of its own
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "sender.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "backend/module.h"
#include "i18n.h"
#include "picture_queue.h"
#include "sender_figures.h"

#define IN_FLIGHT 256           /* messages that the broker has not acknowledged */
#define PATIENCE G_USEC_PER_SEC /* us after which a message moves to the spool */
#define RUN_LIMIT 250           /* ms that the thread sleeps at most */

typedef struct {
  CbiganLetter *letter;
  gint64 since;    /* monotonic time of the push, us */
  gboolean stored; /* in flight, and in the spool as well */
} Entry;

struct _CbiganSender {
  CbiganSenderOptions options;
  GThread *thread;
  int wake_fd;
  CbiganPictureQueue *pictures;
  GMutex lock;
  /* under the lock */
  GQueue queue; /* of Entry */
  guint64 last; /* order */
  CbiganSenderFigures figures;
  gint64 stop_at; /* monotonic time, us; 0 = goes on */
  /* of the thread */
  const CbiganBrokerClass *class;
  CbiganBroker *broker; /* NULL = the module is missing */
  const CbiganSpoolClass *spool_class;
  CbiganSpool *spool;    /* NULL = none */
  GQueue in_flight;      /* of Entry, in order */
  guint64 sent;          /* order of the newest message that was handed over */
  gboolean spool_waits;  /* the spool has messages behind `sent` */
  GArray *to_remove;     /* of guint64: orders of acknowledged messages in the spool */
  gint64 store_after;    /* monotonic time, us, before which the spool is not tried again */
  gint64 next_tick;      /* monotonic time, us */
  char *trouble;         /* the last text of tell(); NULL = all is well */
  gboolean told_dropped; /* since the last connection */
};

static void
entry_free(Entry *self)
{
  cbigan_letter_free(self->letter);
  g_free(self);
}

static void
wake(CbiganSender *self)
{
  if (eventfd_write(self->wake_fd, 1) < 0 && errno != EAGAIN)
    GST_WARNING("eventfd: %s", g_strerror(errno));
}

/* Under the lock. */
static void
drop_beyond_limit(CbiganSender *self)
{
  while (g_queue_get_length(&self->queue) > self->options.queue_size) {
    entry_free(g_queue_pop_head(&self->queue));
    self->figures.dropped_queue++;
  }
}

void
cbigan_sender_push(CbiganSender *self, const char *topic, const char *reference, GBytes *data)
{
  Entry *entry = g_new0(Entry, 1);
  entry->letter = g_new0(CbiganLetter, 1);
  *entry->letter = (CbiganLetter){
    .time = g_get_real_time(), .topic = g_strdup(topic), .reference = g_strdup(reference), .data = data
  };
  entry->since = g_get_monotonic_time();
  g_mutex_lock(&self->lock);
  entry->letter->order = ++self->last;
  self->figures.pushed++;
  g_queue_push_tail(&self->queue, entry);
  drop_beyond_limit(self);
  g_mutex_unlock(&self->lock);
  wake(self);
}

void
cbigan_sender_push_picture(CbiganSender *self, const char *topic, const char *reference, GstSample *picture)
{
  if (!cbigan_picture_queue_push(self->pictures, topic, reference, picture)) {
    g_mutex_lock(&self->lock);
    self->figures.dropped_pictures++;
    g_mutex_unlock(&self->lock);
  }
  wake(self);
}

static void
push_encoded(const CbiganQueuedPicture *picture, GBytes *jpeg, const char *problem, gpointer data)
{
  CbiganSender *self = data;
  if (jpeg) {
    cbigan_sender_push(self, picture->topic, picture->reference, jpeg);
    return;
  }
  g_mutex_lock(&self->lock);
  self->figures.dropped_pictures++;
  g_mutex_unlock(&self->lock);
  self->options.tell(TRUE, problem, self->options.data);
}

/* --- what the broker says ----------------------------------------------------------------------------------------- */

/* text: NULL = all is well */
static void
tell(CbiganSender *self, const char *text, const char *well)
{
  if (g_strcmp0(self->trouble, text) == 0)
    return;
  g_free(self->trouble);
  self->trouble = g_strdup(text);
  self->options.tell(text != NULL, text ? text : well, self->options.data);
}

static void
on_changed(gboolean connected, const char *why, gpointer data)
{
  CbiganSender *self = data;
  g_mutex_lock(&self->lock);
  const gboolean is_news = connected != self->figures.connected;
  self->figures.connected = connected;
  self->figures.connections += is_news && connected;
  g_mutex_unlock(&self->lock);
  if (!connected)
    tell(self, why, NULL);
  else if (is_news)
    tell(self, NULL, _("the broker can be reached"));
  self->told_dropped = self->told_dropped && !connected;
}

static void
on_done(guint64 id, const char *refused, gpointer data)
{
  CbiganSender *self = data;
  /* Brokers acknowledge in order, so that the first is nearly always the one. */
  for (GList *link = self->in_flight.head; link; link = link->next) {
    Entry *entry = link->data;
    if (entry->letter->order != id)
      continue;
    if (entry->stored)
      g_array_append_val(self->to_remove, id);
    if (refused) {
      g_autofree char *text =
          g_strdup_printf(_("the broker refuses messages of “%s”: %s"), entry->letter->topic, refused);
      tell(self, text, NULL);
    }
    g_mutex_lock(&self->lock);
    *(refused ? &self->figures.refused : &self->figures.acknowledged) += 1;
    g_mutex_unlock(&self->lock);
    g_queue_delete_link(&self->in_flight, link);
    entry_free(entry);
    return;
  }
}

/* --- handing over ------------------------------------------------------------------------------------------------- */

/* The next message to be sent; NULL = none. The spool comes first: what is in there is older than the queue. */
static Entry *
next_entry(CbiganSender *self)
{
  g_autoptr(GError) error = NULL;
  if (self->spool_waits) {
    CbiganLetter *letter = self->spool_class->next(self->spool, self->sent, &error);
    if (letter) {
      Entry *entry = g_new0(Entry, 1);
      *entry = (Entry){ letter, g_get_monotonic_time(), TRUE };
      return entry;
    }
    if (error) {
      tell(self, error->message, NULL);
      return NULL;
    }
    self->spool_waits = FALSE;
  }
  g_mutex_lock(&self->lock);
  Entry *entry = g_queue_pop_head(&self->queue);
  self->figures.in_flight = g_queue_get_length(&self->in_flight) + (entry != NULL);
  g_mutex_unlock(&self->lock);
  return entry;
}

static void
hand_over(CbiganSender *self)
{
  while (self->broker && g_queue_get_length(&self->in_flight) < IN_FLIGHT) {
    Entry *entry = next_entry(self);
    if (!entry)
      return;
    gsize size;
    const CbiganLetter *letter = entry->letter;
    const CbiganBrokerMessage message = { .topic = letter->topic,
                                          .key = self->options.key,
                                          .reference = letter->reference,
                                          .data = g_bytes_get_data(letter->data, &size),
                                          .size = size };
    const guint64 order = letter->order;
    g_queue_push_tail(&self->in_flight, entry); /* before, as the broker may refuse it at once */
    if (self->class->publish(self->broker, &message, order)) {
      self->sent = order;
      continue;
    }
    g_queue_pop_tail(&self->in_flight);
    if (entry->stored) {
      entry_free(entry);
    } else {
      g_mutex_lock(&self->lock);
      g_queue_push_head(&self->queue, entry);
      g_mutex_unlock(&self->lock);
    }
    return;
  }
}

/* --- the spool ---------------------------------------------------------------------------------------------------- */

static gboolean
is_due(const Entry *entry, gint64 now)
{
  return entry && !entry->stored && now - entry->since > PATIENCE;
}

/* Moves the queue to the spool, and stores what is in flight. FALSE after tell(). */
static gboolean
store(CbiganSender *self)
{
  g_autoptr(GPtrArray) letters = g_ptr_array_new();
  g_autoptr(GError) error = NULL;
  GQueue queue;
  for (GList *link = self->in_flight.head; link; link = link->next)
    if (!((Entry *)link->data)->stored)
      g_ptr_array_add(letters, ((Entry *)link->data)->letter);
  g_mutex_lock(&self->lock);
  queue = self->queue;
  g_queue_init(&self->queue);
  g_mutex_unlock(&self->lock);
  for (GList *link = queue.head; link; link = link->next)
    g_ptr_array_add(letters, ((Entry *)link->data)->letter);
  const gboolean fine =
      self->spool_class->append(self->spool, (CbiganLetter *const *)letters->pdata, letters->len, self->sent, &error);
  if (fine) {
    for (GList *link = self->in_flight.head; link; link = link->next)
      ((Entry *)link->data)->stored = TRUE;
    self->spool_waits = self->spool_waits || !g_queue_is_empty(&queue);
    g_queue_clear_full(&queue, (GDestroyNotify)entry_free);
    return TRUE;
  }
  tell(self, error->message, NULL);
  self->store_after = g_get_monotonic_time() + PATIENCE;
  g_mutex_lock(&self->lock);
  for (Entry *entry; (entry = g_queue_pop_tail(&queue));)
    g_queue_push_head(&self->queue, entry);
  drop_beyond_limit(self);
  g_mutex_unlock(&self->lock);
  return FALSE;
}

static void
store_if_due(CbiganSender *self)
{
  const gint64 now = g_get_monotonic_time();
  g_autoptr(GError) error = NULL;
  if (!self->spool || now < self->store_after)
    return;
  g_mutex_lock(&self->lock);
  const guint n = g_queue_get_length(&self->queue);
  gboolean due = n > self->options.queue_size / 2 || is_due(g_queue_peek_head(&self->queue), now);
  g_mutex_unlock(&self->lock);
  for (GList *link = self->in_flight.head; link && !due; link = link->next)
    due = is_due(link->data, now);
  if (due)
    store(self);
  if (!self->to_remove->len)
    return;
  if (self->spool_class->remove(self->spool, (const guint64 *)(gpointer)self->to_remove->data, self->to_remove->len,
                                &error))
    g_array_set_size(self->to_remove, 0);
  else
    tell(self, error->message, NULL);
}

static void
open_spool(CbiganSender *self)
{
  g_autofree char *why = NULL, *damaged = NULL;
  g_autoptr(GError) error = NULL;
  guint64 last = 0;
  if (!self->options.spool)
    return;
  self->spool_class = cbigan_module_open("cbigan-spool", &why);
  if (self->spool_class)
    self->spool = self->spool_class->open(self->options.spool, self->options.spool_size, self->options.spool_age, &last,
                                          &damaged, &error);
  if (damaged) {
    g_autofree char *text =
        g_strdup_printf(_("%s was damaged; it is now %s, and its messages are not sent"), self->options.spool, damaged);
    tell(self, text, NULL);
  }
  if (!self->spool) {
    g_autofree char *text = g_strdup_printf(_("no spool: %s"), error ? error->message : why);
    tell(self, text, NULL);
    return;
  }
  /* Messages that were pushed meanwhile are newer than those in the spool. */
  g_mutex_lock(&self->lock);
  for (GList *link = self->queue.head; link; link = link->next)
    ((Entry *)link->data)->letter->order += last;
  self->last += last;
  g_mutex_unlock(&self->lock);
  self->spool_waits = last > 0;
}

/* --- the thread --------------------------------------------------------------------------------------------------- */

static void
update_figures(CbiganSender *self)
{
  CbiganSpoolCounts counts = { 0 };
  if (self->spool)
    self->spool_class->counts(self->spool, &counts);
  g_mutex_lock(&self->lock);
  self->figures.spool = counts;
  self->figures.in_flight = g_queue_get_length(&self->in_flight);
  const guint64 dropped = self->figures.dropped_queue + counts.over_size + counts.over_age;
  g_mutex_unlock(&self->lock);
  if (!dropped || self->told_dropped)
    return;
  g_autofree char *text =
      g_strdup_printf(_("messages are dropped, as the queue or the spool is full; %u until now"), (guint)dropped);
  self->told_dropped = TRUE;
  self->options.tell(TRUE, text, self->options.data);
}

static gboolean
is_over(CbiganSender *self)
{
  g_mutex_lock(&self->lock);
  const gboolean is_idle = g_queue_is_empty(&self->queue) && cbigan_picture_queue_is_empty(self->pictures) &&
                           g_queue_is_empty(&self->in_flight) && !self->spool_waits;
  const gboolean is_hopeless = !self->broker || (self->spool && !self->figures.connected);
  const gint64 stop_at = self->stop_at;
  g_mutex_unlock(&self->lock);
  return stop_at && (is_idle || is_hopeless || g_get_monotonic_time() > stop_at);
}

static void
tick_if_due(CbiganSender *self)
{
  const gint64 now = g_get_monotonic_time();
  if (!self->options.interval || now < self->next_tick)
    return;
  self->next_tick = now + self->options.interval * (gint64)1000;
  self->options.tick(self->options.data);
}

static void
run_broker(CbiganSender *self)
{
  struct pollfd fds = { self->wake_fd, POLLIN, 0 };
  eventfd_t count;
  const gint64 left = self->options.interval ? (self->next_tick - g_get_monotonic_time()) / 1000 : RUN_LIMIT;
  const int timeout = (int)CLAMP(left, 0, RUN_LIMIT);
  if (self->broker)
    self->class->run(self->broker, self->wake_fd, timeout);
  else
    poll(&fds, 1, timeout);
  if (eventfd_read(self->wake_fd, &count) < 0 && errno != EAGAIN)
    GST_WARNING("eventfd: %s", g_strerror(errno));
}

static void
open_broker(CbiganSender *self)
{
  const CbiganSenderOptions *o = &self->options;
  const CbiganBrokerListener listener = {
    .changed = on_changed, .done = on_done, .data = self, .online = o->online, .offline = o->offline
  };
  g_autofree char *why = NULL;
  g_autoptr(GError) error = NULL;
  const CbiganBrokerModule *module = cbigan_broker_module(o->kind, &why);
  self->class = module ? module->broker : NULL;
  if (self->class)
    self->broker = self->class->open(&o->address, &listener, &error);
  if (!self->broker)
    tell(self, error ? error->message : why, NULL);
}

/* What the broker does not have goes to the spool, or is counted as dropped. */
static void
finish(CbiganSender *self)
{
  guint lost = 0;
  if (self->spool && store(self))
    return;
  for (GList *link = self->in_flight.head; link; link = link->next)
    lost += !((Entry *)link->data)->stored;
  g_mutex_lock(&self->lock);
  lost += g_queue_get_length(&self->queue);
  self->figures.dropped_stop += lost;
  g_mutex_unlock(&self->lock);
  if (!lost)
    return;
  g_autofree char *text = g_strdup_printf(
      n_("%u message was not sent before the end", "%u messages were not sent before the end", (gulong)lost), lost);
  self->options.tell(TRUE, text, self->options.data);
}

static gpointer
run(gpointer data)
{
  CbiganSender *self = data;
  const struct sched_param param = { 0 };
  /* A push wakes this thread, which then waits for a processor rather than taking that of the streaming thread. */
  if (sched_getscheduler(0) == SCHED_OTHER) /* a real-time thread stays one */
    sched_setscheduler(0, SCHED_BATCH, &param);
  open_spool(self);
  open_broker(self);
  while (!is_over(self)) {
    cbigan_picture_queue_encode(self->pictures, push_encoded, self);
    tick_if_due(self);
    hand_over(self);
    store_if_due(self);
    update_figures(self);
    run_broker(self);
  }
  store_if_due(self);
  finish(self);
  if (self->broker)
    self->class->close(self->broker);
  update_figures(self);
  if (self->spool)
    self->spool_class->close(self->spool);
  return NULL;
}

CbiganSender *
cbigan_sender_new(const CbiganSenderOptions *options, GError **error)
{
  CbiganSender *self = g_new0(CbiganSender, 1);
  self->options = *options;
  self->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  g_mutex_init(&self->lock);
  self->pictures = cbigan_picture_queue_new();
  self->to_remove = g_array_new(FALSE, FALSE, sizeof(guint64));
  self->next_tick = g_get_monotonic_time() + options->interval * (gint64)1000;
  if ((self->thread = g_thread_try_new("cbiganpublish", run, self, error)))
    return self;
  gst_structure_free(cbigan_sender_free(self, 0));
  return NULL;
}

GstStructure *
cbigan_sender_stats(CbiganSender *self)
{
  g_mutex_lock(&self->lock);
  GstStructure *stats = cbigan_sender_figures_stats(&self->figures, g_queue_get_length(&self->queue));
  g_mutex_unlock(&self->lock);
  return stats;
}

GstStructure *
cbigan_sender_free(CbiganSender *self, guint patience_ms)
{
  g_mutex_lock(&self->lock);
  self->stop_at = g_get_monotonic_time() + patience_ms * (gint64)1000;
  g_mutex_unlock(&self->lock);
  wake(self);
  if (self->thread)
    g_thread_join(self->thread);
  GstStructure *stats = cbigan_sender_stats(self);
  g_queue_clear_full(&self->queue, (GDestroyNotify)entry_free);
  g_queue_clear_full(&self->in_flight, (GDestroyNotify)entry_free);
  cbigan_picture_queue_free(self->pictures);
  g_array_unref(self->to_remove);
  g_free(self->trouble);
  g_mutex_clear(&self->lock);
  close(self->wake_fd);
  g_free(self);
  return stats;
}
