/* surface.h - the light of a surface, and the planes of it that the inspector reads
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Planes are made row by row, from a frame and its low-passes, so that a reader of rows needs no memory for all of
 * them.
 */
#pragma once
#include "coarse.h"
#include "exposure.h"

G_BEGIN_DECLS

/* Low-passes of a surface of w x h pixels, and where its pixels come from. */
typedef struct {
  CbiganBackend *backend; /* its threads share the work, and it keeps a lack of memory; NULL = the caller's alone */
  int w, h;
  CbiganCoarse fours, twos, squares; /* of the level, and of the local detail's squares */
  float *spare;                      /* (twos) */
  CbiganExposure exposure;
  const CbiganFrame *frame; /* that was read; must stay readable while rows are made */
  float curve[256];         /* the exposure's before its level was known */
  float level;              /* median of the level, by that curve */
  const float *x;           /* (3, h, w) that were taken instead, likewise; else NULL */
} CbiganSurface;

/* Memory for pictures of w x h pixels. Clear it with cbigan_surface_clear() in both cases. FALSE: there is none, see
 * cbigan_backend_scratch() */
gboolean cbigan_surface_init(CbiganSurface *self, CbiganBackend *backend, int w, int h);
void cbigan_surface_clear(CbiganSurface *self);
/* Finds a frame's exposure and low-passes. light: as in cbigan_exposure_surface() */
void cbigan_surface_read(CbiganSurface *self, const CbiganFrame *frame, const CbiganSurfaceLight *light);
/* Low-passes of logarithms x (3, h, w), whose exposure is known. */
void cbigan_surface_take(CbiganSurface *self, const CbiganExposure *exposure, const float *x);
/* All rows -> planes (5, h, w). Of a frame they are the same as of its logarithms, but for rounding. */
void cbigan_surface_fill(const CbiganSurface *self, float *planes);
/* The same of x (3, h, w), with memory of its own. */
void cbigan_surface_planes(const CbiganExposure *exposure, const float *x, int w, int h, CbiganBackend *backend,
                           float *planes);

/* What one thread needs to make rows one after another. */
typedef struct {
  const CbiganSurface *surface;
  CbiganEnlarger fours, twos, squares;
  float *planes; /* (5, w), only of the maker's rows */
} CbiganSurfaceRows;

/* surface: must outlive it. Clear it with cbigan_surface_rows_clear() in both cases. FALSE: no memory */
gboolean cbigan_surface_rows_init(CbiganSurfaceRows *self, const CbiganSurface *surface);
void cbigan_surface_rows_clear(CbiganSurfaceRows *self);
/* A row of all planes: that of plane p -> planes[p * plane] (w) */
void cbigan_surface_row(CbiganSurfaceRows *self, int row, float *planes, gsize plane);
/* The same as a maker of rows, w floats from one plane to the next. */
CbiganPlaneMaker cbigan_surface_maker(CbiganSurface *self);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(CbiganSurface, cbigan_surface_clear)
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(CbiganSurfaceRows, cbigan_surface_rows_clear)

G_END_DECLS
