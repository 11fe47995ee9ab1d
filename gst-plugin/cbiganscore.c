/* cbiganscore.c - scores the frames that pass
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/**
 * SECTION:element-cbiganscore
 * @title: cbiganscore
 *
 * Scores each frame with a CBiGAN model: how far it is from the good pictures that the model was trained on, and where.
 * The pixels pass unchanged; the results travel with the buffers and on the bus. Any raw video in system memory will
 * do: it is converted and resized for the model inside. So will progressive video in an NVIDIA GPU's memory
 * (`memory:CUDAMemory`, as nvh264dec and cudaupload make it), where the driver and our module for it are found: the
 * frame stays there, and only the model's small picture of it is brought to the host, where it is not scored there too
 * (see below). Where they are not, such elements can't be linked: `gst-inspect-1.0 cbiganscore` says what is missing,
 * under “Gpu-memory”, and so does a warning in the log (`GST_DEBUG=cbiganscore:2`).
 *
 * ## On a GPU
 *
 * backend=cuda computes in the CUDA context that the pipeline shares, as GStreamer's own elements do: a neighbour's,
 * one that the application sets (`gst.cuda.context`), or a new one of the device `device-id`, which others can share.
 * With device-id=-1 a shared one may be of any device; else one of another device is left alone and a new one is made.
 * The model's picture of a frame in that context never comes to the host; video may lie in other contexts too, on other
 * devices even. backend=auto says in the log what it took, and why nothing else.
 *
 * ## On the buffers
 *
 * A #GstCustomMeta named `CbiganScore`, which passes videoscale, videoconvert and queue, with these fields:
 *
 * - `score` (double): 0 or more, in the units of the chosen score
 * - `threshold` (double): a frame is anomalous above it; NaN where the model has none and the property sets none
 * - `normalized` (double): score / (score + threshold): 0.5 at the threshold, on every frame; NaN without a threshold
 * - `anomalous` (boolean)
 * - `event-id` (guint): number of the anomaly that is on, from 1; 0 = none
 * - `pixel-term`, `feature-term` (double): the terms of Eq. 7 where score=paper, else NaN
 * - `scored-pts` (guint64): timestamp of the frame that was scored
 * - `stale` (boolean): the result is carried over from that frame, see below
 * - `regions` (#GstValueArray of #GstStructure): `x`, `y`, `w`, `h` (double, fractions of the frame), `peak` (double,
 * normalized)
 * - `heatmap` (#GstSample): GRAY16_LE picture of the map, of the model's frame size, normalized as the score is: 32768
 * = the threshold; absent without a threshold, and where the property `heatmaps` wants none: of good frames it costs
 * time that nobody may need, most of it where the backend is a GPU
 * - `model` (string): path of the model that scored it
 *
 * With overlay=attach, a #GstVideoOverlayCompositionMeta with the map in colours, transparent where normal, and only on
 * frames with a region over the threshold: sinks that know it draw it, and cbiganoverlay draws it for all others. With
 * regions=true, a #GstVideoRegionOfInterestMeta of type `cbigan` for each region.
 *
 * ## On the bus
 *
 * Element messages named `cbigan` with the fields above (`heatmap` only with attach-frame=true) and:
 *
 * - `event` (string): `begin` = first frame of an anomaly, `update` = a later one, `end` = it is over, `score` = any
 * other frame
 * - `timestamp`, `stream-time`, `running-time`, `duration` (guint64): of the frame
 * - `frame` (#GstSample): the scored frame itself, with attach-frame=true
 *
 * The property `updates` says which are posted. An anomaly that is on at the end of the stream ends there.
 *
 * ## Live pipelines
 *
 * When scoring is slower than a camera, frames don't queue up: a frame that comes late by the clock, or that a sink's
 * QoS events call late, carries the result of the last scored frame, marked `stale`. The time that scoring takes is
 * measured and part of the answer to LATENCY queries. qos=false scores each frame, whatever it takes, as pipelines
 * without a live source do anyway.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 -m cbigantestsrc defects=0.2 ! cbiganscore model=cloth.safetensors ! cbiganoverlay ! videoconvert \
 *     ! autovideosink
 * ]|
 * Score cloth, show where it is wrong, and print the messages.
 * |[
 * gst-launch-1.0 v4l2src ! videoconvert ! cbiganscore model=cloth.safetensors updates=on-anomaly ! cbiganoverlay \
 *     ! videoconvert ! autovideosink
 * ]|
 * The same from a camera.
 * |[
 * gst-launch-1.0 -m cbigantestsrc num-buffers=90 \
 *     ! cbiganscore model=cloth.safetensors score=paper threshold=900 updates=every-frame ! fakesink
 * ]|
 * Print A(x) of Eq. 7 for every frame.
 */
#include "elements.h"
#include "i18n.h"
#include "meta.h"
#include "score_element.h"

GST_DEBUG_CATEGORY(cbigan_score_debug);
#define GST_CAT_DEFAULT cbigan_score_debug

G_DEFINE_TYPE(GstCbiganScore, gst_cbigan_score, GST_TYPE_BASE_TRANSFORM)
GST_ELEMENT_REGISTER_DEFINE(cbiganscore, "cbiganscore", GST_RANK_NONE, GST_TYPE_CBIGAN_SCORE)

#define parent_class gst_cbigan_score_parent_class

/* Where a frame lies in time; GST_CLOCK_TIME_NONE = unknown. */
typedef struct {
  GstClockTime timestamp, stream_time, running_time, duration;
} FrameTimes;

static FrameTimes
frame_times(GstBaseTransform *trans, GstBuffer *buffer)
{
  GstClockTime pts = GST_BUFFER_PTS(buffer);
  gboolean known = trans->segment.format == GST_FORMAT_TIME && GST_CLOCK_TIME_IS_VALID(pts);
  return (FrameTimes){
    .timestamp = pts,
    .stream_time = known ? gst_segment_to_stream_time(&trans->segment, GST_FORMAT_TIME, pts) : GST_CLOCK_TIME_NONE,
    .running_time = known ? gst_segment_to_running_time(&trans->segment, GST_FORMAT_TIME, pts) : GST_CLOCK_TIME_NONE,
    .duration = GST_BUFFER_DURATION(buffer),
  };
}

static void
post_event(GstCbiganScore *self, CbiganEventKind kind, gboolean stale, const FrameTimes *times, GstBuffer *frame)
{
  GstStructure *s =
      gst_structure_new("cbigan", "event", G_TYPE_STRING, cbigan_event_name(kind), "timestamp", G_TYPE_UINT64,
                        times->timestamp, "stream-time", G_TYPE_UINT64, times->stream_time, "running-time",
                        G_TYPE_UINT64, times->running_time, "duration", G_TYPE_UINT64, times->duration, NULL);
  cbigan_annotation_fields(&self->annotation, stale, s);
  if (kind == CBIGAN_EVENT_END)
    gst_structure_set(s, "event-id", G_TYPE_UINT, self->events.id, NULL);
  if (frame) {
    g_autoptr(GstCaps) caps = gst_pad_get_current_caps(GST_BASE_TRANSFORM_SINK_PAD(self));
    g_autoptr(GstSample) sample = gst_sample_new(frame, caps, &GST_BASE_TRANSFORM(self)->segment, NULL);
    gst_structure_set(s, "frame", GST_TYPE_SAMPLE, sample, NULL);
    if (self->annotation.heatmap)
      gst_structure_set(s, "heatmap", GST_TYPE_SAMPLE, self->annotation.heatmap, NULL);
  }
  gst_element_post_message(GST_ELEMENT(self), gst_message_new_element(GST_OBJECT(self), s));
}

/* Ends an anomaly that is on when the stream ends. */
static void
finish_events(GstCbiganScore *self)
{
  const FrameTimes nowhere = { GST_CLOCK_TIME_NONE, GST_CLOCK_TIME_NONE, GST_CLOCK_TIME_NONE, GST_CLOCK_TIME_NONE };
  GST_OBJECT_LOCK(self);
  gboolean told = self->tuning.updates != CBIGAN_UPDATES_NONE;
  GST_OBJECT_UNLOCK(self);
  if (cbigan_events_finish(&self->events) && told)
    post_event(self, CBIGAN_EVENT_END, TRUE, &nowhere, NULL);
}

static gboolean
start(GstBaseTransform *trans)
{
  GstCbiganScore *self = GST_CBIGAN_SCORE(trans);
  g_autoptr(GError) error = NULL;

  g_mutex_lock(&self->opening); /* settings don't change while it is held */
  gboolean opened = cbigan_score_open(self, &self->settings, NULL, &error);
  GST_OBJECT_LOCK(self);
  self->running = opened;
  self->pace = (CbiganPace)CBIGAN_PACE_INIT;
  GST_OBJECT_UNLOCK(self);
  g_mutex_unlock(&self->opening);
  if (!opened)
    cbigan_post(GST_ELEMENT(self), GST_MESSAGE_ERROR, error);
  return opened;
}

static gboolean
stop(GstBaseTransform *trans)
{
  GstCbiganScore *self = GST_CBIGAN_SCORE(trans);
  g_autoptr(CbiganSession) pending = NULL;
  g_autoptr(CbiganModel) model = NULL;

  g_mutex_lock(&self->opening);
  GST_OBJECT_LOCK(self);
  self->running = FALSE;
  pending = g_steal_pointer(&self->pending);
  model = g_steal_pointer(&self->model);
  gst_video_info_init(&self->info);
  GST_OBJECT_UNLOCK(self);
  g_mutex_unlock(&self->opening);
  g_clear_pointer(&self->session, cbigan_session_free);
  g_clear_pointer(&self->input, cbigan_stream_input_free);
  cbigan_gpu_context_clear(&self->gpu, GST_ELEMENT(self)); /* sessions are gone that run in it */
  cbigan_annotation_clear(&self->annotation);
  self->events = (CbiganEvents){ 0 };
  self->refused = FALSE;
  return TRUE;
}

/* Puts a session that a property's setter opened in the place of the old one. */
static void
take_pending(GstCbiganScore *self)
{
  GST_OBJECT_LOCK(self);
  CbiganSession *pending = g_steal_pointer(&self->pending);
  if (pending)
    cbigan_pace_reset(&self->pace);
  GST_OBJECT_UNLOCK(self);
  if (!pending)
    return;
  g_clear_pointer(&self->session, cbigan_session_free);
  g_clear_pointer(&self->input, cbigan_stream_input_free); /* another model, another frame size */
  self->session = pending;
  g_free(self->annotation.model);
  self->annotation.model = g_strdup(pending->path);
  GST_INFO_OBJECT(self, "scoring with %s on backend %s in %s", pending->path, cbigan_scorer_backend(pending->scorer),
                  cbigan_precision_name(cbigan_scorer_precision(pending->scorer)));
}

static gboolean
prepare_input(GstCbiganScore *self, const GstVideoInfo *info, GError **error)
{
  const CbiganModelInfo *model = cbigan_model_info(self->session->model);
  if (!self->input && cbigan_session_accepts(self->session, info, error))
    self->input = cbigan_stream_input_new(info, self->is_gpu, model->frame_width, model->frame_height, error);
  return self->input != NULL;
}

static gboolean
set_caps(GstBaseTransform *trans, GstCaps *incaps, GstCaps *outcaps)
{
  GstCbiganScore *self = GST_CBIGAN_SCORE(trans);
  g_autoptr(GError) error = NULL;
  GstVideoInfo info;

  if (!gst_video_info_from_caps(&info, incaps))
    return FALSE;
  GST_OBJECT_LOCK(self);
  self->info = info;
  cbigan_pace_reset(&self->pace);
  GST_OBJECT_UNLOCK(self);
  take_pending(self);
  self->is_gpu = cbigan_stream_input_is_gpu(incaps);
  g_clear_pointer(&self->input, cbigan_stream_input_free);
  cbigan_annotation_reset(&self->annotation);
  gboolean accepted = prepare_input(self, &info, &error);
  if (!accepted && !self->refused) /* the pad offers refused caps again with the first buffer */
    cbigan_post(GST_ELEMENT(self), GST_MESSAGE_ERROR, error);
  self->refused = !accepted;
  return accepted;
}

/* The pixels stay, but the metas need a buffer of our own: a shared one is copied without its memory. */
static GstFlowReturn
prepare_output_buffer(GstBaseTransform *trans, GstBuffer *inbuf, GstBuffer **outbuf)
{
  *outbuf = gst_buffer_is_writable(inbuf) ? inbuf : gst_buffer_copy(inbuf);
  return GST_FLOW_OK;
}

/* Running time by the clock, or GST_CLOCK_TIME_NONE when not PLAYING. */
static GstClockTime
running_time_now(GstElement *element)
{
  g_autoptr(GstClock) clock = GST_STATE(element) == GST_STATE_PLAYING ? gst_element_get_clock(element) : NULL;
  GstClockTime base = gst_element_get_base_time(element), now = clock ? gst_clock_get_time(clock) : 0;
  return clock && now >= base ? now - base : GST_CLOCK_TIME_NONE;
}

static gboolean
is_late(GstCbiganScore *self, const FrameTimes *times)
{
  if (!self->annotation.valid || !gst_base_transform_is_qos_enabled(GST_BASE_TRANSFORM(self)))
    return FALSE;
  GstClockTime now = running_time_now(GST_ELEMENT(self));
  GST_OBJECT_LOCK(self);
  gboolean late = cbigan_pace_is_late(&self->pace, times->running_time, times->duration, now);
  GST_OBJECT_UNLOCK(self);
  return late;
}

/* Converts and scores the frame into self->annotation.result. */
static gboolean
score_pixels(GstCbiganScore *self, const GstVideoInfo *info, const CbiganTuning *tuning, GstBuffer *buffer,
             GError **error)
{
  CbiganScorer *scorer = self->session->scorer;
  CbiganFrame rgb;

  if (!prepare_input(self, info, error) ||
      !cbigan_scorer_set_threshold(scorer, tuning->threshold < 0 ? NAN : tuning->threshold, error) ||
      !cbigan_scorer_set_lambda(scorer, tuning->lambda < 0 ? NAN : tuning->lambda, error))
    return FALSE;
  if (!cbigan_stream_input_begin(self->input, buffer, cbigan_session_place(self->session), &rgb, error))
    return FALSE;
  GST_LOG_OBJECT(self, "the model's picture is in %s memory", rgb.on_device ? "the GPU's" : "host");
  gboolean scored = cbigan_session_score(self->session, &rgb, &self->annotation.result, error);
  cbigan_stream_input_end(self->input);
  return scored;
}

static gboolean
score_frame(GstCbiganScore *self, const GstVideoInfo *info, const CbiganTuning *tuning, const FrameTimes *times,
            GstBuffer *buffer, GError **error)
{
  gint64 begin = g_get_monotonic_time();
  self->annotation.valid = FALSE;
  if (!score_pixels(self, info, tuning, buffer, error))
    return FALSE;
  if (!cbigan_annotation_update(&self->annotation, info, tuning->overlay == CBIGAN_OVERLAY_ATTACH)) {
    g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_BACKEND, _("No memory for a heat map of %dx%d pixels"),
                self->annotation.result.map_width, self->annotation.result.map_height);
    return FALSE;
  }
  self->annotation.pts = times->timestamp;
  GstClockTime took = (GstClockTime)(g_get_monotonic_time() - begin) * GST_USECOND;
  GST_OBJECT_LOCK(self);
  gboolean changed = cbigan_pace_scored(&self->pace, times->running_time, took);
  GST_OBJECT_UNLOCK(self);
  if (changed)
    gst_element_post_message(GST_ELEMENT(self), gst_message_new_latency(GST_OBJECT(self)));
  return TRUE;
}

/* Whether the bus hears of this frame, and as what; sets the annotation's event id. */
static gboolean
is_told(GstCbiganScore *self, gboolean stale, const CbiganTuning *tuning, const FrameTimes *times,
        CbiganEventKind *kind)
{
  *kind = self->events.open ? CBIGAN_EVENT_UPDATE : CBIGAN_EVENT_SCORE;
  if (!stale)
    *kind = cbigan_events_step(&self->events, self->annotation.result.normalized, times->running_time,
                               tuning->hold * GST_MSECOND);
  self->annotation.event_id = self->events.open ? self->events.id : 0;
  if (stale && tuning->updates != CBIGAN_UPDATES_EVERY_FRAME)
    return FALSE;
  return cbigan_events_wanted(&self->events, *kind, tuning->updates, times->running_time,
                              tuning->interval * GST_MSECOND);
}

static GstFlowReturn
transform_ip(GstBaseTransform *trans, GstBuffer *buffer)
{
  GstCbiganScore *self = GST_CBIGAN_SCORE(trans);
  FrameTimes times = frame_times(trans, buffer);
  g_autoptr(GError) error = NULL;
  CbiganEventKind kind;

  if (GST_CLOCK_TIME_IS_VALID(times.stream_time))
    gst_object_sync_values(GST_OBJECT(self), times.stream_time);
  take_pending(self);
  GST_OBJECT_LOCK(self);
  CbiganTuning tuning = self->tuning;
  GstVideoInfo info = self->info;
  GST_OBJECT_UNLOCK(self);

  gboolean stale = is_late(self, &times);
  if (!stale && !score_frame(self, &info, &tuning, &times, buffer, &error)) {
    cbigan_post(GST_ELEMENT(self), GST_MESSAGE_ERROR, error);
    return GST_FLOW_ERROR;
  }
  gboolean told = is_told(self, stale, &tuning, &times, &kind);
  cbigan_annotation_attach(&self->annotation, stale, tuning.regions, &info, buffer);
  if (told) /* afterwards, since a message that holds the buffer makes it read-only */
    post_event(self, kind, stale, &times, tuning.attach_frame ? buffer : NULL);
  return GST_FLOW_OK;
}

static gboolean
sink_event(GstBaseTransform *trans, GstEvent *event)
{
  GstCbiganScore *self = GST_CBIGAN_SCORE(trans);
  switch (GST_EVENT_TYPE(event)) {
  case GST_EVENT_EOS:
    finish_events(self);
    break;
  case GST_EVENT_FLUSH_STOP:
    finish_events(self);
    cbigan_annotation_reset(&self->annotation);
    GST_OBJECT_LOCK(self);
    cbigan_pace_reset(&self->pace);
    GST_OBJECT_UNLOCK(self);
    break;
  default:
    break;
  }
  return GST_BASE_TRANSFORM_CLASS(parent_class)->sink_event(trans, event);
}

/* The base class would drop late frames; here they pass, only without being scored. */
static gboolean
src_event(GstBaseTransform *trans, GstEvent *event)
{
  GstCbiganScore *self = GST_CBIGAN_SCORE(trans);
  if (GST_EVENT_TYPE(event) != GST_EVENT_QOS)
    return GST_BASE_TRANSFORM_CLASS(parent_class)->src_event(trans, event);
  GST_OBJECT_LOCK(self);
  cbigan_pace_qos(&self->pace, event);
  GST_OBJECT_UNLOCK(self);
  return gst_pad_push_event(GST_BASE_TRANSFORM_SINK_PAD(trans), event);
}

static gboolean
query(GstBaseTransform *trans, GstPadDirection direction, GstQuery *query)
{
  GstCbiganScore *self = GST_CBIGAN_SCORE(trans);
  if (GST_QUERY_TYPE(query) == GST_QUERY_CONTEXT && cbigan_gpu_context_answer(&self->gpu, GST_ELEMENT(self), query))
    return TRUE;
  if (direction != GST_PAD_SRC || GST_QUERY_TYPE(query) != GST_QUERY_LATENCY)
    return GST_BASE_TRANSFORM_CLASS(parent_class)->query(trans, direction, query);
  if (!gst_pad_peer_query(GST_BASE_TRANSFORM_SINK_PAD(trans), query))
    return FALSE;
  GST_OBJECT_LOCK(self);
  cbigan_pace_answer(&self->pace, query);
  GST_OBJECT_UNLOCK(self);
  return TRUE;
}

static void
set_context(GstElement *element, GstContext *context)
{
  cbigan_gpu_context_offer(&GST_CBIGAN_SCORE(element)->gpu, element, context);
  GST_ELEMENT_CLASS(parent_class)->set_context(element, context);
}

/* Only that the log says why; the pad's template is the answer. */
static gboolean
accept_caps(GstBaseTransform *trans, GstPadDirection direction, GstCaps *caps)
{
  g_autofree char *why_no_gpu =
      direction == GST_PAD_SINK && cbigan_stream_input_is_gpu(caps) ? cbigan_stream_input_why_no_gpu() : NULL;
  if (why_no_gpu)
    GST_WARNING_OBJECT(trans, "video in GPU memory can't be scored here: %s", why_no_gpu);
  return GST_BASE_TRANSFORM_CLASS(parent_class)->accept_caps(trans, direction, caps);
}

static void
finalize(GObject *object)
{
  GstCbiganScore *self = GST_CBIGAN_SCORE(object);
  cbigan_settings_clear(&self->settings);
  cbigan_gpu_context_clear(&self->gpu, GST_ELEMENT(self)); /* given to an element that never ran */
  g_mutex_clear(&self->opening);
  G_OBJECT_CLASS(parent_class)->finalize(object);
}

/* What can come goes out again. */
static void
add_pad_templates(GstElementClass *class)
{
  g_autofree char *why_no_gpu = cbigan_stream_input_why_no_gpu();
  g_autoptr(GstCaps) caps = cbigan_stream_input_caps();
  gst_element_class_add_pad_template(class, gst_pad_template_new("sink", GST_PAD_SINK, GST_PAD_ALWAYS, caps));
  gst_element_class_add_pad_template(class, gst_pad_template_new("src", GST_PAD_SRC, GST_PAD_ALWAYS, caps));
  g_autofree char *found = why_no_gpu ? g_strdup_printf(_("Video in it can't be scored here: %s"), why_no_gpu)
                                      : g_strdup(_("Video in it can be scored here"));
  gst_element_class_add_metadata(class, "gpu-memory", found);
  GST_INFO("GPU memory: %s", found);
  /* Who has such video to link learns here why that fails: linking looks at no more than the templates. */
  if (why_no_gpu && g_file_test("/dev/nvidia0", G_FILE_TEST_EXISTS))
    GST_WARNING("elements with video in GPU memory can't be linked: %s", why_no_gpu);
}

static void
gst_cbigan_score_class_init(GstCbiganScoreClass *class)
{
  GstElementClass *element_class = GST_ELEMENT_CLASS(class);
  GstBaseTransformClass *trans_class = GST_BASE_TRANSFORM_CLASS(class);

  GST_DEBUG_CATEGORY_INIT(cbigan_score_debug, "cbiganscore", 0, "CBiGAN scoring");
  G_OBJECT_CLASS(class)->finalize = finalize;
  element_class->set_context = set_context;
  cbigan_score_install_properties(G_OBJECT_CLASS(class));
  add_pad_templates(element_class);
  gst_element_class_set_metadata(element_class, _("CBiGAN anomaly detection"), "Filter/Analyzer/Video",
                                 _("Scores frames against a model of good pictures and marks where they are wrong"),
                                 CBIGAN_AUTHOR);
  trans_class->start = start;
  trans_class->stop = stop;
  trans_class->accept_caps = accept_caps;
  trans_class->set_caps = set_caps;
  trans_class->prepare_output_buffer = prepare_output_buffer;
  trans_class->transform_ip = transform_ip;
  trans_class->transform_ip_on_passthrough = TRUE;
  trans_class->passthrough_on_same_caps = TRUE;
  trans_class->sink_event = sink_event;
  trans_class->src_event = src_event;
  trans_class->query = query;
}

static void
gst_cbigan_score_init(GstCbiganScore *self)
{
  g_mutex_init(&self->opening);
  gst_video_info_init(&self->info);
  self->pace = (CbiganPace)CBIGAN_PACE_INIT;
  cbigan_score_init_properties(self);
  gst_base_transform_set_passthrough(GST_BASE_TRANSFORM(self), TRUE);
  gst_base_transform_set_in_place(GST_BASE_TRANSFORM(self), TRUE);
  gst_base_transform_set_qos_enabled(GST_BASE_TRANSFORM(self), TRUE);
}
