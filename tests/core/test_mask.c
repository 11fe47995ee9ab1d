/* test_mask.c - masks, on both kinds of model and on every backend
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <string.h>

#include "harness.h"
#include "model/model_file.h"
#include "score/areas/areas.h"
#include "score/calibration.h"
#include "sides.h"

/* Whatever ignored pixels show, score and map are the same to the bit, and the map is 0 there. */
static void
check_ignored(CbiganScorer *scorer, const guint8 *counts)
{
  CbiganResult first = CBIGAN_RESULT_INIT, other = CBIGAN_RESULT_INIT;
  Picture p = picture(W, H, 3, FALSE);
  score(scorer, &p, &first);
  g_assert_cmpuint(first.n_areas, ==, 0);
  for (int how = 0; how < 3; how++) {
    spoil(&p, counts, how);
    score(scorer, &p, &other);
    expect_same(&other, &first, PIXELS);
  }
  expect_ignored(&first, counts, PIXELS);
  g_free(p.pixels);
  cbigan_result_clear(&first);
  cbigan_result_clear(&other);
}

static void
test_mask(gconstpointer data)
{
  const Side *side = data;
  g_autoptr(CbiganModel) model = open_model(side->kind);
  g_autoptr(CbiganScorer) scorer = open_scorer(model, side);
  guint8 counts[PIXELS];
  middle_mask(counts);
  count(scorer, NULL, counts);
  check_ignored(scorer, counts);
}

/* The model's own mask does the same, after the way through a file. */
static void
test_model_mask(gconstpointer data)
{
  const Side *side = data;
  g_autoptr(GError) error = NULL;
  guint8 counts[PIXELS];
  middle_mask(counts);
  g_autoptr(CbiganModel) made = open_model(side->kind);
  cbigan_model_set_mask(made, &(CbiganMask){ counts, W, H });
  gsize size;
  g_autofree guint8 *bytes = cbigan_model_save_bytes(made, "m", &size, &error);
  g_assert_no_error(error);
  g_autoptr(CbiganModel) model = cbigan_model_load_bytes(bytes, size, "m", &error);
  g_assert_no_error(error);
  g_assert_cmpmem(counts, PIXELS, cbigan_model_info(model)->mask.counts, PIXELS);
  g_autoptr(CbiganScorer) scorer = open_scorer(model, side);
  check_ignored(scorer, counts);
}

static void
count_all(CbiganScorer *scorer)
{
  guint8 counts[PIXELS];
  memset(counts, 255, sizeof counts);
  count(scorer, NULL, counts);
}

/* A mask that ignores nothing changes nothing. */
static void
test_empty_mask(gconstpointer side)
{
  expect_no_effect(side, count_all);
}

/* --- training ----------------------------------------------------------------------------------------------------- */

/* Calibration with a mask gives the threshold of scores with that mask. */
static void
test_calibration(gconstpointer data)
{
  enum { N = 8 };
  const Side *side = data;
  g_autoptr(GError) error = NULL;
  g_autoptr(CbiganModel) model = open_model(side->kind);
  guint8 counts[PIXELS];
  Picture good[N];
  CbiganFrame frames[N];
  middle_mask(counts);
  const CbiganMask mask = { counts, W, H };
  g_autoptr(CbiganAreas) areas = NULL;
  cbigan_model_set_mask(model, &mask);
  for (guint i = 0; i < N; i++) {
    good[i] = picture(W, H, 40 + i, FALSE);
    frames[i] = good[i].frame;
  }
  g_assert_true(cbigan_areas_for_frames(&mask, frames, N, &areas, &error));
  double thresholds[2];
  for (int spoiled = 0; spoiled < 2; spoiled++) {
    g_autofree guint8 *pixels = g_new(guint8, N * 3 * PIXELS);
    for (guint i = 0; i < N; i++) {
      if (spoiled)
        spoil(&good[i], counts, (int)i % 3);
      for (int y = 0; y < H; y++)
        memcpy(pixels + (i * PIXELS + (gsize)y * W) * 3, good[i].pixels + (gsize)y * good[i].frame.stride, 3 * W);
      cbigan_areas_fill(areas, pixels + i * PIXELS * 3);
      frames[i] = (CbiganFrame){ pixels + i * PIXELS * 3, W, H, 3 * W };
    }
    const CbiganCalibrationOptions options = { score_kind(side), FALSE, 0.2, side->backend, 0, 1 };
    cbigan_model_calibrate(model, &options, frames, N, NULL, &error);
    g_assert_no_error(error);
    thresholds[spoiled] = model->info.threshold;
  }
  g_assert_cmpfloat(thresholds[0], ==, thresholds[1]);
  for (guint i = 0; i < N; i++)
    g_free(good[i].pixels);
}

/* An area within the ignored part has nothing that counts; a mask may leave nothing of a frame of another size. */
static void
test_nothing_counts(void)
{
  static const Side side = { "cpu", SURFACE };
  g_autoptr(GError) error = NULL;
  g_autoptr(CbiganModel) model = open_model(side.kind);
  g_autoptr(CbiganScorer) scorer = open_scorer(model, &side);
  guint8 counts[PIXELS];
  CbiganResult result = CBIGAN_RESULT_INIT;
  Picture p = picture(W, H, 3, TRUE), small = picture(20, 20, 3, FALSE);
  middle_mask(counts);
  const CbiganCounting hidden = { .roi = "hidden=0.4,0,0.2,1", .mask = { counts, W, H } };
  g_assert_true(cbigan_scorer_set_counting(scorer, &hidden, NULL));
  g_assert_false(cbigan_scorer_score(scorer, &p.frame, 1, &result, &error));
  expect_error(error, CBIGAN_ERROR_ARGUMENT, "hidden");
  g_clear_error(&error);
  for (gsize i = 0; i < PIXELS; i++)
    counts[i] = i % W == 50;
  count(scorer, NULL, counts);
  score(scorer, &p, &result);
  g_assert_false(cbigan_scorer_score(scorer, &small.frame, 1, &result, &error));
  g_assert_nonnull(strstr(error->message, "20 x 20"));
  score(scorer, &p, &result);
  g_free(p.pixels);
  g_free(small.pixels);
  cbigan_result_clear(&result);
}

/* A mask of any size covers the frame: a larger one with a margin for the resampler, a smaller one by its pixels. */
static void
test_mask_sizes(void)
{
  static const struct {
    int w;
    gsize ignored_from, ignored_end; /* columns of the frame */
  } rows[] = { { W / 2, 10, 12 }, { W, 5, 6 }, { 2 * W, 2, 4 }, { 10 * W, 0, 2 } };
  for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autoptr(GError) error = NULL;
    g_autoptr(CbiganAreas) areas = NULL;
    g_autofree guint8 *counts = g_new(guint8, rows[i].w);
    const CbiganFrame frame = { NULL, W, H, 3 * W };
    for (int x = 0; x < rows[i].w; x++)
      counts[x] = x != 5;
    g_assert_true(cbigan_areas_for_frames(&(CbiganMask){ counts, rows[i].w, 1 }, &frame, 1, &areas, &error));
    for (gsize x = 0; x < W; x++)
      if (cbigan_areas_unmasked(areas)[x] != (x < rows[i].ignored_from || x >= rows[i].ignored_end))
        g_error("mask of %d columns, column %zu: counts is %d", rows[i].w, x, cbigan_areas_unmasked(areas)[x]);
  }
}

int
main(int argc, char **argv)
{
  static const SideTest tests[] = {
    { "pixels", test_mask, ~0u },
    { "of-model", test_model_mask, ~0u },
    { "empty", test_empty_mask, ~0u },
    { "calibration", test_calibration, ~0u },
  };
  g_test_init(&argc, &argv, NULL);
  add_side_tests("mask", tests, G_N_ELEMENTS(tests));
  g_test_add_func("/mask/nothing-counts", test_nothing_counts);
  g_test_add_func("/mask/sizes", test_mask_sizes);
  return g_test_run();
}
