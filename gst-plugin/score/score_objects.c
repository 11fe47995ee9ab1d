/* score_objects.c - roi-from-meta: what detectors upstream found, each scored as an object of its own
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Each GstVideoRegionOfInterestMeta is converted to the model's frame by itself. The frame's result is the worst
 * object's; its map shows the maps of all objects at their places.
 */
#include <math.h>
#include <string.h>

#include "i18n.h"
#include "score_element.h"

#define LONGER_SIDE 640 /* of the frame's map, pixels, at most */
#define LEAST_SIDE 2    /* of an object, pixels */

/* The part of the picture that a meta names, cut at the visible part. FALSE: too little of it is visible. */
static gboolean
find_part(const GstVideoRegionOfInterestMeta *meta, const CbiganVideoPart *visible, CbiganVideoPart *object)
{
  const gint64 left = MAX((gint64)meta->x, visible->x), top = MAX((gint64)meta->y, visible->y);
  const gint64 right = MIN((gint64)meta->x + meta->w, (gint64)visible->x + visible->width);
  const gint64 bottom = MIN((gint64)meta->y + meta->h, (gint64)visible->y + visible->height);
  if (right - left < LEAST_SIDE || bottom - top < LEAST_SIDE)
    return FALSE;
  *object = *visible;
  object->x = (int)left;
  object->y = (int)top;
  object->width = (int)(right - left);
  object->height = (int)(bottom - top);
  return TRUE;
}

/* Starts the frame's result: good, with an empty map. */
static gboolean
begin_frame(CbiganResult *frame, const CbiganJob *job, const CbiganModelInfo *info, gboolean map, GError **error)
{
  const double scale = MIN(1.0, (double)LONGER_SIDE / MAX(job->part.width, job->part.height));
  frame->score = frame->normalized = 0;
  frame->threshold = job->tuning.threshold < 0 ? info->threshold : job->tuning.threshold;
  frame->anomalous = FALSE;
  frame->pixel_term = frame->feature_term = NAN;
  frame->n_regions = frame->n_areas = 0;
  frame->map_width = map ? MAX((int)(job->part.width * scale), 1) : 0;
  frame->map_height = map ? MAX((int)(job->part.height * scale), 1) : 0;
  const gsize n = (gsize)frame->map_width * (gsize)frame->map_height;
  if (n > frame->map_allocated) {
    g_free(frame->map);
    frame->map = g_try_new(float, n);
    frame->map_allocated = frame->map ? n : 0;
  }
  if (frame->map_allocated < n) {
    frame->map_width = frame->map_height = 0;
    g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_BACKEND, _("out of memory (%.1f MiB more needed)"),
                (double)n * sizeof(float) / 1048576.0);
    return FALSE;
  }
  if (n)
    memset(frame->map, 0, n * sizeof(float));
  return TRUE;
}

/* The object's map at its place. Where objects overlap, the larger number counts. */
static void
paste_map(CbiganResult *frame, const CbiganResult *result, const CbiganVideoPart *at, const CbiganVideoPart *visible)
{
  const double across = (double)visible->width / MAX(frame->map_width, 1),
               down = (double)visible->height / MAX(frame->map_height, 1);
  const double scale = frame->threshold > 0 && result->threshold > 0 ? frame->threshold / result->threshold : 1;
  for (int y = 0; result->map_width && y < frame->map_height; y++) {
    const double v = visible->y + (y + 0.5) * down - at->y;
    for (int x = 0; v >= 0 && v < at->height && x < frame->map_width; x++) {
      const double u = visible->x + (x + 0.5) * across - at->x;
      if (u < 0 || u >= at->width)
        continue;
      const int column = (int)(u * result->map_width / at->width), row = (int)(v * result->map_height / at->height);
      float *to = &frame->map[(gsize)y * (gsize)frame->map_width + (gsize)x];
      *to = MAX(*to, (float)(scale * (double)result->map[(gsize)row * (gsize)result->map_width + (gsize)column]));
    }
  }
}

/* The object's regions in fractions of the visible picture; those with the highest peaks stay. */
static void
add_regions(CbiganResult *frame, const CbiganResult *result, const CbiganVideoPart *at, const CbiganVideoPart *visible)
{
  const double share = (double)at->width * at->height / ((double)visible->width * visible->height);
  for (guint i = 0; i < result->n_regions; i++) {
    CbiganRegion region = result->regions[i];
    region.x = (at->x - visible->x + region.x * at->width) / visible->width;
    region.y = (at->y - visible->y + region.y * at->height) / visible->height;
    region.w *= (double)at->width / visible->width;
    region.h *= (double)at->height / visible->height;
    region.area *= share;
    guint place = frame->n_regions;
    while (place > 0 && frame->regions[place - 1].peak < region.peak)
      place--;
    if (place == CBIGAN_MAX_REGIONS)
      continue;
    frame->n_regions = MIN(frame->n_regions + 1, CBIGAN_MAX_REGIONS);
    memmove(&frame->regions[place + 1], &frame->regions[place], sizeof region * (frame->n_regions - 1 - place));
    frame->regions[place] = region;
  }
}

static gboolean
is_worse(const CbiganResult *a, const CbiganResult *b)
{
  return isnan(a->normalized) || isnan(b->normalized) ? a->score > b->score : a->normalized > b->normalized;
}

/* Score, threshold and verdict of the worst object are the frame's. */
static void
take_worst(CbiganResult *frame, const CbiganResult *result, gboolean first)
{
  if (!first && !is_worse(result, frame))
    return;
  frame->score = result->score;
  frame->threshold = result->threshold;
  frame->normalized = result->normalized;
  frame->pixel_term = result->pixel_term;
  frame->feature_term = result->feature_term;
  frame->n_areas = result->n_areas;
  memcpy(frame->areas, result->areas, sizeof frame->areas);
}

static void
add_result(GstVideoRegionOfInterestMeta *meta, const CbiganResult *result)
{
  gst_video_region_of_interest_meta_add_param(
      meta, gst_structure_new("cbigan", "score", G_TYPE_DOUBLE, result->score, "threshold", G_TYPE_DOUBLE,
                              result->threshold, "normalized", G_TYPE_DOUBLE, result->normalized, "anomalous",
                              G_TYPE_BOOLEAN, result->anomalous, NULL));
}

static gboolean
score_object(GstCbiganScore *self, const CbiganJob *job, CbiganResult *result, GError **error)
{
  CbiganFrame rgb;
  if (!cbigan_score_convert(self, job, &rgb, error))
    return FALSE;
  const gboolean scored = cbigan_swap_score(&self->swap, &rgb, result, error);
  cbigan_frame_input_end(self->input);
  return scored;
}

gboolean
cbigan_score_objects(GstCbiganScore *self, const CbiganJob *job, GError **error)
{
  const CbiganModelInfo *info = cbigan_model_info(self->swap.session->model);
  CbiganResult *frame = &self->annotation.result, *result = &self->object;
  const GQuark own = g_quark_from_static_string("cbigan");
  gboolean anomalous = FALSE;
  gpointer state = NULL;
  guint n = 0;
  if (!begin_frame(frame, job, info, self->swap.settings.maps == CBIGAN_MAPS_ALL, error))
    return FALSE;
  for (GstMeta *any;
       (any = gst_buffer_iterate_meta_filtered(job->buffer, &state, GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE));) {
    GstVideoRegionOfInterestMeta *meta = (GstVideoRegionOfInterestMeta *)any;
    CbiganJob object = *job;
    if (meta->roi_type == own || !find_part(meta, &job->part, &object.part))
      continue;
    if (!score_object(self, &object, result, error))
      return FALSE;
    add_result(meta, result);
    take_worst(frame, result, n++ == 0);
    paste_map(frame, result, &object.part, &job->part);
    add_regions(frame, result, &object.part, &job->part);
    anomalous = anomalous || result->anomalous;
  }
  frame->anomalous = anomalous;
  return TRUE;
}
