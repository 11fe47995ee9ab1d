/* primitive.c - oneDNN primitives with their arguments, and the layouts of values and weights
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "backend/cpu/context.h"

#include <omp.h>
#include <oneapi/dnnl/dnnl_debug.h>
#include <stdlib.h>
#include <string.h>

#include "cbigan.h"
#include "i18n.h"

/* What a primitive may take. A reorder's FROM and TO are SRC and DST. */
static const struct {
  dnnl_query_t query;
  int index, argument;
} arguments[] = {
  { dnnl_query_src_md, 0, DNNL_ARG_SRC },
  { dnnl_query_weights_md, 0, DNNL_ARG_WEIGHTS },
  { dnnl_query_weights_md, 1, DNNL_ARG_BIAS },
  { dnnl_query_dst_md, 0, DNNL_ARG_DST },
  { dnnl_query_diff_src_md, 0, DNNL_ARG_DIFF_SRC },
  { dnnl_query_diff_weights_md, 0, DNNL_ARG_DIFF_WEIGHTS },
  { dnnl_query_diff_weights_md, 1, DNNL_ARG_DIFF_BIAS },
  { dnnl_query_diff_dst_md, 0, DNNL_ARG_DIFF_DST },
  { dnnl_query_scratchpad_md, 0, DNNL_ARG_SCRATCHPAD },
};

gboolean
cbigan_cpu_check(dnnl_status_t status, const char *what, GError **error)
{
  if (status != dnnl_success)
    g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_BACKEND, _("%s: oneDNN says %s"), what, dnnl_status2str(status));
  return status == dnnl_success;
}

static gboolean
add_argument(CbiganCpu *self, CbiganCpuPrimitive *p, int argument, const CbiganCpuLayout *layout, const char *what,
             GError **error)
{
  if (!layout)
    return TRUE;
  g_return_val_if_fail(p->n_arguments < CBIGAN_CPU_MAX_ARGUMENTS, FALSE);
  dnnl_exec_arg_t *slot = &p->arguments[p->n_arguments];
  slot->arg = argument;
  if (!cbigan_cpu_check(cbigan_cpu_memory_new(&slot->memory, layout, self->engine, DNNL_MEMORY_NONE), what, error))
    return FALSE;
  p->n_arguments++;
  return TRUE;
}

gboolean
cbigan_cpu_grow_scratchpad(CbiganCpu *self, gsize size)
{
  size = (size + 63) / 64 * 64 + 64; /* threads write to cache lines of their own */
  if (size <= self->scratchpad_size)
    return TRUE;
  float *bigger = cbigan_cpu_memory((gsize)self->base.threads * size);
  if (!bigger)
    return FALSE;
  free(self->scratchpad);
  self->scratchpad = bigger;
  self->scratchpad_size = size;
  return TRUE;
}

float *
cbigan_cpu_scratch(const CbiganCpu *self, int thread)
{
  return self->scratchpad + (gsize)thread * (self->scratchpad_size / sizeof(float));
}

/* oneDNN's own threads stay out: a primitive that is made and run while OpenMP allows one thread takes the caller's.
 * The number belongs to the calling thread, which gets its own one back. */
int
cbigan_cpu_one_thread(void)
{
  int before = omp_get_max_threads();
  omp_set_num_threads(1);
  return before;
}

void
cbigan_cpu_threads_back(int before)
{
  omp_set_num_threads(before);
}

static gboolean
init_from(CbiganCpu *self, CbiganCpuPrimitive *p, const char *what, const_dnnl_primitive_desc_t description,
          GError **error)
{
  if (!cbigan_cpu_check(dnnl_primitive_create(&p->primitive, description), what, error))
    return FALSE;
  for (gsize i = 0; i < G_N_ELEMENTS(arguments); i++) {
    const CbiganCpuLayout *layout = cbigan_cpu_layout_chosen(description, arguments[i].query, arguments[i].index);
    if (!add_argument(self, p, arguments[i].argument, layout, what, error))
      return FALSE;
    if (layout && arguments[i].argument == DNNL_ARG_SCRATCHPAD &&
        !cbigan_cpu_grow_scratchpad(self, cbigan_cpu_layout_size(layout)))
      return cbigan_cpu_check(dnnl_out_of_memory, what, error);
  }
  return TRUE;
}

/* NULL attributes -> fresh ones; our scratchpad in any case. */
static dnnl_status_t
own_scratchpad(dnnl_primitive_attr_t *attributes)
{
  dnnl_status_t status = *attributes ? dnnl_success : dnnl_primitive_attr_create(attributes);
  return status ? status : dnnl_primitive_attr_set_scratchpad_mode(*attributes, dnnl_scratchpad_mode_user);
}

gboolean
cbigan_cpu_primitive_init(CbiganCpu *self, CbiganCpuPrimitive *p, const char *what,
                          const CbiganCpuConvolution *operation, dnnl_primitive_attr_t attributes,
                          const_dnnl_primitive_desc_t hint, GError **error)
{
  dnnl_primitive_desc_t description = NULL;
  int before = cbigan_cpu_one_thread();
  dnnl_status_t status = own_scratchpad(&attributes);
  if (!status)
    status = cbigan_cpu_describe_convolution(&description, self->engine, operation, attributes, hint);
  gboolean ok = cbigan_cpu_check(status, what, error) && init_from(self, p, what, description, error);
  cbigan_cpu_threads_back(before);
  dnnl_primitive_desc_destroy(description);
  dnnl_primitive_attr_destroy(attributes);
  return ok;
}

static gboolean
reorder_init(CbiganCpu *self, CbiganCpuPrimitive *p, const char *what, const CbiganCpuLayout *from,
             const CbiganCpuLayout *to, gboolean accumulate, GError **error)
{
  dnnl_primitive_desc_t description = NULL;
  dnnl_primitive_attr_t attributes = cbigan_cpu_attributes(accumulate, CBIGAN_LINEAR);
  int before = cbigan_cpu_one_thread();
  dnnl_status_t status = own_scratchpad(&attributes);
  if (!status)
    status = cbigan_cpu_describe_reorder(&description, self->engine, from, to, attributes);
  gboolean ok = cbigan_cpu_check(status, what, error) && init_from(self, p, what, description, error);
  cbigan_cpu_threads_back(before);
  dnnl_primitive_desc_destroy(description);
  dnnl_primitive_attr_destroy(attributes);
  return ok;
}

static void
primitive_clear(CbiganCpuPrimitive *p)
{
  for (int i = 0; i < p->n_arguments; i++)
    dnnl_memory_destroy(p->arguments[i].memory);
  if (p->primitive)
    dnnl_primitive_destroy(p->primitive);
}

static dnnl_memory_t
find(const CbiganCpuPrimitive *p, int argument)
{
  for (int i = 0; i < p->n_arguments; i++)
    if (p->arguments[i].arg == argument)
      return p->arguments[i].memory;
  return NULL;
}

/* --- pieces ------------------------------------------------------------------------------------------------------ */

void
cbigan_cpu_pieces_clear(CbiganCpuPieces *pieces)
{
  for (int i = 0; i < pieces->n; i++)
    primitive_clear(&pieces->piece[i]);
  g_free(pieces->piece);
  *pieces = (CbiganCpuPieces){ 0 };
}

CbiganCpuPrimitive *
cbigan_cpu_pieces_add(CbiganCpuPieces *pieces)
{
  pieces->piece = g_renew(CbiganCpuPrimitive, pieces->piece, pieces->n + 1);
  pieces->piece[pieces->n] = (CbiganCpuPrimitive){ 0 };
  return &pieces->piece[pieces->n++];
}

const CbiganCpuLayout *
cbigan_cpu_pieces_layout(const CbiganCpuPieces *pieces, int argument)
{
  dnnl_memory_t memory = pieces->n ? find(&pieces->piece[0], argument) : NULL;
  return memory ? cbigan_cpu_memory_layout(memory) : NULL;
}

static void
set(CbiganCpuPrimitive *p, int argument, const void *data)
{
  dnnl_memory_t memory = find(p, argument);
  g_return_if_fail(memory != NULL);
  dnnl_memory_set_data_handle(memory, (void *)data); /* oneDNN's inputs aren't const either */
}

void
cbigan_cpu_set(CbiganCpuPieces *pieces, int argument, const float *data, gsize step)
{
  for (int i = 0; i < pieces->n; i++)
    set(&pieces->piece[i], argument, data + (gsize)i * step);
}

typedef struct {
  CbiganCpu *backend;
  CbiganCpuPieces *pieces;
  int arguments[2];
  const float *data[2];
} Execution;

static void
execute(gpointer data, int turn, int item, int thread)
{
  const Execution *e = data;
  CbiganCpuPrimitive *p = &e->pieces->piece[item];
  for (int k = 0; k < 2; k++)
    set(p, e->arguments[k], e->data[k] + p->offsets[k]);
  dnnl_memory_t scratchpad = find(p, DNNL_ARG_SCRATCHPAD);
  if (scratchpad)
    dnnl_memory_set_data_handle(scratchpad, cbigan_cpu_scratch(e->backend, thread));
  int before = cbigan_cpu_one_thread();
  p->status = dnnl_primitive_execute(p->primitive, e->backend->streams[thread], p->n_arguments, p->arguments);
  cbigan_cpu_threads_back(before);
}

void
cbigan_cpu_execute(CbiganCpu *self, CbiganCpuPieces *pieces, int first_argument, const float *first,
                   int second_argument, const float *second)
{
  Execution e = { self, pieces, { first_argument, second_argument }, { first, second } };
  cbigan_cpu_parallel(self, pieces->n, execute, &e);
  for (int i = 0; i < pieces->n; i++)
    if (pieces->piece[i].status != dnnl_success)
      cbigan_backend_fail(&self->base, _("oneDNN says %s"), dnnl_status2str(pieces->piece[i].status));
}

#define REORDER_STEP 64     /* channels; a multiple of most blocks of oneDNN's orders */
#define REORDER_LEAST 16384 /* floats that are worth more than one piece */

/* Along the longest of the first dimensions. An order whose blocks the pieces would cut is left whole. */
gboolean
cbigan_cpu_reorder_init(CbiganCpu *self, CbiganCpuPieces *pieces, const char *what, const CbiganCpuLayout *from,
                        const CbiganCpuLayout *to, gboolean accumulate, GError **error)
{
  if (!from || !to)
    return cbigan_cpu_check(dnnl_out_of_memory, what, error);
  const dnnl_dim_t *whole = cbigan_cpu_layout_dims(from);
  int along = 0, threads = self->base.threads;
  for (int d = 1; d < 3; d++)
    if (whole[d] > whole[along])
      along = d;
  dnnl_dim_t all = whole[along], step = (all + threads - 1) / threads;
  step = (step + REORDER_STEP - 1) / REORDER_STEP * REORDER_STEP;
  if (cbigan_cpu_layout_size(from) < REORDER_LEAST * sizeof(float))
    step = all;
  for (dnnl_dim_t first = 0; first < all; first += step) {
    dnnl_dims_t dims, offsets = { 0 };
    memcpy(dims, whole, sizeof dims);
    dims[along] = MIN(step, all - first);
    offsets[along] = first;
    g_autoptr(CbiganCpuLayout) part_from = cbigan_cpu_layout_part(from, dims, offsets);
    g_autoptr(CbiganCpuLayout) part_to = cbigan_cpu_layout_part(to, dims, offsets);
    if (!part_from || !part_to) {
      cbigan_cpu_pieces_clear(pieces);
      return reorder_init(self, cbigan_cpu_pieces_add(pieces), what, from, to, accumulate, error);
    }
    if (!reorder_init(self, cbigan_cpu_pieces_add(pieces), what, part_from, part_to, accumulate, error))
      return FALSE;
  }
  return TRUE;
}

/* --- attributes and layouts --------------------------------------------------------------------------------------- */

dnnl_primitive_attr_t
cbigan_cpu_attributes(gboolean accumulate, CbiganActivation activation)
{
  static const struct {
    dnnl_alg_kind_t algorithm;
    float alpha;
  } activations[] = {
    [CBIGAN_LINEAR] = { dnnl_alg_kind_undef, 0 },
    [CBIGAN_LEAKY] = { dnnl_eltwise_relu, CBIGAN_LEAKY_SLOPE },
    [CBIGAN_TANH] = { dnnl_eltwise_tanh, 0 },
  };
  dnnl_primitive_attr_t attributes = NULL;
  dnnl_post_ops_t post = NULL;
  if (dnnl_primitive_attr_create(&attributes) || dnnl_post_ops_create(&post))
    return attributes;
  if (accumulate)
    cbigan_cpu_append_sum(post);
  if (activations[activation].algorithm != dnnl_alg_kind_undef)
    cbigan_cpu_append_eltwise(post, activations[activation].algorithm, activations[activation].alpha);
  dnnl_primitive_attr_set_post_ops(attributes, post);
  dnnl_post_ops_destroy(post);
  return attributes;
}

CbiganCpuLayout *
cbigan_cpu_nhwc(int n, CbiganShape s)
{
  const dnnl_dims_t dims = { n, s.c, s.h, s.w };
  return cbigan_cpu_layout_new(4, dims, dnnl_f32, dnnl_nhwc);
}

CbiganCpuLayout *
cbigan_cpu_any_weights(const CbiganLayer *l)
{
  const dnnl_dims_t dims = { l->out.c, l->in.c, l->kernel, l->kernel };
  return cbigan_cpu_layout_new(4, dims, dnnl_f32, dnnl_format_tag_any);
}

CbiganCpuLayout *
cbigan_cpu_file_weights(const CbiganLayer *l)
{
  const dnnl_dims_t dims = { l->out.c, l->in.c, l->kernel, l->kernel };
  const dnnl_dims_t strides = { (dnnl_dim_t)l->weight_stride, l->kernel * l->kernel, l->kernel, 1 };
  return cbigan_cpu_layout_new_strided(4, dims, strides);
}
