/* inspector_options.h - how an inspector is trained
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include "data/align.h"
#include "data/dataset.h"
#include "model/model.h"

G_BEGIN_DECLS

typedef struct {
  CbiganAlign align;   /* objects: whether their parts are turned upright */
  gboolean aligned;    /* objects, which lie in the same place in each picture; else surfaces */
  int width;           /* c */
  int batch, side;     /* crops per update, and their side */
  guint updates;       /* at most */
  double seconds;      /* at most; 0 = as many as the updates take */
  double rate;         /* Adam's largest */
  guint64 seed;        /* decides everything else */
  double held_out;     /* share of the pictures, 0..0.5; at least 4 pictures */
  double false_alarms; /* share of good pictures over the threshold */
  gboolean keep_odd;   /* no picture of an object is left out */
  CbiganMask mask;     /* the model's; its ignored pixels are filled already. Not owned */
  const char *backend;
  int device, threads;
} CbiganInspectorOptions;

#define CBIGAN_LEAST_SURFACE 32 /* pixels: side of a surface's smallest picture */

/* FALSE with CBIGAN_ERROR_ARGUMENT, which names the option, its value and the range. */
gboolean cbigan_inspector_options_check(const CbiganInspectorOptions *options, GError **error);
/* Defaults. */
void cbigan_inspector_options_init(CbiganInspectorOptions *options, gboolean aligned);

G_END_DECLS
