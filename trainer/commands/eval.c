/* eval.c - cbigan eval: how well a model tells defective pictures from good ones
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "columns.h"
#include "command.h"
#include "csv.h"
#include "data/folder.h"
#include "eval.h"
#include "i18n.h"
#include "training/metrics.h"
#include "pixel_metrics.h"
#include "picture_scorer.h"
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define OVERLAP_LIMIT 0.3 /* of the good pixels, up to which AUPRO counts */

static const CbiganUsage usage = {
  N_("--model MODEL DIR"),
  N_("Measures a model: area under the ROC curve and the largest balanced accuracy, for each score that the model has\n"
     "and for each kind of defect. DIR, or DIR/test, holds a folder good and a folder per kind of defect."),
  "  cbigan eval --model bottle.safetensors bottle/test\n"
  "  cbigan eval --model bottle.safetensors --csv scores.csv bottle\n"
  "  cbigan eval --model bottle.safetensors --gain 0.92 bottle      (as if the lamp had aged)",
  1,
  1,
};

typedef struct {
  char *model, *csv, *precision;
  CbiganPrecision chosen_precision;
  double gain, offset;
  gboolean strict;
  CbiganCountingOptions counting;
  CbiganRunOptions run;
} Arguments;

static void
clear_arguments(Arguments *a)
{
  g_free(a->model);
  g_free(a->csv);
  g_free(a->precision);
  g_free(a->run.backend);
  cbigan_command_clear_counting(&a->counting);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Arguments, clear_arguments)

/* The scores of one folder's pictures. */
typedef struct {
  char *label;
  GArray *scores[CBIGAN_N_SCORES]; /* of double */
  guint n, anomalous;
} Kind;

static void
free_kind(gpointer data)
{
  Kind *kind = data;

  for (int i = 0; i < CBIGAN_N_SCORES; i++)
    g_array_unref(kind->scores[i]);
  g_free(kind->label);
  g_free(kind);
}

static Kind *
new_kind(const char *label)
{
  Kind *kind = g_new0(Kind, 1);

  for (int i = 0; i < CBIGAN_N_SCORES; i++)
    kind->scores[i] = g_array_new(FALSE, FALSE, sizeof(double));
  kind->label = g_strdup(label);
  return kind;
}

static void
add_scores(Kind *kind, const double *scores, gboolean anomalous)
{
  for (int i = 0; i < CBIGAN_N_SCORES; i++)
    g_array_append_val(kind->scores[i], scores[i]);
  kind->n++;
  kind->anomalous += anomalous;
}

typedef struct {
  Arguments *arguments;
  CbiganPictureScorer *pictures;
  Kind *good, *defective; /* defective: all kinds together */
  GPtrArray *kinds;       /* of Kind: each kind of defect */
  CbiganPixelMetrics *pixels;
  char *masks;    /* folder with a folder of masks for each kind of defect, as MVTec AD has; NULL = none */
  guint n_masks;  /* that were found */
  FILE *csv;      /* NULL: none */
  int first, end; /* its columns: the CBiGAN's scores or the inspector's, in the order of CbiganScoreKind */
} Evaluation;

static void
clear_evaluation(Evaluation *e)
{
  g_clear_pointer(&e->pictures, cbigan_picture_scorer_free);
  g_clear_pointer(&e->good, free_kind);
  g_clear_pointer(&e->defective, free_kind);
  g_clear_pointer(&e->kinds, g_ptr_array_unref);
  g_clear_pointer(&e->pixels, cbigan_pixel_metrics_free);
  g_clear_pointer(&e->masks, g_free);
  g_clear_pointer(&e->csv, fclose);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Evaluation, clear_evaluation)

static Kind *
find_kind(Evaluation *e, const char *label)
{
  for (guint i = 0; i < e->kinds->len; i++) {
    Kind *kind = g_ptr_array_index(e->kinds, i);

    if (g_str_equal(kind->label, label))
      return kind;
  }
  g_ptr_array_add(e->kinds, new_kind(label));
  return g_ptr_array_index(e->kinds, e->kinds->len - 1);
}

/* The defective picture's mask at the size of its map (transfer full); NULL: there is none. */
static guint8 *
read_mask(const Evaluation *e, const CbiganPicture *picture, const CbiganResult *result)
{
  g_autofree char *base = g_path_get_basename(picture->path);
  char *dot = strrchr(base, '.');
  g_autofree char *stem = g_strndup(base, dot ? (gsize)(dot - base) : strlen(base));
  g_autofree char *name = g_strconcat(stem, "_mask.png", NULL);
  g_autofree char *path = g_build_filename(e->masks, picture->label, name, NULL);
  const CbiganDatasetOptions options = { .path = path, .width = result->map_width, .height = result->map_height };
  g_autoptr(CbiganDataset) mask = g_file_test(path, G_FILE_TEST_EXISTS) ? cbigan_dataset_load(&options, NULL) : NULL;
  gsize n = (gsize)result->map_width * (gsize)result->map_height;
  guint8 *defective;

  if (!mask)
    return NULL;
  defective = g_new(guint8, n);
  for (gsize i = 0; i < n; i++)
    defective[i] = cbigan_dataset_get(mask, 0)->pixels[3 * i] >= 128;
  return defective;
}

static void
add_pixels(Evaluation *e, const CbiganPicture *picture, const CbiganResult *result, gboolean good)
{
  g_autofree guint8 *mask = good ? NULL : read_mask(e, picture, result);

  if (good || mask)
    cbigan_pixel_metrics_add(e->pixels, result->map, mask, result->map_width, result->map_height,
                             result->threshold > 0 ? result->threshold : 1);
  e->n_masks += mask != NULL;
}

static gboolean
keep_scored(const CbiganPicture *picture, const CbiganResult *result, gpointer data, GError **error)
{
  Evaluation *e = data;
  gboolean good = cbigan_folder_is_good(picture->label);

  add_scores(good ? e->good : e->defective, result->scores, result->anomalous);
  if (e->masks)
    add_pixels(e, picture, result, good);
  if (!good)
    add_scores(find_kind(e, picture->label), result->scores, result->anomalous);
  if (e->csv) {
    cbigan_csv_text(e->csv, picture->path);
    fputc(',', e->csv);
    cbigan_csv_text(e->csv, picture->label);
    for (int i = e->first; i < e->end; i++)
      cbigan_csv_number(e->csv, result->scores[i]);
    fprintf(e->csv, ",%s\n", isnan(result->threshold) ? "" : result->anomalous ? "anomalous" : "good");
    fflush(e->csv); /* whoever stops this has whole rows; errors are told when it is closed */
  }
  return TRUE;
}

/* Changes the picture's light, then gives it to the scorer. */
static gboolean
light_and_push(CbiganPicture *picture, gpointer data, GError **error)
{
  Evaluation *e = data;
  double gain = e->arguments->gain, offset = e->arguments->offset;
  gsize size = (gsize)picture->width * picture->height * 3;

  if (gain != 1 || offset != 0)
    for (gsize i = 0; i < size; i++)
      picture->pixels[i] = (guint8)lround(CLAMP(picture->pixels[i] * gain + offset, 0, 255));
  return cbigan_picture_scorer_push(picture, e->pictures, error);
}

char *
cbigan_eval_describe_counts(guint n_good, guint n_defective)
{
  g_autofree char *good = g_strdup_printf(n_("%u good picture", "%u good pictures", n_good), n_good);
  g_autofree char *defective =
      g_strdup_printf(n_("%u defective picture", "%u defective pictures", n_defective), n_defective);

  return g_strconcat(good, ", ", defective, NULL);
}

static gboolean
score_all(Evaluation *e, const char *dir, const CbiganModelInfo *info, GError **error)
{
  g_autofree char *test = cbigan_folder_for_tests(dir, error);
  CbiganDatasetOptions options = { .path = test,
                                   .width = info->frame_width,
                                   .height = info->frame_height,
                                   .least = info->frame_width ? 0 : info->patch,
                                   .cutout = cbigan_command_cutout(&e->arguments->counting),
                                   .strict = e->arguments->strict };

  if (!test)
    return FALSE;
  cbigan_command_show_reading(&options);
  if (!cbigan_dataset_foreach(&options, light_and_push, e, error) || !cbigan_picture_scorer_flush(e->pictures, error))
    return FALSE;
  if (e->good->n && e->defective->n)
    return TRUE;
  g_autofree char *counts = cbigan_eval_describe_counts(e->good->n, e->defective->n);
  g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_FILE,
              _("%s: %s; expected at least one of both: a folder good and a folder per kind of defect"), options.path,
              counts);
  return FALSE;
}

static double
auroc_of(const Evaluation *e, const Kind *kind, int score)
{
  return cbigan_auroc((const double *)(gpointer)e->good->scores[score]->data, e->good->n,
                      (const double *)(gpointer)kind->scores[score]->data, kind->n);
}

static void
print_row(const Evaluation *e, const CbiganModelInfo *info, const char *name, const Kind *kind)
{
  cbigan_print_left(name, 20);
  printf(" %6u", kind->n);
  for (int i = 0; i < CBIGAN_N_SCORES; i++) {
    const double *good = (const double *)(gpointer)e->good->scores[i]->data;
    const double *bad = (const double *)(gpointer)kind->scores[i]->data;

    if (info->scores[i])
      printf("    %6.4f %8.4f", auroc_of(e, kind, i), cbigan_balanced_accuracy(good, e->good->n, bad, kind->n, NULL));
  }
  putchar('\n');
}

static double
f1(const Evaluation *e)
{
  const double found = e->defective->anomalous, wrong = e->good->anomalous + e->defective->n - found;

  return 2 * found / (2 * found + wrong);
}

static void
print_intervals(const Evaluation *e, const CbiganModelInfo *info)
{
  printf(_("\n95 %% interval of the AUROC, by drawing pictures again:"));
  for (int i = 0; i < CBIGAN_N_SCORES; i++) {
    double low, high;

    if (!info->scores[i])
      continue;
    cbigan_auroc_interval((const double *)(gpointer)e->good->scores[i]->data, e->good->n,
                          (const double *)(gpointer)e->defective->scores[i]->data, e->defective->n, &low, &high);
    printf(" %s %.4f to %.4f", cbigan_score_name(i), low, high);
  }
  putchar('\n');
  if (e->n_masks)
    printf(n_("Pixels (%s, %u mask): AUROC %.4f, AUPRO %.4f up to 30 %% of good pixels\n",
              "Pixels (%s, %u masks): AUROC %.4f, AUPRO %.4f up to 30 %% of good pixels\n", e->n_masks),
           cbigan_score_name(info->score), e->n_masks, cbigan_pixel_metrics_auroc(e->pixels),
           cbigan_pixel_metrics_aupro(e->pixels, OVERLAP_LIMIT));
}

static void
print_table(const Evaluation *e, const CbiganModelInfo *info)
{
  g_autofree char *counts = cbigan_eval_describe_counts(e->good->n, e->defective->n);

  printf("%s\n\n", counts);
  printf("%-20s %6s", "", "");
  for (int i = 0; i < CBIGAN_N_SCORES; i++)
    if (info->scores[i])
      printf("    %-15s", cbigan_score_name(i));
  putchar('\n');
  cbigan_print_left(_("defect"), 20);
  cbigan_print_right(_("number"), 7);
  for (int i = 0; i < CBIGAN_N_SCORES; i++)
    if (info->scores[i]) {
      cbigan_print_right(_("AUROC"), 10);
      cbigan_print_right(_("bal.acc."), 9);
    }
  putchar('\n');
  print_row(e, info, _("all"), e->defective);
  for (guint i = 0; i < e->kinds->len; i++) {
    const Kind *kind = g_ptr_array_index(e->kinds, i);

    print_row(e, info, *kind->label ? kind->label : _("(no folder)"), kind);
  }
  print_intervals(e, info);
  if (isnan(info->threshold))
    printf(_("\nThe model has no threshold.\n"));
  else
    printf(_("\nOver the model's threshold (%s, %.4g): good pictures %u of %u (%.1f %%), defective pictures %u of %u "
             "(%.1f %%); F1 %.4f\n"),
           cbigan_score_name(info->score), info->threshold, e->good->anomalous, e->good->n,
           100.0 * e->good->anomalous / e->good->n, e->defective->anomalous, e->defective->n,
           100.0 * e->defective->anomalous / e->defective->n, f1(e));
}

static gboolean
open_csv(Evaluation *e, const char *path, GError **error)
{
  e->csv = fopen(path, "w");
  if (!e->csv) {
    g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_FILE, "%s: %s", path, g_strerror(errno));
    return FALSE;
  }
  fputs("path,label", e->csv);
  for (int i = e->first; i < e->end; i++)
    fprintf(e->csv, ",%s", cbigan_score_name(i));
  fputs(",verdict\n", e->csv);
  return TRUE;
}

static gboolean
close_csv(Evaluation *e, const char *path, GError **error)
{
  gboolean failed = e->csv && ferror(e->csv);

  if (e->csv && fclose(g_steal_pointer(&e->csv)) != 0)
    failed = TRUE;
  if (failed)
    g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_FILE, "%s: %s", path, g_strerror(errno));
  return !failed;
}

/* ground_truth in DIR, or beside it (transfer full); NULL: there is none. */
static char *
find_masks(const char *dir)
{
  g_autofree char *here = g_canonicalize_filename(dir, NULL), *parent = g_path_get_dirname(here);
  const char *const places[] = { here, parent };

  for (guint i = 0; i < G_N_ELEMENTS(places); i++) {
    char *path = g_build_filename(places[i], "ground_truth", NULL);

    if (g_file_test(path, G_FILE_TEST_IS_DIR))
      return path;
    g_free(path);
  }
  return NULL;
}

/* Scores the pictures in `dir`; e: zeros but for `arguments`. FALSE with an error. */
static gboolean
measure(Evaluation *e, CbiganModel *model, const char *dir, GError **error)
{
  Arguments *a = e->arguments;
  const CbiganModelInfo *info = cbigan_model_info(model);
  g_autoptr(CbiganScorer) scorer = NULL;
  CbiganScorerOptions options = CBIGAN_SCORER_OPTIONS_INIT;

  e->good = new_kind("good");
  e->defective = new_kind("");
  e->kinds = g_ptr_array_new_with_free_func(free_kind);
  e->masks = find_masks(dir);
  e->pixels = cbigan_pixel_metrics_new();
  options.backend = a->run.backend;
  options.device = a->run.device;
  options.threads = a->run.threads;
  options.precision = a->chosen_precision;
  options.maps = e->masks ? CBIGAN_MAPS_ALL : CBIGAN_MAPS_NONE;
  for (int i = 0; i < CBIGAN_N_SCORES; i++)
    options.also |= info->scores[i] ? 1u << i : 0;
  e->first = info->scores[CBIGAN_SCORE_INSPECTOR] ? CBIGAN_SCORE_INSPECTOR : 0;
  e->end = e->first ? CBIGAN_N_SCORES : CBIGAN_SCORE_INSPECTOR;
  scorer = cbigan_scorer_new(model, &options, error);
  if (!scorer || !cbigan_command_count(&a->counting, scorer, error) || (a->csv && !open_csv(e, a->csv, error)))
    return FALSE;
  e->pictures = cbigan_picture_scorer_new(scorer, a->strict, keep_scored, e);
  const gboolean fine = score_all(e, dir, info, error) && close_csv(e, a->csv, error);
  g_clear_pointer(&e->pictures, cbigan_picture_scorer_free); /* before the scorer */
  return fine;
}

gboolean
cbigan_eval_measure(CbiganModel *model, const char *dir, const CbiganRunOptions *run, gboolean strict,
                    CbiganEvalFigures *figures, GError **error)
{
  Arguments a = { .gain = 1, .strict = strict, .counting = CBIGAN_COUNTING_OPTIONS_INIT, .run = *run };
  g_auto(Evaluation) e = { .arguments = &a };
  const CbiganScoreKind kind = cbigan_model_info(model)->score;

  if (!measure(&e, model, dir, error))
    return FALSE;
  *figures = (CbiganEvalFigures){ .n_good = e.good->n,
                                  .n_defective = e.defective->n,
                                  .good_flagged = e.good->anomalous,
                                  .defective_flagged = e.defective->anomalous,
                                  .auroc = auroc_of(&e, e.defective, kind),
                                  .pixel_auroc = cbigan_pixel_metrics_auroc(e.pixels),
                                  .aupro = cbigan_pixel_metrics_aupro(e.pixels, OVERLAP_LIMIT) };
  return TRUE;
}

static CbiganExit
evaluate(Arguments *a, const char *dir)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(CbiganModel) model = cbigan_model_load(a->model, &error);
  g_auto(Evaluation) e = { .arguments = a };

  if (!model || !measure(&e, model, dir, &error))
    return cbigan_command_fail(error);
  print_table(&e, cbigan_model_info(model));
  return CBIGAN_EXIT_FINE;
}

CbiganExit
cbigan_cmd_eval(int argc, char **argv)
{
  g_auto(Arguments) a = { .gain = 1, .counting = CBIGAN_COUNTING_OPTIONS_INIT };
  g_auto(GStrv) rest = NULL;
  g_autoptr(GError) error = NULL;
  GOptionEntry entries[] = {
    { "model", 'm', 0, G_OPTION_ARG_FILENAME, &a.model, N_("Model file"), N_("MODEL") },
    { "csv", 0, 0, G_OPTION_ARG_FILENAME, &a.csv, N_("Write the scores of each picture"), N_("FILE") },
    { "gain", 0, 0, G_OPTION_ARG_DOUBLE, &a.gain, N_("Multiply the pixels by X before scoring"), "X" },
    { "offset", 0, 0, G_OPTION_ARG_DOUBLE, &a.offset, N_("Then add X grey levels"), "X" },
    { "strict", 0, 0, G_OPTION_ARG_NONE, &a.strict, N_("Refuse a damaged picture instead of skipping it"), NULL },
    CBIGAN_COUNTING_ENTRIES(&a.counting),
    CBIGAN_PRECISION_ENTRY(a.precision),
    CBIGAN_RUN_ENTRIES(&a.run),
    { NULL },
  };

  if (!cbigan_command_parse(&usage, entries, argc, argv, &rest))
    return CBIGAN_EXIT_USAGE;
  if (!cbigan_command_need_model(a.model, &error) || !cbigan_command_check_run(&a.run, &error) ||
      !cbigan_command_precision(a.precision, &a.chosen_precision, &error) ||
      !cbigan_command_in_range("gain", a.gain, 0, 100, &error) ||
      !cbigan_command_in_range("offset", a.offset, -255, 255, &error))
    return cbigan_command_usage(error);
  return evaluate(&a, rest[0]);
}
