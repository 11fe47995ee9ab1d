/* test_no_threads.c - where the system starts no further thread, what needs one gives an error
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <dlfcn.h>
#include <errno.h>
#include <gst/gst.h>
#include <pthread.h>
#include <string.h>

#include "commands/machine_peak.h"
#include "data/augment.h"
#include "data/dataset.h"
#include "data/defect_batches.h"

#define SIDE 64

static int left = -1; /* threads that the system still starts; -1 = any number */

/* Stands before libc's. */
int
pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *data)
{
  union {
    gpointer symbol;
    int (*function)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
  } real = { dlsym(RTLD_NEXT, "pthread_create") };
  if (left == 0)
    return EAGAIN;
  left -= left > 0;
  return real.function(thread, attributes, start, data);
}

static void
expect_thread_error(GError **error)
{
  left = -1;
  g_assert_error(*error, G_THREAD_ERROR, G_THREAD_ERROR_AGAIN);
  g_assert_cmpstr((*error)->message, !=, "");
  g_clear_error(error);
}

static CbiganPicture *
new_picture(void)
{
  CbiganPicture *p = g_new0(CbiganPicture, 1);
  p->width = p->height = SIDE;
  p->pixels = g_malloc(3 * SIDE * SIDE);
  memset(p->pixels, 99, 3 * SIDE * SIDE);
  return p;
}

static void
test_batches(void)
{
  g_autoptr(CbiganPicture) picture = new_picture();
  g_autoptr(GError) error = NULL;
  const CbiganPicture *const pictures[] = { picture };
  const CbiganBatchOptions options = { .pictures = pictures, .n_pictures = 1, .batch = 2, .patch = SIDE };
  left = 0;
  g_assert_null(cbigan_batches_new(&options, 0, &error));
  expect_thread_error(&error);
  g_autoptr(CbiganBatches) batches = cbigan_batches_new(&options, 0, &error);
  g_assert_no_error(error);
  g_assert_nonnull(cbigan_batches_next(batches));
}

static void
test_defect_batches(void)
{
  g_autoptr(CbiganPicture) picture = new_picture();
  g_autoptr(GError) error = NULL;
  const CbiganPicture *const pictures[] = { picture };
  const CbiganFrame frame = cbigan_picture_frame(picture);
  CbiganExposure exposure;
  cbigan_exposure_surface(&exposure, &frame, NULL, NULL);
  const CbiganGoodPictures good = { .pictures = pictures, .exposures = &exposure, .n = 1, .grey = TRUE };
  const CbiganDefectBatchOptions options = { .good = &good, .batch = 2, .side = 32, .seed = 3 };
  left = 0;
  g_assert_null(cbigan_defect_batches_new(&options, 0, &error));
  expect_thread_error(&error);
  g_autoptr(CbiganDefectBatches) batches = cbigan_defect_batches_new(&options, 0, &error);
  g_assert_no_error(error);
  g_assert_nonnull(cbigan_defect_batches_next(batches));
}

/* The one that was started ends. */
static void
test_machine(void)
{
  enum { THREADS = 2 };
  g_autoptr(GError) error = NULL;
  for (int n = 0; n < THREADS; n++) {
    left = n;
    g_assert_null(cbigan_machine_new(THREADS, &error));
    expect_thread_error(&error);
  }
}

static gboolean
take(CbiganPicture *picture, gpointer data, GError **error)
{
  cbigan_picture_free(picture);
  return TRUE;
}

static void
test_reader(void)
{
  g_autoptr(GError) error = NULL;
  const CbiganDatasetOptions options = { .path = "/nowhere" };
  left = 0;
  g_assert_false(cbigan_dataset_foreach(&options, take, NULL, &error));
  expect_thread_error(&error);
}

/* One thread reads, one serves the queue, one the source; a pipeline that lacks one ends all the same. The first one
 * has all: GStreamer 1.26 also takes a thread from GLib's pools, which wait without a bound where they can't start one.
 * GStreamer warns of each thread that it lacks. */
static void
test_pipeline(void)
{
  const CbiganDatasetOptions options = { .pipeline = "videotestsrc num-buffers=3 ! queue ! videoconvert" };
  g_log_set_always_fatal(G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL);
  g_assert_true(cbigan_dataset_foreach(&options, take, NULL, NULL));
  for (int n = 1; n < 3; n++) {
    g_autoptr(GError) error = NULL;
    left = n;
    g_assert_false(cbigan_dataset_foreach(&options, take, NULL, &error));
    left = -1;
    g_assert_nonnull(error);
    g_test_message("%s", error->message);
  }
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  gst_init(NULL, NULL);
  g_test_add_func("/no-threads/batches", test_batches);
  g_test_add_func("/no-threads/defect-batches", test_defect_batches);
  g_test_add_func("/no-threads/machine", test_machine);
  g_test_add_func("/no-threads/reader", test_reader);
  g_test_add_func("/no-threads/pipeline", test_pipeline);
  return g_test_run();
}
