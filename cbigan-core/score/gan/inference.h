/* inference.h - from frames to the numbers that scores combine, on any backend
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Frames go in and a few numbers per frame come back. Maps and distances stay in backend memory until a score's map
 * function asks for them. One thread at a time uses a CbiganInference.
 */
#pragma once
#include "backend/backend.h"
#include "baseline.h"
#include "needs.h"

G_BEGIN_DECLS

typedef struct _CbiganInference CbiganInference;

/* The results of one frame; valid during the callback only. NULL or 0 where the needs do not include them. */
typedef struct {
  CbiganInference *inference;
  guint frame;                     /* number in the call */
  const CbiganFrameTiling *tiling; /* its corners are not set */
  const double *l_r, *l_fd;        /* (patches): Eq. 11, Eq. 9 */
  double deviations_peak;          /* of the local map */
  double distances_peak;
} CbiganMeasurement;

/* Once per frame, in order. */
typedef void (*CbiganInferenceFunc)(guint frame, const CbiganMeasurement *m, gpointer data);

/* needs[view]: CbiganNeeds. Of the model: networks, patch, frame size, light (NAN: both views are the raw one),
 * critic's blocks and grid. baseline: as for cbigan_inference_set_baseline(). batch: patches at a time, always, so a
 * frame's result does not depend on the others in the call. Model and backend must outlive it. Memory for frames of a
 * known size is allocated here. like: an inference with the same arguments on another backend of the same class and
 * options, which must outlive this; it shares weights. NULL = there is none. NULL with CBIGAN_ERROR_BACKEND. */
CbiganInference *cbigan_inference_new(const CbiganModel *model, CbiganBackend *backend,
                                      const guint needs[CBIGAN_N_VIEWS], const CbiganBaseline *baseline, int batch,
                                      const CbiganInference *like, GError **error);
void cbigan_inference_free(CbiganInference *self);
/* Patches at a time. */
int cbigan_inference_batch(const CbiganInference *self);
/* Frames of the model's size that fit in a batch, at least 1; 1 where frames may have any size. */
guint cbigan_inference_frames(const CbiganInference *self);
/* Sets the baseline of the next frames. The critic's statistics must outlive their use; those of the map are copied.
 * NULL: local maps and features are computed, but not compared. FALSE with CBIGAN_ERROR_BACKEND. */
gboolean cbigan_inference_set_baseline(CbiganInference *self, const CbiganBaseline *baseline, GError **error);
/* FALSE with CBIGAN_ERROR_FRAME or _BACKEND. Allocates only if the size of frames changes. */
gboolean cbigan_inference_run(CbiganInference *self, const CbiganFrame *frames, guint n, CbiganInferenceFunc func,
                              gpointer data, GError **error);

/* During the callback only, as checked; each needs its CbiganNeeds. */
/* map (height, width), host memory */
void cbigan_inference_error_map(const CbiganMeasurement *m, float *map);
/* The local map, in host memory: with a baseline in standard deviations from good pictures. */
void cbigan_inference_local_map(const CbiganMeasurement *m, float *map);
/* (patches, grid * grid), only with a baseline; owned by the inference */
const float *cbigan_inference_distances(const CbiganMeasurement *m);
/* (patches, grid * grid, channels), only without a baseline; owned by the inference */
const float *cbigan_inference_features(const CbiganMeasurement *m);
/* Shares a loop over the frame's rows among the backend's threads, see cbigan_backend_each(). */
void cbigan_inference_each(const CbiganMeasurement *m, int n, gsize numbers, CbiganRangeFunc range, gpointer data);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(CbiganInference, cbigan_inference_free)

G_END_DECLS
