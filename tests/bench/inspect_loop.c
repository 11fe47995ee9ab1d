/* inspect_loop.c - scores the same frame with an inspector again and again, on command, for interleave.py
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * inspect_loop object|surface|bank WIDTHxHEIGHT BACKEND THREADS [fp32|bf16|fp16] < commands
 * Says "ready SCORE"; each line on standard input is then answered with the milliseconds that one call of
 * cbigan_scorer_score() took, from 8-bit pixels to score and map, until the input ends. Weights and statistics are
 * random. bank: an object without a network, as cbigan train --quick makes it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/random.h"
#include "model/model.h"

static float
uniform(guint64 i)
{
  return (float)(cbigan_random_uniform(1, i) * 2.0 - 1.0);
}

/* A woven surface with some noise. */
static guint8 *
frame_pixels(int w, int h)
{
  guint8 *pixels = g_malloc((gsize)w * (gsize)h * 3);
  for (int i = 0; i < w * h * 3; i++) {
    const int x = i / 3 % w, y = i / 3 / w;
    pixels[i] = (guint8)(90 + 10 * ((x / 4 + y / 4) % 2) + 10 * (i % 3) + (int)(20.0f * uniform((guint64)i)));
  }
  return pixels;
}

static float *
uniforms(gsize n, float scale)
{
  float *x = g_new(float, n);
  for (gsize i = 0; i < n; i++)
    x[i] = scale * uniform(i);
  return x;
}

static CbiganModel *
make_model(gboolean object, gboolean bank, int w, int h)
{
  CbiganInspector inspector = { .width = 8, .summary = CBIGAN_SUMMARY_PEAK };
  CbiganInspectorMap *map = &inspector.maps[bank ? CBIGAN_MAP_BANK : CBIGAN_MAP_LOGIT];
  *map = (CbiganInspectorMap){ .used = TRUE, .scale = 1.0 };
  const gsize n = 3 * (gsize)w * (gsize)h;
  if (object) {
    inspector.w = w;
    inspector.h = h;
    inspector.mean = g_new(float, n);
    inspector.deviation = g_new(float, n);
  }
  for (gsize i = 0; object && i < n; i++) {
    inspector.mean[i] = -1.0f + 0.02f * uniform(i);
    inspector.deviation[i] = 0.05f;
  }
  g_autoptr(CbiganNetwork) network = cbigan_inspector_network(&inspector, CBIGAN_INSPECTOR_STEP, CBIGAN_INSPECTOR_STEP);
  if (bank) {
    const gsize channels = CBIGAN_BANK_CHANNELS, positions = cbigan_inspector_positions(&inspector);
    map->mean = uniforms(channels * positions, 0.01f);
    map->whitening = uniforms(channels * (channels + 1) / 2 * positions, 1.0f);
  } else {
    inspector.parameters = uniforms(network->n_floats, 0.1f);
  }
  CbiganModel *model = cbigan_model_new_inspector(&inspector);
  model->info.threshold = 1.0;
  return model;
}

static gboolean
run(char **argv, GError **error)
{
  const char *rows = strchr(argv[2], 'x');
  const int w = atoi(argv[2]), h = atoi(rows ? rows + 1 : argv[2]);
  const gboolean bank = g_str_equal(argv[1], "bank");
  g_autoptr(CbiganModel) model = make_model(bank || g_str_equal(argv[1], "object"), bank, w, h);
  CbiganScorerOptions options = CBIGAN_SCORER_OPTIONS_INIT;
  options.backend = argv[3];
  options.threads = atoi(argv[4]);
  for (int i = 0; argv[5] && i < CBIGAN_N_PRECISIONS; i++)
    if (g_str_equal(cbigan_precision_name((CbiganPrecision)i), argv[5]))
      options.precision = (CbiganPrecision)i;
  g_autoptr(CbiganScorer) scorer = cbigan_scorer_new(model, &options, error);
  if (!scorer)
    return FALSE;
  g_autofree guint8 *pixels = frame_pixels(w, h);
  const CbiganFrame frame = { .data = pixels, .width = w, .height = h, .stride = (gsize)w * 3 };
  CbiganResult result = CBIGAN_RESULT_INIT;
  gboolean fine = cbigan_scorer_score(scorer, &frame, 1, &result, error);
  if (fine)
    printf("ready %.9g\n", result.score);
  for (char line[64]; fine && fflush(stdout) == 0 && fgets(line, sizeof line, stdin);) {
    const gint64 start = g_get_monotonic_time();
    fine = cbigan_scorer_score(scorer, &frame, 1, &result, error);
    printf("%.3f\n", (double)(g_get_monotonic_time() - start) / 1000.);
  }
  cbigan_result_clear(&result);
  return fine;
}

int
main(int argc, char **argv)
{
  g_autoptr(GError) error = NULL;
  if (argc < 5 || argc > 6) {
    fprintf(stderr, "usage: inspect_loop object|surface|bank WIDTHxHEIGHT BACKEND THREADS [fp32|bf16|fp16]\n");
    return 2;
  }
  if (!run(argv, &error)) {
    fprintf(stderr, "inspect_loop: %s\n", error->message);
    return 1;
  }
  return 0;
}
