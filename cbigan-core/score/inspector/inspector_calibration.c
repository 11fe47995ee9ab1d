/* inspector_calibration.c - an inspector's threshold from good pictures
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "score/areas/areas.h"
#include "score/calibration.h"
#include "i18n.h"
#include "inspection.h"
#include "model/error.h"

#define FAR 1000.0       /* more than any value lies below zero */
#define FEWEST_FRAMES 4u /* for a threshold */
#define FEW 15u          /* frames, whose values alone would give a threshold that varies much */

/* Values may be negative; cbigan_threshold_for() gives thresholds from zero on only. */
void
cbigan_inspector_set_threshold(CbiganModel *model, const double *values, const double *peaks, guint n,
                               double false_alarms)
{
  g_autofree double *shifted = g_new(double, n);
  double *scores = g_new(double, n);
  for (guint i = 0; i < n; i++) {
    shifted[i] = values[i] + FAR;
    scores[i] = cbigan_softplus(values[i]);
  }
  g_free((gpointer)model->info.good_scores);
  model->info.good_scores = scores;
  model->info.n_good_scores = n;
  model->info.threshold = cbigan_softplus(
      n >= FEWEST_FRAMES && n < FEW ? cbigan_threshold_for_few(values, peaks, CBIGAN_CELLS_PEAKS, n, false_alarms)
                                    : cbigan_threshold_for(shifted, n, false_alarms) - FAR);
}

/* areas: NULL = every pixel counts. peaks: [CBIGAN_CELLS_PEAKS] */
static gboolean
measure(CbiganInspection *inspection, CbiganSummary summary, CbiganAreas *areas, const CbiganFrame *frame,
        double *value, double *peaks, GError **error)
{
  const int w = frame->width, h = frame->height;
  if (areas && !cbigan_areas_prepare(areas, w, h, error))
    return FALSE;
  cbigan_inspection_set_mask(inspection, areas ? cbigan_areas_unmasked(areas) : NULL);
  const CbiganCells *found = cbigan_inspection_frame(inspection, frame, error);
  if (!found)
    return FALSE;
  CbiganCells cells = *found;
  g_autofree guint8 *counts = areas ? cbigan_inspection_count(inspection, cbigan_areas_counts(areas, 0), w, h) : NULL;
  cells.counts = counts;
  *value = cbigan_cells_summary(&cells, summary);
  cbigan_cells_peaks(&cells, summary, peaks);
  return cbigan_inspection_finish(inspection, error);
}

gboolean
cbigan_inspector_calibrate(CbiganModel *model, const CbiganCalibrationOptions *options, const CbiganFrame *frames,
                           guint n, GError **error)
{
  if (n < FEWEST_FRAMES)
    return cbigan_refuse(error,
                         n_("%u good picture to calibrate with; expected at least %u",
                            "%u good pictures to calibrate with; expected at least %u", n),
                         n, FEWEST_FRAMES);
  if (options->score != CBIGAN_SCORE_INSPECTOR)
    return cbigan_refuse(error, _("score: %s; expected inspector, the only one that this model has"),
                         cbigan_score_name(options->score));
  const CbiganBackendOptions chosen = {
    .name = options->backend, .device = options->device, .threads = options->threads, .precision = CBIGAN_PRECISION_FP32
  };
  g_autoptr(CbiganBackend) backend = cbigan_backend_open(&chosen, error);
  g_autoptr(CbiganInspection) inspection =
      backend ? cbigan_inspection_new(&model->inspector, backend, NULL, error) : NULL;
  g_autofree double *values = g_new(double, n), *peaks = g_new(double, (gsize)n *CBIGAN_CELLS_PEAKS);
  g_autoptr(CbiganAreas) areas = NULL;
  if (!cbigan_areas_for_frames(&model->info.mask, frames, n, &areas, error))
    return FALSE;
  for (guint i = 0; inspection && i < n; i++)
    if (!measure(inspection, model->inspector.summary, areas, &frames[i], &values[i],
                 peaks + (gsize)i * CBIGAN_CELLS_PEAKS, error))
      return FALSE;
  if (inspection)
    cbigan_inspector_set_threshold(model, values, peaks, n, options->false_alarms);
  return inspection != NULL;
}
