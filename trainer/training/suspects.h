/* suspects.h - good pictures that look least like the others, as a defective one among them would
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include "data/picture.h"

G_BEGIN_DECLS

typedef struct {
  const char *path; /* the picture's, interned */
  double distance;  /* of its value from the median, over that of the upper quartile */
} CbiganSuspect;

#define CBIGAN_SUSPECT_FAR 7.0    /* of a Gumbel distribution, one value in 700 lies so far, */
#define CBIGAN_SUSPECT_BEYOND 9.0 /* and one in 4000 */

/* Appends the pictures whose values lie farther than `far` above those of the n together. suspects: of CbiganSuspect. A
 * group of fewer than 8 has none. */
void cbigan_suspects_add(GArray *suspects, double far, const CbiganPicture *const *pictures, const double *values,
                         guint n);
/* The most suspicious first; keeps so many of them. */
void cbigan_suspects_sort(GArray *suspects, guint most);

G_END_DECLS
