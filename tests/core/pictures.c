/* pictures.c - pictures to score, and a model that knows good ones
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "pictures.h"

#include <math.h>

#include "golden/golden.h"
#include "model/model_file.h"
#include "score/calibration.h"

Picture
picture(int w, int h, guint seed, gboolean blot)
{
  gsize stride = 3 * (gsize)w + 5;
  Picture p = { { NULL, w, h, stride }, g_malloc(stride * (gsize)h) };
  g_autoptr(GRand) random = g_rand_new_with_seed(seed);
  double phase = g_rand_double_range(random, 0, 0.4);
  for (int y = 0; y < h; y++)
    for (int i = 0; i < 3 * w; i++) {
      double value = 118 + 45 * sin(i / 21.0 + phase) * cos(y / 8.0 + i % 3) + g_rand_double_range(random, -6, 6);
      if (blot && ABS(i / 3 - w / 2) < 5 && ABS(y - h / 3) < 5)
        value += i % 3 == 1 ? -70 : 80;
      p.pixels[(gsize)y * stride + (gsize)i] = (guint8)CLAMP(value + 0.5, 0, 255);
    }
  p.frame.data = p.pixels;
  return p;
}

void
change_light(Picture *p, double gain, double offset)
{
  for (gsize i = 0; i < p->frame.stride * (gsize)p->frame.height; i++)
    p->pixels[i] = (guint8)CLAMP(gain * p->pixels[i] + offset + 0.5, 0, 255);
}

static CbiganModel *
calibrate(int patch, int w, int h)
{
  enum { N = 12 };
  g_autoptr(GError) error = NULL;
  CbiganModel *model = golden_model(3, patch);
  model->info.frame_width = w;
  model->info.frame_height = h;
  Picture good[N];
  CbiganFrame frames[N];
  for (guint i = 0; i < N; i++) {
    good[i] = picture(w ? w : patch + 20, h ? h : patch + 7 * (int)i, i, FALSE);
    frames[i] = good[i].frame;
  }
  const CbiganCalibrationOptions options = { CBIGAN_SCORE_CRITIC, w > 0, 0.05, "cpu", 0, 1 };
  g_assert_true(cbigan_model_calibrate(model, &options, frames, N, NULL, &error));
  g_assert_no_error(error);
  for (guint i = 0; i < N; i++)
    g_free(good[i].pixels);
  return model;
}

CbiganModel *
calibrated_model(int patch, int w, int h)
{
  static GHashTable *files; /* "patch wxh" -> GBytes of the model's file */
  g_autoptr(GError) error = NULL;
  g_autofree char *name = g_strdup_printf("%d %dx%d", patch, w, h);
  if (!files)
    files = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_bytes_unref);
  GBytes *file = g_hash_table_lookup(files, name);
  if (!file) {
    gsize size;
    g_autoptr(CbiganModel) model = calibrate(patch, w, h);
    guint8 *bytes = cbigan_model_save_bytes(model, name, &size, &error);
    g_assert_no_error(error);
    file = g_bytes_new_take(bytes, size);
    g_hash_table_insert(files, g_strdup(name), file);
  }
  gsize size;
  const guint8 *bytes = g_bytes_get_data(file, &size);
  CbiganModel *model = cbigan_model_load_bytes(bytes, size, name, &error);
  g_assert_no_error(error);
  return model;
}
