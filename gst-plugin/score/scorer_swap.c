/* scorer_swap.c - the scorer of an element, which can be replaced while frames are scored
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "scorer_swap.h"

#include "frame_input.h"
#include "i18n.h"

#define CUDA_CONTEXT_TYPE "gst.cuda.context" /* GST_CUDA_CONTEXT_TYPE */

GST_DEBUG_CATEGORY_EXTERN(cbigan_score_debug);
#define GST_CAT_DEFAULT cbigan_score_debug

/* --- the CUDA context that the element shares --- */

/* The module's table, or NULL where video in GPU memory can't be had. */
static const CbiganCudaVideoClass *
cuda_module(void)
{
  g_autofree char *why = NULL;
  return cbigan_cuda_video_module(&why);
}

/* The element's context, or NULL (transfer full). */
static GstCudaContext *
get_context(CbiganScorerSwap *self)
{
  GST_OBJECT_LOCK(self->element);
  GstCudaContext *context = self->context ? gst_object_ref(self->context) : NULL;
  GST_OBJECT_UNLOCK(self->element);
  return context;
}

/* Makes `context` the element's; NULL = none. */
static void
replace_context(CbiganScorerSwap *self, int device, GstCudaContext *context)
{
  GST_OBJECT_LOCK(self->element);
  GstCudaContext *old = self->context;
  self->context = context ? gst_object_ref(context) : NULL;
  self->device = device;
  GST_OBJECT_UNLOCK(self->element);
  gst_clear_object(&old);
}

/* The element's context on that device (-1 = any), found or made (transfer full); NULL = none can be had. Asks the
 * neighbours and the bus, so the object lock must be free. */
static GstCudaContext *
ensure_context(CbiganScorerSwap *self, int device)
{
  const CbiganCudaVideoClass *klass = cuda_module();
  if (!klass)
    return NULL;
  GstCudaContext *other = NULL;
  GST_OBJECT_LOCK(self->element);
  self->device = device;
  if (self->context && device >= 0 && klass->device(self->context) != device)
    other = g_steal_pointer(&self->context); /* the module fills an empty place only */
  GST_OBJECT_UNLOCK(self->element);
  gst_clear_object(&other);
  return klass->ensure_context(self->element, device, &self->context) ? get_context(self) : NULL;
}

void
cbigan_swap_set_context(CbiganScorerSwap *self, GstContext *context)
{
  const CbiganCudaVideoClass *klass =
      context && gst_context_has_context_type(context, CUDA_CONTEXT_TYPE) ? cuda_module() : NULL;
  GstCudaContext *taken = NULL;
  if (!klass)
    return;
  GST_OBJECT_LOCK(self->element);
  const int device = self->device;
  GST_OBJECT_UNLOCK(self->element);
  if (!klass->set_context(self->element, context, device, &taken))
    return;
  GST_OBJECT_LOCK(self->element);
  if (!self->context) /* a context that is in use is not replaced */
    self->context = g_steal_pointer(&taken);
  GST_OBJECT_UNLOCK(self->element);
  gst_clear_object(&taken);
}

gboolean
cbigan_swap_answer(CbiganScorerSwap *self, GstQuery *query)
{
  GstCudaContext *context = get_context(self);
  gboolean answered = context && cuda_module()->answer(self->element, query, context);
  gst_clear_object(&context);
  return answered;
}

static gpointer
handle_of(GstCudaContext *context)
{
  return context ? cuda_module()->handle(context) : NULL;
}

/* Makes the context the calling thread's current one; then leave(TRUE) must follow. NULL: FALSE */
static gboolean
enter(GstCudaContext *context)
{
  return context && cuda_module()->enter(context);
}

static void
leave(gboolean entered)
{
  if (entered)
    cuda_module()->leave();
}

/* --- sessions --- */

static void
session_free(CbiganSession *self)
{
  if (!self)
    return;
  gboolean entered = enter(self->context);
  g_clear_pointer(&self->scorer, cbigan_scorer_free);
  leave(entered);
  gst_clear_object(&self->context);
  g_clear_pointer(&self->model, cbigan_model_unref);
  g_free(self->path);
  g_free(self);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(CbiganSession, session_free)

static void
settings_clear(CbiganSettings *self)
{
  g_clear_pointer(&self->model, g_free);
  g_clear_pointer(&self->backend, g_free);
}

/* Whether a session by these settings would run on a GPU. */
static gboolean
wants_cuda(const CbiganSettings *settings)
{
  const char *asked = settings->backend ? settings->backend : "auto";
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
scorer_new(CbiganModel *model, const CbiganSettings *settings, GstCudaContext *context, GError **error)
{
  CbiganScorerOptions options = CBIGAN_SCORER_OPTIONS_INIT;
  options.backend = settings->backend;
  options.device = MAX(settings->device, 0);
  options.threads = (int)settings->threads;
  options.batch = (int)settings->batch;
  options.shared = TRUE;
  options.score = settings->score;
  options.precision = settings->precision;
  options.maps = settings->maps;
  options.cuda_context = handle_of(context);
  gboolean entered = enter(context);
  CbiganScorer *scorer = cbigan_scorer_new(model, &options, error);
  leave(entered);
  return scorer;
}

/* model: already loaded from settings->model; NULL = read the file. context: for “cuda”, or NULL */
static CbiganSession *
session_new(const CbiganSettings *settings, CbiganModel *model, GstCudaContext *context, GError **error)
{
  g_autoptr(CbiganSession) self = g_new0(CbiganSession, 1);
  if (!settings->model) {
    g_set_error_literal(error, CBIGAN_ERROR, CBIGAN_ERROR_ARGUMENT,
                        _("no model: set the property “model” to a model file"));
    return NULL;
  }
  self->path = g_strdup(settings->model);
  self->model = model ? cbigan_model_ref(model) : cbigan_model_load_shared(settings->model, error);
  if (!self->model)
    return NULL;
  self->context = context ? gst_object_ref(context) : NULL;
  self->scorer = scorer_new(self->model, settings, context, error);
  if (!self->scorer) {
    g_prefix_error(error, "%s: ", settings->model);
    return NULL;
  }
  return g_steal_pointer(&self);
}

static gboolean
accepts(const CbiganSession *self, const GstVideoInfo *info, GError **error)
{
  const CbiganModelInfo *model = cbigan_model_info(self->model);
  if (model->frame_width || (info->width >= model->patch && info->height >= model->patch))
    return TRUE;
  g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_FRAME,
              _("%s: video of %dx%d pixels is smaller than the model's patch; expected at least %dx%d"), self->path,
              info->width, info->height, model->patch, model->patch);
  return FALSE;
}

/* Logs which backend “auto” took, and why none of the others. Asks every backend, so only where the log wants it. */
static void
log_backend(const CbiganScorerSwap *self, const CbiganSettings *settings, const CbiganSession *session)
{
  const char *taken = cbigan_scorer_backend(session->scorer);
  if ((settings->backend && g_strcmp0(settings->backend, "auto")) ||
      gst_debug_category_get_threshold(GST_CAT_DEFAULT) < GST_LEVEL_INFO)
    return;
  g_autoptr(GString) text = g_string_new(NULL);
  for (const char *const *name = cbigan_backend_names(); *name; name++) {
    g_autofree char *why = cbigan_backend_unavailable(*name);
    if (!g_str_equal(*name, taken))
      g_string_append_printf(text, "; %s: %s", *name, why ? why : "comes behind it, so it must be asked for");
  }
  GST_INFO_OBJECT(self->element, "backend=auto took %s%s", taken, text->str);
}

/* Opens a session and leaves it for the thread that scores. `opening` is held. On FALSE all is as before. */
static gboolean
open_session(CbiganScorerSwap *self, const CbiganSettings *settings, CbiganModel *model, GError **error)
{
  GstCudaContext *context = wants_cuda(settings) ? ensure_context(self, settings->device) : NULL;
  g_autoptr(CbiganSession) session = session_new(settings, model, context, error), unused = NULL;
  gst_clear_object(&context);
  if (!session)
    return FALSE;
  log_backend(self, settings, session);
  GST_OBJECT_LOCK(self->element);
  GstVideoInfo info = self->info;
  GST_OBJECT_UNLOCK(self->element);
  if (GST_VIDEO_INFO_FORMAT(&info) != GST_VIDEO_FORMAT_UNKNOWN && !accepts(session, &info, error))
    return FALSE;
  GST_OBJECT_LOCK(self->element);
  g_clear_pointer(&self->model, cbigan_model_unref);
  self->model = cbigan_model_ref(session->model);
  unused = g_steal_pointer(&self->pending);
  self->pending = g_steal_pointer(&session);
  GST_OBJECT_UNLOCK(self->element);
  return TRUE;
}

/* --- the swap --- */

void
cbigan_swap_init(CbiganScorerSwap *self, GstElement *element)
{
  self->element = element;
  self->device = -1;
  g_mutex_init(&self->opening);
  gst_video_info_init(&self->info);
}

void
cbigan_swap_clear(CbiganScorerSwap *self)
{
  replace_context(self, -1, NULL); /* an element that never ran may have been given one */
  settings_clear(&self->settings);
  g_mutex_clear(&self->opening);
}

gboolean
cbigan_swap_start(CbiganScorerSwap *self, GError **error)
{
  g_mutex_lock(&self->opening); /* the settings don't change while it is held */
  gboolean opened = open_session(self, &self->settings, NULL, error);
  GST_OBJECT_LOCK(self->element);
  self->running = opened;
  GST_OBJECT_UNLOCK(self->element);
  g_mutex_unlock(&self->opening);
  return opened;
}

void
cbigan_swap_stop(CbiganScorerSwap *self)
{
  g_autoptr(CbiganSession) pending = NULL;
  g_autoptr(CbiganModel) model = NULL;
  g_mutex_lock(&self->opening);
  GST_OBJECT_LOCK(self->element);
  self->running = FALSE;
  pending = g_steal_pointer(&self->pending);
  model = g_steal_pointer(&self->model);
  gst_video_info_init(&self->info);
  GST_OBJECT_UNLOCK(self->element);
  g_mutex_unlock(&self->opening);
  g_clear_pointer(&self->session, session_free);
  g_clear_pointer(&pending, session_free);
  replace_context(self, self->settings.device, NULL); /* no session runs in it any more */
}

void
cbigan_swap_change(CbiganScorerSwap *self, const CbiganProperty *row, const GValue *value)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(CbiganModel) model = NULL;

  g_mutex_lock(&self->opening);
  GST_OBJECT_LOCK(self->element);
  CbiganSettings wanted = self->settings;
  wanted.model = g_strdup(wanted.model);
  wanted.backend = g_strdup(wanted.backend);
  gboolean running = self->running;
  if (running && self->model && row->offset != offsetof(CbiganSettings, model))
    model = cbigan_model_ref(self->model);
  GST_OBJECT_UNLOCK(self->element);
  cbigan_property_set(row, &wanted, value);
  GstCudaContext *context = get_context(self);
  if (!running || open_session(self, &wanted, model, &error)) {
    GST_OBJECT_LOCK(self->element);
    CbiganSettings old = self->settings;
    self->settings = wanted;
    wanted = old;
    self->device = self->settings.device;
    GST_OBJECT_UNLOCK(self->element);
  } else {
    replace_context(self, self->settings.device, context); /* another device may have been tried */
  }
  gst_clear_object(&context);
  g_mutex_unlock(&self->opening);
  settings_clear(&wanted);
  if (error)
    cbigan_post(self->element, GST_MESSAGE_WARNING, error);
}

void
cbigan_swap_reload(CbiganScorerSwap *self)
{
  g_autoptr(GError) error = NULL;
  g_mutex_lock(&self->opening); /* the settings don't change while it is held */
  if (cbigan_swap_is_running(self))
    open_session(self, &self->settings, NULL, &error);
  g_mutex_unlock(&self->opening);
  if (error)
    cbigan_post(self->element, GST_MESSAGE_WARNING, error);
}

CbiganModel *
cbigan_swap_model(CbiganScorerSwap *self)
{
  GST_OBJECT_LOCK(self->element);
  CbiganModel *model = self->running && self->model ? cbigan_model_ref(self->model) : NULL;
  GST_OBJECT_UNLOCK(self->element);
  return model;
}

gboolean
cbigan_swap_use(CbiganScorerSwap *self, const CbiganModel *old, CbiganModel *new, GError **error)
{
  g_mutex_lock(&self->opening);
  g_autoptr(CbiganModel) now = cbigan_swap_model(self);
  gboolean used = now == old;
  if (!used)
    g_set_error_literal(error, CBIGAN_ERROR, CBIGAN_ERROR_ARGUMENT,
                        now ? _("the model was replaced meanwhile") : _("the element was stopped meanwhile"));
  else
    used = open_session(self, &self->settings, new, error);
  g_mutex_unlock(&self->opening);
  return used;
}

char *
cbigan_swap_path(CbiganScorerSwap *self)
{
  GST_OBJECT_LOCK(self->element);
  char *path = g_strdup(self->settings.model);
  GST_OBJECT_UNLOCK(self->element);
  return path;
}

gboolean
cbigan_swap_is_running(CbiganScorerSwap *self)
{
  GST_OBJECT_LOCK(self->element);
  gboolean running = self->running;
  GST_OBJECT_UNLOCK(self->element);
  return running;
}

gboolean
cbigan_swap_is_pending(CbiganScorerSwap *self)
{
  GST_OBJECT_LOCK(self->element);
  gboolean pending = self->pending != NULL;
  GST_OBJECT_UNLOCK(self->element);
  return pending;
}

gboolean
cbigan_swap_take(CbiganScorerSwap *self)
{
  GST_OBJECT_LOCK(self->element);
  CbiganSession *pending = g_steal_pointer(&self->pending);
  GST_OBJECT_UNLOCK(self->element);
  if (!pending)
    return FALSE;
  g_clear_pointer(&self->session, session_free);
  self->session = pending;
  GST_INFO_OBJECT(self->element, "scoring with %s on backend %s in %s", pending->path,
                  cbigan_scorer_backend(pending->scorer),
                  cbigan_precision_name(cbigan_scorer_precision(pending->scorer)));
  return TRUE;
}

void
cbigan_swap_set_video(CbiganScorerSwap *self, const GstVideoInfo *info)
{
  GST_OBJECT_LOCK(self->element);
  self->info = *info;
  GST_OBJECT_UNLOCK(self->element);
}

gboolean
cbigan_swap_accepts_video(const CbiganScorerSwap *self, GError **error)
{
  return accepts(self->session, &self->info, error);
}

gpointer
cbigan_swap_cuda_context(const CbiganScorerSwap *self)
{
  if (cbigan_model_info(self->session->model)->scores[CBIGAN_SCORE_INSPECTOR])
    return NULL; /* an inspector reads frames in the host's memory */
  return handle_of(self->session->context);
}

gboolean
cbigan_swap_score(CbiganScorerSwap *self, const CbiganFrame *frame, CbiganResult *result, GError **error)
{
  gboolean entered = enter(self->session->context);
  gboolean scored = cbigan_scorer_score(self->session->scorer, frame, 1, result, error);
  leave(entered);
  return scored;
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
