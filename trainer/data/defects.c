/* defects.c - synthetic local defects in pictures of logarithms of intensity
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "defects.h"

#include <string.h>

#include "defect_canvas.h"
#include "score/inspector/blur.h"

#define VISIBLE 0.03f   /* change of the logarithm from which on a pixel is defective */
#define DOUBTFUL 0.12f  /* of a pixel: a cell of such pixels is neither defective nor good */
#define ALONG_SIDES 0.5 /* share of a surface's lines: grain mostly runs along a side, and hides lines along it */
#define REGIONS 0.12    /* share of a surface's defects */
#define BORDER_LINE 8.0 /* pixels of a region along its border that are defective by themselves */

static float
amplitude(CbiganDice *dice, double least, double most)
{
  double value = cbigan_dice_log_uniform(dice, least, most);
  return (float)(cbigan_dice_chance(dice, 0.5) ? value : -value);
}

/* --- noise --------------------------------------------------------------------------------------------- */

static void
cubic_weights(float t, float weights[4]) /* Catmull and Rom */
{
  weights[0] = ((-0.5f * t + 1.0f) * t - 0.5f) * t;
  weights[1] = (1.5f * t - 2.5f) * t * t + 1.0f;
  weights[2] = ((-1.5f * t + 2.0f) * t + 0.5f) * t;
  weights[3] = (0.5f * t - 0.5f) * t * t;
}

void
cbigan_smooth_noise(CbiganDice *dice, int w, int h, double cell, float scale, float *x)
{
  const int columns = MAX(2, (int)ceil(w / cell) + 1), rows = MAX(2, (int)ceil(h / cell) + 1);
  g_autofree float *grid = g_new(float, columns *rows);
  cbigan_random_normal(cbigan_random_mix(dice->key + ++dice->index), (gsize)(columns * rows), grid);
  for (int row = 0; row < h; row++) {
    float v = (float)row * (float)(rows - 1) / (float)MAX(h - 1, 1), down[4];
    int j = MIN((int)v, rows - 2);
    cubic_weights(v - (float)j, down);
    for (int column = 0; column < w; column++) {
      float u = (float)column * (float)(columns - 1) / (float)MAX(w - 1, 1), across[4], sum = 0.0f;
      int i = MIN((int)u, columns - 2);
      cubic_weights(u - (float)i, across);
      for (int b = 0; b < 4; b++)
        for (int a = 0; a < 4; a++)
          sum += down[b] * across[a] * grid[CLAMP(j - 1 + b, 0, rows - 1) * columns + CLAMP(i - 1 + a, 0, columns - 1)];
      x[(gsize)row * (gsize)w + (gsize)column] += scale * sum;
    }
  }
}

/* --- pieces of other pictures ----------------------------------------------------------------------------------- */

/* Gamma distribution of shape 2: the sum of two exponentials. */
static double
side_of_piece(CbiganDice *dice, double scale)
{
  double gamma =
      -0.035 * (log(1.0 - cbigan_dice_uniform(dice, 0.0, 1.0)) + log(1.0 - cbigan_dice_uniform(dice, 0.0, 1.0)));
  return scale * MIN(0.3, 0.03 + gamma) + 2.0;
}

/* The piece's shape (h, w) into the canvas's alpha at (left, top): a rectangle, an ellipse or a noisy one. */
static void
draw_shape(CbiganDefectCanvas *c, int left, int top, int w, int h)
{
  const int shape = cbigan_dice_below(c->dice, 3);
  g_autofree float *noise = g_new0(float, (gsize)w *(gsize)h);
  if (shape == 2)
    cbigan_smooth_noise(c->dice, w, h, MAX(w, h) / 2.5, 0.35f, noise);
  for (int row = 0; row < h; row++)
    for (int column = 0; column < w; column++) {
      double v = 2.0 * row / MAX(h - 1, 1) - 1.0, u = 2.0 * column / MAX(w - 1, 1) - 1.0;
      gboolean inside = shape == 0 || u * u + v * v + noise[(gsize)row * (gsize)w + (gsize)column] < 0.9;
      c->alpha[(gsize)(top + row) * (gsize)c->w + (gsize)(left + column)] = inside ? 1.0f : 0.0f;
    }
  cbigan_blur(c->alpha, c->w, c->h, cbigan_dice_uniform(c->dice, 0.0, 1.2));
}

/* (w, h) of source at (left, top), sized to_w x to_h, maybe mirrored -> piece (to_h, to_w) */
static void
take_piece(const float *source, int stride, int left, int top, int w, int h, gboolean mirror, gboolean flip, int to_w,
           int to_h, float *piece)
{
  for (int row = 0; row < to_h; row++)
    for (int column = 0; column < to_w; column++) {
      double u = ((mirror ? to_w - 1 - column : column) + 0.5) * w / to_w - 0.5;
      double v = ((flip ? to_h - 1 - row : row) + 0.5) * h / to_h - 0.5;
      u = CLAMP(u, 0.0, w - 1.0);
      v = CLAMP(v, 0.0, h - 1.0);
      int i = MIN((int)u, MAX(w - 2, 0)), j = MIN((int)v, MAX(h - 2, 0));
      float a = (float)(u - i), b = (float)(v - j);
      const float *at = source + (gsize)(top + j) * (gsize)stride + left + i;
      const float *below = h > 1 ? at + stride : at;
      int next = w > 1;
      piece[row * to_w + column] =
          (1 - b) * (at[0] + a * (at[next] - at[0])) + b * (below[0] + a * (below[next] - below[0]));
    }
}

/* piece (h, w) less its low-pass, plus the canvas's own at that place */
static void
keep_light(const CbiganDefectCanvas *c, const float *plane, int left, int top, int w, int h, float *piece)
{
  const gsize n = (gsize)w * (gsize)h;
  const double sigma = MAX(1.0, MIN(w, h) / 4.0);
  g_autofree float *low = g_memdup2(piece, n * sizeof(float));
  g_autofree float *own = g_new(float, n);
  for (int row = 0; row < h; row++)
    memcpy(own + (gsize)row * (gsize)w, plane + (gsize)(top + row) * (gsize)c->w + left, (gsize)w * sizeof(float));
  cbigan_blur(low, w, h, sigma);
  cbigan_blur(own, w, h, sigma);
  for (gsize i = 0; i < n; i++)
    piece[i] += own[i] - low[i];
}

static void
paste_piece(CbiganDefectCanvas *c, gboolean own_light)
{
  CbiganDice *dice = c->dice;
  const int w = cbigan_clamp((int)side_of_piece(dice, c->scale), 2, c->w - 2),
            h = cbigan_clamp((int)side_of_piece(dice, c->scale), 2, c->h - 2);
  const int left = CLAMP(c->cx - w / 2, 0, c->w - w), top = CLAMP(c->cy - h / 2, 0, c->h - h);
  draw_shape(c, left, top, w, h);
  const double zoom = cbigan_dice_chance(dice, 0.5) ? cbigan_dice_uniform(dice, 0.75, 1.35) : 1.0;
  const int from_w = CLAMP((int)lround(w / zoom), 3, c->w), from_h = CLAMP((int)lround(h / zoom), 3, c->h);
  int from_left = left, from_top = top;
  for (int trial = 0; trial < 8; trial++) {
    from_left = cbigan_clamp((int)(left + 0.15 * c->scale * cbigan_dice_normal(dice)), 0, c->w - from_w);
    from_top = cbigan_clamp((int)(top + 0.15 * c->scale * cbigan_dice_normal(dice)), 0, c->h - from_h);
    if (abs(from_left - left) + abs(from_top - top) > 0.03 * c->scale)
      break;
  }
  const gboolean mirror = cbigan_dice_chance(dice, 0.3), flip = cbigan_dice_chance(dice, 0.3);
  const float opacity = cbigan_dice_chance(dice, 0.5) ? (float)cbigan_dice_uniform(dice, 0.4, 1.0) : 1.0f;
  g_autofree float *piece = g_new(float, (gsize)w *(gsize)h);
  for (int channel = 0; channel < 3; channel++) {
    float *plane = c->x + (gsize)channel * cbigan_defect_plane(c);
    take_piece(c->source + (gsize)channel * cbigan_defect_plane(c), c->w, from_left, from_top, from_w, from_h, mirror,
               flip, w, h, piece);
    if (own_light)
      keep_light(c, plane, left, top, w, h, piece);
    for (int row = 0; row < h; row++)
      for (int column = 0; column < w; column++) {
        gsize at = (gsize)(top + row) * (gsize)c->w + (gsize)(left + column);
        plane[at] += c->alpha[at] * opacity * (piece[row * w + column] - plane[at]);
      }
  }
}

static void
paste(CbiganDefectCanvas *c)
{
  paste_piece(c, FALSE);
}

static void
detail(CbiganDefectCanvas *c)
{
  paste_piece(c, TRUE);
}

/* --- drawn ones ------------------------------------------------------------------------------------------------- */

/* x += alpha * colour: one for all channels, or in `coloured` of the cases one per channel. Grey pictures would get
 * only the mean of three, which is faint. */
static void
add_colour(CbiganDefectCanvas *c, double coloured, double least, double most, double least_each, double most_each)
{
  const gboolean each = cbigan_dice_chance(c->dice, coloured) && !c->grey;
  float colour = amplitude(c->dice, least, most);
  for (int channel = 0; channel < 3; channel++) {
    float *plane = c->x + (gsize)channel * cbigan_defect_plane(c);
    if (each)
      colour = amplitude(c->dice, least_each, most_each);
    for (gsize i = 0; i < cbigan_defect_plane(c); i++)
      plane[i] += c->alpha[i] * colour;
  }
}

static double
angle_of_line(const CbiganDefectCanvas *c)
{
  const double angle = cbigan_dice_uniform(c->dice, 0.0, 2.0 * G_PI);
  if (!c->surface || !cbigan_dice_chance(c->dice, ALONG_SIDES))
    return angle;
  return floor(angle / (0.5 * G_PI)) * 0.5 * G_PI + 0.08 * cbigan_dice_normal(c->dice);
}

/* A line from (cx, cy) to both ends into alpha. wander: deviation of the angle's change per pixel, radians */
static void
draw_line(CbiganDefectCanvas *c, double length, double bend, double wander)
{
  CbiganDice *dice = c->dice;
  const double angle = angle_of_line(c);
  const int n = (int)length + 2;
  double x[2] = { c->cx, c->cx }, y[2] = { c->cy, c->cy }, turned[2] = { 0.0, 0.0 };
  for (int i = 0; i < n / 2 + 1; i++)
    for (int way = 0; way < 2; way++) {
      double sign = way ? -1.0 : 1.0, at = angle + bend * sign * i / n + turned[way];
      int column = (int)x[way], row = (int)y[way];
      if (column >= 0 && column < c->w && row >= 0 && row < c->h)
        c->alpha[(gsize)row * (gsize)c->w + (gsize)column] = 1.0f;
      x[way] += sign * cos(at) + 0.1 * cbigan_dice_normal(dice);
      y[way] += sign * sin(at) + 0.1 * cbigan_dice_normal(dice);
      if (wander > 0.0)
        turned[way] = 0.97 * turned[way] + wander * cbigan_dice_normal(dice);
    }
}

/* alpha becomes a line of so many pixels' width. */
static void
widen_line(CbiganDefectCanvas *c, double width)
{
  cbigan_blur(c->alpha, c->w, c->h, MAX(0.45, width));
  for (gsize i = 0; i < cbigan_defect_plane(c); i++)
    c->alpha[i] = MIN(c->alpha[i] * (float)(2.2 * MAX(0.5, width)), 1.0f);
}

static void
scratch(CbiganDefectCanvas *c)
{
  const double length = c->scale * cbigan_dice_log_uniform(c->dice, 0.05, 0.45),
               bend = 0.6 * cbigan_dice_normal(c->dice);
  draw_line(c, length, bend, 0.0);
  widen_line(c, cbigan_dice_uniform(c->dice, 0.5, 1.4) * c->scale / 256.0);
  add_colour(c, 0.3, 0.1, 0.8, 0.05, 0.6);
}

/* Mostly darker than its surroundings, as no light leaves it. */
static void
crack(CbiganDefectCanvas *c)
{
  CbiganDice *dice = c->dice;
  draw_line(c, c->scale * cbigan_dice_log_uniform(dice, 0.08, 0.6), 0.3 * cbigan_dice_normal(dice),
            cbigan_dice_uniform(dice, 0.05, 0.25));
  widen_line(c, cbigan_dice_uniform(dice, 0.3, 1.1) * c->scale / 256.0);
  const float depth = (float)(cbigan_dice_log_uniform(dice, 0.08, 0.9) * (cbigan_dice_chance(dice, 0.85) ? -1.0 : 1.0));
  for (int channel = 0; channel < 3; channel++)
    for (gsize i = 0; i < cbigan_defect_plane(c); i++)
      c->x[(gsize)channel * cbigan_defect_plane(c) + i] += depth * c->alpha[i];
}

/* An ellipse with a noisy edge of so many pixels' radius into alpha. */
static void
draw_spot(CbiganDefectCanvas *c, double radius)
{
  const int side = MAX(4, (int)(2.6 * radius));
  const double eccentricity = cbigan_dice_uniform(c->dice, 0.5, 1.0);
  const int left = CLAMP(c->cx - side / 2, 0, MAX(0, c->w - side)),
            top = CLAMP(c->cy - side / 2, 0, MAX(0, c->h - side));
  g_autofree float *noise = g_new0(float, (gsize)side *(gsize)side);
  cbigan_smooth_noise(c->dice, side, side, side / 2.2, 0.35f, noise);
  for (int row = 0; row < MIN(side, c->h - top); row++)
    for (int column = 0; column < MIN(side, c->w - left); column++) {
      double u = 1.3 * (2.0 * column / (side - 1) - 1.0), v = 1.3 * (2.0 * row / (side - 1) - 1.0) / eccentricity;
      if (u * u + v * v + noise[row * side + column] < 0.8)
        c->alpha[(gsize)(top + row) * (gsize)c->w + (gsize)(left + column)] = 1.0f;
    }
}

static void
blob(CbiganDefectCanvas *c)
{
  CbiganDice *dice = c->dice;
  const double radius = c->scale * cbigan_dice_log_uniform(dice, 0.008, 0.09);
  draw_spot(c, radius);
  cbigan_blur(c->alpha, c->w, c->h, cbigan_dice_uniform(dice, 0.4, MAX(0.5, radius / 3.0)));
  add_colour(c, 0.5, 0.07, 0.8, 0.04, 0.5);
  if (!cbigan_dice_chance(dice, 0.3))
    return;
  memset(c->scratch, 0, cbigan_defect_plane(c) * sizeof(float));
  cbigan_smooth_noise(dice, c->w, c->h, cbigan_dice_uniform(dice, 2.0, 6.0),
                      (float)cbigan_dice_uniform(dice, 0.05, 0.25), c->scratch);
  for (int channel = 0; channel < 3; channel++)
    for (gsize i = 0; i < cbigan_defect_plane(c); i++)
      c->x[(gsize)channel * cbigan_defect_plane(c) + i] += c->alpha[i] * c->scratch[i];
}

/* A faint spot without an edge, such as a film of dirt. */
static void
stain(CbiganDefectCanvas *c)
{
  const double radius = c->scale * cbigan_dice_log_uniform(c->dice, 0.03, 0.14);
  draw_spot(c, radius);
  cbigan_blur(c->alpha, c->w, c->h, radius * cbigan_dice_uniform(c->dice, 0.25, 0.6));
  add_colour(c, 0.5, 0.05, 0.3, 0.03, 0.25);
}

/* A wandering line through (cx, cy), or two with a band in between, into alpha; its inside into the canvas's. */
static void
draw_region(CbiganDefectCanvas *c)
{
  CbiganDice *dice = c->dice;
  const double angle = angle_of_line(c), soft = cbigan_dice_log_uniform(dice, 0.5, 4.0),
               bend = 0.004 * cbigan_dice_normal(dice);
  const double wide = cbigan_dice_chance(dice, 0.3) ? c->scale * cbigan_dice_uniform(dice, 0.05, 0.25) : INFINITY;
  g_autofree float *noise = g_new0(float, cbigan_defect_plane(c));
  cbigan_smooth_noise(dice, c->w, c->h, cbigan_dice_log_uniform(dice, 8.0, 60.0),
                      (float)cbigan_dice_uniform(dice, 0.5, 4.0), noise);
  for (int row = 0; row < c->h; row++)
    for (int column = 0; column < c->w; column++) {
      const gsize i = (gsize)row * (gsize)c->w + (gsize)column;
      const double u = column - c->cx, v = row - c->cy, along = u * cos(angle) + v * sin(angle);
      const double across = v * cos(angle) - u * sin(angle) + bend * along * along + noise[i];
      const double depth = MIN(across, wide - across);
      c->alpha[i] = (float)CLAMP(0.5 + 0.5 * depth / soft, 0.0, 1.0);
      if (c->inside && depth > BORDER_LINE)
        c->inside[i] = 1.0f;
    }
}

/* Another picture's texture, another level, or more or less contrast. */
static void
region(CbiganDefectCanvas *c)
{
  CbiganDice *dice = c->dice;
  enum { TEXTURE, LEVEL, CONTRAST, N_CHANGES };
  draw_region(c);
  const int change = cbigan_dice_below(dice, N_CHANGES);
  const float level = amplitude(dice, 0.05, 0.4), stretch = (float)cbigan_dice_log_uniform(dice, 1.4, 2.5);
  const float contrast = cbigan_dice_chance(dice, 0.6) ? 1.0f / stretch : stretch;
  const float moved = change == LEVEL                 ? level
                      : change == CONTRAST            ? 0.3f * level
                      : cbigan_dice_chance(dice, 0.5) ? level
                                                      : 0.0f;
  for (int channel = 0; channel < 3; channel++) {
    float *plane = c->x + (gsize)channel * cbigan_defect_plane(c);
    const float *other = c->source + (gsize)channel * cbigan_defect_plane(c);
    memcpy(c->scratch, plane, cbigan_defect_plane(c) * sizeof(float));
    cbigan_blur(c->scratch, c->w, c->h, 0.04 * c->scale);
    for (gsize i = 0; i < cbigan_defect_plane(c); i++) {
      const float low = c->scratch[i];
      const float to = change == TEXTURE ? other[i] : change == LEVEL ? plane[i] : low + contrast * (plane[i] - low);
      plane[i] += c->alpha[i] * (to + moved - plane[i]);
    }
  }
}

static void
erase(CbiganDefectCanvas *c)
{
  const double radius = c->scale * cbigan_dice_uniform(c->dice, 0.02, 0.06);
  for (int row = 0; row < c->h; row++)
    for (int column = 0; column < c->w; column++)
      if (hypot(column - c->cx, row - c->cy) < radius)
        c->alpha[(gsize)row * (gsize)c->w + (gsize)column] = 1.0f;
  cbigan_blur(c->alpha, c->w, c->h, radius / 4.0);
  for (int channel = 0; channel < 3; channel++) {
    float *plane = c->x + (gsize)channel * cbigan_defect_plane(c);
    memcpy(c->scratch, plane, cbigan_defect_plane(c) * sizeof(float));
    cbigan_blur(c->scratch, c->w, c->h, radius / 1.5);
    for (gsize i = 0; i < cbigan_defect_plane(c); i++)
      plane[i] += c->alpha[i] * (c->scratch[i] - plane[i]);
  }
}

/* --- the table -------------------------------------------------------------------------------------------------- */

CbiganDefectKind
cbigan_defect_draw(CbiganDice *dice, gboolean surface)
{
  static const struct {
    CbiganDefectKind kind;
    double until; /* sum of the shares so far */
  } shares[] = { { CBIGAN_DEFECT_PASTE, 0.27 }, { CBIGAN_DEFECT_DETAIL, 0.45 }, { CBIGAN_DEFECT_SCRATCH, 0.56 },
                 { CBIGAN_DEFECT_CRACK, 0.67 }, { CBIGAN_DEFECT_BLOB, 0.81 },   { CBIGAN_DEFECT_STAIN, 0.9 },
                 { CBIGAN_DEFECT_WARP, 1.0 } };
  const double x = cbigan_dice_uniform(dice, 0.0, 1.0);
  guint i = 0;
  if (surface && cbigan_dice_chance(dice, REGIONS))
    return CBIGAN_DEFECT_REGION;
  while (x >= shares[i].until)
    i++;
  return shares[i].kind;
}

void
cbigan_defect_apply(CbiganDefectKind kind, CbiganDice *dice, int cx, int cy, const CbiganDefectPlace *place)
{
  static void (*const functions[CBIGAN_N_DEFECTS])(CbiganDefectCanvas *) = {
    [CBIGAN_DEFECT_PASTE] = paste,     [CBIGAN_DEFECT_DETAIL] = detail,
    [CBIGAN_DEFECT_SCRATCH] = scratch, [CBIGAN_DEFECT_CRACK] = crack,
    [CBIGAN_DEFECT_STAIN] = stain,     [CBIGAN_DEFECT_BLOB] = blob,
    [CBIGAN_DEFECT_REGION] = region,   [CBIGAN_DEFECT_WARP] = cbigan_defect_warp,
    [CBIGAN_DEFECT_ERASE] = erase,     [CBIGAN_DEFECT_BEND] = cbigan_defect_bend,
  };
  const gsize plane = (gsize)place->w * (gsize)place->h;
  g_autofree float *alpha = g_new0(float, plane);
  g_autofree float *spare = g_new(float, plane);
  CbiganDefectCanvas canvas = { .dice = dice,
                                .cx = cx,
                                .cy = cy,
                                .w = place->w,
                                .h = place->h,
                                .scale = place->scale,
                                .surface = place->surface,
                                .grey = place->grey,
                                .source = place->source,
                                .x = place->x,
                                .inside = place->inside,
                                .alpha = alpha,
                                .scratch = spare };
  functions[kind](&canvas);
}

void
cbigan_defect_mask(const float *good, const float *x, const float *inside, int w, int h, float *changed)
{
  const gsize n = (gsize)w * (gsize)h;
  for (gsize i = 0; i < n; i++) {
    float change = fabsf(x[i] - good[i]) + fabsf(x[n + i] - good[n + i]) + fabsf(x[2 * n + i] - good[2 * n + i]);
    const float share = inside && inside[i] > 0.0f ? DOUBTFUL : 1.0f;
    changed[i] = change > 3.0f * VISIBLE ? share : 0.0f;
  }
}

void
cbigan_defect_cells(const float *changed, int w, int h, int cell, float *covered)
{
  for (int row = 0; row < h / cell; row++)
    for (int column = 0; column < w / cell; column++) {
      float sum = 0.0f;
      for (int j = 0; j < cell; j++)
        for (int i = 0; i < cell; i++)
          sum += changed[(gsize)(row * cell + j) * (gsize)w + (gsize)(column * cell + i)];
      covered[row * (w / cell) + column] = sum / (float)(cell * cell);
    }
}

void
cbigan_make_grey(float *x, gsize n)
{
  for (gsize i = 0; i < n; i++)
    x[i] = x[n + i] = x[2 * n + i] = (x[i] + x[n + i] + x[2 * n + i]) / 3.0f;
}
