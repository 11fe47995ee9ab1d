/* recalibration.c - a copy of a model, with statistics and threshold from other good pictures
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <string.h>

#include "score/areas/areas.h"
#include "calibration.h"
#include "i18n.h"
#include "model/error.h"
#include "score/struct_sizes.h"
#include "model/model_file.h"
#include "score/gan/tiling.h"

gboolean
cbigan_model_is_aligned(const CbiganModel *model)
{
  if (model->critic.mean)
    return model->critic.positions > 1;
  if (model->map.mean)
    return model->map.w > 1;
  return model->info.frame_width == model->info.patch && model->info.frame_height == model->info.patch;
}

/* By way of its file's bytes (transfer full). */
static CbiganModel *
copy_model(const CbiganModel *model, GError **error)
{
  gsize size;
  g_autofree guint8 *bytes = cbigan_model_save_bytes(model, _("model"), &size, error);
  return bytes ? cbigan_model_load_bytes(bytes, size, _("model"), error) : NULL;
}

static gboolean
check_frames(const CbiganModel *model, const CbiganFrame *frames, guint n, GError **error)
{
  for (guint i = 0; i < n; i++) {
    const CbiganFrame *f = &frames[i];
    if (f->on_device || f->width < 1 || f->height < 1 || f->stride < 3 * (gsize)f->width) {
      g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_FRAME,
                  _("frame %u can't be calibrated with; expected RGB rows in the host's memory"), i);
      return FALSE;
    }
    if (!model->inspector_network && !cbigan_tiling_check(&model->info, f, FALSE, error))
      return FALSE;
  }
  return TRUE;
}

/* Copies of the frames without their ignored pixels; *pixels is their memory. FALSE: nothing of a frame counts, or
 * memory is missing. */
static gboolean
fill_frames(const CbiganModel *model, CbiganFrame *frames, guint n, guint8 **pixels, GError **error)
{
  g_autoptr(CbiganAreas) areas = NULL;
  gsize size = 0;
  if (!model->info.mask.counts)
    return TRUE;
  if (!cbigan_areas_for_frames(&model->info.mask, frames, n, &areas, error))
    return FALSE;
  for (guint i = 0; i < n; i++)
    size += 3 * (gsize)frames[i].width * (gsize)frames[i].height;
  guint8 *at = *pixels = cbigan_try_new(guint8, size, error);
  if (!at)
    return FALSE;
  for (guint i = 0; areas && i < n; i++) {
    const gsize row = 3 * (gsize)frames[i].width;
    if (!cbigan_areas_prepare(areas, frames[i].width, frames[i].height, error))
      return FALSE;
    for (int y = 0; y < frames[i].height; y++)
      memcpy(at + (gsize)y * row, frames[i].data + (gsize)y * frames[i].stride, row);
    cbigan_areas_fill(areas, at);
    frames[i].data = at;
    frames[i].stride = row;
    at += row * (gsize)frames[i].height;
  }
  return TRUE;
}

CbiganModel *
cbigan_model_recalibrate(const CbiganModel *model, const CbiganFrame *frames, guint n, double false_alarms,
                         const CbiganScorerOptions *given, GError **error)
{
  const CbiganScorerOptions options = cbigan_options_take(given);
  g_return_val_if_fail(model && (frames || !n), NULL);
  if (!(false_alarms >= 0.0 && false_alarms <= 0.5)) {
    cbigan_refuse(error, _("false alarms is %g; expected 0 to 0.5"), false_alarms);
    return NULL;
  }
  const CbiganCalibrationOptions chosen = { .score = model->info.score,
                                            .aligned = cbigan_model_is_aligned(model),
                                            .false_alarms = false_alarms,
                                            .backend = options.backend,
                                            .device = options.device,
                                            .threads = options.threads };
  g_autofree CbiganFrame *filled = g_memdup2(frames, n * sizeof *frames);
  g_autofree guint8 *pixels = NULL;
  g_autoptr(CbiganModel) copy = NULL;
  if (!check_frames(model, frames, n, error) || !fill_frames(model, filled, n, &pixels, error) ||
      !(copy = copy_model(model, error)) || !cbigan_model_calibrate(copy, &chosen, filled, n, NULL, error))
    return NULL;
  if (!(copy->info.threshold > 0.0)) {
    cbigan_refuse(error, _("the threshold is %g, at which every picture is anomalous: the good pictures don't differ"),
                  copy->info.threshold);
    return NULL;
  }
  return g_steal_pointer(&copy);
}
