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

gboolean
cbigan_settings_use_cuda(const CbiganSettings *self)
{
  const char *asked = self->backend ? self->backend : "auto";
  for (const char *const *name = cbigan_backend_names(); *name; name++) {
    if (!g_str_equal(asked, "auto") && !g_str_equal(asked, *name))
      continue;
    g_autofree char *why = cbigan_backend_unavailable(*name);
    if (!why)
      return g_str_equal(*name, "cuda");
  }
  return FALSE;
}

static CbiganScorer *
open_scorer(CbiganModel *model, const CbiganSettings *settings, GstCudaContext *context, GError **error)
{
  CbiganScorerOptions options = CBIGAN_SCORER_OPTIONS_INIT;
  options.backend = settings->backend;
  options.device = MAX(settings->device, 0);
  options.threads = (int)settings->threads;
  options.score = settings->score;
  options.precision = settings->precision;
  options.maps = settings->maps;
  options.cuda_context = cbigan_gpu_handle(context);
  gboolean entered = cbigan_gpu_enter(context);
  CbiganScorer *scorer = cbigan_scorer_new(model, &options, error);
  if (entered)
    cbigan_gpu_leave();
  return scorer;
}

CbiganSession *
cbigan_session_open(const CbiganSettings *settings, CbiganModel *model, GstCudaContext *context, GError **error)
{
  g_autoptr(CbiganSession) self = g_new0(CbiganSession, 1);

  if (!settings->model) {
    g_set_error_literal(error, CBIGAN_ERROR, CBIGAN_ERROR_ARGUMENT,
                        _("No model: set the property “model” to a model file"));
    return NULL;
  }
  self->path = g_strdup(settings->model);
  self->model = model ? cbigan_model_ref(model) : cbigan_model_load(settings->model, error);
  if (!self->model)
    return NULL;
  self->context = context ? gst_object_ref(context) : NULL;
  self->scorer = open_scorer(self->model, settings, context, error);
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
  gboolean entered = cbigan_gpu_enter(self->context);
  g_clear_pointer(&self->scorer, cbigan_scorer_free);
  if (entered)
    cbigan_gpu_leave();
  gst_clear_object(&self->context);
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

gpointer
cbigan_session_place(const CbiganSession *self)
{
  return cbigan_gpu_handle(self->context);
}

gboolean
cbigan_session_score(CbiganSession *self, const CbiganFrame *frame, CbiganResult *result, GError **error)
{
  gboolean entered = cbigan_gpu_enter(self->context);
  gboolean scored = cbigan_scorer_score(self->scorer, frame, 1, result, error);
  if (entered)
    cbigan_gpu_leave();
  return scored;
}

char *
cbigan_session_explain(const CbiganSession *self)
{
  const char *taken = cbigan_scorer_backend(self->scorer);
  GString *text = g_string_new("backend=auto took ");
  g_string_append(text, taken);
  for (const char *const *name = cbigan_backend_names(); *name; name++) {
    g_autofree char *why = cbigan_backend_unavailable(*name);
    if (!g_str_equal(*name, taken))
      g_string_append_printf(text, "; %s: %s", *name, why ? why : "comes behind it, so it must be asked for");
  }
  return g_string_free(text, FALSE);
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
