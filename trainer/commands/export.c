/* export.c - cbigan export: writes a model as an ONNX file
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <stdio.h>

#include "command.h"
#include "i18n.h"
#include "onnx/model_graph.h"

static const CbiganUsage usage = {
  N_("--model MODEL --onnx FILE"),
  N_("Writes a model as an ONNX file (opset 17), for programs that have no cbigan. The whole of scoring is in it: "
     "“frame”\n"
     "takes uint8 R, G, B (height, width, 3), “score” and “map” come out. With --part one network alone is written:\n"
     "pictures are then float (n, 3, P, P) of -1 to 1."),
  "  cbigan export --model bottle.safetensors --onnx bottle.onnx\n"
  "  cbigan export --model cloth.safetensors --frame 640x480 --onnx cloth.onnx\n"
  "  cbigan export --model bottle.safetensors --part encoder --onnx encoder.onnx",
  0,
  0,
};

static const char *const parts[] = { [CBIGAN_ONNX_SCORE] = "score",
                                     [CBIGAN_ONNX_ENCODER] = "encoder",
                                     [CBIGAN_ONNX_GENERATOR] = "generator",
                                     [CBIGAN_ONNX_FEATURES] = "features",
                                     NULL };

typedef struct {
  char *model, *onnx, *part, *score, *frame;
  int chosen_part, width, height;
} Arguments;

static void
clear_arguments(Arguments *a)
{
  char *all[] = { a->model, a->onnx, a->part, a->score, a->frame };

  for (guint i = 0; i < G_N_ELEMENTS(all); i++)
    g_free(all[i]);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Arguments, clear_arguments)

static gboolean
check_arguments(Arguments *a, CbiganScoreKind *score, GError **error)
{
  char tail;

  if (!cbigan_command_need_model(a->model, error))
    return FALSE;
  if (!a->onnx)
    return cbigan_refuse(error, _("--onnx is missing: the file to write"));
  if (a->frame && (sscanf(a->frame, "%5dx%5d%c", &a->width, &a->height, &tail) != 2 || a->width < 1 || a->height < 1 ||
                   a->width > 16384 || a->height > 16384))
    return cbigan_refuse(error, _("--frame: %s; expected WIDTHxHEIGHT (640x480), at most 16384x16384"), a->frame);
  return cbigan_command_choice("part", a->part, parts, &a->chosen_part, error) &&
         cbigan_command_score_kind(a->score, score, error);
}

CbiganExit
cbigan_cmd_export(int argc, char **argv)
{
  g_auto(Arguments) a = { NULL };
  g_auto(GStrv) rest = NULL;
  g_autoptr(GError) error = NULL;
  g_autoptr(CbiganModel) model = NULL;
  CbiganScoreKind score = CBIGAN_SCORE_MODEL;
  GOptionEntry entries[] = {
    { "model", 'm', 0, G_OPTION_ARG_FILENAME, &a.model, N_("Model file"), N_("MODEL") },
    { "onnx", 0, 0, G_OPTION_ARG_FILENAME, &a.onnx, N_("ONNX file to write"), N_("FILE") },
    { "part", 0, 0, G_OPTION_ARG_STRING, &a.part, N_("score (all of it), encoder, generator or features (f_D)"),
      N_("NAME") },
    { "score", 0, 0, G_OPTION_ARG_STRING, &a.score, N_("paper, calibrated, critic or inspector instead of the model's"),
      N_("NAME") },
    { "frame", 0, 0, G_OPTION_ARG_STRING, &a.frame, N_("Size of frames, for models that take any"), N_("WxH") },
    { NULL },
  };

  if (!cbigan_command_parse(&usage, entries, argc, argv, &rest))
    return CBIGAN_EXIT_USAGE;
  if (!check_arguments(&a, &score, &error))
    return cbigan_command_usage(error);
  if (!(model = cbigan_model_load(a.model, &error)))
    return cbigan_command_fail(error);
  if (score != CBIGAN_SCORE_MODEL)
    model->info.score = score;
  if (!cbigan_onnx_write(model, (CbiganOnnxPart)a.chosen_part, a.width, a.height, a.onnx, &error))
    return cbigan_command_fail(error);
  cbigan_command_note(_("%s written: %s"), a.onnx,
                      a.chosen_part == CBIGAN_ONNX_SCORE ? cbigan_score_name(model->info.score) : parts[a.chosen_part]);
  return CBIGAN_EXIT_FINE;
}
