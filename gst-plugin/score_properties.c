/* score_properties.c - the properties of cbiganscore, all of them changeable while PLAYING
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * To add a property: a value in the enum, a field in CbiganTuning or CbiganSettings, its GParamSpec and its two cases.
 */
#include "i18n.h"
#include "score_element.h"

#define GST_CAT_DEFAULT cbigan_score_debug

enum {
  PROP_0,
  /* these open a session */
  PROP_MODEL,
  PROP_BACKEND,
  PROP_DEVICE_ID,
  PROP_THREADS,
  PROP_SCORE,
  PROP_PRECISION,
  PROP_HEATMAPS, /* the last of them */
  /* these act on the next frame */
  PROP_THRESHOLD,
  PROP_LAMBDA,
  PROP_OVERLAY,
  PROP_UPDATES,
  PROP_INTERVAL,
  PROP_HOLD,
  PROP_ATTACH_FRAME,
  PROP_REGIONS,
};

static GType
score_kind_get_type(void)
{
  static gsize type = 0;
  static const GEnumValue values[] = {
    { CBIGAN_SCORE_MODEL, N_("The one that the model file prefers"), "model" },
    { CBIGAN_SCORE_PAPER, N_("Eq. 7 of the paper: reconstruction error and the critic's features"), "paper" },
    { CBIGAN_SCORE_CALIBRATED, N_("Reconstruction error in standard deviations from good pictures"), "calibrated" },
    { CBIGAN_SCORE_CRITIC, N_("Distance of the critic's feature map from good pictures"), "critic" },
    { 0, NULL, NULL },
  };
  if (g_once_init_enter(&type))
    g_once_init_leave(&type, g_enum_register_static("CbiganScoreKind", values));
  return type;
}

static GType
precision_get_type(void)
{
  static gsize type = 0;
  static const GEnumValue values[] = {
    { CBIGAN_PRECISION_AUTO, N_("bf16 where it is faster and the model says that verdicts stay, else fp32"), "auto" },
    { CBIGAN_PRECISION_FP32, N_("Single precision"), "fp32" },
    { CBIGAN_PRECISION_BF16,
      N_("Faster on some processors; scores differ by about a hundredth, or more where good pictures hardly differ"),
      "bf16" },
    { CBIGAN_PRECISION_FP16, N_("On a GPU: faster; scores differ by about a thousandth"), "fp16" },
    { 0, NULL, NULL },
  };
  if (g_once_init_enter(&type))
    g_once_init_leave(&type, g_enum_register_static("CbiganPrecision", values));
  return type;
}

static GType
maps_get_type(void)
{
  static gsize type = 0;
  static const GEnumValue values[] = {
    { CBIGAN_MAPS_ALL, N_("Every scored frame"), "all" },
    { CBIGAN_MAPS_ANOMALOUS, N_("Those over the threshold"), "anomalous" },
    { CBIGAN_MAPS_NONE, N_("None, and no overlay and no regions"), "none" },
    { 0, NULL, NULL },
  };
  if (g_once_init_enter(&type))
    g_once_init_leave(&type, g_enum_register_static("CbiganMaps", values));
  return type;
}

static GType
overlay_get_type(void)
{
  static gsize type = 0;
  static const GEnumValue values[] = {
    { CBIGAN_OVERLAY_NONE, N_("No picture of the map"), "none" },
    { CBIGAN_OVERLAY_ATTACH, N_("Attach the coloured map, for sinks that draw it and for cbiganoverlay"), "attach" },
    { 0, NULL, NULL },
  };
  if (g_once_init_enter(&type))
    g_once_init_leave(&type, g_enum_register_static("CbiganOverlayMode", values));
  return type;
}

static GType
updates_get_type(void)
{
  static gsize type = 0;
  static const GEnumValue values[] = {
    { CBIGAN_UPDATES_NONE, N_("No messages"), "none" },
    { CBIGAN_UPDATES_ON_CHANGE, N_("When an anomaly begins and when it ends"), "on-change" },
    { CBIGAN_UPDATES_ON_ANOMALY, N_("For every frame of an anomaly"), "on-anomaly" },
    { CBIGAN_UPDATES_INTERVAL, N_("Begin and end, and the latest score every “interval”"), "interval" },
    { CBIGAN_UPDATES_EVERY_FRAME, N_("For every frame"), "every-frame" },
    { 0, NULL, NULL },
  };
  if (g_once_init_enter(&type))
    g_once_init_leave(&type, g_enum_register_static("CbiganUpdates", values));
  return type;
}

static void
explain_backend(GstCbiganScore *self, const CbiganSettings *settings, const CbiganSession *session)
{
  if ((settings->backend && g_strcmp0(settings->backend, "auto")) ||
      gst_debug_category_get_threshold(GST_CAT_DEFAULT) < GST_LEVEL_INFO)
    return;
  g_autofree char *text = cbigan_session_explain(session);
  GST_INFO_OBJECT(self, "%s", text);
}

gboolean
cbigan_score_open(GstCbiganScore *self, const CbiganSettings *settings, CbiganModel *model, GError **error)
{
  GstCudaContext *context = cbigan_settings_use_cuda(settings)
                                ? cbigan_gpu_context_get(&self->gpu, GST_ELEMENT(self), settings->device)
                                : NULL;
  g_autoptr(CbiganSession) session = cbigan_session_open(settings, model, context, error), unused = NULL;
  gst_clear_object(&context);
  if (!session)
    return FALSE;
  explain_backend(self, settings, session);
  GST_OBJECT_LOCK(self);
  GstVideoInfo info = self->info;
  GST_OBJECT_UNLOCK(self);
  if (GST_VIDEO_INFO_FORMAT(&info) != GST_VIDEO_FORMAT_UNKNOWN && !cbigan_session_accepts(session, &info, error))
    return FALSE;
  GST_OBJECT_LOCK(self);
  g_clear_pointer(&self->model, cbigan_model_unref);
  self->model = cbigan_model_ref(session->model);
  unused = g_steal_pointer(&self->pending);
  self->pending = g_steal_pointer(&session);
  GST_OBJECT_UNLOCK(self);
  return TRUE;
}

static void
change_setting(CbiganSettings *settings, guint id, const GValue *value)
{
  switch (id) {
  case PROP_MODEL:
    g_free(settings->model);
    settings->model = g_value_dup_string(value);
    break;
  case PROP_BACKEND:
    g_free(settings->backend);
    settings->backend = g_value_dup_string(value);
    break;
  case PROP_DEVICE_ID:
    settings->device = g_value_get_int(value);
    break;
  case PROP_THREADS:
    settings->threads = g_value_get_uint(value);
    break;
  case PROP_SCORE:
    settings->score = (CbiganScoreKind)g_value_get_enum(value);
    break;
  case PROP_PRECISION:
    settings->precision = (CbiganPrecision)g_value_get_enum(value);
    break;
  case PROP_HEATMAPS:
    settings->maps = (CbiganMaps)g_value_get_enum(value);
    break;
  }
}

/* While running, a setting that can't be opened is refused with a warning and the old session goes on. */
static void
set_setting(GstCbiganScore *self, guint id, const GValue *value)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(CbiganModel) model = NULL;
  CbiganSettings wanted;

  g_mutex_lock(&self->opening);
  GST_OBJECT_LOCK(self);
  cbigan_settings_copy(&wanted, &self->settings);
  gboolean running = self->running;
  if (running && id != PROP_MODEL && self->model)
    model = cbigan_model_ref(self->model);
  GST_OBJECT_UNLOCK(self);
  change_setting(&wanted, id, value);
  GstCudaContext *found = cbigan_gpu_context_remember(&self->gpu, GST_ELEMENT(self));
  if (!running || cbigan_score_open(self, &wanted, model, &error)) {
    GST_OBJECT_LOCK(self);
    CbiganSettings old = self->settings;
    self->settings = wanted;
    wanted = old;
    self->gpu.device = self->settings.device;
    GST_OBJECT_UNLOCK(self);
  } else {
    cbigan_gpu_context_put_back(&self->gpu, GST_ELEMENT(self), self->settings.device, found);
  }
  gst_clear_object(&found);
  g_mutex_unlock(&self->opening);
  cbigan_settings_clear(&wanted);
  if (error)
    cbigan_post(GST_ELEMENT(self), GST_MESSAGE_WARNING, error);
}

static void
set_tuning(CbiganTuning *tuning, guint id, const GValue *value, GObject *object, GParamSpec *pspec)
{
  switch (id) {
  case PROP_THRESHOLD:
    tuning->threshold = g_value_get_double(value);
    break;
  case PROP_LAMBDA:
    tuning->lambda = g_value_get_double(value);
    break;
  case PROP_OVERLAY:
    tuning->overlay = (CbiganOverlayMode)g_value_get_enum(value);
    break;
  case PROP_UPDATES:
    tuning->updates = (CbiganUpdates)g_value_get_enum(value);
    break;
  case PROP_INTERVAL:
    tuning->interval = g_value_get_uint(value);
    break;
  case PROP_HOLD:
    tuning->hold = g_value_get_uint(value);
    break;
  case PROP_ATTACH_FRAME:
    tuning->attach_frame = g_value_get_boolean(value);
    break;
  case PROP_REGIONS:
    tuning->regions = g_value_get_boolean(value);
    break;
  default:
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
  }
}

static void
set_property(GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  GstCbiganScore *self = GST_CBIGAN_SCORE(object);
  if (id <= PROP_HEATMAPS) {
    set_setting(self, id, value);
    return;
  }
  GST_OBJECT_LOCK(self);
  set_tuning(&self->tuning, id, value, object, pspec);
  GST_OBJECT_UNLOCK(self);
}

static void
get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  GstCbiganScore *self = GST_CBIGAN_SCORE(object);
  GST_OBJECT_LOCK(self);
  switch (id) {
  case PROP_MODEL:
    g_value_set_string(value, self->settings.model);
    break;
  case PROP_BACKEND:
    g_value_set_string(value, self->settings.backend);
    break;
  case PROP_DEVICE_ID:
    g_value_set_int(value, self->settings.device);
    break;
  case PROP_THREADS:
    g_value_set_uint(value, self->settings.threads);
    break;
  case PROP_SCORE:
    g_value_set_enum(value, self->settings.score);
    break;
  case PROP_PRECISION:
    g_value_set_enum(value, (gint)self->settings.precision);
    break;
  case PROP_HEATMAPS:
    g_value_set_enum(value, (gint)self->settings.maps);
    break;
  case PROP_THRESHOLD:
    g_value_set_double(value, self->tuning.threshold);
    break;
  case PROP_LAMBDA:
    g_value_set_double(value, self->tuning.lambda);
    break;
  case PROP_OVERLAY:
    g_value_set_enum(value, (gint)self->tuning.overlay);
    break;
  case PROP_UPDATES:
    g_value_set_enum(value, (gint)self->tuning.updates);
    break;
  case PROP_INTERVAL:
    g_value_set_uint(value, self->tuning.interval);
    break;
  case PROP_HOLD:
    g_value_set_uint(value, self->tuning.hold);
    break;
  case PROP_ATTACH_FRAME:
    g_value_set_boolean(value, self->tuning.attach_frame);
    break;
  case PROP_REGIONS:
    g_value_set_boolean(value, self->tuning.regions);
    break;
  default:
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
  }
  GST_OBJECT_UNLOCK(self);
}

#define LIVE (G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING)

static void
install_settings(GObjectClass *object_class)
{
  g_object_class_install_property(
      object_class, PROP_MODEL,
      g_param_spec_string(
          "model", _("Model"),
          _("Path of the model file; a new one replaces the old one between two frames, and the old one stays "
            "if the new one can't be opened"),
          NULL, LIVE | GST_PARAM_DOC_SHOW_DEFAULT));
  g_object_class_install_property(
      object_class, PROP_BACKEND,
      g_param_spec_string("backend", _("Backend"),
                          _("What computes: auto, or a name that “cbigan info --backends” lists"), "auto", LIVE));
  g_object_class_install_property(
      object_class, PROP_DEVICE_ID,
      g_param_spec_int("device-id", _("Device"),
                       _("Number of the backend's device (-1 = that of the CUDA context which the pipeline shares, or "
                         "else the first)"),
                       -1, 255, -1, LIVE));
  g_object_class_install_property(
      object_class, PROP_THREADS,
      g_param_spec_uint("threads", _("Threads"),
                        _("Threads to compute with, at most (0 = the processors of one NUMA node that the process may "
                          "use, or one for small frames); elements that score at the same time divide the processors"),
                        0, 1024, 0, LIVE));
  g_object_class_install_property(object_class, PROP_SCORE,
                                  g_param_spec_enum("score", _("Score"),
                                                    _("Which score to compute and compare with the threshold"),
                                                    score_kind_get_type(), CBIGAN_SCORE_MODEL, LIVE));
  g_object_class_install_property(object_class, PROP_PRECISION,
                                  g_param_spec_enum("precision", _("Precision"),
                                                    _("What the networks' products are multiplied in"),
                                                    precision_get_type(), CBIGAN_PRECISION_AUTO, LIVE));
  g_object_class_install_property(object_class, PROP_HEATMAPS,
                                  g_param_spec_enum("heatmaps", _("Heat maps"),
                                                    _("Which frames get a heat map; a GPU's stays there otherwise"),
                                                    maps_get_type(), CBIGAN_MAPS_ALL, LIVE));
}

static void
install_tuning(GObjectClass *object_class)
{
  g_object_class_install_property(
      object_class, PROP_THRESHOLD,
      g_param_spec_double("threshold", _("Threshold"),
                          _("A frame is anomalous above it, in the score's units (0 or more; -1 = the model's)"), -1,
                          G_MAXDOUBLE, -1, LIVE | GST_PARAM_CONTROLLABLE));
  g_object_class_install_property(
      object_class, PROP_LAMBDA,
      g_param_spec_double("lambda", _("Lambda"), _("Weight of the feature term in Eq. 7 (0 to 1; -1 = the model's)"),
                          -1, 1, -1, LIVE | GST_PARAM_CONTROLLABLE));
  g_object_class_install_property(object_class, PROP_OVERLAY,
                                  g_param_spec_enum("overlay", _("Overlay"),
                                                    _("Whether a coloured map is attached to the buffers"),
                                                    overlay_get_type(), CBIGAN_OVERLAY_ATTACH, LIVE));
  g_object_class_install_property(object_class, PROP_UPDATES,
                                  g_param_spec_enum("updates", _("Updates"), _("When messages are posted on the bus"),
                                                    updates_get_type(), CBIGAN_UPDATES_ON_CHANGE, LIVE));
  g_object_class_install_property(object_class, PROP_INTERVAL,
                                  g_param_spec_uint("interval", _("Interval"),
                                                    _("Time between messages with updates=interval, in milliseconds"),
                                                    0, G_MAXINT, 1000, LIVE));
  g_object_class_install_property(
      object_class, PROP_HOLD,
      g_param_spec_uint(
          "hold", _("Hold"),
          _("How long the score must stay below 90 % of the threshold before an anomaly ends, in milliseconds"), 0,
          G_MAXINT, 0, LIVE));
  g_object_class_install_property(object_class, PROP_ATTACH_FRAME,
                                  g_param_spec_boolean("attach-frame", _("Attach frame"),
                                                       _("Add the scored frame and its heat map to the messages"),
                                                       FALSE, LIVE));
  g_object_class_install_property(
      object_class, PROP_REGIONS,
      g_param_spec_boolean("regions", _("Regions"), _("Attach a region of interest for each region over the threshold"),
                           TRUE, LIVE));
}

void
cbigan_score_install_properties(GObjectClass *object_class)
{
  object_class->set_property = set_property;
  object_class->get_property = get_property;
  install_settings(object_class);
  install_tuning(object_class);
  gst_type_mark_as_plugin_api(score_kind_get_type(), 0);
  gst_type_mark_as_plugin_api(precision_get_type(), 0);
  gst_type_mark_as_plugin_api(maps_get_type(), 0);
  gst_type_mark_as_plugin_api(overlay_get_type(), 0);
  gst_type_mark_as_plugin_api(updates_get_type(), 0);
}

void
cbigan_score_init_properties(GstCbiganScore *self)
{
  self->settings = (CbiganSettings){ .backend = g_strdup("auto"), .device = -1, .score = CBIGAN_SCORE_MODEL };
  self->gpu.device = self->settings.device;
  self->tuning = (CbiganTuning){ .threshold = -1,
                                 .lambda = -1,
                                 .overlay = CBIGAN_OVERLAY_ATTACH,
                                 .updates = CBIGAN_UPDATES_ON_CHANGE,
                                 .interval = 1000,
                                 .regions = TRUE };
}
