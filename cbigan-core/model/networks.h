/* networks.h - the rows of networks.c
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include "layer.h"

typedef enum {
  CBIGAN_STAGE_END,
  CBIGAN_STAGE_BLOCK,       /* residual block of `multiple` * c filters */
  CBIGAN_STAGE_DENSE,       /* fully connected; flattens its input in c,h,w order */
  CBIGAN_STAGE_SEED,        /* dense, its output read as (multiple * c, 2, 2) */
  CBIGAN_STAGE_CONV1,       /* 1x1 convolution */
  CBIGAN_STAGE_FIRST_CONV3, /* D's first 3x3 convolution, alone */
  CBIGAN_STAGE_FROM_LATENT, /* the following rows start again from the latent input */
  CBIGAN_STAGE_JOIN,        /* dense over (image features, latent features), image first */
  CBIGAN_STAGE_GATHER       /* 1x1 convolution over all four blocks' outputs, brought to the size of the second */
} CbiganStageKind;

typedef enum { CBIGAN_KEEP_SIZE, CBIGAN_HALVE, CBIGAN_DOUBLE, CBIGAN_DOUBLE_IF_128 } CbiganResample;

typedef struct {
  CbiganStageKind kind;
  const char *name; /* NULL: "block" and its number */
  int multiple;     /* filters or units in multiples of c, or */
  int units;        /* a fixed number */
  CbiganResample resample;
  CbiganActivation activation;
  gboolean bias;
} CbiganStage;

extern const CbiganStage cbigan_encoder_stages[];
extern const CbiganStage cbigan_generator_stages[];
extern const CbiganStage cbigan_discriminator_stages[];
extern const CbiganStage cbigan_first_tap_stages[];
extern const CbiganStage cbigan_inspector_stages[];
