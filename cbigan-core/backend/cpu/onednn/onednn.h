/* onednn.h - the part of oneDNN's interface that differs between its versions 2 and 3
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Version 2 keeps memory descriptors as structs and describes an operation before its primitive. Version 3 hides both.
 * The build compiles onednn2.c or onednn3.c by DNNL_VERSION_MAJOR. Another version needs another such file.
 */
#pragma once
#include <glib.h>
#include <oneapi/dnnl/dnnl.h>

G_BEGIN_DECLS

/* How an array lies in memory: oneDNN's memory descriptor. Functions below accept NULL, and then fail or do nothing. */
typedef struct _CbiganCpuLayout CbiganCpuLayout;

/* tag: dnnl_format_tag_any leaves the order to the primitive. NULL = out of memory, or impossible dimensions. */
CbiganCpuLayout *cbigan_cpu_layout_new(int ndims, const dnnl_dim_t *dims, dnnl_data_type_t type, dnnl_format_tag_t tag);
/* Floats. strides: floats from one index of a dimension to the next. NULL as above. */
CbiganCpuLayout *cbigan_cpu_layout_new_strided(int ndims, const dnnl_dim_t *dims, const dnnl_dim_t *strides);
/* The part of `dims` at `offsets`, within the same memory; NULL if a block of the order would be cut. */
CbiganCpuLayout *cbigan_cpu_layout_part(const CbiganCpuLayout *layout, const dnnl_dim_t *dims,
                                        const dnnl_dim_t *offsets);
void cbigan_cpu_layout_free(CbiganCpuLayout *layout);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CbiganCpuLayout, cbigan_cpu_layout_free)
/* The layout keeps the array, which has DNNL_MAX_NDIMS entries at most. */
const dnnl_dim_t *cbigan_cpu_layout_dims(const CbiganCpuLayout *layout);
/* Bytes */
gsize cbigan_cpu_layout_size(const CbiganCpuLayout *layout);
/* As a described primitive chose it; NULL = the primitive has no such argument. The description keeps the layout. */
const CbiganCpuLayout *cbigan_cpu_layout_chosen(const_dnnl_primitive_desc_t description, dnnl_query_t query, int index);

/* data: the caller's, DNNL_MEMORY_NONE or DNNL_MEMORY_ALLOCATE */
dnnl_status_t cbigan_cpu_memory_new(dnnl_memory_t *memory, const CbiganCpuLayout *layout, dnnl_engine_t engine,
                                    void *data);
/* The memory keeps the layout. */
const CbiganCpuLayout *cbigan_cpu_memory_layout(dnnl_memory_t memory);

/* A convolution with stride 1. */
typedef struct {
  dnnl_prop_kind_t kind;                         /* forward (inference or training) or backward */
  const CbiganCpuLayout *x, *weights, *bias, *y; /* backward: one of them is its gradient. bias: NULL = none */
  dnnl_dims_t before, after;                     /* zeros that the kernel finds outside: rows, columns */
} CbiganCpuConvolution;

/* hint: description of the forward pass, which backward passes need; else NULL. attributes: NULL = defaults. The
 * algorithm is the direct one: Winograd's would trade accuracy for speed. The caller destroys the description. */
dnnl_status_t cbigan_cpu_describe_convolution(dnnl_primitive_desc_t *description, dnnl_engine_t engine,
                                              const CbiganCpuConvolution *convolution,
                                              const_dnnl_primitive_attr_t attributes, const_dnnl_primitive_desc_t hint);
dnnl_status_t cbigan_cpu_describe_reorder(dnnl_primitive_desc_t *description, dnnl_engine_t engine,
                                          const CbiganCpuLayout *from, const CbiganCpuLayout *to,
                                          const_dnnl_primitive_attr_t attributes);

/* Post-operations: + what the destination holds; then f(y) with one parameter. */
dnnl_status_t cbigan_cpu_append_sum(dnnl_post_ops_t post);
dnnl_status_t cbigan_cpu_append_eltwise(dnnl_post_ops_t post, dnnl_alg_kind_t algorithm, float alpha);

G_END_DECLS
