/* good_pictures.h - good pictures divided for an inspector's training, and what objects have in common
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include "data/defect_batches.h"

G_BEGIN_DECLS

typedef struct {
  CbiganGoodPictures train, held_out; /* both look at what follows */
  const CbiganPicture **pictures;     /* those of train, then those of held_out */
  CbiganExposure *exposures;          /* of the same */
  float *mean, *deviation;            /* objects: (3, h, w), of the light-compensated logarithms; else NULL */
  int *places;                        /* objects: pixels of the part, y * w + x */
  guint n_places;
  CbiganSurfaceLight light; /* surfaces only */
} CbiganGoodSet;

/* n_held_out of the dataset's pictures, chosen by the seed, are held out. side: of a crop. The dataset must outlive
 * this. Clear it in any case. FALSE with CBIGAN_ERROR_ARGUMENT where pictures are too few, or a picture's size is
 * wrong.
 */
gboolean cbigan_good_set_init(CbiganGoodSet *self, const CbiganDataset *dataset, guint n_held_out, gboolean aligned,
                              int side, guint64 seed, GError **error);
void cbigan_good_set_clear(CbiganGoodSet *self);
/* Copies what pictures have in common to an inspector. */
void cbigan_good_set_describe(const CbiganGoodSet *self, CbiganInspector *inspector);
/* How the pictures of a dataset measure, for the model's info.usual. */
void cbigan_good_pictures_measure(CbiganUsualPictures *usual, const CbiganDataset *dataset);

G_END_DECLS
