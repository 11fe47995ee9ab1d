/* liveness.h - which values of a network exist from when to when, and which of them can share memory
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The forward pass and every backend that does several layers together ask these functions. Pure functions of their
 * arguments, so any thread may call them. Backends in modules compile this file again: see backend/failure.c.
 */
#pragma once
#include "network.h"

G_BEGIN_DECLS

/* A list of values that stands for all of a network's. It also says that each layer is run by itself. */
#define CBIGAN_KEEP_ALL ((const int[]){ -2 })
static inline gboolean
cbigan_keeps_all(const int *keep)
{
  return keep && *keep == *CBIGAN_KEEP_ALL;
}

/* --- runs of layers ----------------------------------------------------------------------------------------------- */

/* The step that layer number `layer` belongs to. */
const CbiganStep *cbigan_network_step_of(const CbiganNetwork *network, int layer);

/* The first layer of [first, end) whose step depends on other inputs of the network than the step of layer `first`
 * does, or `end`. A plan ends there, so that cbigan_forward_run_again() leaves out all that did not change. */
int cbigan_network_same_sources(const CbiganNetwork *network, int first, int end);

/* Whether a step can be done as one operation: all its layers lie before layer `end`, and no value between them is in
 * `keep` (-1-terminated; NULL = none). */
gboolean cbigan_step_is_whole(const CbiganNetwork *network, const CbiganStep *step, int end, const int *keep);

/* What layers [first, first + n_layers) read from elsewhere and leave for elsewhere, when the network runs up to layer
 * `end`: values, -1-terminated, for g_free(). A value is left if a later layer needs it, if it is in `keep` (as above),
 * or if it is the output of layer end - 1. CBIGAN_KEEP_ALL leaves every value that these layers write. */
void cbigan_network_boundary(const CbiganNetwork *network, int first, int n_layers, int end, const int *keep,
                             int **inputs, int **outputs);

/* --- memory ------------------------------------------------------------------------------------------------------- */

/* One thing that needs memory from operation `first` to operation `last`. It needs none if last < first. */
typedef struct {
  int first, last;
  gsize size; /* in the caller's unit */
  int slot;   /* set by cbigan_lives_share(); -1 = none */
} CbiganLife;

#define CBIGAN_NEVER                                                                                                   \
  {                                                                                                                    \
    .first = G_MAXINT, .last = -1                                                                                      \
  }

/* Gives things that are never needed at the same time the same slot. Returns the size of each slot, for g_free(). */
gsize *cbigan_lives_share(CbiganLife *lives, int n, int *n_slots);

G_END_DECLS
