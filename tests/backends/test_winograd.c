/* test_winograd.c - the 3x3 convolutions of every table of kernels, against plain C in double precision
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Winograd's filtering mixes the numbers of a tile before it multiplies, so its error is in proportion to the largest
 * of them and not to each output's own sum, and a NaN or an infinity spreads over the outputs of the tiles that see it.
 * Held here: what is infinite or NaN in truth is one of both; every tile that sees none, of the same sample or another,
 * keeps its bits. Inputs and scratch lie between NaN, outputs between sentinels.
 */
#include <math.h>
#include <string.h>

#include "cbigan.h"
#include "lanes.h"

/* Of largest |x| * sum |w|, for tiles of that side. The worst that these tests find (each prints its own) is 1.3e-7 and
 * 6.6e-7, from 3 inputs; it shrinks with more of them. A wrong weight or pixel shows with 1e-4 and more. */
static const float rounding[] = { [2] = 5e-7f, [4] = 2.5e-6f };
/* Of largest |x| * the square root of sum w^2; the worst found is 0.013 and 0.093. A wrong weight or pixel shows with
 * 0.5. */
static const float bf16_rounding[] = { [2] = 0.04f, [4] = 0.3f };
/* Denormal numbers are this far apart, or with bf16 may be zero, times what the transforms multiply by at most (5.3^2
 * * 6.3^2). */
#define DENORMAL (1.4e-45f * 1115)
#define FLUSHED (1.2e-38f * 1115)
#define MAX_SIDE 4
#define SAMPLES 3 /* different ones, where the lanes hold more: no number of lanes is a multiple */

typedef struct {
  const KernelTable *table;
  int inputs, outputs, h, w; /* of the outputs */
  int side;
  gboolean doubles;
  int segments; /* 0: samples in the lanes */
  float slope;
  int ring;  /* rows of tiles that y keeps, and x as many or a row of pixels above and below one; 0: all */
  int tiles; /* in a call; 0: all */
  DataKind data;
  guint32 seed;
} Case;

static char *
describe(const Case *c)
{
  return g_strdup_printf("%s %d -> %d, %dx%d, F(%dx%d)%s, %d segments, slope %g, ring %d, %d tiles a call, %s data",
                         c->table->path, c->inputs, c->outputs, c->h, c->w, c->side, c->side,
                         c->doubles ? " doubles" : "", c->segments, (double)c->slope, c->ring, c->tiles,
                         data_names[c->data]);
}

static CbiganShape
in_shape(const Case *c)
{
  return (CbiganShape){ c->inputs, c->h / (1 + c->doubles), c->w / (1 + c->doubles) };
}

static CbiganShape
out_shape(const Case *c)
{
  return (CbiganShape){ c->outputs, c->h, c->w };
}

static const float *
rounding_of(const Case *c)
{
  return c->table->kernels->bf16 ? bf16_rounding : rounding;
}

static int
samples(const Case *c)
{
  return c->segments ? 1 : c->table->kernels->lanes;
}

/* --- running ---------------------------------------------------------------------------------------------------- */

/* G by Toom and Cook: polynomials of two degrees at points and infinity, as winograd_points.h scales them */
static void
filter_matrix(int side, double G[MAX_SIDE + 2][3])
{
  static const double two[] = { 0, 1, -1 }, four[] = { 0, 0.625, -0.625, 1.5, -1.5 };
  const double *points = side == 2 ? two : four;
  int n = side + 2;
  for (int k = 0; k < n - 1; k++) {
    double scale = k ? 1 / fabs(points[k]) : 1;
    for (int j = 0; j < n - 1; j++)
      scale *= j == k ? 1 : points[k] - points[j];
    scale = k == 0 ? fabs(scale) : scale;
    for (int i = 0; i < 3; i++)
      G[k][i] = (i == 0 ? 1 : i == 1 ? points[k] : points[k] * points[k]) / scale;
  }
  G[n - 1][0] = G[n - 1][1] = 0;
  G[n - 1][2] = 1;
}

/* U = G g G^T */
static void
transform_filter(int side, double G[MAX_SIDE + 2][3], const float *g, double *u)
{
  int n = side + 2;
  for (int k = 0; k < n; k++) {
    double row[3] = { 0 }; /* of G g */
    for (int i = 0; i < 9; i++)
      row[i % 3] += G[k][i / 3] * (double)g[i];
    for (int j = 0; j < n; j++)
      u[k * n + j] = row[0] * G[j][0] + row[1] * G[j][1] + row[2] * G[j][2];
  }
}

/* weights (outputs, inputs, 3, 3) -> the order of CbiganCpuWinograd.weights, between NaN */
static Guarded
pack(const CbiganCpuKernels *kernels, const CbiganCpuWinograd *conv, const float *weights)
{
  int positions = (conv->side + 2) * (conv->side + 2), cells = cbigan_cpu_cells(kernels, conv->inputs);
  int size = cells * conv->outputs;
  g_autofree float *packed = g_new(float, positions *size);
  double u[2][(MAX_SIDE + 2) * (MAX_SIDE + 2)] = { { 0 } }, G[MAX_SIDE + 2][3];
  filter_matrix(conv->side, G);
  for (int o = 0, chunk; o < conv->outputs; o += chunk) {
    chunk = cbigan_cpu_chunk(kernels, conv->outputs, conv->outputs - o);
    for (int k = 0; k < chunk * cells; k++) {
      int i = k / chunk * (1 + kernels->bf16), output = o + k % chunk;
      for (int second = 0; second <= kernels->bf16; second++)
        if (i + second < conv->inputs)
          transform_filter(conv->side, G, weights + (output * conv->inputs + i + second) * 9, u[second]);
        else
          memset(u[second], 0, sizeof u[second]);
      for (int p = 0; p < positions; p++)
        packed[p * size + o * cells + k] =
            kernels->bf16 ? cbigan_cpu_cell((float)u[0][p], (float)u[1][p]) : (float)u[0][p];
    }
  }
  return guarded_floats((gsize)(positions * size), packed, NAN);
}

/* Ends the test when y differs from before outside the tiles [first, first + n). */
static void
check_written(const char *what, const LaneMap *y, const float *before, int side, int first, int n)
{
  const CbiganCpuMap *m = &y->map;
  int across = m->w / side, tile_floats = side * y->kernels->lanes;
  g_autofree gboolean *tiles = g_new0(gboolean, m->rows / side * across);
  for (int i = first; i < first + n; i++)
    tiles[i / across * side % m->rows / side * across + i % across] = TRUE;
  for (int line = 0; line < m->rows * m->c; line++) {
    const float *now = m->data + (gsize)line * m->plane, *then = before + (gsize)line * m->plane;
    for (int t = 0, at = 0, end; t <= across; t++, at = end) { /* behind the last tile lies what pads a row */
      end = t < across ? at + tile_floats : (int)m->plane;
      gboolean inside = t < across && tiles[line / m->c / side * across + t];
      if (!inside && memcmp(now + at, then + at, (gsize)(end - at) * sizeof(float)))
        g_error("%s: tiles %d to %d wrote in row %d of the map, channel %d, between floats %d and %d", what, first,
                first + n - 1, line / m->c, line % m->c, at, end);
    }
  }
}

/* x (n, inputs, h, w), weights (outputs, inputs, 3, 3) -> (transfer full) (samples, outputs, h, w) */
static float *
run(const Case *c, int n, const float *x, const float *weights)
{
  const CbiganCpuKernels *k = c->table->kernels;
  g_autofree char *what = describe(c);
  CbiganShape in = in_shape(c), out = out_shape(c);
  CbiganCpuWinograd conv = { c->inputs, c->outputs, c->side, c->slope, c->doubles, NULL };
  int step = c->doubles ? c->side / 2 : c->side, ring_rows = c->ring == 1 ? step + 2 : c->ring * c->side;
  LaneMap from = lane_map_new(k, c->segments, in, c->ring ? MIN(ring_rows, in.h) : in.h, NAN);
  LaneMap to = lane_map_new(k, c->segments, out, c->ring ? MIN(c->ring * c->side, c->h) : c->h, SENTINEL);
  Guarded packed = pack(k, &conv, weights), scratch = guarded_floats(cbigan_cpu_conv3_scratch(k, &conv), NULL, NAN);
  conv.weights = packed.data;
  int across = to.map.w / c->side, all = across * (c->h / c->side);
  float *y = g_new(float, (gsize)to.samples *cbigan_shape_size(out));
  g_autofree float *before = g_new(float, lane_map_floats(&to));
  for (int first = 0, some; first < all; first += some) {
    int row = first / across;
    some = MIN(c->tiles ? c->tiles : all, c->ring ? across - first % across : all - first);
    if (c->ring)
      lane_map_put(&from, n, x, MAX(row * step - 1, 0), MIN((row + 1) * step + 1, in.h));
    else if (!first)
      lane_map_put(&from, n, x, 0, in.h);
    memcpy(before, to.map.data, lane_map_floats(&to) * sizeof(float));
    k->conv3(&conv, &from.map, &to.map, first, some, scratch.data);
    check_written(what, &to, before, c->side, first, some);
    if (c->ring)
      lane_map_get(&to, y, row * c->side, (row + 1) * c->side);
  }
  if (!c->ring)
    lane_map_get(&to, y, 0, c->h);
  lane_map_finish(&from, what);
  lane_map_finish(&to, what);
  g_free(guarded_finish(&packed, what));
  g_free(guarded_finish(&scratch, what));
  return y;
}

/* --- judging ---------------------------------------------------------------------------------------------------- */

/* [sample][row of tiles][tile]: do its inputs, a pixel wider than the tile all around, have one that is not finite? */
static gboolean *
find_spoilt(const Case *c, int n, const float *x)
{
  CbiganShape in = in_shape(c);
  int step = c->doubles ? c->side / 2 : c->side, across = c->w / c->side, tiles = across * (c->h / c->side);
  gboolean *spoilt = g_new0(gboolean, n * tiles);
  for (int i = 0; i < n * (int)cbigan_shape_size(in); i++) {
    int row = i / in.w % in.h, column = i % in.w, sample = i / (int)cbigan_shape_size(in);
    for (int t = 0; !isfinite(x[i]) && t < tiles; t++) {
      int top = t / across * step, left = t % across * step;
      spoilt[sample * tiles + t] |= row >= top - 1 && row <= top + step && column >= left - 1 && column <= left + step;
    }
  }
  return spoilt;
}

static gboolean
is_spoilt(const Case *c, const gboolean *spoilt, gsize i)
{
  gsize sample = i / cbigan_shape_size(out_shape(c)), across = (gsize)(c->w / c->side);
  gsize row = i / (gsize)c->w % (gsize)c->h / (gsize)c->side, column = i % (gsize)c->w / (gsize)c->side;
  return spoilt[(sample * (gsize)(c->h / c->side) + row) * across + column];
}

/* For each sample and output: largest |x| * sum |w|; with bf16 * the square root of sum w^2, since errors of each
 * product are many and add up by chance */
static float *
bounds(const Case *c, int n, const float *x, const float *weights)
{
  gsize in = cbigan_shape_size(in_shape(c)), pixels = (gsize)(c->h * c->w);
  float *b = g_new(float, (gsize)(n * c->outputs) * pixels);
  for (int i = 0; i < n * c->outputs; i++) {
    float largest = 0, sum = 0;
    for (gsize k = 0; k < in; k++)
      if (isfinite(x[(gsize)(i / c->outputs) * in + k]))
        largest = fmaxf(largest, fabsf(x[(gsize)(i / c->outputs) * in + k]));
    for (int k = 0; k < c->inputs * 9; k++)
      sum += c->table->kernels->bf16 ? powf(weights[i % c->outputs * c->inputs * 9 + k], 2)
                                     : fabsf(weights[i % c->outputs * c->inputs * 9 + k]);
    sum = c->table->kernels->bf16 ? sqrtf(sum) : sum;
    for (gsize k = 0; k < pixels; k++)
      b[(gsize)i * pixels + k] = largest * sum;
  }
  return b;
}

/* worst[side]: error, as `rounding` counts it */
static void
check(const Case *c, float *worst)
{
  int n = MIN(SAMPLES, samples(c));
  CbiganShape in = in_shape(c), out = out_shape(c);
  gsize size = cbigan_shape_size(out), total = (gsize)n * size;
  g_autofree char *what = describe(c);
  g_autofree float *x = data_new(c->data, (gsize)n * cbigan_shape_size(in), c->seed);
  g_autofree float *weights = data_new(DATA_RANDOM, (gsize)(c->inputs * c->outputs * 9), c->seed + 1);
  g_autofree float *have = run(c, n, x, weights), *tolerance = bounds(c, n, x, weights);
  g_autofree gboolean *spoilt = find_spoilt(c, n, x);
  for (int s = n; s < samples(c); s++)
    if (memcmp(have + (gsize)s * size, have + (gsize)(s % n) * size, size * sizeof(float)))
      g_error("%s: sample %d is not the same as sample %d", what, s, s % n);

  Tensor given = tensor_from(n, in, x), upsampled = c->doubles ? tensor_upsample(&given) : (Tensor){ 0 };
  Tensor truth = tensor_conv3(c->doubles ? &upsampled : &given, c->outputs, weights, (double)c->slope);
  g_autofree float *want = tensor_to_host(&truth);
  for (gsize i = 0; i < total; i++) {
    if (is_spoilt(c, spoilt, i)) {
      if (!isfinite(want[i]) && isfinite(have[i]))
        g_error("%s: sample %d, [%d][%d][%d] is %g, reference %g", what, (int)(i / size),
                (int)(i % size) / (c->h * c->w), (int)(i / (gsize)c->w) % c->h, (int)i % c->w, (double)have[i],
                (double)want[i]);
      have[i] = want[i];
    } else if (tolerance[i] > FLT_MIN) {
      worst[c->side] = fmaxf(worst[c->side], fabsf(have[i] - want[i]) / tolerance[i]);
    }
    tolerance[i] =
        rounding_of(c)[c->side] * tolerance[i] +
        (c->data == DATA_DENORMAL ? (c->table->kernels->bf16 ? FLUSHED : DENORMAL) * (float)(9 * c->inputs) : 0);
  }
  expect_close(what, out, n, have, want, tolerance);
  g_free(given.data);
  g_free(upsampled.data);
  g_free(truth.data);
}

/* --- tests ------------------------------------------------------------------------------------------------------ */

static void
say_worst(const KernelTable *t, const float *worst)
{
  const float *allowed = rounding_of(&(Case){ .table = t });
  for (int side = 2; side <= MAX_SIDE; side += 2)
    g_test_message("F(%dx%d): worst error %.2g, tolerance %.2g", side, side, (double)worst[side],
                   (double)allowed[side]);
}

/* As wide as it has to be for `across` tiles in each lane, `down` tiles high */
static void
set_size(Case *c, int across, int down)
{
  c->w = across * c->side * MAX(c->segments, 1);
  c->h = down * c->side;
}

/* Every kernel of a table: tiles of 2 and 4, with and without upsampling, samples in the lanes, as many
 * segments, and one less. FALSE: there are no more. */
static gboolean
next_kernel(const KernelTable *t, int *i, Case *c)
{
  const int n = t->segments ? 12 : 4;
  c->table = t;
  c->side = *i % 2 ? 2 : 4;
  c->doubles = *i / 2 % 2;
  c->segments = *i < 4 ? 0 : t->kernels->segments + 1 - *i / 4;
  return (*i)++ < n;
}

/* How many rows a map keeps, and how many tiles a call makes */
typedef struct {
  int ring, tiles;
} Division;

static const Division divisions[] = { { 0, 0 }, { 1, 2 }, { 0, 5 }, { 3, 0 }, { 0, 1 }, { 1, 0 }, { 3, 1 }, { 2, 3 } };

/* Every width, with the networks' ratios of channels; the tiles are more than one panel and no multiple of it */
static void
test_width(gconstpointer data)
{
  static const struct {
    int inputs, outputs; /* multiples of the width; 0: 3 channels */
  } ratios[] = { { 0, 1 }, { 1, 1 }, { 1, 2 }, { 2, 1 } };
  const TableRow *row = data;
  const int width = ((const NumberRow *)row->row)->number;
  float worst[MAX_SIDE + 1] = { 0 };
  for (guint ratio = 0; ratio < G_N_ELEMENTS(ratios); ratio++) {
    Case c = { 0 };
    for (int i = 0; next_kernel(row->table, &i, &c);) {
      const Division *division = &divisions[((guint)i + ratio) % G_N_ELEMENTS(divisions)];
      c.inputs = ratios[ratio].inputs ? ratios[ratio].inputs * width : 3;
      c.outputs = ratios[ratio].outputs * width;
      c.slope = ratio % 2 ? 1 : CBIGAN_LEAKY_SLOPE;
      c.ring = division->ring;
      c.tiles = division->tiles;
      c.seed = (guint32)i;
      set_size(&c, c.segments ? 1 : 3, width > 32 ? 2 : 3);
      check(&c, worst);
    }
  }
  say_worst(row->table, worst);
}

typedef struct {
  const char *name;
  gboolean slow;
  int inputs, outputs, h, w, side;
} Size;

static const Size sizes[] = { { "one tile of 2", FALSE, 2, 3, 2, 2, 2 },
                              { "one tile of 4", FALSE, 5, 4, 4, 4, 4 },
                              { "2x2 tiles of 2", FALSE, 5, 4, 4, 4, 2 },
                              { "2x2 tiles of 4", FALSE, 4, 6, 8, 8, 4 },
                              { "3x3 tiles of 2", FALSE, 3, 7, 6, 6, 2 },
                              { "4x4 tiles of 4", FALSE, 6, 5, 16, 16, 4 },
                              { "8x8 tiles of 4", FALSE, 3, 3, 32, 32, 4 },
                              { "16x16 tiles of 4", TRUE, 3, 4, 64, 64, 4 },
                              { "16x16 tiles of 4, 4 channels", FALSE, 4, 4, 64, 64, 4 },
                              { "32x32 tiles of 4", TRUE, 3, 3, 128, 128, 4 },
                              { "32x32 tiles of 4, 2 channels", FALSE, 2, 3, 128, 128, 4 },
                              { "wide", FALSE, 3, 2, 4, 64, 2 },
                              { "as wide as a lane may be", FALSE, 2, 1, 4, CBIGAN_CPU_MOST_COLUMNS, 4 },
                              { "deep, 2x2", FALSE, 64, 128, 2, 2, 2 },
                              { "deep, 4x4", FALSE, 192, 256, 4, 4, 4 },
                              { "deepest", FALSE, 512, 304, 2, 2, 2 } };

/* Maps from one tile to the networks' largest, and the deepest layers' channels */
static void
test_size(gconstpointer data)
{
  const TableRow *row = data;
  const Size *size = row->row;
  float worst[MAX_SIDE + 1] = { 0 };
  Case c = { 0 };
  for (int i = 0; next_kernel(row->table, &i, &c);) {
    if (c.side != size->side || (c.segments && size->w % (c.side * c.segments)))
      continue;
    c.inputs = size->inputs;
    c.outputs = size->outputs;
    c.h = size->h;
    c.w = size->w;
    c.slope = c.doubles ? 1 : CBIGAN_LEAKY_SLOPE;
    c.ring = c.doubles != (c.segments > 0);
    check(&c, worst);
  }
  say_worst(row->table, worst);
}

/* Neither what the map keeps nor how its tiles are divided changes a bit: threads divide them as they like. */
static void
test_divided(gconstpointer table)
{
  const KernelTable *t = table;
  Case c = { 0 };
  for (int i = 0; next_kernel(t, &i, &c);) {
    c.slope = 1;
    c.inputs = 2 + i % 5;
    c.outputs = 3 * c.inputs;
    c.ring = c.tiles = 0;
    set_size(&c, 3, 4);
    int n = MIN(SAMPLES, samples(&c));
    gsize size = (gsize)samples(&c) * cbigan_shape_size(out_shape(&c)) * sizeof(float);
    g_autofree float *x = data_new(DATA_RANDOM, (gsize)n * cbigan_shape_size(in_shape(&c)), 1);
    g_autofree float *weights = data_new(DATA_RANDOM, (gsize)(c.inputs * c.outputs * 9), 2);
    g_autofree float *whole = run(&c, n, x, weights);
    for (int k = 0; k < 4 * 6; k++) {
      c.ring = k / 6;
      c.tiles = k % 6;
      g_autofree char *what = describe(&c);
      g_autofree float *divided = run(&c, n, x, weights);
      if (memcmp(whole, divided, size))
        g_error("%s: other bits than in one call over a whole map", what);
    }
  }
}

/* All kinds of numbers, through one, two and three channels */
static void
test_data(gconstpointer table)
{
  float worst[MAX_SIDE + 1] = { 0 };
  for (int k = 0; k < N_DATA * 3; k++) {
    Case c = { 0 };
    for (int i = 0; next_kernel(table, &i, &c);) {
      c.data = (DataKind)(k % N_DATA);
      c.inputs = 1 + k / N_DATA;
      c.outputs = 3 * c.inputs - 1;
      c.slope = c.inputs == 2 ? 1 : CBIGAN_LEAKY_SLOPE;
      c.seed = (guint32)i;
      set_size(&c, 2, 2);
      check(&c, worst);
    }
  }
  say_worst(table, worst);
}

/* A NaN or an infinity in one sample: what does not see it has the same bits as without it. */
static void
check_neighbours(Case *c, float spoiler, guint32 seed)
{
  set_size(c, 3, 3);
  int n = samples(c), changed = 0;
  gsize in = (gsize)n * cbigan_shape_size(in_shape(c)), out = (gsize)n * cbigan_shape_size(out_shape(c));
  g_autofree char *what = describe(c);
  g_autofree float *x = data_new(DATA_RANDOM, in, seed);
  g_autofree float *weights = data_new(DATA_RANDOM, (gsize)(c->inputs * c->outputs * 9), seed + 1);
  g_autofree float *clean = run(c, n, x, weights);
  x[((gsize)seed * 7919 + 13) % in] = spoiler;
  g_autofree float *have = run(c, n, x, weights);
  g_autofree gboolean *spoilt = find_spoilt(c, n, x);
  for (gsize k = 0; k < out; k++) {
    changed += !isfinite(have[k]);
    if (!is_spoilt(c, spoilt, k) && memcmp(&have[k], &clean[k], sizeof(float)))
      g_error("%s: sample %d changes from %.9g to %.9g where it sees no %g", what,
              (int)(k / cbigan_shape_size(out_shape(c))), (double)clean[k], (double)have[k], (double)spoiler);
  }
  g_assert_cmpint(changed, >=, c->outputs); /* at least one pixel of each */
}

static void
test_neighbours(gconstpointer table)
{
  static const float spoilers[] = { NAN, INFINITY, -INFINITY };
  for (guint32 k = 0; k < 6; k++) {
    Case c = { .inputs = 2, .outputs = 5, .slope = CBIGAN_LEAKY_SLOPE };
    for (int i = 0; next_kernel(table, &i, &c);)
      check_neighbours(&c, spoilers[k % 3], 8 * k + (guint32)i);
  }
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  /* one, two and three channels; chunks of four and eight outputs, full or with a rest; the widest */
  static const int quick[] = { 1, 2, 3, 4, 5, 8, 9, 13, 24, 33, 64 };
  add_numbers_for_tables("widths", CBIGAN_MAX_WIDTH, quick, G_N_ELEMENTS(quick), test_width);
  add_rows_for_tables("sizes", sizes, G_N_ELEMENTS(sizes), sizeof *sizes, test_size);
  if (!g_test_slow()) {
    add_for_tables("divided", test_divided);
    add_for_tables("data", test_data);
    add_for_tables("neighbours", test_neighbours);
  }
  int status = g_test_run();
  free_tables();
  return status;
}
