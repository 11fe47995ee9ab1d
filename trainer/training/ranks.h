/* ranks.h - the processes of one training: each takes its part of every batch
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * mpirun starts the processes, MPI numbers them from 0 and adds their gradients. A process that mpirun did not start is
 * alone: rank 0 of 1, and the functions do nothing. MPI is a module (backend/module.h), needed under mpirun only. An
 * error of MPI ends all processes, with MPI's own message. Gradients in the memory of GPUs are averaged by NCCL, which
 * is another module. The functions belong to one thread of each process.
 */
#pragma once
#include "backend/backend.h"

G_BEGIN_DECLS

/* The table of the module “cbigan-mpi”. */
typedef struct {
  void (*open)(int *rank, int *n, int *local_rank); /* local_rank: among the processes of this machine */
  /* Begins a sum in place, over all processes, with the same bits in each; the sums that were begun before move on. */
  void (*begin_sum)(gsize n, float *x);
  void (*end_sums)(void); /* waits for all sums that were begun */
  void (*sum_doubles)(gsize n, double *x);
  void (*broadcast)(int from, gsize n, gpointer bytes); /* from that rank to the others */
  void (*close)(void);                                  /* waits for the other processes */
  void (*abort)(int code);                              /* ends all processes */
} CbiganMpiClass;

/* The table of the module “cbigan-nccl”: averages of device memory, in the order of the backend's own operations. */
typedef struct {
  /* broadcast: CbiganMpiClass's. FALSE with CBIGAN_ERROR_BACKEND. */
  gboolean (*open)(CbiganBackend *cuda, int rank, int n, void (*broadcast)(int from, gsize n, gpointer bytes),
                   GError **error);
  void (*begin_average)(gsize n, float *x); /* as cbigan_ranks_begin_average(), and waits for nothing */
  void (*end_averages)(void);               /* operations that are called from now on find the averages */
  void (*close)(void);                      /* while the backend is still open */
} CbiganNcclClass;

/* Finds the other processes. FALSE with CBIGAN_ERROR_BACKEND: mpirun has started several, and MPI can't be had. */
gboolean cbigan_ranks_init(GError **error);
/* Ends this process's part. fine: FALSE ends the other processes too. */
void cbigan_ranks_end(gboolean fine);
int cbigan_ranks_rank(void);
int cbigan_ranks_n(void);
/* This process's number among those of its machine, from 0. */
int cbigan_ranks_local_rank(void);
/* Processes divide a list of items by the items' numbers. The rank that does an item: */
int cbigan_ranks_owner(guint item);
/* Whether this process does it. */
gboolean cbigan_ranks_owns(guint item);
/* Says where the gradients lie that are averaged, until cbigan_ranks_leave_backend(). FALSE with CBIGAN_ERROR_BACKEND:
 * the backend is “cuda”, and NCCL can't be had. All processes must call it. */
gboolean cbigan_ranks_use_backend(CbiganBackend *backend, GError **error);
void cbigan_ranks_leave_backend(void);

/* All processes must call these in the same order. */
/* Begins to replace x by its mean over the processes, while the caller goes on. n numbers in memory of the backend;
 * they may neither be read nor written until cbigan_ranks_end_averages(). */
void cbigan_ranks_begin_average(gsize n, float *x);
void cbigan_ranks_end_averages(void);
/* x becomes its mean, or its sum, over the processes. n numbers, host memory */
void cbigan_ranks_average_doubles(gsize n, double *x);
void cbigan_ranks_sum_doubles(gsize n, double *x);
/* n bytes of rank `from` replace those of the others. */
void cbigan_ranks_broadcast(int from, gsize n, gpointer bytes);
/* Whether a process says TRUE. */
gboolean cbigan_ranks_any(gboolean mine);
/* Whether the text is the same in all processes. */
gboolean cbigan_ranks_same(const char *text);

G_END_DECLS
