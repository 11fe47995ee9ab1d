/* frame_upload.c - frames of one size in device memory, and their patches
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A frame from the host goes through pinned memory, so that the copy runs behind the caller's back; one that is on the
 * device is read where it is. Kernels find each frame by a table on the device: graphs stay the same wherever a frame
 * lies.
 */
#include "backend/cuda/memory.h"
#include "backend/cuda/operations.h"

#include <string.h>

#include "score/tiling.h"

typedef struct {
  CbiganIntake base;
  CbiganCuda *cuda;
  int width, height;
  gsize frame; /* bytes */
  /* Pinned, and on the device: (frames) of a table, then the frames without gaps. */
  CbiganCudaFrame *table, *there;
  guint8 *frames, *frames_there;
  float *light;         /* (frames, 2) */
  unsigned *histograms; /* (frames, 256) */
} Intake;

/* Since finish() was called the pinned memory is nobody's: of frames and, here, of the table. */
static void
find_at(Intake *self, int frame, CbiganCudaFrame place)
{
  CbiganCudaFrame *row = &self->table[frame];
  if (row->pixels == place.pixels && row->stride == place.stride)
    return;
  *row = place;
  if (!CBIGAN_CUDA_TRY(self->cuda, cudaMemcpyAsync(self->there + frame, row, sizeof *row, cudaMemcpyHostToDevice,
                                                   self->cuda->stream)))
    *row = (CbiganCudaFrame){ 0 }; /* so that it is sent again */
}

static void
take(CbiganIntake *base, int frame, const CbiganPixels *pixels)
{
  Intake *self = (Intake *)base;
  const gsize at = (gsize)frame * self->frame, row = 3 * (gsize)self->width;
  cbigan_cuda_enter(self->cuda);
  if (pixels->on_device) {
    if (pixels->ready)
      CBIGAN_CUDA_TRY(self->cuda, cudaStreamWaitEvent(self->cuda->stream, pixels->ready, 0));
    find_at(self, frame, (CbiganCudaFrame){ pixels->data, pixels->stride });
    return;
  }
  find_at(self, frame, (CbiganCudaFrame){ self->frames_there + at, row });
  for (int y = 0; y < self->height; y++)
    memcpy(self->frames + at + (gsize)y * row, pixels->data + (gsize)y * pixels->stride, row);
  CBIGAN_CUDA_TRY(self->cuda, cudaMemcpyAsync(self->frames_there + at, self->frames + at, self->frame,
                                              cudaMemcpyHostToDevice, self->cuda->stream));
}

static void
find_light(CbiganIntake *base, int n, double low, double median)
{
  Intake *self = (Intake *)base;
  const CbiganCudaLight light = { CBIGAN_LIGHT_LOW, CBIGAN_LIGHT_MEDIAN, low, median };
  cbigan_cuda_enter(self->cuda);
  CBIGAN_CUDA_TRY(self->cuda, cbigan_cuda_launch_light(n, self->width, self->height, self->there, light,
                                                       self->histograms, self->light, self->cuda->stream));
}

static void
crop(CbiganIntake *base, int frame, const CbiganMosaic *mosaic, int first, int n, gboolean lit, float *x)
{
  Intake *self = (Intake *)base;
  cbigan_cuda_enter(self->cuda);
  CBIGAN_CUDA_TRY(self->cuda, cbigan_cuda_launch_crop(n, mosaic->side, first, mosaic->columns, mosaic->across,
                                                      mosaic->down, self->there + frame,
                                                      lit ? self->light + 2 * frame : NULL, x, self->cuda->stream));
}

static void
intake_free(CbiganIntake *base)
{
  Intake *self = (Intake *)base;
  cbigan_cuda_enter(self->cuda);
  if (self->there)
    cbigan_cuda_free(&self->cuda->base, (float *)(gpointer)self->there);
  CBIGAN_CUDA_TRY(self->cuda, cudaFreeHost(self->table));
  g_free(self);
}

/* Each part of the memory begins at such a multiple of bytes. */
static gsize
take_bytes(gsize *at, gsize size)
{
  const gsize here = *at;
  *at += (size + 255) / 256 * 256;
  return here;
}

CbiganIntake *
cbigan_cuda_intake(CbiganBackend *base, int frames, int width, int height)
{
  CbiganCuda *cuda = (CbiganCuda *)base;
  const gsize n = (gsize)frames;
  Intake *self = g_new0(Intake, 1);
  *self = (Intake){ .base = { take, find_light, crop, intake_free },
                    .cuda = cuda,
                    .width = width,
                    .height = height,
                    .frame = 3 * (gsize)width * (gsize)height };
  gsize size = 0;
  take_bytes(&size, n * sizeof *self->table);
  const gsize pixels = take_bytes(&size, n * self->frame), pinned = size;
  const gsize light = take_bytes(&size, n * 2 * sizeof *self->light);
  const gsize histograms = take_bytes(&size, n * 256 * sizeof *self->histograms);
  guint8 *there = (guint8 *)(gpointer)cbigan_cuda_alloc(base, size / sizeof(float));
  self->there = (CbiganCudaFrame *)(gpointer)there;
  if (!there || !CBIGAN_CUDA_TRY(cuda, cudaHostAlloc((void **)&self->table, pinned, cudaHostAllocDefault))) {
    intake_free(&self->base);
    return NULL;
  }
  self->frames = (guint8 *)self->table + pixels;
  self->frames_there = there + pixels;
  self->light = (float *)(gpointer)(there + light);
  self->histograms = (unsigned *)(gpointer)(there + histograms);
  for (gsize i = 0; i < n; i++)
    self->table[i] = (CbiganCudaFrame){ self->frames_there + i * self->frame, 3 * (gsize)width };
  CBIGAN_CUDA_TRY(cuda,
                  cudaMemcpyAsync(there, self->table, n * sizeof *self->table, cudaMemcpyHostToDevice, cuda->stream));
  return &self->base;
}
