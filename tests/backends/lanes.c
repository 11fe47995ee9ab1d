/* lanes.c - tables of kernels to test, maps of samples in their lanes, and plain C truth in double precision
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "lanes.h"

#include <math.h>
#include <string.h>

/* simd_patches.c as for AVX-512, compiled for any processor: see meson.build */
extern const CbiganCpuKernels cbigan_test_wide_vectors, cbigan_test_wide_bf16;

/* --- tables ----------------------------------------------------------------------------------------------------- */

static GPtrArray *tables; /* of KernelTable */

static void
add_table(char *path, const CbiganCpuKernels *kernels)
{
  KernelTable *table = g_new(KernelTable, 1);
  *table = (KernelTable){ path, kernels, kernels && kernels->segments == kernels->lanes };
  g_ptr_array_add(tables, table);
}

static void
find_tables(void)
{
  g_auto(GStrv) names = isa_names();
  tables = g_ptr_array_new();
  for (guint i = 0; names[i]; i++) {
    const CbiganCpuIsa *isa = isa_find(names[i]);
    if (!isa || isa->many != isa->few)
      add_table(g_strdup_printf("/%s/many", names[i]), isa ? isa->many : NULL);
    add_table(g_strdup_printf("/%s/few", names[i]), isa ? isa->few : NULL);
    if (!isa || isa->bf16_many != isa->bf16_few)
      add_table(g_strdup_printf("/%s/bf16-many", names[i]), isa ? isa->bf16_many : NULL);
    add_table(g_strdup_printf("/%s/bf16-few", names[i]), isa ? isa->bf16_few : NULL);
  }
#ifdef HAVE_WIDE_VECTORS
  add_table(g_strdup("/wide-vectors"), &cbigan_test_wide_vectors);
  add_table(g_strdup("/wide-vectors/bf16"), &cbigan_test_wide_bf16);
#endif
}

float
rounded_for(const CbiganCpuKernels *kernels, float x)
{
  guint32 bits;
  float rounded;
  if (!kernels->bf16 || isnan(x))
    return x;
  bits = cbigan_cpu_bf16(x) << 16;
  memcpy(&rounded, &bits, sizeof rounded);
  return rounded;
}

void
add_for_tables(const char *test, GTestDataFunc function)
{
  if (!tables)
    find_tables();
  for (guint i = 0; i < tables->len; i++) {
    const KernelTable *table = g_ptr_array_index(tables, i);
    g_autofree char *path = g_strdup_printf("%s/%s", table->path, test);
    g_test_add_data_func(path, table, table->kernels ? function : isa_skip);
  }
}

void
add_rows_for_tables(const char *test, gconstpointer rows, gsize n, gsize size, GTestDataFunc function)
{
  if (!tables)
    find_tables();
  for (guint i = 0; i < tables->len; i++)
    for (gsize k = 0; k < n; k++) {
      const KernelTable *table = g_ptr_array_index(tables, i);
      const RowHead *row = (const RowHead *)((const char *)rows + k * size);
      if (row->slow != g_test_slow())
        continue;
      g_autofree char *path = g_strdup_printf("%s/%s/%s", table->path, test, row->name);
      g_test_add_data_func_full(path, g_memdup2(&(TableRow){ table, row }, sizeof(TableRow)),
                                table->kernels ? function : isa_skip, g_free);
    }
}

void
add_numbers_for_tables(const char *test, int most, const int *quick, gsize n_quick, GTestDataFunc function)
{
  static NumberRow rows[MOST_NUMBERS];
  static char names[MOST_NUMBERS][4];
  for (int i = 0; i < most; i++) {
    g_snprintf(names[i], sizeof names[i], "%d", i + 1);
    rows[i] = (NumberRow){ names[i], TRUE, i + 1 };
  }
  for (gsize i = 0; i < n_quick; i++)
    rows[quick[i] - 1].slow = FALSE;
  add_rows_for_tables(test, rows, (gsize)most, sizeof *rows, function);
}

void
free_tables(void)
{
  for (guint i = 0; i < tables->len; i++) {
    KernelTable *table = g_ptr_array_index(tables, i);
    g_free(table->path);
    g_free(table);
  }
  g_clear_pointer(&tables, g_ptr_array_unref);
}

Guarded
guarded_floats(gsize n, const float *x, float fill)
{
  static CbiganBackend reference = { .klass = &cbigan_backend_reference, .threads = 1 };
  return guarded_new(&reference, (CbiganShape){ (int)n, 1, 1 }, 1, x, fill);
}

/* --- maps ------------------------------------------------------------------------------------------------------- */

gsize
lane_map_floats(const LaneMap *m)
{
  return (gsize)(m->map.rows * m->map.c) * m->map.plane;
}

LaneMap
lane_map_new(const CbiganCpuKernels *kernels, int segments, CbiganShape shape, int rows, float fill)
{
  LaneMap m = { .kernels = kernels, .samples = segments ? 1 : kernels->lanes, .fill = fill };
  int w = segments ? shape.w / segments : shape.w;
  m.map = (CbiganCpuMap){ NULL, shape.c, shape.h, w, rows, segments, cbigan_map_plane(w, kernels->lanes) };
  m.memory = guarded_floats(lane_map_floats(&m), NULL, fill);
  m.map.data = m.memory.data;
  return m;
}

/* Row y of one channel and sample: column x of the picture is float lane_of(x) of it. */
static gsize
lane_of(const LaneMap *m, int sample, int x)
{
  const CbiganCpuMap *map = &m->map;
  int lane = map->segments ? x / map->w : sample;
  return (gsize)(x % map->w * m->kernels->lanes + lane);
}

static int
full_width(const LaneMap *m)
{
  return m->map.segments ? m->map.w * m->map.segments : m->map.w;
}

void
lane_map_put(LaneMap *m, int n, const float *host, int first, int end)
{
  int w = full_width(m);
  for (int s = 0; s < m->samples; s++)
    for (int c = 0; c < m->map.c; c++)
      for (int y = first; y < end; y++) {
        float *row = cbigan_map_row(&m->map, y) + (gsize)c * m->map.plane;
        const float *from = host + ((gsize)(s % n * m->map.c + c) * (gsize)m->map.h + (gsize)y) * (gsize)w;
        for (int x = 0; x < w; x++)
          row[lane_of(m, s, x)] = from[x];
      }
}

void
lane_map_get(const LaneMap *m, float *host, int first, int end)
{
  int w = full_width(m);
  for (int s = 0; s < m->samples; s++)
    for (int c = 0; c < m->map.c; c++)
      for (int y = first; y < end; y++) {
        const float *row = cbigan_map_row(&m->map, y) + (gsize)c * m->map.plane;
        float *to = host + ((gsize)(s * m->map.c + c) * (gsize)m->map.h + (gsize)y) * (gsize)w;
        for (int x = 0; x < w; x++)
          to[x] = row[lane_of(m, s, x)];
      }
}

void
lane_map_finish(LaneMap *m, const char *what)
{
  gsize used = (gsize)(m->map.w * m->kernels->lanes);
  g_autofree float *all = guarded_finish(&m->memory, what);
  for (int i = 0; i < m->map.rows * m->map.c; i++)
    for (gsize k = used; k < m->map.plane; k++)
      if (memcmp(&all[(gsize)i * m->map.plane + k], &m->fill, sizeof(float)))
        g_error("%s: wrote %g %" G_GSIZE_FORMAT " floats behind row %d of channel %d", what,
                (double)all[(gsize)i * m->map.plane + k], k - used + 1, i / m->map.c, i % m->map.c);
}

/* --- truth ------------------------------------------------------------------------------------------------------ */

Tensor
tensor_new(int n, CbiganShape s)
{
  return (Tensor){ n, s, g_new0(double, (gsize)n *(gsize)s.c *(gsize)((s.h + 2) * (s.w + 2))) };
}

double *
tensor_row(const Tensor *t, int c, int y)
{
  return t->data + (gsize)(((c * (t->shape.h + 2) + y + 1) * (t->shape.w + 2) + 1) * t->n);
}

/* Between a tensor and numbers on the host */
static void
copy(const Tensor *t, const float *from, float *to)
{
  CbiganShape s = t->shape;
  for (int i = 0; i < t->n * s.c * s.h; i++) {
    double *row = tensor_row(t, i / s.h % s.c, i % s.h) + i / s.h / s.c;
    for (int x = 0; x < s.w; x++)
      if (from)
        row[x * t->n] = (double)from[i * s.w + x];
      else
        to[i * s.w + x] = (float)row[x * t->n];
  }
}

Tensor
tensor_from(int n, CbiganShape shape, const float *host)
{
  Tensor t = tensor_new(n, shape);
  copy(&t, host, NULL);
  return t;
}

float *
tensor_to_host(const Tensor *t)
{
  float *host = g_new(float, (gsize)t->n *cbigan_shape_size(t->shape));
  copy(t, NULL, host);
  return host;
}

/* Output centre i lies at (i + 0.5) / 2 - 0.5 of the input. */
static void
neighbours(int i, int size, int *near, int *far)
{
  *near = i / 2;
  *far = CLAMP(i % 2 ? *near + 1 : *near - 1, 0, size - 1);
}

Tensor
tensor_upsample(const Tensor *x)
{
  CbiganShape s = x->shape;
  Tensor y = tensor_new(x->n, (CbiganShape){ s.c, 2 * s.h, 2 * s.w });
  for (int i = 0; i < s.c * 2 * s.h; i++) {
    int c = i / (2 * s.h), r = i % (2 * s.h), near, far, left, right;
    neighbours(r, s.h, &near, &far);
    const double *a = tensor_row(x, c, near), *b = tensor_row(x, c, far);
    double *out = tensor_row(&y, c, r);
    for (int k = 0; k < 2 * s.w * x->n; k++) {
      neighbours(k / x->n, s.w, &left, &right);
      int p = left * x->n + k % x->n, q = right * x->n + k % x->n;
      out[k] = 0.75 * (0.75 * a[p] + 0.25 * a[q]) + 0.25 * (0.75 * b[p] + 0.25 * b[q]);
    }
  }
  return y;
}

double
leaky_double(double x, double slope)
{
  return x > 0 ? x : slope * x; /* NaN stays */
}

/* Not what is tested, and with the sanitizers' checks most of its time. */
__attribute__((no_sanitize("address", "undefined"))) static void
add_scaled(int n, double weight, const double *restrict x, double *restrict y)
{
  for (int i = 0; i < n; i++)
    y[i] += weight * x[i];
}

Tensor
tensor_conv3(const Tensor *x, int outputs, const float *weights, double slope)
{
  CbiganShape s = x->shape;
  Tensor y = tensor_new(x->n, (CbiganShape){ outputs, s.h, s.w });
  int size = s.w * x->n;
  for (int o = 0; o < outputs; o++)
    for (int r = 0; r < s.h; r++) {
      double *out = tensor_row(&y, o, r);
      for (int i = 0; i < s.c; i++)
        for (int tap = 0; tap < 9; tap++) {
          const double *in = tensor_row(x, i, r + tap / 3 - 1) + (tap % 3 - 1) * x->n;
          add_scaled(size, (double)weights[(o * s.c + i) * 9 + tap], in, out);
        }
      for (int k = 0; k < size; k++)
        out[k] = leaky_double(out[k], slope);
    }
  return y;
}
