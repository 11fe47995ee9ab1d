/* test_fused.c - fused layers of the cuda backend against the reference, launched and as a graph
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * In fp32 residual_block.cu does blocks of up to 32 channels; cuDNN does the others, and all of bf16 and fp16.
 */
#include <math.h>
#include <string.h>

#include "cbigan.h"
#include "counts.h"
#include "gpu_configs.h"
#include "network_runs.h"

static Pass
open_pass(const CbiganNetwork *network, const Case *c)
{
  return pass_new("cuda", NULL, 0, network, c, FUSED);
}

/* --- what comes out ---------------------------------------------------------------------------------------------- */

/* The first pass is made of launches, the second of a graph. whole: the network has to be fused as a whole. */
static void
check(const Case *c, gboolean whole, float worst[CBIGAN_N_PRECISIONS])
{
  const CbiganPrecision precision = MAX(c->precision, CBIGAN_PRECISION_FP32);
  const char *name = cbigan_precision_name(precision);
  g_autoptr(CbiganNetwork) network = case_network(c);
  Pass want = pass_new("reference", NULL, 0, network,
                       &(Case){ c->kind, c->width, c->patch, c->batch, c->data, c->n_layers }, BY_LAYER);
  pass_run(&want, c, FALSE);
  Pass have = open_pass(network, c);
  if (whole && !pass_is_whole(&have))
    g_error("%s c = %d in %s is not fused as a whole", cbigan_network_prefix(c->kind), c->width, name);
  pass_run(&have, c, TRUE);
  compare_passes("cuda", name, c, &have, &want, tolerances[precision], &worst[precision]);
  pass_clear(&have);
  pass_clear(&want);
}

static void
say_worst(const float worst[CBIGAN_N_PRECISIONS])
{
  for (int i = CBIGAN_PRECISION_FP32; i < CBIGAN_N_PRECISIONS; i++)
    g_test_message("%s: worst error %.2g of a value's largest number, tolerance %.2g",
                   cbigan_precision_name((CbiganPrecision)i), (double)worst[i], (double)tolerances[i]);
}

static void
check_networks(CbiganPrecision precision)
{
  static const struct {
    int width, patch, batch;
  } rows[] = { { 1, 64, 3 }, { 3, 64, 2 }, { 5, 64, 1 }, { 9, 64, 1 }, { 3, 128, 1 } };
  float worst[CBIGAN_N_PRECISIONS] = { 0 };
  if (!can_run())
    return;
  for (guint i = 0; i < G_N_ELEMENTS(rows) * CBIGAN_N_NETWORKS; i++) {
    Case c = { (CbiganNetworkKind)(i % CBIGAN_N_NETWORKS), rows[i / CBIGAN_N_NETWORKS].width,
               rows[i / CBIGAN_N_NETWORKS].patch, rows[i / CBIGAN_N_NETWORKS].batch };
    c.precision = precision;
    check(&c, TRUE, worst);
  }
  say_worst(worst);
}

static void
test_networks(void)
{
  check_networks(CBIGAN_PRECISION_FP32);
}

static void
test_bf16(void)
{
  check_networks(CBIGAN_PRECISION_BF16);
}

static void
test_fp16(void)
{
  check_networks(CBIGAN_PRECISION_FP16);
}

/* Blocks at the border between the two ways, with more channels than whole networks have above; G's first ones, which
 * upsample 80 channels. */
static void
test_wide_blocks(void)
{
  static const struct {
    CbiganNetworkKind kind;
    int width, n_layers;
  } rows[] = { { CBIGAN_GENERATOR, 5, 10 },
               { CBIGAN_DISCRIMINATOR, 17, 5 },
               { CBIGAN_DISCRIMINATOR, 32, 5 },
               { CBIGAN_DISCRIMINATOR, 33, 5 } };
  float worst[CBIGAN_N_PRECISIONS] = { 0 };
  for (guint i = 0; i < G_N_ELEMENTS(rows) && can_run(); i++)
    check(&(Case){ rows[i].kind, rows[i].width, 64, 1, DATA_RANDOM, rows[i].n_layers }, TRUE, worst);
  say_worst(worst);
}

/* E has six blocks. cuDNN convolves four times for each block that residual_block.cu does not do. */
static void
test_choice(void)
{
  static const struct {
    int width;
    CbiganPrecision precision;
    int cudnn_blocks;
  } rows[] = { { 1, CBIGAN_PRECISION_FP32, 0 },
               { 3, CBIGAN_PRECISION_FP32, 1 },
               { 16, CBIGAN_PRECISION_FP32, 4 },
               { 1, CBIGAN_PRECISION_BF16, 6 },
               { 1, CBIGAN_PRECISION_FP16, 6 } };
  for (guint i = 0; i < G_N_ELEMENTS(rows) && can_run() && only_emulated(); i++) {
    Case c = { CBIGAN_ENCODER, rows[i].width, 64, 1 };
    c.precision = rows[i].precision;
    g_autoptr(CbiganNetwork) network = case_network(&c);
    Pass p = open_pass(network, &c);
    const long before = emulator_count("convolution");
    pass_run(&p, &c, FALSE);
    const long n = emulator_count("convolution") - before;
    if (n != 4 * rows[i].cudnn_blocks)
      g_error("c = %d in %s: %ld convolutions by cuDNN, expected %d", c.width, cbigan_precision_name(c.precision), n,
              4 * rows[i].cudnn_blocks);
    pass_clear(&p);
  }
}

/* D and G as far as every layer, also to within a block. */
static void
test_taps(void)
{
  float worst[CBIGAN_N_PRECISIONS] = { 0 };
  if (!can_run())
    return;
  for (int kind = CBIGAN_GENERATOR; kind <= CBIGAN_DISCRIMINATOR; kind++) {
    Case c = { (CbiganNetworkKind)kind, 1, 64, 1 };
    g_autoptr(CbiganNetwork) network = case_network(&c);
    for (c.n_layers = 1; c.n_layers <= network->n_layers; c.n_layers++)
      for (int precision = CBIGAN_PRECISION_FP32; precision < CBIGAN_N_PRECISIONS; precision++) {
        c.precision = (CbiganPrecision)precision;
        check(&c, FALSE, worst);
      }
  }
  say_worst(worst);
}

/* Numbers that arithmetic goes wrong on. test_neighbours() has NaN. */
static void
test_data(void)
{
  static const DataKind kinds[] = { DATA_ZERO, DATA_DENORMAL, DATA_HUGE };
  float worst[CBIGAN_N_PRECISIONS] = { 0 };
  if (!can_run())
    return;
  for (guint i = 0; i < G_N_ELEMENTS(kinds) * CBIGAN_N_NETWORKS; i++) {
    Case c = { (CbiganNetworkKind)(i % CBIGAN_N_NETWORKS), 2, 64, 1, kinds[i / CBIGAN_N_NETWORKS] };
    check(&c, TRUE, worst);
  }
  say_worst(worst);
}

static void
test_kept_inside(void)
{
  if (!can_run())
    return;
  check_kept_inside("cuda", NULL, 1, "encoder.block1.conv0", tolerances[CBIGAN_PRECISION_FP32]);
  check_kept_inside("cuda", NULL, 1, "encoder.block1.conv2", tolerances[CBIGAN_PRECISION_FP32]);
}

/* NaN in one sample shows in that sample, and no other sample's bits change. So two passes have the same bits, too. */
static void
test_neighbours(void)
{
  for (int i = 0; i < CBIGAN_N_NETWORKS * 2 && can_run(); i++) {
    Case c = { (CbiganNetworkKind)(i / 2), 3, 64, 3 };
    c.precision = i % 2 ? CBIGAN_PRECISION_BF16 : CBIGAN_PRECISION_FP32;
    g_autoptr(CbiganNetwork) network = case_network(&c);
    Pass clean = open_pass(network, &c), spoilt = open_pass(network, &c);
    pass_run(&clean, &c, TRUE);
    c.nan_sample = 2;
    pass_run(&spoilt, &c, TRUE);
    compare_bits("cuda", cbigan_precision_name(c.precision), &c, &spoilt, &clean, 1);
    for (int k = 0; spoilt.values[k] >= 0; k++)
      g_assert_true(isnan(spoilt.out[k][cbigan_shape_size(network->values[spoilt.values[k]].shape)]));
    pass_clear(&clean);
    pass_clear(&spoilt);
  }
}

/* A sample's result is the same to the bit at every place of the batch. */
static void
test_places(void)
{
  for (int i = 0; i < CBIGAN_N_NETWORKS * 2 && can_run(); i++) {
    g_autoptr(GError) error = NULL;
    Case c = { (CbiganNetworkKind)(i / 2), 3, 64, 5 };
    c.precision = i % 2 ? CBIGAN_PRECISION_FP16 : CBIGAN_PRECISION_FP32;
    g_autoptr(CbiganNetwork) network = case_network(&c);
    Pass p = open_pass(network, &c);
    for (int v = 0; v < network->n_inputs; v++) {
      gsize size = cbigan_shape_size(network->values[v].shape);
      g_autofree float *one = data_new(DATA_RANDOM, size, (guint32)v), *all = g_new(float, size *(gsize)c.batch);
      for (int k = 0; k < c.batch; k++)
        memcpy(all + size * (gsize)k, one, size * sizeof *one);
      cbigan_backend_upload(p.backend, network->values[v].shape, c.batch, all, p.forward->values[v]);
    }
    cbigan_forward_run(p.forward);
    gsize size = cbigan_shape_size(network->values[network->output].shape);
    g_autofree float *out = g_new(float, size *(gsize)c.batch);
    cbigan_backend_download(p.backend, network->values[network->output].shape, c.batch,
                            p.forward->values[network->output], out);
    g_assert_true(cbigan_backend_finish(p.backend, &error));
    for (int k = 1; k < c.batch; k++)
      g_assert_cmpmem(out, size * sizeof *out, out + size * (gsize)k, size * sizeof *out);
    pass_clear(&p);
  }
}

/* Each precision has its own bits where the chip has it; otherwise the error names those that it has. None is preferred
 * to fp32. */
static void
test_precision(void)
{
  static const char *const chips[] = { "capability=75", "capability=80" };
  Case c = { CBIGAN_ENCODER, 3, 64, 1 };
  g_autoptr(CbiganNetwork) network = case_network(&c);
  for (int chip = 0; chip < 2 && only_emulated(); chip++) {
    g_autoptr(GError) error = NULL;
    Pass passes[CBIGAN_N_PRECISIONS];
    g_setenv("CBIGAN_EMULATOR", chips[chip], TRUE);
    for (int i = 0; i < CBIGAN_N_PRECISIONS; i++) {
      c.precision = i == CBIGAN_PRECISION_BF16 && chip == 0 ? CBIGAN_PRECISION_AUTO : (CbiganPrecision)i;
      passes[i] = open_pass(network, &c);
      pass_run(&passes[i], &c, FALSE);
    }
    const Pass *fp32 = &passes[CBIGAN_PRECISION_FP32], *bf16 = &passes[CBIGAN_PRECISION_BF16],
               *fp16 = &passes[CBIGAN_PRECISION_FP16];
    g_assert_true(passes_are_same(fp32, bf16, 1) == (chip == 0));
    g_assert_false(passes_are_same(fp32, fp16, 1));
    g_assert_false(passes_are_same(bf16, fp16, 1));
    g_autoptr(CbiganBackend) automatic =
        cbigan_backend_open(&(CbiganBackendOptions){ .name = "cuda", .width = 64 }, NULL);
    g_assert_cmpint(automatic->precision, ==, CBIGAN_PRECISION_FP32);
    g_autoptr(CbiganBackend) asked =
        cbigan_backend_open(&(CbiganBackendOptions){ .name = "cuda", .precision = CBIGAN_PRECISION_BF16 }, &error);
    g_assert_true((asked != NULL) == (chip == 1));
    if (chip == 0)
      g_assert_nonnull(strstr(error->message, "“cuda” can't do bf16 here; it has: fp32, fp16"));
    for (int i = 0; i < CBIGAN_N_PRECISIONS; i++)
      pass_clear(&passes[i]);
  }
}

/* Where cuDNN refuses an algorithm, another one is used. */
static void
test_refused(void)
{
  static const char *const refusing[] = { USUAL ",refused=0", USUAL ",refused=1" };
  Case c = { CBIGAN_GENERATOR, 3, 64, 1 };
  g_autoptr(CbiganNetwork) network = case_network(&c);
  if (!can_run() || !only_emulated())
    return;
  Pass want = open_pass(network, &c);
  pass_run(&want, &c, FALSE);
  for (guint i = 0; i < G_N_ELEMENTS(refusing); i++) {
    g_setenv("CBIGAN_EMULATOR", refusing[i], TRUE);
    Pass have = open_pass(network, &c);
    g_assert_true(pass_is_whole(&have));
    pass_run(&have, &c, FALSE);
    g_assert_true(passes_are_same(&have, &want, c.batch)); /* the emulated algorithms are the same */
    pass_clear(&have);
  }
  pass_clear(&want);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/cuda-fused/networks", test_networks);
  g_test_add_func("/cuda-fused/bf16", test_bf16);
  g_test_add_func("/cuda-fused/fp16", test_fp16);
  g_test_add_func("/cuda-fused/wide-blocks", test_wide_blocks);
  g_test_add_func("/cuda-fused/choice", test_choice);
  g_test_add_func("/cuda-fused/taps", test_taps);
  g_test_add_func("/cuda-fused/data", test_data);
  g_test_add_func("/cuda-fused/kept-inside", test_kept_inside);
  g_test_add_func("/cuda-fused/neighbours", test_neighbours);
  g_test_add_func("/cuda-fused/places", test_places);
  g_test_add_func("/cuda-fused/precision", test_precision);
  g_test_add_func("/cuda-fused/refused", test_refused);
  return g_test_run();
}
