/* frame.h - converts a frame of video in device memory to the model's RGB frame
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The border between C and CUDA, without GLib and GStreamer. frame_plan.c fills in the struct so that the result has
 * the bits of the host's conversion (video_input.c, by GStreamer): the same integers in the same order, with the same
 * rounding after each step.
 */
#pragma once
#include <cuda_runtime_api.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A component (Y, U, V or R, G, B): its number at x, y lies at
 * data + (y >> shift_y) * stride + (x >> shift_x) * step. */
typedef struct {
  const unsigned char *data; /* device memory */
  size_t stride;             /* bytes */
  int step;                  /* bytes */
  int shift_x, shift_y;      /* 1: one number per two pixels */
} CbiganFrameComponent;

/* One direction of the resampling: output i is (sum over k of weight[i * n_taps + k] * input[first[i] + k] + round) >>
 * shift, clamped to the range of the depth. n_taps = 0: the direction keeps its size. */
typedef struct {
  int n_taps, round, shift;
  const int *first;    /* (output size), device memory */
  const short *weight; /* (output size, n_taps), device memory */
} CbiganFrameAxis;

typedef enum {
  CBIGAN_FRAME_CHROMA_NEAREST,
  CBIGAN_FRAME_CHROMA_CENTRED, /* midway between two columns of luma */
  CBIGAN_FRAME_CHROMA_COSITED, /* on every other column of luma */
} CbiganFrameChroma;

typedef struct {
  CbiganFrameComponent component[3];
  int width, height;
  int deep;                 /* numbers have 16 bits, and the upper 10 count */
  CbiganFrameChroma chroma; /* how narrower chroma is enlarged to the luma's width */
  int chroma_between_rows;  /* how it is enlarged to the luma's height; 0: nearest */
  int yuv;                  /* the matrix below is applied */
  int matrix[3][4];         /* in 1/256; [3] is added */
  int matrix_first;         /* the matrix is applied before the resampling (if that enlarges), else after it */
  int vertical_first;
  CbiganFrameAxis horizontal, vertical;
  int out_width, out_height;
} CbiganDeviceFrame;

/* How many numbers the picture between the two directions of the resampling has */
size_t cbigan_frame_middle_size(const CbiganDeviceFrame *frame);
/* middle: scratch of cbigan_frame_middle_size() numbers; rgb (out_height, out_width, 3). All device memory. */
cudaError_t cbigan_frame_launch(const CbiganDeviceFrame *frame, unsigned short *middle, unsigned char *rgb,
                                cudaStream_t stream);

#ifdef __cplusplus
}
#endif
