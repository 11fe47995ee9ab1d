/* cuda_module.c - the gradients of the cuda backend as the trainer sees them: a module that may be missing
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "backend/module.h"
#include "gradient/gradient.h"

const CbiganGradients *
cbigan_gradients_cuda(void)
{
  g_autofree char *why = NULL;
  const CbiganGradients *gradients = cbigan_module_open("cbigan-cuda-gradient", &why);
  if (!gradients)
    g_info("the cuda backend can't train: %s", why);
  return gradients;
}
