/* suspects.c - good pictures that look least like the others, as a defective one among them would
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "suspects.h"

#include <stdlib.h>
#include <string.h>

#define FEWEST 8
#define LEAST_SPREAD 0.1 /* of values, whose deviation over good pictures is about 1 */

static int
ascending(gconstpointer a, gconstpointer b)
{
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static int
farthest_first(gconstpointer a, gconstpointer b)
{
  const CbiganSuspect *x = a, *y = b;
  return ascending(&y->distance, &x->distance);
}

void
cbigan_suspects_add(GArray *suspects, double far, const CbiganPicture *const *pictures, const double *values, guint n)
{
  if (n < FEWEST)
    return;
  g_autofree double *sorted = g_memdup2(values, n * sizeof *values);
  qsort(sorted, n, sizeof *sorted, ascending);
  const double median = sorted[n / 2], spread = MAX(sorted[n * 3 / 4] - median, LEAST_SPREAD);
  for (guint i = 0; i < n; i++) {
    const CbiganSuspect suspect = { .path = g_intern_string(pictures[i]->path),
                                    .distance = (values[i] - median) / spread };
    if (suspect.distance > far)
      g_array_append_val(suspects, suspect);
  }
}

void
cbigan_suspects_sort(GArray *suspects, guint most)
{
  g_array_sort(suspects, farthest_first);
  g_array_set_size(suspects, MIN(suspects->len, most));
}
