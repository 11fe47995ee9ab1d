/* inspector_training.c - one training of an inspector, from good pictures to a model
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "inspector_training.h"

#include <math.h>
#include <string.h>

#include "checkpoint.h"
#include "good_pictures.h"
#include "i18n.h"
#include "inspector_learner.h"
#include "model/error.h"
#include "origin.h"
#include "proxy.h"
#include "ranks.h"
#include "screening.h"
#include "score/areas/areas.h"
#include "score/calibration.h"
#include "train_options.h"

#define RISE 20             /* updates in which the rate rises */
#define LAST_RATE 0.02      /* of the largest, at the end of the cosine */
#define AVERAGED 0.995f     /* decay of the averaged weights */
#define MEASUREMENTS 10     /* of the proxy, in a whole training */
#define FIRST_MEASUREMENT 4 /* of them: the weights before are never the best */
#define LATELY 0.05         /* weight of the newest update in what the progress shows */
#define MIN_HELD_OUT 4
#define MOST_SUSPECTS 10 /* that are named */

struct _CbiganInspectorTraining {
  CbiganInspectorOptions options;
  const char *digest;     /* of the pictures */
  CbiganDataset *upright; /* the pictures with their parts upright; NULL: as they lie */
  CbiganDataset *others;  /* of these, without those that are left out */
  CbiganGoodSet good;
  CbiganUsualPictures usual; /* of the pictures as they lie */
  CbiganBackend *backend;
  CbiganGrad grad;
  CbiganInspector inspector; /* its parameters: the best so far */
  CbiganNetwork *network;
  CbiganInspectorLearner *learner;
  CbiganDefectBatches *batches;
  CbiganProxy *proxy;
  float *best; /* (n_floats) */
  double best_proxy, loss, step_seconds, last;
  guint update, measured;
  GTimer *timer;
  GArray *left_out, *suspects; /* of CbiganSuspect */
};

static gboolean
open_networks(CbiganInspectorTraining *self, GError **error)
{
  const CbiganInspectorOptions *o = &self->options;
  CbiganInspector *inspector = &self->inspector;
  const CbiganBackendOptions chosen = { .name = o->backend,
                                        .device = o->device,
                                        .threads = o->threads,
                                        .purpose = CBIGAN_FOR_TRAINING,
                                        .precision = CBIGAN_PRECISION_FP32 };
  self->backend = cbigan_backend_open(&chosen, error);
  if (!self->backend)
    return FALSE;
  if (!cbigan_ranks_use_backend(self->backend, error) || !cbigan_grad_init(&self->grad, self->backend, error))
    return FALSE;
  self->network = cbigan_inspector_network(inspector, o->side, o->side);
  inspector->parameters = g_new0(float, self->network->n_floats);
  self->best = g_new0(float, self->network->n_floats);
  self->learner = cbigan_inspector_learner_new(&self->grad, self->network, o->batch / cbigan_ranks_n(), o->seed, error);
  if (!self->learner)
    return FALSE;
  self->proxy = cbigan_proxy_new(&self->good.held_out, inspector, &o->mask, self->backend, o->seed, error);
  return self->proxy != NULL;
}

/* Crops fit into the smallest picture. */
static int
choose_side(int side, const CbiganDataset *pictures)
{
  for (guint i = 0; i < pictures->pictures->len; i++) {
    const CbiganPicture *p = cbigan_dataset_get(pictures, i);
    side = MIN(side, MIN(p->width, p->height));
  }
  return MAX(side / CBIGAN_INSPECTOR_STEP, CBIGAN_LEAST_SURFACE / CBIGAN_INSPECTOR_STEP) * CBIGAN_INSPECTOR_STEP;
}

/* The pictures as they lie -> those that the training has, upright and without odd ones. NULL with an error. */
static const CbiganDataset *
prepare_pictures(CbiganInspectorTraining *self, const CbiganDataset *pictures, GError **error)
{
  const CbiganInspectorOptions *o = &self->options;
  const CbiganDataset *upright = pictures;
  if (o->aligned && cbigan_align_is_needed(pictures, o->align))
    upright = self->upright = cbigan_align_pictures(pictures, &self->inspector.pose, error);
  if (!upright || (o->aligned && !cbigan_screen_pictures(o, upright, self->left_out, error)))
    return NULL;
  g_autoptr(CbiganDataset) measured = cbigan_screen_others(pictures, self->left_out);
  cbigan_good_pictures_measure(&self->usual, measured);
  return self->others = cbigan_screen_others(upright, self->left_out);
}

CbiganInspectorTraining *
cbigan_inspector_training_new(const CbiganInspectorOptions *options, const CbiganDataset *pictures, GError **error)
{
  g_autoptr(CbiganInspectorTraining) self = g_new0(CbiganInspectorTraining, 1);
  CbiganInspector *inspector = &self->inspector;
  self->options = *options;
  self->digest = pictures->digest ? pictures->digest : "";
  self->best_proxy = self->loss = self->step_seconds = NAN;
  self->measured = FIRST_MEASUREMENT - 1;
  self->timer = g_timer_new();
  self->suspects = g_array_new(FALSE, FALSE, sizeof(CbiganSuspect));
  self->left_out = g_array_new(FALSE, FALSE, sizeof(CbiganSuspect));
  inspector->width = options->width;
  inspector->shared_overlap = !options->aligned;
  inspector->maps[CBIGAN_MAP_LOGIT] = (CbiganInspectorMap){ .used = TRUE, .scale = 1.0 };
  if (!(pictures = prepare_pictures(self, pictures, error)))
    return NULL;
  const guint n = pictures->pictures->len;
  const guint held_out = MAX(MIN_HELD_OUT, (guint)lround(options->held_out * n));
  self->options.side = choose_side(options->side, pictures);
  if (!cbigan_good_set_init(&self->good, pictures, held_out, options->aligned, self->options.side, options->seed,
                            error))
    return NULL;
  cbigan_good_set_describe(&self->good, inspector);
  return open_networks(self, error) ? g_steal_pointer(&self) : NULL;
}

void
cbigan_inspector_training_free(CbiganInspectorTraining *self)
{
  if (!self)
    return;
  cbigan_defect_batches_free(self->batches);
  cbigan_proxy_free(self->proxy);
  cbigan_inspector_learner_free(self->learner);
  cbigan_network_free(self->network);
  cbigan_ranks_leave_backend();
  g_clear_pointer(&self->backend, cbigan_backend_close);
  cbigan_inspector_clear(&self->inspector);
  cbigan_good_set_clear(&self->good);
  g_clear_pointer(&self->others, cbigan_dataset_free);
  g_clear_pointer(&self->upright, cbigan_dataset_free);
  g_free(self->best);
  g_array_unref(self->suspects);
  g_array_unref(self->left_out);
  g_timer_destroy(self->timer);
  g_free(self);
}

/* By updates or by time, whichever is further. */
static double
share_done(const CbiganInspectorTraining *self)
{
  const CbiganInspectorOptions *o = &self->options;
  double by_updates = (double)self->update / o->updates;
  return o->seconds > 0.0 ? MAX(by_updates, g_timer_elapsed(self->timer, NULL) / o->seconds) : by_updates;
}

gboolean
cbigan_inspector_training_done(const CbiganInspectorTraining *self)
{
  return self->update > 0 && share_done(self) >= 1.0;
}

static CbiganUpdate
update_numbers(const CbiganInspectorTraining *self)
{
  const double share = MIN(share_done(self), 1.0), rise = MIN(1.0, (self->update + 1.0) / RISE);
  const double cosine = LAST_RATE + (1.0 - LAST_RATE) * 0.5 * (1.0 + cos(G_PI * share));
  const float decay = MIN(AVERAGED, 1.0f - 1.0f / (float)(self->update + 1));
  return cbigan_update_numbers(self->update + 1, (float)(self->options.rate * rise * cosine), 0.9f, 0.99f, 1e-8f,
                               decay);
}

/* Keeps the averaged weights where the proxy says that they are the best so far. */
static gboolean
measure(CbiganInspectorTraining *self, GError **error)
{
  double auroc;
  if (!cbigan_inspector_learner_read(self->learner, CBIGAN_LEARNER_MEAN, self->inspector.parameters, error) ||
      !cbigan_proxy_measure(self->proxy, &self->good.train, &auroc, error))
    return FALSE;
  g_debug("proxy: update %u: %.3f", self->update, auroc);
  auroc = (float)auroc; /* as checkpoints hold it, so that equal ones stay equal after a resumption */
  if (isnan(self->best_proxy) || auroc >= self->best_proxy) {
    self->best_proxy = auroc;
    memcpy(self->best, self->inspector.parameters, self->network->n_floats * sizeof(float));
  }
  return TRUE;
}

static void
smooth(double *value, double newest)
{
  *value = isnan(*value) ? newest : *value + LATELY * (newest - *value);
}

gboolean
cbigan_inspector_training_step(CbiganInspectorTraining *self, CbiganInspectorProgress *progress, GError **error)
{
  const CbiganInspectorOptions *o = &self->options;
  const int part = o->batch / cbigan_ranks_n();
  double loss;
  if (!self->batches && !(self->batches = cbigan_defect_batches_new(
                              &(CbiganDefectBatchOptions){ &self->good.train, part, o->side, o->seed,
                                                           cbigan_ranks_rank() * part, o->batch },
                              self->update, error)))
    return FALSE;
  const CbiganUpdate numbers = update_numbers(self);
  const CbiganDefectBatch *batch = cbigan_defect_batches_next(self->batches);
  if (!cbigan_inspector_learner_update(self->learner, &numbers, batch->x, batch->covered, &loss, error))
    return FALSE;
  self->update++;
  if (share_done(self) * MEASUREMENTS >= self->measured + 1) {
    self->measured = (guint)(share_done(self) * MEASUREMENTS);
    if (!measure(self, error))
      return FALSE;
  }
  double now = g_timer_elapsed(self->timer, NULL);
  smooth(&self->loss, loss);
  smooth(&self->step_seconds, now - self->last);
  self->last = now;
  *progress = (CbiganInspectorProgress){ .update = self->update,
                                         .updates = o->updates,
                                         .share = share_done(self),
                                         .seconds = now,
                                         .waited = cbigan_defect_batches_waited(self->batches),
                                         .rate = 1.0 / MAX(self->step_seconds, 1e-9),
                                         .loss = self->loss,
                                         .proxy = self->best_proxy };
  return TRUE;
}

/* --- checkpoints ------------------------------------------------------------------------------------------------ */

/* Every option that the weights depend on (transfer full). */
static char *
describe_options(const CbiganInspectorTraining *self)
{
  const CbiganInspectorOptions *o = &self->options;
  char rate[G_ASCII_DTOSTR_BUF_SIZE], held_out[G_ASCII_DTOSTR_BUF_SIZE];
  return g_strdup_printf(
      "inspector=%s frame=%dx%d align=%d width=%d batch=%d side=%d updates=%u rate=%s seed=%" G_GUINT64_FORMAT
      " held-out=%s pictures=%u",
      o->aligned ? "object" : "texture", self->inspector.w, self->inspector.h, o->align, o->width, o->batch, o->side,
      o->updates, g_ascii_dtostr(rate, sizeof rate, o->rate), o->seed,
      g_ascii_dtostr(held_out, sizeof held_out, o->held_out), self->good.train.n + self->good.held_out.n);
}

static const char *const array_names[] = {
  [CBIGAN_LEARNER_PARAMETERS] = "inspector.parameters",
  [CBIGAN_LEARNER_MEAN] = "inspector.mean",
  [CBIGAN_LEARNER_MOMENT1] = "inspector.moment1",
  [CBIGAN_LEARNER_MOMENT2] = "inspector.moment2",
};
enum { N_LEARNER = G_N_ELEMENTS(array_names), BEST = N_LEARNER, PROXY, N_ARRAYS };

/* Names and sizes; memory for the numbers. PROXY: the best one, and how often it was measured. */
static void
make_arrays(const CbiganInspectorTraining *self, CbiganCheckpoint *checkpoint)
{
  checkpoint->arrays = g_new0(CbiganCheckpointArray, N_ARRAYS);
  checkpoint->n_arrays = N_ARRAYS;
  for (guint i = 0; i < N_ARRAYS; i++) {
    CbiganCheckpointArray *a = &checkpoint->arrays[i];
    a->name = g_strdup(i < N_LEARNER ? array_names[i] : i == BEST ? "inspector.best" : "inspector.proxy");
    a->size = i == PROXY ? 2 : self->network->n_floats;
    a->data = g_new0(float, a->size);
  }
}

gboolean
cbigan_inspector_training_save(CbiganInspectorTraining *self, const char *path, GError **error)
{
  g_auto(CbiganCheckpoint)
      checkpoint = { .step = self->update, .options = describe_options(self), .digest = g_strdup(self->digest) };
  make_arrays(self, &checkpoint);
  for (guint i = 0; i < N_LEARNER; i++)
    if (!cbigan_inspector_learner_read(self->learner, (CbiganLearnerArray)i, checkpoint.arrays[i].data, error))
      return FALSE;
  memcpy(checkpoint.arrays[BEST].data, self->best, self->network->n_floats * sizeof(float));
  checkpoint.arrays[PROXY].data[0] = isnan(self->best_proxy) ? -1.0f : (float)self->best_proxy;
  checkpoint.arrays[PROXY].data[1] = (float)self->measured;
  return cbigan_checkpoint_write(&checkpoint, path, error);
}

gboolean
cbigan_inspector_training_resume(CbiganInspectorTraining *self, const char *path, GError **error)
{
  g_return_val_if_fail(!self->batches, FALSE);
  g_auto(CbiganCheckpoint) expected = { 0 }, checkpoint = { 0 };
  g_autofree char *options = describe_options(self);
  make_arrays(self, &expected);
  if (!cbigan_checkpoint_read(&checkpoint, path, error) ||
      !cbigan_checkpoint_same_run(&checkpoint, path, options, self->digest, error) ||
      !cbigan_checkpoint_expect(&checkpoint, path, expected.arrays, N_ARRAYS, error))
    return FALSE;
  for (guint i = 0; i < N_ARRAYS; i++)
    memcpy(expected.arrays[i].data, checkpoint.arrays[i].data, expected.arrays[i].size * sizeof(float));
  for (guint i = 0; i < N_LEARNER; i++)
    cbigan_inspector_learner_write(self->learner, (CbiganLearnerArray)i, expected.arrays[i].data);
  memcpy(self->best, expected.arrays[BEST].data, self->network->n_floats * sizeof(float));
  self->best_proxy = expected.arrays[PROXY].data[0] < 0.0f ? NAN : (double)expected.arrays[PROXY].data[0];
  self->measured = (guint)expected.arrays[PROXY].data[1];
  self->update = checkpoint.step;
  return cbigan_backend_finish(self->backend, error);
}

/* --- the model -------------------------------------------------------------------------------------------------- */

/* cbigan.training of the model file (transfer full) */
static char *
describe(const CbiganInspectorTraining *self)
{
  const CbiganInspectorOptions *o = &self->options;
  g_autofree char *options = describe_options(self);
  return cbigan_origin_describe(&(CbiganOrigin){ .preset = o->aligned ? "object" : "texture",
                                                 .digest = self->digest,
                                                 .pictures = self->good.train.n,
                                                 .held_out = self->good.held_out.n,
                                                 .count = "updates",
                                                 .steps = self->update,
                                                 .seed = o->seed,
                                                 .false_alarms = o->false_alarms,
                                                 .backend = self->backend,
                                                 .options = options });
}

/* values: of the held-out pictures. Training pictures are compared with each other: the network knows them. */
static gboolean
find_suspects(CbiganInspectorTraining *self, const double *values, GError **error)
{
  const CbiganGoodPictures *train = &self->good.train, *held_out = &self->good.held_out;
  g_autofree double *trained = g_new(double, train->n);
  if (!cbigan_proxy_score(self->proxy, train, trained, NULL, error))
    return FALSE;
  cbigan_suspects_add(self->suspects, CBIGAN_SUSPECT_FAR, train->pictures, trained, train->n);
  cbigan_suspects_add(self->suspects, CBIGAN_SUSPECT_FAR, held_out->pictures, values, held_out->n);
  cbigan_suspects_sort(self->suspects, MOST_SUSPECTS);
  return TRUE;
}

const GArray *
cbigan_inspector_training_left_out(const CbiganInspectorTraining *self)
{
  return self->left_out;
}

const GArray *
cbigan_inspector_training_suspects(const CbiganInspectorTraining *self)
{
  return self->suspects;
}

CbiganModel *
cbigan_inspector_training_finish(CbiganInspectorTraining *self, GError **error)
{
  const guint n = self->good.held_out.n;
  g_autofree double *values = g_new(double, n), *peaks = g_new(double, (gsize)n *CBIGAN_CELLS_PEAKS);
  g_autofree char *tried = NULL;
  double auroc;
  g_clear_pointer(&self->batches, cbigan_defect_batches_free);
  if (isnan(self->best_proxy) && !measure(self, error))
    return NULL;
  memcpy(self->inspector.parameters, self->best, self->network->n_floats * sizeof(float));
  if (!cbigan_proxy_choose(self->proxy, &self->good.train, values, peaks, &auroc, &tried, error) ||
      !find_suspects(self, values, error))
    return NULL;
  g_autofree char *training = describe(self);
  g_autoptr(CbiganModel) model = cbigan_model_new_inspector(&self->inspector);
  self->inspector = (CbiganInspector){ 0 }; /* its arrays are the model's now */
  cbigan_inspector_set_threshold(model, values, peaks, n, self->options.false_alarms);
  if (self->options.mask.counts && !cbigan_areas_set_model_mask(model, &self->options.mask, error))
    return NULL;
  model->info.proxy = auroc;
  model->info.proxies = g_steal_pointer(&tried);
  model->info.usual = self->usual;
  model->info.training = g_steal_pointer(&training);
  return g_steal_pointer(&model);
}
