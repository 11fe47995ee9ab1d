/* inspector_learner.c - the inspector network while it learns: loss, gradients, Adam, averaged weights
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Logits are few, so the loss and its gradient are computed on the host; everything else stays in backend memory.
 */
#include "inspector_learner.h"

#include <math.h>
#include <string.h>

#include "backprop.h"
#include "cbigan.h"
#include "data/random.h"
#include "i18n.h"
#include "model/error.h"
#include "ranks.h"

#define POSITIVE_WEIGHT 3.0  /* of defective positions, which are rare */
#define USUAL_POSITIONS 30.0 /* defective ones of a crop: more weigh less each, fewer more */
#define LEAST_SHARE 0.3      /* of POSITIVE_WEIGHT, and */
#define LARGEST_SHARE 3.0
#define DEFECTIVE 0.25f  /* share of a cell above which it is defective */
#define CLEAN 0.02f      /* share up to which it is good */
#define FIRST_BIAS -2.0f /* of the logit: most positions are good */
#define LARGEST_NORM 1.0

struct _CbiganInspectorLearner {
  CbiganGrad grad;
  const CbiganNetwork *network;
  int batch;
  CbiganBackprop *backprop;
  float *parameters, *gradients, *moment1, *moment2, *mean; /* (n_floats) each, backend memory */
  float *numbers;                                           /* backend memory: a CbiganUpdate */
  float *norm, *factor;                                     /* backend memory: one double, one float */
  float *logits, *grads;                                    /* (batch, positions), host */
};

static CbiganShape
flat(gsize n)
{
  return (CbiganShape){ (int)n, 1, 1 };
}

/* Variance of a convolution's start values times its inputs, by its place in the network. Residual blocks start with a
 * closing 1x1 of half the usual variance, the logit with a small one. */
static double
start_gain(const char *name)
{
  static const struct {
    const char *part;
    double gain;
  } gains[] = { { ".skip.", 1.0 },  { ".conv0.", 2.0 / 1.04 }, { ".conv1.", 2.0 / 1.04 },
                { ".conv2.", 0.5 }, { ".gather", 2.0 },        { ".logit.", 0.3 } };
  for (guint i = 0; i < G_N_ELEMENTS(gains); i++)
    if (strstr(name, gains[i].part))
      return gains[i].gain;
  g_return_val_if_reached(1.0);
}

/* He et al. 2015, from normal distributions. The four matrices of "gather" are one matrix over all blocks' channels. */
static float *
start_values(const CbiganNetwork *network, guint64 seed)
{
  float *start = g_new0(float, network->n_floats);
  int gathered = 0;
  for (int i = 0; i < network->n_parameters; i++)
    if (network->parameters[i].n_dims > 1 && strstr(network->parameters[i].name, ".gather"))
      gathered += network->parameters[i].dims[1];
  for (int i = 0; i < network->n_parameters; i++) {
    const CbiganParameter *p = &network->parameters[i];
    float *to = start + p->offset;
    if (p->n_dims == 1) {
      to[0] = strstr(p->name, ".logit.") ? FIRST_BIAS : 0.0f;
      continue;
    }
    double inputs = strstr(p->name, ".gather") ? gathered : (double)p->size / p->dims[0];
    float deviation = (float)sqrt(start_gain(p->name) / inputs);
    cbigan_random_normal(cbigan_random_key(seed, CBIGAN_RANDOM_INSPECTOR, (guint64)i), p->size, to);
    for (gsize k = 0; k < p->size; k++)
      to[k] *= deviation;
  }
  return start;
}

CbiganInspectorLearner *
cbigan_inspector_learner_new(const CbiganGrad *grad, const CbiganNetwork *network, int batch, guint64 seed,
                             GError **error)
{
  g_autoptr(CbiganInspectorLearner) self = g_new0(CbiganInspectorLearner, 1);
  *self = (CbiganInspectorLearner){ .grad = *grad, .network = network, .batch = batch };
  const gsize n = network->n_floats;
  const gsize outputs = (gsize)batch * cbigan_shape_size(network->values[network->output].shape);
  const struct {
    float **array;
    gsize size;
  } arrays[] = { { &self->parameters, n }, { &self->gradients, n },
                 { &self->moment1, n },    { &self->moment2, n },
                 { &self->mean, n },       { &self->numbers, sizeof(CbiganUpdate) / sizeof(float) },
                 { &self->norm, 2 },       { &self->factor, 1 } };
  for (guint i = 0; i < G_N_ELEMENTS(arrays); i++)
    if (!(*arrays[i].array = cbigan_backend_alloc(grad->backend, arrays[i].size, error)))
      return NULL;
  if (!(self->logits = cbigan_try_new(float, outputs, error)) || !(self->grads = cbigan_try_new(float, outputs, error)))
    return NULL;
  const CbiganBackpropOptions backprop = { .weights = TRUE, .ready = cbigan_ranks_begin_average };
  g_autofree float *start = start_values(network, seed);
  cbigan_backend_upload(grad->backend, flat(n), 1, start, self->parameters);
  cbigan_backend_upload(grad->backend, flat(n), 1, start, self->mean);
  self->backprop = cbigan_backprop_new(grad, network, batch, &backprop, self->parameters, error);
  return self->backprop ? g_steal_pointer(&self) : NULL;
}

void
cbigan_inspector_learner_free(CbiganInspectorLearner *self)
{
  if (!self)
    return;
  float *const arrays[] = { self->parameters, self->gradients, self->moment1, self->moment2,
                            self->mean,       self->numbers,   self->norm,    self->factor };
  cbigan_backprop_free(self->backprop);
  for (guint i = 0; i < G_N_ELEMENTS(arrays); i++)
    cbigan_backend_free(self->grad.backend, arrays[i]);
  g_free(self->logits);
  g_free(self->grads);
  g_free(self);
}

/* Of each defective position of a crop. */
static double
weight_of_defects(const float *covered, gsize n)
{
  double defective = 0.0;
  for (gsize i = 0; i < n; i++)
    defective += covered[i] > DEFECTIVE;
  const double share = sqrt(USUAL_POSITIONS / MAX(defective, 1.0));
  return POSITIVE_WEIGHT * CLAMP(share, LEAST_SHARE, LARGEST_SHARE);
}

/* Adds the loss of a crop's n positions to *sum; grads: its derivative with respect to the logits. */
static void
cross_entropy(gsize n, const float *logits, const float *covered, float *grads, double *sum)
{
  const double weight = weight_of_defects(covered, n);
  for (gsize i = 0; i < n; i++) {
    double logit = logits[i], good = log1p(exp(-fabs(logit))) + MAX(logit, 0.0), /* -log(1 - p) */
        probability = 1.0 / (1.0 + exp(-logit));
    if (covered[i] > DEFECTIVE) {
      *sum += weight * (good - logit);
      grads[i] = (float)(weight * (probability - 1.0));
    } else if (covered[i] > CLEAN) {
      grads[i] = 0.0f;
    } else {
      *sum += 2.0 * probability * good;
      grads[i] = (float)(2.0 * probability * (probability + (1.0 - probability) * good));
    }
  }
}

/* Returns the mean loss of all crops' positions; self->grads: its derivative. */
static double
loss_of_batch(CbiganInspectorLearner *self, const float *covered)
{
  const gsize n = cbigan_shape_size(self->network->values[self->network->output].shape);
  const gsize all = n * (gsize)self->batch;
  double sum = 0.0;
  for (gsize at = 0; at < all; at += n)
    cross_entropy(n, self->logits + at, covered + at, self->grads + at, &sum);
  for (gsize i = 0; i < all; i++)
    self->grads[i] = (float)(self->grads[i] / (double)all);
  return sum / (double)all;
}

gboolean
cbigan_inspector_learner_gradient(CbiganInspectorLearner *self, const float *x, const float *covered, double *loss,
                                  GError **error)
{
  const CbiganShape image = self->network->values[0].shape;
  const CbiganShape output = self->network->values[self->network->output].shape;
  cbigan_backend_upload(self->grad.backend, image, self->batch, x, cbigan_backprop_value(self->backprop, 0, 0));
  cbigan_backprop_forward(self->backprop);
  cbigan_backend_download(self->grad.backend, output, self->batch,
                          cbigan_backprop_value(self->backprop, self->network->output, 0), self->logits);
  if (!cbigan_backend_finish(self->grad.backend, error))
    return FALSE;
  *loss = loss_of_batch(self, covered);
  cbigan_backend_upload(self->grad.backend, output, self->batch, self->grads,
                        cbigan_backprop_grad(self->backprop, self->network->output, 0));
  cbigan_backprop_backward(self->backprop, self->gradients);
  return TRUE;
}

/* Scales the gradients so that their norm is at most LARGEST_NORM. */
static gboolean
clip_norm(CbiganInspectorLearner *self, GError **error)
{
  const gsize n = self->network->n_floats;
  double square;
  cbigan_grad_fill(&self->grad, 2, 0.0f, self->norm);
  cbigan_grad_square_norms(&self->grad, 1, n, self->gradients, (double *)(gpointer)self->norm);
  cbigan_backend_download(self->grad.backend, flat(2), 1, self->norm, (float *)(gpointer)&square);
  if (!cbigan_backend_finish(self->grad.backend, error))
    return FALSE;
  if (square <= LARGEST_NORM * LARGEST_NORM)
    return TRUE;
  float factor = (float)(LARGEST_NORM / sqrt(square));
  cbigan_backend_upload(self->grad.backend, flat(1), 1, &factor, self->factor);
  cbigan_grad_scale(&self->grad, 1, n, self->factor, self->gradients, self->gradients);
  return TRUE;
}

gboolean
cbigan_inspector_learner_update(CbiganInspectorLearner *self, const CbiganUpdate *numbers, const float *x,
                                const float *covered, double *loss, GError **error)
{
  const gsize n = self->network->n_floats;
  const CbiganUpdate *update = (const CbiganUpdate *)(gconstpointer)self->numbers;
  if (!cbigan_inspector_learner_gradient(self, x, covered, loss, error))
    return FALSE;
  cbigan_ranks_end_averages();
  cbigan_ranks_average_doubles(1, loss);
  if (!clip_norm(self, error))
    return FALSE;
  if (!isfinite(*loss)) {
    g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_ARGUMENT,
                _("the inspector's loss is %g; expected a finite number, which a smaller rate may give"), *loss);
    return FALSE;
  }
  cbigan_backend_upload(self->grad.backend, flat(sizeof *numbers / sizeof(float)), 1,
                        (const float *)(gconstpointer)numbers, self->numbers);
  cbigan_grad_adam(&self->grad, n, update, self->gradients, self->moment1, self->moment2, self->parameters);
  cbigan_grad_average(&self->grad, n, update, self->parameters, self->mean);
  cbigan_backprop_load(self->backprop);
  return cbigan_backend_finish(self->grad.backend, error);
}

static float *
array_of(CbiganInspectorLearner *self, CbiganLearnerArray array)
{
  float *const arrays[CBIGAN_N_LEARNER_ARRAYS] = {
    [CBIGAN_LEARNER_PARAMETERS] = self->parameters, [CBIGAN_LEARNER_MEAN] = self->mean,
    [CBIGAN_LEARNER_MOMENT1] = self->moment1,       [CBIGAN_LEARNER_MOMENT2] = self->moment2,
    [CBIGAN_LEARNER_GRADIENTS] = self->gradients,
  };
  return arrays[array];
}

gboolean
cbigan_inspector_learner_read(CbiganInspectorLearner *self, CbiganLearnerArray array, float *host, GError **error)
{
  cbigan_backend_download(self->grad.backend, flat(self->network->n_floats), 1, array_of(self, array), host);
  return cbigan_backend_finish(self->grad.backend, error);
}

void
cbigan_inspector_learner_write(CbiganInspectorLearner *self, CbiganLearnerArray array, const float *host)
{
  cbigan_backend_upload(self->grad.backend, flat(self->network->n_floats), 1, host, array_of(self, array));
  if (array == CBIGAN_LEARNER_PARAMETERS)
    cbigan_backprop_load(self->backprop);
}
