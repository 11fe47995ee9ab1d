/* score_element.h - the insides of cbiganscore, shared by cbiganscore.c and score_properties.c
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Threads: any thread may set a property; the streaming thread scores. Opening a model takes time, so it happens in the
 * thread that sets the property; the streaming thread finds the opened session in `pending` before its next frame.
 */
#pragma once
#include <gst/base/gstbasetransform.h>
#include <gst/video/video.h>

#include "annotation.h"
#include "anomaly_events.h"
#include "gpu_context.h"
#include "latency.h"
#include "session.h"
#include "stream_input.h"

G_BEGIN_DECLS

GST_DEBUG_CATEGORY_EXTERN(cbigan_score_debug);

#define GST_TYPE_CBIGAN_SCORE (gst_cbigan_score_get_type())
G_DECLARE_FINAL_TYPE(GstCbiganScore, gst_cbigan_score, GST, CBIGAN_SCORE, GstBaseTransform)

typedef enum { CBIGAN_OVERLAY_NONE, CBIGAN_OVERLAY_ATTACH } CbiganOverlayMode;

/* What can change from one frame to the next without opening anything. */
typedef struct {
  double threshold, lambda; /* below 0: the model's */
  CbiganOverlayMode overlay;
  CbiganUpdates updates;
  guint interval, hold; /* ms */
  gboolean attach_frame, regions;
} CbiganTuning;

struct _GstCbiganScore {
  GstBaseTransform parent;
  GMutex opening; /* one opens at a time; taken before the object lock, never by the streaming thread */
  /* under the object lock */
  CbiganSettings settings;
  CbiganTuning tuning;
  gboolean running;       /* between start and stop */
  CbiganSession *pending; /* opened, not yet in use */
  CbiganModel *model;     /* of the session opened last */
  CbiganGpuContext gpu;
  GstVideoInfo info; /* of the stream; its format is UNKNOWN before it is known */
  CbiganPace pace;
  /* the streaming thread's */
  CbiganSession *session;
  CbiganStreamInput *input;
  gboolean is_gpu;  /* the stream's memory */
  gboolean refused; /* the last caps did not suit the model, and an error said so */
  CbiganAnnotation annotation;
  CbiganEvents events;
};

/* score_properties.c */
void cbigan_score_install_properties(GObjectClass *object_class);
void cbigan_score_init_properties(GstCbiganScore *self);
/* Opens a session by `settings` and hands it to the streaming thread; on FALSE all is as before. */
gboolean cbigan_score_open(GstCbiganScore *self, const CbiganSettings *settings, CbiganModel *model, GError **error);

G_END_DECLS
