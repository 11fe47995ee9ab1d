/* frame_plan.h - how a stream's frames become the model's RGB frame on a device, to the bits that the host makes
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Computed once for a stream, on the host, without any device.
 */
#pragma once
#include <gst/video/video.h>

#include "frame.h"

G_BEGIN_DECLS

/* Formats that a plan can be made for, as caps list them. To add one, add its name: the test goes over
 * this list. */
#define CBIGAN_FRAME_FORMATS "{ NV12, NV21, P010_10LE, I420, YV12, Y444, RGBA, RGBx, BGRA, BGRx, ARGB, ABGR, RGB, BGR }"

/* The tables of an axis, in host memory; NULL where it keeps its size. */
typedef struct {
  int *first;    /* (size) */
  short *weight; /* (size, n_taps) */
  gsize size;
} CbiganFrameTables;

typedef struct {
  CbiganDeviceFrame frame; /* without its pointers and strides */
  CbiganFrameTables horizontal, vertical;
  int plane[3], offset[3]; /* where each component begins: plane, and bytes behind its beginning */
} CbiganFramePlan;

/* width, height: of the model's frame; 0 x 0 keeps the stream's size. NULL with GST_CORE_ERROR_NEGOTIATION. */
CbiganFramePlan *cbigan_frame_plan_new(const GstVideoInfo *info, int width, int height, GError **error);
void cbigan_frame_plan_free(CbiganFramePlan *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(CbiganFramePlan, cbigan_frame_plan_free)

G_END_DECLS
