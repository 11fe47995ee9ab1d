/* progress.h - how far a long run is: a bar on a terminal, a line now and then elsewhere
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include <glib.h>

G_BEGIN_DECLS

/* On standard error. fraction: 0..1. May be called as often as one likes. */
void cbigan_progress_show(double fraction, const char *text);
/* Removes the bar; before anything else is printed. */
void cbigan_progress_end(void);
/* "2 h 05 min", "3 min 20 s", "12 s" (transfer full). */
char *cbigan_progress_duration(double seconds);

G_END_DECLS
