/* score_latency.c - what cbiganscore asks upstream and answers downstream about latency
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "score_element.h"

static const GstBaseTransformClass *
parent_class(void)
{
  return g_type_class_peek(GST_TYPE_BASE_TRANSFORM);
}

void
cbigan_score_reset_latency(GstCbiganScore *self)
{
  GST_OBJECT_LOCK(self);
  cbigan_latency_reset(&self->latency);
  GST_OBJECT_UNLOCK(self);
}

void
cbigan_score_ask_live(GstCbiganScore *self)
{
  g_autoptr(GstQuery) query = gst_query_new_latency();
  if (!gst_pad_peer_query(GST_BASE_TRANSFORM_SINK_PAD(self), query))
    return;
  GST_OBJECT_LOCK(self);
  cbigan_latency_learn(&self->latency, query);
  GST_OBJECT_UNLOCK(self);
}

/* The base class would drop late frames. Here they pass without being scored, so it must not see the event. */
gboolean
cbigan_score_src_event(GstBaseTransform *trans, GstEvent *event)
{
  GstCbiganScore *self = GST_CBIGAN_SCORE(trans);
  cbigan_score_trigger_by(self, event);
  if (GST_EVENT_TYPE(event) != GST_EVENT_QOS)
    return parent_class()->src_event(trans, event);
  GST_OBJECT_LOCK(self);
  cbigan_latency_qos(&self->latency, event);
  GST_OBJECT_UNLOCK(self);
  return gst_pad_push_event(GST_BASE_TRANSFORM_SINK_PAD(trans), event);
}

gboolean
cbigan_score_query(GstBaseTransform *trans, GstPadDirection direction, GstQuery *query)
{
  GstCbiganScore *self = GST_CBIGAN_SCORE(trans);
  if (GST_QUERY_TYPE(query) == GST_QUERY_CONTEXT && cbigan_swap_answer(&self->swap, query))
    return TRUE;
  if (direction != GST_PAD_SRC || GST_QUERY_TYPE(query) != GST_QUERY_LATENCY)
    return parent_class()->query(trans, direction, query);
  if (!gst_pad_peer_query(GST_BASE_TRANSFORM_SINK_PAD(trans), query))
    return FALSE;
  GST_OBJECT_LOCK(self);
  cbigan_latency_learn(&self->latency, query);
  GST_OBJECT_UNLOCK(self);
  const gboolean frames_wait = !cbigan_score_is_async(self);
  GST_OBJECT_LOCK(self);
  if (frames_wait)
    cbigan_latency_answer(&self->latency, query);
  GST_OBJECT_UNLOCK(self);
  return TRUE;
}
