/* score.h - the ways to score: rows of one table over what the networks say about a frame
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * measure.c runs the networks, a row turns what they said and the statistics of good pictures into a score and a map.
 * To add a score: a CbiganScoreKind, its name in model.c, a file with its functions, a row in score.c.
 */
#pragma once
#include "model/model.h"
#include "tiling.h"

G_BEGIN_DECLS

/* What has to be measured, bits. */
typedef enum {
  CBIGAN_NEEDS_TERMS = 1 << 0,     /* L_R and L_fD of every patch: E, G, D's tap */
  CBIGAN_NEEDS_FEATURES = 1 << 1,  /* D's block outputs: D's first blocks */
  CBIGAN_NEEDS_ERROR_MAP = 1 << 2, /* what paper.c makes its map of, and calibrated.c: E, G */
  CBIGAN_NEEDS_LOCAL_MAP = 1 << 3,
  /* x - G(E(x)), of which they are made */
  CBIGAN_NEEDS_DIFFERENCE = CBIGAN_NEEDS_ERROR_MAP | CBIGAN_NEEDS_LOCAL_MAP
} CbiganNeeds;

/* The frame as the networks saw it: as it came, or brought to the light of the training pictures. */
typedef enum { CBIGAN_VIEW_RAW, CBIGAN_VIEW_LIGHT, CBIGAN_N_VIEWS } CbiganView;

/* What a backend made of a frame and keeps, in its memory; numbers on the host. */
typedef struct {
  const float *error_map;  /* (height, width) */
  const float *local_map;  /* (height, width) */
  const float *deviations; /* (height, width): in place of that, compared with good pictures */
  const float *distances;  /* (patches, grid * grid) */
  float deviations_peak, distances_peak;
} CbiganKept;

/* What the networks said about one frame; valid during the callback. NULL where it was not asked for. */
typedef struct {
  int width, height;
  const CbiganPatches *patches;
  const double *l_r, *l_fd;                /* Eq. 11, Eq. 9 of each patch */
  const float *difference[CBIGAN_N_VIEWS]; /* (3, height, width): x - the mean of the patches' G(E(x)) there */
  const float *features;                   /* (patches, grid * grid, channels) */
  float *distances;                        /* (patches, grid * grid) of scratch */
  CbiganKept kept;                         /* in place of difference, features: where the backend keeps frames */
  float *planes;                           /* (CBIGAN_PLANES, height, width) of scratch */
  double *columns;                         /* (width) of scratch */
  CbiganBackend *backend;                  /* for loops over a frame with cbigan_backend_each() */
} CbiganMeasurement;

#define CBIGAN_PLANES 2 /* the first is `calibrated`'s map where the caller wants none, the second the filters' */

/* What a row compares a measurement with. */
typedef struct {
  int patch, grid; /* pixels; positions of the critic's map along a patch */
  double lambda;   /* Eq. 7 */
  CbiganMapStatistics map;
  double deviation_floor; /* cbigan_map_floor() */
  CbiganCriticStatistics critic;
} CbiganBaseline;

typedef struct {
  CbiganView view;
  guint needs;     /* CbiganNeeds for the score */
  guint map_needs; /* for its map as well */
  /* Score >= 0; map: (height, width) or NULL. */
  double (*score)(const CbiganBaseline *standard, const CbiganMeasurement *m, float *map);
  /* After that without one: the map. */
  void (*map)(const CbiganBaseline *standard, const CbiganMeasurement *m, float *map);
} CbiganScoreRow;

extern const CbiganScoreRow cbigan_score_rows[CBIGAN_N_SCORES];

/* A model's own statistics (borrowed) and lambda. */
void cbigan_baseline_init(CbiganBaseline *self, const CbiganModel *model);

/* paper.c */
int cbigan_paper_patch(const CbiganBaseline *standard, const CbiganMeasurement *m); /* with the largest A(x) */
double cbigan_paper_score(const CbiganBaseline *standard, const CbiganMeasurement *m, float *map);
void cbigan_paper_map(const CbiganBaseline *standard, const CbiganMeasurement *m, float *map);
/* How a backend makes these maps: the first before its scale, the second before it is compared with anything. */
CbiganMapFilter cbigan_error_map_filter(int patch);
CbiganMapFilter cbigan_local_map_filter(int patch);
/* calibrated.c: the second -> out (height, width) */
void cbigan_local_map(int patch, const CbiganMeasurement *m, float *out);
double cbigan_map_floor(const CbiganMapStatistics *statistics); /* 0.1 x mean deviation + 1e-4 */
double cbigan_calibrated_score(const CbiganBaseline *standard, const CbiganMeasurement *m, float *map);
void cbigan_calibrated_map(const CbiganBaseline *standard, const CbiganMeasurement *m, float *map);
/* critic.c */
double cbigan_critic_score(const CbiganBaseline *standard, const CbiganMeasurement *m, float *map);
void cbigan_critic_map(const CbiganBaseline *standard, const CbiganMeasurement *m, float *map);

G_END_DECLS
