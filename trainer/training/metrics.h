/* metrics.h - measures how well scores separate defective pictures from good ones
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Higher scores mean more anomalous. Scores must be finite. Without good or without defective pictures, results are
 * NAN.
 */
#pragma once
#include <glib.h>

G_BEGIN_DECLS

/* Area under the ROC curve: the probability that a defective picture scores higher than a good one, ties counting half
 * (the Mann-Whitney statistic over n_good * n_defective). 0.5 = chance. */
double cbigan_auroc(const double *good, guint n_good, const double *defective, guint n_defective);

/* The largest (TPR + TNR) / 2 over all thresholds, with the verdict "score > threshold". *threshold (may be NULL) = the
 * middle of the lowest gap between scores that reaches it. */
double cbigan_balanced_accuracy(const double *good, guint n_good, const double *defective, guint n_defective,
                                double *threshold);

/* The 95 % interval of cbigan_auroc(), from 1000 draws of as many pictures with replacement (Efron 1979); the same for
 * the same scores. */
void cbigan_auroc_interval(const double *good, guint n_good, const double *defective, guint n_defective, double *low,
                           double *high);

G_END_DECLS
