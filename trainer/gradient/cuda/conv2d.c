/* conv2d.c - gradients of the convolution, by cuDNN
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gradient/cuda/gradients.h"

#include "i18n.h"

gboolean
cbigan_grad_cuda_conv2d_plan(CbiganCuda *self, CbiganGradCudaPlan *plan)
{
  const CbiganLayer *layer = plan->base.layer;
  const int batch = plan->base.batch;
  const gsize size = cbigan_cuda_weights_size(layer);
  if (!cbigan_cuda_convolution_init_layer(self, &plan->data, CBIGAN_CUDA_DATA, layer, batch) ||
      !cbigan_cuda_convolution_init_layer(self, &plan->filter, CBIGAN_CUDA_FILTER, layer, batch))
    return FALSE;
  plan->weights = cbigan_cuda_alloc(&self->base, size);
  plan->sums = cbigan_cuda_alloc(&self->base, size);
  if (plan->weights && plan->sums)
    return TRUE;
  cbigan_backend_fail(&self->base, _("out of memory for the gradients of %s"), layer->name);
  return FALSE;
}

void
cbigan_grad_cuda_conv2d_clear(CbiganCuda *self, CbiganGradCudaPlan *plan)
{
  cbigan_cuda_convolution_clear(&plan->data);
  cbigan_cuda_convolution_clear(&plan->filter);
  if (plan->weights)
    cbigan_cuda_free(&self->base, plan->weights);
  if (plan->sums)
    cbigan_cuda_free(&self->base, plan->sums);
}

void
cbigan_grad_cuda_conv2d_load(CbiganCuda *self, CbiganGradCudaPlan *plan)
{
  cbigan_cuda_load_weights(self, plan->base.layer, plan->parameters, plan->weights);
}

void
cbigan_grad_cuda_conv2d_data(CbiganCuda *self, const CbiganGradCudaPlan *plan, const float *dy, float *dx,
                             gboolean accumulate)
{
  cbigan_cuda_convolution_run(self, &plan->data, accumulate, dx, plan->weights, (float *)dy);
}

/* cuDNN can't add to `gradients` itself: a layer's weights may lie there without the alignment that it needs. */
void
cbigan_grad_cuda_conv2d_weights(CbiganCuda *self, const CbiganGradCudaPlan *plan, const float *x, const float *dy,
                                float *gradients)
{
  const CbiganLayer *l = plan->base.layer;
  cbigan_cuda_convolution_run(self, &plan->filter, FALSE, (float *)x, plan->sums, (float *)dy);
  CBIGAN_CUDA_TRY(self,
                  cbigan_grad_cuda_launch_add_rows(l->out.c, cbigan_cuda_weights_size(l) / (gsize)l->out.c, plan->sums,
                                                   l->weight_stride, gradients + l->weight, self->stream));
}
