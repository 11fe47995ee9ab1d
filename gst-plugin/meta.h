/* meta.h - the custom meta on the buffers
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * It is a GstCustomMeta: gst_buffer_get_custom_meta (buffer, "CbiganScore") gives it in any language, and
 * gst_custom_meta_get_structure() the fields, which the SECTION page of cbiganscore lists. It passes
 * videoscale, videoconvert and queue: positions are fractions of the frame.
 */
#pragma once
#include <gst/gst.h>

G_BEGIN_DECLS

#define CBIGAN_SCORE_META "CbiganScore"

/* Once, when the plugin is loaded. */
void cbigan_metas_register(void);
/* The meta's structure, to be filled; an older one of that name on the buffer is replaced. buffer: writable. */
GstStructure *cbigan_meta_add(GstBuffer *buffer, const char *name);
/* NULL = the buffer has none. */
const GstStructure *cbigan_meta_get(GstBuffer *buffer, const char *name);

G_END_DECLS
