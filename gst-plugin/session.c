/* session.c - a model opened for scoring
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "session.h"

#include <math.h>

#include "i18n.h"

void
cbigan_settings_copy(CbiganSettings *to, const CbiganSettings *from)
{
  *to = *from;
  to->model = g_strdup(from->model);
  to->backend = g_strdup(from->backend);
}

void
cbigan_settings_clear(CbiganSettings *self)
{
  g_clear_pointer(&self->model, g_free);
  g_clear_pointer(&self->backend, g_free);
}

CbiganSession *
cbigan_session_open(const CbiganSettings *settings, CbiganModel *model, GError **error)
{
  g_autoptr(CbiganSession) self = g_new0(CbiganSession, 1);
  CbiganScorerOptions options = CBIGAN_SCORER_OPTIONS_INIT;

  if (!settings->model) {
    g_set_error_literal(error, CBIGAN_ERROR, CBIGAN_ERROR_ARGUMENT,
                        _("No model: set the property “model” to a model file"));
    return NULL;
  }
  self->path = g_strdup(settings->model);
  self->model = model ? cbigan_model_ref(model) : cbigan_model_load(settings->model, error);
  if (!self->model)
    return NULL;
  options.backend = settings->backend;
  options.device = (int)settings->device;
  options.threads = (int)settings->threads;
  options.score = settings->score;
  options.precision = settings->precision;
  self->scorer = cbigan_scorer_new(self->model, &options, error);
  if (!self->scorer) {
    g_prefix_error(error, "%s: ", settings->model);
    return NULL;
  }
  return g_steal_pointer(&self);
}

void
cbigan_session_free(CbiganSession *self)
{
  if (!self)
    return;
  g_clear_pointer(&self->scorer, cbigan_scorer_free);
  g_clear_pointer(&self->model, cbigan_model_unref);
  g_free(self->path);
  g_free(self);
}

gboolean
cbigan_session_accepts(const CbiganSession *self, const GstVideoInfo *info, GError **error)
{
  const CbiganModelInfo *model = cbigan_model_info(self->model);
  if (model->frame_width || (info->width >= model->patch && info->height >= model->patch))
    return TRUE;
  g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_FRAME,
              _("%s: video of %dx%d pixels is smaller than the model's patch, expected at least %dx%d"), self->path,
              info->width, info->height, model->patch, model->patch);
  return FALSE;
}

void
cbigan_post(GstElement *element, GstMessageType type, const GError *error)
{
  static const struct {
    int from; /* CbiganError */
    GQuark (*domain)(void);
    int code;
  } kinds[] = {
    { CBIGAN_ERROR_FILE, gst_resource_error_quark, GST_RESOURCE_ERROR_OPEN_READ },
    { CBIGAN_ERROR_FORMAT, gst_resource_error_quark, GST_RESOURCE_ERROR_READ },
    { CBIGAN_ERROR_BACKEND, gst_library_error_quark, GST_LIBRARY_ERROR_INIT },
    { CBIGAN_ERROR_FRAME, gst_stream_error_quark, GST_STREAM_ERROR_FORMAT },
    { CBIGAN_ERROR_ARGUMENT, gst_resource_error_quark, GST_RESOURCE_ERROR_SETTINGS },
  };
  GQuark domain = GST_LIBRARY_ERROR;
  int code = GST_LIBRARY_ERROR_FAILED;
  for (guint i = 0; i < G_N_ELEMENTS(kinds); i++)
    if (g_error_matches(error, CBIGAN_ERROR, kinds[i].from)) {
      domain = kinds[i].domain();
      code = kinds[i].code;
    }
  gst_element_message_full(element, type, domain, code, g_strdup(error->message), NULL, __FILE__, G_STRFUNC, __LINE__);
}
