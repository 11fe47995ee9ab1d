/* score_worker.h - one job of an element is in work, and the newest other one waits
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The worker has no thread. It asks for a turn in the threads of the core, which all elements share. The turn takes the
 * job that is the newest one then, so the worker never falls behind. A turn that finds another job at its end asks for
 * the next turn, behind those of other elements.
 */
#pragma once
#include <glib.h>

G_BEGIN_DECLS

typedef struct _CbiganWorker CbiganWorker;

/* ask: asks for a turn, without waiting for it; the turn calls take() once, and end() last. free_job: frees a job,
 * whether it was done or not. Free the worker with cbigan_worker_free(). */
CbiganWorker *cbigan_worker_new(void (*ask)(gpointer data), GDestroyNotify free_job, gpointer data);
void cbigan_worker_free(CbiganWorker *self); /* no turn may be asked for */

/* For any thread but that of a turn. */
/* job: transfer full. TRUE: an older job waited and was dropped. */
gboolean cbigan_worker_offer(CbiganWorker *self, gpointer job);
/* Waits until no job waits and there is no turn. timeout: us; below 0 = as long as it takes. FALSE: the time is over.
 */
gboolean cbigan_worker_wait(CbiganWorker *self, gint64 timeout);

/* For any thread. Drops the job that waits. FALSE: none waited. */
gboolean cbigan_worker_discard(CbiganWorker *self);

/* For the thread of a turn. */
/* The job of this turn, which stays the worker's; NULL = it was dropped. */
gpointer cbigan_worker_take(CbiganWorker *self);
/* Ends the turn and frees its job. */
void cbigan_worker_end(CbiganWorker *self);

G_END_DECLS
