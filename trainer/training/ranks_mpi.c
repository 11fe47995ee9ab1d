/* ranks_mpi.c - MPI, as a module
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * MPI moves data only within calls. So a thread calls it while sums are under way, and the caller computes. One thread
 * at a time is within MPI.
 */
#include <dlfcn.h>
#include <gmodule.h>
#include <mpi.h>

#include "backend/module.h"
#include "i18n.h"
#include "training/ranks.h"

#define MOST (1 << 28) /* numbers in one call: MPI counts in int */
#define PAUSE 200      /* us between two calls while sums are under way */

static GThread *thread;
static GMutex lock; /* for all calls of MPI, and for what follows */
static GCond changed;
static GArray *requests; /* of MPI_Request: the sums under way */
static gboolean closing;

static gpointer
move_sums(gpointer data)
{
  g_mutex_lock(&lock);
  while (!closing) {
    int all = 1;
    MPI_Testall((int)requests->len, (MPI_Request *)(gpointer)requests->data, &all, MPI_STATUSES_IGNORE);
    if (all) {
      g_cond_wait(&changed, &lock);
      continue;
    }
    g_mutex_unlock(&lock);
    g_usleep(PAUSE);
    g_mutex_lock(&lock);
  }
  g_mutex_unlock(&lock);
  return NULL;
}

static void
mpi_open(int *rank, int *n, int *local_rank)
{
  int level;
  MPI_Comm machine;
  Dl_info library;
  /* OpenMPI's own plugins look for its symbols among the global ones, and this module was opened locally. */
  if (dladdr((void *)MPI_Init_thread, &library))
    dlopen(library.dli_fname, RTLD_NOW | RTLD_GLOBAL | RTLD_NOLOAD);
  /* Rabenseifner's sums. OpenMPI would choose a tree, which sends twice as much and one way at a time. */
  g_setenv("OMPI_MCA_coll_libnbc_iallreduce_algorithm", "3", FALSE);
  MPI_Init_thread(NULL, NULL, MPI_THREAD_SERIALIZED, &level);
  MPI_Comm_rank(MPI_COMM_WORLD, rank);
  MPI_Comm_size(MPI_COMM_WORLD, n);
  MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, *rank, MPI_INFO_NULL, &machine);
  MPI_Comm_rank(machine, local_rank);
  MPI_Comm_free(&machine);
  requests = g_array_new(FALSE, FALSE, sizeof(MPI_Request));
  if (level >= MPI_THREAD_SERIALIZED) /* without the thread, sums move only while mpi_end_sums() waits */
    thread = g_thread_try_new("mpi", move_sums, NULL, NULL);
}

static void
mpi_begin_sum(gsize n, float *x)
{
  g_mutex_lock(&lock);
  for (gsize i = 0; i < n; i += MOST) {
    MPI_Request request;
    MPI_Iallreduce(MPI_IN_PLACE, x + i, (int)MIN(n - i, MOST), MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD, &request);
    g_array_append_val(requests, request);
  }
  g_cond_signal(&changed);
  g_mutex_unlock(&lock);
}

static void
mpi_end_sums(void)
{
  g_mutex_lock(&lock);
  MPI_Waitall((int)requests->len, (MPI_Request *)(gpointer)requests->data, MPI_STATUSES_IGNORE);
  g_array_set_size(requests, 0);
  g_mutex_unlock(&lock);
}

static void
mpi_sum_doubles(gsize n, double *x)
{
  g_mutex_lock(&lock);
  for (gsize i = 0; i < n; i += MOST)
    MPI_Allreduce(MPI_IN_PLACE, x + i, (int)MIN(n - i, MOST), MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD);
  g_mutex_unlock(&lock);
}

static void
mpi_broadcast(int from, gsize n, gpointer bytes)
{
  g_mutex_lock(&lock);
  for (gsize i = 0; i < n; i += MOST)
    MPI_Bcast((guint8 *)bytes + i, (int)MIN(n - i, MOST), MPI_BYTE, from, MPI_COMM_WORLD);
  g_mutex_unlock(&lock);
}

static void
mpi_close(void)
{
  g_mutex_lock(&lock);
  closing = TRUE;
  g_cond_signal(&changed);
  g_mutex_unlock(&lock);
  if (thread)
    g_thread_join(thread);
  g_array_unref(requests);
  MPI_Finalize();
}

static void
mpi_abort(int code)
{
  g_mutex_lock(&lock); /* for good, as the process ends here */
  MPI_Abort(MPI_COMM_WORLD, code);
}

static const CbiganMpiClass mpi = {
  .open = mpi_open,
  .begin_sum = mpi_begin_sum,
  .end_sums = mpi_end_sums,
  .sum_doubles = mpi_sum_doubles,
  .broadcast = mpi_broadcast,
  .close = mpi_close,
  .abort = mpi_abort,
};
G_MODULE_EXPORT extern const CbiganModule cbigan_module;
G_MODULE_EXPORT const CbiganModule cbigan_module = { .version = VERSION, .table = &mpi };
