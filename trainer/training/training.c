/* training.c - one training run: warm-up on L_C, then E and G against D; averages, checkpoints, the model
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The state of a run is the number of steps done and the arrays of list_arrays(); a checkpoint holds just these. All
 * that is random, and the rates, are functions of the seed and of that number (random.h, schedule.h). A new part of the
 * state is a row of list_arrays().
 */
#include "training.h"

#include <math.h>
#include <string.h>

#include "checkpoint.h"
#include "i18n.h"
#include "losses.h"
#include "model/error.h"
#include "model/model.h"
#include "origin.h"
#include "data/random.h"
#include "ranks.h"
#include "schedule.h"
#include "score/areas/areas.h"
#include "score/calibration.h"

#define MIN_HELD_OUT 4 /* that the calibration needs */
#define SMOOTHING 0.1  /* weight of the newest step in the progress */

struct _CbiganTraining {
  CbiganTrainOptions options;
  const CbiganDataset *dataset;   /* not owned */
  const CbiganPicture **pictures; /* shuffled: first n_train to train on, then n_held_out */
  guint n_train, n_held_out;
  CbiganBackend *backend;
  CbiganGrad grad;
  CbiganLearner learners[CBIGAN_N_NETWORKS];
  CbiganLosses *losses;
  CbiganBatches *batches; /* NULL before the first step, which decides where they begin */
  guint step;             /* number of steps done */
  gboolean failed;        /* a step did */
  GTimer *timer;
  double last;                         /* seconds, when the last step ended */
  double step_seconds, loss_r, loss_d; /* smoothed; NAN before the first */
};

static CbiganShape
flat(gsize n_floats)
{
  return (CbiganShape){ (int)n_floats, 1, 1 };
}

static guint
total_steps(const CbiganTraining *self)
{
  return cbigan_train_options_warmup(&self->options) + self->options.steps;
}

/* Shuffles the pictures and divides them into those to train on and those held out for the calibration. */
static gboolean
divide_pictures(CbiganTraining *self, GError **error)
{
  const CbiganTrainOptions *o = &self->options;
  guint n = self->dataset->pictures->len;
  self->n_held_out = o->held_out > 0.0 ? MAX(MIN_HELD_OUT, (guint)lround(o->held_out * n)) : 0;
  if (n < self->n_held_out + 1) {
    g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_ARGUMENT,
                n_("%u good picture; expected at least %u, of which %u are kept for the calibration",
                   "%u good pictures; expected at least %u, of which %u are kept for the calibration", n),
                n, self->n_held_out + 1, self->n_held_out);
    return FALSE;
  }
  self->n_train = n - self->n_held_out;
  g_autofree guint *order = g_new(guint, n);
  cbigan_random_order(cbigan_random_key(o->seed, CBIGAN_RANDOM_HELD_OUT, 0), n, order);
  self->pictures = g_new(const CbiganPicture *, n);
  for (guint i = 0; i < n; i++) {
    const CbiganPicture *p = cbigan_dataset_get(self->dataset, i);
    self->pictures[order[i]] = p;
    gboolean right = o->frame_width ? p->width == o->frame_width && p->height == o->frame_height
                                    : p->width >= o->patch && p->height >= o->patch;
    if (!right) {
      g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_ARGUMENT, _("%s: %dx%d pixels; expected %s%dx%d"), p->path,
                  p->width, p->height, o->frame_width ? "" : _("at least "), o->frame_width ? o->frame_width : o->patch,
                  o->frame_width ? o->frame_height : o->patch);
      return FALSE;
    }
  }
  return TRUE;
}

static gboolean
make_networks(CbiganTraining *self, GError **error)
{
  for (int i = 0; i < CBIGAN_N_NETWORKS; i++) {
    CbiganLearner *learner = &self->learners[i];
    if (!cbigan_learner_init(learner, self->backend, i, self->options.width, self->options.patch, error))
      return FALSE;
    gsize n = learner->network->n_floats;
    g_autofree float *start = cbigan_try_new(float, n, error);
    if (!start)
      return FALSE;
    cbigan_network_initialise(learner->network,
                              cbigan_random_key(self->options.seed, CBIGAN_RANDOM_PARAMETERS, (guint64)i), start);
    cbigan_backend_upload(self->backend, flat(n), 1, start, learner->parameters);
  }
  return TRUE;
}

CbiganTraining *
cbigan_training_new(const CbiganTrainOptions *options, const CbiganDataset *pictures, GError **error)
{
  if (!cbigan_train_options_check(options, error))
    return NULL;
  g_autoptr(CbiganTraining) self = g_new0(CbiganTraining, 1);
  self->options = *options;
  self->dataset = pictures;
  self->step_seconds = self->loss_r = self->loss_d = NAN;
  self->timer = g_timer_new();
  if (!divide_pictures(self, error))
    return NULL;
  const CbiganBackendOptions backend = { .name = options->backend,
                                         .device = options->device,
                                         .threads = options->threads,
                                         .purpose = CBIGAN_FOR_TRAINING,
                                         .precision = CBIGAN_PRECISION_FP32 };
  self->backend = cbigan_backend_open(&backend, error);
  if (!self->backend)
    return NULL;
  if (!cbigan_ranks_use_backend(self->backend, error) || !cbigan_grad_init(&self->grad, self->backend, error) ||
      !make_networks(self, error))
    return NULL;
  CbiganLossOptions losses = { .batch = options->batch / cbigan_ranks_n(),
                               .consistency = options->alpha > 0.0,
                               .adversarial = options->alpha < 1.0 && options->steps > 0,
                               .penalty = options->penalty };
  self->losses = cbigan_losses_new(&self->grad, self->learners, &losses, error);
  return self->losses ? g_steal_pointer(&self) : NULL;
}

void
cbigan_training_free(CbiganTraining *self)
{
  if (!self)
    return;
  cbigan_batches_free(self->batches);
  cbigan_losses_free(self->losses);
  for (int i = 0; i < CBIGAN_N_NETWORKS; i++)
    cbigan_learner_clear(&self->learners[i], self->backend);
  cbigan_ranks_leave_backend();
  g_clear_pointer(&self->backend, cbigan_backend_close);
  g_timer_destroy(self->timer);
  g_free(self->pictures);
  g_free(self);
}

/* All processes see the same losses, so that all go on or none. */
static gboolean
check_losses(const CbiganTraining *self, CbiganLossValues *v, GError **error)
{
  double mean[] = { v->reconstruction, v->latent, v->critic, v->penalty };
  cbigan_ranks_average_doubles(G_N_ELEMENTS(mean), mean);
  v->reconstruction = mean[0];
  v->latent = mean[1];
  v->critic = mean[2];
  v->penalty = mean[3];
  if ((!v->has_consistency || (isfinite(v->reconstruction) && isfinite(v->latent))) &&
      (!v->has_critic || isfinite(v->critic)) && (!v->has_penalty || isfinite(v->penalty)))
    return TRUE;
  g_set_error(
      error, CBIGAN_ERROR, CBIGAN_ERROR_ARGUMENT,
      _("step %u: the loss is not finite (L_R %g, L_R' %g, L_D %g, gradient penalty %g); a smaller rate may help"),
      self->step + 1, v->reconstruction, v->latent, v->critic, v->penalty);
  return FALSE;
}

static gboolean
step_critic(CbiganTraining *self, CbiganLossValues *values, GError **error)
{
  return cbigan_losses_critic(self->losses, cbigan_batches_next(self->batches), values, error) &&
         check_losses(self, values, error);
}

static gboolean
step_encoder_generator(CbiganTraining *self, double alpha, CbiganLossValues *values, GError **error)
{
  return cbigan_losses_encoder_generator(self->losses, cbigan_batches_next(self->batches), alpha, values, error) &&
         check_losses(self, values, error);
}

/* L_EG and L_C differ in scale (alpha), so the moments of the warm-up would all but stop the updates after it. */
static void
forget_moments(CbiganTraining *self)
{
  for (int kind = 0; kind < CBIGAN_N_NETWORKS; kind++) {
    const CbiganLearner *l = &self->learners[kind];
    cbigan_grad_fill(&self->grad, l->network->n_floats, 0.0f, l->moment1);
    cbigan_grad_fill(&self->grad, l->network->n_floats, 0.0f, l->moment2);
  }
}

static gboolean
run_step(CbiganTraining *self, CbiganLossValues *critic, CbiganLossValues *values, GError **error)
{
  guint warmup = cbigan_train_options_warmup(&self->options), n = cbigan_schedule_critic_updates(&self->options);
  if (self->step < warmup)
    return step_encoder_generator(self, 1.0, values, error);
  if (self->step == warmup)
    forget_moments(self);
  for (guint i = 0; i < n; i++)
    if (!step_critic(self, critic, error))
      return FALSE;
  return step_encoder_generator(self, self->options.alpha, values, error);
}

static void
give_numbers(gconstpointer options, guint64 number, CbiganUpdate *update)
{
  *update = cbigan_schedule_update(options, number);
}

static void
smooth(double *value, double newest)
{
  *value = isnan(*value) ? newest : isnan(newest) ? *value : *value + SMOOTHING * (newest - *value);
}

static void
fill_progress(CbiganTraining *self, CbiganTrainProgress *progress)
{
  double now = g_timer_elapsed(self->timer, NULL);
  smooth(&self->step_seconds, now - self->last);
  self->last = now;
  *progress = (CbiganTrainProgress){ .step = self->step,
                                     .steps = total_steps(self),
                                     .warming_up = self->step < cbigan_train_options_warmup(&self->options),
                                     .seconds = now,
                                     .waited = cbigan_batches_waited(self->batches),
                                     .rate = 1.0 / MAX(self->step_seconds, 1e-9),
                                     .loss_r = self->loss_r,
                                     .loss_d = self->loss_d };
}

gboolean
cbigan_training_step(CbiganTraining *self, CbiganTrainProgress *progress, GError **error)
{
  g_return_val_if_fail(!cbigan_training_done(self) && !self->failed, FALSE);
  if (!self->batches) {
    const int part = self->options.batch / cbigan_ranks_n();
    CbiganBatchOptions options = { .pictures = self->pictures,
                                   .n_pictures = self->n_train,
                                   .batch = part,
                                   .first = cbigan_ranks_rank() * part,
                                   .whole = self->options.batch,
                                   .patch = self->options.patch,
                                   .rotation = self->options.rotation,
                                   .seed = self->options.seed,
                                   .grad = &self->grad,
                                   .update = give_numbers,
                                   .data = &self->options };
    self->batches = cbigan_batches_new(&options, cbigan_schedule_batches_before(&self->options, self->step), error);
    if (!self->batches)
      return FALSE;
    self->last = g_timer_elapsed(self->timer, NULL);
  }
  CbiganLossValues critic = { .critic = NAN }, values;
  if (!run_step(self, &critic, &values, error)) {
    self->failed = TRUE;
    return FALSE;
  }
  self->step++;
  smooth(&self->loss_r, values.reconstruction);
  smooth(&self->loss_d, critic.critic);
  fill_progress(self, progress);
  return TRUE;
}

gboolean
cbigan_training_done(const CbiganTraining *self)
{
  return self->step >= total_steps(self);
}

/* Fills arrays[] (name and size only) and where[] for every array of a checkpoint; returns their number. */
#define MAX_ARRAYS (CBIGAN_N_NETWORKS * 4)
#define WRITING 4 /* copies of the arrays, at most, while a checkpoint is written */
static guint
list_arrays(const CbiganTraining *self, CbiganCheckpointArray *arrays, float **where)
{
  guint n = 0;
  for (int i = 0; i < CBIGAN_N_NETWORKS; i++) {
    const CbiganLearner *l = &self->learners[i];
    const struct {
      const char *name;
      float *array;
    } rows[] = { { "parameters", l->parameters },
                 { "mean", l->mean }, /* D has none */
                 { "moment1", l->moment1 },
                 { "moment2", l->moment2 } };
    for (gsize k = 0; k < G_N_ELEMENTS(rows); k++) {
      if (!rows[k].array)
        continue;
      arrays[n] = (CbiganCheckpointArray){ g_strdup_printf("%s.%s", cbigan_network_prefix(i), rows[k].name),
                                           l->network->n_floats, NULL };
      where[n++] = rows[k].array;
    }
  }
  return n;
}

/* A failed step spoils the parameters: Adam takes the gradients before the losses are read. */
static gboolean
check_usable(const CbiganTraining *self, const char *path, GError **error)
{
  if (self->failed)
    g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_ARGUMENT, _("%s: not written, because step %u failed"), path,
                self->step + 1);
  return !self->failed;
}

gboolean
cbigan_training_save(CbiganTraining *self, const char *path, GError **error)
{
  float *where[MAX_ARRAYS];
  gsize all = 0;
  g_auto(CbiganCheckpoint) checkpoint = { .step = self->step,
                                          .options = cbigan_train_options_describe(&self->options),
                                          .digest = g_strdup(self->dataset->digest),
                                          .arrays = g_new0(CbiganCheckpointArray, MAX_ARRAYS) };
  if (!check_usable(self, path, error))
    return FALSE;
  checkpoint.n_arrays = list_arrays(self, checkpoint.arrays, where);
  for (guint i = 0; i < checkpoint.n_arrays; i++)
    all += checkpoint.arrays[i].size;
  if (!cbigan_try_room(WRITING * all, sizeof(float), error))
    return FALSE;
  for (guint i = 0; i < checkpoint.n_arrays; i++) {
    CbiganCheckpointArray *a = &checkpoint.arrays[i];
    a->data = g_new(float, a->size);
    cbigan_backend_download(self->backend, flat(a->size), 1, where[i], a->data);
  }
  return cbigan_backend_finish(self->backend, error) && cbigan_checkpoint_write(&checkpoint, path, error);
}

static gboolean
check_same_run(const CbiganTraining *self, const CbiganCheckpoint *checkpoint, const char *path, GError **error)
{
  g_autofree char *options = cbigan_train_options_describe(&self->options);
  if (!cbigan_checkpoint_same_run(checkpoint, path, options, self->dataset->digest, error))
    return FALSE;
  if (checkpoint->step > total_steps(self)) {
    g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_FORMAT, _("%s: at step %u; expected at most %u"), path,
                checkpoint->step, total_steps(self));
    return FALSE;
  }
  return TRUE;
}

gboolean
cbigan_training_resume(CbiganTraining *self, const char *path, GError **error)
{
  g_return_val_if_fail(!self->batches, FALSE);
  g_auto(CbiganCheckpoint) expected = { .arrays = g_new0(CbiganCheckpointArray, MAX_ARRAYS) }, checkpoint = { 0 };
  float *where[MAX_ARRAYS];
  expected.n_arrays = list_arrays(self, expected.arrays, where);
  if (!cbigan_checkpoint_read(&checkpoint, path, error) || !check_same_run(self, &checkpoint, path, error) ||
      !cbigan_checkpoint_expect(&checkpoint, path, expected.arrays, expected.n_arrays, error))
    return FALSE;
  for (guint i = 0; i < checkpoint.n_arrays; i++)
    cbigan_backend_upload(self->backend, flat(checkpoint.arrays[i].size), 1, checkpoint.arrays[i].data, where[i]);
  for (int kind = 0; kind < CBIGAN_N_NETWORKS; kind++)
    cbigan_losses_load(self->losses, kind);
  self->step = checkpoint.step;
  return cbigan_backend_finish(self->backend, error);
}

/* cbigan.training of the model file (transfer full) */
static char *
describe_training(const CbiganTraining *self)
{
  const CbiganTrainOptions *o = &self->options;
  g_autofree char *options = cbigan_train_options_describe(o);
  return cbigan_origin_describe(&(CbiganOrigin){ .preset = cbigan_preset_name(o->preset),
                                                 .digest = self->dataset->digest,
                                                 .pictures = self->n_train,
                                                 .held_out = self->n_held_out,
                                                 .count = "step",
                                                 .steps = self->step,
                                                 .seed = o->seed,
                                                 .adversarial = TRUE,
                                                 .alpha = o->alpha,
                                                 .average_decay = cbigan_train_options_decay(o),
                                                 .false_alarms = o->false_alarms,
                                                 .backend = self->backend,
                                                 .options = options });
}

static gboolean
calibrate(const CbiganTraining *self, CbiganModel *model, CbiganBf16Check *bf16, GError **error)
{
  const CbiganTrainOptions *o = &self->options;
  CbiganCalibrationOptions options = { .score = o->score,
                                       .aligned = o->preset == CBIGAN_PRESET_OBJECT,
                                       .false_alarms = o->false_alarms,
                                       .backend = o->backend,
                                       .device = o->device,
                                       .threads = o->threads };
  const CbiganCalibrationShare share = { (guint)cbigan_ranks_rank(), (guint)cbigan_ranks_n(),
                                         cbigan_ranks_sum_doubles };
  g_autofree CbiganFrame *frames = g_new(CbiganFrame, self->n_train + self->n_held_out);
  for (guint i = 0; i < self->n_train + self->n_held_out; i++)
    frames[i] = cbigan_picture_frame(self->pictures[i]);
  options.seen = frames;
  options.n_seen = self->n_train;
  options.share = share.n > 1 ? &share : NULL;
  return cbigan_model_calibrate(model, &options, frames + self->n_train, self->n_held_out, bf16, error);
}

CbiganModel *
cbigan_training_finish(CbiganTraining *self, CbiganBf16Check *bf16, GError **error)
{
  const CbiganTrainOptions *o = &self->options;
  if (!check_usable(self, _("model"), error))
    return NULL;
  g_autoptr(CbiganModel) model = cbigan_model_new(o->width, o->patch, error);
  if (!model)
    return NULL;
  for (int kind = 0; kind < CBIGAN_N_NETWORKS; kind++) {
    const CbiganLearner *l = &self->learners[kind];
    const float *from = self->step > 0 && l->mean ? l->mean : l->parameters;
    cbigan_backend_download(self->backend, flat(l->network->n_floats), 1, from, model->parameters[kind]);
  }
  if (!cbigan_backend_finish(self->backend, error))
    return NULL;
  model->info.frame_width = o->frame_width;
  model->info.frame_height = o->frame_height;
  model->info.tap = o->tap;
  model->info.lambda = o->lambda;
  model->info.training = describe_training(self);
  if (o->mask.counts && !cbigan_areas_set_model_mask(model, &o->mask, error))
    return NULL;
  if (self->n_held_out > 0 && !calibrate(self, model, bf16, error))
    return NULL;
  return g_steal_pointer(&model);
}
