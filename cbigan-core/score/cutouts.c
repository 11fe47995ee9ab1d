/* cutouts.c - frames larger than the model's, scored in overlapping parts of the model's size
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "cutouts.h"

#include <math.h>
#include <string.h>

#include "i18n.h"
#include "model/error.h"
#include "score/gan/tiling.h"

/* Along an axis of `length` pixels. */
static int
count(int length, int side, double overlap)
{
  return length == side ? 1 : 1 + (int)ceil((length - side) / (side * (1 - overlap)));
}

gboolean
cbigan_cutouts_check(const CbiganModelInfo *info, GError **error)
{
  if (!info->frame_width)
    return cbigan_refuse(error,
                         _("the model takes frames of any size; expected a model with a frame size for cutouts"));
  if (info->mask.counts)
    return cbigan_refuse(error,
                         _("the model has a mask, which fits whole frames only; expected one without for cutouts"));
  return TRUE;
}

static void
clear_place(gpointer place)
{
  cbigan_areas_free(((CbiganCutoutPlace *)place)->areas);
}

/* Row by row. NULL with CBIGAN_ERROR_BACKEND: there is no room for copies of what counts, areas and mask. */
static GArray *
find_places(const CbiganCutouts *self, const CbiganAreas *areas, GError **error)
{
  const int columns = count(self->width, self->side_w, self->overlap),
            rows = count(self->height, self->side_h, self->overlap);
  g_autoptr(GArray) places = g_array_new(FALSE, FALSE, sizeof(CbiganCutoutPlace));
  g_array_set_clear_func(places, clear_place);
  for (int i = 0; i < columns * rows; i++) {
    CbiganCutoutPlace place = { .x = cbigan_tiling_corner(i % columns, columns, self->width, self->side_w),
                                .y = cbigan_tiling_corner(i / columns, rows, self->height, self->side_h) };
    if (areas && !cbigan_areas_cut(areas, place.x, place.y, self->side_w, self->side_h, &place.areas, error))
      return NULL;
    if (!areas || place.areas)
      g_array_append_val(places, place);
  }
  return g_steal_pointer(&places);
}

gboolean
cbigan_cutouts_begin(CbiganCutouts *self, const CbiganFrame *frame, const CbiganAreas *areas, GError **error)
{
  if (!cbigan_frame_check(frame, error))
    return FALSE;
  if (frame->width < self->side_w || frame->height < self->side_h) {
    g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_FRAME,
                _("the frame has %d x %d pixels; expected at least one cutout, %d x %d"), frame->width, frame->height,
                self->side_w, self->side_h);
    return FALSE;
  }
  if (self->places && self->width == frame->width && self->height == frame->height)
    return TRUE;
  cbigan_cutouts_forget(self);
  self->width = frame->width;
  self->height = frame->height;
  self->places = find_places(self, areas, error);
  return self->places != NULL;
}

void
cbigan_cutouts_forget(CbiganCutouts *self)
{
  if (self)
    g_clear_pointer(&self->places, g_array_unref);
}

CbiganFrame *
cbigan_cutouts_frames(const CbiganCutouts *self, const CbiganFrame *frame)
{
  CbiganFrame *cutouts = g_new(CbiganFrame, self->places->len);
  for (guint i = 0; i < self->places->len; i++) {
    const CbiganCutoutPlace *place = &g_array_index(self->places, CbiganCutoutPlace, i);
    cutouts[i] = *frame;
    cutouts[i].data += (gsize)place->y * frame->stride + 3 * (gsize)place->x;
    cutouts[i].width = self->side_w;
    cutouts[i].height = self->side_h;
  }
  return cutouts;
}

void
cbigan_cutouts_begin_result(CbiganResult *result, int w, int h, gboolean map)
{
  float *memory = result->map;
  const gsize allocated = result->map_allocated;
  *result = (CbiganResult)CBIGAN_RESULT_INIT;
  result->map = memory;
  result->map_allocated = allocated;
  result->score = -1; /* any cutout is worse */
  result->map_width = map ? w : 0;
  result->map_height = map ? h : 0;
  if (map)
    memset(memory, 0, (gsize)w * (gsize)h * sizeof(float));
}

static gboolean
is_worse(double normalized, double score, double than_normalized, double than_score)
{
  if (isnan(normalized) || isnan(than_normalized) || normalized == than_normalized)
    return score > than_score;
  return normalized > than_normalized;
}

static void
add_areas(const CbiganResult *cutout, CbiganResult *result)
{
  for (guint i = 0; i < cutout->n_areas; i++) {
    const CbiganAreaResult *area = &cutout->areas[i];
    CbiganAreaResult *worst = &result->areas[i];
    if (i >= result->n_areas || is_worse(area->normalized, area->score, worst->normalized, worst->score))
      *worst = *area;
  }
  result->n_areas = cutout->n_areas;
}

static void
add_map(const CbiganResult *cutout, int x, int y, CbiganResult *result)
{
  for (int row = 0; row < cutout->map_height; row++) {
    const float *from = cutout->map + (gsize)row * (gsize)cutout->map_width;
    float *to = result->map + (gsize)(y + row) * (gsize)result->map_width + x;
    for (int i = 0; i < cutout->map_width; i++)
      to[i] = MAX(to[i], from[i]);
  }
}

void
cbigan_cutouts_add(const CbiganCutouts *self, CbiganScoreKind score, int x, int y, CbiganResult *result)
{
  const CbiganResult *cutout = &self->result;
  const gboolean first = result->score < 0;
  for (int i = 0; i < CBIGAN_N_SCORES; i++)
    result->scores[i] = first ? cutout->scores[i] : fmax(result->scores[i], cutout->scores[i]);
  if (first || is_worse(cutout->normalized, cutout->score, result->normalized, result->score)) {
    result->score = cutout->score;
    result->threshold = cutout->threshold;
    result->normalized = cutout->normalized;
    result->pixel_term = cutout->pixel_term;
    result->feature_term = cutout->feature_term;
  }
  result->scores[score] = result->score;
  result->anomalous = result->anomalous || cutout->anomalous;
  add_areas(cutout, result);
  if (result->map_width)
    add_map(cutout, x, y, result);
}
