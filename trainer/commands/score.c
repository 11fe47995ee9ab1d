/* score.c - cbigan score: one line per picture
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "command.h"
#include "csv.h"
#include "heatmap_file.h"
#include "heatmap_names.h"
#include "i18n.h"
#include "picture_scorer.h"
#include "result_json.h"
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static const CbiganUsage usage = {
  N_("--model MODEL FILE…"),
  N_("Scores pictures, videos and folders of them. Prints CSV, one line per picture:\n"
     "path,score,normalized,verdict,pixel_term,feature_term,health\n"
     "normalized = score / (score + threshold): 0.5 is the threshold. verdict: good or anomalous, empty without a\n"
     "threshold; or unusable where the picture itself is no good, whatever the score says. pixel_term and "
     "feature_term\n"
     "are L_R and L_fD of Eq. 7. health: what is wrong with the picture, such as black, flat, light or blurred, "
     "several\n"
     "joined by +; empty where nothing is. The exit code is 0 whatever the verdicts are, and 1 where a picture could\n"
     "not be scored."),
  "  cbigan score --model bottle.safetensors new/*.png\n"
  "  cbigan score --model bottle.safetensors --heatmap maps/ new/ > scores.csv\n"
  "  cbigan score --model bottle.safetensors --json --score paper new/*.png\n"
  "  cbigan score --model bottle.safetensors --shard 3/8 new/ > scores-3.csv",
  1,
  G_MAXINT,
};

#define NOT_GIVEN (-G_MAXDOUBLE) /* the user can type NAN, but hardly this */

typedef struct {
  char *model, *score, *heatmap, *precision;
  double lambda, threshold; /* NOT_GIVEN = the model's */
  gboolean json, strict;
  CbiganShard shard; /* of = 0: all pictures */
  CbiganCountingOptions counting;
  CbiganRunOptions run;
} Arguments;

static void
clear_arguments(Arguments *a)
{
  char *all[] = { a->model, a->score, a->heatmap, a->precision, a->run.backend };

  for (guint i = 0; i < G_N_ELEMENTS(all); i++)
    g_free(all[i]);
  cbigan_command_clear_counting(&a->counting);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Arguments, clear_arguments)

static void
print_csv(const CbiganPicture *picture, const CbiganResult *result, guint faults)
{
  const char *separator = ",";

  cbigan_csv_text(stdout, picture->path);
  cbigan_csv_number(stdout, result->score);
  cbigan_csv_number(stdout, result->normalized);
  printf(",%s", cbigan_result_verdict(result, faults));
  cbigan_csv_number(stdout, result->pixel_term);
  cbigan_csv_number(stdout, result->feature_term);
  if (!faults)
    putchar(',');
  for (int i = 0; i < CBIGAN_N_HEALTH; i++)
    if (faults & 1u << i) {
      printf("%s%s", separator, cbigan_health_name((CbiganHealthKind)i));
      separator = "+";
    }
  putchar('\n');
}

static void
print_json(const CbiganPicture *picture, const CbiganResult *result, guint faults)
{
  g_autoptr(JsonBuilder) builder = json_builder_new();
  g_autoptr(JsonNode) root = NULL;
  g_autofree char *line = NULL;

  cbigan_result_json_add(builder, picture->path, result, faults);
  root = json_builder_get_root(builder);
  line = json_to_string(root, FALSE);
  puts(line);
}

/* One run. */
typedef struct {
  const Arguments *arguments;
  const CbiganModelInfo *info;
  CbiganHeatmapNames *names; /* NULL: no heat maps */
  guint lost;                /* heat maps that could not be written */
} Scoring;

/* A row is out before the next picture is scored: whoever stops the program has whole rows, and all that are done. A
 * heat map that can't be written is named, and costs no more than itself. */
static gboolean
print_scored(const CbiganPicture *picture, const CbiganResult *result, gpointer data, GError **error)
{
  Scoring *scoring = data;
  g_autofree char *path = scoring->names ? cbigan_heatmap_names_choose(scoring->names, picture->path) : NULL;
  g_autoptr(GError) reason = NULL;

  (scoring->arguments->json ? print_json : print_csv)(picture, result,
                                                      cbigan_result_faults(scoring->info, picture, result));
  if (fflush(stdout) != 0) {
    g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_FILE, _("standard output: %s"), g_strerror(errno));
    return FALSE;
  }
  if (path && !cbigan_heatmap_write(picture, result, path, &reason)) {
    cbigan_command_note(_("no heat map of %s: %s"), picture->path, reason->message);
    scoring->lost++;
  }
  return TRUE;
}

/* Names a file that can't be read or scored and continues with the others, unless --strict. */
static CbiganExit
score_files(const Arguments *a, CbiganScorer *scorer, const CbiganModelInfo *info, char **files)
{
  g_autoptr(CbiganHeatmapNames) names = a->heatmap ? cbigan_heatmap_names_new(a->heatmap) : NULL;
  Scoring scoring = { a, info, names, 0 };
  CbiganShard shard = a->shard;
  g_autoptr(CbiganPictureScorer) pictures = cbigan_picture_scorer_new(scorer, a->strict, print_scored, &scoring);
  CbiganDatasetOptions options = { .width = info->frame_width,
                                   .height = info->frame_height,
                                   .least = info->frame_width ? 0 : info->patch,
                                   .cutout = cbigan_command_cutout(&a->counting),
                                   .originals = a->heatmap != NULL,
                                   .strict = a->strict,
                                   .shard = a->shard.of ? &shard : NULL };
  gboolean failed = FALSE, ended = FALSE;

  cbigan_command_show_reading(&options);
  options.progress = NULL;
  if (!a->json)
    puts("path,score,normalized,verdict,pixel_term,feature_term,health");
  for (; *files && !ended; files++) {
    g_autoptr(GError) error = NULL;
    gboolean last = !files[1], read;

    options.path = *files;
    read = cbigan_dataset_foreach(&options, cbigan_picture_scorer_push, pictures, &error);
    /* Pictures of several files are scored together, but none waits behind a failure. */
    if (read && (!last || cbigan_picture_scorer_flush(pictures, &error)))
      continue;
    cbigan_command_fail(error);
    failed = TRUE;
    ended = a->strict || !g_error_matches(error, CBIGAN_ERROR, CBIGAN_ERROR_FILE) || ferror(stdout);
    g_clear_error(&error);
    if (!read && !ferror(stdout) && !cbigan_picture_scorer_flush(pictures, &error)) {
      cbigan_command_fail(error);
      ended = TRUE;
    }
  }
  return failed || scoring.lost || cbigan_picture_scorer_lost(pictures) ? CBIGAN_EXIT_FAILED : CBIGAN_EXIT_FINE;
}

/* text: NULL = all pictures */
static gboolean
parse_shard(const char *text, CbiganShard *shard, GError **error)
{
  char end;

  if (!text ||
      (sscanf(text, "%u/%u%c", &shard->index, &shard->of, &end) == 2 && shard->index >= 1 && shard->index <= shard->of))
    return TRUE;
  return cbigan_refuse(error, _("--shard: “%s”; expected I/N with I from 1 to N"), text);
}

static CbiganExit
run(Arguments *a, CbiganScorerOptions *options, char **files)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(CbiganModel) model = cbigan_model_load(a->model, &error);
  g_autoptr(CbiganScorer) scorer = NULL;
  CbiganModelInfo info;

  if (model && cbigan_model_info(model)->scores[CBIGAN_SCORE_PAPER])
    options->also = 1u << CBIGAN_SCORE_PAPER; /* for the two terms */
  if (!model || !(scorer = cbigan_scorer_new(model, options, &error)) ||
      !cbigan_command_count(&a->counting, scorer, &error))
    return cbigan_command_fail(error);
  if (a->heatmap && g_mkdir_with_parents(a->heatmap, 0777) != 0) {
    cbigan_command_note("%s: %s", a->heatmap, g_strerror(errno));
    return CBIGAN_EXIT_FAILED;
  }
  info = *cbigan_model_info(model);
  if (!info.mask.counts)
    info.mask = a->counting.pixels; /* what it ignores says nothing about the picture's health */
  if (a->counting.cutout)
    cbigan_usual_forget_places(&info.usual);
  return score_files(a, scorer, &info, files);
}

CbiganExit
cbigan_cmd_score(int argc, char **argv)
{
  g_auto(Arguments) a = { .lambda = NOT_GIVEN, .threshold = NOT_GIVEN, .counting = CBIGAN_COUNTING_OPTIONS_INIT };
  g_autofree char *shard = NULL;
  CbiganScorerOptions options = CBIGAN_SCORER_OPTIONS_INIT;
  g_auto(GStrv) files = NULL;
  g_autoptr(GError) error = NULL;
  GOptionEntry entries[] = {
    { "model", 'm', 0, G_OPTION_ARG_FILENAME, &a.model, N_("Model file"), N_("MODEL") },
    { "json", 0, 0, G_OPTION_ARG_NONE, &a.json, N_("JSON instead of CSV, one object per line"), NULL },
    { "heatmap", 0, 0, G_OPTION_ARG_FILENAME, &a.heatmap, N_("Write a PNG of each picture with its heat map"),
      N_("DIR") },
    { "score", 0, 0, G_OPTION_ARG_STRING, &a.score, N_("paper, calibrated, critic or inspector instead of the model's"),
      N_("NAME") },
    { "threshold", 0, 0, G_OPTION_ARG_DOUBLE, &a.threshold, N_("Threshold instead of the model's"), "X" },
    { "lambda", 0, 0, G_OPTION_ARG_DOUBLE, &a.lambda, N_("Lambda of Eq. 7 instead of the model's"), "X" },
    { "strict", 0, 0, G_OPTION_ARG_NONE, &a.strict, N_("Stop at the first picture that can't be read"), NULL },
    { "shard", 0, 0, G_OPTION_ARG_STRING, &shard, N_("Only part I of N of the pictures, I from 1"), N_("I/N") },
    CBIGAN_COUNTING_ENTRIES(&a.counting),
    CBIGAN_PRECISION_ENTRY(a.precision),
    CBIGAN_RUN_ENTRIES(&a.run),
    { NULL },
  };

  if (!cbigan_command_parse(&usage, entries, argc, argv, &files))
    return CBIGAN_EXIT_USAGE;
  if (!cbigan_command_need_model(a.model, &error) || !parse_shard(shard, &a.shard, &error) ||
      !cbigan_command_score_kind(a.score, &options.score, &error) || !cbigan_command_check_run(&a.run, &error) ||
      !cbigan_command_precision(a.precision, &options.precision, &error) ||
      (a.lambda != NOT_GIVEN && !cbigan_command_in_range("lambda", a.lambda, 0, 1, &error)) ||
      (a.threshold != NOT_GIVEN && !cbigan_command_in_range("threshold", a.threshold, 0, G_MAXFLOAT, &error)))
    return cbigan_command_usage(error);
  options.backend = a.run.backend;
  options.device = a.run.device;
  options.threads = a.run.threads;
  options.lambda = a.lambda == NOT_GIVEN ? NAN : a.lambda;
  options.threshold = a.threshold == NOT_GIVEN ? NAN : a.threshold;
  options.maps = a.heatmap || a.json ? CBIGAN_MAPS_ALL : CBIGAN_MAPS_NONE;
  return run(&a, &options, files);
}
