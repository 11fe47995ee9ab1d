/* fused.h - layers of a network at once, in the lanes of vectors (kernels.h)
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * fuse.c turns layers into steps, pack.c packs their weights, fused.c runs the steps. deep.c does the layers of few
 * patches whose maps are too narrow for that.
 */
#pragma once
#include "cpu.h"
#include "backend/cpu/simd/simd_patches.h"

G_BEGIN_DECLS

typedef enum {
  CBIGAN_STEP_ROWS,  /* up to two 3x3 and a 1x1 behind them, row by row: a residual block, or parts of one */
  CBIGAN_STEP_DENSE, /* over one or two values */
} CbiganStepKind;

/* Weights of one input: of one output side by side. */
typedef struct {
  gsize weight, output_stride; /* floats into the network's parameters; from one output to the next */
  int channels;
} CbiganPart;

/* ROWS:  t = conv3[n - 1](... conv3[0](x)), x = the first input; y = matrix(t, other inputs) + upsampled `added`;
 *        y = avgpool(y), or tanh(y). DENSE: y = matrix(inputs). */
typedef struct {
  CbiganStepKind kind;
  int inputs[2], n_inputs; /* values */
  int added;               /* value of half the size that is upsampled and added before the activation; -1 = none */
  int output;              /* value */
  gboolean avgpool, tanh;
  CbiganConv3 conv3[2];
  int n_conv3;
  CbiganMatrix matrix; /* outputs = 0: none, the last conv3 is it */
  CbiganPart conv3_parts[2], parts[2];
  int n_parts;
  gsize bias;       /* offset or CBIGAN_NO_OFFSET */
  float *packed[4]; /* weights of conv3[0], conv3[1], matrix; its bias */
} CbiganStep;

typedef struct {
  CbiganFused base;
  const CbiganCpu *backend;
  const CbiganKernels *kernels;
  const CbiganNetwork *network;
  gboolean segmented;
  int batch, n_groups, samples; /* samples: of a group */
  CbiganStep *steps;
  int n_steps;
  CbiganShape *shapes; /* (n_values): the network's, then those that only steps have */
  int n_values;
  gsize *offsets; /* (n_values): where each value lies in a group's memory */
  gsize group_floats, scratch_floats;
  float **groups;  /* (n_memories): values of a group at work */
  float **scratch; /* (threads) */
  int n_memories;
  CbiganCpuTurn *turns; /* of a pass: see fused.c */
} CbiganCpuFused;

/* Columns of a lane where a row has w. */
static inline int
cbigan_cpu_lane_width(const CbiganCpuFused *self, int w)
{
  return self->segmented ? w / self->kernels->segments : w;
}

/* Rows of the two intermediate values of a ROWS step that are kept: what the next 3x3 reaches, and a row of tiles. */
static inline int
cbigan_cpu_ring(const CbiganConv3 *conv, int h)
{
  return MIN(h, 3 * conv->side);
}

/* CbiganBackendClass.fuse */
CbiganFused *cbigan_cpu_fuse(CbiganBackend *backend, const CbiganNetwork *network, int first, int n_layers, int batch,
                             const int *keep);
/* With those kernels, one patch a lane, whatever is faster */
CbiganFused *cbigan_cpu_fuse_with(CbiganBackend *backend, const CbiganKernels *kernels, const CbiganNetwork *network,
                                  int first, int n_layers, int batch, const int *keep);
/* Patch by patch: layers with wide maps in segments, the others by deep.c, whatever is faster */
CbiganFused *cbigan_cpu_fuse_segments(CbiganBackend *backend, const CbiganNetwork *network, int first, int n_layers,
                                      int batch, const int *keep);
/* deep.c: of layers [first, end), of any size, up to a tanh. NULL: the first layer is none of them. */
CbiganFused *cbigan_cpu_fuse_deep(CbiganBackend *backend, const CbiganNetwork *network, int first, int end, int batch);
/* pack.c */
gboolean cbigan_cpu_allocate_weights(const CbiganKernels *kernels, CbiganStep *step); /* FALSE: out of memory */
void cbigan_cpu_fused_load(CbiganFused *self, const float *parameters);
/* fused.c */
void cbigan_cpu_fused_run(CbiganFused *self, float *const *values);

G_END_DECLS
