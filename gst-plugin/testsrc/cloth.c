/* cloth.c - draws the weave row by row
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Warp yarn i and weft yarn j cross in a cell. The warp lies on top where i + j is even. The borders between yarns
 * wander a little, smoothly along the yarn. Values that change slowly are kept in tables by column, so a row costs a
 * few operations per pixel.
 */
#include "cloth.h"

#include <math.h>

#define TILE 32       /* samples along each side of a cell */
#define GRAIN 65536   /* samples of fibre noise */
#define WANDER 0.16   /* largest shift of a border, in pitches */
#define WANDER_STEP 4 /* cells between two knots of a border */

#define YARN_WIDTH 0.90 /* in pitches */

enum { WARP_ABOVE, WEFT_ABOVE, N_ABOVE };
enum { BOTH_YARNS, WARP_ONLY, WEFT_ONLY, N_YARNS };

/* Looks of a cell at (v, u); both run from 0 to 1 over the cell. */
typedef struct {
  float shade[TILE][TILE]; /* brightness */
  float weft[TILE][TILE];  /* 1 where the weft is visible, else 0 */
} Tile;

struct _Cloth {
  ClothOptions options;
  int width, height;
  int columns; /* visible warp yarns and one beyond each side */
  Tile tiles[N_ABOVE][N_YARNS];
  float *grain;          /* (GRAIN + width), around 1 */
  float *light;          /* (width): the part of the lamp's light that depends on x */
  float *shade;          /* (width): brightness of the current row */
  float *weft;           /* (width): Tile.weft of the current row */
  float *rgb[3];         /* (width) each, 0..255 */
  float *left;           /* (columns + 1): begin of each warp yarn in the current row, pixels */
  float *warp_tone;      /* (columns) */
  float *warp_wander[2]; /* (columns + 1): shift at the knots before and after the row */
  float *weft_top[4];    /* (columns): begin of weft yarns j0-1 .. j0+2, rows of the strip */
  gint64 knot, weft_row; /* for which the tables hold */
};

/* Smooth noise in -1..1 along the border of one yarn; position: in cells. */
static double
wander(guint64 seed, gint64 yarn, double position)
{
  double knot = floor(position / WANDER_STEP), t = position / WANDER_STEP - knot;
  double a = cloth_unit(seed, (guint64)yarn, (guint64)(gint64)knot),
         b = cloth_unit(seed, (guint64)yarn, (guint64)(gint64)knot + 1);
  t = t * t * (3 - 2 * t);
  return 2 * (a + (b - a) * t) - 1;
}

/* Height of a yarn over the cloth's middle plane, in pitches; -1 beside the yarn. across, along: 0..1 in the cell. */
static double
yarn_height(double across, double along, gboolean above)
{
  double s = (2 * across - 1) / YARN_WIDTH;
  return fabs(s) < 1 ? 0.30 * sqrt(1 - s * s) + (above ? 0.16 : -0.16) * sin(G_PI * along) : -1;
}

/* Brightness of a yarn at a point. Light comes from above left, deep points are darker, the fibres' twist makes
 * stripes. */
static double
yarn_shade(double across, double along, gboolean above, gboolean weft)
{
  const double d = 0.02, light[3] = { -0.35, -0.45, 0.82 };
  double z = yarn_height(across, along, above), za = yarn_height(CLAMP(across + d, 0, 1), along, above);
  double zl = yarn_height(across, along + d, above);
  double sa = za > -1 ? -(za - z) / d : 2.5, sl = -(zl - z) / d;
  double nx = weft ? sl : sa, ny = weft ? sa : sl;
  double lambert = (nx * light[0] + ny * light[1] + light[2]) / sqrt(nx * nx + ny * ny + 1);
  double twist = 1 + 0.08 * sin(2 * G_PI * (2.5 * along + across));
  return (0.28 + 0.80 * MAX(lambert, 0)) * (0.72 + 0.62 * z) * twist;
}

static void
make_tiles(Cloth *self)
{
  for (int above = 0; above < N_ABOVE; above++)
    for (int yarns = 0; yarns < N_YARNS; yarns++)
      for (int i = 0; i < TILE; i++)
        for (int j = 0; j < TILE; j++) {
          double u = (j + 0.5) / TILE, v = (i + 0.5) / TILE;
          double warp = yarns == WEFT_ONLY ? -1 : yarn_height(u, v, above == WARP_ABOVE);
          double weft = yarns == WARP_ONLY ? -1 : yarn_height(v, u, above == WEFT_ABOVE);
          Tile *tile = &self->tiles[above][yarns];
          tile->weft[i][j] = weft > warp;
          if (MAX(warp, weft) <= -1)
            tile->shade[i][j] = 0.10f;
          else
            tile->shade[i][j] = (float)(weft > warp ? yarn_shade(v, u, above == WEFT_ABOVE, TRUE)
                                                    : yarn_shade(u, v, above == WARP_ABOVE, FALSE));
        }
}

static void
make_grain(Cloth *self)
{
  for (int i = 0; i < GRAIN + self->width; i++) {
    guint64 at = (guint64)(i % GRAIN);
    self->grain[i] =
        (float)(1 + 0.09 * (cloth_unit(self->options.seed, at, 3) + cloth_unit(self->options.seed, at, 4) - 1));
  }
}

void
cloth_set_options(Cloth *self, const ClothOptions *options)
{
  gboolean rewoven = options->seed != self->options.seed || options->pitch != self->options.pitch;
  self->options = *options;
  self->knot = self->weft_row = G_MININT64;
  if (!rewoven)
    return;
  self->columns = (int)(self->width / options->pitch) + 3;
  gsize n = (gsize)self->columns + 1;
  float **by_column[] = { &self->left,        &self->warp_tone,   &self->warp_wander[0], &self->warp_wander[1],
                          &self->weft_top[0], &self->weft_top[1], &self->weft_top[2],    &self->weft_top[3] };
  for (guint i = 0; i < G_N_ELEMENTS(by_column); i++)
    *by_column[i] = g_renew(float, *by_column[i], n);
  for (int i = 0; i < self->columns; i++)
    self->warp_tone[i] = (float)(0.94 + 0.12 * cloth_unit(options->seed, (guint64)i, 10));
  make_grain(self);
}

Cloth *
cloth_new(int width, int height, const ClothOptions *options)
{
  g_return_val_if_fail(width > 0 && height > 0 && options->pitch >= 3, NULL);
  Cloth *self = g_new0(Cloth, 1);
  self->width = width;
  self->height = height;
  self->grain = g_new(float, GRAIN + width);
  self->light = g_new(float, width);
  self->shade = g_new(float, width);
  self->weft = g_new(float, width);
  for (int c = 0; c < 3; c++)
    self->rgb[c] = g_new(float, width);
  for (int x = 0; x < width; x++) {
    double away = (x + 0.5) / width - 0.42;
    self->light[x] = (float)(-0.30 * away * away);
  }
  make_tiles(self);
  cloth_set_options(self, options);
  return self;
}

void
cloth_free(Cloth *self)
{
  if (!self)
    return;
  float *all[] = { self->grain,          self->light,       self->shade,       self->weft,        self->rgb[0],
                   self->rgb[1],         self->rgb[2],      self->left,        self->warp_tone,   self->warp_wander[0],
                   self->warp_wander[1], self->weft_top[0], self->weft_top[1], self->weft_top[2], self->weft_top[3] };
  for (guint i = 0; i < G_N_ELEMENTS(all); i++)
    g_free(all[i]);
  g_free(self);
}

/* Fills left[] and weft_top[] for a row of the strip. */
static void
place_yarns(Cloth *self, double row)
{
  double pitch = self->options.pitch, cell = row / pitch;
  gint64 knot = (gint64)floor(cell / WANDER_STEP), weft_row = (gint64)floor(cell);
  if (knot != self->knot)
    for (int k = 0; k < 2; k++)
      for (int i = 0; i <= self->columns; i++)
        self->warp_wander[k][i] = (float)wander(self->options.seed ^ 0x57a4, i, (double)(knot + k) * WANDER_STEP);
  if (weft_row != self->weft_row)
    for (int m = 0; m < 4; m++)
      for (int i = 0; i < self->columns; i++)
        self->weft_top[m][i] =
            (float)((m - 1 + WANDER * wander(self->options.seed ^ 0x3ef7, weft_row + m - 1, i)) * pitch);
  self->knot = knot;
  self->weft_row = weft_row;

  double t = cell / WANDER_STEP - (double)knot;
  t = t * t * (3 - 2 * t);
  for (int i = 0; i <= self->columns; i++) {
    double w = self->warp_wander[0][i] + (self->warp_wander[1][i] - self->warp_wander[0][i]) * t;
    self->left[i] = (float)((i - 1 + WANDER * w) * pitch);
  }
}

/* The defect whose missing yarn crosses this cell, or NULL. x: middle of the cell; margin: largest distance from there
 * to the cell's edge. */
static const ClothDefect *
missing_here(const ClothDefect *defects, gint64 warp, gint64 weft, double x, double y, double margin, int height)
{
  for (int k = 0; k < 2; k++) {
    const ClothDefect *d = &defects[k];
    double row = y - (double)k * height;
    if (d->kind != CLOTH_MISSING_YARN)
      continue;
    if (d->across ? weft == d->yarn && x >= d->box.x0 + margin && x < d->box.x1 - margin
                  : warp == d->yarn && row >= d->box.y0 && row < d->box.y1)
      return d;
  }
  return NULL;
}

/* Draws the part of a row that lies in one cell. v: 0..1 down the cell; y: rows below the top of the first piece. */
static void
draw_cell(Cloth *self, const ClothDefect *defects, int i, gint64 weft, double v, double y)
{
  float begin = self->left[i], scale = TILE / MAX(self->left[i + 1] - begin, 1.0f);
  int x0 = MAX((int)ceilf(begin - 0.5f), 0), x1 = MIN((int)ceilf(self->left[i + 1] - 0.5f), self->width);
  if (x0 >= x1)
    return;
  int above = ((i + weft) & 1) ? WEFT_ABOVE : WARP_ABOVE, line = CLAMP((int)(v * TILE), 0, TILE - 1);
  float jitter = (float)(0.96 + 0.08 * cloth_unit(self->options.seed ^ 0xce11, (guint64)i, (guint64)weft));
  float warp_tone = self->warp_tone[i] * jitter;
  float weft_tone = (float)(0.92 + 0.14 * cloth_unit(self->options.seed, (guint64)weft, 11)) * jitter;
  const Tile *tile = &self->tiles[above][BOTH_YARNS];
  for (int x = x0; x < x1; x++) {
    int u = MIN((int)((x + 0.5f - begin) * scale), TILE - 1);
    float is_weft = tile->weft[line][u];
    self->weft[x] = is_weft;
    self->shade[x] = tile->shade[line][u] * (warp_tone + is_weft * (weft_tone - warp_tone));
  }

  const ClothDefect *missing = missing_here(defects, i - 1, weft, 0.5 * (begin + self->left[i + 1]), y,
                                            CLOTH_YARN_REACH * self->options.pitch, self->height);
  if (!missing)
    return;
  float share = (float)self->options.contrast;
  tile = &self->tiles[above][missing->across ? WARP_ONLY : WEFT_ONLY];
  for (int x = x0; x < x1; x++) {
    int u = MIN((int)((x + 0.5f - begin) * scale), TILE - 1);
    self->shade[x] += share * (0.75f * tile->shade[line][u] - self->shade[x]);
    self->weft[x] += share * (tile->weft[line][u] - self->weft[x]);
  }
}

/* y: row of the picture; offset: rows from the top of the first piece to the picture. */
static void
draw_row(Cloth *self, const ClothDefect *defects, guint64 top, int y, double offset)
{
  static const float warp_colour[3] = { 205, 192, 166 }, weft_difference[3] = { -22, -14, 2 };
  double row = (double)(top + (guint64)y) + 0.5, pitch = self->options.pitch, away = (y + 0.5) / self->height - 0.45;
  float lamp = (float)(self->options.brightness), light = (float)(1.04 - 0.28 * away * away);
  place_yarns(self, row);
  double within = row - (double)self->weft_row * pitch;
  for (int i = 0; i < self->columns; i++) {
    int m = 1 + (within >= self->weft_top[2][i]) - (within < self->weft_top[1][i]);
    double begin = self->weft_top[m][i], end = self->weft_top[m + 1][i];
    draw_cell(self, defects, i, self->weft_row + m - 1, (within - begin) / MAX(end - begin, 1.0), offset + y + 0.5);
  }
  const float *grain = self->grain + cloth_hash(self->options.seed, top + (guint64)y, 12) % GRAIN;
  for (int c = 0; c < 3; c++)
    for (int x = 0; x < self->width; x++)
      self->rgb[c][x] = self->shade[x] * grain[x] * (light + self->light[x]) * lamp *
                        (warp_colour[c] + self->weft[x] * weft_difference[c]);
  for (int k = 0; k < 2; k++)
    cloth_defect_draw(&defects[k], self->options.contrast, offset + y + 0.5 - (double)k * self->height, self->width,
                      self->rgb);
}

static void
note_truth(const Cloth *self, const ClothDefect *defect, double shift, ClothTruth *truth)
{
  double x0 = MAX(defect->box.x0, 0.0), x1 = MIN(defect->box.x1, (double)self->width);
  double y0 = MAX(defect->box.y0 + shift, 0.0), y1 = MIN(defect->box.y1 + shift, (double)self->height);
  if (!defect->kind || x1 <= x0 || y1 <= y0 || self->options.contrast <= 0 ||
      (x1 - x0) * (y1 - y0) <= truth->w * truth->h * self->width * self->height)
    return;
  *truth =
      (ClothTruth){ TRUE,
                    defect->kind,
                    x0 / self->width,
                    y0 / self->height,
                    (x1 - x0) / self->width,
                    (y1 - y0) / self->height,
                    (x1 - x0) * (y1 - y0) / ((defect->box.x1 - defect->box.x0) * (defect->box.y1 - defect->box.y0)) };
}

void
cloth_render(Cloth *self, guint64 top, guint8 *rgb, gsize stride, ClothTruth *truth)
{
  guint64 piece = top / (guint64)self->height;
  double offset = (double)(top % (guint64)self->height);
  ClothDefect defects[2] = { cloth_defect_of_piece(&self->options, piece, self->width, self->height),
                             cloth_defect_of_piece(&self->options, piece + 1, self->width, self->height) };
  *truth = (ClothTruth){ 0 };
  for (int k = 0; k < 2; k++)
    note_truth(self, &defects[k], (double)k * self->height - offset, truth);
  for (int y = 0; y < self->height; y++) {
    guint8 *out = rgb + (gsize)y * stride;
    draw_row(self, defects, top, y, offset);
    for (int x = 0; x < self->width; x++)
      for (int c = 0; c < 3; c++)
        out[3 * x + c] = (guint8)CLAMP(self->rgb[c][x], 0.0f, 255.0f);
  }
}
