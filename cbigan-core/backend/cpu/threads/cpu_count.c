/* cpu_count.c - how many processors this process may use
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Linux has three sources: the affinity of a thread, the NUMA nodes of the machine, and the quota of each control group
 * around the process, which is how containers are limited. A file that is missing or malformed limits nothing. For
 * another place of control groups, add a row to `mounts`.
 */
#include "threads.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Text of a file (free with g_free()); NULL: it cannot be read. */
static char *
read_text(const char *folder, const char *name)
{
  g_autofree char *path = g_build_filename(folder, name, NULL);
  char *text = NULL;
  return g_file_get_contents(path, &text, NULL, NULL) ? text : NULL;
}

/* --- nodes ------------------------------------------------------------------------------------------------------ */

/* How many processors of a list such as "0-3,8" are allowed; 0 if the text is no such list. */
static int
count_allowed(const char *list, const cpu_set_t *allowed)
{
  int n = 0;
  for (char *end; g_ascii_isdigit(*list); list = end + 1) {
    guint64 first = g_ascii_strtoull(list, &end, 10), last = first;
    if (*end == '-')
      last = g_ascii_isdigit(end[1]) ? g_ascii_strtoull(end + 1, &end, 10) : 0;
    for (guint64 cpu = first; cpu <= last && cpu < CBIGAN_CPU_MOST; cpu++)
      n += CPU_ISSET_S((gsize)cpu, CPU_ALLOC_SIZE(CBIGAN_CPU_MOST), allowed) != 0;
    if (*end != ',')
      return *end == '\n' || *end == '\0' ? n : 0;
  }
  return 0;
}

/* Allowed processors of the node that has most of them; 0: no node is known. */
static int
count_node(const char *root, const cpu_set_t *allowed)
{
  int most = 0;
  g_autofree char *nodes = g_build_filename(root, "sys", "devices", "system", "node", NULL);
  g_autoptr(GDir) folder = g_dir_open(nodes, 0, NULL);
  for (const char *name; folder && (name = g_dir_read_name(folder));) {
    if (!g_str_has_prefix(name, "node") || !g_ascii_isdigit(name[4]))
      continue;
    g_autofree char *node = g_build_filename(nodes, name, NULL), *list = read_text(node, "cpulist");
    if (list)
      most = MAX(most, count_allowed(list, allowed));
  }
  return most;
}

/* --- quotas ----------------------------------------------------------------------------------------------------- */

/* Processors, rounded up; G_MAXINT: no limit. */
static int
quota(const char *microseconds, const char *period)
{
  double have = microseconds ? g_ascii_strtod(microseconds, NULL) : 0, of = period ? g_ascii_strtod(period, NULL) : 0;
  return have > 0 && of > 0 ? (int)MIN(ceil(have / of), G_MAXINT) : G_MAXINT;
}

/* cgroup v2: "quota period", or "max period" */
static int
quota_v2(const char *group)
{
  g_autofree char *text = read_text(group, "cpu.max");
  return quota(text, text ? strchr(text, ' ') : NULL);
}

/* cgroup v1: -1 = no quota */
static int
quota_v1(const char *group)
{
  g_autofree char *have = read_text(group, "cpu.cfs_quota_us"), *period = read_text(group, "cpu.cfs_period_us");
  return quota(have, period);
}

/* The least quota of a group ("/a/b") and of the groups around it. Within a container the names are often those of the
 * host, and only the outermost group can be seen: the container's own. */
static int
least_quota(const char *mount, const char *group, int (*read_quota)(const char *group))
{
  int least = read_quota(mount);
  g_autofree char *name = g_strdup(group);
  for (char *slash; (slash = strrchr(name, '/')); *slash = '\0') {
    g_autofree char *path = g_build_filename(mount, name, NULL);
    least = MIN(least, read_quota(path));
  }
  return least;
}

/* The group whose line "number:controllers:/group" names `controller` (free with g_free()); "": none. */
static char *
find_group(char *const *lines, const char *controller)
{
  for (; lines && *lines; lines++) {
    g_auto(GStrv) fields = g_strsplit(*lines, ":", 3);
    if (g_strv_length(fields) < 3)
      continue;
    g_auto(GStrv) controllers = g_strsplit(fields[1], ",", -1);
    if (*controller ? g_strv_contains((const char *const *)controllers, controller) : !*fields[1])
      return g_strdup(fields[2]);
  }
  return g_strdup("");
}

static int
count_quota(const char *root)
{
  static const struct {
    const char *mount, *controller;
    int (*read_quota)(const char *group);
  } mounts[] = {
    { "sys/fs/cgroup", "", quota_v2 },
    { "sys/fs/cgroup/unified", "", quota_v2 },
    { "sys/fs/cgroup/cpu", "cpu", quota_v1 },
    { "sys/fs/cgroup/cpu,cpuacct", "cpu", quota_v1 },
  };
  int least = G_MAXINT;
  g_autofree char *self = g_build_filename(root, "proc", "self", NULL), *text = read_text(self, "cgroup");
  g_auto(GStrv) lines = text ? g_strsplit(text, "\n", -1) : NULL;
  for (gsize i = 0; i < G_N_ELEMENTS(mounts); i++) {
    g_autofree char *mount = g_build_filename(root, mounts[i].mount, NULL);
    g_autofree char *group = find_group(lines, mounts[i].controller);
    least = MIN(least, least_quota(mount, group, mounts[i].read_quota));
  }
  return least;
}

/* --- all of it -------------------------------------------------------------------------------------------------- */

CbiganCpuCount
cbigan_cpu_count_below(const char *root, const cpu_set_t *allowed)
{
  int all = CPU_COUNT_S(CPU_ALLOC_SIZE(CBIGAN_CPU_MOST), allowed), node = count_node(root, allowed);
  int most = MIN(all, count_quota(root));
  return (CbiganCpuCount){ MAX(1, most), MAX(1, node ? MIN(node, most) : most) };
}

CbiganCpuCount
cbigan_cpu_count(void)
{
  const gsize size = CPU_ALLOC_SIZE(CBIGAN_CPU_MOST);
  cpu_set_t *allowed = CPU_ALLOC(CBIGAN_CPU_MOST);
  CPU_ZERO_S(size, allowed);
  if (sched_getaffinity(0, size, allowed))
    for (guint cpu = 0; cpu < g_get_num_processors(); cpu++)
      CPU_SET_S(cpu, size, allowed);
  CbiganCpuCount count = cbigan_cpu_count_below("/", allowed);
  CPU_FREE(allowed);
  return count;
}
