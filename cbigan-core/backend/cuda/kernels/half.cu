/* half.cu - values between fused layers in bf16 or fp16, as cuDNN's tensor cores want them: n,h,w,c, channels in
 * eights
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The channels behind the last one are zero, and so are their weights. A thread has eight channels of a pixel, 16
 * bytes.
 */
#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include "activate.cuh"
#include "upsample.cuh"

#define EIGHT CBIGAN_CUDA_EIGHT

struct alignas(16) Eight {
  unsigned short bits[EIGHT];
};

/* Eight as bits, to the nearest, a tie to the even one */
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

/* Too large a number is infinite. */
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

/* The i-th eight of (n, h, w, groups) */
struct EightPlace {
  int group, s, r;
  size_t sample;
  __device__
  EightPlace(size_t i, int groups, int h, int w)
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
  return (channels + EIGHT - 1) / EIGHT;
}

static inline size_t
count(int n, int channels, int h, int w)
{
  return (size_t)n * (size_t)h * (size_t)w * (size_t)groups_of(channels);
}

/* x (n, channels, h, w) floats -> y */
template <typename Type>
__global__ static void
narrow(size_t n_eights, int channels, int h, int w, const float *x, Eight *y)
{
  CBIGAN_EACH (i, n_eights) {
    const EightPlace at(i, groups_of(channels), h, w);
    Eight to;
#pragma unroll
    for (int k = 0; k < EIGHT; k++) {
      const int c = at.group * EIGHT + k;
      const size_t map = at.sample * (size_t)channels + (size_t)c;
      to.bits[k] = c < channels ? Type::of(x[(map * (size_t)h + (size_t)at.r) * (size_t)w + (size_t)at.s]) : 0;
    }
    y[i] = to;
  }
}

/* x (n, h, w, groups) -> y (n, 2h, 2w, groups) */
template <typename Type>
__global__ static void
upsample_narrow(size_t n_eights, int groups, int h, int w, const Eight *x, Eight *y)
{
  CBIGAN_EACH (i, n_eights) {
    const EightPlace at(i, groups, 2 * h, 2 * w);
    const Eight *sample = x + at.sample * (size_t)(h * w) * (size_t)groups + at.group;
    Eight to;
#pragma unroll
    for (int k = 0; k < EIGHT; k++)
      to.bits[k] = Type::of(
          upsampled([=](int row, int column) { return Type::to_float(sample[(row * w + column) * groups].bits[k]); }, h,
                    w, at.r, at.s));
    y[i] = to;
  }
}

/* As finish.cu; y or floats may be NULL, the second one gets the same in n,c,h,w order, not rounded. */
template <typename Type>
__global__ static void
finish_narrow(size_t n_eights, int channels, int h, int w, const Eight *x, const Eight *added, const float *bias,
              CbiganCudaActivation activation, int halves, Eight *y, float *floats)
{
  const int groups = groups_of(channels), out_h = halves ? h / 2 : h, out_w = halves ? w / 2 : w;
  CBIGAN_EACH (i, n_eights) {
    const EightPlace at(i, groups, out_h, out_w);
    const Eight *sample = x + at.sample * (size_t)(h * w) * (size_t)groups + at.group;
    const Eight *small = added ? added + at.sample * (size_t)(h / 2 * (w / 2)) * (size_t)groups + at.group : NULL;
    Eight to;
#pragma unroll
    for (int k = 0; k < EIGHT; k++) {
      const int c = at.group * EIGHT + k;
      const float b = bias && c < channels ? bias[c] : 0.0f;
      auto skip = [=](int row, int column) { return Type::to_float(small[(row * (w / 2) + column) * groups].bits[k]); };
      auto number = [=](int row, int column) {
        const float product = Type::to_float(sample[(row * w + column) * groups].bits[k]);
        return activated(activation, product + b + (small ? upsampled(skip, h / 2, w / 2, row, column) : 0.0f));
      };
      const int r = at.r, s = at.s;
      const float v = halves ? 0.25f * (number(2 * r, 2 * s) + number(2 * r, 2 * s + 1) + number(2 * r + 1, 2 * s) +
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

/* w: out_c rows of (in_c, taps) floats, `stride` apart -> (out_c in eights, taps, in_c in eights) */
template <typename Type>
__global__ static void
filter_narrow(size_t n_numbers, int out_c, int in_c, int taps, const float *w, size_t stride, unsigned short *to)
{
  CBIGAN_EACH (i, n_numbers) {
    const size_t in = (size_t)(groups_of(in_c) * EIGHT);
    const int c = (int)(i % in), tap = (int)(i / in % (size_t)taps), o = (int)(i / (in * (size_t)taps));
    to[i] = c < in_c && o < out_c ? Type::of(w[(size_t)o * stride + (size_t)(c * taps + tap)]) : 0;
  }
}

/* kernel<Type> of that type */
#define LAUNCH(type, kernel, n, ...)                                                                                   \
  ((type) == CBIGAN_CUDA_BF16 ? CBIGAN_LAUNCH(kernel<Bf16>, blocks_for(n), stream, n, __VA_ARGS__)                     \
                              : CBIGAN_LAUNCH(kernel<Fp16>, blocks_for(n), stream, n, __VA_ARGS__))

cudaError_t
cbigan_cuda_launch_narrow(CbiganCudaNarrow type, int n, int channels, int h, int w, const float *x, void *y,
                          cudaStream_t stream)
{
  const size_t n_eights = count(n, channels, h, w);
  return LAUNCH(type, narrow, n_eights, channels, h, w, x, (Eight *)y);
}

cudaError_t
cbigan_cuda_launch_upsample_narrow(CbiganCudaNarrow type, int n, int channels, int h, int w, const void *x, void *y,
                                   cudaStream_t stream)
{
  const size_t n_eights = count(n, channels, 2 * h, 2 * w);
  return LAUNCH(type, upsample_narrow, n_eights, groups_of(channels), h, w, (const Eight *)x, (Eight *)y);
}

cudaError_t
cbigan_cuda_launch_finish_narrow(CbiganCudaNarrow type, int n, int channels, int h, int w, const void *x,
                                 const void *added, const float *bias, CbiganCudaActivation activation, int halves,
                                 void *y, float *floats, cudaStream_t stream)
{
  const size_t n_eights = halves ? count(n, channels, h / 2, w / 2) : count(n, channels, h, w);
  return LAUNCH(type, finish_narrow, n_eights, channels, h, w, (const Eight *)x, (const Eight *)added, bias, activation,
                halves, (Eight *)y, floats);
}

cudaError_t
cbigan_cuda_launch_filter_narrow(CbiganCudaNarrow type, int out_c, int in_c, int taps, const float *w, size_t stride,
                                 void *to, cudaStream_t stream)
{
  const size_t n_numbers = (size_t)(groups_of(out_c) * EIGHT * taps) * (size_t)(groups_of(in_c) * EIGHT);
  return LAUNCH(type, filter_narrow, n_numbers, out_c, in_c, taps, w, stride, (unsigned short *)to);
}
