/* bench.c - cbigan bench: how fast scoring is here
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Every combination of backend, width, patch and batch is set up first. Then they take turns with the measurement of
 * the machine's peak and bandwidth (machine_peak.c), so that other load affects all of them equally. The medians over
 * the turns are reported. A new figure is a row of `figures`.
 */
#include "backend/backend.h"
#include "columns.h"
#include "command.h"
#include "config.h"
#include "i18n.h"
#include "machine_peak.h"
#include "model/error.h"
#include "model/model.h"
#include "progress.h"
#include "scoring_work.h"
#include <json-glib/json-glib.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const CbiganUsage usage = {
  NULL,
  /* xgettext:no-c-format */
  N_("Measures scoring (Eq. 7) with random weights: milliseconds per frame, and how near that is to the limits of\n"
     "the machine. Lists are separated by commas; all combinations are measured in turns.\n"
     "\n"
     "Operations are counted as if each convolution were computed directly. A method with fewer multiplications can\n"
     "therefore exceed 100 % of the multiply-add peak. Bytes are the weights, the pixels of the frame and the anomaly\n"
     "map, each once: the least that must move. The floor is the longer of two times: the operations at the peak, and\n"
     "the bytes at the bandwidth. Peak and bandwidth are measured on the same number of threads; CBIGAN_ISA limits\n"
     "the peak too.\n"
     "\n"
     "The precision is fp32 unless given; the peak is always that of fp32. auto: the faster one for the width."),
  "  cbigan bench\n"
  "  cbigan bench --backend cpu,reference --width 3,16,32 --patch 64 --batch 1,64\n"
  "  cbigan bench --width 16 --batch 64 --json",
  0,
  0,
};

#define MAX_CHOICES 16

typedef struct {
  int n, values[MAX_CHOICES];
} Choices;

#define IDLE_USEC 5000 /* after which the threads of the case before have stopped spinning */

/* One row of the result. */
typedef struct {
  const char *backend, *tap;
  CbiganPrecision precision;
  int width, patch, batch;
  double gflop, mbytes; /* of one frame */
  CbiganScorer *scorer;
  guint8 *pixels;       /* (patch, batch * patch, 3): the frame, patches side by side */
  GArray *milliseconds; /* of double */
} Case;

static void
free_case(gpointer data)
{
  Case *c = data;

  cbigan_scorer_free(c->scorer);
  g_array_unref(c->milliseconds);
  g_free(c->pixels);
  g_free(c);
}

static CbiganModel *
random_model(int width, int patch, int batch, CbiganFeatureTap tap, GError **error)
{
  CbiganModel *model = cbigan_model_new(width, patch, error);

  if (!model)
    return NULL;
  model->info.tap = tap;
  model->info.score = CBIGAN_SCORE_PAPER;
  model->info.bf16_error = 0.0; /* allows --precision auto to take bf16 */
  model->info.frame_width = batch * patch;
  model->info.frame_height = patch;
  for (int i = 0; i < CBIGAN_N_NETWORKS; i++)
    cbigan_network_initialise(model->networks[i], (guint64)i + 1, model->parameters[i]);
  return model;
}

static Case *
new_case(const CbiganScorerOptions *options, int width, int patch, int batch, CbiganFeatureTap tap, GError **error)
{
  g_autoptr(CbiganModel) model = random_model(width, patch, batch, tap, error);
  g_autoptr(GRand) random = g_rand_new_with_seed(1);
  gsize size = (gsize)batch * (gsize)patch * (gsize)patch * 3;
  CbiganWork work;
  Case *c;

  if (!model)
    return NULL;
  work = cbigan_scoring_work(model);
  c = g_new0(Case, 1);
  *c = (Case){ .tap = cbigan_command_taps[tap],
               .width = width,
               .patch = patch,
               .batch = batch,
               .gflop = work.flop * batch / 1e9,
               .mbytes = (work.weights + work.pixels * batch) / 1e6 };
  c->milliseconds = g_array_new(FALSE, FALSE, sizeof(double));
  c->pixels = cbigan_try_new(guint8, size, error);
  for (gsize i = 0; c->pixels && i < size; i++)
    c->pixels[i] = (guint8)g_rand_int_range(random, 0, 256);
  c->scorer = c->pixels ? cbigan_scorer_new(model, options, error) : NULL;
  if (!c->scorer) {
    free_case(c);
    return NULL;
  }
  c->backend = cbigan_scorer_backend(c->scorer); /* the one that "auto" chose */
  c->precision = cbigan_scorer_precision(c->scorer);
  return c;
}

static gboolean
score_once(Case *c, CbiganResult *result, GError **error)
{
  CbiganFrame frame = { c->pixels, c->batch * c->patch, c->patch, (gsize)c->batch * c->patch * 3 };

  return cbigan_scorer_score(c->scorer, &frame, 1, result, error);
}

/* The machine, measured in the same turns. */
typedef struct {
  CbiganMachine *machine;
  int threads;
  GArray *peaks, *bandwidths; /* of double, one per turn */
  double gflops, gbytes;      /* their medians */
} Limits;

static void
clear_limits(Limits *limits)
{
  cbigan_machine_free(limits->machine);
  g_clear_pointer(&limits->peaks, g_array_unref);
  g_clear_pointer(&limits->bandwidths, g_array_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Limits, clear_limits)

/* Uses the largest number of threads that any of the backends uses. */
static gboolean
open_limits(Limits *limits, char **backends, int threads, GError **error)
{
  for (; *backends; backends++) {
    g_autoptr(CbiganBackend) backend =
        cbigan_backend_open(&(CbiganBackendOptions){ .name = *backends, .threads = threads }, error);
    if (!backend)
      return FALSE;
    limits->threads = MAX(limits->threads, backend->threads);
  }
  limits->peaks = g_array_new(FALSE, FALSE, sizeof(double));
  limits->bandwidths = g_array_new(FALSE, FALSE, sizeof(double));
  limits->machine = cbigan_machine_new(limits->threads, error);
  return limits->machine != NULL;
}

static gboolean
measure_limits(Limits *limits, GError **error)
{
  double peak, bandwidth;

  g_usleep(IDLE_USEC);
  if (!cbigan_machine_multiply_add(limits->machine, &peak, error) ||
      !cbigan_machine_read(limits->machine, &bandwidth, error))
    return FALSE;
  g_array_append_val(limits->peaks, peak);
  g_array_append_val(limits->bandwidths, bandwidth);
  return TRUE;
}

static int
compare_doubles(const void *a, const void *b)
{
  double x = *(const double *)a, y = *(const double *)b;

  return (x > y) - (x < y);
}

static double
median(GArray *values)
{
  const double *v = (const double *)(gpointer)values->data;

  g_array_sort(values, compare_doubles);
  return (v[(values->len - 1) / 2] + v[values->len / 2]) / 2;
}

/* One turn of all cases to warm up, then `repeats` turns of all cases and of the machine. */
static gboolean
measure(GPtrArray *cases, Limits *limits, int repeats, GError **error)
{
  CbiganResult result = CBIGAN_RESULT_INIT;
  gboolean fine = TRUE;

  for (int turn = 0; fine && turn <= repeats; turn++) {
    for (guint i = 0; fine && i < cases->len; i++) {
      Case *c = g_ptr_array_index(cases, i);
      g_autofree char *text = g_strdup_printf(_("turn %d of %d"), turn, repeats);
      gint64 start = g_get_monotonic_time();
      double milliseconds;

      fine = score_once(c, &result, error);
      milliseconds = (double)(g_get_monotonic_time() - start) / 1e3;
      if (turn)
        g_array_append_val(c->milliseconds, milliseconds);
      cbigan_progress_show((turn + (double)i / cases->len) / (repeats + 1), text);
    }
    if (turn && fine)
      fine = measure_limits(limits, error);
  }
  cbigan_progress_end();
  cbigan_result_clear(&result);
  if (!fine)
    return FALSE;
  limits->gflops = median(limits->peaks);
  limits->gbytes = median(limits->bandwidths);
  return TRUE;
}

/* --- what is shown ----------------------------------------------------------------------------------------------- */

enum { GFLOP, MBYTES, MILLISECONDS, FLOOR, GFLOPS, PEAK_SHARE, BANDWIDTH_SHARE, N_FIGURES };

static const struct {
  const char *name; /* in JSON */
  const char *title;
  int columns, digits;
  double scale; /* of the title's unit to JSON's */
} figures[N_FIGURES] = {
  [GFLOP] = { "gflop", N_("GFLOP"), 9, 3, 1 },
  [MBYTES] = { "mbytes", N_("MB"), 9, 2, 1 },
  [MILLISECONDS] = { "milliseconds", N_("ms a frame"), 12, 3, 1 },
  [FLOOR] = { "floor_milliseconds", N_("floor ms"), 10, 3, 1 },
  [GFLOPS] = { "gflops", N_("GFLOP/s"), 9, 1, 1 },
  [PEAK_SHARE] = { "peak_share", N_("peak %"), 8, 1, 100 },
  [BANDWIDTH_SHARE] = { "bandwidth_share", N_("bandwidth %"), 13, 2, 100 },
};

static void
compute_figures(const Case *c, const Limits *limits, double values[N_FIGURES])
{
  double ms = median(c->milliseconds); /* 1 GFLOP/s = 1e-3 GFLOP/ms, and so are GB/s to MB/ms = 1 */

  values[GFLOP] = c->gflop;
  values[MBYTES] = c->mbytes;
  values[MILLISECONDS] = ms;
  values[FLOOR] = fmax(c->gflop / limits->gflops * 1e3, c->mbytes / limits->gbytes);
  values[GFLOPS] = c->gflop / ms * 1e3;
  values[PEAK_SHARE] = values[GFLOPS] / limits->gflops;
  values[BANDWIDTH_SHARE] = c->mbytes / ms / limits->gbytes;
}

static void
print_heading(const Limits *limits, CbiganPrecision precision)
{
  printf(_("%s, %s, threads: %d; precision: %s; %.1f GFLOP/s of multiply-adds, %.1f GB/s from memory; cbigan %s\n"),
         cbigan_machine_processor(limits->machine), cbigan_machine_isa(limits->machine), limits->threads,
         cbigan_precision_name(precision), limits->gflops, limits->gbytes, VERSION);
  cbigan_print_left(_("backend"), 10);
  cbigan_print_right(_("width"), 7);
  cbigan_print_right(_("patch"), 7);
  cbigan_print_right(_("batch"), 7);
  for (int i = 0; i < N_FIGURES; i++)
    cbigan_print_right(_(figures[i].title), figures[i].columns);
  puts("");
}

static void
print_row(const Case *c, const Limits *limits)
{
  double values[N_FIGURES];

  compute_figures(c, limits, values);
  printf("%-10s %6d %6d %6d", c->backend, c->width, c->patch, c->batch);
  for (int i = 0; i < N_FIGURES; i++)
    printf(" %*.*f", figures[i].columns - 1, figures[i].digits, values[i] * figures[i].scale);
  puts("");
}

/* Every line holds all that its figures depend on, so that lines of several runs can be compared. */
static void
print_json(const Case *c, const Limits *limits)
{
  g_autoptr(JsonObject) object = json_object_new();
  g_autoptr(JsonNode) root = json_node_new(JSON_NODE_OBJECT);
  g_autofree char *line = NULL;
  double values[N_FIGURES];

  json_object_set_string_member(object, "version", VERSION);
  json_object_set_string_member(object, "processor", cbigan_machine_processor(limits->machine));
  json_object_set_string_member(object, "isa", cbigan_machine_isa(limits->machine));
  json_object_set_int_member(object, "threads", limits->threads);
  json_object_set_double_member(object, "peak_gflops", limits->gflops);
  json_object_set_double_member(object, "bandwidth_gbytes", limits->gbytes);
  json_object_set_string_member(object, "backend", c->backend);
  json_object_set_string_member(object, "precision", cbigan_precision_name(c->precision));
  json_object_set_string_member(object, "tap", c->tap);
  json_object_set_int_member(object, "width", c->width);
  json_object_set_int_member(object, "patch", c->patch);
  json_object_set_int_member(object, "batch", c->batch);
  compute_figures(c, limits, values);
  for (int i = 0; i < N_FIGURES; i++)
    json_object_set_double_member(object, figures[i].name, values[i]);
  json_node_set_object(root, object);
  line = json_to_string(root, FALSE);
  puts(line);
}

/* --- options ----------------------------------------------------------------------------------------------------- */

/* "1,16,64" */
static gboolean
parse_list(const char *option, const char *text, int least, int most, Choices *choices, GError **error)
{
  g_auto(GStrv) words = g_strsplit(text, ",", -1);

  choices->n = 0;
  for (int i = 0; words[i]; i++) {
    gint64 value;

    if (i == MAX_CHOICES || !g_ascii_string_to_signed(words[i], 10, least, most, &value, NULL))
      return cbigan_refuse(error, _("--%s: %s; expected numbers from %d to %d, separated by commas, at most %d"),
                           option, text, least, most, MAX_CHOICES);
    choices->values[choices->n++] = (int)value;
  }
  return TRUE;
}

typedef struct {
  char *backends, *widths, *patches, *batches, *tap, *precision;
  int threads, repeats;
  gboolean json;
  Choices width, patch, batch;
  int chosen_tap;
  CbiganPrecision chosen_precision;
} Arguments;

static void
clear_arguments(Arguments *a)
{
  char *all[] = { a->backends, a->widths, a->patches, a->batches, a->tap, a->precision };

  for (guint i = 0; i < G_N_ELEMENTS(all); i++)
    g_free(all[i]);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Arguments, clear_arguments)

static gboolean
check_arguments(Arguments *a, GError **error)
{
  if (!parse_list("width", a->widths ? a->widths : "4,16", 1, CBIGAN_MAX_WIDTH, &a->width, error) ||
      !parse_list("patch", a->patches ? a->patches : "64,128", 64, 128, &a->patch, error) ||
      !parse_list("batch", a->batches ? a->batches : "1,16", 1, 1024, &a->batch, error) ||
      !cbigan_command_choice("tap", a->tap, cbigan_command_taps, &a->chosen_tap, error) ||
      !cbigan_command_precision(a->precision, &a->chosen_precision, error) ||
      !cbigan_command_in_range("threads", a->threads, 0, 4096, error) ||
      !cbigan_command_in_range("repeats", a->repeats, 1, 10000, error))
    return FALSE;
  for (int i = 0; i < a->patch.n; i++)
    if (a->patch.values[i] != 64 && a->patch.values[i] != 128)
      return cbigan_refuse(error, _("--patch: %d; expected 64 or 128"), a->patch.values[i]);
  return TRUE;
}

static GPtrArray *
make_cases(const Arguments *a, char **backends, GError **error)
{
  g_autoptr(GPtrArray) cases = g_ptr_array_new_with_free_func(free_case);
  CbiganScorerOptions options = CBIGAN_SCORER_OPTIONS_INIT;

  options.threads = a->threads;
  options.precision = a->chosen_precision;
  for (; (options.backend = *backends); backends++)
    for (int w = 0; w < a->width.n; w++)
      for (int p = 0; p < a->patch.n; p++)
        for (int b = 0; b < a->batch.n; b++) {
          Case *c = new_case(&options, a->width.values[w], a->patch.values[p], a->batch.values[b],
                             (CbiganFeatureTap)a->chosen_tap, error);

          if (!c)
            return NULL;
          g_ptr_array_add(cases, c);
        }
  return g_steal_pointer(&cases);
}

CbiganExit
cbigan_cmd_bench(int argc, char **argv)
{
  g_auto(Arguments) a = { .repeats = 11, .chosen_precision = CBIGAN_PRECISION_FP32 };
  g_auto(GStrv) rest = NULL;
  g_auto(GStrv) backends = NULL;
  g_autoptr(GPtrArray) cases = NULL;
  g_auto(Limits) limits = { 0 };
  g_autoptr(GError) error = NULL;
  GOptionEntry entries[] = {
    { "backend", 0, 0, G_OPTION_ARG_STRING, &a.backends, N_("Backends; default auto"), N_("LIST") },
    { "width", 0, 0, G_OPTION_ARG_STRING, &a.widths, N_("Widths c; default 4,16"), N_("LIST") },
    { "patch", 0, 0, G_OPTION_ARG_STRING, &a.patches, N_("Patch sides in pixels; default 64,128"), N_("LIST") },
    { "batch", 0, 0, G_OPTION_ARG_STRING, &a.batches, N_("Patches per frame; default 1,16"), N_("LIST") },
    { "tap", 0, 0, G_OPTION_ARG_STRING, &a.tap, N_("Feature f_D (Eq. 9): first or hidden"), N_("NAME") },
    CBIGAN_PRECISION_ENTRY(a.precision),
    { "threads", 0, 0, G_OPTION_ARG_INT, &a.threads, N_("Threads, 0 = the processors of one NUMA node"), "N" },
    { "repeats", 0, 0, G_OPTION_ARG_INT, &a.repeats, N_("Turns, whose median is shown"), "N" },
    { "json", 0, 0, G_OPTION_ARG_NONE, &a.json, N_("JSON, one object per line"), NULL },
    { NULL },
  };

  if (!cbigan_command_parse(&usage, entries, argc, argv, &rest))
    return CBIGAN_EXIT_USAGE;
  if (!check_arguments(&a, &error))
    return cbigan_command_usage(error);
  backends = g_strsplit(a.backends ? a.backends : "auto", ",", -1);
  cases = make_cases(&a, backends, &error);
  if (!cases || !open_limits(&limits, backends, a.threads, &error) || !measure(cases, &limits, a.repeats, &error))
    return cbigan_command_fail(error);
  if (!a.json)
    print_heading(&limits, a.chosen_precision);
  for (guint i = 0; i < cases->len; i++)
    (a.json ? print_json : print_row)(g_ptr_array_index(cases, i), &limits);
  return CBIGAN_EXIT_FINE;
}
