/* exposure.c - a frame's light compared with good pictures', and the planes that the inspector reads
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "exposure.h"

#include <math.h>
#include <string.h>

#include "blur.h"

#define DARK 24.0f /* grey levels: keeps noise in the dark small */
#define SCALE 279.0f

static float
log_intensity(double grey)
{
  return logf(((float)MAX(grey, 0.0) + DARK) / SCALE);
}

void
cbigan_good_light_init(CbiganGoodLight *self, int w, int h, const float *mean)
{
  const gsize n = (gsize)w * (gsize)h;
  *self = (CbiganGoodLight){ .w = w, .h = h, .grey = g_new0(float, n), .level = g_new0(float, n) };
  for (int c = 0; c < 3; c++)
    for (gsize i = 0; i < n; i++) {
      self->grey[i] += (SCALE * expf(mean[(gsize)c * n + i]) - DARK) / 3.0f;
      self->level[i] += mean[(gsize)c * n + i] / 3.0f;
    }
}

void
cbigan_good_light_clear(CbiganGoodLight *self)
{
  g_free(self->grey);
  g_free(self->level);
  *self = (CbiganGoodLight){ 0 };
}

/* --- quantiles -------------------------------------------------------------------------------------------------- */

#define BINS 4096

/* Counts of numbers from least to most. */
typedef struct {
  double least, most;
  guint n, counts[BINS];
} Histogram;

static void
histogram_add(Histogram *self, double x)
{
  double at = (x - self->least) / (self->most - self->least) * BINS;
  self->counts[at > 0.0 ? (at < BINS ? (int)at : BINS - 1) : 0]++;
  self->n++;
}

static double
histogram_quantile(const Histogram *self, double share)
{
  double below = 0.0, wanted = share * self->n;
  for (int i = 0; i < BINS; i++) {
    if (self->counts[i] && below + self->counts[i] >= wanted)
      return self->least + (self->most - self->least) * (i + (wanted - below) / self->counts[i]) / BINS;
    below += self->counts[i];
  }
  return self->most;
}

/* --- objects ---------------------------------------------------------------------------------------------------- */

#define SPARSE 7         /* every so many pixels are enough for two numbers */
#define ROUNDS 3         /* of the fit */
#define KEPT 0.7         /* share of the pixels that the next round fits */
#define LEAST_GAIN 0.6   /* a gain beyond is not light any more: the frame is another one */
#define LARGEST_GAIN 1.6 /* likewise */

static double
grey_of(const CbiganFrame *frame, gsize i)
{
  const guint8 *p = frame->data + i / (gsize)frame->width * frame->stride + i % (gsize)frame->width * 3;
  return (p[0] + p[1] + p[2]) / 3.0;
}

static gboolean
is_usable(double grey) /* neither black nor clipped */
{
  return grey > 3.0 && grey < 252.0;
}

/* Least squares of good = gain * grey + offset over pixels whose residual under the fit so far is at most `limit`. */
static void
fit_once(const CbiganFrame *frame, const CbiganGoodLight *good, double limit, double *gain, double *offset)
{
  const gsize n = (gsize)good->w * (gsize)good->h;
  double count = 0.0, sum_a = 0.0, sum_b = 0.0, sum_aa = 0.0, sum_ab = 0.0;
  for (gsize i = 0; i < n; i += SPARSE) {
    double a = grey_of(frame, i), b = good->grey[i];
    if (!is_usable(a) || fabs(*gain * a + *offset - b) > limit)
      continue;
    count += 1.0;
    sum_a += a;
    sum_b += b;
    sum_aa += a * a;
    sum_ab += a * b;
  }
  if (count < 2.0)
    return;
  double variance = sum_aa / count - sum_a / count * (sum_a / count);
  double covariance = sum_ab / count - sum_a / count * (sum_b / count);
  *gain = CLAMP(covariance / (variance + 1e-6), LEAST_GAIN, LARGEST_GAIN);
  *offset = sum_b / count - *gain * sum_a / count;
}

static double
residual_limit(const CbiganFrame *frame, const CbiganGoodLight *good, double gain, double offset)
{
  const gsize n = (gsize)good->w * (gsize)good->h;
  Histogram residuals = { .least = 0.0, .most = 256.0 };
  for (gsize i = 0; i < n; i += SPARSE)
    histogram_add(&residuals, fabs(gain * grey_of(frame, i) + offset - good->grey[i]));
  return histogram_quantile(&residuals, KEPT);
}

static double
level_at(const CbiganExposure *self, const CbiganFrame *frame, gsize i)
{
  const guint8 *p = frame->data + i / (gsize)frame->width * frame->stride + i % (gsize)frame->width * 3;
  return (self->curve[p[0]] + self->curve[p[1]] + self->curve[p[2]]) / 3.0f;
}

static void
shift_curve(CbiganExposure *self, double by)
{
  for (int i = 0; i < 256; i++)
    self->curve[i] -= (float)by;
}

void
cbigan_exposure_object(CbiganExposure *self, const CbiganFrame *frame, const CbiganGoodLight *good)
{
  *self = (CbiganExposure){ .gain = 1.0 };
  double limit = INFINITY;
  for (int round = 0; good && round < ROUNDS; round++) {
    fit_once(frame, good, limit, &self->gain, &self->offset);
    limit = residual_limit(frame, good, self->gain, self->offset);
  }
  for (int i = 0; i < 256; i++)
    self->curve[i] = log_intensity(self->gain * i + self->offset);
  if (!good)
    return;
  Histogram differences = { .least = -1.0, .most = 1.0 };
  for (gsize i = 0; i < (gsize)good->w * (gsize)good->h; i++)
    histogram_add(&differences, level_at(self, frame, i) - good->level[i]);
  shift_curve(self, histogram_quantile(&differences, 0.5));
}

/* Outside, lines come in the order in which a mirror at the border shows them. */
static int
mirrored(int i, int n)
{
  i = i < 0 ? -1 - i : i;
  return i < n ? i : MAX(2 * n - 1 - i, 0);
}

void
cbigan_exposure_cut(const CbiganExposure *self, const CbiganFrame *frame, int left, int top, int w, int h, float *x)
{
  const gsize plane = (gsize)w * (gsize)h;
  for (int row = 0; row < h; row++) {
    const guint8 *from = frame->data + (gsize)mirrored(top + row, frame->height) * frame->stride;
    float *to = x + (gsize)row * (gsize)w;
    for (int column = 0; column < w; column++) {
      const guint8 *p = from + 3 * mirrored(left + column, frame->width);
      for (int c = 0; c < 3; c++)
        to[(gsize)c * plane + (gsize)column] = self->curve[p[c]];
    }
  }
}

void
cbigan_object_planes(const float *x, int w, int h, const float *mean, const float *deviation, int good_w, int good_h,
                     int left, int top, float *planes)
{
  const gsize plane = (gsize)w * (gsize)h;
  memcpy(planes, x, 3 * plane * sizeof(float));
  for (int c = 0; c < 3; c++)
    for (int row = 0; row < h; row++) {
      const gsize good = ((gsize)c * (gsize)good_h + (gsize)CLAMP(top + row, 0, good_h - 1)) * (gsize)good_w;
      const float *from = x + (gsize)c * plane + (gsize)row * (gsize)w;
      float *to = planes + (gsize)(3 + c) * plane + (gsize)row * (gsize)w;
      for (int column = 0; column < w; column++) {
        gsize at = good + (gsize)CLAMP(left + column, 0, good_w - 1);
        float z = (from[column] - mean[at]) / deviation[at];
        to[column] = CLAMP(z, -6.0f, 6.0f) * 0.5f;
      }
    }
}

/* --- surfaces --------------------------------------------------------------------------------------------------- */

#define LOW_SIGMA 4.0 /* of the low-pass, in pooled pixels */
#define LARGEST 8.0f  /* that a plane of detail holds */

/* Mean over squares of `pool` pixels, blurred, and bilinear in between: x (h, w) -> out (h, w) */
static void
low_pass(const float *x, int w, int h, int pool, float *out)
{
  const int small_w = (w + pool - 1) / pool, small_h = (h + pool - 1) / pool;
  g_autofree float *small = g_new(float, (gsize)small_w *(gsize)small_h);
  for (int j = 0; j < small_h; j++)
    for (int i = 0; i < small_w; i++) {
      int right = MIN((i + 1) * pool, w), bottom = MIN((j + 1) * pool, h);
      float sum = 0.0f;
      for (int row = j * pool; row < bottom; row++)
        for (int column = i * pool; column < right; column++)
          sum += x[(gsize)row * (gsize)w + (gsize)column];
      small[j * small_w + i] = sum / (float)((right - i * pool) * (bottom - j * pool));
    }
  cbigan_blur(small, small_w, small_h, LOW_SIGMA);
  for (int row = 0; row < h; row++) {
    float v = CLAMP(((float)row + 0.5f) / (float)pool - 0.5f, 0.0f, (float)(small_h - 1));
    int above = (int)v, below = MIN(above + 1, small_h - 1);
    for (int column = 0; column < w; column++) {
      float u = CLAMP(((float)column + 0.5f) / (float)pool - 0.5f, 0.0f, (float)(small_w - 1));
      int before = (int)u, after = MIN(before + 1, small_w - 1);
      float upper = small[above * small_w + before] +
                    (u - (float)before) * (small[above * small_w + after] - small[above * small_w + before]);
      float lower = small[below * small_w + before] +
                    (u - (float)before) * (small[below * small_w + after] - small[below * small_w + before]);
      out[(gsize)row * (gsize)w + (gsize)column] = upper + (v - (float)above) * (lower - upper);
    }
  }
}

static void
level_and_colour(const float *x, gsize n, float *level, float *red, float *blue)
{
  const float *r = x, *g = x + n, *b = x + 2 * n;
  for (gsize i = 0; i < n; i++) {
    level[i] = (r[i] + g[i] + b[i]) / 3.0f;
    red[i] = r[i] - g[i];
    blue[i] = b[i] - 0.5f * (r[i] + g[i]);
  }
}

static double
median(const float *x, gsize n, double least, double most, double less, gboolean absolute)
{
  Histogram histogram = { .least = least, .most = most };
  for (gsize i = 0; i < n; i++)
    histogram_add(&histogram, absolute ? fabs(x[i] - less) : x[i] - less);
  return histogram_quantile(&histogram, 0.5);
}

void
cbigan_exposure_surface(CbiganExposure *self, const CbiganFrame *frame)
{
  const int w = frame->width, h = frame->height;
  const gsize n = (gsize)w * (gsize)h;
  g_autofree float *x = g_new(float, 3 * n), *level = g_new(float, n), *red = g_new(float, n), *blue = g_new(float, n);
  cbigan_exposure_object(self, frame, NULL);
  cbigan_exposure_cut(self, frame, 0, 0, w, h, x);
  level_and_colour(x, n, level, red, blue);
  shift_curve(self, median(level, n, -3.0, 0.0, 0.0, FALSE));
  self->colour[0] = (float)median(red, n, -3.0, 3.0, 0.0, FALSE);
  self->colour[1] = (float)median(blue, n, -3.0, 3.0, 0.0, FALSE);
  self->chroma = (float)(2.0 * MAX(median(red, n, 0.0, 3.0, self->colour[0], TRUE),
                                   median(blue, n, 0.0, 3.0, self->colour[1], TRUE)) +
                         0.05);
  low_pass(level, w, h, 4, x);
  for (gsize i = 0; i < n; i++)
    level[i] -= x[i];
  self->contrast = (float)(2.0 * median(level, n, 0.0, 1.0, 0.0, TRUE) + 0.02);
}

void
cbigan_surface_planes(const CbiganExposure *exposure, const float *x, int w, int h, float *planes)
{
  const gsize n = (gsize)w * (gsize)h;
  float *level = planes, *detail = planes + n, *local = planes + 2 * n, *red = planes + 3 * n, *blue = planes + 4 * n;
  g_autofree float *low = g_new(float, n), *square = g_new(float, n);
  level_and_colour(x, n, level, red, blue);
  low_pass(level, w, h, 4, low);
  for (gsize i = 0; i < n; i++)
    detail[i] = CLAMP((level[i] - low[i]) / exposure->contrast, -LARGEST, LARGEST);
  low_pass(level, w, h, 2, low);
  for (gsize i = 0; i < n; i++) {
    local[i] = level[i] - low[i];
    square[i] = local[i] * local[i];
  }
  low_pass(square, w, h, 4, low);
  for (gsize i = 0; i < n; i++) {
    float z = local[i] / ((sqrtf(MAX(low[i], 0.0f)) + 0.5f * exposure->contrast) * 1.5f);
    local[i] = CLAMP(z, -LARGEST, LARGEST);
    level[i] *= 1.5f;
    red[i] = CLAMP((red[i] - exposure->colour[0]) / exposure->chroma, -LARGEST, LARGEST);
    blue[i] = CLAMP((blue[i] - exposure->colour[1]) / exposure->chroma, -LARGEST, LARGEST);
  }
}
