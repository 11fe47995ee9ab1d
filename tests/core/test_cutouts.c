/* test_cutouts.c - a frame larger than the model's scores as the worst of its cutouts, at the right place
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <math.h>
#include <string.h>

#include "harness.h"
#include "sides.h"

/* A frame with 3 x 2 cutouts: with an overlap of a quarter, neighbours are at most 84 and 60 pixels apart. */
#define WIDE (W + 168)
#define HIGH (H + 60)
#define COLUMNS 3
#define ROWS 2
#define OVERLAP 0.25
#define N ((gsize)WIDE * HIGH)
static const int left[COLUMNS] = { 0, 84, 168 }, top[ROWS] = { 0, 60 };

static void
cut(CbiganScorer *scorer, double overlap)
{
  g_autoptr(GError) error = NULL;
  cbigan_scorer_set_cutouts(scorer, overlap, &error);
  g_assert_no_error(error);
}

static Picture
cutout_of(const Picture *p, int x, int y)
{
  Picture cutout = *p;
  cutout.frame.data += (gsize)y * p->frame.stride + 3 * (gsize)x;
  cutout.frame.width = W;
  cutout.frame.height = H;
  return cutout;
}

/* Draws a black square of 9 pixels. */
static void
blot(Picture *p, int x, int y)
{
  for (int row = y; row < y + 9; row++)
    memset(p->pixels + (gsize)row * p->frame.stride + 3 * (gsize)x, 0, 27);
}

/* Score, map and terms are those of the cutouts, each scored by itself. */
static void
test_worst(gconstpointer data)
{
  const Side *side = data;
  g_autoptr(CbiganModel) model = open_model(side->kind);
  g_autoptr(CbiganScorer) scorer = open_scorer(model, side), single = open_scorer(model, side);
  CbiganResult whole = CBIGAN_RESULT_INIT, one = CBIGAN_RESULT_INIT;
  g_autofree float *map = g_new0(float, N);
  Picture p = picture(WIDE, HIGH, 3, TRUE);
  double worst = -1, pixel_term = NAN;
  for (int i = 0; i < ROWS * COLUMNS; i++) {
    const int x = left[i % COLUMNS], y = top[i / COLUMNS];
    const Picture cutout = cutout_of(&p, x, y);
    score(single, &cutout, &one);
    if (one.score > worst)
      pixel_term = one.pixel_term;
    worst = MAX(worst, one.score);
    for (int v = 0; v < H; v++)
      for (int u = 0; u < W; u++) {
        float *to = &map[(gsize)(y + v) * WIDE + (gsize)(x + u)];
        *to = MAX(*to, one.map[v * W + u]);
      }
  }
  cut(scorer, OVERLAP);
  score(scorer, &p, &whole);
  g_assert_cmpfloat(whole.score, ==, worst);
  g_assert_true(whole.pixel_term == pixel_term || (isnan(whole.pixel_term) && isnan(pixel_term)));
  g_assert_cmpint(whole.map_width, ==, WIDE);
  g_assert_cmpint(whole.map_height, ==, HIGH);
  g_assert_cmpmem(whole.map, N * sizeof(float), map, N * sizeof(float));
  cut(scorer, NAN);
  const Picture corner = cutout_of(&p, 0, 0);
  score(scorer, &corner, &whole);
  score(single, &corner, &one);
  g_assert_cmpfloat(whole.score, ==, one.score);
  g_free(p.pixels);
  cbigan_result_clear(&whole);
  cbigan_result_clear(&one);
}

static void
cut_widely(CbiganScorer *scorer)
{
  cut(scorer, 0.9);
}

/* A frame of the model's size is one cutout. */
static void
test_same_size(gconstpointer side)
{
  expect_no_effect(side, cut_widely);
}

/* Wherever the defect lies, the worst region lies there; it lies in one area of two. */
static void
test_places(gconstpointer data)
{
  static const struct {
    int x, y;
  } places[] = { { 20, 12 }, { 108, 70 }, { 250, 20 }, { 190, 120 } };
  const Side *side = data;
  g_autoptr(CbiganModel) model = open_model(side->kind);
  g_autoptr(CbiganScorer) scorer = open_scorer(model, side);
  CbiganResult result = CBIGAN_RESULT_INIT;
  cut(scorer, OVERLAP);
  for (guint i = 0; i < G_N_ELEMENTS(places); i++) {
    Picture p = picture(WIDE, HIGH, 3, FALSE);
    blot(&p, places[i].x, places[i].y);
    count(scorer, "left=0,0,0.5,1; right=0.5,0,0.5,1", NULL);
    cbigan_scorer_set_threshold(scorer, NAN, NULL);
    score(scorer, &p, &result);
    const guint at = places[i].x > WIDE / 2;
    g_assert_cmpuint(result.n_areas, ==, 2);
    g_assert_cmpfloat(result.score, ==, result.areas[at].score);
    g_assert_cmpfloat(result.areas[1 - at].score, <, result.score);
    cbigan_scorer_set_threshold(scorer, result.score / 2, NULL);
    score(scorer, &p, &result);
    g_assert_cmpuint(result.n_regions, >=, 1);
    const CbiganRegion *region = &result.regions[0];
    const double x = region->x * WIDE, y = region->y * HIGH; /* pixels */
    if (x > places[i].x + 9 || x + region->w * WIDE < places[i].x || y > places[i].y + 9 ||
        y + region->h * HIGH < places[i].y)
      g_error("defect at %d,%d of 9 x 9 pixels, region at %g,%g of %g x %g", places[i].x, places[i].y, x, y,
              region->w * WIDE, region->h * HIGH);
    g_assert_true(result.anomalous);
    cbigan_scorer_set_min_area(scorer, 0.9, NULL);
    score(scorer, &p, &result);
    g_assert_true(!result.anomalous && result.n_regions == 0);
    cbigan_scorer_set_min_area(scorer, 0, NULL);
    g_free(p.pixels);
  }
  cbigan_result_clear(&result);
}

/* What a mask over the whole frame ignores has no part in any cutout. */
static void
test_mask(gconstpointer data)
{
  const Side *side = data;
  g_autoptr(GError) error = NULL;
  g_autoptr(CbiganModel) model = open_model(side->kind);
  g_autoptr(CbiganScorer) scorer = open_scorer(model, side);
  g_autofree guint8 *counts = g_malloc(N);
  CbiganResult first = CBIGAN_RESULT_INIT, other = CBIGAN_RESULT_INIT;
  Picture p = picture(WIDE, HIGH, 3, FALSE);
  for (gsize i = 0; i < N; i++)
    counts[i] = i % WIDE < 100 || i / WIDE > 90; /* all of one cutout is ignored */
  const CbiganCounting counting = { .mask = { counts, WIDE, HIGH } };
  cut(scorer, OVERLAP);
  cbigan_scorer_set_counting(scorer, &counting, &error);
  g_assert_no_error(error);
  score(scorer, &p, &first);
  blot(&p, 150, 40);
  blot(&p, 250, 10);
  score(scorer, &p, &other);
  expect_same(&other, &first, N);
  expect_ignored(&first, counts, N);

  g_autoptr(CbiganScorer) fresh = open_scorer(model, side); /* what no mask ever touched */
  cut(fresh, OVERLAP);
  cbigan_scorer_set_counting(scorer, NULL, &error);
  g_assert_no_error(error);
  score(scorer, &p, &first);
  score(fresh, &p, &other);
  expect_same(&first, &other, N);
  g_free(p.pixels);
  cbigan_result_clear(&first);
  cbigan_result_clear(&other);
}

/* Which results have a map. */
static void
test_maps(gconstpointer data)
{
  const Side *side = data;
  g_autoptr(CbiganModel) model = open_model(side->kind);
  Picture p = picture(WIDE, HIGH, 3, FALSE);
  blot(&p, 190, 120);
  for (int maps = 0; maps < CBIGAN_N_MAPS; maps++) {
    CbiganResult result = CBIGAN_RESULT_INIT;
    CbiganScorerOptions options = scorer_options(side);
    options.maps = (CbiganMaps)maps;
    g_autoptr(CbiganScorer) scorer = cbigan_scorer_new(model, &options, NULL);
    cut(scorer, OVERLAP);
    score(scorer, &p, &result);
    const double at = result.score;
    for (int anomalous = 0; anomalous < 2; anomalous++) {
      const gboolean wanted = maps == CBIGAN_MAPS_ALL || (maps == CBIGAN_MAPS_ANOMALOUS && anomalous);
      cbigan_scorer_set_threshold(scorer, anomalous ? at * 0.9 : at * 2, NULL);
      score(scorer, &p, &result);
      g_assert_cmpint(result.anomalous, ==, anomalous);
      g_assert_cmpint(result.map_width, ==, wanted ? WIDE : 0);
      g_assert_cmpint(result.n_regions > 0, ==, wanted && anomalous);
    }

    cbigan_scorer_set_min_area(scorer, 1e-6, NULL);
    score(scorer, &p, &result);
    g_assert_true(result.anomalous);
    cbigan_scorer_set_min_area(scorer, 0.9, NULL);
    score(scorer, &p, &result);
    g_assert_false(result.anomalous);

    cbigan_result_clear(&result);
  }
  g_free(p.pixels);
}

static void
refuse(CbiganScorer *scorer, double overlap, const char *part)
{
  g_autoptr(GError) error = NULL;
  g_assert_false(cbigan_scorer_set_cutouts(scorer, overlap, &error));
  expect_error(error, CBIGAN_ERROR_ARGUMENT, part);
}

static void
test_refused(void)
{
  static const Side object = { "cpu", OBJECT }, surface = { "cpu", SURFACE }, critic = { "cpu", CRITIC };
  g_autoptr(GError) error = NULL;
  g_autoptr(CbiganModel) one = open_model(OBJECT), any = open_model(SURFACE), masked = open_model(CRITIC);
  g_autoptr(CbiganScorer) fixed = open_scorer(one, &object), native = open_scorer(any, &surface);
  guint8 counts[PIXELS];
  middle_mask(counts);
  cbigan_model_set_mask(masked, &(CbiganMask){ counts, W, H });
  g_autoptr(CbiganScorer) with_mask = open_scorer(masked, &critic);
  refuse(fixed, -0.1, "-0.1");
  refuse(fixed, 0.95, "0.95");
  refuse(fixed, INFINITY, "inf");
  refuse(native, 0.25, "any size");
  refuse(with_mask, 0.25, "mask");
  cut(fixed, 0);
  CbiganResult result = CBIGAN_RESULT_INIT;
  Picture low = picture(WIDE, H - 1, 3, FALSE);
  g_assert_false(cbigan_scorer_score(fixed, &low.frame, 1, &result, &error));
  expect_error(error, CBIGAN_ERROR_FRAME, "280 x 79");
  g_clear_error(&error);
  low.frame.height = H;
  low.frame.stride = 3 * W; /* enough for a cutout */
  g_assert_false(cbigan_scorer_score(fixed, &low.frame, 1, &result, &error));
  expect_error(error, CBIGAN_ERROR_FRAME, "rows of 336 bytes");
  g_clear_error(&error);
  low.frame.width = 0;
  g_assert_false(cbigan_scorer_score(native, &low.frame, 1, &result, &error));
  expect_error(error, CBIGAN_ERROR_FRAME, "0 x 80");
  g_free(low.pixels);
  cbigan_result_clear(&result);
}

/* --- posted frames ------------------------------------------------------------------------------------------------ */

typedef struct {
  const Picture *picture;
  GMutex lock;
  GCond changed;
  gboolean done;
} Posting;

static gboolean
prepare(gpointer data, CbiganFrame *frame, GError **error)
{
  *frame = ((Posting *)data)->picture->frame;
  return TRUE;
}

static void
done(gpointer data, gboolean scored, const GError *error)
{
  Posting *posting = data;
  g_assert_no_error(error);
  g_assert_true(scored);
  g_mutex_lock(&posting->lock);
  posting->done = TRUE;
  g_cond_signal(&posting->changed);
  g_mutex_unlock(&posting->lock);
}

static void
test_posted(void)
{
  static const Side side = { "cpu", CALIBRATED };
  g_autoptr(CbiganModel) model = open_model(side.kind);
  CbiganScorerOptions options = scorer_options(&side);
  options.shared = TRUE;
  g_autoptr(CbiganScorer) waiting = open_scorer(model, &side), shared = cbigan_scorer_new(model, &options, NULL);
  CbiganResult first = CBIGAN_RESULT_INIT, other = CBIGAN_RESULT_INIT;
  Picture p = picture(WIDE, HIGH, 3, TRUE);
  Posting posting = { .picture = &p };
  cut(waiting, OVERLAP);
  cut(shared, OVERLAP);
  count(waiting, "0,0,0.5,1", NULL);
  count(shared, "0,0,0.5,1", NULL);
  score(waiting, &p, &first);
  cbigan_scorer_post(shared, &other, prepare, done, &posting);
  g_mutex_lock(&posting.lock);
  while (!posting.done)
    g_cond_wait(&posting.changed, &posting.lock);
  g_mutex_unlock(&posting.lock);
  expect_same(&other, &first, N);
  g_free(p.pixels);
  cbigan_result_clear(&first);
  cbigan_result_clear(&other);
}

int
main(int argc, char **argv)
{
  const guint fixed = ~(1u << SURFACE); /* with a frame size */
  const SideTest tests[] = {
    { "worst", test_worst, fixed },
    { "same-size", test_same_size, fixed },
    { "places", test_places, 1u << CALIBRATED | 1u << CRITIC },
    { "mask", test_mask, fixed },
    { "maps", test_maps, 1u << CALIBRATED | 1u << CRITIC },
  };
  g_test_init(&argc, &argv, NULL);
  add_side_tests("cutouts", tests, G_N_ELEMENTS(tests));
  g_test_add_func("/cutouts/refused", test_refused);
  g_test_add_func("/cutouts/posted", test_posted);
  return g_test_run();
}
