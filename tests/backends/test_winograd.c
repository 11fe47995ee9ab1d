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
  gboolean doubles, segmented;
  float slope;
  int ring;  /* rows of tiles that y keeps, and x as many or a row of pixels above and below one; 0: all */
  int tiles; /* in a call; 0: all */
  DataKind data;
  guint32 seed;
} Case;

static char *
describe(const Case *c)
{
  return g_strdup_printf("%s %d -> %d, %dx%d, F(%dx%d)%s%s slope %g, ring %d, %d tiles a call, %s data", c->table->path,
                         c->inputs, c->outputs, c->h, c->w, c->side, c->side, c->doubles ? " doubles" : "",
                         c->segmented ? " segmented" : "", (double)c->slope, c->ring, c->tiles, data_names[c->data]);
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
  return c->table->kernels->lanes / (c->segmented ? c->table->kernels->segments : 1);
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

/* weights (outputs, inputs, 3, 3) -> the order of CbiganConv3.weights, between NaN */
static Guarded
pack(const CbiganKernels *kernels, const CbiganConv3 *conv, const float *weights)
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
  const CbiganMap *m = &y->map;
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
  const CbiganKernels *k = c->table->kernels;
  g_autofree char *what = describe(c);
  CbiganShape in = in_shape(c), out = out_shape(c);
  CbiganConv3 conv = { c->inputs, c->outputs, c->side, c->slope, c->doubles, NULL };
  int step = c->doubles ? c->side / 2 : c->side, ring_rows = c->ring == 1 ? step + 2 : c->ring * c->side;
  LaneMap from = lane_map_new(k, c->segmented, in, c->ring ? MIN(ring_rows, in.h) : in.h, NAN);
  LaneMap to = lane_map_new(k, c->segmented, out, c->ring ? MIN(c->ring * c->side, c->h) : c->h, SENTINEL);
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
  compare(what, out, n, have, want, tolerance);
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

/* As wide as it has to be for some tiles in each lane, `tiles` high */
static void
set_size(Case *c, int across, int down)
{
  c->w = across * c->side * (c->segmented ? c->table->kernels->segments : 1);
  c->h = down * c->side;
}

/* Every width, with the networks' ratios of channels; the tiles are more than one panel and no multiple of it. */
static void
test_widths(gconstpointer table)
{
  static const struct {
    int inputs, outputs; /* multiples of c; 0 = 3 */
  } ratios[] = { { 0, 1 }, { 1, 1 }, { 1, 2 }, { 2, 1 } };
  static const int rings[] = { 0, 1, 3 };
  const KernelTable *t = table;
  g_autoptr(GRand) rand = g_rand_new_with_seed(1);
  float worst[MAX_SIDE + 1] = { 0 };
  for (int i = 0; i < CBIGAN_MAX_WIDTH * (int)G_N_ELEMENTS(ratios) * 4; i++) {
    int width = 1 + i / (4 * (int)G_N_ELEMENTS(ratios)), ratio = i / 4 % (int)G_N_ELEMENTS(ratios);
    if (t->slow && width > 13 && width % 8 > 1)
      continue;
    Case c = { .table = t, .side = i % 2 ? 2 : 4, .doubles = i / 2 % 2, .seed = (guint32)i };
    c.inputs = ratios[ratio].inputs ? ratios[ratio].inputs * width : 3;
    c.outputs = ratios[ratio].outputs * width;
    c.segmented = t->segments && g_rand_boolean(rand);
    c.slope = g_rand_boolean(rand) ? 1 : CBIGAN_LEAKY_SLOPE;
    c.ring = rings[g_rand_int_range(rand, 0, G_N_ELEMENTS(rings))];
    c.tiles = g_rand_int_range(rand, 0, 6);
    set_size(&c, c.segmented ? 1 : 3, width > 32 ? 2 : 3);
    check(&c, worst);
  }
  say_worst(t, worst);
}

/* Maps from one tile to the networks' largest, and the deepest layers' channels. */
static void
test_sizes(gconstpointer table)
{
  static const struct {
    int inputs, outputs, h, w, side;
  } sizes[] = {
    { 2, 3, 2, 2, 2 },     { 5, 4, 4, 4, 4 },   { 5, 4, 4, 4, 2 },    { 4, 6, 8, 8, 4 },     { 3, 7, 6, 6, 2 },
    { 6, 5, 16, 16, 4 },   { 3, 3, 32, 32, 4 }, { 3, 4, 64, 64, 4 },  { 4, 4, 64, 64, 4 },   { 3, 3, 128, 128, 4 },
    { 2, 3, 128, 128, 4 }, { 3, 2, 4, 64, 2 },  { 64, 128, 2, 2, 2 }, { 192, 256, 4, 4, 4 }, { 512, 304, 2, 2, 2 },
  };
  const KernelTable *t = table;
  float worst[MAX_SIDE + 1] = { 0 };
  for (int i = 0; i < 4 * (int)G_N_ELEMENTS(sizes); i++) {
    Case c = { .table = t,
               .doubles = i % 2,
               .segmented = i / 2 % 2,
               .slope = i % 3 ? CBIGAN_LEAKY_SLOPE : 1,
               .ring = i % 5 == 0,
               .seed = (guint32)i };
    c.inputs = sizes[i / 4].inputs;
    c.outputs = sizes[i / 4].outputs;
    c.side = sizes[i / 4].side;
    c.h = sizes[i / 4].h;
    c.w = sizes[i / 4].w;
    if (c.segmented && (!t->segments || c.w < c.side * t->kernels->segments))
      continue;
    check(&c, worst);
  }
  say_worst(t, worst);
}

/* Neither what the map keeps nor how its tiles are divided changes a bit: threads divide them as they like. */
static void
test_divided(gconstpointer table)
{
  const KernelTable *t = table;
  for (int i = 0; i < 8 * 5; i++) {
    Case c = {
      .table = t, .side = i % 2 ? 2 : 4, .doubles = i / 2 % 2, .segmented = i / 4 % 2, .slope = 1, .seed = (guint32)i
    };
    c.inputs = 2 + i / 8;
    c.outputs = 3 * (2 + i / 8);
    set_size(&c, 3, 4);
    if (c.segmented && !t->segments)
      continue;
    int n = MIN(SAMPLES, samples(&c));
    gsize size = (gsize)samples(&c) * cbigan_shape_size(out_shape(&c)) * sizeof(float);
    g_autofree float *x = data_new(DATA_RANDOM, (gsize)n * cbigan_shape_size(in_shape(&c)), c.seed);
    g_autofree float *weights = data_new(DATA_RANDOM, (gsize)(c.inputs * c.outputs * 9), c.seed + 1);
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

/* All kinds of numbers */
static void
test_data(gconstpointer table)
{
  const KernelTable *t = table;
  float worst[MAX_SIDE + 1] = { 0 };
  for (int i = 0; i < N_DATA * 8 * 3; i++) {
    Case c = { .table = t, .side = i % 2 ? 2 : 4, .doubles = i / 2 % 2, .segmented = i / 4 % 2, .seed = (guint32)i };
    c.data = (DataKind)(i / 8 % N_DATA);
    c.slope = i / 8 / N_DATA == 1 ? 1 : CBIGAN_LEAKY_SLOPE;
    c.inputs = 1 + i / 8 / N_DATA;
    c.outputs = 2 + 3 * (i / 8 / N_DATA);
    set_size(&c, 2, 2);
    if (!c.segmented || t->segments)
      check(&c, worst);
  }
  say_worst(t, worst);
}

/* A NaN or an infinity in one sample: what does not see it has the same bits as without it. */
static void
test_neighbours(gconstpointer table)
{
  static const float spoilers[] = { NAN, INFINITY, -INFINITY };
  const KernelTable *t = table;
  for (int i = 0; i < 8 * 12; i++) {
    Case c = { .table = t,
               .inputs = 2,
               .outputs = 5,
               .side = i % 2 ? 2 : 4,
               .doubles = i / 2 % 2,
               .segmented = i / 4 % 2,
               .slope = CBIGAN_LEAKY_SLOPE,
               .seed = (guint32)i };
    set_size(&c, 3, 3);
    if (c.segmented && !t->segments)
      continue;
    int n = samples(&c), changed = 0;
    gsize in = (gsize)n * cbigan_shape_size(in_shape(&c)), out = (gsize)n * cbigan_shape_size(out_shape(&c));
    g_autofree char *what = describe(&c);
    g_autofree float *x = data_new(DATA_RANDOM, in, c.seed);
    g_autofree float *weights = data_new(DATA_RANDOM, (gsize)(c.inputs * c.outputs * 9), c.seed + 1);
    g_autofree float *clean = run(&c, n, x, weights);
    x[((gsize)i * 7919 + 13) % in] = spoilers[i % 3];
    g_autofree float *have = run(&c, n, x, weights);
    g_autofree gboolean *spoilt = find_spoilt(&c, n, x);
    for (gsize k = 0; k < out; k++) {
      changed += !isfinite(have[k]);
      if (!is_spoilt(&c, spoilt, k) && memcmp(&have[k], &clean[k], sizeof(float)))
        g_error("%s: sample %d changes from %.9g to %.9g where it sees no %g", what,
                (int)(k / cbigan_shape_size(out_shape(&c))), (double)clean[k], (double)have[k],
                (double)spoilers[i % 3]);
    }
    g_assert_cmpint(changed, >=, c.outputs); /* one pixel of each at least */
  }
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  add_for_tables("widths", test_widths);
  add_for_tables("sizes", test_sizes);
  add_for_tables("divided", test_divided);
  add_for_tables("data", test_data);
  add_for_tables("neighbours", test_neighbours);
  int status = g_test_run();
  free_tables();
  return status;
}
