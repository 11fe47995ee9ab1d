/* progress.c - shows the progress of a long run: a bar on a terminal, otherwise a line every ten seconds
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "progress.h"
#include "i18n.h"
#include <math.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define BAR_PERIOD (G_USEC_PER_SEC / 10)
#define LINE_PERIOD (10 * G_USEC_PER_SEC)
#define MAX_BAR 30 /* characters */

static gint64 last_shown;
static gboolean bar_is_shown;

static int
terminal_columns(void)
{
  struct winsize size;

  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col ? size.ws_col : 80;
}

static void
draw_bar(double fraction, const char *text)
{
  int columns = terminal_columns(), length = (int)g_utf8_strlen(text, -1);
  int width = CLAMP(columns - length - 4, 0, MAX_BAR), filled = (int)(CLAMP(fraction, 0, 1) * width);
  g_autoptr(GString) line = g_string_new("\r");
  g_autofree char *shown = g_utf8_substring(text, 0, MIN(length, MAX(columns - 4, 0)));

  g_string_append_c(line, '[');
  for (int i = 0; i < width; i++)
    g_string_append_c(line, i < filled ? '#' : '.');
  g_string_append_printf(line, "] %s\033[K", shown);
  g_printerr("%s", line->str);
  bar_is_shown = TRUE;
}

void
cbigan_progress_show(double fraction, const char *text)
{
  gint64 now = g_get_monotonic_time();
  gboolean terminal = isatty(STDERR_FILENO);

  if (!last_shown)
    last_shown = terminal ? now - BAR_PERIOD : now;
  if (now - last_shown < (terminal ? BAR_PERIOD : LINE_PERIOD))
    return;
  last_shown = now;
  if (terminal)
    draw_bar(fraction, text);
  else
    g_printerr("%s: %s\n", g_get_prgname(), text);
}

void
cbigan_progress_end(void)
{
  if (bar_is_shown)
    g_printerr("\r\033[K");
  bar_is_shown = FALSE;
}

char *
cbigan_progress_duration(double seconds)
{
  long s = (long)fmin(fmax(seconds, 0), 1e8);

  if (s >= 3600)
    return g_strdup_printf(_("%ld h %02ld min"), s / 3600, s / 60 % 60);
  if (s >= 60)
    return g_strdup_printf(_("%ld min %02ld s"), s / 60, s % 60);
  return g_strdup_printf(_("%ld s"), s);
}
