/* filter_transform.c - see filter_transform.h
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "filter_transform.h"

static const double two[4][3] = { { 1, 0, 0 }, { 0.5, 0.5, 0.5 }, { 0.5, -0.5, 0.5 }, { 0, 0, 1 } };
static const double four[6][3] = { { 1 / 4., 0, 0 },
                                   { -1 / 6., -1 / 6., -1 / 6. },
                                   { -1 / 6., 1 / 6., -1 / 6. },
                                   { 1 / 24., 1 / 12., 1 / 6. },
                                   { 1 / 24., -1 / 12., 1 / 6. },
                                   { 0, 0, 1 } };

void
cbigan_filter_transform(int side, const float *g, double *u)
{
  const double(*G)[3] = side == 2 ? two : four;
  int n = side + 2;
  double across[6][3]; /* g G^T, transposed */
  for (int x = 0; x < n; x++)
    for (int i = 0; i < 3; i++)
      across[x][i] = G[x][0] * (double)g[3 * i] + G[x][1] * (double)g[3 * i + 1] + G[x][2] * (double)g[3 * i + 2];
  for (int y = 0; y < n; y++)
    for (int x = 0; x < n; x++)
      u[y * n + x] = G[y][0] * across[x][0] + G[y][1] * across[x][1] + G[y][2] * across[x][2];
}

void
cbigan_filter_gradient(int side, const double *u, float *g)
{
  const double(*G)[3] = side == 2 ? two : four;
  int n = side + 2;
  double across[6][3]; /* dU G */
  for (int y = 0; y < n; y++)
    for (int k = 0; k < 3; k++) {
      across[y][k] = 0;
      for (int x = 0; x < n; x++)
        across[y][k] += u[y * n + x] * G[x][k];
    }
  for (int i = 0; i < 3; i++)
    for (int k = 0; k < 3; k++) {
      double sum = 0;
      for (int y = 0; y < n; y++)
        sum += G[y][i] * across[y][k];
      g[3 * i + k] += (float)sum;
    }
}
