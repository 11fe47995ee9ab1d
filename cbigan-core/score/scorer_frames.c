/* scorer_frames.c - the scorer of cbigan.h: how frames reach its engine
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Pixels that a mask ignores are replaced on the way. scoring.c makes results of the frames.
 */
#include <string.h>

#include "i18n.h"
#include "model/error.h"
#include "score/struct_sizes.h"
#include "scorer.h"

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
         (!info->frame_width || self->cutouts ||
          (frame->width == info->frame_width && frame->height == info->frame_height));
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
      return score_frames(self, frames + first, 1, results + first, error); /* an error */
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

static gboolean
score_our_results(CbiganScorer *self, const CbiganFrame *frames, guint n, CbiganResult *results, GError **error)
{
  return self->areas ? score_by_areas(self, frames, n, results, error) : score_frames(self, frames, n, results, error);
}

gboolean
cbigan_scorer_score(CbiganScorer *self, const CbiganFrame *frames, guint n, CbiganResult *results, GError **error)
{
  g_return_val_if_fail(self && (n == 0 || (frames && results && cbigan_result_is_valid(results))), FALSE);
  if (n == 0 || cbigan_result_is_ours(results))
    return score_our_results(self, frames, n, results, error);
  CbiganResult *ours = cbigan_results_take(results, n);
  const gboolean scored = score_our_results(self, frames, n, ours, error);
  cbigan_results_give(ours, n, results);
  return scored;
}

/* --- posted frames --- */

typedef struct {
  CbiganScorer *self;
  CbiganResult *result, *given; /* given: of another version of cbigan.h; NULL = result is the program's */
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
  if (posted->given)
    cbigan_results_give(posted->result, 1, posted->given);
  posted->done(posted->data, scored, error);
}

void
cbigan_scorer_post(CbiganScorer *self, CbiganResult *result, CbiganPrepareFunc prepare, CbiganDoneFunc done,
                   gpointer data)
{
  g_return_if_fail(self && result && cbigan_result_is_valid(result) && prepare && done);
  CbiganResult *given = cbigan_result_is_ours(result) ? NULL : result;
  Posted *posted = g_new(Posted, 1);
  CbiganRequest *request = g_new0(CbiganRequest, 1);
  result = given ? cbigan_results_take(given, 1) : result;
  *posted = (Posted){ self, result, given, prepare, done, data };
  *request = (CbiganRequest){ .scorer = self,
                              .member = &self->member,
                              .result = result,
                              .prepare = prepare_posted,
                              .done = posted_done,
                              .data = posted };
  cbigan_engine_post(request);
}
