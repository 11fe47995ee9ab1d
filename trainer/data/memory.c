/* memory.c - whether memory can be had
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "memory.h"
#include "cbigan.h"
#include "i18n.h"
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* The number in a file of the control group; G_MAXUINT64 where there is none, or no limit ("max"). */
static guint64
group_number(const char *path)
{
  g_autofree char *text = NULL;

  return g_file_get_contents(path, &text, NULL, NULL) && g_ascii_isdigit(text[0]) ? g_ascii_strtoull(text, NULL, 10)
                                                                                  : G_MAXUINT64;
}

/* What `ulimit -v` leaves of the address space; G_MAXUINT64 without a limit. */
static guint64
within_limit(void)
{
  g_autofree char *text = NULL;
  struct rlimit limit;
  guint64 used = 0;

  if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
    return G_MAXUINT64;
  if (g_file_get_contents("/proc/self/statm", &text, NULL, NULL))
    used = g_ascii_strtoull(text, NULL, 10) * (guint64)sysconf(_SC_PAGESIZE);
  return limit.rlim_cur - MIN(used, limit.rlim_cur);
}

guint64
cbigan_memory_free(void)
{
  guint64 most = group_number("/sys/fs/cgroup/memory.max"), used = group_number("/sys/fs/cgroup/memory.current");
  guint64 in_group = most == G_MAXUINT64 || used == G_MAXUINT64 ? G_MAXUINT64 : most - MIN(used, most);
  guint64 least = MIN(in_group, within_limit());
  g_autofree char *text = NULL;
  const char *line;

  if (!g_file_get_contents("/proc/meminfo", &text, NULL, NULL) || !(line = strstr(text, "MemAvailable:")))
    return least;
  return MIN(least, g_ascii_strtoull(line + strlen("MemAvailable:"), NULL, 10) << 10);
}

gboolean
cbigan_memory_check(guint64 bytes, GError **error)
{
  guint64 available = cbigan_memory_free();
  gpointer probe = bytes <= available && bytes <= G_MAXSIZE ? g_try_malloc(MAX(bytes, 1)) : NULL;

  g_free(probe);
  if (!probe)
    g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_FILE,
                _("it needs %zu MiB of memory, which can't be had: %zu MiB are free"), (gsize)(bytes >> 20) + 1,
                (gsize)(available >> 20));
  return probe != NULL;
}
