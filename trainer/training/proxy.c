/* proxy.c - how well an inspector sees synthetic defects in good pictures that it was not trained on
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Pictures are made anew each time, the same ones, as they would take more memory than their maps. Of several
 * processes, each inspects the pictures that it owns. What they find is then shared, so all of them come to one result.
 */
#include "proxy.h"

#include <math.h>
#include <string.h>

#include "model/error.h"
#include "score/areas/areas.h"
#include "training/map_choice.h"
#include "training/map_statistics.h"
#include "training/ranks.h"

#define DEFECTS_WANTED 120 /* altogether, */
#define WANTED_ACROSS 400  /* likewise, where no network takes time */
#define LEAST_EACH 2       /* per picture, at least and */
#define MOST_EACH 10       /* at most */
#define MEASURED 40u       /* pictures of each kind that a measurement takes */
#define LARGEST_WINDOW 256 /* of a surface: width and height in pixels */
#define FOLDS 4            /* of pictures whose Gaussians come from the others */
#define FITTED 200u        /* training pictures that Gaussians are fitted to, at most */

struct _CbiganProxy {
  const CbiganGoodPictures *good;
  CbiganInspector *inspector;
  CbiganInspection *inspection;
  guint64 seed;
  guint each;         /* defective pictures per good one */
  float *x, *source;  /* (3, h, w) of the largest window */
  CbiganAreas *areas; /* what the mask leaves; NULL: everything counts */
  guint8 *counts;     /* of the cells of the last whole picture; of objects, all pictures' */
  CbiganCells cells;  /* the last whole picture's, with those that count */
};

/* The size that a picture is inspected at: an object's own, or the middle of a surface. The windows of surfaces are as
 * large as the pictures: the larger a good picture, the higher the largest value in its map. */
static void
find_window(const CbiganGoodPictures *good, guint picture, int *w, int *h)
{
  *w = good->w ? good->w : MIN(good->pictures[picture]->width, LARGEST_WINDOW);
  *h = good->w ? good->h : MIN(good->pictures[picture]->height, LARGEST_WINDOW);
}

static gboolean
set_mask(CbiganProxy *self, const CbiganMask *mask, GError **error)
{
  const guint n = self->good->n;
  g_autofree CbiganFrame *frames = g_new(CbiganFrame, n);
  for (guint i = 0; i < n; i++)
    frames[i] = cbigan_picture_frame(self->good->pictures[i]);
  return !mask || !mask->counts || cbigan_areas_for_frames(mask, frames, n, &self->areas, error);
}

CbiganProxy *
cbigan_proxy_new(const CbiganGoodPictures *held_out, CbiganInspector *inspector, const CbiganMask *mask,
                 CbiganBackend *backend, guint64 seed, GError **error)
{
  g_autoptr(CbiganProxy) self = g_new0(CbiganProxy, 1);
  *self = (CbiganProxy){ .good = held_out, .inspector = inspector, .seed = seed };
  self->each = CLAMP(DEFECTS_WANTED / held_out->n, LEAST_EACH, MOST_EACH);
  gsize n = 0;
  for (guint i = 0; i < held_out->n; i++) {
    int w, h;
    find_window(held_out, i, &w, &h);
    n = MAX(n, (gsize)3 * (gsize)w * (gsize)h);
  }
  if (!(self->x = cbigan_try_new(float, n, error)) || !(self->source = cbigan_try_new(float, n, error)))
    return NULL;
  self->inspection = cbigan_inspection_new(inspector, backend, NULL, error);
  return self->inspection && set_mask(self, mask, error) ? g_steal_pointer(&self) : NULL;
}

void
cbigan_proxy_free(CbiganProxy *self)
{
  if (!self)
    return;
  cbigan_inspection_free(self->inspection);
  cbigan_areas_free(self->areas);
  g_free(self->counts);
  g_free(self->x);
  g_free(self->source);
  g_free(self);
}

/* The middle of a picture -> x (3, h, w). Outside the picture it is mirrored. */
static void
cut(const CbiganProxy *self, guint picture, int w, int h, float *x)
{
  const CbiganFrame frame = cbigan_picture_frame(self->good->pictures[picture]);
  cbigan_exposure_cut(&self->good->exposures[picture], &frame, (frame.width - w) / 2, (frame.height - h) / 2, w, h, x);
}

/* Cells of x (3, h, w), a picture or a window of a surface. The mask says which pixels of whole pictures count. */
static const CbiganCells *
inspect_x(CbiganProxy *self, const CbiganExposure *exposure, const float *x, int w, int h, gboolean whole,
          GError **error)
{
  CbiganAreas *areas = whole ? self->areas : NULL;
  if (areas && !cbigan_areas_prepare(areas, w, h, error))
    return NULL;
  cbigan_inspection_set_mask(self->inspection, areas ? cbigan_areas_unmasked(areas) : NULL);
  const CbiganCells *found = cbigan_inspection_picture(self->inspection, exposure, x, w, h, error);
  if (!found || !areas)
    return found;
  if (!self->good->w)
    g_clear_pointer(&self->counts, g_free);
  if (!self->counts)
    self->counts = cbigan_inspection_count(self->inspection, cbigan_areas_counts(areas, 0), w, h);
  if (!self->counts) {
    cbigan_inspection_finish(self->inspection, error);
    return NULL;
  }
  self->cells = *found;
  self->cells.counts = self->counts;
  return &self->cells;
}

/* Cells of a held-out picture: variant 0 as it is, the others with a defect each. */
static const CbiganCells *
inspect(CbiganProxy *self, guint picture, guint variant, GError **error)
{
  /* BEND and ERASE are not trained with. A bent texture mostly looks good, so surfaces get bulges. */
  const CbiganDefectKind kinds[] = { CBIGAN_DEFECT_SCRATCH, self->good->w ? CBIGAN_DEFECT_BEND : CBIGAN_DEFECT_WARP,
                                     CBIGAN_DEFECT_BLOB, CBIGAN_DEFECT_ERASE, CBIGAN_DEFECT_PASTE };
  int w, h;
  find_window(self->good, picture, &w, &h);
  cut(self, picture, w, h, self->x);
  if (variant) {
    const guint64 draw = (G_GUINT64_CONSTANT(1) << 40) + picture * (MOST_EACH + 1) + variant;
    CbiganDice dice = { .key = cbigan_random_key(self->seed, CBIGAN_RANDOM_DEFECTS, draw) };
    int x, y;
    cut(self, (guint)cbigan_dice_below(&dice, (int)self->good->n), w, h, self->source);
    cbigan_defect_place(self->good, &dice, w, h, &x, &y);
    const CbiganDefectPlace place = { .w = w,
                                      .h = h,
                                      .scale = cbigan_defect_scale(self->good),
                                      .surface = self->good->w == 0,
                                      .grey = self->good->grey,
                                      .source = self->source,
                                      .x = self->x };
    cbigan_defect_apply(kinds[(picture * self->each + variant) % G_N_ELEMENTS(kinds)], &dice, x, y, &place);
    if (self->good->grey)
      cbigan_make_grey(self->x, (gsize)w * (gsize)h);
  }
  return inspect_x(self, &self->good->exposures[picture], self->x, w, h, self->good->w > 0, error);
}

/* --- choosing --------------------------------------------------------------------------------------------------- */

/* All kinds of maps are computed, as they are; without parameters, those that read no network. Surfaces have no
 * positions with samples of their own. */
static void
use_all_maps(CbiganInspector *inspector)
{
  for (int i = 0; i < CBIGAN_N_MAP_KINDS; i++) {
    inspector->maps[i].used = (inspector->parameters || !cbigan_map_descriptions[i].network) &&
                              (inspector->w || !cbigan_map_descriptions[i].samples);
    inspector->maps[i].levelled = FALSE;
  }
}

/* Cells of a good picture as it is scored. */
static const CbiganCells *
inspect_good(CbiganProxy *self, const CbiganGoodPictures *good, guint picture, GError **error)
{
  const CbiganFrame frame = cbigan_picture_frame(good->pictures[picture]);
  g_autofree float *x = g_new(float, 3 * (gsize)frame.width * (gsize)frame.height);
  cbigan_exposure_cut(&good->exposures[picture], &frame, 0, 0, frame.width, frame.height, x);
  return inspect_x(self, &good->exposures[picture], x, frame.width, frame.height, TRUE, error);
}

/* number: of the picture in the statistic */
static gboolean
add_good(CbiganProxy *self, CbiganMapStatistic *statistic, guint number, const CbiganGoodPictures *good, guint picture,
         GError **error)
{
  const CbiganCells *cells = inspect_good(self, good, picture, error);
  if (cells)
    cbigan_map_statistic_add(statistic, number, self->inspection, cells);
  return cells != NULL;
}

/* Sums of the pictures that were trained on, at most so many. FALSE with an error. */
static gboolean
add_trained(CbiganProxy *self, CbiganMapStatistic *statistic, const CbiganGoodPictures *train, guint most,
            GError **error)
{
  const guint n = MIN(train->n, most);
  for (guint p = 0; p < n; p++)
    if (cbigan_ranks_owns(p) && !add_good(self, statistic, p, train, p * train->n / n, error))
      return FALSE;
  cbigan_map_statistic_share(statistic, self->inspector, 0, 1, n);
  return TRUE;
}

/* Tries memory for the sums of all folds, of further pictures and of all but a fold, for what is made of these, and for
 * the maps of n pictures with their defects, as they are and levelled. */
static gboolean
try_room(const CbiganProxy *self, guint n, GError **error)
{
  gsize pixels = 0;
  for (guint i = 0; i < self->good->n; i++) {
    int w, h;
    find_window(self->good, i, &w, &h);
    pixels = MAX(pixels, (gsize)w * (gsize)h);
  }
  const gsize cells = pixels / (CBIGAN_INSPECTOR_CELL * CBIGAN_INSPECTOR_CELL);
  const gsize maps = (gsize)n * (1 + self->each) * 2 * CBIGAN_N_MAP_KINDS;
  return cbigan_try_room((FOLDS + 3) * cbigan_map_statistic_size(self->inspector) + maps * cells * sizeof(float), 1,
                         error);
}

/* Sums of the maps in use over every fourth of the first n pictures. FALSE with an error. */
static gboolean
add_folds(CbiganProxy *self, CbiganMapStatistic folds[FOLDS], guint n, GError **error)
{
  for (guint fold = 0; fold < FOLDS; fold++)
    cbigan_map_statistic_init(&folds[fold], self->inspector);
  for (guint p = 0; p < n; p++)
    if (cbigan_ranks_owns(p) && !add_good(self, &folds[p % FOLDS], p / FOLDS, self->good, p, error))
      return FALSE;
  for (guint fold = 0; fold < FOLDS; fold++)
    cbigan_map_statistic_share(&folds[fold], self->inspector, fold, FOLDS, (n + FOLDS - 1 - fold) / FOLDS);
  return TRUE;
}

static void
clear_folds(CbiganMapStatistic folds[FOLDS])
{
  for (guint fold = 0; fold < FOLDS; fold++)
    cbigan_map_statistic_clear(&folds[fold]);
}

/* Whether this process owns a held-out picture of a fold. */
static gboolean
owns_any(const CbiganProxy *self, guint fold)
{
  gboolean any = FALSE;
  for (guint p = fold; p < self->good->n; p += FOLDS)
    any |= cbigan_ranks_owns(p);
  return any;
}

/* Statistics of all pictures but those of a fold; fold = FOLDS: of all. trained: sums of further pictures; NULL: none.
 */
static void
fit_without(CbiganProxy *self, const CbiganMapStatistic *trained, const CbiganMapStatistic folds[FOLDS], guint fold)
{
  g_auto(CbiganMapStatistic) statistic;
  cbigan_map_statistic_init(&statistic, self->inspector);
  if (trained)
    cbigan_map_statistic_merge(&statistic, trained);
  for (guint other = 0; other < FOLDS; other++)
    if (other != fold)
      cbigan_map_statistic_merge(&statistic, &folds[other]);
  cbigan_map_statistic_finish(&statistic, self->inspector);
}

gboolean
cbigan_proxy_score(CbiganProxy *self, const CbiganGoodPictures *good, double *values, double *peaks, GError **error)
{
  memset(values, 0, good->n * sizeof *values);
  if (peaks)
    memset(peaks, 0, good->n * CBIGAN_CELLS_PEAKS * sizeof *peaks);
  for (guint p = 0; p < good->n; p++) {
    if (!cbigan_ranks_owns(p))
      continue;
    const CbiganCells *cells = inspect_good(self, good, p, error);
    if (!cells)
      return FALSE;
    values[p] = cbigan_cells_summary(cells, self->inspector->summary);
    if (peaks)
      cbigan_cells_peaks(cells, self->inspector->summary, peaks + (gsize)p * CBIGAN_CELLS_PEAKS);
    if (!cbigan_inspection_finish(self->inspection, error))
      return FALSE;
  }
  cbigan_ranks_sum_doubles(good->n, values); /* a picture of another process is 0 here */
  if (peaks)
    cbigan_ranks_sum_doubles((gsize)good->n * CBIGAN_CELLS_PEAKS, peaks);
  return TRUE;
}

/* The maps of a picture and of its defective variants. */
static gboolean
add_maps(CbiganProxy *self, CbiganMapChoice *choice, guint picture, GError **error)
{
  for (guint k = 0; k <= self->each; k++) {
    const CbiganCells *cells = inspect(self, picture, k, error);
    if (!cells)
      return FALSE;
    cbigan_map_choice_add(choice, picture, k, cells, self->inspection);
  }
  return TRUE;
}

static gboolean
choose_across(CbiganProxy *self, const CbiganMapStatistic *trained, const CbiganMapStatistic folds[FOLDS],
              double *scores, double *peaks, double *auroc, char **tried, GError **error)
{
  g_autoptr(CbiganMapChoice) choice = cbigan_map_choice_new(self->good->n, self->each, self->good->w > 0);
  for (guint fold = 0; fold < FOLDS; fold++) {
    if (owns_any(self, fold))
      fit_without(self, trained, folds, fold);
    for (guint p = fold; p < self->good->n; p += FOLDS)
      if (cbigan_ranks_owns(p) && !add_maps(self, choice, p, error))
        return FALSE;
  }
  cbigan_map_choice_share(choice);
  fit_without(self, trained, folds, FOLDS);
  *auroc = cbigan_map_choice_make(choice, self->inspector, scores, peaks, tried);
  /* a surface's scores are of whole pictures, not of windows */
  return self->good->w ? TRUE : cbigan_proxy_score(self, self->good, scores, peaks, error);
}

gboolean
cbigan_proxy_measure(CbiganProxy *self, const CbiganGoodPictures *train, double *auroc, GError **error)
{
  const guint n = MIN(self->good->n, MEASURED);
  g_autoptr(CbiganMapChoice) choice = cbigan_map_choice_new(n, self->each, self->good->w > 0);
  g_auto(CbiganMapStatistic) trained = { 0 };
  cbigan_inspection_load(self->inspection);
  use_all_maps(self->inspector);
  for (int i = 0; i < CBIGAN_N_MAP_KINDS; i++)
    self->inspector->maps[i].used &= cbigan_map_descriptions[i].network;
  if (!try_room(self, n, error))
    return FALSE;
  cbigan_map_statistic_init(&trained, self->inspector);
  if (!add_trained(self, &trained, train, MEASURED, error))
    return FALSE;
  cbigan_map_statistic_finish(&trained, self->inspector);
  for (guint p = 0; p < n; p++)
    if (cbigan_ranks_owns(p) && !add_maps(self, choice, p, error))
      return FALSE;
  cbigan_map_choice_share(choice);
  *auroc = cbigan_map_choice_measure(choice);
  return TRUE;
}

gboolean
cbigan_proxy_choose(CbiganProxy *self, const CbiganGoodPictures *train, double *scores, double *peaks, double *auroc,
                    char **tried, GError **error)
{
  CbiganMapStatistic folds[FOLDS], trained;
  cbigan_inspection_load(self->inspection);
  use_all_maps(self->inspector);
  if (!try_room(self, self->good->n, error))
    return FALSE;
  cbigan_map_statistic_init(&trained, self->inspector);
  /* An object has few pictures per cell, and those that the network has not seen vary more, so the held-out ones count
   * too. A surface's Gaussian has all cells of the others. */
  const gboolean fine = add_folds(self, folds, self->good->w ? self->good->n : 0, error) &&
                        add_trained(self, &trained, train, FITTED, error) &&
                        choose_across(self, &trained, folds, scores, peaks, auroc, tried, error);
  clear_folds(folds);
  cbigan_map_statistic_clear(&trained);
  return fine;
}

gboolean
cbigan_proxy_choose_across(CbiganProxy *self, double *scores, double *peaks, double *auroc, char **tried,
                           GError **error)
{
  CbiganMapStatistic folds[FOLDS];
  self->each = CLAMP(WANTED_ACROSS / self->good->n, LEAST_EACH, MOST_EACH);
  use_all_maps(self->inspector);
  if (!try_room(self, self->good->n, error))
    return FALSE;
  const gboolean fine = add_folds(self, folds, self->good->n, error) &&
                        choose_across(self, NULL, folds, scores, peaks, auroc, tried, error);
  clear_folds(folds);
  return fine;
}

static gboolean
compare_across(CbiganProxy *self, const CbiganMapStatistic folds[FOLDS], double *values, GError **error)
{
  memset(values, 0, self->good->n * sizeof *values);
  for (guint fold = 0; fold < FOLDS; fold++) {
    if (owns_any(self, fold))
      fit_without(self, NULL, folds, fold);
    for (guint p = fold; p < self->good->n; p += FOLDS) {
      if (!cbigan_ranks_owns(p))
        continue;
      const CbiganCells *cells = inspect_good(self, self->good, p, error);
      if (!cells)
        return FALSE;
      values[p] = cbigan_cells_summary(cells, CBIGAN_SUMMARY_PEAK);
      if (!cbigan_inspection_finish(self->inspection, error))
        return FALSE;
    }
  }
  cbigan_ranks_sum_doubles(self->good->n, values);
  return TRUE;
}

gboolean
cbigan_proxy_compare_across(CbiganProxy *self, CbiganMapKind kind, double *values, GError **error)
{
  CbiganMapStatistic folds[FOLDS];
  g_return_val_if_fail(!cbigan_map_descriptions[kind].network, FALSE);
  for (int i = 0; i < CBIGAN_N_MAP_KINDS; i++)
    self->inspector->maps[i].used = FALSE;
  self->inspector->maps[kind].used = TRUE;
  self->inspector->maps[kind].scale = 1.0;
  if (!try_room(self, self->good->n, error))
    return FALSE;
  const gboolean fine = add_folds(self, folds, self->good->n, error) && compare_across(self, folds, values, error);
  clear_folds(folds);
  return fine;
}
