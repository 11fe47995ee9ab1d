/* frame_plan.h - plans the conversion of a stream's frames to the model's RGB frame on a GPU, to the host's bits
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A plan is computed once per stream, on the host; it needs no GPU.
 */
#pragma once
#include <gst/video/video.h>

#include "frame.h"

G_BEGIN_DECLS

/* The formats that can be planned, in the syntax of caps. To add one, add its name: the test runs over this list. */
#define CBIGAN_FRAME_FORMATS "{ NV12, NV21, P010_10LE, I420, YV12, Y444, RGBA, RGBx, BGRA, BGRx, ARGB, ABGR, RGB, BGR }"

/* The tables of an axis in host memory; NULL if the axis keeps its size. */
typedef struct {
  int *first;    /* (size) */
  short *weight; /* (size, n_taps) */
  gsize size;
} CbiganFrameTables;

typedef struct {
  CbiganDeviceFrame frame; /* its pointers and strides are not set */
  CbiganFrameTables horizontal, vertical;
  int plane[3], offset[3]; /* where component i begins: its plane, and bytes into that */
} CbiganFramePlan;

/* width, height: of the model's frame; 0 x 0 keeps the stream's size. Free with cbigan_frame_plan_free(). NULL with
 * GST_CORE_ERROR_NEGOTIATION. */
CbiganFramePlan *cbigan_frame_plan_new(const GstVideoInfo *info, int width, int height, GError **error);
void cbigan_frame_plan_free(CbiganFramePlan *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(CbiganFramePlan, cbigan_frame_plan_free)

G_END_DECLS
