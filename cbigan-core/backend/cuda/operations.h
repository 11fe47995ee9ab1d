/* operations.h - the members of the function table that have a file of their own; backend.h says what each does
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include "backend/backend.h"

G_BEGIN_DECLS

/* conv2d.c */
void cbigan_cuda_conv2d(CbiganBackend *self, CbiganPlan *plan, const float *x, float *y);
/* fused/fuse.c */
CbiganFused *cbigan_cuda_fuse(CbiganBackend *self, const CbiganNetwork *network, int first, int n_layers, int batch,
                              const int *keep);
/* scoring/distances.c */
CbiganDistances *cbigan_cuda_distances(CbiganBackend *self, const CbiganNetwork *network,
                                       const CbiganFeatures *features, const CbiganCriticStatistics *good, int batch);
/* scoring/map.c */
void cbigan_cuda_subtract(CbiganBackend *self, gsize n, const float *a, const float *b, float *difference);
void cbigan_cuda_map(CbiganBackend *self, const CbiganMosaic *mosaic, const float *differences,
                     const CbiganMapFilter *filter, float *scratch, float *map);
void cbigan_cuda_deviations(CbiganBackend *self, gsize n, const float *mean, const float *deviation, gboolean apart,
                            float floor, float *x);
void cbigan_cuda_peak(CbiganBackend *self, gsize n, const float *x, float *peak);
/* scoring/frame_upload.c */
CbiganIntake *cbigan_cuda_intake(CbiganBackend *self, int frames, int width, int height);
/* scoring/patches.c */
void cbigan_cuda_patches(CbiganBackend *self, const CbiganPixels *frame, const CbiganPoint *corners, int n, int side,
                         float gain, float shift, float *x);
/* graph_capture.c */
void cbigan_cuda_record(CbiganBackend *self, CbiganRecording **recording, double number,
                        void (*operations)(gpointer data), gpointer data);
void cbigan_cuda_recording_free(CbiganBackend *self, CbiganRecording *recording);

G_END_DECLS
