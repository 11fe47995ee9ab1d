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

#include "emulator_internal.h"

/* GStreamer has it from 1.24 on. */
extern "C" void gst_cuda_memory_sync(GstCudaMemory *memory);

struct _GstCudaContextPrivate {
  guint device;
  CUcontext context; /* owned */
};

struct _GstCudaMemoryPrivate {
  guint8 *data;
  std::vector<guint8> *host; /* contents that have not arrived yet; NULL: they have */
  cudaStream_t stream;
};

static gint maps, mapped, contexts;

/* --- contexts -------------------------------------------------------------------------------------------------- */

G_DEFINE_TYPE(GstCudaContext, gst_cuda_context, GST_TYPE_OBJECT)

static void
context_get_property(GObject *object, guint, GValue *value, GParamSpec *)
{
  g_value_set_uint(value, GST_CUDA_CONTEXT(object)->priv->device);
}

static void
context_finalize(GObject *object)
{
  GstCudaContextPrivate *priv = GST_CUDA_CONTEXT(object)->priv;
  emulator_context_destroy(priv->context);
  g_atomic_int_add(&contexts, -1);
  delete priv;
  G_OBJECT_CLASS(gst_cuda_context_parent_class)->finalize(object);
}

static void
gst_cuda_context_class_init(GstCudaContextClass *klass)
{
  G_OBJECT_CLASS(klass)->get_property = context_get_property;
  G_OBJECT_CLASS(klass)->finalize = context_finalize;
  g_object_class_install_property(G_OBJECT_CLASS(klass), 1,
                                  g_param_spec_uint("cuda-device-id", "", "", 0, G_MAXUINT, 0, G_PARAM_READABLE));
}

static void
gst_cuda_context_init(GstCudaContext *self)
{
  self->priv = new GstCudaContextPrivate{ 0, nullptr };
}

/* Leaves the current context as it was. */
GstCudaContext *
gst_cuda_context_new(guint device)
{
  if ((int)device >= emulator_machine("devices", 2))
    return nullptr;
  GstCudaContext *self = GST_CUDA_CONTEXT(g_object_new(GST_TYPE_CUDA_CONTEXT, nullptr));
  self->priv->device = device;
  self->priv->context = emulator_context_new((int)device);
  emulator_context_pop(nullptr);
  g_atomic_int_inc(&contexts);
  return GST_CUDA_CONTEXT(gst_object_ref_sink(self));
}

GstObject *
emulated_context_new(guint device)
{
  return GST_OBJECT(gst_cuda_context_new(device));
}

guint
emulated_contexts(void)
{
  return (guint)g_atomic_int_get(&contexts);
}

gboolean
emulated_context_is_used(GstObject *context)
{
  CUcontext handle = GST_CUDA_CONTEXT(context)->priv->context;
  return emulator_owns_memory(handle) && emulator_owns_streams(handle);
}

gpointer
emulated_current_context(void)
{
  CUcontext context = nullptr;
  if (emulator_context_pop(&context) == CUDA_SUCCESS)
    emulator_context_push(context);
  return context;
}

gpointer
gst_cuda_context_get_handle(GstCudaContext *context)
{
  return context->priv->context;
}

gboolean
gst_cuda_context_push(GstCudaContext *context)
{
  return emulator_context_push(context->priv->context) == CUDA_SUCCESS;
}

gboolean
gst_cuda_context_pop(CUcontext *context)
{
  if (emulator_context_pop(context) != CUDA_SUCCESS)
    g_error("more contexts are popped than were pushed");
  return TRUE;
}

/* --- contexts of elements -------------------------------------------------------------------------------------- */

GstContext *
gst_context_new_cuda_context(GstCudaContext *cuda)
{
  GstContext *context = gst_context_new(GST_CUDA_CONTEXT_TYPE, TRUE);
  gst_structure_set(gst_context_writable_structure(context), GST_CUDA_CONTEXT_TYPE, GST_TYPE_CUDA_CONTEXT, cuda,
                    "cuda-device-id", G_TYPE_UINT, cuda->priv->device, nullptr);
  return context;
}

gboolean
gst_cuda_handle_context_query(GstElement *, GstQuery *query, GstCudaContext *cuda)
{
  const char *type;
  gst_query_parse_context_type(query, &type);
  if (!cuda || !g_str_equal(type, GST_CUDA_CONTEXT_TYPE))
    return FALSE;
  g_autoptr(GstContext) context = gst_context_new_cuda_context(cuda);
  gst_query_set_context(query, context);
  return TRUE;
}

/* Keeps a context that the element has already, and refuses one of another device than the wanted one. */
gboolean
gst_cuda_handle_set_context(GstElement *, GstContext *context, gint device, GstCudaContext **cuda)
{
  GstCudaContext *given = nullptr;
  if (!context || !gst_context_has_context_type(context, GST_CUDA_CONTEXT_TYPE))
    return FALSE;
  if (*cuda)
    return TRUE;
  gst_structure_get(gst_context_get_structure(context), GST_CUDA_CONTEXT_TYPE, GST_TYPE_CUDA_CONTEXT, &given, nullptr);
  if (given && (device < 0 || given->priv->device == (guint)device))
    *cuda = (GstCudaContext *)gst_object_ref(given);
  gst_clear_object(&given);
  return *cuda != nullptr;
}

/* For elements with one pad on either side */
static void
ask_neighbour(GstElement *element, const char *pad_name)
{
  g_autoptr(GstPad) pad = gst_element_get_static_pad(element, pad_name);
  g_autoptr(GstQuery) query = gst_query_new_context(GST_CUDA_CONTEXT_TYPE);
  GstContext *found = nullptr;
  if (gst_pad_peer_query(pad, query))
    gst_query_parse_context(query, &found);
  if (found)
    gst_element_set_context(element, found);
}

gboolean
gst_cuda_ensure_element_context(GstElement *element, gint device, GstCudaContext **cuda)
{
  for (const char *pad : { "src", "sink" })
    if (!*cuda)
      ask_neighbour(element, pad);
  if (!*cuda)
    gst_element_post_message(element, gst_message_new_need_context(GST_OBJECT(element), GST_CUDA_CONTEXT_TYPE));
  if (*cuda)
    return TRUE;
  *cuda = gst_cuda_context_new((guint)MAX(device, 0));
  if (!*cuda)
    return FALSE;
  g_autoptr(GstContext) context = gst_context_new_cuda_context(*cuda);
  gst_element_set_context(element, context);
  gst_element_post_message(element, gst_message_new_have_context(GST_OBJECT(element), g_steal_pointer(&context)));
  return TRUE;
}

/* --- memory ---------------------------------------------------------------------------------------------------- */

G_DEFINE_TYPE(GstCudaAllocator, gst_cuda_allocator, GST_TYPE_ALLOCATOR)

static gpointer
memory_map(GstMemory *memory, gsize, GstMapFlags flags)
{
  if (flags != (GST_MAP_READ | GST_MAP_CUDA))
    g_error("memory of the GPU is mapped with flags %x: neither to be written, nor for the host", (guint)flags);
  if (emulator_context() != GST_CUDA_MEMORY_CAST(memory)->context->priv->context)
    g_error("memory of the GPU is mapped in another context than its own");
  g_atomic_int_inc(&maps);
  g_atomic_int_inc(&mapped);
  return GST_CUDA_MEMORY_CAST(memory)->priv->data;
}

static void
memory_unmap(GstMemory *)
{
  g_atomic_int_add(&mapped, -1);
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
  if (g_atomic_int_get(&mapped))
    g_error("memory is still mapped");
  return (guint)g_atomic_int_get(&maps);
}

/* Every plane has the stride of the widest one, as in the real library. */
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
