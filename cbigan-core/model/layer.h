/* layer.h - one layer of a network, and the shapes that it reads and writes
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include <glib.h>

G_BEGIN_DECLS

#define CBIGAN_LATENT 64        /* size of Z */
#define CBIGAN_LEAKY_SLOPE 0.2f /* LeakyReLU below zero */
#define CBIGAN_MAX_WIDTH 64     /* c = 1..64 */

#define CBIGAN_INSPECTOR_HIDDEN 16 /* the inspector's hidden units per position */
#define CBIGAN_INSPECTOR_STEP 16   /* its pictures' sides are multiples of this */
#define CBIGAN_INSPECTOR_CELL 4    /* pixels from one of its logits to the next */

/* One sample's shape. A batch is n samples one after another; how c, h, w lie within a sample is
 * the backend's own (reference: c,h,w; cpu: h,w,c), so only backend functions look inside. */
typedef struct {
  int c, h, w;
} CbiganShape;

static inline gsize
cbigan_shape_size(CbiganShape s) /* floats of one sample */
{
  return (gsize)s.c * s.h * s.w;
}

typedef enum { CBIGAN_CONV2D, CBIGAN_DENSE, CBIGAN_UPSAMPLE, CBIGAN_AVGPOOL } CbiganLayerKind;
typedef enum { CBIGAN_LINEAR, CBIGAN_LEAKY, CBIGAN_TANH } CbiganActivation;

#define CBIGAN_NO_OFFSET G_MAXSIZE /* a layer without weights, or without bias */

/* y = activation(op(x) + bias + (accumulate ? y : 0)). Samples are independent of each other. */
typedef struct {
  char *name; /* "encoder.block0.conv1" */
  CbiganLayerKind kind;
  CbiganActivation activation;
  gboolean accumulate; /* adds to what an earlier layer left in its output (skip, latent half) */
  int kernel;          /* conv2d: 1 or 3, stride 1, zero padding "same" */
  int input, output;   /* indexes into CbiganNetwork.values */
  CbiganShape in, out; /* of one sample; dense reads and writes in c,h,w order (flattened) */
  gsize weight, bias;  /* offsets in floats into the network's parameters, or CBIGAN_NO_OFFSET */
  gsize weight_stride; /* floats from one output's weights to the next output's: in size * kernel^2,
                        * more where a layer reads part of a wider matrix (D's hidden layer) */
} CbiganLayer;

G_END_DECLS
