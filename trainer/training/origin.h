/* origin.h - where a trained model comes from: the JSON object cbigan.training of the model file
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include "backend/backend.h"

G_BEGIN_DECLS

typedef struct {
  const char *preset; /* "object" or "texture" */
  const char *digest; /* CbiganDataset.digest; NULL: it becomes "" */
  guint pictures, held_out;
  const char *count; /* the name that `steps` has in the object */
  guint steps;
  guint64 seed;
  gboolean adversarial; /* a CBiGAN; the next two belong to one */
  double alpha, average_decay;
  double false_alarms;
  const CbiganBackend *backend; /* NULL: trained without a network, so there are no held-out pictures and no steps */
  const char *options;          /* as in a checkpoint */
} CbiganOrigin;

/* (transfer full) the object as text */
char *cbigan_origin_describe(const CbiganOrigin *self);

G_END_DECLS
