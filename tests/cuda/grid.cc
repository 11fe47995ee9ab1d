/* grid.cc - the threads of a kernel, one after another
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * See emulator.h.
 */
#include <setjmp.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "emulator_internal.h"

uint3 threadIdx, blockIdx;
dim3 gridDim;

/* Each thread of a block is a fiber: it runs on a stack of its own until it ends or waits for the others. Fibers are
 * started once and used again. longjmp() switches between them, which is far faster than swapcontext(). */
#define STACK 65536
#define MOST_THREADS 256

static jmp_buf scheduler, fibers[MOST_THREADS];
static int running;
static bool ended[MOST_THREADS], synchronised, direct;
static const std::function<void()> *fiber_kernel;

static void
leave_fiber(int i)
{
  if (!_setjmp(fibers[i]))
    _longjmp(scheduler, 1);
}

static void
fiber_main()
{
  for (const int me = running;;) {
    leave_fiber(me);
    (*fiber_kernel)();
    ended[me] = true;
  }
}

static void
resume(int i)
{
  running = i;
  threadIdx = { (unsigned)i, 0, 0 };
  if (!_setjmp(scheduler))
    _longjmp(fibers[i], 1);
}

static void
begin_fibers()
{
  static ucontext_t contexts[MOST_THREADS];
  char *stacks =
      (char *)mmap(nullptr, STACK * MOST_THREADS, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  for (int i = 0; i < MOST_THREADS; i++) {
    getcontext(&contexts[i]);
    contexts[i].uc_stack.ss_sp = stacks + (size_t)i * STACK;
    contexts[i].uc_stack.ss_size = STACK;
    makecontext(&contexts[i], fiber_main, 0);
    running = i;
    if (!_setjmp(scheduler))
      setcontext(&contexts[i]);
  }
}

void
emulator_synchronise_block()
{
  if (direct)
    emulator_stop("a block waits where the first one did not", "__syncthreads");
  const int me = running;
  synchronised = true;
  leave_fiber(me);
}

static void
run_block(int threads)
{
  int n_ended = 0;
  for (int i = 0; i < threads; i++)
    ended[i] = false;
  for (int turn = 0; n_ended < threads; turn++) {
    n_ended = 0;
    for (int k = 0; k < threads; k++) { /* every other turn backwards, so no order can be relied on */
      const int i = turn % 2 ? threads - 1 - k : k;
      resume(i);
      n_ended += ended[i];
    }
    if (n_ended && n_ended < threads)
      emulator_stop("some threads of a block wait for others that have ended", "__syncthreads");
  }
}

static void
run_block_directly(int threads)
{
  for (int i = 0; i < threads; i++) {
    threadIdx = { (unsigned)i, 0, 0 };
    (*fiber_kernel)();
  }
}

void
emulator_run_grid(dim3 grid, int threads, const std::function<void()> &kernel)
{
  if (threads > MOST_THREADS || grid.y > 65535 || grid.x == 0 || grid.y == 0 || grid.z != 1)
    emulator_stop("not a grid", "launch");
  [[maybe_unused]] static const bool begun = (begin_fibers(), true);
  fiber_kernel = &kernel;
  gridDim = grid;
  synchronised = direct = false;
  for (unsigned y = 0; y < grid.y; y++)
    for (unsigned x = 0; x < grid.x; x++) {
      blockIdx = { x, y, 0 };
      direct = (x || y) && !synchronised; /* fibers are needed only if the first block synchronised */
      (direct ? run_block_directly : run_block)(threads);
    }
}
