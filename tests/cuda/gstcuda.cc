/* gstcuda.cc - GStreamer's CUDA library on the emulated GPU
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gstcuda.h"

#include <cuda_runtime_api.h>
#include <gst/cuda/gstcudautils.h>
#include <string.h>

#include <vector>

#include "machine.h"

/* From GStreamer 1.24 on. */
extern "C" void gst_cuda_memory_sync(GstCudaMemory *memory);

struct _GstCudaContextPrivate {
  int device;
};

struct _GstCudaMemoryPrivate {
  guint8 *data;
  std::vector<guint8> *host; /* what will be in it, or NULL when it is */
  cudaStream_t stream;
};

static thread_local std::vector<int> contexts; /* pushed by this thread: their devices */
static gint maps;

/* --- contexts -------------------------------------------------------------------------------------------------- */

G_DEFINE_TYPE(GstCudaContext, gst_cuda_context, GST_TYPE_OBJECT)

static void
context_finalize(GObject *object)
{
  delete GST_CUDA_CONTEXT(object)->priv;
  G_OBJECT_CLASS(gst_cuda_context_parent_class)->finalize(object);
}

static void
gst_cuda_context_class_init(GstCudaContextClass *klass)
{
  G_OBJECT_CLASS(klass)->finalize = context_finalize;
}

static void
gst_cuda_context_init(GstCudaContext *self)
{
  self->priv = new GstCudaContextPrivate{ 0 };
}

GstObject *
emulated_context_new(guint device)
{
  GstCudaContext *self = GST_CUDA_CONTEXT(g_object_new(GST_TYPE_CUDA_CONTEXT, nullptr));
  self->priv->device = (int)device;
  return GST_OBJECT(gst_object_ref_sink(self));
}

/* Without a context device 0 is current: what then is done with a stream of device 1 stops the program. */
static void
make_current(void)
{
  cudaSetDevice(contexts.empty() ? 0 : contexts.back());
}

gboolean
gst_cuda_context_push(GstCudaContext *context)
{
  contexts.push_back(context->priv->device);
  make_current();
  return TRUE;
}

gboolean
gst_cuda_context_pop(CUcontext *)
{
  g_assert(!contexts.empty());
  contexts.pop_back();
  make_current();
  return TRUE;
}

/* --- memory ---------------------------------------------------------------------------------------------------- */

G_DEFINE_TYPE(GstCudaAllocator, gst_cuda_allocator, GST_TYPE_ALLOCATOR)

static gpointer
memory_map(GstMemory *memory, gsize, GstMapFlags flags)
{
  if (flags != (GST_MAP_READ | GST_MAP_CUDA))
    g_error("memory of the GPU is mapped with flags %x: neither to be written, nor for the host", (guint)flags);
  if (contexts.empty() || contexts.back() != GST_CUDA_MEMORY_CAST(memory)->context->priv->device)
    g_error("memory of the GPU is mapped in another context than its own");
  g_atomic_int_inc(&maps);
  return GST_CUDA_MEMORY_CAST(memory)->priv->data;
}

static void
memory_unmap(GstMemory *)
{
}

static void
memory_free(GstAllocator *, GstMemory *memory)
{
  GstCudaMemory *self = GST_CUDA_MEMORY_CAST(memory);
  gst_cuda_context_push(self->context);
  cudaFree(self->priv->data);
  cudaStreamDestroy(self->priv->stream);
  gst_cuda_context_pop(nullptr);
  gst_object_unref(self->context);
  delete self->priv->host;
  delete self->priv;
  g_free(self);
}

static void
gst_cuda_allocator_class_init(GstCudaAllocatorClass *klass)
{
  GST_ALLOCATOR_CLASS(klass)->free = memory_free;
}

static void
gst_cuda_allocator_init(GstCudaAllocator *self)
{
  GstAllocator *allocator = GST_ALLOCATOR(self);
  allocator->mem_type = GST_CUDA_MEMORY_TYPE_NAME;
  allocator->mem_map = memory_map;
  allocator->mem_unmap = memory_unmap;
  GST_OBJECT_FLAG_SET(self, GST_ALLOCATOR_FLAG_CUSTOM_ALLOC);
}

gboolean
gst_is_cuda_memory(GstMemory *memory)
{
  return memory && memory->allocator && GST_IS_CUDA_ALLOCATOR(memory->allocator);
}

void
gst_cuda_memory_sync(GstCudaMemory *memory)
{
  GstCudaMemoryPrivate *priv = memory->priv;
  if (!priv->host)
    return;
  gst_cuda_context_push(memory->context);
  cudaMemcpyAsync(priv->data, priv->host->data(), priv->host->size(), cudaMemcpyHostToDevice, priv->stream);
  cudaStreamSynchronize(priv->stream);
  gst_cuda_context_pop(nullptr);
  delete priv->host;
  priv->host = nullptr;
}

guint
emulated_memory_maps(void)
{
  return (guint)g_atomic_int_get(&maps);
}

/* Every plane has the stride of the widest, as the real library has it. */
static void
lay_out(GstVideoInfo *info)
{
  const int stride = GST_ROUND_UP_N(info->stride[0], 512);
  info->size = 0;
  for (guint i = 0; i < GST_VIDEO_INFO_N_PLANES(info); i++) {
    info->stride[i] = stride;
    info->offset[i] = info->size;
    info->size += (gsize)stride * (gsize)GST_VIDEO_INFO_COMP_HEIGHT(info, i);
  }
}

static std::vector<guint8> *
copy_rows(const GstVideoInfo *info, GstVideoFrame *frame)
{
  auto *host = new std::vector<guint8>(info->size, 0xAA);
  for (guint i = 0; i < GST_VIDEO_INFO_N_PLANES(info); i++) {
    const gsize bytes = (gsize)(MIN(frame->info.stride[i], info->stride[i]));
    for (int y = 0; y < GST_VIDEO_INFO_COMP_HEIGHT(info, i); y++)
      memcpy(host->data() + info->offset[i] + (gsize)y * (gsize)info->stride[i],
             (guint8 *)frame->data[i] + (gsize)y * (gsize)frame->info.stride[i], bytes);
  }
  return host;
}

GstMemory *
emulated_memory_new(GstObject *context, GstVideoFrame *frame)
{
  static GstAllocator *allocator;
  if (!allocator)
    allocator = GST_ALLOCATOR(gst_object_ref_sink(g_object_new(GST_TYPE_CUDA_ALLOCATOR, nullptr)));
  GstCudaMemory *self = g_new0(GstCudaMemory, 1);
  self->priv = new GstCudaMemoryPrivate{ nullptr, nullptr, nullptr };
  self->context = GST_CUDA_CONTEXT(gst_object_ref(context));
  self->info = frame->info;
  lay_out(&self->info);
  self->priv->host = copy_rows(&self->info, frame);
  gst_memory_init(GST_MEMORY_CAST(self), (GstMemoryFlags)0, allocator, nullptr, self->info.size, 0, 0, self->info.size);
  gst_cuda_context_push(self->context);
  cudaMalloc((void **)&self->priv->data, self->info.size);
  cudaStreamCreateWithFlags(&self->priv->stream, cudaStreamNonBlocking);
  gst_cuda_context_pop(nullptr);
  return GST_MEMORY_CAST(self);
}

/* --- the driver ------------------------------------------------------------------------------------------------ */

gboolean
gst_cuda_load_library(void)
{
  return emulator_machine("driver", CUDART_VERSION) != 0;
}

CUresult CUDAAPI
CuDriverGetVersion(int *version)
{
  *version = emulator_machine("driver", CUDART_VERSION);
  return CUDA_SUCCESS;
}
