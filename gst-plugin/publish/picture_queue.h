/* picture_queue.h - pictures that wait to be encoded as JPEG; inside sender.c
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include <gst/gst.h>

G_BEGIN_DECLS

typedef struct _CbiganPictureQueue CbiganPictureQueue;

typedef struct {
  char *topic, *reference;
  GstSample *sample;
} CbiganQueuedPicture;

/* jpeg: transfer full; NULL = problem says what is wrong. */
typedef void (*CbiganEncodedFunc)(const CbiganQueuedPicture *picture, GBytes *jpeg, const char *problem, gpointer data);

CbiganPictureQueue *cbigan_picture_queue_new(void);
void cbigan_picture_queue_free(CbiganPictureQueue *self);
/* FALSE: enough pictures wait, so that this one was not taken. Any thread. */
gboolean cbigan_picture_queue_push(CbiganPictureQueue *self, const char *topic, const char *reference,
                                   GstSample *picture);
gboolean cbigan_picture_queue_is_empty(CbiganPictureQueue *self);
/* Encodes all that wait. */
void cbigan_picture_queue_encode(CbiganPictureQueue *self, CbiganEncodedFunc func, gpointer data);

G_END_DECLS
