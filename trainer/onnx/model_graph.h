/* model_graph.h - a model, or one of its networks, as an ONNX file
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include "model/model.h"

G_BEGIN_DECLS

typedef enum {
  CBIGAN_ONNX_SCORE,     /* frame (height, width, 3) of uint8 -> score (1), map (height, width) */
  CBIGAN_ONNX_ENCODER,   /* image (n, 3, P, P) -> latent (n, 64) */
  CBIGAN_ONNX_GENERATOR, /* latent (n, 64) -> image (n, 3, P, P) */
  CBIGAN_ONNX_FEATURES,  /* image, and with the hidden tap latent, -> f_D (n, …) */
} CbiganOnnxPart;

/* Writes part of a model to `path`, atomically. width, height: of the frame where the model takes frames of any size,
 * else 0. FALSE with an error: no such part, a size that the model can't take, the disk is full, or cbigan was built
 * without protobuf-c. */
gboolean cbigan_onnx_write(const CbiganModel *model, CbiganOnnxPart part, int width, int height, const char *path,
                           GError **error);

G_END_DECLS
