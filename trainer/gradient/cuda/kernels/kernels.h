/* kernels.h - launchers of the gradients' kernels
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The rules of backend/cuda/kernels/kernels.h apply. gradient.h says what each launcher computes.
 */
#pragma once
#include "backend/cuda/kernels/kernels.h"
#include "gradient/update.h"

#ifdef __cplusplus
extern "C" {
#endif

/* dy *= activation'(y) */
cudaError_t cbigan_grad_cuda_launch_activation_gradient(size_t n_floats, CbiganCudaActivation activation,
                                                        const float *y, float *dy, cudaStream_t stream);
/* dy (planes, 2h, 2w) -> dx (planes, h, w) */
cudaError_t cbigan_grad_cuda_launch_upsample_data(int planes, int h, int w, const float *dy, int accumulate, float *dx,
                                                  cudaStream_t stream);
/* dy (planes, h / 2, w / 2) -> dx (planes, h, w) */
cudaError_t cbigan_grad_cuda_launch_avgpool_data(int planes, int h, int w, const float *dy, int accumulate, float *dx,
                                                 cudaStream_t stream);
/* w: `out` rows of `stride` floats; dy (n, out) -> dx (n, in) */
cudaError_t cbigan_grad_cuda_launch_dense_data(int n, int in, int out, const float *w, size_t stride, const float *dy,
                                               int accumulate, float *dx, cudaStream_t stream);
/* gradients += dy (n, out)^T x (n, in); gradients: `out` rows of `stride` floats */
cudaError_t cbigan_grad_cuda_launch_dense_weights(int n, int in, int out, const float *x, const float *dy,
                                                  size_t stride, float *gradients, cudaStream_t stream);
/* gradients[c] += sum of dy (n, channels, positions). partial: scratch (channels, cbigan_cuda_parts(n * positions)) */
cudaError_t cbigan_grad_cuda_launch_bias(int n, int channels, int positions, const float *dy, double *partial,
                                         float *gradients, cudaStream_t stream);
/* y += x; rows of `size` floats, in x without gaps, in y `stride` floats apart */
cudaError_t cbigan_grad_cuda_launch_add_rows(int rows, size_t size, const float *x, size_t stride, float *y,
                                             cudaStream_t stream);

cudaError_t cbigan_grad_cuda_launch_l1_gradient(size_t n_floats, const float *a, const float *b, float scale, float *da,
                                                cudaStream_t stream);
cudaError_t cbigan_grad_cuda_launch_fill(size_t n_floats, float value, float *x, cudaStream_t stream);
cudaError_t cbigan_grad_cuda_launch_mix(int n, size_t size, const float *e, const float *a, const float *b, float *out,
                                        cudaStream_t stream);
cudaError_t cbigan_grad_cuda_launch_scale(int n, size_t size, const float *e, const float *x, float *out,
                                          cudaStream_t stream);
/* squares[i] += |x_i|^2. partial: scratch (n, cbigan_cuda_parts(size)) */
cudaError_t cbigan_grad_cuda_launch_square_norms(int n, size_t size, const float *x, double *partial, double *squares,
                                                 cudaStream_t stream);
cudaError_t cbigan_grad_cuda_launch_penalty(int n, double weight, const double *squares, float *directions,
                                            cudaStream_t stream);
/* sums[i] = ||a_i - b_i||_1. partial: scratch (n, cbigan_cuda_parts(size)) */
cudaError_t cbigan_grad_cuda_launch_l1_sums(int n, size_t size, const float *a, const float *b, double *partial,
                                            double *sums, cudaStream_t stream);

/* A picture among stored pixels; offset: of its first byte. A pixel has three bytes. */
typedef struct {
  size_t offset;
  int width, height;
} CbiganGradCudaPicture;

/* x (n, 3, side, side) */
cudaError_t cbigan_grad_cuda_launch_cut(int n, int side, const CbiganGradCudaPicture *pictures,
                                        const unsigned char *pixels, const CbiganCut *cuts, float *x,
                                        cudaStream_t stream);

/* update: device memory, as all pointers */
cudaError_t cbigan_grad_cuda_launch_adam(size_t n_floats, const CbiganUpdate *update, float *gradients, float *m,
                                         float *v, float *parameters, cudaStream_t stream);
cudaError_t cbigan_grad_cuda_launch_average(size_t n_floats, const CbiganUpdate *update, const float *x, float *mean,
                                            cudaStream_t stream);

#ifdef __cplusplus
}
#endif
