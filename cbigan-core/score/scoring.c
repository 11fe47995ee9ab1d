/* scoring.c - the scorer of cbigan.h: frames in, scores and maps out
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Without areas and masks a score comes from the numbers that the backend found. With them it comes from the part of
 * the map, of the patches or of the inspector's cells that counts.
 */
#include <math.h>
#include <string.h>

#include "score/areas/area_scores.h"
#include "i18n.h"
#include "model/error.h"
#include "scorer.h"

#define SPARE 2 /* floats per pixel, of what areas only need during a call */

void
cbigan_result_clear(CbiganResult *result)
{
  g_free(result->map);
  *result = (CbiganResult)CBIGAN_RESULT_INIT;
}

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
  const gboolean maps = self->maps != CBIGAN_MAPS_NONE, scratch = self->areas || self->min_area > 0.0;
  return (!maps || grow_map(&result->map, &result->map_allocated, n, error)) &&
         (!scratch || grow_map(&self->map, &self->n_map, n, error)) &&
         (!(maps || scratch) || cbigan_region_search_room(&self->regions, n, error)) &&
         (!self->areas || cbigan_try_room(SPARE * n, sizeof(float), error));
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
  const gboolean wanted = self->maps == CBIGAN_MAPS_ALL || (self->maps == CBIGAN_MAPS_ANOMALOUS && result->anomalous);
  result->map_width = wanted ? w : 0;
  result->map_height = wanted ? h : 0;
  if (!wanted)
    return self->min_area > 0.0 && result->anomalous && can_draw(self) ? self->map : NULL;
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

/* map: NULL = there is none */
static void
find_regions(CbiganScorer *self, CbiganResult *result, float *map, int w, int h)
{
  const gsize n = (gsize)w * (gsize)h;
  result->n_regions = 0;
  if (map && self->areas)
    cbigan_area_scale_map(self->areas, result, map, n);
  if (!map || isnan(result->threshold))
    return;
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

/* (cells): those in any area, transfer full; NULL = all */
static guint8 *
counting_cells(const CbiganScorer *self, int w, int h)
{
  const gsize n = (gsize)w * (gsize)h;
  if (!self->areas)
    return NULL;
  g_autofree guint8 *any = g_memdup2(cbigan_areas_counts(self->areas, 0), n);
  for (guint i = 1; i < cbigan_areas_n(self->areas); i++)
    for (gsize k = 0; k < n; k++)
      any[k] |= cbigan_areas_counts(self->areas, i)[k];
  return cbigan_inspection_count(self->inspection, any, w, h);
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
  float *map = choose_map(self, result, w, h);
  if (map) {
    g_autofree guint8 *counts = counting_cells(self, w, h);
    cbigan_inspection_draw(self->inspection, counts, w, h, map);
  }
  find_regions(self, result, map, w, h);
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
  find_regions(self, result, map, w, h);
}

/* --- frames --- */

/* Copies of the frames without their ignored pixels (transfer full). NULL: error is set. The pixels belong to the
 * scorer. */
static CbiganFrame *
fill_frames(CbiganScorer *self, const CbiganFrame *frames, guint n, GError **error)
{
  g_autofree CbiganFrame *filled = g_memdup2(frames, n * sizeof *frames);
  gsize size = 0;
  for (guint i = 0; i < n; i++) {
    if (frames[i].on_device) {
      g_set_error_literal(error, CBIGAN_ERROR, CBIGAN_ERROR_FRAME,
                          _("a frame in the device's memory can't be masked; expected one in the host's memory"));
      return NULL;
    }
    size += 3 * (gsize)frames[i].width * (gsize)frames[i].height;
  }
  if (size > self->n_filled) {
    g_clear_pointer(&self->filled, g_free);
    self->n_filled = 0;
    if (!(self->filled = cbigan_try_new(guint8, size, error)))
      return NULL;
    self->n_filled = size;
  }
  guint8 *pixels = self->filled;
  for (guint i = 0; i < n; i++) {
    const gsize row = 3 * (gsize)frames[i].width;
    for (int y = 0; y < frames[i].height; y++)
      memcpy(pixels + (gsize)y * row, frames[i].data + (gsize)y * frames[i].stride, row);
    cbigan_areas_fill(self->areas, pixels);
    filled[i].data = pixels;
    filled[i].stride = row;
    pixels += row * (gsize)frames[i].height;
  }
  return g_steal_pointer(&filled);
}

static gboolean
score_frames(CbiganScorer *self, const CbiganFrame *frames, guint n, CbiganResult *results, GError **error)
{
  g_autofree CbiganRequest *requests = g_new0(CbiganRequest, n);
  for (guint i = 0; i < n; i++)
    requests[i] = (CbiganRequest){ .scorer = self, .member = &self->member, .frame = frames[i], .result = &results[i] };
  return cbigan_engine_run(&self->member, requests, n, error);
}

/* Whether areas can be made for the frame. Otherwise scoring it gives the error. */
static gboolean
has_size(const CbiganScorer *self, const CbiganFrame *frame)
{
  const CbiganModelInfo *info = &self->model->info;
  return frame->width > 0 && frame->height > 0 && frame->stride >= 3 * (gsize)frame->width &&
         (!info->frame_width || (frame->width == info->frame_width && frame->height == info->frame_height));
}

/* Areas are made for one size of frames, so frames of one size go together. */
static gboolean
score_by_areas(CbiganScorer *self, const CbiganFrame *frames, guint n, CbiganResult *results, GError **error)
{
  for (guint first = 0, end; first < n; first = end) {
    g_autofree CbiganFrame *filled = NULL;
    for (end = first + 1; end < n; end++)
      if (frames[end].width != frames[first].width || frames[end].height != frames[first].height ||
          !has_size(self, &frames[end]))
        break;
    if (!has_size(self, &frames[first]))
      return score_frames(self, frames + first, n - first, results + first, error);
    if (!cbigan_areas_prepare(self->areas, frames[first].width, frames[first].height, error) ||
        (cbigan_areas_unmasked(self->areas) && !(filled = fill_frames(self, frames + first, end - first, error))) ||
        !score_frames(self, filled ? filled : frames + first, end - first, results + first, error))
      return FALSE;
    for (guint i = first; i < end; i++)
      if (!cbigan_areas_roi(self->areas, 0))
        results[i].n_areas = 0; /* a mask alone */
  }
  return TRUE;
}

gboolean
cbigan_scorer_score(CbiganScorer *self, const CbiganFrame *frames, guint n, CbiganResult *results, GError **error)
{
  g_return_val_if_fail(self && (n == 0 || (frames && results)), FALSE);
  return self->areas ? score_by_areas(self, frames, n, results, error) : score_frames(self, frames, n, results, error);
}

/* --- posted frames --- */

typedef struct {
  CbiganScorer *self;
  CbiganResult *result;
  CbiganPrepareFunc prepare;
  CbiganDoneFunc done;
  gpointer data;
} Posted;

static gboolean
prepare_posted(gpointer data, CbiganFrame *frame, GError **error)
{
  const Posted *posted = data;
  CbiganScorer *self = posted->self;
  if (!posted->prepare(posted->data, frame, error))
    return FALSE;
  if (!self->areas || !has_size(self, frame))
    return TRUE;
  if (!cbigan_areas_prepare(self->areas, frame->width, frame->height, error))
    return FALSE;
  g_autofree CbiganFrame *filled =
      cbigan_areas_unmasked(self->areas) ? fill_frames(self, frame, 1, error) : g_memdup2(frame, sizeof *frame);
  if (filled)
    *frame = *filled;
  return filled != NULL;
}

static void
posted_done(gpointer data, gboolean scored, const GError *error)
{
  g_autofree Posted *posted = data;
  const CbiganAreas *areas = posted->self->areas;
  if (areas && !cbigan_areas_roi(areas, 0))
    posted->result->n_areas = 0; /* a mask alone */
  posted->done(posted->data, scored, error);
}

void
cbigan_scorer_post(CbiganScorer *self, CbiganResult *result, CbiganPrepareFunc prepare, CbiganDoneFunc done,
                   gpointer data)
{
  g_return_if_fail(self && result && prepare && done);
  Posted *posted = g_new(Posted, 1);
  CbiganRequest *request = g_new0(CbiganRequest, 1);
  *posted = (Posted){ self, result, prepare, done, data };
  *request = (CbiganRequest){ .scorer = self,
                              .member = &self->member,
                              .result = result,
                              .prepare = prepare_posted,
                              .done = posted_done,
                              .data = posted };
  cbigan_engine_post(request);
}
