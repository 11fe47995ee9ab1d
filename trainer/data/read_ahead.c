/* read_ahead.c - pictures are read by a thread of their own while those before them are used
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What the reading thread has to say goes through one queue with its pictures, so the caller's functions run in the
 * caller's thread and in the order of the files.
 */
#include "dataset.h"
#include "picture_source.h"

#define MOST_ITEMS 64 /* read but not yet used */
#define MOST_BYTES                                                                                                     \
  (64 << 20) /* of the pictures among them and the one in use; a larger one waits until it is alone                    \
              */

typedef enum { PICTURE, PROGRESS, WARNING, NOTE, END } Kind;

typedef struct {
  Kind kind;
  CbiganPicture *picture;
  char *text;      /* of a warning or note */
  guint done, all; /* of a progress */
} Item;

typedef struct {
  const CbiganDatasetOptions *options;
  GMutex mutex; /* guards what follows */
  GCond changed;
  GQueue items; /* of Item */
  gsize bytes;
  gboolean stopped; /* the caller wants no more */
  gboolean fine;    /* what the source returned, and its error: set before END comes */
  GError *error;
} Ahead;

static gsize
bytes_of(const CbiganPicture *picture)
{
  return 3 * ((gsize)picture->width * (gsize)picture->height +
              (gsize)picture->original_width * (gsize)picture->original_height);
}

static void
free_item(Item *item)
{
  g_clear_pointer(&item->picture, cbigan_picture_free);
  g_free(item->text);
  g_free(item);
}

/* Takes what the item holds. FALSE if the caller wants no more. */
static gboolean
push(Ahead *ahead, Item contents)
{
  Item *item = g_memdup2(&contents, sizeof contents);
  gsize bytes = item->picture ? bytes_of(item->picture) : 0;
  gboolean wanted;

  g_mutex_lock(&ahead->mutex);
  while (!ahead->stopped && item->kind != END &&
         (ahead->items.length >= MOST_ITEMS || (ahead->bytes && ahead->bytes + bytes > MOST_BYTES)))
    g_cond_wait(&ahead->changed, &ahead->mutex);
  wanted = !ahead->stopped;
  if (wanted || item->kind == END) {
    g_queue_push_tail(&ahead->items, item);
    ahead->bytes += bytes;
  } else {
    free_item(item);
  }
  g_cond_broadcast(&ahead->changed);
  g_mutex_unlock(&ahead->mutex);
  return wanted;
}

static gboolean
push_picture(CbiganPicture *picture, gpointer data, GError **error)
{
  if (push(data, (Item){ PICTURE, .picture = picture }))
    return TRUE;
  g_set_error_literal(error, CBIGAN_ERROR, CBIGAN_ERROR_FILE, "stopped"); /* nobody sees it */
  return FALSE;
}

static void
push_progress(guint done, guint all, gpointer data)
{
  push(data, (Item){ PROGRESS, .done = done, .all = all });
}

static void
push_warning(const char *message, gpointer data)
{
  push(data, (Item){ WARNING, .text = g_strdup(message) });
}

static void
push_note(const char *message, gpointer data)
{
  push(data, (Item){ NOTE, .text = g_strdup(message) });
}

static gpointer
read_source(gpointer data)
{
  Ahead *ahead = data;
  CbiganDatasetOptions options = *ahead->options;

  options.progress = options.progress ? push_progress : NULL;
  options.warning = options.warning ? push_warning : NULL;
  options.note = options.note ? push_note : NULL;
  options.data = ahead;
  ahead->fine = cbigan_picture_source_read(&options, push_picture, ahead, &ahead->error);
  push(ahead, (Item){ END });
  return NULL;
}

static Item *
pop(Ahead *ahead)
{
  Item *item;

  g_mutex_lock(&ahead->mutex);
  while (!(item = g_queue_pop_head(&ahead->items)))
    g_cond_wait(&ahead->changed, &ahead->mutex);
  g_cond_broadcast(&ahead->changed);
  g_mutex_unlock(&ahead->mutex);
  return item;
}

static void
stop(Ahead *ahead)
{
  g_mutex_lock(&ahead->mutex);
  ahead->stopped = TRUE;
  g_cond_broadcast(&ahead->changed);
  g_mutex_unlock(&ahead->mutex);
}

/* Bytes count until a picture has been used. */
static void
forget_bytes(Ahead *ahead, gsize bytes)
{
  g_mutex_lock(&ahead->mutex);
  ahead->bytes -= bytes;
  g_cond_broadcast(&ahead->changed);
  g_mutex_unlock(&ahead->mutex);
}

/* FALSE with func's error. */
static gboolean
use(Ahead *ahead, Item *item, CbiganPictureFunc func, gpointer func_data, GError **error)
{
  const CbiganDatasetOptions *options = ahead->options;
  gsize bytes = item->kind == PICTURE ? bytes_of(item->picture) : 0;
  gboolean fine = TRUE;

  if (item->kind == PICTURE)
    fine = func(g_steal_pointer(&item->picture), func_data, error);
  else if (item->kind == PROGRESS)
    options->progress(item->done, item->all, options->data);
  else if (item->kind == WARNING)
    options->warning(item->text, options->data);
  else if (item->kind == NOTE)
    options->note(item->text, options->data);
  forget_bytes(ahead, bytes);
  return fine;
}

gboolean
cbigan_dataset_foreach(const CbiganDatasetOptions *options, CbiganPictureFunc func, gpointer func_data, GError **error)
{
  Ahead ahead = { .options = options, .items = G_QUEUE_INIT };
  GThread *thread;
  gboolean fine = TRUE, ended = FALSE;

  g_mutex_init(&ahead.mutex);
  g_cond_init(&ahead.changed);
  thread = g_thread_try_new("cbigan-reader", read_source, &ahead, error);
  fine = thread != NULL;
  while (thread && !ended) {
    Item *item = pop(&ahead);

    ended = item->kind == END;
    if (fine && !ended && !(fine = use(&ahead, item, func, func_data, error)))
      stop(&ahead);
    free_item(item);
  }
  if (thread)
    g_thread_join(thread);
  g_mutex_clear(&ahead.mutex);
  g_cond_clear(&ahead.changed);
  if (!fine)
    g_clear_error(&ahead.error);
  else if (ahead.error)
    g_propagate_error(error, ahead.error);
  return fine && ahead.fine;
}
