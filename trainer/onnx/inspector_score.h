/* inspector_score.h - parts of an inspector's score as an ONNX graph
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Sides of pictures are multiples of CBIGAN_INSPECTOR_STEP.
 */
#pragma once
#include "export.h"

G_BEGIN_DECLS

/* bytes: int64 (h * w, 3) -> the network's input (1, planes, h, w). unmasked: (h, w), 0 where a pixel is ignored; NULL
 * = none is */
const char *cbigan_onnx_object_planes(CbiganOnnxGraph *graph, const CbiganInspector *inspector, const guint8 *unmasked,
                                      const char *bytes);
const char *cbigan_onnx_surface_planes(CbiganOnnxGraph *graph, const CbiganSurfaceLight *light, const char *bytes,
                                       int w, int h);

/* Logarithms (1, 3, h, w) -> level, red less green, blue less both: (1, 1, h, w) each */
#define CBIGAN_ONNX_COLOURS 3
void cbigan_onnx_level_and_colours(CbiganOnnxGraph *graph, const char *x, const char *planes[CBIGAN_ONNX_COLOURS]);

/* Features of the bank of filters: (1, CBIGAN_BANK_CHANNELS, h / 4, w / 4). planes: (1, 1, h, w) each */
const char *cbigan_onnx_bank(CbiganOnnxGraph *graph, const char *const planes[CBIGAN_ONNX_COLOURS]);

G_END_DECLS
