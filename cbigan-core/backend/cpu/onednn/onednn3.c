/* onednn3.c - oneDNN 3: a CbiganCpuLayout is oneDNN's own opaque memory descriptor
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "onednn.h"

static const_dnnl_memory_desc_t
descriptor(const CbiganCpuLayout *layout)
{
  return (const_dnnl_memory_desc_t)layout;
}

static CbiganCpuLayout *
layout_if(dnnl_status_t status, dnnl_memory_desc_t md)
{
  return status == dnnl_success ? (CbiganCpuLayout *)md : NULL;
}

CbiganCpuLayout *
cbigan_cpu_layout_new(int ndims, const dnnl_dim_t *dims, dnnl_data_type_t type, dnnl_format_tag_t tag)
{
  dnnl_memory_desc_t md = NULL;
  dnnl_status_t status = dnnl_memory_desc_create_with_tag(&md, ndims, dims, type, tag);
  return layout_if(status, md);
}

CbiganCpuLayout *
cbigan_cpu_layout_new_strided(int ndims, const dnnl_dim_t *dims, const dnnl_dim_t *strides)
{
  dnnl_memory_desc_t md = NULL;
  dnnl_status_t status = dnnl_memory_desc_create_with_strides(&md, ndims, dims, dnnl_f32, strides);
  return layout_if(status, md);
}

CbiganCpuLayout *
cbigan_cpu_layout_part(const CbiganCpuLayout *layout, const dnnl_dim_t *dims, const dnnl_dim_t *offsets)
{
  dnnl_memory_desc_t md = NULL;
  dnnl_status_t status = dnnl_memory_desc_create_submemory(&md, descriptor(layout), dims, offsets);
  return layout_if(status, md);
}

void
cbigan_cpu_layout_free(CbiganCpuLayout *layout)
{
  if (layout)
    dnnl_memory_desc_destroy((dnnl_memory_desc_t)layout);
}

const dnnl_dim_t *
cbigan_cpu_layout_dims(const CbiganCpuLayout *layout)
{
  const dnnl_dims_t *dims = NULL;
  dnnl_memory_desc_query(descriptor(layout), dnnl_query_dims, &dims);
  return *dims;
}

gsize
cbigan_cpu_layout_size(const CbiganCpuLayout *layout)
{
  return dnnl_memory_desc_get_size(descriptor(layout));
}

const CbiganCpuLayout *
cbigan_cpu_layout_chosen(const_dnnl_primitive_desc_t description, dnnl_query_t query, int index)
{
  const_dnnl_memory_desc_t md = dnnl_primitive_desc_query_md(description, query, index);
  int ndims = 0;
  if (md)
    dnnl_memory_desc_query(md, dnnl_query_ndims_s32, &ndims);
  return ndims ? (const CbiganCpuLayout *)md : NULL;
}

dnnl_status_t
cbigan_cpu_memory_new(dnnl_memory_t *memory, const CbiganCpuLayout *layout, dnnl_engine_t engine, void *data)
{
  return dnnl_memory_create(memory, descriptor(layout), engine, data);
}

const CbiganCpuLayout *
cbigan_cpu_memory_layout(dnnl_memory_t memory)
{
  const_dnnl_memory_desc_t md = NULL;
  dnnl_memory_get_memory_desc(memory, &md);
  return (const CbiganCpuLayout *)md;
}

static const dnnl_dims_t strides = { 1, 1 }, dilations = { 0, 0 };

dnnl_status_t
cbigan_cpu_describe_convolution(dnnl_primitive_desc_t *description, dnnl_engine_t engine, const CbiganCpuConvolution *c,
                                const_dnnl_primitive_attr_t attributes, const_dnnl_primitive_desc_t hint)
{
  const_dnnl_memory_desc_t x = descriptor(c->x), weights = descriptor(c->weights), bias = descriptor(c->bias),
                           y = descriptor(c->y);
  if (c->kind == dnnl_backward_data)
    return dnnl_convolution_backward_data_primitive_desc_create(description, engine, dnnl_convolution_direct, x,
                                                                weights, y, strides, dilations, c->before, c->after,
                                                                hint, attributes);
  if (c->kind == dnnl_backward_weights)
    return dnnl_convolution_backward_weights_primitive_desc_create(description, engine, dnnl_convolution_direct, x,
                                                                   weights, bias, y, strides, dilations, c->before,
                                                                   c->after, hint, attributes);
  return dnnl_convolution_forward_primitive_desc_create(description, engine, c->kind, dnnl_convolution_direct, x,
                                                        weights, bias, y, strides, dilations, c->before, c->after,
                                                        attributes);
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
  return dnnl_post_ops_append_sum(post, 1.0f, 0, dnnl_data_type_undef);
}

dnnl_status_t
cbigan_cpu_append_eltwise(dnnl_post_ops_t post, dnnl_alg_kind_t algorithm, float alpha)
{
  return dnnl_post_ops_append_eltwise(post, algorithm, alpha, 0.0f);
}
