/* machine_peak.c - the most that this machine can do: multiply-adds and bytes per second
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The multiply-add loop is one of the cpu backend's kernels, so CBIGAN_ISA limits it as it limits the backend, and a
 * share of the peak compares like with like.
 */
#include "machine_peak.h"

#include <string.h>
#include <unistd.h>

#include "backend/cpu/simd/simd_patches.h"
#include "cbigan.h"
#include "i18n.h"

#define MEASURED_USEC 10000 /* each measurement */
#define LEAST_BLOCK ((gsize)256 << 20)
#define CHUNK ((gsize)256 << 10) /* bytes read between two readings of the clock */
#define ROUNDS 2000              /* rounds of the multiply-add loop between two readings of the clock */

struct _CbiganMachine {
  const CbiganCpuIsa *isa;
  char *processor;
  int threads;
  gsize slice; /* bytes of the block for each thread */
  guint8 *block;
};

typedef struct _Task Task;

/* One thread's part of a measurement. */
struct _Task {
  const CbiganMachine *machine;
  double (*work)(Task *task); /* once; returns the amount done */
  guint8 *slice;
  gsize at;      /* in the slice */
  int *waiting;  /* threads that have not started yet */
  double rate;   /* amount done per second */
  float nothing; /* a result that is kept, so that the compiler computes it */
};

static double
fill_slice(Task *task)
{
  memset(task->slice, 1, task->machine->slice); /* pages that were never written would share one page of zeros */
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
  const CbiganCpuChannels *channels = task->machine->isa->channels[0];

  task->nothing += channels->multiply_add(one, ROUNDS);
  return 2.0 * ROUNDS * CBIGAN_PEAK_SUMS * channels->vector;
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

/* Runs `work` on all threads at once; *rate: the sum of their rates. FALSE: a thread could not be started. */
static gboolean
measure(CbiganMachine *self, double (*work)(Task *task), double *rate, GError **error)
{
  g_autofree Task *tasks = g_new0(Task, self->threads);
  g_autofree GThread **threads = g_new(GThread *, self->threads);
  int waiting = self->threads, n = 0;

  for (; n < self->threads; n++) {
    tasks[n] = (Task){ self, work, self->block + (gsize)n * self->slice, 0, &waiting };
    if (!(threads[n] = g_thread_try_new("cbigan-peak", run_task, &tasks[n], error)))
      break;
  }
  g_atomic_int_add(&waiting, n - self->threads);
  *rate = 0;
  for (int i = 0; i < n; i++) {
    g_thread_join(threads[i]);
    *rate += tasks[i].rate;
  }
  return n == self->threads;
}

/* "none" turns the backend's own kernels off; oneDNN then takes the best instructions that there are. */
static const CbiganCpuIsa *
choose_isa(void)
{
  const CbiganCpuIsa *isa = NULL;
  return cbigan_cpu_choose_isa(&isa, NULL) && isa ? isa : cbigan_cpu_best_isa();
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
  self->isa = choose_isa();
  self->processor = read_processor();
  self->slice = (block / (gsize)threads + CHUNK - 1) / CHUNK * CHUNK;
  self->block = g_try_malloc(self->slice * (gsize)threads);
  if (!self->block) {
    g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_BACKEND, _("out of memory for %zu MiB to measure the bandwidth"),
                self->slice * (gsize)threads >> 20);
    return NULL;
  }
  double rate; /* filled by the thread that reads it later, so that the pages lie in that thread's NUMA node */
  return measure(self, fill_slice, &rate, error) ? g_steal_pointer(&self) : NULL;
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
  return g_str_equal(self->isa->name, "reference") ? "baseline" : self->isa->name;
}

gboolean
cbigan_machine_multiply_add(CbiganMachine *self, double *gflops, GError **error)
{
  const gboolean fine = measure(self, multiply_add, gflops, error);
  *gflops /= 1e9;
  return fine;
}

gboolean
cbigan_machine_read(CbiganMachine *self, double *gbytes, GError **error)
{
  const gboolean fine = measure(self, read_chunk, gbytes, error);
  *gbytes /= 1e9;
  return fine;
}
