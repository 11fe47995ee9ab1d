/* train_inspector.c - cbigan train for the score `inspector`
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "train_inspector.h"

#include "i18n.h"
#include "model/network.h"
#include "progress.h"
#include "training/quick.h"
#include "training/ranks.h"
#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

#define LONGER_SIDE 256
#define ENOUGH_FOR_ANGLES 24 /* pictures */

/* Options of the CBiGAN's training alone. */
static const char *const gan_options[] = { "alpha",       "critic-updates", "decay", "lambda", "patch",
                                           "rate",        "rotation",       "steps", "tap",    "warmup",
                                           "warmup-rate", "warmup-steps",   NULL };

static gboolean
is_option(const char *argument, const char *name)
{
  const gsize n = strlen(name);
  return g_str_has_prefix(argument, "--") && !strncmp(argument + 2, name, n) &&
         (argument[2 + n] == '\0' || argument[2 + n] == '=');
}

/* The first of them in argv; NULL: none is there. */
static const char *
find_gan_option(int argc, char **argv, CbiganPreset preset)
{
  for (int i = 1; i < argc; i++) {
    for (const char *const *name = gan_options; *name; name++)
      if (is_option(argv[i], *name))
        return *name;
    if (preset == CBIGAN_PRESET_TEXTURE && is_option(argv[i], "frame"))
      return "frame";
  }
  return NULL;
}

gboolean
cbigan_train_choose_score(CbiganTrainOptions *options, const char *name, int argc, char **argv, GError **error)
{
  const char *option = find_gan_option(argc, argv, options->preset);
  CbiganScoreKind score = option ? options->score : CBIGAN_SCORE_INSPECTOR;
  CbiganInspectorOptions inspector;

  if (!cbigan_command_score_kind(name, &score, error))
    return FALSE;
  if (score == CBIGAN_SCORE_INSPECTOR && option) {
    g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_ARGUMENT,
                _("--%s and --score inspector: expected one of them; the option belongs to the other scores"), option);
    return FALSE;
  }
  if (score != CBIGAN_SCORE_INSPECTOR)
    return TRUE;
  cbigan_inspector_options_init(&inspector, options->preset == CBIGAN_PRESET_OBJECT);
  options->score = score;
  options->width = inspector.width;
  options->batch = inspector.batch;
  return TRUE;
}

static int
frame_side(int length, double scale)
{
  return MAX((int)lround(length * scale / CBIGAN_INSPECTOR_STEP), 1) * CBIGAN_INSPECTOR_STEP;
}

/* longer: pixels of the longer side, at most */
static void
size_of_frame(const CbiganPicture *picture, int longer, int *width, int *height)
{
  const double scale = MIN(1.0, (double)longer / MAX(picture->width, picture->height));

  *width = frame_side(picture->width, scale);
  *height = frame_side(picture->height, scale);
}

gboolean
cbigan_inspector_choose_frame(const char *path, CbiganAlign align, int *width, int *height, GError **error)
{
  CbiganDatasetOptions options = { .path = path, .training = TRUE, .limit = 1 };
  g_autoptr(CbiganDataset) one = NULL, some = NULL;

  *width = *height = LONGER_SIDE;
  if (!path)
    return TRUE;
  if (!(one = cbigan_dataset_load(&options, error)))
    return FALSE;
  size_of_frame(cbigan_dataset_get(one, 0), LONGER_SIDE, width, height);
  options.width = *width;
  options.height = *height;
  options.limit = ENOUGH_FOR_ANGLES;
  if (!(some = cbigan_dataset_load(&options, error)))
    return FALSE;
  if (cbigan_align_is_needed(some, align))
    size_of_frame(cbigan_dataset_get(one, 0), 2 * LONGER_SIDE, width, height);
  return TRUE;
}

static void
show(const CbiganInspectorProgress *p)
{
  g_autofree char *left = cbigan_progress_duration(p->seconds * (1.0 - p->share) / MAX(p->share, 1e-6));
  g_autofree char *proxy = isnan(p->proxy) ? g_strdup("") : g_strdup_printf(_(", synthetic defects %.3f"), p->proxy);
  g_autofree char *text = g_strdup_printf(_("update %u/%u, %.1f updates/s, %s left, loss %.3g%s"), p->update,
                                          p->updates, p->rate, left, p->loss, proxy);
  cbigan_progress_show(p->share, text);
}

static void
save_checkpoint(const CbiganInspectorRun *run, CbiganInspectorTraining *training)
{
  g_autoptr(GError) error = NULL;
  if (cbigan_inspector_training_save(training, run->checkpoint, &error))
    return;
  cbigan_progress_end();
  cbigan_command_note(_("warning: no checkpoint: %s"), error->message);
}

/* FALSE with an error. */
static gboolean
run_updates(const CbiganInspectorRun *run, CbiganInspectorTraining *training, GError **error)
{
  CbiganInspectorProgress p = { 0 };
  double saved = 0.0;

  while (!cbigan_inspector_training_done(training) && !cbigan_ranks_any(*run->stopped)) {
    if (!cbigan_inspector_training_step(training, &p, error))
      return FALSE;
    show(&p);
    if (run->checkpoint_seconds && cbigan_ranks_rank() == 0 && p.seconds - saved >= run->checkpoint_seconds) {
      saved = p.seconds;
      save_checkpoint(run, training);
    }
  }
  cbigan_progress_end();
  *run->stopped = cbigan_ranks_any(*run->stopped);
  if (p.update) {
    g_autofree char *duration = cbigan_progress_duration(p.seconds);

    cbigan_command_note(_("trained for %s, %.2f %% of it waiting for batches of pictures"), duration,
                        p.waited / p.seconds * 100.0);
  }
  if (!*run->stopped && p.update < p.updates)
    cbigan_command_note(_("stopped at update %u of %u because the time is up; how far that is depends on the machine, "
                          "so another run gives another model"),
                        p.update, p.updates);
  return TRUE;
}

static gboolean
write_model(const CbiganInspectorRun *run, const CbiganModel *model, GError **error)
{
  if (!cbigan_model_save(model, run->output, error))
    return FALSE;
  g_remove(run->checkpoint);
  cbigan_command_note(_("%s written: score %s, threshold %g, AUROC %.3f on synthetic defects"), run->output,
                      cbigan_score_name(model->info.score), model->info.threshold, model->info.proxy);
  return TRUE;
}

/* What the held-out pictures can promise. If none of h good pictures is over a threshold, a share of 1 - 0.05^(1 / h)
 * is the largest with which that happens in one case of twenty. */
static void
say_promise(const CbiganModelInfo *info)
{
  const double most = 1.0 - pow(0.05, 1.0 / MAX(info->n_good_scores, 1));

  if (most > 0.05)
    cbigan_command_note(n_("the threshold comes from %u good picture: up to %.0f %% of good pictures may be over it",
                           "the threshold comes from %u good pictures: up to %.0f %% of good pictures may be over it",
                           info->n_good_scores),
                        info->n_good_scores, 100.0 * most);
}

/* title: printed above the names, where there are any */
static void
list_pictures(const char *title, const GArray *pictures)
{
  if (pictures->len)
    cbigan_command_note("%s", title);
  for (guint i = 0; i < pictures->len; i++)
    cbigan_command_note("  %s", g_array_index(pictures, CbiganSuspect, i).path);
}

static void
list_left_out(const GArray *pictures)
{
  list_pictures(_("these good pictures differ so much from the others that they are left out; if all of them are good, "
                  "train with --keep-odd:"),
                pictures);
}

static gboolean
finish(const CbiganInspectorRun *run, CbiganInspectorTraining *training, GError **error)
{
  g_autoptr(CbiganModel) model = NULL;

  cbigan_command_note(_("calibrating on the pictures held out"));
  model = cbigan_inspector_training_finish(training, error);
  if (model && cbigan_ranks_rank() > 0) /* it only helps to calibrate */
    return TRUE;
  if (!model || !write_model(run, model, error))
    return FALSE;
  say_promise(&model->info);
  list_pictures(_("these good pictures look least like the others; take defective ones out, and train again:"),
                cbigan_inspector_training_suspects(training));
  return TRUE;
}

static CbiganExit
train_quickly(const CbiganInspectorRun *run, const CbiganDataset *pictures)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GArray) left_out = g_array_new(FALSE, FALSE, sizeof(CbiganSuspect));
  g_autoptr(CbiganModel) model = cbigan_quick_train(&run->options, pictures, left_out, &error);

  list_left_out(left_out);
  if (!model || !write_model(run, model, &error))
    return cbigan_command_fail(error);
  say_promise(&model->info);
  return CBIGAN_EXIT_FINE;
}

CbiganExit
cbigan_train_inspector(const CbiganInspectorRun *run, const CbiganDataset *pictures)
{
  if (run->quick)
    return train_quickly(run, pictures);
  g_autoptr(GError) error = NULL;
  g_autoptr(CbiganInspectorTraining) training = cbigan_inspector_training_new(&run->options, pictures, &error);

  if (!training || (run->resume && !cbigan_inspector_training_resume(training, run->checkpoint, &error)))
    return cbigan_command_fail(error);
  if (cbigan_ranks_rank() == 0)
    list_left_out(cbigan_inspector_training_left_out(training));
  if (!run_updates(run, training, &error)) {
    cbigan_progress_end();
    return cbigan_command_fail(error);
  }
  if (!*run->stopped && finish(run, training, &error))
    return CBIGAN_EXIT_FINE;
  if (error)
    cbigan_command_fail(error);
  if (cbigan_ranks_rank() > 0)
    return CBIGAN_EXIT_FAILED;
  g_clear_error(&error);
  if (!cbigan_inspector_training_save(training, run->checkpoint, &error))
    return cbigan_command_fail(error);
  cbigan_command_note(_("stopped; %s holds the training. The same command with --resume goes on"), run->checkpoint);
  return CBIGAN_EXIT_FAILED;
}
