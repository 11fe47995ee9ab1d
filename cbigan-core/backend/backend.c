/* backend.c - the list of backends, choosing one, and the checks in front of all of them
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * To add a backend: put its class in the list, at its place by speed. cuda stands behind cpu, so that it must be asked
 * for, until it has been tried and measured on a GPU.
 */
#include "backend.h"

#include <string.h>

#include "i18n.h"

static const CbiganBackendClass *const backends[] = { &cbigan_backend_cpu, &cbigan_backend_cuda,
                                                      &cbigan_backend_reference, NULL };
static const char *const descriptions[] = { N_("this computer's processor, with oneDNN"),
                                            N_("an NVIDIA GPU, with cuDNN"),
                                            N_("plain C, slow: the judge of the others") };

const CbiganBackendClass *const *
cbigan_backend_list(void)
{
  return backends;
}

const char *const *
cbigan_backend_names(void)
{
  static const char *names[G_N_ELEMENTS(backends)];
  static gsize filled;
  if (g_once_init_enter(&filled)) {
    for (gsize i = 0; backends[i]; i++)
      names[i] = backends[i]->name;
    g_once_init_leave(&filled, 1);
  }
  return names;
}

const char *
cbigan_backend_name(const CbiganBackend *self)
{
  return self->klass->name;
}

const char *
cbigan_backend_description(const char *name)
{
  for (gsize i = 0; backends[i]; i++)
    if (!strcmp(backends[i]->name, name))
      return _(descriptions[i]);
  g_return_val_if_reached(NULL);
}

static const CbiganBackendClass *
find(const char *name)
{
  for (gsize i = 0; backends[i]; i++)
    if (!strcmp(backends[i]->name, name))
      return backends[i];
  return NULL;
}

static char *
unknown(const char *name)
{
  g_autofree char *names = g_strjoinv(", ", (char **)cbigan_backend_names());
  return g_strdup_printf(_("unknown backend “%s”; there are: auto, %s"), name, names);
}

char *
cbigan_backend_unavailable(const char *name)
{
  const CbiganBackendClass *klass = find(name);
  return klass ? klass->unavailable() : unknown(name);
}

/* The backend of that name; for "auto" the best one that can run here. */
static const CbiganBackendClass *
choose(const char *name, GError **error)
{
  g_autofree char *why = NULL;
  if (!strcmp(name, "auto")) {
    for (gsize i = 0; backends[i]; i++) {
      g_autofree char *reason = backends[i]->unavailable();
      if (!reason)
        return backends[i];
    }
    why = g_strdup(_("no backend can run here"));
  } else {
    const CbiganBackendClass *klass = find(name);
    g_autofree char *reason = cbigan_backend_unavailable(name);
    if (!reason)
      return klass;
    why = klass ? g_strdup_printf(_("backend “%s” can't run here: %s"), name, reason) : g_steal_pointer(&reason);
  }
  g_set_error_literal(error, CBIGAN_ERROR, CBIGAN_ERROR_BACKEND, why);
  return NULL;
}

/* FALSE with CBIGAN_ERROR_BACKEND if the backend does not have that precision. */
static gboolean
set_precision(CbiganBackend *self, CbiganPrecision precision, GError **error)
{
  if (precision == CBIGAN_PRECISION_AUTO)
    return TRUE;
  if (self->precisions & 1u << precision) {
    self->precision = precision;
    return TRUE;
  }
  g_autoptr(GString) names = g_string_new(NULL);
  for (int i = 0; i < CBIGAN_N_PRECISIONS; i++)
    if (self->precisions & 1u << i)
      g_string_append_printf(names, "%s%s", names->len ? ", " : "", cbigan_precision_name((CbiganPrecision)i));
  g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_BACKEND, _("backend “%s” can't do %s here; it has: %s"),
              self->klass->name, cbigan_precision_name(precision), names->str);
  return FALSE;
}

CbiganBackend *
cbigan_backend_open(const CbiganBackendOptions *options, GError **error)
{
  g_return_val_if_fail(options && options->threads >= 0, NULL);
  g_return_val_if_fail((guint)options->precision < CBIGAN_N_PRECISIONS, NULL);
  const CbiganBackendClass *klass = choose(options->name ? options->name : "auto", error);
  g_autoptr(CbiganBackend) self = klass ? klass->open(options, error) : NULL;
  if (!self)
    return NULL;
  if (!self->klass) /* a module's backend has its own */
    self->klass = klass;
  self->purpose = options->purpose;
  return set_precision(self, options->precision, error) ? g_steal_pointer(&self) : NULL;
}

void
cbigan_backend_enter(CbiganBackend *self)
{
  if (self->enter)
    self->enter(self);
}

/* The function table, with the backend's context current */
static const CbiganBackendClass *
enter(CbiganBackend *self)
{
  cbigan_backend_enter(self);
  return self->klass;
}

void
cbigan_backend_close(CbiganBackend *self)
{
  if (!self)
    return;
  g_clear_error(&self->failure);
  enter(self)->close(self);
}

gboolean
cbigan_backend_finish(CbiganBackend *self, GError **error)
{
  g_return_val_if_fail(self, FALSE);
  g_autoptr(GError) late = NULL;
  if (!enter(self)->finish(self, &late))
    cbigan_backend_fail(self, "%s", late->message);
  if (!self->failure)
    return TRUE;
  g_propagate_error(error, g_steal_pointer(&self->failure));
  return FALSE;
}

#define SCRATCH_ALIGNMENT 64 /* bytes of a cache's line, and of the widest vectors */

/* NULL: there is none. g_free() is free(). */
static gpointer
try_aligned(gsize n, gsize size)
{
  gpointer memory;
  return n > G_MAXSIZE / size || posix_memalign(&memory, SCRATCH_ALIGNMENT, n * size) ? NULL : memory;
}

gpointer
cbigan_backend_scratch(CbiganBackend *self, gsize n, gsize size)
{
  gpointer memory = self ? try_aligned(MAX(n, 1), size) : g_malloc_n(MAX(n, 1), size);
  if (!memory)
    cbigan_backend_fail(self, _("out of memory (%.1f MiB more needed)"), (double)n * (double)size / 1048576.0);
  return memory;
}

float *
cbigan_backend_scratch_copy(CbiganBackend *self, gsize n, const float *x)
{
  float *copy = cbigan_scratch_new(self, float, n);
  return copy ? memcpy(copy, x, n * sizeof(float)) : NULL;
}

#define MANY_NUMBERS 8192 /* some microseconds' work */

void
cbigan_backend_each(CbiganBackend *self, int n, gsize numbers, CbiganRangeFunc range, gpointer data)
{
  g_return_if_fail(n >= 0 && range);
  if (self && self->each && n > 1 && numbers >= MANY_NUMBERS)
    self->each(self, n, range, data);
  else
    range(data, 0, n);
}

float *
cbigan_backend_alloc(CbiganBackend *self, gsize n_floats, GError **error)
{
  g_return_val_if_fail(self && n_floats > 0, NULL);
  float *data = n_floats < G_MAXSSIZE / sizeof(float) ? enter(self)->alloc(self, n_floats) : NULL;
  if (!data && self->failure) /* memory is not the cause */
    g_propagate_error(error, g_steal_pointer(&self->failure));
  else if (!data)
    g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_BACKEND, _("backend “%s”: out of memory (%.1f MiB more needed)"),
                self->klass->name, (double)n_floats * sizeof(float) / 1048576.0);
  return data;
}

void
cbigan_backend_free(CbiganBackend *self, float *data)
{
  g_return_if_fail(self);
  if (data)
    enter(self)->free(self, data);
}

static gboolean
is_shape(CbiganShape s)
{
  return s.c > 0 && s.h > 0 && s.w > 0;
}

void
cbigan_backend_upload(CbiganBackend *self, CbiganShape shape, int n, const float *host, float *data)
{
  g_return_if_fail(self && host && data && n > 0 && is_shape(shape));
  enter(self)->upload(self, shape, n, host, data);
}

void
cbigan_backend_download(CbiganBackend *self, CbiganShape shape, int n, const float *data, float *host)
{
  g_return_if_fail(self && host && data && n > 0 && is_shape(shape));
  enter(self)->download(self, shape, n, data, host);
}

/* The properties of a layer on which backends rely. */
static gboolean
is_layer(const CbiganLayer *l)
{
  gsize in = cbigan_shape_size(l->in);
  gboolean same = l->in.h == l->out.h && l->in.w == l->out.w, plain = l->activation == CBIGAN_LINEAR && !l->accumulate;
  if (!is_shape(l->in) || !is_shape(l->out))
    return FALSE;
  switch (l->kind) {
  case CBIGAN_CONV2D:
    return same && (l->kernel == 1 || l->kernel == 3) && l->weight != CBIGAN_NO_OFFSET &&
           l->weight_stride >= (gsize)l->in.c * l->kernel * l->kernel;
  case CBIGAN_DENSE:
    return l->weight != CBIGAN_NO_OFFSET && l->weight_stride >= in;
  case CBIGAN_UPSAMPLE:
    return plain && l->out.c == l->in.c && l->out.h == 2 * l->in.h && l->out.w == 2 * l->in.w;
  case CBIGAN_AVGPOOL:
    return plain && l->out.c == l->in.c && l->out.h == l->in.h / 2 && l->out.w == l->in.w / 2;
  }
  return FALSE;
}

CbiganPlan *
cbigan_backend_plan(CbiganBackend *self, const CbiganNetwork *network, int first, int end, int batch, const int *keep,
                    GError **error)
{
  g_return_val_if_fail(self && network && batch > 0, NULL);
  g_return_val_if_fail(first >= 0 && first < end && end <= network->n_layers && is_layer(&network->layers[first]),
                       NULL);
  return enter(self)->plan(self, network, first, end, batch, keep, error);
}

void
cbigan_backend_load(CbiganBackend *self, CbiganPlan *plan, const CbiganPlan *like, const float *parameters)
{
  g_return_if_fail(self && plan && parameters);
  const CbiganBackendClass *klass = enter(self);
  if (!like || !plan->share || plan->share != like->share || !plan->share(plan, like))
    klass->load(self, plan, parameters);
}

void
cbigan_backend_run(CbiganBackend *self, CbiganPlan *plan, float *const *values)
{
  g_return_if_fail(self && plan && values);
  for (const int *v = plan->inputs; *v >= 0; v++)
    g_return_if_fail(values[*v]);
  for (const int *v = plan->outputs; *v >= 0; v++)
    g_return_if_fail(values[*v]);
  enter(self)->run(self, plan, values);
}

gboolean
cbigan_backend_run_planes(CbiganBackend *self, CbiganPlan *plan, const CbiganPlanes *planes, float *const *values)
{
  g_return_val_if_fail(self && plan && planes && (planes->data || planes->maker) && values, FALSE);
  for (const int *v = plan->outputs; *v >= 0; v++)
    g_return_val_if_fail(values[*v], FALSE);
  enter(self);
  return plan->run_planes && plan->run_planes(plan, planes, values);
}

/* --- scoring --------------------------------------------------------------------------------------------------- */

/* difference (n, size) = a - b, or NULL. sums (n), host memory: ||a_i - b_i||_1, or NULL. At least one of the two is
 * not NULL. */
void
cbigan_backend_difference(CbiganBackend *self, int n, gsize size, const float *a, const float *b, float *difference,
                          double *sums)
{
  g_return_if_fail(self && a && b && (difference || sums) && n > 0 && size > 0);
  enter(self)->difference(self, n, size, a, b, difference, sums);
}

/* Room for n frames of one size. NULL with CBIGAN_ERROR_BACKEND. */
CbiganFrames *
cbigan_backend_frames_new(CbiganBackend *self, int n, int width, int height, GError **error)
{
  g_return_val_if_fail(self && n > 0 && width > 0 && height > 0, NULL);
  CbiganFrames *frames = g_new0(CbiganFrames, 1);
  *frames = (CbiganFrames){
    .n = n, .width = width, .height = height, .frames = g_new0(CbiganFrame, n), .light = g_new0(CbiganLight, n)
  };
  if (self->klass->frame)
    enter(self)->frame(self, frames, -1);
  if (!self->failure)
    return frames;
  g_propagate_error(error, g_steal_pointer(&self->failure));
  cbigan_backend_frames_free(self, frames);
  return NULL;
}

/* Waits until no operation reads the frames. */
void
cbigan_backend_frames_free(CbiganBackend *self, CbiganFrames *frames)
{
  g_return_if_fail(self);
  cbigan_backend_enter(self);
  if (frames && frames->free)
    frames->free(self, frames->device);
  if (frames) {
    g_free(frames->frames);
    g_free(frames->light);
  }
  g_free(frames);
}

gboolean
cbigan_backend_reads_device(const CbiganBackend *self)
{
  g_return_val_if_fail(self, FALSE);
  return self->klass->frame != NULL;
}

/* Sets frame i of the next crop(). Its pixels must stay readable until finish(). Not inside a capture. */
void
cbigan_backend_frame(CbiganBackend *self, CbiganFrames *frames, int i, const CbiganFrame *frame)
{
  g_return_if_fail(self && frames && i >= 0 && i < frames->n && frame && frame->data);
  g_return_if_fail(frame->width == frames->width && frame->height == frames->height &&
                   frame->stride >= 3 * (gsize)frame->width);
  frames->frames[i] = *frame;
  if (self->klass->frame)
    enter(self)->frame(self, frames, i);
}

/* Patches first .. first + n - 1 of each of the first n_frames frames -> x (n_frames, n, 3, side, side) = gain * (pixel
 * / 127.5 - 1) + shift. light: NULL = gain 1, shift 0; else the call with first = 0 finds both per frame, and later
 * patches use them. */
void
cbigan_backend_crop(CbiganBackend *self, CbiganFrames *frames, int n_frames, const CbiganFrameTiling *tiling, int first,
                    int n, const CbiganLightTarget *light, float *x)
{
  g_return_if_fail(self && frames && n_frames > 0 && n_frames <= frames->n && tiling && x);
  g_return_if_fail(tiling->width == frames->width && tiling->height == frames->height && tiling->across);
  g_return_if_fail(first >= 0 && n > 0 && first + n <= tiling->columns * tiling->rows);
  enter(self)->crop(self, frames, n_frames, tiling, first, n, light, x);
}

/* differences (rows * columns, 3, side, side) -> map (height, width). Per channel the patches' mean at each pixel, less
 * the mean of its window (cut at the border), absolute; summed over channels; blurred, borders repeated. With `good`
 * the map is then max((x - mean) / (deviation + floor), 0), and NaN stays NaN; good may be NULL. peak: host memory for
 * the largest number, NaN if one is not finite; may be NULL. scratch: (CBIGAN_MAP_PLANES, height, width). */
void
cbigan_backend_map(CbiganBackend *self, const CbiganFrameTiling *tiling, const float *differences,
                   const CbiganMapFilter *filter, const CbiganMapBaseline *good, float *scratch, float *map,
                   float *peak)
{
  g_return_if_fail(self && tiling && differences && filter && scratch && map);
  g_return_if_fail(tiling->columns > 0 && tiling->rows > 0 && tiling->side <= tiling->width &&
                   tiling->side <= tiling->height && tiling->across && tiling->down);
  g_return_if_fail(filter->high_pass >= 0 && filter->blur > 0 && filter->blur <= CBIGAN_MAX_BLUR);
  g_return_if_fail(!good || (good->mean && good->deviation && good->floor > 0.0f));
  enter(self)->map(self, tiling, differences, filter, good, scratch, map, peak);
}

static gboolean
is_critic(const CbiganCritic *critic)
{
  const CbiganCriticStatistics *good = critic->good;
  int channels = 0;
  for (int i = 0; i < critic->n; i++) {
    const CbiganShape *shape = &critic->shapes[i];
    if (shape->w != shape->h || critic->resamplers[i].from != shape->w || critic->resamplers[i].to != critic->grid)
      return FALSE;
    channels += shape->c;
  }
  return channels > 0 && channels == critic->channels && critic->batch > 0 &&
         (!good || (good->mean && good->whitening && good->channels == channels &&
                    (good->positions == 1 || good->positions == critic->grid * critic->grid)));
}

/* Allocates the critic's arrays in backend memory; the caller has filled all other fields. FALSE with
 * CBIGAN_ERROR_BACKEND. Clear the critic in both cases. The statistics must outlive the critic. */
gboolean
cbigan_backend_critic_init(CbiganBackend *self, CbiganCritic *critic, GError **error)
{
  g_return_val_if_fail(self && critic && is_critic(critic) && !critic->features && !critic->device, FALSE);
  const gsize size = (gsize)critic->batch * (gsize)critic->channels * (gsize)(critic->grid * critic->grid);
  if (!(critic->features = cbigan_backend_alloc(self, size, error)))
    return FALSE;
  enter(self)->distances(self, critic, NULL, 0, NULL, NULL);
  if (!self->failure)
    return TRUE;
  g_propagate_error(error, g_steal_pointer(&self->failure));
  return FALSE;
}

void
cbigan_backend_critic_clear(CbiganBackend *self, CbiganCritic *critic)
{
  g_return_if_fail(self && critic);
  cbigan_backend_enter(self);
  cbigan_backend_free(self, critic->features);
  if (critic->free)
    critic->free(self, critic->device);
  critic->features = NULL;
  critic->device = NULL;
  critic->free = NULL;
}

/* values: as CbiganForward's. The first n samples' features -> critic->features. With statistics |W (f - mean)| at each
 * position -> distances (n, grid, grid), backend memory. The largest distance per sample -> peaks (n), host memory, NaN
 * if one is not finite. A distance is NaN or infinite if any feature that enters it is. The bits of a sample's results
 * depend neither on the other samples nor on its place. Without statistics distances and peaks are NULL. */
void
cbigan_backend_distances(CbiganBackend *self, CbiganCritic *critic, float *const *values, int n, float *distances,
                         float *peaks)
{
  g_return_if_fail(self && critic && critic->features && values && n > 0 && n <= critic->batch);
  g_return_if_fail(critic->good ? distances && peaks : !distances && !peaks);
  enter(self)->distances(self, critic, values, n, distances, peaks);
}

/* Calls operations(data), or replays its capture. With the same number, operations() must call the same operations on
 * the same memory each time. It neither waits nor allocates, and passes host memory only for results. *capture: NULL
 * before the first call; free it with cbigan_backend_capture_free() before that memory. */
void
cbigan_backend_capture(CbiganBackend *self, CbiganCapture **capture, double number, void (*operations)(gpointer data),
                       gpointer data)
{
  g_return_if_fail(self && capture && operations);
  if (self->klass->capture)
    enter(self)->capture(self, capture, number, operations, data);
  else
    operations(data);
}

void
cbigan_backend_capture_free(CbiganBackend *self, CbiganCapture *capture)
{
  g_return_if_fail(self);
  cbigan_backend_enter(self);
  if (capture)
    capture->free(self, capture);
}
