/* mask_file.h - a mask from a PNG file; used by the element and the trainer
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include <cbigan.h>

G_BEGIN_DECLS

/* Reads a PNG of any kind and size: pixels darker than half grey, and transparent ones, are ignored. Clear the mask
 * with cbigan_mask_clear(). FALSE with CBIGAN_ERROR_FILE, which names the file. */
gboolean cbigan_mask_read(const char *path, CbiganMask *mask, GError **error);
/* Frees the pixels of a mask that was read. */
void cbigan_mask_clear(CbiganMask *mask);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(CbiganMask, cbigan_mask_clear)

G_END_DECLS
