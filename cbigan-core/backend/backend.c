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

/* The one with that name or, for "auto", the best that can run here. */
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

CbiganBackend *
cbigan_backend_open_in(const char *name, int device, int threads, gpointer cuda_context, GError **error)
{
  const CbiganBackendClass *klass = choose(name ? name : "auto", error);
  CbiganBackend *self = klass ? klass->open(device, MAX(threads, 0), cuda_context, error) : NULL;
  if (self && !self->klass) /* a module's has its own */
    self->klass = klass;
  return self;
}

CbiganBackend *
cbigan_backend_open(const char *name, int device, int threads, GError **error)
{
  return cbigan_backend_open_in(name, device, threads, NULL, error);
}

void
cbigan_backend_close(CbiganBackend *self)
{
  if (!self)
    return;
  g_clear_error(&self->failure);
  self->klass->close(self);
}

gboolean
cbigan_backend_finish(CbiganBackend *self, GError **error)
{
  g_return_val_if_fail(self, FALSE);
  g_autoptr(GError) late = NULL;
  if (!self->klass->finish(self, &late))
    cbigan_backend_fail(self, "%s", late->message);
  if (!self->failure)
    return TRUE;
  g_propagate_error(error, g_steal_pointer(&self->failure));
  return FALSE;
}

#define MANY_NUMBERS 8192 /* some microseconds' work */

void
cbigan_backend_each(CbiganBackend *self, int n, gsize numbers, CbiganRangeFunc range, gpointer data)
{
  g_return_if_fail(n >= 0 && range);
  if (self && self->klass->each && n > 1 && numbers >= MANY_NUMBERS)
    self->klass->each(self, n, range, data);
  else
    range(data, 0, n);
}

gboolean
cbigan_backend_set_precision(CbiganBackend *self, CbiganPrecision precision, GError **error)
{
  g_return_val_if_fail(self && precision > CBIGAN_PRECISION_AUTO && precision < CBIGAN_N_PRECISIONS, FALSE);
  guint has = self->klass->precisions ? self->klass->precisions(self) : 1u << CBIGAN_PRECISION_FP32;
  if (!(has & 1u << precision)) {
    g_autoptr(GString) names = g_string_new(NULL);
    for (int i = 0; i < CBIGAN_N_PRECISIONS; i++)
      if (has & 1u << i)
        g_string_append_printf(names, "%s%s", names->len ? ", " : "", cbigan_precision_name((CbiganPrecision)i));
    g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_BACKEND, _("backend “%s” can't do %s here; it has: %s"),
                self->klass->name, cbigan_precision_name(precision), names->str);
    return FALSE;
  }
  if (self->klass->set_precision)
    self->klass->set_precision(self, precision);
  return TRUE;
}

gboolean
cbigan_backend_prefers_bf16(const CbiganBackend *self, int width)
{
  g_return_val_if_fail(self, FALSE);
  return self->klass->prefers_bf16 && self->klass->prefers_bf16(self, width);
}

float *
cbigan_backend_alloc(CbiganBackend *self, gsize n_floats, GError **error)
{
  g_return_val_if_fail(self && n_floats > 0, NULL);
  float *data = n_floats < G_MAXSSIZE / sizeof(float) ? self->klass->alloc(self, n_floats) : NULL;
  if (!data && self->failure) /* more than memory is wrong */
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
    self->klass->free(self, data);
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
  self->klass->upload(self, shape, n, host, data);
}

void
cbigan_backend_download(CbiganBackend *self, CbiganShape shape, int n, const float *data, float *host)
{
  g_return_if_fail(self && host && data && n > 0 && is_shape(shape));
  self->klass->download(self, shape, n, data, host);
}

void
cbigan_backend_patches(CbiganBackend *self, const CbiganPixels *frame, const CbiganPoint *corners, int n, int side,
                       float gain, float shift, float *x)
{
  g_return_if_fail(self && frame && frame->data && corners && x && n > 0 && side > 0);
  g_return_if_fail(frame->stride >= (gsize)frame->width * 3);
  for (int i = 0; i < n; i++)
    g_return_if_fail(corners[i].x >= 0 && corners[i].y >= 0 && corners[i].x <= frame->width - side &&
                     corners[i].y <= frame->height - side);
  self->klass->patches(self, frame, corners, n, side, gain, shift, x);
}

void
cbigan_backend_l1(CbiganBackend *self, int n, gsize size, const float *a, const float *b, float *difference,
                  double *sums)
{
  g_return_if_fail(self && a && b && sums && n > 0 && size > 0);
  self->klass->l1(self, n, size, a, b, difference, sums);
}

/* What backends rely on. */
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
cbigan_backend_plan(CbiganBackend *self, const CbiganLayer *layer, int batch, GError **error)
{
  g_return_val_if_fail(self && layer && batch > 0 && is_layer(layer), NULL);
  return self->klass->plan(self, layer, batch, error);
}

CbiganPlan *
cbigan_backend_plan_training(CbiganBackend *self, const CbiganLayer *layer, int batch, GError **error)
{
  g_return_val_if_fail(self && layer && batch > 0 && is_layer(layer), NULL);
  return (self->klass->plan_training ? self->klass->plan_training : self->klass->plan)(self, layer, batch, error);
}

void
cbigan_backend_plan_free(CbiganBackend *self, CbiganPlan *plan)
{
  g_return_if_fail(self);
  if (plan)
    self->klass->plan_free(self, plan);
}

void
cbigan_backend_load(CbiganBackend *self, CbiganPlan *plan, const float *parameters)
{
  g_return_if_fail(self && plan && parameters);
  self->klass->load(self, plan, parameters);
}

void
cbigan_backend_run(CbiganBackend *self, CbiganPlan *plan, const float *x, float *y)
{
  g_return_if_fail(self && plan && x && y && x != y);
  const CbiganBackendClass *k = self->klass;
  void (*const operations[])(CbiganBackend *, CbiganPlan *, const float *, float *) = {
    [CBIGAN_CONV2D] = k->conv2d,
    [CBIGAN_DENSE] = k->dense,
    [CBIGAN_UPSAMPLE] = k->upsample,
    [CBIGAN_AVGPOOL] = k->avgpool,
  };
  operations[plan->layer->kind](self, plan, x, y);
}

CbiganFused *
cbigan_backend_fuse(CbiganBackend *self, const CbiganNetwork *network, int first, int n_layers, int batch,
                    const int *keep)
{
  g_return_val_if_fail(self && network && batch > 0, NULL);
  g_return_val_if_fail(first >= 0 && first < n_layers && n_layers <= network->n_layers, NULL);
  return self->klass->fuse ? self->klass->fuse(self, network, first, n_layers, batch, keep) : NULL;
}

CbiganDistances *
cbigan_backend_distances(CbiganBackend *self, const CbiganNetwork *network, const CbiganFeatures *features,
                         const CbiganCriticStatistics *good, int batch)
{
  g_return_val_if_fail(self && network && features && good && good->mean && good->whitening && batch > 0, NULL);
  int channels = 0;
  for (int i = 0; i < features->n; i++) {
    const CbiganShape shape = network->values[features->values[i]].shape;
    g_return_val_if_fail(shape.w == shape.h && features->resamplers[i].from == shape.w, NULL);
    g_return_val_if_fail(features->resamplers[i].to == features->grid, NULL);
    channels += shape.c;
  }
  g_return_val_if_fail(channels > 0 && channels == good->channels, NULL);
  g_return_val_if_fail(good->positions == 1 || good->positions == features->grid * features->grid, NULL);
  return self->klass->distances ? self->klass->distances(self, network, features, good, batch) : NULL;
}

void
cbigan_backend_record(CbiganBackend *self, CbiganRecording **recording, double number,
                      void (*operations)(gpointer data), gpointer data)
{
  g_return_if_fail(self && recording && operations);
  if (self->klass->record)
    self->klass->record(self, recording, number, operations, data);
  else
    operations(data);
}

void
cbigan_backend_recording_free(CbiganBackend *self, CbiganRecording *recording)
{
  g_return_if_fail(self);
  if (recording)
    self->klass->recording_free(self, recording);
}

gboolean
cbigan_backend_keeps_frames(const CbiganBackend *self)
{
  g_return_val_if_fail(self, FALSE);
  return self->klass->intake != NULL;
}

CbiganIntake *
cbigan_backend_intake(CbiganBackend *self, int frames, int width, int height, GError **error)
{
  g_return_val_if_fail(self && frames > 0 && width > 0 && height > 0 && self->klass->intake, NULL);
  CbiganIntake *intake = self->klass->intake(self, frames, width, height);
  if (!intake && self->failure) /* more than memory is wrong */
    g_propagate_error(error, g_steal_pointer(&self->failure));
  else if (!intake)
    g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_BACKEND, _("backend “%s”: out of memory for %d frames of %d x %d"),
                self->klass->name, frames, width, height);
  return intake;
}

void
cbigan_backend_subtract(CbiganBackend *self, gsize n, const float *a, const float *b, float *difference)
{
  g_return_if_fail(self && n > 0 && a && b && difference && self->klass->subtract);
  self->klass->subtract(self, n, a, b, difference);
}

void
cbigan_backend_map(CbiganBackend *self, const CbiganMosaic *mosaic, const float *differences,
                   const CbiganMapFilter *filter, float *scratch, float *map)
{
  g_return_if_fail(self && mosaic && differences && filter && scratch && map && self->klass->map);
  g_return_if_fail(mosaic->columns > 0 && mosaic->rows > 0 && mosaic->side <= mosaic->width &&
                   mosaic->side <= mosaic->height && mosaic->across && mosaic->down);
  g_return_if_fail(filter->high_pass >= 0 && filter->blur > 0 && filter->blur <= CBIGAN_MAX_BLUR);
  self->klass->map(self, mosaic, differences, filter, scratch, map);
}

void
cbigan_backend_deviations(CbiganBackend *self, gsize n, const float *mean, const float *deviation, gboolean apart,
                          float floor, float *x)
{
  g_return_if_fail(self && n > 0 && mean && deviation && floor > 0.0f && x && self->klass->deviations);
  self->klass->deviations(self, n, mean, deviation, apart, floor, x);
}

void
cbigan_backend_peak(CbiganBackend *self, gsize n, const float *x, float *peak)
{
  g_return_if_fail(self && n > 0 && x && peak && self->klass->peak);
  self->klass->peak(self, n, x, peak);
}
