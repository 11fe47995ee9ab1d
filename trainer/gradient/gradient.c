/* gradient.c - finds the gradients beside a backend; numbers that are the same for all
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A new gradient backend is one more row here.
 */
#include "gradient/gradient.h"

#include <math.h>
#include <string.h>

static const CbiganGradients *const known[] = { &cbigan_gradients_reference, &cbigan_gradients_cpu };

const CbiganGradients *
cbigan_gradients_for(const CbiganBackend *backend)
{
  for (gsize i = 0; i < G_N_ELEMENTS(known); i++)
    if (!strcmp(known[i]->name, backend->klass->name))
      return known[i];
  return strcmp(backend->klass->name, "cuda") ? NULL : cbigan_gradients_cuda();
}

CbiganUpdate
cbigan_update_numbers(guint count, float rate, float beta1, float beta2, float epsilon, float decay)
{
  const double correction1 = 1.0 - pow((double)beta1, count), correction2 = 1.0 - pow((double)beta2, count);
  return (CbiganUpdate){ .rate = (double)rate,
                         .correction1 = correction1,
                         .correction2 = correction2,
                         .scale = (float)((double)rate / correction1),
                         .root = (float)(1.0 / sqrt(correction2)),
                         .beta1 = beta1,
                         .beta2 = beta2,
                         .epsilon = epsilon,
                         .decay = decay };
}
