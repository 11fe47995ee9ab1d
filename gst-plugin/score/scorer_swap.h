/* scorer_swap.h - the scorer of an element, which can be replaced while frames are scored
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Opening a model takes time, so it happens in the thread that sets a property. The thread that scores takes the opened
 * session between two frames and frees the old one. A session that can't be opened changes nothing.
 *
 * The swap also keeps the CUDA context that the element shares with its neighbours. GStreamer's CUDA library finds and
 * offers it, through the module of cuda/cuda_video.h.
 */
#pragma once
#include <cbigan.h>
#include <gst/video/video.h>

#include "cuda/cuda_video.h"
#include "properties.h"

G_BEGIN_DECLS

/* What a session is opened with. A change of one of them opens another session. */
typedef struct {
  char *model;          /* path; NULL = none yet */
  char *backend;        /* as in CbiganScorerOptions */
  int device;           /* -1 = the device of the CUDA context, or the first one */
  guint threads, batch; /* batch: patches; 0 = those of a frame */
  CbiganScoreKind score;
  CbiganPrecision precision;
  CbiganMaps maps;
} CbiganSettings;

/* A model that is opened for scoring. */
typedef struct {
  CbiganModel *model;
  CbiganScorer *scorer;
  GstCudaContext *context; /* in which the scorer runs; NULL = the scorer's own context, or none */
  char *path;
} CbiganSession;

typedef struct {
  GstElement *element; /* the owner; its object lock guards the first group of fields */
  GMutex opening;      /* held while a session is opened; taken before the object lock, never by the scoring thread */
  /* under the object lock */
  CbiganSettings settings;
  gboolean running;        /* between start and stop */
  CbiganSession *pending;  /* opened, not yet in use */
  CbiganModel *model;      /* of the session that was opened last */
  int device;              /* wanted of the CUDA context; -1 = any */
  GstCudaContext *context; /* shared with the neighbours, or NULL */
  GstVideoInfo info;       /* of the stream; its format is UNKNOWN before the first caps */
  /* of the thread that scores */
  CbiganSession *session; /* in use */
} CbiganScorerSwap;

/* element: must live longer than the swap. settings: written by the caller afterwards. */
void cbigan_swap_init(CbiganScorerSwap *self, GstElement *element);
void cbigan_swap_clear(CbiganScorerSwap *self);

/* Opens a session by the settings. FALSE with CBIGAN_ERROR; the error names the model file. Takes up to a second, on a
 * GPU in 16 bits longer. */
gboolean cbigan_swap_start(CbiganScorerSwap *self, GError **error);
/* Frees the sessions and the CUDA context. No other thread may use the session in use. */
void cbigan_swap_stop(CbiganScorerSwap *self);
/* Changes the setting of that row (offset in CbiganSettings), from any thread. While running, this opens another
 * session; where that fails, the old setting and session stay and a warning is posted on the bus. */
void cbigan_swap_change(CbiganScorerSwap *self, const CbiganProperty *row, const GValue *value);

/* Opens another session from the model file, which has changed. A file that can't be used is a warning on the bus, and
 * the session in use stays. Does nothing while not running. From any thread. */
void cbigan_swap_reload(CbiganScorerSwap *self);
/* The model that was opened last (transfer full); NULL = not running. From any thread. */
CbiganModel *cbigan_swap_model(CbiganScorerSwap *self);
/* Opens a session of `new` in place of one of `old`, until the setting `model` changes. FALSE with CBIGAN_ERROR, also
 * where `old` is no longer the model. From any thread. */
gboolean cbigan_swap_use(CbiganScorerSwap *self, const CbiganModel *old, CbiganModel *new, GError **error);
/* Path of the model file (transfer full); NULL = none. From any thread. */
char *cbigan_swap_path(CbiganScorerSwap *self);
/* Whether the swap is between start and stop. From any thread. */
gboolean cbigan_swap_is_running(CbiganScorerSwap *self);
/* Whether a session was opened that is not yet in use. From any thread. */
gboolean cbigan_swap_is_pending(CbiganScorerSwap *self);

/* The following functions are for the thread that scores. */

/* Puts a session that was opened meanwhile in use. FALSE: the session in use stays. */
gboolean cbigan_swap_take(CbiganScorerSwap *self);
/* Tells the stream's video: sessions that are opened from now on must accept it. */
void cbigan_swap_set_video(CbiganScorerSwap *self, const GstVideoInfo *info);
/* FALSE with CBIGAN_ERROR_FRAME: the stream's video is too small for the model of the session in use. */
gboolean cbigan_swap_accepts_video(const CbiganScorerSwap *self, GError **error);
/* The CUcontext in whose memory frames may stay, because the scorer runs in it; NULL = frames must be in host memory.
 */
gpointer cbigan_swap_cuda_context(const CbiganScorerSwap *self);
/* As cbigan_scorer_score(), of one frame. The calling thread's current CUDA context stays what it is. */
gboolean cbigan_swap_score(CbiganScorerSwap *self, const CbiganFrame *frame, CbiganResult *result, GError **error);

/* For GstElementClass.set_context. context: of any type, or NULL */
void cbigan_swap_set_context(CbiganScorerSwap *self, GstContext *context);
/* Answers a CONTEXT query. FALSE: not answered. */
gboolean cbigan_swap_answer(CbiganScorerSwap *self, GstQuery *query);

/* Posts an error or a warning of the core on the element's bus. */
void cbigan_post(GstElement *element, GstMessageType type, const GError *error);

G_END_DECLS
