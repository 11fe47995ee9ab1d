/* gradient.c - finds the gradients beside a backend
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A new gradient backend is one more row here.
 */
#include "gradient/gradient.h"

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
