/* openmp_waiting.h - how long OpenMP's threads look out for work before they sleep
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A training update has hundreds of short loops. GNU OpenMP's threads spin for 15 ms between them, so that a program
 * beside the training makes it 30 times slower; or, with more threads than processors (cpu/threads/openmp_idle.c), for
 * a few microseconds, and then waking them takes a third of the time. Some 50 are as fast as 15 ms where all is quiet,
 * and no worse than a few where it is not. The library reads that from its environment when it is loaded, before
 * main().
 */
#pragma once

/* First thing in main(), of a program that trains: starts it again with GOMP_SPINCOUNT, unless the user has set that.
 */
void cbigan_openmp_wait_briefly(char **argv);
