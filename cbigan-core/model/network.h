/* network.h - E, G and D as tables of layers
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * networks.c describes the architecture, one table per network. network.c expands a table once into the lists below.
 * Gradients and the model file use the layers; backends use the steps, each of which is one row of the table.
 */
#pragma once
#include "layer.h"

G_BEGIN_DECLS

typedef enum {
  CBIGAN_ENCODER,
  CBIGAN_GENERATOR,
  CBIGAN_DISCRIMINATOR,
  CBIGAN_N_NETWORKS,                    /* of a CBiGAN */
  CBIGAN_INSPECTOR = CBIGAN_N_NETWORKS, /* stands alone: one logit per position of a picture of any size */
} CbiganNetworkKind;
typedef struct {
  char *name; /* layer that completes it ("discriminator.block2.pool"), or "image", "latent" */
  CbiganShape shape;
} CbiganValue;

typedef struct {
  char *name;          /* in the model file: "encoder.block0.conv1.weight" */
  int n_dims, dims[4]; /* conv2d [out, in, kh, kw], dense [out, in], bias [out] */
  gsize offset, size;  /* floats */
} CbiganParameter;

typedef enum {
  CBIGAN_STEP_BLOCK,
  CBIGAN_STEP_CONV,
  CBIGAN_STEP_DENSE,
  CBIGAN_STEP_JOIN,
  CBIGAN_STEP_GATHER
} CbiganStepKind;

/* One row of networks.c: layers [first_layer, first_layer + n_layers). The values between its layers are read by no
 * other layer. JOIN: two dense layers, the second adds to the first. GATHER: the inspector's, always layer by layer. */
typedef struct {
  CbiganStepKind kind;
  int first_layer, n_layers;
  guint sources; /* bit i: its output depends on the network's input i */
  /* BLOCK: its layers, in the order that they run, else NULL; up, pool: NULL if the block has none */
  const CbiganLayer *up, *skip, *first, *second, *closing, *pool;
} CbiganStep;

typedef struct {
  CbiganNetworkKind kind;
  int width, patch;    /* c; 64 or 128, the inspector: 0 */
  CbiganLayer *layers; /* in an order that can be run */
  int n_layers;
  CbiganStep *steps; /* all layers, in their order */
  int n_steps;
  CbiganValue *values;    /* the first n_inputs are inputs */
  int n_values, n_inputs; /* E: image; G: latent; D: image, latent */
  int output;             /* value: z, image, critic's number */
  CbiganParameter *parameters;
  int n_parameters;
  gsize n_floats; /* of all parameters together */
} CbiganNetwork;

/* One layer as a network that reads value 0 and writes value 1. It has no steps: plan it with CBIGAN_KEEP_ALL. */
typedef struct {
  CbiganNetwork network;
  CbiganLayer layer;
  CbiganValue values[2];
} CbiganLayerNetwork;

/* n must neither move nor go while plans of it exist; it has nothing to free. */
static inline void
cbigan_layer_network_init(CbiganLayerNetwork *n, const CbiganLayer *layer)
{
  n->layer = *layer;
  n->layer.input = 0;
  n->layer.output = 1;
  n->values[0] = (CbiganValue){ .shape = layer->in };
  n->values[1] = (CbiganValue){ .shape = layer->out };
  n->network = (CbiganNetwork){
    .layers = &n->layer, .n_layers = 1, .values = n->values, .n_values = 2, .n_inputs = 1, .output = 1
  };
}

/* width 1..64, patch 64 or 128 (a caller's bug otherwise). Never NULL; free with
 * cbigan_network_free(). Read-only afterwards, so any thread may use it. */
CbiganNetwork *cbigan_network_new(CbiganNetworkKind kind, int width, int patch);
/* The inspector for pictures of `image.c` planes, whose height and width are multiples of CBIGAN_INSPECTOR_STEP (a
 * caller's bug otherwise). Parameters do not depend on height and width. Output: (1, h / 4, w / 4). Ownership as above.
 */
CbiganNetwork *cbigan_network_new_inspector(int width, CbiganShape image);
/* f_D "first" (Eq. 9): D's block0.conv0 before its activation, alone; parameters as in D. */
CbiganNetwork *cbigan_network_new_first_tap(int width, int patch);
void cbigan_network_free(CbiganNetwork *network);

/* Index of the value with that name ("discriminator.hidden"), or -1. */
int cbigan_network_find_value(const CbiganNetwork *network, const char *name);
/* How many layers from the first one must run until the value is complete. */
int cbigan_network_layers_until(const CbiganNetwork *network, int value);
/* Value at the end of residual block 0..5 of any of the networks. */
int cbigan_network_block_output(const CbiganNetwork *network, int block);
/* Floating-point operations of the first n_layers on one sample, convolutions done directly: a multiplication and its
 * addition count as two, and nothing else counts. */
double cbigan_network_work(const CbiganNetwork *network, int n_layers);
/* He-uniform start values from a seed: `parameters` = network->n_floats floats; biases zero. */
void cbigan_network_initialise(const CbiganNetwork *network, guint64 seed, float *parameters);

const char *cbigan_network_prefix(CbiganNetworkKind kind); /* "encoder", "generator", "discriminator", "inspector" */

G_DEFINE_AUTOPTR_CLEANUP_FUNC(CbiganNetwork, cbigan_network_free)

G_END_DECLS
