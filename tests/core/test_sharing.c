/* test_sharing.c - scorers that share their networks score as each alone, whatever the others do
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <glib/gstdio.h>
#include <pthread.h>

#include "score/engine.h"
#include "sides.h"

#define STREAMS 8
#define FRAMES 12
#define SIDE 64
#define BATCH 4
#define SECOND G_USEC_PER_SEC

static CbiganScorer *
open_member(CbiganModel *model, int batch, gboolean shared)
{
  g_autoptr(GError) error = NULL;
  CbiganScorerOptions options = CBIGAN_SCORER_OPTIONS_INIT;
  options.backend = "cpu";
  options.threads = 1;
  options.batch = batch;
  options.precision = CBIGAN_PRECISION_FP32;
  options.shared = shared;
  CbiganScorer *scorer = cbigan_scorer_new(model, &options, &error);
  g_assert_no_error(error);
  return scorer;
}

/* --- streams of frames ------------------------------------------------------------------------------------------ */

/* One camera: its frames, and what they score alone. */
typedef struct {
  CbiganScorer *scorer;
  Picture pictures[FRAMES];
  double expected[FRAMES];
  CbiganResult result;
  guint next;      /* posted frame */
  gboolean posts;  /* else waits for each frame */
  gboolean broken; /* its frames have a size that the model refuses */
  GMutex *lock;
  GCond *changed;
  guint *left; /* streams that are not done */
} Camera;

static void
check(Camera *camera, guint i, gboolean scored, const GError *error)
{
  if (camera->broken) {
    g_assert_false(scored);
    g_assert_error(error, CBIGAN_ERROR, CBIGAN_ERROR_FRAME);
    return;
  }
  g_assert_no_error(error);
  g_assert_true(scored);
  g_assert_true(camera->result.score == camera->expected[i]);
}

static void
end(Camera *camera)
{
  g_mutex_lock(camera->lock);
  --*camera->left;
  g_cond_signal(camera->changed);
  g_mutex_unlock(camera->lock);
}

static gboolean
prepare(gpointer data, CbiganFrame *frame, GError **error)
{
  Camera *camera = data;
  *frame = camera->pictures[camera->next].frame;
  return TRUE;
}

static void
done(gpointer data, gboolean scored, const GError *error)
{
  Camera *camera = data;
  check(camera, camera->next, scored, error);
  if (++camera->next < FRAMES)
    cbigan_scorer_post(camera->scorer, &camera->result, prepare, done, camera);
  else
    end(camera);
}

static gpointer
run_camera(gpointer data)
{
  Camera *camera = data;
  for (guint i = 0; i < FRAMES; i++) {
    g_autoptr(GError) error = NULL;
    const gboolean scored = cbigan_scorer_score(camera->scorer, &camera->pictures[i].frame, 1, &camera->result, &error);
    check(camera, i, scored, error);
  }
  end(camera);
  return NULL;
}

static void
open_cameras(CbiganModel *model, int batch, Camera *cameras)
{
  const gboolean any_size = !cbigan_model_info(model)->frame_width;
  g_autoptr(CbiganScorer) alone = open_member(model, batch, FALSE);
  for (guint c = 0; c < STREAMS; c++) {
    Camera *camera = &cameras[c];
    const int side = any_size ? SIDE + 24 * (int)(c % 3) : camera->broken ? SIDE + 1 : SIDE;
    camera->scorer = open_member(model, batch, TRUE);
    for (guint i = 0; i < FRAMES; i++) {
      camera->pictures[i] = picture(side, side, 100 * c + i, i % 5 == 4);
      if (camera->broken)
        continue;
      g_assert_true(cbigan_scorer_score(alone, &camera->pictures[i].frame, 1, &camera->result, NULL));
      camera->expected[i] = camera->result.score;
    }
  }
}

/* Plays all cameras at the same time. The n first frames' results are checked as they come. */
static void
play(CbiganModel *model, int batch, gint64 timeout, Camera *cameras)
{
  GMutex lock;
  GCond changed;
  guint left = STREAMS;
  GThread *threads[STREAMS] = { NULL };
  g_mutex_init(&lock);
  g_cond_init(&changed);
  open_cameras(model, batch, cameras);
  for (guint c = 0; c < STREAMS; c++) {
    cameras[c].lock = &lock;
    cameras[c].changed = &changed;
    cameras[c].left = &left;
    cbigan_scorer_set_batch_timeout(cameras[c].scorer, timeout);
  }
  for (guint c = 0; c < STREAMS; c++)
    if (cameras[c].posts)
      cbigan_scorer_post(cameras[c].scorer, &cameras[c].result, prepare, done, &cameras[c]);
    else
      threads[c] = g_thread_new("camera", run_camera, &cameras[c]);
  g_mutex_lock(&lock);
  while (left)
    g_cond_wait(&changed, &lock);
  g_mutex_unlock(&lock);
  for (guint c = 0; c < STREAMS; c++) {
    if (threads[c])
      g_thread_join(threads[c]);
    cbigan_scorer_free(cameras[c].scorer);
    cbigan_result_clear(&cameras[c].result);
    for (guint i = 0; i < FRAMES; i++)
      g_free(cameras[c].pictures[i].pixels);
  }
  g_cond_clear(&changed);
  g_mutex_clear(&lock);
}

typedef struct {
  const char *name;
  int batch;
  gint64 timeout;
  guint posts, broken; /* bit c: of camera c */
  gboolean surface;    /* an inspector of frames of several sizes */
} Row;

static const Row rows[] = {
  { "waiting", 1, 0, 0, 0 },
  { "posted", 1, 0, 0xff, 0 },
  { "mixed", 1, 0, 0x5a, 0 },
  { "batches", BATCH, 2000, 0, 0 },
  { "batches-posted", BATCH, 2000, 0xff, 0 },
  { "batches-mixed", BATCH, 2000, 0x5a, 0 },
  { "broken", BATCH, 2000, 0x5a, 0x11 },
  { "inspector", 1, 0, 0x5a, 0, TRUE },
};

static void
test_streams(gconstpointer data)
{
  const Row *row = data;
  Camera cameras[STREAMS] = { 0 };
  g_autoptr(CbiganModel) model = row->surface ? open_model(SURFACE) : calibrated_model(64, SIDE, SIDE);
  for (guint c = 0; c < STREAMS; c++) {
    cameras[c].posts = row->posts >> c & 1;
    cameras[c].broken = row->broken >> c & 1;
  }
  play(model, row->batch, row->timeout, cameras);
}

static gpointer
do_nothing(gpointer unused)
{
  return NULL;
}

/* From now on no thread can be started, as at a limit on processes: no stack of that size finds room. */
static void
forbid_threads(void)
{
  pthread_attr_t attributes;
  g_assert_cmpint(pthread_attr_init(&attributes), ==, 0);
  g_assert_cmpint(pthread_attr_setstacksize(&attributes, (size_t)1 << 50), ==, 0);
  g_assert_cmpint(pthread_setattr_default_np(&attributes), ==, 0);
  pthread_attr_destroy(&attributes);
  g_assert_null(g_thread_try_new("none", do_nothing, NULL, NULL));
}

/* Posted frames are scored all the same, by the thread that posts them. */
static void
test_no_threads(gconstpointer data)
{
  const int batch = GPOINTER_TO_INT(data);
  if (!g_test_subprocess()) {
    g_test_trap_subprocess(NULL, 120 * SECOND, G_TEST_SUBPROCESS_INHERIT_STDERR);
    g_test_trap_assert_passed();
    return;
  }
  const Row row = { "no-threads", batch, 2000, 0xff, 0 };
  forbid_threads();
  test_streams(&row);
}

/* --- what is shared ---------------------------------------------------------------------------------------------- */

/* An inside look: scorers with the same options have one backend, others do not. */
static void
test_engines(void)
{
  g_autoptr(CbiganModel) model = calibrated_model(64, SIDE, SIDE), other = calibrated_model(64, SIDE, SIDE);
  CbiganEngineKey key = { .model = model, .backend = "cpu", .threads = 1, .batch = 1, .needs = { CBIGAN_NEEDS_TERMS } };
  CbiganMember members[5] = { 0 };
  g_assert_true(cbigan_engine_join(&members[0], &key, TRUE, NULL));
  g_assert_true(cbigan_engine_join(&members[1], &key, TRUE, NULL));
  g_assert_true(members[0].engine == members[1].engine);
  g_assert_true(cbigan_engine_join(&members[2], &key, FALSE, NULL));
  key.batch = 2;
  g_assert_true(cbigan_engine_join(&members[3], &key, TRUE, NULL));
  key.batch = 1;
  key.model = other;
  g_assert_true(cbigan_engine_join(&members[4], &key, TRUE, NULL));
  for (guint i = 0; i < 5; i++)
    for (guint k = 0; k < i; k++)
      g_assert_true((members[i].engine == members[k].engine) == (i == 1 && k == 0));
  for (guint i = 0; i < 5; i++)
    cbigan_engine_leave(&members[i]);
}

/* An inspection with the weights of others: the same bits, in whatever order their networks are opened and freed. */
static void
test_inspections(gconstpointer backend_name)
{
  g_autoptr(CbiganModel) model = open_model(SURFACE);
  g_autoptr(GError) error = NULL;
  const CbiganBackendOptions options = { .name = backend_name, .threads = 1 };
  CbiganBackend *backends[3];
  CbiganInspection *inspections[3];
  for (guint i = 0; i < 3; i++) {
    backends[i] = cbigan_backend_open(&options, &error);
    inspections[i] = cbigan_inspection_new(&model->inspector, backends[i], i ? inspections[0] : NULL, &error);
    g_assert_no_error(error);
  }
  static const struct {
    guint inspection;
    int side;
  } steps[] = { { 1, 72 }, { 0, 72 }, { 2, 72 }, { 1, 96 }, { 0, 96 }, { 0, 72 }, { 2, 96 }, { 1, 72 } };
  for (guint i = 0; i < G_N_ELEMENTS(steps); i++) {
    const int side = steps[i].side;
    Picture p = picture(side, side, i, TRUE);
    g_autoptr(CbiganInspection) alone = cbigan_inspection_new(&model->inspector, backends[0], NULL, &error);
    const CbiganCells *want = cbigan_inspection_frame(alone, &p.frame, &error);
    const CbiganCells *have = cbigan_inspection_frame(inspections[steps[i].inspection], &p.frame, &error);
    g_assert_no_error(error);
    const gsize n = (gsize)want->w * (gsize)want->h * sizeof(float);
    g_assert_cmpmem(have->values, (gsize)have->w * (gsize)have->h * sizeof(float), want->values, n);
    g_free(p.pixels);
  }
  for (guint i = 3; i-- > 0;) {
    cbigan_inspection_free(inspections[i]);
    cbigan_backend_close(backends[i]);
  }
}

/* A member that sends nothing holds a frame up for as long as the timeout says. Without such a member it does not wait.
 */
static void
test_timeout(void)
{
  g_autoptr(CbiganModel) model = calibrated_model(64, SIDE, SIDE);
  g_autoptr(CbiganScorer) scorer = open_member(model, BATCH, TRUE);
  Picture p = picture(SIDE, SIDE, 1, FALSE);
  CbiganResult result = CBIGAN_RESULT_INIT;
  cbigan_scorer_set_batch_timeout(scorer, 60 * SECOND);
  g_assert_true(cbigan_scorer_score(scorer, &p.frame, 1, &result, NULL)); /* a minute is no test */
  {
    g_autoptr(CbiganScorer) idle = open_member(model, BATCH, TRUE);
    cbigan_scorer_set_batch_timeout(scorer, SECOND / 5);
    const gint64 begin = g_get_monotonic_time();
    g_assert_true(cbigan_scorer_score(scorer, &p.frame, 1, &result, NULL));
    g_assert_cmpint(g_get_monotonic_time() - begin, >=, SECOND / 5);
    cbigan_scorer_set_batch_timeout(scorer, 0);
    g_assert_true(cbigan_scorer_score(scorer, &p.frame, 1, &result, NULL));
  }
  cbigan_result_clear(&result);
  g_free(p.pixels);
}

static void
copy(const char *from, const char *to)
{
  g_autofree char *bytes = NULL;
  gsize size;
  g_assert_true(g_file_get_contents(from, &bytes, &size, NULL));
  g_assert_true(g_file_set_contents(to, bytes, (gssize)size, NULL));
}

static void
test_files(void)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *folder = g_dir_make_tmp("cbigan-sharing-XXXXXX", NULL);
  g_autofree char *path = g_build_filename(folder, "one", NULL), *twin = g_build_filename(folder, "twin", NULL);
  g_autoptr(CbiganModel) model = calibrated_model(64, SIDE, SIDE);
  g_assert_true(cbigan_model_save(model, path, NULL));
  copy(path, twin);
  g_autoptr(CbiganModel) first = cbigan_model_load_shared(path, &error), again = cbigan_model_load_shared(path, &error);
  g_autoptr(CbiganModel) same = cbigan_model_load_shared(twin, &error), own = cbigan_model_load(path, &error);
  g_assert_no_error(error);
  g_assert_true(first == again && first == same && first != own);
  model->info.threshold += 1;
  g_assert_true(cbigan_model_save(model, path, NULL)); /* other content at the same place */
  g_autoptr(CbiganModel) changed = cbigan_model_load_shared(path, &error);
  g_assert_no_error(error);
  g_assert_true(changed != first && cbigan_model_info(changed)->threshold == cbigan_model_info(first)->threshold + 1);
  g_clear_pointer(&first, cbigan_model_unref);
  g_clear_pointer(&again, cbigan_model_unref);
  g_clear_pointer(&same, cbigan_model_unref);
  g_autoptr(CbiganModel) later = cbigan_model_load_shared(twin, &error); /* the list forgot the old one */
  g_assert_no_error(error);
  g_assert_null(cbigan_model_load_shared(folder, &error));
  g_assert_error(error, CBIGAN_ERROR, CBIGAN_ERROR_FILE);
  g_unlink(path);
  g_unlink(twin);
  g_rmdir(folder);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autofree char *path = g_strdup_printf("/sharing/%s", rows[i].name);
    g_test_add_data_func(path, &rows[i], test_streams);
  }
  g_test_add_data_func("/sharing/no-threads/one", GINT_TO_POINTER(1), test_no_threads);
  g_test_add_data_func("/sharing/no-threads/batches", GINT_TO_POINTER(BATCH), test_no_threads);
  g_test_add_func("/sharing/engines", test_engines);
  g_test_add_data_func("/sharing/inspections/cpu", "cpu", test_inspections);
  g_test_add_data_func("/sharing/inspections/reference", "reference", test_inspections);
  g_test_add_func("/sharing/timeout", test_timeout);
  g_test_add_func("/sharing/files", test_files);
  return g_test_run();
}
