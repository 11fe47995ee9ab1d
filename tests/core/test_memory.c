/* test_memory.c - memory whose size comes from a frame or a file is tried: a failure is an error, not the end
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The address space is limited to ever more, so that each of a frame's allocations is the one that fails.
 */
#include <glib/gstdio.h>
#include <math.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "model/model.h"
#include "sample_model.h"

#define SMALL 64 /* pixels of a side */
#define LARGE 2048
#define MIB (1 << 20)

static CbiganModel *
gan_model(void)
{
  CbiganModel *model = sample_model(SAMPLE_EVERYWHERE);
  model->info.threshold = 1.0;
  return model;
}

static CbiganModel *
inspector_model(void)
{
  CbiganModel *model = cbigan_model_new_inspector(&(CbiganInspector){ .width = 1 });
  const gsize n = model->inspector_network->n_floats;
  model->inspector.parameters = g_new(float, n);
  for (gsize i = 0; i < n; i++)
    model->inspector.parameters[i] = sinf((float)i);
  model->info.threshold = 1.0;
  return model;
}

typedef struct {
  const char *path;
  CbiganModel *(*model)(void);
  const char *backend;
} Case;

static const Case cases[] = {
  { "/memory/gan/cpu", gan_model, "cpu" },
  { "/memory/gan/reference", gan_model, "reference" },
  { "/memory/inspector/cpu", inspector_model, "cpu" },
};

static void
set_limit(rlim_t bytes)
{
  struct rlimit limit;
  getrlimit(RLIMIT_AS, &limit);
  limit.rlim_cur = bytes;
  g_assert_cmpint(setrlimit(RLIMIT_AS, &limit), ==, 0);
}

static rlim_t
address_space(void)
{
  g_autofree char *text = NULL;
  g_assert_true(g_file_get_contents("/proc/self/statm", &text, NULL, NULL));
  return g_ascii_strtoull(text, NULL, 10) * (rlim_t)sysconf(_SC_PAGESIZE);
}

static CbiganFrame
new_frame(int side)
{
  const gsize size = 3 * (gsize)side * (gsize)side;
  guint8 *pixels = g_malloc(size);
  for (gsize i = 0; i < size; i++)
    pixels[i] = (guint8)(i * i >> 3);
  return (CbiganFrame){ .data = pixels, .width = side, .height = side, .stride = 3 * (gsize)side };
}

static void
test_frame(gconstpointer data)
{
  const Case *c = data;
  g_autoptr(CbiganModel) model = c->model();
  g_autoptr(GError) error = NULL;
  g_autoptr(CbiganScorer) scorer = cbigan_scorer_new(
      model,
      &(CbiganScorerOptions){ .backend = c->backend, .threads = 1, .score = model->info.score, .threshold = NAN },
      &error);
  g_assert_no_error(error);
  const CbiganFrame small = new_frame(SMALL), large = new_frame(LARGE);
  CbiganResult before = { 0 }, result = { 0 };
  g_assert_true(cbigan_scorer_score(scorer, &small, 1, &before, &error));
  int failures = 0;
  gboolean scored = FALSE;
  for (rlim_t more = 2; more < 96 && !scored; more += 4, g_clear_error(&error)) {
    set_limit(address_space() + more * MIB);
    scored = cbigan_scorer_score(scorer, &large, 1, &result, &error);
    set_limit(RLIM_INFINITY);
    if (scored)
      break;
    failures++;
    g_assert_error(error, CBIGAN_ERROR, CBIGAN_ERROR_BACKEND);
    if (!strstr(error->message, "out of memory"))
      g_error("the message says nothing of memory: %s", error->message);
  }
  g_assert_cmpint(failures, >=, 3);
  g_assert_true(cbigan_scorer_score(scorer, &small, 1, &result, &error));
  g_assert_no_error(error);
  g_assert_cmpfloat(result.score, ==, before.score);
  cbigan_result_clear(&before);
  cbigan_result_clear(&result);
  g_free((guint8 *)small.data);
  g_free((guint8 *)large.data);
}

/* 8 GiB of which nothing is on the disk: only the header may be read. */
static void
test_sparse_file(void)
{
  g_autofree char *folder = g_dir_make_tmp("cbigan-memory-XXXXXX", NULL), *path = NULL;
  g_autoptr(CbiganModel) model = sample_model(SAMPLE_PLAIN);
  g_autoptr(GError) error = NULL;
  path = g_build_filename(folder, "sparse.safetensors", NULL);
  g_assert_true(cbigan_model_save(model, path, &error));
  g_assert_cmpint(truncate(path, (off_t)8 << 30), ==, 0);
  set_limit(address_space() + 64 * MIB);
  g_assert_null(cbigan_model_load(path, &error));
  set_limit(RLIM_INFINITY);
  g_assert_error(error, CBIGAN_ERROR, CBIGAN_ERROR_FORMAT);
  g_assert_nonnull(strstr(error->message, "the tensors end at byte"));
  g_unlink(path);
  g_rmdir(folder);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++)
    g_test_add_data_func(cases[i].path, &cases[i], test_frame);
  g_test_add_func("/memory/sparse-file", test_sparse_file);
  return g_test_run();
}
