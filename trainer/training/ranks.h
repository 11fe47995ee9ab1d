/* ranks.h - the processes of one training: each takes its part of every batch
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * mpirun starts the processes, MPI numbers them from 0 and adds their gradients. A process that mpirun did not start is
 * alone: rank 0 of 1, and the functions do nothing. MPI is a module (backend/module.h), needed under mpirun only. An
 * error of MPI ends all processes, with MPI's own message.
 */
#pragma once
#include <glib.h>

G_BEGIN_DECLS

/* The table of the module “cbigan-mpi”. */
typedef struct {
  void (*open)(int *rank, int *n);
  void (*sum)(gsize n, float *x); /* in place, over all processes, with the same bits in each */
  void (*sum_doubles)(gsize n, double *x);
  void (*broadcast)(gsize n, gpointer bytes); /* from rank 0 */
  void (*close)(void);                        /* waits for the other processes */
  void (*abort)(int code);                    /* ends all processes */
} CbiganMpiClass;

/* Finds the other processes. FALSE with CBIGAN_ERROR_BACKEND: mpirun has started several, and MPI can't be had. */
gboolean cbigan_ranks_init(GError **error);
/* Ends this process's part. fine: FALSE ends the other processes too. */
void cbigan_ranks_end(gboolean fine);
int cbigan_ranks_rank(void);
int cbigan_ranks_n(void);

/* All processes must call these in the same order. */
/* x becomes its mean over the processes. n numbers, host memory */
void cbigan_ranks_average(gsize n, float *x);
void cbigan_ranks_average_doubles(gsize n, double *x);
/* Whether a process says TRUE. */
gboolean cbigan_ranks_any(gboolean mine);
/* Whether the text is the same in all processes. */
gboolean cbigan_ranks_same(const char *text);

G_END_DECLS
