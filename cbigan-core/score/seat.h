/* seat.h - a backend with a model's networks on it, on which one thread at a time computes
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include "score/gan/inference.h"
#include "score/inspector/inspection.h"

G_BEGIN_DECLS

/* What an engine is opened with. */
typedef struct {
  CbiganModel *model;
  const char *backend;
  int device, threads, batch; /* batch: 0 = chosen for the model's frames */
  CbiganPrecision precision;
  gpointer cuda_context;
  guint needs[CBIGAN_N_VIEWS];
} CbiganEngineKey;

typedef struct {
  CbiganBackend *backend;
  CbiganInference *inference;   /* of a CBiGAN; or */
  CbiganInspection *inspection; /* of an inspector; the other is NULL */
  CbiganBaseline baseline;      /* the model's statistics, for the inference */
  gboolean busy;                /* a pass is in work; under the lock of all engines */
} CbiganSeat;

typedef struct _CbiganMember CbiganMember; /* engine.h */

/* A frame on its way through an engine. The caller fills the first group. */
typedef struct _CbiganRequest CbiganRequest;
struct _CbiganRequest {
  CbiganScorer *scorer;
  CbiganMember *member;
  CbiganFrame frame;
  CbiganResult *result;
  CbiganPrepareFunc prepare; /* NULL = frame is ready */
  CbiganDoneFunc done;       /* of a posted frame */
  gpointer data;
  /* of the engine */
  GError *error;
  gboolean dropped; /* prepare() had no frame */
  GList link;
  gint64 deadline;          /* monotonic time, us */
  struct _CbiganCall *call; /* of the thread that waits for it; NULL = a posted frame */
};

/* key: must outlive the seat. like: a seat with the same key, whose batch is
 * taken and whose weights are shared, and which must outlive this; NULL = there is none. NULL with
 * CBIGAN_ERROR_BACKEND. Free with cbigan_seat_free(). */
CbiganSeat *cbigan_seat_new(const CbiganEngineKey *key, const CbiganSeat *like, GError **error);
void cbigan_seat_free(CbiganSeat *self); /* self: may be NULL */
/* Frames of the model's size that one pass takes, at least 1. */
guint cbigan_seat_frames(const CbiganSeat *self);
/* Prepares the requests' frames and scores them; sets error or dropped of those that fail. */
void cbigan_seat_run(CbiganSeat *self, CbiganRequest *const *requests, guint n);

/* scoring.c: what a scorer makes of its frame on a seat */
/* Memory for the frame's map and regions, so that the functions below need none. FALSE with CBIGAN_ERROR_BACKEND. */
gboolean cbigan_scorer_make_room(CbiganScorer *self, const CbiganFrame *frame, CbiganResult *result, GError **error);
/* From the results of inference. */
void cbigan_scorer_fill(CbiganScorer *self, const CbiganMeasurement *m, CbiganResult *result);
/* Whether frames are scored in cutouts. */
gboolean cbigan_scorer_has_cutouts(const CbiganScorer *self);
/* Scores a frame in cutouts. inference, inspection: one of them is NULL. FALSE with
 * CBIGAN_ERROR */
gboolean cbigan_scorer_score_cutouts(CbiganScorer *self, CbiganInference *inference, CbiganInspection *inspection,
                                     const CbiganFrame *frame, CbiganResult *result, GError **error);
/* FALSE with CBIGAN_ERROR */
gboolean cbigan_scorer_inspect(CbiganScorer *self, CbiganInspection *inspection, const CbiganFrame *frame,
                               CbiganResult *result, GError **error);

G_END_DECLS
