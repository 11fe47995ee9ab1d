/* conv3x3.cu - 3x3 convolution of few channels with its bias and activation, of a map or of an upsampled one
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * For widths where cuDNN pads channels, and where the next kernel costs more than this one's products. A thread makes
 * 2x2 outputs of OUTS channels, so that it reads 16 numbers for 36 * OUTS products; weights lie in shared memory, and
 * what neighbours read too comes from the cache.
 */
#include "output_tile.cuh"

/* grid (quads, out_c / OUTS); x (n, in_c, h, w), halved with DOUBLES; weights (out_c, in_c, 3, 3) -> y (n, out_c, h, w)
 */
template <int OUTS, bool DOUBLES>
__global__ static void
conv3(size_t quads, int in_c, int out_c, int h, int w, const float *x, const float *weights, const float *bias,
      CbiganCudaActivation activation, float *y)
{
  alignas(16) __shared__ float shared[CBIGAN_CUDA_FEW * 9 * OUTS]; /* (in_c, 9, OUTS) */
  const int first = (int)blockIdx.y * OUTS, outs = min(OUTS, out_c - first), taps = in_c * 9;
  const size_t plane = (size_t)h * (size_t)w, small = DOUBLES ? plane / 4 : plane;
  for (int i = (int)threadIdx.x; i < taps * OUTS; i += CBIGAN_THREADS)
    shared[i] = i % OUTS < outs ? weights[(size_t)(first + i % OUTS) * (size_t)taps + (size_t)(i / OUTS)] : 0.0f;
  __syncthreads();
  CBIGAN_EACH (q, quads) {
    const QuadPlace at(q, h, w);
    float sums[OUTS][QUAD] = {};
    for (int i = 0; i < in_c; i++) {
      float around[4][4];
      read_around<DOUBLES>(x + (at.sample * (size_t)in_c + (size_t)i) * small, h, w, at.r, at.s, around);
#pragma unroll
      for (int tap = 0; tap < 9; tap++)
#pragma unroll
        for (int o = 0; o < OUTS; o++)
#pragma unroll
          for (int p = 0; p < QUAD; p++)
            sums[o][p] += shared[(i * 9 + tap) * OUTS + o] * around[tap / 3 + p / 2][tap % 3 + p % 2];
    }
#pragma unroll
    for (int o = 0; o < OUTS; o++) {
      float *to = y + (at.sample * (size_t)out_c + (size_t)(first + o)) * plane;
      const float b = bias && o < outs ? bias[first + o] : 0.0f;
#pragma unroll
      for (int p = 0; p < QUAD; p++)
        if (o < outs && at.r + p / 2 < h && at.s + p % 2 < w)
          to[(at.r + p / 2) * w + at.s + p % 2] = activated(activation, sums[o][p] + b);
    }
  }
}

template <int OUTS, bool DOUBLES>
static cudaError_t
launch(int n, int in_c, int out_c, int h, int w, const float *x, const float *weights, const float *bias,
       CbiganCudaActivation activation, float *y, cudaStream_t stream)
{
  const size_t quads = count_quads(n, h, w);
  const dim3 grid(blocks_for(quads).x, (unsigned)((out_c + OUTS - 1) / OUTS));
  return CBIGAN_LAUNCH((conv3<OUTS, DOUBLES>), grid, stream, quads, in_c, out_c, h, w, x, weights, bias, activation, y);
}

cudaError_t
cbigan_cuda_launch_conv3(int n, int in_c, int out_c, int h, int w, int outs, int doubles, const float *x,
                         const float *weights, const float *bias, CbiganCudaActivation activation, float *y,
                         cudaStream_t stream)
{
  static decltype(&launch<4, false>)
      const launchers[2][2] = { { launch<4, false>, launch<4, true> }, { launch<8, false>, launch<8, true> } };
  return launchers[outs == 8][doubles != 0](n, in_c, out_c, h, w, x, weights, bias, activation, y, stream);
}
