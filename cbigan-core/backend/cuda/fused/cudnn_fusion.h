/* cudnn_fusion.h - a convolution and what stands behind it as one graph of cuDNN's operations
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

/* It knows nothing of where its numbers are, so there is one for each problem of a backend. */
typedef struct CbiganCudnnGraph CbiganCudnnGraph;

/* (transfer none) What fails here is cuDNN's saying that it can't, so it is not kept. */
CbiganCudnnGraph *cbigan_cudnn_graph_get(CbiganCuda *cuda, const CbiganCudnnProblem *problem);
/* Readies a configuration to run; for the first time that may compile for some tenths of a second. FALSE: there is no
 * such one, or it isn't exact enough or not the same every time, which is not kept; or there is no memory, which is. */
gboolean cbigan_cudnn_graph_prepare(CbiganCudnnGraph *self, int config);
/* Whether that was tried, with success or without */
gboolean cbigan_cudnn_graph_was_made(const CbiganCudnnGraph *self, int config);
/* All aligned to 16 bytes; added, bias: not looked at where the problem has none. */
void cbigan_cudnn_graph_run(const CbiganCudnnGraph *self, int config, const void *x, const void *w, const void *added,
                            const float *bias, void *y);
/* All of a backend, when nothing of them runs any more. */
void cbigan_cudnn_graphs_clear(CbiganCuda *cuda);

G_END_DECLS
