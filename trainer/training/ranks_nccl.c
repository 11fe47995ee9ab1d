/* ranks_nccl.c - averages of gradients in the memory of GPUs, as a module
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * NCCL works in a stream of its own, beside the backend's. Two events order them: an average begins when the backend's
 * stream has its gradients, and the backend's stream goes on with all averages when they are there. So the backend may
 * capture both as one graph. Every process has one GPU.
 */
#include <gmodule.h>
#include <nccl.h>

#include "backend/cuda/context.h"
#include "backend/module.h"
#include "i18n.h"
#include "training/ranks.h"

static CbiganCuda *cuda;
static ncclComm_t communicator;
static cudaStream_t stream;
static cudaEvent_t ready, done;

/* Keeps the first failure, as the backend's own operations do. */
static gboolean
check(ncclResult_t status, const char *what)
{
  if (status == ncclSuccess || status == ncclInProgress)
    return TRUE;
  cbigan_backend_fail(&cuda->base, "NCCL: %s: %s", what, ncclGetErrorString(status));
  return FALSE;
}

static void
nccl_close(void)
{
  cbigan_cuda_enter(&cuda->base);
  if (communicator)
    ncclCommDestroy(communicator);
  if (ready)
    cudaEventDestroy(ready);
  if (done)
    cudaEventDestroy(done);
  if (stream)
    cudaStreamDestroy(stream);
  communicator = NULL;
  ready = done = NULL;
  stream = NULL;
}

static gboolean
nccl_open(CbiganBackend *backend, int rank, int n, void (*broadcast)(int from, gsize n, gpointer bytes), GError **error)
{
  ncclUniqueId id = { { 0 } };
  cuda = (CbiganCuda *)backend;
  cbigan_cuda_enter(backend);
  if (CBIGAN_CUDA_TRY(cuda, cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking)) &&
      CBIGAN_CUDA_TRY(cuda, cudaEventCreateWithFlags(&ready, cudaEventDisableTiming)))
    CBIGAN_CUDA_TRY(cuda, cudaEventCreateWithFlags(&done, cudaEventDisableTiming));
  if (rank == 0)
    check(ncclGetUniqueId(&id), "ncclGetUniqueId()");
  broadcast(0, sizeof id, &id); /* all processes come here, also those in which a call has failed */
  check(ncclCommInitRank(&communicator, n, id, rank), "ncclCommInitRank()");
  if (cbigan_cuda_report(cuda, error))
    return TRUE;
  nccl_close();
  return FALSE;
}

static void
nccl_begin_average(gsize n, float *x)
{
  cbigan_cuda_enter(&cuda->base);
  if (CBIGAN_CUDA_TRY(cuda, cudaEventRecord(ready, cuda->stream)) &&
      CBIGAN_CUDA_TRY(cuda, cudaStreamWaitEvent(stream, ready, 0)))
    check(ncclAllReduce(x, x, n, ncclFloat, ncclAvg, communicator, stream), "ncclAllReduce()");
}

static void
nccl_end_averages(void)
{
  cbigan_cuda_enter(&cuda->base);
  if (CBIGAN_CUDA_TRY(cuda, cudaEventRecord(done, stream)))
    CBIGAN_CUDA_TRY(cuda, cudaStreamWaitEvent(cuda->stream, done, 0));
}

static const CbiganNcclClass nccl = {
  .open = nccl_open,
  .begin_average = nccl_begin_average,
  .end_averages = nccl_end_averages,
  .close = nccl_close,
};
G_MODULE_EXPORT extern const CbiganModule cbigan_module;
G_MODULE_EXPORT const CbiganModule cbigan_module = { .version = VERSION, .table = &nccl };
