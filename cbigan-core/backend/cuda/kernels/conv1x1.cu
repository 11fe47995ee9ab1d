/* conv1x1.cu - 1x1 convolution of one or two maps of few channels, with bias, activation and 2x2 mean: the end of a
 * block
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A block's closing 1x1 and its skip are one product over two inputs; nothing between them is written. See conv3.cu for
 * how the work is shared.
 */
#include "output_tile.cuh"

template <int OUTS>
__device__ static inline void
add_products(const float *weights /* [OUTS] */, const float around[4][4], float sums[OUTS][QUAD])
{
#pragma unroll
  for (int o = 0; o < OUTS; o++)
#pragma unroll
    for (int p = 0; p < QUAD; p++)
      sums[o][p] += weights[o] * around[1 + p / 2][1 + p % 2];
}

/* grid (quads, out_c / OUTS); one = t (n, t_c, h, w), two = x (n, x_c, h, w), halved with DOUBLES -> y (n, out_c, h,
 * w), halved with `halves` */
template <int OUTS, bool DOUBLES>
__global__ static void
point(size_t quads, int out_c, int h, int w, int t_c, const float *t, const float *t_weights, int x_c, const float *x,
      const float *x_weights, const float *bias, CbiganCudaActivation activation, int halves, float *y)
{
  alignas(16) __shared__ float shared[2 * CBIGAN_CUDA_FEW * OUTS]; /* (t_c + x_c, OUTS) */
  const int first = (int)blockIdx.y * OUTS, outs = min(OUTS, out_c - first);
  const size_t plane = (size_t)h * (size_t)w, small = DOUBLES ? plane / 4 : plane;
  for (int i = (int)threadIdx.x; i < (t_c + x_c) * OUTS; i += CBIGAN_THREADS) {
    const int o = first + i % OUTS, c = i / OUTS;
    shared[i] = i % OUTS >= outs ? 0.0f : c < t_c ? t_weights[o * t_c + c] : x_weights[o * x_c + c - t_c];
  }
  __syncthreads();
  CBIGAN_EACH (q, quads) {
    const QuadPlace at(q, h, w);
    float sums[OUTS][QUAD] = {}, around[4][4];
    for (int i = 0; i < t_c; i++) {
      read_around<false>(t + (at.sample * (size_t)t_c + (size_t)i) * plane, h, w, at.r, at.s, around);
      add_products<OUTS>(shared + i * OUTS, around, sums);
    }
    for (int i = 0; i < x_c; i++) {
      read_around<DOUBLES>(x + (at.sample * (size_t)x_c + (size_t)i) * small, h, w, at.r, at.s, around);
      add_products<OUTS>(shared + (t_c + i) * OUTS, around, sums);
    }
#pragma unroll
    for (int o = 0; o < OUTS; o++)
      if (o < outs)
        write_quad(y + (at.sample * (size_t)out_c + (size_t)(first + o)) *
                           (halves ? (size_t)((h / 2) * (w / 2)) : plane),
                   h, w, at.r, at.s, bias ? bias[first + o] : 0.0f, activation, halves, sums[o]);
  }
}

template <int OUTS, bool DOUBLES>
static cudaError_t
launch(int n, int out_c, int h, int w, int t_c, const float *t, const float *t_weights, int x_c, const float *x,
       const float *x_weights, const float *bias, CbiganCudaActivation activation, int halves, float *y,
       cudaStream_t stream)
{
  const size_t quads = count_quads(n, h, w);
  const dim3 grid(blocks_for(quads).x, (unsigned)((out_c + OUTS - 1) / OUTS));
  return CBIGAN_LAUNCH((point<OUTS, DOUBLES>), grid, stream, quads, out_c, h, w, t_c, t, t_weights, x_c, x, x_weights,
                       bias, activation, halves, y);
}

cudaError_t
cbigan_cuda_launch_point(int n, int out_c, int h, int w, int outs, int t_c, const float *t, const float *t_weights,
                         int x_c, const float *x, const float *x_weights, int doubles, const float *bias,
                         CbiganCudaActivation activation, int halves, float *y, cudaStream_t stream)
{
  static decltype(&launch<4, false>)
      const launchers[2][2] = { { launch<4, false>, launch<4, true> }, { launch<8, false>, launch<8, true> } };
  return launchers[outs == 8][doubles != 0](n, out_c, h, w, t_c, t, t_weights, x_c, x, x_weights, bias, activation,
                                            halves, y, stream);
}
