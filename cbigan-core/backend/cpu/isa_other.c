/* isa_other.c - no kernels of our own for this kind of processor: oneDNN does everything
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "kernels.h"

const CbiganIsa cbigan_cpu_isas[] = { { NULL, 0, NULL } };
