/* openmp_waiting.c - how long OpenMP's threads look out for work before they sleep
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "openmp_waiting.h"

#include <stdlib.h>
#include <unistd.h>

void
cbigan_openmp_wait_briefly(char **argv)
{
  if (!getenv("OMP_WAIT_POLICY") && !getenv("GOMP_SPINCOUNT") && setenv("GOMP_SPINCOUNT", "1000", 0) == 0)
    execv("/proc/self/exe", argv); /* returns only where that is not possible: then it takes longer */
}
