/* health.c - whether a picture can be judged: what is measured of it, against good pictures
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Bounds are the least and the largest value of good pictures, widened by a quarter of their distance and by a margin:
 * good pictures of tomorrow differ a little from those of the calibration. To add a kind: a value in CbiganHealthKind,
 * its name and its rule here.
 */
#include "health.h"

#include <math.h>
#include <string.h>

#define WIDENED 0.25        /* of the distance between least and most */
#define UNEVEN_LIGHT 4.0    /* grey levels of brightness beyond those of good pictures, with unevenness */
#define UNEVENNESS 0.25     /* logarithm */
#define LIGHT_MARGIN 0.12   /* of brightness, */
#define LEAST_LIGHT 11.0    /* but at least so many grey levels */
#define LEAST_SHARPNESS 0.5 /* factors */
#define MOST_NOISE 1.5
#define NOISE_MARGIN 1.0    /* grey levels */
#define LIKENESS_MARGIN 0.3 /* of Fisher's z = atanh(correlation) */
#define STABLE_LIKENESS 0.7 /* of the good pictures; below, parts lie in any place */
#define FEWEST_SCORES 8u
#define SCORE_MARGIN 1.5 /* factor */
#define ALL 0.999        /* share of the pixels of a black picture */
#define NEARLY_ALL 0.98  /* of an overexposed one */
#define FLAT 2.0         /* grey levels, where nothing is known of good pictures, */
#define FLAT_SHARE 0.25  /* or of their least contrast */

const char *
cbigan_health_name(CbiganHealthKind kind)
{
  static const char *const names[CBIGAN_N_HEALTH] = {
    [CBIGAN_HEALTH_BLACK] = "black",
    [CBIGAN_HEALTH_OVEREXPOSED] = "overexposed",
    [CBIGAN_HEALTH_FLAT] = "flat",
    [CBIGAN_HEALTH_LIGHT] = "light",
    [CBIGAN_HEALTH_BLURRED] = "blurred",
    [CBIGAN_HEALTH_NOISY] = "noisy",
    [CBIGAN_HEALTH_FEATURELESS] = "featureless",
    [CBIGAN_HEALTH_MOVED] = "moved",
    [CBIGAN_HEALTH_DRIFT] = "drift",
    [CBIGAN_HEALTH_FROZEN] = "frozen",
    [CBIGAN_HEALTH_NO_FRAMES] = "no-frames",
  };
  g_return_val_if_fail((int)kind >= 0 && kind < CBIGAN_N_HEALTH, NULL);
  return names[kind];
}

gboolean
cbigan_health_is_unusable(guint faults)
{
  return (faults & ((1u << CBIGAN_HEALTH_MOVED) - 1u)) != 0;
}

/* --- bounds ----------------------------------------------------------------------------------------------------- */

/* Bounds on a scale on which distances are ratios; factor: 1 or more, of the margin */
static void
ratio_bounds(double least, double most, double factor, double *low, double *high)
{
  const double widened = exp(WIDENED * log(MAX(most, 1e-12) / MAX(least, 1e-12)));
  *low = least / widened / factor;
  *high = most * widened * factor;
}

CbiganLightBounds
cbigan_usual_light(const CbiganUsualPictures *usual)
{
  const double least = usual->least[CBIGAN_MEASURE_BRIGHTNESS], most = usual->most[CBIGAN_MEASURE_BRIGHTNESS];
  const double margin = MAX(LIGHT_MARGIN * (least + most) / 2.0, LEAST_LIGHT) + WIDENED * (most - least);
  return (CbiganLightBounds){ least - margin, most + margin };
}

/* Whether the same lies in the same place in all good pictures. */
static gboolean
has_places(const CbiganUsualPictures *usual)
{
  return usual->least[CBIGAN_MEASURE_LIKENESS] >= STABLE_LIKENESS;
}

void
cbigan_usual_forget_places(CbiganUsualPictures *usual)
{
  usual->least[CBIGAN_MEASURE_LIKENESS] = -1.0;
  usual->most[CBIGAN_MEASURE_UNEVENNESS] = INFINITY;
}

static double
least_likeness(const CbiganUsualPictures *usual)
{
  const double least = CLAMP(usual->least[CBIGAN_MEASURE_LIKENESS], -0.9999, 0.9999);
  const double most = CLAMP(usual->most[CBIGAN_MEASURE_LIKENESS], -0.9999, 0.9999);
  return !has_places(usual) ? -1.0 : tanh(atanh(least) - WIDENED * (atanh(most) - atanh(least)) - LIKENESS_MARGIN);
}

gboolean
cbigan_usual_scores(const CbiganModelInfo *info, double *least, double *most)
{
  if (info->n_good_scores < FEWEST_SCORES)
    return FALSE;
  double low = info->good_scores[0], high = low;
  for (guint i = 1; i < info->n_good_scores; i++) {
    low = MIN(low, info->good_scores[i]);
    high = MAX(high, info->good_scores[i]);
  }
  ratio_bounds(MAX(low, 1e-12), MAX(high, 1e-12), SCORE_MARGIN, least, most);
  return TRUE;
}

/* --- one picture ------------------------------------------------------------------------------------------------- */

/* Notes a figure, its limit, and whether the figure is beyond it. */
static void
note(CbiganHealth *health, CbiganHealthKind kind, double figure, double limit, gboolean beyond)
{
  health->figures[kind] = figure;
  health->limits[kind] = limit;
  if (beyond)
    health->faults |= 1u << kind;
}

/* Pictures with nothing to see. Where good pictures are dark, bright or flat themselves, only still worse ones are. */
static void
check_emptiness(const CbiganUsualPictures *usual, const CbiganPictureMeasures *m, CbiganHealth *health)
{
  const double brightness = m->values[CBIGAN_MEASURE_BRIGHTNESS], contrast = m->values[CBIGAN_MEASURE_CONTRAST];
  const CbiganLightBounds light = cbigan_usual_light(usual);
  const double flat = usual->n ? FLAT_SHARE * usual->least[CBIGAN_MEASURE_CONTRAST] : FLAT;
  const gboolean is_flat = contrast<flat, known = usual->n> 0;
  note(health, CBIGAN_HEALTH_BLACK, m->dark, ALL, m->dark > ALL && (!known || is_flat || brightness < light.low));
  note(health, CBIGAN_HEALTH_OVEREXPOSED, m->bright, NEARLY_ALL,
       m->bright > NEARLY_ALL && (!known || is_flat || brightness > light.high));
  note(health, CBIGAN_HEALTH_FLAT, contrast, flat, is_flat);
}

/* Where parts lie in one place, one that moves changes the quarters too, but not the whole picture's brightness. */
static gboolean
is_uneven(const CbiganUsualPictures *usual, const CbiganPictureMeasures *m, double *limit)
{
  const double brightness = m->values[CBIGAN_MEASURE_BRIGHTNESS];
  const gboolean changed = brightness < usual->least[CBIGAN_MEASURE_BRIGHTNESS] - UNEVEN_LIGHT ||
                           brightness > usual->most[CBIGAN_MEASURE_BRIGHTNESS] + UNEVEN_LIGHT;
  *limit = usual->most[CBIGAN_MEASURE_UNEVENNESS] * (1.0 + WIDENED) + UNEVENNESS;
  return (changed || !has_places(usual)) && m->values[CBIGAN_MEASURE_UNEVENNESS] > *limit;
}

static void
check_light(const CbiganUsualPictures *usual, const CbiganPictureMeasures *m, CbiganHealth *health)
{
  const double brightness = m->values[CBIGAN_MEASURE_BRIGHTNESS];
  const CbiganLightBounds light = cbigan_usual_light(usual);
  double uneven;
  if (is_uneven(usual, m, &uneven))
    note(health, CBIGAN_HEALTH_LIGHT, m->values[CBIGAN_MEASURE_UNEVENNESS], uneven, TRUE);
  else
    note(health, CBIGAN_HEALTH_LIGHT, brightness, brightness < light.low ? light.low : light.high,
         brightness < light.low || brightness > light.high);
}

static void
check_against_usual(const CbiganUsualPictures *usual, CbiganPictureMeasures *m, CbiganHealth *health)
{
  const double *least = usual->least, *most = usual->most;
  double low, high;
  cbigan_measure_against(m->thumbnail, usual->thumbnail, m->values);
  check_light(usual, m, health);
  ratio_bounds(least[CBIGAN_MEASURE_SHARPNESS], most[CBIGAN_MEASURE_SHARPNESS], 1.0 / LEAST_SHARPNESS, &low, &high);
  note(health, CBIGAN_HEALTH_BLURRED, m->values[CBIGAN_MEASURE_SHARPNESS], low,
       m->values[CBIGAN_MEASURE_SHARPNESS] < low);
  ratio_bounds(least[CBIGAN_MEASURE_NOISE], most[CBIGAN_MEASURE_NOISE], MOST_NOISE, &low, &high);
  high += NOISE_MARGIN;
  note(health, CBIGAN_HEALTH_NOISY, m->values[CBIGAN_MEASURE_NOISE], high, m->values[CBIGAN_MEASURE_NOISE] > high);
  low = least_likeness(usual);
  note(health, CBIGAN_HEALTH_MOVED, m->values[CBIGAN_MEASURE_LIKENESS], low, m->values[CBIGAN_MEASURE_LIKENESS] < low);
}

void
cbigan_health_check(const CbiganModelInfo *info, CbiganPictureMeasures *measures, double score, CbiganHealth *health)
{
  double least, most;
  g_return_if_fail(info && measures && health);
  *health = (CbiganHealth){ 0 };
  for (int i = 0; i < CBIGAN_N_HEALTH; i++)
    health->figures[i] = health->limits[i] = NAN;
  check_emptiness(&info->usual, measures, health);
  if (health->faults)
    return;
  if (info->usual.n)
    check_against_usual(&info->usual, measures, health);
  if (cbigan_usual_scores(info, &least, &most))
    note(health, CBIGAN_HEALTH_FEATURELESS, score, least, score < least);
}

/* --- good pictures ----------------------------------------------------------------------------------------------- */

void
cbigan_usual_measure(CbiganUsualPictures *self, const CbiganFrame *frames, guint n)
{
  enum { PIXELS = CBIGAN_THUMBNAIL_SIDE * CBIGAN_THUMBNAIL_SIDE };
  g_autofree float *thumbnails = g_new(float, (gsize)PIXELS *n);
  CbiganPictureMeasures measures;
  double sum[PIXELS] = { 0 };
  *self = (CbiganUsualPictures){ 0 };
  for (guint i = 0; i < n; i++) {
    if (!cbigan_picture_measure(NULL, &frames[i], &measures))
      continue;
    for (int k = 0; k < CBIGAN_MEASURE_UNEVENNESS; k++) {
      self->least[k] = self->n ? MIN(self->least[k], measures.values[k]) : measures.values[k];
      self->most[k] = self->n ? MAX(self->most[k], measures.values[k]) : measures.values[k];
    }
    memcpy(thumbnails + (gsize)PIXELS * self->n, measures.thumbnail, sizeof measures.thumbnail);
    for (int k = 0; k < PIXELS; k++)
      sum[k] += (double)measures.thumbnail[k];
    self->n++;
  }
  for (guint i = 0; i < self->n; i++) {
    const float *own = thumbnails + (gsize)PIXELS * i;
    float others[PIXELS];
    for (int k = 0; k < PIXELS; k++)
      others[k] = (float)((sum[k] - (double)own[k]) / MAX(self->n - 1, 1));
    double values[CBIGAN_N_MEASURES];
    cbigan_measure_against(own, others, values);
    for (int k = CBIGAN_MEASURE_UNEVENNESS; k < CBIGAN_N_MEASURES; k++) {
      self->least[k] = i ? MIN(self->least[k], values[k]) : values[k];
      self->most[k] = i ? MAX(self->most[k], values[k]) : values[k];
    }
  }
  for (int k = 0; k < PIXELS; k++)
    self->thumbnail[k] = self->n ? (float)(sum[k] / self->n) : 0.0f;
}
