/* gpu_configs.h - what the cuda backend's tests of fused layers run on
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Where there is a GPU, those run that any GPU can take; on the emulated one, all. There each is run with the steps
 * done by the backend's own kernels, for each step or for whole blocks, by cuDNN's convolutions and by its graphs, as
 * what is emulated to be slow is not chosen.
 */
#pragma once
#include <glib.h>

#include "cbigan.h"

#define OWN "convolution=1000,residual_block=1000,capability=80"
#define BLOCK "convolution=1000,capability=80"
#define CUDNN "conv3=1000,point=1000,residual_block=1000,capability=80"
#define GRAPH CUDNN ",convolution=500,graph=20,graph32=1"
enum { ON_OWN, ON_BLOCK, ON_CUDNN, ON_GRAPH };
static const char *const machines[] = { OWN, BLOCK, CUDNN, GRAPH };

/* Errors of fused layers, of the largest number of a value; in fp32 as of the cpu backend's. The worst of the others
 * with random weights and noise for pictures is 0.051 and 0.006; cutting bits off instead of rounding has 0.078 in
 * bf16.
 */
static const float tolerances[CBIGAN_N_PRECISIONS] = {
  [CBIGAN_PRECISION_FP32] = 2.5e-5f,
  [CBIGAN_PRECISION_BF16] = 0.07f,
  [CBIGAN_PRECISION_FP16] = 0.01f,
};

static inline gboolean
is_emulated(void)
{
  return g_getenv("CBIGAN_TEST_EMULATED") != NULL;
}

static inline gboolean
can_run(void)
{
  if (is_emulated())
    g_setenv("CBIGAN_EMULATOR", OWN, TRUE);
  g_autofree char *why = cbigan_backend_unavailable("cuda");
  if (why)
    g_test_skip(why);
  return why == NULL;
}

/* Machines to test on: the one that there is, or those that are emulated. */
static inline int
n_machines(void)
{
  return !can_run() ? 0 : is_emulated() ? (int)G_N_ELEMENTS(machines) : 1;
}

static inline const char *
use_machine(int i)
{
  if (!is_emulated())
    return "this GPU";
  g_setenv("CBIGAN_EMULATOR", machines[i], TRUE);
  return machines[i];
}

static inline gboolean
only_emulated(void)
{
  if (!is_emulated())
    g_test_skip("only on the emulated GPU");
  return is_emulated();
}
