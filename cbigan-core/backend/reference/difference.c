/* difference.c - difference of two batches, and the sum of its absolute values per sample (Eq. 9, 11)
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "reference.h"

#include <math.h>

void
cbigan_reference_difference(CbiganBackend *self, int n, gsize size, const float *a, const float *b, float *difference,
                            double *sums)
{
  for (int i = 0; i < n; i++, a += size, b += size) {
    double sum = 0.0;
    for (gsize k = 0; k < size; k++) {
      sum += fabs((double)a[k] - b[k]);
      if (difference)
        difference[(gsize)i * size + k] = a[k] - b[k];
    }
    if (sums)
      sums[i] = sum;
  }
}
