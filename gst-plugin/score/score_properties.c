/* score_properties.c - the properties of cbiganscore, all of them changeable while PLAYING
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * To add a property: a field in CbiganSettings (a change opens another session) or in CbiganTuning (a change acts on
 * the next frame), and a row in the table. The rows of the settings come first.
 */
#include <string.h>

#include "i18n.h"
#include "score_element.h"

CBIGAN_DEFINE_ENUM(
    CbiganScoreKind, score_kind_get_type, { CBIGAN_SCORE_MODEL, N_("The one that the model file prefers"), "model" },
    { CBIGAN_SCORE_PAPER, N_("Eq. 7 of the paper: reconstruction error and the critic's features"), "paper" },
    { CBIGAN_SCORE_CALIBRATED, N_("Reconstruction error in standard deviations from good pictures"), "calibrated" },
    { CBIGAN_SCORE_CRITIC, N_("Distance of the critic's feature map from good pictures"), "critic" },
    { CBIGAN_SCORE_INSPECTOR, N_("Map of a network that was trained on synthetic defects"), "inspector" })

CBIGAN_DEFINE_ENUM(CbiganPrecision, precision_get_type,
                   { CBIGAN_PRECISION_AUTO,
                     N_("bf16 where it is faster and the model says that verdicts stay, else fp32"), "auto" },
                   { CBIGAN_PRECISION_FP32, N_("Single precision"), "fp32" },
                   { CBIGAN_PRECISION_BF16,
                     N_("Faster; scores differ by about a hundredth, or more where good pictures hardly differ"),
                     "bf16" },
                   { CBIGAN_PRECISION_FP16, N_("On a GPU: faster; scores differ by about a thousandth"), "fp16" })

CBIGAN_DEFINE_ENUM(CbiganMaps, maps_get_type, { CBIGAN_MAPS_ALL, N_("Every scored frame"), "all" },
                   { CBIGAN_MAPS_ANOMALOUS, N_("Those over the threshold"), "anomalous" },
                   { CBIGAN_MAPS_NONE, N_("None, and no overlay and no regions"), "none" })

CBIGAN_DEFINE_ENUM(CbiganMode, mode_get_type,
                   { CBIGAN_MODE_AUTO, N_("async where the source is live, else sync"), "auto" },
                   { CBIGAN_MODE_ASYNC, N_("Frames pass at once, with the newest result there is"), "async" },
                   { CBIGAN_MODE_SYNC, N_("Each frame is scored before it passes"), "sync" })

CBIGAN_DEFINE_ENUM(CbiganOverlayMode, overlay_get_type, { CBIGAN_OVERLAY_NONE, N_("No picture of the map"), "none" },
                   { CBIGAN_OVERLAY_ATTACH, N_("Attach the coloured map, for sinks that draw it and for cbiganoverlay"),
                     "attach" })

CBIGAN_DEFINE_ENUM(CbiganUpdates, updates_get_type, { CBIGAN_UPDATES_NONE, N_("No messages"), "none" },
                   { CBIGAN_UPDATES_ON_CHANGE, N_("When an anomaly begins and when it ends"), "on-change" },
                   { CBIGAN_UPDATES_ON_ANOMALY, N_("For every frame of an anomaly"), "on-anomaly" },
                   { CBIGAN_UPDATES_INTERVAL, N_("Begin and end, and the latest score every “interval”"), "interval" },
                   { CBIGAN_UPDATES_EVERY_FRAME, N_("For every frame, with mode=async for every scored one"),
                     "every-frame" })

#define SETTING(kind, field) CBIGAN_PROPERTY_##kind, offsetof(CbiganSettings, field)
#define TUNING(kind, field) CBIGAN_PROPERTY_##kind, offsetof(CbiganTuning, field)
#define LIVE GST_PARAM_MUTABLE_PLAYING

static const CbiganProperty properties[] = {
  { "model", SETTING(STRING, model), .flags = LIVE | GST_PARAM_DOC_SHOW_DEFAULT, .nick = N_("Model"),
    .blurb = N_("Path of the model file; a new one replaces the old one between two frames, and the old one stays if "
                "the new one can't be opened") },
  { "backend", SETTING(STRING, backend), .text = "auto", .flags = LIVE, .nick = N_("Backend"),
    .blurb = N_("What computes: auto, or a name that “cbigan info --backends” lists") },
  { "device-id", SETTING(INT, device), -1, 255, -1, .flags = LIVE, .nick = N_("Device"),
    .blurb = N_("Number of the backend's device (-1 = that of the CUDA context which the pipeline shares, or else the "
                "first)") },
  { "threads", SETTING(UINT, threads), 0, 1024, 0, .flags = LIVE, .nick = N_("Threads"),
    .blurb = N_("Threads to compute with, at most (0 = the processors of one NUMA node that the process may use, or "
                "one for small frames); elements that score at the same time divide the processors") },
  { "score", SETTING(ENUM, score), .initial = CBIGAN_SCORE_MODEL, .type = score_kind_get_type, .flags = LIVE,
    .nick = N_("Score"), .blurb = N_("Which score to compute and compare with the threshold") },
  { "precision", SETTING(ENUM, precision), .initial = CBIGAN_PRECISION_AUTO, .type = precision_get_type, .flags = LIVE,
    .nick = N_("Precision"), .blurb = N_("What the networks' products are multiplied in") },
  { "heatmaps", SETTING(ENUM, maps), .initial = CBIGAN_MAPS_ALL, .type = maps_get_type, .flags = LIVE,
    .nick = N_("Heat maps"), .blurb = N_("Which frames get a heat map; a GPU's stays there otherwise") },
  { "batch-size", SETTING(UINT, batch), 0, 1024, 0, .flags = LIVE, .nick = N_("Batch size"),
    .blurb = N_("Patches that the networks always take together, from frames of all elements that share the model (0 = "
                "those of one frame)") },
#define N_SETTINGS 8
  { "threshold", TUNING(DOUBLE, threshold), -1, G_MAXDOUBLE, -1, .flags = LIVE | GST_PARAM_CONTROLLABLE,
    .nick = N_("Threshold"),
    .blurb = N_("A frame is anomalous above it, in the score's units (0 or more; -1 = the model's)") },
  { "lambda", TUNING(DOUBLE, lambda), -1, 1, -1, .flags = LIVE | GST_PARAM_CONTROLLABLE, .nick = N_("Lambda"),
    .blurb = N_("Weight of the feature term in Eq. 7 (0 to 1; -1 = the model's)") },
  { "overlay", TUNING(ENUM, overlay), .initial = CBIGAN_OVERLAY_ATTACH, .type = overlay_get_type, .flags = LIVE,
    .nick = N_("Overlay"), .blurb = N_("Whether a coloured map is attached to the buffers") },
  { "updates", TUNING(ENUM, updates), .initial = CBIGAN_UPDATES_ON_CHANGE, .type = updates_get_type, .flags = LIVE,
    .nick = N_("Updates"), .blurb = N_("When messages are posted on the bus") },
  { "interval", TUNING(UINT, interval), 0, G_MAXINT, 1000, .flags = LIVE | GST_PARAM_CONTROLLABLE,
    .nick = N_("Interval"), .blurb = N_("Time between messages with updates=interval, in milliseconds") },
  { "hold", TUNING(UINT, hold), 0, G_MAXINT, 500, .flags = LIVE | GST_PARAM_CONTROLLABLE, .nick = N_("Hold"),
    /* xgettext:no-c-format */
    .blurb = N_("How long the score must stay below 90 % of the threshold before an anomaly ends, in milliseconds") },
  { "confirm-frames", TUNING(UINT, confirm_frames), 1, G_MAXINT, 1, .flags = LIVE | GST_PARAM_CONTROLLABLE,
    .nick = N_("Confirming frames"),
    .blurb = N_("Scored frames in a row that must be over the threshold before an anomaly begins") },
  { "confirm-time", TUNING(UINT, confirm_time), 0, G_MAXINT, 0, .flags = LIVE | GST_PARAM_CONTROLLABLE,
    .nick = N_("Confirming time"),
    .blurb = N_("How long the score must stay over the threshold before an anomaly begins, in milliseconds") },
  { "health", TUNING(BOOLEAN, health), .initial = TRUE, .flags = LIVE | GST_PARAM_CONTROLLABLE, .nick = N_("Health"),
    .blurb = N_("Whether pictures are measured, and messages say that they are black, blurred, frozen and the like") },
  { "health-time", TUNING(UINT, health_time), 0, G_MAXINT, 1000, .flags = LIVE | GST_PARAM_CONTROLLABLE,
    .nick = N_("Time of health"),
    .blurb = N_("How long pictures must be wrong before a condition begins, and right before it ends, in "
                "milliseconds") },
  { "freeze-time", TUNING(UINT, freeze_time), 0, G_MAXINT, 10000, .flags = LIVE | GST_PARAM_CONTROLLABLE,
    .nick = N_("Time until frozen"),
    .blurb = N_("How long the picture must stay the same before it is called frozen, in milliseconds (0 = never)") },
  { "no-frames-time", TUNING(UINT, no_frames_time), 0, G_MAXINT, 5000, .flags = LIVE | GST_PARAM_CONTROLLABLE,
    .nick = N_("Time without frames"),
    .blurb = N_("How long no frame must come, by the clock, before that is told, in milliseconds (0 = never)") },
  { "min-area", TUNING(DOUBLE, min_area), 0, 1, 0, .flags = LIVE | GST_PARAM_CONTROLLABLE, .nick = N_("Smallest area"),
    .blurb = N_("Regions of a smaller part of the frame do not count, and frames without other regions are good "
                "(0 to 1; needs heat maps)") },
  { "attach-frame", TUNING(BOOLEAN, attach_frame), .flags = LIVE, .nick = N_("Attach frame"),
    .blurb = N_("Add the scored frame and its heat map to the messages") },
  { "regions", TUNING(BOOLEAN, regions), .initial = TRUE, .flags = LIVE, .nick = N_("Regions"),
    .blurb = N_("Attach a region of interest for each region over the threshold") },
  { "mode", TUNING(ENUM, mode), .initial = CBIGAN_MODE_AUTO, .type = mode_get_type, .flags = LIVE, .nick = N_("Mode"),
    .blurb = N_("Whether frames wait for their score") },
  { "frame-interval", TUNING(UINT, frame_interval), 1, G_MAXINT, 1, .flags = LIVE | GST_PARAM_CONTROLLABLE,
    .nick = N_("Frame interval"), .blurb = N_("Score every n-th frame at most; the others carry the last result") },
  { "max-rate", TUNING(DOUBLE, max_rate), 0, G_MAXDOUBLE, 0, .flags = LIVE | GST_PARAM_CONTROLLABLE,
    .nick = N_("Maximum rate"), .blurb = N_("Scores per second of the stream, at most (0 = no limit)") },
  { "cpu-share", TUNING(DOUBLE, cpu_share), 0.01, 1, 1, .flags = LIVE | GST_PARAM_CONTROLLABLE, .nick = N_("CPU share"),
    .blurb = N_("Part of the time in which frames are scored, at most; the frames between carry the last result") },
  { "batch-timeout", TUNING(UINT, batch_timeout), 0, 60000, 10, .flags = LIVE, .nick = N_("Batch timeout"),
    .blurb = N_("How long a frame waits for other streams' frames that would fill its batch, in milliseconds") },
  { "carry-limit", TUNING(UINT64, carry_limit), .flags = LIVE | GST_PARAM_CONTROLLABLE, .nick = N_("Carry limit"),
    .blurb = N_("Age in nanoseconds above which a result is not attached to later frames (0 = no limit)") },
  { "roi-from-meta", TUNING(BOOLEAN, roi_from_meta), .flags = LIVE | GST_PARAM_CONTROLLABLE,
    .nick = N_("Regions of interest from metas"),
    .blurb = N_("Score each region of interest that elements upstream attached, instead of the whole picture") },
  { "cutout-overlap", TUNING(DOUBLE, cutout_overlap), 0, 0.9, 0.25, .flags = LIVE | GST_PARAM_CONTROLLABLE,
    .nick = N_("Overlap of cutouts"),
    .blurb = N_("Part of a cutout's side that it shares with its neighbour at least") },
  { "watch", TUNING(BOOLEAN, watch), .flags = LIVE, .nick = N_("Watch"),
    .blurb = N_("Take over the model file when it changes") },
  { "trigger", TUNING(BOOLEAN, trigger), .flags = LIVE | GST_PARAM_CONTROLLABLE, .nick = N_("Trigger"),
    .blurb = N_("Score only frames that the action signal “trigger” or an event “cbigan-trigger” asks for") },
};

enum { PROP_STATS = G_N_ELEMENTS(properties) + 1, PROP_ROI, PROP_MASK, PROP_CUTOUT }; /* of no row */

static void
set_property(GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  GstCbiganScore *self = GST_CBIGAN_SCORE(object);
  if (id == PROP_ROI) {
    cbigan_score_counting_set_roi(&self->counting, g_value_get_string(value));
    return;
  }
  if (id == PROP_MASK) {
    cbigan_score_counting_set_mask(&self->counting, g_value_get_string(value), cbigan_swap_is_running(&self->swap));
    return;
  }
  if (id == PROP_CUTOUT) {
    cbigan_score_counting_set_cutout(&self->counting, g_value_get_string(value));
    return;
  }
  const CbiganProperty *row = &properties[id - 1];
  if (id <= N_SETTINGS) {
    cbigan_swap_change(&self->swap, row, value);
    return;
  }
  GST_OBJECT_LOCK(self);
  cbigan_property_set(row, &self->tuning, value);
  GST_OBJECT_UNLOCK(self);
  if (!strcmp(row->name, "watch"))
    cbigan_score_watch(self, cbigan_swap_is_running(&self->swap));
}

static void
get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  GstCbiganScore *self = GST_CBIGAN_SCORE(object);
  if (id == PROP_STATS) {
    g_value_take_boxed(value, cbigan_stats_get(&self->stats));
    return;
  }
  if (id >= PROP_ROI) {
    char *(*get)(CbiganScoreCounting * counting) = id == PROP_ROI    ? cbigan_score_counting_get_roi
                                                   : id == PROP_MASK ? cbigan_score_counting_get_mask
                                                                     : cbigan_score_counting_get_cutout;
    g_value_take_string(value, get(&self->counting));
    return;
  }
  GST_OBJECT_LOCK(self);
  gconstpointer options = id <= N_SETTINGS ? (gconstpointer)&self->swap.settings : &self->tuning;
  cbigan_property_get(&properties[id - 1], options, value);
  GST_OBJECT_UNLOCK(self);
}

void
cbigan_score_install_properties(GObjectClass *object_class)
{
  object_class->set_property = set_property;
  object_class->get_property = get_property;
  cbigan_properties_install(object_class, properties, G_N_ELEMENTS(properties));
  cbigan_score_install_signals(object_class);
  g_object_class_install_property(
      object_class, PROP_STATS,
      g_param_spec_boxed("stats", _("Statistics"),
                         _("What was done with the frames so far, and how long scoring takes"), GST_TYPE_STRUCTURE,
                         G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));
  const GParamFlags flags = LIVE | G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS;
  g_object_class_install_property(
      object_class, PROP_ROI,
      g_param_spec_string("roi", _("Regions of interest"),
                          _("Areas that count: [NAME=]x,y,width,height[@THRESHOLD] or corners “x,y x,y x,y”, in "
                            "fractions of the picture or pixels like 120px, separated by semicolons"),
                          NULL, flags));
  g_object_class_install_property(
      object_class, PROP_MASK,
      g_param_spec_string("mask", _("Mask"),
                          _("Path of a PNG over the whole picture; where it is black or transparent, nothing counts"),
                          NULL, flags));
  g_object_class_install_property(
      object_class, PROP_CUTOUT,
      g_param_spec_string("cutout", _("Cutout"),
                          _("Size in pixels of the part of the picture that the model's frame shows, like 512x512, or "
                            "model; such parts cover the picture and overlap (empty = the whole picture is the frame)"),
                          NULL, flags));
}

void
cbigan_score_init_properties(GstCbiganScore *self)
{
  cbigan_properties_init(properties, N_SETTINGS, &self->swap.settings);
  cbigan_properties_init(properties + N_SETTINGS, G_N_ELEMENTS(properties) - N_SETTINGS, &self->tuning);
}
