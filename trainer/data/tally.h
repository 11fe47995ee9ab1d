/* tally.h - how many pictures came from which folders, and what was left out; inside dataset.c
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include "folder.h"

G_BEGIN_DECLS

typedef struct _CbiganTally CbiganTally;

CbiganTally *cbigan_tally_new(void);
void cbigan_tally_free(CbiganTally *self);
void cbigan_tally_add_picture(CbiganTally *self, const char *folder);
void cbigan_tally_add_heatmap(CbiganTally *self);
void cbigan_tally_add_other(CbiganTally *self, const char *path); /* a file that is no picture */
/* "pictures from DIR: 12 (good 8, hole 4); left out: …" (transfer full). */
char *cbigan_tally_describe(const CbiganTally *self, const char *root, const CbiganListing *listing);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(CbiganTally, cbigan_tally_free)

G_END_DECLS
