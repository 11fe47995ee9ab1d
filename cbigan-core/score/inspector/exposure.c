/* exposure.c - a frame's light compared with good pictures', and the planes that the inspector reads
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "exposure.h"

#include <math.h>
#include <string.h>

#include "histogram.h"
#include "multiversion.h"

static float
log_intensity(double grey)
{
  return logf(((float)MAX(grey, 0.0) + CBIGAN_EXPOSURE_DARK) / CBIGAN_EXPOSURE_SCALE);
}

void
cbigan_good_light_init(CbiganGoodLight *self, CbiganBackend *backend, int w, int h, const float *mean)
{
  const gsize n = (gsize)w * (gsize)h;
  *self = (CbiganGoodLight){
    .w = w, .h = h, .grey = cbigan_scratch_new(backend, float, n), .level = cbigan_scratch_new(backend, float, n)
  };
  if (!self->grey || !self->level)
    return;
  memset(self->grey, 0, n * sizeof(float));
  memset(self->level, 0, n * sizeof(float));
  for (int c = 0; c < 3; c++)
    for (gsize i = 0; i < n; i++) {
      self->grey[i] += (CBIGAN_EXPOSURE_SCALE * expf(mean[(gsize)c * n + i]) - CBIGAN_EXPOSURE_DARK) / 3.0f;
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

/* --- objects ---------------------------------------------------------------------------------------------------- */

static gboolean
is_usable(double grey) /* neither black nor clipped */
{
  return grey > CBIGAN_EXPOSURE_BLACK && grey < CBIGAN_EXPOSURE_CLIPPED;
}

/* Some pixels of a frame and of the mean good picture. */
typedef struct {
  int n;                           /* 0: there is no memory */
  double *grey, *good, *residuals; /* (n) */
} Sample;

static Sample
sample_new(const CbiganFrame *frame, const CbiganGoodLight *good, CbiganBackend *backend)
{
  const int n = good->w * good->h;
  double *numbers = cbigan_scratch_new(backend, double, 3 * (gsize)(n / CBIGAN_EXPOSURE_SPARSE + 1));
  if (!numbers)
    return (Sample){ 0 };
  Sample sample = { 0, numbers, numbers + n / CBIGAN_EXPOSURE_SPARSE + 1,
                    numbers + 2 * (n / CBIGAN_EXPOSURE_SPARSE + 1) };
  for (int row = 0, at = 0; row < good->h; row++, at -= good->w) {
    const guint8 *from = frame->data + (gsize)row * frame->stride;
    for (; at < good->w; at += CBIGAN_EXPOSURE_SPARSE) {
      const guint8 *p = from + 3 * at;
      sample.grey[sample.n] = (p[0] + p[1] + p[2]) / 3.0;
      sample.good[sample.n++] = good->grey[(gsize)row * (gsize)good->w + (gsize)at];
    }
  }
  return sample;
}

/* Least squares of good = gain * grey + offset over pixels whose residual under the fit so far is at most `limit`. */
static void
fit_once(const Sample *sample, double limit, double *gain, double *offset)
{
  double count = 0.0, sum_a = 0.0, sum_b = 0.0, sum_aa = 0.0, sum_ab = 0.0;
  for (int i = 0; i < sample->n; i++) {
    double a = sample->grey[i], b = sample->good[i];
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
  *gain = CLAMP(covariance / (variance + 1e-6), CBIGAN_EXPOSURE_LEAST_GAIN, CBIGAN_EXPOSURE_LARGEST_GAIN);
  *offset = sum_b / count - *gain * sum_a / count;
}

static double
residual_limit(const Sample *sample, double gain, double offset)
{
  CbiganHistogram residuals = { .least = 0.0, .most = 256.0 };
  for (int i = 0; i < sample->n; i++)
    sample->residuals[i] = fabs(gain * sample->grey[i] + offset - sample->good[i]);
  cbigan_histogram_add(&residuals, sample->residuals, sample->n);
  return cbigan_histogram_quantile(&residuals, CBIGAN_EXPOSURE_KEPT);
}

/* The median difference of a frame's level from the mean good picture's. */
static double
level_difference(const CbiganExposure *self, const CbiganFrame *frame, const CbiganGoodLight *good,
                 CbiganBackend *backend)
{
  CbiganHistogram counts = { .least = -1.0, .most = 1.0 };
  g_autofree double *differences = cbigan_scratch_new(backend, double, (gsize)good->w);
  for (int row = 0; differences && row < good->h; row++) {
    const guint8 *p = frame->data + (gsize)row * frame->stride;
    const float *level = good->level + (gsize)row * (gsize)good->w;
    for (int i = 0; i < good->w; i++, p += 3)
      differences[i] = (double)((self->curve[p[0]] + self->curve[p[1]] + self->curve[p[2]]) / 3.0f) - level[i];
    cbigan_histogram_add(&counts, differences, good->w);
  }
  return cbigan_histogram_quantile(&counts, 0.5);
}

void
cbigan_exposure_shift(CbiganExposure *self, double by)
{
  for (int i = 0; i < 256; i++)
    self->curve[i] -= (float)by;
}

/* The robust fit of a frame's gain and offset. */
static void
fit(CbiganExposure *self, const CbiganFrame *frame, const CbiganGoodLight *good, CbiganBackend *backend)
{
  Sample sample = sample_new(frame, good, backend);
  double limit = INFINITY;
  for (int round = 0; round < CBIGAN_EXPOSURE_ROUNDS; round++) {
    fit_once(&sample, limit, &self->gain, &self->offset);
    if (round < CBIGAN_EXPOSURE_ROUNDS - 1)
      limit = residual_limit(&sample, self->gain, self->offset);
  }
  g_free(sample.grey);
}

static void
make_curve(CbiganExposure *self)
{
  for (int i = 0; i < 256; i++)
    self->curve[i] = log_intensity(self->gain * i + self->offset);
}

void
cbigan_exposure_plain(CbiganExposure *self, double offset)
{
  *self = (CbiganExposure){ .gain = 1.0, .offset = offset };
  make_curve(self);
}

void
cbigan_exposure_object(CbiganExposure *self, const CbiganFrame *frame, const CbiganGoodLight *good,
                       CbiganBackend *backend)
{
  *self = (CbiganExposure){ .gain = 1.0 };
  if (good)
    fit(self, frame, good, backend);
  make_curve(self);
  if (good)
    cbigan_exposure_shift(self, level_difference(self, frame, good, backend));
}

/* Outside, lines come in the order in which a mirror at the border shows them. */
static int
mirrored(int i, int n)
{
  i = i < 0 ? -1 - i : i;
  return i < n ? i : MAX(2 * n - 1 - i, 0);
}

typedef struct {
  const CbiganExposure *exposure;
  const CbiganFrame *frame;
  int left, top, w, h;
  float *x; /* (3, h, w) */
} Cut;

static void
cut_rows(gpointer data, int first, int end)
{
  const Cut *cut = data;
  const int width = cut->frame->width, begin = CLAMP(-cut->left, 0, cut->w);
  const int stop = CLAMP(width - cut->left, begin, cut->w); /* columns that lie in the frame end here */
  const gsize plane = (gsize)cut->w * (gsize)cut->h;
  const float *curve = cut->exposure->curve;
  for (int row = first; row < end; row++) {
    const guint8 *from = cut->frame->data + (gsize)mirrored(cut->top + row, cut->frame->height) * cut->frame->stride;
    float *restrict to = cut->x + (gsize)row * (gsize)cut->w;
    for (int column = 0; column < cut->w; column++) {
      const gboolean inside = column >= begin && column < stop;
      const guint8 *p = from + 3 * (inside ? cut->left + column : mirrored(cut->left + column, width));
      for (int c = 0; c < 3; c++)
        to[(gsize)c * plane + (gsize)column] = curve[p[c]];
    }
  }
}

void
cbigan_exposure_cut_by(CbiganBackend *backend, const CbiganExposure *self, const CbiganFrame *frame, int left, int top,
                       int w, int h, float *x)
{
  cbigan_backend_each(backend, h, 3 * (gsize)w * (gsize)h, cut_rows, &(Cut){ self, frame, left, top, w, h, x });
}

void
cbigan_exposure_cut(const CbiganExposure *self, const CbiganFrame *frame, int left, int top, int w, int h, float *x)
{
  cbigan_exposure_cut_by(NULL, self, frame, left, top, w, h, x);
}

float *
cbigan_object_unmask(CbiganBackend *backend, const float *x, const float *mean, const guint8 *unmasked, gsize n)
{
  float *usual = cbigan_backend_scratch_copy(backend, 3 * n, x);
  for (gsize i = 0; usual && i < 3 * n; i++)
    if (!unmasked[i % n])
      usual[i] = mean[i];
  return usual;
}

/* z = clamp((x - mean) / deviation, +-6) / 2 */
CBIGAN_WIDE static void
deviate(const float *restrict x, const float *restrict mean, const float *restrict deviation, int n, float *restrict z)
{
  for (int i = 0; i < n; i++) {
    const float off = (x[i] - mean[i]) / deviation[i];
    z[i] = CLAMP(off, -6.0f, 6.0f) * 0.5f;
  }
}

void
cbigan_object_planes(const float *x, int w, int h, const float *mean, const float *deviation, int good_w, int good_h,
                     int left, int top, float *planes)
{
  const gsize plane = (gsize)w * (gsize)h;
  const int begin = CLAMP(-left, 0, w), stop = CLAMP(good_w - left, begin, w);
  memcpy(planes, x, 3 * plane * sizeof(float));
  for (int c = 0; c < 3; c++)
    for (int row = 0; row < h; row++) {
      const gsize good = ((gsize)c * (gsize)good_h + (gsize)CLAMP(top + row, 0, good_h - 1)) * (gsize)good_w;
      const float *from = x + (gsize)c * plane + (gsize)row * (gsize)w;
      float *to = planes + (gsize)(3 + c) * plane + (gsize)row * (gsize)w;
      for (int column = 0; column < w; column++) {
        const gsize at = good + (gsize)CLAMP(left + column, 0, good_w - 1);
        if (column == begin && stop > begin) {
          deviate(from + begin, mean + at, deviation + at, stop - begin, to + begin);
          column = stop - 1;
        } else {
          deviate(from + column, mean + at, deviation + at, 1, to + column);
        }
      }
    }
}
