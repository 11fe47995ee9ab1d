/* proxy.c - how well an inspector sees synthetic defects in good pictures that it was not trained on
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Pictures are made anew each time, the same ones, as they would take more memory than their maps.
 */
#include "proxy.h"

#include <math.h>
#include <string.h>

#include "training/metrics.h"
#include "score/blur.h"

#define DEFECTS_WANTED 120  /* altogether, */
#define LEAST_EACH 2        /* per picture, at least and */
#define MOST_EACH 10        /* at most */
#define MEASURED 40         /* pictures that a measurement takes */
#define LARGEST_WINDOW 256  /* of a surface: width and height in pixels */
#define CLEARLY 0.02        /* AUROC by which a surface's peak must be better than the mean of the top */
#define FOLDS 5             /* statistics of good logits leave out every fifth picture */
#define FEWEST_FOR_LEVELS 8 /* pictures for statistics per position */
#define LEVEL_BLUR 1.5      /* cells */

struct _CbiganProxy {
  const CbiganGoodPictures *good;
  CbiganInspector *inspector;
  CbiganInspection *inspection;
  guint64 seed;
  guint each;        /* defective pictures per good one */
  float *x, *source; /* (3, h, w) of the largest window */
};

/* The size that a picture is inspected at: an object's own, or the middle of a surface. The windows of surfaces are as
 * large as the pictures: the larger a good picture, the higher the largest value in its map. */
static void
find_window(const CbiganGoodPictures *good, guint picture, int *w, int *h)
{
  *w = good->w ? good->w : MIN(good->pictures[picture]->width, LARGEST_WINDOW);
  *h = good->w ? good->h : MIN(good->pictures[picture]->height, LARGEST_WINDOW);
}

CbiganProxy *
cbigan_proxy_new(const CbiganGoodPictures *held_out, CbiganInspector *inspector, CbiganBackend *backend, guint64 seed,
                 GError **error)
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
  self->x = g_new(float, n);
  self->source = g_new(float, n);
  self->inspection = cbigan_inspection_new(inspector, backend, error);
  return self->inspection ? g_steal_pointer(&self) : NULL;
}

void
cbigan_proxy_free(CbiganProxy *self)
{
  if (!self)
    return;
  cbigan_inspection_free(self->inspection);
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

/* Cells of a held-out picture: variant 0 as it is, the others with a defect each. */
static const CbiganCells *
inspect(CbiganProxy *self, guint picture, guint variant, GError **error)
{
  /* WARP and ERASE are not trained with. */
  static const CbiganDefectKind kinds[] = { CBIGAN_DEFECT_SCRATCH, CBIGAN_DEFECT_WARP, CBIGAN_DEFECT_BLOB,
                                            CBIGAN_DEFECT_ERASE, CBIGAN_DEFECT_PASTE };
  int w, h;
  find_window(self->good, picture, &w, &h);
  cut(self, picture, w, h, self->x);
  if (variant) {
    const guint64 draw = (G_GUINT64_CONSTANT(1) << 40) + picture * (MOST_EACH + 1) + variant;
    CbiganDice dice = { .key = cbigan_random_key(self->seed, CBIGAN_RANDOM_DEFECTS, draw) };
    int x, y;
    cut(self, (guint)cbigan_dice_below(&dice, (int)self->good->n), w, h, self->source);
    cbigan_defect_place(self->good, &dice, w, h, &x, &y);
    cbigan_defect_apply(kinds[(picture * self->each + variant) % G_N_ELEMENTS(kinds)], &dice, x, y,
                        cbigan_defect_scale(self->good), self->source, w, h, self->x);
    if (self->good->grey)
      cbigan_make_grey(self->x, (gsize)w * (gsize)h);
  }
  return cbigan_inspection_picture(self->inspection, &self->good->exposures[picture], self->x, w, h, error);
}

/* --- measuring -------------------------------------------------------------------------------------------------- */

/* AUROC of the first n pictures and their defective variants, per summary. */
static gboolean
measure(CbiganProxy *self, guint n, double auroc[CBIGAN_N_SUMMARIES], GError **error)
{
  g_autofree double *good = g_new(double, CBIGAN_N_SUMMARIES *n);
  g_autofree double *bad = g_new(double, CBIGAN_N_SUMMARIES *n * self->each);
  cbigan_inspection_load(self->inspection);
  for (guint i = 0; i < n; i++)
    for (guint k = 0; k <= self->each; k++) {
      const CbiganCells *cells = inspect(self, i, k, error);
      if (!cells)
        return FALSE;
      for (guint s = 0; s < CBIGAN_N_SUMMARIES; s++)
        *(k ? &bad[(s * n + i) * self->each + k - 1] : &good[s * n + i]) =
            cbigan_cells_summary(cells, (CbiganSummary)s);
    }
  for (guint s = 0; s < CBIGAN_N_SUMMARIES; s++)
    auroc[s] = cbigan_auroc(good + s * n, n, bad + s * n * self->each, n * self->each);
  return TRUE;
}

gboolean
cbigan_proxy_measure(CbiganProxy *self, double *auroc, GError **error)
{
  double found[CBIGAN_N_SUMMARIES];
  *auroc = NAN;
  if (!measure(self, MIN(self->good->n, MEASURED), found, error))
    return FALSE;
  *auroc = found[self->good->w ? CBIGAN_SUMMARY_PEAK : CBIGAN_SUMMARY_TOP];
  return TRUE;
}

/* --- choosing --------------------------------------------------------------------------------------------------- */

/* Logits of all pictures and variants. */
typedef struct {
  guint n, each;
  int w, h;
  float *logits; /* (n, 1 + each, h, w) */
} Maps;

static float *
map_of(const Maps *maps, guint picture, guint variant)
{
  return maps->logits + (gsize)(picture * (1 + maps->each) + variant) * (gsize)maps->w * (gsize)maps->h;
}

/* Mean and deviation per cell over good pictures, without those of a fold; fold = FOLDS: over all. */
static void
find_levels(const Maps *maps, guint fold, float *level, float *spread)
{
  const gsize n = (gsize)maps->w * (gsize)maps->h;
  double mean = 0.0;
  guint count = 0;
  memset(level, 0, n * sizeof(float));
  memset(spread, 0, n * sizeof(float));
  for (guint p = 0; p < maps->n; p++) {
    const float *map = map_of(maps, p, 0);
    if (p % FOLDS == fold)
      continue;
    count++;
    for (gsize i = 0; i < n; i++) {
      level[i] += map[i];
      spread[i] += map[i] * map[i];
    }
  }
  for (gsize i = 0; i < n; i++) {
    level[i] /= (float)count;
    spread[i] = MAX(spread[i] / (float)count - level[i] * level[i], 0.0f);
  }
  cbigan_blur(level, maps->w, maps->h, LEVEL_BLUR);
  cbigan_blur(spread, maps->w, maps->h, LEVEL_BLUR);
  for (gsize i = 0; i < n; i++)
    mean += (spread[i] = sqrtf(spread[i])) / (double)n;
  for (gsize i = 0; i < n; i++)
    spread[i] += (float)(0.2 * mean + 1e-4);
}

static double
summarise(const Maps *maps, const float *map, const float *level, const float *spread, CbiganSummary summary,
          float *scratch)
{
  const gsize n = (gsize)maps->w * (gsize)maps->h;
  for (gsize i = 0; i < n; i++)
    scratch[i] = level ? (map[i] - level[i]) / spread[i] : map[i];
  return cbigan_cells_summary(&(CbiganCells){ maps->w, maps->h, scratch }, summary);
}

/* good: [n]. Returns the AUROC. */
static double
try_way(const Maps *maps, gboolean levels, CbiganSummary summary, double *good)
{
  const gsize n = (gsize)maps->w * (gsize)maps->h;
  g_autofree float *level = g_new(float, n), *spread = g_new(float, n), *scratch = g_new(float, n);
  g_autofree double *bad = g_new(double, maps->n * maps->each);
  for (guint fold = 0; fold < FOLDS; fold++) {
    if (levels)
      find_levels(maps, fold, level, spread);
    for (guint p = fold; p < maps->n; p += FOLDS)
      for (guint k = 0; k <= maps->each; k++)
        *(k ? &bad[p * maps->each + k - 1] : &good[p]) =
            summarise(maps, map_of(maps, p, k), levels ? level : NULL, spread, summary, scratch);
  }
  return cbigan_auroc(good, maps->n, bad, maps->n * maps->each);
}

static gboolean
inspect_all(CbiganProxy *self, Maps *maps, GError **error)
{
  const gsize n = (gsize)maps->w * (gsize)maps->h;
  cbigan_inspection_load(self->inspection);
  for (guint p = 0; p < maps->n; p++)
    for (guint k = 0; k <= maps->each; k++) {
      const CbiganCells *cells = inspect(self, p, k, error);
      if (!cells)
        return FALSE;
      memcpy(map_of(maps, p, k), cells->values, n * sizeof(float));
    }
  return TRUE;
}

/* Tries the ways of an object: with and without levels per position, and each summary. */
static gboolean
choose_for_object(CbiganProxy *self, double *scores, double *auroc, GError **error)
{
  CbiganInspector *inspector = self->inspector;
  Maps maps = { self->good->n, self->each, self->good->w / CBIGAN_INSPECTOR_CELL, self->good->h / CBIGAN_INSPECTOR_CELL,
                NULL };
  const gsize n = (gsize)maps.w * (gsize)maps.h;
  g_autofree float *logits = maps.logits = g_new(float, n *(gsize)(maps.n * (1 + maps.each)));
  g_autofree double *tried = g_new(double, maps.n);
  gboolean best_levels = FALSE;
  if (!inspect_all(self, &maps, error))
    return FALSE;
  *auroc = -1.0;
  for (int levels = 0; levels <= (maps.n >= FEWEST_FOR_LEVELS); levels++)
    for (int summary = 0; summary < CBIGAN_N_SUMMARIES; summary++) {
      double found = try_way(&maps, levels, (CbiganSummary)summary, tried);
      g_debug("proxy: %s, %s: %.3f", levels ? "levels" : "logits", summary == CBIGAN_SUMMARY_TOP ? "top" : "peak",
              found);
      if (found <= *auroc)
        continue;
      *auroc = found;
      best_levels = levels;
      inspector->summary = (CbiganSummary)summary;
      memcpy(scores, tried, maps.n * sizeof *scores);
    }
  if (best_levels) {
    inspector->level = g_new(float, n);
    inspector->spread = g_new(float, n);
    find_levels(&maps, FOLDS, inspector->level, inspector->spread);
  }
  return TRUE;
}

/* A surface's scores are of whole pictures, not of windows. */
static gboolean
score_surfaces(CbiganProxy *self, double *scores, GError **error)
{
  for (guint p = 0; p < self->good->n; p++) {
    const CbiganFrame frame = cbigan_picture_frame(self->good->pictures[p]);
    const CbiganCells *cells = cbigan_inspection_frame(self->inspection, &frame, error);
    if (!cells)
      return FALSE;
    scores[p] = cbigan_cells_summary(cells, self->inspector->summary);
  }
  return TRUE;
}

/* Real defects of surfaces are often larger and fainter than the synthetic ones, which favour the peak. Differences
 * below CLEARLY are noise. */
static gboolean
choose_for_surface(CbiganProxy *self, double *scores, double *auroc, GError **error)
{
  double found[CBIGAN_N_SUMMARIES];
  if (!measure(self, self->good->n, found, error))
    return FALSE;
  g_debug("proxy: logits, top: %.3f, peak: %.3f", found[CBIGAN_SUMMARY_TOP], found[CBIGAN_SUMMARY_PEAK]);
  self->inspector->summary =
      found[CBIGAN_SUMMARY_PEAK] > found[CBIGAN_SUMMARY_TOP] + CLEARLY ? CBIGAN_SUMMARY_PEAK : CBIGAN_SUMMARY_TOP;
  *auroc = found[self->inspector->summary];
  return score_surfaces(self, scores, error);
}

gboolean
cbigan_proxy_choose(CbiganProxy *self, double *scores, double *auroc, GError **error)
{
  return self->good->w ? choose_for_object(self, scores, auroc, error) : choose_for_surface(self, scores, auroc, error);
}
