/* ranks.c - the processes of one training: each takes its part of every batch
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "ranks.h"

#include <stdlib.h>
#include <string.h>

#include "backend/module.h"
#include "cbigan.h"
#include "i18n.h"

static int rank = 0, n_ranks = 1;
static const CbiganMpiClass *mpi; /* NULL: this process is alone */

/* How many processes mpirun has started: OpenMPI, then MPICH and Slurm say so here. */
static int
announced(void)
{
  static const char *const names[] = { "OMPI_COMM_WORLD_SIZE", "PMI_SIZE" };
  for (guint i = 0; i < G_N_ELEMENTS(names); i++)
    if (g_getenv(names[i]))
      return atoi(g_getenv(names[i]));
  return 1;
}

gboolean
cbigan_ranks_init(GError **error)
{
  g_autofree char *why = NULL;
  const int n = announced();
  if (n <= 1)
    return TRUE;
  mpi = cbigan_module_open("cbigan-mpi", &why);
  if (!mpi) {
    g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_BACKEND,
                n_("mpirun has started %d process, but MPI can't be had: %s",
                   "mpirun has started %d processes, but MPI can't be had: %s", (gulong)n),
                n, why);
    return FALSE;
  }
  mpi->open(&rank, &n_ranks);
  return TRUE;
}

void
cbigan_ranks_end(gboolean fine)
{
  if (!mpi)
    return;
  if (fine)
    mpi->close();
  else
    mpi->abort(1);
  mpi = NULL;
  rank = 0;
  n_ranks = 1;
}

int
cbigan_ranks_rank(void)
{
  return rank;
}

int
cbigan_ranks_n(void)
{
  return n_ranks;
}

void
cbigan_ranks_average(gsize n, float *x)
{
  if (!mpi)
    return;
  mpi->sum(n, x);
  const float share = 1.0f / (float)n_ranks;
  for (gsize i = 0; i < n; i++)
    x[i] *= share;
}

void
cbigan_ranks_average_doubles(gsize n, double *x)
{
  if (!mpi)
    return;
  mpi->sum_doubles(n, x);
  for (gsize i = 0; i < n; i++)
    x[i] /= n_ranks;
}

gboolean
cbigan_ranks_any(gboolean mine)
{
  double sum = mine ? 1.0 : 0.0;
  if (mpi)
    mpi->sum_doubles(1, &sum);
  return sum > 0.0;
}

gboolean
cbigan_ranks_same(const char *text)
{
  g_autofree char *mine = g_compute_checksum_for_string(G_CHECKSUM_SHA256, text, -1);
  g_autofree char *first = g_strdup(mine);
  if (mpi)
    mpi->broadcast(strlen(first), first);
  return !cbigan_ranks_any(!g_str_equal(mine, first));
}
