/* test_kernels.c - the kernels besides convolutions of every table, against plain C in double precision
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Inputs lie between NaN, outputs between sentinels, also in the gap behind each channel's plane.
 */
#include <math.h>
#include <string.h>

#include "cbigan.h"
#include "lanes.h"

#define DENORMAL 1.4e-45f /* how far denormal numbers are apart */
#define GAP 16            /* floats behind a plane, as cbigan_map_plane() leaves them */

static const CbiganCpuKernels *
kernels_of(gconstpointer table)
{
  return ((const KernelTable *)table)->kernels;
}

/* --- multiply --------------------------------------------------------------------------------------------------- */

/* Of sum |w x|, the factors rounded where the kernels do so; the worst found is 2.9e-7. */
#define SUM_ROUNDING 1e-6f
/* In bf16, denormal factors, products and sums may be zero. */
#define FLUSHED 1.2e-38f

typedef struct {
  const KernelTable *table;
  int outputs, columns, n_sources, channels[2];
  gboolean accumulate, bias;
  float slope;
  DataKind data;
  guint32 seed;
} Product;

typedef struct {
  int inputs, numbers; /* numbers: of a plane */
  float *weights;      /* (outputs, inputs) */
  float *bias;         /* (outputs), or NULL */
  float *x[2];         /* (channels, numbers) */
  float *y;            /* (outputs, numbers): what is there before */
} Numbers;

static Numbers
numbers_new(const Product *p)
{
  Numbers n = { p->channels[0] + (p->n_sources > 1 ? p->channels[1] : 0), p->columns * p->table->kernels->lanes };
  n.weights = data_new(DATA_RANDOM, (gsize)(p->outputs * n.inputs), p->seed);
  n.bias = p->bias ? data_new(DATA_RANDOM, (gsize)p->outputs, p->seed + 1) : NULL;
  for (int s = 0; s < p->n_sources; s++)
    n.x[s] = data_new(p->data, (gsize)(p->channels[s] * n.numbers), p->seed + 2 + (guint32)s);
  n.y = data_new(p->data, (gsize)(p->outputs * n.numbers), p->seed + 4);
  return n;
}

static void
numbers_clear(Numbers *n)
{
  g_free(n->weights);
  g_free(n->bias);
  g_free(n->x[0]);
  g_free(n->x[1]);
  g_free(n->y);
}

static void
multiply_truth(const Product *p, const Numbers *n, float *want, float *tolerance)
{
  const CbiganCpuKernels *k = p->table->kernels;
  for (int i = 0; i < p->outputs * n->numbers; i++) {
    int o = i / n->numbers, at = i % n->numbers;
    const float *weight = n->weights + o * n->inputs;
    double sum = (p->bias ? (double)n->bias[o] : 0) + (p->accumulate ? (double)n->y[i] : 0), size = fabs(sum);
    for (int s = 0; s < p->n_sources; s++)
      for (int c = 0; c < p->channels[s]; c++) {
        double term = (double)rounded_for(k, *weight++) * (double)rounded_for(k, n->x[s][c * n->numbers + at]);
        sum += term;
        size += fabs(term);
      }
    want[i] = (float)leaky_double(sum, (double)p->slope);
    tolerance[i] = SUM_ROUNDING * (float)size + (k->bf16 ? FLUSHED : DENORMAL) * (float)(n->inputs + 2);
  }
}

/* Planes of `numbers` floats, a gap behind each, between guards */
static Guarded
planes_new(int n, int numbers, int plane, const float *x, float fill)
{
  g_autofree float *all = g_new(float, n *plane);
  for (int i = 0; i < n * plane; i++)
    all[i] = x && i % plane < numbers ? x[i / plane * numbers + i % plane] : fill;
  return guarded_floats((gsize)(n * plane), all, fill);
}

/* (transfer full) (n, numbers); ends the test when a gap was written */
static float *
planes_finish(Guarded *g, int n, int numbers, int plane, const char *what)
{
  float *x = g_new(float, n *numbers), fill = g->fill;
  g_autofree float *all = guarded_finish(g, what);
  for (int i = 0; i < n * plane; i++)
    if (i % plane < numbers)
      x[i / plane * numbers + i % plane] = all[i];
    else if (memcmp(&all[i], &fill, sizeof fill))
      g_error("%s: wrote %g %d floats behind channel %d", what, (double)all[i], i % plane - numbers + 1, i / plane);
  return x;
}

static float *
multiply(const Product *p, const Numbers *n, const char *what)
{
  const CbiganCpuKernels *k = p->table->kernels;
  g_autofree float *packed = g_new(float, p->outputs * n->inputs);
  int at = 0;
  for (int o = 0, chunk; o < p->outputs; o += chunk) {
    chunk = cbigan_cpu_chunk(k, p->outputs, p->outputs - o);
    for (int s = 0, first = 0; s < p->n_sources; first += p->channels[s++])
      for (int i = 0; i < chunk * cbigan_cpu_cells(k, p->channels[s]); i++) {
        const float *row = n->weights + (o + i % chunk) * n->inputs + first;
        int c = i / chunk * (1 + k->bf16);
        packed[at++] = k->bf16 ? cbigan_cpu_cell(row[c], c + 1 < p->channels[s] ? row[c + 1] : 0.0f) : row[c];
      }
  }
  Guarded weights = guarded_floats((gsize)at, packed, NAN);
  Guarded bias = guarded_floats((gsize)p->outputs, n->bias, NAN), x[2];
  CbiganCpuSource sources[2];
  for (int s = 0; s < p->n_sources; s++) { /* planes of their own */
    int plane = n->numbers + (2 - s) * GAP;
    x[s] = planes_new(p->channels[s], n->numbers, plane, n->x[s], NAN);
    sources[s] = (CbiganCpuSource){ x[s].data, (gsize)plane, p->channels[s] };
  }
  int plane = n->numbers + 3 * GAP;
  Guarded out = planes_new(p->outputs, n->numbers, plane, p->accumulate ? n->y : NULL, SENTINEL);
  const CbiganCpuMatrix matrix = { p->outputs, weights.data, p->bias ? bias.data : NULL, p->slope };
  k->multiply(&matrix, sources, p->n_sources, p->columns, p->accumulate, out.data, (gsize)plane);
  g_free(guarded_finish(&weights, what));
  g_free(guarded_finish(&bias, what));
  for (int s = 0; s < p->n_sources; s++)
    g_free(planes_finish(&x[s], p->channels[s], n->numbers, n->numbers + (2 - s) * GAP, what));
  return planes_finish(&out, p->outputs, n->numbers, plane, what);
}

static void
check_multiply(const Product *p, float *worst)
{
  g_autofree char *what =
      g_strdup_printf("%s multiply (%d + %d) -> %d, %d columns%s%s slope %g, %s data", p->table->path, p->channels[0],
                      p->n_sources > 1 ? p->channels[1] : 0, p->outputs, p->columns, p->accumulate ? " accumulate" : "",
                      p->bias ? " bias" : "", (double)p->slope, data_names[p->data]);
  Numbers n = numbers_new(p);
  int size = p->outputs * n.numbers;
  g_autofree float *want = g_new(float, size), *tolerance = g_new(float, size);
  multiply_truth(p, &n, want, tolerance);
  g_autofree float *have = multiply(p, &n, what);
  expect_close(what, (CbiganShape){ p->outputs, 1, n.numbers }, 1, have, want, tolerance);
  for (int i = 0; i < size; i++)
    if (isfinite(want[i]) && tolerance[i] > 1e-30f)
      *worst = fmaxf(*worst, fabsf(have[i] - want[i]) / tolerance[i] * SUM_ROUNDING);
  numbers_clear(&n);
}

/* Every number of columns; channels, bias and data by chance, the same in every run */
static void
test_multiply(gconstpointer data)
{
  const TableRow *row = data;
  const int outputs = ((const NumberRow *)row->row)->number;
  g_autoptr(GRand) rand = g_rand_new_with_seed((guint32)outputs);
  float worst = 0;
  for (int columns = 1; columns <= 17; columns++) {
    Product p = { .table = row->table, .outputs = outputs, .columns = columns, .seed = (guint32)columns };
    p.n_sources = g_rand_int_range(rand, 1, 3);
    p.channels[0] = g_rand_int_range(rand, 1, columns % 5 ? 20 : 200);
    p.channels[1] = g_rand_int_range(rand, 1, 20);
    p.accumulate = g_rand_boolean(rand);
    p.bias = g_rand_boolean(rand);
    p.slope = g_rand_boolean(rand) ? 1 : CBIGAN_LEAKY_SLOPE;
    p.data = g_rand_boolean(rand) ? DATA_RANDOM : (DataKind)g_rand_int_range(rand, 0, N_DATA);
    check_multiply(&p, &worst);
  }
  g_test_message("worst error %.2g of sum |w x|, tolerance %.2g", (double)worst, (double)SUM_ROUNDING);
}

/* --- upsample, avgpool ------------------------------------------------------------------------------------------ */

#define MEAN_ROUNDING 4e-7f /* of the same mean of absolute values: four roundings */

typedef struct {
  const KernelTable *table;
  CbiganShape in;
  int segments;
  gboolean ring;
  DataKind data;
  guint32 seed;
} Resample;

static int
samples(const Resample *r)
{
  return r->segments ? 1 : r->table->kernels->lanes;
}

static Tensor
tensor_avgpool(const Tensor *x)
{
  CbiganShape s = x->shape;
  Tensor y = tensor_new(x->n, (CbiganShape){ s.c, s.h / 2, s.w / 2 });
  for (int i = 0; i < s.c * (s.h / 2); i++) {
    int c = i / (s.h / 2), row = i % (s.h / 2);
    const double *a = tensor_row(x, c, 2 * row), *b = tensor_row(x, c, 2 * row + 1);
    for (int k = 0; k < s.w / 2 * x->n; k++) {
      int left = k / x->n * 2 * x->n + k % x->n, right = left + x->n;
      tensor_row(&y, c, row)[k] = (a[left] + a[right] + b[left] + b[right]) / 4;
    }
  }
  return y;
}

static float *
upsample(const Resample *r, const float *x, const char *what)
{
  CbiganShape in = r->in, out = { in.c, 2 * in.h, 2 * in.w };
  LaneMap from = lane_map_new(r->table->kernels, r->segments, in, r->ring ? MIN(2, in.h) : in.h, NAN);
  LaneMap to = lane_map_new(r->table->kernels, r->segments, out, out.h, SENTINEL);
  float *y = g_new(float, (gsize)samples(r) * cbigan_shape_size(out));
  for (int row = 0; row < out.h; row++) {
    int first = MAX((row - 1) / 2, 0); /* it reads this one and the next */
    lane_map_put(&from, samples(r), x, first, MIN(first + 2, in.h));
    r->table->kernels->upsample(&from.map, row, cbigan_map_row(&to.map, row), to.map.plane);
  }
  lane_map_get(&to, y, 0, out.h);
  lane_map_finish(&from, what);
  lane_map_finish(&to, what);
  return y;
}

static float *
avgpool(const Resample *r, const float *x, const char *what)
{
  CbiganShape in = r->in, out = { in.c, in.h / 2, in.w / 2 };
  LaneMap from = lane_map_new(r->table->kernels, r->segments, in, in.h, NAN);
  LaneMap to = lane_map_new(r->table->kernels, r->segments, out, out.h, SENTINEL);
  float *y = g_new(float, (gsize)samples(r) * cbigan_shape_size(out));
  lane_map_put(&from, samples(r), x, 0, in.h);
  for (int row = 0; row < out.h; row++)
    r->table->kernels->avgpool(cbigan_map_row(&from.map, 2 * row), cbigan_map_row(&from.map, 2 * row + 1),
                               from.map.plane, in.c, to.map.w, cbigan_map_row(&to.map, row), to.map.plane);
  lane_map_get(&to, y, 0, out.h);
  lane_map_finish(&from, what);
  lane_map_finish(&to, what);
  return y;
}

static void
check_resample(const Resample *r, const char *name, float *(*run)(const Resample *, const float *, const char *),
               Tensor (*truth_of)(const Tensor *))
{
  int n = samples(r);
  gsize size = (gsize)n * cbigan_shape_size(r->in);
  g_autofree char *what = g_strdup_printf("%s %s (%d,%d,%d), %d segments%s, %s data", r->table->path, name, r->in.c,
                                          r->in.h, r->in.w, r->segments, r->ring ? " ring" : "", data_names[r->data]);
  g_autofree float *x = data_new(r->data, size, r->seed), *absolute = data_absolute(x, size);
  Tensor given = tensor_from(n, r->in, x), sizes = tensor_from(n, r->in, absolute);
  Tensor truth = truth_of(&given), bounds = truth_of(&sizes);
  g_autofree float *want = tensor_to_host(&truth), *tolerance = tensor_to_host(&bounds), *have = run(r, x, what);
  for (gsize i = 0; i < (gsize)n * cbigan_shape_size(truth.shape); i++)
    tolerance[i] = MEAN_ROUNDING * tolerance[i] + 4 * DENORMAL;
  expect_close(what, truth.shape, n, have, want, tolerance);
  g_free(given.data);
  g_free(sizes.data);
  g_free(truth.data);
  g_free(bounds.data);
}

static void
check_resamples(gconstpointer table, const char *name, float *(*run)(const Resample *, const float *, const char *),
                Tensor (*truth_of)(const Tensor *), int unit)
{
  static const struct {
    int c, h, w;
  } sizes[] = { { 1, 1, 1 }, { 3, 2, 1 }, { 1, 3, 2 }, { 2, 4, 4 }, { 5, 7, 5 }, { 17, 2, 3 }, { 3, 64, 8 } };
  const KernelTable *t = table;
  for (int i = 0; i < 4 * N_DATA * (int)G_N_ELEMENTS(sizes); i++) {
    Resample r = { .table = t,
                   .segments = i % 2 ? t->kernels->segments - i / 4 % 2 : 0, /* all, or all but one */
                   .ring = i / 2 % 2,
                   .data = (DataKind)(i / 4 % N_DATA),
                   .seed = (guint32)i };
    int k = i / 4 / N_DATA;
    r.in = (CbiganShape){ sizes[k].c, unit * sizes[k].h, unit * sizes[k].w * MAX(r.segments, 1) };
    if (!r.segments || t->segments)
      check_resample(&r, name, run, truth_of);
  }
}

static void
test_upsample(gconstpointer table)
{
  check_resamples(table, "upsample", upsample, tensor_upsample, 1);
}

static void
test_avgpool(gconstpointer table)
{
  check_resamples(table, "avgpool", avgpool, tensor_avgpool, 2);
}

/* --- tanh ------------------------------------------------------------------------------------------------------- */

#define TANH_ULP 12 /* the worst found is 5.9, without fused multiply-add */
/* Its odd polynomial starts with 0.0049 x: where that is denormal, the last bits are lost. */
#define TANH_DENORMAL (DENORMAL / 0.0049f)

static void
test_tanh(gconstpointer table)
{
  enum { CHANNELS = 2, COLUMNS = 4095 };
  const CbiganCpuKernels *k = kernels_of(table);
  int numbers = COLUMNS * k->lanes, plane = numbers + GAP;
  g_autofree float *x = g_new(float, CHANNELS *numbers);
  for (int i = 0; i < numbers; i++) {
    guint32 bits = (guint32)((guint64)i * G_MAXUINT32 / (guint64)(numbers - 1)); /* floats of every size and kind */
    memcpy(&x[i], &bits, sizeof bits);
    x[numbers + i] = -10 + 20 * (float)i / (float)(numbers - 1);
  }
  static const float special[] = { 0.0f, -0.0f, INFINITY, -INFINITY, NAN, 7.9053f, 7.9054f, G_MAXFLOAT, 1e-45f };
  memcpy(x + 5, special, sizeof special);
  Guarded row = planes_new(CHANNELS, numbers, plane, x, SENTINEL);
  k->tanh(row.data, (gsize)plane, CHANNELS, COLUMNS);
  g_autofree float *y = planes_finish(&row, CHANNELS, numbers, plane, "tanh");
  double worst = 0;
  for (int i = 0; i < CHANNELS * numbers; i++) {
    double want = tanh((double)x[i]), ulp = ldexp(1, MAX(ilogb(want), -126) - 23);
    double error = fabs((double)y[i] - want);
    if (isnan(x[i]) ? !isnan(y[i]) : !(error <= TANH_ULP * ulp + (double)TANH_DENORMAL) || fabsf(y[i]) > 1)
      g_error("%s tanh(%.9g) is %.9g, reference %.9g, tolerance %d units in the last place",
              ((const KernelTable *)table)->path, (double)x[i], (double)y[i], want, TANH_ULP);
    if (fabsf(x[i]) > 1e-35f)
      worst = fmax(worst, error / ulp);
  }
  g_test_message("worst error %.2g units in the last place, tolerance %d", worst, TANH_ULP);
}

/* --- transpose -------------------------------------------------------------------------------------------------- */

/* What is outside ends an allocation, for the address sanitizer, or has a sentinel. */
static void
check_transpose(const CbiganCpuKernels *k, int n, int lanes, gsize stride, gboolean in)
{
  int width = k->lanes;
  gsize size = (gsize)(lanes - 1) * stride + (gsize)n;
  g_autofree char *what = g_strdup_printf("transpose %s, %d numbers of %d samples, %" G_GSIZE_FORMAT " apart",
                                          in ? "in" : "out", n, lanes, stride);
  g_autofree float *x = data_new(DATA_NAN, size, 1), *memory = data_new(DATA_NAN, (gsize)(n * width), 2);
  Guarded columns = guarded_floats((gsize)(n * width), memory, SENTINEL);
  g_autofree float **pointers = g_new(float *, n);
  for (int i = 0; i < n; i++) /* not in the order in which they lie */
    pointers[i] = columns.data + (n - 1 - i) * width;
  g_autofree float *samples = g_memdup2(x, size * sizeof(float));
  k->transpose(samples, stride, lanes, pointers, n, in);
  g_autofree float *have = guarded_finish(&columns, what);
  if (in ? memcmp(samples, x, size * sizeof(float)) : memcmp(have, memory, (gsize)(n * width) * sizeof(float)))
    g_error("%s: wrote what it reads", what);
  for (int i = 0; i < n * width; i++) {
    int number = n - 1 - i / width, lane = i % width;
    gsize at = (gsize)lane * stride + (gsize)number;
    if (lane < lanes && memcmp(&have[i], &samples[at], sizeof(float)))
      g_error("%s: number %d of sample %d is %g, should be %g", what, number, lane,
              (double)(in ? have[i] : samples[at]), (double)(in ? samples[at] : have[i]));
  }
  for (gsize i = 0; i < size; i++) /* between the samples */
    if (i % stride >= (gsize)n && memcmp(&samples[i], &x[i], sizeof(float)))
      g_error("%s: wrote %zu floats behind sample %zu", what, i % stride - (gsize)n + 1, i / stride);
}

static void
test_transpose(gconstpointer table)
{
  const CbiganCpuKernels *k = kernels_of(table);
  for (int n = 1; n <= 3 * k->lanes + 3; n++)
    for (int i = 0; i < 4 * k->lanes; i++)
      check_transpose(k, n, i / 4 + 1, (gsize)(n + (i % 2 ? 0 : 7)), i / 2 % 2);
}

/* --- fp32 or bf16 ----------------------------------------------------------------------------------------------- */

static gboolean
yes(void)
{
  return TRUE;
}

static gboolean
no(void)
{
  return FALSE;
}

/* precision=auto takes bf16 where the processor does it at the full rate, and from c = 8 to the widest own kernels. */
static void
test_bf16_choice(void)
{
  const struct {
    CbiganCpuIsa isa;
    int width;
    gboolean wanted;
  } rows[] = { { { .bf16 = TRUE, .bf16_at_full_rate = yes, .widest = 32 }, 8, TRUE },
               { { .bf16 = TRUE, .bf16_at_full_rate = yes, .widest = 32 }, 32, TRUE },
               { { .bf16 = TRUE, .bf16_at_full_rate = yes, .widest = 32 }, 7, FALSE },
               { { .bf16 = TRUE, .bf16_at_full_rate = yes, .widest = 32 }, 33, FALSE },
               { { .bf16 = TRUE, .bf16_at_full_rate = no, .widest = 32 }, 16, FALSE },
               { { .bf16 = TRUE, .widest = 32 }, 16, FALSE },
               { { .bf16_at_full_rate = yes, .widest = 32 }, 16, FALSE } };
  for (guint i = 0; i < G_N_ELEMENTS(rows); i++)
    g_assert_cmpint(cbigan_cpu_prefers_bf16(&rows[i].isa, rows[i].width), ==, rows[i].wanted);
  g_assert_false(cbigan_cpu_prefers_bf16(NULL, 16));
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  /* chunks of four and eight outputs, full, with every rest, and several; more than registers hold */
  static const int quick[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 15, 16, 17, 24, 25, 31, 33, 48, 64, 100, 127, 256 };
  add_numbers_for_tables("multiply", MOST_NUMBERS, quick, G_N_ELEMENTS(quick), test_multiply);
  if (!g_test_slow()) {
    g_test_add_func("/bf16-choice", test_bf16_choice);
    add_for_tables("upsample", test_upsample);
    add_for_tables("avgpool", test_avgpool);
    add_for_tables("tanh", test_tanh);
    add_for_tables("transpose", test_transpose);
  }
  int status = g_test_run();
  free_tables();
  return status;
}
