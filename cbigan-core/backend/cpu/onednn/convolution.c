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

/* weights: in the order that the first piece chose; NULL = this is the first. oneDNN wants the forward pass as a hint
 * for a backward one. */
static gboolean
init_piece(CbiganCpu *self, CbiganCpuPrimitive *p, CbiganCpuDirection direction, const CbiganLayer *l, const Part *part,
           const CbiganCpuLayout *weights, GError **error)
{
  static const dnnl_prop_kind_t kinds[] = { [CBIGAN_CPU_FORWARD] = dnnl_forward_inference,
                                            [CBIGAN_CPU_DATA] = dnnl_backward_data,
                                            [CBIGAN_CPU_WEIGHTS] = dnnl_backward_weights };
  const dnnl_dims_t out = { l->out.c };
  g_autoptr(CbiganCpuLayout) x = cbigan_cpu_nhwc(part->n, (CbiganShape){ l->in.c, part->in_rows, l->in.w });
  g_autoptr(CbiganCpuLayout) y = cbigan_cpu_nhwc(part->n, (CbiganShape){ l->out.c, part->rows, l->out.w });
  g_autoptr(CbiganCpuLayout) any = cbigan_cpu_any_weights(l);
  g_autoptr(CbiganCpuLayout) bias = cbigan_cpu_layout_new(1, out, dnnl_f32, dnnl_x);
  CbiganCpuConvolution c = { .kind = kinds[direction],
                             .x = x,
                             .weights = weights ? weights : any,
                             .y = y,
                             .before = { part->above, l->kernel / 2 },
                             .after = { part->below, l->kernel / 2 } };
  if (direction == CBIGAN_CPU_FORWARD) {
    c.bias = l->bias == CBIGAN_NO_OFFSET ? NULL : bias;
    return cbigan_cpu_primitive_init(self, p, l->name, &c, cbigan_cpu_attributes(l->accumulate, l->activation), NULL,
                                     error);
  }
  CbiganCpuConvolution forward = c;
  forward.kind = dnnl_forward_training;
  forward.weights = any;
  dnnl_primitive_desc_t hint = NULL;
  int before = cbigan_cpu_one_thread();
  dnnl_status_t status = cbigan_cpu_describe_convolution(&hint, self->engine, &forward, NULL, NULL);
  cbigan_cpu_threads_back(before);
  gboolean ok =
      cbigan_cpu_check(status, l->name, error) && cbigan_cpu_primitive_init(self, p, l->name, &c, NULL, hint, error);
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
    const CbiganCpuLayout *weights = i ? cbigan_cpu_pieces_layout(pieces, weights_argument) : NULL;
    CbiganCpuPrimitive *p = cbigan_cpu_pieces_add(pieces);
    if (!init_piece(self, p, direction, l, &part, weights, error))
      return FALSE;
    p->offsets[0] = (gsize)(part.first * l->in.h + part.in_row) * in_row;
    p->offsets[1] = (gsize)(part.first * l->out.h + part.row) * out_row;
  }
  return TRUE;
}
