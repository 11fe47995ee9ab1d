/* write_sample_model.c - writes an inspector with the maps that an ONNX file can hold, each with all its statistics,
 * for tests of other programs
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * write-sample-model FILE
 */
#include "model/model.h"
#include "sample_model.h"

int
main(int argc, char **argv)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(CbiganModel) model = sample_model(SAMPLE_INSPECTOR);
  model->inspector.maps[CBIGAN_MAP_NEAREST].used = FALSE;
  cbigan_inspector_drop_unused(&model->inspector);
  g_free((gpointer)model->info.maps);
  model->info.maps = cbigan_inspector_write_maps(&model->inspector);
  if (argc == 2 && cbigan_model_save(model, argv[1], &error))
    return 0;
  g_printerr("%s\n", error ? error->message : "usage: write-sample-model FILE");
  return 1;
}
