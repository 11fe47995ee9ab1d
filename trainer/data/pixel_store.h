/* pixel_store.h - where pixels lie that don't fit into memory together; inside dataset.c
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include "picture.h"

G_BEGIN_DECLS

typedef struct {
  int fd;       /* of a file without a name; -1: not yet made */
  guint64 size; /* bytes in it */
} CbiganPixelStore;

/* The folder of the file: $TMPDIR, or /var/tmp, which is on a disk where /tmp may be memory. */
const char *cbigan_pixel_store_folder(void);
/* Moves a picture's pixels into the file and maps them from there. FALSE with CBIGAN_ERROR_FILE where there is no room;
 * the picture is as before. */
gboolean cbigan_pixel_store_take(CbiganPixelStore *self, CbiganPicture *picture, GError **error);
/* Mapped pictures stay valid. */
void cbigan_pixel_store_clear(CbiganPixelStore *self);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(CbiganPixelStore, cbigan_pixel_store_clear)

G_END_DECLS
