/* train_output.h - whether cbigan train may write where it is told to
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include <glib.h>

G_BEGIN_DECLS

/* Protects older files, and finds an output that can't be written before hours of training. FALSE with
 * CBIGAN_ERROR_FILE. */
gboolean cbigan_train_check_output(const char *output, const char *checkpoint, gboolean resume, gboolean force,
                                   GError **error);

G_END_DECLS
