/* gpu_configs.h - what the cuda backend's tests run on: a GPU, or the emulated one
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * On a GPU only those cases run that any GPU can take; on the emulated one, all of them.
 */
#pragma once
#include <glib.h>

#include "cbigan.h"

/* The usual emulated GPU: a chip that has bf16. CBIGAN_EMULATOR's other words are added behind it. */
#define USUAL "capability=80"
#define QUICK "open=1," USUAL

/* Largest errors of fused layers, as a share of a value's largest number; in fp32 the same as the cpu backend's. The
 * worst found with random weights and noise for pictures is 0.051 in bf16 and 0.006 in fp16; truncating instead of
 * rounding gives 0.078 in bf16. */
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

/* FALSE: there is no GPU, and the case is skipped. machine: the emulated GPU's words; a real one is as it is. */
static inline gboolean
can_run_on(const char *machine)
{
  if (is_emulated())
    g_setenv("CBIGAN_EMULATOR", machine, TRUE);
  g_autofree char *why = cbigan_backend_unavailable("cuda");
  if (why)
    g_test_skip(why);
  return why == NULL;
}

static inline gboolean
can_run(void)
{
  return can_run_on(USUAL);
}

/* FALSE: the case needs the emulated GPU, and is skipped. */
static inline gboolean
only_emulated(void)
{
  if (!is_emulated())
    g_test_skip("only on the emulated GPU");
  return is_emulated();
}

static inline gboolean
emulated(const char *machine)
{
  if (only_emulated())
    g_setenv("CBIGAN_EMULATOR", machine, TRUE);
  return is_emulated();
}
