/* engine.h - the networks of a model, opened once for any number of scorers
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * An engine has seats. A seat is a backend and the model's networks on it, and one thread at a time computes there. A
 * scorer's frames wait in the engine's queue until a seat is free. Frames of several scorers then go through the
 * networks as one batch, up to the size for which the networks were opened. The bits of a frame's result depend on that
 * size, but neither on the other frames nor on the seat.
 *
 * Scorers with equal keys share an engine. The engine opens one seat for each of its scorers until there are as many
 * seats as passes that the backend can run at the same time.
 */
#pragma once
#include "score/seat.h"

G_BEGIN_DECLS

typedef struct _CbiganEngine CbiganEngine;

/* A scorer's part in an engine. */
struct _CbiganMember {
  CbiganEngine *engine;
  guint frames;   /* that wait or are in work; under the lock of all engines */
  gint64 timeout; /* us for which a frame waits for others that would fill its batch */
};

/* Makes `member` one of the scorers of an engine with that key. shared: FALSE = of an engine of its own. FALSE with
 * CBIGAN_ERROR_BACKEND or _ARGUMENT. */
gboolean cbigan_engine_join(CbiganMember *member, const CbiganEngineKey *key, gboolean shared, GError **error);
/* The last member's engine is freed. No frame of the member may wait or be in work. member->engine: may be NULL */
void cbigan_engine_leave(CbiganMember *member);
guint cbigan_engine_members(const CbiganMember *member);
const CbiganBackend *cbigan_engine_backend(const CbiganMember *member);

/* Scores the requests and waits for them. FALSE with the first error. */
gboolean cbigan_engine_run(CbiganMember *member, CbiganRequest *requests, guint n, GError **error);
/* Puts a request (transfer full, from g_new0) in the queue. A thread of the library's calls prepare() and done(). Where
 * none can be started, the calling thread does so before this returns. The engine must be shared. */
void cbigan_engine_post(CbiganRequest *request);

G_END_DECLS
