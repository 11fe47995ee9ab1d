/* test_fused.c - fused layers of the cpu backend against layers one by one
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * For every instruction set, with its kernels for many patches, for few, for segments of a patch and for deep layers,
 * whatever is faster. Narrow networks are held to the reference; wide ones, where that would take minutes, to the cpu
 * backend's single operations, which test_layers.c holds to the reference, and are tests of their own (-m slow), as
 * they take too long under the sanitizers. Inputs lie between NaN, outputs between sentinels.
 */
#include <math.h>
#include <string.h>

#include "cbigan.h"
#include "isas.h"
#include "network_runs.h"
#include "harness.h"

/* Of the largest number of a value. The worst that these tests find (each prints its own) is 8.5e-6, behind the twelve
 * 3x3 convolutions of a wide G. */
#define TOLERANCE 2.5e-5f
#define BF16_TOLERANCE 0.2f /* worst 0.09: random weights, and noise for pictures */
extern const CbiganCpuKernels cbigan_test_wide_vectors, cbigan_test_wide_bf16;
extern const CbiganCpuChannels cbigan_test_wide_channels;

#define REFERENCE_PIXELS 400 /* width * side of a patch: up to here the reference is quick enough */

static void
check(const CbiganCpuIsa *isa, const Case *c, const CbiganNetwork *network, float worst[2])
{
  gboolean narrow = c->width * c->patch <= REFERENCE_PIXELS;
  Pass want = pass_new(narrow ? "reference" : "cpu", NULL, 0, network, c, BY_LAYER);
  pass_run(&want, c, FALSE);
  for (int mode = 0; mode < N_MODES; mode++) {
    if ((mode == MANY && isa->many == isa->few) || (mode == BF16_MANY && isa->bf16_many == isa->bf16_few))
      continue;
    Pass have = fused_pass(isa, (Mode)mode, 0, network, c);
    gboolean bf16 = mode_bf16((Mode)mode);
    compare_passes(isa->name, mode_names[mode], c, &have, &want, bf16 ? BF16_TOLERANCE : TOLERANCE, &worst[bf16]);
    pass_clear(&have);
  }
  pass_clear(&want);
}

/* --- tests ------------------------------------------------------------------------------------------------------ */

static void
say_worst(const float worst[2])
{
  g_test_message("worst error %.2g of a value's largest number, tolerance %.2g; in bf16 %.2g, %.2g", (double)worst[0],
                 (double)TOLERANCE, (double)worst[1], (double)BF16_TOLERANCE);
}

typedef struct {
  const char *name;
  gboolean slow;
  int width, patch;
} Width;

/* Quick are widths of one channel, a rest, one and two chunks of channels, and one that is held to single operations.
 */
static const Width widths[] = {
  { "1", FALSE, 1, 64 },
  { "2", TRUE, 2, 64 },
  { "3", FALSE, 3, 64 },
  { "4", FALSE, 4, 64 },
  { "5", TRUE, 5, 64 },
  { "6", TRUE, 6, 64 },
  { "7", TRUE, 7, 64 },
  { "8", FALSE, 8, 64 },
  { "12", FALSE, 12, 64 },
  { "16", TRUE, 16, 64 },
  { "19", TRUE, 19, 64 },
  { "24", TRUE, 24, 64 },
  { "32", TRUE, 32, 64 },
  { "37", TRUE, 37, 64 },
  { "1 of 128x128", TRUE, 1, 128 },
  { "3 of 128x128", FALSE, 3, 128 },
  { "5 of 128x128", TRUE, 5, 128 },
  { "16 of 128x128", TRUE, 16, 128 },
};

typedef struct {
  const CbiganCpuIsa *isa;
  const Width *width;
} WidthCase;

/* All networks of a width; batches that leave lanes empty: 29 is more than one group of any lanes. */
static void
test_width(gconstpointer data)
{
  const WidthCase *row = data;
  float worst[2] = { 0 };
  for (int kind = 0; kind < CBIGAN_N_NETWORKS; kind++) {
    Case c = { (CbiganNetworkKind)kind, row->width->width, row->width->patch, 13 };
    if (kind == CBIGAN_GENERATOR && c.patch == 64 && c.width <= 8)
      c.batch = 29;
    g_autoptr(CbiganNetwork) network = case_network(&c);
    check(row->isa, &c, network, worst);
  }
  say_worst(worst);
}

static void
add_widths(const char *name, const CbiganCpuIsa *isa)
{
  for (guint i = 0; i < G_N_ELEMENTS(widths); i++) {
    g_autofree char *path = g_strdup_printf("/%s/widths/%s", name, widths[i].name);
    if (widths[i].slow == g_test_slow())
      g_test_add_data_func_full(path, g_memdup2(&(WidthCase){ isa, &widths[i] }, sizeof(WidthCase)),
                                isa ? test_width : isa_skip, g_free);
  }
}

/* The other widths that are fused at all; the networks take turns. */
static const struct {
  CbiganNetworkKind kind;
  int widths[9]; /* 0 ends it */
} other_widths[] = {
  { CBIGAN_ENCODER, { 9, 10, 11, 18, 20, 27, 28, 29 } },
  { CBIGAN_GENERATOR, { 13, 14, 21, 22, 23, 30, 31 } },
  { CBIGAN_DISCRIMINATOR, { 15, 17, 25, 26, 33 } },
};

static void
test_other_widths(gconstpointer isa)
{
  float worst[2] = { 0 };
  for (guint i = 0; i < G_N_ELEMENTS(other_widths); i++)
    for (const int *width = other_widths[i].widths; *width; width++) {
      Case c = { other_widths[i].kind, *width, 64, 13 };
      g_autoptr(CbiganNetwork) network = case_network(&c);
      check(isa, &c, network, worst);
    }
  say_worst(worst);
}

#ifdef HAVE_WIDE_VECTORS
/* What AVX-512 gets, compiled for any processor: see meson.build. */
static void
test_wide_vectors(void)
{
  static const CbiganCpuIsa isa = {
    .name = "wide-vectors",
    .many = &cbigan_test_wide_vectors,
    .few = &cbigan_test_wide_vectors,
    .bf16_many = &cbigan_test_wide_bf16,
    .bf16_few = &cbigan_test_wide_bf16,
    .channels = { &cbigan_test_wide_channels },
    .widest = CBIGAN_MAX_WIDTH,
  };
  static const struct {
    int width, batch;
  } rows[] = { { 3, 3 }, { 5, 1 } };
  float worst[2] = { 0 };
  for (int kind = 0; kind < CBIGAN_N_NETWORKS; kind++)
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
      Case c = { (CbiganNetworkKind)kind, rows[i].width, 64, rows[i].batch };
      g_autoptr(CbiganNetwork) network = case_network(&c);
      check(&isa, &c, network, worst);
    }
  say_worst(worst);
}
#endif

/* Numbers that arithmetic goes wrong on. test_neighbours() has NaN and infinities. */
static void
test_data(gconstpointer isa_row)
{
  const CbiganCpuIsa *isa = isa_row;
  static const DataKind kinds[] = { DATA_ZERO, DATA_DENORMAL, DATA_HUGE };
  static const int data_widths[CBIGAN_N_NETWORKS] = { 3, 2, 3 };
  float worst[2] = { 0 };
  for (int kind = 0; kind < CBIGAN_N_NETWORKS; kind++)
    for (guint i = 0; i < G_N_ELEMENTS(kinds); i++) {
      Case c = { (CbiganNetworkKind)kind, data_widths[kind], 64, 13, kinds[i] };
      g_autoptr(CbiganNetwork) network = case_network(&c);
      check(isa, &c, network, worst);
    }
  say_worst(worst);
}

/* D and G as far as every layer, also to within a block; f_D "first". */
static void
test_taps(gconstpointer isa_row)
{
  const CbiganCpuIsa *isa = isa_row;
  float worst[2] = { 0 };
  for (int kind = CBIGAN_GENERATOR; kind <= CBIGAN_DISCRIMINATOR; kind++) {
    Case c = { (CbiganNetworkKind)kind, 2, 64, 5 };
    g_autoptr(CbiganNetwork) network = case_network(&c);
    for (c.n_layers = 1; c.n_layers <= network->n_layers; c.n_layers++)
      check(isa, &c, network, worst);
  }
  Case c = { CBIGAN_DISCRIMINATOR, 5, 64, 29 };
  g_autoptr(CbiganNetwork) first = cbigan_network_new_first_tap(5, 64);
  check(isa, &c, first, worst);
  say_worst(worst);
}

/* NaN in one sample: it is seen there, and no other sample's bits change. */
static void
test_neighbours(gconstpointer isa_row)
{
  const CbiganCpuIsa *isa = isa_row;
  for (int kind = 0; kind < CBIGAN_N_NETWORKS; kind++)
    for (Mode mode = 0; mode < N_MODES; mode++) {
      Case c = { (CbiganNetworkKind)kind, 3, 64, 13 };
      g_autoptr(CbiganNetwork) network = case_network(&c);
      Pass clean = fused_pass(isa, mode, 1, network, &c);
      for (c.nan_sample = 1; c.nan_sample <= c.batch; c.nan_sample += 6) { /* first, middle, last */
        Pass spoilt = fused_pass(isa, mode, 1, network, &c);
        compare_bits(isa->name, mode_names[mode], &c, &spoilt, &clean, c.nan_sample - 1);
        for (int k = 0; spoilt.values[k] >= 0; k++) {
          gsize size = cbigan_shape_size(network->values[spoilt.values[k]].shape);
          g_assert_true(isnan(spoilt.out[k][(gsize)(c.nan_sample - 1) * size]));
        }
        pass_clear(&spoilt);
      }
      pass_clear(&clean);
    }
}

/* plan: may be NULL */
static gboolean
is_fused(const CbiganPlan *plan)
{
  return plan && ((const CbiganCpuPlan *)plan)->run != cbigan_cpu_layer_run;
}

/* Each fused part makes the same bits from the same inputs, however many threads share its groups of samples. Single
 * operations need not. */
static void
check_threads(const CbiganCpuIsa *isa, Mode mode, const Case *c, int threads)
{
  g_autoptr(CbiganNetwork) network = case_network(c);
  Pass one = pass_new("cpu", isa, 1, network, c, BY_LAYER);
  Pass several = pass_new("cpu", isa, threads, network, c, BY_LAYER);
  pass_fuse(&one, isa, mode);
  pass_fuse(&several, isa, mode);
  pass_run(&one, c, FALSE);
  float **from = one.forward->values, **to = several.forward->values;
  for (int i = 0; i < network->n_layers; i++) {
    CbiganPlan *plan = several.forward->plans[i];
    if (!is_fused(plan))
      continue;
    for (const int *v = plan->inputs; *v >= 0; v++)
      memcpy(to[*v], from[*v], (gsize)c->batch * cbigan_shape_size(network->values[*v].shape) * sizeof(float));
    cbigan_backend_run(several.backend, plan, to);
    for (const int *v = plan->outputs; *v >= 0; v++)
      if (memcmp(to[*v], from[*v], (gsize)c->batch * cbigan_shape_size(network->values[*v].shape) * sizeof(float)))
        g_error("%s %s %s, batch %d: other bits with %d threads than with one", isa->name, mode_names[mode],
                network->values[*v].name, c->batch, threads);
  }
  pass_clear(&one);
  pass_clear(&several);
}

static void
test_threads(gconstpointer isa)
{
  static const int threads[] = { 2, 3, 5 }, batches[] = { 1, 29 };
  for (int kind = 0; kind < CBIGAN_N_NETWORKS; kind++)
    for (Mode mode = 0; mode < N_MODES; mode++)
      for (guint b = 0; b < G_N_ELEMENTS(batches); b++)
        for (guint k = 0; k < G_N_ELEMENTS(threads); k++)
          check_threads(isa, mode, &(Case){ (CbiganNetworkKind)kind, 3, 64, batches[b] }, threads[k]);
}

/* Made by the kernels of that mode; SEGMENTS: or by fused_channels.c */
static gboolean
is_of_mode(const CbiganCpuIsa *isa, const CbiganPlan *plan, Mode mode)
{
  if (((const CbiganCpuPlan *)plan)->run != cbigan_cpu_fused_run)
    return mode_segmented(mode);
  const CbiganCpuFused *lanes = (const CbiganCpuFused *)plan;
  return (lanes->segments > 0) == mode_segmented(mode) &&
         (lanes->segments || lanes->kernels == mode_kernels(isa, mode));
}

/* A pass planned FUSED gets fused layers where they are faster, by the fastest kernels, with the same bits as these. */
static void
test_choice(gconstpointer isa_row)
{
  const CbiganCpuIsa *isa = isa_row;
  int many = isa->many->lanes, few = isa->few->lanes;
  const struct {
    Planning planning;
    int width, batch, threads;
    int mode; /* N_MODES: not fused */
  } rows[] = {
    { FUSED, 3, many, 1, MANY },
    { FUSED, 3, 2 * many, 2, MANY },
    { FUSED, 3, many, 2, FEW }, /* so that both threads have lanes to fill */
    { FUSED, 3, 3 * few / 4, 1, FEW },
    { FUSED, 3, 3 * few / 4 - 1, 1, SEGMENTS },
    { FUSED, 3, few + 1, 1, SEGMENTS },
    { FUSED, 3, 1, 2, SEGMENTS },
    { FUSED, 3, isa->bf16_many->lanes, 1, BF16_MANY },
    { FUSED, 3, 3 * isa->bf16_few->lanes / 4, 1, BF16_FEW },
    { FUSED, 3, 1, 2, BF16_SEGMENTS },
    { FUSED, isa->widest, 1, 1, SEGMENTS },
    { FUSED, isa->widest + 1, 1, 1, N_MODES },
    { FUSED, isa->widest + 1, many, 1, N_MODES },
    { BY_LAYER, 3, 1, 1, N_MODES },
  };
  for (guint i = 0; i < G_N_ELEMENTS(rows) * CBIGAN_N_NETWORKS; i++) { /* every network, every row */
    guint row = i / CBIGAN_N_NETWORKS;
    Case c = { (CbiganNetworkKind)(i % CBIGAN_N_NETWORKS), rows[row].width, 64, rows[row].batch };
    if (rows[row].mode < N_MODES && mode_bf16((Mode)rows[row].mode))
      c.precision = CBIGAN_PRECISION_BF16;
    g_autoptr(CbiganNetwork) network = case_network(&c);
    Pass chosen = pass_new("cpu", isa, rows[row].threads, network, &c, rows[row].planning);
    int n_fused = 0;
    for (int k = 0; k < network->n_layers; k++) {
      const CbiganPlan *plan = chosen.forward->plans[k];
      n_fused += is_fused(plan);
      if (is_fused(plan) && (rows[row].mode == N_MODES || !is_of_mode(isa, plan, (Mode)rows[row].mode)))
        g_error("row %u: %s, c = %d, batch %d has other kernels at %s", row, isa->name, c.width, c.batch,
                network->layers[k].name);
    }
    if (!n_fused != (rows[row].mode == N_MODES))
      g_error("row %u: %s, c = %d, batch %d has %d fused parts", row, isa->name, c.width, c.batch, n_fused);
    if (n_fused) {
      pass_run(&chosen, &c, FALSE);
      Pass same = fused_pass(isa, (Mode)rows[row].mode, rows[row].threads, network, &c);
      compare_bits(isa->name, "chosen", &c, &chosen, &same, -1);
      pass_clear(&same);
    }
    pass_clear(&chosen);
  }
}

/* Inspectors, whose lanes hold all segments, or fewer, or a part of the layers has other lanes. Their maps are no
 * multiple of four rows high in some blocks. */
static void
test_inspectors(gconstpointer isa_row)
{
  static const struct {
    int w, h, of_16, of_8, of_4; /* segments of the whole network in so many lanes; 0: too few would be used */
  } sizes[] = { { 480, 48, 15, 0, 0 }, { 256, 64, 0, 8, 4 }, { 512, 32, 16, 8, 4 },
                { 448, 80, 14, 7, 4 }, { 176, 16 },          { 9216, 16 } };
  const CbiganCpuIsa *isa = isa_row;
  float worst[2] = { 0 };
  for (guint i = 0; i < 2 * G_N_ELEMENTS(sizes); i++) {
    const int size = (int)i / 2, bf16 = (int)i % 2;
    const Case plain = { CBIGAN_INSPECTOR, 3, 0, 2 },
               rounded = { CBIGAN_INSPECTOR, 3, 0, 2, .precision = CBIGAN_PRECISION_BF16 };
    const Case c = bf16 ? rounded : plain;
    g_autoptr(CbiganNetwork) network =
        cbigan_network_new_inspector(3, (CbiganShape){ 5, sizes[size].h, sizes[size].w });
    Pass have = pass_new("cpu", isa, 3, network, &c, FUSED),
         want = pass_new("reference", NULL, 1, network, &plain, BY_LAYER);
    const CbiganCpuKernels *const kernels[] = { bf16 ? isa->bf16_few : isa->few, bf16 ? isa->bf16_many : isa->many };
    int segments = 0;
    for (int k = 0; k < 2; k++) {
      const int lanes = kernels[k]->lanes;
      const int some = lanes == 16 ? sizes[size].of_16 : lanes == 8 ? sizes[size].of_8 : sizes[size].of_4;
      segments = kernels[k]->segments == lanes && some ? some : segments;
    }
    const CbiganCpuFused *plan = (const CbiganCpuFused *)have.forward->plans[0];
    g_assert_cmpint(pass_is_whole(&have), ==, segments > 0);
    if (segments)
      g_assert_cmpint(plan->segments, ==, segments);
    pass_run(&have, &c, FALSE);
    pass_run(&want, &c, FALSE);
    compare_passes(isa->name, "inspector", &c, &have, &want, bf16 ? BF16_TOLERANCE : TOLERANCE, &worst[bf16]);
    pass_clear(&have);
    pass_clear(&want);
  }
  say_worst(worst);
}

static void
test_kept_inside(gconstpointer isa_row)
{
  const CbiganCpuIsa *isa = isa_row;
  check_kept_inside("cpu", isa, isa->few->lanes, "encoder.block1.conv0", TOLERANCE);
}

/* CBIGAN_ISA: each name means itself, or the best below it; others are an error that says which there are. */
static void
test_names(void)
{
  static const char *const wrong[] = { "sse9", "AVX2", "avx2 " };
  g_auto(GStrv) names = isa_names();
  const CbiganCpuIsa *best = NULL, *first = NULL, *isa;
  g_unsetenv("CBIGAN_ISA");
  g_assert_true(cbigan_cpu_choose_isa(&best, NULL));
  g_setenv("CBIGAN_ISA", "", TRUE);
  g_assert_true(cbigan_cpu_choose_isa(&isa, NULL));
  g_assert_true(isa == best);
  for (int i = (int)g_strv_length(names) - 1; i >= 0; i--) {
    const CbiganCpuIsa *below = first;
    g_setenv("CBIGAN_ISA", names[i], TRUE);
    g_assert_true(cbigan_cpu_choose_isa(&isa, NULL));
    g_assert_nonnull(isa); /* the last one works everywhere */
    g_assert_true(isa == below || g_str_equal(isa->name, names[i]));
    g_assert_true(isa->supported());
    first = isa;
  }
  g_assert_true(best && best == first);
  for (guint i = 0; i < G_N_ELEMENTS(wrong); i++) {
    g_autoptr(GError) error = NULL;
    g_autofree char *quoted = g_strdup_printf("“%s”", wrong[i]);
    g_setenv("CBIGAN_ISA", wrong[i], TRUE);
    g_assert_false(cbigan_cpu_choose_isa(&isa, &error));
    expect_error(error, CBIGAN_ERROR_BACKEND, quoted);
    g_assert_nonnull(strstr(error->message, "none"));
    for (guint k = 0; names[k]; k++)
      g_assert_nonnull(strstr(error->message, names[k]));
  }
}

/* A backend opens with what CBIGAN_ISA says, or not at all; with "none" nothing is fused. */
static void
test_environment(void)
{
  g_autoptr(GError) error = NULL;
  g_setenv("CBIGAN_ISA", "none", TRUE);
  g_autoptr(CbiganBackend) none = open_backend(&(CbiganBackendOptions){ .name = "cpu", .threads = 1 });
  g_assert_null(((CbiganCpu *)none)->isa);
  g_setenv("CBIGAN_ISA", "reference", TRUE);
  g_autoptr(CbiganBackend) plain = open_backend(&(CbiganBackendOptions){ .name = "cpu", .threads = 1 });
  g_assert_cmpstr(((CbiganCpu *)plain)->isa->name, ==, "reference");
  g_setenv("CBIGAN_ISA", "sse9", TRUE);
  g_assert_null(cbigan_backend_open(&(CbiganBackendOptions){ .name = "cpu", .threads = 1 }, &error));
  g_assert_error(error, CBIGAN_ERROR, CBIGAN_ERROR_BACKEND);
  g_unsetenv("CBIGAN_ISA");
}

/* Without an instruction set nothing is fused. */
static void
test_none(void)
{
  Case c = { CBIGAN_ENCODER, 3, 64, 16 };
  g_autoptr(CbiganNetwork) network = case_network(&c);
  Pass none = pass_new("cpu", NULL, 1, network, &c, FUSED);
  for (int i = 0; i < network->n_layers; i++)
    g_assert_false(is_fused(none.forward->plans[i]));
  pass_clear(&none);
}

int
main(int argc, char **argv)
{
  static const struct {
    const char *name;
    GTestDataFunc run;
    gboolean slow;
  } tests[] = {
    { "data", test_data },
    { "taps", test_taps },
    { "neighbours", test_neighbours },
    { "threads", test_threads },
    { "choice", test_choice },
    { "inspectors", test_inspectors },
    { "kept-inside", test_kept_inside },
    { "other-widths", test_other_widths, TRUE },
  };
  g_auto(GStrv) names = isa_names();
  g_test_init(&argc, &argv, NULL);
  if (!g_test_slow()) {
    g_test_add_func("/names", test_names);
    g_test_add_func("/environment", test_environment);
    g_test_add_func("/none", test_none);
#ifdef HAVE_WIDE_VECTORS
    g_test_add_func("/wide-vectors", test_wide_vectors);
#endif
  }
  for (guint i = 0; names[i]; i++) {
    const CbiganCpuIsa *isa = isa_find(names[i]);
    add_widths(names[i], isa);
    for (guint k = 0; k < G_N_ELEMENTS(tests); k++) {
      g_autofree char *path = g_strdup_printf("/%s/%s", names[i], tests[k].name);
      if (tests[k].slow == g_test_slow())
        g_test_add_data_func(path, isa, isa ? tests[k].run : isa_skip);
    }
  }
  g_unsetenv("CBIGAN_ISA");
  return g_test_run();
}
