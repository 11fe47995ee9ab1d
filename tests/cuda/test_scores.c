/* test_scores.c - the cuda backend's distances against the host's, and whole scores against the cpu backend's
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Where there is a GPU, those run that any GPU can take; on the emulated one, all.
 */
#include <math.h>
#include <string.h>

#include "backends/compare.h"
#include "core/pictures.h"
#include "golden/golden.h"
#include "machines.h"
#include "score/calibration.h"
#include "score/filter.h"
#include "score/measure.h"
#include "score/passes.h"

#define QUICK "open=1," OWN

/* --- distances -----------------------------------------------------------------------------------------------------
 */

typedef struct {
  int width, patch;
  guint blocks;
  int grid;
  gboolean apart;
  int batch;
} Case;

/* D's block outputs as `batch` random samples, statistics, and the operation */
typedef struct {
  Case c;
  CbiganNetwork *network;
  CbiganBackend *backend;
  CbiganFeatures features;
  CbiganCriticStatistics good;
  float **values, *host[CBIGAN_MAX_FEATURES];
  CbiganDistances *distances;
} Setup;

static gsize
positions(const Setup *s)
{
  return (gsize)s->c.grid * (gsize)s->c.grid;
}

static CbiganShape
shape_of(const Setup *s, int i)
{
  return s->network->values[s->features.values[i]].shape;
}

/* first: the seed of the first sample's numbers, the others' follow */
static void
fill_values(Setup *s, guint32 first)
{
  for (int i = 0; i < s->features.n; i++) {
    const gsize size = cbigan_shape_size(shape_of(s, i));
    for (int k = 0; k < s->c.batch; k++) {
      g_autofree float *sample = data_new(DATA_RANDOM, size, 1000u * (guint32)i + first + (guint32)k);
      memcpy(s->host[i] + (gsize)k * size, sample, size * sizeof *sample);
    }
    cbigan_backend_upload(s->backend, shape_of(s, i), s->c.batch, s->host[i], s->values[s->features.values[i]]);
  }
}

static Setup
setup_new(const Case *c)
{
  g_autoptr(GError) error = NULL;
  Setup s = { .c = *c, .network = cbigan_network_new(CBIGAN_DISCRIMINATOR, c->width, c->patch) };
  s.backend = cbigan_backend_open("cuda", 0, 0, &error);
  g_assert_no_error(error);
  s.features.grid = c->grid;
  s.values = g_new0(float *, s.network->n_values);
  for (int block = 0; block < CBIGAN_MAX_FEATURES; block++)
    if (c->blocks & 1u << block) {
      const int value = cbigan_network_block_output(s.network, block), i = s.features.n++;
      const CbiganShape shape = s.network->values[value].shape;
      const gsize n = cbigan_shape_size(shape) * (gsize)c->batch;
      s.features.values[i] = value;
      cbigan_resampler_init(&s.features.resamplers[i], shape.w, c->grid);
      s.values[value] = cbigan_backend_alloc(s.backend, n, &error);
      g_assert_no_error(error);
      s.host[i] = g_new(float, n);
      s.good.channels += shape.c;
    }
  s.good.positions = c->apart ? c->grid * c->grid : 1;
  const gsize means = (gsize)s.good.positions * (gsize)s.good.channels;
  s.good.mean = data_new(DATA_RANDOM, means, 5);
  s.good.whitening = data_new(DATA_RANDOM, means * (gsize)s.good.channels, 6);
  s.distances = cbigan_backend_distances(s.backend, s.network, &s.features, &s.good, c->batch);
  return s;
}

static void
setup_clear(Setup *s)
{
  if (s->distances)
    s->distances->free(s->distances);
  for (int i = 0; i < s->features.n; i++) {
    cbigan_resampler_clear(&s->features.resamplers[i]);
    cbigan_backend_free(s->backend, s->values[s->features.values[i]]);
    g_free(s->host[i]);
  }
  g_free(s->values);
  g_free(s->good.mean);
  g_free(s->good.whitening);
  cbigan_backend_close(s->backend);
  cbigan_network_free(s->network);
}

/* (transfer full) (n, grid * grid) of the first n samples, and what lies behind untouched */
static float *
run(Setup *s, int n)
{
  g_autoptr(GError) error = NULL;
  float *found = g_new(float, (gsize)(n + 1) * positions(s)), *to[n];
  for (gsize i = 0; i < (gsize)(n + 1) * positions(s); i++)
    found[i] = -1.0f;
  for (int i = 0; i < n; i++)
    to[i] = found + (gsize)(n - 1 - i) * positions(s); /* last one first: wherever the caller wants them */
  s->distances->run(s->distances, s->values, n, to);
  cbigan_backend_finish(s->backend, &error);
  g_assert_no_error(error);
  for (gsize i = 0; i < positions(s); i++)
    g_assert_cmpfloat(found[(gsize)n * positions(s) + i], ==, -1.0f);
  return found;
}

/* From its definition, in double */
static double
distance(const Setup *s, int sample, gsize position)
{
  const int channels = s->good.channels;
  const gsize at = s->c.apart ? position : 0;
  g_autofree double *d = g_new(double, channels);
  double square = 0.0;
  for (int i = 0, channel = 0; i < s->features.n; i++) {
    const CbiganShape shape = shape_of(s, i);
    const CbiganResampler *r = &s->features.resamplers[i];
    const int row = (int)position / s->c.grid, column = (int)position % s->c.grid;
    for (int c = 0; c < shape.c; c++, channel++) {
      const float *x = s->host[i] + ((gsize)sample * (gsize)shape.c + (gsize)c) * (gsize)(shape.h * shape.w);
      double sum = 0.0;
      for (int j = 0; j < r->taps; j++)
        for (int k = 0; k < r->taps; k++)
          sum += (double)r->weight[row * r->taps + j] * r->weight[column * r->taps + k] *
                 x[(r->first[row] + j) * shape.w + r->first[column] + k];
      d[channel] = sum - s->good.mean[at * (gsize)channels + (gsize)channel];
    }
  }
  for (int row = 0; row < channels; row++) {
    double sum = 0.0;
    for (int i = 0; i < channels; i++)
      sum += s->good.whitening[(at * (gsize)channels + (gsize)row) * (gsize)channels + (gsize)i] * d[i];
    square += sum * sum;
  }
  return sqrt(square);
}

/* Channels: few, one group's, several rounds of rows; grids that are no multiple, wider than the maps, of one position;
 * more samples than share a matrix. */
static const Case cases[] = {
  { 1, 64, 0x1, 32, FALSE, 2 },  { 3, 64, 0x7, 32, FALSE, 1 }, { 3, 64, 0x7, 32, TRUE, 1 },
  { 3, 128, 0x5, 7, FALSE, 3 },  { 5, 64, 0x2f, 5, TRUE, 19 }, { 16, 64, 0x7, 4, FALSE, 5 },
  { 16, 64, 0x3f, 2, TRUE, 17 }, { 9, 64, 0x3f, 3, FALSE, 4 }, { 2, 64, 0x20, 1, FALSE, 33 },
};

static void
test_distances(void)
{
  if (!can_run())
    return;
  if (is_emulated())
    g_setenv("CBIGAN_EMULATOR", QUICK, TRUE);
  for (guint k = 0; k < G_N_ELEMENTS(cases); k++) {
    Setup s = setup_new(&cases[k]);
    const int n = MAX(s.c.batch - 1, 1);
    g_assert_nonnull(s.distances);
    for (int turn = 0; turn < 3; turn++) { /* launches, a capture, a graph */
      fill_values(&s, 100u * (guint32)turn);
      g_autofree float *found = run(&s, n);
      for (int i = 0; i < n; i++)
        for (gsize p = 0; p < positions(&s); p += turn == 0 ? 1 : 3) {
          const double have = found[(gsize)(n - 1 - i) * positions(&s) + p], want = distance(&s, i, p);
          if (!(fabs(have - want) <= 1e-5 * want))
            g_error("case %u, turn %d, sample %d, position %zu: %.9g, expected %.9g, tolerance 1e-5", k, turn, i, p,
                    have, want);
        }
    }
    setup_clear(&s);
  }
}

/* To the bit, a sample's distances depend on neither the number nor the place of those in the batch. */
static void
test_alone(void)
{
  if (!can_run())
    return;
  for (int apart = 0; apart < 2; apart++) {
    const Case many = { 3, 64, 0x7, 5, apart, 21 }, one = { 3, 64, 0x7, 5, apart, 1 };
    Setup s = setup_new(&many), alone = setup_new(&one);
    fill_values(&s, 40);
    g_autofree float *together = run(&s, many.batch);
    for (int i = 0; i < many.batch; i++) {
      fill_values(&alone, 40 + (guint32)i);
      g_autofree float *found = run(&alone, 1);
      g_assert_cmpmem(found, positions(&s) * sizeof *found, together + (gsize)(many.batch - 1 - i) * positions(&s),
                      positions(&s) * sizeof *found);
    }
    setup_clear(&s);
    setup_clear(&alone);
  }
}

/* A number that is not finite shows where it goes in, and in no other sample; large ones don't. */
static void
test_not_finite(void)
{
  static const float bad[] = { NAN, INFINITY, -INFINITY };
  const Case c = { 3, 64, 0x7, 32, FALSE, 3 };
  if (!can_run())
    return;
  Setup s = setup_new(&c);
  const CbiganShape shape = shape_of(&s, 0);
  for (guint k = 0; k < G_N_ELEMENTS(bad); k++) {
    fill_values(&s, 7);
    const gsize at = cbigan_shape_size(shape) + 33; /* of the second sample, row 1, column 1 */
    s.host[0][at] = bad[k];
    cbigan_backend_upload(s.backend, shape, c.batch, s.host[0], s.values[s.features.values[0]]);
    g_autofree float *found = run(&s, c.batch);
    for (gsize i = 0; i < (gsize)c.batch * positions(&s); i++)
      if (i == positions(&s) + 33 ? isfinite(found[i]) : i / positions(&s) != 1 && !isfinite(found[i]))
        g_error("%g: number %zu is %g", (double)bad[k], i, (double)found[i]);
  }
  for (gsize i = 0; i < (gsize)s.good.channels; i++)
    s.good.mean[i] = 1e25f; /* the squares are more than a float */
  fill_values(&s, 7);
  s.distances->free(s.distances);
  s.distances = cbigan_backend_distances(s.backend, s.network, &s.features, &s.good, c.batch);
  g_autofree float *found = run(&s, c.batch);
  for (gsize i = 0; i < (gsize)c.batch * positions(&s); i++)
    g_assert_true(isfinite(found[i]) && found[i] > 1e24f);
  setup_clear(&s);
}

/* Without memory for the statistics the caller finds distances, and nothing has failed; a capture that fails says
 * where. */
static void
test_failures(void)
{
  const Case c = { 3, 64, 0x7, 4, FALSE, 2 };
  g_autoptr(GError) error = NULL;
  if (!only_emulated())
    return;
  g_setenv("CBIGAN_EMULATOR", QUICK, TRUE);
  Setup s = setup_new(&c);
  fill_values(&s, 1);
  g_autofree float *want = run(&s, 2);
  float other[2 * 16], *to[] = { other, other + 16 };
  g_setenv("CBIGAN_EMULATOR", QUICK ",memory=0", TRUE);
  g_assert_null(cbigan_backend_distances(s.backend, s.network, &s.features, &s.good, 64));
  cbigan_backend_finish(s.backend, &error);
  g_assert_no_error(error);
  for (int i = 1; i < 5; i++) {
    g_autofree char *machine = g_strdup_printf(QUICK ",uncapturable=%d", i);
    g_setenv("CBIGAN_EMULATOR", machine, TRUE);
    s.distances->run(s.distances, s.values, 2, to);
    g_assert_false(cbigan_backend_finish(s.backend, &error));
    const char *pattern = i < 4 ? "^distances\\.c:[0-9]+: .*launch_features.*: cudaErrorStreamCaptureUnsupported"
                                : "^distances\\.c:[0-9]+: .*launch_distances.*: cudaErrorStreamCaptureUnsupported";
    if (!g_regex_match_simple(pattern, error->message, 0, 0))
      g_error("“%s”, expected “%s”", error->message, pattern);
    g_clear_error(&error);
  }
  g_setenv("CBIGAN_EMULATOR", QUICK, TRUE);
  g_autofree float *again = run(&s, 2);
  g_assert_cmpmem(again, 32 * sizeof *again, want, 32 * sizeof *want);
  setup_clear(&s);
}

/* --- scores --------------------------------------------------------------------------------------------------------
 */

static CbiganScorer *
open_scorer(CbiganModel *model, const char *backend, CbiganScoreKind kind, gboolean all)
{
  g_autoptr(GError) error = NULL;
  CbiganScorerOptions options = CBIGAN_SCORER_OPTIONS_INIT;
  options.backend = backend;
  options.score = kind;
  options.also = all ? (1u << CBIGAN_N_SCORES) - 1 : 0;
  options.threads = 1;
  CbiganScorer *scorer = cbigan_scorer_new(model, &options, &error);
  g_assert_no_error(error);
  return scorer;
}

static void
score(CbiganScorer *scorer, const CbiganFrame *frames, guint n, CbiganResult *results)
{
  g_autoptr(GError) error = NULL;
  cbigan_scorer_score(scorer, frames, n, results, &error);
  g_assert_no_error(error);
}

/* The backend finds distances itself where it is told the statistics, else it doesn't. */
static void
check_offered(const CbiganModel *model)
{
  for (int i = 0; i < 4; i++) {
    g_autoptr(GError) error = NULL;
    g_autoptr(CbiganBackend) backend = cbigan_backend_open(i < 2 ? "cuda" : "reference", 0, 1, &error);
    g_autoptr(CbiganPasses) passes =
        cbigan_passes_new(model, backend, CBIGAN_NEEDS_FEATURES, i % 2 ? &model->critic : NULL, 2, &error);
    g_assert_no_error(error);
    g_assert_cmpint(passes->distances != NULL, ==, i == 1);
    g_clear_pointer(&passes, cbigan_passes_free); /* before the backend */
  }
}

/* Frames of several sizes in one call, in changed light, with and without a blot: each score, and the map of one. */
static void
check_scores(CbiganModel *model, const int (*sizes)[2], guint n, CbiganScoreKind kind, gboolean all)
{
  CbiganScorer *scorers[] = { open_scorer(model, "cpu", kind, all), open_scorer(model, "cuda", kind, all) };
  Picture pictures[n];
  CbiganFrame frames[n];
  CbiganResult want[n], have[n];
  for (guint i = 0; i < n; i++) {
    pictures[i] = picture(sizes[i][0], sizes[i][1], 300 + i, i % 2 == 0);
    change_light(&pictures[i], i % 3 ? 1.05 : 0.9, i % 3 ? 3 : 6);
    frames[i] = pictures[i].frame;
    want[i] = have[i] = (CbiganResult)CBIGAN_RESULT_INIT;
  }
  score(scorers[0], frames, n, want);
  for (int turn = 0; turn < 2; turn++) /* launches, graphs */
    score(scorers[1], frames, n, have);
  for (guint i = 0; i < n; i++) {
    for (int k = 0; k < CBIGAN_N_SCORES; k++)
      if ((all || k == (int)kind) && !(fabs(have[i].scores[k] / want[i].scores[k] - 1) <= 1e-4))
        g_error("%d x %d, %s: %.9g, expected %.9g, tolerance 1e-4", sizes[i][0], sizes[i][1],
                cbigan_score_name((CbiganScoreKind)k), have[i].scores[k], want[i].scores[k]);
    for (int k = 0; k < sizes[i][0] * sizes[i][1]; k++)
      if (!(fabs(have[i].map[k] - want[i].map[k]) <= 1e-4 * want[i].score))
        g_error("%d x %d, %s, map[%d]: %.9g, expected %.9g, tolerance 1e-4 of %g", sizes[i][0], sizes[i][1],
                cbigan_score_name(kind), k, (double)have[i].map[k], (double)want[i].map[k], want[i].score);
    g_free(pictures[i].pixels);
    cbigan_result_clear(&want[i]);
    cbigan_result_clear(&have[i]);
  }
  cbigan_scorer_free(scorers[0]);
  cbigan_scorer_free(scorers[1]);
}

static void
test_scores(void)
{
  /* any size, several in a batch and one in several; statistics of each position; patches that overlap */
  static const struct {
    int patch, w, h;
    guint n;
    int sizes[5][2];
  } models[] = {
    { 64, 0, 0, 5, { { 64, 64 }, { 65, 64 }, { 100, 80 }, { 127, 200 }, { 64, 64 } } },
    { 64, 64, 64, 3, { { 64, 64 }, { 64, 64 }, { 64, 64 } } },
    { 64, 150, 110, 2, { { 150, 110 }, { 150, 110 } } },
    { 128, 140, 128, 1, { { 140, 128 } } },
  };
  if (!can_run())
    return;
  if (is_emulated())
    g_setenv("CBIGAN_EMULATOR", QUICK, TRUE);
  for (guint i = 0; i < G_N_ELEMENTS(models); i++) {
    g_autoptr(CbiganModel) model = calibrated_model(models[i].patch, models[i].w, models[i].h);
    g_assert_false(isnan(model->info.light_median));
    check_offered(model);
    check_scores(model, models[i].sizes, models[i].n, CBIGAN_SCORE_CRITIC, FALSE);
    check_scores(model, models[i].sizes, models[i].n, (CbiganScoreKind)(i % CBIGAN_N_SCORES), TRUE);
    model->info.light_low = model->info.light_median = NAN; /* both views are one */
    check_scores(model, models[i].sizes, models[i].n, CBIGAN_SCORE_CALIBRATED, TRUE);
  }
}

/* What D makes of a frame is not finite: the same error as from any backend. */
static void
test_bad_weights(void)
{
  g_autoptr(GError) error = NULL;
  if (!can_run())
    return;
  g_autoptr(CbiganModel) model = calibrated_model(64, 64, 64);
  for (gsize i = 0; i < model->networks[CBIGAN_DISCRIMINATOR]->n_floats; i++)
    model->parameters[CBIGAN_DISCRIMINATOR][i] = 3e38f;
  g_autoptr(CbiganScorer) scorer = open_scorer(model, "cuda", CBIGAN_SCORE_CRITIC, FALSE);
  Picture p = picture(64, 64, 1, FALSE);
  CbiganResult r = CBIGAN_RESULT_INIT;
  g_assert_false(cbigan_scorer_score(scorer, &p.frame, 1, &r, &error));
  g_assert_error(error, CBIGAN_ERROR, CBIGAN_ERROR_BACKEND);
  g_assert_nonnull(strstr(error->message, "not finite"));
  g_free(p.pixels);
  cbigan_result_clear(&r);
}

/* After a few frames the device has no memory left and no room for graphs, and nobody asks. */
static void
test_memory(void)
{
  if (!only_emulated())
    return;
  g_autoptr(CbiganModel) model = calibrated_model(64, 100, 80);
  Picture p = picture(100, 80, 3, TRUE);
  for (int all = 0; all < 2; all++) {
    g_setenv("CBIGAN_EMULATOR", QUICK, TRUE);
    g_autoptr(CbiganScorer) scorer = open_scorer(model, "cuda", CBIGAN_SCORE_CRITIC, all);
    CbiganResult r = CBIGAN_RESULT_INIT;
    for (int i = 0; i < 5; i++) {
      if (i == 2)
        g_setenv("CBIGAN_EMULATOR", QUICK ",memory=0,graphs=0", TRUE);
      score(scorer, &p.frame, 1, &r);
    }
    cbigan_result_clear(&r);
  }
  g_free(p.pixels);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/cuda-scores/distances", test_distances);
  g_test_add_func("/cuda-scores/alone", test_alone);
  g_test_add_func("/cuda-scores/not-finite", test_not_finite);
  g_test_add_func("/cuda-scores/failures", test_failures);
  g_test_add_func("/cuda-scores/scores", test_scores);
  g_test_add_func("/cuda-scores/bad-weights", test_bad_weights);
  g_test_add_func("/cuda-scores/memory", test_memory);
  return g_test_run();
}
