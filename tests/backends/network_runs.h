/* network_runs.h - passes through a network of the cpu backend, fused and not, and their comparison
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include "backend/cpu/fused.h"
#include "forward/forward.h"
#include "harness.h"

G_BEGIN_DECLS

/* How kernels of an instruction set are used: isa->many, isa->few, either on segments of patches and fused_channels.c
 * where that is better, fused_channels.c for all but tanh; the first three with products in bf16 */
typedef enum { MANY, FEW, SEGMENTS, CHANNELS, BF16_MANY, BF16_FEW, BF16_SEGMENTS, N_MODES } Mode;
extern const char *const mode_names[N_MODES];
gboolean mode_bf16(Mode mode);
gboolean mode_segmented(Mode mode);
const CbiganCpuKernels *mode_kernels(const CbiganCpuIsa *isa, Mode mode);

typedef struct {
  CbiganNetworkKind kind;
  int width, patch, batch;
  DataKind data;
  int n_layers;              /* 0 = all */
  int nan_sample;            /* counted from 1, 0 = none: its inputs have some NaN */
  CbiganPrecision precision; /* of FUSED; CBIGAN_PRECISION_AUTO: fp32 */
} Case;

CbiganNetwork *case_network(const Case *c);

#define MAX_VALUES 10

typedef struct {
  CbiganBackend *backend;
  const CbiganNetwork *network;
  float *parameters;
  CbiganForward *forward;
  int values[MAX_VALUES + 1]; /* that are read, -1-terminated: block outputs, what dense layers make, the last one */
  float *out[MAX_VALUES];     /* after pass_run(): (batch, c, h, w) on the host */
} Pass;

/* Each layer by itself, every value kept; or as the backend does it fastest */
typedef enum { BY_LAYER, FUSED } Planning;

/* backend "cpu": as if that were the instruction set of CBIGAN_ISA; NULL = "none" */
Pass pass_new(const char *backend, const CbiganCpuIsa *isa, int threads, const CbiganNetwork *network, const Case *c,
              Planning planning);
/* Fuses as many layers as the kernels take, whatever is faster; ends the test when that is not all that they should.
 * The pass was made BY_LAYER. */
void pass_fuse(Pass *p, const CbiganCpuIsa *isa, Mode mode);
/* Inputs are the same for the same case. guard: inputs lie between NaN and outputs between sentinels, in memory that
 * is gone afterwards, and there are two passes; not where values share buffers. */
void pass_run(Pass *p, const Case *c, gboolean guard);
/* All three in one */
Pass fused_pass(const CbiganCpuIsa *isa, Mode mode, int threads, const CbiganNetwork *network, const Case *c);
void pass_clear(Pass *p);
/* Whether every plan has all layers that depend on the same inputs of the network. */
gboolean pass_is_whole(const Pass *p);

/* Ends the test unless each value is within `tolerance` of its largest number; worst: error so far, as tolerance counts
 */
void compare_passes(const char *isa, const char *mode, const Case *c, const Pass *have, const Pass *want,
                    float tolerance, float *worst);
/* Ends the test unless all values of both have the same bits; without: a sample to leave out, or -1 */
void compare_bits(const char *isa, const char *mode, const Case *c, const Pass *have, const Pass *want, int without);
/* Whether the first `batch` samples of all values have */
gboolean passes_are_same(const Pass *a, const Pass *b, int batch);

/* E of width 3 keeps a value within one of its steps: those layers are done one by one, the others are fused still.
 * Ends the test unless this holds, and the values are those of `reference`. */
void check_kept_inside(const char *backend, const CbiganCpuIsa *isa, int batch, const char *inside, float tolerance);

G_END_DECLS
