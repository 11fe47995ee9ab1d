/* map_choice.c - which maps of an inspector, how compared and summarised, see synthetic defects best
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A combination is, for each kind of map, one of: not used, as it is, levelled (compared with good pictures' values in
 * the same cell). Levels that a good picture is compared with come from other pictures, as in use.
 */
#include "map_choice.h"

#include <json-glib/json-glib.h>
#include <math.h>
#include <string.h>

#include "score/inspector/blur.h"
#include "score/inspector/inspector_maps.h"
#include "training/metrics.h"
#include "training/ranks.h"

#define FOR_FEW 0.01         /* AUROC that another summary than the mean of the few largest must be better */
#define FOR_NETWORK 0.02     /* the same, for another way than logits and hidden units together */
#define FOLDS 5              /* levels leave out every fifth picture */
#define FEWEST_FOR_LEVELS 20 /* pictures */
#define LEVEL_BLUR 1.5       /* cells */
#define SHARED_SPREAD 0.2    /* of the mean spread, added to each cell's */
#define LEAST_SCALE 0.05     /* of the summaries' distance from the mean cell, where good pictures hardly differ */

typedef enum { NOT_USED, AS_IT_IS, LEVELLED, N_STATES } State;

struct _CbiganMapChoice {
  guint n, each;
  gboolean aligned;
  CbiganCells *sizes;               /* [n * (1 + each)], without values; what counts belongs to the caller, or is: */
  guint8 *counts;                   /* of all pictures, from another process */
  float **maps[CBIGAN_N_MAP_KINDS]; /* [n * (1 + each)] of (h, w) */
  float **levelled[CBIGAN_N_MAP_KINDS];
};

CbiganMapChoice *
cbigan_map_choice_new(guint n, guint each, gboolean aligned)
{
  CbiganMapChoice *self = g_new0(CbiganMapChoice, 1);
  const gsize pictures = (gsize)n * (1 + each);
  *self = (CbiganMapChoice){ .n = n, .each = each, .aligned = aligned, .sizes = g_new0(CbiganCells, pictures) };
  for (int kind = 0; kind < CBIGAN_N_MAP_KINDS; kind++) {
    self->maps[kind] = g_new0(float *, pictures);
    self->levelled[kind] = g_new0(float *, pictures);
  }
  return self;
}

void
cbigan_map_choice_free(CbiganMapChoice *self)
{
  if (!self)
    return;
  for (int kind = 0; kind < CBIGAN_N_MAP_KINDS; kind++) {
    for (guint i = 0; i < self->n * (1 + self->each); i++) {
      g_free(self->maps[kind][i]);
      g_free(self->levelled[kind][i]);
    }
    g_free(self->maps[kind]);
    g_free(self->levelled[kind]);
  }
  g_free(self->sizes);
  g_free(self->counts);
  g_free(self);
}

static guint
index_of(const CbiganMapChoice *self, guint picture, guint variant)
{
  return picture * (1 + self->each) + variant;
}

static gsize
count_cells(const CbiganMapChoice *self, guint i)
{
  return (gsize)self->sizes[i].w * (gsize)self->sizes[i].h;
}

void
cbigan_map_choice_add(CbiganMapChoice *self, guint picture, guint variant, const CbiganCells *cells,
                      const CbiganInspection *inspection)
{
  const guint i = index_of(self, picture, variant);
  self->sizes[i] = (CbiganCells){ .w = cells->w, .h = cells->h, .counts = cells->counts };
  for (int kind = 0; kind < CBIGAN_N_MAP_KINDS; kind++) {
    const float *values = cbigan_inspection_values(inspection, (CbiganMapKind)kind);
    self->maps[kind][i] = values ? g_memdup2(values, count_cells(self, i) * sizeof(float)) : NULL;
  }
}

/* --- processes -------------------------------------------------------------------------------------------------- */

/* With a mask, what counts is the same in all pictures. Rank 0 owns the first of them. */
static void
share_counts(CbiganMapChoice *self)
{
  const guint8 *mine = self->sizes[0].counts;
  gsize n = mine ? count_cells(self, 0) : 0;
  cbigan_ranks_broadcast(0, sizeof n, &n);
  if (!n)
    return;
  self->counts = g_new0(guint8, n);
  if (mine)
    memcpy(self->counts, mine, n);
  cbigan_ranks_broadcast(0, n, self->counts);
}

/* Maps of map i's picture, from the rank `owner` */
static void
share_maps(CbiganMapChoice *self, guint i, int owner)
{
  int header[3] = { self->sizes[i].w, self->sizes[i].h, 0 }; /* and which kinds there are */
  for (int kind = 0; kind < CBIGAN_N_MAP_KINDS; kind++)
    header[2] |= (self->maps[kind][i] != NULL) << kind;
  cbigan_ranks_broadcast(owner, sizeof header, header);
  self->sizes[i] = (CbiganCells){ .w = header[0], .h = header[1], .counts = self->counts };
  const gsize size = count_cells(self, i) * sizeof(float);
  for (int kind = 0; kind < CBIGAN_N_MAP_KINDS; kind++) {
    if (!(header[2] & 1 << kind))
      continue;
    if (!self->maps[kind][i])
      self->maps[kind][i] = g_malloc(size);
    cbigan_ranks_broadcast(owner, size, self->maps[kind][i]);
  }
}

void
cbigan_map_choice_share(CbiganMapChoice *self)
{
  if (cbigan_ranks_n() == 1)
    return;
  share_counts(self);
  for (guint p = 0; p < self->n; p++)
    for (guint k = 0; k <= self->each; k++)
      share_maps(self, index_of(self, p, k), cbigan_ranks_owner(p));
}

/* --- levels ----------------------------------------------------------------------------------------------------- */

/* Level and spread of a kind of map over good pictures, without those of a fold; fold = FOLDS: over all. */
static void
find_levels(const CbiganMapChoice *self, int kind, guint fold, CbiganInspectorMap *map)
{
  const int w = self->sizes[0].w, h = self->sizes[0].h;
  const gsize n = (gsize)w * (gsize)h;
  float *level = map->level = g_new0(float, n), *spread = map->spread = g_new0(float, n);
  double mean = 0.0;
  guint count = 0;
  for (guint p = 0; p < self->n; p++) {
    const float *values = self->maps[kind][index_of(self, p, 0)];
    if (p % FOLDS == fold)
      continue;
    count++;
    for (gsize i = 0; i < n; i++) { /* Welford 1962 */
      float before = values[i] - level[i];
      level[i] += before / (float)count;
      spread[i] += before * (values[i] - level[i]);
    }
  }
  for (gsize i = 0; i < n; i++)
    spread[i] /= (float)count;
  cbigan_blur(level, w, h, LEVEL_BLUR);
  cbigan_blur(spread, w, h, LEVEL_BLUR);
  for (gsize i = 0; i < n; i++)
    mean += (spread[i] = sqrtf(spread[i])) / (double)n;
  for (gsize i = 0; i < n; i++)
    spread[i] += (float)(SHARED_SPREAD * mean + 1e-4);
  map->levelled = TRUE;
}

/* Fills self->levelled: each picture and its variants against levels without the picture's fold. */
static void
level_all(const CbiganMapChoice *self, int kind)
{
  for (guint fold = 0; fold < FOLDS; fold++) {
    CbiganInspectorMap map = { 0 };
    find_levels(self, kind, fold, &map);
    for (guint p = fold; p < self->n; p += FOLDS)
      for (guint k = 0; k <= self->each; k++) {
        const guint i = index_of(self, p, k);
        self->levelled[kind][i] = g_memdup2(self->maps[kind][i], count_cells(self, i) * sizeof(float));
        cbigan_map_level(&map, count_cells(self, i), self->levelled[kind][i]);
      }
    g_free(map.level);
    g_free(map.spread);
  }
}

/* --- combinations ----------------------------------------------------------------------------------------------- */

typedef struct {
  State states[CBIGAN_N_MAP_KINDS];
  CbiganSummary summary;
} Way;

static int
compare(gconstpointer a, gconstpointer b)
{
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* values: of the cells of map i. */
static double
summarise(const CbiganMapChoice *self, guint i, float *values, CbiganSummary summary)
{
  const CbiganCells *size = &self->sizes[i];
  return cbigan_cells_summary(&(CbiganCells){ size->w, size->h, values, size->counts, NULL }, summary);
}

/* Offset and scale of a kind of map in its state: median and deviation of good pictures' summaries. */
static void
find_scale(const CbiganMapChoice *self, int kind, State state, CbiganSummary summary, CbiganInspectorMap *map)
{
  float *const *maps = state == LEVELLED ? self->levelled[kind] : self->maps[kind];
  g_autofree double *found = g_new(double, self->n);
  double mean = 0.0, squares = 0.0, cells = 0.0;
  for (guint p = 0; p < self->n; p++) {
    const guint i = index_of(self, p, 0);
    const gsize n = count_cells(self, i);
    found[p] = summarise(self, i, maps[i], summary);
    mean += found[p] / self->n;
    for (gsize k = 0; k < n; k++)
      cells += maps[i][k] / (double)n / self->n;
  }
  for (guint p = 0; p < self->n; p++)
    squares += (found[p] - mean) * (found[p] - mean) / MAX(self->n - 1, 1);
  qsort(found, self->n, sizeof *found, compare);
  map->offset = 0.5 * (found[(self->n - 1) / 2] + found[self->n / 2]);
  map->scale = MAX(sqrt(squares), LEAST_SCALE * fabs(map->offset - cells) + 1e-6);
}

/* Cells of one picture, fused (transfer full). maps: offset and scale of each kind. */
static float *
fuse(const CbiganMapChoice *self, const Way *way, const CbiganInspectorMap *maps, guint i)
{
  const gsize n = count_cells(self, i);
  float *fused = g_new(float, n);
  for (gsize k = 0; k < n; k++)
    fused[k] = INFINITY;
  for (int kind = 0; kind < CBIGAN_N_MAP_KINDS; kind++)
    if (way->states[kind] != NOT_USED)
      cbigan_map_fuse(&maps[kind], way->states[kind] == LEVELLED ? self->levelled[kind][i] : self->maps[kind][i], n,
                      fused);
  return fused;
}

static double
value_of(const CbiganMapChoice *self, const Way *way, const CbiganInspectorMap *maps, guint i)
{
  g_autofree float *fused = fuse(self, way, maps, i);
  return summarise(self, i, fused, way->summary);
}

static void
find_scales(const CbiganMapChoice *self, const Way *way, CbiganInspectorMap *maps)
{
  for (int kind = 0; kind < CBIGAN_N_MAP_KINDS; kind++)
    if (way->states[kind] != NOT_USED)
      find_scale(self, kind, way->states[kind], way->summary, &maps[kind]);
}

/* good: [n] values. Returns the AUROC. */
static double
try_way(const CbiganMapChoice *self, const Way *way, double *good)
{
  CbiganInspectorMap maps[CBIGAN_N_MAP_KINDS] = { 0 };
  g_autofree double *bad = g_new(double, (gsize)self->n * self->each);
  find_scales(self, way, maps);
  for (guint p = 0; p < self->n; p++)
    for (guint k = 0; k <= self->each; k++)
      *(k ? &bad[p * self->each + k - 1] : &good[p]) = value_of(self, way, maps, index_of(self, p, k));
  return cbigan_auroc(good, self->n, bad, self->n * self->each);
}

/* The bank and its nearest samples are two ways to compare the same features. */
static gboolean
is_double(const Way *way)
{
  return way->states[CBIGAN_MAP_BANK] != NOT_USED && way->states[CBIGAN_MAP_NEAREST] != NOT_USED;
}

/* The next combination of states; FALSE after the last. */
static gboolean
next_states(const CbiganMapChoice *self, State *states)
{
  const State last = self->aligned && self->n >= FEWEST_FOR_LEVELS ? LEVELLED : AS_IT_IS;
  for (int kind = 0; kind < CBIGAN_N_MAP_KINDS; kind++) {
    if (states[kind] < last && self->maps[kind][0]) {
      states[kind]++;
      return TRUE;
    }
    states[kind] = NOT_USED;
  }
  return FALSE;
}

/* "logit-n+hidden" (transfer full) */
static char *
name_of(const Way *way)
{
  GString *text = g_string_new(NULL);
  for (int kind = 0; kind < CBIGAN_N_MAP_KINDS; kind++)
    if (way->states[kind] != NOT_USED)
      g_string_append_printf(text, "%s%s%s", text->len ? "+" : "", cbigan_map_descriptions[kind].name,
                             way->states[kind] == LEVELLED ? "-n" : "");
  return g_string_free(text, FALSE);
}

/* AUROC less what the way must be better by: small differences on synthetic defects are noise, and real ones are often
 * larger and fainter. good: [n] */
static double
rate_way(const CbiganMapChoice *self, const Way *way, double *good, double *auroc)
{
  gboolean usual = TRUE;
  for (int kind = 0; kind < CBIGAN_N_MAP_KINDS; kind++)
    usual &= cbigan_map_descriptions[kind].network == (way->states[kind] != NOT_USED);
  *auroc = try_way(self, way, good);
  return *auroc - (way->summary == CBIGAN_SUMMARY_FEW ? 0.0 : FOR_FEW) - (usual ? 0.0 : FOR_NETWORK);
}

/* peaks: [n * CBIGAN_CELLS_PEAKS] of the good pictures */
static void
find_peaks(const CbiganMapChoice *self, const Way *way, double *peaks)
{
  CbiganInspectorMap maps[CBIGAN_N_MAP_KINDS] = { 0 };
  find_scales(self, way, maps);
  for (guint p = 0; p < self->n; p++) {
    const guint i = index_of(self, p, 0);
    g_autofree float *fused = fuse(self, way, maps, i);
    CbiganCells cells = self->sizes[i];
    cells.values = fused;
    cbigan_cells_peaks(&cells, way->summary, peaks + (gsize)p * CBIGAN_CELLS_PEAKS);
  }
}

static void
apply_way(const CbiganMapChoice *self, const Way *way, CbiganInspector *inspector)
{
  inspector->summary = way->summary;
  find_scales(self, way, inspector->maps);
  for (int kind = 0; kind < CBIGAN_N_MAP_KINDS; kind++) {
    inspector->maps[kind].used = way->states[kind] != NOT_USED;
    if (way->states[kind] == LEVELLED)
      find_levels(self, kind, FOLDS, &inspector->maps[kind]);
  }
  cbigan_inspector_drop_unused(inspector);
}

double
cbigan_map_choice_measure(const CbiganMapChoice *self)
{
  g_autofree double *good = g_new(double, self->n);
  Way way = { .summary = CBIGAN_SUMMARY_FEW };
  for (int kind = 0; kind < CBIGAN_N_MAP_KINDS; kind++)
    way.states[kind] = cbigan_map_descriptions[kind].network ? AS_IT_IS : NOT_USED;
  return try_way(self, &way, good);
}

double
cbigan_map_choice_make(const CbiganMapChoice *self, CbiganInspector *inspector, double *scores, double *peaks,
                       char **tried)
{
  g_autofree double *good = g_new(double, self->n);
  g_autoptr(JsonObject) object = json_object_new();
  Way way = { 0 }, best = { 0 };
  double best_rate = -INFINITY, best_auroc = 0.0;
  for (int kind = 0; self->aligned && kind < CBIGAN_N_MAP_KINDS; kind++)
    if (self->maps[kind][0])
      level_all(self, kind);
  while (next_states(self, way.states)) {
    if (is_double(&way))
      continue;
    g_autofree char *name = name_of(&way);
    double highest = 0.0;
    for (int summary = 0; summary < CBIGAN_N_SUMMARIES; summary++) {
      double auroc;
      way.summary = (CbiganSummary)summary;
      const double rate = rate_way(self, &way, good, &auroc);
      highest = MAX(highest, auroc);
      if (rate <= best_rate)
        continue;
      best_rate = rate;
      best_auroc = auroc;
      best = way;
      memcpy(scores, good, self->n * sizeof *scores);
    }
    json_object_set_double_member(object, name, round(highest * 1e4) / 1e4);
  }
  find_peaks(self, &best, peaks);
  apply_way(self, &best, inspector);
  g_autoptr(JsonNode) node = json_node_init_object(json_node_alloc(), object);
  *tried = json_to_string(node, FALSE);
  return best_auroc;
}
