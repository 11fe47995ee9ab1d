/* openmp_waiting.c - how long OpenMP's threads look out for work before they sleep
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A training update has hundreds of short loops. GNU OpenMP's threads spin for 15 ms between them, so that a program
 * beside the training makes it 30 times slower; or, with more threads than processors (waiting.c), for a few
 * microseconds, and then waking them takes a third of the time. Some 50 are as fast as 15 ms, and with a program beside
 * half as fast. The library reads its environment when it is loaded; only .preinit_array comes before that.
 */
#include <stdlib.h>

#ifndef __SANITIZE_ADDRESS__ /* which must be the first to run */
static void
set_spin_count(int argc, char **argv, char **environment)
{
  if (!getenv("OMP_WAIT_POLICY"))
    setenv("GOMP_SPINCOUNT", "1000", 0);
}

__attribute__((section(".preinit_array"), used)) static void (*const before_libraries)(int, char **,
                                                                                       char **) = set_spin_count;
#endif
