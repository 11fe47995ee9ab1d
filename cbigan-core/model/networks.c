/* networks.c - the architecture on one page
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * One row per stage, in the order of the data; network.c expands a BLOCK row into its layers:
 *   x' = upsample(x) where DOUBLE;  s = conv1x1(x');  t = leaky(conv3x3(x'));  t = leaky(conv3x3(t));
 *   y = leaky(conv1x1(t) + bias + s);  y = avgpool(y) where HALVE.
 * Multiples are of c, the model's width. To change the architecture, change these rows.
 */
#include "networks.h"

const CbiganStage cbigan_encoder_stages[] = {
  { .kind = CBIGAN_STAGE_BLOCK, .multiple = 1, .resample = CBIGAN_HALVE },
  { .kind = CBIGAN_STAGE_BLOCK, .multiple = 2, .resample = CBIGAN_HALVE },
  { .kind = CBIGAN_STAGE_BLOCK, .multiple = 3, .resample = CBIGAN_HALVE },
  { .kind = CBIGAN_STAGE_BLOCK, .multiple = 4, .resample = CBIGAN_HALVE },
  { .kind = CBIGAN_STAGE_BLOCK, .multiple = 8, .resample = CBIGAN_HALVE },
  { .kind = CBIGAN_STAGE_BLOCK, .multiple = 16 },
  { .kind = CBIGAN_STAGE_DENSE, .name = "hidden", .multiple = 16, .activation = CBIGAN_LEAKY },
  { .kind = CBIGAN_STAGE_DENSE, .name = "latent", .units = CBIGAN_LATENT, .bias = TRUE },
  { .kind = CBIGAN_STAGE_END },
};

const CbiganStage cbigan_generator_stages[] = {
  { .kind = CBIGAN_STAGE_SEED, .name = "seed", .multiple = 16 },
  { .kind = CBIGAN_STAGE_BLOCK, .multiple = 16, .resample = CBIGAN_DOUBLE_IF_128 },
  { .kind = CBIGAN_STAGE_BLOCK, .multiple = 8, .resample = CBIGAN_DOUBLE },
  { .kind = CBIGAN_STAGE_BLOCK, .multiple = 4, .resample = CBIGAN_DOUBLE },
  { .kind = CBIGAN_STAGE_BLOCK, .multiple = 3, .resample = CBIGAN_DOUBLE },
  { .kind = CBIGAN_STAGE_BLOCK, .multiple = 2, .resample = CBIGAN_DOUBLE },
  { .kind = CBIGAN_STAGE_BLOCK, .multiple = 1, .resample = CBIGAN_DOUBLE },
  { .kind = CBIGAN_STAGE_CONV1, .name = "image", .units = 3, .bias = TRUE, .activation = CBIGAN_TANH },
  { .kind = CBIGAN_STAGE_END },
};

/* The image's path comes first, so that a pass for f_D or the critic's map can stop early. */
const CbiganStage cbigan_discriminator_stages[] = {
  { .kind = CBIGAN_STAGE_BLOCK, .multiple = 1, .resample = CBIGAN_HALVE },
  { .kind = CBIGAN_STAGE_BLOCK, .multiple = 2, .resample = CBIGAN_HALVE },
  { .kind = CBIGAN_STAGE_BLOCK, .multiple = 3, .resample = CBIGAN_HALVE },
  { .kind = CBIGAN_STAGE_BLOCK, .multiple = 4, .resample = CBIGAN_HALVE },
  { .kind = CBIGAN_STAGE_BLOCK, .multiple = 8, .resample = CBIGAN_HALVE },
  { .kind = CBIGAN_STAGE_BLOCK, .multiple = 16 },
  { .kind = CBIGAN_STAGE_FROM_LATENT },
  { .kind = CBIGAN_STAGE_DENSE, .name = "latent0", .units = 512, .activation = CBIGAN_LEAKY },
  { .kind = CBIGAN_STAGE_DENSE, .name = "latent1", .units = 512, .activation = CBIGAN_LEAKY },
  { .kind = CBIGAN_STAGE_DENSE, .name = "latent2", .units = 512, .activation = CBIGAN_LEAKY },
  { .kind = CBIGAN_STAGE_JOIN, .name = "hidden", .multiple = 16, .activation = CBIGAN_LEAKY },
  { .kind = CBIGAN_STAGE_DENSE, .name = "critic", .units = 1, .bias = TRUE },
  { .kind = CBIGAN_STAGE_END },
};

/* f_D "first", Eq. 9: the public code's layer -65, D's first 3x3 convolution before its activation. */
const CbiganStage cbigan_first_tap_stages[] = {
  { .kind = CBIGAN_STAGE_FIRST_CONV3, .name = "block0.conv0", .multiple = 1 },
  { .kind = CBIGAN_STAGE_END },
};

/* The inspector: D's first blocks, whose outputs meet at a quarter of the resolution, and one logit per position. A 1x1
 * convolution of joined maps is the sum of 1x1 convolutions of each; the coarse sums are upsampled on the way. */
const CbiganStage cbigan_inspector_stages[] = {
  { .kind = CBIGAN_STAGE_BLOCK, .multiple = 1, .resample = CBIGAN_HALVE },
  { .kind = CBIGAN_STAGE_BLOCK, .multiple = 2, .resample = CBIGAN_HALVE },
  { .kind = CBIGAN_STAGE_BLOCK, .multiple = 3, .resample = CBIGAN_HALVE },
  { .kind = CBIGAN_STAGE_BLOCK, .multiple = 4, .resample = CBIGAN_HALVE },
  { .kind = CBIGAN_STAGE_GATHER, .units = CBIGAN_INSPECTOR_HIDDEN, .bias = TRUE, .activation = CBIGAN_LEAKY },
  { .kind = CBIGAN_STAGE_CONV1, .name = "logit", .units = 1, .bias = TRUE },
  { .kind = CBIGAN_STAGE_END },
};
