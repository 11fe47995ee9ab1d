/* score_negotiation.c - the video that cbiganscore takes, and what it agrees on with its neighbours
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "score_element.h"

#define GST_CAT_DEFAULT cbigan_score_debug

static GstBaseTransformClass *
parent_class(void)
{
  return g_type_class_peek(GST_TYPE_BASE_TRANSFORM);
}

gboolean
cbigan_score_set_caps(GstBaseTransform *trans, GstCaps *incaps, GstCaps *outcaps)
{
  GstCbiganScore *self = GST_CBIGAN_SCORE(trans);
  g_autoptr(GError) error = NULL;
  GstVideoInfo info;

  if (!gst_video_info_from_caps(&info, incaps))
    return FALSE;
  cbigan_score_discard(self);
  cbigan_worker_wait(self->worker, -1); /* the session, the input and the video's format are in use until then */
  cbigan_score_ask_live(self);
  cbigan_swap_set_video(&self->swap, &info);
  cbigan_score_reset_latency(self);
  cbigan_score_take_session(self);
  self->is_gpu = cbigan_frame_input_is_gpu(incaps);
  g_clear_pointer(&self->input, cbigan_frame_input_free);
  self->pace = (CbiganPace){ 0 };
  gboolean accepted = cbigan_score_prepare_input(self, &error);
  if (!accepted && !self->refused) /* the pad offers refused caps again with the first buffer */
    cbigan_score_fail(self, error);
  self->refused = !accepted;
  return accepted;
}

gboolean
cbigan_score_propose_allocation(GstBaseTransform *trans, GstQuery *decide_query, GstQuery *query)
{
  if (!parent_class()->propose_allocation(trans, decide_query, query))
    return FALSE;
  cbigan_allocation_remove_metas(query);
  return TRUE;
}

void
cbigan_score_set_context(GstElement *element, GstContext *context)
{
  cbigan_swap_set_context(&GST_CBIGAN_SCORE(element)->swap, context);
  GST_ELEMENT_CLASS(parent_class())->set_context(element, context);
}

/* The pad's template is the answer; this function only logs the reason of a refusal. */
gboolean
cbigan_score_accept_caps(GstBaseTransform *trans, GstPadDirection direction, GstCaps *caps)
{
  g_autofree char *why_no_gpu =
      direction == GST_PAD_SINK && cbigan_frame_input_is_gpu(caps) ? cbigan_frame_input_why_no_gpu() : NULL;
  if (why_no_gpu)
    GST_WARNING_OBJECT(trans, "video in GPU memory can't be scored here: %s", why_no_gpu);
  return parent_class()->accept_caps(trans, direction, caps);
}
