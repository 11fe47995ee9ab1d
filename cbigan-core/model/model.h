/* model.h - everything a model file holds; inside the core and the trainer
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include "cbigan.h"
#include "model/network.h"

G_BEGIN_DECLS

/* The scores of E, G and D; CBIGAN_SCORE_INSPECTOR follows them. */
#define CBIGAN_N_GAN_SCORES CBIGAN_SCORE_INSPECTOR

/* The statistics of good pictures for the score `calibrated` */
typedef struct {
  int w, h;                /* the frame's, or 1 x 1: the same everywhere */
  float *mean, *deviation; /* (h, w); NULL = none */
} CbiganMapStatistics;

/* The statistics of good pictures for the score `critic` */
typedef struct {
  int positions;    /* grid * grid, or 1 */
  int channels;     /* of the chosen blocks together */
  float *mean;      /* (positions, channels); NULL = none */
  float *whitening; /* (positions, channels, channels): W with W^T W = inverse covariance */
} CbiganCriticStatistics;

#define CBIGAN_OBJECT_PLANES 6 /* the picture, and its deviation from good pictures */
/* Level, detail by the picture's contrast, detail by local contrast, two of colour */
#define CBIGAN_SURFACE_PLANES 5

/* How a part that lies at any place and angle is turned upright before an inspector sees it: score/pose.h. */
typedef struct {
  int frame_w, frame_h;            /* of the frames in which the part lies; 0 = parts are taken as they lie */
  int w, h;                        /* of the upright part, multiples of CBIGAN_INSPECTOR_STEP */
  double left, right, top, bottom; /* of the upright part, in pixels of the frame from its centre along its axes */
  float *mean_part;                /* (h / 2, w / 2): of good parts, high-passed, of norm 1 */
} CbiganPose;

/* An inspector: a network that was trained on synthetic defects, and statistics of good pictures. Objects lie in the
 * same place in each picture of w x h pixels. Surfaces have any size, and w = h = 0. */
typedef struct {
  int width;               /* c of the network; 0 = there is no inspector */
  int w, h;                /* of an object's pictures, multiples of CBIGAN_INSPECTOR_STEP */
  float *parameters;       /* (n_floats of the network) */
  float *mean, *deviation; /* objects: (3, h, w) of good pictures' logarithms; surfaces: NULL */
  float *level, *spread;   /* (h / 4, w / 4): of good pictures' logits; NULL = logits count as they are */
  CbiganSummary summary;   /* info.summary */
  CbiganPose pose;         /* objects only; w and h are also those above */
} CbiganInspector;

/* Planes of the network's input. */
int cbigan_inspector_planes(const CbiganInspector *self);
/* The network for pictures of w x h pixels (multiples of CBIGAN_INSPECTOR_STEP). Free with cbigan_network_free(). */
CbiganNetwork *cbigan_inspector_network(const CbiganInspector *self, int w, int h);
/* Frees the inspector's arrays. */
void cbigan_inspector_clear(CbiganInspector *self);

struct _CbiganModel {
  gatomicrefcount references;
  CbiganModelInfo info;
  CbiganNetwork *networks[CBIGAN_N_NETWORKS];
  float *parameters[CBIGAN_N_NETWORKS]; /* (networks[i]->n_floats), host, in the order of the tables */
  CbiganMapStatistics map;
  CbiganCriticStatistics critic;
  CbiganInspector inspector;
  CbiganNetwork *inspector_network; /* of any size, for its parameters' names; NULL without an inspector */
  gboolean has_levels;              /* the inspector has level and spread */
  float *mask;                      /* (info.mask.height, info.mask.width): 0 or 1; NULL = none. info.mask follows it */
  gboolean is_shared;               /* it is on shared_model.c's list */
};

/* shared_model.c: gives a shared model's reference back. TRUE: it was the last one, and the model is to be freed. */
gboolean cbigan_shared_model_unref(CbiganModel *model);

/* A model with zeroed parameters and no statistics, for the trainer to fill. */
CbiganModel *cbigan_model_new(int width, int patch);
/* As above, without memory for the parameters. */
CbiganModel *cbigan_model_new_empty(int width, int patch);
/* A model with an inspector, without E, G, D and threshold. Takes over the inspector's arrays. */
CbiganModel *cbigan_model_new_inspector(const CbiganInspector *inspector);
/* Pixels that count in all training and scoring; copied. counts NULL: all do. Before the model is shared. */
void cbigan_model_set_mask(CbiganModel *model, const CbiganMask *mask);
/* Atomic: temporary file in the same folder, fsync, rename. FALSE with CBIGAN_ERROR_FILE; the old file is then
 * unchanged. */
gboolean cbigan_model_save(const CbiganModel *model, const char *path, GError **error);
/* Number of channels of the blocks in info.critic_blocks (bit i = block i). */
int cbigan_model_critic_channels(const CbiganModelInfo *info);

G_END_DECLS
