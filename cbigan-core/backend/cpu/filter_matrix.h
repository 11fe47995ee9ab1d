/* filter_matrix.h - G of Winograd's minimal filtering F(2, 3) and F(4, 3), Lavin & Gray 2015 (arXiv 1509.09308),
 * sections 4.1 and 4.3
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

typedef double CbiganFilterRow[3];

/* (side + 2) rows; side: 2 or 4 outputs */
static inline const CbiganFilterRow *
cbigan_filter_matrix(int side)
{
  static const double two[4][3] = { { 1, 0, 0 }, { 0.5, 0.5, 0.5 }, { 0.5, -0.5, 0.5 }, { 0, 0, 1 } };
  static const double four[6][3] = { { 1 / 4., 0, 0 },
                                     { -1 / 6., -1 / 6., -1 / 6. },
                                     { -1 / 6., 1 / 6., -1 / 6. },
                                     { 1 / 24., 1 / 12., 1 / 6. },
                                     { 1 / 24., -1 / 12., 1 / 6. },
                                     { 0, 0, 1 } };
  return side == 2 ? two : four;
}
