/* exposure.h - a frame's light compared with good pictures', and the planes that the inspector reads
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Pictures are compared as logarithms of intensity: a gain is then an offset. An object's gain and offset are fitted
 * to the mean good picture without the pixels that differ most, so a defect has no part in them. A surface's level is
 * its own median; grey levels that are added before the logarithm make a gain and an offset of it one offset
 * (surface_light.h).
 */
#pragma once
#include "backend/backend.h"
#include "model/model.h"

G_BEGIN_DECLS

#define CBIGAN_EXPOSURE_DARK 24.0f       /* grey levels, added before the logarithm: keeps noise in the dark small */
#define CBIGAN_EXPOSURE_SCALE 279.0f     /* grey levels whose logarithm is 0 */
#define CBIGAN_EXPOSURE_SPARSE 7         /* the fit takes every so many pixels, enough for two numbers */
#define CBIGAN_EXPOSURE_ROUNDS 3         /* of the fit */
#define CBIGAN_EXPOSURE_KEPT 0.7         /* share of the pixels that the next round fits */
#define CBIGAN_EXPOSURE_LEAST_GAIN 0.6   /* a gain beyond is not light any more: the frame is another one */
#define CBIGAN_EXPOSURE_LARGEST_GAIN 1.6 /* likewise */
#define CBIGAN_EXPOSURE_BLACK 3.0        /* grey levels: the fit takes pixels between these two */
#define CBIGAN_EXPOSURE_CLIPPED 252.0
#define CBIGAN_SURFACE_LOW_SIGMA 4.0 /* of a surface's low-pass, in squares of pixels */
#define CBIGAN_SURFACE_LARGEST 8.0f  /* that a surface's plane of detail holds */

/* What the mean good picture looks like. */
typedef struct {
  int w, h;
  float *grey;  /* (h, w) in grey levels, 0..255 */
  float *level; /* (h, w): logarithm of intensity, mean of the channels */
} CbiganGoodLight;

/* mean: (3, h, w), logarithms. Clear it with cbigan_good_light_clear(). backend: it keeps a lack of memory
 * (cbigan_backend_scratch()); NULL: as there */
void cbigan_good_light_init(CbiganGoodLight *self, CbiganBackend *backend, int w, int h, const float *mean);
void cbigan_good_light_clear(CbiganGoodLight *self);

/* How the bytes of one frame are read. */
typedef struct {
  float curve[256];       /* of each byte: the logarithm of its intensity in the light of good pictures */
  double gain, offset;    /* that were compensated; of a surface the offset alone */
  float contrast, chroma; /* surfaces only: the scale of detail, and of colour */
  float colour[2];        /* surfaces only: medians of both colour planes */
} CbiganExposure;

/* good: NULL = plain logarithms. The frame has good's size. backend: as above */
void cbigan_exposure_object(CbiganExposure *self, const CbiganFrame *frame, const CbiganGoodLight *good,
                            CbiganBackend *backend);
/* Plain logarithms of bytes and so many grey levels more. */
void cbigan_exposure_plain(CbiganExposure *self, double offset);
/* light: of good pictures; NULL = unknown, and nothing is added. backend: its threads share the work, and it keeps a
 * lack of memory; NULL = the caller's alone. */
void cbigan_exposure_surface(CbiganExposure *self, const CbiganFrame *frame, const CbiganSurfaceLight *light,
                             CbiganBackend *backend);
/* Takes `by` off all logarithms. */
void cbigan_exposure_shift(CbiganExposure *self, double by);

/* Part (left, top, w, h) of a frame -> x (3, h, w), logarithms. Outside the frame it is mirrored. */
void cbigan_exposure_cut(const CbiganExposure *self, const CbiganFrame *frame, int left, int top, int w, int h,
                         float *x);
/* The same, by the threads of a backend; NULL: by the caller alone. */
void cbigan_exposure_cut_by(CbiganBackend *backend, const CbiganExposure *self, const CbiganFrame *frame, int left,
                            int top, int w, int h, float *x);
/* A copy of x (3, n) with ignored pixels as in the mean good picture (transfer full). unmasked: (n), 0 = ignored. NULL:
 * there is no memory, see cbigan_backend_scratch() */
float *cbigan_object_unmask(CbiganBackend *backend, const float *x, const float *mean, const guint8 *unmasked, gsize n);
/* x (3, h, w) -> planes (6, h, w). mean, deviation: (3, good_h, good_w), of which x lies at (left, top). Outside of
 * them their border is repeated. */
void cbigan_object_planes(const float *x, int w, int h, const float *mean, const float *deviation, int good_w,
                          int good_h, int left, int top, float *planes);

G_END_DECLS
