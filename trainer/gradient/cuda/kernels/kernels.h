/* kernels.h - launchers of the gradients' kernels
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Rules as in backend/cuda/kernels/kernels.h. What each computes stands in gradient.h.
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
/* planes of (h, w), the layer's input; dy (planes, 2h, 2w) -> dx */
cudaError_t cbigan_grad_cuda_launch_upsample_data(int planes, int h, int w, const float *dy, int accumulate, float *dx,
                                                  cudaStream_t stream);
/* dy (planes, h / 2, w / 2) -> dx */
cudaError_t cbigan_grad_cuda_launch_avgpool_data(int planes, int h, int w, const float *dy, int accumulate, float *dx,
                                                 cudaStream_t stream);
/* w: out rows of `stride` floats; dy (n, out) -> dx (n, in) */
cudaError_t cbigan_grad_cuda_launch_dense_data(int n, int in, int out, const float *w, size_t stride, const float *dy,
                                               int accumulate, float *dx, cudaStream_t stream);
/* gradients: out rows of `stride` floats, += dy (n, out)^T x (n, in) */
cudaError_t cbigan_grad_cuda_launch_dense_weights(int n, int in, int out, const float *x, const float *dy,
                                                  size_t stride, float *gradients, cudaStream_t stream);
/* gradients[c] += sum of dy (n, channels, positions); partial: room for (channels, parts of n * positions) */
cudaError_t cbigan_grad_cuda_launch_bias(int n, int channels, int positions, const float *dy, double *partial,
                                         float *gradients, cudaStream_t stream);
/* rows of `size` floats without gaps, added to rows `stride` apart */
cudaError_t cbigan_grad_cuda_launch_add_rows(int rows, size_t size, const float *x, size_t stride, float *y,
                                             cudaStream_t stream);

cudaError_t cbigan_grad_cuda_launch_l1_gradient(size_t n_floats, const float *a, const float *b, float scale, float *da,
                                                cudaStream_t stream);
cudaError_t cbigan_grad_cuda_launch_fill(size_t n_floats, float value, float *x, cudaStream_t stream);
cudaError_t cbigan_grad_cuda_launch_mix(int n, size_t size, const float *e, const float *a, const float *b, float *out,
                                        cudaStream_t stream);
cudaError_t cbigan_grad_cuda_launch_scale(int n, size_t size, const float *e, const float *x, float *out,
                                          cudaStream_t stream);
/* partial: room for (n, parts of size); squares[i] += */
cudaError_t cbigan_grad_cuda_launch_square_norms(int n, size_t size, const float *x, double *partial, double *squares,
                                                 cudaStream_t stream);
cudaError_t cbigan_grad_cuda_launch_penalty(int n, double weight, const double *squares, float *directions,
                                            cudaStream_t stream);
/* likewise; sums[i] = */
cudaError_t cbigan_grad_cuda_launch_l1_sums(int n, size_t size, const float *a, const float *b, double *partial,
                                            double *sums, cudaStream_t stream);

/* A picture's first pixel, three bytes each, and its size */
typedef struct {
  size_t offset;
  int width, height;
} CbiganGradCudaPicture;

/* x (n, 3, side, side); all in device memory */
cudaError_t cbigan_grad_cuda_launch_cut(int n, int side, const CbiganGradCudaPicture *pictures,
                                        const unsigned char *pixels, const CbiganCut *cuts, float *x,
                                        cudaStream_t stream);

/* update: in device memory */
cudaError_t cbigan_grad_cuda_launch_adam(size_t n_floats, const CbiganUpdate *update, float *gradients, float *m,
                                         float *v, float *parameters, cudaStream_t stream);
cudaError_t cbigan_grad_cuda_launch_average(size_t n_floats, const CbiganUpdate *update, const float *x, float *mean,
                                            cudaStream_t stream);

#ifdef __cplusplus
}
#endif
