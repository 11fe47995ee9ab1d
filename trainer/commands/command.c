/* command.c - what the commands of the program `cbigan` share
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "command.h"
#include "data/folder.h"
#include "data/similar.h"
#include "i18n.h"
#include "mask_file.h"
#include "progress.h"
#include <math.h>
#include <string.h>

gboolean
cbigan_command_parse(const CbiganUsage *usage, const GOptionEntry *entries, int argc, char **argv, char ***arguments)
{
  g_autoptr(GOptionContext) context = g_option_context_new(usage->arguments ? _(usage->arguments) : NULL);
  g_autofree char *examples = g_strdup_printf("%s\n%s", _("Examples:"), usage->examples);
  g_auto(GStrv) rest = NULL;
  g_autofree char **copy = g_memdup2(argv, sizeof *argv * ((gsize)argc + 1));
  GOptionEntry remaining[] = { { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &rest, NULL, NULL }, { 0 } };
  g_autoptr(GError) error = NULL;
  int n;

  g_option_context_set_summary(context, _(usage->summary));
  g_option_context_set_description(context, examples);
  g_option_context_add_main_entries(context, entries, GETTEXT_PACKAGE);
  g_option_context_add_main_entries(context, remaining, NULL);
  for (const CbiganOptionGroup *g = usage->groups; g && g->name; g++) {
    GOptionGroup *group = g_option_group_new(g->name, _(g->title), _(g->help), NULL, NULL);
    g_option_group_set_translation_domain(group, GETTEXT_PACKAGE);
    g_option_group_add_entries(group, g->entries);
    g_option_context_add_group(context, group);
  }
  if (!g_option_context_parse(context, &argc, &copy, &error)) {
    cbigan_command_usage(error);
    return FALSE;
  }
  n = rest ? (int)g_strv_length(rest) : 0;
  if (n < usage->least || n > usage->most) {
    cbigan_refuse(&error, n_("%d argument; expected: %s", "%d arguments; expected: %s", (gulong)n), n,
                  usage->arguments ? _(usage->arguments) : _("none"));
    cbigan_command_usage(error);
    return FALSE;
  }
  *arguments = rest ? g_steal_pointer(&rest) : g_new0(char *, 1);
  return TRUE;
}

CbiganExit
cbigan_command_fail(const GError *error)
{
  g_printerr("%s: %s\n", g_get_prgname(), error->message);
  return CBIGAN_EXIT_FAILED;
}

CbiganExit
cbigan_command_usage(const GError *error)
{
  g_printerr("%s: %s\n", g_get_prgname(), error->message);
  g_printerr(_("“%s --help” shows the options.\n"), g_get_prgname());
  return CBIGAN_EXIT_USAGE;
}

static gboolean is_quiet;

void
cbigan_command_be_quiet(gboolean quiet)
{
  is_quiet = quiet;
}

void
cbigan_command_note(const char *format, ...)
{
  va_list arguments;
  g_autofree char *text = NULL;

  if (is_quiet)
    return;
  va_start(arguments, format);
  text = g_strdup_vprintf(format, arguments);
  va_end(arguments);
  g_printerr("%s: %s\n", g_get_prgname(), text);
}

void
cbigan_command_note_bf16(const CbiganBf16Check *check)
{
  if (check->untried)
    cbigan_command_note(_("bf16: not checked: %s; --precision auto takes fp32"), check->untried);
  else if (check->changed)
    cbigan_command_note(_("bf16: changed verdicts: %u of %u; --precision auto takes fp32"), check->changed,
                        check->pictures);
  else if (check->error > CBIGAN_BF16_LIMIT)
    cbigan_command_note(
        _("bf16: scores differ by up to %.2g %%; expected at most %g %%, so --precision auto takes fp32"),
        100 * check->error, 100 * CBIGAN_BF16_LIMIT);
  else if (check->pictures)
    cbigan_command_note(n_("bf16: scores within %.2g %%, no verdict changed on %u picture",
                           "bf16: scores within %.2g %%, no verdict changed on %u pictures", check->pictures),
                        100 * check->error, check->pictures);
}

gboolean
cbigan_command_in_range(const char *option, double value, double least, double most, GError **error)
{
  return (value >= least && value <= most) || /* FALSE for NAN */
         cbigan_refuse(error, _("--%s: %g; expected %g to %g"), option, value, least, most);
}

gboolean
cbigan_command_need_model(const char *model, GError **error)
{
  return model || cbigan_refuse(error, _("--model is missing: the model file"));
}

gboolean
cbigan_command_check_run(const CbiganRunOptions *run, GError **error)
{
  g_autofree char *names = g_strjoinv(", ", (char **)cbigan_backend_names());

  if (run->backend && !g_str_equal(run->backend, "auto") && !g_strv_contains(cbigan_backend_names(), run->backend))
    return cbigan_refuse(error, _("--backend: %s; expected one of auto, %s"), run->backend, names);
  return cbigan_command_in_range("device", run->device, 0, 1024, error) &&
         cbigan_command_in_range("threads", run->threads, 0, 4096, error);
}

const char *const cbigan_command_taps[] = { [CBIGAN_TAP_FIRST] = "first", [CBIGAN_TAP_HIDDEN] = "hidden", NULL };

gboolean
cbigan_command_choice(const char *option, const char *name, const char *const *choices, int *chosen, GError **error)
{
  g_autofree char *all = g_strjoinv(", ", (char **)choices);

  if (!name)
    return TRUE;
  for (int i = 0; choices[i]; i++)
    if (g_str_equal(name, choices[i])) {
      *chosen = i;
      return TRUE;
    }
  return cbigan_refuse(error, _("--%s: %s; expected one of %s"), option, name, all);
}

gboolean
cbigan_command_score_kind(const char *name, CbiganScoreKind *kind, GError **error)
{
  const char *choices[CBIGAN_N_SCORES + 1] = { NULL };
  int chosen = *kind;

  for (int i = 0; i < CBIGAN_N_SCORES; i++)
    choices[i] = cbigan_score_name(i);
  gboolean fine = cbigan_command_choice("score", name, choices, &chosen, error);
  *kind = chosen;
  return fine;
}

gboolean
cbigan_command_precision(const char *name, CbiganPrecision *precision, GError **error)
{
  const char *choices[CBIGAN_N_PRECISIONS + 1] = { NULL };
  int chosen = (int)*precision;

  for (int i = 0; i < CBIGAN_N_PRECISIONS; i++)
    choices[i] = cbigan_precision_name((CbiganPrecision)i);
  gboolean fine = cbigan_command_choice("precision", name, choices, &chosen, error);
  *precision = (CbiganPrecision)chosen;
  return fine;
}

char *
cbigan_command_good_folder(const char *dir, GError **error)
{
  char *folder = cbigan_folder_for_training(dir, error);

  if (folder && g_str_equal(folder, dir))
    cbigan_command_note(_("good pictures from %s itself: it has no folder train/good or good"), dir);
  else if (folder)
    cbigan_command_note(_("good pictures from %s"), folder);
  return folder;
}

static void
show_warning(const char *message, gpointer data)
{
  cbigan_progress_end();
  cbigan_command_note(_("warning: %s"), message);
}

static void
show_note(const char *message, gpointer data)
{
  cbigan_progress_end();
  cbigan_command_note("%s", message);
}

static void
show_reading(guint done, guint all, gpointer data)
{
  g_autofree char *text = g_strdup_printf(_("reading pictures: %u of %u"), done, all);

  if (done < all)
    cbigan_progress_show((double)done / all, text);
  else
    cbigan_progress_end();
}

void
cbigan_command_show_reading(CbiganDatasetOptions *options)
{
  options->warning = show_warning;
  options->note = show_note;
  options->progress = show_reading;
}

gboolean
cbigan_command_check_pictures(const CbiganDataset *pictures, guint least, GError **error)
{
  g_autofree char *warning = NULL;

  if (!cbigan_similar_check(pictures, least, &warning, error))
    return FALSE;
  if (warning)
    show_warning(warning, NULL);
  return TRUE;
}

gboolean
cbigan_command_check_threshold(const CbiganModelInfo *info, GError **error)
{
  return isnan(info->threshold) || info->threshold > 0 ||
         cbigan_refuse(error,
                       _("the threshold is %g, at which every picture is anomalous: the good pictures don't differ"),
                       info->threshold);
}

gboolean
cbigan_command_count(CbiganCountingOptions *options, CbiganScorer *scorer, GError **error)
{
  CbiganCounting counting = CBIGAN_COUNTING_INIT;

  if (options->mask && !cbigan_mask_read(options->mask, &options->pixels, error))
    return FALSE;
  counting.roi = options->roi;
  counting.mask = options->pixels;
  if (options->roi && !*options->roi)
    return cbigan_refuse(error, _("--roi: empty; expected at least one area like 0.1,0.2,0.5,0.5"));
  if (!cbigan_command_in_range("cutout-overlap", options->overlap, 0, 0.9, error))
    return FALSE;
  if (options->cutout && (!cbigan_cutout_parse(options->cutout, &options->part, error) ||
                          !cbigan_scorer_set_cutouts(scorer, options->overlap, error)))
    return FALSE;
  return cbigan_scorer_set_counting(scorer, &counting, error) &&
         cbigan_scorer_set_min_area(scorer, options->min_area, error);
}

const CbiganCutout *
cbigan_command_cutout(const CbiganCountingOptions *options)
{
  return options->cutout ? &options->part : NULL;
}

void
cbigan_command_clear_counting(CbiganCountingOptions *options)
{
  g_clear_pointer(&options->cutout, g_free);
  g_clear_pointer(&options->roi, g_free);
  g_clear_pointer(&options->mask, g_free);
  cbigan_mask_clear(&options->pixels);
}

/* The text of a pipeline: the argument itself, or the content of the file of that name (transfer full). */
static char *
pipeline_text(const char *argument, GError **error)
{
  static const char byte_order_mark[] = "\xef\xbb\xbf"; /* some editors begin a file with it */
  char *text = NULL;

  if (!g_file_test(argument, G_FILE_TEST_IS_REGULAR))
    return g_strdup(argument);
  if (!g_file_get_contents(argument, &text, NULL, error))
    return NULL;
  if (g_str_has_prefix(text, byte_order_mark))
    memmove(text, text + strlen(byte_order_mark), strlen(text + strlen(byte_order_mark)) + 1);
  return g_strstrip(text);
}

gboolean
cbigan_command_check_source(const CbiganPictureOptions *pictures, const char *dir, GError **error)
{
  if (!dir == !pictures->pipeline)
    return cbigan_refuse(error, _("expected either a folder of good pictures or --pipeline"));
  return cbigan_command_in_range("limit", pictures->limit, 0, 1e9, error);
}

CbiganDataset *
cbigan_command_load_good(const CbiganPictureOptions *pictures, const char *folder, int width, int height, int least,
                         const CbiganMask *mask, GError **error)
{
  g_autofree char *pipeline = pictures->pipeline ? pipeline_text(pictures->pipeline, error) : NULL;
  CbiganDatasetOptions options = { .path = folder,
                                   .pipeline = pipeline,
                                   .training = TRUE,
                                   .width = width,
                                   .height = height,
                                   .cutout = pictures->cutout,
                                   .least = width ? 0 : least,
                                   .mask = mask && mask->counts ? mask : NULL,
                                   .strict = pictures->strict,
                                   .limit = (guint)pictures->limit };

  if (!folder && !pipeline)
    return NULL;
  cbigan_command_show_reading(&options);
  return cbigan_dataset_load(&options, error);
}
