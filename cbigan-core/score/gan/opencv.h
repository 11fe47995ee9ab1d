/* opencv.h - what the core takes from OpenCV, with C linkage
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include <glib.h>

G_BEGIN_DECLS

/* scatter (channels, channels) += sum over n rows of f^T f (cvCalcCovarMatrix); scratch as large */
void cbigan_opencv_scatter(const float *rows, int n, int channels, double *scatter, double *scratch);
/* matrix (n, n), symmetric, positive definite -> its inverse (cvInvert); FALSE if it is singular */
gboolean cbigan_opencv_invert(double *matrix, int n);

G_END_DECLS
