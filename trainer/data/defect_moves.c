/* defect_moves.c - synthetic defects of shape: pixels move
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "defect_canvas.h"

#include <string.h>

/* Each pixel becomes the one alpha * (dx, dy) away, interpolated bilinearly. */
static void
move_pixels(CbiganDefectCanvas *c, double dx, double dy)
{
  for (int channel = 0; channel < 3; channel++) {
    float *plane = c->x + (gsize)channel * cbigan_defect_plane(c);
    memcpy(c->scratch, plane, cbigan_defect_plane(c) * sizeof(float));
    for (int row = 0; row < c->h; row++)
      for (int column = 0; column < c->w; column++) {
        const gsize i = (gsize)row * (gsize)c->w + (gsize)column;
        if (c->alpha[i] < 1e-3f)
          continue;
        const double x = CLAMP(column + c->alpha[i] * dx, 0.0, c->w - 1.001);
        const double y = CLAMP(row + c->alpha[i] * dy, 0.0, c->h - 1.001);
        const float a = (float)(x - (int)x), b = (float)(y - (int)y);
        const float *at = c->scratch + (gsize)(int)y * (gsize)c->w + (int)x;
        plane[i] = (1 - b) * (at[0] + a * (at[1] - at[0])) + b * (at[c->w] + a * (at[c->w + 1] - at[c->w]));
      }
  }
}

void
cbigan_defect_warp(CbiganDefectCanvas *c)
{
  CbiganDice *dice = c->dice;
  const double reach = c->scale * cbigan_dice_log_uniform(dice, 0.01, 0.075);
  const double distance = c->scale * cbigan_dice_log_uniform(dice, 0.008, 0.04);
  const double angle = cbigan_dice_uniform(dice, 0.0, 2.0 * G_PI);
  for (int row = 0; row < c->h; row++)
    for (int column = 0; column < c->w; column++) {
      const double u = column - c->cx, v = row - c->cy;
      c->alpha[(gsize)row * (gsize)c->w + (gsize)column] = (float)exp(-(u * u + v * v) / (2.0 * reach * reach));
    }
  move_pixels(c, distance * cos(angle), distance * sin(angle));
}

/* What lies beyond a line through (cx, cy) moves along the line, the more the farther away it lies. */
void
cbigan_defect_bend(CbiganDefectCanvas *c)
{
  CbiganDice *dice = c->dice;
  const double reach = c->scale * cbigan_dice_log_uniform(dice, 0.08, 0.3);
  const double distance =
      c->scale * cbigan_dice_log_uniform(dice, 0.012, 0.05) * (cbigan_dice_chance(dice, 0.5) ? 1 : -1);
  const double angle = cbigan_dice_uniform(dice, 0.0, 2.0 * G_PI);
  for (int row = 0; row < c->h; row++)
    for (int column = 0; column < c->w; column++) {
      const double depth = (row - c->cy) * cos(angle) - (column - c->cx) * sin(angle);
      const double share = CLAMP(depth / reach, 0.0, 1.0);
      c->alpha[(gsize)row * (gsize)c->w + (gsize)column] = (float)(share * share);
    }
  move_pixels(c, distance * cos(angle), distance * sin(angle));
}
