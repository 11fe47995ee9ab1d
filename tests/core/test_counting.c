/* test_counting.c - masks, areas and the least area of a region, on both kinds of model and on every backend
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <math.h>
#include <string.h>

#include "golden/golden.h"
#include "model/model_file.h"
#include "pictures.h"
#include "score/areas/areas.h"
#include "score/calibration.h"
#include "harness.h"

#define W 112
#define H 80
#define PIXELS ((gsize)W * H)

typedef enum { PAPER, CALIBRATED, CRITIC, OBJECT, SURFACE, N_KINDS } Kind; /* of a score, or of an inspector */
static const char *const kind_names[N_KINDS] = { "paper", "calibrated", "critic", "object", "surface" };

typedef struct {
  const char *backend;
  Kind kind;
} Side;

/* An inspector of random weights. */
static CbiganModel *
inspector_model(gboolean object)
{
  CbiganInspector inspector = { .maps = { [CBIGAN_MAP_LOGIT] = { .used = TRUE, .scale = 1.0 } },
                                .width = 2,
                                .w = object ? W : 0,
                                .h = object ? H : 0,
                                .summary = object ? CBIGAN_SUMMARY_PEAK : CBIGAN_SUMMARY_TOP };
  g_autoptr(CbiganNetwork) network = cbigan_inspector_network(&inspector, 16, 16);
  g_autoptr(GRand) random = g_rand_new_with_seed(17);
  inspector.parameters = g_new(float, network->n_floats);
  for (gsize i = 0; i < network->n_floats; i++)
    inspector.parameters[i] = (float)g_rand_double_range(random, -0.3, 0.3);
  if (object) {
    Picture usual = picture(W, H, 1000, FALSE);
    inspector.mean = g_new(float, 3 * PIXELS);
    inspector.deviation = g_new(float, 3 * PIXELS);
    for (int i = 0; i < 3 * W * H; i++) {
      const int c = i / (W * H), y = i % (W * H) / W, x = i % W;
      const guint8 byte = usual.pixels[(gsize)y * usual.frame.stride + 3 * (gsize)x + (gsize)c];
      inspector.mean[i] = logf((byte + 24.0f) / 279.0f);
      inspector.deviation[i] = 0.05f;
    }
    g_free(usual.pixels);
  }
  CbiganModel *model = cbigan_model_new_inspector(&inspector);
  model->info.threshold = 0.5;
  return model;
}

static CbiganModel *
open_model(Kind kind)
{
  return kind >= OBJECT ? inspector_model(kind == OBJECT) : calibrated_model(64, W, H);
}

static CbiganScorer *
open_scorer(CbiganModel *model, const Side *side)
{
  g_autoptr(GError) error = NULL;
  CbiganScorerOptions options = CBIGAN_SCORER_OPTIONS_INIT;
  options.backend = side->backend;
  options.threads = 1;
  options.score = side->kind >= OBJECT ? CBIGAN_SCORE_INSPECTOR : (CbiganScoreKind)side->kind;
  CbiganScorer *scorer = cbigan_scorer_new(model, &options, &error);
  g_assert_no_error(error);
  return scorer;
}

static void
count(CbiganScorer *scorer, const char *roi, const guint8 *counts)
{
  g_autoptr(GError) error = NULL;
  const CbiganCounting counting = {
    .roi = roi, .picture_width = 1120, .picture_height = 800, .mask = { counts, W, H }
  };
  cbigan_scorer_set_counting(scorer, &counting, &error);
  g_assert_no_error(error);
}

static void
score(CbiganScorer *scorer, const Picture *p, CbiganResult *result)
{
  g_autoptr(GError) error = NULL;
  cbigan_scorer_score(scorer, &p->frame, 1, result, &error);
  g_assert_no_error(error);
}

/* The middle third of the columns is ignored, where picture() puts its blot. */
static void
middle_mask(guint8 *counts)
{
  for (gsize i = 0; i < PIXELS; i++)
    counts[i] = i % W < W / 3 || i % W >= 2 * W / 3;
}

/* Replaces ignored pixels: noise, 0, or 255. */
static void
spoil(Picture *p, const guint8 *counts, int how)
{
  g_autoptr(GRand) random = g_rand_new_with_seed(5);
  for (gsize i = 0; i < PIXELS; i++)
    for (gsize c = 0; !counts[i] && c < 3; c++)
      p->pixels[i / W * p->frame.stride + 3 * (i % W) + c] = how == 0   ? (guint8)g_rand_int_range(random, 0, 256)
                                                             : how == 1 ? 0
                                                                        : 255;
}

/* --- masks -------------------------------------------------------------------------------------------------------- */

/* Whatever ignored pixels show, score and map are the same to the bit, and the map is 0 there. */
static void
test_mask(gconstpointer data)
{
  const Side *side = data;
  g_autoptr(CbiganModel) model = open_model(side->kind);
  g_autoptr(CbiganScorer) scorer = open_scorer(model, side);
  CbiganResult first = CBIGAN_RESULT_INIT, other = CBIGAN_RESULT_INIT;
  guint8 counts[PIXELS];
  Picture p = picture(W, H, 3, FALSE);
  middle_mask(counts);
  count(scorer, NULL, counts);
  score(scorer, &p, &first);
  g_assert_cmpuint(first.n_areas, ==, 0);
  for (int how = 0; how < 3; how++) {
    spoil(&p, counts, how);
    score(scorer, &p, &other);
    g_assert_cmpfloat(other.score, ==, first.score);
    g_assert_cmpmem(first.map, PIXELS * sizeof(float), other.map, PIXELS * sizeof(float));
  }
  for (gsize i = 0; i < PIXELS; i++)
    if (!counts[i] && first.map[i] != 0.0f)
      g_error("map[%zu] is %g, expected 0 where ignored", i, (double)first.map[i]);
  g_free(p.pixels);
  cbigan_result_clear(&first);
  cbigan_result_clear(&other);
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
  CbiganResult first = CBIGAN_RESULT_INIT, other = CBIGAN_RESULT_INIT;
  Picture p = picture(W, H, 3, FALSE);
  score(scorer, &p, &first);
  spoil(&p, counts, 0);
  score(scorer, &p, &other);
  g_assert_cmpfloat(other.score, ==, first.score);
  g_free(p.pixels);
  cbigan_result_clear(&first);
  cbigan_result_clear(&other);
}

/* A mask that ignores nothing changes nothing. */
static void
test_empty_mask(gconstpointer data)
{
  const Side *side = data;
  g_autoptr(CbiganModel) model = open_model(side->kind);
  g_autoptr(CbiganScorer) scorer = open_scorer(model, side);
  CbiganResult without = CBIGAN_RESULT_INIT, with = CBIGAN_RESULT_INIT;
  guint8 counts[PIXELS];
  Picture p = picture(W, H, 3, TRUE);
  memset(counts, 255, sizeof counts);
  score(scorer, &p, &without);
  count(scorer, NULL, counts);
  score(scorer, &p, &with);
  g_assert_cmpfloat(with.score, ==, without.score);
  g_assert_cmpmem(with.map, PIXELS * sizeof(float), without.map, PIXELS * sizeof(float));
  g_free(p.pixels);
  cbigan_result_clear(&without);
  cbigan_result_clear(&with);
}

/* --- areas -------------------------------------------------------------------------------------------------------- */

/* Around the blot the score is that of the whole frame; beside it, it is less. The frame's is the worst area's. */
static void
test_areas(gconstpointer data)
{
  const Side *side = data;
  g_autoptr(CbiganModel) model = open_model(side->kind);
  g_autoptr(CbiganScorer) scorer = open_scorer(model, side);
  CbiganResult whole = CBIGAN_RESULT_INIT, result = CBIGAN_RESULT_INIT;
  Picture p = picture(W, H, 3, TRUE);
  score(scorer, &p, &whole);
  count(scorer, "0,0,1,1", NULL);
  score(scorer, &p, &result);
  g_assert_cmpfloat_with_epsilon(result.score, whole.score, 1e-6 * whole.score);
  count(scorer, "beside=0,0.8,1120px,0.2; blot=0.35,0.1,0.3,0.5", NULL);
  score(scorer, &p, &result);
  g_assert_cmpuint(result.n_areas, ==, 2);
  g_assert_cmpstr(result.areas[1].name, ==, "blot");
  g_assert_cmpfloat(result.score, ==, MAX(result.areas[0].score, result.areas[1].score));
  if (side->kind < OBJECT) { /* weights of an inspector are random here */
    g_assert_cmpfloat_with_epsilon(result.areas[1].score, whole.score, 1e-6 * whole.score);
    if (side->kind != PAPER) /* its patches are as large as the frame */
      g_assert_cmpfloat(result.areas[0].score, <, result.areas[1].score);
  }
  for (gsize i = 0; i < PIXELS; i++) {
    const gboolean inside = i / W >= 64 || (i / W >= 8 && i / W < 48 && i % W >= 39 && i % W < 73);
    if (!inside && result.map[i] != 0.0f)
      g_error("map[%zu] is %g outside of all areas, expected 0", i, (double)result.map[i]);
  }
  g_free(p.pixels);
  cbigan_result_clear(&whole);
  cbigan_result_clear(&result);
}

/* An area's own threshold decides in it, and the frame's verdict and map follow the worst area. */
static void
test_thresholds(gconstpointer data)
{
  const Side *side = data;
  g_autoptr(CbiganModel) model = open_model(side->kind);
  g_autoptr(CbiganScorer) scorer = open_scorer(model, side);
  CbiganResult plain = CBIGAN_RESULT_INIT, result = CBIGAN_RESULT_INIT;
  Picture p = picture(W, H, 3, TRUE);
  count(scorer, "left=0,0,0.5,1; right=0.5,0,0.5,1", NULL);
  score(scorer, &p, &plain);
  const double low = plain.areas[0].score / 3, high = plain.areas[1].score * 2;
  g_autofree char *roi = g_strdup_printf("left=0,0,0.5,1@%.9g; right=0.5,0,0.5,1@%.9g", low, high);
  count(scorer, roi, NULL);
  score(scorer, &p, &result);
  g_assert_true(result.areas[0].anomalous && !result.areas[1].anomalous && result.anomalous);
  g_assert_cmpfloat(result.score, ==, plain.areas[0].score);
  g_assert_cmpfloat_with_epsilon(result.threshold, low, 1e-6 * low);
  g_assert_cmpfloat_with_epsilon(result.normalized, 0.75, 1e-6);
  for (gsize i = 0; i < PIXELS; i++)
    if (i % W >= W / 2 && side->kind != PAPER && result.map[i] > (float)result.threshold)
      g_error("map[%zu] is %g in an area below its threshold, expected at most %g", i, (double)result.map[i],
              result.threshold);
  for (guint i = 0; i < result.n_regions; i++)
    g_assert_cmpfloat(result.regions[i].x, <, 0.5);
  g_free(p.pixels);
  cbigan_result_clear(&plain);
  cbigan_result_clear(&result);
}

static void
test_polygon(void)
{
  static const Side side = { "cpu", CRITIC };
  g_autoptr(CbiganModel) model = open_model(side.kind);
  g_autoptr(CbiganScorer) scorer = open_scorer(model, &side);
  CbiganResult result = CBIGAN_RESULT_INIT;
  Picture p = picture(W, H, 3, FALSE);
  count(scorer, "0,0 1,0 0,1", NULL);
  score(scorer, &p, &result);
  for (gsize i = 0; i < PIXELS; i++)
    if ((i % W + 0.5) / W + ((double)(i / W) + 0.5) / H > 1.001 && result.map[i] != 0.0f)
      g_error("map[%zu] is %g outside of the triangle, expected 0", i, (double)result.map[i]);
  g_free(p.pixels);
  cbigan_result_clear(&result);
}

/* --- the least area of a region ----------------------------------------------------------------------------------- */

/* Without a region that is large enough there is no anomaly, whether the caller wants a map or not. */
static void
test_min_area(gconstpointer data)
{
  const Side *side = data;
  g_autoptr(CbiganModel) model = open_model(side->kind);
  CbiganResult result = CBIGAN_RESULT_INIT, limited = CBIGAN_RESULT_INIT;
  Picture p = picture(W, H, 3, TRUE);
  for (int maps = 0; maps < CBIGAN_N_MAPS; maps++) {
    g_autoptr(GError) error = NULL;
    CbiganScorerOptions options = CBIGAN_SCORER_OPTIONS_INIT;
    options.backend = side->backend;
    options.score = (CbiganScoreKind)side->kind;
    options.maps = (CbiganMaps)maps;
    g_autoptr(CbiganScorer) scorer = cbigan_scorer_new(model, &options, &error);
    g_assert_no_error(error);
    score(scorer, &p, &result);
    g_assert_true(cbigan_scorer_set_threshold(scorer, result.score * 0.95, NULL)); /* a few pixels */
    count(scorer, "blot=0.3,0,0.4,1; beside=0,0,0.1,1", NULL);
    g_assert_true(cbigan_scorer_set_min_area(scorer, 1e-6, NULL));
    score(scorer, &p, &limited);
    g_assert_true(limited.anomalous && limited.areas[0].anomalous && !limited.areas[1].anomalous);
    g_assert_true(cbigan_scorer_set_min_area(scorer, 0.9, NULL));
    score(scorer, &p, &limited);
    g_assert_false(limited.anomalous || limited.areas[0].anomalous);
    g_assert_cmpuint(limited.n_regions, ==, 0);
    g_assert_cmpfloat_with_epsilon(limited.score, result.score, 1e-6 * result.score);
    g_assert_cmpint(limited.map_width, ==, maps == CBIGAN_MAPS_ALL ? W : limited.map_width);
  }
  g_free(p.pixels);
  cbigan_result_clear(&result);
  cbigan_result_clear(&limited);
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
    const CbiganCalibrationOptions options = {
      side->kind >= OBJECT ? CBIGAN_SCORE_INSPECTOR : (CbiganScoreKind)side->kind, FALSE, 0.2, side->backend, 0, 1
    };
    cbigan_model_calibrate(model, &options, frames, N, NULL, &error);
    g_assert_no_error(error);
    thresholds[spoiled] = model->info.threshold;
  }
  g_assert_cmpfloat(thresholds[0], ==, thresholds[1]);
  for (guint i = 0; i < N; i++)
    g_free(good[i].pixels);
}

/* --- bad values --------------------------------------------------------------------------------------------------- */

static void
test_bad_values(void)
{
  static const guint8 none[4] = { 0 };
  static const struct {
    const char *roi;
    CbiganMask mask;
    int pixels; /* whether the picture's size is known */
    const char *parts[3];
  } rows[] = {
    { .roi = "0.5,0,0.6,1", .pixels = 1, .parts = { "x = 1.1", "0 to 1" } },
    { .roi = "-0.1,0,0.6,1", .pixels = 1, .parts = { "x = -0.1", "0 to 1" } },
    { .roi = "lid=0,0,0,1", .pixels = 1, .parts = { "lid", "0 x 1", "above 0" } },
    { .roi = "0,0,nan,1", .pixels = 1, .parts = { "nan", "number" } },
    { .roi = "0,0,inf,1", .pixels = 1, .parts = { "inf", "number" } },
    { .roi = "0,0,1", .pixels = 1, .parts = { "0,0,1", "rectangle" } },
    { .roi = "0,0 1,1", .pixels = 1, .parts = { "2 corners", "at least 3" } },
    { .roi = "0,0 1,1 0,0,1,1", .pixels = 1, .parts = { "0,0,1,1", "x,y" } },
    { .roi = ";", .pixels = 1, .parts = { ";", "at least one" } },
    { .roi = "a=0,0,1,1;a=0,0,1,1", .pixels = 1, .parts = { "“a”", "different names" } },
    { .roi = "0,0,1,1@nan", .pixels = 1, .parts = { "nan", "at least 0" } },
    { .roi = "0,0,1,1@-1", .pixels = 1, .parts = { "-1", "at least 0" } },
    { .roi = "0,0,2000px,1", .pixels = 1, .parts = { "x = 1.78", "0 to 1" } },
    { .roi = "0,0,20px,1", .pixels = 0, .parts = { "20px", "fractions" } },
    { .roi = "0,0,20em,1", .pixels = 1, .parts = { "20em", "number" } },
    { .roi = "0,0,0.001,0.001", .pixels = 1, .parts = { "no pixel", "112 x 80", "larger" } },
    { .mask = { none, 2, 2 }, .parts = { "2 x 2", "at least one" } },
    { .mask = { none, 0, 2 }, .parts = { "0 x 2", "at least 1 x 1" } },
  };
  static const Side side = { "cpu", CRITIC };
  g_autoptr(CbiganModel) model = open_model(side.kind);
  g_autoptr(CbiganScorer) scorer = open_scorer(model, &side);
  CbiganResult before = CBIGAN_RESULT_INIT, after = CBIGAN_RESULT_INIT;
  Picture p = picture(W, H, 3, TRUE);
  count(scorer, "0,0,0.5,1", NULL);
  score(scorer, &p, &before);
  for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autoptr(GError) error = NULL;
    const CbiganCounting counting = { rows[i].roi, rows[i].pixels ? 1120 : 0, rows[i].pixels ? 800 : 0, rows[i].mask };
    g_assert_false(cbigan_scorer_set_counting(scorer, &counting, &error));
    g_assert_error(error, CBIGAN_ERROR, CBIGAN_ERROR_ARGUMENT);
    for (int k = 0; k < 3 && rows[i].parts[k]; k++)
      if (!strstr(error->message, rows[i].parts[k]))
        g_error("row %u: “%s” is not in the message: %s", i, rows[i].parts[k], error->message);
  }
  score(scorer, &p, &after); /* nothing has changed */
  g_assert_cmpfloat(after.score, ==, before.score);
  g_free(p.pixels);
  cbigan_result_clear(&before);
  cbigan_result_clear(&after);
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
  static const struct {
    const char *name;
    void (*func)(gconstpointer side);
    guint kinds; /* bits */
  } tests[] = {
    { "mask", test_mask, ~0u },
    { "model-mask", test_model_mask, ~0u },
    { "empty-mask", test_empty_mask, ~0u },
    { "areas", test_areas, ~0u },
    { "thresholds", test_thresholds, ~0u },
    { "min-area", test_min_area, 1u << CALIBRATED | 1u << CRITIC },
    { "calibration", test_calibration, ~0u },
  };
  static Side sides[8 * N_KINDS];
  guint n = 0;
  g_test_init(&argc, &argv, NULL);
  for (const char *const *backend = cbigan_backend_names(); *backend; backend++) {
    g_autofree char *why = cbigan_backend_unavailable(*backend);
    for (int kind = 0; !why && kind < N_KINDS; kind++) {
      Side *side = &sides[n++];
      *side = (Side){ *backend, (Kind)kind };
      for (guint i = 0; i < G_N_ELEMENTS(tests); i++) {
        g_autofree char *path = g_strdup_printf("/counting/%s/%s/%s", *backend, kind_names[kind], tests[i].name);
        if (tests[i].kinds & 1u << kind)
          g_test_add_data_func(path, side, tests[i].func);
      }
    }
  }
  g_test_add_func("/counting/polygon", test_polygon);
  g_test_add_func("/counting/bad-values", test_bad_values);
  g_test_add_func("/counting/nothing-counts", test_nothing_counts);
  g_test_add_func("/counting/mask-sizes", test_mask_sizes);
  return g_test_run();
}
