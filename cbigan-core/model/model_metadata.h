/* model_metadata.h - the metadata keys of a model file
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include "model/model.h"

G_BEGIN_DECLS

/* Fills info but for scores[], which depends on the tensors. metadata: key -> string. Clear info with
 * cbigan_model_info_clear(), after a failure too. */
gboolean cbigan_metadata_read(GHashTable *metadata, CbiganModelInfo *info, const char *file, GError **error);

/* Appends the model's keys: static strings to keys, g_malloc'ed strings to values. Keys of the critic's map are
 * appended only if info->scores has the critic. */
void cbigan_metadata_write(const CbiganModelInfo *info, GPtrArray *keys, GPtrArray *values);

/* usual_pictures.c: the key cbigan.good-pictures, as the functions of the other keys in model_metadata.c. */
gboolean cbigan_usual_read(const char *text, CbiganModelInfo *info);
char *cbigan_usual_write(const CbiganModelInfo *info);

G_END_DECLS
