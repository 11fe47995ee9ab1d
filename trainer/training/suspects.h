/* suspects.h - good pictures that look least like the others, as a defective one among them would
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include "data/picture.h"

G_BEGIN_DECLS

typedef struct {
  const char *path; /* the picture's */
  double distance;  /* of its value from the median, over that of the upper quartile */
} CbiganSuspect;

/* Appends the pictures whose values lie far above those of the n together. suspects: of CbiganSuspect. A group of fewer
 * than 8 has none. */
void cbigan_suspects_add(GArray *suspects, const CbiganPicture *const *pictures, const double *values, guint n);
/* The most suspicious first, at most ten. */
void cbigan_suspects_sort(GArray *suspects);

G_END_DECLS
