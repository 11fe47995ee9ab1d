/* score_worker.h - a thread that does the newest of the jobs it is offered
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * One job is in work, and at most one waits. A newer job replaces the one that waits, so the worker never falls behind.
 * The thread starts with the first job. All functions may be called from any thread but the worker's own.
 */
#pragma once
#include <glib.h>

G_BEGIN_DECLS

typedef struct _CbiganWorker CbiganWorker;

/* work: does a job, in the worker's thread; free_job: frees a job, whether it was done or not. Free the worker with
 * cbigan_worker_free(). */
CbiganWorker *cbigan_worker_new(void (*work)(gpointer job, gpointer data), GDestroyNotify free_job, gpointer data);
void cbigan_worker_free(CbiganWorker *self);
/* Drops the job that waits, waits for the job in work, and ends the thread. Nobody may offer a job meanwhile. The next
 * offer starts another thread. */
void cbigan_worker_stop(CbiganWorker *self);
/* job: transfer full. TRUE: an older job waited and was dropped. */
gboolean cbigan_worker_offer(CbiganWorker *self, gpointer job);
/* Drops the job that waits. FALSE: none waited. */
gboolean cbigan_worker_discard(CbiganWorker *self);
/* Waits until no job waits or is in work. timeout: us; below 0 = as long as it takes. FALSE: the time is over. */
gboolean cbigan_worker_wait(CbiganWorker *self, gint64 timeout);

G_END_DECLS
