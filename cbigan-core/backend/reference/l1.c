/* l1.c - sum of absolute differences of each sample (Eq. 9, 11)
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "reference.h"

#include <math.h>

void
cbigan_reference_l1(CbiganBackend *self, int n, gsize size, const float *a, const float *b, float *difference,
                    double *sums)
{
  for (int i = 0; i < n; i++, a += size, b += size) {
    sums[i] = 0;
    for (gsize k = 0; k < size; k++) {
      sums[i] += fabs((double)a[k] - b[k]);
      if (difference)
        difference[(gsize)i * size + k] = a[k] - b[k];
    }
  }
}
