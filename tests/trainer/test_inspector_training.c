/* test_inspector_training.c - an inspector learns from good pictures, and its model scores others
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Pictures are made here: an object is a bright disc before a gradient, a surface is noise of one grain.
 */
#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

#include "training/metrics.h"
#include "model/model_file.h"
#include "training/inspector_training.h"

#define SIDE 64
#define GOOD 16
#define TEST 12

/* light: a gain of the whole picture; spot: a dark spot somewhere on it. */
static CbiganPicture *
make_picture(guint32 seed, gboolean object, double light, gboolean spot)
{
  g_autoptr(GRand) random = g_rand_new_with_seed(seed);
  CbiganPicture *p = g_new0(CbiganPicture, 1);
  p->path = g_strdup_printf("picture %u", seed);
  p->label = g_strdup(spot ? "spot" : "good");
  p->width = p->height = SIDE;
  p->pixels = g_malloc(3 * SIDE * SIDE);
  const double x = g_rand_double_range(random, 22, 42), y = g_rand_double_range(random, 22, 42);
  for (int row = 0; row < SIDE; row++)
    for (int column = 0; column < SIDE; column++) {
      double value = object ? 50.0 + row * 0.5 : 110.0;
      if (object && hypot(row - 32, column - 32) < 20)
        value = 150.0;
      value += g_rand_double_range(random, -6, 6);
      if (spot && hypot(row - y, column - x) < 5)
        value *= 0.6;
      for (int c = 0; c < 3; c++)
        p->pixels[3 * (row * SIDE + column) + c] = (guint8)CLAMP(light * value, 0, 255);
    }
  return p;
}

static CbiganDataset *
make_dataset(gboolean object)
{
  CbiganDataset *dataset = g_new0(CbiganDataset, 1);
  dataset->pictures = g_ptr_array_new_with_free_func((GDestroyNotify)cbigan_picture_free);
  dataset->digest = g_strdup("0123456789abcdef");
  for (guint32 i = 0; i < GOOD; i++)
    g_ptr_array_add(dataset->pictures, make_picture(i, object, 1.0, FALSE));
  return dataset;
}

static CbiganInspectorOptions
make_options(gboolean object)
{
  CbiganInspectorOptions options;
  cbigan_inspector_options_init(&options, object);
  options.width = 2;
  options.batch = 4;
  options.side = 48;
  options.updates = 80;
  options.rate = 1e-2;
  options.backend = "cpu";
  options.threads = 1;
  return options;
}

/* until: updates; a training that has so many already is not stepped. */
static void
run_until(CbiganInspectorTraining *training, guint until)
{
  g_autoptr(GError) error = NULL;
  CbiganInspectorProgress p = { 0 };
  while (p.update < until && !cbigan_inspector_training_done(training)) {
    cbigan_inspector_training_step(training, &p, &error);
    g_assert_no_error(error);
  }
}

static CbiganModel *
finish(CbiganInspectorTraining *training)
{
  g_autoptr(GError) error = NULL;
  run_until(training, G_MAXUINT);
  CbiganModel *model = cbigan_inspector_training_finish(training, &error);
  g_assert_no_error(error);
  return model;
}

static CbiganModel *
train(const CbiganDataset *dataset, gboolean object)
{
  g_autoptr(GError) error = NULL;
  const CbiganInspectorOptions options = make_options(object);
  g_autoptr(CbiganInspectorTraining) training = cbigan_inspector_training_new(&options, dataset, &error);
  g_assert_no_error(error);
  return finish(training);
}

static void
score(CbiganModel *model, guint32 seed, gboolean object, double light, gboolean spot, CbiganResult *result)
{
  g_autoptr(GError) error = NULL;
  CbiganScorerOptions options = CBIGAN_SCORER_OPTIONS_INIT;
  options.threads = 1;
  g_autoptr(CbiganScorer) scorer = cbigan_scorer_new(model, &options, &error);
  g_assert_no_error(error);
  g_autoptr(CbiganPicture) picture = make_picture(seed, object, light, spot);
  const CbiganFrame frame = cbigan_picture_frame(picture);
  cbigan_scorer_score(scorer, &frame, 1, result, &error);
  g_assert_no_error(error);
}

/* Defects are seen in pictures that the training has not seen, in its light and another; the map shows where. */
static void
test_sees(gconstpointer data)
{
  const gboolean object = GPOINTER_TO_INT(data);
  g_autoptr(CbiganDataset) dataset = make_dataset(object);
  g_autoptr(CbiganModel) model = train(dataset, object);
  CbiganResult result = CBIGAN_RESULT_INIT;
  double good[TEST], bad[TEST];
  for (guint32 i = 0; i < TEST; i++) {
    const double light = i % 3 == 0 ? 1.0 : i % 3 == 1 ? 0.92 : 1.08;
    score(model, 100 + i, object, light, FALSE, &result);
    good[i] = result.score;
    score(model, 200 + i, object, light, TRUE, &result);
    bad[i] = result.score;
    g_assert_cmpint(result.map_width, ==, SIDE);
    float peak = 0.0f;
    for (int k = 0; k < SIDE * SIDE; k++)
      peak = MAX(peak, result.map[k]);
    g_assert_cmpfloat(peak, >, 0.0f);
    g_assert_cmpfloat(result.threshold, ==, cbigan_model_info(model)->threshold);
  }
  g_test_message("AUROC %.3f, proxy %.3f, threshold %g", cbigan_auroc(good, TEST, bad, TEST),
                 cbigan_model_info(model)->proxy, cbigan_model_info(model)->threshold);
  g_assert_cmpfloat(cbigan_auroc(good, TEST, bad, TEST), >, 0.95);
  cbigan_result_clear(&result);
}

static void
assert_same_model(const CbiganModel *a, const CbiganModel *b)
{
  g_autoptr(GError) error = NULL;
  gsize size_a, size_b;
  g_autofree guint8 *bytes_a = cbigan_model_save_bytes(a, "a", &size_a, &error);
  g_assert_no_error(error);
  g_autofree guint8 *bytes_b = cbigan_model_save_bytes(b, "b", &size_b, &error);
  g_assert_no_error(error);
  g_assert_cmpmem(bytes_a, size_a, bytes_b, size_b);
}

/* A file holds the model, and a training that was stopped and resumed ends with the same bits. */
static void
test_files(gconstpointer data)
{
  const gboolean object = GPOINTER_TO_INT(data);
  const CbiganInspectorOptions options = make_options(object);
  g_autoptr(GError) error = NULL;
  g_autoptr(CbiganDataset) dataset = make_dataset(object);
  g_autoptr(CbiganModel) whole = train(dataset, object);
  g_autofree char *folder = g_dir_make_tmp("cbigan-inspector-XXXXXX", NULL);
  g_autofree char *path = g_build_filename(folder, "file", NULL);
  cbigan_model_save(whole, path, &error);
  g_assert_no_error(error);
  g_autoptr(CbiganModel) loaded = cbigan_model_load(path, &error);
  g_assert_no_error(error);
  assert_same_model(whole, loaded);

  g_autoptr(CbiganInspectorTraining) first = cbigan_inspector_training_new(&options, dataset, &error);
  g_assert_no_error(error);
  run_until(first, 50);
  cbigan_inspector_training_save(first, path, &error);
  g_assert_no_error(error);
  g_autoptr(CbiganInspectorTraining) second = cbigan_inspector_training_new(&options, dataset, &error);
  g_assert_no_error(error);
  cbigan_inspector_training_resume(second, path, &error);
  g_assert_no_error(error);
  g_autoptr(CbiganModel) parts = finish(second);
  assert_same_model(whole, parts);

  CbiganInspectorOptions other = options;
  other.seed = 9;
  g_autoptr(CbiganInspectorTraining) third = cbigan_inspector_training_new(&other, dataset, NULL);
  g_assert_false(cbigan_inspector_training_resume(third, path, &error));
  g_assert_error(error, CBIGAN_ERROR, CBIGAN_ERROR_ARGUMENT);
  g_assert_nonnull(strstr(error->message, "seed"));
  g_remove(path);
  g_rmdir(folder);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  static const char *const kinds[] = { "surface", "object" };
  for (int object = 0; object < 2; object++) {
    g_autofree char *sees = g_strconcat("/inspector-training/sees/", kinds[object], NULL);
    g_autofree char *files = g_strconcat("/inspector-training/files/", kinds[object], NULL);
    g_test_add_data_func(sees, GINT_TO_POINTER(object), test_sees);
    g_test_add_data_func(files, GINT_TO_POINTER(object), test_files);
  }
  return g_test_run();
}
