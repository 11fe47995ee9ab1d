/* inspector_options.c - how an inspector is trained
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "inspector_options.h"

#include "i18n.h"
#include "model/error.h"

void
cbigan_inspector_options_init(CbiganInspectorOptions *options, gboolean aligned)
{
  *options = (CbiganInspectorOptions){ .aligned = aligned,
                                       .width = 8,
                                       .batch = 16,
                                       .side = 96,
                                       .updates = aligned ? 8000 : 10000,
                                       .rate = 4e-3,
                                       .seed = 1,
                                       .held_out = 0.2,
                                       .false_alarms = 0.01 };
}

gboolean
cbigan_inspector_options_check(const CbiganInspectorOptions *o, GError **error)
{
  const struct {
    const char *name;
    double value, least, most;
  } rows[] = { { "width", o->width, 1, CBIGAN_MAX_WIDTH },
               { "batch", o->batch, 1, 4096 },
               { "updates", o->updates, 1, 1e9 },
               { "held-out", o->held_out, 0.0, 0.5 },
               { "false-alarms", o->false_alarms, 0.0, 0.5 },
               { "device", o->device, 0, 1024 },
               { "threads", o->threads, 0, 4096 } };
  for (guint i = 0; i < G_N_ELEMENTS(rows); i++)
    if (!(rows[i].value >= rows[i].least && rows[i].value <= rows[i].most))
      return cbigan_refuse(error, _("%s: %g; expected %g to %g"), rows[i].name, rows[i].value, rows[i].least,
                           rows[i].most);
  return TRUE;
}
