/* meta.c - the custom metas on the buffers
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "meta.h"

void
cbigan_metas_register(void)
{
  /* No tags: neither a new size nor other colours make them wrong, so every element copies them. */
  static const char *tags[] = { NULL };
  if (!gst_meta_get_info(CBIGAN_SCORE_META))
    gst_meta_register_custom(CBIGAN_SCORE_META, tags, NULL, NULL, NULL);
}

GstStructure *
cbigan_meta_add(GstBuffer *buffer, const char *name)
{
  GstCustomMeta *old = gst_buffer_get_custom_meta(buffer, name);
  if (old)
    gst_buffer_remove_meta(buffer, (GstMeta *)old);
  return gst_custom_meta_get_structure(gst_buffer_add_custom_meta(buffer, name));
}

const GstStructure *
cbigan_meta_get(GstBuffer *buffer, const char *name)
{
  GstCustomMeta *meta = gst_buffer_get_custom_meta(buffer, name);
  return meta ? gst_custom_meta_get_structure(meta) : NULL;
}
