/* analytics.h - a result as GStreamer's analytics metadata, which other elements draw and read
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The build compiles analytics.c where GStreamer 1.24 or later has the library, and absent.c elsewhere.
 */
#pragma once
#include <cbigan.h>
#include <gst/video/video.h>

#include "video_crop.h"

G_BEGIN_DECLS

/* A GRAY8 picture of the map's size: 1 over the threshold, else 0 (transfer full). NULL = there is no map, no region,
 * no memory or no library. */
GstBuffer *cbigan_analytics_mask(const CbiganResult *result);
/* Puts on the buffer, which is writable: the class `anomalous` or `good`, one object `anomaly` per region, and the
 * segmentation. mask: of the function above, or NULL. part: the visible part of the buffer's picture */
void cbigan_analytics_attach(const CbiganResult *result, GstBuffer *mask, const CbiganVideoPart *part,
                             GstBuffer *buffer);

G_END_DECLS
