/* test_model.c - small models for the tests of the elements
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "test_model.h"

#include <glib/gstdio.h>

#include "testsrc/cloth.h"
#include "model/model.h"
#include "score/calibration.h"

#define GOOD_FRAMES 12

static char *folder;

static char *
in_folder(const char *name)
{
  g_autoptr(GError) error = NULL;
  if (!folder)
    folder = g_dir_make_tmp("cbigan-gst-XXXXXX", &error);
  g_assert_no_error(error);
  return g_build_filename(folder, name, NULL);
}

char *
test_file_write(const char *name, const void *data, gsize size)
{
  g_autoptr(GError) error = NULL;
  char *path = in_folder(name);
  g_file_set_contents(path, data, (gssize)size, &error);
  g_assert_no_error(error);
  return path;
}

guint8 *
test_cloth(int width, int height, guint number, gboolean hole)
{
  const ClothOptions options = { .seed = hole ? 77 : 5,
                                 .pitch = TEST_PITCH,
                                 .rate = hole ? 1 : 0,
                                 .kinds = CLOTH_HOLE,
                                 .contrast = 1,
                                 .brightness = 1 };
  g_autoptr(Cloth) cloth = cloth_new(width, height, &options);
  guint8 *rgb = g_malloc((gsize)width * height * 3);
  ClothTruth truth;
  cloth_render(cloth, (guint64)number * height, rgb, (gsize)width * 3, &truth);
  g_assert_cmpint(truth.defective, ==, hole);
  return rgb;
}

static CbiganModel *
random_model(int width, int frame, guint64 seed)
{
  CbiganModel *model = cbigan_model_new(width, 64, NULL);
  for (int i = 0; i < CBIGAN_N_NETWORKS; i++)
    cbigan_network_initialise(model->networks[i], seed + (guint64)i, model->parameters[i]);
  model->info.frame_width = model->info.frame_height = frame;
  model->info.critic_blocks = 3;
  model->info.critic_grid = 16;
  return model;
}

static void
calibrate(CbiganModel *model, int side)
{
  const CbiganCalibrationOptions options = { .score = CBIGAN_SCORE_CRITIC, .false_alarms = 0.01, .threads = 1 };
  CbiganFrame frames[GOOD_FRAMES];
  g_autoptr(GError) error = NULL;
  for (guint i = 0; i < GOOD_FRAMES; i++)
    frames[i] = (CbiganFrame){ test_cloth(side, side, i, FALSE), side, side, (gsize)side * 3 };
  cbigan_model_calibrate(model, &options, frames, GOOD_FRAMES, NULL, &error);
  g_assert_no_error(error);
  for (guint i = 0; i < GOOD_FRAMES; i++)
    g_free((guint8 *)frames[i].data);
}

static char *
write_model(int width, int frame, guint64 seed, gboolean bare)
{
  g_autofree char *name =
      g_strdup_printf("%s-%d-%d-%" G_GUINT64_FORMAT ".safetensors", bare ? "bare" : "cloth", width, frame, seed);
  char *path = in_folder(name);
  if (g_file_test(path, G_FILE_TEST_EXISTS))
    return path;
  g_autoptr(GError) error = NULL;
  g_autoptr(CbiganModel) model = random_model(width, frame, seed);
  if (!bare)
    calibrate(model, frame ? frame : 64);
  cbigan_model_save(model, path, &error);
  g_assert_no_error(error);
  return path;
}

char *
test_model_write(int frame, guint64 seed)
{
  return write_model(1, frame, seed, FALSE);
}

char *
test_model_write_bare(int frame, guint64 seed)
{
  return write_model(1, frame, seed, TRUE);
}

char *
test_model_write_wide(int width, int frame, guint64 seed)
{
  return write_model(width, frame, seed, FALSE);
}

char *
test_model_write_burst(int frame)
{
  g_autoptr(GError) error = NULL;
  char *path = in_folder("burst.safetensors");
  g_autoptr(CbiganModel) model = random_model(1, frame, 1);
  for (gsize i = 0; i < model->networks[CBIGAN_GENERATOR]->n_floats; i++)
    model->parameters[CBIGAN_GENERATOR][i] *= 1e30f;
  cbigan_model_save(model, path, &error);
  g_assert_no_error(error);
  return path;
}

void
test_model_cleanup(void)
{
  if (!folder)
    return;
  g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
  for (const char *name; dir && (name = g_dir_read_name(dir));) {
    g_autofree char *path = g_build_filename(folder, name, NULL);
    g_unlink(path);
  }
  g_rmdir(folder);
  g_clear_pointer(&folder, g_free);
}
