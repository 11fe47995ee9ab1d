/* defect_batches.h - crops of good pictures with synthetic defects, prepared ahead by a thread
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include "data/dataset.h"
#include "data/defects.h"
#include "score/inspector/exposure.h"

G_BEGIN_DECLS

/* Good pictures and how they are seen. Nothing of it is owned. */
typedef struct {
  const CbiganPicture *const *pictures; /* [n] */
  const CbiganExposure *exposures;      /* [n] */
  guint n;
  const float *mean, *deviation; /* objects: (3, h, w); surfaces: NULL */
  int w, h;                      /* objects: of every picture; surfaces: 0 */
  gboolean grey;                 /* no picture has colours, so defects have none */
  const int *places;             /* [n_places] y * w + x of the part, where most defects lie; NULL = anywhere */
  guint n_places;
} CbiganGoodPictures;

typedef struct {
  const CbiganGoodPictures *good;
  int batch, side; /* crops per batch; their side, a multiple of CBIGAN_INSPECTOR_STEP */
  guint64 seed;
  int first, whole; /* this is crops first, first + 1, ... of batches of `whole` crops; whole 0: of `batch` */
} CbiganDefectBatchOptions;

/* Host memory. */
typedef struct {
  float *x;       /* (batch, planes, side, side) */
  float *covered; /* (batch, side / 4, side / 4): defective share of each cell */
} CbiganDefectBatch;

typedef struct _CbiganDefectBatches CbiganDefectBatches;

/* Batches number first, first + 1, ...; each is a function of the options and its number alone. NULL: no memory. */
CbiganDefectBatches *cbigan_defect_batches_new(const CbiganDefectBatchOptions *options, guint64 first, GError **error);
void cbigan_defect_batches_free(CbiganDefectBatches *self);
/* The next one. It belongs to the batches and is valid until the next call. */
const CbiganDefectBatch *cbigan_defect_batches_next(CbiganDefectBatches *self);
/* Seconds that the calls above have waited. */
double cbigan_defect_batches_waited(const CbiganDefectBatches *self);

/* By which sizes of defects are measured, in pixels. */
double cbigan_defect_scale(const CbiganGoodPictures *good);
/* A place for a defect in pictures of w x h pixels. */
void cbigan_defect_place(const CbiganGoodPictures *good, CbiganDice *dice, int w, int h, int *x, int *y);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(CbiganDefectBatches, cbigan_defect_batches_free)

G_END_DECLS
