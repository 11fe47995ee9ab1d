/* score_element.h - the inside of cbiganscore, shared by cbiganscore.c, score_messages.c and score_properties.c
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Threads: any thread may set a property, the streaming thread scores. scorer_swap.h says how a new model reaches the
 * streaming thread.
 */
#pragma once
#include <gst/base/gstbasetransform.h>
#include <gst/video/video.h>

#include "annotation.h"
#include "anomaly_events.h"
#include "frame_input.h"
#include "latency.h"
#include "scorer_swap.h"

G_BEGIN_DECLS

GST_DEBUG_CATEGORY_EXTERN(cbigan_score_debug);

#define GST_TYPE_CBIGAN_SCORE (gst_cbigan_score_get_type())
G_DECLARE_FINAL_TYPE(GstCbiganScore, gst_cbigan_score, GST, CBIGAN_SCORE, GstBaseTransform)

typedef enum { CBIGAN_OVERLAY_NONE, CBIGAN_OVERLAY_ATTACH } CbiganOverlayMode;

/* Options that may change from one frame to the next without opening a session. */
typedef struct {
  double threshold, lambda; /* below 0 = the model's */
  CbiganOverlayMode overlay;
  CbiganUpdates updates;
  guint interval, hold; /* ms */
  gboolean attach_frame, regions;
} CbiganTuning;

struct _GstCbiganScore {
  GstBaseTransform parent;
  CbiganScorerSwap swap;
  /* under the object lock */
  CbiganTuning tuning;
  CbiganLatency latency;
  /* of the streaming thread */
  CbiganFrameInput *input; /* NULL = to be made for the next frame */
  gboolean is_gpu;         /* the stream is in GPU memory */
  gboolean refused;        /* the last caps did not suit the model, and an error said so */
  CbiganAnnotation annotation;
  CbiganEvents events;
};

/* Where a frame lies in time, ns; GST_CLOCK_TIME_NONE = unknown. */
typedef struct {
  GstClockTime timestamp, stream_time, running_time, duration;
} CbiganFrameTimes;

/* score_messages.c; all for the streaming thread */
CbiganFrameTimes cbigan_score_frame_times(GstCbiganScore *self, GstBuffer *buffer);
/* Whether the bus is to hear of this frame, and *kind. Sets the annotation's event id. */
gboolean cbigan_score_should_post(GstCbiganScore *self, gboolean stale, const CbiganTuning *tuning,
                                  const CbiganFrameTimes *times, CbiganEventKind *kind);
/* Posts a message about the annotation. frame: added to the message; NULL = none */
void cbigan_score_post(GstCbiganScore *self, CbiganEventKind kind, gboolean stale, const CbiganFrameTimes *times,
                       GstBuffer *frame);
/* Ends the anomaly that is on, at the end of the stream or a flush. */
void cbigan_score_finish_events(GstCbiganScore *self);

/* score_properties.c */
void cbigan_score_install_properties(GObjectClass *object_class);
void cbigan_score_init_properties(GstCbiganScore *self);

G_END_DECLS
