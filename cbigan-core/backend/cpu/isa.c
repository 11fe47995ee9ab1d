/* isa.c - which kernels this processor can run, and the user allows
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "cbigan.h"
#include "i18n.h"
#include "kernels.h"

gboolean
cbigan_cpu_choose_isa(const CbiganIsa **chosen, GError **error)
{
  const char *limit = g_getenv("CBIGAN_ISA");
  gboolean allowed = !limit, known = !limit || g_str_equal(limit, "none");
  g_autoptr(GString) names = g_string_new("none");
  *chosen = NULL;
  for (const CbiganIsa *isa = cbigan_cpu_isas; isa->kernels; isa++) {
    g_string_append_printf(names, ", %s", isa->kernels->name);
    allowed |= !g_strcmp0(limit, isa->kernels->name); /* and everything below it */
    if (!*chosen && allowed && isa->supported())
      *chosen = isa;
  }
  if (known || allowed)
    return TRUE;
  g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_BACKEND, _("CBIGAN_ISA is “%s”; there are: %s"), limit, names->str);
  return FALSE;
}
