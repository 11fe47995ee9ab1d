/* test_checkpoint.c - a checkpoint comes back bit for bit; a damaged one is refused; a failed write loses nothing
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <glib/gstdio.h>
#include <math.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>

#include "cbigan.h"
#include "training/checkpoint.h"
#include "harness.h"

typedef struct {
  char *folder, *path;
} Fixture;

static void
set_up(Fixture *f, gconstpointer unused)
{
  f->folder = g_dir_make_tmp("cbigan-checkpoint-XXXXXX", NULL);
  g_assert_nonnull(f->folder);
  f->path = g_build_filename(f->folder, "run.checkpoint", NULL);
}

static void
tear_down(Fixture *f, gconstpointer unused)
{
  g_unlink(f->path);
  g_assert_cmpint(g_rmdir(f->folder), ==, 0); /* no temporary file is left */
  g_free(f->path);
  g_free(f->folder);
}

static void
make(CbiganCheckpoint *c, guint step)
{
  static const gsize sizes[] = { 7, 1000, 1 };
  *c = (CbiganCheckpoint){ .step = step,
                           .options = g_strdup("width=4 seed=1"),
                           .digest = g_strdup("abc"),
                           .arrays = g_new0(CbiganCheckpointArray, 3),
                           .n_arrays = 3 };
  for (guint i = 0; i < 3; i++) {
    c->arrays[i] = (CbiganCheckpointArray){ g_strdup_printf("array%u", i), sizes[i], g_new(float, sizes[i]) };
    for (gsize k = 0; k < sizes[i]; k++)
      c->arrays[i].data[k] = (float)sin((double)(k + 1) * (i + 1)) * (k % 3 ? 1.0f : 1e-40f); /* denormals too */
  }
}

static void
write_checkpoint(Fixture *f, guint step)
{
  g_autoptr(GError) error = NULL;
  g_auto(CbiganCheckpoint) c = { 0 };
  make(&c, step);
  cbigan_checkpoint_write(&c, f->path, &error);
  g_assert_no_error(error);
}

static void
assert_step(Fixture *f, guint step)
{
  g_autoptr(GError) error = NULL;
  g_auto(CbiganCheckpoint) c = { 0 };
  cbigan_checkpoint_read(&c, f->path, &error);
  g_assert_no_error(error);
  g_assert_cmpuint(c.step, ==, step);
}

static void
assert_refused(Fixture *f, CbiganError code, const char *says)
{
  g_autoptr(GError) error = NULL;
  g_auto(CbiganCheckpoint) c = { 0 };
  g_assert_false(cbigan_checkpoint_read(&c, f->path, &error));
  g_assert_error(error, CBIGAN_ERROR, (int)code);
  if (!strstr(error->message, says) || !strstr(error->message, f->path))
    g_error("message \"%s\", expected \"%s\" and the file's name in it", error->message, says);
  g_assert_null(c.arrays);
}

static void
test_round_trip(Fixture *f, gconstpointer unused)
{
  g_autoptr(GError) error = NULL;
  g_auto(CbiganCheckpoint) a = { 0 }, b = { 0 };
  make(&a, 17);
  write_checkpoint(f, 17);
  cbigan_checkpoint_read(&b, f->path, &error);
  g_assert_no_error(error);
  g_assert_cmpuint(b.step, ==, 17);
  g_assert_cmpstr(b.options, ==, a.options);
  g_assert_cmpstr(b.digest, ==, a.digest);
  g_assert_true(cbigan_checkpoint_expect(&b, f->path, a.arrays, a.n_arrays, &error));
  for (guint i = 0; i < 3; i++)
    g_assert_cmpmem(a.arrays[i].data, a.arrays[i].size * sizeof(float), b.arrays[i].data,
                    b.arrays[i].size * sizeof(float));
}

static void
test_expect(Fixture *f, gconstpointer unused)
{
  g_auto(CbiganCheckpoint) a = { 0 }, b = { 0 };
  make(&a, 1);
  make(&b, 1);
  b.arrays[1].size--;
  for (int round = 0; round < 3; round++) {
    static const char *const says[] = { "array1 has 999 numbers; expected 1000", "“other”", "3 arrays" };
    g_autoptr(GError) error = NULL;
    if (round == 1) {
      g_free(b.arrays[0].name);
      b.arrays[0].name = g_strdup("other");
    }
    g_assert_false(cbigan_checkpoint_expect(&b, "run", a.arrays, round == 2 ? 2 : 3, &error));
    expect_error(error, CBIGAN_ERROR_FORMAT, says[round]);
  }
}

/* Cut at many places, one bit turned at many places: always an error, never a crash, never numbers. */
static void
test_damaged(Fixture *f, gconstpointer unused)
{
  g_autofree char *whole = NULL;
  gsize size;
  write_checkpoint(f, 3);
  g_assert_true(g_file_get_contents(f->path, &whole, &size, NULL));
  for (gsize cut = 0; cut < size; cut += cut < 200 ? 1 : 97) {
    g_assert_true(g_file_set_contents(f->path, whole, (gssize)cut, NULL));
    assert_refused(f, CBIGAN_ERROR_FORMAT, "checkpoint");
  }
  for (gsize at = 0; at < size; at += at < 200 ? 1 : 89) {
    whole[at] ^= 0x10;
    g_assert_true(g_file_set_contents(f->path, whole, (gssize)size, NULL));
    assert_refused(f, CBIGAN_ERROR_FORMAT, "checkpoint");
    whole[at] ^= 0x10;
  }
}

static void
test_other_files(Fixture *f, gconstpointer unused)
{
  assert_refused(f, CBIGAN_ERROR_FILE, "can't be read");
  g_assert_true(g_file_set_contents(f->path, "hello\n", -1, NULL));
  assert_refused(f, CBIGAN_ERROR_FORMAT, "not a checkpoint");
  g_assert_true(g_file_set_contents(f->path, "cbigan-checkpoint 99 00\n", -1, NULL));
  assert_refused(f, CBIGAN_ERROR_FORMAT, "version 99, this program reads 1");
}

static void
test_not_finite(Fixture *f, gconstpointer unused)
{
  g_autoptr(GError) error = NULL;
  g_auto(CbiganCheckpoint) c = { 0 };
  write_checkpoint(f, 3);
  make(&c, 4);
  c.arrays[1].data[5] = NAN;
  g_assert_false(cbigan_checkpoint_write(&c, f->path, &error));
  expect_error(error, CBIGAN_ERROR_ARGUMENT, "array1[5] is nan at step 4");
  assert_step(f, 3);
}

/* A limit on a file's size stands for the full disk: the write fails half way, the old checkpoint is whole and nothing
 * else is left. */
static void
test_full_disk(Fixture *f, gconstpointer unused)
{
  g_autoptr(GError) error = NULL;
  g_auto(CbiganCheckpoint) c = { 0 };
  struct rlimit before, small = { 1000, 1000 };
  write_checkpoint(f, 3);
  make(&c, 4);
  g_assert_cmpint(getrlimit(RLIMIT_FSIZE, &before), ==, 0);
  small.rlim_max = before.rlim_max;
  signal(SIGXFSZ, SIG_IGN); /* then write() fails with EFBIG */
  g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &small), ==, 0);
  gboolean written = cbigan_checkpoint_write(&c, f->path, &error);
  g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &before), ==, 0);
  g_assert_false(written);
  expect_error(error, CBIGAN_ERROR_FILE, "can't be written");
  assert_step(f, 3);
}

int
main(int argc, char **argv)
{
  static const struct {
    const char *path;
    void (*run)(Fixture *, gconstpointer);
  } tests[] = { { "/checkpoint/round-trip", test_round_trip }, { "/checkpoint/expect", test_expect },
                { "/checkpoint/damaged", test_damaged },       { "/checkpoint/other-files", test_other_files },
                { "/checkpoint/not-finite", test_not_finite }, { "/checkpoint/full-disk", test_full_disk } };
  g_test_init(&argc, &argv, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS(tests); i++)
    g_test_add(tests[i].path, Fixture, NULL, set_up, tests[i].run, tear_down);
  return g_test_run();
}
