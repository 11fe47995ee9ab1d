/* model_watch.h - a thread that tells when a file was replaced or written
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The file is looked at every second, which works without a main loop and on file systems over a network. A change is
 * told when the file has stayed the same for a second look, so that a file that is being copied is not read too early.
 */
#pragma once
#include <glib.h>

G_BEGIN_DECLS

typedef struct _CbiganWatch CbiganWatch;

/* get_path: the file to look at now (transfer full), or NULL; changed: called after a change of that file. Both are
 * called in the watch's thread. The file's state is noted before this returns. Free with cbigan_watch_free(). NULL with
 * G_THREAD_ERROR: no thread can be started. */
CbiganWatch *cbigan_watch_new(char *(*get_path)(gpointer data), void (*changed)(gpointer data), gpointer data,
                              GError **error);
/* Waits for a call of `changed` that is under way. NULL: nothing is done */
void cbigan_watch_free(CbiganWatch *self);

G_END_DECLS
