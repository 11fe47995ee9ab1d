/* cbiganscore.c - scores the frames that pass
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/**
 * SECTION:element-cbiganscore
 * @title: cbiganscore
 *
 * Scores each frame with a model, which `cbigan train` makes of good pictures: how much the frame differs from them,
 * and where. The pixels pass unchanged; the results travel with the buffers and on the bus. The element takes any raw
 * video in system memory, and converts it to the RGB frame of the model's size itself. docs/glossary.md explains the
 * words.
 *
 * The element also takes progressive video in an NVIDIA GPU's memory (`memory:CUDAMemory`, from nvh264dec or
 * cudaupload), where a driver and cbigan's module for such video are found. The video stays in GPU memory. Unless
 * backend=cuda scores it there, only the model's RGB frame is copied to the host. Without the driver or the module,
 * elements with such video can't be linked. `gst-inspect-1.0 cbiganscore` then names the reason under “Gpu-memory”, and
 * so does a warning in the log (`GST_DEBUG=cbiganscore:2`).
 *
 * ## On a GPU
 *
 * backend=cuda computes in the CUDA context that the pipeline shares, as GStreamer's own elements do: the context of a
 * neighbour, one that the application sets (`gst.cuda.context`), or else a new one of the device `device-id`, which
 * other elements can share. With device-id=-1 a shared context may be of any device. With another value, contexts of
 * other devices are not used. Video may lie in other contexts and on other devices, too: then the model's RGB frame is
 * copied by way of the host. With backend=auto the log names the backend that was taken and why the others were not.
 *
 * ## On the buffers
 *
 * A #GstCustomMeta named `CbiganScore`, which later elements hand on (see “After other elements”), with these fields:
 *
 * - `score` (double): 0 or more, in the units of the chosen score
 * - `threshold` (double): a frame is anomalous above it; NaN where neither the model nor the property has one
 * - `normalized` (double): score / (score + threshold): 0.5 at the threshold, on every frame; NaN without a threshold
 * - `anomalous` (boolean): the score is above the threshold, and with `min-area` a region is large enough
 * - `event-id` (guint): number of the anomaly that is open, which means that it has begun and not ended, from 1; 0 =
 * none. An element uses no number twice
 * - `pixel-term`, `feature-term` (double): the terms L_R and L_fD of Eq. 7 of a CBiGAN where score=paper, else NaN
 * - `scored-pts` (guint64): timestamp of the frame that was scored
 * - `stale` (boolean): the result is that of an earlier frame, see “Live pipelines”
 * - `regions` (#GstValueArray of #GstStructure): the parts of the map over the threshold: `x`, `y`, `w`, `h` (double,
 * fractions of the scored picture), `peak` (double, largest normalized value), `area` (double, of its pixels, as a
 * fraction of the picture). With `min-area`, smaller ones are left out. Of more than 16, those with the highest peaks
 * are kept
 * - `areas` (#GstValueArray of #GstStructure): with `roi`, per area `name` (string), `score`, `threshold`, `normalized`
 * (double), `anomalous` (boolean). The frame's are those of the worst area
 * - `heatmap` (#GstSample): GRAY16_LE picture of the map, normalized as the score is: 32768 = the threshold. It has the
 * size of the model's frame, or with `cutout` of the picture in the frame's scale, and covers the whole frame. It is
 * absent without a threshold, and on the frames that the property `heatmaps` leaves out: a heat map takes time, most of
 * it where the backend is a GPU
 * - `corrupted` (boolean): the scored frame was flagged as corrupted, as decoders do after lost data. Such a frame is
 * scored as any other
 * - `health` (string): the conditions that are on, such as `black` or `light,blurred`; `good` = none. See “Is the
 * camera still looking?”
 * - `model` (string): path of the model
 * - `name` (string): name of this element, which tells two models on one stream apart
 * - `previous` (#GstValueArray of #GstStructure): the results of cbiganscore elements earlier in the pipeline, in their
 * order, with the same fields; absent without such elements
 *
 * With overlay=attach, frames with a region over the threshold also carry a #GstVideoOverlayCompositionMeta: the map in
 * colours, transparent where normal. Sinks that know this meta draw it, and cbiganoverlay draws it for all others. With
 * regions=true, there is a #GstVideoRegionOfInterestMeta of type `cbigan` per region. Built with GStreamer 1.24 or
 * later, a #GstAnalyticsRelationMeta holds the same for elements such as `objectdetectionoverlay`: an object `anomaly`
 * per region, the class `anomalous` or `good`, and a segmentation (1 = over the threshold).
 *
 * With roi-from-meta=true, each #GstVideoRegionOfInterestMeta of an element upstream is scored as a picture of its own,
 * and gets a parameter named `cbigan` with `score`, `threshold`, `normalized` (double) and `anomalous` (boolean). The
 * frame's result is the worst object's; its regions and its map lie at the objects' places. A frame without objects is
 * good, with score 0. `roi` and `mask` then apply to each object, and frames wait for their score whatever `mode` says.
 *
 * With watch=true, a model file that is replaced or written anew is taken over within two seconds, as by setting
 * `model`. Replace it by renaming, as `cbigan` does: a file that is half written when it is read is a warning, and the
 * old model goes on until the file changes again.
 *
 * The action signal `recalibrate` (the number of frames, from 4; a path or NULL) takes the next scored frames as good
 * ones, after a change of lamp or material. The threshold, and of a CBiGAN the statistics, are measured anew in another
 * thread, and replace the old ones between two frames. With a path, the model is saved there; the signal `save-model`
 * (a path) does so at any time. A message with `event` = `recalibrated` has `done` (boolean), `frames` (guint),
 * `threshold`, `previous-threshold` (double), `location` (string), `saved` (boolean), and what went wrong as `error`
 * (string).
 *
 * The action signal `snapshot` (a path; returns whether the element runs) writes the next scored frame as a PNG, and to
 * its right the same with its map. A message with `event` = `snapshot` follows: `location` (string), `timestamp`
 * (guint64), `written` (boolean), and where it is not, `error` (string).
 *
 * ## What counts
 *
 * `roi` names areas of the picture: “lid=0.1,0.2,0.5,0.3; 120px,0px 400px,0px 120px,300px@2.5”. Each is a rectangle
 * x,y,width,height or a polygon of corners, in fractions or pixels of the visible picture, perhaps with a name before
 * it and a threshold after it. Pixels outside count neither for the score nor for regions. `mask` is a PNG, scaled to
 * the picture: no score depends on what lies where it is black or transparent. cbigan.h says how both work; a model may
 * have a mask of its own (`cbigan train --mask`), which is added. A value that can't be used is an error at the first
 * frame. Later it is a warning, and the value before it stays; after a new model or caps that make it useless, the
 * whole picture counts.
 *
 * ## Pictures larger than the model's frame
 *
 * By default the whole picture is scaled to the model's frame, so small defects of a large picture are lost. With
 * `cutout`, overlapping parts of the picture are scored as frames, one after the other. “1024x1024” is the size, in
 * pixels of the picture, of what one frame showed in training; “model” is the frame's own size. `cutout-overlap` is the
 * least overlap. The worst part's score and verdict are the frame's; map, regions, `roi`, `mask` and `min-area` are
 * those of the whole picture. Many parts raise more false alarms than one, so `recalibrate` sets a threshold for all of
 * them, from one part of each frame. `cutout` is for surfaces, and `roi-from-meta` for objects. Models without a frame
 * size, such as a surface's inspector, take large pictures as they are. Such models, and models with a mask of their
 * own, refuse `cutout`.
 *
 * ## Triggers
 *
 * With trigger=true, a frame is scored only when something asks for it: the action signal `trigger` (an id as a string
 * or NULL; returns the request's number as guint), or a custom event named `cbigan-trigger` from either side, with the
 * id in its string field `id`. The next frame answers with one message: `event` = `trigger`, `trigger` (guint, the
 * number), `id`, `scored` (boolean), the fields of the result, and `frame`. Where the stream ends first, `scored` is
 * false and `reason` says why, as at an `end`. Frames between carry the last result, as `stale`. With updates=none
 * there are no other messages.
 *
 * ## After other elements
 *
 * The result stays true after queue, videoconvert, videoscale, encoders and decoders: places are fractions, and the
 * overlay is scaled with the picture. Elements that move the pixels (videocrop, videoflip, videobox, videoscale where
 * it may add borders) do not tell how, and some filters (gaussianblur, alpha) do not tell that they move none. Behind
 * such elements a result has no `heatmap`, empty `regions`, and no overlay; score and verdict stay. So put
 * cbiganoverlay before them. Where the sink takes a #GstVideoCropMeta, videocrop leaves the buffer and its result as
 * they are: places are then those in the whole picture.
 *
 * Buffers that come with a #GstVideoCropMeta are scored in their visible part only.
 *
 * ## On the bus
 *
 * Element messages named `cbigan` have the fields of “On the buffers” but for `previous` (`heatmap` only with
 * attach-frame=true), and these:
 *
 * - `event` (string): `begin` = an anomaly is confirmed, `update` = a later frame of it, `end` = the anomaly is over,
 * `score` = any other frame
 * - `timestamp`, `stream-time`, `running-time`, `duration` (guint64): of the frame; at an end without a frame those of
 * the last scored one
 * - `frame` (#GstSample): the scored frame itself, with attach-frame=true
 * - `stats` (#GstStructure): as the property, with updates=interval
 *
 * Messages that belong to an anomaly (`begin`, `update`, `end`) also have these fields:
 *
 * - `begin-timestamp`, `begin-running-time` (guint64): of the first frame over the threshold
 * - `anomaly-duration` (guint64): from the first frame over the threshold to the newest frame; at the end, to the first
 * frame below
 * - `peak`, `peak-normalized` (double), `peak-timestamp`, `peak-running-time` (guint64): the highest score so far, and
 * its frame
 * - `peak-frame` (#GstSample): the frame of the highest score, at the end and with attach-frame=true
 * - `reason` (string), at the end: `below` = the score stayed below 90 % of the threshold for `hold`, `eos` = the end
 * of the stream, `flush`, `stopped` = the element went to READY, `error`, `no-frames` = none came for `no-frames-time`
 *
 * An anomaly begins when `confirm-frames` scored frames in a row were over the threshold and `confirm-time` has passed
 * since the first of them. Each anomaly that began also ends, with the same `event-id`. The property `updates` selects
 * the messages that are posted. The properties `interval`, `hold` and `confirm-time` count running time, or for frames
 * without timestamps the time of the clock. Where that time jumps back, counting goes on from there.
 *
 * While 8 messages with a frame have not been freed, because nobody reads the bus, later messages have no frame but the
 * field `frame-omitted` (boolean, true). So attach-frame=true takes bounded memory.
 *
 * ## Is the camera still looking?
 *
 * With health=true, up to ten pictures per second of the stream are measured and compared with good ones. A condition
 * is a fault that lasts, or something that only a stream can have. Element messages named `cbigan-health` say when a
 * condition begins and when it ends, with these fields:
 *
 * - `condition` (string): `black`, `overexposed`, `flat`, and for models with statistics of good pictures `light`
 * (beyond what calibration saw), `blurred`, `noisy`, `featureless` (a score below that of good pictures), `moved`;
 * `drift` = the median of the last 128 scores, at least half a second apart and 64 of them, lies beyond those of all
 * good pictures; `frozen` = the picture does not change; `no-frames` = none comes
 * - `event` (string): `begin` or `end`; `health-id` (guint): the same in both, and used once
 * - `figure`, `limit` (double): what was measured, and the limit that it is beyond. docs/health.md has the units
 * - `begin-running-time`, `condition-duration` (guint64): when the condition began, and for how long it has lasted
 * - `timestamp`, `stream-time`, `running-time` (guint64): of the last scored frame
 * - `name`, `model` (string): as above
 *
 * Pictures must be wrong for `health-time` before a condition begins, and right for that time before it ends. Two
 * conditions have times of their own, and end at once. A stream is `frozen` after `freeze-time` in which samples of the
 * picture differ by at most 0.05 grey levels on average. It has `no-frames` after `no-frames-time` by the system's
 * clock while PLAYING, or three durations of a frame if that is longer; an open anomaly then ends. No other condition
 * changes scores or anomalies. Frames that stay in GPU memory are not measured.
 *
 * ## Live pipelines
 *
 * With mode=auto, the element asks its source by a LATENCY query whether it is live: of a live source the mode is
 * async, else sync.
 *
 * With mode=async, frames pass at once and carry the newest result, marked `stale`. A thread scores the newest frame. A
 * newer frame replaces one that waits for this thread. Only a frame that is scored is converted. The element adds no
 * latency, and the first frames may pass without a result. Messages are about scored frames and come as soon as the
 * score is known.
 *
 * With mode=sync, each frame waits for its score. The element measures how long the first 20 frames take, or those of
 * the first second but at least 4. Once per model, the 95 % quantile of these times becomes the latency that it
 * reports. A live frame that is late all the same, by the clock or by a sink's QoS events, is not scored and carries
 * the last result. With qos=false every frame is scored.
 *
 * In both modes `frame-interval`, `max-rate` and `cpu-share` thin out the frames that are scored, and a result older
 * than `carry-limit` is not attached. These rules hold:
 *
 * - A flush and new caps drop the frame that waits, the result of the frame in work, and the result that is carried.
 * New caps and a change to mode=sync wait until the frame in work is done.
 * - The end of the stream waits for the frames that the thread has, up to ten seconds, so that their messages come
 * first.
 * - A new model scores the next frame; earlier results are carried until then, and `model` tells whose they are.
 * - A frame that can't be scored makes one error message, and the stream ends.
 *
 * ## Many streams
 *
 * Elements of one process whose model files have the same content share one model, its packed weights and the threads,
 * where `backend`, `device-id`, `precision`, `threads`, `batch-size`, `score`, and whether maps are made, are the same
 * too. So a further stream costs only its own buffers. The frames of all streams wait in one queue. With mode=async a
 * stream has one frame in the queue at most, so none gets more turns than another.
 *
 * With `batch-size` larger than the number of patches in a frame, frames of several streams go through the networks
 * together, which takes less time per frame. The networks then always compute that many patches, so a stream alone is
 * faster without. A frame waits at most `batch-timeout` for others, and not at all where every stream has a frame in
 * the queue or in work: a slow or stopped stream delays the others by that time. A frame's score depends on
 * `batch-size` in its last digits, but never on the other streams.
 *
 * The property `stats` has the counts `frames`, `scored`, `carried` (with an old result), `dropped` (replaced while
 * they waited, or by a flush), the quantiles `p50`, `p95`, `p99` of the last 256 times of scoring (guint64, ns),
 * `scores-per-second` of the last seconds (double), `backend`, `precision`, `model` (string), and `streams`, the number
 * of elements that share the networks, with this one (guint).
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 -m cbigantestsrc defects=0.2 ! cbiganscore model=cloth.safetensors ! cbiganoverlay ! videoconvert \
 *     ! autovideosink
 * ]|
 * Score cloth, show where it is wrong, and print the messages.
 * |[
 * gst-launch-1.0 -m cbigantestsrc num-buffers=90 \
 *     ! cbiganscore model=cloth.safetensors score=paper threshold=900 updates=every-frame ! fakesink
 * ]|
 * Print A(x) of Eq. 7 for every frame. Here, cloth.safetensors is a CBiGAN (`cbigan train --score critic`).
 */
#include "elements.h"
#include "i18n.h"
#include "score_element.h"

GST_DEBUG_CATEGORY(cbigan_score_debug);
#define GST_CAT_DEFAULT cbigan_score_debug

G_DEFINE_TYPE(GstCbiganScore, gst_cbigan_score, GST_TYPE_BASE_TRANSFORM)
GST_ELEMENT_REGISTER_DEFINE(cbiganscore, "cbiganscore", GST_RANK_NONE, GST_TYPE_CBIGAN_SCORE)

#define parent_class gst_cbigan_score_parent_class

static gboolean
start(GstBaseTransform *trans)
{
  GstCbiganScore *self = GST_CBIGAN_SCORE(trans);
  g_autoptr(GError) error = NULL;
  GST_OBJECT_LOCK(self);
  self->latency = (CbiganLatency)CBIGAN_LATENCY_INIT;
  GST_OBJECT_UNLOCK(self);
  cbigan_stats_reset(&self->stats);
  cbigan_score_watch(self, TRUE); /* before the file is read, so that no change is missed */
  if (cbigan_score_counting_start(&self->counting, &error) && cbigan_swap_start(&self->swap, &error)) {
    cbigan_score_take_session(self);
    return TRUE;
  }
  cbigan_post(GST_ELEMENT(self), GST_MESSAGE_ERROR, error);
  cbigan_score_watch(self, FALSE);
  return FALSE;
}

static gboolean
stop(GstBaseTransform *trans)
{
  GstCbiganScore *self = GST_CBIGAN_SCORE(trans);
  cbigan_score_watch(self, FALSE);
  cbigan_score_discard(self);
  cbigan_worker_wait(self->worker, -1);
  cbigan_score_finish_events(self, "stopped");
  cbigan_swap_stop(&self->swap);
  g_clear_pointer(&self->input, cbigan_frame_input_free);
  cbigan_annotation_clear(&self->annotation);
  cbigan_annotation_clear(&self->shown);
  cbigan_result_clear(&self->object);
  gst_clear_caps(&self->job.caps);
  self->events = (CbiganEvents){ .id = self->events.id };
  self->pace = (CbiganPace){ 0 };
  self->refused = self->async = FALSE;
  self->rests_until = 0;
  return TRUE;
}

/* The metas need a writable buffer. A buffer that others hold too is copied without its memory. The worker is such a
 * holder. */
static GstFlowReturn
prepare_output_buffer(GstBaseTransform *trans, GstBuffer *inbuf, GstBuffer **outbuf)
{
  GstCbiganScore *self = GST_CBIGAN_SCORE(trans);
  g_autoptr(GError) error = NULL;
  if (!cbigan_score_begin(self, inbuf, &error)) {
    cbigan_score_fail(self, error);
    return GST_FLOW_ERROR;
  }
  const gboolean offered = self->async && self->wanted;
  *outbuf = gst_buffer_is_writable(inbuf) && !offered ? inbuf : gst_buffer_copy(inbuf);
  if (offered)
    cbigan_score_offer(self);
  return GST_FLOW_OK;
}

static GstFlowReturn
transform_ip(GstBaseTransform *trans, GstBuffer *buffer)
{
  GstCbiganScore *self = GST_CBIGAN_SCORE(trans);
  g_autoptr(GError) error = NULL;
  cbigan_stats_count(&self->stats, CBIGAN_COUNT_FRAMES);
  if (self->async)
    return cbigan_score_carry(self, buffer) ? GST_FLOW_OK : GST_FLOW_ERROR; /* the worker has posted the error */
  self->job.buffer = buffer;
  if (self->wanted && !cbigan_score_frame(self, &self->job, &error)) {
    cbigan_score_fail(self, error);
    return GST_FLOW_ERROR;
  }
  cbigan_score_deliver(self, &self->job, !self->wanted, buffer);
  return GST_FLOW_OK;
}

static gboolean
sink_event(GstBaseTransform *trans, GstEvent *event)
{
  GstCbiganScore *self = GST_CBIGAN_SCORE(trans);
  const GstEventType type = GST_EVENT_TYPE(event);
  cbigan_score_trigger_by(self, event);
  if (type == GST_EVENT_TAG)
    cbigan_score_warn_if_turned(self, event);
  if (type == GST_EVENT_EOS)
    cbigan_score_drain(self);
  if (type == GST_EVENT_FLUSH_START || type == GST_EVENT_FLUSH_STOP)
    cbigan_score_discard(self);
  if (type == GST_EVENT_EOS || type == GST_EVENT_FLUSH_STOP)
    cbigan_score_finish_events(self, type == GST_EVENT_EOS ? "eos" : "flush");
  if (type == GST_EVENT_FLUSH_STOP) {
    self->pace = (CbiganPace){ 0 };
    cbigan_score_reset_latency(self);
  }
  return GST_BASE_TRANSFORM_CLASS(parent_class)->sink_event(trans, event);
}

static void
finalize(GObject *object)
{
  GstCbiganScore *self = GST_CBIGAN_SCORE(object);
  cbigan_worker_free(self->worker);
  cbigan_stats_clear(&self->stats);
  g_rec_mutex_clear(&self->results);
  g_rec_mutex_clear(&self->posting);
  g_mutex_clear(&self->watching);
  g_atomic_rc_box_release(self->unread);
  cbigan_swap_clear(&self->swap);
  cbigan_score_counting_clear(&self->counting);
  cbigan_triggers_clear(&self->triggers);
  G_OBJECT_CLASS(parent_class)->finalize(object);
}

static void
gst_cbigan_score_class_init(GstCbiganScoreClass *class)
{
  GstElementClass *element_class = GST_ELEMENT_CLASS(class);
  GstBaseTransformClass *trans_class = GST_BASE_TRANSFORM_CLASS(class);

  GST_DEBUG_CATEGORY_INIT(cbigan_score_debug, "cbiganscore", 0, "CBiGAN scoring");
  G_OBJECT_CLASS(class)->finalize = finalize;
  element_class->set_context = cbigan_score_set_context;
  element_class->change_state = cbigan_score_change_state;
  cbigan_score_install_properties(G_OBJECT_CLASS(class));
  cbigan_frame_input_add_templates(element_class);
  gst_element_class_set_metadata(element_class, _("CBiGAN anomaly detection"), "Filter/Analyzer/Video",
                                 _("Scores frames against a model of good pictures and marks where they are wrong"),
                                 CBIGAN_AUTHOR);
  trans_class->start = start;
  trans_class->stop = stop;
  trans_class->accept_caps = cbigan_score_accept_caps;
  trans_class->set_caps = cbigan_score_set_caps;
  trans_class->propose_allocation = cbigan_score_propose_allocation;
  trans_class->prepare_output_buffer = prepare_output_buffer;
  trans_class->transform_ip = transform_ip;
  trans_class->transform_ip_on_passthrough = TRUE;
  trans_class->passthrough_on_same_caps = TRUE;
  trans_class->sink_event = sink_event;
  trans_class->src_event = cbigan_score_src_event;
  trans_class->query = cbigan_score_query;
}

static void
gst_cbigan_score_init(GstCbiganScore *self)
{
  cbigan_swap_init(&self->swap, GST_ELEMENT(self));
  self->latency = (CbiganLatency)CBIGAN_LATENCY_INIT;
  self->worker = cbigan_worker_new(cbigan_score_ask, cbigan_score_job_free, self);
  cbigan_stats_init(&self->stats);
  self->health.measured_at = GST_CLOCK_TIME_NONE;
  self->unread = g_atomic_rc_box_new0(gint);
  g_rec_mutex_init(&self->results);
  g_rec_mutex_init(&self->posting);
  g_mutex_init(&self->watching);
  cbigan_score_counting_init(&self->counting, GST_ELEMENT(self));
  cbigan_score_init_properties(self);
  gst_base_transform_set_passthrough(GST_BASE_TRANSFORM(self), TRUE);
  gst_base_transform_set_in_place(GST_BASE_TRANSFORM(self), TRUE);
  gst_base_transform_set_qos_enabled(GST_BASE_TRANSFORM(self), TRUE);
}
