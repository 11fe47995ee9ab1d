/* kernels.h - launchers of our own kernels
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Between C and CUDA: pointers to device memory, sizes, a stream; no GLib, which nvcc is spared. Each returns what the
 * launch said; what happens on the device shows when somebody waits. Sizes are never 0. Values lie n,c,h,w.
 */
#pragma once
#include <cuda_runtime_api.h>

#ifdef __cplusplus
extern "C" {
#endif

/* An activation as numbers: below zero times slope, then tanh or not. */
typedef struct {
  float slope; /* 1: linear */
  int tanh;
} CbiganCudaActivation;

/* One layer's y = activation(x + bias + y where accumulate) over (n, channels, positions), in place; bias: NULL = 0. */
cudaError_t cbigan_cuda_launch_activate(size_t n_floats, int channels, int positions, const float *bias,
                                        CbiganCudaActivation activation, float *y, cudaStream_t stream);
/* y (n, out) = activation(x (n, in) w^T + bias + (accumulate ? y : 0)); w: out rows of `stride` floats */
cudaError_t cbigan_cuda_launch_dense(int n, int in, int out, const float *x, const float *w, size_t stride,
                                     const float *bias, CbiganCudaActivation activation, int accumulate, float *y,
                                     cudaStream_t stream);
/* x (planes, h, w) -> y (planes, 2h, 2w) */
cudaError_t cbigan_cuda_launch_upsample(int planes, int h, int w, const float *x, float *y, cudaStream_t stream);
/* x (planes, h, w) -> y (planes, h / 2, w / 2) */
cudaError_t cbigan_cuda_launch_avgpool(int planes, int h, int w, const float *x, float *y, cudaStream_t stream);
/* corners (n, 2): x, y; pixels: rows of RGB, 3 bytes a pixel -> x (n, 3, side, side) */
cudaError_t cbigan_cuda_launch_patches(int n, int side, const int *corners, const unsigned char *pixels, size_t stride,
                                       float gain, float shift, float *x, cudaStream_t stream);

/* Sums are partial: the parts of one group, one after another, are still to be added, in their order, so that the sum
 * is the same every time. How many parts a group of so many numbers has: */
int cbigan_cuda_parts(size_t count);
/* partial (n, parts): sums of |a - b| over `size` floats of each sample */
cudaError_t cbigan_cuda_launch_l1(int n, size_t size, const float *a, const float *b, float *difference, double *partial,
                                  cudaStream_t stream);

#ifdef __cplusplus
}
#endif
