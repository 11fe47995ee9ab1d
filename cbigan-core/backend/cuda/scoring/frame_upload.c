/* frame_upload.c - frames of one size in device memory, and their patches
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A frame in host memory goes through pinned memory, so that the copy runs while the caller goes on. A frame in device
 * memory is read there. Kernels find each frame by a table on the device: a captured graph stays valid wherever a frame
 * lies.
 */
#include "backend/cuda/memory.h"
#include "backend/cuda/operations.h"

#include <string.h>

#include "i18n.h"

/* CbiganFrames.device */
typedef struct {
  gsize frame; /* bytes */
  /* The same layout in pinned memory and on the device: a table (frames), then the frames without gaps */
  CbiganCudaFrame *table, *there;
  guint8 *frames, *frames_there;
  float *light;         /* (frames, 2) */
  unsigned *histograms; /* (frames, 256) */
} Upload;

/* Sets where the kernels find a frame. The last finish() has waited, so no copy reads the pinned memory any more. */
static void
find_at(CbiganCuda *cuda, Upload *self, int frame, CbiganCudaFrame place)
{
  CbiganCudaFrame *row = &self->table[frame];
  if (row->pixels == place.pixels && row->stride == place.stride)
    return;
  *row = place;
  if (!CBIGAN_CUDA_TRY(cuda,
                       cudaMemcpyAsync(self->there + frame, row, sizeof *row, cudaMemcpyHostToDevice, cuda->stream)))
    *row = (CbiganCudaFrame){ 0 }; /* so the next call sends it again */
}

static void
take(CbiganCuda *cuda, Upload *self, int i, const CbiganFrame *frame)
{
  const gsize at = (gsize)i * self->frame, row = 3 * (gsize)frame->width;
  if (frame->on_device) {
    if (frame->ready)
      CBIGAN_CUDA_TRY(cuda, cudaStreamWaitEvent(cuda->stream, frame->ready, 0));
    find_at(cuda, self, i, (CbiganCudaFrame){ frame->data, frame->stride });
    return;
  }
  find_at(cuda, self, i, (CbiganCudaFrame){ self->frames_there + at, row });
  for (int y = 0; y < frame->height; y++)
    memcpy(self->frames + at + (gsize)y * row, frame->data + (gsize)y * frame->stride, row);
  CBIGAN_CUDA_TRY(cuda, cudaMemcpyAsync(self->frames_there + at, self->frames + at, self->frame, cudaMemcpyHostToDevice,
                                        cuda->stream));
}

void
cbigan_cuda_crop(CbiganBackend *base, CbiganFrames *frames, int n_frames, const CbiganFrameTiling *tiling, int first,
                 int n, const CbiganLightTarget *light, float *x)
{
  CbiganCuda *cuda = (CbiganCuda *)base;
  const Upload *self = frames->device;
  const gsize size = (gsize)n * 3 * (gsize)(tiling->side * tiling->side);
  if (light && first == 0) {
    const CbiganCudaLight target = { CBIGAN_LIGHT_LOW, CBIGAN_LIGHT_MEDIAN, light->low, light->median };
    CBIGAN_CUDA_TRY(cuda, cbigan_cuda_launch_light(n_frames, frames->width, frames->height, self->there, target,
                                                   self->histograms, self->light, cuda->stream));
  }
  for (int i = 0; i < n_frames; i++)
    CBIGAN_CUDA_TRY(cuda, cbigan_cuda_launch_crop(n, tiling->side, first, tiling->columns, tiling->across, tiling->down,
                                                  self->there + i, light ? self->light + 2 * i : NULL,
                                                  x + (gsize)i * size, cuda->stream));
}

static void
upload_free(CbiganBackend *base, gpointer device)
{
  CbiganCuda *cuda = (CbiganCuda *)base;
  Upload *self = device;
  if (self->there)
    cbigan_cuda_free(base, (float *)(gpointer)self->there);
  CBIGAN_CUDA_TRY(cuda, cudaFreeHost(self->table));
  g_free(self);
}

/* The next `size` bytes of the memory; every part begins at a multiple of 256. */
static gsize
take_bytes(gsize *at, gsize size)
{
  const gsize here = *at;
  *at += (size + 255) / 256 * 256;
  return here;
}

static void
upload_new(CbiganCuda *cuda, CbiganFrames *frames)
{
  const gsize n = (gsize)frames->n;
  Upload *self = g_new0(Upload, 1);
  self->frame = 3 * (gsize)frames->width * (gsize)frames->height;
  gsize size = 0;
  take_bytes(&size, n * sizeof *self->table);
  const gsize pixels = take_bytes(&size, n * self->frame), pinned = size;
  const gsize light = take_bytes(&size, n * 2 * sizeof *self->light);
  const gsize histograms = take_bytes(&size, n * 256 * sizeof *self->histograms);
  guint8 *there = (guint8 *)(gpointer)cbigan_cuda_alloc(&cuda->base, size / sizeof(float));
  self->there = (CbiganCudaFrame *)(gpointer)there;
  if (!there)
    cbigan_backend_fail(&cuda->base, _("backend “%s”: out of memory for %d frames of %d x %d"), "cuda", frames->n,
                        frames->width, frames->height);
  if (!there || !CBIGAN_CUDA_TRY(cuda, cudaHostAlloc((void **)&self->table, pinned, cudaHostAllocDefault))) {
    upload_free(&cuda->base, self);
    return;
  }
  self->frames = (guint8 *)self->table + pixels;
  self->frames_there = there + pixels;
  self->light = (float *)(gpointer)(there + light);
  self->histograms = (unsigned *)(gpointer)(there + histograms);
  for (gsize i = 0; i < n; i++)
    self->table[i] = (CbiganCudaFrame){ self->frames_there + i * self->frame, 3 * (gsize)frames->width };
  CBIGAN_CUDA_TRY(cuda,
                  cudaMemcpyAsync(there, self->table, n * sizeof *self->table, cudaMemcpyHostToDevice, cuda->stream));
  frames->device = self;
  frames->free = upload_free;
}

void
cbigan_cuda_frame(CbiganBackend *base, CbiganFrames *frames, int i)
{
  CbiganCuda *cuda = (CbiganCuda *)base;
  if (i < 0)
    upload_new(cuda, frames);
  else
    take(cuda, frames->device, i, &frames->frames[i]);
}
