/* test_health.c - measures of pictures against their definitions, and which pictures are unusable
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "score/health/health.h"

#include <math.h>
#include <string.h>

#include "pictures.h"

enum { W = 160, H = 120 };

static Picture
filled(int w, int h, guint8 value)
{
  Picture p = { { NULL, w, h, 3 * (gsize)w }, g_malloc(3 * (gsize)w * (gsize)h) };
  memset(p.pixels, value, 3 * (gsize)w * (gsize)h);
  p.frame.data = p.pixels;
  return p;
}

static double
normal(GRand *random) /* Box and Muller */
{
  return sqrt(-2.0 * log(g_rand_double_range(random, 1e-12, 1.0))) * cos(2.0 * G_PI * g_rand_double(random));
}

/* Adds the same noise to R, G and B of each pixel. */
static void
add_noise(Picture *p, double deviation)
{
  g_autoptr(GRand) random = g_rand_new_with_seed(5);
  for (int y = 0; y < p->frame.height; y++)
    for (int x = 0; x < p->frame.width; x++) {
      const double noise = deviation * normal(random);
      guint8 *pixel = p->pixels + (gsize)y * p->frame.stride + 3 * (gsize)x;
      for (int c = 0; c < 3; c++)
        pixel[c] = (guint8)CLAMP(floor(pixel[c] + noise + 0.5), 0, 255);
    }
}

/* Box of (2 radius + 1)^2 pixels. */
static void
blur(Picture *p, int radius)
{
  g_autofree guint8 *from = g_memdup2(p->pixels, p->frame.stride * (gsize)p->frame.height);
  const int w = p->frame.width, h = p->frame.height;
  for (int y = 0; y < h; y++)
    for (int i = 0; i < 3 * w; i++) {
      int sum = 0;
      for (int v = -radius; v <= radius; v++)
        for (int u = -radius; u <= radius; u++)
          sum +=
              from[(gsize)CLAMP(y + v, 0, h - 1) * p->frame.stride + (gsize)(3 * CLAMP(i / 3 + u, 0, w - 1) + i % 3)];
      p->pixels[(gsize)y * p->frame.stride + (gsize)i] = (guint8)(sum / ((2 * radius + 1) * (2 * radius + 1)));
    }
}

static void
darken_half(Picture *p)
{
  for (int y = 0; y < p->frame.height; y++)
    for (int i = 0; i < 3 * p->frame.width / 2; i++)
      p->pixels[(gsize)y * p->frame.stride + (gsize)i] /= 5;
}

/* --- measures ---------------------------------------------------------------------------------------------------- */

static double
grey_at(const CbiganFrame *frame, int x, int y)
{
  const guint8 *p = frame->data + (gsize)y * frame->stride + 3 * (gsize)x;
  return (p[0] + 2.0 * p[1] + p[2]) / 4.0;
}

/* The equations at the head of picture_measures.c, for the rows 1 to h - 2. */
static void
define(const CbiganFrame *frame, double values[CBIGAN_N_MEASURES])
{
  const int w = frame->width, h = frame->height;
  const double n = (double)w * (h - 2), inner = (double)(w - 2) * (h - 2);
  double sum = 0.0, squares = 0.0, l = 0.0, ll = 0.0, noise = 0.0;
  for (int y = 1; y < h - 1; y++)
    for (int x = 0; x < w; x++) {
      const double g = grey_at(frame, x, y);
      sum += g;
      squares += g * g;
      if (x == 0 || x == w - 1)
        continue;
      double laplacian = -4.0 * g, mask = 0.0;
      static const double weights[3][3] = { { 1, -2, 1 }, { -2, 4, -2 }, { 1, -2, 1 } };
      for (int v = -1; v <= 1; v++)
        for (int u = -1; u <= 1; u++) {
          mask += weights[v + 1][u + 1] * grey_at(frame, x + u, y + v);
          laplacian += ABS(u) + ABS(v) == 1 ? grey_at(frame, x + u, y + v) : 0.0;
        }
      l += laplacian;
      ll += laplacian * laplacian;
      noise += fabs(mask);
    }
  values[CBIGAN_MEASURE_BRIGHTNESS] = sum / n;
  values[CBIGAN_MEASURE_CONTRAST] = sqrt(squares / n - sum / n * (sum / n));
  values[CBIGAN_MEASURE_SHARPNESS] = ll / inner - l / inner * (l / inner);
  values[CBIGAN_MEASURE_NOISE] = sqrt(G_PI / 2.0) * noise / (6.0 * inner);
}

/* Frames whose rows all count. */
static void
test_definition(void)
{
  static const int sizes[][2] = { { 3, 3 }, { 5, 34 }, { 17, 9 }, { 64, 64 }, { 131, 60 }, { 250, 34 } };
  for (guint i = 0; i < G_N_ELEMENTS(sizes); i++) {
    Picture p = picture(sizes[i][0], sizes[i][1], i, FALSE);
    CbiganPictureMeasures measures;
    double expected[CBIGAN_N_MEASURES];
    g_assert_true(cbigan_picture_measure(NULL, &p.frame, &measures));
    define(&p.frame, expected);
    for (int k = 0; k < CBIGAN_MEASURE_UNEVENNESS; k++) {
      g_test_message("%d x %d, measure %d: %.9g, expected %.9g", sizes[i][0], sizes[i][1], k, measures.values[k],
                     expected[k]);
      g_assert_cmpfloat_with_epsilon(measures.values[k], expected[k], 1e-5 * expected[k] + 1e-3);
    }
    g_free(p.pixels);
  }
}

/* White noise of 10 grey levels on grey has that contrast and noise; a Laplacian of variance 20 * 100. A large frame,
 * of which few rows count. */
static void
test_noise(void)
{
  Picture p = filled(1920, 1080, 128);
  CbiganPictureMeasures m;
  add_noise(&p, 10.0);
  g_assert_true(cbigan_picture_measure(NULL, &p.frame, &m));
  g_assert_cmpfloat_with_epsilon(m.values[CBIGAN_MEASURE_BRIGHTNESS], 128.0, 0.2);
  g_assert_cmpfloat_with_epsilon(m.values[CBIGAN_MEASURE_CONTRAST], 10.0, 0.1);
  g_assert_cmpfloat_with_epsilon(m.values[CBIGAN_MEASURE_NOISE], 10.0, 0.1);
  g_assert_cmpfloat_with_epsilon(m.values[CBIGAN_MEASURE_SHARPNESS], 2000.0, 40.0);
  g_assert_true(m.dark == 0.0 && m.bright == 0.0);
  g_free(p.pixels);
}

static void
test_unmeasured(void)
{
  Picture p = filled(2, 50, 0);
  CbiganPictureMeasures m;
  g_assert_false(cbigan_picture_measure(NULL, &p.frame, &m));
  p.frame = (CbiganFrame){ .data = p.pixels, .width = 10, .height = 10, .stride = 30, .on_device = TRUE };
  g_assert_false(cbigan_picture_measure(NULL, &p.frame, &m));
  g_free(p.pixels);
}

/* --- faults ------------------------------------------------------------------------------------------------------ */

#define N_GOOD 12

static CbiganModelInfo
good_info(void)
{
  static double scores[N_GOOD];
  Picture good[N_GOOD];
  CbiganFrame frames[N_GOOD];
  CbiganModelInfo info = { .good_scores = scores, .n_good_scores = N_GOOD };
  for (guint i = 0; i < N_GOOD; i++) {
    good[i] = picture(W, H, i, FALSE);
    frames[i] = good[i].frame;
    scores[i] = 5.0 + i / 10.0;
  }
  cbigan_usual_measure(&info.usual, frames, N_GOOD);
  for (guint i = 0; i < N_GOOD; i++)
    g_free(good[i].pixels);
  return info;
}

static guint
faults_of(const CbiganModelInfo *info, const Picture *p, double score)
{
  CbiganPictureMeasures measures;
  CbiganHealth health;
  g_assert_true(cbigan_picture_measure(info, &p->frame, &measures));
  cbigan_health_check(info, &measures, score, &health);
  for (int i = 0; i < CBIGAN_N_HEALTH; i++)
    if (health.faults & 1u << i)
      g_test_message("%s: %g, limit %g", cbigan_health_name((CbiganHealthKind)i), health.figures[i], health.limits[i]);
  return health.faults;
}

#define BIT(kind) (1u << CBIGAN_HEALTH_##kind)

/* Good pictures, other ones than those measured, in good light and with a defect, have no fault. */
static void
test_good(void)
{
  const CbiganModelInfo info = good_info();
  static const double lights[][2] = { { 1, 0 }, { 0.92, 0 }, { 1.08, 0 }, { 1, -10 }, { 1, 10 } };
  for (guint i = 0; i < 20; i++)
    for (guint k = 0; k < G_N_ELEMENTS(lights); k++) {
      Picture p = picture(W, H, 100 + i, i % 2);
      change_light(&p, lights[k][0], lights[k][1]);
      g_assert_cmphex(faults_of(&info, &p, 5.5), ==, 0);
      g_free(p.pixels);
    }
}

static void
check_spoilt(const char *what, Picture p, guint expected, guint without_statistics)
{
  const CbiganModelInfo info = good_info(), nothing = { 0 };
  const guint found = faults_of(&info, &p, 5.5), bare = faults_of(&nothing, &p, NAN);
  g_test_message("%s: faults %x, expected %x; without statistics %x, expected %x", what, found, expected, bare,
                 without_statistics);
  g_assert_cmphex(found & expected, ==, expected);
  g_assert_cmphex(bare, ==, without_statistics);
  g_assert_true(cbigan_health_is_unusable(found));
  g_free(p.pixels);
}

static void
test_spoilt(void)
{
  Picture noise = filled(W, H, 128), grainy = picture(W, H, 50, FALSE), soft = picture(W, H, 50, FALSE),
          half = picture(W, H, 50, FALSE), dim = picture(W, H, 50, FALSE), glaring = picture(W, H, 50, FALSE);
  add_noise(&noise, 60.0);
  add_noise(&grainy, 20.0);
  blur(&soft, 2);
  darken_half(&half);
  change_light(&dim, 0.5, 0);
  change_light(&glaring, 2, 0);
  check_spoilt("black", filled(W, H, 3), BIT(BLACK) | BIT(FLAT), BIT(BLACK) | BIT(FLAT));
  check_spoilt("white", filled(W, H, 255), BIT(OVEREXPOSED) | BIT(FLAT), BIT(OVEREXPOSED) | BIT(FLAT));
  check_spoilt("grey", filled(W, H, 120), BIT(FLAT), BIT(FLAT));
  check_spoilt("noise", noise, BIT(NOISY), 0);
  check_spoilt("grainy", grainy, BIT(NOISY), 0);
  check_spoilt("soft", soft, BIT(BLURRED), 0);
  check_spoilt("half dark", half, BIT(LIGHT), 0);
  check_spoilt("dim", dim, BIT(LIGHT), 0);
  check_spoilt("glaring", glaring, BIT(LIGHT), 0);
}

/* A score below good pictures' is no good; a score that is unknown, or not compared, is no fault. */
static void
test_featureless(void)
{
  CbiganModelInfo info = good_info();
  double least, most;
  Picture p = picture(W, H, 50, FALSE);
  g_assert_true(cbigan_usual_scores(&info, &least, &most));
  g_assert_true(least < 5.0 && most > 6.1);
  g_assert_cmphex(faults_of(&info, &p, 0.99 * least), ==, BIT(FEATURELESS));
  g_assert_cmphex(faults_of(&info, &p, 1.01 * least), ==, 0);
  g_assert_cmphex(faults_of(&info, &p, 1000.0), ==, 0);
  g_assert_cmphex(faults_of(&info, &p, NAN), ==, 0);
  info.n_good_scores = 7;
  g_assert_false(cbigan_usual_scores(&info, &least, &most));
  g_assert_cmphex(faults_of(&info, &p, 0.0), ==, 0);
  g_free(p.pixels);
}

/* Pictures whose halves change places have moved; that alone makes no picture unusable. */
static void
test_moved(void)
{
  const CbiganModelInfo info = good_info();
  Picture p = picture(W, H, 50, FALSE), moved = picture(W, H, 50, FALSE);
  for (int y = 0; y < H; y++)
    for (int i = 0; i < 3 * W; i++)
      moved.pixels[(gsize)y * p.frame.stride + (gsize)i] =
          p.pixels[(gsize)((y + H / 5) % H) * p.frame.stride + (gsize)i];
  g_assert_cmphex(faults_of(&info, &moved, 5.5), ==, BIT(MOVED));
  g_assert_false(cbigan_health_is_unusable(BIT(MOVED) | BIT(DRIFT) | BIT(FROZEN) | BIT(NO_FRAMES)));
  g_free(p.pixels);
  g_free(moved.pixels);
}

/* A calibration measures its pictures. */
static void
test_calibration(void)
{
  g_autoptr(CbiganModel) model = calibrated_model(64, 64, 64);
  const CbiganUsualPictures *usual = &model->info.usual;
  g_assert_cmpuint(usual->n, ==, 12);
  for (int i = 0; i < CBIGAN_N_MEASURES; i++)
    g_assert_cmpfloat(usual->least[i], <, usual->most[i]);
  Picture p = picture(64, 64, 200, FALSE), black = filled(64, 64, 0);
  g_assert_cmphex(faults_of(&model->info, &p, NAN), ==, 0);
  g_assert_cmphex(faults_of(&model->info, &black, NAN), ==, BIT(BLACK) | BIT(FLAT));
  g_free(p.pixels);
  g_free(black.pixels);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/measures/definition", test_definition);
  g_test_add_func("/measures/noise", test_noise);
  g_test_add_func("/measures/unmeasured", test_unmeasured);
  g_test_add_func("/health/good", test_good);
  g_test_add_func("/health/spoilt", test_spoilt);
  g_test_add_func("/health/featureless", test_featureless);
  g_test_add_func("/health/moved", test_moved);
  g_test_add_func("/health/calibration", test_calibration);
  return g_test_run();
}
