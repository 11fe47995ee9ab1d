/* test_training.c - whole training runs: against PyTorch, bit for bit, resumed, stopped by a bad loss, finished
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

#include "backend/backend.h"
#include "training/checkpoint.h"
#include "harness.h"
#include "digest.h"
#include "gradient/gradient.h"
#include "training/training.h"

/* As in make_golden_training.py. */
#define WIDTH 2
#define PATCH 64
#define PICTURES 8
#define MOVE_TOLERANCE 2e-2
#define RATE 1e-4            /* Adam's first step has this size even where rounding decides the gradient's sign */
#define SHOWN_TOLERANCE 1e-3 /* relative */

typedef struct {
  CbiganDataset dataset;
  char *folder, *path;
} Fixture;

static void
free_picture(gpointer data)
{
  CbiganPicture *p = data;
  g_free(p->path);
  g_free(p->pixels);
  g_free(p);
}

/* Triangle waves, as picture() of the generator. */
static CbiganPicture *
new_picture(int k, int width, int height)
{
  CbiganPicture *p = g_new0(CbiganPicture, 1);
  *p = (CbiganPicture){ .path = g_strdup_printf("picture %d", k),
                        .label = (char *)"good",
                        .width = width,
                        .height = height,
                        .pixels = g_new(guint8, (gsize)width * height * 3) };
  guint8 *pixel = p->pixels;
  for (int y = 0; y < height; y++)
    for (int x = 0; x < width; x++)
      for (int c = 0; c < 3; c++) {
        int t = (x * (2 + k % 3) + y * (5 - k % 4) + 37 * c + 11 * k) % 256;
        *pixel++ = (guint8)(t < 128 ? 2 * t : 511 - 2 * t);
      }
  return p;
}

static void
fill_dataset(Fixture *f, int width, int height)
{
  f->dataset.pictures = g_ptr_array_new_with_free_func(free_picture);
  f->dataset.digest = g_strdup_printf("%d x %d", width, height);
  for (int k = 0; k < PICTURES; k++)
    g_ptr_array_add(f->dataset.pictures, new_picture(k, width, height));
}

static void
set_up(Fixture *f, gconstpointer unused)
{
  fill_dataset(f, PATCH, PATCH);
  f->folder = g_dir_make_tmp("cbigan-training-XXXXXX", NULL);
  f->path = g_build_filename(f->folder, "checkpoint", NULL);
}

static void
tear_down(Fixture *f, gconstpointer unused)
{
  g_unlink(f->path);
  g_assert_cmpint(g_rmdir(f->folder), ==, 0);
  g_free(f->folder);
  g_free(f->path);
  g_ptr_array_unref(f->dataset.pictures);
  g_free(f->dataset.digest);
}

static CbiganTrainOptions
options_for(const char *backend)
{
  CbiganTrainOptions o;
  cbigan_train_options_init(&o, CBIGAN_PRESET_OBJECT);
  o.width = WIDTH;
  o.seed = 12;
  o.batch = 2;
  o.warmup_steps = 3;
  o.steps = 10;
  o.critic_updates = 2;
  o.alpha = 1e-3;
  o.warmup_rate = 1e-3;
  o.rate = RATE;
  o.decay = 0.9;
  o.backend = backend;
  o.threads = 1;
  return o;
}

static CbiganTraining *
new_training(Fixture *f, const CbiganTrainOptions *options)
{
  g_autoptr(GError) error = NULL;
  CbiganTraining *training = cbigan_training_new(options, &f->dataset, &error);
  g_assert_no_error(error);
  return training;
}

static CbiganTrainProgress
run(CbiganTraining *training, guint steps)
{
  CbiganTrainProgress progress = { 0 };
  for (guint i = 0; i < steps; i++) {
    g_autoptr(GError) error = NULL;
    cbigan_training_step(training, &progress, &error);
    g_assert_no_error(error);
  }
  return progress;
}

static void
read_state(Fixture *f, CbiganTraining *training, CbiganCheckpoint *checkpoint)
{
  g_autoptr(GError) error = NULL;
  cbigan_training_save(training, f->path, &error);
  g_assert_no_error(error);
  cbigan_checkpoint_read(checkpoint, f->path, &error);
  g_assert_no_error(error);
}

static void
assert_same_state(const CbiganCheckpoint *a, const CbiganCheckpoint *b)
{
  g_assert_cmpuint(a->step, ==, b->step);
  g_assert_cmpuint(a->n_arrays, ==, b->n_arrays);
  for (guint i = 0; i < a->n_arrays; i++) {
    g_assert_cmpuint(a->arrays[i].size, ==, b->arrays[i].size);
    for (gsize k = 0; k < a->arrays[i].size; k++)
      if (memcmp(&a->arrays[i].data[k], &b->arrays[i].data[k], sizeof(float)))
        g_error("%s[%" G_GSIZE_FORMAT "] is %.9g and %.9g, expected the same bits", a->arrays[i].name, k,
                (double)a->arrays[i].data[k], (double)b->arrays[i].data[k]);
  }
}

static void
compare_shown(const char *what, guint step, double found, double expected)
{
  if (!(fabs(found - expected) <= SHOWN_TOLERANCE * fabs(expected)))
    g_error("step %u: %s is %.9g, expected %.9g (tolerance %g, relative)", step, what, found, expected,
            SHOWN_TOLERANCE);
}

static const CbiganCheckpointArray *
find_array(const CbiganCheckpoint *checkpoint, CbiganNetworkKind kind, const char *array)
{
  g_autofree char *name = g_strconcat(cbigan_network_prefix(kind), ".", array, NULL);
  for (guint i = 0; i < checkpoint->n_arrays; i++)
    if (!strcmp(checkpoint->arrays[i].name, name))
      return &checkpoint->arrays[i];
  return NULL;
}

/* How far `array` is from the start values at the end, against PyTorch. FALSE where there is no such array. */
static gboolean
compare_moves(Golden *golden, const CbiganCheckpoint *start, const CbiganCheckpoint *end, CbiganNetworkKind kind,
              const char *array, const char *suffix)
{
  const CbiganCheckpointArray *before = find_array(start, kind, "parameters"), *after = find_array(end, kind, array);
  if (!after)
    return FALSE;
  g_autoptr(CbiganNetwork) network = cbigan_network_new(kind, WIDTH, PATCH);
  g_autofree char *what = g_strconcat("training.", cbigan_network_prefix(kind), suffix, NULL);
  g_autofree float *moved = g_new(float, after->size);
  for (gsize i = 0; i < after->size; i++)
    moved[i] = after->data[i] - before->data[i];
  double worst = digest_compare(golden, what, network, moved, MOVE_TOLERANCE, RATE);
  g_test_message("%s: within %.2g of the tolerance %g", what, worst, MOVE_TOLERANCE);
  return TRUE;
}

/* Three steps of warm-up, ten of both kinds of update, with Adam and the moving average. */
static void
test_golden(Fixture *f, gconstpointer backend)
{
  CbiganTrainOptions o = options_for(backend);
  g_autoptr(Golden) golden = golden_open("training_c2_p64.safetensors");
  const float *shown = golden_floats(golden, "training.shown", NULL, NULL);
  g_autoptr(CbiganTraining) training = new_training(f, &o);
  g_auto(CbiganCheckpoint) start = { 0 };
  read_state(f, training, &start);
  for (guint step = 0; step < 13; step++) {
    CbiganTrainProgress progress = run(training, 1);
    g_assert_cmpuint(progress.step, ==, step + 1);
    g_assert_cmpint(progress.warming_up, ==, step + 1 < 3);
    compare_shown("L_R", step + 1, progress.loss_r, (double)shown[step * 2]);
    if (step >= 3)
      compare_shown("L_D", step + 1, progress.loss_d, (double)shown[step * 2 + 1]);
    else
      g_assert_true(isnan(progress.loss_d));
  }
  g_assert_true(cbigan_training_done(training));
  g_auto(CbiganCheckpoint) end = { 0 };
  read_state(f, training, &end);
  guint compared = 0;
  for (int kind = 0; kind < CBIGAN_N_NETWORKS; kind++) {
    compared += compare_moves(golden, &start, &end, kind, "parameters", "");
    compared += compare_moves(golden, &start, &end, kind, "mean", ".mean");
  }
  g_assert_cmpuint(compared, ==, 5); /* D has no mean */
}

/* Stopped in the warm-up, at its end or after it, a run ends with the bits of one that never stopped. One that was only
 * saved there does too. */
static void
test_resume(Fixture *f, gconstpointer backend)
{
  CbiganTrainOptions o = options_for(backend);
  o.rotation = 30.0;
  o.steps = 3;
  g_auto(CbiganCheckpoint) whole = { 0 };
  g_autoptr(CbiganTraining) once = new_training(f, &o);
  run(once, 6);
  read_state(f, once, &whole);
  static const guint stops[] = { 1, 3, 4, 5 };
  g_autoptr(CbiganTraining) first = new_training(f, &o);
  for (guint i = 0, at = 0; i < G_N_ELEMENTS(stops); at = stops[i++]) {
    g_autoptr(GError) error = NULL;
    g_autoptr(CbiganTraining) second = new_training(f, &o);
    run(first, stops[i] - at);
    cbigan_training_save(first, f->path, &error);
    g_assert_no_error(error);
    cbigan_training_resume(second, f->path, &error);
    g_assert_no_error(error);
    run(second, 6 - stops[i]);
    g_auto(CbiganCheckpoint) resumed = { 0 };
    read_state(f, second, &resumed);
    assert_same_state(&resumed, &whole);
  }
  g_auto(CbiganCheckpoint) saved = { 0 };
  run(first, 1);
  read_state(f, first, &saved);
  assert_same_state(&saved, &whole);
}

static void
test_seed(Fixture *f, gconstpointer backend)
{
  CbiganTrainOptions o = options_for(backend);
  CbiganCheckpoint states[3] = { { 0 } };
  o.threads = 2; /* the order of sums may depend on their number, not on which is faster */
  o.steps = 2;
  for (int i = 0; i < 3; i++) {
    o.seed = i == 2 ? 8 : 12;
    g_autoptr(CbiganTraining) training = new_training(f, &o);
    run(training, 5);
    read_state(f, training, &states[i]);
  }
  assert_same_state(&states[0], &states[1]);
  g_assert_cmpint(memcmp(states[0].arrays[0].data, states[2].arrays[0].data, 64), !=, 0);
  for (int i = 0; i < 3; i++)
    cbigan_checkpoint_clear(&states[i]);
}

/* alpha = 1 never updates D; alpha = 0 has no warm-up and no L_R. */
static void
test_extremes(Fixture *f, gconstpointer backend)
{
  CbiganTrainOptions o = options_for(backend);
  o.steps = 2;
  for (int alpha = 0; alpha < 2; alpha++) {
    o.alpha = alpha;
    g_autoptr(CbiganTraining) training = new_training(f, &o);
    g_auto(CbiganCheckpoint) start = { 0 }, end = { 0 };
    read_state(f, training, &start);
    CbiganTrainProgress progress = run(training, alpha ? 5 : 2);
    read_state(f, training, &end);
    g_assert_true(cbigan_training_done(training));
    g_assert_cmpint(isnan(progress.loss_r), ==, !alpha);
    g_assert_cmpint(isnan(progress.loss_d), ==, alpha);
    for (guint i = 0; i < start.n_arrays; i++) {
      gboolean moved = memcmp(start.arrays[i].data, end.arrays[i].data, start.arrays[i].size * sizeof(float)) != 0;
      g_assert_cmpint(moved, ==, !alpha || !g_str_has_prefix(start.arrays[i].name, "discriminator"));
    }
  }
}

/* A rate that spoils the weights gives an error that names the step, and the older checkpoint stays. */
static void
test_not_finite(Fixture *f, gconstpointer backend)
{
  CbiganTrainOptions o = options_for(backend);
  g_autoptr(GError) error = NULL, refused = NULL, no_model = NULL;
  o.width = 8; /* narrower networks may stay finite, with tanh saturated */
  o.batch = 1;
  o.warmup_rate = 1.0;
  o.warmup_steps = 500;
  o.steps = 0;
  g_autoptr(CbiganTraining) training = new_training(f, &o);
  g_auto(CbiganCheckpoint) before = { 0 }, after = { 0 };
  read_state(f, training, &before);
  CbiganTrainProgress progress;
  while (!cbigan_training_done(training) && cbigan_training_step(training, &progress, &error))
    ;
  g_assert_error(error, CBIGAN_ERROR, CBIGAN_ERROR_ARGUMENT);
  g_assert_true(g_str_has_prefix(error->message, "step "));
  g_assert_nonnull(strstr(error->message, "not finite"));
  g_assert_false(cbigan_training_save(training, f->path, &refused));
  g_assert_error(refused, CBIGAN_ERROR, CBIGAN_ERROR_ARGUMENT);
  g_assert_null(cbigan_training_finish(training, NULL, &no_model));
  g_assert_error(no_model, CBIGAN_ERROR, CBIGAN_ERROR_ARGUMENT);
  cbigan_checkpoint_read(&after, f->path, NULL);
  assert_same_state(&before, &after);
}

static void
assert_resume_refused(Fixture *f, const CbiganTrainOptions *options, const char *says)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(CbiganTraining) training = new_training(f, options);
  g_assert_false(cbigan_training_resume(training, f->path, &error));
  expect_error(error, CBIGAN_ERROR_ARGUMENT, says);
}

static void
test_other_run(Fixture *f, gconstpointer backend)
{
  CbiganTrainOptions o = options_for(backend), other = o;
  g_autoptr(GError) error = NULL;
  g_autoptr(CbiganTraining) training = new_training(f, &o);
  cbigan_training_save(training, f->path, &error);
  g_assert_no_error(error);
  other.width = 3;
  assert_resume_refused(f, &other, "made with width=2, this run has width=3");
  other = o;
  other.rotation = 12.5;
  assert_resume_refused(f, &other, "made with rotation=0, this run has rotation=12.5");
  g_free(f->dataset.digest);
  f->dataset.digest = g_strdup("others");
  assert_resume_refused(f, &o, "other pictures");
}

static void
assert_refused(Fixture *f, const CbiganTrainOptions *options, const char *says)
{
  g_autoptr(GError) error = NULL;
  g_assert_null(cbigan_training_new(options, &f->dataset, &error));
  expect_error(error, CBIGAN_ERROR_ARGUMENT, says);
}

static void
test_options(Fixture *f, gconstpointer backend)
{
  CbiganTrainOptions o;
#define REFUSED(member, value, says)                                                                                   \
  o = options_for(backend);                                                                                            \
  o.member = value;                                                                                                    \
  assert_refused(f, &o, says)
  REFUSED(rate, NAN, "rate: nan; expected more than 0");
  REFUSED(warmup_rate, 0.0, "warmup-rate: 0; expected more than 0");
  REFUSED(alpha, 1.5, "alpha: 1.5; expected 0 to 1");
  REFUSED(penalty, -1.0, "penalty: -1");
  REFUSED(penalty, INFINITY, "penalty: inf");
  REFUSED(decay, 1.0, "decay: 1");
  REFUSED(width, 0, "width: 0");
  REFUSED(patch, 96, "patch: 96; expected 64 or 128");
  REFUSED(batch, 0, "batch: 0");
  REFUSED(held_out, 0.0, "held-out: 0");
  REFUSED(held_out, 0.6, "held-out: 0.6; expected 0 to 0.5");
  REFUSED(frame_width, 128, "frame: 128x64; expected 64x64");
#undef REFUSED
  o = options_for(backend);
  o.patch = o.frame_width = o.frame_height = 128;
  assert_refused(f, &o, "64x64 pixels; expected 128x128");
  o = options_for(backend);
  g_ptr_array_set_size(f->dataset.pictures, 4);
  assert_refused(f, &o, "4 good pictures; expected at least 5");
}

/* The model holds the averages, the statistics of the pictures held out, and where it comes from. */
static void
test_finish(Fixture *f, gconstpointer backend)
{
  CbiganTrainOptions o = options_for(backend);
  g_autoptr(GError) error = NULL;
  o.steps = 1;
  o.alpha = 0.25;
  g_autoptr(CbiganTraining) training = new_training(f, &o);
  run(training, 4);
  g_auto(CbiganCheckpoint) state = { 0 };
  read_state(f, training, &state);
  g_autoptr(CbiganModel) model = cbigan_training_finish(training, NULL, &error);
  g_assert_no_error(error);
  static const char *const from[CBIGAN_N_NETWORKS] = { "encoder.mean", "generator.mean", "discriminator.parameters" };
  for (guint i = 0; i < state.n_arrays; i++)
    for (int kind = 0; kind < CBIGAN_N_NETWORKS; kind++)
      if (!strcmp(state.arrays[i].name, from[kind]))
        g_assert_cmpmem(model->parameters[kind], model->networks[kind]->n_floats * sizeof(float), state.arrays[i].data,
                        state.arrays[i].size * sizeof(float));
  const CbiganModelInfo *info = cbigan_model_info(model);
  g_assert_cmpint(info->width, ==, WIDTH);
  g_assert_cmpint(info->frame_width, ==, PATCH);
  g_assert_cmpint(info->score, ==, CBIGAN_SCORE_CRITIC);
  g_assert_cmpuint(info->n_good_scores, ==, 4);
  g_assert_true(isfinite(info->threshold) && info->threshold > 0.0);
  g_assert_nonnull(strstr(info->training, "\"seed\":12"));
  g_assert_nonnull(strstr(info->training, "\"dataset_sha256\":\"64 x 64\""));
}

/* Trains on crops of larger pictures of several sizes; the model takes frames of any size. */
static void
test_texture(Fixture *f, gconstpointer backend)
{
  g_autoptr(GError) error = NULL;
  CbiganTrainOptions o;
  cbigan_train_options_init(&o, CBIGAN_PRESET_TEXTURE);
  o.width = WIDTH;
  o.batch = 2;
  o.warmup_steps = o.steps = 1;
  o.backend = backend;
  o.threads = 1;
  g_ptr_array_unref(f->dataset.pictures);
  g_free(f->dataset.digest);
  fill_dataset(f, 150, 90);
  g_ptr_array_add(f->dataset.pictures, new_picture(9, 64, 200));
  g_autoptr(CbiganTraining) training = new_training(f, &o);
  CbiganTrainProgress progress = run(training, 2);
  g_assert_true(isfinite(progress.loss_r) && isfinite(progress.loss_d));
  g_autoptr(CbiganModel) model = cbigan_training_finish(training, NULL, &error);
  g_assert_no_error(error);
  g_assert_cmpint(cbigan_model_info(model)->frame_width, ==, 0);
  g_ptr_array_add(f->dataset.pictures, new_picture(10, 63, 200));
  g_assert_null(cbigan_training_new(&o, &f->dataset, &error));
  g_assert_nonnull(strstr(error->message, "63x200 pixels; expected at least 64x64"));
}

int
main(int argc, char **argv)
{
  static const struct {
    const char *name;
    void (*run)(Fixture *, gconstpointer);
    gboolean once; /* the same for all backends: on the first one that can run here */
  } tests[] = {
    { "golden", test_golden },         { "resume", test_resume },         { "seed", test_seed },
    { "extremes", test_extremes },     { "not-finite", test_not_finite }, { "other-run", test_other_run, TRUE },
    { "options", test_options, TRUE }, { "finish", test_finish, TRUE },   { "texture", test_texture, TRUE },
  };
  gboolean first = TRUE;
  g_test_init(&argc, &argv, NULL);
  for (const CbiganBackendClass *const *b = cbigan_backend_list(); *b; b++) {
    if (!available_or_skipped("training", (*b)->name))
      continue;
    for (gsize i = 0; i < G_N_ELEMENTS(tests); i++) {
      g_autofree char *path = g_strdup_printf("/training/%s/%s", (*b)->name, tests[i].name);
      if (first || !tests[i].once)
        g_test_add(path, Fixture, (*b)->name, set_up, tests[i].run, tear_down);
    }
    first = FALSE;
  }
  return g_test_run();
}
