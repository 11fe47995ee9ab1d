/* session.h - a model opened for scoring, as the element's properties ask for it
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include <cbigan.h>
#include <gst/video/video.h>

#include "gpu_context.h"

G_BEGIN_DECLS

/* What a session is opened with; changing one of them opens another. */
typedef struct {
  char *model;   /* path, or NULL */
  char *backend; /* as CbiganScorerOptions */
  int device;    /* -1: that of the CUDA context, or the first */
  guint threads;
  CbiganScoreKind score;
  CbiganPrecision precision;
  CbiganMaps maps;
} CbiganSettings;

typedef struct {
  CbiganModel *model;
  CbiganScorer *scorer;
  GstCudaContext *context; /* that the scorer runs in; NULL: one of its own, or none */
  char *path;
} CbiganSession;

void cbigan_settings_copy(CbiganSettings *to, const CbiganSettings *from);
void cbigan_settings_clear(CbiganSettings *self);
/* Whether a session would run on a GPU, where it can be opened. */
gboolean cbigan_settings_use_cuda(const CbiganSettings *self);

/* model: already loaded from settings->model, or NULL to read the file; context: for backend “cuda”, or NULL. Up to a
 * second, on a GPU in 16 bits longer. The error names the file. */
CbiganSession *cbigan_session_open(const CbiganSettings *settings, CbiganModel *model, GstCudaContext *context,
                                   GError **error);
void cbigan_session_free(CbiganSession *self);
/* FALSE with CBIGAN_ERROR_FRAME if frames of this video are too small for the model. */
gboolean cbigan_session_accepts(const CbiganSession *self, const GstVideoInfo *info, GError **error);

/* The CUcontext in whose memory frames may be, as the scorer runs in it; NULL: they must be in host memory. */
gpointer cbigan_session_place(const CbiganSession *self);
/* As cbigan_scorer_score(), of one frame. The calling thread's current CUDA context stays what it is. */
gboolean cbigan_session_score(CbiganSession *self, const CbiganFrame *frame, CbiganResult *result, GError **error);
/* Which backend “auto” took, and why none of the others: for the log (transfer full). Asks them all. */
char *cbigan_session_explain(const CbiganSession *self);

/* Posts an error or a warning of the core on the element's bus. */
void cbigan_post(GstElement *element, GstMessageType type, const GError *error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(CbiganSession, cbigan_session_free)

G_END_DECLS
