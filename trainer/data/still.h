/* still.h - what the bytes of a still picture say about it, before a decoder sees them
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Decoders fill what is missing in a cut file with gray or with what lay in memory, and don't tell. So the structure of
 * the file is checked here: markers, chunks, and sizes against the header. Pixels are the decoder's business. To add a
 * format, write its scan_NAME() and give it a row in the table of still.c.
 */
#pragma once
#include "still_scan.h"

G_BEGIN_DECLS

/* Bytes from the start of a file that cbigan_still_format() needs to tell the format. */
#define CBIGAN_STILL_HEAD 4096

/* The format, from the first bytes. */
CbiganStillFormat cbigan_still_format(const guint8 *data, gsize size);

/* The name of a format that nothing here is known to decode, or NULL. */
const char *cbigan_still_unknown_name(const guint8 *data, gsize size);

/* Checks a whole file of a format other than NONE, and fills *still; free it with cbigan_still_clear(). FALSE with
 * CBIGAN_ERROR_FILE where it is cut, damaged, or of a kind that isn't decoded right. No byte outside data is read. */
gboolean cbigan_still_scan(const guint8 *data, gsize size, CbiganStill *still, GError **error);
void cbigan_still_clear(CbiganStill *still);

/* A PNG chunk that marks a file as a heat map of ours, so that it is not scored as a picture later. */
extern const guint8 cbigan_still_heatmap_chunk[];
extern const gsize cbigan_still_heatmap_chunk_size;
/* Whether a PNG file begins with that chunk, behind its header. */
gboolean cbigan_still_is_heatmap(const guint8 *data, gsize size);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(CbiganStill, cbigan_still_clear)

G_END_DECLS
