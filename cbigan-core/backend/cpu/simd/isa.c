/* isa.c - the one table of instruction sets, and the choice among them
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * To add an instruction set: a row of `isas`, best first, and a row in meson.build. supported() asks for all that the
 * compiler may use there.
 */
#include "cbigan.h"
#include "i18n.h"
#include "simd_patches.h"

extern const CbiganCpuKernels cbigan_cpu_reference_4, cbigan_cpu_reference_bf16_4;
extern const CbiganCpuChannels cbigan_cpu_reference;

static gboolean
always(void)
{
  return TRUE;
}

#ifdef __x86_64__
extern const CbiganCpuKernels cbigan_cpu_avx512_16, cbigan_cpu_avx512_bf16_16, cbigan_cpu_avx512_bf16_8,
    cbigan_cpu_avx2_16, cbigan_cpu_avx2_8, cbigan_cpu_avx2_bf16_8;
extern const CbiganCpuChannels cbigan_cpu_avx512, cbigan_cpu_avx2;

static gboolean
avx2(void)
{
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

static gboolean
avx512(void)
{
  return avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vl");
}

static gboolean
avx512_bf16(void)
{
  return avx512() && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512bf16");
}

/* Measured: AMD's Zen 5 scores 1.5 to 1.9 times as fast in bf16 from c = 8 on. A Xeon with AMX, which has the same
 * instructions at a lower rate, is a quarter slower than in fp32. */
static gboolean
amd(void)
{
  return __builtin_cpu_is("amd");
}
#endif

#define BF16_LEAST_WIDTH 8 /* with fewer channels, rounding to bf16 takes the time that its products save */

static const CbiganCpuIsa isas[] = {
#ifdef __x86_64__
  { .name = "avx512",
    .many = &cbigan_cpu_avx512_16,
    .few = &cbigan_cpu_avx2_8,
    .bf16_many = &cbigan_cpu_avx512_bf16_16,
    .bf16_few = &cbigan_cpu_avx512_bf16_8,
    .bf16 = TRUE,
    .bf16_at_full_rate = amd,
    .channels = { &cbigan_cpu_avx512, &cbigan_cpu_avx2 },
    .widest = 32,
    .supported = avx512_bf16 },
  { .name = "avx512",
    .many = &cbigan_cpu_avx512_16,
    .few = &cbigan_cpu_avx2_8,
    .bf16_many = &cbigan_cpu_avx2_bf16_8,
    .bf16_few = &cbigan_cpu_avx2_bf16_8,
    .channels = { &cbigan_cpu_avx512, &cbigan_cpu_avx2 },
    .widest = 32,
    .supported = avx512 },
  { .name = "avx2",
    .many = &cbigan_cpu_avx2_16,
    .few = &cbigan_cpu_avx2_8,
    .bf16_many = &cbigan_cpu_avx2_bf16_8,
    .bf16_few = &cbigan_cpu_avx2_bf16_8,
    .channels = { &cbigan_cpu_avx2 },
    .widest = 32,
    .supported = avx2 },
#endif
  { .name = "reference",
    .many = &cbigan_cpu_reference_4,
    .few = &cbigan_cpu_reference_4,
    .bf16_many = &cbigan_cpu_reference_bf16_4,
    .bf16_few = &cbigan_cpu_reference_bf16_4,
    .channels = { &cbigan_cpu_reference },
    .widest = 32,
    .supported = always },
};

const CbiganCpuIsa *
cbigan_cpu_best_isa(void)
{
  const CbiganCpuIsa *best = isas;
  while (!best->supported())
    best++;
  return best;
}

gboolean
cbigan_cpu_choose_isa(const CbiganCpuIsa **chosen, GError **error)
{
  const char *value = g_getenv("CBIGAN_ISA"), *limit = value && *value ? value : NULL; /* empty is as unset */
  gboolean allowed = !limit, known = !limit || g_str_equal(limit, "none");
  g_autoptr(GString) names = g_string_new("none");
  *chosen = NULL;
  for (guint i = 0; i < G_N_ELEMENTS(isas); i++) {
    if (!i || !g_str_equal(isas[i].name, isas[i - 1].name))
      g_string_append_printf(names, ", %s", isas[i].name);
    allowed |= !g_strcmp0(limit, isas[i].name); /* and everything below it */
    if (!*chosen && allowed && isas[i].supported())
      *chosen = &isas[i];
  }
  if (known || allowed)
    return TRUE;
  g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_BACKEND, _("CBIGAN_ISA is “%s”; there are: %s"), limit, names->str);
  return FALSE;
}

gboolean
cbigan_cpu_prefers_bf16(const CbiganCpuIsa *isa, int width)
{
  return isa && isa->bf16 && isa->bf16_at_full_rate && isa->bf16_at_full_rate() && width >= BF16_LEAST_WIDTH &&
         width <= isa->widest;
}
