/* kernels.h - rows of pixels of several patches at once
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Layout "blocked": as many patches as a vector has lanes lie side by side, so that one weight serves a whole vector
 * and no width needs filling up: [row][channel][w + 2][lanes], with a column of zeros at both ends of a row.
 * kernels.c is compiled once for each instruction set. To add one: a row in isa_x86.c and in meson.build.
 */
#pragma once
#include <glib.h>

G_BEGIN_DECLS

typedef struct {
  const float *data; /* (channels, plane floats apart): first tap of the first pixel; NULL = zeros */
  gsize plane;
  int channels, taps; /* taps: pixels side by side that make one output */
} CbiganSource;

typedef struct {
  const float *weights; /* [chunk][source][channel][tap][outputs of the chunk], see cbigan_cpu_chunk() */
  const float *bias;    /* (outputs) */
  float slope;          /* below zero: 1 = linear */
  int outputs;
} CbiganWeights;

typedef struct {
  const char *name; /* as in CBIGAN_ISA */
  int lanes;
  /* out (outputs, plane apart; w pixels): convolution of n sources. w: a power of two */
  void (*convolve)(const CbiganWeights *weights, const CbiganSource *sources, int n, int w, float *out, gsize plane);
  /* near, far (channels; w) -> out (channels; 2 w), bilinear: near counts three times */
  void (*upsample)(const float *near, const float *far, int channels, int w, float *out);
  /* above, below (channels; 2 w) -> out (channels; w): 2x2 mean */
  void (*avgpool)(const float *above, const float *below, int channels, int w, float *out);
  void (*tanh)(int channels, int w, float *row);
} CbiganKernels;

/* Outputs that are computed together, of `outputs` with `left` still to do: as many as leave no remainder, more where
 * there are few pixels, as a sum in each of 8 registers is what hides a multiply-add's latency. */
static inline int
cbigan_cpu_chunk(int outputs, int left, int w)
{
  static const int sizes[] = { 8, 6, 4, 3, 2, 1 };
  int best = w <= 2 ? 8 : outputs % 6 == 0 ? 6 : outputs % 4 == 0 ? 4 : outputs % 3 == 0 ? 3 : 4, i = 0;
  while (sizes[i] > MIN(best, left))
    i++;
  return sizes[i];
}

/* An instruction set. */
typedef struct {
  const CbiganKernels *kernels;
  int widest; /* network (c) for which these are faster than oneDNN's single operations */
  gboolean (*supported)(void);
} CbiganIsa;

/* isa_*.c: best first; the last one's kernels are NULL */
extern const CbiganIsa cbigan_cpu_isas[];
/* isa.c: the best that this processor has and the environment's CBIGAN_ISA allows (a name, or "none"); NULL = none.
 * FALSE with CBIGAN_ERROR_BACKEND: no such name. */
gboolean cbigan_cpu_choose_isa(const CbiganIsa **chosen, GError **error);

G_END_DECLS
