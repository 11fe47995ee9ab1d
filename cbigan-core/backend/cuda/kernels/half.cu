/* half.cu - 16-bit values between fused layers, bf16 or fp16: n,h,w,c order with channels in groups of eight, as tensor
 * cores want them
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Padding channels are zero, and so are their weights. A thread handles one group of a pixel, which has 16 bytes.
 */
#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include "activate.cuh"
#include "upsample.cuh"

#define GROUP CBIGAN_CUDA_GROUP

struct alignas(16) Group {
  unsigned short bits[GROUP];
};

/* Both types round to the nearest number, and a tie to the even one. */
struct Bf16 {
  __device__ static float
  to_float(unsigned short bits)
  {
    return __bfloat162float(__ushort_as_bfloat16(bits));
  }
  __device__ static unsigned short
  of(float v)
  {
    return __bfloat16_as_ushort(__float2bfloat16_rn(v));
  }
};

/* A number beyond the largest becomes infinite. */
struct Fp16 {
  __device__ static float
  to_float(unsigned short bits)
  {
    return __half2float(__ushort_as_half(bits));
  }
  __device__ static unsigned short
  of(float v)
  {
    return __half_as_ushort(__float2half_rn(v));
  }
};

/* The position of group i in (n, h, w, groups) */
struct GroupPlace {
  int group, s, r;
  size_t sample;
  __device__
  GroupPlace(size_t i, int groups, int h, int w)
  {
    group = (int)(i % (size_t)groups);
    s = (int)(i / (size_t)groups % (size_t)w);
    r = (int)(i / (size_t)(groups * w) % (size_t)h);
    sample = i / ((size_t)groups * (size_t)w * (size_t)h);
  }
};

__host__ __device__ static inline int
groups_of(int channels)
{
  return (channels + GROUP - 1) / GROUP;
}

static inline size_t
count(int n, int channels, int h, int w)
{
  return (size_t)n * (size_t)h * (size_t)w * (size_t)groups_of(channels);
}

/* x (n, channels, h, w) in floats -> y */
template <typename Type>
__global__ static void
half_round(size_t n_groups, int channels, int h, int w, const float *x, Group *y)
{
  CBIGAN_EACH (i, n_groups) {
    const GroupPlace at(i, groups_of(channels), h, w);
    Group to;
#pragma unroll
    for (int k = 0; k < GROUP; k++) {
      const int c = at.group * GROUP + k;
      const size_t map = at.sample * (size_t)channels + (size_t)c;
      to.bits[k] = c < channels ? Type::of(x[(map * (size_t)h + (size_t)at.r) * (size_t)w + (size_t)at.s]) : 0;
    }
    y[i] = to;
  }
}

/* x (n, h, w, groups) -> y (n, 2h, 2w, groups) */
template <typename Type>
__global__ static void
half_upsample(size_t n_groups, int groups, int h, int w, const Group *x, Group *y)
{
  CBIGAN_EACH (i, n_groups) {
    const GroupPlace at(i, groups, 2 * h, 2 * w);
    const Group *sample = x + at.sample * (size_t)(h * w) * (size_t)groups + at.group;
    Group to;
#pragma unroll
    for (int k = 0; k < GROUP; k++)
      to.bits[k] = Type::of(
          upsampled([=](int row, int column) { return Type::to_float(sample[(row * w + column) * groups].bits[k]); }, h,
                    w, at.r, at.s));
    y[i] = to;
  }
}

/* As epilogue.cu. floats gets the unrounded numbers in n,c,h,w order; y or floats may be NULL. */
template <typename Type>
__global__ static void
half_epilogue(size_t n_groups, int channels, int h, int w, const Group *x, const Group *skip, const float *bias,
              CbiganCudaActivation activation, int pools, Group *y, float *floats)
{
  const int groups = groups_of(channels), out_h = pools ? h / 2 : h, out_w = pools ? w / 2 : w;
  CBIGAN_EACH (i, n_groups) {
    const GroupPlace at(i, groups, out_h, out_w);
    const Group *sample = x + at.sample * (size_t)(h * w) * (size_t)groups + at.group;
    const Group *small = skip ? skip + at.sample * (size_t)(h / 2 * (w / 2)) * (size_t)groups + at.group : NULL;
    Group to;
#pragma unroll
    for (int k = 0; k < GROUP; k++) {
      const int c = at.group * GROUP + k;
      const float b = bias && c < channels ? bias[c] : 0.0f;
      auto other = [=](int row, int column) {
        return Type::to_float(small[(row * (w / 2) + column) * groups].bits[k]);
      };
      auto number = [=](int row, int column) {
        const float product = Type::to_float(sample[(row * w + column) * groups].bits[k]);
        return activated(activation, product + b + (small ? upsampled(other, h / 2, w / 2, row, column) : 0.0f));
      };
      const int r = at.r, s = at.s;
      const float v = pools ? 0.25f * (number(2 * r, 2 * s) + number(2 * r, 2 * s + 1) + number(2 * r + 1, 2 * s) +
                                       number(2 * r + 1, 2 * s + 1))
                            : number(r, s);
      to.bits[k] = c < channels ? Type::of(v) : 0;
      if (floats && c < channels)
        floats[((at.sample * (size_t)channels + (size_t)c) * (size_t)out_h + (size_t)r) * (size_t)out_w + (size_t)s] =
            v;
    }
    if (y)
      y[i] = to;
  }
}

/* w: out_c rows of (in_c, taps) floats, `stride` floats apart -> (out_c, taps, in_c), both channels padded */
template <typename Type>
__global__ static void
half_weights(size_t n_numbers, int out_c, int in_c, int taps, const float *w, size_t stride, unsigned short *to)
{
  CBIGAN_EACH (i, n_numbers) {
    const size_t in = (size_t)(groups_of(in_c) * GROUP);
    const int c = (int)(i % in), tap = (int)(i / in % (size_t)taps), o = (int)(i / (in * (size_t)taps));
    to[i] = c < in_c && o < out_c ? Type::of(w[(size_t)o * stride + (size_t)(c * taps + tap)]) : 0;
  }
}

/* Launches kernel<Bf16> or kernel<Fp16>. */
#define LAUNCH(type, kernel, n, ...)                                                                                   \
  ((type) == CBIGAN_CUDA_BF16 ? CBIGAN_LAUNCH(kernel<Bf16>, blocks_for(n), stream, n, __VA_ARGS__)                     \
                              : CBIGAN_LAUNCH(kernel<Fp16>, blocks_for(n), stream, n, __VA_ARGS__))

cudaError_t
cbigan_cuda_launch_half_round(CbiganCudaHalf type, int n, int channels, int h, int w, const float *x, void *y,
                              cudaStream_t stream)
{
  const size_t n_groups = count(n, channels, h, w);
  return LAUNCH(type, half_round, n_groups, channels, h, w, x, (Group *)y);
}

cudaError_t
cbigan_cuda_launch_half_upsample(CbiganCudaHalf type, int n, int channels, int h, int w, const void *x, void *y,
                                 cudaStream_t stream)
{
  const size_t n_groups = count(n, channels, 2 * h, 2 * w);
  return LAUNCH(type, half_upsample, n_groups, groups_of(channels), h, w, (const Group *)x, (Group *)y);
}

cudaError_t
cbigan_cuda_launch_half_epilogue(CbiganCudaHalf type, int n, int channels, int h, int w, const void *x,
                                 const void *skip, const float *bias, CbiganCudaActivation activation, int pools,
                                 void *y, float *floats, cudaStream_t stream)
{
  const size_t n_groups = pools ? count(n, channels, h / 2, w / 2) : count(n, channels, h, w);
  return LAUNCH(type, half_epilogue, n_groups, channels, h, w, (const Group *)x, (const Group *)skip, bias, activation,
                pools, (Group *)y, floats);
}

cudaError_t
cbigan_cuda_launch_half_weights(CbiganCudaHalf type, int out_c, int in_c, int taps, const float *w, size_t stride,
                                void *to, cudaStream_t stream)
{
  const size_t n_numbers = (size_t)(groups_of(out_c) * GROUP * taps) * (size_t)(groups_of(in_c) * GROUP);
  return LAUNCH(type, half_weights, n_numbers, out_c, in_c, taps, w, stride, (unsigned short *)to);
}
