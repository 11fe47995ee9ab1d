/* frame_converter.c - a plan with its memory on a GPU: converts frames in device memory to RGB
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "frame_converter.h"

struct _CbiganFrameConverter {
  const CbiganFramePlan *plan;
  CbiganDeviceFrame frame;
  cudaStream_t stream;
  void *tables[4];        /* device: first and weight, horizontal and vertical */
  unsigned short *middle; /* device */
  guint8 *device_rgb;
  cudaEvent_t ready; /* recorded behind the kernels that write device_rgb */
  guint8 *rgb;       /* pinned */
  gsize rgb_size;
};

#define TRY(call) try(call, #call, __LINE__, error)

static gboolean
try(cudaError_t status, const char *call, int line, GError **error)
{
  if (status == cudaSuccess)
    return TRUE;
  cudaGetLastError(); /* clears the error, or the next launch would report it again */
  g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_BACKEND, "frame_converter.c:%d: %s: %s (%s)", line, call,
              cudaGetErrorName(status), cudaGetErrorString(status));
  return FALSE;
}

static gboolean
send(CbiganFrameConverter *self, const void *host, gsize size, void **device, GError **error)
{
  return TRY(cudaMalloc(device, size)) &&
         TRY(cudaMemcpyAsync(*device, host, size, cudaMemcpyHostToDevice, self->stream));
}

static gboolean
send_tables(CbiganFrameConverter *self, const CbiganFrameTables *tables, CbiganFrameAxis *axis, void **device,
            GError **error)
{
  if (!axis->n_taps)
    return TRUE;
  if (!send(self, tables->first, tables->size * sizeof *tables->first, &device[0], error) ||
      !send(self, tables->weight, tables->size * (gsize)axis->n_taps * sizeof *tables->weight, &device[1], error))
    return FALSE;
  axis->first = device[0];
  axis->weight = device[1];
  return TRUE;
}

/* The stream is non-blocking: other users of the GPU in this process neither wait for it nor hold it up. */
CbiganFrameConverter *
cbigan_frame_converter_new(const CbiganFramePlan *plan, GError **error)
{
  g_autoptr(CbiganFrameConverter) self = g_new0(CbiganFrameConverter, 1);
  self->plan = plan;
  self->frame = plan->frame;
  self->rgb_size = 3 * (gsize)plan->frame.out_width * (gsize)plan->frame.out_height;
  const gsize middle = cbigan_frame_middle_size(&self->frame) * sizeof *self->middle;
  if (TRY(cudaStreamCreateWithFlags(&self->stream, cudaStreamNonBlocking)) &&
      send_tables(self, &plan->horizontal, &self->frame.horizontal, self->tables, error) &&
      send_tables(self, &plan->vertical, &self->frame.vertical, self->tables + 2, error) &&
      TRY(cudaMalloc((void **)&self->middle, middle)) && TRY(cudaMalloc((void **)&self->device_rgb, self->rgb_size)) &&
      TRY(cudaHostAlloc((void **)&self->rgb, self->rgb_size, cudaHostAllocDefault)) &&
      TRY(cudaEventCreateWithFlags(&self->ready, cudaEventDisableTiming)) && TRY(cudaStreamSynchronize(self->stream)))
    return g_steal_pointer(&self);
  return NULL;
}

void
cbigan_frame_converter_free(CbiganFrameConverter *self)
{
  if (!self)
    return;
  if (self->stream)
    cudaStreamSynchronize(self->stream);
  for (guint i = 0; i < G_N_ELEMENTS(self->tables); i++)
    cudaFree(self->tables[i]);
  cudaFree(self->middle);
  cudaFree(self->device_rgb);
  cudaFreeHost(self->rgb);
  if (self->ready)
    cudaEventDestroy(self->ready);
  if (self->stream)
    cudaStreamDestroy(self->stream);
  cudaGetLastError(); /* of a lost device, which an earlier call has reported */
  g_free(self);
}

static gboolean
copy_to_host(CbiganFrameConverter *self, GError **error)
{
  return TRY(cudaMemcpyAsync(self->rgb, self->device_rgb, self->rgb_size, cudaMemcpyDeviceToHost, self->stream)) &&
         TRY(cudaStreamSynchronize(self->stream));
}

gboolean
cbigan_frame_converter_run(CbiganFrameConverter *self, const guint8 *const *data, const gsize *stride, CbiganFrame *rgb,
                           GError **error)
{
  const gboolean stays = rgb->on_device;
  for (int i = 0; i < 3; i++) {
    const int plane = self->plan->plane[i];
    self->frame.component[i].data = data[plane] + self->plan->offset[i];
    self->frame.component[i].stride = stride[plane];
  }
  *rgb = (CbiganFrame){
    .data = stays ? self->device_rgb : self->rgb,
    .width = self->frame.out_width,
    .height = self->frame.out_height,
    .stride = 3 * (gsize)self->frame.out_width,
    .on_device = stays,
    .ready = stays ? self->ready : NULL,
  };
  return TRY(cbigan_frame_launch(&self->frame, self->middle, self->device_rgb, self->stream)) &&
         (stays ? TRY(cudaEventRecord(self->ready, self->stream)) : copy_to_host(self, error));
}

void
cbigan_frame_converter_wait(CbiganFrameConverter *self)
{
  cudaStreamSynchronize(self->stream);
  cudaGetLastError(); /* the next conversion reports the failure */
}
