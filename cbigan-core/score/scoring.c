/* scoring.c - the scorer of cbigan.h: frames in, scores and maps out
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Without areas and masks a score comes from the numbers that the backend found. With them it comes from the part of
 * the map, of the patches or of the inspector's cells that counts.
 */
#include <math.h>

#include "score/areas/area_scores.h"
#include "model/error.h"
#include "scorer.h"

/* *map: (n) floats at least, freed and made anew where it has fewer */
static gboolean
grow_map(float **map, gsize *allocated, gsize n, GError **error)
{
  if (n <= *allocated)
    return TRUE;
  g_clear_pointer(map, g_free);
  *allocated = 0;
  if (!(*map = cbigan_try_new(float, n, error)))
    return FALSE;
  *allocated = n;
  return TRUE;
}

gboolean
cbigan_scorer_make_room(CbiganScorer *self, const CbiganFrame *frame, CbiganResult *result, GError **error)
{
  if (frame->width < 1 || frame->height < 1)
    return TRUE; /* refused where it is scored */
  const gsize n = (gsize)frame->width * (gsize)frame->height;
  const gboolean scratch = self->areas || self->min_area > 0.0;
  const gboolean maps = self->maps != CBIGAN_MAPS_NONE || (self->cutouts && self->min_area > 0.0);
  CbiganResult *cutout = self->cutouts ? &self->cutouts->result : NULL;
  if (cutout && maps &&
      !grow_map(&cutout->map, &cutout->map_allocated, (gsize)self->cutouts->side_w * (gsize)self->cutouts->side_h,
                error))
    return FALSE;
  return (!maps || grow_map(&result->map, &result->map_allocated, n, error)) &&
         (!scratch || grow_map(&self->map, &self->n_map, n, error)) &&
         (!(maps || scratch) || cbigan_region_search_room(&self->regions, n, error));
}

/* Score, threshold and verdict, from scores. */
static void
judge(const CbiganScorer *self, CbiganResult *result)
{
  result->n_areas = 0;
  result->score = result->scores[self->score];
  result->threshold = self->threshold;
  result->normalized = cbigan_normalize(result->score, self->threshold);
  result->anomalous = result->score > self->threshold; /* FALSE when it is NAN */
}

/* The same by areas: those of the worst one. */
static guint
judge_areas(const CbiganScorer *self, CbiganAreaScoreFunc func, gpointer data, CbiganResult *result)
{
  const guint worst = cbigan_area_scores(self->areas, self->threshold, func, data, result);
  const CbiganAreaResult *area = &result->areas[worst];
  result->score = result->scores[self->score] = area->score;
  result->threshold = area->threshold;
  result->normalized = area->normalized;
  result->anomalous = area->anomalous;
  return worst;
}

/* With CBIGAN_MAPS_NONE inference finds nothing for a map alone. */
static gboolean
can_draw(const CbiganScorer *self)
{
  return self->maps != CBIGAN_MAPS_NONE || self->model->inspector_network || !cbigan_score_rows[self->score].map_needs;
}

/* Where a map is drawn: the result's own memory, or scratch where the caller wants none but regions must be found; NULL
 * = no map is needed. */
static float *
choose_map(CbiganScorer *self, CbiganResult *result, int w, int h)
{
  const gboolean small = self->min_area > 0.0 && result->anomalous && can_draw(self);
  const gboolean wanted = self->maps == CBIGAN_MAPS_ALL || (self->maps == CBIGAN_MAPS_ANOMALOUS && result->anomalous) ||
                          (self->cutting && small);
  result->map_width = wanted ? w : 0;
  result->map_height = wanted ? h : 0;
  if (!wanted)
    return small ? self->map : NULL;
  return result->map;
}

/* Whether a region that counts reaches into the pixels that count; n: of the map */
static gboolean
has_region(const CbiganScorer *self, const guint8 *counts, gsize n)
{
  for (gsize i = 0; i < n; i++)
    if (counts[i] && self->regions.seen[i] == CBIGAN_SEEN_COUNTS)
      return TRUE;
  return FALSE;
}

/* map: NULL = there is none. most: no number of the map exceeds it, so that a good frame's need not be looked through;
 * NaN = not known */
static void
find_regions(CbiganScorer *self, CbiganResult *result, float *map, float most, int w, int h)
{
  const gsize n = (gsize)w * (gsize)h;
  result->n_regions = 0;
  if (self->cutting) /* they are those of the whole frame */
    return;
  if (map && self->areas)
    cbigan_area_scale_map(self->areas, result, map, n);
  if (!map || isnan(result->threshold))
    return;
  if (!self->areas && most <= result->threshold) {
    result->anomalous = result->anomalous && self->min_area <= 0.0;
    return;
  }
  result->n_regions =
      cbigan_region_search_run(&self->regions, map, w, h, result->threshold, self->min_area, result->regions);
  for (guint i = 0; self->min_area > 0.0 && i < result->n_areas; i++)
    result->areas[i].anomalous = result->areas[i].anomalous && has_region(self, cbigan_areas_counts(self->areas, i), n);
  if (self->min_area > 0.0 && !result->n_regions)
    result->anomalous = FALSE;
  if (!result->map_width)
    result->n_regions = 0; /* the map was scratch */
}

static void
clear_scores(CbiganResult *result)
{
  for (int i = 0; i < CBIGAN_N_SCORES; i++)
    result->scores[i] = NAN;
  result->pixel_term = result->feature_term = NAN;
}

/* --- inspectors --- */

typedef struct {
  const CbiganScorer *self;
  const CbiganCells *cells;
  int w, h; /* of the frame */
} Inspected;

static double
inspected_score(const guint8 *counts, gpointer data)
{
  const Inspected *inspected = data;
  CbiganCells cells = *inspected->cells;
  g_autofree guint8 *cell_counts =
      counts ? cbigan_inspection_count(inspected->self->inspection, counts, inspected->w, inspected->h) : NULL;
  cells.counts = cell_counts;
  return cbigan_softplus(cbigan_cells_summary(&cells, inspected->self->model->inspector.summary));
}

/* counts (cells): those in any area, transfer full; NULL = all, or the inspection lacked memory */
static gboolean
counting_cells(const CbiganScorer *self, int w, int h, guint8 **counts, GError **error)
{
  const gsize n = (gsize)w * (gsize)h;
  *counts = NULL;
  if (!self->areas)
    return TRUE;
  g_autofree guint8 *any = cbigan_try_new(guint8, n, error);
  if (!any)
    return FALSE;
  for (guint i = 0; i < cbigan_areas_n(self->areas); i++)
    for (gsize k = 0; k < n; k++)
      any[k] |= cbigan_areas_counts(self->areas, i)[k];
  *counts = cbigan_inspection_count(self->inspection, any, w, h);
  return TRUE;
}

gboolean
cbigan_scorer_inspect(CbiganScorer *self, CbiganInspection *inspection, const CbiganFrame *frame, CbiganResult *result,
                      GError **error)
{
  const int w = frame->width, h = frame->height;
  self->inspection = inspection;
  cbigan_inspection_set_mask(self->inspection, self->areas ? cbigan_areas_unmasked(self->areas) : NULL);
  const CbiganCells *cells = cbigan_inspection_frame(self->inspection, frame, error);
  if (!cells)
    return FALSE;
  Inspected inspected = { self, cells, w, h };
  clear_scores(result);
  if (self->areas) {
    judge_areas(self, inspected_score, &inspected, result);
  } else {
    result->scores[CBIGAN_SCORE_INSPECTOR] = inspected_score(NULL, &inspected);
    judge(self, result);
  }
  float *map = choose_map(self, result, w, h), most = NAN;
  if (map) {
    g_autofree guint8 *counts = NULL;
    if (!counting_cells(self, w, h, &counts, error))
      return FALSE;
    most = cbigan_inspection_draw(self->inspection, counts, w, h, map);
  }
  if (!cbigan_inspection_finish(self->inspection, error))
    return FALSE;
  find_regions(self, result, map, most, w, h);
  return TRUE;
}

/* --- CBiGANs --- */

typedef struct {
  const CbiganScorer *self;
  const CbiganMeasurement *m;
  CbiganScoreKind kind;
  const float *map;
} Measured;

static double
measured_score(const guint8 *counts, gpointer data)
{
  const Measured *measured = data;
  return cbigan_score_within(measured->kind, &measured->self->baseline, measured->m, counts, measured->map);
}

/* The scores that are wanted besides the deciding one, and that one by areas. Returns the worst area. */
static guint
measure_areas(CbiganScorer *self, const CbiganMeasurement *m, CbiganResult *result)
{
  float *map = self->map;
  guint worst = 0;
  for (int i = 0; i < CBIGAN_N_GAN_SCORES; i++) {
    Measured measured = { self, m, (CbiganScoreKind)i, map };
    if (!(self->wanted & 1u << i))
      continue;
    if (i != CBIGAN_SCORE_PAPER)
      cbigan_score_rows[i].map(&self->baseline, m, map);
    if (i == (int)self->score)
      worst = judge_areas(self, measured_score, &measured, result);
    else
      for (guint k = 0; k < cbigan_areas_n(self->areas); k++)
        result->scores[i] = fmax(result->scores[i], measured_score(cbigan_areas_counts(self->areas, k), &measured));
  }
  return worst;
}

void
cbigan_scorer_fill(CbiganScorer *self, const CbiganMeasurement *m, CbiganResult *result)
{
  const int w = m->tiling->width, h = m->tiling->height;
  const guint8 *counts = NULL;
  clear_scores(result);
  if (self->areas) {
    counts = cbigan_areas_counts(self->areas, measure_areas(self, m, result));
  } else {
    for (int i = 0; i < CBIGAN_N_SCORES; i++)
      if (self->wanted & 1u << i)
        result->scores[i] = cbigan_score_rows[i].score(&self->baseline, m);
    judge(self, result);
  }
  const int patch = m->l_r ? cbigan_paper_patch(&self->baseline, m, counts) : -1;
  if (patch >= 0) {
    result->pixel_term = m->l_r[patch];
    result->feature_term = m->l_fd[patch];
  }
  float *map = choose_map(self, result, w, h);
  if (map)
    cbigan_score_rows[self->score].map(&self->baseline, m, map);
  find_regions(self, result, map, NAN, w, h);
}

/* --- cutouts --- */

typedef struct {
  CbiganScorer *self;
  CbiganResult *result; /* of the frame */
  GArray *places;       /* of the scorer's cutouts */
} Cutting;

gboolean
cbigan_scorer_has_cutouts(const CbiganScorer *self)
{
  return self->cutouts != NULL;
}

/* Exchanges what counts in the frame and in the cutout; a second call exchanges them back. */
static void
exchange_areas(CbiganScorer *self, CbiganCutoutPlace *place)
{
  CbiganAreas *areas = place->areas;
  place->areas = self->areas;
  self->areas = areas;
  self->cutting = !self->cutting;
}

static void
fill_cutout(guint number, const CbiganMeasurement *m, gpointer data)
{
  const Cutting *cutting = data;
  CbiganScorer *self = cutting->self;
  CbiganCutoutPlace *place = &g_array_index(cutting->places, CbiganCutoutPlace, number);
  exchange_areas(self, place);
  cbigan_scorer_fill(self, m, &self->cutouts->result);
  exchange_areas(self, place);
  cbigan_cutouts_add(self->cutouts, self->score, place->x, place->y, cutting->result);
}

static gboolean
inspect_cutouts(const Cutting *cutting, CbiganInspection *inspection, const CbiganFrame *cutouts, GError **error)
{
  CbiganScorer *self = cutting->self;
  for (guint i = 0; i < cutting->places->len; i++) {
    CbiganCutoutPlace *place = &g_array_index(cutting->places, CbiganCutoutPlace, i);
    exchange_areas(self, place);
    const gboolean scored = cbigan_scorer_inspect(self, inspection, &cutouts[i], &self->cutouts->result, error);
    exchange_areas(self, place);
    if (!scored)
      return FALSE;
    cbigan_cutouts_add(self->cutouts, self->score, place->x, place->y, cutting->result);
  }
  return TRUE;
}

gboolean
cbigan_scorer_score_cutouts(CbiganScorer *self, CbiganInference *inference, CbiganInspection *inspection,
                            const CbiganFrame *frame, CbiganResult *result, GError **error)
{
  const int w = frame->width, h = frame->height;
  const gboolean draws = self->maps != CBIGAN_MAPS_NONE || (self->min_area > 0.0 && can_draw(self));
  if (!cbigan_cutouts_begin(self->cutouts, frame, self->areas, error))
    return FALSE;
  GArray *places = self->cutouts->places;
  g_autofree CbiganFrame *cutouts = cbigan_cutouts_frames(self->cutouts, frame);
  Cutting cutting = { self, result, places };
  cbigan_cutouts_begin_result(result, w, h, draws);
  if (!(inference ? cbigan_inference_run(inference, cutouts, places->len, fill_cutout, &cutting, error)
                  : inspect_cutouts(&cutting, inspection, cutouts, error)))
    return FALSE;
  const gboolean wanted = self->maps == CBIGAN_MAPS_ALL || (self->maps == CBIGAN_MAPS_ANOMALOUS && result->anomalous);
  if (!wanted)
    result->map_width = result->map_height = 0;
  find_regions(self, result, draws && (wanted || result->anomalous) ? result->map : NULL, NAN, w, h);
  return TRUE;
}
