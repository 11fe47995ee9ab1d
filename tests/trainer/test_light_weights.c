/* test_light_weights.c - a surface's gain and offset are told from its quartiles, where good pictures allow that
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <math.h>

#include "harness.h"
#include "training/light_weights.h"

#define SIDE 128
#define GOOD 40 /* pictures */
#define MOST_COLOURS 3

/* What good pictures vary in: all brightnesses by a factor of 1 +- `brightness`, contrasts likewise. */
typedef struct {
  const char *name;
  double levels[MOST_COLOURS]; /* of R, G and B, grey levels */
  double detail;               /* standard deviation, as a share of the level */
  double brightness, contrast;
  int n;            /* pictures */
  double tolerance; /* of the grey levels that are found */
} Case;

static const Case cases[] = {
  { "brown", { 120, 80, 50 }, 0.12, 0.05, 0.2, GOOD, 1.5 },   /* colours tell the offset */
  { "grey", { 130, 130, 130 }, 0.25, 0.02, 0.01, GOOD, 3.0 }, /* contrast does */
  { "few", { 120, 80, 50 }, 0.12, 0.05, 0.2, 6, 3.0 },
};
static const Case any_brightness = { "any", { 120, 120, 120 }, 0.1, 0.5, 0.5, GOOD, 0 };

static const double lights[][2] = { { 1, 0 }, { 1, 10 }, { 1, -10 }, { 0.92, 0 }, { 1.08, 0 }, { 0.95, 5 } };

/* Good picture `number` in another light */
static void
make_picture(const Case *c, guint number, double gain, double offset, guint8 *pixels)
{
  g_autoptr(GRand) random = g_rand_new_with_seed(number);
  const double bright = g_rand_double_range(random, 1 - c->brightness, 1 + c->brightness);
  const double detail = c->detail * g_rand_double_range(random, 1 - c->contrast, 1 + c->contrast);
  for (int i = 0; i < SIDE * SIDE; i++) {
    double normal = -6.0;
    for (int k = 0; k < 12; k++)
      normal += g_rand_double(random);
    for (int channel = 0; channel < 3; channel++)
      pixels[3 * i + channel] =
          (guint8)CLAMP(lround(gain * c->levels[channel] * bright * (1.0 + detail * normal) + offset), 0, 255);
  }
}

static void
find_light(const Case *c, CbiganSurfaceLight *light)
{
  float quartiles[GOOD * CBIGAN_LIGHT_QUARTILES];
  guint8 pixels[3 * SIDE * SIDE];
  const CbiganFrame frame = { .data = pixels, .width = SIDE, .height = SIDE, .stride = 3 * SIDE };
  for (int i = 0; i < c->n; i++) {
    make_picture(c, (guint)i, 1, 0, pixels);
    cbigan_surface_quartiles(&frame, quartiles + i * CBIGAN_LIGHT_QUARTILES);
  }
  cbigan_light_weights_find(quartiles, (guint)c->n, light);
}

/* Root mean square over other good pictures: the grey levels that are found, less those that should be times `share` */
static double
deviation(const Case *c, const CbiganSurfaceLight *light, double gain, double offset, double share)
{
  enum { OTHERS = 20 };
  guint8 pixels[3 * SIDE * SIDE];
  const CbiganFrame frame = { .data = pixels, .width = SIDE, .height = SIDE, .stride = 3 * SIDE };
  double squares = 0.0;
  for (guint i = 0; i < OTHERS; i++) {
    make_picture(c, GOOD + i, gain, offset, pixels);
    const double off = cbigan_surface_shift(light, &frame) - share * (24.0 * (gain - 1.0) - offset);
    squares += off * off / OTHERS;
  }
  return sqrt(squares);
}

static void
clear(CbiganSurfaceLight *light)
{
  g_free(light->quartiles);
  g_free(light->weights);
}

static void
test_found(gconstpointer data)
{
  const Case *c = data;
  CbiganSurfaceLight light;
  find_light(c, &light);
  for (guint i = 0; i < G_N_ELEMENTS(lights); i++) {
    const double off = deviation(c, &light, lights[i][0], lights[i][1], 1.0);
    g_test_message("gain %g, offset %g: off by %.2f", lights[i][0], lights[i][1], off);
    g_assert_cmpfloat(off, <, c->tolerance);
  }
  clear(&light);
}

/* Where good pictures have any brightness, little is known of a frame's light, and little is changed. */
static void
test_unknown(void)
{
  CbiganSurfaceLight light;
  find_light(&any_brightness, &light);
  for (guint i = 0; i < G_N_ELEMENTS(lights); i++) {
    const double off = deviation(&any_brightness, &light, lights[i][0], lights[i][1], 0.0);
    g_test_message("gain %g, offset %g: %.2f added", lights[i][0], lights[i][1], off);
    g_assert_cmpfloat(off, <, 1.5);
  }
  clear(&light);
}

/* Pictures that are all the same, or all black, have no covariance. */
static void
test_same(void)
{
  static const float blacks[CBIGAN_LIGHT_QUARTILES * 2] = { 0 };
  float greys[CBIGAN_LIGHT_QUARTILES * 2];
  for (int i = 0; i < CBIGAN_LIGHT_QUARTILES * 2; i++)
    greys[i] = 100.0f;
  for (int k = 0; k < 4; k++) {
    CbiganSurfaceLight light;
    cbigan_light_weights_find(k % 2 ? greys : blacks, k < 2 ? 1 : 2, &light);
    for (int i = 0; i < CBIGAN_LIGHT_QUARTILES; i++) {
      g_assert_true(isfinite(light.weights[i]));
      g_assert_cmpfloat(fabsf(light.weights[i]), <, 1.0f);
      g_assert_cmpfloat_with_epsilon(light.quartiles[i], k % 2 ? 100.0f : 0.0f, 1e-3f);
    }
    clear(&light);
  }
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autofree char *path = g_strdup_printf("/light-weights/%s", cases[i].name);
    g_test_add_data_func(path, &cases[i], test_found);
  }
  g_test_add_func("/light-weights/unknown", test_unknown);
  g_test_add_func("/light-weights/same", test_same);
  return g_test_run();
}
