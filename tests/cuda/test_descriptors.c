/* test_descriptors.c - what the emulated graph API of cuDNN refuses, as the real one would
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A convolution of fp16 with a sum and LeakyReLU behind it, with one fault at a time: else tests on the emulated GPU
 * would say nothing of what is asked of the library. cuDNN 9.19 refuses these too, if with other codes, but for five,
 * where it is the emulation that is stricter: without a type a tensor has floats; a bias of another number of channels,
 * values between operations that lie in memory, and one name for two tensors are left to the engines; and a descriptor
 * of another kind ends the program.
 */
#include <cuda_runtime_api.h>
#include <cudnn.h>
#include <glib.h>
#include <stdbool.h>

typedef enum {
  NONE,
  OTHER_TYPE,      /* of an attribute */
  OTHER_COUNT,     /* of its values */
  OTHER_ATTRIBUTE, /* that this descriptor does not have */
  NO_DATA_TYPE,
  GAPS,
  ODD_ALIGNMENT,
  NOT_FINALIZED, /* a tensor that an operation has */
  OTHER_KIND,    /* not a tensor */
  OTHER_SHAPE,   /* of the convolution's output */
  OTHER_SUM,     /* a bias of another number of channels */
  NOT_VIRTUAL,   /* a value between operations */
  SAME_ID,
  TWICE,    /* an operation */
  SEVENTHS, /* channels: no engine takes them */
  PLAN_NOT_FINALIZED,
  NO_POINTER, /* for the bias */
  MISALIGNED,
  NO_WORKSPACE,
} Fault;

enum { X = 1, W, Y, BIAS, MADE, SUM };
#define SIDE 8

static GPtrArray *all;

static cudnnBackendDescriptor_t
create(cudnnBackendDescriptorType_t type)
{
  cudnnBackendDescriptor_t d = NULL;
  g_assert_cmpint(cudnnBackendCreateDescriptor(type, &d), ==, CUDNN_STATUS_SUCCESS);
  g_ptr_array_add(all, d);
  return d;
}

/* Goes on to return a refusal. */
#define TRY(call)                                                                                                      \
  do {                                                                                                                 \
    cudnnStatus_t status_ = (call);                                                                                    \
    if (status_ != CUDNN_STATUS_SUCCESS)                                                                               \
      return status_;                                                                                                  \
  } while (0)
#define SET(d, name, type, count, values) TRY(cudnnBackendSetAttribute(d, name, type, count, values))
#define REFER(d, name, other) SET(d, name, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, other)

static cudnnStatus_t
make_tensor(Fault fault, cudnnBackendDescriptor_t *d, int64_t id, cudnnDataType_t type, int64_t n, int64_t c,
            int64_t side)
{
  const int64_t dims[] = { n, c, side, side }, alignment = fault == ODD_ALIGNMENT ? 6 : 16, same = X;
  const int64_t strides[] = { c * side * side + (fault == GAPS), 1, side * c, c };
  const bool is_virtual = id > BIAS && !(fault == NOT_VIRTUAL && id == MADE);
  *d = create(CUDNN_BACKEND_TENSOR_DESCRIPTOR);
  if (fault == OTHER_ATTRIBUTE)
    SET(*d, CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_TYPE_DATA_TYPE, 1, &type);
  if (fault != NO_DATA_TYPE)
    SET(*d, CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, 1, &type);
  SET(*d, CUDNN_ATTR_TENSOR_DIMENSIONS, fault == OTHER_TYPE ? CUDNN_TYPE_DOUBLE : CUDNN_TYPE_INT64,
      fault == OTHER_COUNT ? 3 : 4, dims);
  SET(*d, CUDNN_ATTR_TENSOR_STRIDES, CUDNN_TYPE_INT64, 4, strides);
  SET(*d, CUDNN_ATTR_TENSOR_UNIQUE_ID, CUDNN_TYPE_INT64, 1, fault == SAME_ID && id == MADE ? &same : &id);
  SET(*d, CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, CUDNN_TYPE_INT64, 1, &alignment);
  SET(*d, CUDNN_ATTR_TENSOR_IS_VIRTUAL, CUDNN_TYPE_BOOLEAN, 1, &is_virtual);
  return fault == NOT_FINALIZED && id == W ? CUDNN_STATUS_SUCCESS : cudnnBackendFinalize(*d);
}

static cudnnStatus_t
make_convolution(Fault fault, int64_t channels, cudnnBackendDescriptor_t *operation, cudnnBackendDescriptor_t *made)
{
  const cudnnDataType_t sums = CUDNN_DATA_FLOAT;
  const cudnnConvolutionMode_t mode = CUDNN_CROSS_CORRELATION;
  const int64_t two = 2, ones[] = { 1, 1 };
  const float one = 1.0f, zero = 0.0f;
  cudnnBackendDescriptor_t x, w, how = create(CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR);
  SET(how, CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_TYPE_DATA_TYPE, 1, &sums);
  SET(how, CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_TYPE_CONVOLUTION_MODE, 1, &mode);
  SET(how, CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, CUDNN_TYPE_INT64, 1, &two);
  SET(how, CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, CUDNN_TYPE_INT64, 2, ones);
  SET(how, CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, CUDNN_TYPE_INT64, 2, ones);
  SET(how, CUDNN_ATTR_CONVOLUTION_DILATIONS, CUDNN_TYPE_INT64, 2, ones);
  SET(how, CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, CUDNN_TYPE_INT64, 2, ones);
  TRY(cudnnBackendFinalize(how));
  TRY(make_tensor(fault, &x, X, CUDNN_DATA_HALF, 1, channels, SIDE));
  TRY(make_tensor(fault, &w, W, CUDNN_DATA_HALF, channels, channels, 3));
  TRY(make_tensor(fault, made, MADE, CUDNN_DATA_FLOAT, 1, channels, SIDE - (fault == OTHER_SHAPE)));
  *operation = create(CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR);
  REFER(*operation, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC, &how);
  REFER(*operation, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X, fault == OTHER_KIND ? &how : &x);
  REFER(*operation, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W, &w);
  REFER(*operation, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y, made);
  SET(*operation, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA, CUDNN_TYPE_FLOAT, 1, &one);
  SET(*operation, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA, CUDNN_TYPE_FLOAT, 1, &zero);
  return cudnnBackendFinalize(*operation);
}

static cudnnStatus_t
make_pointwise(cudnnPointwiseMode_t mode, cudnnBackendDescriptor_t x, cudnnBackendDescriptor_t *with,
               cudnnBackendDescriptor_t y, cudnnBackendDescriptor_t *operation)
{
  const cudnnDataType_t math = CUDNN_DATA_FLOAT;
  cudnnBackendDescriptor_t how = create(CUDNN_BACKEND_POINTWISE_DESCRIPTOR);
  SET(how, CUDNN_ATTR_POINTWISE_MODE, CUDNN_TYPE_POINTWISE_MODE, 1, &mode);
  SET(how, CUDNN_ATTR_POINTWISE_MATH_PREC, CUDNN_TYPE_DATA_TYPE, 1, &math);
  TRY(cudnnBackendFinalize(how));
  *operation = create(CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR);
  REFER(*operation, CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, &how);
  REFER(*operation, CUDNN_ATTR_OPERATION_POINTWISE_XDESC, &x);
  if (with)
    REFER(*operation, CUDNN_ATTR_OPERATION_POINTWISE_BDESC, with);
  REFER(*operation, CUDNN_ATTR_OPERATION_POINTWISE_YDESC, &y);
  return cudnnBackendFinalize(*operation);
}

static cudnnStatus_t
make_graph(Fault fault, cudnnHandle_t handle, int64_t channels, cudnnBackendDescriptor_t *graph)
{
  cudnnBackendDescriptor_t made, bias, sum, y, operations[3];
  TRY(make_convolution(fault, channels, &operations[0], &made));
  TRY(make_tensor(fault, &bias, BIAS, CUDNN_DATA_FLOAT, 1, channels + (fault == OTHER_SUM), 1));
  TRY(make_tensor(fault, &sum, SUM, CUDNN_DATA_FLOAT, 1, channels, SIDE));
  TRY(make_tensor(fault, &y, Y, CUDNN_DATA_HALF, 1, channels, SIDE));
  TRY(make_pointwise(CUDNN_POINTWISE_ADD, made, &bias, sum, &operations[1]));
  TRY(make_pointwise(CUDNN_POINTWISE_RELU_FWD, sum, NULL, y, &operations[2]));
  if (fault == TWICE)
    operations[2] = operations[1];
  *graph = create(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
  SET(*graph, CUDNN_ATTR_OPERATIONGRAPH_HANDLE, CUDNN_TYPE_HANDLE, 1, &handle);
  SET(*graph, CUDNN_ATTR_OPERATIONGRAPH_OPS, CUDNN_TYPE_BACKEND_DESCRIPTOR, 3, operations);
  return cudnnBackendFinalize(*graph);
}

static cudnnStatus_t
make_plan(Fault fault, cudnnHandle_t handle, cudnnBackendDescriptor_t graph, cudnnBackendDescriptor_t *plan)
{
  const cudnnBackendHeurMode_t mode = CUDNN_HEUR_MODE_A;
  cudnnBackendDescriptor_t heuristics = create(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
  cudnnBackendDescriptor_t config = create(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR);
  int64_t n = 0;
  REFER(heuristics, CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, &graph);
  SET(heuristics, CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, 1, &mode);
  TRY(cudnnBackendFinalize(heuristics));
  TRY(cudnnBackendGetAttribute(heuristics, CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &n,
                               &config));
  *plan = create(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
  SET(*plan, CUDNN_ATTR_EXECUTION_PLAN_HANDLE, CUDNN_TYPE_HANDLE, 1, &handle);
  REFER(*plan, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, &config);
  return fault == PLAN_NOT_FINALIZED ? CUDNN_STATUS_SUCCESS : cudnnBackendFinalize(*plan);
}

/* What the first call that refuses says, else the last one; memory: more than enough for each tensor */
static cudnnStatus_t
run(Fault fault, cudnnHandle_t handle, char *const memory[5])
{
  const int64_t ids[] = { X, W, Y, BIAS }, n = fault == NO_POINTER ? 3 : 4;
  void *workspace = fault == NO_WORKSPACE ? NULL : memory[4];
  void *pointers[] = { memory[0] + (fault == MISALIGNED ? 8 : 0), memory[1], memory[2], memory[3] };
  cudnnBackendDescriptor_t graph, plan, pack;
  TRY(make_graph(fault, handle, fault == SEVENTHS ? 7 : 8, &graph));
  TRY(make_plan(fault, handle, graph, &plan));
  pack = create(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
  SET(pack, CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, CUDNN_TYPE_INT64, n, ids);
  SET(pack, CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR, n, pointers);
  SET(pack, CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, 1, &workspace);
  TRY(cudnnBackendFinalize(pack));
  return cudnnBackendExecute(handle, plan, pack);
}

static void
test_faults(void)
{
  static const cudnnStatus_t want[] = {
    [NONE] = CUDNN_STATUS_SUCCESS,
    [OTHER_TYPE] = CUDNN_STATUS_BAD_PARAM_ATTRIBUTE_TYPE,
    [OTHER_COUNT] = CUDNN_STATUS_BAD_PARAM,
    [OTHER_ATTRIBUTE] = CUDNN_STATUS_BAD_PARAM,
    [NO_DATA_TYPE] = CUDNN_STATUS_BAD_PARAM,
    [GAPS] = CUDNN_STATUS_BAD_PARAM,
    [ODD_ALIGNMENT] = CUDNN_STATUS_BAD_PARAM,
    [NOT_FINALIZED] = CUDNN_STATUS_BAD_PARAM_NOT_FINALIZED,
    [OTHER_KIND] = CUDNN_STATUS_BAD_PARAM_DESCRIPTOR_TYPE,
    [OTHER_SHAPE] = CUDNN_STATUS_BAD_PARAM_SHAPE_MISMATCH,
    [OTHER_SUM] = CUDNN_STATUS_BAD_PARAM_SHAPE_MISMATCH,
    [NOT_VIRTUAL] = CUDNN_STATUS_NOT_SUPPORTED_GRAPH_PATTERN,
    [SAME_ID] = CUDNN_STATUS_BAD_PARAM_DUPLICATED_ENTRIES,
    [TWICE] = CUDNN_STATUS_NOT_SUPPORTED_GRAPH_PATTERN,
    [SEVENTHS] = CUDNN_STATUS_BAD_PARAM_NOT_FINALIZED, /* the configuration that there is none of */
    [PLAN_NOT_FINALIZED] = CUDNN_STATUS_BAD_PARAM_NOT_FINALIZED,
    [NO_POINTER] = CUDNN_STATUS_BAD_PARAM_NULL_POINTER,
    [MISALIGNED] = CUDNN_STATUS_BAD_PARAM_MISALIGNED_POINTER,
    [NO_WORKSPACE] = CUDNN_STATUS_BAD_PARAM_NULL_POINTER,
  };
  cudnnHandle_t handle;
  cudaStream_t stream;
  char *memory[5];
  for (int i = 0; i < 5; i++)
    g_assert_cmpint(cudaMalloc((void **)&memory[i], 1 << 16), ==, cudaSuccess);
  g_assert_cmpint(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), ==, cudaSuccess);
  g_assert_cmpint(cudnnCreate(&handle), ==, CUDNN_STATUS_SUCCESS);
  g_assert_cmpint(cudnnSetStream(handle, stream), ==, CUDNN_STATUS_SUCCESS);
  for (Fault fault = NONE; fault < G_N_ELEMENTS(want); fault++) {
    all = g_ptr_array_new();
    const cudnnStatus_t status = run(fault, handle, memory);
    if (status != want[fault])
      g_error("fault %d: status %d, expected %d", (int)fault, (int)status, (int)want[fault]);
    cudaStreamSynchronize(stream);
    for (guint i = 0; i < all->len; i++)
      cudnnBackendDestroyDescriptor(all->pdata[i]);
    g_ptr_array_unref(all);
  }
  for (int i = 0; i < 5; i++)
    cudaFree(memory[i]);
  cudnnDestroy(handle);
  cudaStreamDestroy(stream);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/descriptors/faults", test_faults);
  return g_test_run();
}
