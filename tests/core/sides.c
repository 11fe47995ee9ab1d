/* sides.c - models of every kind on every backend, for tests of what counts
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "sides.h"

#include <math.h>

static const char *const kind_names[N_KINDS] = { "paper", "calibrated", "critic", "object", "surface" };

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

CbiganModel *
open_model(Kind kind)
{
  return kind >= OBJECT ? inspector_model(kind == OBJECT) : calibrated_model(64, W, H);
}

CbiganScoreKind
score_kind(const Side *side)
{
  return side->kind >= OBJECT ? CBIGAN_SCORE_INSPECTOR : (CbiganScoreKind)side->kind;
}

CbiganScorerOptions
scorer_options(const Side *side)
{
  CbiganScorerOptions options = CBIGAN_SCORER_OPTIONS_INIT;
  options.backend = side->backend;
  options.threads = 1;
  options.score = score_kind(side);
  return options;
}

CbiganScorer *
open_scorer(CbiganModel *model, const Side *side)
{
  g_autoptr(GError) error = NULL;
  const CbiganScorerOptions options = scorer_options(side);
  CbiganScorer *scorer = cbigan_scorer_new(model, &options, &error);
  g_assert_no_error(error);
  return scorer;
}

void
count(CbiganScorer *scorer, const char *roi, const guint8 *counts)
{
  g_autoptr(GError) error = NULL;
  const CbiganCounting counting = {
    .roi = roi, .picture_width = 1120, .picture_height = 800, .mask = { counts, W, H }
  };
  cbigan_scorer_set_counting(scorer, &counting, &error);
  g_assert_no_error(error);
}

void
score(CbiganScorer *scorer, const Picture *p, CbiganResult *result)
{
  g_autoptr(GError) error = NULL;
  cbigan_scorer_score(scorer, &p->frame, 1, result, &error);
  g_assert_no_error(error);
}

void
middle_mask(guint8 *counts)
{
  for (gsize i = 0; i < PIXELS; i++)
    counts[i] = i % W < W / 3 || i % W >= 2 * W / 3;
}

void
spoil(Picture *p, const guint8 *counts, int how)
{
  g_autoptr(GRand) random = g_rand_new_with_seed(5);
  for (gsize i = 0; i < PIXELS; i++)
    for (gsize c = 0; !counts[i] && c < 3; c++)
      p->pixels[i / W * p->frame.stride + 3 * (i % W) + c] = how == 0   ? (guint8)g_rand_int_range(random, 0, 256)
                                                             : how == 1 ? 0
                                                                        : 255;
}

void
expect_same(const CbiganResult *have, const CbiganResult *want, gsize n)
{
  g_assert_cmpfloat(have->score, ==, want->score);
  g_assert_cmpmem(have->map, n * sizeof(float), want->map, n * sizeof(float));
}

void
expect_ignored(const CbiganResult *result, const guint8 *counts, gsize n)
{
  for (gsize i = 0; i < n; i++)
    if (!counts[i] && result->map[i] != 0.0f)
      g_error("map[%zu] is %g, expected 0 where ignored", i, (double)result->map[i]);
}

void
expect_no_effect(const Side *side, void (*change)(CbiganScorer *scorer))
{
  g_autoptr(CbiganModel) model = open_model(side->kind);
  g_autoptr(CbiganScorer) scorer = open_scorer(model, side);
  CbiganResult without = CBIGAN_RESULT_INIT, with = CBIGAN_RESULT_INIT;
  Picture p = picture(W, H, 3, TRUE);
  score(scorer, &p, &without);
  change(scorer);
  score(scorer, &p, &with);
  expect_same(&with, &without, PIXELS);
  g_assert_cmpuint(with.n_regions, ==, without.n_regions);
  g_assert_cmpmem(with.regions, sizeof *with.regions * with.n_regions, without.regions,
                  sizeof *with.regions * with.n_regions);
  g_free(p.pixels);
  cbigan_result_clear(&without);
  cbigan_result_clear(&with);
}

void
add_side_tests(const char *prefix, const SideTest *tests, guint n)
{
  static Side sides[8 * N_KINDS];
  guint n_sides = 0;
  for (const char *const *backend = cbigan_backend_names(); *backend; backend++) {
    g_autofree char *why = cbigan_backend_unavailable(*backend);
    for (int kind = 0; !why && kind < N_KINDS; kind++) {
      Side *side = &sides[n_sides++];
      *side = (Side){ *backend, (Kind)kind };
      for (guint i = 0; i < n; i++) {
        g_autofree char *path = g_strdup_printf("/%s/%s/%s/%s", prefix, *backend, kind_names[kind], tests[i].name);
        if (tests[i].kinds & 1u << kind)
          g_test_add_data_func(path, side, tests[i].func);
      }
    }
  }
}
