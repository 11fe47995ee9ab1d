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

#define LEAST_SUM (256 * 1024) /* bytes; smaller neighbours share a message, as each message has a cost of its own */

static int rank = 0, n_ranks = 1, local_rank = 0;
static const CbiganMpiClass *mpi;   /* NULL: this process is alone */
static const CbiganNcclClass *nccl; /* NULL: gradients lie in host memory */

/* Some gradients that lie side by side */
typedef struct {
  float *x;
  gsize n;
} Range;

static Range waiting; /* whose sum is not begun yet; n = 0: none */
static GArray *begun; /* of Range: whose sums are under way; NULL: none ever was */

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
  mpi->open(&rank, &n_ranks, &local_rank);
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
  rank = local_rank = 0;
  n_ranks = 1;
  g_clear_pointer(&begun, g_array_unref);
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

int
cbigan_ranks_local_rank(void)
{
  return local_rank;
}

int
cbigan_ranks_owner(guint item)
{
  return (int)(item % (guint)n_ranks);
}

gboolean
cbigan_ranks_owns(guint item)
{
  return cbigan_ranks_owner(item) == rank;
}

gboolean
cbigan_ranks_use_backend(CbiganBackend *backend, GError **error)
{
  g_autofree char *why = NULL;
  if (!mpi || !g_str_equal(cbigan_backend_name(backend), "cuda"))
    return TRUE;
  nccl = cbigan_module_open("cbigan-nccl", &why);
  if (!nccl) {
    g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_BACKEND, _("several processes with GPUs need NCCL: %s"), why);
    return FALSE;
  }
  if (nccl->open(backend, rank, n_ranks, mpi->broadcast, error))
    return TRUE;
  nccl = NULL;
  return FALSE;
}

void
cbigan_ranks_leave_backend(void)
{
  if (nccl)
    nccl->close();
  nccl = NULL;
}

static void
begin_waiting(void)
{
  if (!waiting.n)
    return;
  if (nccl) {
    nccl->begin_average(waiting.n, waiting.x);
  } else {
    mpi->begin_sum(waiting.n, waiting.x);
    if (!begun)
      begun = g_array_new(FALSE, FALSE, sizeof(Range));
    g_array_append_val(begun, waiting);
  }
  waiting.n = 0;
}

void
cbigan_ranks_begin_average(gsize n, float *x)
{
  if (!mpi)
    return;
  if (waiting.n && x + n == waiting.x) {
    waiting = (Range){ x, waiting.n + n };
  } else if (waiting.n && waiting.x + waiting.n == x) {
    waiting.n += n;
  } else {
    begin_waiting();
    waiting = (Range){ x, n };
  }
  if (waiting.n * sizeof(float) >= LEAST_SUM)
    begin_waiting();
}

void
cbigan_ranks_end_averages(void)
{
  if (!mpi)
    return;
  begin_waiting();
  if (nccl) {
    nccl->end_averages();
    return;
  }
  mpi->end_sums();
  const float share = 1.0f / (float)n_ranks;
  for (guint k = 0; begun && k < begun->len; k++) {
    const Range *range = &g_array_index(begun, Range, k);
    for (gsize i = 0; i < range->n; i++)
      range->x[i] *= share;
  }
  if (begun)
    g_array_set_size(begun, 0);
}

void
cbigan_ranks_sum_doubles(gsize n, double *x)
{
  if (mpi)
    mpi->sum_doubles(n, x);
}

void
cbigan_ranks_average_doubles(gsize n, double *x)
{
  cbigan_ranks_sum_doubles(n, x);
  for (gsize i = 0; i < n; i++)
    x[i] /= n_ranks;
}

void
cbigan_ranks_broadcast(int from, gsize n, gpointer bytes)
{
  if (mpi)
    mpi->broadcast(from, n, bytes);
}

gboolean
cbigan_ranks_any(gboolean mine)
{
  double sum = mine ? 1.0 : 0.0;
  cbigan_ranks_sum_doubles(1, &sum);
  return sum > 0.0;
}

gboolean
cbigan_ranks_same(const char *text)
{
  g_autofree char *mine = g_compute_checksum_for_string(G_CHECKSUM_SHA256, text, -1);
  g_autofree char *first = g_strdup(mine);
  cbigan_ranks_broadcast(0, strlen(first), first);
  return !cbigan_ranks_any(!g_str_equal(mine, first));
}
