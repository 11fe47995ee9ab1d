/* test_golden.c - networks and scores against PyTorch and NumPy, on every backend that runs here
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The data come from tests/golden/make_golden.py. Tensors agree to 1e-5 of their largest value, scores to 1e-4 of
 * themselves. One wrong number in any weight tensor makes the test fail.
 */
#include <math.h>

#include "golden/golden.h"
#include "forward/forward.h"
#include "score/calibration.h"
#include "score/gan/model_networks.h"
#include "harness.h"

#define TENSOR 1e-5
#define SCORE 1e-4

static void
compare_score(const char *what, int i, double value, double expected, double tolerance)
{
  if (!(fabs(value - expected) <= tolerance * fabs(expected)))
    g_error("%s[%d] is %.9g, expected %.9g (tolerance %g of it)", what, i, value, expected, tolerance);
}

/* --- networks -------------------------------------------------------------------------------------------------- */

typedef struct {
  int width, patch, step; /* of stored pictures only every step-th pixel is there */
} Forward;

static const Forward forwards[] = { { 3, 64, 2 }, { 4, 128, 4 } };

static Golden *
open_forward(const Forward *f)
{
  g_autofree char *name = g_strdup_printf("forward_c%d_p%d.safetensors", f->width, f->patch);
  return golden_open(name);
}

/* (n, c, side, side) -> every step-th pixel, in place; returns how many floats are left */
static gsize
thin(float *x, int n, int c, int side, int step)
{
  gsize out = 0;
  for (int plane = 0; plane < n * c; plane++)
    for (int y = 0; y < side; y += step)
      for (int k = 0; k < side; k += step)
        x[out++] = x[((gsize)plane * side + y) * side + k];
  return out;
}

static void
compare_value(CbiganBackend *backend, CbiganShape shape, int n, const float *data, int step, Golden *golden,
              const char *name, double tolerance)
{
  gsize expected_size;
  const float *expected = golden_floats(golden, name, &expected_size, NULL);
  g_autofree float *host = g_new(float, cbigan_shape_size(shape) * (gsize)n);
  cbigan_backend_download(backend, shape, n, data, host);
  gsize size = cbigan_shape_size(shape) * (gsize)n;
  if (step > 1)
    size = thin(host, n, shape.c, shape.w, step);
  g_assert_cmpuint(size, ==, expected_size);
  g_test_message("%s, %s: distance %g", cbigan_backend_name(backend), name, golden_distance(host, expected, size));
  golden_compare(name, host, expected, size, tolerance);
}

/* n frames of one patch, bytes (n, patch, patch, 3) -> x (n, 3, patch, patch), backend memory */
static void
fill_images(CbiganBackend *backend, const guint8 *bytes, int n, int patch, float *x)
{
  float *corners = cbigan_backend_alloc(backend, 2, NULL); /* zeros */
  CbiganFrames *frames = cbigan_backend_frames_new(backend, n, patch, patch, NULL);
  const CbiganFrameTiling tiling = { patch, patch, patch, 1, 1, corners, corners + 1 };
  for (int i = 0; i < n; i++)
    cbigan_backend_frame(backend, frames, i,
                         &(CbiganFrame){ bytes + (gsize)i * patch * patch * 3, patch, patch, 3 * (gsize)patch });
  cbigan_backend_crop(backend, frames, n, &tiling, 0, 1, NULL, x);
  cbigan_backend_frames_free(backend, frames);
  cbigan_backend_free(backend, corners);
}

static void
check_forward(const Forward *f, const char *backend_name)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(Golden) golden = open_forward(f);
  g_autoptr(CbiganModel) model = golden_model(f->width, f->patch);
  g_autoptr(CbiganBackend) backend = open_backend(&(CbiganBackendOptions){ .name = backend_name, .threads = 1 });
  int dims[4];
  const guint8 *bytes = golden_bytes(golden, "frames", NULL, dims);
  int n = dims[0];
  for (int tap = CBIGAN_TAP_FIRST; tap <= CBIGAN_TAP_HIDDEN; tap++) {
    model->info.tap = (CbiganFeatureTap)tap;
    g_autoptr(CbiganModelNetworks) networks =
        cbigan_model_networks_new(model, backend, CBIGAN_NEEDS_TERMS, n, NULL, &error);
    g_assert_no_error(error);
    fill_images(backend, bytes, n, f->patch, networks->x);
    double l_r[4], l_fd[4];
    cbigan_model_networks_reconstruct(networks);
    cbigan_model_networks_terms(networks, n, NULL, l_r, l_fd);
    g_assert_true(cbigan_backend_finish(networks->backend, NULL));
    compare_value(backend, (CbiganShape){ CBIGAN_LATENT, 1, 1 }, n, networks->z, 1, golden, "z", TENSOR);
    compare_value(backend, networks->image, n, networks->r, f->step, golden, "reconstruction", TENSOR);
    CbiganShape shape = networks->tap->network->values[networks->tap_value].shape;
    if (networks->difference) { /* then tap_x is f_D(x - r) */
      networks->tap->values[0] = networks->x;
      cbigan_forward_run(networks->tap);
    }
    compare_value(backend, shape, n, networks->tap_x, tap == CBIGAN_TAP_FIRST ? f->step : 1, golden,
                  tap == CBIGAN_TAP_FIRST ? "first" : "hidden", TENSOR);
    for (int i = 0; i < n; i++) {
      compare_score("l_r", i, l_r[i], golden_floats(golden, "l_r", NULL, NULL)[i], SCORE);
      compare_score("l_fd", i, l_fd[i],
                    golden_floats(golden, tap == CBIGAN_TAP_FIRST ? "l_fd_first" : "l_fd_hidden", NULL, NULL)[i],
                    SCORE);
    }
    if (tap == CBIGAN_TAP_HIDDEN) { /* the rest of D, on the same E(x) */
      const CbiganNetwork *d = model->networks[CBIGAN_DISCRIMINATOR];
      g_autoptr(CbiganForward) whole = cbigan_forward_new(backend, d, d->n_layers, n, CBIGAN_KEEP_ALL,
                                                          networks->parameters[CBIGAN_DISCRIMINATOR], &error);
      g_assert_no_error(error);
      whole->values[0] = networks->x;
      whole->values[1] = networks->z;
      cbigan_forward_run(whole);
      compare_value(backend, (CbiganShape){ 1, 1, 1 }, n, whole->values[d->output], 1, golden, "critic", SCORE);
    }
    g_assert_true(cbigan_backend_finish(backend, &error));
  }
}

static void
test_forward(gconstpointer backend)
{
  for (guint i = 0; i < G_N_ELEMENTS(forwards); i++)
    check_forward(&forwards[i], backend);
}

/* --- scores ---------------------------------------------------------------------------------------------------- */

typedef struct {
  const char *file;
  int width, patch, good, frame_width, frame_height, repeat; /* 0: native; each stored pixel stands for repeat^2 */
  guint blocks;
  int grid;
  CbiganFeatureTap tap;
} Scores;

static const Scores scores[] = {
  { "scores_aligned.safetensors", 3, 64, 9, 64, 64, 1, 0x7, 16, CBIGAN_TAP_FIRST },
  { "scores_texture.safetensors", 4, 64, 5, 0, 0, 1, 0x6, 16, CBIGAN_TAP_HIDDEN },
  { "scores_wide.safetensors", 3, 128, 4, 128, 128, 2, 0x9, 32, CBIGAN_TAP_FIRST },
};

static guint8 *
enlarge(const guint8 *stored, int n, int h, int w, int repeat)
{
  guint8 *pixels = g_malloc((gsize)n * h * w * repeat * repeat * 3), *out = pixels;
  for (int y = 0; y < n * h * repeat; y++)
    for (int x = 0; x < w * repeat; x++)
      for (int c = 0; c < 3; c++)
        *out++ = stored[((gsize)(y / repeat) * w + x / repeat) * 3 + c];
  return pixels;
}

/* Checks all scores of all frames, for one preferred score. */
static void
compare_scores(CbiganModel *model, Golden *golden, const char *backend, CbiganScoreKind kind, const CbiganFrame *frames,
               guint n)
{
  static const char *const maps[] = { "paper_map", "calibrated_map", NULL };
  g_autoptr(GError) error = NULL;
  CbiganScorerOptions options = CBIGAN_SCORER_OPTIONS_INIT;
  options.backend = backend;
  options.threads = 1;
  options.score = kind;
  options.also = (1u << CBIGAN_N_GAN_SCORES) - 1;
  g_autoptr(CbiganScorer) scorer = cbigan_scorer_new(model, &options, &error);
  g_assert_no_error(error);
  g_autofree CbiganResult *results = g_new0(CbiganResult, n);
  g_assert_true(cbigan_scorer_score(scorer, frames, n, results, &error));
  const float *terms = golden_floats(golden, "terms", NULL, NULL);
  for (guint i = 0; i < n; i++) {
    for (int k = 0; k < CBIGAN_N_GAN_SCORES; k++) {
      const char *name = cbigan_score_name((CbiganScoreKind)k);
      compare_score(name, (int)i, results[i].scores[k], golden_floats(golden, name, NULL, NULL)[i], SCORE);
    }
    g_assert_cmpfloat(results[i].score, ==, results[i].scores[kind]);
    compare_score("L_R", (int)i, results[i].pixel_term, terms[2 * i], SCORE);
    compare_score("L_fD", (int)i, results[i].feature_term, terms[2 * i + 1], SCORE);
  }
  CbiganResult *last = &results[n - 1];
  double peak = 0;
  for (int i = 0; i < last->map_width * last->map_height; i++)
    peak = MAX(peak, last->map[i]);
  if (kind != CBIGAN_SCORE_PAPER)
    compare_score("the map's peak", (int)kind, peak, last->score, 1e-6);
  if (maps[kind]) {
    gsize size, thinned = 0;
    const float *expected = golden_floats(golden, maps[kind], &size, NULL);
    for (int y = 0; y < last->map_height; y += 2)
      for (int x = 0; x < last->map_width; x += 2)
        last->map[thinned++] = last->map[y * last->map_width + x];
    g_assert_cmpuint(thinned, ==, size);
    golden_compare(maps[kind], last->map, expected, size, SCORE);
  }
  for (guint i = 0; i < n; i++)
    cbigan_result_clear(&results[i]);
}

static void
check_scores(const Scores *s, const char *backend)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(Golden) golden = golden_open(s->file);
  g_autoptr(CbiganModel) model = golden_model(s->width, s->patch);
  int dims[4];
  const guint8 *stored = golden_bytes(golden, "frames", NULL, dims);
  g_autofree guint8 *pixels = enlarge(stored, dims[0], dims[1], dims[2], s->repeat);
  int h = dims[1] * s->repeat, w = dims[2] * s->repeat;
  g_autofree CbiganFrame *frames = g_new(CbiganFrame, dims[0]);
  for (int i = 0; i < dims[0]; i++)
    frames[i] = (CbiganFrame){ pixels + (gsize)i * h * w * 3, w, h, (gsize)w * 3 };
  model->info.frame_width = s->frame_width;
  model->info.frame_height = s->frame_height;
  model->info.critic_blocks = s->blocks;
  model->info.critic_grid = s->grid;
  model->info.tap = s->tap;
  const float *out_of_fold = golden_floats(golden, "out_of_fold", NULL, NULL);
  const float *light = golden_floats(golden, "light", NULL, NULL);
  for (int kind = 0; kind < CBIGAN_N_GAN_SCORES; kind++) {
    CbiganCalibrationOptions options = { (CbiganScoreKind)kind, s->frame_width > 0, 0.1, backend, 0, 1 };
    g_assert_true(cbigan_model_calibrate(model, &options, frames, (guint)s->good, NULL, &error));
    compare_score("light", 0, model->info.light_low, light[0], 1e-6);
    compare_score("light", 1, model->info.light_median, light[1], 1e-6);
    g_assert_cmpuint(model->info.n_good_scores, ==, (guint)s->good);
    for (int i = 0; i < s->good; i++) /* covariances of so few pictures magnify rounding */
      compare_score("out of fold", i, model->info.good_scores[i], out_of_fold[kind * s->good + i], 10 * SCORE);
    g_assert_cmpfloat(model->info.threshold, ==, cbigan_threshold_for(model->info.good_scores, (guint)s->good, 0.1));
    compare_scores(model, golden, backend, (CbiganScoreKind)kind, frames, (guint)dims[0]);
  }
}

static void
test_scores(gconstpointer backend)
{
  for (guint i = 0; i < G_N_ELEMENTS(scores); i++) {
    if (scores[i].patch == 128 && g_str_equal(backend, "reference") && !g_test_slow())
      continue; /* half a minute of plain loops; with -m slow */
    check_scores(&scores[i], backend);
  }
}

/* --- the tolerance means something ----------------------------------------------------------------------------- */

/* Largest distance of z, reconstruction and D's hidden layer from the golden file. */
static double
distance_with(CbiganModel *model, CbiganBackend *backend, Golden *golden)
{
  g_autoptr(GError) error = NULL;
  model->info.tap = CBIGAN_TAP_HIDDEN;
  g_autoptr(CbiganModelNetworks) networks =
      cbigan_model_networks_new(model, backend, CBIGAN_NEEDS_TERMS, 2, NULL, &error);
  g_assert_no_error(error);
  fill_images(backend, golden_bytes(golden, "frames", NULL, NULL), 2, 64, networks->x);
  double l_r[2], l_fd[2];
  cbigan_model_networks_reconstruct(networks);
  cbigan_model_networks_terms(networks, 2, NULL, l_r, l_fd);
  cbigan_backend_finish(networks->backend, NULL);
  float z[2 * CBIGAN_LATENT], hidden[2 * 48], r[2 * 3 * 64 * 64];
  cbigan_backend_download(backend, (CbiganShape){ CBIGAN_LATENT, 1, 1 }, 2, networks->z, z);
  cbigan_backend_download(backend, (CbiganShape){ 48, 1, 1 }, 2, networks->tap_x, hidden);
  cbigan_backend_download(backend, networks->image, 2, networks->r, r);
  double worst = golden_distance(z, golden_floats(golden, "z", NULL, NULL), G_N_ELEMENTS(z));
  worst = MAX(worst, golden_distance(hidden, golden_floats(golden, "hidden", NULL, NULL), G_N_ELEMENTS(hidden)));
  gsize n = thin(r, 2, 3, 64, 2);
  return MAX(worst, golden_distance(r, golden_floats(golden, "reconstruction", NULL, NULL), n));
}

/* Every tensor counts: one of its numbers off by the largest of them would make the test fail. */
static void
test_sensitive(void)
{
  g_autoptr(Golden) golden = open_forward(&forwards[0]);
  g_autoptr(CbiganModel) model = golden_model(3, 64);
  g_autoptr(CbiganBackend) backend = open_backend(&(CbiganBackendOptions){ .name = "cpu", .threads = 1 });
  g_assert_cmpfloat(distance_with(model, backend, golden), <, TENSOR);
  for (int kind = 0; kind < CBIGAN_N_NETWORKS; kind++)
    for (int i = 0; i < model->networks[kind]->n_parameters; i++) {
      const CbiganParameter *p = &model->networks[kind]->parameters[i];
      if (g_str_has_prefix(p->name, "discriminator.critic.")) /* behind the hidden layer */
        continue;
      float *value = &model->parameters[kind][p->offset + p->size / 2], before = *value, largest = 0;
      for (gsize k = 0; k < p->size; k++)
        largest = MAX(largest, fabsf(model->parameters[kind][p->offset + k]));
      *value += largest;
      double distance = distance_with(model, backend, golden);
      *value = before;
      if (distance <= TENSOR)
        g_error("%s: one of its numbers moved by %g changes nothing by more than %g (tolerance %g)", p->name, largest,
                distance, TENSOR);
    }
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  for (const char *const *name = cbigan_backend_names(); *name; name++) {
    if (!available_or_skipped("golden", *name))
      continue;
    g_autofree char *forward = g_strdup_printf("/golden/%s/forward", *name);
    g_autofree char *of_scores = g_strdup_printf("/golden/%s/scores", *name);
    g_test_add_data_func(forward, *name, test_forward);
    g_test_add_data_func(of_scores, *name, test_scores);
  }
  g_test_add_func("/golden/sensitive", test_sensitive);
  return g_test_run();
}
