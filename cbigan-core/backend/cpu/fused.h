/* fused.h - a network pass in steps of whole residual blocks
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * fuse.c turns a network's layers into steps and packs their weights; fused.c runs them.
 */
#pragma once
#include "cpu.h"

G_BEGIN_DECLS

/* A convolution over several sources (rows of a 3x3 kernel, inputs added to each other); a dense layer is one with a
 * source for each row of its input. */
typedef struct {
  gsize weight; /* of the first output, channel and tap; offset into the network's parameters */
  gsize output_stride, channel_stride;
  int channels, taps;
} CbiganPart;

#define CBIGAN_MAX_PARTS 8

typedef struct {
  CbiganPart parts[CBIGAN_MAX_PARTS];
  int n_parts;
  int w;                   /* pixels of a row */
  gsize bias, bias_stride; /* bias: offset or CBIGAN_NO_OFFSET */
  CbiganWeights packed;
  float *weights, *biases; /* behind packed */
} CbiganFilter;

typedef enum { CBIGAN_STEP_BLOCK, CBIGAN_STEP_CONV2D, CBIGAN_STEP_DENSE } CbiganStepKind;

#define CBIGAN_MAX_FILTERS 4 /* block: first 3x3, second 3x3, closing 1x1 over (t, x'); dense: one a pixel of output   \
                              */

typedef struct {
  CbiganStepKind kind;
  int inputs[2], n_inputs; /* values; two for a dense layer over both */
  int output;
  CbiganShape full; /* of the block's convolutions' outputs: before avgpool, behind upsample */
  gboolean upsample, avgpool, tanh;
  CbiganFilter filters[CBIGAN_MAX_FILTERS];
  int n_filters;
} CbiganStep;

typedef struct {
  CbiganFused base;
  const CbiganCpu *backend;
  const CbiganKernels *kernels;
  const CbiganNetwork *network;
  int batch;
  CbiganStep *steps;
  int n_steps;
  gboolean *transfer; /* (values): read from, or written to, the backend's n,h,w,c order */
  gsize *offsets;     /* (values): where each value lies in a workspace */
  gsize scratch;      /* offset of the rings in a workspace */
  float **workspaces; /* (n_workspaces): one a thread; zeroed once, as the columns of zeros are never written */
  int n_workspaces;
} CbiganCpuFused;

/* fuse.c */
CbiganFused *cbigan_cpu_fuse(CbiganBackend *backend, const CbiganNetwork *network, int n_layers, int batch,
                             const int *keep);
/* Also where single operations are faster: too few samples, too wide a network. For tests and measurements. */
CbiganFused *cbigan_cpu_fuse_always(CbiganBackend *backend, const CbiganNetwork *network, int n_layers, int batch,
                                    const int *keep);
void cbigan_cpu_filter_pack(CbiganFilter *filter, const float *parameters);
/* fused.c */
void cbigan_cpu_fused_run(CbiganFused *self, float *const *values);

G_END_DECLS
