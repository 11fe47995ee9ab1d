/* test_watch.c - watch=true: a changed model file is taken over while frames pass
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <glib/gstdio.h>
#include <string.h>

#include "stream.h"
#include "test_model.h"

#define SIDE 128
#define LONGEST 200 /* tenths of a second until a change must have been seen */

typedef struct {
  Stream stream;
  char *path; /* of the watched file */
  guint n;
} Watched;

/* Writes the content of a model over the watched file: by renaming, or in place. */
static void
replace(const char *path, const char *with, gboolean rename)
{
  g_autofree char *data = NULL;
  gsize size;
  g_assert_true(g_file_get_contents(with, &data, &size, NULL));
  if (rename) {
    g_assert_true(g_file_set_contents(path, data, (gssize)size, NULL));
    return;
  }
  FILE *file = g_fopen(path, "wb"); /* in place, g_file_set_contents_full() leaves the end of a longer file */
  g_assert_nonnull(file);
  g_assert_cmpuint(fwrite(data, 1, size, file), ==, size);
  g_assert_cmpint(fclose(file), ==, 0);
}

static Watched
open_watched(const char *more)
{
  g_autofree char *first = test_model_write(SIDE, 1);
  Watched self = { .path = test_file_write("watched.safetensors", "", 0) };
  replace(self.path, first, TRUE);
  g_autofree char *properties = g_strdup_printf("model=%s mode=sync qos=false updates=none %s", self.path, more);
  self.stream = stream_new(properties);
  stream_set_caps(&self.stream, GST_VIDEO_FORMAT_RGB, SIDE, SIDE);
  return self;
}

static void
watched_clear(Watched *self)
{
  stream_clear(&self->stream);
  g_free(self->path);
}

static double
score_next(Watched *self)
{
  GstBuffer *frame = stream_frame(&self->stream, 0, FALSE);
  GST_BUFFER_PTS(frame) = self->n++ * 40 * GST_MSECOND;
  g_autoptr(GstBuffer) out = stream_push(&self->stream, frame);
  return number_of(score_of(out), "score");
}

/* Pushes frames until one scores otherwise; 0 = none did. */
static double
wait_for_other(Watched *self, double score)
{
  for (guint i = 0; i < LONGEST; i++) {
    const double now = score_next(self);
    if (now != score)
      return now;
    g_usleep(G_USEC_PER_SEC / 10);
  }
  return 0;
}

static void
test_replaced(gconstpointer by_renaming)
{
  g_autofree char *second = test_model_write(SIDE, 2), *first = test_model_write(SIDE, 1);
  Watched self = open_watched("watch=true");
  const double before = score_next(&self);
  replace(self.path, second, GPOINTER_TO_INT(by_renaming));
  const double after = wait_for_other(&self, before);
  g_assert_cmpfloat(after, >, 0);
  replace(self.path, first, GPOINTER_TO_INT(by_renaming));
  g_assert_cmpfloat(wait_for_other(&self, after), ==, before);
  g_assert_null(stream_message(&self.stream, GST_MESSAGE_WARNING));
  watched_clear(&self);
}

/* A broken file is a warning, and the old model goes on; so does it without the file. The next good file is taken. */
static void
test_broken(void)
{
  g_autofree char *second = test_model_write(SIDE, 2);
  Watched self = open_watched("watch=true");
  const double before = score_next(&self);
  g_assert_true(g_file_set_contents(self.path, "no model", -1, NULL));
  g_autoptr(GstMessage) warning =
      gst_bus_timed_pop_filtered(self.stream.bus, 20 * GST_SECOND, GST_MESSAGE_WARNING | GST_MESSAGE_ERROR);
  g_assert_nonnull(warning);
  g_assert_cmpint(GST_MESSAGE_TYPE(warning), ==, GST_MESSAGE_WARNING);
  g_assert_cmpfloat(score_next(&self), ==, before);
  g_assert_cmpint(g_unlink(self.path), ==, 0);
  g_usleep(3 * G_USEC_PER_SEC / 2);
  g_assert_cmpfloat(score_next(&self), ==, before);
  g_assert_null(stream_message(&self.stream, GST_MESSAGE_WARNING));
  replace(self.path, second, TRUE);
  g_assert_cmpfloat(wait_for_other(&self, before), >, 0);
  watched_clear(&self);
}

/* Without the property nothing is taken over; it can be set and unset while PLAYING. */
static void
test_property(void)
{
  g_autofree char *first = test_model_write(SIDE, 1), *second = test_model_write(SIDE, 2);
  Watched self = open_watched("");
  const double before = score_next(&self);
  replace(self.path, second, TRUE);
  g_usleep(2 * G_USEC_PER_SEC);
  g_assert_cmpfloat(score_next(&self), ==, before);
  g_object_set(self.stream.element, "watch", TRUE, NULL);
  g_assert_cmpfloat(score_next(&self), ==, before);
  replace(self.path, first, TRUE);
  replace(self.path, second, TRUE);
  g_assert_cmpfloat(wait_for_other(&self, before), >, 0);
  g_object_set(self.stream.element, "watch", FALSE, NULL);
  watched_clear(&self);
}

int
main(int argc, char **argv)
{
  gst_init(&argc, &argv);
  g_test_init(&argc, &argv, NULL);
  g_test_add_data_func("/watch/renamed", GINT_TO_POINTER(TRUE), test_replaced);
  g_test_add_data_func("/watch/written-in-place", GINT_TO_POINTER(FALSE), test_replaced);
  g_test_add_func("/watch/broken", test_broken);
  g_test_add_func("/watch/property", test_property);
  int failed = g_test_run();
  test_model_cleanup();
  return failed;
}
