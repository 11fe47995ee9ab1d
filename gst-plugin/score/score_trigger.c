/* score_trigger.c - requests to score one frame, and their answers
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A request comes by the action signal `trigger` or by an event. The next frame that passes answers it, with one
 * message. A frame that is dropped on its way to the scorer leaves its requests to the next one.
 */
#include "score_element.h"

GST_DEBUG_CATEGORY_EXTERN(cbigan_score_debug);
#define GST_CAT_DEFAULT cbigan_score_debug

#define EVENT_NAME "cbigan-trigger"

typedef struct {
  guint number; /* from 1 */
  char *id;     /* of the caller; NULL = none */
} Request;

static void
request_free(Request *self)
{
  g_free(self->id);
  g_free(self);
}

void
cbigan_triggers_clear(CbiganTriggers *self)
{
  g_queue_clear_full(&self->open, (GDestroyNotify)request_free);
}

/* Returns the request's number; 0 = the element does not wait for triggers. */
static guint
request(GstCbiganScore *self, const char *id)
{
  GST_OBJECT_LOCK(self);
  const gboolean enabled = self->tuning.trigger;
  GST_OBJECT_UNLOCK(self);
  if (!enabled) {
    GST_WARNING_OBJECT(self, "a trigger is ignored, as the property trigger is false");
    return 0;
  }
  Request *new = g_new0(Request, 1);
  new->id = g_strdup(id);
  g_rec_mutex_lock(&self->results);
  const guint number = new->number = ++self->triggers.requested;
  g_queue_push_tail(&self->triggers.open, new);
  g_rec_mutex_unlock(&self->results);
  GST_LOG_OBJECT(self, "trigger %u", number);
  return number;
}

void
cbigan_score_install_signals(GObjectClass *object_class)
{
  cbigan_score_install_snapshot(object_class);
  cbigan_score_install_recalibration(object_class);
  g_signal_new_class_handler("trigger", G_OBJECT_CLASS_TYPE(object_class), G_SIGNAL_RUN_LAST | G_SIGNAL_ACTION,
                             G_CALLBACK(request), NULL, NULL, NULL, G_TYPE_UINT, 1, G_TYPE_STRING);
}

void
cbigan_score_trigger_by(GstCbiganScore *self, GstEvent *event)
{
  const GstStructure *s = gst_event_get_structure(event);
  if (s && gst_structure_has_name(s, EVENT_NAME))
    request(self, gst_structure_get_string(s, "id"));
}

guint
cbigan_score_take_trigger(GstCbiganScore *self)
{
  CbiganTriggers *triggers = &self->triggers;
  g_rec_mutex_lock(&self->results);
  const guint number = triggers->requested != triggers->offered && triggers->open.length ? triggers->requested : 0;
  triggers->offered = triggers->requested;
  g_rec_mutex_unlock(&self->results);
  return number;
}

void
cbigan_score_answer(GstCbiganScore *self, const CbiganJob *job, GstSample *frame, GQueue *messages)
{
  const Request *first;
  while (job->trigger && (first = g_queue_peek_head(&self->triggers.open)) && first->number <= job->trigger) {
    Request *answered = g_queue_pop_head(&self->triggers.open);
    GstMessage *message = cbigan_score_new_message(self, CBIGAN_EVENT_SCORE, FALSE, job, frame);
    gst_structure_set(gst_message_writable_structure(message), "event", G_TYPE_STRING, "trigger", "trigger",
                      G_TYPE_UINT, answered->number, "id", G_TYPE_STRING, answered->id, "scored", G_TYPE_BOOLEAN, TRUE,
                      NULL);
    g_queue_push_tail(messages, message);
    request_free(answered);
  }
}

void
cbigan_score_give_up(GstCbiganScore *self, const char *reason, GQueue *messages)
{
  for (Request *open; (open = g_queue_pop_head(&self->triggers.open)); request_free(open))
    g_queue_push_tail(
        messages,
        gst_message_new_element(GST_OBJECT(self),
                                gst_structure_new("cbigan", "event", G_TYPE_STRING, "trigger", "trigger", G_TYPE_UINT,
                                                  open->number, "id", G_TYPE_STRING, open->id, "scored", G_TYPE_BOOLEAN,
                                                  FALSE, "reason", G_TYPE_STRING, reason, NULL)));
}
