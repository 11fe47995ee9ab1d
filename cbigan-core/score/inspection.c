/* inspection.c - runs an inspector: a value per cell and a value per picture
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "inspection.h"

#include <math.h>
#include <string.h>

#include "blur.h"
#include "forward/forward.h"
#include "i18n.h"
#include "pose.h"

#define BLUR 1.0      /* cells */
#define TOP_SHARE 100 /* one cell of so many is among the largest */
#define FEWEST_TOP 4

struct _CbiganInspection {
  const CbiganInspector *inspector;
  CbiganBackend *backend;
  CbiganGoodLight light; /* objects */
  gsize n_floats;
  float *parameters;      /* backend memory */
  CbiganNetwork *network; /* for pictures of w x h pixels; NULL before the first */
  CbiganForward *forward;
  int w, h;
  float *planes; /* (planes, h, w) */
  float *logits; /* (h / 4, w / 4) */
  CbiganCells cells;
  CbiganPlacement placement; /* of the part in the last frame, where it is turned upright */
};

CbiganInspection *
cbigan_inspection_new(const CbiganInspector *inspector, CbiganBackend *backend, GError **error)
{
  g_autoptr(CbiganInspection) self = g_new0(CbiganInspection, 1);
  g_autoptr(CbiganNetwork) any = cbigan_inspector_network(inspector, CBIGAN_INSPECTOR_STEP, CBIGAN_INSPECTOR_STEP);
  self->inspector = inspector;
  self->backend = backend;
  self->n_floats = any->n_floats;
  if (inspector->w)
    cbigan_good_light_init(&self->light, inspector->w, inspector->h, inspector->mean);
  if (!(self->parameters = cbigan_backend_alloc(backend, self->n_floats, error)))
    return NULL;
  cbigan_inspection_load(self);
  return g_steal_pointer(&self);
}

static void
close_network(CbiganInspection *self)
{
  g_clear_pointer(&self->forward, cbigan_forward_free);
  g_clear_pointer(&self->network, cbigan_network_free);
  g_clear_pointer(&self->planes, g_free);
  g_clear_pointer(&self->logits, g_free);
  g_clear_pointer(&self->cells.values, g_free);
}

void
cbigan_inspection_free(CbiganInspection *self)
{
  if (!self)
    return;
  close_network(self);
  cbigan_good_light_clear(&self->light);
  cbigan_backend_free(self->backend, self->parameters);
  g_free(self);
}

void
cbigan_inspection_load(CbiganInspection *self)
{
  cbigan_backend_upload(self->backend, (CbiganShape){ (int)self->n_floats, 1, 1 }, 1, self->inspector->parameters,
                        self->parameters);
  if (self->forward)
    cbigan_forward_load(self->forward);
}

static gboolean
open_network(CbiganInspection *self, int w, int h, GError **error)
{
  if (self->forward && self->w == w && self->h == h)
    return TRUE;
  close_network(self);
  self->network = cbigan_inspector_network(self->inspector, w, h);
  self->forward =
      cbigan_forward_new(self->backend, self->network, self->network->n_layers, 1, NULL, self->parameters, error);
  self->w = w;
  self->h = h;
  gsize cells = cbigan_shape_size(self->network->values[self->network->output].shape);
  self->planes = g_new(float, cbigan_shape_size(self->network->values[0].shape));
  self->logits = g_new(float, cells);
  self->cells.values = g_new(float, cells);
  return self->forward != NULL;
}

/* Fills the cells from the logits of a window that begins at (left, top). The first one begins at (0, 0) and fills all;
 * a later one fills those that reach beyond the first. */
static void
take_logits(CbiganInspection *self, int left, int top)
{
  const CbiganInspector *inspector = self->inspector;
  const CbiganShape window = self->network->values[self->network->output].shape;
  const int cell = CBIGAN_INSPECTOR_CELL;
  for (int row = 0; row < self->cells.h; row++)
    for (int column = 0; column < self->cells.w; column++) {
      if ((left || top) && column < window.w && row < window.h)
        continue;
      const int u = CLAMP((column * cell + cell / 2 - left) / cell, 0, window.w - 1);
      const int v = CLAMP((row * cell + cell / 2 - top) / cell, 0, window.h - 1);
      const int i = v * window.w + u;
      self->cells.values[row * self->cells.w + column] =
          inspector->level ? (self->logits[i] - inspector->level[i]) / inspector->spread[i] : self->logits[i];
    }
}

/* Runs the network on the window of the planes (n, h, w) that begins at (left, top) -> self->logits */
static gboolean
run_window(CbiganInspection *self, const float *planes, int w, int h, int left, int top, GError **error)
{
  const CbiganShape image = self->network->values[0].shape;
  for (int plane = 0; plane < image.c; plane++)
    for (int row = 0; row < image.h; row++)
      memcpy(self->planes + ((gsize)plane * (gsize)image.h + (gsize)row) * (gsize)image.w,
             planes + ((gsize)plane * (gsize)h + (gsize)(top + row)) * (gsize)w + left, (gsize)image.w * sizeof(float));
  cbigan_backend_upload(self->backend, image, 1, self->planes, self->forward->values[0]);
  cbigan_forward_run(self->forward);
  cbigan_backend_download(self->backend, self->network->values[self->network->output].shape, 1,
                          self->forward->values[self->network->output], self->logits);
  return cbigan_backend_finish(self->backend, error);
}

const CbiganCells *
cbigan_inspection_picture(CbiganInspection *self, const CbiganExposure *exposure, const float *x, int w, int h,
                          GError **error)
{
  const CbiganInspector *inspector = self->inspector;
  const int window_w = w / CBIGAN_INSPECTOR_STEP * CBIGAN_INSPECTOR_STEP;
  const int window_h = h / CBIGAN_INSPECTOR_STEP * CBIGAN_INSPECTOR_STEP;
  if (!open_network(self, window_w, window_h, error))
    return NULL;
  g_autofree float *planes = g_new(float, (gsize)self->network->values[0].shape.c *(gsize)w *(gsize)h);
  if (inspector->w)
    cbigan_object_planes(x, w, h, inspector->mean, inspector->deviation, inspector->w, inspector->h, 0, 0, planes);
  else
    cbigan_surface_planes(exposure, x, w, h, planes);
  self->cells.w = (w + CBIGAN_INSPECTOR_CELL - 1) / CBIGAN_INSPECTOR_CELL;
  self->cells.h = (h + CBIGAN_INSPECTOR_CELL - 1) / CBIGAN_INSPECTOR_CELL;
  g_free(self->cells.values);
  self->cells.values = g_new(float, (gsize)self->cells.w *(gsize)self->cells.h);
  if (!run_window(self, planes, w, h, 0, 0, error))
    return NULL;
  take_logits(self, 0, 0);
  if (window_w == w && window_h == h)
    return &self->cells;
  if (!run_window(self, planes, w, h, w - window_w, h - window_h, error))
    return NULL;
  take_logits(self, w - window_w, h - window_h);
  return &self->cells;
}

static gboolean
check_frame(const CbiganInspector *inspector, const CbiganFrame *frame, GError **error)
{
  const int w = inspector->pose.frame_w ? inspector->pose.frame_w : inspector->w;
  const int h = inspector->pose.frame_h ? inspector->pose.frame_h : inspector->h;
  if (!frame->on_device && (!w || (frame->width == w && frame->height == h)))
    return TRUE;
  g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_FRAME,
              _("the frame has %d x %d pixels%s; the inspector expects %d x %d in the host's memory"), frame->width,
              frame->height, frame->on_device ? _(" in the device's memory") : "", w, h);
  return FALSE;
}

/* A frame as the network sees it. */
static const CbiganCells *
inspect(CbiganInspection *self, const CbiganFrame *frame, GError **error)
{
  const CbiganInspector *inspector = self->inspector;
  const int w = MAX(frame->width, CBIGAN_INSPECTOR_STEP), h = MAX(frame->height, CBIGAN_INSPECTOR_STEP);
  CbiganExposure exposure;
  if (inspector->w)
    cbigan_exposure_object(&exposure, frame, &self->light);
  else
    cbigan_exposure_surface(&exposure, frame);
  g_autofree float *x = g_new(float, (gsize)3 * (gsize)w * (gsize)h);
  cbigan_exposure_cut(&exposure, frame, 0, 0, w, h, x);
  return cbigan_inspection_picture(self, &exposure, x, w, h, error);
}

const CbiganCells *
cbigan_inspection_frame(CbiganInspection *self, const CbiganFrame *frame, GError **error)
{
  const CbiganPose *pose = &self->inspector->pose;
  if (!check_frame(self->inspector, frame, error))
    return NULL;
  if (!pose->frame_w)
    return inspect(self, frame, error);
  g_autofree guint8 *pixels = g_new(guint8, 3 * (gsize)pose->w * (gsize)pose->h);
  const CbiganFrame upright = { .data = pixels, .width = pose->w, .height = pose->h, .stride = 3 * (gsize)pose->w };
  self->placement = cbigan_pose_find(pose, frame);
  cbigan_pose_cut(pose, &self->placement, frame, pixels);
  return inspect(self, &upright, error);
}

/* --- one value per picture -------------------------------------------------------------------------------------- */

static float *
blurred(const CbiganCells *cells)
{
  const gsize n = (gsize)cells->w * (gsize)cells->h;
  float *x = g_memdup2(cells->values, n * sizeof(float));
  cbigan_blur(x, cells->w, cells->h, BLUR);
  return x;
}

static int
descending(gconstpointer a, gconstpointer b)
{
  float x = *(const float *)a, y = *(const float *)b;
  return (x < y) - (x > y);
}

static double
mean_of_top(const CbiganCells *cells)
{
  const gsize n = (gsize)cells->w * (gsize)cells->h, top = CLAMP(n / TOP_SHARE, MIN(FEWEST_TOP, n), n);
  g_autofree float *x = g_memdup2(cells->values, n * sizeof(float));
  double sum = 0.0;
  qsort(x, n, sizeof(float), descending);
  for (gsize i = 0; i < top; i++)
    sum += x[i];
  return sum / (double)top;
}

double
cbigan_cells_summary(const CbiganCells *cells, CbiganSummary summary)
{
  if (summary == CBIGAN_SUMMARY_TOP)
    return mean_of_top(cells);
  g_autofree float *x = blurred(cells);
  float peak = x[0];
  for (gsize i = 1; i < (gsize)cells->w * (gsize)cells->h; i++)
    peak = MAX(peak, x[i]);
  return peak;
}

double
cbigan_softplus(double value)
{
  return log1p(exp(-fabs(value))) + MAX(value, 0.0);
}

double
cbigan_softplus_inverse(double score)
{
  return score > 30.0 ? score : log(expm1(score));
}

static void
draw_cells(const CbiganCells *cells, int w, int h, float *map)
{
  g_autofree float *x = blurred(cells);
  for (gsize i = 0; i < (gsize)cells->w * (gsize)cells->h; i++)
    x[i] = (float)cbigan_softplus(x[i]);
  for (int row = 0; row < h; row++) {
    float v = CLAMP(((float)row + 0.5f) / CBIGAN_INSPECTOR_CELL - 0.5f, 0.0f, (float)(cells->h - 1));
    const float *above = x + (gsize)((int)v * cells->w), *below = (int)v < cells->h - 1 ? above + cells->w : above;
    for (int column = 0; column < w; column++) {
      float u = CLAMP(((float)column + 0.5f) / CBIGAN_INSPECTOR_CELL - 0.5f, 0.0f, (float)(cells->w - 1));
      int before = (int)u, after = MIN(before + 1, cells->w - 1);
      float upper = above[before] + (u - (float)before) * (above[after] - above[before]);
      float lower = below[before] + (u - (float)before) * (below[after] - below[before]);
      map[(gsize)row * (gsize)w + (gsize)column] = upper + (v - floorf(v)) * (lower - upper);
    }
  }
}

void
cbigan_inspection_draw(const CbiganInspection *self, int w, int h, float *map)
{
  const CbiganPose *pose = &self->inspector->pose;
  if (!pose->frame_w) {
    draw_cells(&self->cells, w, h, map);
    return;
  }
  g_autofree float *upright = g_new(float, (gsize)pose->w *(gsize)pose->h);
  draw_cells(&self->cells, pose->w, pose->h, upright);
  cbigan_pose_lay_back(pose, &self->placement, upright, map);
}
