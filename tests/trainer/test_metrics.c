/* test_metrics.c - area under the ROC curve and balanced accuracy against cases counted by hand and by brute force
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "training/metrics.h"
#include "commands/pixel_metrics.h"
#include <math.h>

#define TOLERANCE 1e-12

typedef struct {
  const char *name;
  double good[4], defective[4];
  guint n_good, n_defective;
  double auroc, accuracy;
} Case;

static const Case cases[] = {
  { "separate", { 1, 2, 3 }, { 4, 5 }, 3, 2, 1, 1 },
  { "reversed", { 4, 5 }, { 1, 2, 3 }, 2, 3, 0, 0.5 },
  { "all-equal", { 7, 7, 7 }, { 7, 7 }, 3, 2, 0.5, 0.5 },
  /* pairs won: 2>1, 4>1, 4>3; lost: 2<3 */
  { "one-crossing", { 1, 3 }, { 2, 4 }, 2, 2, 0.75, 0.75 },
  /* defective 2: beats 1, ties 2 and 2; defective 3: beats all: (1 + 2*0.5 + 3) / 6 */
  { "ties", { 1, 2, 2 }, { 2, 3 }, 3, 2, 5.0 / 6, 0.75 },
  { "one-each", { 0 }, { 1 }, 1, 1, 1, 1 },
};

static void
check_close(const char *what, double found, double expected)
{
  g_test_message("%s: found %.17g, expected %.17g, tolerance %g", what, found, expected, TOLERANCE);
  g_assert_cmpfloat_with_epsilon(found, expected, TOLERANCE);
}

static double
share_over(const double *scores, guint n, double threshold)
{
  guint over = 0;

  for (guint i = 0; i < n; i++)
    over += scores[i] > threshold;
  return (double)over / n;
}

/* The definition: (TNR + TPR) / 2 */
static double
accuracy_at(const double *good, guint n_good, const double *defective, guint n_defective, double threshold)
{
  return (1 - share_over(good, n_good, threshold) + share_over(defective, n_defective, threshold)) / 2;
}

static void
test_by_hand(gconstpointer data)
{
  const Case *c = data;
  double threshold;

  check_close("auroc", cbigan_auroc(c->good, c->n_good, c->defective, c->n_defective), c->auroc);
  check_close("balanced accuracy",
              cbigan_balanced_accuracy(c->good, c->n_good, c->defective, c->n_defective, &threshold), c->accuracy);
  check_close("the same at the threshold found",
              accuracy_at(c->good, c->n_good, c->defective, c->n_defective, threshold), c->accuracy);
}

static double
auroc_by_pairs(const double *good, guint n_good, const double *defective, guint n_defective)
{
  double won = 0;

  for (guint i = 0; i < n_good; i++)
    for (guint j = 0; j < n_defective; j++)
      won += defective[j] > good[i] ? 1 : defective[j] == good[i] ? 0.5 : 0;
  return won / ((double)n_good * n_defective);
}

static double
accuracy_by_trial(const double *good, guint n_good, const double *defective, guint n_defective)
{
  double best = accuracy_at(good, n_good, defective, n_defective, -INFINITY);

  for (guint i = 0; i < n_good; i++)
    best = MAX(best, accuracy_at(good, n_good, defective, n_defective, good[i]));
  for (guint j = 0; j < n_defective; j++)
    best = MAX(best, accuracy_at(good, n_good, defective, n_defective, defective[j]));
  return best;
}

/* Few distinct values, so that most scores are tied with others. */
static void
test_random(void)
{
  double good[40], defective[40], threshold;

  for (int round = 0; round < 500; round++) {
    guint n_good = (guint)g_test_rand_int_range(1, 41), n_defective = (guint)g_test_rand_int_range(1, 41);
    int values = g_test_rand_int_range(1, 60);

    for (guint i = 0; i < n_good; i++)
      good[i] = g_test_rand_int_range(0, values);
    for (guint i = 0; i < n_defective; i++)
      defective[i] = g_test_rand_int_range(0, values) + 0.5 * g_test_rand_int_range(0, 3);
    check_close("auroc", cbigan_auroc(good, n_good, defective, n_defective),
                auroc_by_pairs(good, n_good, defective, n_defective));
    check_close("balanced accuracy", cbigan_balanced_accuracy(good, n_good, defective, n_defective, &threshold),
                accuracy_by_trial(good, n_good, defective, n_defective));
    check_close("accuracy at its threshold", accuracy_at(good, n_good, defective, n_defective, threshold),
                accuracy_by_trial(good, n_good, defective, n_defective));
  }
}

static void
test_one_side(void)
{
  double scores[] = { 1, 2 };

  g_assert_true(isnan(cbigan_auroc(scores, 2, NULL, 0)));
  g_assert_true(isnan(cbigan_auroc(NULL, 0, scores, 2)));
  g_assert_true(isnan(cbigan_balanced_accuracy(scores, 2, NULL, 0, NULL)));
}

/* The area lies in its interval, which is the narrower the more pictures there are, and one point where all agree. */
static void
test_interval(void)
{
  double good[40], defective[40], low[2], high[2];

  for (int i = 0; i < 40; i++) {
    good[i] = i % 10;
    defective[i] = 4 + i % 10;
  }
  for (int i = 0; i < 2; i++) {
    guint n = i ? 40 : 10;
    double area = cbigan_auroc(good, n, defective, n);

    cbigan_auroc_interval(good, n, defective, n, &low[i], &high[i]);
    g_assert_cmpfloat(low[i], <, area);
    g_assert_cmpfloat(high[i], >, area);
  }
  g_assert_cmpfloat(high[1] - low[1], <, 0.7 * (high[0] - low[0]));
  defective[0] = 100;
  cbigan_auroc_interval(good, 10, defective, 1, &low[0], &high[0]);
  g_assert_cmpfloat(low[0], ==, 1);
  g_assert_cmpfloat(high[0], ==, 1);
}

/* Two defects, of 1 and 8 pixels, in pictures of 10 x 10; the map finds the large one, and a good pixel of 91. */
static void
test_pixels(void)
{
  g_autoptr(CbiganPixelMetrics) all = cbigan_pixel_metrics_new(), perfect = cbigan_pixel_metrics_new();
  guint8 mask[100] = { [0] = 1 };
  float map[100] = { [99] = 5 };

  for (int i = 0; i < 8; i++) {
    mask[44 + i % 4 + i / 4 * 10] = 1;
    map[44 + i % 4 + i / 4 * 10] = 2;
  }
  g_assert_true(isnan(cbigan_pixel_metrics_auroc(all)));
  cbigan_pixel_metrics_add(all, map, mask, 10, 10, 1);
  /* 8 of 9 defective pixels beat 90 of 91 good ones, the ninth ties with 90 */
  g_assert_cmpfloat_with_epsilon(cbigan_pixel_metrics_auroc(all), (8 * 90 + 0.5 * 90) / (9 * 91.0), 1e-9);
  /* overlap 0 up to 1/91 of the good pixels, then 1/2, from where it rises to 1 at all of them */
  double rest = 0.3 - 1 / 91.0, rise = 0.5 * rest / (90 / 91.0);
  g_assert_cmpfloat_with_epsilon(cbigan_pixel_metrics_aupro(all, 0.3), rest * (0.5 + rise / 2) / 0.3, 1e-9);
  for (int i = 0; i < 100; i++)
    map[i] = mask[i];
  cbigan_pixel_metrics_add(perfect, map, mask, 10, 10, 1);
  g_assert_cmpfloat_with_epsilon(cbigan_pixel_metrics_aupro(perfect, 0.3), 1, 1e-9);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autofree char *path = g_strdup_printf("/metrics/by-hand/%s", cases[i].name);

    g_test_add_data_func(path, &cases[i], test_by_hand);
  }
  g_test_add_func("/metrics/random", test_random);
  g_test_add_func("/metrics/one-side-empty", test_one_side);
  g_test_add_func("/metrics/interval", test_interval);
  g_test_add_func("/metrics/pixels", test_pixels);
  return g_test_run();
}
