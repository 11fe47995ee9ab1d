/* reference.c - the reference backend: memory, activations and its table
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "reference.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "i18n.h"
#include "model/liveness.h"

static char *
unavailable(void)
{
  return NULL;
}

static CbiganBackend *
reference_open(const CbiganBackendOptions *options, GError **error)
{
  CbiganBackend *self = g_new0(CbiganBackend, 1);
  self->threads = 1;
  self->passes = (int)g_get_num_processors();
  self->precisions = 1u << CBIGAN_PRECISION_FP32;
  self->precision = CBIGAN_PRECISION_FP32;
  return self;
}

static void
reference_close(CbiganBackend *self)
{
  g_free(self);
}

static gboolean
reference_finish(CbiganBackend *self, GError **error)
{
  return TRUE;
}

static float *
reference_alloc(CbiganBackend *self, gsize n_floats)
{
  void *memory = NULL;
  gsize size = MAX(n_floats, 16) * sizeof(float);
  return posix_memalign(&memory, 64, size) ? NULL : memset(memory, 0, size);
}

static void
reference_free(CbiganBackend *self, float *data)
{
  free(data);
}

static void
upload(CbiganBackend *self, CbiganShape shape, int n, const float *host, float *data)
{
  memcpy(data, host, (gsize)n * cbigan_shape_size(shape) * sizeof(float));
}

static void
download(CbiganBackend *self, CbiganShape shape, int n, const float *data, float *host)
{
  memcpy(host, data, (gsize)n * cbigan_shape_size(shape) * sizeof(float));
}

static void
plan_free(CbiganPlan *plan)
{
  g_free(plan->inputs);
  g_free(plan->outputs);
  g_free(plan);
}

/* One layer at a time, always. */
static CbiganPlan *
plan(CbiganBackend *self, const CbiganNetwork *network, int first, int end, int batch, const int *keep, GError **error)
{
  CbiganReferencePlan *p = g_new0(CbiganReferencePlan, 1);
  p->base = (CbiganPlan){ .n_layers = 1, .free = plan_free };
  cbigan_network_boundary(network, first, 1, end, CBIGAN_KEEP_ALL, &p->base.inputs, &p->base.outputs);
  p->layer = &network->layers[first];
  p->batch = batch;
  return &p->base;
}

static void
load(CbiganBackend *self, CbiganPlan *plan, const float *parameters)
{
  ((CbiganReferencePlan *)plan)->parameters = parameters;
}

static void
run(CbiganBackend *self, CbiganPlan *base, float *const *values)
{
  static void (*const operations[])(const CbiganReferencePlan *, const float *x, float *y) = {
    [CBIGAN_CONV2D] = cbigan_reference_conv2d,
    [CBIGAN_DENSE] = cbigan_reference_dense,
    [CBIGAN_UPSAMPLE] = cbigan_reference_upsample,
    [CBIGAN_AVGPOOL] = cbigan_reference_avgpool,
  };
  const CbiganReferencePlan *plan = (const CbiganReferencePlan *)base;
  operations[plan->layer->kind](plan, values[plan->layer->input], values[plan->layer->output]);
}

void
cbigan_reference_activate(CbiganActivation activation, gsize n, float *y)
{
  for (gsize i = 0; i < n; i++) {
    if (activation == CBIGAN_LEAKY)
      y[i] = y[i] > 0 ? y[i] : CBIGAN_LEAKY_SLOPE * y[i];
    else if (activation == CBIGAN_TANH)
      y[i] = tanhf(y[i]);
  }
}

const CbiganBackendClass cbigan_backend_reference = {
  .name = "reference",
  .unavailable = unavailable,
  .open = reference_open,
  .close = reference_close,
  .finish = reference_finish,
  .alloc = reference_alloc,
  .free = reference_free,
  .upload = upload,
  .download = download,
  .plan = plan,
  .load = load,
  .run = run,
  .difference = cbigan_reference_difference,
  .crop = cbigan_reference_crop,
  .map = cbigan_reference_map,
  .distances = cbigan_reference_distances,
};
