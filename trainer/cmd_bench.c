/* cmd_bench.c - cbigan bench: how fast scoring is here
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Every combination of backend, width, patch and batch is set up first; then they take turns, so that whatever else
 * the machine does falls on all of them alike. The median of the turns is reported.
 */
#include "backend/backend.h"
#include "command.h"
#include "i18n.h"
#include "model/model.h"
#include "progress.h"
#include <json-glib/json-glib.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const CbiganUsage usage = {
  N_("[OPTION…]"),
  N_("Measures scoring (Eq. 7) with random weights: milliseconds for a frame of so many patches, and GFLOP/s, counted\n"
     "from the networks' tables. Lists are separated by commas; all combinations are measured, taking turns."),
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

/* One row of the result. */
typedef struct {
  const char *backend;
  int width, patch, batch;
  double gflop; /* for one frame */
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

/* Operations of one sample; a multiplication and its addition are two. */
static double
layer_flop(const CbiganLayer *layer)
{
  double in = (double)cbigan_shape_size(layer->in);

  switch (layer->kind) {
  case CBIGAN_CONV2D:
    return 2.0 * layer->kernel * layer->kernel * layer->in.c * (double)cbigan_shape_size(layer->out);
  case CBIGAN_DENSE:
    return 2.0 * in * (double)cbigan_shape_size(layer->out);
  case CBIGAN_UPSAMPLE:
  case CBIGAN_AVGPOOL:
    return 0;
  }
  return 0;
}

static double
network_flop(const CbiganNetwork *network, int n_layers)
{
  double flop = 0;

  for (int i = 0; i < n_layers; i++)
    flop += layer_flop(&network->layers[i]);
  return flop;
}

/* Eq. 7 of one patch: E, G, and f_D on x and on G(E(x)). */
static double
scoring_gflop(const CbiganModel *model)
{
  const CbiganNetwork *e = model->networks[CBIGAN_ENCODER], *g = model->networks[CBIGAN_GENERATOR];
  const CbiganNetwork *d = model->networks[CBIGAN_DISCRIMINATOR];
  double tap;

  if (model->info.tap == CBIGAN_TAP_HIDDEN) {
    tap = network_flop(d, cbigan_network_layers_until(d, cbigan_network_find_value(d, "discriminator.hidden")));
  } else {
    g_autoptr(CbiganNetwork) first = cbigan_network_new_first_tap(model->info.width, model->info.patch);

    tap = network_flop(first, first->n_layers);
  }
  return (network_flop(e, e->n_layers) + network_flop(g, g->n_layers) + 2 * tap) / 1e9;
}

static CbiganModel *
random_model(int width, int patch, int batch, CbiganFeatureTap tap)
{
  CbiganModel *model = cbigan_model_new(width, patch);

  model->info.tap = tap;
  model->info.score = CBIGAN_SCORE_PAPER;
  model->info.frame_width = batch * patch;
  model->info.frame_height = patch;
  for (int i = 0; i < CBIGAN_N_NETWORKS; i++)
    cbigan_network_initialise(model->networks[i], (guint64)i + 1, model->parameters[i]);
  return model;
}

static Case *
new_case(const char *backend, int width, int patch, int batch, int threads, CbiganFeatureTap tap, GError **error)
{
  Case *c = g_new0(Case, 1);
  g_autoptr(CbiganModel) model = random_model(width, patch, batch, tap);
  g_autoptr(GRand) random = g_rand_new_with_seed(1);
  CbiganScorerOptions options = CBIGAN_SCORER_OPTIONS_INIT;
  gsize size = (gsize)batch * (gsize)patch * (gsize)patch * 3;

  *c = (Case){ backend, width, patch, batch, scoring_gflop(model) * batch };
  c->milliseconds = g_array_new(FALSE, FALSE, sizeof(double));
  c->pixels = g_malloc(size);
  for (gsize i = 0; i < size; i++)
    c->pixels[i] = (guint8)g_rand_int_range(random, 0, 256);
  options.backend = backend;
  options.threads = threads;
  options.batch = batch;
  c->scorer = cbigan_scorer_new(model, &options, error);
  if (!c->scorer) {
    free_case(c);
    return NULL;
  }
  c->backend = cbigan_scorer_backend(c->scorer); /* "auto" has decided */
  return c;
}

static gboolean
score_once(Case *c, CbiganResult *result, GError **error)
{
  CbiganFrame frame = { c->pixels, c->batch * c->patch, c->patch, (gsize)c->batch * c->patch * 3 };

  return cbigan_scorer_score(c->scorer, &frame, 1, result, error);
}

/* repeats turns of all cases, and one before them to warm up. */
static gboolean
measure(GPtrArray *cases, int repeats, GError **error)
{
  CbiganResult result = CBIGAN_RESULT_INIT;
  gboolean fine = TRUE;

  for (int turn = 0; fine && turn <= repeats; turn++)
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
  cbigan_progress_end();
  cbigan_result_clear(&result);
  return fine;
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

static void
print_row(const Case *c)
{
  double ms = median(c->milliseconds);

  printf("%-10s %6d %6d %6d %10.3f %12.3f %10.1f\n", c->backend, c->width, c->patch, c->batch, c->gflop, ms,
         c->gflop / ms * 1e3);
}

static void
print_json(const Case *c)
{
  g_autoptr(JsonObject) object = json_object_new();
  g_autoptr(JsonNode) root = json_node_new(JSON_NODE_OBJECT);
  g_autofree char *line = NULL;
  double ms = median(c->milliseconds);

  json_object_set_string_member(object, "backend", c->backend);
  json_object_set_int_member(object, "width", c->width);
  json_object_set_int_member(object, "patch", c->patch);
  json_object_set_int_member(object, "batch", c->batch);
  json_object_set_double_member(object, "gflop", c->gflop);
  json_object_set_double_member(object, "milliseconds", ms);
  json_object_set_double_member(object, "gflops", c->gflop / ms * 1e3);
  json_node_set_object(root, object);
  line = json_to_string(root, FALSE);
  puts(line);
}

/* "1,16,64" */
static gboolean
parse_list(const char *option, const char *text, int least, int most, Choices *choices, GError **error)
{
  g_auto(GStrv) words = g_strsplit(text, ",", -1);

  choices->n = 0;
  for (int i = 0; words[i]; i++) {
    gint64 value;

    if (i == MAX_CHOICES || !g_ascii_string_to_signed(words[i], 10, least, most, &value, NULL)) {
      g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_ARGUMENT,
                  _("--%s: %s, expected at most %d numbers from %d to %d, separated by commas"), option, text,
                  MAX_CHOICES, least, most);
      return FALSE;
    }
    choices->values[choices->n++] = (int)value;
  }
  return TRUE;
}

typedef struct {
  char *backends, *widths, *patches, *batches, *tap;
  int threads, repeats;
  gboolean json;
  Choices width, patch, batch;
  int chosen_tap;
} Arguments;

static void
clear_arguments(Arguments *a)
{
  char *all[] = { a->backends, a->widths, a->patches, a->batches, a->tap };

  for (guint i = 0; i < G_N_ELEMENTS(all); i++)
    g_free(all[i]);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Arguments, clear_arguments)

static gboolean
check_arguments(Arguments *a, GError **error)
{
  static const char *const taps[] = { "first", "hidden", NULL };

  if (!parse_list("width", a->widths ? a->widths : "4,16", 1, CBIGAN_MAX_WIDTH, &a->width, error) ||
      !parse_list("patch", a->patches ? a->patches : "64,128", 64, 128, &a->patch, error) ||
      !parse_list("batch", a->batches ? a->batches : "1,16", 1, 1024, &a->batch, error) ||
      !cbigan_command_choice("tap", a->tap, taps, &a->chosen_tap, error) ||
      !cbigan_command_in_range("threads", a->threads, 0, 4096, error) ||
      !cbigan_command_in_range("repeats", a->repeats, 1, 10000, error))
    return FALSE;
  for (int i = 0; i < a->patch.n; i++)
    if (a->patch.values[i] != 64 && a->patch.values[i] != 128) {
      g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_ARGUMENT, _("--patch: %d, expected 64 or 128"), a->patch.values[i]);
      return FALSE;
    }
  return TRUE;
}

static GPtrArray *
make_cases(const Arguments *a, char **backends, GError **error)
{
  g_autoptr(GPtrArray) cases = g_ptr_array_new_with_free_func(free_case);

  for (; *backends; backends++)
    for (int w = 0; w < a->width.n; w++)
      for (int p = 0; p < a->patch.n; p++)
        for (int b = 0; b < a->batch.n; b++) {
          Case *c = new_case(*backends, a->width.values[w], a->patch.values[p], a->batch.values[b], a->threads,
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
  g_auto(Arguments) a = { .repeats = 11 };
  g_auto(GStrv) rest = NULL;
  g_auto(GStrv) backends = NULL;
  g_autoptr(GPtrArray) cases = NULL;
  g_autoptr(GError) error = NULL;
  GOptionEntry entries[] = {
    { "backend", 0, 0, G_OPTION_ARG_STRING, &a.backends, N_("Backends; auto unless given"), N_("LIST") },
    { "width", 0, 0, G_OPTION_ARG_STRING, &a.widths, N_("Widths c; 4,16 unless given"), N_("LIST") },
    { "patch", 0, 0, G_OPTION_ARG_STRING, &a.patches, N_("Patch sides; 64,128 unless given"), N_("LIST") },
    { "batch", 0, 0, G_OPTION_ARG_STRING, &a.batches, N_("Patches in a frame; 1,16 unless given"), N_("LIST") },
    { "tap", 0, 0, G_OPTION_ARG_STRING, &a.tap, N_("Feature f_D (Eq. 9): first or hidden"), N_("NAME") },
    { "threads", 0, 0, G_OPTION_ARG_INT, &a.threads, N_("Threads, 0 = as many as there are processors"), "N" },
    { "repeats", 0, 0, G_OPTION_ARG_INT, &a.repeats, N_("Turns; their median is shown"), "N" },
    { "json", 0, 0, G_OPTION_ARG_NONE, &a.json, N_("JSON, an object on each line"), NULL },
    { NULL },
  };

  if (!cbigan_command_parse(&usage, entries, argc, argv, &rest))
    return CBIGAN_EXIT_USAGE;
  if (!check_arguments(&a, &error))
    return cbigan_command_usage(error);
  backends = g_strsplit(a.backends ? a.backends : "auto", ",", -1);
  cases = make_cases(&a, backends, &error);
  if (!cases || !measure(cases, a.repeats, &error))
    return cbigan_command_fail(error);
  if (!a.json)
    printf("%-10s %6s %6s %6s %10s %12s %10s\n", _("backend"), _("width"), _("patch"), _("batch"), _("GFLOP"),
           _("ms a frame"), _("GFLOP/s"));
  for (guint i = 0; i < cases->len; i++)
    (a.json ? print_json : print_row)(g_ptr_array_index(cases, i));
  return CBIGAN_EXIT_FINE;
}
