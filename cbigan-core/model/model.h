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
#define CBIGAN_BANK_CHANNELS 30   /* of score/inspector/bank.h */
#define CBIGAN_NEAREST_SAMPLES 32 /* good pictures; places without one hold CBIGAN_NO_SAMPLE */
#define CBIGAN_NO_SAMPLE 1e15f

/* How a part that lies at any place and angle is turned upright before an inspector sees it: score/inspector/pose.h. */
typedef struct {
  int frame_w, frame_h;            /* of the frames in which the part lies; 0 = parts are taken as they lie */
  int w, h;                        /* of the upright part, multiples of CBIGAN_INSPECTOR_STEP */
  double left, right, top, bottom; /* of the upright part, in pixels of the frame from its centre along its axes */
  float *mean_part;                /* (h / 2, w / 2): of good parts, high-passed, of norm 1 */
} CbiganPose;

/* The kinds of maps that an inspector's score is made of. To add one: a value, a row in inspector.c's table, a function
 * in score/inspector/inspector_maps.c's table, a line in docs/model-format.md. */
typedef enum {
  CBIGAN_MAP_LOGIT,  /* logits of the network */
  CBIGAN_MAP_HIDDEN, /* distance of the network's hidden units from those of good pictures */
  CBIGAN_MAP_BANK,   /* the same of a fixed bank of filters, without any network */
  /* Objects only: distance of the bank's responses from the nearest ones of good pictures, instead of from their mean
   */
  CBIGAN_MAP_NEAREST,
  CBIGAN_N_MAP_KINDS
} CbiganMapKind;

typedef struct {
  const char *name;   /* in the key cbigan.maps */
  const char *prefix; /* of the names of its tensors */
  int channels;       /* features per cell: the map is their Mahalanobis distance; 1 = the map is the feature itself */
  gboolean network;   /* its features come from the network */
  int samples;        /* good pictures whose features are kept; one Gaussian of all positions gives the distance. 0: the
                       * distance is from a Gaussian per position */
} CbiganMapDescription;

extern const CbiganMapDescription cbigan_map_descriptions[CBIGAN_N_MAP_KINDS];

/* One map of an inspector, with statistics of good pictures per position. A position is a cell of an object. All cells
 * of surfaces are one position. */
typedef struct {
  gboolean used;         /* the score is made of it */
  gboolean levelled;     /* objects only: compared with the values that good pictures have in the same cell */
  double offset, scale;  /* median and deviation of good pictures' summaries, by which maps are made comparable */
  float *mean;           /* (channels, positions) of good pictures' features; NULL with one channel */
  float *whitening;      /* (channels * (channels + 1) / 2, positions): the lower triangle of W, row by row, with
                          * W^T W = inverse covariance; NULL with one channel */
  float *samples;        /* (h / 4, samples, channels, w / 4): W (x - mean) of good pictures; NULL without samples */
  float *level, *spread; /* (h / 4, w / 4): mean and deviation of good pictures' values; NULL unless levelled */
} CbiganInspectorMap;

/* The light of a surface's good pictures, from which a frame's is told: score/inspector/surface_light.h */
typedef struct {
  gboolean known;   /* quartiles and weights are there */
  float *quartiles; /* (3, 3): mean quartiles of R, G and B over good pictures, in grey levels */
  float *weights;   /* (3, 3): grey levels to be added to a frame for each that its quartile lies above the mean one */
} CbiganSurfaceLight;

/* An inspector: a network that was trained on synthetic defects, and statistics of good pictures. Objects lie in the
 * same place in each picture of w x h pixels. Surfaces have any size, and w = h = 0. */
typedef struct {
  int width;               /* c of the network; 0 = there is no inspector */
  int w, h;                /* of an object's pictures, multiples of CBIGAN_INSPECTOR_STEP */
  float *parameters;       /* (n_floats of the network) */
  float *mean, *deviation; /* objects: (3, h, w) of good pictures' logarithms; surfaces: NULL */
  CbiganInspectorMap maps[CBIGAN_N_MAP_KINDS];
  CbiganSummary summary; /* info.summary */
  /* surfaces: where the network's windows overlap, each cell comes from the window whose border is further away. FALSE:
   * from the first window */
  gboolean shared_overlap;
  CbiganSurfaceLight light; /* surfaces only */
  CbiganPose pose;          /* objects only; w and h are also those above */
} CbiganInspector;

/* Planes of the network's input. */
int cbigan_inspector_planes(const CbiganInspector *self);
/* The network for pictures of w x h pixels (multiples of CBIGAN_INSPECTOR_STEP). Free with cbigan_network_free(). */
CbiganNetwork *cbigan_inspector_network(const CbiganInspector *self, int w, int h);
/* Cells of an object's pictures, or 1 for surfaces. */
gsize cbigan_inspector_positions(const CbiganInspector *self);
/* Positions of the mean and whitening of a map: these, or 1 with samples. */
gsize cbigan_inspector_map_positions(const CbiganInspector *self, CbiganMapKind kind);
/* Whether a map that is used reads the network. */
gboolean cbigan_inspector_uses_network(const CbiganInspector *self);
/* The maps in use as the value of the key cbigan.maps, such as "logit-n:0.2:1.3,hidden:2:0.4": name, "-n" where
 * levelled, offset, scale (transfer full). */
char *cbigan_inspector_write_maps(const CbiganInspector *self);
/* Sets used, levelled, offset and scale of all maps from such a text. FALSE: it is none. */
gboolean cbigan_inspector_read_maps(CbiganInspectorMap maps[CBIGAN_N_MAP_KINDS], const char *text);
/* Frees the arrays of maps that are not used, and level and spread of those that are not levelled. */
void cbigan_inspector_drop_unused(CbiganInspector *self);
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
  float *mask;                      /* (info.mask.height, info.mask.width): 0 or 1; NULL = none. info.mask follows it */
  gboolean is_shared;               /* it is on shared_model.c's list */
};

/* shared_model.c: gives a shared model's reference back. TRUE: it was the last one, and the model is to be freed. */
gboolean cbigan_shared_model_unref(CbiganModel *model);

void cbigan_model_info_clear(CbiganModelInfo *info); /* frees its arrays and texts */
/* A model with zeroed parameters and no statistics, for the trainer to fill. NULL: no memory. */
CbiganModel *cbigan_model_new(int width, int patch, GError **error);
/* As above, without memory for the parameters. */
CbiganModel *cbigan_model_new_empty(int width, int patch);
/* A model with an inspector, without E, G, D and threshold. Takes over the inspector's arrays. */
CbiganModel *cbigan_model_new_inspector(const CbiganInspector *inspector);
/* Pixels that count in all training and scoring; copied. counts NULL: all do. Before the model is shared. */
void cbigan_model_set_mask(CbiganModel *model, const CbiganMask *mask);
/* Number of channels of the blocks in info.critic_blocks (bit i = block i). */
int cbigan_model_critic_channels(const CbiganModelInfo *info);

G_END_DECLS
