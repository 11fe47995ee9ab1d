/* sample_model.h - a small model with every optional part, for tests of the model file
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include "model/model_file.h"

G_BEGIN_DECLS

typedef enum {
  SAMPLE_PLAIN,      /* networks only */
  SAMPLE_OBJECT,     /* frame = one patch, statistics per position */
  SAMPLE_EVERYWHERE, /* any frame, statistics for all positions */
  SAMPLE_INSPECTOR,  /* of objects of 32 x 16 pixels, with two maps */
  SAMPLE_SURFACE,    /* an inspector of surfaces, with their light */
  N_SAMPLES
} SampleKind;

/* c = 1, patches of 64; random parameters. Free with cbigan_model_unref(). */
CbiganModel *sample_model(SampleKind kind);

G_END_DECLS
