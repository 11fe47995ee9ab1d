/* work_child.c - the process that scores, as the worker sees it
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "work_child.h"
#include "i18n.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct _CbiganWorkChild {
  char **argv;
  GPid pid; /* 0 = none runs */
  int in, out;
};

CbiganWorkChild *
cbigan_work_child_new(char **argv)
{
  CbiganWorkChild *self = g_new0(CbiganWorkChild, 1);

  self->argv = g_strdupv(argv);
  return self;
}

/* Ends the child. How it ended, in words (transfer full). */
static char *
end_child(CbiganWorkChild *self, int sig)
{
  int status = 0;

  if (sig)
    kill(self->pid, sig);
  close(self->in);
  close(self->out);
  while (waitpid(self->pid, &status, 0) < 0 && errno == EINTR)
    continue;
  self->pid = 0;
  return WIFSIGNALED(status) ? g_strdup_printf(_("signal “%s”"), g_strsignal(WTERMSIG(status)))
                             : g_strdup_printf(_("exit status %d"), WEXITSTATUS(status));
}

void
cbigan_work_child_free(CbiganWorkChild *self)
{
  if (self->pid)
    g_free(end_child(self, SIGKILL));
  g_strfreev(self->argv);
  g_free(self);
}

static gboolean
start(CbiganWorkChild *self, char **how)
{
  g_autoptr(GError) error = NULL;

  if (g_spawn_async_with_pipes(NULL, self->argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL, &self->pid, &self->in,
                               &self->out, NULL, &error)) {
    fcntl(self->out, F_SETFL, O_NONBLOCK);
    return TRUE;
  }
  *how = g_strdup(error->message);
  return FALSE;
}

static gboolean
send_line(CbiganWorkChild *self, const char *job)
{
  g_autofree char *line = g_strconcat(job, "\n", NULL);
  gsize left = strlen(line);

  for (const char *at = line; left;) {
    const gssize n = write(self->in, at, left);

    if (n < 0 && errno != EINTR)
      return FALSE;
    at += MAX(n, 0);
    left -= (gsize)MAX(n, 0);
  }
  return TRUE;
}

CbiganWorkEnd
cbigan_work_child_score(CbiganWorkChild *self, const char *job, guint seconds, void (*meanwhile)(int fd, gpointer data),
                        gpointer data, char **answer, char **how)
{
  const gint64 until = g_get_monotonic_time() + seconds * (gint64)G_USEC_PER_SEC;
  g_autoptr(GString) line = g_string_new(NULL);
  char block[65536];

  *answer = *how = NULL;
  if (!self->pid && !start(self, how))
    return CBIGAN_WORK_CRASHED;
  if (!send_line(self, job)) {
    *how = end_child(self, 0);
    return CBIGAN_WORK_CRASHED;
  }
  for (;;) {
    const gssize n = read(self->out, block, sizeof block);

    if (n > 0) {
      g_string_append_len(line, block, n);
      if (line->str[line->len - 1] == '\n') { /* a line per job: nothing comes behind it */
        g_string_truncate(line, line->len - 1);
        *answer = g_string_free(g_steal_pointer(&line), FALSE);
        return CBIGAN_WORK_ANSWERED;
      }
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
      *how = end_child(self, 0);
      return CBIGAN_WORK_CRASHED;
    } else if (g_get_monotonic_time() > until) {
      g_free(end_child(self, SIGKILL));
      return CBIGAN_WORK_LATE;
    } else {
      meanwhile(self->out, data);
    }
  }
}
