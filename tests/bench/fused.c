/* fused.c - fused layers against single operations
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * fused WIDTH PATCH BATCH THREADS ROUNDS [SIDE]
 * Single operations, and fused ones with each of the kernels that CBIGAN_ISA allows, take turns; prints the medians of
 * each network's time in ms and the GFLOP/s of the direct method. This is where the choice in cbigan_cpu_fuse() comes
 * from. With one thread the time is its CPU time, which other programs disturb less than they do the clock's.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "backend/cpu/fused.h"
#include "bench.h"
#include "forward/forward.h"

#define MAX_SIDES 5

typedef struct {
  const char *name;
  const CbiganCpuKernels *kernels; /* one patch a lane; NULL: segments, or what the scorer would take */
  gboolean segmented;
  gboolean by_layer;
} Side;

static double
now_ms(int threads)
{
  struct timespec t;
  clock_gettime(threads > 1 ? CLOCK_MONOTONIC : CLOCK_THREAD_CPUTIME_ID, &t);
  return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

/* The forward pass with one side's kernels; what they don't take is done by single operations. */
static CbiganForward *
open_side(CbiganBackend *backend, const CbiganNetwork *network, int batch, const Side *side, const float *parameters,
          GError **error)
{
  gboolean own = side->kernels || side->segmented;
  CbiganForward *f = cbigan_forward_new(backend, network, network->n_layers, batch,
                                        own || side->by_layer ? CBIGAN_KEEP_ALL : NULL, parameters, error);
  for (int i = 0; f && own && i < f->n_layers;) {
    CbiganPlan *plan =
        side->segmented
            ? cbigan_cpu_fuse_segments((CbiganCpu *)backend, network, i, f->n_layers, batch, NULL)
            : cbigan_cpu_fuse_with((CbiganCpu *)backend, side->kernels, network, i, f->n_layers, batch, NULL);
    int end = i + (plan ? plan->n_layers : 1), first = i;
    for (; i < end && plan; i++) {
      f->plans[i]->free(f->plans[i]);
      f->plans[i] = NULL;
    }
    if (plan)
      f->plans[first] = plan;
    i = end;
  }
  if (f)
    cbigan_forward_load(f);
  return f;
}

static void
measure(CbiganBackend *backend, const CbiganNetwork *network, int batch, int rounds, const Side *sides, int n_sides,
        const float *parameters, GError **error)
{
  CbiganForward *forwards[MAX_SIDES] = { NULL };
  g_autofree double *times = g_new(double, MAX_SIDES *rounds);
  for (int s = 0; s < n_sides; s++)
    if (!(forwards[s] = open_side(backend, network, batch, &sides[s], parameters, error)))
      return;
  for (int round = -1; round < rounds; round++) /* the first one warms up */
    for (int s = 0; s < n_sides; s++) {
      double start = now_ms(backend->threads);
      cbigan_forward_run(forwards[s]);
      if (round >= 0)
        times[s * rounds + round] = now_ms(backend->threads) - start;
    }
  printf("%-13s c=%d %dx%d batch %d:", cbigan_network_prefix(network->kind), network->width, network->patch,
         network->patch, batch);
  for (int s = 0; s < n_sides; s++) {
    double ms = bench_quantile(times + s * rounds, (gsize)rounds, 0.5);
    printf("  %s %.2f ms %.0f GFLOP/s", sides[s].name, ms,
           1e-6 * batch * cbigan_network_work(network, network->n_layers) / ms);
    cbigan_forward_free(forwards[s]);
  }
  printf("\n");
}

int
main(int argc, char **argv)
{
  if (argc != 6 && argc != 7) {
    fprintf(stderr, "usage: fused WIDTH PATCH BATCH THREADS ROUNDS [single|chosen|many|few|segments]\n");
    return 2;
  }
  int width = atoi(argv[1]), patch = atoi(argv[2]), batch = atoi(argv[3]), threads = MAX(atoi(argv[4]), 1),
      rounds = MAX(atoi(argv[5]), 1);
  g_autoptr(GError) error = NULL;
  g_autoptr(CbiganBackend) backend =
      cbigan_backend_open(&(CbiganBackendOptions){ .name = "cpu", .threads = threads }, &error);
  const CbiganCpuIsa *isa = backend ? ((CbiganCpu *)backend)->isa : NULL;
  const Side sides[MAX_SIDES] = { { "single", NULL, FALSE, TRUE },
                                  { "chosen", NULL, FALSE },
                                  { "many", isa ? isa->many : NULL, FALSE },
                                  { "few", isa ? isa->few : NULL, FALSE },
                                  { "segments", NULL, TRUE } };
  int first = 0, n = isa ? MAX_SIDES : 1;
  for (; argc == 7 && first < n && !g_str_equal(sides[first].name, argv[6]); first++)
    ;
  for (int kind = 0; backend && kind < CBIGAN_N_NETWORKS && !error; kind++) {
    g_autoptr(CbiganNetwork) network = cbigan_network_new((CbiganNetworkKind)kind, width, patch);
    float *parameters = cbigan_backend_alloc(backend, network->n_floats, &error);
    if (!parameters)
      break;
    cbigan_network_initialise(network, 1, parameters);
    measure(backend, network, batch, rounds, sides + first, argc == 7 ? first < n : n, parameters, &error);
    cbigan_backend_free(backend, parameters);
  }
  if (error)
    fprintf(stderr, "fused: %s\n", error->message);
  return error ? 1 : 0;
}
