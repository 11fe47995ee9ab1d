/* test_memory.c - memory whose size comes from a frame or a file is tried: a failure is an error, not the end
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The address space is limited to ever more, and each large block is refused in turn, as where other threads have just
 * taken the memory.
 */
#include <errno.h>
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
#define UPRIGHT 64 /* pixels of a side of a part that is turned upright, and its frame's: */
#define PART_W 1024
#define PART_H 128

/* --- blocks that are refused: these functions stand before libc's ---------------------------------------------------
 */

#define BLOCK 8192 /* bytes; smaller blocks, and lists of layers, come from what the heap has */

static int blocks, refused; /* blocks so far, and which of them is refused; 0 = none */

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *memory, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

static gboolean
is_refused(size_t size)
{
  return size >= BLOCK && refused && g_atomic_int_add(&blocks, 1) + 1 == refused;
}

void *
malloc(size_t size)
{
  return is_refused(size) ? NULL : __libc_malloc(size);
}

void *
calloc(size_t n, size_t size)
{
  return is_refused(n * size) ? NULL : __libc_calloc(n, size);
}

void *
realloc(void *memory, size_t size)
{
  return is_refused(size) ? NULL : __libc_realloc(memory, size);
}

int
posix_memalign(void **memory, size_t alignment, size_t size)
{
  *memory = is_refused(size) ? NULL : __libc_memalign(alignment, size);
  return *memory ? 0 : ENOMEM;
}

/* --- models ------------------------------------------------------------------------------------------------------- */

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

/* A surface's filters instead of a network */
static CbiganModel *
bank_model(void)
{
  CbiganModel *model = inspector_model();
  const int channels = cbigan_map_descriptions[CBIGAN_MAP_BANK].channels;
  CbiganInspectorMap *map = &model->inspector.maps[CBIGAN_MAP_BANK];
  model->inspector.maps[CBIGAN_MAP_LOGIT].used = FALSE;
  *map = (CbiganInspectorMap){ .used = TRUE, .scale = 1.0 };
  map->mean = g_new0(float, channels);
  map->whitening = g_new0(float, channels *(channels + 1) / 2);
  for (int i = 0, at = 0; i < channels; at += ++i + 1)
    map->whitening[at] = 1.0f;
  return model;
}

static float *
fill(gsize n, float value)
{
  float *x = g_new(float, n);
  for (gsize i = 0; i < n; i++)
    x[i] = value;
  return x;
}

/* A part that is turned upright, its filters compared with Gaussians and with samples, no network */
static CbiganModel *
part_model(void)
{
  enum { CHANNELS = CBIGAN_BANK_CHANNELS, POSITIONS = UPRIGHT / 4 * UPRIGHT / 4 };
  CbiganInspector inspector = { .width = 1,
                                .w = UPRIGHT,
                                .h = UPRIGHT,
                                .mean = fill(3 * UPRIGHT * UPRIGHT, -1.0f),
                                .deviation = fill(3 * UPRIGHT * UPRIGHT, 0.1f),
                                .pose = { .frame_w = PART_W,
                                          .frame_h = PART_H,
                                          .w = UPRIGHT,
                                          .h = UPRIGHT,
                                          .left = -100,
                                          .right = 100,
                                          .top = -80,
                                          .bottom = 80,
                                          .mean_part = fill(UPRIGHT / 2 * UPRIGHT / 2, 0.01f) } };
  inspector.maps[CBIGAN_MAP_BANK] =
      (CbiganInspectorMap){ .used = TRUE,
                            .scale = 1.0,
                            .mean = fill(CHANNELS * POSITIONS, 0.0f),
                            .whitening = fill(CHANNELS * (CHANNELS + 1) / 2 * POSITIONS, 0.01f) };
  inspector.maps[CBIGAN_MAP_NEAREST] =
      (CbiganInspectorMap){ .used = TRUE,
                            .scale = 1.0,
                            .mean = fill(CHANNELS, 0.0f),
                            .whitening = fill(CHANNELS * (CHANNELS + 1) / 2, 0.01f),
                            .samples = fill(CBIGAN_NEAREST_SAMPLES * CHANNELS * POSITIONS, 0.1f) };
  CbiganModel *model = cbigan_model_new_inspector(&inspector);
  model->info.threshold = 1.0;
  return model;
}

typedef struct {
  const char *path;
  CbiganModel *(*model)(void);
  const char *backend;
  gboolean areas; /* two, and a mask */
} Case;

static const Case cases[] = {
  { "/memory/gan/cpu", gan_model, "cpu", FALSE },         { "/memory/gan/reference", gan_model, "reference", FALSE },
  { "/memory/gan/areas", gan_model, "cpu", TRUE },        { "/memory/inspector/cpu", inspector_model, "cpu", FALSE },
  { "/memory/inspector/bank", bank_model, "cpu", FALSE }, { "/memory/inspector/areas", inspector_model, "cpu", TRUE },
};

/* oneDNN ends the process itself where it lacks memory, so networks are those of plain C here. */
static const Case block_cases[] = {
  { "/memory/blocks/gan", gan_model, "reference", FALSE },
  { "/memory/blocks/gan-areas", gan_model, "reference", TRUE },
  { "/memory/blocks/network", inspector_model, "reference", FALSE },
  { "/memory/blocks/surface", bank_model, "cpu", FALSE },
  { "/memory/blocks/surface-areas", bank_model, "cpu", TRUE },
  { "/memory/blocks/part", part_model, "cpu", FALSE },
  { "/memory/blocks/part-areas", part_model, "cpu", TRUE },
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
new_frame(int w, int h)
{
  const gsize size = 3 * (gsize)w * (gsize)h;
  guint8 *pixels = g_malloc(size);
  for (gsize i = 0; i < size; i++)
    pixels[i] = (guint8)(i * i >> 3);
  return (CbiganFrame){ .data = pixels, .width = w, .height = h, .stride = 3 * (gsize)w };
}

/* Two areas, and a mask that ignores the left third of the frame */
static void
set_areas(CbiganScorer *scorer)
{
  enum { SIDE = 48 };
  g_autoptr(GError) error = NULL;
  guint8 counts[SIDE * SIDE];
  CbiganCounting counting = CBIGAN_COUNTING_INIT;
  for (int i = 0; i < SIDE * SIDE; i++)
    counts[i] = i % SIDE >= SIDE / 3;
  counting.roi = "left=0.1,0.1,0.4,0.8;right=0.5,0.1,0.4,0.8";
  counting.mask = (CbiganMask){ counts, SIDE, SIDE };
  cbigan_scorer_set_counting(scorer, &counting, &error);
  g_assert_no_error(error);
}

static gboolean
score_within(CbiganScorer *scorer, const CbiganFrame *frame, rlim_t more, CbiganResult *result, GError **error)
{
  set_limit(address_space() + more);
  const gboolean scored = cbigan_scorer_score(scorer, frame, 1, result, error);
  set_limit(RLIM_INFINITY);
  return scored;
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
  const CbiganFrame small = new_frame(SMALL, SMALL), large = new_frame(LARGE, LARGE);
  CbiganResult before = { 0 }, result = { 0 };
  if (c->areas)
    set_areas(scorer);
  g_assert_true(cbigan_scorer_score(scorer, &small, 1, &before, &error));
  int failures = 0;
  gboolean scored = FALSE;
  for (rlim_t more = 2; more < 1024 && !scored; more += 4, g_clear_error(&error)) {
    scored = score_within(scorer, &large, more * MIB, &result, &error);
    if (scored)
      break;
    failures++;
    g_assert_error(error, CBIGAN_ERROR, CBIGAN_ERROR_BACKEND);
    if (!strstr(error->message, "out of memory"))
      g_error("the message says nothing of memory: %s", error->message);
  }
  g_assert_cmpint(failures, >=, 3);
  g_assert_true(scored);
  /* What lives during a call is tried in each: now the rest is there. */
  for (rlim_t more = 0; more < 1024; more += 4, g_clear_error(&error))
    if (score_within(scorer, &large, more * MIB, &result, &error))
      break;
    else
      g_assert_error(error, CBIGAN_ERROR, CBIGAN_ERROR_BACKEND);
  g_assert_true(cbigan_scorer_score(scorer, &small, 1, &result, &error));
  g_assert_no_error(error);
  g_assert_cmpfloat(result.score, ==, before.score);
  cbigan_result_clear(&before);
  cbigan_result_clear(&result);
  g_free((guint8 *)small.data);
  g_free((guint8 *)large.data);
}

static void
expect_lack(GError **error)
{
  g_assert_error(*error, CBIGAN_ERROR, CBIGAN_ERROR_BACKEND);
  if (!strstr((*error)->message, "out of memory"))
    g_error("the message says nothing of memory: %s", (*error)->message);
  g_clear_error(error);
}

/* A new scorer and a frame, block `number` of which is refused. The scores of a frame after that one are as ever. */
static gboolean
score_without(const Case *c, CbiganModel *model, const CbiganFrame *frame, int number, double *score, GError **error)
{
  const CbiganScorerOptions options = {
    .backend = c->backend, .threads = 1, .score = model->info.score, .threshold = NAN
  };
  CbiganResult result = CBIGAN_RESULT_INIT;
  g_autoptr(GError) none = NULL;
  blocks = 0;
  refused = number;
  g_autoptr(CbiganScorer) scorer = cbigan_scorer_new(model, &options, error);
  refused = 0;
  if (!scorer)
    return FALSE;
  if (c->areas)
    set_areas(scorer);
  refused = number;
  const gboolean scored = cbigan_scorer_score(scorer, frame, 1, &result, error);
  refused = 0;
  cbigan_scorer_score(scorer, frame, 1, &result, &none);
  g_assert_no_error(none);
  if (isnan(*score))
    *score = result.score;
  g_assert_cmpfloat(result.score, ==, *score);
  cbigan_result_clear(&result);
  return scored;
}

static void
test_each_block(gconstpointer data)
{
  const Case *c = data;
  g_autoptr(CbiganModel) model = c->model();
  g_autoptr(GError) error = NULL;
  const CbiganFrame frame = new_frame(PART_W, PART_H);
  double score = NAN;
  int number = 0, failures = 0;
  do /* some do without the block, such as where the system is asked for its processors */
    if (!score_without(c, model, &frame, ++number, &score, &error)) {
      failures++;
      expect_lack(&error);
    }
  while (blocks >= number);
  g_test_message("%d of %d blocks make it fail", failures, number - 1);
  g_assert_cmpint(failures, >=, 3);
  g_free((guint8 *)frame.data);
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
  for (guint i = 0; i < G_N_ELEMENTS(block_cases); i++)
    g_test_add_data_func(block_cases[i].path, &block_cases[i], test_each_block);
  g_test_add_func("/memory/sparse-file", test_sparse_file);
  return g_test_run();
}
