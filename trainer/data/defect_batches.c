/* defect_batches.c - crops of good pictures with synthetic defects, prepared ahead by a thread
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "defect_batches.h"

#include <math.h>
#include <string.h>

#include "model/error.h"
#include "model/model.h"
#include "score/inspector/surface.h"

#define AHEAD 4     /* batches */
#define MAKING 32   /* floats per pixel while a crop is made: the crop, its defects and what they are made of */
#define CLEAN 0.4   /* share of crops without a defect */
#define TWO 0.3     /* share of the others with a second one */
#define ON_PART 0.8 /* share of defects that lie on the part */
#define SHIFT 2     /* pixels by which an object may lie beside the mean good picture */
#define NOISE 0.01f /* standard deviation of each pixel's noise */
#define LIGHT 0.03f /* amplitude of smooth light, in half of an object's crops */
#define SURFACE_SCALE 200.0

struct _CbiganDefectBatches {
  CbiganDefectBatchOptions options;
  int planes;
  CbiganDefectBatch batches[AHEAD];
  GAsyncQueue *empty, *ready;
  GThread *thread;
  guint64 next;
  CbiganDefectBatch *lent;
  float *good, *source, *picture; /* the thread's: (3, side, side) each */
  float *inside, *changed;        /* the thread's: (side, side) each */
  double waited;
};

static CbiganDefectBatch stop; /* ends the thread */

double
cbigan_defect_scale(const CbiganGoodPictures *good)
{
  return good->w ? sqrt((double)good->w * good->h) : SURFACE_SCALE;
}

void
cbigan_defect_place(const CbiganGoodPictures *good, CbiganDice *dice, int w, int h, int *x, int *y)
{
  *x = cbigan_dice_below(dice, w);
  *y = cbigan_dice_below(dice, h);
  if (!good->n_places || cbigan_dice_uniform(dice, 0.0, 1.0) >= ON_PART)
    return;
  int place = good->places[cbigan_dice_below(dice, (int)good->n_places)];
  *x = place % good->w;
  *y = place / good->w;
}

/* Sums of four uniform numbers are nearly normal. */
static void
add_noise(CbiganDice *dice, gsize n, float *x)
{
  const guint64 key = cbigan_random_mix(dice->key + ++dice->index);
  const float scale = NOISE * 1.7320508f / 65536.0f;
  for (gsize i = 0; i < n; i++) {
    guint64 bits = cbigan_random_bits(key, i);
    float sum = (float)((bits & 0xffff) + (bits >> 16 & 0xffff) + (bits >> 32 & 0xffff) + (bits >> 48));
    x[i] += scale * (sum - 131070.0f);
  }
}

static void
mirror_rows(float *x, int w, int rows)
{
  for (int row = 0; row < rows; row++, x += w)
    for (int i = 0; i < w / 2; i++) {
      float other = x[w - 1 - i];
      x[w - 1 - i] = x[i];
      x[i] = other;
    }
}

/* A crop's place: the point (x, y) lies well inside it. */
static void
choose_window(CbiganDice *dice, int x, int y, int side, int w, int h, int *left, int *top)
{
  *left = cbigan_clamp(x - side / 8 - cbigan_dice_below(dice, side * 3 / 4), 0, w - side);
  *top = cbigan_clamp(y - side / 8 - cbigan_dice_below(dice, side * 3 / 4), 0, h - side);
}

/* One or two defects into self->picture, the first about (x, y). */
static void
add_defects(CbiganDefectBatches *self, CbiganDice *dice, int x, int y)
{
  const int side = self->options.side, n = cbigan_dice_uniform(dice, 0.0, 1.0) < TWO ? 2 : 1;
  const CbiganDefectPlace place = { .w = side,
                                    .h = side,
                                    .scale = cbigan_defect_scale(self->options.good),
                                    .surface = self->options.good->w == 0,
                                    .grey = self->options.good->grey,
                                    .source = self->source,
                                    .x = self->picture,
                                    .inside = self->inside };
  for (int i = 0; i < n; i++) {
    int cx = i ? cbigan_dice_below(dice, side) : x, cy = i ? cbigan_dice_below(dice, side) : y;
    const CbiganDefectKind kind = cbigan_defect_draw(dice, place.surface);
    cbigan_defect_apply(kind, dice, cbigan_clamp(cx, 2, side - 3), cbigan_clamp(cy, 2, side - 3), &place);
  }
}

/* An object's crop -> self->good, self->source; (left, top): its place in the mean good picture; (x, y): in the crop */
static void
cut_object(CbiganDefectBatches *self, CbiganDice *dice, int *left, int *top, int *x, int *y)
{
  const CbiganGoodPictures *g = self->options.good;
  const int side = self->options.side, which = cbigan_dice_below(dice, (int)g->n);
  const int other = cbigan_dice_below(dice, (int)g->n);
  cbigan_defect_place(g, dice, g->w, g->h, x, y);
  choose_window(dice, *x, *y, side, g->w, g->h, left, top);
  *x -= *left;
  *y -= *top;
  const int moved_left = cbigan_clamp(*left + cbigan_dice_below(dice, 2 * SHIFT + 1) - SHIFT, 0, g->w - side);
  const int moved_top = cbigan_clamp(*top + cbigan_dice_below(dice, 2 * SHIFT + 1) - SHIFT, 0, g->h - side);
  const CbiganFrame frame = cbigan_picture_frame(g->pictures[which]);
  const CbiganFrame from = cbigan_picture_frame(g->pictures[other]);
  cbigan_exposure_cut(&g->exposures[which], &frame, moved_left, moved_top, side, side, self->good);
  cbigan_exposure_cut(&g->exposures[other], &from, moved_left, moved_top, side, side, self->source);
  if (cbigan_dice_uniform(dice, 0.0, 1.0) < 0.5) {
    const gsize plane = (gsize)side * (gsize)side;
    g_autofree float *light = g_new0(float, plane);
    cbigan_smooth_noise(dice, side, side, side / 2.0, LIGHT, light);
    for (gsize i = 0; i < 3 * plane; i++)
      self->good[i] += light[i % plane];
  }
}

/* Where a crop of `side` begins in `length` pixels: drawn from a longer range, then moved inside. Crops that end at the
 * border are otherwise rare, and a network that has hardly seen borders takes them for defects. */
static int
choose_start(CbiganDice *dice, int length, int side)
{
  const int beyond = side / 2;
  return cbigan_clamp(cbigan_dice_below(dice, length - side + 1 + 2 * beyond) - beyond, 0, length - side);
}

static void
cut_anywhere(CbiganDefectBatches *self, CbiganDice *dice, guint which, float *x)
{
  const CbiganGoodPictures *g = self->options.good;
  const CbiganFrame frame = cbigan_picture_frame(g->pictures[which]);
  const int side = self->options.side;
  const int left = choose_start(dice, frame.width, side), top = choose_start(dice, frame.height, side);
  cbigan_exposure_cut(&g->exposures[which], &frame, left, top, side, side, x);
}

/* A surface's crop -> self->good, self->source. Returns whose exposure counts. */
static guint
cut_surface(CbiganDefectBatches *self, CbiganDice *dice)
{
  const CbiganGoodPictures *g = self->options.good;
  const int side = self->options.side;
  const guint which = (guint)cbigan_dice_below(dice, (int)g->n);
  cut_anywhere(self, dice, which, self->good);
  cut_anywhere(self, dice, (guint)cbigan_dice_below(dice, (int)g->n), self->source);
  if (cbigan_dice_uniform(dice, 0.0, 1.0) < 0.5)
    mirror_rows(self->good, side, 3 * side);
  if (cbigan_dice_uniform(dice, 0.0, 1.0) < 0.5)
    for (int channel = 0; channel < 3; channel++) { /* top to bottom: all numbers backwards, then rows again */
      float *plane = self->good + (gsize)channel * (gsize)side * (gsize)side;
      mirror_rows(plane, side * side, 1);
      mirror_rows(plane, side, side);
    }
  return which;
}

static void
fill_crop(CbiganDefectBatches *self, CbiganDice *dice, float *planes, float *covered)
{
  const CbiganGoodPictures *g = self->options.good;
  const int side = self->options.side;
  const gsize n = 3 * (gsize)side * (gsize)side;
  int left = 0, top = 0, x = cbigan_dice_below(dice, side), y = cbigan_dice_below(dice, side);
  guint which = 0;
  if (g->w)
    cut_object(self, dice, &left, &top, &x, &y);
  else
    which = cut_surface(self, dice);
  memcpy(self->picture, self->good, n * sizeof(float));
  memset(self->inside, 0, n / 3 * sizeof(float));
  if (cbigan_dice_uniform(dice, 0.0, 1.0) >= CLEAN)
    add_defects(self, dice, x, y);
  if (g->grey)
    cbigan_make_grey(self->picture, n / 3);
  cbigan_defect_mask(self->good, self->picture, self->inside, side, side, self->changed);
  cbigan_defect_cells(self->changed, side, side, CBIGAN_INSPECTOR_CELL, covered);
  add_noise(dice, n, self->picture);
  if (g->grey) /* noise has no colours either; the mean of three has less, so the first channel's counts */
    for (int channel = 1; channel < 3; channel++)
      memcpy(self->picture + (gsize)channel * (n / 3), self->picture, n / 3 * sizeof(float));
  if (g->w)
    cbigan_object_planes(self->picture, side, side, g->mean, g->deviation, g->w, g->h, left, top, planes);
  else
    cbigan_surface_planes(&g->exposures[which], self->picture, side, side, NULL, planes);
}

static void
fill(CbiganDefectBatches *self, guint64 number, CbiganDefectBatch *batch)
{
  const int side = self->options.side, cells = side / CBIGAN_INSPECTOR_CELL;
  for (int i = 0; i < self->options.batch; i++) {
    guint64 draw = number * (guint64)self->options.whole + (guint64)(self->options.first + i);
    CbiganDice dice = { .key = cbigan_random_key(self->options.seed, CBIGAN_RANDOM_DEFECTS, draw) };
    fill_crop(self, &dice, batch->x + (gsize)i * (gsize)(self->planes * side * side),
              batch->covered + (gsize)i * (gsize)(cells * cells));
  }
}

static gpointer
work(gpointer data)
{
  CbiganDefectBatches *self = data;
  CbiganDefectBatch *batch;
  while ((batch = g_async_queue_pop(self->empty)) != &stop) {
    fill(self, self->next++, batch);
    g_async_queue_push(self->ready, batch);
  }
  return NULL;
}

CbiganDefectBatches *
cbigan_defect_batches_new(const CbiganDefectBatchOptions *options, guint64 first, GError **error)
{
  const gsize pixels = (gsize)options->side * (gsize)options->side, n = (gsize)options->batch;
  const gsize planes = options->good->w ? CBIGAN_OBJECT_PLANES : CBIGAN_SURFACE_PLANES;
  if (!cbigan_try_room((MAKING + AHEAD * n * (planes + 1)) * pixels, sizeof(float), error))
    return NULL;
  g_autoptr(CbiganDefectBatches) self = g_new0(CbiganDefectBatches, 1);
  self->options = *options;
  if (!options->whole)
    self->options.whole = options->batch;
  self->planes = (int)planes;
  self->next = first;
  self->good = g_new(float, 3 * pixels);
  self->source = g_new(float, 3 * pixels);
  self->picture = g_new(float, 3 * pixels);
  self->inside = g_new(float, pixels);
  self->changed = g_new(float, pixels);
  self->empty = g_async_queue_new();
  self->ready = g_async_queue_new();
  for (int i = 0; i < AHEAD; i++) {
    self->batches[i].x = g_new(float, n *(gsize)self->planes *pixels);
    self->batches[i].covered = g_new(float, n *pixels / (CBIGAN_INSPECTOR_CELL * CBIGAN_INSPECTOR_CELL));
    g_async_queue_push(self->empty, &self->batches[i]);
  }
  self->thread = g_thread_try_new("defects", work, self, error);
  return self->thread ? g_steal_pointer(&self) : NULL;
}

void
cbigan_defect_batches_free(CbiganDefectBatches *self)
{
  if (!self)
    return;
  if (self->thread) {
    g_async_queue_push_front(self->empty, &stop);
    g_thread_join(self->thread);
  }
  g_async_queue_unref(self->empty);
  g_async_queue_unref(self->ready);
  for (int i = 0; i < AHEAD; i++) {
    g_free(self->batches[i].x);
    g_free(self->batches[i].covered);
  }
  g_free(self->good);
  g_free(self->source);
  g_free(self->picture);
  g_free(self->inside);
  g_free(self->changed);
  g_free(self);
}

const CbiganDefectBatch *
cbigan_defect_batches_next(CbiganDefectBatches *self)
{
  if (self->lent)
    g_async_queue_push(self->empty, self->lent);
  gint64 before = g_get_monotonic_time();
  self->lent = g_async_queue_pop(self->ready);
  self->waited += (double)(g_get_monotonic_time() - before) * 1e-6;
  return self->lent;
}

double
cbigan_defect_batches_waited(const CbiganDefectBatches *self)
{
  return self->waited;
}
