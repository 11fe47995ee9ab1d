/* calibration.c - statistics of good pictures, and scores of each against those of the others
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Sums are additive: the frames are dealt into folds, each fold keeps its own sums, and the statistics without a fold
 * are those of the total less that fold. The networks see every frame twice: for the sums, and for its score against
 * the other folds. Memory depends neither on the number of frames nor, unaligned, on their size. Processes that share a
 * calibration take every n-th frame each, and add their sums and scores.
 */
#include "calibration.h"

#include <math.h>
#include <string.h>

#include "score/areas/areas.h"
#include "backend/backend.h"
#include "score/health/health.h"
#include "i18n.h"
#include "model/error.h"
#include "score/gan/score.h"
#include "score/gan/statistics.h"
#include "score/gan/tiling.h"

#define FOLDS 5u
#define MIN_FRAMES 4u
#define BATCH 8
#define DEFAULT_BLOCKS 0x7u /* 0, 1, 2 */
#define DEFAULT_GRID 32     /* block 0's at patch 64 */

typedef struct {
  CbiganModel *model;
  const CbiganCalibrationOptions *options;
  const CbiganFrame *frames;
  guint n, folds;
  CbiganBackend *backend;
  CbiganInference *inference;
  CbiganSums *sums[FOLDS], *total;
  guint fold;                          /* whose frames are scored now */
  CbiganBaseline baseline;             /* without that fold */
  float *map;                          /* (h, w) scratch */
  double *scores[CBIGAN_N_GAN_SCORES]; /* (n) out of fold */
  CbiganAreas *areas;                  /* of the model's mask; NULL = every pixel counts */
  GArray *taken;                       /* of guint: indices of the frames that run_share() runs */
} Calibration;

/* Frames first, first + step, … below n. Those of them that are this process's share go through the networks; func gets
 * the place of a frame in self->taken. */
static gboolean
run_share(Calibration *self, const CbiganFrame *frames, guint first, guint step, guint n, CbiganInferenceFunc func,
          GError **error)
{
  const CbiganCalibrationShare *share = self->options->share;
  g_autofree CbiganFrame *mine = g_new(CbiganFrame, n + 1);
  g_array_set_size(self->taken, 0);
  for (guint i = first, k = 0; i < n; i += step, k++) {
    if (share && k % share->n != share->rank)
      continue;
    mine[self->taken->len] = frames[i];
    g_array_append_val(self->taken, i);
  }
  return cbigan_inference_run(self->inference, mine, self->taken->len, func, self, error);
}

static guint
taken(const Calibration *self, guint place)
{
  return g_array_index(self->taken, guint, place);
}

static gboolean
check(const CbiganModelInfo *info, const CbiganCalibrationOptions *options, const CbiganFrame *frames, guint n,
      GError **error)
{
  if (n < MIN_FRAMES)
    return cbigan_refuse(error,
                         n_("%u good picture to calibrate with; expected at least %u",
                            "%u good pictures to calibrate with; expected at least %u", n),
                         n, MIN_FRAMES);
  if (!(options->false_alarms >= 0.0 && options->false_alarms <= 0.5))
    return cbigan_refuse(error, _("false alarms is %g; expected 0 to 0.5"), options->false_alarms);
  if ((int)options->score < 0 || options->score >= CBIGAN_N_GAN_SCORES)
    return cbigan_refuse(error, _("an unknown kind of score; expected paper, calibrated or critic"));
  if (options->aligned && !info->frame_width)
    return cbigan_refuse(error,
                         _("statistics for each position need a model with a frame size; this one takes any size"));
  if (info->critic_blocks && (info->critic_grid < 1 || info->critic_grid > info->patch))
    return cbigan_refuse(error, _("the model's critic grid is %d; expected 1 to its patch, %d"), info->critic_grid,
                         info->patch);
  for (guint i = 0; i < n + options->n_seen; i++)
    if (!cbigan_tiling_check(info, i < n ? &frames[i] : &options->seen[i - n], FALSE, error))
      return FALSE;
  return TRUE;
}

/* In a picture whose two quantiles are equal, the gain can't be determined. */
static void
set_light(CbiganModelInfo *info, const CbiganFrame *frames, guint n)
{
  guint64 histogram[256] = { 0 };
  for (guint i = 0; i < n; i++)
    cbigan_light_histogram(&frames[i], 0, frames[i].height, histogram);
  info->light_low = cbigan_light_quantile(histogram, CBIGAN_LIGHT_LOW);
  info->light_median = cbigan_light_quantile(histogram, CBIGAN_LIGHT_MEDIAN);
  if (info->light_median - info->light_low < 1.0 / 127.5)
    info->light_low = info->light_median = NAN;
}

/* Makes the map. Tries memory for the sums of all folds, of all pictures and of all but a fold, with statistics of
 * these.
 */
static gboolean
try_room(Calibration *self, const CbiganSumsShape *shape, GError **error)
{
  gsize most = 0;
  for (guint i = 0; i < self->n; i++)
    most = MAX(most, (gsize)self->frames[i].width * (gsize)self->frames[i].height);
  return (self->map = cbigan_try_new(float, most, error)) &&
         cbigan_try_room(self->folds + 3, cbigan_sums_size(shape), error);
}

static gboolean
open_networks(Calibration *self, GError **error)
{
  const CbiganModelInfo *info = &self->model->info;
  guint needs[CBIGAN_N_VIEWS] = { 0 };
  for (int i = 0; i < CBIGAN_N_GAN_SCORES; i++)
    needs[cbigan_score_rows[i].view] |= cbigan_score_rows[i].needs;
  const CbiganBackendOptions options = { .name = self->options->backend,
                                         .device = self->options->device,
                                         .threads = self->options->threads,
                                         .precision = CBIGAN_PRECISION_FP32 };
  self->backend = cbigan_backend_open(&options, error);
  if (!self->backend ||
      !(self->inference = cbigan_inference_new(self->model, self->backend, needs, NULL, BATCH, NULL, error)))
    return FALSE;
  gboolean aligned = self->options->aligned;
  gboolean one_patch = info->frame_width == info->patch && info->frame_height == info->patch;
  CbiganSumsShape shape = { .w = aligned ? info->frame_width : 1,
                            .h = aligned ? info->frame_height : 1,
                            /* one mean and covariance per position of the patch, only where a frame is one patch */
                            .positions = aligned && one_patch ? info->critic_grid * info->critic_grid : 1,
                            .grid = info->critic_grid,
                            .channels = cbigan_model_critic_channels(info) };
  if (!try_room(self, &shape, error))
    return FALSE;
  for (guint fold = 0; fold < self->folds; fold++)
    self->sums[fold] = cbigan_sums_new(&shape);
  self->total = cbigan_sums_new(&shape);
  return TRUE;
}

static void
add_to_sums(guint frame, const CbiganMeasurement *m, gpointer data)
{
  Calibration *self = data;
  CbiganSums *sums = self->sums[taken(self, frame) % self->folds];
  const gsize n = (gsize)m->tiling->width * (gsize)m->tiling->height;
  cbigan_inference_local_map(m, self->map);
  cbigan_sums_add_map(sums, self->map, n);
  cbigan_sums_add_features(sums, cbigan_inference_features(m), (guint)(m->tiling->columns * m->tiling->rows));
}

static void
add_seen(guint frame, const CbiganMeasurement *m, gpointer data)
{
  cbigan_sums_add_features(((Calibration *)data)->total, cbigan_inference_features(m),
                           (guint)(m->tiling->columns * m->tiling->rows));
}

static double
score_one(Calibration *self, CbiganScoreKind kind, const CbiganMeasurement *m)
{
  const CbiganScoreRow *row = &cbigan_score_rows[kind];
  if (!self->areas || !cbigan_areas_prepare(self->areas, m->tiling->width, m->tiling->height, NULL))
    return row->score(&self->baseline, m);
  if (kind != CBIGAN_SCORE_PAPER)
    row->map(&self->baseline, m, self->map);
  return cbigan_score_within(kind, &self->baseline, m, cbigan_areas_counts(self->areas, 0), self->map);
}

static void
score_out_of_fold(guint frame, const CbiganMeasurement *m, gpointer data)
{
  Calibration *self = data;
  for (int i = 0; i < CBIGAN_N_GAN_SCORES; i++)
    self->scores[i][taken(self, frame)] = score_one(self, (CbiganScoreKind)i, m);
}

static gboolean
score_fold(Calibration *self, GError **error)
{
  g_autoptr(CbiganSums) others = cbigan_sums_difference(self->total, self->sums[self->fold]);
  CbiganBaseline *baseline = &self->baseline;
  baseline->map = cbigan_sums_map(others);
  baseline->critic = cbigan_sums_critic(others);
  baseline->deviation_floor = cbigan_map_floor(&baseline->map);
  gboolean ok = cbigan_inference_set_baseline(self->inference, baseline, error) &&
                run_share(self, self->frames, self->fold, self->folds, self->n, score_out_of_fold, error);
  cbigan_statistics_clear(&baseline->map, &baseline->critic);
  return ok;
}

static void
finish_model(Calibration *self)
{
  CbiganModel *model = self->model;
  CbiganScoreKind score = self->options->score;
  cbigan_statistics_clear(&model->map, &model->critic);
  model->map = cbigan_sums_map(self->total);
  model->critic = cbigan_sums_critic(self->total);
  for (int i = 0; i < CBIGAN_N_GAN_SCORES; i++)
    model->info.scores[i] = TRUE;
  model->info.score = score;
  model->info.threshold = cbigan_threshold_for(self->scores[score], self->n, self->options->false_alarms);
  g_free((gpointer)model->info.good_scores);
  model->info.good_scores = g_steal_pointer(&self->scores[score]);
  model->info.n_good_scores = self->n;
  model->info.bf16_error = NAN; /* bf16_error belonged to the old statistics */
}

static gboolean
run(Calibration *self, GError **error)
{
  const CbiganCalibrationShare *share = self->options->share;
  if (!open_networks(self, error) || !run_share(self, self->frames, 0, 1, self->n, add_to_sums, error))
    return FALSE;
  for (guint fold = 0; share && fold < self->folds; fold++)
    cbigan_sums_foreach(self->sums[fold], share->sum);
  /* What the processes have of the total is added below, so only one may begin with the folds. */
  for (guint fold = 0; fold < self->folds && (!share || share->rank == 0); fold++)
    cbigan_sums_add(self->total, self->sums[fold]);
  if (!run_share(self, self->options->seen, 0, 1, self->options->n_seen, add_seen, error))
    return FALSE;
  if (share)
    cbigan_sums_foreach(self->total, share->sum);
  cbigan_baseline_init(&self->baseline, self->model);
  for (self->fold = 0; self->fold < self->folds; self->fold++)
    if (!score_fold(self, error))
      return FALSE;
  for (int i = 0; share && i < CBIGAN_N_GAN_SCORES; i++)
    share->sum(self->n, self->scores[i]); /* a picture that another process has scored is 0 here */
  finish_model(self);
  return TRUE;
}

/* Brightness and the like do not depend on whether a picture was trained on. */
static void
measure_pictures(CbiganModel *model, const CbiganCalibrationOptions *options, const CbiganFrame *frames, guint n)
{
  g_autofree CbiganFrame *all = g_new(CbiganFrame, n + options->n_seen);
  memcpy(all, frames, n * sizeof *all);
  if (options->n_seen)
    memcpy(all + n, options->seen, options->n_seen * sizeof *all);
  cbigan_usual_measure(&model->info.usual, all, n + options->n_seen);
}

gboolean
cbigan_model_calibrate(CbiganModel *model, const CbiganCalibrationOptions *options, const CbiganFrame *frames, guint n,
                       CbiganBf16Check *bf16, GError **error)
{
  g_return_val_if_fail(model && options && (frames || !n), FALSE);
  if (model->inspector_network) {
    if (bf16)
      bf16->untried = g_strdup(_("an inspector is not tried in bf16"));
    if (!cbigan_inspector_calibrate(model, options, frames, n, error))
      return FALSE;
    measure_pictures(model, options, frames, n);
    return TRUE;
  }
  if (!check(&model->info, options, frames, n, error))
    return FALSE;
  g_autoptr(CbiganAreas) areas = NULL;
  if (!cbigan_areas_for_frames(&model->info.mask, frames, n, &areas, error))
    return FALSE;
  CbiganModelInfo before = model->info;
  if (!model->info.critic_blocks) {
    model->info.critic_blocks = DEFAULT_BLOCKS;
    model->info.critic_grid = DEFAULT_GRID;
  }
  set_light(&model->info, frames, n);
  Calibration self = { .model = model,
                       .options = options,
                       .frames = frames,
                       .n = n,
                       .folds = MIN(FOLDS, n),
                       .areas = areas,
                       .taken = g_array_new(FALSE, FALSE, sizeof(guint)) };
  for (int i = 0; i < CBIGAN_N_GAN_SCORES; i++)
    self.scores[i] = g_new0(double, n);
  gboolean ok = run(&self, error);
  if (ok)
    measure_pictures(model, options, frames, n);
  else
    model->info = before;
  cbigan_inference_free(self.inference);
  g_clear_pointer(&self.backend, cbigan_backend_close);
  for (guint fold = 0; fold < self.folds; fold++)
    cbigan_sums_free(self.sums[fold]);
  cbigan_sums_free(self.total);
  for (int i = 0; i < CBIGAN_N_GAN_SCORES; i++)
    g_free(self.scores[i]);
  g_free(self.map);
  g_array_unref(self.taken);
  if (ok && bf16)
    cbigan_model_check_bf16(model, options, frames, n, bf16);
  return ok;
}
