/* struct_sizes.h - structs of programs that were compiled with another version of cbigan.h
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include "cbigan.h"

G_BEGIN_DECLS

/* This version's struct with what the program gave; NULL = what …_INIT says. Pointers stay the program's. */
CbiganScorerOptions cbigan_options_take(const CbiganScorerOptions *given);
CbiganCounting cbigan_counting_take(const CbiganCounting *given);

/* FALSE: `size` is too small for any version. */
gboolean cbigan_result_is_valid(const CbiganResult *given);
/* TRUE: the program's results are this version's struct, so that no copies are needed. */
gboolean cbigan_result_is_ours(const CbiganResult *given);
/* Copies of n results, which have the maps' memory until cbigan_results_give(). */
CbiganResult *cbigan_results_take(const CbiganResult *given, guint n);
/* Copies n results back, and frees the copies. */
void cbigan_results_give(CbiganResult *mine, guint n, CbiganResult *given);

G_END_DECLS
