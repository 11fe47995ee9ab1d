/* frame.h - a frame of video in device memory to the model's RGB frame
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Between C and CUDA: no GLib, no GStreamer. frame_plan.c fills it in so that the numbers are those of the host's
 * conversion (video_input.c, which is GStreamer's), to the last bit: the same integers in the same order, with the same
 * rounding after each step.
 */
#pragma once
#include <cuda_runtime_api.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Component 0, 1, 2 (Y, U, V or R, G, B): its number at x, y lies at
 * data + (y >> shift_y) * stride + (x >> shift_x) * step. */
typedef struct {
  const unsigned char *data; /* device memory */
  size_t stride;             /* bytes */
  int step;                  /* bytes */
  int shift_x, shift_y;      /* 1: every other one */
} CbiganFrameComponent;

/* One direction of the resampling: output i is (the sum of weight[i * n_taps + k] * input[first[i] + k] + round) >>
 * shift, from 0 to the largest number of that depth. n_taps = 0: this direction keeps its size. */
typedef struct {
  int n_taps, round, shift;
  const int *first;    /* (output size), device memory */
  const short *weight; /* (output size, n_taps), device memory */
} CbiganFrameAxis;

typedef enum {
  CBIGAN_FRAME_CHROMA_NEAREST,
  CBIGAN_FRAME_CHROMA_CENTRED, /* between the luma's columns */
  CBIGAN_FRAME_CHROMA_COSITED, /* on every other column of the luma */
} CbiganFrameChroma;

typedef struct {
  CbiganFrameComponent component[3];
  int width, height;
  int deep;                 /* numbers of 16 bits, of which the upper 10 count */
  CbiganFrameChroma chroma; /* how it is enlarged to the luma's width, where it is smaller */
  int chroma_between_rows;  /* and to its height; 0: nearest */
  int yuv;                  /* there is a matrix */
  int matrix[3][4];         /* in 1/256; [3] is added */
  int matrix_first;         /* the matrix comes before the resampling, as when that enlarges; else after it */
  int vertical_first;
  CbiganFrameAxis horizontal, vertical;
  int out_width, out_height;
} CbiganDeviceFrame;

/* How many numbers the picture between the two directions has. */
size_t cbigan_frame_middle_size(const CbiganDeviceFrame *frame);
/* middle: room for them; rgb (out_height, out_width, 3). All device memory. */
cudaError_t cbigan_frame_launch(const CbiganDeviceFrame *frame, unsigned short *middle, unsigned char *rgb,
                                cudaStream_t stream);

#ifdef __cplusplus
}
#endif
