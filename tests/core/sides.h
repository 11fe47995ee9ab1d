/* sides.h - models of every kind on every backend, for tests of what counts
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include "pictures.h"

G_BEGIN_DECLS

/* The size of a frame. */
#define W 112
#define H 80
#define PIXELS ((gsize)W * H)

typedef enum { PAPER, CALIBRATED, CRITIC, OBJECT, SURFACE, N_KINDS } Kind; /* of a score, or of an inspector */

typedef struct {
  const char *backend;
  Kind kind;
} Side;

typedef struct {
  const char *name;
  void (*func)(gconstpointer side);
  guint kinds; /* bits */
} SideTest;

/* Adds /PREFIX/BACKEND/KIND/NAME for the backends that can run here. */
void add_side_tests(const char *prefix, const SideTest *tests, guint n);
/* With frames of W x H; a surface takes any size. */
CbiganModel *open_model(Kind kind);
CbiganScoreKind score_kind(const Side *side);
CbiganScorerOptions scorer_options(const Side *side); /* with one thread */
CbiganScorer *open_scorer(CbiganModel *model, const Side *side);
/* Sets what counts; roi, counts (H, W): may be NULL */
void count(CbiganScorer *scorer, const char *roi, const guint8 *counts);
void score(CbiganScorer *scorer, const Picture *p, CbiganResult *result);
/* counts (H, W): the middle third of the columns is ignored, where picture() puts its blot. */
void middle_mask(guint8 *counts);
/* Replaces ignored pixels by noise (how = 0), 0 (1) or 255 (2). */
void spoil(Picture *p, const guint8 *counts, int how);
/* Score and map (n pixels) are the same to the bit. */
void expect_same(const CbiganResult *have, const CbiganResult *want, gsize n);
/* The map is 0 where counts (n) is. */
void expect_ignored(const CbiganResult *result, const guint8 *counts, gsize n);
/* A frame's score, map and regions are the same before and after `change`. */
void expect_no_effect(const Side *side, void (*change)(CbiganScorer *scorer));

G_END_DECLS
