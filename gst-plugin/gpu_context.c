/* gpu_context.c - the CUDA context that an element shares with its neighbours
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gpu_context.h"

#include "backend/module.h"

#define CONTEXT_TYPE "gst.cuda.context" /* GST_CUDA_CONTEXT_TYPE */

const CbiganCudaVideoClass *
cbigan_gpu_module(char **why)
{
  const CbiganCudaVideoClass *klass = cbigan_module_open("cbigan-cuda-video", why);
  return klass && !(*why = klass->unavailable()) ? klass : NULL;
}

/* For those who needn't know why not. */
static const CbiganCudaVideoClass *
module(void)
{
  g_autofree char *why = NULL;
  return cbigan_gpu_module(&why);
}

/* Its place is empty then, so that the next one is taken. */
static void
give_up_other(const CbiganCudaVideoClass *klass, CbiganGpuContext *self, GstElement *element, int device)
{
  GstCudaContext *other = NULL;
  GST_OBJECT_LOCK(element);
  self->device = device;
  if (self->found && device >= 0 && klass->device(self->found) != device)
    other = g_steal_pointer(&self->found);
  GST_OBJECT_UNLOCK(element);
  gst_clear_object(&other);
}

GstCudaContext *
cbigan_gpu_context_get(CbiganGpuContext *self, GstElement *element, int device)
{
  const CbiganCudaVideoClass *klass = module();
  if (!klass)
    return NULL;
  give_up_other(klass, self, element, device);
  if (!klass->ensure_context(element, device, &self->found))
    return NULL;
  return cbigan_gpu_context_remember(self, element);
}

void
cbigan_gpu_context_offer(CbiganGpuContext *self, GstElement *element, GstContext *given)
{
  const CbiganCudaVideoClass *klass = given && gst_context_has_context_type(given, CONTEXT_TYPE) ? module() : NULL;
  GstCudaContext *taken = NULL;
  if (!klass)
    return;
  GST_OBJECT_LOCK(element);
  const int device = self->device;
  GST_OBJECT_UNLOCK(element);
  if (!klass->set_context(element, given, device, &taken))
    return;
  GST_OBJECT_LOCK(element);
  if (!self->found)
    self->found = g_steal_pointer(&taken);
  GST_OBJECT_UNLOCK(element);
  gst_clear_object(&taken);
}

gboolean
cbigan_gpu_context_answer(CbiganGpuContext *self, GstElement *element, GstQuery *query)
{
  GstCudaContext *context = cbigan_gpu_context_remember(self, element);
  gboolean answered = context && module()->answer(element, query, context);
  gst_clear_object(&context);
  return answered;
}

void
cbigan_gpu_context_clear(CbiganGpuContext *self, GstElement *element)
{
  GST_OBJECT_LOCK(element);
  GstCudaContext *context = g_steal_pointer(&self->found);
  GST_OBJECT_UNLOCK(element);
  gst_clear_object(&context);
}

GstCudaContext *
cbigan_gpu_context_remember(CbiganGpuContext *self, GstElement *element)
{
  GST_OBJECT_LOCK(element);
  GstCudaContext *found = self->found ? gst_object_ref(self->found) : NULL;
  GST_OBJECT_UNLOCK(element);
  return found;
}

void
cbigan_gpu_context_put_back(CbiganGpuContext *self, GstElement *element, int device, GstCudaContext *found)
{
  GST_OBJECT_LOCK(element);
  GstCudaContext *tried = self->found;
  self->found = found ? gst_object_ref(found) : NULL;
  self->device = device;
  GST_OBJECT_UNLOCK(element);
  gst_clear_object(&tried);
}

gpointer
cbigan_gpu_handle(GstCudaContext *context)
{
  return context ? module()->handle(context) : NULL;
}

gboolean
cbigan_gpu_enter(GstCudaContext *context)
{
  return context && module()->enter(context);
}

void
cbigan_gpu_leave(void)
{
  module()->leave();
}
