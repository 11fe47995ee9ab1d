/* convolution.c - oneDNN's convolutions, forward and backward, in pieces that threads share
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Each piece is a primitive of one thread over some samples of the batch. A forward pass over fewer samples than
 * threads cuts each sample into strips of rows as well: rows lie one after another in n,h,w,c order.
 */
#include "backend/cpu/context.h"

/* Pieces: another program may hold up a thread, the other threads then take more of them. Gradients of the weights have
 * one sum per piece, so they have fewer. */
#define PER_THREAD 4

typedef struct {
  int first, n;        /* samples */
  int row, rows;       /* of the output */
  int in_row, in_rows; /* of the input under them */
  int above, below;    /* rows of zeros that the kernel finds outside the sample */
} Part;

/* Samples and rows of part `number`. */
static Part
part_of(const CbiganLayer *l, int batch, int strips, int groups, int number)
{
  int group = number / strips, strip = number % strips, reach = l->kernel / 2, h = l->out.h;
  int first = batch * group / groups, row = h * strip / strips, end = h * (strip + 1) / strips;
  int top = MAX(row - reach, 0), bottom = MIN(end + reach, h);
  return (Part){ .first = first,
                 .n = batch * (group + 1) / groups - first,
                 .row = row,
                 .rows = end - row,
                 .in_row = top,
                 .in_rows = bottom - top,
                 .above = reach - (row - top),
                 .below = reach - (bottom - end) };
}

typedef struct {
  dnnl_memory_desc_t x, y, weights, bias;
  dnnl_dims_t strides, above, below;
} Shape;

/* weights: in the order that the first piece chose; NULL = this is the first */
static Shape
shape_of(const CbiganLayer *l, const Part *part, const dnnl_memory_desc_t *weights)
{
  Shape s = { .x = cbigan_cpu_nhwc(part->n, (CbiganShape){ l->in.c, part->in_rows, l->in.w }),
              .y = cbigan_cpu_nhwc(part->n, (CbiganShape){ l->out.c, part->rows, l->out.w }),
              .weights = weights ? *weights : cbigan_cpu_any_weights(l),
              .strides = { 1, 1 },
              .above = { part->above, l->kernel / 2 },
              .below = { part->below, l->kernel / 2 } };
  dnnl_dims_t out = { l->out.c };
  dnnl_memory_desc_init_by_tag(&s.bias, 1, out, dnnl_f32, dnnl_x);
  return s;
}

static gboolean
init_forward(CbiganCpu *self, CbiganCpuPrimitive *p, const CbiganLayer *l, Shape *s, GError **error)
{
  dnnl_convolution_desc_t operation;
  /* direct: Winograd would trade accuracy for speed */
  dnnl_status_t status = dnnl_convolution_forward_desc_init(
      &operation, dnnl_forward_inference, dnnl_convolution_direct, &s->x, &s->weights,
      l->bias == CBIGAN_NO_OFFSET ? NULL : &s->bias, &s->y, s->strides, s->above, s->below);
  return cbigan_cpu_check(status, l->name, error) &&
         cbigan_cpu_primitive_init(self, p, l->name, &operation, cbigan_cpu_attributes(l->accumulate, l->activation),
                                   NULL, error);
}

/* oneDNN wants the forward pass as a hint. */
static gboolean
init_backward(CbiganCpu *self, CbiganCpuPrimitive *p, CbiganCpuDirection direction, const CbiganLayer *l, Shape *s,
              GError **error)
{
  dnnl_convolution_desc_t operation;
  dnnl_primitive_desc_t hint = NULL;
  dnnl_memory_desc_t any = cbigan_cpu_any_weights(l);
  int before = cbigan_cpu_one_thread();
  dnnl_status_t status = dnnl_convolution_forward_desc_init(&operation, dnnl_forward_training, dnnl_convolution_direct,
                                                            &s->x, &any, NULL, &s->y, s->strides, s->above, s->below);
  if (!status)
    status = dnnl_primitive_desc_create(&hint, &operation, NULL, self->engine, NULL);
  cbigan_cpu_threads_back(before);
  if (!status && direction == CBIGAN_CPU_DATA)
    status = dnnl_convolution_backward_data_desc_init(&operation, dnnl_convolution_direct, &s->x, &s->weights, &s->y,
                                                      s->strides, s->above, s->below);
  else if (!status)
    status = dnnl_convolution_backward_weights_desc_init(&operation, dnnl_convolution_direct, &s->x, &s->weights, NULL,
                                                         &s->y, s->strides, s->above, s->below);
  gboolean ok = cbigan_cpu_check(status, l->name, error) &&
                cbigan_cpu_primitive_init(self, p, l->name, &operation, NULL, hint, error);
  dnnl_primitive_desc_destroy(hint);
  return ok;
}

gboolean
cbigan_cpu_convolution_init(CbiganCpu *self, CbiganCpuPieces *pieces, CbiganCpuDirection direction,
                            const CbiganLayer *l, int batch, GError **error)
{
  const int weights_argument = direction == CBIGAN_CPU_WEIGHTS ? DNNL_ARG_DIFF_WEIGHTS : DNNL_ARG_WEIGHTS;
  const int threads = self->base.threads;
  const int groups = MIN(batch, direction == CBIGAN_CPU_WEIGHTS ? threads : PER_THREAD * threads);
  const int strips = direction == CBIGAN_CPU_FORWARD ? MIN((threads + groups - 1) / groups, l->out.h) : 1;
  const gsize in_row = (gsize)(l->in.w * l->in.c), out_row = (gsize)(l->out.w * l->out.c);
  for (int i = 0; i < groups * strips; i++) {
    Part part = part_of(l, batch, strips, groups, i);
    Shape shape = shape_of(l, &part, i ? cbigan_cpu_descriptor(pieces, weights_argument) : NULL);
    CbiganCpuPrimitive *p = cbigan_cpu_pieces_add(pieces);
    if (!(direction == CBIGAN_CPU_FORWARD ? init_forward(self, p, l, &shape, error)
                                          : init_backward(self, p, direction, l, &shape, error)))
      return FALSE;
    p->offsets[0] = (gsize)(part.first * l->in.h + part.in_row) * in_row;
    p->offsets[1] = (gsize)(part.first * l->out.h + part.row) * out_row;
  }
  return TRUE;
}
