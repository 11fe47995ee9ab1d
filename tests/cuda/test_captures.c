/* test_captures.c - captured operations of the cuda backend's gradients: when they are called, and their results
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * tests/trainer/test_losses.c checks that whole updates have the same bits captured and not.
 */
#include <string.h>

#include "gradient/gradient.h"
#include "gpu_configs.h"
#include "harness.h"

#define N 1000
#define MORE 3000000 /* numbers whose sum has more parts */

typedef struct {
  CbiganBackend *backend;
  CbiganGrad grad;
  CbiganCapture *capture;
  float *x, *y, *square; /* (N), (MORE), a double */
  float value;
  int calls; /* of operations() */
} Work;

static Work
work_new(void)
{
  Work w = { .backend = open_backend(
                 &(CbiganBackendOptions){ .name = "cuda", .threads = 1, .purpose = CBIGAN_FOR_TRAINING }) };
  g_assert_true(cbigan_grad_init(&w.grad, w.backend, NULL));
  w.x = cbigan_backend_alloc(w.backend, N, NULL);
  w.y = cbigan_backend_alloc(w.backend, MORE, NULL);
  w.square = cbigan_backend_alloc(w.backend, sizeof(double) / sizeof(float), NULL);
  return w;
}

static void
work_clear(Work *w)
{
  cbigan_backend_capture_free(w->backend, w->capture);
  cbigan_backend_free(w->backend, w->x);
  cbigan_backend_free(w->backend, w->y);
  cbigan_backend_free(w->backend, w->square);
  cbigan_backend_close(w->backend);
}

static void
operations(gpointer data)
{
  Work *w = data;
  w->calls++;
  cbigan_grad_fill(&w->grad, N, w->value, w->x);
  cbigan_grad_fill(&w->grad, sizeof(double) / sizeof(float), 0.0f, w->square);
  cbigan_grad_square_norms(&w->grad, 1, N, w->x, (double *)(gpointer)w->square);
}

static void
capture(Work *w, float value)
{
  w->value = value;
  cbigan_grad_fill(&w->grad, N, -1.0f, w->x); /* so that no old number shows */
  cbigan_backend_capture(w->backend, &w->capture, (double)value, operations, w);
}

/* Checks the result of the operations, and how often they have been called so far. */
static void
check(Work *w, float value, int calls)
{
  const CbiganShape number = { sizeof(double) / sizeof(float), 1, 1 };
  g_autoptr(GError) error = NULL;
  double square;
  capture(w, value);
  cbigan_backend_download(w->backend, number, 1, w->square, (float *)(gpointer)&square);
  cbigan_backend_finish(w->backend, &error);
  g_assert_no_error(error);
  g_assert_cmpfloat(square, ==, (double)value * (double)value * N);
  g_assert_cmpint(w->calls, ==, calls);
}

/* Called, then captured, then replayed. Another number is captured anew, and only a few captures are kept. */
static void
test_numbers(void)
{
  if (!can_run())
    return;
  Work w = work_new();
  check(&w, 2, 1);
  check(&w, 2, 2);
  check(&w, 2, 2);
  check(&w, 3, 3);
  check(&w, 2, 3);
  check(&w, 3, 3);
  for (int turn = 0; turn < 2; turn++)
    for (int i = 0; i < 7; i++)
      check(&w, (float)(10 + i), 4 + 7 * turn + i);
  check(&w, 16, 17);
  work_clear(&w);
}

/* The environment's CBIGAN_GRAPHS=none */
static void
test_none(void)
{
  if (!can_run())
    return;
  g_autoptr(GError) error = NULL;
  g_setenv("CBIGAN_GRAPHS", "some", TRUE);
  g_assert_null(cbigan_backend_open(
      &(CbiganBackendOptions){ .name = "cuda", .threads = 1, .purpose = CBIGAN_FOR_TRAINING }, &error));
  g_assert_nonnull(strstr(error->message, "some"));
  g_setenv("CBIGAN_GRAPHS", "none", TRUE);
  Work w = work_new();
  g_unsetenv("CBIGAN_GRAPHS");
  for (int i = 1; i < 5; i++)
    check(&w, 2, i);
  work_clear(&w);
}

/* Other operations need more of the backend's own memory, so this memory moves. */
static void
test_memory_moves(void)
{
  if (!can_run())
    return;
  Work w = work_new();
  for (int i = 0; i < 3; i++)
    check(&w, 2, MIN(i + 1, 2));
  cbigan_grad_square_norms(&w.grad, 1, MORE, w.y, (double *)(gpointer)w.square);
  check(&w, 2, 3);
  check(&w, 2, 3);
  work_clear(&w);
}

/* Operations that can't be captured are called instead. After three failures in a row they are no longer captured. */
static void
test_capture_fails(void)
{
  if (!can_run() || !only_emulated())
    return;
  Work w = work_new();
  check(&w, 2, 1);
  g_setenv("CBIGAN_EMULATOR", USUAL ",uncapturable=2", TRUE);
  check(&w, 2, 3); /* to be captured, then itself */
  check(&w, 2, 5);
  g_setenv("CBIGAN_EMULATOR", USUAL, TRUE);
  check(&w, 2, 6);
  check(&w, 2, 6); /* captured now */
  g_setenv("CBIGAN_EMULATOR", USUAL ",uncapturable=2", TRUE);
  for (int i = 0; i < 3; i++)
    check(&w, 3 + i, 8 + 2 * i);
  g_setenv("CBIGAN_EMULATOR", USUAL, TRUE);
  for (int i = 0; i < 3; i++)
    check(&w, 2, 13 + i);
  work_clear(&w);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/captures/numbers", test_numbers);
  g_test_add_func("/captures/none", test_none);
  g_test_add_func("/captures/memory-moves", test_memory_moves);
  g_test_add_func("/captures/capture-fails", test_capture_fails);
  return g_test_run();
}
