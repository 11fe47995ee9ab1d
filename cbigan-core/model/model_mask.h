/* model_mask.h - the mask of a model file; inside model_file.c
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include "model/model.h"
#include "model/safetensors.h"

G_BEGIN_DECLS

/* Sets the size of info->mask: that of frames where the model has one, else the tensor's own. The tensor's shape is
 * compared with it later. tensor: NULL = the file has none */
void cbigan_mask_find_size(CbiganModelInfo *info, const CbiganTensor *tensor);
/* Whether model->mask has the frame's size and holds 0 and at least one 1. FALSE with CBIGAN_ERROR_FORMAT. */
gboolean cbigan_mask_check(const CbiganModel *model, const char *file, GError **error);
/* Fills info.mask from model->mask. */
void cbigan_mask_take(CbiganModel *model);

G_END_DECLS
