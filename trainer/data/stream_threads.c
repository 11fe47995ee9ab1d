/* stream_threads.c - the threads of a pipeline, which may be refused
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "stream_threads.h"

G_DECLARE_FINAL_TYPE(CbiganStreamPool, cbigan_stream_pool, CBIGAN, STREAM_POOL, GstTaskPool)

struct _CbiganStreamPool {
  GstTaskPool base;
  GstBus *bus; /* weak: the pipeline's */
};

G_DEFINE_TYPE(CbiganStreamPool, cbigan_stream_pool, GST_TYPE_TASK_POOL)

typedef struct {
  GstTaskPoolFunction func;
  gpointer task;
} Start;

static gpointer
run(gpointer data)
{
  const Start start = *(Start *)data;

  g_free(data);
  start.func(start.task);
  return NULL;
}

/* The caller holds the task's lock. */
static gpointer
push(GstTaskPool *pool, GstTaskPoolFunction func, gpointer task, GError **error)
{
  CbiganStreamPool *self = CBIGAN_STREAM_POOL(pool);
  Start *start = g_new(Start, 1);
  g_autoptr(GError) reason = NULL;
  GThread *thread;

  *start = (Start){ func, task };
  thread = g_thread_try_new("cbigan-stream", run, start, &reason);
  if (thread)
    return thread;
  g_free(start);
  GST_TASK(task)->running = FALSE;
  if (self->bus)
    gst_bus_post(self->bus, gst_message_new_error(NULL, reason, NULL));
  g_propagate_error(error, g_steal_pointer(&reason));
  return NULL;
}

static void
join(GstTaskPool *pool, gpointer thread)
{
  g_thread_join(thread);
}

static void
dispose_handle(GstTaskPool *pool, gpointer thread)
{
  g_thread_unref(thread);
}

static void
cbigan_stream_pool_finalize(GObject *object)
{
  g_clear_weak_pointer(&CBIGAN_STREAM_POOL(object)->bus);
  G_OBJECT_CLASS(cbigan_stream_pool_parent_class)->finalize(object);
}

static void
cbigan_stream_pool_class_init(CbiganStreamPoolClass *klass)
{
  G_OBJECT_CLASS(klass)->finalize = cbigan_stream_pool_finalize;
  GST_TASK_POOL_CLASS(klass)->push = push;
  GST_TASK_POOL_CLASS(klass)->join = join;
  GST_TASK_POOL_CLASS(klass)->dispose_handle = dispose_handle;
}

static void
cbigan_stream_pool_init(CbiganStreamPool *self)
{
}

static GstBusSyncReply
give_pool(GstBus *bus, GstMessage *message, gpointer pool)
{
  GstStreamStatusType type;
  const GValue *task;

  if (GST_MESSAGE_TYPE(message) != GST_MESSAGE_STREAM_STATUS)
    return GST_BUS_PASS;
  gst_message_parse_stream_status(message, &type, NULL);
  task = gst_message_get_stream_status_object(message);
  if (type == GST_STREAM_STATUS_TYPE_CREATE && task && G_VALUE_HOLDS(task, GST_TYPE_TASK))
    gst_task_set_pool(g_value_get_object(task), pool);
  return GST_BUS_PASS;
}

void
cbigan_stream_threads_use(GstElement *pipeline)
{
  g_autoptr(GstBus) bus = gst_element_get_bus(pipeline);
  CbiganStreamPool *pool = g_object_new(cbigan_stream_pool_get_type(), NULL);

  gst_object_ref_sink(pool);
  g_set_weak_pointer(&pool->bus, bus);
  gst_bus_set_sync_handler(bus, give_pool, pool, gst_object_unref);
}
