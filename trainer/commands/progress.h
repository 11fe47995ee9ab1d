/* progress.h - shows the progress of a long run: a bar on a terminal, otherwise a line every ten seconds
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include <glib.h>

G_BEGIN_DECLS

/* Writes to standard error, and only if enough time has passed since the last call. fraction: 0..1 */
void cbigan_progress_show(double fraction, const char *text);
/* Removes the bar. Call it before printing anything else. */
void cbigan_progress_end(void);
/* "2 h 05 min", "3 min 20 s", "12 s" (transfer full). */
char *cbigan_progress_duration(double seconds);

G_END_DECLS
