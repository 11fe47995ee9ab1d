/* lanes.h - tables of kernels to test, maps of samples in their lanes, and plain C truth in double precision
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include "harness.h"
#include "isas.h"

G_BEGIN_DECLS

/* --- tables ----------------------------------------------------------------------------------------------------- */

typedef struct {
  char *path;                      /* "/avx2/few" */
  const CbiganCpuKernels *kernels; /* NULL: not on this processor */
  gboolean segments;               /* whether fuse.c fills the lanes with segments of a sample, too */
} KernelTable;

/* A row of a test's own table, on one table of kernels */
typedef struct {
  const KernelTable *table;
  gconstpointer row;
} TableRow;

/* Adds /isa/many/test, /isa/few/test and those in bf16 for every instruction set, and /wide-vectors/test. Data:
 * KernelTable with kernels; where this processor can't run them, a skipped test. */
void add_for_tables(const char *test, GTestDataFunc function);
/* Adds /isa/many/test/NAME and so on for each of n rows of `size` bytes, which begin with RowHead. Data: TableRow */
void add_rows_for_tables(const char *test, gconstpointer rows, gsize n, gsize size, GTestDataFunc function);

#define MOST_NUMBERS 256

typedef struct {
  const char *name;
  gboolean slow;
  int number;
} NumberRow;

/* Adds /isa/many/test/1 to .../most, of which all but the quick ones are slow; once in a program. Data: TableRow of a
 * NumberRow */
void add_numbers_for_tables(const char *test, int most, const int *quick, gsize n_quick, GTestDataFunc function);
void free_tables(void);
/* x as the kernels' products take it */
float rounded_for(const CbiganCpuKernels *kernels, float x);
/* Floats on the host between guards of `fill`; guarded_finish() ends it. */
Guarded guarded_floats(gsize n, const float *x, float fill);

/* --- maps ------------------------------------------------------------------------------------------------------- */

typedef struct {
  CbiganCpuMap map;
  const CbiganCpuKernels *kernels;
  int samples; /* that its lanes hold */
  float fill;
  Guarded memory;
} LaneMap;

/* segments, rows: of the map; shape: of a sample */
LaneMap lane_map_new(const CbiganCpuKernels *kernels, int segments, CbiganShape shape, int rows, float fill);
/* Rows [first, end) of host (n, c, h, w): sample i of the lanes is i % n of the host's. */
void lane_map_put(LaneMap *m, int n, const float *host, int first, int end);
/* All samples -> host (samples, c, h, w) */
void lane_map_get(const LaneMap *m, float *host, int first, int end);
gsize lane_map_floats(const LaneMap *m);
/* Ends the test when guards, or gaps between planes, were written. */
void lane_map_finish(LaneMap *m, const char *what);

/* --- truth ------------------------------------------------------------------------------------------------------ */

/* n samples with a border of zeros: [c][h + 2][w + 2][n] */
typedef struct {
  int n;
  CbiganShape shape;
  double *data;
} Tensor;

Tensor tensor_new(int n, CbiganShape shape);                     /* zeros */
Tensor tensor_from(int n, CbiganShape shape, const float *host); /* (n, c, h, w) */
float *tensor_to_host(const Tensor *t);                          /* (transfer full) (n, c, h, w) */
double *tensor_row(const Tensor *t, int c, int y);               /* of column 0; column x is n x further */
Tensor tensor_upsample(const Tensor *x);                         /* bilinear x2, half-pixel centres, edges clamped */
Tensor tensor_conv3(const Tensor *x, int outputs, const float *weights, double slope); /* (outputs, inputs, 3, 3) */
double leaky_double(double x, double slope);

G_END_DECLS
