/* test_staging.c - staging buffers, which the cuda backend copies while the host goes on: nothing is read before it
 * has arrived, or written while it is read
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * On the emulated GPU in both orders that a real one may take: copies as late as they may be, and as early.
 */
#include <string.h>

#include "counts.h"
#include "gradient/gradient.h"
#include "gpu_configs.h"
#include "harness.h"

#define N 1000

typedef struct {
  CbiganBackend *backend;
  CbiganGrad grad;
  CbiganStaging *staging[2];
  float *x[4]; /* (N) each */
} Work;

static Work
work_new(gboolean early)
{
  if (is_emulated())
    g_setenv("CBIGAN_EMULATOR", early ? "eager=1" : "eager=0", TRUE);
  Work w = { .backend = open_backend(
                 &(CbiganBackendOptions){ .name = "cuda", .threads = 1, .purpose = CBIGAN_FOR_TRAINING }) };
  g_assert_true(cbigan_grad_init(&w.grad, w.backend, NULL));
  for (gsize i = 0; i < G_N_ELEMENTS(w.staging); i++) {
    w.staging[i] = cbigan_grad_staging_new(&w.grad, N * sizeof(float));
    g_assert_nonnull(w.staging[i]);
    g_assert_cmpuint(w.staging[i]->size, ==, N * sizeof(float));
    g_assert_cmpuint(GPOINTER_TO_SIZE(w.staging[i]->host) % 64, ==, 0);
  }
  for (gsize i = 0; i < G_N_ELEMENTS(w.x); i++)
    w.x[i] = cbigan_backend_alloc(w.backend, N, NULL);
  return w;
}

static void
work_clear(Work *w)
{
  for (gsize i = 0; i < G_N_ELEMENTS(w->staging); i++)
    cbigan_grad_staging_free(&w->grad, w->staging[i]);
  for (gsize i = 0; i < G_N_ELEMENTS(w->x); i++)
    cbigan_backend_free(w->backend, w->x[i]);
  cbigan_backend_close(w->backend);
}

static void
fill(CbiganStaging *staging, float value)
{
  for (gsize i = 0; i < N; i++)
    ((float *)staging->host)[i] = value;
}

static void
send(Work *w, int buffer, float value)
{
  fill(w->staging[buffer], value);
  cbigan_grad_staging_send(&w->grad, w->staging[buffer]);
}

static void
receive(Work *w, int buffer, int x)
{
  cbigan_grad_copy(&w->grad, N, cbigan_grad_staging_receive(&w->grad, w->staging[buffer]), w->x[x]);
}

static void
check(Work *w, int x, float value)
{
  float found[N];
  g_autoptr(GError) error = NULL;
  cbigan_backend_download(w->backend, (CbiganShape){ N, 1, 1 }, 1, w->x[x], found);
  cbigan_backend_finish(w->backend, &error);
  g_assert_no_error(error);
  for (gsize i = 0; i < N; i++)
    g_assert_cmpfloat(found[i], ==, value);
}

/* Two buffers are sent and received one after the other. Each is sent again as soon as the host's memory is free, while
 * the device may still read the batch before. */
static void
test_in_turns(void)
{
  for (int early = 0; early < 2 && can_run(); early++) {
    Work w = work_new(early);
    send(&w, 0, 1);
    send(&w, 1, 2);
    receive(&w, 0, 0);
    cbigan_grad_staging_wait(&w.grad, w.staging[0]);
    send(&w, 0, 3);
    receive(&w, 1, 1);
    receive(&w, 0, 2);
    cbigan_grad_staging_wait(&w.grad, w.staging[1]);
    send(&w, 1, 4);
    cbigan_grad_staging_wait(&w.grad, w.staging[1]);
    fill(w.staging[1], 5);
    receive(&w, 1, 3);
    for (int x = 0; x < 4; x++)
      check(&w, x, (float)(x + 1));
    work_clear(&w);
  }
}

/* A buffer that is only sent is not waited for. A late copy takes what the host's memory holds when the buffer is
 * received. */
static void
test_beside(void)
{
  for (int early = 0; early < 2 && can_run() && only_emulated(); early++) {
    Work w = work_new(early);
    send(&w, 0, 1);
    cbigan_grad_fill(&w.grad, N, 7, w.x[0]);
    check(&w, 0, 7);
    fill(w.staging[0], 2); /* which is not allowed */
    receive(&w, 0, 0);
    check(&w, 0, early ? 1 : 2);
    work_clear(&w);
  }
}

/* Buffers are freed while they are copied, and while the device may still read them. */
static void
test_freed(void)
{
  for (int early = 0; early < 2 && can_run(); early++) {
    Work w = work_new(early);
    send(&w, 0, 1);
    send(&w, 1, 2);
    receive(&w, 1, 0);
    work_clear(&w);
  }
}

/* Too little memory of either kind is no failure. */
static void
test_memory(void)
{
  static const char *const machines_without[] = { "pinned=3", "memory=0" };
  for (gsize i = 0; i < G_N_ELEMENTS(machines_without) && can_run() && only_emulated(); i++) {
    g_autoptr(GError) error = NULL;
    Work w = work_new(FALSE);
    g_setenv("CBIGAN_EMULATOR", machines_without[i], TRUE);
    g_assert_null(cbigan_grad_staging_new(&w.grad, N * sizeof(float)));
    cbigan_backend_finish(w.backend, &error);
    g_assert_no_error(error);
    work_clear(&w);
  }
}

static void
receive_recorded(gpointer data)
{
  receive(data, 0, 0);
}

/* Work that depends on another stream can't be captured, so receiving a batch never becomes part of a graph. */
static void
test_not_recorded(void)
{
  if (!can_run() || !only_emulated())
    return;
  Work w = work_new(FALSE);
  CbiganCapture *recording = NULL;
  g_autoptr(GError) error = NULL;
  const long graphs = emulator_count("graph");
  for (int i = 0; i < 4; i++) {
    cbigan_grad_staging_wait(&w.grad, w.staging[0]);
    send(&w, 0, 1);
    cbigan_backend_capture(w.backend, &recording, 0, receive_recorded, &w);
    g_assert_true(cbigan_backend_finish(w.backend, &error));
  }
  g_assert_cmpint(emulator_count("graph"), ==, graphs);
  cbigan_backend_capture_free(w.backend, recording);
  work_clear(&w);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/staging/in-turns", test_in_turns);
  g_test_add_func("/staging/beside", test_beside);
  g_test_add_func("/staging/freed", test_freed);
  g_test_add_func("/staging/memory", test_memory);
  g_test_add_func("/staging/not-recorded", test_not_recorded);
  return g_test_run();
}
