/* precisions.c - what oneDNN's convolutions alone would take in fp32, bf16 and int8
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * precisions [WIDTH [PATCH [BATCH [THREADS]]]]
 * The sum over all convolutions of E, G and D (D twice, as for f_D "hidden"), each in the memory order that oneDNN
 * likes best and with nothing between them: no reordering, no activation, no quantization. So it is the least that a
 * network made of them takes. Medians of ROUNDS rounds in turns, milliseconds.
 */
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/cpu/onednn/onednn.h"
#include "model/network.h"

#define ROUNDS 7

enum { FP32, BF16, INT8, N_PRECISIONS };
static const char *const names[N_PRECISIONS] = { "fp32", "bf16", "int8" };
static const dnnl_data_type_t types[N_PRECISIONS][3] = {
  /* of x, weights, y */
  { dnnl_f32, dnnl_f32, dnnl_f32 },
  { dnnl_bf16, dnnl_bf16, dnnl_bf16 },
  { dnnl_u8, dnnl_s8, dnnl_u8 },
};

typedef struct {
  dnnl_primitive_t primitive;
  dnnl_exec_arg_t arguments[3];
  int times; /* in a frame */
} Convolution;

static dnnl_engine_t engine;
static dnnl_stream_t stream;

static void
check(dnnl_status_t status)
{
  if (status == dnnl_success)
    return;
  fprintf(stderr, "oneDNN fails with status %d\n", (int)status);
  exit(1);
}

static Convolution
convolution_new(const CbiganLayer *l, int batch, const dnnl_data_type_t *type, int times)
{
  Convolution c = { .times = times };
  const dnnl_dims_t x = { batch, l->in.c, l->in.h, l->in.w }, y = { batch, l->out.c, l->out.h, l->out.w },
                    w = { l->out.c, l->in.c, l->kernel, l->kernel };
  g_autoptr(CbiganCpuLayout) of_x = cbigan_cpu_layout_new(4, x, type[0], dnnl_format_tag_any);
  g_autoptr(CbiganCpuLayout) of_w = cbigan_cpu_layout_new(4, w, type[1], dnnl_format_tag_any);
  g_autoptr(CbiganCpuLayout) of_y = cbigan_cpu_layout_new(4, y, type[2], dnnl_format_tag_any);
  const CbiganCpuConvolution operation = { .kind = dnnl_forward_inference,
                                           .x = of_x,
                                           .weights = of_w,
                                           .y = of_y,
                                           .before = { l->kernel / 2, l->kernel / 2 },
                                           .after = { l->kernel / 2, l->kernel / 2 } };
  dnnl_primitive_desc_t chosen;
  static const dnnl_query_t queries[] = { dnnl_query_src_md, dnnl_query_weights_md, dnnl_query_dst_md };
  static const int arguments[] = { DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST };
  check(cbigan_cpu_describe_convolution(&chosen, engine, &operation, NULL, NULL));
  for (int i = 0; i < 3; i++) {
    const CbiganCpuLayout *layout = cbigan_cpu_layout_chosen(chosen, queries[i], 0);
    void *data;
    c.arguments[i].arg = arguments[i];
    check(cbigan_cpu_memory_new(&c.arguments[i].memory, layout, engine, DNNL_MEMORY_ALLOCATE));
    check(dnnl_memory_get_data_handle(c.arguments[i].memory, &data));
    memset(data, 0, cbigan_cpu_layout_size(layout));
  }
  check(dnnl_primitive_create(&c.primitive, chosen));
  check(dnnl_primitive_desc_destroy(chosen));
  return c;
}

static GArray *
find_convolutions(int width, int patch, int batch, const dnnl_data_type_t *type)
{
  GArray *all = g_array_new(FALSE, FALSE, sizeof(Convolution));
  for (int kind = 0; kind < CBIGAN_N_NETWORKS; kind++) {
    g_autoptr(CbiganNetwork) network = cbigan_network_new((CbiganNetworkKind)kind, width, patch);
    for (int i = 0; i < network->n_layers; i++)
      if (network->layers[i].kind == CBIGAN_CONV2D) {
        Convolution c = convolution_new(&network->layers[i], batch, type, kind == CBIGAN_DISCRIMINATOR ? 2 : 1);
        g_array_append_val(all, c);
      }
  }
  return all;
}

static double
run(const GArray *all)
{
  gint64 start = g_get_monotonic_time();
  for (guint i = 0; i < all->len; i++) {
    const Convolution *c = &g_array_index(all, Convolution, i);
    for (int k = 0; k < c->times; k++)
      check(dnnl_primitive_execute(c->primitive, stream, 3, c->arguments));
  }
  check(dnnl_stream_wait(stream));
  return (double)(g_get_monotonic_time() - start) / 1000;
}

static int
compare_doubles(const void *a, const void *b)
{
  return (*(const double *)a > *(const double *)b) - (*(const double *)a < *(const double *)b);
}

int
main(int argc, char **argv)
{
  int width = argc > 1 ? atoi(argv[1]) : 16, patch = argc > 2 ? atoi(argv[2]) : 64,
      batch = argc > 3 ? atoi(argv[3]) : 64, threads = argc > 4 ? atoi(argv[4]) : 2;
  double times[N_PRECISIONS][ROUNDS];
  GArray *all[N_PRECISIONS];
  omp_set_num_threads(threads);
  check(dnnl_engine_create(&engine, dnnl_cpu, 0));
  check(dnnl_stream_create(&stream, engine, dnnl_stream_default_flags));
  for (int p = 0; p < N_PRECISIONS; p++)
    all[p] = find_convolutions(width, patch, batch, types[p]);
  for (int round = -1; round < ROUNDS; round++)
    for (int p = 0; p < N_PRECISIONS; p++)
      times[p][MAX(round, 0)] = run(all[p]);
  for (int p = 0; p < N_PRECISIONS; p++) {
    qsort(times[p], ROUNDS, sizeof **times, compare_doubles);
    printf("c%d, %d patches of %dx%d, %s: %.1f ms\n", width, batch, patch, patch, names[p], times[p][ROUNDS / 2]);
  }
  return 0;
}
