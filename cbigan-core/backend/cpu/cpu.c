/* cpu.c - the cpu backend: oneDNN, all values in n,h,w,c order
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "backend/reference/reference.h"
#include "fused.h"

#include <stdlib.h>

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
cpu_open(const CbiganBackendOptions *options, GError **error)
{
  const CbiganCpuIsa *isa = NULL;
  if (!cbigan_cpu_choose_isa(&isa, error))
    return NULL;
  CbiganCpu *self = g_new0(CbiganCpu, 1);
  self->isa = isa;
  self->base.purpose = options->purpose;
  self->base.precisions = 1u << CBIGAN_PRECISION_FP32 | 1u << CBIGAN_PRECISION_BF16;
  self->base.precision = CBIGAN_PRECISION_FP32;
  if (options->precision == CBIGAN_PRECISION_AUTO && options->width && cbigan_cpu_prefers_bf16(isa, options->width))
    self->base.precision = CBIGAN_PRECISION_BF16;
  const CbiganCpuCount count = cbigan_cpu_count();
  self->base.channels_last = TRUE;
  self->base.each = cbigan_cpu_each;
  self->base.passes = count.all;
  /* of one node only, because a frame's values lie in the caches of that node */
  self->base.threads = options->threads > 0 ? options->threads : count.node;
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
  return TRUE; /* every operation is complete when its function returns */
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

static CbiganPlan *
plan(CbiganBackend *base, const CbiganNetwork *network, int first, int end, int batch, const int *keep, GError **error)
{
  CbiganCpu *self = (CbiganCpu *)base;
  CbiganPlan *several = cbigan_keeps_all(keep) ? NULL : cbigan_cpu_fuse(self, network, first, end, batch, keep);
  return several ? several : cbigan_cpu_plan_layer(self, network, first, batch, error);
}

static void
load(CbiganBackend *base, CbiganPlan *plan, const float *parameters)
{
  CbiganCpuPlan *p = (CbiganCpuPlan *)plan;
  p->load(p, parameters);
}

static void
run(CbiganBackend *base, CbiganPlan *plan, float *const *values)
{
  CbiganCpuPlan *p = (CbiganCpuPlan *)plan;
  p->run(p, values);
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
  .load = load,
  .run = run,
  .difference = cbigan_cpu_difference,
  .crop = cbigan_reference_crop,
  .map = cbigan_reference_map,
  .distances = cbigan_reference_distances,
};
