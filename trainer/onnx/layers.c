/* layers.c - a network's layers as nodes of an ONNX graph
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <string.h>

#include "export.h"

static const char *
add_conv(CbiganOnnxGraph *graph, const CbiganLayer *l, const float *parameters, const char *x)
{
  const int k = l->kernel, pad = k / 2;
  const char *weight = cbigan_onnx_floats(graph, 4, (gint64[]){ l->out.c, l->in.c, k, k }, parameters + l->weight);
  const char *bias =
      l->bias == CBIGAN_NO_OFFSET ? NULL : cbigan_onnx_floats(graph, 1, (gint64[]){ l->out.c }, parameters + l->bias);
  return cbigan_onnx_node(graph, "Conv", CBIGAN_ONNX_IN(x, weight, bias),
                          CBIGAN_ONNX_WITH(CBIGAN_ONNX_INTS("pads", 4, pad, pad, pad, pad)));
}

static const char *
add_dense(CbiganOnnxGraph *graph, const CbiganLayer *l, const float *parameters, const char *x)
{
  const gsize in = cbigan_shape_size(l->in), out = cbigan_shape_size(l->out);
  g_autofree float *rows = g_new(float, in *out); /* without what other layers read of the matrix */
  for (gsize o = 0; o < out; o++)
    memcpy(rows + o * in, parameters + l->weight + o * l->weight_stride, in * sizeof *rows);
  const char *weight = cbigan_onnx_floats(graph, 2, (gint64[]){ (gint64)out, (gint64)in }, rows);
  const char *bias = l->bias == CBIGAN_NO_OFFSET
                         ? NULL
                         : cbigan_onnx_floats(graph, 1, (gint64[]){ (gint64)out }, parameters + l->bias);
  const char *flat = cbigan_onnx_reshape(graph, x, 2, (gint64[]){ -1, (gint64)in });
  const char *y = cbigan_onnx_node(graph, "Gemm", CBIGAN_ONNX_IN(flat, weight, bias),
                                   CBIGAN_ONNX_WITH(CBIGAN_ONNX_INT("transB", 1)));
  return l->out.h * l->out.w > 1 ? cbigan_onnx_reshape(graph, y, 4, (gint64[]){ -1, l->out.c, l->out.h, l->out.w }) : y;
}

static const char *
add_layer(CbiganOnnxGraph *graph, const CbiganLayer *l, const float *parameters, const char *x, const char *sum)
{
  const char *y = NULL;
  switch (l->kind) {
  case CBIGAN_CONV2D:
    y = add_conv(graph, l, parameters, x);
    break;
  case CBIGAN_DENSE:
    y = add_dense(graph, l, parameters, x);
    break;
  case CBIGAN_UPSAMPLE:
    return cbigan_onnx_enlarge(graph, x, 2);
  case CBIGAN_AVGPOOL:
    return cbigan_onnx_pool(graph, x, 2);
  }
  if (l->accumulate)
    y = cbigan_onnx_binary(graph, "Add", y, sum);
  if (l->activation == CBIGAN_LEAKY)
    return cbigan_onnx_node(graph, "LeakyRelu", CBIGAN_ONNX_IN(y),
                            CBIGAN_ONNX_WITH(CBIGAN_ONNX_REAL("alpha", CBIGAN_LEAKY_SLOPE)));
  return l->activation == CBIGAN_TANH ? cbigan_onnx_node(graph, "Tanh", CBIGAN_ONNX_IN(y), NULL) : y;
}

const char **
cbigan_onnx_network(CbiganOnnxGraph *graph, const CbiganNetwork *network, const float *parameters,
                    const char *const *inputs, int value)
{
  const char **names = g_new0(const char *, network->n_values);
  for (int i = 0; i < network->n_inputs; i++)
    names[i] = inputs[i];
  for (int i = 0; i < cbigan_network_layers_until(network, value); i++) {
    const CbiganLayer *l = &network->layers[i];
    names[l->output] = add_layer(graph, l, parameters, names[l->input], names[l->output]);
  }
  return names;
}
