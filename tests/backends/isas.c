/* isas.c - the instruction sets that the cpu backend's kernels were compiled for
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "isas.h"

#include <string.h>

#include "cbigan.h"

GStrv
isa_names(void)
{
  static const char start[] = "there are: none, ";
  g_autoptr(GError) error = NULL;
  const CbiganCpuIsa *isa;
  g_setenv("CBIGAN_ISA", "which?", TRUE);
  g_assert_false(cbigan_cpu_choose_isa(&isa, &error));
  g_assert_error(error, CBIGAN_ERROR, CBIGAN_ERROR_BACKEND);
  const char *names = strstr(error->message, start);
  g_assert_nonnull(names);
  return g_strsplit(names + strlen(start), ", ", 0);
}

const CbiganCpuIsa *
isa_find(const char *name)
{
  const CbiganCpuIsa *isa = NULL;
  g_autoptr(GError) error = NULL;
  g_setenv("CBIGAN_ISA", name, TRUE);
  cbigan_cpu_choose_isa(&isa, &error);
  g_assert_no_error(error);
  return isa && g_str_equal(isa->name, name) ? isa : NULL;
}

void
isa_skip(gconstpointer data)
{
  g_test_skip("this processor has not got these instructions");
}
