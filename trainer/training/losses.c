/* losses.c - the paper's losses and their gradients
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Equations are those of Carrara et al., ICPR 2020.
 *
 * The gradient penalty (Gulrajani et al. 2017) needs no second-order kernels, because D is piecewise linear. Let g be
 * dD/d(x^, z^), and v = dPenalty/dg, held constant. Then dPenalty/dW of a layer is its weight gradient with two
 * replacements: its input is the tangent of v, sent forward through the layers without biases, with the slopes of the
 * forward pass; its output gradient is the grad of D's own backward pass. Biases have no such gradient. So real, fake
 * and interpolated pairs go through as one batch: forward, backward, tangents of the last third, weights. This holds
 * only while D has no normalisation layer.
 *
 * An update has three parts. First its batch goes into backend memory. Then come operations that are the same every
 * time, Adam's among them; a backend may record them, so they exchange nothing with the host. Last, the terms of the
 * losses are read, all at once.
 */
#include "losses.h"

#include <math.h>

#include "ranks.h"
#include "step_io.h"

enum { IMAGE = 0, LATENT = 1 }; /* D's inputs; E's image and G's latent are value 0 */
#define INPUT 0

/* What is recorded; LATE_LOAD: one for each network. */
enum { LATE_LOAD, CONSISTENCY = LATE_LOAD + CBIGAN_N_NETWORKS, ADVERSARIAL, COMBINED, CRITIC, N_RECORDINGS };

struct _CbiganLosses {
  CbiganGrad grad;
  CbiganLearner learners[CBIGAN_N_NETWORKS];
  CbiganLossOptions options;
  /* For the update of E and G; NULL where the options don't need it. */
  CbiganBackprop *generate;    /* G on z */
  CbiganBackprop *encode;      /* E on x, and with consistency on G(z) */
  CbiganBackprop *reconstruct; /* G on E(x) */
  CbiganBackprop *criticise;   /* D on (x, E(x)), (G(z), z) */
  /* For the update of D; NULL where the options don't need it. No gradient passes E and G, so layers are fused. */
  CbiganForward *fixed_encode;   /* E on x */
  CbiganForward *fixed_generate; /* G on z */
  CbiganBackprop *train_critic;  /* D on (x, E(x)), (G(z), z), (x^, z^) */
  /* The fixed network has not loaded the parameters yet. A warm-up never needs them. */
  gboolean stale[CBIGAN_N_NETWORKS];
  CbiganStepIo io;
  float *factors; /* (N) backend memory: of cbigan_grad_penalty() */
  CbiganCapture *recordings[N_RECORDINGS];
};

/* The argument of recorded operations. */
typedef struct {
  CbiganLosses *self;
  CbiganNetworkKind kind; /* of late_load() */
  double alpha;           /* of run_encoder_generator() */
} Part;

static void
record(CbiganLosses *self, int recording, double number, void (*operations)(gpointer), Part part)
{
  cbigan_backend_capture(self->grad.backend, &self->recordings[recording], number, operations, &part);
}

static gboolean
new_backprop(CbiganLosses *self, CbiganBackprop **to, CbiganNetworkKind kind, int batch, CbiganBackpropOptions options,
             GError **error)
{
  const CbiganLearner *l = &self->learners[kind];
  /* Of the two passes that give G gradients, the one on z is the last. */
  if (options.weights && l->moment1 && to != &self->reconstruct)
    options.ready = cbigan_ranks_begin_average;
  *to = cbigan_backprop_new(&self->grad, l->network, batch, &options, l->parameters, error);
  return *to != NULL;
}

static gboolean
new_forward(CbiganLosses *self, CbiganForward **to, CbiganNetworkKind kind, int batch, GError **error)
{
  const CbiganLearner *l = &self->learners[kind];
  *to = cbigan_forward_new(self->grad.backend, l->network, l->network->n_layers, batch, NULL, l->parameters, error);
  return *to != NULL;
}

static gboolean
open_networks(CbiganLosses *self, GError **error)
{
  const int n = self->options.batch;
  const gboolean both = self->options.consistency;
  const CbiganSpan none = { 0 }, first = { 0, n }, second = { n, n }, third = { 2 * n, n };
  const CbiganBackpropOptions weights = { .weights = TRUE };
  const CbiganBackpropOptions encode = { .weights = TRUE, .inputs = { both ? second : none } };
  const CbiganBackpropOptions reconstruct = { .weights = TRUE, .inputs = { first } };
  const CbiganBackpropOptions criticise = { .inputs = { [IMAGE] = second, [LATENT] = first } };
  const CbiganBackpropOptions train_critic = { .weights = TRUE, .inputs = { third, third }, .tangent = n };

  return new_backprop(self, &self->generate, CBIGAN_GENERATOR, n, weights, error) &&
         new_backprop(self, &self->encode, CBIGAN_ENCODER, both ? 2 * n : n, encode, error) &&
         (!both || new_backprop(self, &self->reconstruct, CBIGAN_GENERATOR, n, reconstruct, error)) &&
         (!self->options.adversarial ||
          (new_backprop(self, &self->criticise, CBIGAN_DISCRIMINATOR, 2 * n, criticise, error) &&
           new_backprop(self, &self->train_critic, CBIGAN_DISCRIMINATOR, 3 * n, train_critic, error) &&
           new_forward(self, &self->fixed_encode, CBIGAN_ENCODER, n, error) &&
           new_forward(self, &self->fixed_generate, CBIGAN_GENERATOR, n, error)));
}

CbiganLosses *
cbigan_losses_new(const CbiganGrad *grad, const CbiganLearner *learners, const CbiganLossOptions *options,
                  GError **error)
{
  g_return_val_if_fail(grad && learners && options && options->batch > 0, NULL);
  g_autoptr(CbiganLosses) self = g_new0(CbiganLosses, 1);
  self->grad = *grad;
  self->options = *options;
  for (int i = 0; i < CBIGAN_N_NETWORKS; i++)
    self->learners[i] = learners[i];
  if (!cbigan_step_io_init(&self->io, &self->grad, options->batch, error) ||
      !(self->factors = cbigan_backend_alloc(grad->backend, (gsize)options->batch, error)) ||
      !open_networks(self, error))
    return NULL;
  return g_steal_pointer(&self);
}

void
cbigan_losses_free(CbiganLosses *self)
{
  if (!self)
    return;
  for (int i = 0; i < N_RECORDINGS; i++)
    cbigan_backend_capture_free(self->grad.backend, self->recordings[i]);
  cbigan_backprop_free(self->generate);
  cbigan_backprop_free(self->encode);
  cbigan_backprop_free(self->reconstruct);
  cbigan_backprop_free(self->criticise);
  cbigan_backprop_free(self->train_critic);
  cbigan_forward_free(self->fixed_encode);
  cbigan_forward_free(self->fixed_generate);
  cbigan_step_io_clear(&self->io);
  cbigan_backend_free(self->grad.backend, self->factors);
  g_free(self);
}

static void
load_backprops(CbiganLosses *self, CbiganNetworkKind kind)
{
  CbiganBackprop *all[] = { self->generate, self->encode, self->reconstruct, self->criticise, self->train_critic };
  for (gsize i = 0; i < G_N_ELEMENTS(all); i++)
    if (all[i] && all[i]->forward->network->kind == kind)
      cbigan_backprop_load(all[i]);
}

void
cbigan_losses_load(CbiganLosses *self, CbiganNetworkKind kind)
{
  load_backprops(self, kind);
  self->stale[kind] = TRUE;
}

static void
late_load(gpointer data)
{
  const Part *part = data;
  cbigan_forward_load(part->kind == CBIGAN_ENCODER ? part->self->fixed_encode : part->self->fixed_generate);
}

static void
load_stale(CbiganLosses *self, CbiganNetworkKind kind)
{
  if (self->stale[kind])
    record(self, LATE_LOAD + (int)kind, 0.0, late_load, (Part){ self, .kind = kind });
  self->stale[kind] = FALSE;
}

static void
copy(CbiganLosses *self, gsize n_floats, const float *from, float *to)
{
  cbigan_grad_copy(&self->grad, n_floats, from, to);
}

/* The other processes' gradients, Adam, the average, then loading of the new parameters. late: into the fixed networks
 * of D's update, too. */
static void
learn(CbiganLosses *self, CbiganNetworkKind kind, gboolean late)
{
  const CbiganLearner *l = &self->learners[kind];
  const CbiganUpdate *update = cbigan_step_io_update(&self->io);
  const gsize n = l->network->n_floats;
  if (!l->moment1)
    return;
  cbigan_ranks_end_averages();
  cbigan_grad_adam(&self->grad, n, update, l->gradients, l->moment1, l->moment2, l->parameters);
  if (l->mean)
    cbigan_grad_average(&self->grad, n, update, l->parameters, l->mean);
  load_backprops(self, kind);
  if (late)
    late_load(&(Part){ self, .kind = kind });
}

/* L_D (Eq. 6): mean D(G(z), z) - mean D(x, E(x)). */
static double
critic_loss(const CbiganLosses *self)
{
  const int n = self->options.batch;
  const float *outputs = (const float *)(gconstpointer)(self->io.read + CBIGAN_TERM_CRITIC * n);
  double sum = 0.0;
  for (int i = 0; i < n; i++)
    sum += (double)outputs[n + i] - (double)outputs[i];
  return sum / n;
}

static double
mean_term(const CbiganLosses *self, CbiganTerm term)
{
  const int n = self->options.batch;
  double sum = 0.0;
  for (int i = 0; i < n; i++)
    sum += self->io.read[(int)term * n + i];
  return sum / n;
}

/* weight * mean (|grad D(x^, z^)| - 1)^2 */
static double
penalty_loss(const CbiganLosses *self)
{
  const int n = self->options.batch;
  double sum = 0.0;
  for (int i = 0; i < n; i++) {
    double norm = sqrt(self->io.read[CBIGAN_TERM_SQUARES * n + i]);
    sum += (norm - 1.0) * (norm - 1.0);
  }
  return self->options.penalty * sum / n;
}

/* Whether the batch brings the numbers of an update, where the network is to be updated. */
static gboolean
has_numbers(const CbiganLosses *self, CbiganNetworkKind kind, const CbiganBatch *batch)
{
  return !self->learners[kind].moment1 || (batch->update && batch->update->correction1 > 0.0);
}

static CbiganShape
image_shape(const CbiganLosses *self)
{
  return self->encode->forward->network->values[INPUT].shape;
}

/* Fills D's inputs with the pairs (x, E(x)) and (G(z), z), except for x, which is there already. g: has run on z. */
static void
fill_pairs(CbiganLosses *self, CbiganBackprop *d, const CbiganForward *g, const float *e_x)
{
  gsize n = (gsize)self->options.batch;
  gsize image = n * cbigan_backprop_size(d, IMAGE), latent = n * CBIGAN_LATENT;
  int group = (int)n;
  copy(self, latent, e_x, cbigan_backprop_value(d, LATENT, 0));
  copy(self, image, g->values[g->network->output], cbigan_backprop_value(d, IMAGE, group));
  copy(self, latent, g->values[INPUT], cbigan_backprop_value(d, LATENT, group));
}

/* For critic_loss() */
static void
keep_critic(CbiganLosses *self, const CbiganBackprop *d)
{
  copy(self, 2 * (gsize)self->options.batch, cbigan_backprop_value(d, cbigan_backprop_output(d), 0),
       (float *)(gpointer)cbigan_step_io_term(&self->io, CBIGAN_TERM_CRITIC));
}

/* L_R (Eq. 11) and L_R' (Eq. 12) of each sample */
static void
keep_errors(CbiganLosses *self)
{
  CbiganBackprop *e = self->encode, *g = self->reconstruct;
  int n = self->options.batch, x = cbigan_backprop_output(g), z = cbigan_backprop_output(e);
  cbigan_grad_l1_sums(&self->grad, n, cbigan_backprop_size(g, x), cbigan_backprop_value(g, x, 0),
                      cbigan_backprop_value(e, INPUT, 0), cbigan_step_io_term(&self->io, CBIGAN_TERM_RECONSTRUCTION));
  cbigan_grad_l1_sums(&self->grad, n, CBIGAN_LATENT, cbigan_backprop_value(e, z, n),
                      cbigan_backprop_value(self->generate, INPUT, 0),
                      cbigan_step_io_term(&self->io, CBIGAN_TERM_LATENT));
}

/* scale * L_EG (Eq. 5), L_EG = mean D(x, E(x)) - mean D(G(z), z): adds its grads with respect to E(x) and G(z). */
static void
adversarial_grads(CbiganLosses *self, float scale, float *d_e_x, float *d_g_z)
{
  CbiganBackprop *d = self->criticise;
  int n = self->options.batch, output = cbigan_backprop_output(d);
  gsize image = cbigan_backprop_size(d, IMAGE);
  cbigan_grad_fill(&self->grad, (gsize)n, scale / (float)n, cbigan_backprop_grad(d, output, 0));
  cbigan_grad_fill(&self->grad, (gsize)n, -scale / (float)n, cbigan_backprop_grad(d, output, n));
  cbigan_backprop_backward(d, NULL);
  cbigan_grad_add(&self->grad, (gsize)n * CBIGAN_LATENT, cbigan_backprop_grad(d, LATENT, 0), d_e_x);
  cbigan_grad_add(&self->grad, (gsize)n * image, cbigan_backprop_grad(d, IMAGE, n), d_g_z);
}

/* scale * L_C (Eq. 10), L_C = L_R + L_R' (Eq. 11, 12): adds its grads with respect to both halves of E's output, and
 * G's weight gradients from L_R. */
static void
consistency_grads(CbiganLosses *self, float scale)
{
  CbiganBackprop *e = self->encode, *g = self->reconstruct;
  int n = self->options.batch, z = cbigan_backprop_output(e), x = cbigan_backprop_output(g);
  gsize latent = (gsize)n * CBIGAN_LATENT, image = (gsize)n * cbigan_backprop_size(g, x);
  float each = scale / (float)n;

  cbigan_grad_fill(&self->grad, image, 0.0f, cbigan_backprop_grad(g, x, 0));
  cbigan_grad_l1_gradient(&self->grad, image, cbigan_backprop_value(g, x, 0), cbigan_backprop_value(e, INPUT, 0), each,
                          cbigan_backprop_grad(g, x, 0));
  cbigan_backprop_backward(g, self->learners[CBIGAN_GENERATOR].gradients);
  cbigan_grad_add(&self->grad, latent, cbigan_backprop_grad(g, INPUT, 0), cbigan_backprop_grad(e, z, 0));
  cbigan_grad_l1_gradient(&self->grad, latent, cbigan_backprop_value(e, z, n),
                          cbigan_backprop_value(self->generate, INPUT, 0), each, cbigan_backprop_grad(e, z, n));
}

/* (1 - alpha) L_EG + alpha L_C (Eq. 13) */
static void
run_encoder_generator(gpointer data)
{
  const Part *part = data;
  CbiganLosses *self = part->self;
  const double alpha = part->alpha;
  CbiganBackprop *e = self->encode, *g = self->generate;
  int n = self->options.batch, z = cbigan_backprop_output(e), x = cbigan_backprop_output(g);
  gsize image = (gsize)n * cbigan_backprop_size(g, x);
  const float *real = cbigan_backprop_value(e, INPUT, 0), *e_x = cbigan_backprop_value(e, z, 0);

  copy(self, (gsize)n * CBIGAN_LATENT, self->io.z, cbigan_backprop_value(g, INPUT, 0));
  cbigan_backprop_forward(g);
  if (self->reconstruct)
    copy(self, image, cbigan_backprop_value(g, x, 0), cbigan_backprop_value(e, INPUT, n));
  cbigan_backprop_forward(e);
  cbigan_grad_fill(&self->grad, (gsize)e->forward->batch * CBIGAN_LATENT, 0.0f, cbigan_backprop_grad(e, z, 0));
  cbigan_grad_fill(&self->grad, image, 0.0f, cbigan_backprop_grad(g, x, 0));
  if (alpha < 1.0) {
    copy(self, image, real, cbigan_backprop_value(self->criticise, IMAGE, 0));
    fill_pairs(self, self->criticise, g->forward, e_x);
    cbigan_backprop_forward(self->criticise);
    keep_critic(self, self->criticise);
    adversarial_grads(self, (float)(1.0 - alpha), cbigan_backprop_grad(e, z, 0), cbigan_backprop_grad(g, x, 0));
  }
  if (alpha > 0.0) {
    copy(self, (gsize)n * CBIGAN_LATENT, e_x, cbigan_backprop_value(self->reconstruct, INPUT, 0));
    cbigan_backprop_forward(self->reconstruct);
    keep_errors(self);
    consistency_grads(self, (float)alpha);
  }
  cbigan_backprop_backward(e, self->learners[CBIGAN_ENCODER].gradients);
  if (alpha > 0.0)
    cbigan_grad_add(&self->grad, image, cbigan_backprop_grad(e, INPUT, n), cbigan_backprop_grad(g, x, 0));
  cbigan_backprop_backward(g, self->learners[CBIGAN_GENERATOR].gradients);
  learn(self, CBIGAN_ENCODER, alpha < 1.0);
  learn(self, CBIGAN_GENERATOR, alpha < 1.0);
}

gboolean
cbigan_losses_encoder_generator(CbiganLosses *self, const CbiganBatch *batch, double alpha, CbiganLossValues *values,
                                GError **error)
{
  gboolean consistency = alpha > 0.0, adversarial = alpha < 1.0;
  g_return_val_if_fail((!consistency || self->reconstruct) && (!adversarial || self->criticise), FALSE);
  g_return_val_if_fail(has_numbers(self, CBIGAN_GENERATOR, batch), FALSE);
  *values = (CbiganLossValues){ consistency, adversarial, FALSE, NAN, NAN, NAN, NAN };

  cbigan_step_io_receive(&self->io, batch, image_shape(self), cbigan_backprop_value(self->encode, INPUT, 0));
  record(self,
         !adversarial  ? CONSISTENCY
         : consistency ? COMBINED
                       : ADVERSARIAL,
         alpha, run_encoder_generator, (Part){ self, .alpha = alpha });
  for (int kind = CBIGAN_ENCODER; kind <= CBIGAN_GENERATOR; kind++)
    if (self->learners[kind].moment1)
      self->stale[kind] = !adversarial;
  if (!cbigan_step_io_read(&self->io, error))
    return FALSE;
  if (adversarial)
    values->critic = critic_loss(self);
  if (consistency) {
    values->reconstruction = mean_term(self, CBIGAN_TERM_RECONSTRUCTION);
    values->latent = mean_term(self, CBIGAN_TERM_LATENT);
  }
  return TRUE;
}

/* Fills the last third of D's inputs from the other two: x^ = e x + (1 - e) G(z), z^ = e E(x) + (1 - e) z. */
static void
interpolate(CbiganLosses *self)
{
  CbiganBackprop *d = self->train_critic;
  int n = self->options.batch;
  for (int input = IMAGE; input <= LATENT; input++)
    cbigan_grad_mix(&self->grad, n, cbigan_backprop_size(d, input), self->io.e, cbigan_backprop_value(d, input, 0),
                    cbigan_backprop_value(d, input, n), cbigan_backprop_value(d, input, 2 * n));
}

/* Replaces D's inputs (x^_i, z^_i) by the penalty's gradient with respect to their grads g_i:
 * 2 weight (|g_i| - 1) / (N |g_i|) g_i. */
static void
penalty_direction(CbiganLosses *self)
{
  CbiganBackprop *d = self->train_critic;
  int n = self->options.batch;
  double *squares = cbigan_step_io_term(&self->io, CBIGAN_TERM_SQUARES);
  cbigan_grad_fill(&self->grad, (gsize)n * sizeof(double) / sizeof(float), 0.0f, (float *)(gpointer)squares);
  for (int input = IMAGE; input <= LATENT; input++)
    cbigan_grad_square_norms(&self->grad, n, cbigan_backprop_size(d, input), cbigan_backprop_grad(d, input, 2 * n),
                             squares);
  cbigan_grad_penalty(&self->grad, n, self->options.penalty, squares, self->factors);
  for (int input = IMAGE; input <= LATENT; input++)
    cbigan_grad_scale(&self->grad, n, cbigan_backprop_size(d, input), self->factors,
                      cbigan_backprop_grad(d, input, 2 * n), cbigan_backprop_value(d, input, 2 * n));
}

/* L_D (Eq. 6) + the gradient penalty */
static void
run_critic(gpointer data)
{
  CbiganLosses *self = ((const Part *)data)->self;
  CbiganBackprop *d = self->train_critic;
  int n = self->options.batch, output = cbigan_backprop_output(d);
  const float seeds[] = { -1.0f / (float)n, 1.0f / (float)n, 1.0f }; /* of L_D; of D(x^, z^) */
  copy(self, (gsize)n * CBIGAN_LATENT, self->io.z, self->fixed_generate->values[INPUT]);
  cbigan_forward_run(self->fixed_generate);
  copy(self, (gsize)n * cbigan_backprop_size(d, IMAGE), cbigan_backprop_value(d, IMAGE, 0),
       self->fixed_encode->values[INPUT]);
  cbigan_forward_run(self->fixed_encode);
  fill_pairs(self, d, self->fixed_generate, self->fixed_encode->values[self->fixed_encode->network->output]);
  interpolate(self);
  cbigan_backprop_forward(d);
  keep_critic(self, d);
  for (int group = 0; group < 3; group++)
    cbigan_grad_fill(&self->grad, (gsize)n, seeds[group], cbigan_backprop_grad(d, output, group * n));
  cbigan_backprop_backward(d, NULL);
  penalty_direction(self);
  cbigan_backprop_tangent(d);
  cbigan_backprop_weights(d, 2 * n, self->learners[CBIGAN_DISCRIMINATOR].gradients);
  learn(self, CBIGAN_DISCRIMINATOR, FALSE);
}

gboolean
cbigan_losses_critic(CbiganLosses *self, const CbiganBatch *batch, CbiganLossValues *values, GError **error)
{
  g_return_val_if_fail(self->train_critic && has_numbers(self, CBIGAN_DISCRIMINATOR, batch), FALSE);
  *values = (CbiganLossValues){ FALSE, TRUE, TRUE, NAN, NAN, NAN, NAN };
  load_stale(self, CBIGAN_ENCODER);
  load_stale(self, CBIGAN_GENERATOR);
  cbigan_step_io_receive(&self->io, batch, image_shape(self), cbigan_backprop_value(self->train_critic, IMAGE, 0));
  record(self, CRITIC, 0.0, run_critic, (Part){ .self = self });
  if (!cbigan_step_io_read(&self->io, error))
    return FALSE;
  values->critic = critic_loss(self);
  values->penalty = penalty_loss(self);
  return TRUE;
}
