/* cpu.c - the cpu backend: oneDNN, all values in n,h,w,c order
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "backend/cpu/simd/conv1x1.h"
#include "backend/cpu/simd/conv3x3.h"
#include "backend/reference/reference.h"
#include "fused.h"

#include <stdlib.h>
#include <string.h>

#include "cbigan.h"
#include "i18n.h"

static char *
unavailable(void)
{
  return dnnl_engine_get_count(dnnl_cpu) ? NULL : g_strdup(_("oneDNN was built without its CPU engine"));
}

static void
cpu_close(CbiganBackend *base)
{
  CbiganCpu *self = (CbiganCpu *)base;
  for (int i = 0; i < self->base.threads; i++)
    dnnl_stream_destroy(self->streams[i]);
  g_free(self->streams);
  dnnl_engine_destroy(self->engine);
  cbigan_cpu_pool_free(self->pool);
  cbigan_cpu_share_free(self->share);
  free(self->scratchpad);
  g_free(self);
}

static CbiganBackend *
cpu_open(int device, int threads, gpointer cuda_context, GError **error)
{
  const CbiganIsa *isa = NULL;
  if (!cbigan_cpu_choose_isa(&isa, error))
    return NULL;
  CbiganCpu *self = g_new0(CbiganCpu, 1);
  self->isa = isa;
  const CbiganCpuCount count = cbigan_cpu_count();
  self->base.channels_last = TRUE;
  self->base.each = cbigan_cpu_each;
  self->base.threads = threads > 0 ? threads : count.node; /* a frame's values lie in the caches of one node */
  self->share = cbigan_cpu_share_new(self->base.threads, count.all);
  self->pool = cbigan_cpu_pool_new(self->base.threads);
  self->streams = g_new0(dnnl_stream_t, self->base.threads);
  dnnl_status_t status = dnnl_engine_create(&self->engine, dnnl_cpu, 0);
  for (int i = 0; !status && i < self->base.threads; i++)
    status = dnnl_stream_create(&self->streams[i], self->engine, dnnl_stream_default_flags);
  if (cbigan_cpu_check(status, "engine", error))
    return &self->base;
  cpu_close(&self->base);
  return NULL;
}

static gboolean
cpu_finish(CbiganBackend *base, GError **error)
{
  cbigan_cpu_share_end(((CbiganCpu *)base)->share);
  return TRUE; /* nothing is done later than asked for */
}

void *
cbigan_cpu_memory(gsize size)
{
  void *memory = NULL;
  size += 64; /* what the last vector may read behind the last number */
  if (posix_memalign(&memory, 64, size))
    return NULL;
  return memset(memory, 0, size);
}

int
cbigan_cpu_team(const CbiganBackend *self)
{
  return cbigan_cpu_share_team(((const CbiganCpu *)self)->share);
}

static float *
cpu_alloc(CbiganBackend *base, gsize n_floats)
{
  return cbigan_cpu_memory(n_floats * sizeof(float));
}

static void
cpu_free(CbiganBackend *base, float *data)
{
  free(data);
}

static void
plan_free(CbiganBackend *base, CbiganPlan *plan)
{
  CbiganCpuPlan *p = (CbiganCpuPlan *)plan;
  cbigan_cpu_conv1_free(p->conv1);
  cbigan_cpu_conv3_free(p->conv3);
  cbigan_cpu_pieces_clear(&p->operation);
  cbigan_cpu_pieces_clear(&p->pack);
  free(p->weights);
  free(p->bias);
  g_free(p);
}

gboolean
cbigan_cpu_plan_weights(CbiganCpu *self, CbiganCpuPlan *plan, const dnnl_memory_desc_t *file,
                        const dnnl_memory_desc_t *packed, gsize size, GError **error)
{
  const CbiganLayer *layer = plan->base.layer;
  if (!cbigan_cpu_reorder_init(self, &plan->pack, layer->name, file, packed, FALSE, error))
    return FALSE;
  plan->weights = cbigan_cpu_memory(size);
  if (layer->bias != CBIGAN_NO_OFFSET)
    plan->bias = cbigan_cpu_memory(cbigan_shape_size(layer->out) * sizeof(float));
  if (!plan->weights || (layer->bias != CBIGAN_NO_OFFSET && !plan->bias))
    return cbigan_cpu_check(dnnl_out_of_memory, layer->name, error);
  return TRUE;
}

void
cbigan_cpu_parallel(CbiganCpu *self, int n, void (*work)(gpointer data, int turn, int item, int thread), gpointer data)
{
  CbiganCpuTurn turn = { .items = n };
  int team = MIN(n, cbigan_cpu_team(&self->base));
  cbigan_cpu_pool_run(self->pool, &(CbiganCpuRun){ team, &turn, 1, work, data });
}

typedef struct {
  int n, parts;
  CbiganRangeFunc range;
  gpointer data;
} Loop;

static void
run_part(gpointer data, int turn, int part, int thread)
{
  const Loop *loop = data;
  int first = (int)((gint64)loop->n * part / loop->parts), end = (int)((gint64)loop->n * (part + 1) / loop->parts);
  loop->range(loop->data, first, end);
}

void
cbigan_cpu_each(CbiganBackend *base, int n, CbiganRangeFunc range, gpointer data)
{
  Loop loop = { n, MIN(n, 4 * cbigan_cpu_team(base)), range, data };
  cbigan_cpu_parallel((CbiganCpu *)base, loop.parts, run_part, &loop);
}

static CbiganPlan *
plan(CbiganBackend *base, const CbiganLayer *layer, int batch, GError **error)
{
  static gboolean (*const planners[])(CbiganCpu *, CbiganCpuPlan *, GError **) = {
    [CBIGAN_CONV2D] = cbigan_cpu_plan_conv2d,
    [CBIGAN_DENSE] = cbigan_cpu_plan_dense,
    [CBIGAN_UPSAMPLE] = NULL,
    [CBIGAN_AVGPOOL] = NULL,
  };
  CbiganCpu *self = (CbiganCpu *)base;
  CbiganCpuPlan *p = g_new0(CbiganCpuPlan, 1);
  p->base = (CbiganPlan){ layer, batch };
  if (!planners[layer->kind] || planners[layer->kind](self, p, error))
    return &p->base;
  plan_free(base, &p->base);
  return NULL;
}

/* Convolutions by own kernels; 3x3 ones have larger roundings than oneDNN's: scoring keeps to those. */
static CbiganPlan *
plan_training(CbiganBackend *base, const CbiganLayer *layer, int batch, GError **error)
{
  CbiganCpu *self = (CbiganCpu *)base;
  CbiganCpuPlan *p = g_new0(CbiganCpuPlan, 1);
  p->base = (CbiganPlan){ layer, batch };
  p->conv1 = cbigan_cpu_conv1_new(self, layer, batch);
  p->conv3 = cbigan_cpu_conv3_new(self, layer, batch, CBIGAN_CPU_CONV3_FORWARD);
  if (p->conv1 || p->conv3)
    return &p->base;
  g_free(p);
  return plan(base, layer, batch, error);
}

static void
load(CbiganBackend *base, CbiganPlan *plan, const float *parameters)
{
  CbiganCpuPlan *p = (CbiganCpuPlan *)plan;
  const CbiganLayer *layer = plan->layer;
  if (p->conv1)
    cbigan_cpu_conv1_load(p->conv1, parameters);
  if (p->conv3)
    cbigan_cpu_conv3_load(p->conv3, parameters);
  if (!p->weights)
    return;
  cbigan_cpu_execute((CbiganCpu *)base, &p->pack, DNNL_ARG_FROM, parameters + layer->weight, DNNL_ARG_TO, p->weights);
  if (!p->bias)
    return;
  int pixels = layer->kind == CBIGAN_CONV2D ? 1 : layer->out.h * layer->out.w;
  for (int i = 0; i < pixels; i++)
    for (int c = 0; c < layer->out.c; c++)
      p->bias[i * layer->out.c + c] = parameters[layer->bias + c * pixels + i];
}

static void
run_conv2d(CbiganBackend *base, CbiganPlan *plan, const float *x, float *y)
{
  CbiganCpuPlan *p = (CbiganCpuPlan *)plan;
  if (p->conv1)
    cbigan_cpu_conv1_run(p->conv1, x, y);
  else if (p->conv3)
    cbigan_cpu_conv3_run(p->conv3, x, y);
  else
    cbigan_cpu_execute((CbiganCpu *)base, &p->operation, DNNL_ARG_SRC, x, DNNL_ARG_DST, y);
}

static guint
precisions(const CbiganBackend *base)
{
  return 1u << CBIGAN_PRECISION_FP32 | 1u << CBIGAN_PRECISION_BF16;
}

static void
set_precision(CbiganBackend *base, CbiganPrecision precision)
{
  ((CbiganCpu *)base)->precision = precision;
}

static gboolean
prefers_bf16(const CbiganBackend *base, int width)
{
  return cbigan_cpu_prefers_bf16(((const CbiganCpu *)base)->isa, width);
}

const CbiganBackendClass cbigan_backend_cpu = {
  .name = "cpu",
  .unavailable = unavailable,
  .open = cpu_open,
  .close = cpu_close,
  .finish = cpu_finish,
  .alloc = cpu_alloc,
  .free = cpu_free,
  .upload = cbigan_cpu_upload,
  .download = cbigan_cpu_download,
  .plan = plan,
  .plan_training = plan_training,
  .plan_free = plan_free,
  .load = load,
  .conv2d = run_conv2d,
  .dense = cbigan_cpu_dense,
  .upsample = cbigan_cpu_upsample,
  .avgpool = cbigan_cpu_avgpool,
  .fuse = cbigan_cpu_fuse,
  .precisions = precisions,
  .set_precision = set_precision,
  .prefers_bf16 = prefers_bf16,
  .difference = cbigan_cpu_difference,
  .crop = cbigan_reference_crop,
  .map = cbigan_reference_map,
  .distances = cbigan_reference_distances,
};
