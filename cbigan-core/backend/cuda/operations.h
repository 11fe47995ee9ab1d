/* operations.h - the members of the function table that have a file of their own; backend.h says what each does
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include "backend/backend.h"

G_BEGIN_DECLS

/* scoring/distances.c */
void cbigan_cuda_distances(CbiganBackend *self, CbiganCritic *critic, float *const *values, int n, float *distances,
                           float *peaks);
/* scoring/map.c */
void cbigan_cuda_difference(CbiganBackend *self, int n, gsize size, const float *a, const float *b, float *difference,
                            double *sums);
void cbigan_cuda_map(CbiganBackend *self, const CbiganFrameTiling *tiling, const float *differences,
                     const CbiganMapFilter *filter, const CbiganMapBaseline *good, float *scratch, float *map,
                     float *peak);
/* scoring/frame_upload.c */
void cbigan_cuda_frame(CbiganBackend *self, CbiganFrames *frames, int i);
void cbigan_cuda_crop(CbiganBackend *self, CbiganFrames *frames, int n_frames, const CbiganFrameTiling *tiling,
                      int first, int n, const CbiganLightTarget *light, float *x);
/* graph_capture.c */
void cbigan_cuda_capture(CbiganBackend *self, CbiganCapture **capture, double number, void (*operations)(gpointer data),
                         gpointer data);

G_END_DECLS
