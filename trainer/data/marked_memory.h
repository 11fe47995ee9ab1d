/* marked_memory.h - memory whose every byte tells whether a decoder has written it; inside still_decoder.c
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include <gst/gst.h>

G_BEGIN_DECLS

/* An allocator of memory filled with random bytes, the same at each place of each memory (transfer full). */
GstAllocator *cbigan_marked_allocator_new(void);
/* Whether the last row of the first plane is written, which decoders write last. FALSE also where it can't be looked
 * at. */
gboolean cbigan_marked_is_written(GstSample *sample);

G_END_DECLS
