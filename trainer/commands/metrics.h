/* metrics.h - how well scores tell defective pictures from good ones
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Higher scores mean more anomalous. Scores are finite; n is at least 1 on both sides, else the results are NAN.
 */
#pragma once
#include <glib.h>

G_BEGIN_DECLS

/* Area under the ROC curve: the probability that a defective picture scores higher than a good one, ties counting half
 * (the Mann-Whitney statistic over n_good * n_defective). 0.5 = chance. */
double cbigan_auroc(const double *good, guint n_good, const double *defective, guint n_defective);

/* Largest (TPR + TNR) / 2 over all thresholds, "score > threshold" being the verdict; *threshold (may be NULL): the
 * middle of the gap in which it is reached, the lowest such gap. */
double cbigan_balanced_accuracy(const double *good, guint n_good, const double *defective, guint n_defective,
                                double *threshold);

/* Share of the scores over the threshold: the false-alarm rate on good ones, the hit rate on defective ones. */
double cbigan_share_over(const double *scores, guint n, double threshold);

/* The 95 % interval of cbigan_auroc(), from 1000 draws of as many pictures with replacement (Efron 1979); the same for
 * the same scores. */
void cbigan_auroc_interval(const double *good, guint n_good, const double *defective, guint n_defective, double *low,
                           double *high);

G_END_DECLS
