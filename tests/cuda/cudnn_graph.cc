/* cudnn_graph.cc - the part of cuDNN's graph API that the cuda backend calls: descriptors; engines: cudnn_engines.cc
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * See emulator.h. A graph is a convolution and operations on each number behind it. Refused, as by cuDNN or more
 * strictly: attributes that a descriptor does not have, of another type or count, or missing; what refers to something
 * that is not finalized; shapes that don't fit, tensors with gaps, results between operations that lie in memory, what
 * the variant pack lacks or has misaligned. Use of a descriptor, or the run of a plan, that is gone ends the program.
 */
#include <cstring>
#include <set>

#include "descriptors.h"

static std::set<const Descriptor *> all;

Descriptor *
emulator_descriptor(cudnnBackendDescriptor_t descriptor)
{
  if (!all.count((const Descriptor *)descriptor))
    emulator_stop("not a descriptor, or one that is gone", "cudnnBackend");
  return (Descriptor *)descriptor;
}

/* --- attributes -------------------------------------------------------------------------------------------------- */

enum { OPTIONAL, REQUIRED };

/* Of which kind, called what, of what type, from how many to how many */
struct Rule {
  Kind kind;
  cudnnBackendAttributeName_t name;
  cudnnBackendAttributeType_t type;
  int64_t least, most;
  int need;
  Kind others = CUDNN_BACKEND_KERNEL_CACHE_DESCRIPTOR; /* CUDNN_TYPE_BACKEND_DESCRIPTOR: the kind of those */
};

#define ONE(kind, name, type, need)                                                                                    \
  {                                                                                                                    \
    CUDNN_BACKEND_##kind##_DESCRIPTOR, CUDNN_ATTR_##name, CUDNN_TYPE_##type, 1, 1, need                                \
  }
#define SOME(kind, name, type, least, most)                                                                            \
  {                                                                                                                    \
    CUDNN_BACKEND_##kind##_DESCRIPTOR, CUDNN_ATTR_##name, CUDNN_TYPE_##type, least, most, REQUIRED                     \
  }
#define OTHER(kind, name, of, need)                                                                                    \
  {                                                                                                                    \
    CUDNN_BACKEND_##kind##_DESCRIPTOR, CUDNN_ATTR_##name, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, 1, need,                   \
        CUDNN_BACKEND_##of##_DESCRIPTOR                                                                                \
  }

static const Kind any_operation = CUDNN_BACKEND_OPERATION_SIGNAL_DESCRIPTOR; /* stands for those that there are */

static const Rule rules[] = {
  ONE(TENSOR, TENSOR_UNIQUE_ID, INT64, REQUIRED),
  ONE(TENSOR, TENSOR_DATA_TYPE, DATA_TYPE, REQUIRED),
  SOME(TENSOR, TENSOR_DIMENSIONS, INT64, 4, 4),
  SOME(TENSOR, TENSOR_STRIDES, INT64, 4, 4),
  ONE(TENSOR, TENSOR_BYTE_ALIGNMENT, INT64, REQUIRED),
  ONE(TENSOR, TENSOR_IS_VIRTUAL, BOOLEAN, OPTIONAL),
  ONE(CONVOLUTION, CONVOLUTION_COMP_TYPE, DATA_TYPE, REQUIRED),
  ONE(CONVOLUTION, CONVOLUTION_CONV_MODE, CONVOLUTION_MODE, REQUIRED),
  ONE(CONVOLUTION, CONVOLUTION_SPATIAL_DIMS, INT64, REQUIRED),
  SOME(CONVOLUTION, CONVOLUTION_PRE_PADDINGS, INT64, 2, 2),
  SOME(CONVOLUTION, CONVOLUTION_POST_PADDINGS, INT64, 2, 2),
  SOME(CONVOLUTION, CONVOLUTION_DILATIONS, INT64, 2, 2),
  SOME(CONVOLUTION, CONVOLUTION_FILTER_STRIDES, INT64, 2, 2),
  OTHER(OPERATION_CONVOLUTION_FORWARD, OPERATION_CONVOLUTION_FORWARD_CONV_DESC, CONVOLUTION, REQUIRED),
  OTHER(OPERATION_CONVOLUTION_FORWARD, OPERATION_CONVOLUTION_FORWARD_X, TENSOR, REQUIRED),
  OTHER(OPERATION_CONVOLUTION_FORWARD, OPERATION_CONVOLUTION_FORWARD_W, TENSOR, REQUIRED),
  OTHER(OPERATION_CONVOLUTION_FORWARD, OPERATION_CONVOLUTION_FORWARD_Y, TENSOR, REQUIRED),
  ONE(OPERATION_CONVOLUTION_FORWARD, OPERATION_CONVOLUTION_FORWARD_ALPHA, FLOAT, REQUIRED),
  ONE(OPERATION_CONVOLUTION_FORWARD, OPERATION_CONVOLUTION_FORWARD_BETA, FLOAT, REQUIRED),
  ONE(POINTWISE, POINTWISE_MODE, POINTWISE_MODE, REQUIRED),
  ONE(POINTWISE, POINTWISE_MATH_PREC, DATA_TYPE, REQUIRED),
  ONE(POINTWISE, POINTWISE_NAN_PROPAGATION, NAN_PROPOGATION, OPTIONAL),
  ONE(POINTWISE, POINTWISE_RELU_LOWER_CLIP_SLOPE, DOUBLE, OPTIONAL),
  OTHER(OPERATION_POINTWISE, OPERATION_POINTWISE_PW_DESCRIPTOR, POINTWISE, REQUIRED),
  OTHER(OPERATION_POINTWISE, OPERATION_POINTWISE_XDESC, TENSOR, REQUIRED),
  OTHER(OPERATION_POINTWISE, OPERATION_POINTWISE_BDESC, TENSOR, OPTIONAL),
  OTHER(OPERATION_POINTWISE, OPERATION_POINTWISE_YDESC, TENSOR, REQUIRED),
  ONE(OPERATIONGRAPH, OPERATIONGRAPH_HANDLE, HANDLE, REQUIRED),
  { CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR, CUDNN_ATTR_OPERATIONGRAPH_OPS, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, 8,
    REQUIRED, any_operation },
  OTHER(ENGINEHEUR, ENGINEHEUR_OPERATION_GRAPH, OPERATIONGRAPH, REQUIRED),
  ONE(ENGINEHEUR, ENGINEHEUR_MODE, HEUR_MODE, REQUIRED),
  ONE(EXECUTION_PLAN, EXECUTION_PLAN_HANDLE, HANDLE, REQUIRED),
  OTHER(EXECUTION_PLAN, EXECUTION_PLAN_ENGINE_CONFIG, ENGINECFG, REQUIRED),
  SOME(VARIANT_PACK, VARIANT_PACK_UNIQUE_IDS, INT64, 1, 8),
  SOME(VARIANT_PACK, VARIANT_PACK_DATA_POINTERS, VOID_PTR, 1, 8),
  ONE(VARIANT_PACK, VARIANT_PACK_WORKSPACE, VOID_PTR, REQUIRED),
};

static size_t
size_of(cudnnBackendAttributeType_t type)
{
  switch (type) {
  case CUDNN_TYPE_BOOLEAN:
    return sizeof(bool);
  case CUDNN_TYPE_INT64:
  case CUDNN_TYPE_DOUBLE:
  case CUDNN_TYPE_HANDLE:
  case CUDNN_TYPE_VOID_PTR:
  case CUDNN_TYPE_BACKEND_DESCRIPTOR:
    return 8;
  default: /* floats and enumerations */
    return 4;
  }
}

static bool
is_operation(Kind kind)
{
  return kind == CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR ||
         kind == CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR;
}

cudnnStatus_t
cudnnBackendSetAttribute(cudnnBackendDescriptor_t descriptor, cudnnBackendAttributeName_t name,
                         cudnnBackendAttributeType_t type, int64_t count, const void *elements)
{
  std::lock_guard<std::recursive_mutex> lock(emulator_mutex);
  Descriptor *d = emulator_descriptor(descriptor);
  for (const Rule &rule : rules) {
    if (rule.kind != d->kind || rule.name != name)
      continue;
    if (d->finalized)
      return CUDNN_STATUS_NOT_INITIALIZED;
    if (rule.type != type)
      return CUDNN_STATUS_BAD_PARAM_ATTRIBUTE_TYPE;
    if (count < rule.least || count > rule.most || !elements)
      return CUDNN_STATUS_BAD_PARAM;
    for (int64_t i = 0; i < count && type == CUDNN_TYPE_BACKEND_DESCRIPTOR; i++) {
      const Descriptor *o = emulator_descriptor(((const cudnnBackendDescriptor_t *)elements)[i]);
      if (!o->finalized)
        return CUDNN_STATUS_BAD_PARAM_NOT_FINALIZED;
      if (rule.others == any_operation ? !is_operation(o->kind) : o->kind != rule.others)
        return CUDNN_STATUS_BAD_PARAM_DESCRIPTOR_TYPE;
    }
    const unsigned char *bytes = (const unsigned char *)elements;
    d->values[name] = { count, { bytes, bytes + size_of(type) * (size_t)count } };
    return CUDNN_STATUS_SUCCESS;
  }
  return CUDNN_STATUS_BAD_PARAM;
}

cudnnStatus_t
cudnnBackendCreateDescriptor(Kind kind, cudnnBackendDescriptor_t *descriptor)
{
  std::lock_guard<std::recursive_mutex> lock(emulator_mutex);
  Descriptor *d = new Descriptor{ kind, false, {}, nullptr, -1, std::make_shared<bool>(true) };
  all.insert(d);
  *descriptor = d;
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t
cudnnBackendDestroyDescriptor(cudnnBackendDescriptor_t descriptor)
{
  std::lock_guard<std::recursive_mutex> lock(emulator_mutex);
  Descriptor *d = emulator_descriptor(descriptor);
  *d->lives = false;
  all.erase(d);
  delete d;
  return CUDNN_STATUS_SUCCESS;
}

/* --- what descriptors say ---------------------------------------------------------------------------------------- */

Tensor
emulator_tensor(const Descriptor *d)
{
  Tensor t = { get<int64_t>(d, CUDNN_ATTR_TENSOR_UNIQUE_ID),
               {},
               {},
               get<int64_t>(d, CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT),
               get<cudnnDataType_t>(d, CUDNN_ATTR_TENSOR_DATA_TYPE),
               get<bool>(d, CUDNN_ATTR_TENSOR_IS_VIRTUAL) };
  for (int i = 0; i < 4; i++) {
    t.dims[i] = get<int64_t>(d, CUDNN_ATTR_TENSOR_DIMENSIONS, i);
    t.strides[i] = get<int64_t>(d, CUDNN_ATTR_TENSOR_STRIDES, i);
  }
  return t;
}

bool
emulator_is_packed(const Tensor &t, bool last)
{
  const int64_t c = t.dims[1], h = t.dims[2], w = t.dims[3];
  const int64_t strides[] = { c * h * w, last ? 1 : h * w, last ? w * c : w, last ? c : 1 };
  return !memcmp(t.strides, strides, sizeof strides);
}

static bool
is_shape(const Tensor &t, const Tensor &other)
{
  return !memcmp(t.dims, other.dims, sizeof t.dims);
}

static cudnnStatus_t
check_tensor(const Descriptor *d)
{
  const Tensor t = emulator_tensor(d);
  for (int i = 0; i < 4; i++)
    if (t.dims[i] <= 0)
      return CUDNN_STATUS_BAD_PARAM;
  return has_type(t.type) && (emulator_is_packed(t, false) || emulator_is_packed(t, true)) &&
                 t.alignment >= (is_narrow(t.type) ? 2 : 4) && !(t.alignment & (t.alignment - 1))
             ? CUDNN_STATUS_SUCCESS
             : CUDNN_STATUS_BAD_PARAM;
}

static cudnnStatus_t
check_convolution(const Descriptor *d)
{
  for (int i = 0; i < 2; i++)
    if (get<int64_t>(d, CUDNN_ATTR_CONVOLUTION_DILATIONS, i) != 1 ||
        get<int64_t>(d, CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, i) != 1 ||
        get<int64_t>(d, CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, i) !=
            get<int64_t>(d, CUDNN_ATTR_CONVOLUTION_POST_PADDINGS))
      return CUDNN_STATUS_NOT_SUPPORTED;
  return get<int64_t>(d, CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS) == 2 &&
                 get<cudnnDataType_t>(d, CUDNN_ATTR_CONVOLUTION_COMP_TYPE) == CUDNN_DATA_FLOAT &&
                 get<cudnnConvolutionMode_t>(d, CUDNN_ATTR_CONVOLUTION_CONV_MODE) == CUDNN_CROSS_CORRELATION
             ? CUDNN_STATUS_SUCCESS
             : CUDNN_STATUS_BAD_PARAM;
}

static cudnnStatus_t
check_forward(const Descriptor *d)
{
  const Tensor x = emulator_tensor(other(d, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X));
  const Tensor w = emulator_tensor(other(d, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W));
  const Tensor y = emulator_tensor(other(d, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y));
  const int64_t pad =
      get<int64_t>(other(d, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC), CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS);
  const Tensor want = {
    0,      { x.dims[0], w.dims[0], x.dims[2] + 2 * pad - w.dims[2] + 1, x.dims[3] + 2 * pad - w.dims[3] + 1 },
    {},     0,
    x.type, false
  };
  if (!is_shape(y, want) || x.dims[1] != w.dims[1])
    return CUDNN_STATUS_BAD_PARAM_SHAPE_MISMATCH;
  return x.type == w.type && !x.is_virtual && !w.is_virtual &&
                 get<float>(d, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA) == 1.0f &&
                 get<float>(d, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA) == 0.0f
             ? CUDNN_STATUS_SUCCESS
             : CUDNN_STATUS_BAD_PARAM;
}

/* A sum's second tensor may have one number for all along a dimension. */
static cudnnStatus_t
check_pointwise(const Descriptor *d)
{
  const cudnnPointwiseMode_t mode =
      get<cudnnPointwiseMode_t>(other(d, CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR), CUDNN_ATTR_POINTWISE_MODE);
  const Tensor x = emulator_tensor(other(d, CUDNN_ATTR_OPERATION_POINTWISE_XDESC));
  if (!is_shape(x, emulator_tensor(other(d, CUDNN_ATTR_OPERATION_POINTWISE_YDESC))))
    return CUDNN_STATUS_BAD_PARAM_SHAPE_MISMATCH;
  if (has(d, CUDNN_ATTR_OPERATION_POINTWISE_BDESC) != (mode == CUDNN_POINTWISE_ADD))
    return CUDNN_STATUS_BAD_PARAM;
  if (mode != CUDNN_POINTWISE_ADD)
    return mode == CUDNN_POINTWISE_RELU_FWD || mode == CUDNN_POINTWISE_TANH_FWD ? CUDNN_STATUS_SUCCESS
                                                                                : CUDNN_STATUS_NOT_SUPPORTED;
  const Tensor b = emulator_tensor(other(d, CUDNN_ATTR_OPERATION_POINTWISE_BDESC));
  for (int i = 0; i < 4; i++)
    if (b.dims[i] != x.dims[i] && b.dims[i] != 1)
      return CUDNN_STATUS_BAD_PARAM_SHAPE_MISMATCH;
  return b.is_virtual ? CUDNN_STATUS_NOT_SUPPORTED_GRAPH_PATTERN : CUDNN_STATUS_SUCCESS;
}

/* --- graphs ------------------------------------------------------------------------------------------------------ */

/* A convolution, then operations each on what the one before made, which lies in memory only at the end */
static cudnnStatus_t
check_graph(const Descriptor *d)
{
  const int n = (int)d->values.at(CUDNN_ATTR_OPERATIONGRAPH_OPS).count;
  const Descriptor *made = nullptr;
  for (int i = 0; i < n; i++) {
    const Descriptor *o = other(d, CUDNN_ATTR_OPERATIONGRAPH_OPS, i);
    const bool convolves = o->kind == CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR;
    if (convolves != (i == 0) || (i && other(o, CUDNN_ATTR_OPERATION_POINTWISE_XDESC) != made))
      return CUDNN_STATUS_NOT_SUPPORTED_GRAPH_PATTERN;
    made = other(o, convolves ? CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y : CUDNN_ATTR_OPERATION_POINTWISE_YDESC);
    if (emulator_tensor(made).is_virtual != (i < n - 1))
      return CUDNN_STATUS_NOT_SUPPORTED_GRAPH_PATTERN;
  }
  std::set<int64_t> ids;
  const Program p = emulator_program(d);
  for (const Tensor &t : emulator_arguments(p))
    if (!ids.insert(t.id).second)
      return CUDNN_STATUS_BAD_PARAM_DUPLICATED_ENTRIES;
  if (p.y.is_virtual && !ids.insert(p.y.id).second)
    return CUDNN_STATUS_BAD_PARAM_DUPLICATED_ENTRIES;
  for (const Operation &o : p.operations)
    if (o.to.is_virtual && !ids.insert(o.to.id).second)
      return CUDNN_STATUS_BAD_PARAM_DUPLICATED_ENTRIES;
  return CUDNN_STATUS_SUCCESS;
}

Program
emulator_program(const Descriptor *graph)
{
  const Descriptor *f = other(graph, CUDNN_ATTR_OPERATIONGRAPH_OPS);
  Program p = { emulator_tensor(other(f, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X)),
                emulator_tensor(other(f, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W)),
                emulator_tensor(other(f, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y)),
                get<int64_t>(other(f, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC),
                             CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS),
                {} };
  for (int i = 1; i < (int)graph->values.at(CUDNN_ATTR_OPERATIONGRAPH_OPS).count; i++) {
    const Descriptor *o = other(graph, CUDNN_ATTR_OPERATIONGRAPH_OPS, i);
    const Descriptor *how = other(o, CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR);
    Operation operation = { get<cudnnPointwiseMode_t>(how, CUDNN_ATTR_POINTWISE_MODE),
                            get<double>(how, CUDNN_ATTR_POINTWISE_RELU_LOWER_CLIP_SLOPE),
                            {},
                            emulator_tensor(other(o, CUDNN_ATTR_OPERATION_POINTWISE_YDESC)) };
    if (has(o, CUDNN_ATTR_OPERATION_POINTWISE_BDESC))
      operation.with = emulator_tensor(other(o, CUDNN_ATTR_OPERATION_POINTWISE_BDESC));
    p.operations.push_back(operation);
  }
  return p;
}

std::vector<Tensor>
emulator_arguments(const Program &p)
{
  std::vector<Tensor> tensors = { p.x, p.w, p.operations.empty() ? p.y : p.operations.back().to };
  for (const Operation &o : p.operations)
    if (o.mode == CUDNN_POINTWISE_ADD)
      tensors.push_back(o.with);
  return tensors;
}

/* --- finalizing -------------------------------------------------------------------------------------------------- */

static cudnnStatus_t
check_heuristics(const Descriptor *d)
{
  const cudnnBackendHeurMode_t mode = get<cudnnBackendHeurMode_t>(d, CUDNN_ATTR_ENGINEHEUR_MODE);
  return mode == CUDNN_HEUR_MODE_A || mode == CUDNN_HEUR_MODE_INSTANT ? CUDNN_STATUS_SUCCESS
                                                                      : CUDNN_STATUS_NOT_SUPPORTED;
}

static cudnnStatus_t
check_pack(const Descriptor *d)
{
  std::set<int64_t> ids;
  const int n = (int)d->values.at(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS).count;
  for (int i = 0; i < n; i++)
    if (!ids.insert(get<int64_t>(d, CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, i)).second)
      return CUDNN_STATUS_BAD_PARAM_DUPLICATED_ENTRIES;
  return d->values.at(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS).count == n ? CUDNN_STATUS_SUCCESS : CUDNN_STATUS_BAD_PARAM;
}

static cudnnStatus_t
check_nothing(const Descriptor *)
{
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t
cudnnBackendFinalize(cudnnBackendDescriptor_t descriptor)
{
  static const std::map<Kind, cudnnStatus_t (*)(const Descriptor *)> checks = {
    { CUDNN_BACKEND_TENSOR_DESCRIPTOR, check_tensor },
    { CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR, check_convolution },
    { CUDNN_BACKEND_POINTWISE_DESCRIPTOR, check_nothing },
    { CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR, check_forward },
    { CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR, check_pointwise },
    { CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR, check_graph },
    { CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR, check_heuristics },
    { CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR, check_nothing },
    { CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR, check_pack },
  };
  std::lock_guard<std::recursive_mutex> lock(emulator_mutex);
  Descriptor *d = emulator_descriptor(descriptor);
  if (d->finalized)
    return CUDNN_STATUS_NOT_INITIALIZED;
  for (const Rule &rule : rules)
    if (rule.kind == d->kind && rule.need == REQUIRED && !has(d, rule.name))
      return CUDNN_STATUS_BAD_PARAM;
  const auto check = checks.find(d->kind);
  const cudnnStatus_t status = check == checks.end() ? CUDNN_STATUS_NOT_SUPPORTED : check->second(d);
  d->finalized = status == CUDNN_STATUS_SUCCESS;
  return status;
}
