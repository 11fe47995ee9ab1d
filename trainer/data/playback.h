/* playback.h - frames out of a GStreamer pipeline, with an end to every wait; inside picture_reader.c
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include <gst/gst.h>

G_BEGIN_DECLS

typedef struct _CbiganPlayback CbiganPlayback;

/* Called every ten seconds without a frame. */
typedef void (*CbiganWaitingFunc)(guint seconds, gpointer data);

/* A container that decodebin opens. Takes `fd`, a file of `size` bytes. NULL with CBIGAN_ERROR_FILE. */
CbiganPlayback *cbigan_playback_file(int fd, gsize size, GError **error);
/* A launch description that ends in raw video. NULL with CBIGAN_ERROR_ARGUMENT. */
CbiganPlayback *cbigan_playback_description(const char *description, GError **error);
void cbigan_playback_free(CbiganPlayback *self);

/* waiting: may be NULL. */
void cbigan_playback_start(CbiganPlayback *self, CbiganWaitingFunc waiting, gpointer data);
/* The next frame (transfer full); NULL at the end, or with CBIGAN_ERROR_FILE. A file fails when nothing has moved for
 * three seconds: no read is under way, and no thread of this process has computed anything. A description fails after a
 * minute, unless its source is live: a camera may wait for its trigger as long as it likes. */
GstSample *cbigan_playback_pull(CbiganPlayback *self, GError **error);
/* EXIF's 1 to 8: how the frame last pulled must be turned to be upright, as the container says. A description's frames
 * are taken as they are: 1. */
int cbigan_playback_orientation(const CbiganPlayback *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(CbiganPlayback, cbigan_playback_free)

G_END_DECLS
