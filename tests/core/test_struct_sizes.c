/* test_struct_sizes.c - programs that were compiled with another version of cbigan.h
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Such a program's structs end earlier or later than the library's. What lies behind them must be neither read nor
 * written, and the members that both know must be the same as always.
 */
#include <stddef.h>
#include <string.h>

#include "sample_model.h"

#define SIDE 64
#define N 2
#define GUARD 0x5a

typedef struct {
  const char *path;
  gsize size; /* 0 = what a program of version 0.1 may say */
  gsize bytes;
} Case;

#define OLDER offsetof(CbiganResult, n_areas)
#define NEWER (sizeof(CbiganResult) + 24)

static const Case results[] = {
  { "/struct-sizes/result/older", OLDER, OLDER },
  { "/struct-sizes/result/version-0.1", 0, sizeof(CbiganResult) },
  { "/struct-sizes/result/newer", NEWER, NEWER },
};

static CbiganScorer *
new_scorer(const CbiganScorerOptions *options)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(CbiganModel) model = sample_model(SAMPLE_PLAIN);
  model->info.threshold = 1e-3;
  CbiganScorer *scorer = cbigan_scorer_new(model, options, &error);
  g_assert_no_error(error);
  return scorer;
}

static const CbiganFrame *
frames(void)
{
  static guint8 pixels[N][SIDE * SIDE * 3];
  static CbiganFrame all[N];
  for (int i = 0; i < N; i++) {
    for (gsize k = 0; k < sizeof pixels[i]; k++)
      pixels[i][k] = (guint8)(k * (k + 7) >> (3 + i));
    all[i] = (CbiganFrame){ pixels[i], SIDE, SIDE, SIDE * 3, FALSE, NULL };
  }
  return all;
}

static CbiganScorerOptions
options(void)
{
  CbiganScorerOptions chosen = CBIGAN_SCORER_OPTIONS_INIT;
  chosen.backend = "reference";
  chosen.score = CBIGAN_SCORE_PAPER;
  chosen.threshold = 1e-3;
  return chosen;
}

static void
check_result(const char *given, gsize size, const CbiganResult *expected)
{
  const CbiganResult *r = (const CbiganResult *)given;
  const gsize first = offsetof(CbiganResult, score), last = offsetof(CbiganResult, map);
  g_assert_cmpuint(r->size, ==, size);
  g_assert_cmpmem(given + first, last - first, (const char *)expected + first, last - first);
  g_assert_cmpint(r->map_width, ==, SIDE);
  g_assert_cmpmem(r->map, sizeof(float) * SIDE * SIDE, expected->map, sizeof(float) * SIDE * SIDE);
}

static gboolean
prepare(gpointer data, CbiganFrame *frame, GError **error)
{
  *frame = frames()[0];
  return TRUE;
}

static void
done(gpointer data, gboolean scored, const GError *error)
{
  g_assert_true(scored);
  g_async_queue_push(data, GINT_TO_POINTER(1));
}

static void
test_result(gconstpointer data)
{
  const Case *c = data;
  CbiganScorerOptions chosen = options();
  chosen.shared = TRUE;
  g_autoptr(CbiganScorer) scorer = new_scorer(&chosen);
  g_autoptr(GError) error = NULL;
  CbiganResult expected[N] = { CBIGAN_RESULT_INIT, CBIGAN_RESULT_INIT };
  g_assert_true(cbigan_scorer_score(scorer, frames(), N, expected, &error));
  g_assert_cmpuint(expected[0].n_regions, >, 0);

  const gsize all = N * c->bytes;
  g_autofree char *given = g_malloc(all + sizeof(CbiganResult));
  memset(given, 0, all);
  memset(given + all, GUARD, sizeof(CbiganResult));
  for (int i = 0; i < N; i++)
    ((CbiganResult *)(given + (gsize)i * c->bytes))->size = c->size;
  for (int turn = 0; turn < 2; turn++) { /* the second time, the maps' memory is used again */
    g_assert_true(cbigan_scorer_score(scorer, frames(), N, (CbiganResult *)given, &error));
    for (int i = 0; i < N; i++)
      check_result(given + (gsize)i * c->bytes, c->size, &expected[i]);
  }
  g_autoptr(GAsyncQueue) queue = g_async_queue_new();
  cbigan_scorer_post(scorer, (CbiganResult *)(given + c->bytes), prepare, done, queue);
  g_async_queue_pop(queue);
  check_result(given + c->bytes, c->size, &expected[0]);
  for (int i = 0; i < N; i++) {
    cbigan_result_clear((CbiganResult *)(given + (gsize)i * c->bytes));
    g_assert_null(((CbiganResult *)(given + (gsize)i * c->bytes))->map);
    g_assert_cmpuint(((CbiganResult *)(given + (gsize)i * c->bytes))->size, ==, c->size);
    cbigan_result_clear(&expected[i]);
  }
  for (gsize i = 0; i < sizeof(CbiganResult); i++)
    g_assert_cmpuint(given[all + i], ==, GUARD);
}

/* Members behind an older program's struct have their defaults, whatever lies there. */
static void
test_options(void)
{
  CbiganScorerOptions older = options();
  older.size = offsetof(CbiganScorerOptions, precision);
  memset((char *)&older + older.size, GUARD, sizeof older - older.size);
  g_autoptr(CbiganScorer) scorer = new_scorer(&older);
  g_assert_cmpstr(cbigan_scorer_backend(scorer), ==, "reference");
  struct {
    CbiganScorerOptions known;
    char unknown[16];
  } newer = { .known = options() };
  newer.known.size = sizeof newer;
  g_autoptr(CbiganScorer) other = new_scorer(&newer.known);
  g_assert_cmpstr(cbigan_scorer_backend(other), ==, "reference");
  g_test_expect_message(NULL, G_LOG_LEVEL_CRITICAL, "*cbigan_result_is_valid*");
  CbiganResult result = { .size = 8 };
  g_assert_false(cbigan_scorer_score(scorer, frames(), 1, &result, NULL));
  g_test_assert_expected_messages();
}

static void
test_counting(void)
{
  g_autoptr(GError) error = NULL;
  CbiganScorerOptions chosen = options();
  g_autoptr(CbiganScorer) scorer = new_scorer(&chosen);
  CbiganCounting older = { .size = offsetof(CbiganCounting, mask), .roi = "left=0,0,0.5,1" };
  memset(&older.mask, GUARD, sizeof older.mask);
  g_assert_true(cbigan_scorer_set_counting(scorer, &older, &error));
  CbiganResult result = CBIGAN_RESULT_INIT;
  g_assert_true(cbigan_scorer_score(scorer, frames(), 1, &result, &error));
  g_assert_cmpuint(result.n_areas, ==, 1);
  g_assert_cmpstr(result.areas[0].name, ==, "left");
  g_autoptr(CbiganScorer) again = cbigan_scorer_ref(scorer);
  g_assert_true(again == scorer);
  cbigan_result_clear(&result);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS(results); i++)
    g_test_add_data_func(results[i].path, &results[i], test_result);
  g_test_add_func("/struct-sizes/options", test_options);
  g_test_add_func("/struct-sizes/counting", test_counting);
  return g_test_run();
}
