/* machine_peak.c - what this machine can do at best: multiply-adds and bytes a second
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The multiply-add loop is compiled once for each width of vector registers, by GCC's vector types. To add a width: a
 * line MULTIPLY_ADD() and a row in `widths`. CBIGAN_ISA limits it as it limits the backends, so that a share of the
 * peak compares like with like.
 */
#include "machine_peak.h"

#include <string.h>
#include <unistd.h>

#include "cbigan.h"
#include "i18n.h"

#define MEASURED_USEC 10000 /* each measurement */
#define LEAST_BLOCK ((gsize)256 << 20)
#define CHUNK ((gsize)256 << 10) /* bytes read between looks at the clock */
#define ROUNDS 2000              /* of the multiply-add loop between looks at the clock */
#define N_SUMS 12                /* hide the latency: up to 5 cycles, 2 units; and fit 16 registers */

/* N_SUMS vectors, each x = x * factor + term, ROUNDS times; the values stay near term / (1 - factor) = 1.
 * one = 1, but the compiler may not know it, or it computes the value that is there from the start. */
#define MULTIPLY_ADD(name, instructions, bytes)                                                                        \
  typedef float name##_vector __attribute__((vector_size(bytes)));                                                     \
  instructions static float name(float one)                                                                            \
  {                                                                                                                    \
    name##_vector sums[N_SUMS], factor = { 0 }, term = { 0 };                                                          \
    factor += 0.75f * one;                                                                                             \
    term += 0.25f * one;                                                                                               \
    for (int i = 0; i < N_SUMS; i++)                                                                                   \
      sums[i] = term * (float)i;                                                                                       \
    for (int round = 0; round < ROUNDS; round++)                                                                       \
      _Pragma("GCC unroll 12") for (int i = 0; i < N_SUMS; i++) sums[i] = sums[i] * factor + term;                     \
    for (int i = 1; i < N_SUMS; i++)                                                                                   \
      sums[0] += sums[i];                                                                                              \
    return sums[0][0];                                                                                                 \
  }

static gboolean
always(void)
{
  return TRUE;
}

#if defined(__x86_64__)
MULTIPLY_ADD(multiply_add_512, __attribute__((target("avx512f"))), 64)
MULTIPLY_ADD(multiply_add_256, __attribute__((target("avx2,fma"))), 32)

static gboolean
has_avx512(void)
{
  return __builtin_cpu_supports("avx512f") != 0;
}

static gboolean
has_avx2(void)
{
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}
#endif
MULTIPLY_ADD(multiply_add_128, , 16)

typedef struct {
  const char *name; /* as in CBIGAN_ISA */
  int lanes;
  gboolean (*supported)(void);
  float (*multiply_add)(float one);
} Width;

/* The widest first. */
static const Width widths[] = {
#if defined(__x86_64__)
  { "avx512", 16, has_avx512, multiply_add_512 },
  { "avx2", 8, has_avx2, multiply_add_256 },
#endif
  { "baseline", 4, always, multiply_add_128 },
};

struct _CbiganMachine {
  const Width *width;
  char *processor;
  int threads;
  gsize slice; /* bytes of the block for each thread */
  guint8 *block;
};

typedef struct _Task Task;

/* One thread's part of a measurement. */
struct _Task {
  const CbiganMachine *machine;
  double (*work)(Task *task); /* once; returns how much it did */
  guint8 *slice;
  gsize at;      /* in the slice */
  int *waiting;  /* threads that have not started yet */
  double rate;   /* what was done, a second */
  float nothing; /* what came out, so that it is computed */
};

static double
fill_slice(Task *task)
{
  memset(task->slice, 1, task->machine->slice); /* pages never written would all be one page of zeros */
  return (double)task->machine->slice;
}

static double
read_chunk(Task *task)
{
  typedef guint64 Vector __attribute__((vector_size(16)));
  const Vector *v = (const Vector *)(gpointer)(task->slice + task->at);
  Vector sums[4] = { { 0 } };

  for (gsize i = 0; i < CHUNK / sizeof *v; i += 4)
    for (gsize k = 0; k < 4; k++)
      sums[k] += v[i + k];
  sums[0] += sums[1] + sums[2] + sums[3];
  task->nothing += (float)(sums[0][0] + sums[0][1]);
  task->at = (task->at + CHUNK) % task->machine->slice;
  return CHUNK;
}

static double
multiply_add(Task *task)
{
  static volatile float one = 1.0f;
  const Width *width = task->machine->width;

  task->nothing += width->multiply_add(one);
  return 2.0 * ROUNDS * N_SUMS * width->lanes;
}

static gpointer
run_task(gpointer data)
{
  Task *task = data;
  gint64 start, now;
  double done = 0;

  g_atomic_int_add(task->waiting, -1);
  while (g_atomic_int_get(task->waiting) > 0)
    g_thread_yield();
  start = g_get_monotonic_time();
  do {
    done += task->work(task);
    now = g_get_monotonic_time();
  } while (now - start < MEASURED_USEC);
  task->rate = done / (double)(now - start) * G_USEC_PER_SEC;
  return NULL;
}

/* Runs it on all the threads at once; the sum of their rates. */
static double
measure(CbiganMachine *self, double (*work)(Task *task))
{
  g_autofree Task *tasks = g_new0(Task, self->threads);
  g_autofree GThread **threads = g_new(GThread *, self->threads);
  int waiting = self->threads;
  double rate = 0;

  for (int i = 0; i < self->threads; i++) {
    tasks[i] = (Task){ self, work, self->block + (gsize)i * self->slice, 0, &waiting };
    threads[i] = g_thread_new("cbigan-peak", run_task, &tasks[i]);
  }
  for (int i = 0; i < self->threads; i++) {
    g_thread_join(threads[i]);
    rate += tasks[i].rate;
  }
  return rate;
}

static const Width *
choose_width(void)
{
  const char *limit = g_getenv("CBIGAN_ISA");
  guint first = 0;

  if (limit && g_str_equal(limit, "reference"))
    limit = "baseline";
  for (guint i = 0; limit && i < G_N_ELEMENTS(widths); i++)
    if (g_str_equal(limit, widths[i].name))
      first = i;
  while (!widths[first].supported())
    first++;
  return &widths[first];
}

static char *
read_processor(void)
{
  g_autofree char *text = NULL, *name = NULL;
  g_auto(GStrv) lines = NULL;

  if (!g_file_get_contents("/proc/cpuinfo", &text, NULL, NULL))
    return g_strdup("unknown");
  lines = g_strsplit(text, "\n", -1);
  for (int i = 0; !name && lines[i]; i++)
    if (g_str_has_prefix(lines[i], "model name") && strchr(lines[i], ':'))
      name = g_strdup(g_strstrip(strchr(lines[i], ':') + 1));
  return name ? g_steal_pointer(&name) : g_strdup("unknown");
}

CbiganMachine *
cbigan_machine_new(int threads, GError **error)
{
  g_autoptr(CbiganMachine) self = g_new0(CbiganMachine, 1);
  long cache = sysconf(_SC_LEVEL3_CACHE_SIZE); /* 0 or -1 where it is not known */
  gsize block = MAX(LEAST_BLOCK, 4 * (gsize)MAX(cache, 0));

  g_return_val_if_fail(threads > 0, NULL);
  self->threads = threads;
  self->width = choose_width();
  self->processor = read_processor();
  self->slice = (block / (gsize)threads + CHUNK - 1) / CHUNK * CHUNK;
  self->block = g_try_malloc(self->slice * (gsize)threads);
  if (!self->block) {
    g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_BACKEND, _("no memory to measure the bandwidth: %zu MiB needed"),
                self->slice * (gsize)threads >> 20);
    return NULL;
  }
  measure(self, fill_slice); /* by the thread that reads it, so that it lies near that one's memory */
  return g_steal_pointer(&self);
}

void
cbigan_machine_free(CbiganMachine *self)
{
  if (!self)
    return;
  g_free(self->processor);
  g_free(self->block);
  g_free(self);
}

const char *
cbigan_machine_processor(const CbiganMachine *self)
{
  return self->processor;
}

const char *
cbigan_machine_isa(const CbiganMachine *self)
{
  return self->width->name;
}

double
cbigan_machine_multiply_add(CbiganMachine *self)
{
  return measure(self, multiply_add) / 1e9;
}

double
cbigan_machine_read(CbiganMachine *self)
{
  return measure(self, read_chunk) / 1e9;
}
