/* activate.cuh - the activation of one number
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include "launch.cuh"

__device__ static inline float
activated(CbiganCudaActivation activation, float v)
{
  if (activation.tanh)
    return tanhf(v);
  return v > 0.0f ? v : activation.slope * v; /* NaN stays NaN */
}
