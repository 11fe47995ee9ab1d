/* dnn.h - what cudnn.cc and cudnn_graph.cc share
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include <cuda_fp16.h>
#include <cudnn.h>

#include <cstdint>

#include "emulator_internal.h"

struct cudnnContext {
  CUcontext context; /* CUDA's that was current when it was made */
  cudaStream_t stream;
};

/* --- numbers of 16 bits ------------------------------------------------------------------------------------------ */

static inline bool
is_narrow(cudnnDataType_t type)
{
  return type != CUDNN_DATA_FLOAT;
}

/* A type that the chip has */
static inline bool
has_type(cudnnDataType_t type)
{
  return type == CUDNN_DATA_FLOAT || type == CUDNN_DATA_HALF ||
         (type == CUDNN_DATA_BFLOAT16 && emulator_machine("capability", 75) >= 80);
}

static inline float
from_narrow(cudnnDataType_t type, uint16_t bits)
{
  if (type == CUDNN_DATA_HALF)
    return __half2float(__ushort_as_half(bits));
  return __uint_as_float((unsigned)bits << 16);
}

static inline uint16_t
to_narrow(cudnnDataType_t type, float v)
{
  if (type == CUDNN_DATA_HALF)
    return __half_as_ushort(__float2half_rn(v));
  const unsigned bits = __float_as_uint(v), half = 0x7FFF + (bits >> 16 & 1); /* a tie to the even one */
  return (uint16_t)(v != v ? bits >> 16 | 0x40 : (bits + half) >> 16);
}
