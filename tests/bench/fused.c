/* fused.c - fused passes against single operations, on one thread
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * fused WIDTH PATCH BATCH ROUNDS
 * The two take turns; prints the medians of each network's thread CPU time in ms, which other programs on the machine
 * disturb less than they do the clock's, and their ratio. CBIGAN_ISA limits the fused side, which runs where the scorer
 * would not fuse, too.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "backend/cpu/fused.h"
#include "model/forward.h"

static double
cpu_ms(void)
{
  struct timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

static int
ascending(const void *a, const void *b)
{
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

int
main(int argc, char **argv)
{
  if (argc != 5) {
    fprintf(stderr, "usage: fused WIDTH PATCH BATCH ROUNDS\n");
    return 2;
  }
  int width = atoi(argv[1]), patch = atoi(argv[2]), batch = atoi(argv[3]), rounds = MAX(atoi(argv[4]), 1);
  g_autoptr(GError) error = NULL;
  g_autoptr(CbiganBackend) backend = cbigan_backend_open("cpu", 0, 1, &error);
  for (int kind = 0; backend && kind < CBIGAN_N_NETWORKS; kind++) {
    g_autoptr(CbiganNetwork) network = cbigan_network_new((CbiganNetworkKind)kind, width, patch);
    float *parameters = cbigan_backend_alloc(backend, network->n_floats, &error);
    if (!parameters)
      break;
    cbigan_network_initialise(network, 1, parameters);
    CbiganForward *forwards[2] = { NULL };
    double *times[2] = { g_new(double, rounds), g_new(double, rounds) };
    for (int side = 0; side < 2 && !error; side++) {
      forwards[side] = cbigan_forward_new(backend, network, network->n_layers, batch, CBIGAN_FORWARD_REUSE, NULL,
                                          parameters, &error);
      if (side && !error) {
        forwards[side]->fused = cbigan_cpu_fuse_always(backend, network, network->n_layers, batch, NULL);
        cbigan_forward_load(forwards[side]);
      }
    }
    for (int round = -1; round < rounds && !error; round++) /* the first one warms up */
      for (int side = 0; side < 2; side++) {
        double start = cpu_ms();
        cbigan_forward_run(forwards[side]);
        if (round >= 0)
          times[side][round] = cpu_ms() - start;
      }
    for (int side = 0; side < 2 && !error; side++)
      qsort(times[side], (size_t)rounds, sizeof(double), ascending);
    if (!error)
      printf("%s c=%d %dx%d batch %d: composed %.2f, %s %.2f ms, ratio %.2f\n", cbigan_network_prefix(network->kind),
             width, patch, patch, batch, times[0][rounds / 2], forwards[1]->fused ? "fused" : "NOT FUSED",
             times[1][rounds / 2], times[0][rounds / 2] / times[1][rounds / 2]);
    for (int side = 0; side < 2; side++)
      cbigan_forward_free(forwards[side]);
    g_free(times[0]);
    g_free(times[1]);
    cbigan_backend_free(backend, parameters);
  }
  if (error)
    fprintf(stderr, "fused: %s\n", error->message);
  return error ? 1 : 0;
}
