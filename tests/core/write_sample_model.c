/* write_sample_model.c - writes an inspector of all maps or of one, with all statistics, for tests of other programs
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * write-sample-model FILE [MAP]
 */
#include "model/model.h"
#include "sample_model.h"

static void
use_one(CbiganModel *model, const char *name)
{
  for (int i = 0; i < CBIGAN_N_MAP_KINDS; i++)
    model->inspector.maps[i].used = g_str_equal(cbigan_map_descriptions[i].name, name);
  cbigan_inspector_drop_unused(&model->inspector);
  g_free((gpointer)model->info.maps);
  model->info.maps = cbigan_inspector_write_maps(&model->inspector);
}

int
main(int argc, char **argv)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(CbiganModel) model = sample_model(SAMPLE_INSPECTOR);
  if (argc == 3)
    use_one(model, argv[2]);
  if (argc > 1 && cbigan_model_save(model, argv[1], &error))
    return 0;
  g_printerr("%s\n", error ? error->message : "usage: write-sample-model FILE [MAP]");
  return 1;
}
