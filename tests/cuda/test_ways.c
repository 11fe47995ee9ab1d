/* test_ways.c - ways of doing a step of fused layers that are cuDNN's: by its graphs and Winograd's algorithm
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What is emulated to be slow is not chosen, so a machine that has one fast way runs that; tests/cuda/cudnn_engines.cc
 * has the engines, good and bad. Which way was chosen is read in the backend's own list.
 */
#include <string.h>

#include "backend/cuda/fused/fused.h"
#include "cbigan.h"
#include "gpu_configs.h"
#include "network_runs.h"

#define SLOW CUDNN ",convolution=500"
/* Places of cudnn_engines.cc's list, as it shows them: for 16 bits, and for floats n,c,h,w */
enum { LOSES_NAN = 2, FIRST = 3, SECOND = 4, FIRST_FLOATS = 2, SECOND_FLOATS = 3 };

static Pass
open_on(const char *machine, const CbiganNetwork *network, const Case *c)
{
  g_setenv("CBIGAN_EMULATOR", machine, TRUE);
  return pass_new("cuda", NULL, 0, network, c, CBIGAN_FORWARD_FUSE);
}

static guint
n_choices(const Pass *p)
{
  return ((const CbiganCuda *)p->backend)->choices->len;
}

static const CbiganCudaChoice *
choice(const Pass *p, guint i)
{
  return &g_array_index(((const CbiganCuda *)p->backend)->choices, CbiganCudaChoice, i);
}

static guint
count_way(const Pass *p, CbiganCudaWay way)
{
  guint n = 0;
  for (guint i = 0; i < n_choices(p); i++)
    n += choice(p, i)->way == way;
  return n;
}

/* Whole networks of one and three channels; blocks of more: upsampled ones of up to 80, halving ones of up to 64. */
static const struct {
  CbiganNetworkKind kind;
  int width, n_layers;
} rows[] = {
  { CBIGAN_ENCODER, 1, 0 },        { CBIGAN_GENERATOR, 1, 0 },      { CBIGAN_DISCRIMINATOR, 1, 0 },
  { CBIGAN_ENCODER, 3, 0 },        { CBIGAN_GENERATOR, 3, 0 },      { CBIGAN_GENERATOR, 5, 10 },
  { CBIGAN_DISCRIMINATOR, 7, 0 },  { CBIGAN_DISCRIMINATOR, 17, 5 }, { CBIGAN_DISCRIMINATOR, 33, 5 },
  { CBIGAN_DISCRIMINATOR, 64, 5 },
};

/* Against the reference, launched and as a CUDA graph; kernel: all steps of such convolutions are done so, 0: all. */
static void
check_way(const char *machine, CbiganPrecision precision, CbiganCudaWay way, int kernel)
{
  float worst = 0;
  for (guint i = 0; i < G_N_ELEMENTS(rows) && only_emulated(); i++) {
    Case c = { rows[i].kind, rows[i].width, 64, rows[i].width < 17 ? 2 : 1, DATA_RANDOM, rows[i].n_layers };
    g_autoptr(CbiganNetwork) network = case_network(&c);
    Pass want = pass_new("reference", NULL, 0, network, &c, CBIGAN_FORWARD_KEEP);
    pass_run(&want, &c, FALSE);
    c.precision = precision;
    Pass have = open_on(machine, network, &c);
    for (guint k = 0; k < n_choices(&have); k++)
      if (choice(&have, k)->problem.kernel && /* not a whole block */
          (choice(&have, k)->way == way) != (!kernel || choice(&have, k)->problem.kernel == kernel))
        g_error("%s, %s c = %d: step %u is done by way %d", machine, cbigan_network_prefix(c.kind), c.width, k,
                (int)choice(&have, k)->way);
    g_assert_cmpuint(count_way(&have, way), >, 0);
    pass_run(&have, &c, TRUE);
    compare_passes(machine, cbigan_precision_name(precision), &c, &have, &want, tolerances[precision], &worst);
    pass_clear(&have);
    pass_clear(&want);
  }
  g_test_message("%s: worst error %.2g of a value's largest number, tolerance %.2g", cbigan_precision_name(precision),
                 (double)worst, (double)tolerances[precision]);
}

static void
test_graph_fp32(void)
{
  check_way(GRAPH, CBIGAN_PRECISION_FP32, CBIGAN_CUDA_GRAPH, 0);
}

static void
test_graph_bf16(void)
{
  check_way(GRAPH, CBIGAN_PRECISION_BF16, CBIGAN_CUDA_GRAPH, 0);
}

static void
test_graph_fp16(void)
{
  check_way(GRAPH, CBIGAN_PRECISION_FP16, CBIGAN_CUDA_GRAPH, 0);
}

/* Whole blocks at once wherever they have few enough channels, in float; else never. */
static void
test_blocks(void)
{
  static const struct {
    int width;
    CbiganPrecision precision;
    guint wide; /* blocks of the six with more channels */
  } cases[] = { { 1, CBIGAN_PRECISION_FP32, 0 },
                { 3, CBIGAN_PRECISION_FP32, 1 },
                { 16, CBIGAN_PRECISION_FP32, 4 },
                { 3, CBIGAN_PRECISION_FP16, 6 } };
  for (guint i = 0; i < G_N_ELEMENTS(cases) && only_emulated(); i++) {
    Case c = { CBIGAN_ENCODER, cases[i].width, 64, 1 };
    g_autoptr(CbiganNetwork) network = case_network(&c);
    c.precision = cases[i].precision;
    Pass p = open_on(BLOCK, network, &c);
    g_assert_cmpuint(count_way(&p, CBIGAN_CUDA_BLOCK), ==, 6 - cases[i].wide);
    pass_clear(&p);
    if (i == 0) {
      p = open_on(OWN, network, &c);
      g_assert_cmpuint(count_way(&p, CBIGAN_CUDA_BLOCK), ==, 0);
      pass_clear(&p);
    }
  }
}

static void
test_winograd(void)
{
  check_way(SLOW ",winograd=10", CBIGAN_PRECISION_FP32, CBIGAN_CUDA_WINOGRAD, 3);
}

/* Engines that add up in any order, in 16 bits or by TF32, and Winograd's larger tiles, are never taken, nor one that
 * loses NaN where it would; however fast they are. */
static void
test_engines(void)
{
  Case c = { CBIGAN_GENERATOR, 2, 64, 1 };
  g_autoptr(CbiganNetwork) network = case_network(&c);
  for (int precision = CBIGAN_PRECISION_FP32; precision < CBIGAN_N_PRECISIONS && only_emulated(); precision++) {
    const gboolean narrow = precision != CBIGAN_PRECISION_FP32;
    c.precision = (CbiganPrecision)precision;
    for (int second = 0; second < 2; second++) {
      Pass p = open_on(second ? GRAPH ",second=10" : GRAPH, network, &c);
      int n = 0;
      for (guint i = 0; i < n_choices(&p); i++) {
        const CbiganCudaChoice *chosen = choice(&p, i);
        if (chosen->problem.kernel == 0) /* a whole block */
          continue;
        g_assert_cmpint(chosen->way, ==, CBIGAN_CUDA_GRAPH);
        if (chosen->config == LOSES_NAN && narrow && chosen->problem.activation != CBIGAN_LEAKY)
          continue;
        g_assert_cmpint(chosen->config, ==,
                        second ? (narrow ? SECOND : SECOND_FLOATS) : (narrow ? FIRST : FIRST_FLOATS));
        n++;
      }
      g_assert_cmpint(n, >, 0);
      pass_clear(&p);
    }
  }
}

/* What is slow is not chosen; what was chosen for a shape stays, its engine too, whatever is slow later. */
static void
test_kept(void)
{
  Case c = { CBIGAN_ENCODER, 3, 64, 1 };
  c.precision = CBIGAN_PRECISION_FP16;
  g_autoptr(CbiganNetwork) network = case_network(&c);
  g_autoptr(GError) error = NULL;
  if (!only_emulated())
    return;
  Pass first = open_on(GRAPH, network, &c), second = open_on(GRAPH ",second=10", network, &c), kept = { 0 };
  pass_run(&first, &c, FALSE);
  pass_run(&second, &c, FALSE);
  g_assert_false(passes_are_same(&first, &second, c.batch));
  const guint n = n_choices(&second);
  g_autofree CbiganCudaChoice *before = g_memdup2(choice(&second, 0), n * sizeof *before);
  kept = second;
  memset(kept.out, 0, sizeof kept.out);
  g_setenv("CBIGAN_EMULATOR", CUDNN, TRUE);
  kept.forward = cbigan_forward_new(kept.backend, network, network->n_layers, c.batch, CBIGAN_FORWARD_FUSE, kept.values,
                                    kept.parameters, &error);
  g_assert_no_error(error);
  g_assert_cmpmem(choice(&kept, 0), n_choices(&kept) * sizeof *before, before, n * sizeof *before);
  pass_run(&kept, &c, FALSE);
  g_assert_true(passes_are_same(&kept, &second, c.batch));
  for (int i = 0; kept.values[i] >= 0; i++)
    g_free(kept.out[i]);
  cbigan_forward_free(kept.forward);
  pass_clear(&second);
  pass_clear(&first);
}

/* Where cuDNN has no engine, or it fails, or there is no memory for it, steps are done otherwise, and nobody is told.
 */
static void
test_fallback(void)
{
  static const struct {
    const char *machine;
    CbiganPrecision precision;
    int height; /* of the only maps that no graph is for; 0: there is none at all */
  } cases[] = {
    { GRAPH ",noengine=32", CBIGAN_PRECISION_BF16, 32 },
    { GRAPH ",failing=1", CBIGAN_PRECISION_BF16, 0 },
    { GRAPH ",graphspace=100", CBIGAN_PRECISION_BF16, 0 },
    { SLOW ",graph=20", CBIGAN_PRECISION_FP32, 0 }, /* floats n,c,h,w: TF32 alone */
  };
  Case c = { CBIGAN_DISCRIMINATOR, 3, 64, 1 };
  g_autoptr(CbiganNetwork) network = case_network(&c);
  float worst = 0;
  for (guint i = 0; i < G_N_ELEMENTS(cases) && only_emulated(); i++) {
    c.precision = CBIGAN_PRECISION_AUTO;
    Pass want = pass_new("reference", NULL, 0, network, &c, CBIGAN_FORWARD_KEEP);
    pass_run(&want, &c, FALSE);
    c.precision = cases[i].precision;
    Pass have = open_on(cases[i].machine, network, &c);
    for (guint k = 0; k < n_choices(&have); k++) {
      const CbiganCudaChoice *chosen = choice(&have, k);
      const gboolean can = cases[i].height && chosen->problem.parts[0].out.h != cases[i].height;
      g_assert_true(chosen->problem.kernel == 0 || (chosen->way == CBIGAN_CUDA_GRAPH) == can);
    }
    pass_run(&have, &c, TRUE);
    compare_passes(cases[i].machine, "fallback", &c, &have, &want, tolerances[c.precision], &worst);
    pass_clear(&have);
    pass_clear(&want);
  }
}

/* All steps that have this way are done by it from now on; FALSE: one can't be, so layers are not fused. */
static gboolean
force(Pass *p, const Case *c, CbiganCudaWay way, int config)
{
  g_autoptr(GError) error = NULL;
  GArray *choices = ((const CbiganCuda *)p->backend)->choices;
  for (guint i = 0; i < choices->len; i++) {
    CbiganCudaChoice *chosen = &g_array_index(choices, CbiganCudaChoice, i);
    if ((way == CBIGAN_CUDA_WINOGRAD && chosen->problem.kernel != 3) ||
        (way == CBIGAN_CUDA_BLOCK && chosen->problem.kernel != 0))
      continue;
    chosen->way = way; /* of a whole block: that it is not done at once */
    chosen->config = config;
  }
  cbigan_forward_free(p->forward);
  p->forward = cbigan_forward_new(p->backend, p->network, p->network->n_layers, c->batch, CBIGAN_FORWARD_FUSE,
                                  p->values, p->parameters, &error);
  g_assert_no_error(error);
  for (int i = 0; i < p->forward->n_layers; i++)
    if (p->forward->plans[i])
      return FALSE;
  return TRUE;
}

/* Whatever is fast: every way that there is, on a GPU too. */
static void
check_forced(CbiganNetworkKind kind, CbiganPrecision precision, float *worst)
{
  Case c = { kind, 3, 64, 2 };
  g_autoptr(CbiganNetwork) network = case_network(&c);
  Pass want = pass_new("reference", NULL, 0, network, &c, CBIGAN_FORWARD_KEEP);
  pass_run(&want, &c, FALSE);
  c.precision = precision;
  for (int i = 0; i < CBIGAN_CUDA_N_WAYS + 2; i++) { /* blocks first, where there are choices for them */
    const CbiganCudaWay way = i == 0 ? CBIGAN_CUDA_BLOCK : (CbiganCudaWay)MIN(i - 1, CBIGAN_CUDA_GRAPH);
    if (way == CBIGAN_CUDA_BLOCK && precision != CBIGAN_PRECISION_FP32)
      continue;
    Pass have =
        is_emulated() ? open_on(GRAPH, network, &c) : pass_new("cuda", NULL, 0, network, &c, CBIGAN_FORWARD_FUSE);
    const int config =
        way == CBIGAN_CUDA_BLOCK ? 0 : i - 1 - way + (is_emulated() && precision != CBIGAN_PRECISION_FP32 ? FIRST : 0);
    if (force(&have, &c, way, config)) {
      pass_run(&have, &c, TRUE);
      compare_passes("forced", cbigan_precision_name(precision), &c, &have, &want, tolerances[precision], worst);
    } else {
      if (is_emulated()) /* which has all that a precision can have, but for a graph of floats there */
        g_assert_true(precision == CBIGAN_PRECISION_FP32
                          ? way == CBIGAN_CUDA_GRAPH
                          : way != CBIGAN_CUDA_PRECOMPUTED && way != CBIGAN_CUDA_IMPLICIT && way != CBIGAN_CUDA_GRAPH);
      g_test_message("%s: no way %d, configuration %d, for all of %s", cbigan_precision_name(precision), (int)way,
                     config, cbigan_network_prefix(kind));
    }
    pass_clear(&have);
  }
  pass_clear(&want);
}

static void
test_forced(void)
{
  float worst = 0;
  for (int kind = 0; kind < CBIGAN_N_NETWORKS; kind++)
    for (int precision = CBIGAN_PRECISION_FP32; precision < CBIGAN_N_PRECISIONS && can_run(); precision++)
      check_forced((CbiganNetworkKind)kind, (CbiganPrecision)precision, &worst);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/cuda-ways/graph-fp32", test_graph_fp32);
  g_test_add_func("/cuda-ways/graph-bf16", test_graph_bf16);
  g_test_add_func("/cuda-ways/graph-fp16", test_graph_fp16);
  g_test_add_func("/cuda-ways/blocks", test_blocks);
  g_test_add_func("/cuda-ways/winograd", test_winograd);
  g_test_add_func("/cuda-ways/engines", test_engines);
  g_test_add_func("/cuda-ways/kept", test_kept);
  g_test_add_func("/cuda-ways/fallback", test_fallback);
  g_test_add_func("/cuda-ways/forced", test_forced);
  return g_test_run();
}
