/* pose.c - where a part lies in a frame, and at which angle; and the same part upright
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "pose.h"

#include <math.h>
#include <string.h>

#include "blur.h"

#define COARSE 256           /* pixels: the longer side of the picture in which parts are found */
#define BORDER 24            /* one part of so many of the height is border */
#define LEAST_PART 0.001     /* share of the picture: less is no part */
#define ELONGATED 1.5        /* that 90 % of the parts are at least */
#define SAME_ANGLE 0.95      /* length of the mean of unit vectors at twice the angles, above which they are the same */
#define MARGIN 0.02          /* of the longer side, around the box */
#define UPRIGHT_PIXELS 49152 /* of an upright part: three quarters of 256 x 256 */
#define ROUNDS 2             /* of the comparison; the second with half the step */
#define ANGLES 5
#define ANGLE_STEP 2.0 /* degrees */
#define SHIFT 6        /* pixels at half the size */
#define HIGH_PASS 6.0

/* --- finding the part ------------------------------------------------------------------------------------------- */

/* Grey levels of a frame, `step` times smaller -> (h, w), transfer full; NULL: there is no memory */
static float *
coarse_grey(CbiganBackend *backend, const CbiganFrame *frame, int *step, int *w, int *h)
{
  *step = MAX(1, (int)lround((double)MAX(frame->width, frame->height) / COARSE));
  *w = frame->width / *step;
  *h = frame->height / *step;
  float *grey = cbigan_scratch_new(backend, float, (gsize)*w *(gsize)*h);
  for (int y = 0; grey && y < *h; y++)
    for (int x = 0; x < *w; x++) {
      int sum = 0;
      for (int j = 0; j < *step; j++)
        for (int i = 0; i < *step; i++) {
          const guint8 *p = frame->data + (gsize)(y * *step + j) * frame->stride + 3 * (x * *step + i);
          sum += p[0] + p[1] + p[2];
        }
      grey[y * *w + x] = (float)sum / (float)(3 * *step * *step);
    }
  return grey;
}

static float
border_median(const float *grey, int w, int h)
{
  const int border = MAX(2, h / BORDER);
  guint counts[256] = { 0 }, n = 0, below = 0;
  for (int y = 0; y < h; y++)
    for (int x = 0; x < w; x++)
      if (y < border || y >= h - border || x < border || x >= w - border) {
        counts[CLAMP((int)grey[y * w + x], 0, 255)]++;
        n++;
      }
  for (int i = 0; i < 256; i++)
    if ((below += counts[i]) * 2 >= n)
      return (float)i + 0.5f;
  return 255.0f;
}

/* Otsu 1979: the threshold that divides n numbers from 0 to 255 best in two classes. */
static float
otsu(const float *x, int n)
{
  double counts[256] = { 0 }, mean = 0.0, below = 0.0, sum = 0.0, best = -1.0;
  int threshold = 0;
  for (int i = 0; i < n; i++)
    counts[CLAMP((int)x[i], 0, 255)] += 1.0 / n;
  for (int i = 0; i < 256; i++)
    mean += counts[i] * i;
  for (int i = 0; i < 255; i++) {
    below += counts[i];
    sum += counts[i] * i;
    double between = (mean * below - sum) * (mean * below - sum) / (below * (1.0 - below) + 1e-12);
    if (between > best) {
      best = between;
      threshold = i + 1;
    }
  }
  return (float)threshold;
}

/* The part's pixels (h, w): its difference from the border, and from which difference on it is part. */
typedef struct {
  int step, w, h;
  float *difference, threshold;
} Part;

static gboolean
part_init(Part *self, CbiganBackend *backend, const CbiganFrame *frame)
{
  if (!(self->difference = coarse_grey(backend, frame, &self->step, &self->w, &self->h)))
    return FALSE;
  const float border = border_median(self->difference, self->w, self->h);
  for (int i = 0; i < self->w * self->h; i++)
    self->difference[i] = fabsf(self->difference[i] - border);
  cbigan_blur_by(backend, self->difference, self->w, self->h, self->h / 128.0);
  self->threshold = otsu(self->difference, self->w * self->h);
  return TRUE;
}

static gboolean
is_part(const Part *self, int x, int y)
{
  return self->difference[y * self->w + x] > self->threshold;
}

typedef struct {
  double n, x, y, xx, xy, yy;
} Moments;

static Moments
moments_of(const Part *part)
{
  Moments m = { 0 };
  for (int y = 0; y < part->h; y++)
    for (int x = 0; x < part->w; x++)
      if (is_part(part, x, y)) {
        m.n += 1.0;
        m.x += x;
        m.y += y;
        m.xx += (double)x * x;
        m.xy += (double)x * y;
        m.yy += (double)y * y;
      }
  if (m.n > 0.0) {
    m.x /= m.n;
    m.y /= m.n;
    m.xx = m.xx / m.n - m.x * m.x;
    m.xy = m.xy / m.n - m.x * m.y;
    m.yy = m.yy / m.n - m.y * m.y;
  }
  return m;
}

/* Along the axis lies more width on one side of the centre than on the other. */
static gboolean
points_backwards(const Part *part, const Moments *m, double angle)
{
  double sum = 0.0;
  for (int y = 0; y < part->h; y++)
    for (int x = 0; x < part->w; x++)
      if (is_part(part, x, y)) {
        double u = (x - m->x) * cos(angle) + (y - m->y) * sin(angle);
        double v = (y - m->y) * cos(angle) - (x - m->x) * sin(angle);
        sum += v * v * u;
      }
  return sum < 0.0;
}

/* By the part's moments alone. Where there is none: the middle of the frame, unturned. */
static CbiganPlacement
place_part(const Part *part)
{
  const Moments m = moments_of(part);
  CbiganPlacement p = { .x = part->step * part->w / 2.0, .y = part->step * part->h / 2.0, .elongation = 1.0 };
  if (m.n < LEAST_PART * part->w * part->h)
    return p;
  const double middle = (m.xx + m.yy) / 2.0, reach = hypot((m.xx - m.yy) / 2.0, m.xy);
  p.x = (m.x + 0.5) * part->step - 0.5;
  p.y = (m.y + 0.5) * part->step - 0.5;
  p.elongation = sqrt((middle + reach) / MAX(middle - reach, 1e-6));
  p.angle = 0.5 * atan2(2.0 * m.xy, m.xx - m.yy);
  if (points_backwards(part, &m, p.angle))
    p.angle += G_PI;
  return p;
}

static CbiganPlacement
place(CbiganBackend *backend, const CbiganFrame *frame)
{
  Part part;
  if (!part_init(&part, backend, frame))
    return (CbiganPlacement){ .elongation = 1.0 };
  CbiganPlacement p = place_part(&part);
  g_free(part.difference);
  return p;
}

static int
compare(gconstpointer a, gconstpointer b)
{
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

gboolean
cbigan_pose_is_needed(const CbiganFrame *frames, guint n)
{
  g_autofree double *elongations = g_new(double, n);
  double cosines = 0.0, sines = 0.0;
  for (guint i = 0; i < n; i++) {
    const CbiganPlacement p = place(NULL, &frames[i]);
    elongations[i] = p.elongation;
    cosines += cos(2.0 * p.angle) / n;
    sines += sin(2.0 * p.angle) / n;
  }
  qsort(elongations, n, sizeof *elongations, compare);
  g_debug("pose: elongation %.2f, angles %.3f", elongations[n / 10], hypot(cosines, sines));
  return elongations[n / 10] > ELONGATED && hypot(cosines, sines) < SAME_ANGLE;
}

/* --- upright parts ---------------------------------------------------------------------------------------------- */

/* Frame pixel of an upright pixel's centre */
static void
to_frame(const CbiganPose *self, const CbiganPlacement *p, double column, double row, int w, int h, double *x,
         double *y)
{
  const double u = self->left + (column + 0.5) / w * (self->right - self->left);
  const double v = self->top + (row + 0.5) / h * (self->bottom - self->top);
  *x = p->x + u * cos(p->angle) - v * sin(p->angle);
  *y = p->y + u * sin(p->angle) + v * cos(p->angle);
}

static void
sample(const CbiganFrame *frame, double x, double y, float rgb[3]) /* bilinear, border repeated */
{
  x = CLAMP(x, 0.0, frame->width - 1.001);
  y = CLAMP(y, 0.0, frame->height - 1.001);
  const int i = (int)x, j = (int)y;
  const float a = (float)(x - i), b = (float)(y - j);
  const guint8 *p = frame->data + (gsize)j * frame->stride + 3 * i, *q = p + frame->stride;
  for (int c = 0; c < 3; c++)
    rgb[c] = (1 - b) * ((1 - a) * p[c] + a * p[3 + c]) + b * ((1 - a) * q[c] + a * q[3 + c]);
}

/* Mean of 2 x 2 places of each pixel: as sharp as the frame allows, without aliases where the part is made smaller. */
void
cbigan_pose_cut(const CbiganPose *self, const CbiganPlacement *placement, const CbiganFrame *frame, guint8 *pixels)
{
  for (int row = 0; row < self->h; row++)
    for (int column = 0; column < self->w; column++) {
      float sum[3] = { 0 }, rgb[3];
      for (int k = 0; k < 4; k++) {
        double x, y;
        to_frame(self, placement, column + (k % 2 ? 0.25 : -0.25), row + (k / 2 ? 0.25 : -0.25), self->w, self->h, &x,
                 &y);
        sample(frame, x, y, rgb);
        for (int c = 0; c < 3; c++)
          sum[c] += rgb[c] / 4.0f;
      }
      for (int c = 0; c < 3; c++)
        pixels[3 * (row * self->w + column) + c] = (guint8)lrintf(sum[c]);
    }
}

/* Grey upright part at half the size, high-passed, of norm 1 -> out (h / 2, w / 2) */
static void
high_passed(CbiganBackend *backend, const CbiganPose *self, const CbiganPlacement *placement, const CbiganFrame *frame,
            float *out)
{
  const int w = self->w / 2, h = self->h / 2, n = w * h;
  double square = 1e-6;
  for (int row = 0; row < h; row++)
    for (int column = 0; column < w; column++) {
      double x, y;
      float rgb[3];
      to_frame(self, placement, column, row, w, h, &x, &y);
      sample(frame, x, y, rgb);
      out[row * w + column] = (rgb[0] + rgb[1] + rgb[2]) / 3.0f;
    }
  g_autofree float *low = cbigan_backend_scratch_copy(backend, (gsize)n, out);
  if (!low)
    return;
  cbigan_blur_by(backend, low, w, h, HIGH_PASS);
  for (int i = 0; i < n; i++) {
    out[i] -= low[i];
    square += (double)out[i] * out[i];
  }
  for (int i = 0; i < n; i++)
    out[i] /= (float)sqrt(square);
}

/* Sum of x (h, w), moved by (dx, dy), times the mean part */
static float
correlate(const CbiganPose *self, const float *x, int dx, int dy)
{
  const int w = self->w / 2, h = self->h / 2;
  float sum = 0.0f;
  for (int row = MAX(0, -dy); row < MIN(h, h - dy); row++) {
    const float *a = x + (row + dy) * w + dx, *b = self->mean_part + row * w;
    float part = 0.0f;
#pragma omp simd reduction(+ : part)
    for (int i = MAX(0, -dx); i < MIN(w, w - dx); i++)
      part += a[i] * b[i];
    sum += part;
  }
  return sum;
}

/* One round: the best of some angles and shifts; step: degrees. */
static CbiganPlacement
refine(CbiganBackend *backend, const CbiganPose *self, const CbiganPlacement *from, const CbiganFrame *frame,
       double step, float *x)
{
  const double across = (self->right - self->left) / (self->w / 2), down = (self->bottom - self->top) / (self->h / 2);
  CbiganPlacement best = *from;
  float most = -2.0f;
  for (int k = 0; k < ANGLES; k++) {
    CbiganPlacement p = *from;
    p.angle += (k - ANGLES / 2) * step * G_PI / 180.0;
    high_passed(backend, self, &p, frame, x);
    for (int dy = -SHIFT; dy <= SHIFT; dy++)
      for (int dx = -SHIFT; dx <= SHIFT; dx++) {
        float found = correlate(self, x, dx, dy);
        if (found <= most)
          continue;
        most = found;
        best = p;
        best.x = p.x + dx * across * cos(p.angle) - dy * down * sin(p.angle);
        best.y = p.y + dx * across * sin(p.angle) + dy * down * cos(p.angle);
      }
  }
  return best;
}

CbiganPlacement
cbigan_pose_find(CbiganBackend *backend, const CbiganPose *self, const CbiganFrame *frame)
{
  g_autofree float *x = cbigan_scratch_new(backend, float, (gsize)(self->w / 2) * (gsize)(self->h / 2));
  CbiganPlacement p = place(backend, frame);
  for (int round = 0; x && round < ROUNDS; round++)
    p = refine(backend, self, &p, frame, ANGLE_STEP / (round + 1), x);
  return p;
}

/* --- learning --------------------------------------------------------------------------------------------------- */

/* Widens the box by a part: along both axes, without the last 2 in 1000 pixels on each side. */
static void
add_extent(CbiganPose *self, const CbiganFrame *frame, const CbiganPlacement *p)
{
  enum { U, V };
  Part part;
  part_init(&part, NULL, frame);
  GArray *along[2] = { g_array_new(FALSE, TRUE, sizeof(double)), g_array_new(FALSE, TRUE, sizeof(double)) };
  for (int y = 0; y < part.h; y++)
    for (int x = 0; x < part.w; x++)
      if (is_part(&part, x, y)) {
        double dx = (x + 0.5) * part.step - 0.5 - p->x, dy = (y + 0.5) * part.step - 0.5 - p->y;
        double u = dx * cos(p->angle) + dy * sin(p->angle), v = dy * cos(p->angle) - dx * sin(p->angle);
        g_array_append_val(along[U], u);
        g_array_append_val(along[V], v);
      }
  g_free(part.difference);
  g_array_sort(along[U], compare);
  g_array_sort(along[V], compare);
  const guint first = along[U]->len / 500, last = MAX(along[U]->len, 1u) - 1 - first;
  for (int i = 0; i < 2 && !along[U]->len; i++)
    g_array_set_size(along[i], 1); /* no part: its centre */
  self->left = MIN(self->left, g_array_index(along[U], double, first));
  self->right = MAX(self->right, g_array_index(along[U], double, last));
  self->top = MIN(self->top, g_array_index(along[V], double, first));
  self->bottom = MAX(self->bottom, g_array_index(along[V], double, last));
  g_array_unref(along[U]);
  g_array_unref(along[V]);
}

static int
whole_steps(double length)
{
  return MAX((int)lround(length / CBIGAN_INSPECTOR_STEP), 2) * CBIGAN_INSPECTOR_STEP;
}

/* Not larger than the part is in its frames. */
static void
choose_size(CbiganPose *self)
{
  const double margin = MARGIN * MAX(self->frame_w, self->frame_h);
  self->left -= margin;
  self->right += margin;
  self->top -= margin;
  self->bottom += margin;
  const double w = self->right - self->left, h = self->bottom - self->top;
  const double scale = MIN(1.0, sqrt(UPRIGHT_PIXELS / (w * h)));
  self->w = whole_steps(w * scale);
  self->h = whole_steps(h * scale);
}

static void
find_mean_part(CbiganPose *self, const CbiganFrame *frames, const CbiganPlacement *placements, guint n, float *x)
{
  const gsize size = (gsize)(self->w / 2) * (gsize)(self->h / 2);
  double square = 1e-12;
  memset(self->mean_part, 0, size * sizeof(float));
  for (guint i = 0; i < n; i++) {
    high_passed(NULL, self, &placements[i], &frames[i], x);
    for (gsize k = 0; k < size; k++)
      self->mean_part[k] += x[k] / (float)n;
  }
  for (gsize k = 0; k < size; k++)
    square += (double)self->mean_part[k] * self->mean_part[k];
  for (gsize k = 0; k < size; k++)
    self->mean_part[k] /= (float)sqrt(square);
}

void
cbigan_pose_learn(CbiganPose *self, const CbiganFrame *frames, guint n)
{
  g_autofree CbiganPlacement *placements = g_new(CbiganPlacement, n);
  *self = (CbiganPose){ .frame_w = frames[0].width, .frame_h = frames[0].height };
  for (guint i = 0; i < n; i++) {
    placements[i] = place(NULL, &frames[i]);
    add_extent(self, &frames[i], &placements[i]);
  }
  choose_size(self);
  const gsize size = (gsize)(self->w / 2) * (gsize)(self->h / 2);
  g_autofree float *x = g_new(float, size);
  self->mean_part = g_new0(float, size);
  for (int round = 0; round <= ROUNDS; round++) {
    find_mean_part(self, frames, placements, n, x);
    for (guint i = 0; round < ROUNDS && i < n; i++)
      placements[i] = refine(NULL, self, &placements[i], &frames[i], ANGLE_STEP / (round + 1), x);
  }
}

void
cbigan_pose_clear(CbiganPose *self)
{
  g_free(self->mean_part);
  *self = (CbiganPose){ 0 };
}

/* --- back ------------------------------------------------------------------------------------------------------- */

guint8 *
cbigan_pose_cut_counts(CbiganBackend *backend, const CbiganPose *self, const CbiganPlacement *placement,
                       const guint8 *counts)
{
  const gsize n = (gsize)self->frame_w * (gsize)self->frame_h, n_upright = (gsize)self->w * (gsize)self->h;
  g_autofree guint8 *grey = cbigan_scratch_new(backend, guint8, 3 * n);
  g_autofree guint8 *pixels = cbigan_scratch_new(backend, guint8, 3 * n_upright);
  guint8 *upright = grey && pixels ? cbigan_scratch_new(backend, guint8, n_upright) : NULL;
  if (!upright)
    return NULL;
  const CbiganFrame frame = { grey, self->frame_w, self->frame_h, 3 * (gsize)self->frame_w };
  for (gsize i = 0; i < 3 * n; i++)
    grey[i] = counts[i / 3] ? 255 : 0;
  cbigan_pose_cut(self, placement, &frame, pixels);
  for (gsize i = 0; i < n_upright; i++)
    upright[i] = pixels[3 * i] > 127;
  return upright;
}

void
cbigan_pose_lay_back(const CbiganPose *self, const CbiganPlacement *p, const float *upright, float *map)
{
  const double cosine = cos(p->angle), sine = sin(p->angle);
  for (int y = 0; y < self->frame_h; y++)
    for (int x = 0; x < self->frame_w; x++) {
      double u = (x - p->x) * cosine + (y - p->y) * sine, v = (y - p->y) * cosine - (x - p->x) * sine;
      double column = (u - self->left) / (self->right - self->left) * self->w - 0.5;
      double row = (v - self->top) / (self->bottom - self->top) * self->h - 0.5;
      float *to = &map[(gsize)y * (gsize)self->frame_w + (gsize)x];
      *to = 0.0f;
      if (column < -0.5 || row < -0.5 || column > self->w - 0.5 || row > self->h - 0.5)
        continue;
      column = CLAMP(column, 0.0, self->w - 1.001);
      row = CLAMP(row, 0.0, self->h - 1.001);
      const float *at = upright + (gsize)(int)row * (gsize)self->w + (int)column;
      float a = (float)(column - (int)column), b = (float)(row - (int)row);
      *to = (1 - b) * ((1 - a) * at[0] + a * at[1]) + b * ((1 - a) * at[self->w] + a * at[self->w + 1]);
    }
}
