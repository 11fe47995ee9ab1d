/* simd_patches.h - convolutions of several patches, or of several parts of one, in the lanes of a vector
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Maps of many pixels have few channels (c = 3 or 4: 3 to 12), so a vector of channels would be mostly empty. Here each
 * lane holds another patch, or another vertical segment of one patch. Any number of channels then fills the vectors,
 * and one weight serves a whole vector. simd_patches.c is compiled once for each instruction set and number of lanes;
 * it is written in the compiler's vector types, so another instruction set is a row in isa.c's table and in
 * meson.build.
 */
#pragma once
#include <string.h>

#include "simd_channels.h"

G_BEGIN_DECLS

#define CBIGAN_CPU_MOST_COLUMNS 512 /* of one lane: as many zeros lie beside a map whose rows are convolved */

/* A value of one group of lanes: [row][channel][column][lane]. */
typedef struct {
  float *data;
  int c, h, w;  /* w: columns of one lane, at most CBIGAN_CPU_MOST_COLUMNS */
  int rows;     /* that `data` holds; row y lies at y % rows, so fewer rows than h make a ring */
  int segments; /* of a patch, in as many lanes from left to right; 0: lanes are patches */
  gsize plane;  /* floats from one channel to the next; a row is c planes */
} CbiganCpuMap;

static inline float *
cbigan_map_row(const CbiganCpuMap *map, int y)
{
  return map->data + (gsize)(y % map->rows * map->c) * map->plane;
}

/* Floats per plane: one cache line more than needed, because planes a power of two apart displace each other from the
 * cache. */
static inline gsize
cbigan_map_plane(int w, int lanes)
{
  return (gsize)w * (gsize)lanes + 16;
}

/* Columns side by side, their channels `plane` floats apart */
typedef struct {
  const float *data;
  gsize plane;
  int channels;
} CbiganCpuSource;

/* y = leaky(W x + b) for any number of columns: 1x1 convolutions and dense layers. */
typedef struct {
  int outputs;
  const float *weights; /* [chunk of outputs][channel of all sources][output of the chunk], see cbigan_cpu_chunk(); with
                         * bf16 cells of each source instead of channels, see cbigan_cpu_cells() */
  const float *bias;    /* (outputs) or NULL */
  float slope;          /* below zero: 1 = linear */
} CbiganCpuMatrix;

/* y = leaky(conv3x3(x)), zero padding "same", by Winograd's minimal filtering F(side x side, 3x3) (Lavin & Gray, Fast
 * Algorithms for Convolutional Neural Networks, 2015, arXiv 1509.09308): 36 multiplications for 16 outputs instead of
 * 144. Error, of the largest |x| times the sum of |w|: at most 6.6e-7 with side 4, 1.3e-7 with side 2
 * (test_winograd.c). */
typedef struct {
  int inputs, outputs;
  int side;             /* of a tile of outputs: 4, or 2 where the map has no more */
  float slope;          /* below zero: 1 = linear */
  gboolean doubles;     /* x is half as large: bilinear x2 upsampling (half-pixel centres, edges clamped) comes first */
  const float *weights; /* [(side + 2)^2 positions][chunk of outputs][input, or cell][output of the chunk] */
} CbiganCpuWinograd;

typedef struct {
  const char *name; /* of the instruction set, as in CBIGAN_ISA */
  int lanes;
  int segments;  /* per patch, at most, unless a lane holds a patch; lanes are a multiple */
  int sums;      /* vectors that its registers hold as sums */
  int chunk;     /* outputs computed together, at most: 4 or 8 */
  gboolean bf16; /* products are of numbers rounded to bf16, sums in float */
  /* Tiles [first, first + n) of y, in rows. scratch: cbigan_cpu_conv3_scratch() floats. */
  void (*conv3)(const CbiganCpuWinograd *conv, const CbiganCpuMap *x, const CbiganCpuMap *y, int first, int n,
                float *scratch);
  /* out (outputs, plane apart) over so many columns; accumulate: adds to what is there, before the activation */
  void (*multiply)(const CbiganCpuMatrix *matrix, const CbiganCpuSource *sources, int n_sources, int columns,
                   gboolean accumulate, float *out, gsize plane);
  /* Row `row` of x upsampled (bilinear x2, half-pixel centres, edges clamped) -> out (c, plane apart; 2 w columns) */
  void (*upsample)(const CbiganCpuMap *x, int row, float *out, gsize plane);
  /* above, below (channels, plane apart; 2 w columns) -> out: 2x2 mean */
  void (*avgpool)(const float *above, const float *below, gsize plane, int channels, int w, float *out,
                  gsize out_plane);
  void (*tanh)(float *row, gsize plane, int channels, int w);
  /* n numbers side by side in each of `lanes` samples (`stride` floats apart) <-> n columns, whose first lanes they
   * are; in: to the columns, where the other lanes get any numbers */
  void (*transpose)(float *samples, gsize stride, int lanes, float *const *columns, int n, gboolean in);
} CbiganCpuKernels;

/* Floats that the weights of so many channels take: with bf16, one float holds two channels', see cbigan_cpu_cell(). */
static inline int
cbigan_cpu_cells(const CbiganCpuKernels *kernels, int channels)
{
  return kernels->bf16 ? (channels + 1) / 2 : channels;
}

/* The upper 16 bits of a finite number, rounded to the nearest */
static inline guint32
cbigan_cpu_bf16(float x)
{
  guint32 bits;
  memcpy(&bits, &x, sizeof bits);
  return (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
}

static inline float
cbigan_cpu_cell(float first, float second)
{
  guint32 bits = cbigan_cpu_bf16(first) | cbigan_cpu_bf16(second) << 16;
  float cell;
  memcpy(&cell, &bits, sizeof cell);
  return cell;
}

/* Outputs that are computed together, of `outputs` with `left` still to do: as many as leave no remainder. */
static inline int
cbigan_cpu_chunk(const CbiganCpuKernels *kernels, int outputs, int left)
{
  static const int sizes[] = { 8, 4, 6, 3 };
  int best = kernels->chunk;
  for (guint i = 0; i < G_N_ELEMENTS(sizes); i++)
    if (sizes[i] <= MAX(kernels->chunk, 6) && outputs % sizes[i] == 0) {
      best = sizes[i];
      break;
    }
  return left >= best ? best : left >= 4 ? 4 : left;
}

/* Tiles per panel: their transforms lie side by side, so that one weight serves all of them. As many as fit into the
 * registers. */
static inline int
cbigan_cpu_panel(const CbiganCpuKernels *kernels, int outputs)
{
  int chunk = cbigan_cpu_chunk(kernels, outputs, outputs);
  return 4 * chunk <= kernels->sums ? 4 : 2 * chunk <= kernels->sums ? 2 : 1;
}

/* Tiles that are transformed together: as many as come near to a first-level cache's size, at most 16. Of 20 to 800
 * KiB, 40 was best or close to it for all widths (tests/bench/fused). */
static inline int
cbigan_cpu_conv3_tiles(const CbiganCpuKernels *kernels, const CbiganCpuWinograd *conv)
{
  int panel = cbigan_cpu_panel(kernels, conv->outputs), positions = (conv->side + 2) * (conv->side + 2);
  int numbers = MAX(cbigan_cpu_cells(kernels, conv->inputs), conv->outputs);
  int fit = 40 * 1024 / (positions * numbers * kernels->lanes * (int)sizeof(float));
  return MAX(MIN(fit, 16) / panel, 1) * panel;
}

/* Floats from one position of transformed tiles to the next: two vectors more than needed, for the reason given at the
 * planes. */
static inline gsize
cbigan_cpu_conv3_stride(const CbiganCpuKernels *kernels, const CbiganCpuWinograd *conv)
{
  gsize numbers = (gsize)MAX(cbigan_cpu_cells(kernels, conv->inputs), conv->outputs);
  return ((gsize)cbigan_cpu_conv3_tiles(kernels, conv) * numbers + 2) * (gsize)kernels->lanes;
}

static inline gsize
cbigan_cpu_conv3_scratch(const CbiganCpuKernels *kernels, const CbiganCpuWinograd *conv) /* floats */
{
  gsize positions = (gsize)((conv->side + 2) * (conv->side + 2));
  return (positions + 1) * cbigan_cpu_conv3_stride(kernels, conv);
}

/* An instruction set */
typedef struct {
  const char *name;
  const CbiganCpuKernels *many, *few; /* for many patches, more lanes; for few; both for segments */
  const CbiganCpuKernels *bf16_many, *bf16_few;
  gboolean bf16; /* the processor has instructions for bf16 products; otherwise bf16 is emulated and never faster */
  gboolean (*bf16_at_full_rate)(
      void); /* whether this processor does as many of them per cycle as fp32 ones; NULL = no */
  const CbiganCpuChannels *channels[3]; /* for training, the widest vectors first; NULL-terminated */
  int widest;                           /* network (c) for which these are faster than oneDNN's single operations */
  gboolean (*supported)(void);
} CbiganCpuIsa;

/* The best that this processor has and the environment's CBIGAN_ISA allows (a name, or "none"); NULL = none.
 * FALSE with CBIGAN_ERROR_BACKEND: no such name. */
gboolean cbigan_cpu_choose_isa(const CbiganCpuIsa **chosen, GError **error);
/* The best that this processor has, whatever CBIGAN_ISA says; never NULL. */
const CbiganCpuIsa *cbigan_cpu_best_isa(void);

/* Whether precision=auto may take bf16 on this processor for networks of that width (c). The answer depends on the
 * processor alone, so that a model has the same scores in every run. */
gboolean cbigan_cpu_prefers_bf16(const CbiganCpuIsa *isa, int width);

G_END_DECLS
