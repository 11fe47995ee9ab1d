/* seeds.c - inputs to start fuzzing from: the headers of the sample models
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <string.h>

#include "fuzz_model_file.h"
#include "sample_model.h"

GPtrArray *
fuzz_seeds(void)
{
  GPtrArray *seeds = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
  for (int i = 0; i < N_SAMPLES; i++) {
    g_autoptr(CbiganModel) model = sample_model((SampleKind)i);
    gsize size;
    g_autofree guint8 *file = cbigan_model_save_bytes(model, "seed", &size, NULL);
    g_assert_nonnull(file);
    guint64 length;
    memcpy(&length, file, sizeof length);
    g_ptr_array_add(seeds, g_bytes_new(file + sizeof length, (gsize)length));
  }
  static const char raw[] = { FUZZ_RAW, 22,  0,   0,   0,   0,   0,   0,   0,   '{', '"', '_', '_', 'm', 'e', 't',
                              'a',      'd', 'a', 't', 'a', '_', '_', '"', ':', '{', '}', '}', ' ', ' ', ' ', ' ' };
  g_ptr_array_add(seeds, g_bytes_new(raw, sizeof raw));
  return seeds;
}
