/* good_pictures.c - good pictures divided for an inspector's training, and what objects have in common
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "good_pictures.h"

#include <math.h>
#include <string.h>

#include "i18n.h"
#include "light_weights.h"
#include "model/error.h"
#include "model/model.h"
#include "score/inspector/blur.h"
#include "score/health/health.h"

#define OBJECT 24            /* floats per pixel of an object's statistics, with what is copied and computed for them */
#define ROUNDS 2             /* of finding the mean, then each picture's light */
#define LEAST_DEVIATION 0.01 /* of a logarithm */
#define SHARED_DEVIATION 0.15 /* of the mean deviation, added to each pixel's */

static gboolean
divide(CbiganGoodSet *self, const CbiganDataset *dataset, guint n_held_out, gboolean aligned, int side, guint64 seed,
       GError **error)
{
  const guint n = dataset->pictures->len;
  if (n < n_held_out + 1) {
    g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_ARGUMENT,
                n_("%u good picture; expected at least %u: %u are kept for the calibration",
                   "%u good pictures; expected at least %u: %u are kept for the calibration", n),
                n, n_held_out + 1, n_held_out);
    return FALSE;
  }
  g_autofree guint *order = g_new(guint, n);
  cbigan_dataset_hold_out(n, n_held_out, seed, order);
  self->pictures = g_new(const CbiganPicture *, n);
  self->exposures = g_new0(CbiganExposure, n);
  const CbiganPicture *first = cbigan_dataset_get(dataset, 0);
  const int least = aligned ? CBIGAN_INSPECTOR_STEP : side;
  for (guint i = 0; i < n; i++) {
    const CbiganPicture *p = self->pictures[order[i]] = cbigan_dataset_get(dataset, i);
    gboolean same = !aligned || (p->width == first->width && p->height == first->height &&
                                 p->width % CBIGAN_INSPECTOR_STEP == 0 && p->height % CBIGAN_INSPECTOR_STEP == 0);
    if (!same || p->width < least || p->height < least) {
      g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_ARGUMENT, _("%s: %dx%d pixels; expected at least %dx%d%s"), p->path,
                  p->width, p->height, least, least, aligned ? _(", one size for all, multiples of 16") : "");
      return FALSE;
    }
  }
  self->train = (CbiganGoodPictures){ .pictures = self->pictures, .exposures = self->exposures, .n = n - n_held_out };
  self->held_out = (CbiganGoodPictures){ .pictures = self->pictures + self->train.n,
                                         .exposures = self->exposures + self->train.n,
                                         .n = n_held_out };
  if (aligned) {
    self->train.w = self->held_out.w = first->width;
    self->train.h = self->held_out.h = first->height;
  }
  return TRUE;
}

/* Mean and deviation of the training pictures' logarithms in their exposures. */
static void
find_statistics(CbiganGoodSet *self)
{
  const int w = self->train.w, h = self->train.h;
  const gsize plane = (gsize)w * (gsize)h, n = 3 * plane;
  g_autofree float *x = g_new(float, n);
  memset(self->mean, 0, n * sizeof(float));
  memset(self->deviation, 0, n * sizeof(float));
  for (guint p = 0; p < self->train.n; p++) {
    const CbiganFrame frame = cbigan_picture_frame(self->pictures[p]);
    cbigan_exposure_cut(&self->exposures[p], &frame, 0, 0, w, h, x);
    for (gsize i = 0; i < n; i++) {
      float before = x[i] - self->mean[i]; /* Welford 1962 */
      self->mean[i] += before / (float)(p + 1);
      self->deviation[i] += before * (x[i] - self->mean[i]);
    }
  }
  double sum = 0.0;
  for (int c = 0; c < 3; c++) {
    float *variance = self->deviation + (gsize)c * plane;
    for (gsize i = 0; i < plane; i++)
      variance[i] /= (float)MAX(self->train.n - 1, 1u);
    cbigan_blur(variance, w, h, 1.0);
    for (gsize i = 0; i < plane; i++)
      sum += variance[i] = sqrtf(MAX(variance[i], 0.0f));
  }
  for (gsize i = 0; i < n; i++)
    self->deviation[i] += (float)(SHARED_DEVIATION * sum / (double)n + LEAST_DEVIATION);
}

/* Otsu 1979: the threshold that divides n numbers best in two classes. */
static float
otsu(const float *x, gsize n)
{
  enum { BINS = 128 };
  double counts[BINS] = { 0 }, total = 0.0, below = 0.0, sum = 0.0, best = -1.0;
  float largest = 1e-6f, threshold = 0.0f;
  for (gsize i = 0; i < n; i++)
    largest = MAX(largest, x[i]);
  for (gsize i = 0; i < n; i++)
    counts[MIN((int)(x[i] / largest * BINS), BINS - 1)] += 1.0 / (double)n;
  for (int i = 0; i < BINS; i++)
    total += counts[i] * i;
  for (int i = 0; i < BINS - 1; i++) {
    below += counts[i];
    sum += counts[i] * i;
    double between = (total * below - sum) * (total * below - sum) / (below * (1.0 - below) + 1e-12);
    if (between > best) {
      best = between;
      threshold = largest * (float)(i + 1) / BINS;
    }
  }
  return threshold;
}

static int
compare(gconstpointer a, gconstpointer b)
{
  float x = *(const float *)a, y = *(const float *)b;
  return (x > y) - (x < y);
}

/* Median of a plane (h, w) along its border. */
static float
border_median(const float *x, int w, int h)
{
  const int border = MAX(2, h / 24);
  g_autoptr(GArray) values = g_array_new(FALSE, FALSE, sizeof(float));
  for (int row = 0; row < h; row++)
    for (int column = 0; column < w; column++)
      if (row < border || row >= h - border || column < border || column >= w - border)
        g_array_append_val(values, x[(gsize)row * (gsize)w + (gsize)column]);
  g_array_sort(values, compare);
  return g_array_index(values, float, values->len / 2);
}

/* The part is what differs from the border of the mean good picture. Where that is next to nothing or everything,
 * defects lie anywhere. */
static void
find_part(CbiganGoodSet *self)
{
  const int w = self->train.w, h = self->train.h;
  const gsize n = (gsize)w * (gsize)h;
  g_autofree float *x = g_new(float, n);
  for (gsize i = 0; i < n; i++)
    x[i] = (self->mean[i] + self->mean[n + i] + self->mean[2 * n + i]) / 3.0f;
  const float border = border_median(x, w, h);
  for (gsize i = 0; i < n; i++)
    x[i] = fabsf(x[i] - border);
  cbigan_blur(x, w, h, 2.0);
  const float threshold = otsu(x, n);
  self->places = g_new(int, n);
  for (gsize i = 0; i < n; i++)
    if (x[i] > threshold)
      self->places[self->n_places++] = (int)i;
  if (self->n_places > 0.9 * (double)n || self->n_places < 0.03 * (double)n)
    self->n_places = 0;
}

static void
find_object(CbiganGoodSet *self)
{
  const int w = self->train.w, h = self->train.h;
  const gsize n = 3 * (gsize)w * (gsize)h;
  const guint all = self->train.n + self->held_out.n;
  self->mean = g_new(float, n);
  self->deviation = g_new(float, n);
  for (guint p = 0; p < all; p++) {
    const CbiganFrame frame = cbigan_picture_frame(self->pictures[p]);
    cbigan_exposure_object(&self->exposures[p], &frame, NULL, NULL);
  }
  find_statistics(self);
  for (int round = 0; round < ROUNDS; round++) {
    CbiganGoodLight light;
    cbigan_good_light_init(&light, NULL, w, h, self->mean);
    for (guint p = 0; p < all; p++) {
      const CbiganFrame frame = cbigan_picture_frame(self->pictures[p]);
      cbigan_exposure_object(&self->exposures[p], &frame, &light, NULL);
    }
    cbigan_good_light_clear(&light);
    find_statistics(self);
  }
  find_part(self);
}

static void
find_surface(CbiganGoodSet *self)
{
  const guint all = self->train.n + self->held_out.n;
  g_autofree float *quartiles = g_new(float, (gsize)self->train.n *CBIGAN_LIGHT_QUARTILES);
  for (guint p = 0; p < self->train.n; p++) {
    const CbiganFrame frame = cbigan_picture_frame(self->pictures[p]);
    cbigan_surface_quartiles(&frame, quartiles + (gsize)p * CBIGAN_LIGHT_QUARTILES);
  }
  cbigan_light_weights_find(quartiles, self->train.n, &self->light);
  for (guint p = 0; p < all; p++) {
    const CbiganFrame frame = cbigan_picture_frame(self->pictures[p]);
    cbigan_exposure_surface(&self->exposures[p], &frame, &self->light, NULL);
  }
}

#define GREY_DIFFERENCE 3 /* grey levels between channels, up to which a pixel has no colour */
#define SPARSE 37         /* every so many pixels are looked at */

static gboolean
is_grey(const CbiganPicture *p)
{
  const gsize n = (gsize)p->width * (gsize)p->height;
  for (gsize i = 0; i < n; i += SPARSE) {
    const guint8 *rgb = p->pixels + 3 * i;
    if (abs(rgb[0] - rgb[1]) > GREY_DIFFERENCE || abs(rgb[2] - rgb[1]) > GREY_DIFFERENCE)
      return FALSE;
  }
  return TRUE;
}

gboolean
cbigan_good_set_init(CbiganGoodSet *self, const CbiganDataset *dataset, guint n_held_out, gboolean aligned, int side,
                     guint64 seed, GError **error)
{
  *self = (CbiganGoodSet){ 0 };
  if (!divide(self, dataset, n_held_out, aligned, side, seed, error))
    return FALSE;
  if (aligned && !cbigan_try_room(OBJECT * (gsize)self->train.w * (gsize)self->train.h, sizeof(float), error))
    return FALSE;
  if (aligned)
    find_object(self);
  else
    find_surface(self);
  gboolean grey = TRUE;
  for (guint p = 0; grey && p < self->train.n + n_held_out; p++)
    grey = is_grey(self->pictures[p]);
  CbiganGoodPictures *const both[] = { &self->train, &self->held_out };
  for (guint i = 0; i < 2; i++) {
    both[i]->grey = grey;
    both[i]->mean = self->mean;
    both[i]->deviation = self->deviation;
    both[i]->places = self->places;
    both[i]->n_places = self->n_places;
  }
  return TRUE;
}

void
cbigan_good_set_clear(CbiganGoodSet *self)
{
  g_free(self->pictures);
  g_free(self->exposures);
  g_free(self->mean);
  g_free(self->deviation);
  g_free(self->places);
  g_free(self->light.quartiles);
  g_free(self->light.weights);
  *self = (CbiganGoodSet){ 0 };
}

void
cbigan_good_set_describe(const CbiganGoodSet *self, CbiganInspector *inspector)
{
  const gsize pixels = 3 * (gsize)self->train.w * (gsize)self->train.h;
  inspector->w = self->train.w;
  inspector->h = self->train.h;
  inspector->mean = g_memdup2(self->mean, pixels * sizeof(float));
  inspector->deviation = g_memdup2(self->deviation, pixels * sizeof(float));
  inspector->light = self->light;
  inspector->light.quartiles = g_memdup2(self->light.quartiles, CBIGAN_LIGHT_QUARTILES * sizeof(float));
  inspector->light.weights = g_memdup2(self->light.weights, CBIGAN_LIGHT_QUARTILES * sizeof(float));
}

void
cbigan_good_pictures_measure(CbiganUsualPictures *usual, const CbiganDataset *dataset)
{
  const guint n = dataset->pictures->len;
  g_autofree CbiganFrame *frames = g_new(CbiganFrame, n);
  for (guint i = 0; i < n; i++)
    frames[i] = cbigan_picture_frame(cbigan_dataset_get(dataset, i));
  cbigan_usual_measure(usual, frames, n);
}
