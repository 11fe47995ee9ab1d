/* other_version.c - a module of another version, which also needs missing_library.c
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "backend/module.h"

extern int library_that_goes_away;
int *const uses_it = &library_that_goes_away;

extern const CbiganModule cbigan_module;
const CbiganModule cbigan_module = { .version = "0.0.1", .table = &cbigan_module };
