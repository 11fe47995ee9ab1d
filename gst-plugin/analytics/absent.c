/* absent.c - no analytics metadata: GStreamer's library is older than 1.24 or missing
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "analytics.h"

GstBuffer *
cbigan_analytics_mask(const CbiganResult *result)
{
  return NULL;
}

void
cbigan_analytics_attach(const CbiganResult *result, GstBuffer *mask, const CbiganVideoPart *part, GstBuffer *buffer)
{
}
