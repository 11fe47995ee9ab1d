/* threads.c - how many processors this process may use
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "cpu.h"

#include <math.h>
#include <sched.h>
#include <stdio.h>

/* cgroup v2 "quota period" in microseconds, or "max period"; the container sees its own group here. */
static int
container_quota(void)
{
  g_autofree char *text = NULL;
  double quota, period;
  if (g_file_get_contents("/sys/fs/cgroup/cpu.max", &text, NULL, NULL) &&
      sscanf(text, "%lf %lf", &quota, &period) == 2 && quota > 0 && period > 0)
    return (int)MIN(ceil(quota / period), G_MAXINT);
  return G_MAXINT;
}

int
cbigan_cpu_count(void)
{
  cpu_set_t affinity;
  int allowed = sched_getaffinity(0, sizeof affinity, &affinity) ? (int)g_get_num_processors() : CPU_COUNT(&affinity);
  return MAX(1, MIN(allowed, container_quota()));
}
