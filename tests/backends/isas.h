/* isas.h - the instruction sets that the cpu backend's kernels were compiled for
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include "backend/cpu/simd/simd_patches.h"

G_BEGIN_DECLS

/* (transfer full) the values of CBIGAN_ISA but "none", best first, as its own error message counts them: a new row of
 * isa.c's table is tested without a change here. */
GStrv isa_names(void);
/* Sets CBIGAN_ISA, so call it before there are threads. NULL: this processor has not got these instructions. */
const CbiganCpuIsa *isa_find(const char *name);
/* A test for where it has not */
void isa_skip(gconstpointer data);

G_END_DECLS
