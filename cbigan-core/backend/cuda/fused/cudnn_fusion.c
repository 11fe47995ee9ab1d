/* cudnn_fusion.c - a convolution and what stands behind it as one graph of cuDNN's operations
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cuDNN's backend API: everything is a descriptor, which is given its attributes and then finalized; what refers to
 * others stays good only as long as they do, so all live as long as the graph. Between operations are virtual tensors,
 * which lie in no memory. Engines that fuse are compiled at run time, which needs libnvrtc.
 *
 * Asked about Turing to Hopper (by their properties, which cuDNN 9.19 takes in place of a GPU), it has engines for 16
 * bits n,h,w,c, with bf16 from Ampere on, and none for floats n,c,h,w. Of the configurations that its heuristics count,
 * they give only those that can be finalized.
 */
#include "cudnn_fusion.h"

#include <stdbool.h>
#include <string.h>

enum { X = 1, W, Y, ADDED, BIAS, BETWEEN /* and on: virtual */ };
#define MOST_WORKSPACE ((int64_t)128 << 20) /* bytes: more of it would be missing for what is scored */
#define MOST_OPERATIONS 4                   /* convolution, two sums, activation */

struct CbiganCudnnGraph {
  CbiganCuda *cuda;
  CbiganCudnnProblem problem;
  GPtrArray *all; /* descriptors, each behind what it refers to */
  int n_configs;
  cudnnBackendDescriptor_t configs[CBIGAN_CUDNN_CONFIGS];
  cudnnBackendDescriptor_t plans[CBIGAN_CUDNN_CONFIGS]; /* NULL: not made yet, or can't be */
  gboolean made[CBIGAN_CUDNN_CONFIGS];                  /* it was tried */
};

typedef struct {
  cudnnBackendAttributeName_t name;
  cudnnBackendAttributeType_t type;
  int64_t count;
  const void *values;
} Attribute;

#define DESCRIPTOR(name, value)                                                                                        \
  {                                                                                                                    \
    name, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, value                                                                      \
  }

static gboolean
succeeded(cudnnStatus_t status)
{
  if (status != CUDNN_STATUS_SUCCESS)
    cudaGetLastError(); /* it may have left one there */
  return status == CUDNN_STATUS_SUCCESS;
}

static cudnnBackendDescriptor_t
create(CbiganCudnnGraph *self, cudnnBackendDescriptorType_t type)
{
  cudnnBackendDescriptor_t descriptor = NULL;
  if (!succeeded(cudnnBackendCreateDescriptor(type, &descriptor)))
    return NULL;
  g_ptr_array_add(self->all, descriptor);
  return descriptor;
}

/* NULL: cuDNN can't, or could not make one that this refers to. */
static cudnnBackendDescriptor_t
make(CbiganCudnnGraph *self, cudnnBackendDescriptorType_t type, const Attribute *attributes, guint n)
{
  cudnnBackendDescriptor_t descriptor = create(self, type);
  gboolean ok = descriptor != NULL;
  for (guint i = 0; i < n && ok; i++) {
    const Attribute *a = &attributes[i];
    const cudnnBackendDescriptor_t *others = a->values;
    for (int64_t k = 0; k < a->count && a->type == CUDNN_TYPE_BACKEND_DESCRIPTOR; k++)
      ok = ok && others[k];
    ok = ok && (succeeded(cudnnBackendSetAttribute(descriptor, a->name, a->type, a->count, a->values)) ||
                a->name == CUDNN_ATTR_POINTWISE_NAN_PROPAGATION); /* deprecated; choose.c looks what becomes of NaN */
  }
  return ok && succeeded(cudnnBackendFinalize(descriptor)) ? descriptor : NULL;
}

/* --- operations -------------------------------------------------------------------------------------------------- */

/* (n, c, h, w), which lie in that order or channels last */
static cudnnBackendDescriptor_t
make_tensor(CbiganCudnnGraph *self, int64_t id, cudnnDataType_t type, int n, CbiganShape shape)
{
  const gboolean last = self->problem.type != CUDNN_DATA_FLOAT;
  const int64_t c = shape.c, h = shape.h, w = shape.w, dims[] = { n, c, h, w }, alignment = 16;
  const int64_t strides[] = { c * h * w, last ? 1 : h * w, last ? w * c : w, last ? c : 1 };
  const bool is_virtual = id >= BETWEEN;
  const Attribute attributes[] = {
    { CUDNN_ATTR_TENSOR_UNIQUE_ID, CUDNN_TYPE_INT64, 1, &id },
    { CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, 1, &type },
    { CUDNN_ATTR_TENSOR_DIMENSIONS, CUDNN_TYPE_INT64, 4, dims },
    { CUDNN_ATTR_TENSOR_STRIDES, CUDNN_TYPE_INT64, 4, strides },
    { CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, CUDNN_TYPE_INT64, 1, &alignment },
    { CUDNN_ATTR_TENSOR_IS_VIRTUAL, CUDNN_TYPE_BOOLEAN, 1, &is_virtual },
  };
  return make(self, CUDNN_BACKEND_TENSOR_DESCRIPTOR, attributes, G_N_ELEMENTS(attributes));
}

/* Operations, each on what the one before made */
typedef struct {
  cudnnBackendDescriptor_t operations[MOST_OPERATIONS];
  int n, all;
  cudnnBackendDescriptor_t made;
} Chain;

/* Where the next operation's result goes: floats in no memory, or the graph's output */
static cudnnBackendDescriptor_t
make_result(CbiganCudnnGraph *self, const Chain *chain)
{
  const CbiganCudnnProblem *p = &self->problem;
  const gboolean last = chain->n == chain->all - 1;
  return make_tensor(self, last ? Y : BETWEEN + chain->n, last ? p->type : CUDNN_DATA_FLOAT, p->batch, p->out);
}

static void
add_convolution(CbiganCudnnGraph *self, Chain *chain)
{
  const CbiganCudnnProblem *p = &self->problem;
  const cudnnDataType_t sums = CUDNN_DATA_FLOAT;
  const cudnnConvolutionMode_t mode = CUDNN_CROSS_CORRELATION;
  const int64_t dims = 2, pads[] = { p->kernel / 2, p->kernel / 2 }, ones[] = { 1, 1 };
  const Attribute how[] = {
    { CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_TYPE_DATA_TYPE, 1, &sums },
    { CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_TYPE_CONVOLUTION_MODE, 1, &mode },
    { CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, CUDNN_TYPE_INT64, 1, &dims },
    { CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, CUDNN_TYPE_INT64, 2, pads },
    { CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, CUDNN_TYPE_INT64, 2, pads },
    { CUDNN_ATTR_CONVOLUTION_DILATIONS, CUDNN_TYPE_INT64, 2, ones },
    { CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, CUDNN_TYPE_INT64, 2, ones },
  };
  const cudnnBackendDescriptor_t convolution = make(self, CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR, how, G_N_ELEMENTS(how));
  const cudnnBackendDescriptor_t x = make_tensor(self, X, p->type, p->batch, p->in);
  const cudnnBackendDescriptor_t w =
      make_tensor(self, W, p->type, p->out.c, (CbiganShape){ p->in.c, p->kernel, p->kernel });
  const float one = 1.0f, zero = 0.0f;
  chain->made = make_result(self, chain);
  const Attribute attributes[] = {
    DESCRIPTOR(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC, &convolution),
    DESCRIPTOR(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X, &x),
    DESCRIPTOR(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W, &w),
    DESCRIPTOR(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y, &chain->made),
    { CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA, CUDNN_TYPE_FLOAT, 1, &one },
    { CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA, CUDNN_TYPE_FLOAT, 1, &zero },
  };
  chain->operations[chain->n++] =
      make(self, CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR, attributes, G_N_ELEMENTS(attributes));
}

/* with: what is added */
static void
add_pointwise(CbiganCudnnGraph *self, Chain *chain, cudnnPointwiseMode_t mode, cudnnBackendDescriptor_t with)
{
  const cudnnDataType_t math = CUDNN_DATA_FLOAT;
  const cudnnNanPropagation_t nan = CUDNN_PROPAGATE_NAN;
  const double slope = (double)cbigan_cuda_activation(CBIGAN_LEAKY).slope;
  const Attribute how[] = {
    { CUDNN_ATTR_POINTWISE_MODE, CUDNN_TYPE_POINTWISE_MODE, 1, &mode },
    { CUDNN_ATTR_POINTWISE_MATH_PREC, CUDNN_TYPE_DATA_TYPE, 1, &math },
    { CUDNN_ATTR_POINTWISE_NAN_PROPAGATION, CUDNN_TYPE_NAN_PROPOGATION, 1, &nan }, /* from here on: ReLU's */
    { CUDNN_ATTR_POINTWISE_RELU_LOWER_CLIP_SLOPE, CUDNN_TYPE_DOUBLE, 1, &slope },
  };
  const guint n_how = mode == CUDNN_POINTWISE_RELU_FWD ? 4 : 2;
  const cudnnBackendDescriptor_t pointwise = make(self, CUDNN_BACKEND_POINTWISE_DESCRIPTOR, how, n_how);
  const cudnnBackendDescriptor_t x = chain->made;
  chain->made = make_result(self, chain);
  const Attribute attributes[] = {
    DESCRIPTOR(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, &pointwise),
    DESCRIPTOR(CUDNN_ATTR_OPERATION_POINTWISE_XDESC, &x),
    DESCRIPTOR(CUDNN_ATTR_OPERATION_POINTWISE_YDESC, &chain->made),
    DESCRIPTOR(CUDNN_ATTR_OPERATION_POINTWISE_BDESC, &with),
  };
  chain->operations[chain->n++] =
      make(self, CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR, attributes, mode == CUDNN_POINTWISE_ADD ? 4 : 3);
}

/* The order is that of cuDNN's own convolution with bias and activation. */
static cudnnBackendDescriptor_t
make_graph(CbiganCudnnGraph *self)
{
  static const cudnnPointwiseMode_t modes[] = {
    [CBIGAN_LEAKY] = CUDNN_POINTWISE_RELU_FWD,
    [CBIGAN_TANH] = CUDNN_POINTWISE_TANH_FWD,
  };
  const CbiganCudnnProblem *p = &self->problem;
  const gboolean activates = p->activation != CBIGAN_LINEAR;
  Chain chain = { .all = 1 + (p->adds != FALSE) + (p->biased != FALSE) + activates };
  add_convolution(self, &chain);
  if (p->adds)
    add_pointwise(self, &chain, CUDNN_POINTWISE_ADD, make_tensor(self, ADDED, p->type, p->batch, p->out));
  if (p->biased)
    add_pointwise(self, &chain, CUDNN_POINTWISE_ADD,
                  make_tensor(self, BIAS, CUDNN_DATA_FLOAT, 1, (CbiganShape){ p->out.c, 1, 1 }));
  if (activates)
    add_pointwise(self, &chain, modes[p->activation], NULL);
  const Attribute attributes[] = {
    { CUDNN_ATTR_OPERATIONGRAPH_HANDLE, CUDNN_TYPE_HANDLE, 1, &self->cuda->cudnn },
    { CUDNN_ATTR_OPERATIONGRAPH_OPS, CUDNN_TYPE_BACKEND_DESCRIPTOR, chain.n, chain.operations },
  };
  return make(self, CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR, attributes, G_N_ELEMENTS(attributes));
}

/* --- engines ----------------------------------------------------------------------------------------------------- */

static void
find_configs(CbiganCudnnGraph *self, cudnnBackendDescriptor_t graph)
{
  const cudnnBackendHeurMode_t mode = CUDNN_HEUR_MODE_A;
  const Attribute attributes[] = {
    DESCRIPTOR(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, &graph),
    { CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, 1, &mode },
  };
  const cudnnBackendDescriptor_t heuristics =
      make(self, CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR, attributes, G_N_ELEMENTS(attributes));
  int64_t n = 0, n_got = 0;
  if (!heuristics || !succeeded(cudnnBackendGetAttribute(heuristics, CUDNN_ATTR_ENGINEHEUR_RESULTS,
                                                         CUDNN_TYPE_BACKEND_DESCRIPTOR, 0, &n, NULL)))
    return;
  n = MIN(n, CBIGAN_CUDNN_CONFIGS);
  for (int i = 0; i < n; i++)
    if (!(self->configs[i] = create(self, CUDNN_BACKEND_ENGINECFG_DESCRIPTOR)))
      return;
  if (n && succeeded(cudnnBackendGetAttribute(heuristics, CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_TYPE_BACKEND_DESCRIPTOR,
                                              n, &n_got, self->configs)))
    self->n_configs = (int)MIN(n, n_got);
}

/* Whether an engine with this note may be taken. Floats are to be full ones, which TF32 are not (the notes say so of
 * what tensor cores do with them); sums of 16 bits are to be floats. Of Winograd's algorithms only F(2x2, 3x3), whose
 * tiles are 4x4, is as exact as sums of products, and in float only. */
static gboolean
is_allowed(cudnnBackendNumericalNote_t note, gboolean floats)
{
  switch (note) {
  case CUDNN_NUMERICAL_NOTE_TENSOR_CORE:
  case CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS:
    return !floats;
  case CUDNN_NUMERICAL_NOTE_WINOGRAD:
  case CUDNN_NUMERICAL_NOTE_WINOGRAD_TILE_4x4:
    return floats;
  case CUDNN_NUMERICAL_NOTE_STRICT_NAN_PROP:
    return TRUE;
  default: /* such as NONDETERMINISTIC, and those that are not known yet */
    return FALSE;
  }
}

static gboolean
may_take(CbiganCudnnGraph *self, cudnnBackendDescriptor_t config)
{
  cudnnBackendNumericalNote_t notes[CUDNN_NUMERICAL_NOTE_TYPE_COUNT];
  cudnnBackendDescriptor_t engine = create(self, CUDNN_BACKEND_ENGINE_DESCRIPTOR);
  int64_t n = 0, one = 0;
  if (!engine ||
      !succeeded(cudnnBackendGetAttribute(config, CUDNN_ATTR_ENGINECFG_ENGINE, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &one,
                                          &engine)) ||
      !succeeded(cudnnBackendGetAttribute(engine, CUDNN_ATTR_ENGINE_NUMERICAL_NOTE, CUDNN_TYPE_NUMERICAL_NOTE,
                                          CUDNN_NUMERICAL_NOTE_TYPE_COUNT, &n, notes)) ||
      n > CUDNN_NUMERICAL_NOTE_TYPE_COUNT)
    return FALSE;
  for (int i = 0; i < n; i++)
    if (!is_allowed(notes[i], self->problem.type == CUDNN_DATA_FLOAT))
      return FALSE;
  return TRUE;
}

gboolean
cbigan_cudnn_graph_prepare(CbiganCudnnGraph *self, int config)
{
  int64_t size = 0, one = 0;
  if (config >= self->n_configs)
    return FALSE;
  if (!self->made[config]) {
    const Attribute attributes[] = {
      { CUDNN_ATTR_EXECUTION_PLAN_HANDLE, CUDNN_TYPE_HANDLE, 1, &self->cuda->cudnn },
      DESCRIPTOR(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, &self->configs[config]),
    };
    if (!may_take(self, self->configs[config]))
      return FALSE;
    self->made[config] = TRUE;
    self->plans[config] = make(self, CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR, attributes, G_N_ELEMENTS(attributes));
  }
  return self->plans[config] &&
         succeeded(cudnnBackendGetAttribute(self->plans[config], CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE,
                                            CUDNN_TYPE_INT64, 1, &one, &size)) &&
         size >= 0 && size <= MOST_WORKSPACE && cbigan_cuda_grow_workspace(self->cuda, (gsize)size);
}

/* --- the whole --------------------------------------------------------------------------------------------------- */

CbiganCudnnGraph *
cbigan_cudnn_graph_get(CbiganCuda *cuda, const CbiganCudnnProblem *problem)
{
  for (guint i = 0; i < cuda->cudnn_graphs->len; i++) {
    CbiganCudnnGraph *known = cuda->cudnn_graphs->pdata[i];
    if (!memcmp(&known->problem, problem, sizeof *problem)) /* its members leave no gaps */
      return known;
  }
  CbiganCudnnGraph *self = g_new0(CbiganCudnnGraph, 1);
  g_ptr_array_add(cuda->cudnn_graphs, self);
  self->cuda = cuda;
  self->problem = *problem;
  self->all = g_ptr_array_new();
  find_configs(self, make_graph(self));
  return self;
}

gboolean
cbigan_cudnn_graph_was_made(const CbiganCudnnGraph *self, int config)
{
  return self->made[config];
}

void
cbigan_cudnn_graph_run(const CbiganCudnnGraph *self, int config, const void *x, const void *w, const void *added,
                       const float *bias, void *y)
{
  CbiganCuda *cuda = self->cuda;
  int64_t ids[BETWEEN - 1] = { X, W, Y };
  const void *pointers[BETWEEN - 1] = { x, w, y };
  int n = 3;
  if (self->problem.adds)
    ids[n] = ADDED, pointers[n++] = added;
  if (self->problem.biased)
    ids[n] = BIAS, pointers[n++] = bias;
  cudnnBackendDescriptor_t pack = NULL;
  if (!CBIGAN_CUDNN_TRY(cuda, cudnnBackendCreateDescriptor(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR, &pack)))
    return;
  if (CBIGAN_CUDNN_TRY(cuda,
                       cudnnBackendSetAttribute(pack, CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, CUDNN_TYPE_INT64, n, ids)) &&
      CBIGAN_CUDNN_TRY(cuda, cudnnBackendSetAttribute(pack, CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR,
                                                      n, pointers)) &&
      CBIGAN_CUDNN_TRY(cuda, cudnnBackendSetAttribute(pack, CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, 1,
                                                      &cuda->workspace)) &&
      CBIGAN_CUDNN_TRY(cuda, cudnnBackendFinalize(pack)))
    CBIGAN_CUDNN_TRY(cuda, cudnnBackendExecute(cuda->cudnn, self->plans[config], pack));
  cudnnBackendDestroyDescriptor(pack);
}

void
cbigan_cudnn_graphs_clear(CbiganCuda *cuda)
{
  for (guint i = 0; i < cuda->cudnn_graphs->len; i++) {
    CbiganCudnnGraph *graph = cuda->cudnn_graphs->pdata[i];
    for (guint k = graph->all->len; k > 0; k--)
      cudnnBackendDestroyDescriptor(graph->all->pdata[k - 1]);
    g_ptr_array_unref(graph->all);
    g_free(graph);
  }
  g_ptr_array_set_size(cuda->cudnn_graphs, 0);
}
