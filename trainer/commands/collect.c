/* collect.c - cbigan collect: good frames of a camera or a video into a folder, to train on
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "command.h"
#include "data/similar.h"
#include "heatmap_file.h"
#include "i18n.h"
#include <errno.h>
#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

#define DOUBTFUL 0.05 /* from the threshold, on the normalized scale */

static const CbiganUsage usage = {
  N_("SOURCE --output DIR"),
  N_("Saves frames as PNG files in DIR, to train on. SOURCE is a file, a folder, or the URI of a stream; --pipeline\n"
     "replaces it. Frames that nearly are copies of one that is in DIR already are left out. With --model, frames "
     "that\n"
     "the model calls anomalous are left out too."),
  "  cbigan collect --pipeline \"v4l2src ! videoconvert\" --limit 300 --every 15 --output good/\n"
  "  cbigan collect rtsp://camera/stream --limit 300 --every 25 --output good/\n"
  "  cbigan collect night.mkv --model cloth.safetensors --doubtful --output doubtful/",
  0,
  1,
};

typedef struct {
  char *output, *model, *pipeline;
  int limit, every;
  double difference; /* NAN = found out */
  gboolean doubtful;
  CbiganRunOptions run;
} Arguments;

static void
clear_arguments(Arguments *a)
{
  char *all[] = { a->output, a->model, a->pipeline, a->run.backend };

  for (guint i = 0; i < G_N_ELEMENTS(all); i++)
    g_free(all[i]);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Arguments, clear_arguments)

/* One run. */
typedef struct {
  const Arguments *arguments;
  CbiganKept *kept;
  CbiganScorer *scorer; /* NULL = every frame is good */
  CbiganResult result;
  guint seen, saved, copies, refused; /* frames; refused: by the model */
  guint number;                       /* of the last file */
  gboolean enough;
} Collecting;

/* Whether the model lets the frame pass. */
static gboolean
is_wanted(Collecting *c, const CbiganPicture *picture, gboolean *wanted, GError **error)
{
  const CbiganFrame frame = cbigan_picture_frame(picture);

  *wanted = TRUE;
  if (!c->scorer)
    return TRUE;
  if (!cbigan_scorer_score(c->scorer, &frame, 1, &c->result, error))
    return FALSE;
  *wanted = c->arguments->doubtful ? fabs(c->result.normalized - 0.5) <= DOUBTFUL : !c->result.anomalous;
  return TRUE;
}

/* A name that no file has. */
static char *
next_path(Collecting *c)
{
  for (;;) {
    g_autofree char *name = g_strdup_printf("frame-%06u.png", ++c->number);
    char *path = g_build_filename(c->arguments->output, name, NULL);

    if (!g_file_test(path, G_FILE_TEST_EXISTS))
      return path;
    g_free(path);
  }
}

static gboolean
save(Collecting *c, const CbiganPicture *picture, GError **error)
{
  g_autofree char *path = next_path(c);

  if (picture->original
          ? !cbigan_png_write(picture->original, picture->original_width, picture->original_height, path, error)
          : !cbigan_png_write(picture->pixels, picture->width, picture->height, path, error))
    return FALSE;
  c->saved++;
  return TRUE;
}

static gboolean
take(CbiganPicture *taken, gpointer data, GError **error)
{
  g_autoptr(CbiganPicture) picture = taken;
  Collecting *c = data;
  gboolean wanted = c->seen++ % (guint)c->arguments->every == 0;

  if (!wanted)
    return TRUE;
  if (!is_wanted(c, picture, &wanted, error))
    return FALSE;
  if (!wanted) {
    c->refused++;
    return TRUE;
  }
  if (!cbigan_kept_add(c->kept, picture)) {
    c->copies++;
    return TRUE;
  }
  if (!save(c, picture, error))
    return FALSE;
  c->enough = c->arguments->limit && c->saved == (guint)c->arguments->limit;
  if (c->enough) /* ends the reading, which is no failure */
    g_set_error_literal(error, CBIGAN_ERROR, CBIGAN_ERROR_FILE, "enough");
  return !c->enough;
}

/* A picture that an earlier run has saved. */
static gboolean
remember(CbiganPicture *taken, gpointer data, GError **error)
{
  g_autoptr(CbiganPicture) picture = taken;

  cbigan_kept_add(((Collecting *)data)->kept, picture);
  return TRUE;
}

static gboolean
has_files(const char *folder)
{
  g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);

  return dir && g_dir_read_name(dir);
}

/* The pipeline for a URI (transfer full); NULL: SOURCE is a file or a folder. */
static char *
uri_pipeline(const char *source)
{
  g_autofree char *scheme = source ? g_uri_parse_scheme(source) : NULL;

  return scheme && strstr(source, "://") ? g_strdup_printf("uridecodebin uri=\"%s\" ! videoconvert", source) : NULL;
}

static gboolean
collect(Collecting *c, const Arguments *a, const CbiganModelInfo *info, const char *source, GError **error)
{
  g_autofree char *pipeline = a->pipeline ? g_strdup(a->pipeline) : uri_pipeline(source);
  g_autoptr(GError) reason = NULL;
  CbiganDatasetOptions options = { .path = a->output,
                                   .width = info ? info->frame_width : 0,
                                   .height = info ? info->frame_height : 0,
                                   .originals = info != NULL };

  if (g_mkdir_with_parents(a->output, 0777) != 0) {
    g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_FILE, "%s: %s", a->output, g_strerror(errno));
    return FALSE;
  }
  if (has_files(a->output) && !cbigan_dataset_foreach(&options, remember, c, &reason))
    g_clear_error(&reason); /* no picture among them */
  cbigan_command_show_reading(&options);
  options.path = pipeline ? NULL : source;
  options.pipeline = pipeline;
  if (!cbigan_dataset_foreach(&options, take, c, &reason) && !c->enough) {
    g_propagate_error(error, g_steal_pointer(&reason));
    return FALSE;
  }
  return TRUE;
}

static CbiganExit
run(const Arguments *a, const char *source)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(CbiganModel) model = NULL;
  g_autoptr(CbiganScorer) scorer = NULL;
  g_autoptr(CbiganKept) kept = cbigan_kept_new(a->difference);
  CbiganScorerOptions options = CBIGAN_SCORER_OPTIONS_INIT;
  Collecting c = { .arguments = a, .kept = kept };
  gboolean fine;

  options.backend = a->run.backend;
  options.device = a->run.device;
  options.threads = a->run.threads;
  options.maps = CBIGAN_MAPS_NONE;
  if (a->model &&
      (!(model = cbigan_model_load(a->model, &error)) || !(scorer = cbigan_scorer_new(model, &options, &error))))
    return cbigan_command_fail(error);
  c.scorer = scorer;
  fine = collect(&c, a, model ? cbigan_model_info(model) : NULL, source, &error);
  cbigan_result_clear(&c.result);
  cbigan_command_note(n_("%u of %u frame saved in %s; %u nearly were copies, %u the model left out",
                         "%u of %u frames saved in %s; %u nearly were copies, %u the model left out", c.seen),
                      c.saved, c.seen, a->output, c.copies, c.refused);
  if (!fine)
    return cbigan_command_fail(error);
  return c.saved ? CBIGAN_EXIT_FINE : CBIGAN_EXIT_FAILED;
}

static gboolean
check_arguments(const Arguments *a, const char *source, GError **error)
{
  if (!a->output)
    return cbigan_refuse(error, _("--output is missing: the folder to write to"));
  if (!source == !a->pipeline)
    return cbigan_refuse(error, _("expected either a file, folder or URI, or --pipeline"));
  if (a->doubtful && !a->model)
    return cbigan_refuse(error, _("--doubtful without --model; expected the model whose threshold is meant"));
  return cbigan_command_check_run(&a->run, error) && cbigan_command_in_range("limit", a->limit, 0, 1e6, error) &&
         cbigan_command_in_range("every", a->every, 1, 1e6, error) &&
         (isnan(a->difference) || cbigan_command_in_range("difference", a->difference, 0, 255, error));
}

CbiganExit
cbigan_cmd_collect(int argc, char **argv)
{
  g_auto(Arguments) a = { .every = 1, .difference = NAN };
  g_auto(GStrv) rest = NULL;
  g_autoptr(GError) error = NULL;
  GOptionEntry entries[] = {
    { "output", 'o', 0, G_OPTION_ARG_FILENAME, &a.output, N_("Folder to write to; frames are added to it"), N_("DIR") },
    { "pipeline", 0, 0, G_OPTION_ARG_STRING, &a.pipeline, N_("GStreamer launch description that ends in raw video"),
      N_("TEXT") },
    { "limit", 0, 0, G_OPTION_ARG_INT, &a.limit, N_("Stop after N saved frames, 0 = at the end"), "N" },
    { "every", 0, 0, G_OPTION_ARG_INT, &a.every, N_("Look at every N-th frame only"), "N" },
    { "difference", 0, 0, G_OPTION_ARG_DOUBLE, &a.difference,
      N_("Mean difference in levels of 255 below which a frame nearly is a copy, instead of a sixth of the usual one, "
         "1 to 4"),
      "X" },
    { "model", 'm', 0, G_OPTION_ARG_FILENAME, &a.model, N_("Save only frames that this model calls good"),
      N_("MODEL") },
    { "doubtful", 0, 0, G_OPTION_ARG_NONE, &a.doubtful,
      N_("Save only frames near the model's threshold, of both verdicts"), NULL },
    CBIGAN_RUN_ENTRIES(&a.run),
    { NULL },
  };

  if (!cbigan_command_parse(&usage, entries, argc, argv, &rest))
    return CBIGAN_EXIT_USAGE;
  if (!check_arguments(&a, rest[0], &error))
    return cbigan_command_usage(error);
  return run(&a, rest[0]);
}
