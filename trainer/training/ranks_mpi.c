/* ranks_mpi.c - MPI, as a module
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <dlfcn.h>
#include <gmodule.h>
#include <mpi.h>

#include "backend/module.h"
#include "i18n.h"
#include "training/ranks.h"

#define MOST (1 << 28) /* numbers in one call: MPI counts in int */

static void
mpi_open(int *rank, int *n)
{
  int level;
  Dl_info library;
  /* OpenMPI's own plugins look for its symbols among the global ones, and this module was opened locally. */
  if (dladdr((void *)MPI_Init_thread, &library))
    dlopen(library.dli_fname, RTLD_NOW | RTLD_GLOBAL | RTLD_NOLOAD);
  MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &level);
  MPI_Comm_rank(MPI_COMM_WORLD, rank);
  MPI_Comm_size(MPI_COMM_WORLD, n);
}

static void
mpi_sum(gsize n, float *x)
{
  for (gsize i = 0; i < n; i += MOST)
    MPI_Allreduce(MPI_IN_PLACE, x + i, (int)MIN(n - i, MOST), MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD);
}

static void
mpi_sum_doubles(gsize n, double *x)
{
  MPI_Allreduce(MPI_IN_PLACE, x, (int)n, MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD);
}

static void
mpi_broadcast(gsize n, gpointer bytes)
{
  MPI_Bcast(bytes, (int)n, MPI_BYTE, 0, MPI_COMM_WORLD);
}

static void
mpi_close(void)
{
  MPI_Finalize();
}

static void
mpi_abort(int code)
{
  MPI_Abort(MPI_COMM_WORLD, code);
}

static const CbiganMpiClass mpi = {
  .open = mpi_open,
  .sum = mpi_sum,
  .sum_doubles = mpi_sum_doubles,
  .broadcast = mpi_broadcast,
  .close = mpi_close,
  .abort = mpi_abort,
};
G_MODULE_EXPORT extern const CbiganModule cbigan_module;
G_MODULE_EXPORT const CbiganModule cbigan_module = { .version = VERSION, .table = &mpi };
