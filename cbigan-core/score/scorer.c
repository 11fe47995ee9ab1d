/* scorer.c - the scorer of cbigan.h: its options, opening, and what may change later
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "scorer.h"

#include <math.h>

#include "i18n.h"
#include "model/error.h"
#include "score/struct_sizes.h"

#define MAX_BATCH 1024

/* --- options --------------------------------------------------------------------------------------------------- */

static gboolean
check_score(const CbiganModelInfo *info, int kind, GError **error)
{
  if (kind < 0 || kind >= CBIGAN_N_SCORES)
    return cbigan_refuse(error, _("an unknown kind of score; expected paper, calibrated, critic or inspector"));
  if (info->scores[kind])
    return TRUE;
  g_autoptr(GString) known = g_string_new(NULL);
  for (int i = 0; i < CBIGAN_N_SCORES; i++)
    if (info->scores[i])
      g_string_append_printf(known, "%s“%s”", known->len ? ", " : "", cbigan_score_name((CbiganScoreKind)i));
  return cbigan_refuse(error, _("the model has no score “%s”; expected one that it has: %s"),
                       cbigan_score_name((CbiganScoreKind)kind), known->str);
}

static gboolean
check_threshold(double threshold, GError **error)
{
  return isnan(threshold) || (threshold >= 0.0 && isfinite(threshold)) ||
         cbigan_refuse(error, _("threshold is %g; expected a number of at least 0"), threshold);
}

static gboolean
check_lambda(double lambda, GError **error)
{
  return isnan(lambda) || (lambda >= 0.0 && lambda <= 1.0) ||
         cbigan_refuse(error, _("lambda is %g; expected 0 to 1"), lambda);
}

static gboolean
check_model(const CbiganModel *model, GError **error)
{
  const CbiganMapStatistics *map = &model->map;
  const CbiganModelInfo *info = &model->info;
  if (map->mean && map->w * map->h > 1 && (map->w != info->frame_width || map->h != info->frame_height))
    return cbigan_refuse(error, _("the model's statistics are for frames of %d x %d pixels, its frames have %d x %d"),
                         map->w, map->h, info->frame_width, info->frame_height);
  if (model->critic.mean && info->critic_grid > info->patch)
    return cbigan_refuse(error, _("the model's critic grid is %d; expected at most its patch, %d"), info->critic_grid,
                         info->patch);
  return TRUE;
}

static gboolean
check_options(const CbiganModel *model, const CbiganScorerOptions *options, CbiganScoreKind score, GError **error)
{
  if (!check_model(model, error) || !check_score(&model->info, score, error) ||
      !check_threshold(options->threshold, error) || !check_lambda(options->lambda, error))
    return FALSE;
  for (int i = 0; i < 32; i++)
    if ((options->also & 1u << i) && !check_score(&model->info, i, error))
      return FALSE;
  if (options->batch < 0 || options->batch > MAX_BATCH)
    return cbigan_refuse(error, _("batch is %d; expected 1 to %d, or 0 to have it chosen"), options->batch, MAX_BATCH);
  if (options->threads < 0)
    return cbigan_refuse(error, _("threads is %d; expected at least 1, or 0 for all"), options->threads);
  if ((int)options->precision < 0 || options->precision >= CBIGAN_N_PRECISIONS)
    return cbigan_refuse(error, _("an unknown precision; expected auto, fp32, bf16 or fp16"));
  if ((int)options->maps < 0 || options->maps >= CBIGAN_N_MAPS)
    return cbigan_refuse(error, _("an unknown choice of maps; expected all, anomalous or none"));
  return TRUE;
}

/* --- opening --------------------------------------------------------------------------------------------------- */

static void
find_needs(const CbiganScorer *self, guint needs[CBIGAN_N_VIEWS])
{
  for (int i = 0; i < CBIGAN_N_SCORES; i++)
    if (self->wanted & 1u << i) {
      const CbiganScoreRow *row = &cbigan_score_rows[i];
      needs[row->view] |= row->needs | (i == (int)self->score && self->maps != CBIGAN_MAPS_NONE ? row->map_needs : 0);
    }
}

/* Below about 50 MFLOP per frame use one thread: a second thread saves a third of the latency on an idle machine and
 * slows a busy one down. Returns 0 for the backend's own choice. */
static int
choose_threads(const CbiganScorer *self, int batch)
{
  const double little = 5e7; /* floating-point operations */
  if (self->model->inspector_network)
    return 0;
  const CbiganModelInfo *info = &self->model->info;
  CbiganNetwork *const *networks = self->model->networks;
  double work = 0.0, patches = info->frame_width ? ceil((double)info->frame_width / info->patch) *
                                                       ceil((double)info->frame_height / info->patch)
                                                 : INFINITY;
  guint needs[CBIGAN_N_VIEWS] = { 0 };
  find_needs(self, needs);
  for (int view = 0; view < CBIGAN_N_VIEWS; view++)
    for (int kind = 0; kind < CBIGAN_N_NETWORKS; kind++)
      if (needs[view] & (kind == CBIGAN_DISCRIMINATOR ? CBIGAN_NEEDS_FEATURES | CBIGAN_NEEDS_TERMS
                                                      : CBIGAN_NEEDS_DIFFERENCE | CBIGAN_NEEDS_TERMS))
        work += cbigan_network_work(networks[kind], networks[kind]->n_layers);
  return MAX(patches, batch) * work < little ? 1 : 0;
}

/* The model's bf16_error holds for the model's score only. */
static CbiganPrecision
choose_precision(const CbiganScorer *self, CbiganPrecision wanted)
{
  const CbiganModelInfo *info = &self->model->info;
  gboolean verdicts_stay = self->score == info->score && !isnan(info->bf16_error);
  return wanted == CBIGAN_PRECISION_AUTO && !verdicts_stay ? CBIGAN_PRECISION_FP32 : wanted;
}

/* The name that “auto” stands for, so that scorers with either name share an engine. */
static const char *
choose_backend(const char *name)
{
  if (name && !g_str_equal(name, "auto"))
    return name;
  for (const char *const *one = cbigan_backend_names(); *one; one++) {
    g_autofree char *why_not = cbigan_backend_unavailable(*one);
    if (!why_not)
      return *one;
  }
  return "auto"; /* opening says why there is none */
}

static gboolean
join_engine(CbiganScorer *self, const CbiganScorerOptions *options, GError **error)
{
  CbiganEngineKey key = { .model = self->model,
                          .backend = choose_backend(options->backend),
                          .device = options->device,
                          .threads = options->threads ? options->threads : choose_threads(self, options->batch),
                          .batch = options->batch,
                          .precision = choose_precision(self, options->precision),
                          .cuda_context = options->cuda_context };
  find_needs(self, key.needs);
  return cbigan_engine_join(&self->member, &key, options->shared, error);
}

CbiganScorer *
cbigan_scorer_new(CbiganModel *model, const CbiganScorerOptions *given, GError **error)
{
  const CbiganScorerOptions taken = cbigan_options_take(given), *options = &taken;
  g_return_val_if_fail(model, NULL);
  CbiganScoreKind score = options->score == CBIGAN_SCORE_MODEL ? model->info.score : options->score;
  if (!check_options(model, options, score, error))
    return NULL;
  g_autoptr(CbiganScorer) self = g_new0(CbiganScorer, 1);
  self->references = 1;
  self->model = cbigan_model_ref(model);
  self->score = score;
  self->maps = options->maps;
  self->wanted = options->also | 1u << score;
  cbigan_baseline_init(&self->baseline, model);
  if (!cbigan_scorer_set_threshold(self, options->threshold, error) ||
      !cbigan_scorer_set_lambda(self, options->lambda, error) || !join_engine(self, options, error) ||
      !cbigan_scorer_set_counting(self, NULL, error))
    return NULL;
  return g_steal_pointer(&self);
}

static void
free_cutouts(CbiganScorer *self)
{
  cbigan_cutouts_forget(self->cutouts);
  if (self->cutouts)
    cbigan_result_clear(&self->cutouts->result);
  g_clear_pointer(&self->cutouts, g_free);
}

CbiganScorer *
cbigan_scorer_ref(CbiganScorer *self)
{
  g_return_val_if_fail(self, NULL);
  g_atomic_int_inc(&self->references);
  return self;
}

void
cbigan_scorer_free(CbiganScorer *self)
{
  if (!self || !g_atomic_int_dec_and_test(&self->references))
    return;
  cbigan_engine_leave(&self->member);
  cbigan_region_search_clear(&self->regions);
  cbigan_areas_free(self->areas);
  free_cutouts(self);
  g_free(self->filled);
  g_free(self->map);
  cbigan_model_unref(self->model);
  g_free(self);
}

gboolean
cbigan_scorer_set_threshold(CbiganScorer *self, double threshold, GError **error)
{
  g_return_val_if_fail(self, FALSE);
  if (!check_threshold(threshold, error))
    return FALSE;
  const CbiganModelInfo *info = &self->model->info;
  self->threshold = isnan(threshold) && self->score == info->score ? info->threshold : threshold;
  return TRUE;
}

gboolean
cbigan_scorer_set_lambda(CbiganScorer *self, double lambda, GError **error)
{
  g_return_val_if_fail(self, FALSE);
  if (!check_lambda(lambda, error))
    return FALSE;
  self->baseline.lambda = isnan(lambda) ? self->model->info.lambda : lambda;
  return TRUE;
}

gboolean
cbigan_scorer_set_min_area(CbiganScorer *self, double min_area, GError **error)
{
  g_return_val_if_fail(self, FALSE);
  if (!(min_area >= 0.0 && min_area <= 1.0))
    return cbigan_refuse(error, _("smallest area is %g; expected 0 to 1"), min_area);
  self->min_area = min_area;
  return TRUE;
}

gboolean
cbigan_scorer_set_cutouts(CbiganScorer *self, double overlap, GError **error)
{
  g_return_val_if_fail(self, FALSE);
  const CbiganModelInfo *info = &self->model->info;
  if (isnan(overlap)) {
    free_cutouts(self);
    return TRUE;
  }
  if (!(overlap >= 0 && overlap <= 0.9))
    return cbigan_refuse(error, _("overlap of cutouts is %g; expected 0 to 0.9"), overlap);
  if (!cbigan_cutouts_check(info, error))
    return FALSE;
  if (!self->cutouts)
    self->cutouts = g_new0(CbiganCutouts, 1);
  self->cutouts->side_w = info->frame_width;
  self->cutouts->side_h = info->frame_height;
  self->cutouts->overlap = overlap;
  cbigan_cutouts_forget(self->cutouts);
  return TRUE;
}

gboolean
cbigan_scorer_set_counting(CbiganScorer *self, const CbiganCounting *given, GError **error)
{
  const CbiganCounting taken = cbigan_counting_take(given), *counting = &taken;
  const CbiganModelInfo *info = &self->model->info;
  g_autoptr(GError) reason = NULL;
  g_return_val_if_fail(self, FALSE);
  const gboolean fixed = info->frame_width && !self->cutouts;
  const int w = fixed ? info->frame_width : counting->picture_width;
  const int h = fixed ? info->frame_height : counting->picture_height;
  g_autoptr(CbiganAreas) areas = cbigan_areas_new(counting, &info->mask, &reason);
  if (reason || (areas && w && h && !cbigan_areas_prepare(areas, w, h, &reason))) {
    g_propagate_error(error, g_steal_pointer(&reason));
    return FALSE;
  }
  cbigan_areas_free(self->areas);
  self->areas = g_steal_pointer(&areas);
  cbigan_cutouts_forget(self->cutouts);
  return TRUE;
}

void
cbigan_scorer_set_batch_timeout(CbiganScorer *self, gint64 timeout)
{
  g_return_if_fail(self && timeout >= 0);
  self->member.timeout = timeout;
}

guint
cbigan_scorer_sharers(CbiganScorer *self)
{
  g_return_val_if_fail(self, 0);
  return cbigan_engine_members(&self->member);
}

const char *
cbigan_scorer_backend(const CbiganScorer *self)
{
  g_return_val_if_fail(self, NULL);
  return cbigan_backend_name(cbigan_engine_backend(&self->member));
}

CbiganPrecision
cbigan_scorer_precision(const CbiganScorer *self)
{
  g_return_val_if_fail(self, CBIGAN_PRECISION_AUTO);
  return cbigan_engine_backend(&self->member)->precision;
}
