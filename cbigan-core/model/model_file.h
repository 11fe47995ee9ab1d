/* model_file.h - the model file in memory; cbigan.h and model.h have the functions for files
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include "model/model.h"

G_BEGIN_DECLS

/* file: name for messages. NULL with CBIGAN_ERROR_FORMAT. */
CbiganModel *cbigan_model_load_bytes(const guint8 *bytes, gsize size, const char *file, GError **error);
/* The bytes that cbigan_model_save() writes, for g_free(). NULL with CBIGAN_ERROR_FORMAT. */
guint8 *cbigan_model_save_bytes(const CbiganModel *model, const char *file, gsize *size, GError **error);

G_END_DECLS
