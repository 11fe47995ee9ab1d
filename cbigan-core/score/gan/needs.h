/* needs.h - the results of a frame that inference is asked for
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

/* Bits: the results per frame */
typedef enum {
  CBIGAN_NEEDS_TERMS = 1 << 0,     /* L_R and L_fD of every patch: E, G, D's tap */
  CBIGAN_NEEDS_FEATURES = 1 << 1,  /* the critic's features, or their distances: D's first blocks */
  CBIGAN_NEEDS_ERROR_MAP = 1 << 2, /* paper.c's map before its scale: E, G */
  CBIGAN_NEEDS_LOCAL_MAP = 1 << 3, /* calibrated.c's map: E, G */
  CBIGAN_NEEDS_DIFFERENCE = CBIGAN_NEEDS_ERROR_MAP | CBIGAN_NEEDS_LOCAL_MAP /* x - G(E(x)) */
} CbiganNeeds;

/* The frame as the networks see it: raw, or brought to the light of the training pictures. */
typedef enum { CBIGAN_VIEW_RAW, CBIGAN_VIEW_LIGHT, CBIGAN_N_VIEWS } CbiganView;
