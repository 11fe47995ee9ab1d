/* measure.h - runs the networks over frames, patches of several frames together
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include "backend/backend.h"
#include "score/score.h"

G_BEGIN_DECLS

typedef struct _CbiganMeasure CbiganMeasure;

/* Once a frame, in order; the measurement is valid until it returns. */
typedef void (*CbiganMeasureFunc)(guint frame, const CbiganMeasurement *m, gpointer data);

/* needs[view]: CbiganNeeds. Of the model: networks, patch, frame, light (NAN: both views are the raw one), critic's
 * grid. standard: what a backend that keeps frames compares them with, used during the call; NULL: what is to be
 * compared is wanted. batch: patches at a time, always, so a frame's result does not depend on the others in the call.
 * Keeps references to neither; model and backend must outlive this. NULL with CBIGAN_ERROR_BACKEND. */
CbiganMeasure *cbigan_measure_new(const CbiganModel *model, CbiganBackend *backend, const guint needs[CBIGAN_N_VIEWS],
                                  const CbiganBaseline *standard, int batch, GError **error);
void cbigan_measure_free(CbiganMeasure *self);
/* FALSE with CBIGAN_ERROR_FRAME or _BACKEND. Allocates only for larger frames, or more at a time, than ever before;
 * where the backend keeps frames, for frames of another size than the last one's. */
gboolean cbigan_measure_run(CbiganMeasure *self, const CbiganFrame *frames, guint n, CbiganMeasureFunc func,
                            gpointer data, GError **error);
/* Patches at a time that waste least: 1..64 that divide the patches of a model's frame; native frames: 8. */
int cbigan_measure_batch(const CbiganModelInfo *info);
/* FALSE, with CBIGAN_ERROR_BACKEND unless the backend has failed, which says why: */
gboolean cbigan_measure_not_finite(CbiganBackend *backend, guint frame, GError **error);
/* FALSE with CBIGAN_ERROR_FRAME unless a frame has the model's size and a sane stride, and is in host memory or may be
 * on the device. */
gboolean cbigan_measure_check(const CbiganModelInfo *info, const CbiganFrame *frame, gboolean on_device,
                              GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(CbiganMeasure, cbigan_measure_free)

G_END_DECLS
