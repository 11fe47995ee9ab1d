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

/* Of fused layers with few channels, at most so many in each map */
#define CBIGAN_CUDA_FEW 64
/* y (n, out_c, h, w) = activation(3x3 convolution of x (n, in_c, h, w) + bias); doubles: of the upsampled x (n, in_c,
 * h / 2, w / 2). outs: channels that a thread makes, 4 or 8; bias: NULL = 0 */
cudaError_t cbigan_cuda_launch_conv3(int n, int in_c, int out_c, int h, int w, int outs, int doubles, const float *x,
                                     const float *weights, const float *bias, CbiganCudaActivation activation, float *y,
                                     cudaStream_t stream);
/* y (n, out_c, h, w) = activation(1x1 convolution of t (n, t_c, h, w) + that of x (n, x_c, h, w) + bias); doubles: of
 * the upsampled x (n, x_c, h / 2, w / 2); x_c = 0: of t alone; halves: the 2x2 mean of that */
cudaError_t cbigan_cuda_launch_point(int n, int out_c, int h, int w, int outs, int t_c, const float *t,
                                     const float *t_weights, int x_c, const float *x, const float *x_weights,
                                     int doubles, const float *bias, CbiganCudaActivation activation, int halves,
                                     float *y, cudaStream_t stream);
/* A whole residual block, networks.c: its weights, rows without gaps; bias of the closing 1x1, or NULL */
#define CBIGAN_CUDA_BLOCK_FEW 32 /* channels, at most, of input and output */
typedef struct {
  int height, width; /* of the output before it is halved; even */
} CbiganCudaTile;
typedef struct {
  CbiganCudaTile tile;
  int in_c, out_c, doubles, halves;
  const float *first, *second, *closing, *skip, *bias;
  CbiganCudaActivation activation;
} CbiganCudaBlock;
/* How a (out_c, h, w) map is divided: a search, so not with every launch. */
CbiganCudaTile cbigan_cuda_block_tile(int out_c, int h, int w);
/* x (n, in_c, h, w), halved with `doubles` -> y (n, out_c, h, w), halved with `halves` */
cudaError_t cbigan_cuda_launch_block(int n, int h, int w, CbiganCudaBlock block, const float *x, float *y,
                                     cudaStream_t stream);
/* y = activation(x (n, channels, h, w) + bias + the upsampled `added` (n, channels, h / 2, w / 2), or NULL); halves:
 * the 2x2 mean of that, else y may be x */
cudaError_t cbigan_cuda_launch_finish(int n, int channels, int h, int w, const float *x, const float *added,
                                      const float *bias, CbiganCudaActivation activation, int halves, float *y,
                                      cudaStream_t stream);

/* Numbers of 16 bits: values lie n,h,w,c, channels in eights; those behind the last one are zero. */
typedef enum { CBIGAN_CUDA_BF16, CBIGAN_CUDA_FP16 } CbiganCudaNarrow;
#define CBIGAN_CUDA_EIGHT 8
cudaError_t cbigan_cuda_launch_narrow(CbiganCudaNarrow type, int n, int channels, int h, int w, const float *x, void *y,
                                      cudaStream_t stream);
cudaError_t cbigan_cuda_launch_upsample_narrow(CbiganCudaNarrow type, int n, int channels, int h, int w, const void *x,
                                               void *y, cudaStream_t stream);
/* y: or NULL; floats: the same, not rounded, n,c,h,w, or NULL */
cudaError_t cbigan_cuda_launch_finish_narrow(CbiganCudaNarrow type, int n, int channels, int h, int w, const void *x,
                                             const void *added, const float *bias, CbiganCudaActivation activation,
                                             int halves, void *y, float *floats, cudaStream_t stream);
/* w: out_c rows of (in_c, taps) floats, `stride` apart -> (out_c, taps, in_c), both in eights */
cudaError_t cbigan_cuda_launch_filter_narrow(CbiganCudaNarrow type, int out_c, int in_c, int taps, const float *w,
                                             size_t stride, void *to, cudaStream_t stream);

/* Sums are partial: the parts of one group, one after another, are still to be added, in their order, so that the sum
 * is the same every time. How many parts a group of so many numbers has: */
int cbigan_cuda_parts(size_t count);
/* partial (n, parts): sums of |a - b| over `size` floats of each sample */
cudaError_t cbigan_cuda_launch_l1(int n, size_t size, const float *a, const float *b, float *difference,
                                  double *partial, cudaStream_t stream);

/* The critic's map. x (n, channels, side, side) on a grid, less the mean -> to (n, all, grid, grid), its channels from
 * `at` on. Along both axes, number i of the grid is the sum over k of weights[i][k] times number first[i] + k, k <
 * taps. mean (all), or where statistics are each position's own (apart): (grid * grid, all) */
cudaError_t cbigan_cuda_launch_features(int n, int channels, int side, const float *x, int grid, int taps,
                                        const int *first, const float *weights, int at, int all, const float *mean,
                                        int apart, float *to, cudaStream_t stream);
/* columns (n, channels, positions) -> to (n, positions): |W d| of each position's d; whitening: W transposed,
 * (channels, channels), or apart: one for each position */
cudaError_t cbigan_cuda_launch_distances(int n, int channels, int positions, const float *columns,
                                         const float *whitening, int apart, float *to, cudaStream_t stream);

/* Frames in device memory: where each one's rows of RGB begin, bytes from one row to the next */
typedef struct {
  const unsigned char *pixels;
  size_t stride;
} CbiganCudaFrame;
/* A frame's quantiles at these shares of its bytes are brought to these numbers. */
typedef struct {
  double low_share, median_share, low, median;
} CbiganCudaLight;
/* n frames of w x h -> found (n, 2): gain and shift, as cbigan_light_compensation(); histograms (n, 256) of scratch */
cudaError_t cbigan_cuda_launch_light(int n, int w, int h, const CbiganCudaFrame *frames, CbiganCudaLight light,
                                     unsigned *histograms, float *found, cudaStream_t stream);
/* A frame's patches first .. first + n - 1, corners across (columns) and down -> x (n, 3, side, side); light (2) or
 * NULL */
cudaError_t cbigan_cuda_launch_crop(int n, int side, int first, int columns, const float *across, const float *down,
                                    const CbiganCudaFrame *frame, const float *light, float *x, cudaStream_t stream);

/* A frame's map. d (rows * columns, 3, side, side), corners across (columns) and down (rows) -> frame (3, h, w), the
 * mean of the patches there */
cudaError_t cbigan_cuda_launch_mosaic(int h, int w, int side, int columns, int rows, const float *across,
                                      const float *down, const float *d, float *frame, cudaStream_t stream);
/* frame (3, h, w) -> map (h, w): |x - mean of the (2 radius + 1)^2 window, cut at the border|, summed over channels;
 * radius 0: |x|. sums: (3, h, w) of scratch */
cudaError_t cbigan_cuda_launch_high_pass(int h, int w, int radius, const float *frame, float *sums, float *map,
                                         cudaStream_t stream);
#define CBIGAN_CUDA_MOST_BLUR 15
typedef struct {
  int radius;
  float kernel[2 * CBIGAN_CUDA_MOST_BLUR + 1]; /* 2 radius + 1 of them */
} CbiganCudaBlur;
/* x (h, w) down its columns, then along its rows, borders repeated -> to; scratch: (h, w) */
cudaError_t cbigan_cuda_launch_blur(int h, int w, CbiganCudaBlur weights, const float *x, float *scratch, float *to,
                                    cudaStream_t stream);
/* x = max((x - mean) / (deviation + floor), 0); step: 1, or 0 for one mean and deviation. NaN stays. */
cudaError_t cbigan_cuda_launch_deviations(size_t n_floats, const float *mean, const float *deviation, int step,
                                          float floor, float *x, cudaStream_t stream);
/* partial (cbigan_cuda_parts(n_floats)): the largest of the numbers; NaN in one of them if one isn't finite */
cudaError_t cbigan_cuda_launch_peak(size_t n_floats, const float *x, float *partial, cudaStream_t stream);
cudaError_t cbigan_cuda_launch_subtract(size_t n_floats, const float *a, const float *b, float *difference,
                                        cudaStream_t stream);

#ifdef __cplusplus
}
#endif
