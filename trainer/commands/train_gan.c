/* train_gan.c - cbigan train for the scores of a CBiGAN
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "train_gan.h"

#include "i18n.h"
#include "progress.h"
#include "training/ranks.h"
#include "training/training.h"
#include <glib/gstdio.h>
#include <math.h>

static void
show_step(const CbiganTrainProgress *p, double seconds_left)
{
  g_autofree char *left = cbigan_progress_duration(seconds_left);
  g_autofree char *reconstruction = isnan(p->loss_r) ? g_strdup("") : g_strdup_printf(", L_R %.4g", p->loss_r);
  g_autofree char *critic = isnan(p->loss_d) ? g_strdup("") : g_strdup_printf(", L_D %.3g", p->loss_d);
  g_autofree char *text =
      g_strdup_printf(_("%s %u/%u, %.1f steps/s, %s left%s%s"), p->warming_up ? _("warm-up") : _("step"), p->step,
                      p->steps, p->rate, left, reconstruction, critic);

  cbigan_progress_show(p->steps ? (double)p->step / p->steps : 1, text);
}

/* A full disk does not end hours of training: it may have room again before the end. */
static void
save_checkpoint(const CbiganGanRun *run, CbiganTraining *training)
{
  g_autoptr(GError) error = NULL;

  if (cbigan_training_save(training, run->checkpoint, &error))
    return;
  cbigan_progress_end();
  cbigan_command_note(_("warning: no checkpoint: %s"), error->message);
}

/* Runs until all steps are done, the time is up or a signal comes. */
static gboolean
run_steps(const CbiganGanRun *run, CbiganTraining *training, GError **error)
{
  double budget = run->minutes > 0 ? run->minutes * 60 : INFINITY, saved = 0;
  CbiganTrainProgress p = { 0 };

  while (!cbigan_training_done(training) && !cbigan_ranks_any(*run->stopped || p.seconds >= budget)) {
    if (!cbigan_training_step(training, &p, error))
      return FALSE;
    show_step(&p, fmin((p.steps - p.step) / p.rate, budget - p.seconds));
    if (run->options->checkpoint_seconds && cbigan_ranks_rank() == 0 &&
        p.seconds - saved >= run->options->checkpoint_seconds) {
      saved = p.seconds;
      save_checkpoint(run, training);
    }
  }
  cbigan_progress_end();
  *run->stopped = cbigan_ranks_any(*run->stopped);
  if (p.step) {
    g_autofree char *duration = cbigan_progress_duration(p.seconds);

    cbigan_command_note(_("trained for %s, of which %.2f %% were waiting for pictures"), duration,
                        p.waited / p.seconds * 100.0);
  }
  if (!cbigan_training_done(training) && !*run->stopped)
    cbigan_command_note(
        _("stopped at step %u of %u because the time is up; the number of steps depends on the machine, so "
          "another run gives another model"),
        p.step, p.steps);
  return TRUE;
}

static CbiganExit
keep_for_later(const CbiganGanRun *run, CbiganTraining *training)
{
  g_autoptr(GError) error = NULL;

  if (!cbigan_training_save(training, run->checkpoint, &error))
    return cbigan_command_fail(error);
  cbigan_command_note(_("stopped; %s holds the training; the same command with --resume continues it"),
                      run->checkpoint);
  return CBIGAN_EXIT_FAILED;
}

static CbiganExit
write_model(const CbiganGanRun *run, CbiganTraining *training)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(CbiganModel) model = NULL;
  g_auto(CbiganBf16Check) bf16 = { 0 };

  cbigan_command_note(_("calibrating on the pictures held out"));
  model = cbigan_training_finish(training, cbigan_ranks_rank() == 0 ? &bf16 : NULL, &error);
  if (cbigan_ranks_rank() > 0) /* it only helps to calibrate */
    return model ? CBIGAN_EXIT_FINE : cbigan_command_fail(error);
  if (!model || !cbigan_command_check_threshold(cbigan_model_info(model), &error) ||
      !cbigan_model_save(model, run->output, &error)) {
    cbigan_command_fail(error);
    return keep_for_later(run, training);
  }
  g_remove(run->checkpoint);
  cbigan_command_note_bf16(&bf16);
  cbigan_command_note(_("%s written: score %s, threshold %g"), run->output,
                      cbigan_score_name(cbigan_model_info(model)->score), cbigan_model_info(model)->threshold);
  return CBIGAN_EXIT_FINE;
}

CbiganExit
cbigan_train_gan(const CbiganGanRun *run, const CbiganDataset *pictures)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(CbiganTraining) training = cbigan_training_new(run->options, pictures, &error);

  if (!training || (run->resume && !cbigan_training_resume(training, run->checkpoint, &error)))
    return cbigan_command_fail(error);
  if (!run_steps(run, training, &error)) {
    cbigan_progress_end();
    cbigan_command_fail(error);
    if (g_file_test(run->checkpoint, G_FILE_TEST_EXISTS))
      cbigan_command_note(_("%s holds the training up to the last checkpoint"), run->checkpoint);
    return CBIGAN_EXIT_FAILED;
  }
  if (*run->stopped)
    return cbigan_ranks_rank() > 0 ? CBIGAN_EXIT_FAILED : keep_for_later(run, training);
  return write_model(run, training);
}
