/* calibrate.c - cbigan calibrate: measures statistics and threshold again, on other good pictures
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <string.h>

#include "command.h"
#include "i18n.h"
#include "model/model.h"
#include "score/calibration.h"
#include "score/cutouts.h"

static const CbiganUsage usage = {
  N_("--model MODEL DIR"),
  N_("Measures a model's statistics of good pictures and its threshold again, on pictures that it was not trained on:\n"
     "after a change of lamp, camera or material. The weights stay unchanged.\n"
     "With --cutout the threshold is for large pictures of which score, eval or cbiganscore score such parts: the "
     "share\n"
     "of false alarms is then that of whole pictures."),
  "  cbigan calibrate --model bottle.safetensors monday/\n"
  "  cbigan calibrate --model bottle.safetensors --false-alarms 0.001 --output strict.safetensors monday/",
  0,
  1,
};

typedef struct {
  char *model, *output, *score, *cutout;
  double false_alarms;
  CbiganCutout part; /* of the cutout, once it is read */
  CbiganPictureOptions pictures;
  CbiganRunOptions run;
} Arguments;

static void
clear_arguments(Arguments *a)
{
  char *all[] = { a->model, a->output, a->pictures.pipeline, a->score, a->cutout, a->run.backend };

  for (guint i = 0; i < G_N_ELEMENTS(all); i++)
    g_free(all[i]);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Arguments, clear_arguments)

/* An inspector scores the pictures that it has learnt from too low. */
static void
warn_of_known(const CbiganModelInfo *info, const CbiganDataset *pictures)
{
  if (info->score == CBIGAN_SCORE_INSPECTOR && info->training && pictures->digest && *pictures->digest &&
      strstr(info->training, pictures->digest))
    cbigan_command_note(
        _("these are the pictures of the training, which score lower than others: the threshold becomes "
          "too low; expected good pictures that the training has not seen"));
}

/* Frames to calibrate with (transfer full): the pictures, or with cutouts a part of each. Returns how many parts a
 * picture has on average. */
static double
choose_frames(const Arguments *a, const CbiganModelInfo *info, const CbiganDataset *pictures, CbiganFrame **frames)
{
  const guint n = pictures->pictures->len;
  const int w = a->cutout ? info->frame_width : 0;
  double parts = 0;
  *frames = g_new(CbiganFrame, n);
  for (guint i = 0; i < n; i++) {
    const CbiganFrame whole = cbigan_picture_frame(cbigan_dataset_get(pictures, i));
    (*frames)[i] = cbigan_cutout_choose(&whole, w, info->frame_height, i);
    parts += cbigan_cutout_parts(&whole, w, info->frame_height) / n;
  }
  return parts;
}

static gboolean
calibrate(CbiganModel *model, const Arguments *a, CbiganCalibrationOptions *options, const char *dir, GError **error)
{
  const CbiganModelInfo *info = &model->info;
  g_autofree char *folder = dir ? cbigan_command_good_folder(dir, error) : NULL;
  g_autoptr(CbiganDataset) pictures =
      dir && !folder ? NULL
                     : cbigan_command_load_good(&a->pictures, folder, info->frame_width, info->frame_height,
                                                info->patch, &info->mask, error);
  g_autofree CbiganFrame *frames = NULL;
  g_auto(CbiganBf16Check) bf16 = { 0 };

  if (!pictures || !cbigan_command_check_pictures(pictures, 4, error))
    return FALSE;
  warn_of_known(info, pictures);
  options->false_alarms /= choose_frames(a, info, pictures, &frames);
  if (!cbigan_model_calibrate(model, options, frames, pictures->pictures->len, &bf16, error) ||
      !cbigan_command_check_threshold(info, error))
    return FALSE;
  cbigan_command_note(n_("calibrated on %u picture", "calibrated on %u pictures", pictures->pictures->len),
                      pictures->pictures->len);
  cbigan_command_note_bf16(&bf16);
  return TRUE;
}

CbiganExit
cbigan_cmd_calibrate(int argc, char **argv)
{
  g_auto(Arguments) a = { .false_alarms = 0.01 };
  g_auto(GStrv) rest = NULL;
  g_autoptr(GError) error = NULL;
  g_autoptr(CbiganModel) model = NULL;
  CbiganScoreKind score = CBIGAN_SCORE_MODEL;
  CbiganCalibrationOptions options;
  const char *output;
  GOptionEntry entries[] = {
    { "model", 'm', 0, G_OPTION_ARG_FILENAME, &a.model, N_("Model file"), N_("MODEL") },
    { "output", 'o', 0, G_OPTION_ARG_FILENAME, &a.output, N_("Write here instead of replacing the model"),
      N_("MODEL") },
    { "false-alarms", 0, 0, G_OPTION_ARG_DOUBLE, &a.false_alarms,
      N_("Share of good pictures that may exceed the threshold"), "X" },
    { "score", 0, 0, G_OPTION_ARG_STRING, &a.score, N_("Score with the threshold: paper, calibrated or critic"),
      N_("NAME") },
    CBIGAN_CUTOUT_ENTRY(a.cutout),
    CBIGAN_PICTURE_ENTRIES(&a.pictures),
    CBIGAN_RUN_ENTRIES(&a.run),
    { NULL },
  };

  if (!cbigan_command_parse(&usage, entries, argc, argv, &rest))
    return CBIGAN_EXIT_USAGE;
  if (!cbigan_command_check_source(&a.pictures, rest[0], &error) || !cbigan_command_need_model(a.model, &error) ||
      !cbigan_command_check_run(&a.run, &error) ||
      !cbigan_command_in_range("false-alarms", a.false_alarms, 0, 0.5, &error) ||
      !cbigan_command_score_kind(a.score, &score, &error))
    return cbigan_command_usage(error);
  model = cbigan_model_load(a.model, &error);
  if (!model ||
      (a.cutout && (!cbigan_cutout_parse(a.cutout, &a.part, &error) || !cbigan_cutouts_check(&model->info, &error))))
    return cbigan_command_fail(error);
  a.pictures.cutout = a.cutout ? &a.part : NULL;
  output = a.output ? a.output : a.model;
  options = (CbiganCalibrationOptions){ .score = score == CBIGAN_SCORE_MODEL ? model->info.score : score,
                                        .aligned = cbigan_model_is_aligned(model),
                                        .false_alarms = a.false_alarms,
                                        .backend = a.run.backend,
                                        .device = a.run.device,
                                        .threads = a.run.threads };
  if (!calibrate(model, &a, &options, rest[0], &error) || !cbigan_model_save(model, output, &error))
    return cbigan_command_fail(error);
  cbigan_command_note(_("%s written: score %s, threshold %g"), output, cbigan_score_name(model->info.score),
                      model->info.threshold);
  return CBIGAN_EXIT_FINE;
}
