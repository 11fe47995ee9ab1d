/* test_device.c - the cuda backend's failures: memory, a lost device, another device, opening and closing
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Where there is a GPU, those run that any GPU can take; on the emulated one, all.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cbigan.h"
#include "forward/forward.h"
#include "golden/golden.h"
#include "gpu_configs.h"
#include "rss.h"
#include "score/gan/weights.h"
#include "harness.h"

static CbiganBackend *
device_or_skip(int device)
{
  g_autofree char *why = cbigan_backend_unavailable("cuda");
  if (why) {
    g_test_skip(why);
    return NULL;
  }
  CbiganBackend *backend = open_backend(&(CbiganBackendOptions){ .name = "cuda", .device = device });
  return backend;
}

/* The error's words for a user who asks for the backend. */
static void
check_unavailable(const char *machine, const char *words)
{
  g_autoptr(GError) error = NULL;
  if (!emulated(machine))
    return;
  g_autofree char *why = cbigan_backend_unavailable("cuda");
  g_assert_nonnull(why);
  if (!strstr(why, words))
    g_error("%s: “%s”, expected “%s”", machine, why, words);
  g_assert_null(cbigan_backend_open(&(CbiganBackendOptions){ .name = "cuda" }, &error));
  expect_error(error, CBIGAN_ERROR_BACKEND, words);
  g_autoptr(CbiganBackend) other = cbigan_backend_open(&(CbiganBackendOptions){ .name = "auto" }, NULL);
  g_assert_cmpstr(cbigan_backend_name(other), ==, "cpu");
}

static void
test_unavailable(void)
{
  static const struct {
    const char *machine, *words;
  } cases[] = {
    { "driver=0", "there is no NVIDIA driver" },
    { "driver=12040", "the NVIDIA driver is for CUDA 12.4, CUDA 13.0 or later is needed" },
    { "devices=0", "there is no NVIDIA GPU" },
    { "capability=61,devices=1", "GPU 0 has compute capability 6.1, 7.5 or later is needed" },
    { "mode=2,devices=1", "set to run no programs" },
    { "cudnn=100000", "cuDNN is of version 10.0, 9 is needed" },
  };
  for (gsize i = 0; i < G_N_ELEMENTS(cases); i++)
    check_unavailable(cases[i].machine, cases[i].words);
}

static void
test_no_such_device(void)
{
  g_unsetenv("CBIGAN_EMULATOR");
  g_autofree char *why = cbigan_backend_unavailable("cuda");
  g_autoptr(GError) error = NULL;
  if (why) {
    g_test_skip(why);
    return;
  }
  g_assert_null(cbigan_backend_open(&(CbiganBackendOptions){ .name = "cuda", .device = 99 }, &error));
  expect_error(error, CBIGAN_ERROR_BACKEND, "there is no GPU 99");
}

/* A network, its parameters and its first result. */
typedef struct {
  CbiganNetwork *network;
  float *parameters;
  CbiganForward *forward;
} Run;

static void
run_clear(Run *run, CbiganBackend *backend)
{
  cbigan_forward_free(run->forward);
  cbigan_backend_free(backend, run->parameters);
  cbigan_network_free(run->network);
}

static gboolean
run_new(Run *run, CbiganBackend *backend, GError **error)
{
  *run = (Run){ .network = cbigan_network_new(CBIGAN_ENCODER, 1, 64) };
  gsize n = run->network->n_floats;
  g_autofree float *host = g_new(float, n);
  cbigan_network_initialise(run->network, 1, host);
  run->parameters = cbigan_backend_alloc(backend, n, error);
  if (!run->parameters)
    return FALSE;
  cbigan_backend_upload(backend, (CbiganShape){ (int)n, 1, 1 }, 1, host, run->parameters);
  run->forward =
      cbigan_forward_new(backend, run->network, run->network->n_layers, 2, CBIGAN_KEEP_ALL, run->parameters, error);
  return run->forward != NULL;
}

static gpointer
run_once(gpointer backend)
{
  Run run;
  g_autoptr(GError) error = NULL;
  g_assert_true(run_new(&run, backend, &error));
  cbigan_forward_run(run.forward);
  g_assert_true(cbigan_backend_finish(backend, &error));
  run_clear(&run, backend);
  return NULL;
}

/* CUDA's current device is each thread's own. */
static void
test_second_device(void)
{
  if (!emulated("devices=2"))
    return;
  g_autoptr(CbiganBackend) first = device_or_skip(0), second = device_or_skip(1);
  g_thread_join(g_thread_new("second", run_once, second));
  g_thread_join(g_thread_new("first", run_once, first));
  run_once(second);
}

static void
test_only_second_can(void)
{
  if (!emulated("devices=2,capability=61,capability1=90"))
    return;
  g_autoptr(GError) error = NULL;
  g_autoptr(CbiganBackend) second = device_or_skip(1);
  g_assert_null(cbigan_backend_open(&(CbiganBackendOptions){ .name = "cuda" }, &error));
  g_assert_nonnull(strstr(error->message, "compute capability 6.1"));
}

/* The first failure is told with its place, the call and the name of the code; what follows does no harm. Each has a
 * process of its own: a device that is lost stays lost. */
static void
lose(int after)
{
  g_autofree char *machine = g_strdup_printf("lost=%d", after);
  g_setenv("CBIGAN_EMULATOR", machine, TRUE);
  g_autoptr(GError) error = NULL;
  CbiganBackend *backend = cbigan_backend_open(&(CbiganBackendOptions){ .name = "cuda" }, &error);
  Run run = { 0 };
  if (backend && run_new(&run, backend, &error))
    for (int i = 0; i < 20 && !error; i++) {
      cbigan_forward_run(run.forward);
      cbigan_backend_finish(backend, &error);
    }
  g_assert_error(error, CBIGAN_ERROR, CBIGAN_ERROR_BACKEND);
  if (!g_regex_match_simple("^[a-z0-9_]+\\.c:[0-9]+: .*: cudaErrorDevicesUnavailable", error->message, 0, 0))
    g_error("lost at %d: “%s”", after, error->message);
  if (run.network)
    run_clear(&run, backend);
  cbigan_backend_close(backend);
}

static void
test_lost(void)
{
  const char *after = g_getenv("CBIGAN_TEST_LOST");
  if (!emulated(""))
    return;
  if (g_test_subprocess()) {
    lose(atoi(after));
    return;
  }
  for (int i = 1; i < 300; i += i / 4 + 1) {
    g_autofree char *text = g_strdup_printf("%d", i);
    g_setenv("CBIGAN_TEST_LOST", text, TRUE);
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_passed();
  }
}

/* Too little memory is an error at opening that says so, at whichever allocation it happens; and all is given back. */
static void
test_memory(void)
{
  if (!emulated("memory=1"))
    return;
  g_autoptr(GError) error = NULL;
  g_autoptr(CbiganBackend) backend = device_or_skip(0);
  CbiganNetwork *network = cbigan_network_new(CBIGAN_ENCODER, 16, 64);
  float *most = cbigan_backend_alloc(backend, 200000, &error);
  g_assert_no_error(error);
  g_assert_null(cbigan_forward_new(backend, network, network->n_layers, 8, CBIGAN_KEEP_ALL, most, &error));
  expect_error(error, CBIGAN_ERROR_BACKEND, "memory");
  g_clear_error(&error);
  g_assert_true(cbigan_backend_finish(backend, &error));
  cbigan_backend_free(backend, most);
  cbigan_network_free(network);
  run_once(backend); /* what is smaller still works */
}

static void
score_noise(CbiganModel *model, const char *backend, CbiganPrecision precision, int batch,
            double scores[CBIGAN_N_GAN_SCORES], GError **error)
{
  enum { SIDE = 256 };
  CbiganScorerOptions options = CBIGAN_SCORER_OPTIONS_INIT;
  options.backend = backend;
  options.precision = precision;
  options.batch = batch;
  g_autoptr(CbiganScorer) scorer = cbigan_scorer_new(model, &options, error);
  g_autofree guint8 *pixels = g_malloc(3 * SIDE * SIDE);
  guint32 state = 1;
  for (int i = 0; i < 3 * SIDE * SIDE; i++)
    pixels[i] = (guint8)((state = state * 1664525u + 1013904223u) >> 24);
  const CbiganFrame frame = { pixels, SIDE, SIDE, 3 * SIDE };
  CbiganResult result = CBIGAN_RESULT_INIT;
  if (scorer && cbigan_scorer_score(scorer, &frame, 1, &result, error))
    memcpy(scores, result.scores, CBIGAN_N_GAN_SCORES * sizeof *scores);
  cbigan_result_clear(&result);
}

/* Memory for 16 patches at a time, which is what the frame has, or only for fewer: the same score. For none: an error.
 */
static void
test_smaller_batch(void)
{
  double roomy[CBIGAN_N_GAN_SCORES], tight[CBIGAN_N_GAN_SCORES];
  g_autoptr(GError) error = NULL;
  g_autoptr(CbiganModel) model = golden_model(4, 64);
  model->info.frame_width = model->info.frame_height = 256;
  if (!emulated("open=1"))
    return;
  score_noise(model, "cuda", CBIGAN_PRECISION_FP32, 16, roomy, &error);
  g_assert_no_error(error);
  emulated("open=1,memory=14");
  score_noise(model, "cuda", CBIGAN_PRECISION_FP32, 16, tight, &error);
  g_assert_error(error, CBIGAN_ERROR, CBIGAN_ERROR_BACKEND);
  g_clear_error(&error);
  score_noise(model, "cuda", CBIGAN_PRECISION_FP32, 0, tight, &error);
  g_assert_no_error(error);
  g_assert_cmpmem(tight, sizeof tight, roomy, sizeof roomy);
  emulated("open=1,memory=2");
  score_noise(model, "cuda", CBIGAN_PRECISION_FP32, 0, tight, &error);
  expect_error(error, CBIGAN_ERROR_BACKEND, "memory");
}

/* The paper's score of a frame, of which each precision may change so much; that of the cpu backend is the measure. */
static void
test_scores(void)
{
  static const double allowed[CBIGAN_N_PRECISIONS] = {
    [CBIGAN_PRECISION_FP32] = 1e-4,
    [CBIGAN_PRECISION_BF16] = 0.02,
    [CBIGAN_PRECISION_FP16] = 0.002,
  };
  g_autoptr(GError) error = NULL;
  if (is_emulated())
    g_setenv("CBIGAN_EMULATOR", "open=1,capability=80", TRUE);
  g_autoptr(CbiganBackend) backend = device_or_skip(0);
  for (int i = 0; backend && i < 2 * CBIGAN_N_PRECISIONS; i++) {
    CbiganPrecision precision = (CbiganPrecision)(i / 2);
    g_autoptr(CbiganModel) model = golden_model(i % 2 ? 4 : 3, 64);
    double want[CBIGAN_N_GAN_SCORES], have[CBIGAN_N_GAN_SCORES];
    model->info.frame_width = model->info.frame_height = 256;
    model->info.tap = CBIGAN_TAP_HIDDEN;
    if (precision == CBIGAN_PRECISION_AUTO || !(backend->precisions & 1u << precision))
      continue;
    score_noise(model, "cpu", CBIGAN_PRECISION_FP32, 0, want, &error);
    g_assert_no_error(error);
    score_noise(model, "cuda", precision, 0, have, &error);
    g_assert_no_error(error);
    double off = fabs(have[CBIGAN_SCORE_PAPER] / want[CBIGAN_SCORE_PAPER] - 1);
    g_test_message("c = %d, %s: %.2g off", model->info.width, cbigan_precision_name(precision), off);
    g_assert_cmpfloat(off, <=, allowed[precision]);
    g_assert_cmpfloat(off, >, precision == CBIGAN_PRECISION_FP32 ? -1 : 0); /* it was computed so */
  }
}

static void
test_algorithms(void)
{
  static const char *const machines[] = { "refused=0", "refused=1" };
  for (gsize i = 0; i < G_N_ELEMENTS(machines); i++) {
    if (!emulated(machines[i]))
      return;
    g_autoptr(CbiganBackend) backend = device_or_skip(0);
    run_once(backend);
  }
}

/* No room for numbers on their way: NaN, and the call that failed is told. None for statistics: an error at once. */
static void
test_no_room(void)
{
  g_autoptr(GError) error = NULL;
  if (!emulated("open=1"))
    return;
  g_autoptr(CbiganBackend) backend = device_or_skip(0);
  float *x = cbigan_backend_alloc(backend, 5000, NULL);
  double sums[2] = { 0.0, 0.0 };
  CbiganCriticStatistics good = { 1, 512, g_new0(float, 512), g_new0(float, 512 * 512) };
  CbiganCritic critic = { .n = 1, .grid = 1, .channels = 512, .shapes = { { 512, 1, 1 } }, .batch = 1, .good = &good };
  cbigan_resampler_init(&critic.resamplers[0], 1, 1);
  emulated("open=1,memory=0");
  cbigan_backend_difference(backend, 2, 2000, x, x, NULL, sums);
  g_assert_true(isnan(sums[0]) && isnan(sums[1]));
  g_assert_false(cbigan_backend_finish(backend, &error));
  if (!g_regex_match_simple("^memory\\.c:[0-9]+: cudaMalloc.*: cudaErrorMemoryAllocation", error->message, 0, 0))
    g_error("“%s”", error->message);
  g_clear_error(&error);
  g_assert_false(cbigan_backend_critic_init(backend, &critic, &error));
  expect_error(error, CBIGAN_ERROR_BACKEND, "out of memory");
  emulated("open=1");
  cbigan_backend_critic_clear(backend, &critic);
  cbigan_resampler_clear(&critic.resamplers[0]);
  cbigan_backend_free(backend, x);
  g_free(good.mean);
  g_free(good.whitening);
}

/* Opening and closing leaves nothing behind, neither on the device (the emulated GPU is small) nor on the host. On a
 * GPU, a thousand times. */
static void
test_again_and_again(void)
{
  int times = is_emulated() ? 50 : 1000;
  if (is_emulated())
    g_setenv("CBIGAN_EMULATOR", "memory=1", TRUE);
  gint64 before = 0;
  for (int i = 0; i < times; i++) {
    g_autoptr(CbiganBackend) backend = device_or_skip(0);
    if (!backend)
      return;
    run_once(backend);
    if (i == times / 5) /* libraries have what they keep */
      before = resident_bytes();
  }
  g_assert_cmpint(resident_bytes() - before, <, 32 << 20);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/cuda/unavailable", test_unavailable);
  g_test_add_func("/cuda/no-such-device", test_no_such_device);
  g_test_add_func("/cuda/second-device", test_second_device);
  g_test_add_func("/cuda/only-second-can", test_only_second_can);
  g_test_add_func("/cuda/lost", test_lost);
  g_test_add_func("/cuda/memory", test_memory);
  g_test_add_func("/cuda/smaller-batch", test_smaller_batch);
  g_test_add_func("/cuda/scores", test_scores);
  g_test_add_func("/cuda/algorithms", test_algorithms);
  g_test_add_func("/cuda/no-room", test_no_room);
  g_test_add_func("/cuda/again-and-again", test_again_and_again);
  return g_test_run();
}
