/* test_calibration.c - thresholds on known distributions, statistics against their definitions, bad arguments
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "score/calibration.h"

#include <math.h>
#include <string.h>

#include "golden/golden.h"
#include "score/gan/statistics.h"
#include "harness.h"

typedef double (*Quantile)(double p);

static double
normal_quantile(double p) /* of a score around 5: bisection on erfc */
{
  double low = -9, high = 9;
  for (int i = 0; i < 80; i++) {
    double middle = (low + high) / 2;
    *(0.5 * erfc(-middle / G_SQRT2) < p ? &low : &high) = middle;
  }
  return 5 + 0.7 * low;
}

static double
gumbel(double p)
{
  return 4 - 0.5 * log(-log(p));
}

static double
log_normal(double p)
{
  return exp(0.25 * (normal_quantile(p) - 5) / 0.7 + 1);
}

/* True share of good pictures above the threshold, from the quantile function */
static double
share_over(Quantile quantile, double threshold)
{
  double low = 0, high = 1;
  for (int i = 0; i < 60; i++) {
    double middle = (low + high) / 2;
    *(quantile(middle) < threshold ? &low : &high) = middle;
  }
  return 1 - low;
}

/* Over many draws, the median of the true share above the threshold lies within a factor of the target. */
static void
check_threshold(const char *name, Quantile quantile, guint n, double target, double least, double most)
{
  enum { DRAWS = 201 };
  double shares[DRAWS];
  g_autoptr(GRand) random = g_rand_new_with_seed(7);
  g_autofree double *scores = g_new(double, n);
  for (int draw = 0; draw < DRAWS; draw++) {
    for (guint i = 0; i < n; i++)
      scores[i] = quantile(g_rand_double_range(random, 1e-12, 1));
    double share = share_over(quantile, cbigan_threshold_for(scores, n, target));
    int at = draw;
    for (; at > 0 && shares[at - 1] > share; at--)
      shares[at] = shares[at - 1];
    shares[at] = share;
  }
  double median = shares[DRAWS / 2];
  g_test_message("%s, %u scores, target %g: %g really over it (half of the draws within %g and %g)", name, n, target,
                 median, shares[DRAWS / 4], shares[3 * DRAWS / 4]);
  if (median < least * target || median > most * target)
    g_error("%s, %u scores, target %g: %g really over the threshold, expected %g to %g", name, n, target, median,
            least * target, most * target);
}

static void
test_threshold(void)
{
  check_threshold("gumbel", gumbel, 40, 0.01, 0.6, 1.7);
  check_threshold("gumbel", gumbel, 20, 0.05, 0.6, 1.7);
  check_threshold("log-normal", log_normal, 40, 0.01, 0.5, 1.7);
  check_threshold("normal", normal_quantile, 40, 0.01, 0.2, 1.2); /* half as thin a tail is believed: fewer alarms */
  check_threshold("normal", normal_quantile, 200, 0.01, 0.5, 1.3);
  check_threshold("log-normal", log_normal, 200, 0.01, 0.7, 1.5);
  check_threshold("normal", normal_quantile, 1000, 0.02, 0.6, 1.5);
  check_threshold("gumbel", gumbel, 1000, 0.02, 0.6, 1.5);
}

static void
test_threshold_edges(void)
{
  const double one[] = { 3 }, same[] = { 2, 2, 2, 2, 2 };
  double hundred[100];
  for (int i = 0; i < 100; i++)
    hundred[i] = (i * 37) % 100;
  g_assert_cmpfloat(cbigan_threshold_for(one, 1, 0.01), ==, 3);
  g_assert_cmpfloat_with_epsilon(cbigan_threshold_for(same, 5, 0.01), 2, 1e-9);
  double tenth = cbigan_threshold_for(hundred, 100, 0.1);
  int over = 0;
  for (int i = 0; i < 100; i++)
    over += hundred[i] > tenth;
  g_assert_cmpint(over, ==, 10);
  g_assert_cmpfloat(cbigan_threshold_for(hundred, 100, 0.0), >, 99);
  g_assert_cmpfloat(cbigan_threshold_for(hundred, 100, 0.001), >, tenth);
}

/* A few pictures of many places with exponentially distributed values: the threshold's mean rate of false alarms is
 * near the wanted one. An odd picture moves the threshold by little, or to its own value. */
static void
test_threshold_of_few(void)
{
  enum { DRAWS = 200, FEW = 10, PLACES = 40, EACH = 12 };
  g_autoptr(GRand) random = g_rand_new_with_seed(3);
  double values[FEW], peaks[FEW * EACH], alarms = 0.0;
  for (int draw = 0; draw < DRAWS; draw++) {
    for (int i = 0; i < FEW; i++) {
      double left = 1.0; /* the next largest of so many uniform numbers: Renyi 1953 */
      for (int k = 0; k < EACH; k++) {
        left *= pow(g_rand_double_range(random, 1e-12, 1), 1.0 / (PLACES - k));
        peaks[i * EACH + k] = -log1p(-left) - 5.0;
      }
      values[i] = peaks[i * EACH] + 0.25;
    }
    const double threshold = cbigan_threshold_for_few(values, peaks, EACH, FEW, 0.01);
    alarms += 1.0 - pow(-expm1(-(threshold + 4.75)), PLACES);
    values[0] += 5.0;
    peaks[0] += 5.0;
    const double odd = cbigan_threshold_for_few(values, peaks, EACH, FEW, 0.01);
    g_assert_cmpfloat(odd, >=, values[0]);
    g_assert_cmpfloat(odd, <=, MAX(values[0], threshold + 1.5));
  }
  for (int i = 0; i < FEW * EACH; i++)
    peaks[i] = i % EACH < 2 ? peaks[i] : (double)-G_MAXFLOAT; /* small pictures have few places */
  const double small = cbigan_threshold_for_few(values, peaks, EACH, FEW, 0.01);
  g_assert_cmpfloat(small, >=, values[0]);
  g_assert_cmpfloat(small, <, 100.0);
  g_test_message("%.4f of good pictures over the threshold", alarms / DRAWS);
  g_assert_cmpfloat(alarms / DRAWS, >, 0.005);
  g_assert_cmpfloat(alarms / DRAWS, <, 0.02);
}

/* W^T W (covariance + r x mean variance), r = 0.1 CHANNELS / 8, = 1, and what is left after taking a fold away is the
 * others' own. */
static void
test_statistics(void)
{
  enum { POSITIONS = 4, CHANNELS = 3, FRAMES = 12 };
  CbiganSumsShape shape = { .w = 2, .h = 2, .positions = POSITIONS, .grid = 2, .channels = CHANNELS };
  g_autoptr(CbiganSums) all = cbigan_sums_new(&shape), fold = cbigan_sums_new(&shape);
  g_autoptr(GRand) random = g_rand_new_with_seed(3);
  float data[FRAMES][POSITIONS][CHANNELS];
  for (int i = 0; i < FRAMES; i++) {
    for (int k = 0; k < POSITIONS * CHANNELS; k++)
      data[i][k / CHANNELS][k % CHANNELS] = (float)g_rand_double_range(random, -1, 1) * (float)(1 + k % CHANNELS);
    CbiganSums *to = i < 8 ? all : fold;
    cbigan_sums_add_map(to, &data[i][0][0], 4);
    cbigan_sums_add_features(to, &data[i][0][0], 1);
  }
  cbigan_sums_add(all, fold);
  g_autoptr(CbiganSums) others = cbigan_sums_difference(all, fold);
  CbiganMapStatistics map = cbigan_sums_map(others);
  CbiganCriticStatistics critic = cbigan_sums_critic(others);
  for (int p = 0; p < POSITIONS; p++) {
    double mean[CHANNELS] = { 0 }, covariance[CHANNELS][CHANNELS] = { { 0 } }, trace = 0;
    for (int i = 0; i < 8; i++)
      for (int k = 0; k < CHANNELS; k++)
        mean[k] += data[i][p][k] / 8.0;
    for (int i = 0; i < 8; i++)
      for (int k = 0; k < CHANNELS * CHANNELS; k++)
        covariance[k / CHANNELS][k % CHANNELS] +=
            (data[i][p][k / CHANNELS] - mean[k / CHANNELS]) * (data[i][p][k % CHANNELS] - mean[k % CHANNELS]) / 8;
    for (int k = 0; k < CHANNELS; k++)
      trace += covariance[k][k];
    for (int k = 0; k < CHANNELS; k++) {
      covariance[k][k] += 0.1 * CHANNELS / 8 * trace / CHANNELS;
      g_assert_cmpfloat_with_epsilon(critic.mean[p * CHANNELS + k], mean[k], 1e-5);
    }
    const float *w = critic.whitening + p * CHANNELS * CHANNELS;
    for (int a = 0; a < CHANNELS; a++)
      for (int b = 0; b < CHANNELS; b++) {
        double product = 0;
        for (int i = 0; i < CHANNELS; i++)
          for (int k = 0; k < CHANNELS; k++)
            product += w[k * CHANNELS + a] * w[k * CHANNELS + i] * covariance[i][b];
        if (fabs(product - (a == b)) > 1e-4)
          g_error("position %d: (W^T W C)[%d][%d] is %g, expected %d (tolerance 1e-4)", p, a, b, product, a == b);
      }
  }
  double mean = 0, square = 0;
  for (int i = 0; i < 8; i++) {
    float value = (&data[i][0][0])[2];
    mean += value / 8.0;
    square += (double)value * value / 8.0;
  }
  g_assert_cmpfloat_with_epsilon(map.mean[2], mean, 1e-5);
  g_assert_cmpfloat_with_epsilon(map.deviation[2], sqrt(square - mean * mean), 1e-5);
  cbigan_statistics_clear(&map, &critic);
}

static void
test_arguments(void)
{
  enum { N = 4 };
  g_autofree guint8 *data = g_malloc0(N * 64 * 64 * 3);
  g_autoptr(CbiganModel) model = golden_model(1, 64);
  CbiganFrame frames[N];
  for (int i = 0; i < N; i++)
    frames[i] = (CbiganFrame){ data + i * 64 * 64 * 3, 64, 64, 192 };
  const CbiganCalibrationOptions good = { CBIGAN_SCORE_CRITIC, FALSE, 0.01, "reference", 0, 1 };
  const struct {
    CbiganCalibrationOptions options;
    guint n;
    const char *text;
  } cases[] = {
    { good, 3, "3 good pictures" },
    { { CBIGAN_SCORE_CRITIC, FALSE, NAN, "reference", 0, 1 }, N, "false alarms" },
    { { CBIGAN_SCORE_CRITIC, FALSE, 0.7, "reference", 0, 1 }, N, "0.7" },
    { { (CbiganScoreKind)7, FALSE, 0.1, "reference", 0, 1 }, N, "expected paper, calibrated or critic" },
    { { CBIGAN_SCORE_CRITIC, TRUE, 0.1, "reference", 0, 1 }, N, "frame size" },
  };
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autoptr(GError) error = NULL;
    g_assert_false(cbigan_model_calibrate(model, &cases[i].options, frames, cases[i].n, NULL, &error));
    expect_error(error, CBIGAN_ERROR_ARGUMENT, cases[i].text);
    g_assert_false(model->info.scores[CBIGAN_SCORE_CRITIC]);
  }
  g_autoptr(GError) error = NULL;
  frames[2].height = 20;
  g_assert_false(cbigan_model_calibrate(model, &good, frames, N, NULL, &error));
  g_assert_error(error, CBIGAN_ERROR, CBIGAN_ERROR_FRAME);
  g_assert_cmpuint(model->info.critic_blocks, ==, 0);
  g_clear_error(&error);

  /* pictures without differences and without contrast cause no division by zero */
  frames[2].height = 64;
  g_assert_true(cbigan_model_calibrate(model, &good, frames, N, NULL, &error));
  g_assert_no_error(error);
  g_assert_true(isnan(model->info.light_median));
  g_assert_true(isfinite(model->info.threshold));
  for (int i = 0; i < model->critic.channels * model->critic.channels; i++)
    g_assert_true(isfinite(model->critic.whitening[i]));
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/calibration/threshold", test_threshold);
  g_test_add_func("/calibration/threshold-edges", test_threshold_edges);
  g_test_add_func("/calibration/threshold-few", test_threshold_of_few);
  g_test_add_func("/calibration/statistics", test_statistics);
  g_test_add_func("/calibration/arguments", test_arguments);
  return g_test_run();
}
