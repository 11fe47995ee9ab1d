/* fused.h - layers of a network as one plan, in the lanes of vectors (simd/simd_patches.h)
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * fuse.c turns a network's steps into lane steps, simd/pack.c packs their weights, fused.c runs them.
 * fused_channels.c does the layers of few patches whose maps are too narrow for that.
 */
#pragma once
#include "context.h"
#include "backend/cpu/simd/simd_patches.h"
#include "model/liveness.h"

G_BEGIN_DECLS

typedef enum {
  CBIGAN_CPU_ROWS,  /* up to two 3x3 convolutions and a 1x1 behind them, row by row: a residual block or parts of one */
  CBIGAN_CPU_DENSE, /* over one or two values */
} CbiganCpuStepKind;

/* Where the weights of one input lie. The weights of one output are side by side. */
typedef struct {
  gsize weight, output_stride; /* floats into the network's parameters; from one output to the next */
  int channels;
} CbiganCpuPart;

/* ROWS:  t = conv3[n - 1](... conv3[0](x)), x = the first input; y = matrix(t, other inputs) + upsampled `added`;
 *        y = avgpool(y), or tanh(y). DENSE: y = matrix(inputs). */
typedef struct {
  CbiganCpuStepKind kind;
  const CbiganCpuKernels *kernels;
  int inputs[2], n_inputs; /* values */
  int added;               /* value of half the size that is upsampled and added before the activation; -1 = none */
  int output;              /* value */
  gboolean avgpool, tanh;
  gboolean pools;        /* the second input is as large as avgpool makes it: matrix(first input, avgpool(second)) */
  gboolean takes_planes; /* in a run that reads planes, this step takes their rows: no other step reads value 0 */
  CbiganCpuWinograd conv3[2];
  int n_conv3;
  CbiganCpuMatrix matrix; /* outputs = 0: none, y = t */
  CbiganCpuPart conv3_parts[2], parts[2];
  int n_parts;
  gsize bias;       /* offset or CBIGAN_NO_OFFSET */
  float *packed[4]; /* weights of conv3[0], conv3[1], matrix; its bias: cbigan_cpu_weights_new() */
} CbiganCpuStep;

typedef struct {
  CbiganCpuPlan base;
  const CbiganCpuKernels *kernels;
  const CbiganCpuKernels *last; /* of 1x1 convolutions outside blocks, with as many lanes */
  const CbiganNetwork *network;
  int segments;                 /* of a sample, in as many lanes; 0: lanes are samples */
  int batch, n_groups, samples; /* samples: of a group */
  CbiganCpuStep *steps;
  int n_steps;
  CbiganShape *shapes; /* (n_values): the network's, then those that only steps have */
  int n_values;
  gsize *offsets; /* (n_values): where each value lies in a group's memory; values that never meet share a place */
  gsize group_floats, scratch_floats;
  float **groups;  /* (n_memories): values of a group at work */
  float **scratch; /* (threads) */
  int n_memories;
  CbiganCpuTurn *turns; /* of a run: see fused.c */
} CbiganCpuFused;

/* Columns of a lane where a row has w. */
static inline int
cbigan_cpu_lane_width(const CbiganCpuFused *self, int w)
{
  return self->segments ? w / self->segments : w;
}

/* Rows of a 3x3's output that a ROWS step keeps: those that the next 3x3 reads, and a row of tiles. */
static inline int
cbigan_cpu_ring(const CbiganCpuWinograd *conv, int h)
{
  return MIN(h, 3 * conv->side);
}

/* All of these make a plan as CbiganBackendClass.plan() says. NULL: layer `first` can't be fused, or out of memory; the
 * caller then plans that layer alone. */
/* The fastest of the following for this batch, by measurements (tests/bench/fused). */
CbiganPlan *cbigan_cpu_fuse(CbiganCpu *cpu, const CbiganNetwork *network, int first, int end, int batch,
                            const int *keep);
/* With these kernels, one patch per lane. */
CbiganPlan *cbigan_cpu_fuse_with(CbiganCpu *cpu, const CbiganCpuKernels *kernels, const CbiganNetwork *network,
                                 int first, int end, int batch, const int *keep);
/* Patch by patch: layers with wide maps in segments, the others as cbigan_cpu_fuse_channels() does them. An inspector
 * whose maps all fill most lanes is done in segments as a whole. */
CbiganPlan *cbigan_cpu_fuse_segments(CbiganCpu *cpu, const CbiganNetwork *network, int first, int end, int batch,
                                     const int *keep);
/* fused_channels.c: layers of any size, up to a tanh, channels in the lanes. It leaves every value that it writes. */
CbiganPlan *cbigan_cpu_fuse_channels(CbiganCpu *cpu, const CbiganNetwork *network, int first, int end, int batch);

/* layer.c: NULL with CBIGAN_ERROR_BACKEND */
CbiganPlan *cbigan_cpu_plan_layer(CbiganCpu *cpu, const CbiganNetwork *network, int layer, int batch, GError **error);
void cbigan_cpu_layer_run(CbiganCpuPlan *self, float *const *values);

/* simd/pack.c */
gboolean cbigan_cpu_allocate_weights(CbiganCpuStep *step); /* FALSE: out of memory */
void cbigan_cpu_fused_load(CbiganCpuPlan *self, const float *parameters);
gboolean cbigan_cpu_fused_share(CbiganPlan *self, const CbiganPlan *like);
/* fused.c */
void cbigan_cpu_fused_run(CbiganCpuPlan *self, float *const *values);
gboolean cbigan_cpu_fused_run_planes(CbiganPlan *self, const CbiganPlanes *planes, float *const *values);

G_END_DECLS
