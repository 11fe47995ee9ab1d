/* network_runs.c - passes through a network of the cpu backend, fused and not, and their comparison
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "network_runs.h"

#include <math.h>
#include <string.h>

#include "cbigan.h"
#include "harness.h"

const char *const mode_names[N_MODES] = { "many",      "few",      "segments",     "channels",
                                          "bf16-many", "bf16-few", "bf16-segments" };

gboolean
mode_bf16(Mode mode)
{
  return mode >= BF16_MANY;
}

gboolean
mode_segmented(Mode mode)
{
  return mode == SEGMENTS || mode == BF16_SEGMENTS;
}

CbiganNetwork *
case_network(const Case *c)
{
  return cbigan_network_new(c->kind, c->width, c->patch);
}

const CbiganCpuKernels *
mode_kernels(const CbiganCpuIsa *isa, Mode mode)
{
  if (mode_bf16(mode))
    return mode == BF16_MANY ? isa->bf16_many : isa->bf16_few;
  return mode == MANY ? isa->many : isa->few;
}

/* Block outputs, what the dense layers make, the last value: those of the first n_layers. */
static void
readable(const CbiganNetwork *n, int n_layers, int *values)
{
  static const char *const names[] = { "hidden", "seed" };
  int count = 0, n_names = (int)G_N_ELEMENTS(names), last = n->layers[n_layers - 1].output;
  for (int i = 0; i < n_names + 6; i++) { /* the blocks last: compare_passes() */
    g_autofree char *name = g_strdup_printf("%s.%s", cbigan_network_prefix(n->kind), names[i % n_names]);
    int v = i < n_names ? cbigan_network_find_value(n, name) : cbigan_network_block_output(n, i - n_names);
    if (v >= 0 && v != last && cbigan_network_layers_until(n, v) <= n_layers)
      values[count++] = v;
  }
  values[count++] = last;
  values[count] = -1;
}

Pass
pass_new(const char *backend, const CbiganCpuIsa *isa, int threads, const CbiganNetwork *network, const Case *c,
         Planning planning)
{
  g_autoptr(GError) error = NULL;
  Pass p = { .network = network };
  int n_layers = c->n_layers ? c->n_layers : network->n_layers;
  readable(network, n_layers, p.values);
  const CbiganBackendOptions options = { .name = backend,
                                         .threads = threads,
                                         .precision = c->precision ? c->precision : CBIGAN_PRECISION_FP32 };
  p.backend = open_backend(&options);
  if (p.backend->klass == &cbigan_backend_cpu)
    ((CbiganCpu *)p.backend)->isa = isa;
  g_autofree float *host = g_new0(float, network->n_floats);
  cbigan_network_initialise(network, 7, host);
  for (int i = 0; i < network->n_parameters; i++) /* biases that show */
    for (gsize k = 0; network->parameters[i].n_dims == 1 && k < network->parameters[i].size; k++)
      host[network->parameters[i].offset + k] = 0.1f * (float)(k % 7) - 0.2f;
  p.parameters = cbigan_backend_alloc(p.backend, network->n_floats, &error);
  g_assert_no_error(error);
  cbigan_backend_upload(p.backend, (CbiganShape){ (int)network->n_floats, 1, 1 }, 1, host, p.parameters);
  p.forward = cbigan_forward_new(p.backend, network, n_layers, c->batch, planning == FUSED ? p.values : CBIGAN_KEEP_ALL,
                                 p.parameters, &error);
  g_assert_no_error(error);
  return p;
}

static CbiganPlan *
fuse(const Pass *p, const CbiganCpuKernels *kernels, Mode mode, int first)
{
  const CbiganForward *f = p->forward;
  CbiganCpu *cpu = (CbiganCpu *)p->backend;
  if (mode == CHANNELS)
    return cbigan_cpu_fuse_channels(cpu, p->network, first, cbigan_network_same_sources(p->network, first, f->n_layers),
                                    f->batch);
  if (mode_segmented(mode))
    return cbigan_cpu_fuse_segments(cpu, p->network, first, f->n_layers, f->batch, p->values);
  return cbigan_cpu_fuse_with(cpu, kernels, p->network, first, f->n_layers, f->batch, p->values);
}

void
pass_fuse(Pass *p, const CbiganCpuIsa *isa, Mode mode)
{
  CbiganForward *f = p->forward;
  CbiganCpu *cpu = (CbiganCpu *)p->backend;
  cpu->isa = isa;
  cpu->base.precision = mode_bf16(mode) ? CBIGAN_PRECISION_BF16 : CBIGAN_PRECISION_FP32;
  for (int i = 0; i < f->n_layers; i++) {
    const CbiganLayer *l = &p->network->layers[i];
    gboolean all = mode != CHANNELS || l->activation != CBIGAN_TANH;
    CbiganPlan *fused = fuse(p, mode_kernels(isa, mode), mode, i);
    if (f->n_layers == p->network->n_layers && (fused != NULL) != all)
      g_error("%s %s c = %d: %s is %sfused", mode_names[mode], l->name, p->network->width, l->name, all ? "not " : "");
    if (!fused)
      continue;
    for (int last = i + fused->n_layers - 1; i <= last; i++) {
      f->plans[i]->free(f->plans[i]);
      f->plans[i] = NULL;
    }
    i -= 1;
    f->plans[i - fused->n_layers + 1] = fused;
  }
  cbigan_forward_load(f);
}

gboolean
pass_is_whole(const Pass *p)
{
  const CbiganForward *f = p->forward;
  for (int i = 0; i < f->n_layers; i += f->plans[i]->n_layers)
    if (i + f->plans[i]->n_layers != cbigan_network_same_sources(p->network, i, f->n_layers))
      return FALSE;
  return TRUE;
}

/* The network's inputs, the same for the same case; one sample with NaN where the case says so */
static float *
input_of(const Case *c, const CbiganNetwork *network, int v)
{
  gsize size = cbigan_shape_size(network->values[v].shape);
  float *x = data_new(c->data, size * (gsize)c->batch, (guint32)(c->width + v));
  for (gsize i = 0; c->nan_sample && i < size; i += 97)
    x[(gsize)(c->nan_sample - 1) * size + i] = NAN;
  return x;
}

void
pass_run(Pass *p, const Case *c, gboolean guard)
{
  g_autoptr(GError) error = NULL;
  CbiganForward *f = p->forward;
  Guarded in[2], out[MAX_VALUES];
  for (int v = 0; v < p->network->n_inputs; v++) {
    CbiganShape shape = p->network->values[v].shape;
    g_autofree float *x = input_of(c, p->network, v);
    if (guard) {
      in[v] = guarded_new(p->backend, shape, c->batch, x, NAN);
      f->values[v] = in[v].data;
    } else {
      cbigan_backend_upload(p->backend, shape, c->batch, x, f->values[v]);
    }
  }
  for (int i = 0; guard && p->values[i] >= 0; i++) {
    out[i] = guarded_new(p->backend, p->network->values[p->values[i]].shape, c->batch, NULL, SENTINEL);
    f->values[p->values[i]] = out[i].data;
  }
  for (int again = 0; again < 1 + guard; again++) /* the second pass finds the first one's leftovers */
    cbigan_forward_run(f);
  cbigan_backend_finish(p->backend, &error);
  g_assert_no_error(error);
  for (int i = 0; p->values[i] >= 0; i++) {
    const CbiganValue *value = &p->network->values[p->values[i]];
    if (guard) {
      p->out[i] = guarded_finish(&out[i], value->name);
      continue;
    }
    p->out[i] = g_new(float, cbigan_shape_size(value->shape) * (gsize)c->batch);
    cbigan_backend_download(p->backend, value->shape, c->batch, f->values[p->values[i]], p->out[i]);
  }
  for (int v = 0; guard && v < p->network->n_inputs; v++)
    g_free(guarded_finish(&in[v], "input"));
}

void
pass_clear(Pass *p)
{
  for (int i = 0; i < MAX_VALUES; i++)
    g_free(p->out[i]);
  cbigan_forward_free(p->forward);
  cbigan_backend_free(p->backend, p->parameters);
  cbigan_backend_close(p->backend);
}

Pass
fused_pass(const CbiganCpuIsa *isa, Mode mode, int threads, const CbiganNetwork *network, const Case *c)
{
  Pass p = pass_new("cpu", isa, threads, network, c, BY_LAYER);
  pass_fuse(&p, isa, mode);
  pass_run(&p, c, TRUE);
  return p;
}

static char *
describe(const char *isa, const char *mode, const Case *c, const CbiganNetwork *network, int value)
{
  return g_strdup_printf("%s %s %s c = %d, %dx%d, %d %s samples, %d layers", isa, mode, network->values[value].name,
                         c->width, c->patch, c->patch, c->batch, data_names[c->data], c->n_layers);
}

/* Errors come from before the tanh, where numbers are as large as in the value before it. */
static gboolean
ends_in_tanh(const CbiganNetwork *network, int value)
{
  int last = cbigan_network_layers_until(network, value) - 1;
  return last >= 0 && network->layers[last].activation == CBIGAN_TANH;
}

void
compare_passes(const char *isa, const char *mode, const Case *c, const Pass *have, const Pass *want, float tolerance,
               float *worst)
{
  float largest = 1e-30f;
  for (int i = 0; want->values[i] >= 0; i++) {
    CbiganShape shape = want->network->values[want->values[i]].shape;
    gsize size = cbigan_shape_size(shape) * (gsize)c->batch;
    if (!ends_in_tanh(want->network, want->values[i]))
      largest = 1e-30f;
    for (gsize k = 0; k < size; k++)
      largest = isfinite(want->out[i][k]) ? fmaxf(largest, fabsf(want->out[i][k])) : largest;
    g_autofree float *tolerances = g_new(float, size);
    for (gsize k = 0; k < size; k++) {
      tolerances[k] = tolerance * largest;
      *worst = fmaxf(*worst, fabsf(have->out[i][k] - want->out[i][k]) / largest);
    }
    g_autofree char *what = describe(isa, mode, c, want->network, want->values[i]);
    expect_close(what, shape, c->batch, have->out[i], want->out[i], tolerances);
  }
}

void
compare_bits(const char *isa, const char *mode, const Case *c, const Pass *have, const Pass *want, int without)
{
  for (int i = 0; want->values[i] >= 0; i++) {
    gsize size = cbigan_shape_size(want->network->values[want->values[i]].shape);
    for (int s = 0; s < c->batch; s++)
      if (s != without &&
          memcmp(have->out[i] + (gsize)s * size, want->out[i] + (gsize)s * size, size * sizeof(float))) {
        g_autofree char *what = describe(isa, mode, c, want->network, want->values[i]);
        g_error("%s: other bits in sample %d", what, s);
      }
  }
}

gboolean
passes_are_same(const Pass *a, const Pass *b, int batch)
{
  for (int i = 0; a->values[i] >= 0; i++)
    if (memcmp(a->out[i], b->out[i],
               (gsize)batch * cbigan_shape_size(a->network->values[a->values[i]].shape) * sizeof(float)))
      return FALSE;
  return TRUE;
}

void
check_kept_inside(const char *backend, const CbiganCpuIsa *isa, int batch, const char *inside, float tolerance)
{
  const Case c = { CBIGAN_ENCODER, 3, 64, batch };
  g_autoptr(CbiganNetwork) network = case_network(&c);
  g_autoptr(GError) error = NULL;
  const int keep[] = { cbigan_network_find_value(network, inside), network->output, -1 };
  float worst = 0;
  int fused = 0;
  g_assert_cmpint(keep[0], >=, 0);
  Pass p = pass_new(backend, isa, 1, network, &c, FUSED), want = pass_new("reference", NULL, 1, network, &c, BY_LAYER);
  cbigan_forward_free(p.forward);
  p.forward = cbigan_forward_new(p.backend, network, network->n_layers, batch, keep, p.parameters, &error);
  g_assert_no_error(error);
  g_assert_false(pass_is_whole(&p));
  for (int i = 0; i < network->n_layers; i += p.forward->plans[i]->n_layers)
    fused += p.forward->plans[i]->n_layers > 1;
  g_assert_cmpint(fused, >, 0);
  memcpy(p.values, keep, sizeof keep);
  memcpy(want.values, keep, sizeof keep);
  pass_run(&p, &c, FALSE);
  pass_run(&want, &c, FALSE);
  compare_passes(backend, inside, &c, &p, &want, tolerance, &worst);
  pass_clear(&p);
  pass_clear(&want);
}
