/* bank.c - the fixed bank of filters as nodes of an ONNX graph, as in score/inspector/bank.c
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "inspector_score.h"
#include "score/inspector/bank.h"

#define DIFFERENCES 5

void
cbigan_onnx_level_and_colours(CbiganOnnxGraph *graph, const char *x, const char *planes[CBIGAN_ONNX_COLOURS])
{
  static const float weights[CBIGAN_ONNX_COLOURS][3] = { { 1.0f / 3.0f, 1.0f / 3.0f, 1.0f / 3.0f },
                                                         { 1.0f, -1.0f, 0.0f },
                                                         { -0.5f, -0.5f, 1.0f } };
  for (int k = 0; k < CBIGAN_ONNX_COLOURS; k++)
    planes[k] =
        cbigan_onnx_binary(graph, "Conv", x, cbigan_onnx_floats(graph, 4, (gint64[]){ 1, 3, 1, 1 }, weights[k]));
}

static const char *
halved(CbiganOnnxGraph *graph, const char *x)
{
  return cbigan_onnx_pool(graph, cbigan_onnx_gaussian(graph, x, CBIGAN_BANK_HALVE_BLUR), 2);
}

/* First and second differences along both axes, and the mixed one: (1, DIFFERENCES, h, w) */
static const char *
differences(CbiganOnnxGraph *graph, const char *x)
{
  const float h = CBIGAN_BANK_UNIT * 0.5f, q = CBIGAN_BANK_UNIT * 0.25f;
  const float kernels[DIFFERENCES][9] = { { 0, 0, 0, -h, 0, h, 0, 0, 0 },
                                          { 0, -h, 0, 0, 0, 0, 0, h, 0 },
                                          { 0, 0, 0, h, -2 * h, h, 0, 0, 0 },
                                          { 0, h, 0, 0, -2 * h, 0, 0, h, 0 },
                                          { q, 0, -q, 0, 0, 0, -q, 0, q } };
  const char *pads = cbigan_onnx_ints(graph, 8, (gint64[]){ 0, 0, 1, 1, 0, 0, 1, 1 });
  x = cbigan_onnx_node(graph, "Pad", CBIGAN_ONNX_IN(x, pads), CBIGAN_ONNX_WITH(CBIGAN_ONNX_TEXT("mode", "edge")));
  return cbigan_onnx_binary(graph, "Conv", x,
                            cbigan_onnx_floats(graph, 4, (gint64[]){ DIFFERENCES, 1, 3, 3 }, kernels[0]));
}

static const char *
absolute(CbiganOnnxGraph *graph, const char *x)
{
  return cbigan_onnx_node(graph, "Abs", CBIGAN_ONNX_IN(x), NULL);
}

static void
colour(CbiganOnnxGraph *graph, const char *x, const char **mean, const char **detail)
{
  const char *half = halved(graph, x), *quarter = halved(graph, half);
  const char *rest = cbigan_onnx_binary(graph, "Sub", half, cbigan_onnx_enlarge(graph, quarter, 2));
  *mean = cbigan_onnx_scale(graph, quarter, CBIGAN_BANK_UNIT, 0.0);
  *detail = cbigan_onnx_pool(graph, cbigan_onnx_scale(graph, absolute(graph, rest), CBIGAN_BANK_UNIT, 0.0), 2);
}

const char *
cbigan_onnx_bank(CbiganOnnxGraph *graph, const char *const planes[CBIGAN_ONNX_COLOURS])
{
  const char *pyramid[4] = { cbigan_onnx_gaussian(graph, planes[0], CBIGAN_BANK_FINEST_BLUR) }, *mean[2], *detail[2];
  for (int i = 1; i < 4; i++)
    pyramid[i] = halved(graph, pyramid[i - 1]);
  const char *finest = cbigan_onnx_pool(graph, absolute(graph, differences(graph, pyramid[0])), 4);
  const char *fine = differences(graph, pyramid[1]);
  for (int k = 0; k < 2; k++)
    colour(graph, planes[1 + k], &mean[k], &detail[k]);
  return cbigan_onnx_node(graph, "Concat",
                          CBIGAN_ONNX_IN(finest, cbigan_onnx_pool(graph, absolute(graph, fine), 2),
                                         cbigan_onnx_pool(graph, fine, 2), differences(graph, pyramid[2]),
                                         cbigan_onnx_enlarge(graph, differences(graph, pyramid[3]), 2),
                                         cbigan_onnx_scale(graph, pyramid[2], CBIGAN_BANK_UNIT, 0.0), mean[0], mean[1],
                                         detail[0], detail[1]),
                          CBIGAN_ONNX_WITH(CBIGAN_ONNX_INT("axis", 1)));
}
