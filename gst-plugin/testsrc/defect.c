/* defect.c - places and looks of the cloth's defects
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "defect.h"

#include <math.h>

typedef struct {
  ClothDefectKind kind;
  const char *name;
  double min_size, max_size; /* half a side, in shares of the picture's smaller side */
  void (*draw)(const ClothDefect *defect, double contrast, double y, int x0, int x1, float *const rgb[3]);
} DefectKind;

static double
smoothstep(double from, double to, double x)
{
  double t = CLAMP((x - from) / (to - from), 0.0, 1.0);
  return t * t * (3 - 2 * t);
}

/* Distance from the middle; 1 = on an irregular outline inside the box. */
static double
outline_distance(const ClothDefect *defect, double x, double y)
{
  double dx = (x - defect->cx) / defect->rx, dy = (y - defect->cy) / defect->ry, angle = atan2(dy, dx), edge = 0.78;
  for (int i = 0; i < 3; i++)
    edge += 0.07 * sin((i + 2) * angle + defect->phase[i]);
  return sqrt(dx * dx + dy * dy) / edge;
}

/* Oil darkens the cloth, blue most. */
static void
draw_stain(const ClothDefect *defect, double contrast, double y, int x0, int x1, float *const rgb[3])
{
  static const float absorption[3] = { 0.45f, 0.6f, 0.8f };
  for (int x = x0; x < x1; x++) {
    float alpha = (float)(contrast * smoothstep(1.0, 0.6, outline_distance(defect, x + 0.5, y)));
    for (int c = 0; c < 3; c++)
      rgb[c][x] *= 1 - alpha * absorption[c];
  }
}

/* A hole shows dark ground behind the cloth and has a frayed, brighter rim. */
static void
draw_hole(const ClothDefect *defect, double contrast, double y, int x0, int x1, float *const rgb[3])
{
  for (int x = x0; x < x1; x++) {
    double r = outline_distance(defect, x + 0.5, y);
    double fray = cloth_unit(defect->seed, (guint64)(x + 16), (guint64)(gint64)floor(y) + 16);
    float rim = (float)(0.5 * contrast * fray * smoothstep(1.0, 0.85, r));
    float inside = (float)(contrast * smoothstep(0.85, 0.7, r + 0.12 * (fray - 0.5)));
    for (int c = 0; c < 3; c++)
      rgb[c][x] = rgb[c][x] * (1 + rim) * (1 - inside) + 22.0f * inside;
  }
}

/* A pulled thread is a bright bow from corner to corner of the box, with its shadow beside it. */
static void
draw_scratch(const ClothDefect *defect, double contrast, double y, int x0, int x1, float *const rgb[3])
{
  double slope = defect->phase[0] > G_PI ? 1 : -1, ax = defect->rx, ay = slope * defect->ry, length = hypot(ax, ay);
  double thickness = MAX(1.0, 0.05 * length), bow = 0.12 * length * sin(defect->phase[1]);
  for (int x = x0; x < x1; x++) {
    double px = x + 0.5 - defect->cx, py = y - defect->cy;
    double along = (px * ax + py * ay) / (0.9 * length * length); /* -1..1 */
    if (fabs(along) >= 1)
      continue;
    double taper = sqrt(1 - along * along);
    double off = (px * ay - py * ax) / length - bow * (1 - along * along);
    double core = exp(-off * off / (thickness * thickness));
    double shadow = exp(-(off - 1.8 * thickness) * (off - 1.8 * thickness) / (thickness * thickness));
    float gain = (float)(1 + contrast * taper * (0.55 * core - 0.5 * shadow));
    for (int c = 0; c < 3; c++)
      rgb[c][x] *= gain;
  }
}

static const DefectKind cloth_defect_kinds[] = {
  { CLOTH_MISSING_YARN, "missing-yarn", 0.15, 0.35, NULL },
  { CLOTH_STAIN, "stain", 0.06, 0.14, draw_stain },
  { CLOTH_HOLE, "hole", 0.03, 0.08, draw_hole },
  { CLOTH_SCRATCH, "scratch", 0.08, 0.18, draw_scratch },
};

static const DefectKind *
find_kind(ClothDefectKind kind)
{
  for (guint i = 0; i < G_N_ELEMENTS(cloth_defect_kinds); i++)
    if (cloth_defect_kinds[i].kind == kind)
      return &cloth_defect_kinds[i];
  return NULL;
}

const char *
cloth_defect_name(ClothDefectKind kind)
{
  const DefectKind *k = find_kind(kind);
  return k ? k->name : "none";
}

static const DefectKind *
choose_kind(guint kinds, guint64 seed)
{
  const DefectKind *chosen[G_N_ELEMENTS(cloth_defect_kinds)];
  guint n = 0;
  for (guint i = 0; i < G_N_ELEMENTS(cloth_defect_kinds); i++)
    if (kinds & cloth_defect_kinds[i].kind)
      chosen[n++] = &cloth_defect_kinds[i];
  return n ? chosen[cloth_hash(seed, 1, 0) % n] : NULL;
}

/* Changes the box to that of one whole yarn. top: first row of the piece on the strip. */
static void
choose_yarn(ClothDefect *defect, const ClothOptions *options, double top)
{
  defect->across = cloth_hash(defect->seed, 5, 0) & 1;
  double position = defect->across ? top + defect->cy : defect->cx;
  defect->yarn = (gint64)floor(position / options->pitch);
  double middle = (defect->yarn + 0.5) * options->pitch, half = CLOTH_YARN_REACH * options->pitch;
  if (defect->across) {
    defect->cy = middle - top;
    defect->ry = half;
  } else {
    defect->cx = middle;
    defect->rx = half;
  }
}

ClothDefect
cloth_defect_of_piece(const ClothOptions *options, guint64 piece, int width, int height)
{
  ClothDefect d = { .seed = cloth_hash(options->seed, piece, 77) };
  const DefectKind *kind = choose_kind(options->kinds, d.seed);
  if (!kind || cloth_unit(d.seed, 0, 0) >= options->rate)
    return d;
  d.kind = kind->kind;
  double size = kind->min_size + (kind->max_size - kind->min_size) * cloth_unit(d.seed, 2, 0);
  size = MAX(size * MIN(width, height), 1.5 * options->pitch);
  double aspect = 0.7 + 0.6 * cloth_unit(d.seed, 2, 1);
  d.rx = MIN(size * aspect, 0.5 * width);
  d.ry = MIN(size / aspect, 0.5 * height);
  d.cx = d.rx + cloth_unit(d.seed, 3, 0) * (width - 2 * d.rx);
  d.cy = d.ry + cloth_unit(d.seed, 3, 1) * (height - 2 * d.ry);
  for (int i = 0; i < 3; i++)
    d.phase[i] = 2 * G_PI * cloth_unit(d.seed, 4, (guint64)i);
  if (d.kind == CLOTH_MISSING_YARN)
    choose_yarn(&d, options, (double)piece * height);
  d.box = (ClothBox){ d.cx - d.rx, d.cy - d.ry, d.cx + d.rx, d.cy + d.ry };
  return d;
}

void
cloth_defect_draw(const ClothDefect *defect, double contrast, double y, int width, float *const rgb[3])
{
  const DefectKind *kind = find_kind(defect->kind);
  if (kind && kind->draw && y >= defect->box.y0 && y < defect->box.y1)
    kind->draw(defect, contrast, y, MAX((int)floor(defect->box.x0), 0), MIN((int)ceil(defect->box.x1), width), rgb);
}
