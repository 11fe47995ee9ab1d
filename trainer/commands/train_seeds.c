/* train_seeds.c - compares the models that cbigan train --seeds has made
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Another figure is a value of Figure, its row in `columns`, and its place in measure().
 */
#include "train_seeds.h"

#include "columns.h"
#include "data/folder.h"
#include "eval.h"
#include "i18n.h"
#include "train_output.h"
#include <math.h>
#include <stdio.h>

typedef enum { THRESHOLD, SYNTHETIC, AUROC, PIXEL_AUROC, AUPRO, GOOD, DEFECTIVE, N_FIGURES } Figure;

static const struct {
  const char *title;
  int decimals, of_mean;
} columns[N_FIGURES] = {
  [THRESHOLD] = { N_("threshold"), 4, 4 },
  [SYNTHETIC] = { N_("synthetic AUROC"), 4, 4 },
  [AUROC] = { N_("AUROC"), 4, 4 },
  [PIXEL_AUROC] = { N_("pixel AUROC"), 4, 4 },
  [AUPRO] = { N_("AUPRO"), 4, 4 },
  [GOOD] = { N_("good flagged"), 0, 1 },
  [DEFECTIVE] = { N_("defective flagged"), 0, 1 },
};

/* The figures of one model; NAN: it has no such figure. */
typedef struct {
  guint64 seed;
  double figures[N_FIGURES];
} Row;

/* Whether `dir` has test pictures, good and defective ones, that are none of the training's. */
static gboolean
has_tests(const char *dir)
{
  g_autofree char *test = dir ? cbigan_folder_for_tests(dir, NULL) : NULL;
  g_autofree char *name = test ? g_path_get_basename(test) : NULL;
  g_autoptr(CbiganListing) listing = NULL;
  gboolean good = FALSE, defective = FALSE;

  if (!test || g_str_equal(test, dir) || !cbigan_folder_is_test(name) ||
      !(listing = cbigan_folder_list(test, FALSE, NULL)))
    return FALSE;
  for (guint i = 0; i < listing->files->len; i++) {
    const CbiganListedFile *file = g_ptr_array_index(listing->files, i);

    *(cbigan_folder_is_good(file->label) ? &good : &defective) = TRUE;
  }
  return good && defective;
}

/* tests: folder with test pictures, NULL = none; *counts: how many there are. */
static gboolean
measure(const char *path, const char *tests, const CbiganRunOptions *run, gboolean strict, double *figures,
        CbiganEvalFigures *counts, GError **error)
{
  g_autoptr(CbiganModel) model = cbigan_model_load(path, error);

  if (!model)
    return FALSE;
  const CbiganModelInfo *info = cbigan_model_info(model);
  for (int i = 0; i < N_FIGURES; i++)
    figures[i] = NAN;
  figures[THRESHOLD] = info->threshold;
  figures[SYNTHETIC] = info->proxy;
  if (!tests)
    return TRUE;
  if (!cbigan_eval_measure(model, tests, run, strict, counts, error))
    return FALSE;
  figures[AUROC] = counts->auroc;
  figures[PIXEL_AUROC] = counts->pixel_auroc;
  figures[AUPRO] = counts->aupro;
  if (!isnan(info->threshold)) {
    figures[GOOD] = counts->good_flagged;
    figures[DEFECTIVE] = counts->defective_flagged;
  }
  return TRUE;
}

static int
width_of(Figure figure)
{
  return MAX(cbigan_text_width(_(columns[figure].title)) + 2, 10);
}

/* The columns that the first model has. */
static void
print_figures(const char *title, const Row *first, const double *figures, gboolean mean)
{
  cbigan_print_left(title, 10);
  for (int i = 0; i < N_FIGURES; i++)
    if (!isnan(first->figures[i]))
      printf("%*.*f", width_of(i), mean ? columns[i].of_mean : columns[i].decimals, figures[i]);
  putchar('\n');
}

static void
print_table(const GArray *rows)
{
  const Row *first = &g_array_index(rows, Row, 0);
  double mean[N_FIGURES] = { 0 }, least[N_FIGURES], most[N_FIGURES];

  cbigan_print_left(_("seed"), 10);
  for (int i = 0; i < N_FIGURES; i++)
    if (!isnan(first->figures[i]))
      cbigan_print_right(_(columns[i].title), width_of(i));
  putchar('\n');
  for (guint k = 0; k < rows->len; k++) {
    const Row *row = &g_array_index(rows, Row, k);
    g_autofree char *seed = g_strdup_printf("%" G_GUINT64_FORMAT, row->seed);

    print_figures(seed, first, row->figures, FALSE);
    for (int i = 0; i < N_FIGURES; i++) {
      mean[i] += row->figures[i];
      least[i] = k ? fmin(least[i], row->figures[i]) : row->figures[i];
      most[i] = k ? fmax(most[i], row->figures[i]) : row->figures[i];
    }
  }
  for (int i = 0; i < N_FIGURES; i++)
    mean[i] /= rows->len;
  print_figures(_("mean"), first, mean, TRUE);
  print_figures(_("smallest"), first, least, FALSE);
  print_figures(_("largest"), first, most, FALSE);
}

gboolean
cbigan_train_compare_seeds(const GPtrArray *outputs, const char *dir, const CbiganRunOptions *run, gboolean strict)
{
  g_autoptr(GArray) rows = g_array_new(FALSE, FALSE, sizeof(Row));
  g_autoptr(GError) error = NULL;
  CbiganEvalFigures counts = { 0 };
  const char *tests = has_tests(dir) ? dir : NULL;
  gboolean fine = TRUE;

  for (guint i = 0; i < outputs->len; i++) {
    const CbiganTrainOutput *output = g_ptr_array_index(outputs, i);
    Row row = { .seed = output->seed };

    if (!output->finished) {
      cbigan_command_note(_("seed %llu failed and has no model"), (unsigned long long)output->seed);
      continue;
    }
    if (!measure(output->model, tests, run, strict, row.figures, &counts, &error)) {
      cbigan_command_fail(error);
      g_clear_error(&error);
      fine = FALSE;
      continue;
    }
    g_array_append_val(rows, row);
  }
  if (!rows->len)
    return fine;
  if (tests) {
    g_autofree char *text = cbigan_eval_describe_counts(counts.n_good, counts.n_defective);
    printf("%s\n\n", text);
  } else {
    printf("%s\n\n", _("no test pictures: what the trainings themselves measured"));
  }
  print_table(rows);
  return fine;
}
