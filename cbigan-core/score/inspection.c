/* inspection.c - runs an inspector: a value per cell and a value per picture
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "inspection.h"

#include <math.h>
#include <string.h>

#include "blur.h"
#include "coarse.h"
#include "forward/forward.h"
#include "i18n.h"
#include "pose.h"

#define BLUR 1.0      /* cells */
#define TOP_SHARE 100 /* one cell of so many is among the largest */
#define FEWEST_TOP 4

/* The network for a window of w x h pixels. */
typedef struct {
  int w, h;
  CbiganNetwork *network; /* NULL: not opened yet */
  CbiganForward *forward;
} Window;

/* Where a picture's sides are no multiples of CBIGAN_INSPECTOR_STEP, the first window lacks its last columns or rows.
 * Their cells come from strips along the right and the lower border. */
enum { WHOLE, RIGHT, BOTTOM, N_WINDOWS };

struct _CbiganInspection {
  const CbiganInspector *inspector;
  CbiganBackend *backend;
  CbiganGoodLight light; /* objects */
  gsize n_floats;
  float *parameters; /* backend memory */
  Window windows[N_WINDOWS];
  int w, h;      /* of the last picture; 0 before the first */
  float *x;      /* (3, h, w): its logarithms */
  float *planes; /* (planes, h, w) */
  float *cut;    /* (planes, h, w of a window), where it is not the picture */
  float *logits; /* (h / 4, w / 4) */
  CbiganCells cells;
  CbiganPlacement placement; /* of the part in the last frame, where it is turned upright */
  const guint8 *unmasked;    /* (h, w) of frames; NULL = no pixel is ignored */
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
close_window(Window *window)
{
  g_clear_pointer(&window->forward, cbigan_forward_free);
  g_clear_pointer(&window->network, cbigan_network_free);
}

static void
free_picture(CbiganInspection *self)
{
  g_clear_pointer(&self->x, g_free);
  g_clear_pointer(&self->planes, g_free);
  g_clear_pointer(&self->cut, g_free);
  g_clear_pointer(&self->logits, g_free);
  g_clear_pointer(&self->cells.values, g_free);
}

void
cbigan_inspection_free(CbiganInspection *self)
{
  if (!self)
    return;
  for (int i = 0; i < N_WINDOWS; i++)
    close_window(&self->windows[i]);
  free_picture(self);
  cbigan_good_light_clear(&self->light);
  cbigan_backend_free(self->backend, self->parameters);
  g_free(self);
}

void
cbigan_inspection_set_mask(CbiganInspection *self, const guint8 *unmasked)
{
  self->unmasked = unmasked;
}

void
cbigan_inspection_load(CbiganInspection *self)
{
  cbigan_backend_upload(self->backend, (CbiganShape){ (int)self->n_floats, 1, 1 }, 1, self->inspector->parameters,
                        self->parameters);
  for (int i = 0; i < N_WINDOWS; i++)
    if (self->windows[i].forward)
      cbigan_forward_load(self->windows[i].forward);
}

/* Memory for a picture of w x h pixels. */
static void
make_room(CbiganInspection *self, int w, int h)
{
  const gsize n = (gsize)w * (gsize)h, planes = (gsize)cbigan_inspector_planes(self->inspector);
  if (self->w == w && self->h == h)
    return;
  free_picture(self);
  self->w = w;
  self->h = h;
  self->x = g_new(float, 3 * n);
  self->planes = g_new(float, planes *n);
  self->cut = w % CBIGAN_INSPECTOR_STEP || h % CBIGAN_INSPECTOR_STEP ? g_new(float, planes *n) : NULL;
  self->cells.w = (w + CBIGAN_INSPECTOR_CELL - 1) / CBIGAN_INSPECTOR_CELL;
  self->cells.h = (h + CBIGAN_INSPECTOR_CELL - 1) / CBIGAN_INSPECTOR_CELL;
  self->cells.values = g_new(float, (gsize)self->cells.w *(gsize)self->cells.h);
  self->logits = g_new(float, (gsize)self->cells.w *(gsize)self->cells.h);
}

static gboolean
open_window(CbiganInspection *self, Window *window, int w, int h, GError **error)
{
  if (window->forward && window->w == w && window->h == h)
    return TRUE;
  close_window(window);
  window->w = w;
  window->h = h;
  window->network = cbigan_inspector_network(self->inspector, w, h);
  window->forward =
      cbigan_forward_new(self->backend, window->network, window->network->n_layers, 1, NULL, self->parameters, error);
  return window->forward != NULL;
}

/* --- windows ---------------------------------------------------------------------------------------------------- */

typedef struct {
  const CbiganInspection *self;
  CbiganShape image;
  int left, top;
} Cut;

static void
cut_rows(gpointer data, int first, int end) /* of all planes */
{
  const Cut *cut = data;
  const CbiganInspection *self = cut->self;
  const CbiganShape image = cut->image;
  for (int row = first; row < end; row++) {
    const gsize from = (gsize)(row / image.h * self->h + cut->top + row % image.h);
    memcpy(self->cut + (gsize)row * (gsize)image.w, self->planes + from * (gsize)self->w + cut->left,
           (gsize)image.w * sizeof(float));
  }
}

/* Runs the network on the window of w x h pixels of the planes that begins at (left, top) -> self->logits */
static gboolean
run_window(CbiganInspection *self, Window *window, int left, int top, int w, int h, GError **error)
{
  if (!open_window(self, window, w, h, error))
    return FALSE;
  const CbiganShape image = window->network->values[0].shape;
  const gboolean whole = w == self->w && h == self->h;
  if (!whole)
    cbigan_backend_each(self->backend, image.c * h, cbigan_shape_size(image), cut_rows,
                        &(Cut){ self, image, left, top });
  cbigan_backend_upload(self->backend, image, 1, whole ? self->planes : self->cut, window->forward->values[0]);
  cbigan_forward_run(window->forward);
  cbigan_backend_download(self->backend, window->network->values[window->network->output].shape, 1,
                          window->forward->values[window->network->output], self->logits);
  return cbigan_backend_finish(self->backend, error);
}

/* Fills the cells of columns [first_column, end_column) and rows [first_row, end_row) from the logits of a window. */
typedef struct {
  int left, top, w, h; /* the window, in pixels */
  int first_column, end_column, first_row, end_row;
} Part;

static void
take_logits(CbiganInspection *self, const Part *part)
{
  const CbiganInspector *inspector = self->inspector;
  const int cell = CBIGAN_INSPECTOR_CELL, across = part->w / cell, down = part->h / cell;
  for (int row = part->first_row; row < part->end_row; row++)
    for (int column = part->first_column; column < part->end_column; column++) {
      const int u = CLAMP((column * cell + cell / 2 - part->left) / cell, 0, across - 1);
      const int v = CLAMP((row * cell + cell / 2 - part->top) / cell, 0, down - 1);
      const int i = v * across + u;
      self->cells.values[row * self->cells.w + column] =
          inspector->level ? (self->logits[i] - inspector->level[i]) / inspector->spread[i] : self->logits[i];
    }
}

/* Pixels of a strip that its last CBIGAN_INSPECTOR_STEP - 1 pixels' cells depend on, of a window's side: 66 before a
 * cell. As many more as keep the convolutions' tiles where a window of the whole length has them. */
static int
strip(int side)
{
  return MIN(side, 96 + (side - 96) % 32);
}

static gboolean
run_part(CbiganInspection *self, Window *window, Part part, GError **error)
{
  if (part.first_column == part.end_column || part.first_row == part.end_row)
    return TRUE;
  if (!run_window(self, window, part.left, part.top, part.w, part.h, error))
    return FALSE;
  take_logits(self, &part);
  return TRUE;
}

/* The cells of self->planes */
static const CbiganCells *
find_cells(CbiganInspection *self, GError **error)
{
  const int w = self->w / CBIGAN_INSPECTOR_STEP * CBIGAN_INSPECTOR_STEP;
  const int h = self->h / CBIGAN_INSPECTOR_STEP * CBIGAN_INSPECTOR_STEP;
  const int columns = w / CBIGAN_INSPECTOR_CELL, rows = h / CBIGAN_INSPECTOR_CELL, right = strip(w), bottom = strip(h);
  const Part parts[N_WINDOWS] = {
    [WHOLE] = { 0, 0, w, h, 0, columns, 0, rows },
    [RIGHT] = { self->w - right, self->h - h, right, h, columns, self->cells.w, 0, self->cells.h },
    [BOTTOM] = { self->w - w, self->h - bottom, w, bottom, 0, columns, rows, self->cells.h },
  };
  for (int i = 0; i < N_WINDOWS; i++)
    if (!run_part(self, &self->windows[i], parts[i], error))
      return NULL;
  return &self->cells;
}

/* x (3, h, w) with ignored pixels as in the mean good picture (transfer full). NULL: x stays as it is. A part that is
 * turned upright has no such pixels of its own. */
static float *
use_mean(const CbiganInspection *self, const float *x, int w, int h)
{
  const CbiganInspector *inspector = self->inspector;
  const gsize n = (gsize)w * (gsize)h;
  if (!self->unmasked || !inspector->w || inspector->pose.frame_w)
    return NULL;
  float *usual = g_memdup2(x, 3 * n * sizeof(float));
  for (gsize i = 0; i < 3 * n; i++)
    if (!self->unmasked[i % n])
      usual[i] = inspector->mean[i];
  return usual;
}

/* self->planes from logarithms x */
static const CbiganCells *
inspect_logarithms(CbiganInspection *self, const CbiganExposure *exposure, const float *x, GError **error)
{
  const CbiganInspector *inspector = self->inspector;
  g_autofree float *usual = use_mean(self, x, self->w, self->h);
  if (inspector->w)
    cbigan_object_planes(usual ? usual : x, self->w, self->h, inspector->mean, inspector->deviation, inspector->w,
                         inspector->h, 0, 0, self->planes);
  else
    cbigan_surface_planes(exposure, x, self->w, self->h, self->backend, self->planes);
  return find_cells(self, error);
}

const CbiganCells *
cbigan_inspection_picture(CbiganInspection *self, const CbiganExposure *exposure, const float *x, int w, int h,
                          GError **error)
{
  make_room(self, w, h);
  return inspect_logarithms(self, exposure, x, error);
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
  make_room(self, w, h);
  if (inspector->w)
    cbigan_exposure_object(&exposure, frame, &self->light);
  else /* a scratch of 3 planes of the frame's size: those of the picture are as large or larger */
    cbigan_exposure_surface(&exposure, frame, self->backend, self->planes);
  cbigan_exposure_cut_by(self->backend, &exposure, frame, 0, 0, w, h, self->x);
  return inspect_logarithms(self, &exposure, self->x, error);
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

/* Blurred by one cell; of those that count, the mean of the counting cells around them. */
static float *
blurred(const CbiganCells *cells)
{
  const gsize n = (gsize)cells->w * (gsize)cells->h;
  float *x = g_memdup2(cells->values, n * sizeof(float));
  if (!cells->counts) {
    cbigan_blur(x, cells->w, cells->h, BLUR);
    return x;
  }
  g_autofree float *weights = g_new(float, n);
  for (gsize i = 0; i < n; i++) {
    weights[i] = cells->counts[i];
    x[i] *= weights[i];
  }
  cbigan_blur(x, cells->w, cells->h, BLUR);
  cbigan_blur(weights, cells->w, cells->h, BLUR);
  for (gsize i = 0; i < n; i++)
    x[i] = cells->counts[i] ? x[i] / weights[i] : -G_MAXFLOAT;
  return x;
}

static int
descending(gconstpointer a, gconstpointer b)
{
  float x = *(const float *)a, y = *(const float *)b;
  return (x < y) - (x > y);
}

static int
ascending(gconstpointer a, gconstpointer b)
{
  return descending(b, a);
}

/* heap (n): each number is at most its two successors', but for the first one, which sinks to its place. */
static void
sink(float *heap, gsize n)
{
  const float value = heap[0];
  gsize at = 0;
  for (gsize next; (next = 2 * at + 1) < n; at = next) {
    next += next + 1 < n && heap[next + 1] < heap[next];
    if (value <= heap[next])
      break;
    heap[at] = heap[next];
  }
  heap[at] = value;
}

/* Keeps the largest numbers in a heap, so that nearly all others cost one comparison. */
static double
mean_of_top(const CbiganCells *cells)
{
  const gsize all = (gsize)cells->w * (gsize)cells->h;
  g_autofree float *counting = cells->counts ? g_new(float, all) : NULL;
  const float *values = counting ? counting : cells->values;
  gsize n = counting ? 0 : all;
  for (gsize i = 0; counting && i < all; i++)
    if (cells->counts[i])
      counting[n++] = cells->values[i];
  if (!n)
    return (double)-G_MAXFLOAT;
  const gsize top = CLAMP(n / TOP_SHARE, MIN(FEWEST_TOP, n), n);
  g_autofree float *x = g_memdup2(values, top * sizeof(float));
  double sum = 0.0;
  qsort(x, top, sizeof(float), ascending); /* which is a heap */
  for (gsize i = top; i < n; i++)
    if (values[i] > x[0]) {
      x[0] = values[i];
      sink(x, top);
    }
  qsort(x, top, sizeof(float), descending);
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

typedef struct {
  const CbiganCoarse *coarse;
  float *map; /* (h, w) */
} Drawing;

static void
draw_rows(gpointer data, int first, int end)
{
  const Drawing *drawing = data;
  const gsize w = (gsize)drawing->coarse->w;
  g_auto(CbiganEnlarger) enlarger;
  cbigan_enlarger_init(&enlarger, drawing->coarse);
  for (int row = first; row < end; row++)
    memcpy(drawing->map + (gsize)row * w, cbigan_enlarger_row(&enlarger, row), w * sizeof(float));
}

static void
draw_cells(CbiganBackend *backend, const CbiganCells *cells, int w, int h, float *map)
{
  g_autofree float *x = blurred(cells);
  for (gsize i = 0; i < (gsize)cells->w * (gsize)cells->h; i++)
    x[i] = (float)cbigan_softplus(x[i]);
  const CbiganCoarse coarse = { w, h, CBIGAN_INSPECTOR_CELL, cells->w, cells->h, x };
  cbigan_backend_each(backend, h, (gsize)w * (gsize)h, draw_rows, &(Drawing){ &coarse, map });
}

void
cbigan_inspection_draw(const CbiganInspection *self, const guint8 *counts, int w, int h, float *map)
{
  const CbiganPose *pose = &self->inspector->pose;
  CbiganCells cells = self->cells;
  cells.counts = counts;
  if (!pose->frame_w) {
    draw_cells(self->backend, &cells, w, h, map);
    return;
  }
  g_autofree float *upright = g_new(float, (gsize)pose->w *(gsize)pose->h);
  draw_cells(self->backend, &cells, pose->w, pose->h, upright);
  cbigan_pose_lay_back(pose, &self->placement, upright, map);
}

guint8 *
cbigan_inspection_count(const CbiganInspection *self, const guint8 *counts, int w, int h)
{
  const CbiganPose *pose = &self->inspector->pose;
  const CbiganCells *cells = &self->cells;
  g_autofree guint8 *upright = pose->frame_w ? cbigan_pose_cut_counts(pose, &self->placement, counts) : NULL;
  guint8 *found = g_new0(guint8, (gsize)cells->w * (gsize)cells->h);
  if (upright) {
    counts = upright;
    w = pose->w;
    h = pose->h;
  }
  for (int y = 0; y < h; y++)
    for (int x = 0; x < w; x++)
      if (counts[(gsize)y * (gsize)w + (gsize)x])
        found[y / CBIGAN_INSPECTOR_CELL * cells->w + x / CBIGAN_INSPECTOR_CELL] = 1;
  return found;
}
