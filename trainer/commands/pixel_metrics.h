/* pixel_metrics.h - how well anomaly maps agree with masks of defects
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include <glib.h>

G_BEGIN_DECLS

typedef struct _CbiganPixelMetrics CbiganPixelMetrics;

/* Free with cbigan_pixel_metrics_free(). */
CbiganPixelMetrics *cbigan_pixel_metrics_new(void);
void cbigan_pixel_metrics_free(CbiganPixelMetrics *self);
/* map (h, w), 0 or more; threshold: any positive number, the same each time, about which differences count most. mask
 * (h, w): not 0 where the picture is defective; NULL = nowhere. */
void cbigan_pixel_metrics_add(CbiganPixelMetrics *self, const float *map, const guint8 *mask, int w, int h,
                              double threshold);
/* Area under the ROC curve over all pixels; NAN without defective ones, or without good ones. */
double cbigan_pixel_metrics_auroc(const CbiganPixelMetrics *self);
/* Area under the curve of the mean overlap with each connected defect against the share of good pixels that are
 * flagged, up to a share of `limit`, divided by that (Bergmann et al. 2020). NAN likewise. */
double cbigan_pixel_metrics_aupro(const CbiganPixelMetrics *self, double limit);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(CbiganPixelMetrics, cbigan_pixel_metrics_free)

G_END_DECLS
