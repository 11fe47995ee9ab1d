/* score_element.h - the inside of cbiganscore, shared by its files
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Threads: any thread may set a property. Either the streaming thread scores (mode=sync), or a thread of the core does
 * in the worker's turn (mode=async). The streaming thread scores only while the worker is idle, so one thread at a time
 * scores.
 * scorer_swap.h says how a new model reaches that thread.
 */
#pragma once
#include <gst/base/gstbasetransform.h>
#include <gst/video/video.h>

#include "annotation.h"
#include "anomaly_events.h"
#include "frame_input.h"
#include "latency.h"
#include "model_watch.h"
#include "score_counting.h"
#include "score_stats.h"
#include "score_worker.h"
#include "scorer_swap.h"
#include "stream_health.h"

G_BEGIN_DECLS

GST_DEBUG_CATEGORY_EXTERN(cbigan_score_debug);

#define GST_TYPE_CBIGAN_SCORE (gst_cbigan_score_get_type())
G_DECLARE_FINAL_TYPE(GstCbiganScore, gst_cbigan_score, GST, CBIGAN_SCORE, GstBaseTransform)

typedef enum { CBIGAN_OVERLAY_NONE, CBIGAN_OVERLAY_ATTACH } CbiganOverlayMode;

typedef enum { CBIGAN_MODE_AUTO, CBIGAN_MODE_ASYNC, CBIGAN_MODE_SYNC } CbiganMode;

/* Options that may change from one frame to the next without opening a session. */
typedef struct {
  double threshold, lambda; /* below 0 = the model's */
  CbiganOverlayMode overlay;
  CbiganUpdates updates;
  guint interval, hold;               /* ms */
  guint confirm_frames, confirm_time; /* scored frames in a row, ms */
  double min_area;                    /* of a region, as a fraction of the frame */
  gboolean attach_frame, regions;
  CbiganMode mode;
  guint frame_interval;                           /* score every n-th frame at most */
  double max_rate;                                /* scores per second at most; 0 = no limit */
  double cpu_share;                               /* part of the time in which frames are scored, above 0 to 1 */
  guint64 carry_limit;                            /* ns after which a result is no longer attached; 0 = no limit */
  guint batch_timeout;                            /* ms for which a frame waits for others of its batch */
  gboolean trigger;                               /* score only what is asked for */
  gboolean health;                                /* measure the pictures */
  guint health_time, freeze_time, no_frames_time; /* ms; the last two: 0 = never */
  gboolean watch;                                 /* take over a changed model file */
  gboolean roi_from_meta;                         /* score the regions of interest of the buffers */
  double cutout_overlap;                          /* part of a cutout's side that its neighbour shares, 0..0.9 */
} CbiganTuning;

/* Where a frame lies in time, ns; GST_CLOCK_TIME_NONE = unknown. */
typedef struct {
  GstClockTime timestamp, stream_time, running_time, duration;
} CbiganFrameTimes;

/* A frame on its way to the scorer. */
typedef struct {
  GstBuffer *buffer;
  CbiganFrameTimes times;
  CbiganTuning tuning;
  CbiganVideoPart part; /* what is scored */
  GstCaps *caps;        /* of the buffer; NULL = no message will need them */
  GstSegment segment;
  guint generation; /* that of the element when the frame came */
  guint trigger;    /* number of the last request that this frame answers; 0 = none */
} CbiganJob;

/* Requests to score a frame; zeroed = none. Clear it with cbigan_triggers_clear(). */
typedef struct {
  guint requested; /* number of the last one */
  guint offered;   /* number of the last one for which a frame is on its way */
  GQueue open;     /* not answered yet */
} CbiganTriggers;

/* Whether the camera still sees something; score_health.c. */
typedef struct {
  /* of the thread that scores */
  CbiganPictureMeasures measures; /* of the frame in work, */
  gboolean measured;              /* where it was measured */
  GstClockTime measured_at;       /* running time of the last frame that was */
  /* under `results` of the element */
  CbiganStreamHealth stream;
  CbiganFrameTimes times; /* of the last scored frame */
  gint64 arrived;         /* monotonic time when the last frame came, us; 0 = none is expected */
  GstClockTime duration;  /* of that frame, ns; 0 = unknown */
  /* of changes of the state */
  GstClockID tick; /* NULL = not PLAYING */
} CbiganScoreHealth;

typedef struct _CbiganRecalibration CbiganRecalibration;

struct _GstCbiganScore {
  GstBaseTransform parent;
  CbiganScorerSwap swap;
  /* under the object lock */
  CbiganTuning tuning;
  CbiganLatency latency;
  gint64 rests_until; /* monotonic time before which no frame is scored, us */
  /* of the streaming thread */
  gboolean is_gpu;  /* the stream is in GPU memory */
  gboolean refused; /* the last caps did not suit the model, and an error said so */
  gboolean async;   /* how the last frame was treated */
  gboolean wanted;  /* the frame that passes is to be scored */
  CbiganJob job;    /* the frame that passes; the buffer is borrowed */
  CbiganPace pace;
  /* of the thread that scores */
  CbiganFrameInput *input; /* NULL = to be made for the next frame */
  CbiganAnnotation annotation;
  CbiganResult object;   /* of one of the frame's objects, with roi-from-meta */
  gint64 began;          /* monotonic time when the frame in work was begun, us */
  const CbiganJob *work; /* of the worker's turn; NULL = it was dropped */
  gboolean converted;    /* its pixels were converted and are in use */
  /* held while messages are posted, to keep them in order; recursive, as a handler may flush the stream; taken before
   * `results` */
  GRecMutex posting;
  /* under `results`, which is held for microseconds only */
  GRecMutex results;
  CbiganAnnotation shown; /* the newest result */
  CbiganEvents events;
  CbiganFrameTimes last_times; /* of the last scored frame */
  GstSample *peak_frame;       /* of the anomaly that is on, with attach-frame; or NULL */
  guint generation;            /* the worker's results of earlier generations are thrown away */
  gboolean failed;             /* the worker could not score a frame, and an error said so */
  CbiganTriggers triggers;
  CbiganScoreHealth health;           /* in part, see there */
  GQueue snapshots;                   /* requests that wait for a scored frame */
  CbiganRecalibration *recalibration; /* frames that are collected; NULL = none are */
  gint *unread;                       /* messages with a frame that were not freed yet; atomic, shared with them */
  CbiganWatch *watch;                 /* under `watching`; NULL = not watching */
  GMutex watching;                    /* taken before all other locks */
  /* these lock for themselves */
  CbiganScoreCounting counting;
  CbiganWorker *worker;
  CbiganStats stats;
};

/* score_frame.c; cbigan_score_watch() for any thread, the others for the thread that scores */

/* Begins or ends watching the model file, by the property and by whether the element runs. */
void cbigan_score_watch(GstCbiganScore *self, gboolean runs);

/* Uses a session that a property's setter opened meanwhile. Its model may have another frame size. */
void cbigan_score_take_session(GstCbiganScore *self);
/* Makes the converter from the stream's video to the model's RGB frame. FALSE with CBIGAN_ERROR or
 * GST_CORE_ERROR_NEGOTIATION. */
gboolean cbigan_score_prepare_input(GstCbiganScore *self, GError **error);
/* Sets the scorer up and converts the frame to *rgb, which is valid until cbigan_frame_input_end(). FALSE with
 * CBIGAN_ERROR or GST_CORE_ERROR_NEGOTIATION. */
gboolean cbigan_score_convert(GstCbiganScore *self, const CbiganJob *job, CbiganFrame *rgb, GError **error);
/* Completes self->annotation, whose result is that frame's. FALSE with CBIGAN_ERROR. */
gboolean cbigan_score_annotate(GstCbiganScore *self, const CbiganJob *job, GError **error);
/* Converts and scores the frame into self->annotation. FALSE with CBIGAN_ERROR or GST_CORE_ERROR_NEGOTIATION. */
gboolean cbigan_score_frame(GstCbiganScore *self, const CbiganJob *job, GError **error);

/* score_objects.c; for the streaming thread, as frames wait for their score: scores each region of interest of the
 * job's buffer into self->annotation.result, and puts the result on the region. The buffer is writable. FALSE as
 * cbigan_score_frame(). */
gboolean cbigan_score_objects(GstCbiganScore *self, const CbiganJob *job, GError **error);

/* score_modes.c; for the streaming thread, and cbigan_score_discard() for any */

/* For cbigan_worker_new(): asks for a turn, in which a frame is scored and the result delivered. */
void cbigan_score_ask(gpointer element);
void cbigan_score_job_free(gpointer job);
/* Whether frames pass at once. Takes the object lock. */
gboolean cbigan_score_is_async(GstCbiganScore *self);
/* Fills self->job for the frame that passes, and decides whether to score it: self->async, self->wanted. FALSE with
 * CBIGAN_ERROR_FRAME. */
gboolean cbigan_score_begin(GstCbiganScore *self, GstBuffer *buffer, GError **error);
/* Hands the frame that passes to the worker. */
void cbigan_score_offer(GstCbiganScore *self);
/* Puts the newest result on a buffer that passes. FALSE: the worker has posted an error, and the stream ends. */
gboolean cbigan_score_carry(GstCbiganScore *self, GstBuffer *buffer);
/* Drops the frame that waits for the worker, the result of the frame in work, and the newest result. */
void cbigan_score_discard(GstCbiganScore *self);
/* Waits for the frames that the worker has, ten seconds at most. After that the worker delivers nothing more. */
void cbigan_score_drain(GstCbiganScore *self);

/* score_negotiation.c; for the classes of the element */
gboolean cbigan_score_set_caps(GstBaseTransform *trans, GstCaps *incaps, GstCaps *outcaps);
gboolean cbigan_score_propose_allocation(GstBaseTransform *trans, GstQuery *decide_query, GstQuery *query);
gboolean cbigan_score_accept_caps(GstBaseTransform *trans, GstPadDirection direction, GstCaps *caps);
void cbigan_score_set_context(GstElement *element, GstContext *context);

/* score_latency.c */

/* Forgets frames and QoS, after a flush. */
void cbigan_score_reset_latency(GstCbiganScore *self);
/* Asks upstream whether the source is live. A pipeline asks only when it starts, and not every source knows then. */
void cbigan_score_ask_live(GstCbiganScore *self);
/* For GstBaseTransformClass. */
gboolean cbigan_score_src_event(GstBaseTransform *trans, GstEvent *event);
gboolean cbigan_score_query(GstBaseTransform *trans, GstPadDirection direction, GstQuery *query);

/* score_trigger.c */
void cbigan_triggers_clear(CbiganTriggers *self);
void cbigan_score_install_signals(GObjectClass *object_class);
/* Makes a request, where the event is one. From any thread. */
void cbigan_score_trigger_by(GstCbiganScore *self, GstEvent *event);
/* For CbiganJob.trigger of the frame that passes. */
guint cbigan_score_take_trigger(GstCbiganScore *self);
/* Under `results`: adds the answers to the requests that the job's frame has, or to all with the reason why no frame
 * answers them. frame: for the messages */
void cbigan_score_answer(GstCbiganScore *self, const CbiganJob *job, GstSample *frame, GQueue *messages);
void cbigan_score_give_up(GstCbiganScore *self, const char *reason, GQueue *messages);

/* score_recalibration.c */
void cbigan_score_install_recalibration(GObjectClass *object_class);
/* Whether frames are collected, which must lie in host memory. */
gboolean cbigan_score_is_collecting(GstCbiganScore *self);
/* For the thread that scores: keeps a copy of the model's frame, where frames are collected. */
void cbigan_score_collect(GstCbiganScore *self, const CbiganJob *job, const CbiganFrame *rgb);
/* Says on the bus why too few frames were collected. */
void cbigan_score_stop_collecting(GstCbiganScore *self, const char *reason);

/* score_snapshot.c */
void cbigan_score_install_snapshot(GObjectClass *object_class);
/* Under `results`: writes the frame that was scored, where that was asked for. Holds the buffer, which is then
 * read-only.
 */
void cbigan_score_take_snapshots(GstCbiganScore *self, const CbiganJob *job, GstBuffer *buffer);
/* Answers requests that no frame will. reason: in words of the messages' field `reason` */
void cbigan_score_drop_snapshots(GstCbiganScore *self, const char *reason);

/* score_health.c */

/* For the thread that scores: measures the model's picture of a frame, where that is due. */
void cbigan_score_measure(GstCbiganScore *self, const CbiganJob *job, const CbiganFrame *rgb);
/* Under `results`, by the thread that scores: judges the picture that was measured with self->annotation, whose health
 * it sets in self->shown, and adds messages. */
void cbigan_score_judge_health(GstCbiganScore *self, const CbiganJob *job, GQueue *messages);
/* Under `results`: ends all conditions. */
void cbigan_score_finish_health(GstCbiganScore *self, GQueue *messages);
/* For the streaming thread: a frame has come. duration: ns, or NONE */
void cbigan_score_frame_arrived(GstCbiganScore *self, GstClockTime duration);
/* For GstElementClass. */
GstStateChangeReturn cbigan_score_change_state(GstElement *element, GstStateChange transition);

/* score_messages.c */
/* A message about the newest result (transfer full); under `results`. frame: added to the message; NULL = none */
GstMessage *cbigan_score_new_message(GstCbiganScore *self, CbiganEventKind kind, gboolean stale, const CbiganJob *job,
                                     GstSample *frame);
CbiganFrameTimes cbigan_score_frame_times(GstCbiganScore *self, GstBuffer *buffer);
/* Makes self->annotation the newest result (unless stale), puts it on the buffer, and posts the message that this
 * deserves. out: writable, also the frame for the message; NULL = none. FALSE: the result belongs to
 * an earlier generation, and nothing was done. */
gboolean cbigan_score_deliver(GstCbiganScore *self, const CbiganJob *job, gboolean stale, GstBuffer *out);
/* Puts the newest result on a buffer, where there is one that is not too old. */
void cbigan_score_attach(GstCbiganScore *self, const CbiganJob *job, gboolean stale, GstBuffer *buffer);
/* Ends the anomaly that is on, where no frame will. reason: of the message, see the SECTION page. From any thread. */
void cbigan_score_finish_events(GstCbiganScore *self, const char *reason);
/* Ends the anomaly that is on, and posts an error. */
void cbigan_score_fail(GstCbiganScore *self, const GError *error);
/* Posts a warning where tags say that the pictures are to be shown turned: a camera's orientation, which only videoflip
 * and sinks follow. */
void cbigan_score_warn_if_turned(GstCbiganScore *self, GstEvent *tags);

/* score_properties.c */
void cbigan_score_install_properties(GObjectClass *object_class);
void cbigan_score_init_properties(GstCbiganScore *self);

G_END_DECLS
