/* score_loop.c - scores the same frame again and again, on command, for peers.py and gpu_peers.py
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * score_loop WIDTH PATCH PATCHES first|hidden BACKEND THREADS [fp32|bf16|fp16] < commands
 * PATCHES: of a side of the frame, or COLUMNSxROWS. Says "ready PIXEL_TERM FEATURE_TERM"; then each line on standard
 * input is answered with the milliseconds that one call of cbigan_scorer_score() took, from 8-bit pixels to score and
 * map, until the input ends. The weights are those of the golden tests, so that peers.py can build the same model; its
 * frame() makes the same pixels.
 */
#include "bench.h"
#include "cbigan.h"
#include "golden/golden.h"

#include <stdio.h>
#include <string.h>

/* CBIGAN_PRECISION_AUTO: it is none that can be asked for here. */
static CbiganPrecision
precision_of(const char *name)
{
  int i = name ? CBIGAN_N_PRECISIONS - 1 : CBIGAN_PRECISION_FP32;
  while (name && i > CBIGAN_PRECISION_AUTO && !g_str_equal(cbigan_precision_name((CbiganPrecision)i), name))
    i--;
  return (CbiganPrecision)i;
}

static int
run(char **argv, GError **error)
{
  const char *rows = strchr(argv[3], 'x');
  int patch = atoi(argv[2]), width = patch * atoi(argv[3]), height = patch * atoi(rows ? rows + 1 : argv[3]);
  g_autoptr(CbiganModel) model = golden_model(atoi(argv[1]), patch);
  model->info.tap = g_str_equal(argv[4], "hidden") ? CBIGAN_TAP_HIDDEN : CBIGAN_TAP_FIRST;
  model->info.frame_width = width;
  model->info.frame_height = height; /* so that the size of the batches fits the frame */
  model->info.score = CBIGAN_SCORE_PAPER;
  model->info.scores[CBIGAN_SCORE_PAPER] = TRUE;
  CbiganScorerOptions options = CBIGAN_SCORER_OPTIONS_INIT;
  options.backend = argv[5];
  options.threads = atoi(argv[6]);
  options.precision = precision_of(argv[7]);
  g_autoptr(CbiganScorer) scorer = cbigan_scorer_new(model, &options, error);
  if (!scorer)
    return 1;
  g_autofree guint8 *pixels = bench_pixels((gsize)width * (gsize)height * 3);
  CbiganFrame frame = { pixels, width, height, (gsize)width * 3 };
  CbiganResult result = CBIGAN_RESULT_INIT;
  gboolean fine = cbigan_scorer_score(scorer, &frame, 1, &result, error);
  if (fine)
    printf("ready %.9g %.9g\n", result.pixel_term, result.feature_term);
  for (char line[64]; fine && fflush(stdout) == 0 && fgets(line, sizeof line, stdin);) {
    gint64 start = g_get_monotonic_time();
    fine = cbigan_scorer_score(scorer, &frame, 1, &result, error);
    printf("%.3f\n", (double)(g_get_monotonic_time() - start) / 1000.);
  }
  cbigan_result_clear(&result);
  return fine ? 0 : 1;
}

int
main(int argc, char **argv)
{
  g_autoptr(GError) error = NULL;
  if (argc < 7 || argc > 8 || precision_of(argv[7]) == CBIGAN_PRECISION_AUTO) {
    fprintf(stderr, "usage: score_loop WIDTH PATCH PATCHES first|hidden BACKEND THREADS [fp32|bf16|fp16]\n");
    return 2;
  }
  int status = run(argv, &error);
  if (error)
    fprintf(stderr, "score_loop: %s\n", error->message);
  return status;
}
