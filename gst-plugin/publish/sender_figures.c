/* sender_figures.c - what a sender has done with its messages
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "sender_figures.h"

GstStructure *
cbigan_sender_figures_stats(const CbiganSenderFigures *self, guint queued)
{
  const guint64 dropped =
      self->dropped_queue + self->dropped_pictures + self->dropped_stop + self->spool.over_size + self->spool.over_age;
  return gst_structure_new("stats", "connected", G_TYPE_BOOLEAN, self->connected, "connections", G_TYPE_UINT64,
                           self->connections, "messages", G_TYPE_UINT64, self->pushed, "acknowledged", G_TYPE_UINT64,
                           self->acknowledged, "refused", G_TYPE_UINT64, self->refused, "queued", G_TYPE_UINT,
                           queued + self->in_flight, "spooled", G_TYPE_UINT64, self->spool.messages, "spool-bytes",
                           G_TYPE_UINT64, self->spool.bytes, "dropped", G_TYPE_UINT64, dropped, NULL);
}
