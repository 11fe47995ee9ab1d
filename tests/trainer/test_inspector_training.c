/* test_inspector_training.c - an inspector learns from good pictures, and its model scores others
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Pictures are made here: an object is a bright disc before a gradient, a surface is noise of one grain, and a turned
 * object a bar with a head at any angle.
 */
#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

#include "data/defect_batches.h"
#include "training/metrics.h"
#include "model/model_file.h"
#include "training/inspector_training.h"
#include "training/quick.h"
#include "training/screening.h"
#include "harness.h"

#define SIDE 96
#define GOOD 16
#define TEST 12

typedef enum { SURFACE, OBJECT, TURNED, N_KINDS } Kind;

/* The grey level at (u, v) from the middle, along a turned object's axes. */
static double
grey_at(Kind kind, double u, double v)
{
  if (kind == SURFACE)
    return 110.0;
  if (kind == OBJECT)
    return hypot(u, v) < 30 ? 150.0 : 75.0 + v * 0.3;
  return (fabs(u) < 30 && fabs(v) < 5) || (u > 20 && u < 30 && fabs(v) < 11) ? 150.0 : 60.0;
}

/* Where the last picture's spot is, pixels. */
static double spot_x, spot_y;

/* light: a gain of the whole picture; spot: a dark spot somewhere on the part. */
static CbiganPicture *
make_picture(guint32 seed, Kind kind, double light, gboolean spot)
{
  g_autoptr(GRand) random = g_rand_new_with_seed(seed);
  CbiganPicture *p = g_new0(CbiganPicture, 1);
  p->path = g_strdup_printf("picture %u", seed);
  p->label = g_strdup(spot ? "spot" : "good");
  p->width = p->height = SIDE;
  p->pixels = g_malloc(3 * SIDE * SIDE);
  const double spot_u = g_rand_double_range(random, -18, 18);
  const double spot_v = kind == TURNED ? 0.0 : g_rand_double_range(random, -18, 18);
  const double angle = kind == TURNED ? g_rand_double_range(random, 0, 2 * G_PI) : 0.0;
  const double x = SIDE / 2 + (kind == TURNED ? g_rand_double_range(random, -6, 6) : 0.0);
  const double y = SIDE / 2 + (kind == TURNED ? g_rand_double_range(random, -6, 6) : 0.0);
  spot_x = x + spot_u * cos(angle) - spot_v * sin(angle);
  spot_y = y + spot_u * sin(angle) + spot_v * cos(angle);
  for (int row = 0; row < SIDE; row++)
    for (int column = 0; column < SIDE; column++) {
      double u = (column - x) * cos(angle) + (row - y) * sin(angle);
      double v = (row - y) * cos(angle) - (column - x) * sin(angle);
      double value = grey_at(kind, u, v) + g_rand_double_range(random, -6, 6);
      if (spot && hypot(u - spot_u, v - spot_v) < 4)
        value *= 0.6;
      for (int c = 0; c < 3; c++)
        p->pixels[3 * (row * SIDE + column) + c] = (guint8)CLAMP(light * value, 0, 255);
    }
  return p;
}

static CbiganDataset *
make_dataset(Kind kind)
{
  CbiganDataset *dataset = g_new0(CbiganDataset, 1);
  dataset->pictures = g_ptr_array_new_with_free_func((GDestroyNotify)cbigan_picture_free);
  dataset->digest = g_strdup("0123456789abcdef");
  for (guint32 i = 0; i < GOOD; i++)
    g_ptr_array_add(dataset->pictures, make_picture(i, kind, 1.0, FALSE));
  return dataset;
}

static CbiganInspectorOptions
make_options(Kind kind)
{
  CbiganInspectorOptions options;
  cbigan_inspector_options_init(&options, kind != SURFACE);
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

/* (transfer none) a model of make_dataset(kind), trained once for all tests */
static CbiganModel *
trained(Kind kind)
{
  static CbiganModel *models[N_KINDS];
  if (models[kind])
    return models[kind];
  g_autoptr(GError) error = NULL;
  g_autoptr(CbiganDataset) dataset = make_dataset(kind);
  const CbiganInspectorOptions options = make_options(kind);
  g_autoptr(CbiganInspectorTraining) training = cbigan_inspector_training_new(&options, dataset, &error);
  g_assert_no_error(error);
  return models[kind] = finish(training);
}

static void
score(CbiganModel *model, guint32 seed, Kind kind, double light, gboolean spot, CbiganResult *result)
{
  g_autoptr(GError) error = NULL;
  CbiganScorerOptions options = CBIGAN_SCORER_OPTIONS_INIT;
  options.threads = 1;
  g_autoptr(CbiganScorer) scorer = cbigan_scorer_new(model, &options, &error);
  g_assert_no_error(error);
  g_autoptr(CbiganPicture) picture = make_picture(seed, kind, light, spot);
  const CbiganFrame frame = cbigan_picture_frame(picture);
  cbigan_scorer_score(scorer, &frame, 1, result, &error);
  g_assert_no_error(error);
}

/* Defects are seen in pictures that the training has not seen, in its light and another; the map shows where. */
static void
check_sees(CbiganModel *model, Kind kind)
{
  g_assert_cmpint(cbigan_model_info(model)->upright_width > 0, ==, kind == TURNED);
  CbiganResult result = CBIGAN_RESULT_INIT;
  double good[TEST], bad[TEST];
  guint found = 0;
  for (guint32 i = 0; i < TEST; i++) {
    const double light = i % 3 == 0 ? 1.0 : i % 3 == 1 ? 0.92 : 1.08;
    score(model, 100 + i, kind, light, FALSE, &result);
    good[i] = result.score;
    score(model, 200 + i, kind, light, TRUE, &result);
    bad[i] = result.score;
    g_assert_cmpint(result.map_width, ==, SIDE);
    int peak = 0;
    for (int k = 0; k < SIDE * SIDE; k++)
      peak = result.map[k] > result.map[peak] ? k : peak;
    found += hypot(peak % SIDE - spot_x, peak / SIDE - spot_y) < 10;
    g_assert_cmpfloat(result.threshold, ==, cbigan_model_info(model)->threshold);
  }
  g_assert_cmpuint(found, >=, TEST - 3);
  g_test_message("AUROC %.3f, proxy %.3f, threshold %g", cbigan_auroc(good, TEST, bad, TEST),
                 cbigan_model_info(model)->proxy, cbigan_model_info(model)->threshold);
  g_assert_cmpfloat(cbigan_auroc(good, TEST, bad, TEST), >, 0.95);
  cbigan_result_clear(&result);
}

static void
test_sees(gconstpointer data)
{
  const Kind kind = (Kind)GPOINTER_TO_INT(data);
  check_sees(trained(kind), kind);
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
  const Kind kind = (Kind)GPOINTER_TO_INT(data);
  const CbiganInspectorOptions options = make_options(kind);
  g_autoptr(GError) error = NULL;
  g_autoptr(CbiganDataset) dataset = make_dataset(kind);
  const CbiganModel *whole = trained(kind);
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
  expect_error(error, CBIGAN_ERROR_ARGUMENT, "seed");
  g_remove(path);
  g_rmdir(folder);
}

/* Crops of a surface reach its borders often enough to learn them: here the right one is bright. */
static void
test_borders(void)
{
  enum { CROP = 32, BATCH = 16, BATCHES = 20 };
  g_autoptr(CbiganDataset) dataset = make_dataset(SURFACE);
  const CbiganPicture *pictures[GOOD];
  CbiganExposure exposures[GOOD];
  for (int i = 0; i < GOOD; i++) {
    const CbiganPicture *p = pictures[i] = g_ptr_array_index(dataset->pictures, i);
    const CbiganFrame frame = cbigan_picture_frame(p);
    for (int row = 0; row < SIDE; row++)
      memset(p->pixels + 3 * (row * SIDE + SIDE - 1), 250, 3);
    cbigan_exposure_surface(&exposures[i], &frame, NULL, NULL);
  }
  const CbiganGoodPictures good = { .pictures = pictures, .exposures = exposures, .n = GOOD, .grey = TRUE };
  const CbiganDefectBatchOptions options = { .good = &good, .batch = BATCH, .side = CROP, .seed = 3 };
  g_autoptr(CbiganDefectBatches) batches = cbigan_defect_batches_new(&options, 0, NULL);
  int bright = 0;
  for (int i = 0; i < BATCHES; i++) {
    const CbiganDefectBatch *batch = cbigan_defect_batches_next(batches);
    for (int k = 0; k < BATCH; k++) {
      const float *level = batch->x + (gsize)k * CBIGAN_SURFACE_PLANES * CROP * CROP;
      gboolean border = FALSE;
      for (int column = 0; column < CROP; column++) {
        int high = 0;
        for (int row = 0; row < CROP; row++)
          high += level[row * CROP + column] > 0.6f;
        border |= high > CROP / 3;
      }
      bright += border;
    }
  }
  g_test_message("%d of %d crops with a border", bright, BATCH * BATCHES);
  g_assert_cmpint(bright, >, BATCH * BATCHES / 20);
}

/* Defective cells of a region with no unchanged pixel within 24 pixels. */
static int
cells_deep_inside(guint64 key, gboolean with_inside)
{
  enum { CROP = 96, CELLS = CROP / CBIGAN_INSPECTOR_CELL, NEAR = 24 };
  const gsize n = CROP * CROP;
  g_autofree float *good = g_new0(float, 3 * n), *x = g_new0(float, 3 * n), *source = g_new0(float, 3 * n);
  g_autofree float *inside = g_new0(float, n), *changed = g_new(float, n), *covered = g_new(float, CELLS *CELLS);
  CbiganDice dice = { .key = key };
  const CbiganDefectPlace place = {
    .w = CROP, .h = CROP, .scale = 200.0, .surface = TRUE, .grey = TRUE, .source = source, .x = x, .inside = inside
  };
  int deep = 0;
  cbigan_defect_apply(CBIGAN_DEFECT_REGION, &dice, CROP / 2, CROP / 2, &place);
  cbigan_defect_mask(good, x, with_inside ? inside : NULL, CROP, CROP, changed);
  cbigan_defect_cells(changed, CROP, CROP, CBIGAN_INSPECTOR_CELL, covered);
  for (int cell = 0; cell < CELLS * CELLS; cell++) {
    const int column = cell % CELLS * CBIGAN_INSPECTOR_CELL, row = cell / CELLS * CBIGAN_INSPECTOR_CELL;
    gboolean is_near = FALSE;
    for (int v = MAX(row - NEAR, 0); v < MIN(row + NEAR, CROP); v++)
      for (int u = MAX(column - NEAR, 0); u < MIN(column + NEAR, CROP); u++)
        is_near |= changed[v * CROP + u] == 0.0f;
    deep += covered[cell] > 0.25f && !is_near;
  }
  return deep;
}

/* Of a region, hardly any cells but those along its border are defective. */
static void
test_regions(void)
{
  int deep = 0, would_be = 0;
  for (guint64 key = 1; key <= 20; key++) {
    deep += cells_deep_inside(key, TRUE);
    would_be += cells_deep_inside(key, FALSE);
  }
  g_test_message("%d cells, %d without the plane of insides", deep, would_be);
  g_assert_cmpint(would_be, >, 100);
  g_assert_cmpint(50 * deep, <, would_be); /* a line that bends is nearer than it seems, in few places */
}

/* Defects of shape move pixels: no new levels, and about half of a picture, or all but a place, stays as it is. */
static void
test_shapes(void)
{
  enum { CROP = 96 };
  const gsize n = CROP * CROP;
  const CbiganDefectKind kinds[] = { CBIGAN_DEFECT_WARP, CBIGAN_DEFECT_BEND };
  g_autofree float *good = g_new(float, 3 * n), *x = g_new(float, 3 * n);
  cbigan_random_normal(1, 3 * n, good);
  for (guint k = 0; k < G_N_ELEMENTS(kinds); k++)
    for (guint64 key = 1; key <= 20; key++) {
      CbiganDice dice = { .key = key };
      const CbiganDefectPlace place = { .w = CROP, .h = CROP, .scale = 200.0, .source = good, .x = x };
      gsize changed = 0;
      memcpy(x, good, 3 * n * sizeof(float));
      cbigan_defect_apply(kinds[k], &dice, CROP / 2, CROP / 2, &place);
      for (gsize i = 0; i < 3 * n; i++) {
        changed += x[i] != good[i];
        g_assert_cmpfloat(fabsf(x[i]), <, 5.0f); /* of so many normal numbers, none is as large */
      }
      g_test_message("kind %d, key %d: %.3f of the pixels moved", (int)kinds[k], (int)key, (double)changed / (3.0 * n));
      g_assert_cmpuint(changed, >, 3 * n / 100);
      g_assert_cmpuint(changed, <, kinds[k] == CBIGAN_DEFECT_BEND ? 2 * n : 3 * n);
    }
}

/* The same without a network. The file has none, and scores the same; the plain backend scores alike. */
static void
test_quick(gconstpointer data)
{
  const Kind kind = (Kind)GPOINTER_TO_INT(data);
  const CbiganInspectorOptions options = make_options(kind);
  g_autoptr(GError) error = NULL;
  g_autoptr(CbiganDataset) dataset = make_dataset(kind);
  g_autoptr(GArray) left_out = g_array_new(FALSE, FALSE, sizeof(CbiganSuspect));
  g_autoptr(CbiganModel) model = cbigan_quick_train(&options, dataset, left_out, &error);
  g_assert_no_error(error);
  g_test_message("maps %s", cbigan_model_info(model)->maps);
  g_assert_false(cbigan_inspector_uses_network(&model->inspector));
  check_sees(model, kind);

  gsize size;
  g_autofree guint8 *bytes = cbigan_model_save_bytes(model, "model", &size, &error);
  g_assert_no_error(error);
  g_autoptr(CbiganModel) loaded = cbigan_model_load_bytes(bytes, size, "model", &error);
  g_assert_no_error(error);
  assert_same_model(model, loaded);
  CbiganResult result = CBIGAN_RESULT_INIT, other = CBIGAN_RESULT_INIT;
  score(model, 300, kind, 1.0, TRUE, &result);
  score(loaded, 300, kind, 1.0, TRUE, &other);
  g_assert_cmpfloat(result.score, ==, other.score);
  CbiganScorerOptions plain = CBIGAN_SCORER_OPTIONS_INIT;
  plain.backend = "reference";
  g_autoptr(CbiganScorer) scorer = cbigan_scorer_new(loaded, &plain, &error);
  g_autoptr(CbiganPicture) picture = make_picture(300, kind, 1.0, TRUE);
  const CbiganFrame frame = cbigan_picture_frame(picture);
  cbigan_scorer_score(scorer, &frame, 1, &other, &error);
  g_assert_no_error(error);
  g_assert_cmpfloat(result.score, ==, other.score);
  cbigan_result_clear(&result);
  cbigan_result_clear(&other);

  g_autoptr(CbiganModel) again = cbigan_quick_train(&options, dataset, left_out, NULL);
  assert_same_model(model, again);
  g_ptr_array_set_size(dataset->pictures, 4);
  g_assert_null(cbigan_quick_train(&options, dataset, left_out, &error));
  g_assert_error(error, CBIGAN_ERROR, CBIGAN_ERROR_ARGUMENT);
}

/* A surface whose sides are no multiples of CBIGAN_INSPECTOR_STEP: a spot in its lower right corner is seen there. */
static void
test_odd_size(void)
{
  enum { WIDTH = SIDE - 3, HEIGHT = SIDE - 9, SPOT = 7 };
  g_autoptr(GError) error = NULL;
  g_autoptr(CbiganPicture) picture = make_picture(900, SURFACE, 1.0, FALSE);
  CbiganFrame frame = cbigan_picture_frame(picture);
  CbiganResult result = CBIGAN_RESULT_INIT;
  g_autoptr(CbiganScorer) scorer = cbigan_scorer_new(trained(SURFACE), NULL, &error);
  g_assert_no_error(error);
  for (int row = HEIGHT - SPOT; row < HEIGHT; row++)
    memset(picture->pixels + 3 * (row * SIDE + WIDTH - SPOT), 50, 3 * SPOT);
  frame.width = WIDTH;
  frame.height = HEIGHT;
  cbigan_scorer_score(scorer, &frame, 1, &result, &error);
  g_assert_no_error(error);
  g_assert_cmpint(result.map_width, ==, WIDTH);
  int peak = 0;
  for (int i = 0; i < WIDTH * HEIGHT; i++)
    peak = result.map[i] > result.map[peak] ? i : peak;
  g_test_message("peak at %d, %d", peak % WIDTH, peak / WIDTH);
  g_assert_cmpint(peak % WIDTH, >=, WIDTH - 2 * SPOT);
  g_assert_cmpint(peak / WIDTH, >=, HEIGHT - 2 * SPOT);
  cbigan_result_clear(&result);
}

/* Pictures whose values lie far above the others' are named, the worst first; in a small group, none. */
static void
test_suspects(void)
{
  enum { FEW = 5 };
  g_autoptr(CbiganDataset) dataset = make_dataset(SURFACE);
  const CbiganPicture *const *pictures = (const CbiganPicture *const *)dataset->pictures->pdata;
  g_autoptr(GArray) suspects = g_array_new(FALSE, FALSE, sizeof(CbiganSuspect));
  double values[GOOD];
  for (int i = 0; i < GOOD; i++)
    values[i] = -1.0 + 0.1 * ((i * 7) % GOOD);
  cbigan_suspects_add(suspects, CBIGAN_SUSPECT_FAR, pictures, values, GOOD);
  g_assert_cmpuint(suspects->len, ==, 0);
  values[3] = 5.0;
  values[9] = 8.0;
  cbigan_suspects_add(suspects, CBIGAN_SUSPECT_FAR, pictures, values, GOOD);
  cbigan_suspects_sort(suspects, GOOD);
  g_assert_cmpuint(suspects->len, ==, 2);
  g_assert_cmpstr(g_array_index(suspects, CbiganSuspect, 0).path, ==, pictures[9]->path);
  g_assert_cmpstr(g_array_index(suspects, CbiganSuspect, 1).path, ==, pictures[3]->path);
  cbigan_suspects_add(suspects, CBIGAN_SUSPECT_FAR, pictures, values, FEW);
  g_assert_cmpuint(suspects->len, ==, 2);
}

/* Odd pictures among the good ones of an object are left out, unless all shall stay: one with a spot, and two alike in
 * which the part is missing. */
static void
test_screening(void)
{
  enum { OFTEN = 32, ODD = 3 };
  g_autoptr(GError) error = NULL;
  g_autoptr(CbiganDataset) dataset = make_dataset(OBJECT);
  g_autoptr(GArray) left_out = g_array_new(FALSE, FALSE, sizeof(CbiganSuspect));
  CbiganInspectorOptions options = make_options(OBJECT);
  for (guint32 i = GOOD; i < OFTEN; i++)
    g_ptr_array_add(dataset->pictures, make_picture(i, OBJECT, 1.0, FALSE));
  g_assert_true(cbigan_screen_pictures(&options, dataset, left_out, &error));
  g_assert_cmpuint(left_out->len, ==, 0);
  for (guint i = 0; i < ODD; i++)
    g_ptr_array_insert(dataset->pictures, 5 * (int)i, make_picture(300 + i, i ? SURFACE : OBJECT, 1.0, !i));
  g_assert_true(cbigan_screen_pictures(&options, dataset, left_out, &error));
  g_assert_no_error(error);
  g_assert_cmpuint(left_out->len, ==, ODD);
  g_autoptr(CbiganDataset) others = cbigan_screen_others(dataset, left_out);
  g_assert_cmpuint(others->pictures->len, ==, OFTEN);
  for (guint i = 0; i < ODD; i++)
    g_assert_false(g_ptr_array_find(others->pictures, cbigan_dataset_get(dataset, 5 * i), NULL));
  options.keep_odd = TRUE;
  g_array_set_size(left_out, 0);
  g_assert_true(cbigan_screen_pictures(&options, dataset, left_out, &error));
  g_assert_cmpuint(left_out->len, ==, 0);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  static const char *const kinds[N_KINDS] = { "surface", "object", "turned" };
  for (int kind = 0; kind < N_KINDS; kind++) {
    g_autofree char *sees = g_strconcat("/inspector-training/sees/", kinds[kind], NULL);
    g_autofree char *files = g_strconcat("/inspector-training/files/", kinds[kind], NULL);
    g_test_add_data_func(sees, GINT_TO_POINTER(kind), test_sees);
    g_autofree char *quick = g_strconcat("/inspector-training/quick/", kinds[kind], NULL);
    g_test_add_data_func(files, GINT_TO_POINTER(kind), test_files);
    g_test_add_data_func(quick, GINT_TO_POINTER(kind), test_quick);
  }
  g_test_add_func("/inspector-training/borders", test_borders);
  g_test_add_func("/inspector-training/regions", test_regions);
  g_test_add_func("/inspector-training/shapes", test_shapes);
  g_test_add_func("/inspector-training/suspects", test_suspects);
  g_test_add_func("/inspector-training/screening", test_screening);
  g_test_add_func("/inspector-training/odd-size", test_odd_size);
  return g_test_run();
}
