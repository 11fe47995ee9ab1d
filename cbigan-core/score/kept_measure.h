/* kept_measure.h - measure.h for a backend that keeps frames: they go in, a few numbers come back
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include "score/measure.h"
#include "model_networks.h"

G_BEGIN_DECLS

typedef struct _CbiganKeptMeasure CbiganKeptMeasure;

/* As cbigan_measure_new(); needs: with one view only where both are the same. info and passes must outlive this. */
CbiganKeptMeasure *cbigan_kept_measure_new(const CbiganModelInfo *info, CbiganPasses *passes,
                                           const guint needs[CBIGAN_N_VIEWS], const CbiganBaseline *standard,
                                           GError **error);
void cbigan_kept_measure_free(CbiganKeptMeasure *self);
/* As cbigan_measure_run(). */
gboolean cbigan_kept_measure_run(CbiganKeptMeasure *self, const CbiganFrame *frames, guint n, CbiganMeasureFunc func,
                                 gpointer data, GError **error);

G_END_DECLS
