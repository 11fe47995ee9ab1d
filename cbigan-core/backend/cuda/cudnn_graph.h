/* cudnn_graph.h - a convolution and what stands behind it as one graph of cuDNN's operations
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Not to be taken for CUDA graphs (graph.h): one of these is a kernel or a few, which a CUDA graph can hold. cuDNN has
 * several engines for a graph, each with settings; its heuristics list such configurations, the best first. Which one
 * is named by its place in that list, which is the same for the same graph, chip and version.
 */
#pragma once
#include "backend/cuda/cuda.h"

G_BEGIN_DECLS

#define CBIGAN_CUDNN_CONFIGS 16 /* of the heuristics' list that are looked at */

/* y (batch, out) = activation(convolution of x (batch, in) and w + added (batch, out) + bias (out.c floats)); sums and
 * all that is behind them in float, y rounded once */
typedef struct {
  CbiganShape in, out; /* as in memory: channels in eights where numbers have 16 bits */
  int kernel, batch;
  cudnnDataType_t type; /* of x, w, added, y; CUDNN_DATA_FLOAT: n,c,h,w, else n,h,w,c */
  gboolean adds, biased;
  CbiganActivation activation;
} CbiganCudnnProblem;

typedef struct CbiganCudnnGraph CbiganCudnnGraph;

/* What fails here is cuDNN's saying that it can't, so it is not kept. */
CbiganCudnnGraph *cbigan_cudnn_graph_new(CbiganCuda *cuda, const CbiganCudnnProblem *problem);
/* Makes it run so from now on; that may compile for some tenths of a second. FALSE: it has no such configuration, or
 * one that isn't exact enough or not the same every time, which is not kept; or there is no memory, which is. */
gboolean cbigan_cudnn_graph_choose(CbiganCudnnGraph *self, int config);
/* All aligned to 16 bytes; added, bias: NULL where the problem has none. */
void cbigan_cudnn_graph_run(const CbiganCudnnGraph *self, const void *x, const void *w, const void *added,
                            const float *bias, void *y);
/* When nothing of it runs any more. NULL: nothing. */
void cbigan_cudnn_graph_free(CbiganCudnnGraph *self);

G_END_DECLS
