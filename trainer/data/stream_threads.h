/* stream_threads.h - the threads of a pipeline, which may be refused
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include <gst/gst.h>

G_BEGIN_DECLS

/* Before the pipeline runs: a thread that can't be started is then an error on its bus. GStreamer alone (1.22, 1.26)
 * keeps the task marked as running, and waits for its end for ever when the pipeline is stopped. Takes the place of the
 * bus's sync handler. */
void cbigan_stream_threads_use(GstElement *pipeline);

G_END_DECLS
