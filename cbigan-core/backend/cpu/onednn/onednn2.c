/* onednn2.c - oneDNN 2: a CbiganCpuLayout is a dnnl_memory_desc_t of our own memory, or within oneDNN's
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "onednn.h"

static const dnnl_memory_desc_t *
descriptor(const CbiganCpuLayout *layout)
{
  return (const dnnl_memory_desc_t *)layout;
}

/* Takes over the descriptor. */
static CbiganCpuLayout *
layout_if(dnnl_status_t status, dnnl_memory_desc_t *md)
{
  if (status == dnnl_success)
    return (CbiganCpuLayout *)md;
  g_free(md);
  return NULL;
}

CbiganCpuLayout *
cbigan_cpu_layout_new(int ndims, const dnnl_dim_t *dims, dnnl_data_type_t type, dnnl_format_tag_t tag)
{
  dnnl_memory_desc_t *md = g_new0(dnnl_memory_desc_t, 1);
  return layout_if(dnnl_memory_desc_init_by_tag(md, ndims, dims, type, tag), md);
}

CbiganCpuLayout *
cbigan_cpu_layout_new_strided(int ndims, const dnnl_dim_t *dims, const dnnl_dim_t *strides)
{
  dnnl_memory_desc_t *md = g_new0(dnnl_memory_desc_t, 1);
  return layout_if(dnnl_memory_desc_init_by_strides(md, ndims, dims, dnnl_f32, strides), md);
}

CbiganCpuLayout *
cbigan_cpu_layout_part(const CbiganCpuLayout *layout, const dnnl_dim_t *dims, const dnnl_dim_t *offsets)
{
  dnnl_memory_desc_t *md = g_new0(dnnl_memory_desc_t, 1);
  return layout_if(dnnl_memory_desc_init_submemory(md, descriptor(layout), dims, offsets), md);
}

void
cbigan_cpu_layout_free(CbiganCpuLayout *layout)
{
  g_free(layout);
}

const dnnl_dim_t *
cbigan_cpu_layout_dims(const CbiganCpuLayout *layout)
{
  return descriptor(layout)->dims;
}

gsize
cbigan_cpu_layout_size(const CbiganCpuLayout *layout)
{
  return dnnl_memory_desc_get_size(descriptor(layout));
}

const CbiganCpuLayout *
cbigan_cpu_layout_chosen(const_dnnl_primitive_desc_t description, dnnl_query_t query, int index)
{
  const dnnl_memory_desc_t *md = dnnl_primitive_desc_query_md(description, query, index);
  return md && md->ndims ? (const CbiganCpuLayout *)md : NULL;
}

dnnl_status_t
cbigan_cpu_memory_new(dnnl_memory_t *memory, const CbiganCpuLayout *layout, dnnl_engine_t engine, void *data)
{
  return dnnl_memory_create(memory, descriptor(layout), engine, data);
}

const CbiganCpuLayout *
cbigan_cpu_memory_layout(dnnl_memory_t memory)
{
  const dnnl_memory_desc_t *md = NULL;
  dnnl_memory_get_memory_desc(memory, &md);
  return (const CbiganCpuLayout *)md;
}

static const dnnl_dims_t strides = { 1, 1 };

static dnnl_status_t
init_convolution(dnnl_convolution_desc_t *operation, const CbiganCpuConvolution *c)
{
  const dnnl_memory_desc_t *x = descriptor(c->x), *weights = descriptor(c->weights), *bias = descriptor(c->bias),
                           *y = descriptor(c->y);
  if (c->kind == dnnl_backward_data)
    return dnnl_convolution_backward_data_desc_init(operation, dnnl_convolution_direct, x, weights, y, strides,
                                                    c->before, c->after);
  if (c->kind == dnnl_backward_weights)
    return dnnl_convolution_backward_weights_desc_init(operation, dnnl_convolution_direct, x, weights, bias, y, strides,
                                                       c->before, c->after);
  return dnnl_convolution_forward_desc_init(operation, c->kind, dnnl_convolution_direct, x, weights, bias, y, strides,
                                            c->before, c->after);
}

dnnl_status_t
cbigan_cpu_describe_convolution(dnnl_primitive_desc_t *description, dnnl_engine_t engine, const CbiganCpuConvolution *c,
                                const_dnnl_primitive_attr_t attributes, const_dnnl_primitive_desc_t hint)
{
  dnnl_convolution_desc_t operation;
  dnnl_status_t status = init_convolution(&operation, c);
  return status ? status : dnnl_primitive_desc_create(description, &operation, attributes, engine, hint);
}

dnnl_status_t
cbigan_cpu_describe_reorder(dnnl_primitive_desc_t *description, dnnl_engine_t engine, const CbiganCpuLayout *from,
                            const CbiganCpuLayout *to, const_dnnl_primitive_attr_t attributes)
{
  return dnnl_reorder_primitive_desc_create(description, descriptor(from), engine, descriptor(to), engine, attributes);
}

dnnl_status_t
cbigan_cpu_append_sum(dnnl_post_ops_t post)
{
  return dnnl_post_ops_append_sum(post, 1.0f);
}

dnnl_status_t
cbigan_cpu_append_eltwise(dnnl_post_ops_t post, dnnl_alg_kind_t algorithm, float alpha)
{
  return dnnl_post_ops_append_eltwise(post, 1.0f, algorithm, alpha, 0.0f);
}
