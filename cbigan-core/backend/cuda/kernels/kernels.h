/* kernels.h - launchers of the backend's own kernels
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The border between C and CUDA, so nvcc never reads GLib's headers. Pointers are device memory, sizes are never 0, and
 * values lie in n,c,h,w order. A launcher returns the status of the launch; a failure of the kernel itself is reported
 * by the next call that waits.
 */
#pragma once
#include <cuda_runtime_api.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A number below zero is multiplied by `slope`; with `tanh`, tanh() replaces that. */
typedef struct {
  float slope; /* 1: linear */
  int tanh;
} CbiganCudaActivation;

/* y = activation(y + bias) in place, y (n, channels, positions); bias (channels), NULL = 0 */
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

/* A whole residual block (networks.c) as one kernel */
#define CBIGAN_CUDA_BLOCK_CHANNELS 32 /* most channels of its input and output */
typedef struct {
  int height, width; /* of the output before pooling; even */
} CbiganCudaTile;
typedef struct {
  CbiganCudaTile tile;
  int in_c, out_c;
  int upsamples, pools; /* the input is upsampled first; the output is the 2x2 mean */
  /* Weights without gaps: (out_c, in_c, 3, 3), (out_c, out_c, 3, 3), (out_c, out_c), (out_c, in_c); bias (out_c) of the
   * output, NULL = 0. */
  const float *first, *second, *closing, *skip, *bias;
  CbiganCudaActivation activation; /* behind each of first, second and closing */
} CbiganCudaBlock;
/* The best tile for an output of (out_c, h, w). It searches, so it is called once per plan and not per launch. */
CbiganCudaTile cbigan_cuda_residual_block_tile(int out_c, int h, int w);
/* x (n, in_c, h, w), half as large where it is upsampled -> y (n, out_c, h, w), half as large where it is pooled */
cudaError_t cbigan_cuda_launch_residual_block(int n, int h, int w, CbiganCudaBlock block, const float *x, float *y,
                                              cudaStream_t stream);

/* y = activation(x (n, channels, h, w) + bias + the upsampled `skip`); skip (n, channels, h / 2, w / 2), NULL = 0.
 * pools: y is the 2x2 mean of that; otherwise y may be x. */
cudaError_t cbigan_cuda_launch_epilogue(int n, int channels, int h, int w, const float *x, const float *skip,
                                        const float *bias, CbiganCudaActivation activation, int pools, float *y,
                                        cudaStream_t stream);

/* 16-bit values lie in n,h,w,c order, with their channels padded to groups of eight; padding is zero. */
typedef enum { CBIGAN_CUDA_BF16, CBIGAN_CUDA_FP16 } CbiganCudaHalf;
#define CBIGAN_CUDA_GROUP 8
/* Floats x (n, channels, h, w) -> 16 bits y */
cudaError_t cbigan_cuda_launch_half_round(CbiganCudaHalf type, int n, int channels, int h, int w, const float *x,
                                          void *y, cudaStream_t stream);
/* x (n, h, w, channels) -> y (n, 2h, 2w, channels) */
cudaError_t cbigan_cuda_launch_half_upsample(CbiganCudaHalf type, int n, int channels, int h, int w, const void *x,
                                             void *y, cudaStream_t stream);
/* As cbigan_cuda_launch_epilogue(), x, skip and y of 16 bits. floats: the same numbers before rounding, in n,c,h,w
 * order. Either of y and floats may be NULL. */
cudaError_t cbigan_cuda_launch_half_epilogue(CbiganCudaHalf type, int n, int channels, int h, int w, const void *x,
                                             const void *skip, const float *bias, CbiganCudaActivation activation,
                                             int pools, void *y, float *floats, cudaStream_t stream);
/* w: out_c rows of (in_c, taps) floats, `stride` floats apart -> (out_c, taps, in_c), both channels padded */
cudaError_t cbigan_cuda_launch_half_weights(CbiganCudaHalf type, int out_c, int in_c, int taps, const float *w,
                                            size_t stride, void *to, cudaStream_t stream);

/* A reduction of `count` numbers leaves this many partial results. Whoever adds them up does so in their order, so a
 * sum has the same bits every time. */
int cbigan_cuda_parts(size_t count);
/* partial (n, parts): sums of |a - b| over the `size` floats of each sample; difference: a - b, or NULL */
cudaError_t cbigan_cuda_launch_l1(int n, size_t size, const float *a, const float *b, float *difference,
                                  double *partial, cudaStream_t stream);

/* Resamples one value of the critic's features to the grid: x (n, channels, side, side) -> channels at .. at + channels
 * - 1 of to (n, all, grid, grid), less the mean. Along both axes, grid position i is the sum over k < taps of
 * weights[i][k] * x[first[i] + k]. mean (all); apart: every position has its own, (grid * grid, all). */
cudaError_t cbigan_cuda_launch_features(int n, int channels, int side, const float *x, int grid, int taps,
                                        const int *first, const float *weights, int at, int all, const float *mean,
                                        int apart, float *to, cudaStream_t stream);
/* columns (n, channels, positions) -> to (n, positions): |W d| of the column d of each position. whitening: W
 * transposed, (channels, channels); apart: every position has its own. */
cudaError_t cbigan_cuda_launch_distances(int n, int channels, int positions, const float *columns,
                                         const float *whitening, int apart, float *to, cudaStream_t stream);

/* A frame of RGB in device memory; stride: bytes from one row to the next */
typedef struct {
  const unsigned char *pixels;
  size_t stride;
} CbiganCudaFrame;
/* The light is corrected so that the frame's quantiles at these shares become these numbers. */
typedef struct {
  double low_share, median_share, low, median;
} CbiganCudaLight;
/* n frames of w x h -> found (n, 2): gain and shift, as cbigan_light_compensation(). histograms: scratch (n, 256) */
cudaError_t cbigan_cuda_launch_light(int n, int w, int h, const CbiganCudaFrame *frames, CbiganCudaLight light,
                                     unsigned *histograms, float *found, cudaStream_t stream);
/* Patches first .. first + n - 1 of a frame -> x (n, 3, side, side). across (columns), down: left and upper sides of
 * the patches. light: gain and shift, NULL = 1 and 0. */
cudaError_t cbigan_cuda_launch_crop(int n, int side, int first, int columns, const float *across, const float *down,
                                    const CbiganCudaFrame *frame, const float *light, float *x, cudaStream_t stream);

/* Patches d (rows * columns, 3, side, side) -> frame (3, h, w): the mean of the patches that cover a pixel. across
 * (columns), down (rows): left and upper sides of the patches. */
cudaError_t cbigan_cuda_launch_mosaic(int h, int w, int side, int columns, int rows, const float *across,
                                      const float *down, const float *d, float *frame, cudaStream_t stream);
/* frame (3, h, w) -> map (h, w): |x - mean of its window|, summed over channels. The window has 2 radius + 1 pixels
 * each way and is cut at the border; radius 0: |x|. sums: scratch (3, h, w) */
cudaError_t cbigan_cuda_launch_high_pass(int h, int w, int radius, const float *frame, float *sums, float *map,
                                         cudaStream_t stream);
#define CBIGAN_CUDA_MOST_BLUR 15
typedef struct {
  int radius;
  float kernel[2 * CBIGAN_CUDA_MOST_BLUR + 1]; /* 2 radius + 1 weights */
} CbiganCudaBlur;
/* Blurs x (h, w) down its columns, then along its rows, with borders repeated -> to. scratch: (h, w) */
cudaError_t cbigan_cuda_launch_blur(int h, int w, CbiganCudaBlur weights, const float *x, float *scratch, float *to,
                                    cudaStream_t stream);
/* x = max((x - mean) / (deviation + floor), 0) in place; NaN stays NaN. step: 1 = mean and deviation per number, 0 =
 * one of each */
cudaError_t cbigan_cuda_launch_deviations(size_t n_floats, const float *mean, const float *deviation, int step,
                                          float floor, float *x, cudaStream_t stream);
/* x (groups, n_floats) -> partial (groups, cbigan_cuda_parts(n_floats)): the largest number of each part, NaN if one of
 * them is not finite */
cudaError_t cbigan_cuda_launch_peak(int groups, size_t n_floats, const float *x, float *partial, cudaStream_t stream);
cudaError_t cbigan_cuda_launch_subtract(size_t n_floats, const float *a, const float *b, float *difference,
                                        cudaStream_t stream);

#ifdef __cplusplus
}
#endif
