/* scoring.h - what frames, patches, maps and the critic's features are to a backend, and the checked operations on them
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Part of backend.h, which includes it.
 */
#pragma once
#include "cbigan.h"
#include "model/illumination.h"
#include "model/model.h"

G_BEGIN_DECLS

/* Makes rows of a picture's planes while they are read, by any number of threads. */
typedef struct {
  gpointer source;
  gpointer (*begin)(gpointer source); /* what a thread needs for rows one after another; NULL: no memory, which the
                                       * backend keeps (cbigan_backend_scratch()) */
  const float *(*row)(gpointer rows, int y); /* number (c, x) at [c * plane + x], valid until the next call */
  void (*end)(gpointer rows);
} CbiganPlaneMaker;

/* Planes of a picture, from column `left` and row `top` on. Number (c, y, x) of the picture is data[c * plane + y * row
 * + x] in host memory, or of the maker's row y. */
typedef struct {
  int left, top;
  const float *data; /* NULL: maker */
  gsize row, plane;  /* row: only of data */
  const CbiganPlaneMaker *maker;
} CbiganPlanes;

typedef struct _CbiganBackend CbiganBackend;

/* How one axis of `from` numbers becomes one of `to`: output i = sum_k weight[i][k] * input[first[i] + k]. */
typedef struct {
  int from, to, taps;
  int *first;    /* (to) */
  float *weight; /* (to, taps) */
} CbiganResampler;

/* The critic's features: square values of a network, resampled to one grid, their channels one after another; and the
 * statistics that they are compared with. Made by cbigan_backend_critic_init(). */
#define CBIGAN_MAX_FEATURES 6
typedef struct {
  int n, grid, channels;
  int values[CBIGAN_MAX_FEATURES];
  CbiganShape shapes[CBIGAN_MAX_FEATURES];
  CbiganResampler resamplers[CBIGAN_MAX_FEATURES];
  const CbiganCriticStatistics *good; /* not owned; NULL: there are only features */
  float *features;                    /* backend memory (batch, channels, grid, grid) */
  int batch;
  gpointer device; /* what the backend keeps beside them, or NULL */
  void (*free)(CbiganBackend *self, gpointer device);
} CbiganCritic;

/* A frame and the patches that cover it: rows * columns of them, row by row. */
typedef struct {
  int width, height, side; /* pixels: of the frame, of a patch */
  int columns, rows;
  const float *across, *down; /* backend memory (columns), (rows): left and upper sides of patches, whole pixels */
} CbiganFrameTiling;

/* Frames of one size on their way into patches. Made by cbigan_backend_frames_new(). */
typedef struct {
  int n, width, height;
  CbiganFrame *frames; /* (n): their pixels stay readable until finish() */
  CbiganLight *light;  /* (n): what crop() found, unless the backend keeps it in `device` */
  gpointer device;     /* what the backend keeps beside them, or NULL */
  void (*free)(CbiganBackend *self, gpointer device);
} CbiganFrames;

/* How a map is made of differences. */
#define CBIGAN_MAX_BLUR 15
#define CBIGAN_MAP_PLANES 7 /* of scratch */
typedef struct {
  int high_pass;                         /* radius of the window whose mean is subtracted from each channel; 0: none */
  int blur;                              /* radius, at least 1 */
  float kernel[2 * CBIGAN_MAX_BLUR + 1]; /* 2 blur + 1 weights, for rows and columns */
} CbiganMapFilter;

/* What a map is compared with. */
typedef struct {
  const float *mean, *deviation; /* backend memory: (height, width) if aligned, else one number each */
  gboolean aligned;
  float floor; /* > 0, added to the deviation */
} CbiganMapBaseline;

/* Scoring. Numbers for the host (sums, peaks) are there after finish(): NaN where something failed. */
void cbigan_backend_difference(CbiganBackend *self, int n, gsize size, const float *a, const float *b,
                               float *difference, double *sums);
CbiganFrames *cbigan_backend_frames_new(CbiganBackend *self, int n, int width, int height, GError **error);
void cbigan_backend_frames_free(CbiganBackend *self, CbiganFrames *frames); /* frames: may be NULL */
/* TRUE: frames may lie in device memory. */
gboolean cbigan_backend_reads_device(const CbiganBackend *self);
void cbigan_backend_frame(CbiganBackend *self, CbiganFrames *frames, int i, const CbiganFrame *frame);
void cbigan_backend_crop(CbiganBackend *self, CbiganFrames *frames, int n_frames, const CbiganFrameTiling *tiling,
                         int first, int n, const CbiganLightTarget *light, float *x);
void cbigan_backend_map(CbiganBackend *self, const CbiganFrameTiling *tiling, const float *differences,
                        const CbiganMapFilter *filter, const CbiganMapBaseline *good, float *scratch, float *map,
                        float *peak);
gboolean cbigan_backend_critic_init(CbiganBackend *self, CbiganCritic *critic, GError **error);
void cbigan_backend_critic_clear(CbiganBackend *self, CbiganCritic *critic);
void cbigan_backend_distances(CbiganBackend *self, CbiganCritic *critic, float *const *values, int n, float *distances,
                              float *peaks);

G_END_DECLS
