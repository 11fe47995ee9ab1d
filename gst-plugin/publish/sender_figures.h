/* sender_figures.h - what a sender has done with its messages; inside sender.c
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * To add a figure: a field here, its line in cbigan_sender_figures_stats(), and its name in the blurb of `stats`.
 */
#pragma once
#include <gst/gst.h>

#include "spool.h"

G_BEGIN_DECLS

typedef struct {
  guint64 pushed, acknowledged, refused, connections;
  guint64 dropped_queue, dropped_pictures, dropped_stop; /* besides those that the spool has dropped */
  guint in_flight;                                       /* handed to the broker, and not acknowledged */
  CbiganSpoolCounts spool;
  gboolean connected;
} CbiganSenderFigures;

/* The structure `stats` (transfer full). queued: messages in the queue */
GstStructure *cbigan_sender_figures_stats(const CbiganSenderFigures *self, guint queued);

G_END_DECLS
