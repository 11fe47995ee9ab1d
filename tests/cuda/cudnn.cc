/* cudnn.cc - the part of cuDNN's legacy API that the cuda backend calls, by the definition of convolution
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * See emulator.h. It refuses, as cuDNN would or more strictly, whatever the backend must not ask for: TF32, other
 * strides, unaligned pointers, too small a workspace, algorithms that are not sums of products. Values of 16 bits must
 * lie in n,h,w,c order with channels in groups of eight, and bf16 needs a chip that has it.
 */
#include <cuda_fp16.h>
#include <cudnn.h>

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <vector>

#include "emulator_internal.h"

struct cudnnContext {
  CUcontext context; /* CUDA's that was current when the handle was made */
  cudaStream_t stream;
};

struct cudnnTensorStruct {
  int n, c, h, w;
  cudnnDataType_t type; /* if not float, n,h,w,c order */
};

struct cudnnFilterStruct {
  int o, i, h, w;
  cudnnDataType_t type; /* if not float, o,h,w,i order */
};

struct cudnnConvolutionStruct {
  int pad;
  cudnnMathType_t math;
};

size_t
cudnnGetVersion(void)
{
  return (size_t)emulator_machine("cudnn", CUDNN_VERSION);
}

const char *
cudnnGetErrorString(cudnnStatus_t status)
{
  return status == CUDNN_STATUS_NOT_SUPPORTED      ? "CUDNN_STATUS_NOT_SUPPORTED"
         : status == CUDNN_STATUS_EXECUTION_FAILED ? "CUDNN_STATUS_EXECUTION_FAILED"
                                                   : "CUDNN_STATUS_BAD_PARAM";
}

void
cudnnGetLastErrorString(char *message, size_t size)
{
  snprintf(message, size, "emulated");
}

template <typename Handle>
static cudnnStatus_t
create(Handle **handle)
{
  *handle = new Handle();
  return CUDNN_STATUS_SUCCESS;
}

template <typename Handle>
static cudnnStatus_t
destroy(Handle *handle)
{
  delete handle;
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t
cudnnCreate(cudnnHandle_t *handle)
{
  *handle = new cudnnContext{ emulator_context(), nullptr };
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t
cudnnDestroy(cudnnHandle_t handle)
{
  return destroy(handle);
}

cudnnStatus_t
cudnnSetStream(cudnnHandle_t handle, cudaStream_t stream)
{
  if (stream->context != handle->context)
    return CUDNN_STATUS_BAD_PARAM_STREAM_MISMATCH;
  handle->stream = stream;
  return CUDNN_STATUS_SUCCESS;
}

#define DESCRIPTOR(name)                                                                                               \
  cudnnStatus_t cudnnCreate##name##Descriptor(cudnn##name##Descriptor_t *d) { return create(d); }                      \
  cudnnStatus_t cudnnDestroy##name##Descriptor(cudnn##name##Descriptor_t d) { return destroy(d); }
DESCRIPTOR(Tensor)
DESCRIPTOR(Filter)
DESCRIPTOR(Convolution)

/* --- numbers of 16 bits ------------------------------------------------------------------------------------------ */

static bool
is_half(cudnnDataType_t type)
{
  return type != CUDNN_DATA_FLOAT;
}

/* Whether the chip has the type */
static bool
has_type(cudnnDataType_t type)
{
  return type == CUDNN_DATA_FLOAT || type == CUDNN_DATA_HALF ||
         (type == CUDNN_DATA_BFLOAT16 && emulator_machine("capability", 75) >= 80);
}

static float
from_half(cudnnDataType_t type, uint16_t bits)
{
  if (type == CUDNN_DATA_HALF)
    return __half2float(__ushort_as_half(bits));
  return __uint_as_float((unsigned)bits << 16);
}

static uint16_t
to_half(cudnnDataType_t type, float v)
{
  if (type == CUDNN_DATA_HALF)
    return __half_as_ushort(__float2half_rn(v));
  const unsigned bits = __float_as_uint(v), half = 0x7FFF + (bits >> 16 & 1); /* a tie to the even one */
  return (uint16_t)(v != v ? bits >> 16 | 0x40 : (bits + half) >> 16);
}

/* Floats n,c,h,w, or 16 bits n,h,w,c on a chip that has them */
static bool
is_format(cudnnTensorFormat_t format, cudnnDataType_t type)
{
  return has_type(type) && format == (is_half(type) ? CUDNN_TENSOR_NHWC : CUDNN_TENSOR_NCHW);
}

cudnnStatus_t
cudnnSetTensor4dDescriptor(cudnnTensorDescriptor_t t, cudnnTensorFormat_t format, cudnnDataType_t type, int n, int c,
                           int h, int w)
{
  *t = { n, c, h, w, type };
  return is_format(format, type) && n > 0 && c > 0 && h > 0 && w > 0 && (!is_half(type) || c % 8 == 0)
             ? CUDNN_STATUS_SUCCESS
             : CUDNN_STATUS_BAD_PARAM;
}

cudnnStatus_t
cudnnSetFilter4dDescriptor(cudnnFilterDescriptor_t f, cudnnDataType_t type, cudnnTensorFormat_t format, int o, int i,
                           int h, int w)
{
  *f = { o, i, h, w, type };
  return is_format(format, type) && o > 0 && i > 0 && h > 0 && w == h && (!is_half(type) || (o % 8 == 0 && i % 8 == 0))
             ? CUDNN_STATUS_SUCCESS
             : CUDNN_STATUS_BAD_PARAM;
}

cudnnStatus_t
cudnnSetConvolution2dDescriptor(cudnnConvolutionDescriptor_t c, int pad_h, int pad_w, int u, int v, int dilation_h,
                                int dilation_w, cudnnConvolutionMode_t mode, cudnnDataType_t type)
{
  *c = { pad_h, CUDNN_DEFAULT_MATH };
  return pad_h == pad_w && u == 1 && v == 1 && dilation_h == 1 && dilation_w == 1 && mode == CUDNN_CROSS_CORRELATION &&
                 type == CUDNN_DATA_FLOAT
             ? CUDNN_STATUS_SUCCESS
             : CUDNN_STATUS_BAD_PARAM;
}

cudnnStatus_t
cudnnSetConvolutionMathType(cudnnConvolutionDescriptor_t c, cudnnMathType_t math)
{
  c->math = math;
  return CUDNN_STATUS_SUCCESS;
}

/* Copies of the descriptors, which may be gone when the work is done. */
struct Problem {
  cudnnTensorStruct x, y;
  cudnnFilterStruct w;
  int pad;
};

static bool
fits(const Problem &p, const cudnnConvolutionStruct &c)
{
  return p.x.n == p.y.n && p.x.c == p.w.i && p.y.c == p.w.o && p.y.h == p.x.h + 2 * p.pad - p.w.h + 1 &&
         p.y.w == p.x.w + 2 * p.pad - p.w.w + 1 && p.x.type == p.y.type && p.x.type == p.w.type &&
         c.math == (is_half(p.x.type) ? CUDNN_TENSOR_OP_MATH : CUDNN_FMA_MATH);
}

/* Bytes that are asked for, and overwritten. Wider layers need more, so tests see the workspace grow. */
static size_t
workspace_of(const Problem &p)
{
  return 1000 + 16 * (size_t)p.w.o;
}

static cudnnStatus_t
workspace_size(const Problem &p, const cudnnConvolutionStruct &c, bool supported, size_t *size)
{
  *size = workspace_of(p);
  return !fits(p, c) ? CUDNN_STATUS_BAD_PARAM : supported ? CUDNN_STATUS_SUCCESS : CUDNN_STATUS_NOT_SUPPORTED;
}

/* --- 16 bits to floats n,c,h,w, and back ------------------------------------------------------------------------- */

/* Calls body(index with c last, index with c second) for each number of a tensor, or of filters (out, in, kernel). */
template <typename Body>
static void
for_each_place(int n, int c, int h, int w, Body body)
{
  for (size_t i = 0, sample = 0; sample < (size_t)n; sample++)
    for (size_t k = 0; k < (size_t)c; k++)
      for (size_t pixel = 0; pixel < (size_t)(h * w); pixel++, i++)
        body((sample * (size_t)(h * w) + pixel) * (size_t)c + k, i);
}

static std::vector<float>
read_half(cudnnDataType_t type, const void *data, int n, int c, int h, int w)
{
  std::vector<float> to((size_t)n * c * h * w);
  for_each_place(n, c, h, w, [&](size_t at, size_t i) { to[i] = from_half(type, ((const uint16_t *)data)[at]); });
  return to;
}

/* Calls body(x plane, w, y plane, dy, dx) for every pair of planes and every tap of the kernel. */
template <typename Body>
static void
for_each_shift(const Problem &p, Body body)
{
  for (int n = 0; n < p.x.n; n++)
    for (int o = 0; o < p.w.o; o++)
      for (int i = 0; i < p.w.i; i++)
        for (int k = 0; k < p.w.h * p.w.w; k++)
          body(((size_t)n * p.x.c + i) * p.x.h * p.x.w, ((size_t)o * p.w.i + i) * p.w.h * p.w.w + k,
               ((size_t)n * p.y.c + o) * p.y.h * p.y.w, k / p.w.w - p.pad, k % p.w.w - p.pad);
}

/* Calls body(x index, y index) for each pixel pair of a shift that lies inside of both planes. */
template <typename Body>
static void
for_each_pixel(const Problem &p, size_t x, size_t y, int dy, int dx, Body body)
{
  for (int r = max(0, -dy); r < min(p.y.h, p.x.h - dy); r++)
    for (int s = max(0, -dx); s < min(p.y.w, p.x.w - dx); s++)
      body(x + (size_t)(r + dy) * p.x.w + s + dx, y + (size_t)r * p.y.w + s);
}

/* to = sums + beta * to; with beta = 0 `to` is not read */
static void
store(const std::vector<double> &sums, float beta, float *to)
{
  for (size_t i = 0; i < sums.size(); i++)
    to[i] = (float)(sums[i] + (beta == 0.0f ? 0.0 : (double)beta * to[i]));
}

static std::vector<double>
forward(const Problem &p, const float *x, const float *w)
{
  std::vector<double> sums((size_t)p.y.n * p.y.c * p.y.h * p.y.w);
  for_each_shift(p, [&](size_t xp, size_t wi, size_t yp, int dy, int dx) {
    for_each_pixel(p, xp, yp, dy, dx, [&](size_t xi, size_t yi) { sums[yi] += (double)w[wi] * x[xi]; });
  });
  return sums;
}

static std::vector<double>
data(const Problem &p, const float *w, const float *y)
{
  std::vector<double> sums((size_t)p.x.n * p.x.c * p.x.h * p.x.w);
  for_each_shift(p, [&](size_t xp, size_t wi, size_t yp, int dy, int dx) {
    for_each_pixel(p, xp, yp, dy, dx, [&](size_t xi, size_t yi) { sums[xi] += (double)w[wi] * y[yi]; });
  });
  return sums;
}

static std::vector<double>
filter(const Problem &p, const float *x, const float *y)
{
  std::vector<double> sums((size_t)p.w.o * p.w.i * p.w.h * p.w.w);
  for_each_shift(p, [&](size_t xp, size_t wi, size_t yp, int dy, int dx) {
    for_each_pixel(p, xp, yp, dy, dx, [&](size_t xi, size_t yi) { sums[wi] += (double)x[xi] * y[yi]; });
  });
  return sums;
}

/* y = convolution of x and w, all of 16 bits, sums in float */
static void
forward_half(const Problem &p, const void *x, const void *w, float beta, void *y)
{
  const std::vector<float> from = read_half(p.x.type, x, p.x.n, p.x.c, p.x.h, p.x.w);
  const std::vector<float> weights = read_half(p.x.type, w, p.w.o, p.w.i, p.w.h, p.w.w);
  std::vector<float> to = read_half(p.x.type, y, p.y.n, p.y.c, p.y.h, p.y.w);
  store(forward(p, from.data(), weights.data()), beta, to.data());
  for_each_place(p.y.n, p.y.c, p.y.h, p.y.w,
                 [&](size_t at, size_t i) { ((uint16_t *)y)[at] = to_half(p.x.type, to[i]); });
}

static bool
aligned(const void *p)
{
  return p && (uintptr_t)p % 16 == 0;
}

/* Enqueues `work`, which reads a and b and writes `to`; common to all three directions. */
template <typename Work>
static cudnnStatus_t
run(cudnnHandle_t handle, const Problem &p, const cudnnConvolutionStruct &c, const void *alpha, const void *a,
    const void *b, const void *to, void *workspace, size_t size, Work work)
{
  if (!fits(p, c) || *(const float *)alpha != 1.0f || !aligned(a) || !aligned(b) || !aligned(to) || !workspace ||
      size < workspace_of(p))
    return CUDNN_STATUS_BAD_PARAM;
  const cudaError_t status = emulator_enqueue(handle->stream, { "convolution", { a, b, to, workspace }, [=] {
                                                                 memset(workspace, 0x5A, workspace_of(p));
                                                                 work();
                                                               } });
  return status == cudaSuccess ? CUDNN_STATUS_SUCCESS : CUDNN_STATUS_EXECUTION_FAILED;
}

/* The backend may use sums of products only. */
static bool
can_forward(cudnnConvolutionFwdAlgo_t algorithm)
{
  return algorithm == CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_GEMM ||
         algorithm == CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_PRECOMP_GEMM || algorithm == CUDNN_CONVOLUTION_FWD_ALGO_GEMM;
}

cudnnStatus_t
cudnnGetConvolutionForwardWorkspaceSize(cudnnHandle_t, const cudnnTensorDescriptor_t x, const cudnnFilterDescriptor_t w,
                                        const cudnnConvolutionDescriptor_t c, const cudnnTensorDescriptor_t y,
                                        cudnnConvolutionFwdAlgo_t algorithm, size_t *size)
{
  return workspace_size({ *x, *y, *w, c->pad }, *c,
                        can_forward(algorithm) && (int)algorithm != emulator_machine("refused", -1), size);
}

cudnnStatus_t
cudnnGetConvolutionBackwardDataWorkspaceSize(cudnnHandle_t, const cudnnFilterDescriptor_t w,
                                             const cudnnTensorDescriptor_t y, const cudnnConvolutionDescriptor_t c,
                                             const cudnnTensorDescriptor_t x, cudnnConvolutionBwdDataAlgo_t algorithm,
                                             size_t *size)
{
  return workspace_size({ *x, *y, *w, c->pad }, *c, (int)algorithm != emulator_machine("refused", -1), size);
}

cudnnStatus_t
cudnnGetConvolutionBackwardFilterWorkspaceSize(cudnnHandle_t, const cudnnTensorDescriptor_t x,
                                               const cudnnTensorDescriptor_t y, const cudnnConvolutionDescriptor_t c,
                                               const cudnnFilterDescriptor_t w,
                                               cudnnConvolutionBwdFilterAlgo_t algorithm, size_t *size)
{
  return workspace_size({ *x, *y, *w, c->pad }, *c, (int)algorithm != emulator_machine("refused", -1), size);
}

cudnnStatus_t
cudnnConvolutionForward(cudnnHandle_t handle, const void *alpha, const cudnnTensorDescriptor_t xd, const void *x,
                        const cudnnFilterDescriptor_t wd, const void *w, const cudnnConvolutionDescriptor_t c,
                        cudnnConvolutionFwdAlgo_t algorithm, void *workspace, size_t size, const void *beta,
                        const cudnnTensorDescriptor_t yd, void *y)
{
  const Problem p = { *xd, *yd, *wd, c->pad };
  const float keep = *(const float *)beta;
  if (!can_forward(algorithm))
    return CUDNN_STATUS_NOT_SUPPORTED;
  return run(handle, p, *c, alpha, x, w, y, workspace, size, [=] {
    if (is_half(p.x.type))
      forward_half(p, x, w, keep, y);
    else
      store(forward(p, (const float *)x, (const float *)w), keep, (float *)y);
  });
}

cudnnStatus_t
cudnnConvolutionBackwardData(cudnnHandle_t handle, const void *alpha, const cudnnFilterDescriptor_t wd, const void *w,
                             const cudnnTensorDescriptor_t yd, const void *y, const cudnnConvolutionDescriptor_t c,
                             cudnnConvolutionBwdDataAlgo_t, void *workspace, size_t size, const void *beta,
                             const cudnnTensorDescriptor_t xd, void *x)
{
  const Problem p = { *xd, *yd, *wd, c->pad };
  const float keep = *(const float *)beta;
  if (is_half(p.x.type))
    return CUDNN_STATUS_NOT_SUPPORTED;
  return run(handle, p, *c, alpha, w, y, x, workspace, size,
             [=] { store(data(p, (const float *)w, (const float *)y), keep, (float *)x); });
}

cudnnStatus_t
cudnnConvolutionBackwardFilter(cudnnHandle_t handle, const void *alpha, const cudnnTensorDescriptor_t xd, const void *x,
                               const cudnnTensorDescriptor_t yd, const void *y, const cudnnConvolutionDescriptor_t c,
                               cudnnConvolutionBwdFilterAlgo_t, void *workspace, size_t size, const void *beta,
                               const cudnnFilterDescriptor_t wd, void *w)
{
  const Problem p = { *xd, *yd, *wd, c->pad };
  const float keep = *(const float *)beta;
  if (is_half(p.x.type))
    return CUDNN_STATUS_NOT_SUPPORTED;
  return run(handle, p, *c, alpha, x, y, w, workspace, size,
             [=] { store(filter(p, (const float *)x, (const float *)y), keep, (float *)w); });
}
