/* losses.c - the paper's losses and their gradients
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The gradient penalty takes no second-order kernels. D is piecewise linear, so with g = dD/d(x^, z^) and the direction
 * v = dPenalty/dg held constant, dPenalty/dW of a layer is its weight gradient with the tangent activations (v sent
 * forward through the layers without biases, under the slopes of the primal pass) as input and the adjoints of D's own
 * backward pass as output gradient; biases have none. So real, fake and interpolated pairs go through as one batch:
 * forward, adjoints, tangents of the last third, weights. This holds only while D has no normalisation layer.
 *
 * An update is three parts: its batch goes into backend memory; then operations that are the same every time, Adam's
 * among them, which a backend may record, so they take nothing from the host and give it nothing; then what the losses
 * are made of is read, all at once.
 */
#include "losses.h"

#include <math.h>

#include "step_io.h"

enum { IMAGE = 0, LATENT = 1 }; /* D's inputs; E's image and G's latent are value 0 */
#define INPUT 0

/* What is recorded; LATE_LOAD: one for each network. */
enum { LATE_LOAD, CONSISTENCY = LATE_LOAD + CBIGAN_N_NETWORKS, ADVERSARIAL, COMBINED, CRITIC, N_RECORDINGS };

struct _CbiganLosses {
  CbiganBackend *backend;
  const CbiganGradients *gradients;
  CbiganLearner learners[CBIGAN_N_NETWORKS];
  CbiganLossOptions options;
  /* What each runs on; NULL where the options don't need it. */
  CbiganBackprop *generate;          /* G: z */
  CbiganBackprop *encode;            /* E: x; G(z) where consistency */
  CbiganBackprop *reconstruct;       /* G: E(x) */
  CbiganBackprop *judge;             /* D for E and G: (x, E(x)); (G(z), z) */
  CbiganForward *embed;              /* E for D: x; no gradient, so as in scoring */
  CbiganForward *imagine;            /* G for D: z; likewise */
  gboolean stale[CBIGAN_N_NETWORKS]; /* embed, imagine have not loaded these parameters; a warm-up never needs them */
  CbiganBackprop *train_judge;       /* D for itself: (x, E(x)); (G(z), z); (x^, z^) */
  CbiganStepIo io;
  float *directions; /* (N) backend memory: CbiganGradients.penalty */
  CbiganRecording *recordings[N_RECORDINGS];
};

/* What is handed to recorded operations. */
typedef struct {
  CbiganLosses *self;
  CbiganNetworkKind kind; /* of a load */
  double alpha;
} Part;

static void
record(CbiganLosses *self, int recording, double number, void (*operations)(gpointer), Part part)
{
  cbigan_backend_record(self->backend, &self->recordings[recording], number, operations, &part);
}

static CbiganBackprop *
new_pass(CbiganLosses *self, CbiganNetworkKind kind, int batch, CbiganBackpropOptions options, GError **error)
{
  const CbiganLearner *learner = &self->learners[kind];
  return cbigan_backprop_new(self->backend, self->gradients, learner->network, batch, &options, learner->parameters,
                             error);
}

static CbiganForward *
new_forward(CbiganLosses *self, CbiganNetworkKind kind, int batch, GError **error)
{
  const CbiganLearner *l = &self->learners[kind];
  self->backend->repeatable = TRUE; /* as a run must have the same bits again */
  return cbigan_forward_new(self->backend, l->network, l->network->n_layers, batch, CBIGAN_FORWARD_FUSE, NULL,
                            l->parameters, error);
}

static gboolean
make_passes(CbiganLosses *self, GError **error)
{
  int n = self->options.batch;
  CbiganSpan first = { 0, n }, second = { n, n }, third = { 2 * n, n };
  gboolean both = self->options.consistency;

  self->generate = new_pass(self, CBIGAN_GENERATOR, n, (CbiganBackpropOptions){ .weights = TRUE }, error);
  if (!self->generate)
    return FALSE;
  self->encode =
      new_pass(self, CBIGAN_ENCODER, both ? 2 * n : n,
               (CbiganBackpropOptions){ .weights = TRUE, .inputs = { both ? second : (CbiganSpan){ 0 } } }, error);
  if (!self->encode)
    return FALSE;
  if (both) {
    self->reconstruct =
        new_pass(self, CBIGAN_GENERATOR, n, (CbiganBackpropOptions){ .weights = TRUE, .inputs = { first } }, error);
    if (!self->reconstruct)
      return FALSE;
  }
  if (!self->options.adversarial)
    return TRUE;
  self->judge = new_pass(self, CBIGAN_DISCRIMINATOR, 2 * n,
                         (CbiganBackpropOptions){ .inputs = { [IMAGE] = second, [LATENT] = first } }, error);
  if (!self->judge)
    return FALSE;
  self->train_judge =
      new_pass(self, CBIGAN_DISCRIMINATOR, 3 * n,
               (CbiganBackpropOptions){ .weights = TRUE, .inputs = { third, third }, .tangent = n }, error);
  if (!self->train_judge)
    return FALSE;
  self->embed = new_forward(self, CBIGAN_ENCODER, n, error);
  self->imagine = self->embed ? new_forward(self, CBIGAN_GENERATOR, n, error) : NULL;
  return self->imagine != NULL;
}

CbiganLosses *
cbigan_losses_new(CbiganBackend *backend, const CbiganGradients *gradients, const CbiganLearner *learners,
                  const CbiganLossOptions *options, GError **error)
{
  g_autoptr(CbiganLosses) self = g_new0(CbiganLosses, 1);
  self->backend = backend;
  self->gradients = gradients;
  self->options = *options;
  for (int i = 0; i < CBIGAN_N_NETWORKS; i++)
    self->learners[i] = learners[i];
  if (!cbigan_step_io_init(&self->io, backend, gradients, options->batch, error) ||
      !(self->directions = cbigan_backend_alloc(backend, (gsize)options->batch, error)) || !make_passes(self, error))
    return NULL;
  return g_steal_pointer(&self);
}

void
cbigan_losses_free(CbiganLosses *self)
{
  if (!self)
    return;
  for (int i = 0; i < N_RECORDINGS; i++)
    cbigan_backend_recording_free(self->backend, self->recordings[i]);
  cbigan_backprop_free(self->generate);
  cbigan_backprop_free(self->encode);
  cbigan_backprop_free(self->reconstruct);
  cbigan_backprop_free(self->judge);
  cbigan_backprop_free(self->train_judge);
  cbigan_forward_free(self->embed);
  cbigan_forward_free(self->imagine);
  cbigan_step_io_clear(&self->io);
  cbigan_backend_free(self->backend, self->directions);
  g_free(self);
}

static void
load_passes(CbiganLosses *self, CbiganNetworkKind kind)
{
  CbiganBackprop *passes[] = { self->generate, self->encode, self->reconstruct, self->judge, self->train_judge };
  for (gsize i = 0; i < G_N_ELEMENTS(passes); i++)
    if (passes[i] && passes[i]->forward->network->kind == kind)
      cbigan_backprop_load(passes[i]);
}

void
cbigan_losses_load(CbiganLosses *self, CbiganNetworkKind kind)
{
  load_passes(self, kind);
  self->stale[kind] = TRUE;
}

static void
late_load(gpointer data)
{
  const Part *part = data;
  cbigan_forward_load(part->kind == CBIGAN_ENCODER ? part->self->embed : part->self->imagine);
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
  self->gradients->copy(self->backend, n_floats, from, to);
}

/* Adam, the average, and all that holds the parameters in a form of its own. late: what D's update runs, too */
static void
learn(CbiganLosses *self, CbiganNetworkKind kind, gboolean late)
{
  const CbiganLearner *l = &self->learners[kind];
  const CbiganUpdate *update = cbigan_step_io_update(&self->io);
  const gsize n = l->network->n_floats;
  if (!l->moment1)
    return;
  self->gradients->adam(self->backend, n, update, l->gradients, l->moment1, l->moment2, l->parameters);
  if (l->mean)
    self->gradients->average(self->backend, n, update, l->parameters, l->mean);
  load_passes(self, kind);
  if (late)
    late_load(&(Part){ self, .kind = kind });
}

/* Eq. 6 from D's output on the first two groups of N samples: real, fake. */
static double
critic_loss(const CbiganLosses *self)
{
  const int n = self->options.batch;
  const float *verdicts = (const float *)(gconstpointer)(self->io.read + CBIGAN_TERM_VERDICTS * n);
  double sum = 0.0;
  for (int i = 0; i < n; i++)
    sum += (double)verdicts[n + i] - (double)verdicts[i];
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

/* That Adam takes, if there is one. */
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

/* Fills D's batch up to 2N besides x: (x, E(x)); (G(z), z). */
static void
fill_pairs(CbiganLosses *self, CbiganBackprop *d, const CbiganForward *g, const float *e_x)
{
  gsize n = (gsize)self->options.batch;
  gsize image = n * cbigan_shape_size(d->forward->network->values[IMAGE].shape), latent = n * CBIGAN_LATENT;
  int group = (int)n;
  copy(self, latent, e_x, cbigan_backprop_value(d, LATENT, 0));
  copy(self, image, g->values[g->network->output], cbigan_backprop_value(d, IMAGE, group));
  copy(self, latent, g->values[INPUT], cbigan_backprop_value(d, LATENT, group));
}

static void
keep_verdicts(CbiganLosses *self, const CbiganBackprop *d)
{
  copy(self, 2 * (gsize)self->options.batch, cbigan_backprop_value(d, cbigan_backprop_output(d), 0),
       (float *)(gpointer)cbigan_step_io_term(&self->io, CBIGAN_TERM_VERDICTS));
}

/* Eq. 11 and 12 of each sample */
static void
keep_errors(CbiganLosses *self)
{
  CbiganBackprop *e = self->encode, *g = self->reconstruct;
  int n = self->options.batch, x = cbigan_backprop_output(g), z = cbigan_backprop_output(e);
  self->gradients->l1_sums(self->backend, n, cbigan_shape_size(g->forward->network->values[x].shape),
                           cbigan_backprop_value(g, x, 0), cbigan_backprop_value(e, INPUT, 0),
                           cbigan_step_io_term(&self->io, CBIGAN_TERM_RECONSTRUCTION));
  self->gradients->l1_sums(self->backend, n, CBIGAN_LATENT, cbigan_backprop_value(e, z, n),
                           cbigan_backprop_value(self->generate, INPUT, 0),
                           cbigan_step_io_term(&self->io, CBIGAN_TERM_LATENT));
}

/* Eq. 5: seeds of mean D(x, E(x)) - mean D(G(z), z), scaled, sent back to dE(x) and dG(z). */
static void
adversarial_adjoints(CbiganLosses *self, float scale, float *d_e_x, float *d_g_z)
{
  CbiganBackprop *d = self->judge;
  int n = self->options.batch, output = cbigan_backprop_output(d);
  gsize image = cbigan_shape_size(d->forward->network->values[IMAGE].shape);
  self->gradients->fill(self->backend, (gsize)n, scale / (float)n, cbigan_backprop_grad(d, output, 0));
  self->gradients->fill(self->backend, (gsize)n, -scale / (float)n, cbigan_backprop_grad(d, output, n));
  cbigan_backprop_backward(d, NULL);
  self->gradients->add(self->backend, (gsize)n * CBIGAN_LATENT, cbigan_backprop_grad(d, LATENT, 0), d_e_x);
  self->gradients->add(self->backend, (gsize)n * image, cbigan_backprop_grad(d, IMAGE, n), d_g_z);
}

/* Eq. 11 and 12: sends dL_R back through G(E(x)) and seeds dL_R', both scaled, at E's output. */
static void
consistency_adjoints(CbiganLosses *self, float scale)
{
  CbiganBackprop *e = self->encode, *g = self->reconstruct;
  const CbiganGradients *k = self->gradients;
  int n = self->options.batch, z = cbigan_backprop_output(e), x = cbigan_backprop_output(g);
  gsize latent = (gsize)n * CBIGAN_LATENT, image = (gsize)n * cbigan_shape_size(g->forward->network->values[x].shape);
  float each = scale / (float)n;

  k->fill(self->backend, image, 0.0f, cbigan_backprop_grad(g, x, 0));
  k->l1_gradient(self->backend, image, cbigan_backprop_value(g, x, 0), cbigan_backprop_value(e, INPUT, 0), each,
                 cbigan_backprop_grad(g, x, 0));
  cbigan_backprop_backward(g, self->learners[CBIGAN_GENERATOR].gradients);
  k->add(self->backend, latent, cbigan_backprop_grad(g, INPUT, 0), cbigan_backprop_grad(e, z, 0));
  k->l1_gradient(self->backend, latent, cbigan_backprop_value(e, z, n), cbigan_backprop_value(self->generate, INPUT, 0),
                 each, cbigan_backprop_grad(e, z, n));
}

static void
run_encoder_generator(gpointer data)
{
  const Part *part = data;
  CbiganLosses *self = part->self;
  const double alpha = part->alpha;
  CbiganBackprop *e = self->encode, *g = self->generate;
  int n = self->options.batch, z = cbigan_backprop_output(e), x = cbigan_backprop_output(g);
  gsize image = (gsize)n * cbigan_shape_size(g->forward->network->values[x].shape);
  const float *real = cbigan_backprop_value(e, INPUT, 0), *e_x = cbigan_backprop_value(e, z, 0);

  copy(self, (gsize)n * CBIGAN_LATENT, self->io.z, cbigan_backprop_value(g, INPUT, 0));
  cbigan_backprop_forward(g);
  if (self->reconstruct)
    copy(self, image, cbigan_backprop_value(g, x, 0), cbigan_backprop_value(e, INPUT, n));
  cbigan_backprop_forward(e);
  self->gradients->fill(self->backend, (gsize)e->forward->batch * CBIGAN_LATENT, 0.0f, cbigan_backprop_grad(e, z, 0));
  self->gradients->fill(self->backend, image, 0.0f, cbigan_backprop_grad(g, x, 0));
  if (alpha < 1.0) {
    copy(self, image, real, cbigan_backprop_value(self->judge, IMAGE, 0));
    fill_pairs(self, self->judge, g->forward, e_x);
    cbigan_backprop_forward(self->judge);
    keep_verdicts(self, self->judge);
    adversarial_adjoints(self, (float)(1.0 - alpha), cbigan_backprop_grad(e, z, 0), cbigan_backprop_grad(g, x, 0));
  }
  if (alpha > 0.0) {
    copy(self, (gsize)n * CBIGAN_LATENT, e_x, cbigan_backprop_value(self->reconstruct, INPUT, 0));
    cbigan_backprop_forward(self->reconstruct);
    keep_errors(self);
    consistency_adjoints(self, (float)alpha);
  }
  cbigan_backprop_backward(e, self->learners[CBIGAN_ENCODER].gradients);
  if (alpha > 0.0)
    self->gradients->add(self->backend, image, cbigan_backprop_grad(e, INPUT, n), cbigan_backprop_grad(g, x, 0));
  cbigan_backprop_backward(g, self->learners[CBIGAN_GENERATOR].gradients);
  learn(self, CBIGAN_ENCODER, alpha < 1.0);
  learn(self, CBIGAN_GENERATOR, alpha < 1.0);
}

gboolean
cbigan_losses_encoder_generator(CbiganLosses *self, const CbiganBatch *batch, double alpha, CbiganLossValues *values,
                                GError **error)
{
  gboolean consistency = alpha > 0.0, adversarial = alpha < 1.0;
  g_return_val_if_fail((!consistency || self->reconstruct) && (!adversarial || self->judge), FALSE);
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

/* x^ = e x + (1 - e) G(z), z^ = e E(x) + (1 - e) z: the last third, from the first two. */
static void
interpolate(CbiganLosses *self)
{
  CbiganBackprop *d = self->train_judge;
  int n = self->options.batch;
  for (int input = IMAGE; input <= LATENT; input++)
    self->gradients->mix(self->backend, n, cbigan_shape_size(d->forward->network->values[input].shape), self->io.e,
                         cbigan_backprop_value(d, input, 0), cbigan_backprop_value(d, input, n),
                         cbigan_backprop_value(d, input, 2 * n));
}

/* From the adjoints g_i of (x^_i, z^_i): the penalty's derivative by them, 2 weight (|g_i| - 1) / (N |g_i|) g_i,
 * replaces the interpolated inputs. */
static void
penalty_direction(CbiganLosses *self)
{
  CbiganBackprop *d = self->train_judge;
  const CbiganGradients *k = self->gradients;
  int n = self->options.batch;
  double *squares = cbigan_step_io_term(&self->io, CBIGAN_TERM_SQUARES);
  k->fill(self->backend, (gsize)n * sizeof(double) / sizeof(float), 0.0f, (float *)(gpointer)squares);
  for (int input = IMAGE; input <= LATENT; input++)
    k->square_norms(self->backend, n, cbigan_shape_size(d->forward->network->values[input].shape),
                    cbigan_backprop_grad(d, input, 2 * n), squares);
  k->penalty(self->backend, n, self->options.penalty, squares, self->directions);
  for (int input = IMAGE; input <= LATENT; input++)
    k->scale(self->backend, n, cbigan_shape_size(d->forward->network->values[input].shape), self->directions,
             cbigan_backprop_grad(d, input, 2 * n), cbigan_backprop_value(d, input, 2 * n));
}

static void
run_critic(gpointer data)
{
  CbiganLosses *self = ((const Part *)data)->self;
  CbiganBackprop *d = self->train_judge;
  int n = self->options.batch, output = cbigan_backprop_output(d);
  const float seeds[] = { -1.0f / (float)n, 1.0f / (float)n, 1.0f }; /* Eq. 6; of D(x^, z^) itself */
  copy(self, (gsize)n * CBIGAN_LATENT, self->io.z, self->imagine->values[INPUT]);
  cbigan_forward_run(self->imagine);
  copy(self, (gsize)n * cbigan_shape_size(d->forward->network->values[IMAGE].shape), cbigan_backprop_value(d, IMAGE, 0),
       self->embed->values[INPUT]);
  cbigan_forward_run(self->embed);
  fill_pairs(self, d, self->imagine, self->embed->values[self->embed->network->output]);
  interpolate(self);
  cbigan_backprop_forward(d);
  keep_verdicts(self, d);
  for (int group = 0; group < 3; group++)
    self->gradients->fill(self->backend, (gsize)n, seeds[group], cbigan_backprop_grad(d, output, group * n));
  cbigan_backprop_backward(d, NULL);
  penalty_direction(self);
  cbigan_backprop_tangent(d);
  cbigan_backprop_weights(d, 2 * n, self->learners[CBIGAN_DISCRIMINATOR].gradients);
  learn(self, CBIGAN_DISCRIMINATOR, FALSE);
}

gboolean
cbigan_losses_critic(CbiganLosses *self, const CbiganBatch *batch, CbiganLossValues *values, GError **error)
{
  g_return_val_if_fail(self->train_judge && has_numbers(self, CBIGAN_DISCRIMINATOR, batch), FALSE);
  *values = (CbiganLossValues){ FALSE, TRUE, TRUE, NAN, NAN, NAN, NAN };
  load_stale(self, CBIGAN_ENCODER);
  load_stale(self, CBIGAN_GENERATOR);
  cbigan_step_io_receive(&self->io, batch, image_shape(self), cbigan_backprop_value(self->train_judge, IMAGE, 0));
  record(self, CRITIC, 0.0, run_critic, (Part){ .self = self });
  if (!cbigan_step_io_read(&self->io, error))
    return FALSE;
  values->critic = critic_loss(self);
  values->penalty = penalty_loss(self);
  return TRUE;
}
