/* opencv.cc - what the core takes from OpenCV, with C linkage
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * OpenCV's C API needs a C++ compiler for its headers only; this is the one C++ file. Only libopencv_core is linked.
 * All arguments are valid, so OpenCV can throw only when out of memory, which ends the process as in GLib.
 */
#include "opencv.h"

#include <opencv2/core/core_c.h>

void
cbigan_opencv_scatter(const float *rows, int n, int channels, double *scatter, double *scratch)
{
  CvMat in = cvMat(n, channels, CV_32FC1, const_cast<float *>(rows));
  CvMat sum = cvMat(channels, channels, CV_64FC1, scatter);
  CvMat part = cvMat(channels, channels, CV_64FC1, scratch);
  CvMat *zero = cvCreateMat(1, channels, CV_64FC1); /* sums about zero add up over frames and folds */
  const CvArr *vectors[] = { &in };
  cvSetZero(zero);
  cvCalcCovarMatrix(vectors, 1, &part, zero, CV_COVAR_NORMAL | CV_COVAR_ROWS | CV_COVAR_USE_AVG);
  cvAdd(&sum, &part, &sum);
  cvReleaseMat(&zero);
}

gboolean
cbigan_opencv_invert(double *matrix, int n)
{
  CvMat m = cvMat(n, n, CV_64FC1, matrix);
  return cvInvert(&m, &m, CV_CHOLESKY) != 0.0;
}
