/* eval.h - what cbigan eval measures, for other commands
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include "command.h"

G_BEGIN_DECLS

/* Of the score with the threshold. */
typedef struct {
  guint n_good, n_defective;             /* pictures */
  guint good_flagged, defective_flagged; /* over the model's threshold; 0 if it has none */
  double auroc;
  double pixel_auroc, aupro; /* NAN without masks */
} CbiganEvalFigures;

/* Measures a model on the test pictures that belong to `dir`. FALSE with an error, also where good or defective
 * pictures are missing. */
gboolean cbigan_eval_measure(CbiganModel *model, const char *dir, const CbiganRunOptions *run, gboolean strict,
                             CbiganEvalFigures *figures, GError **error);
/* "4 good pictures, 5 defective pictures" (transfer full) */
char *cbigan_eval_describe_counts(guint n_good, guint n_defective);

G_END_DECLS
