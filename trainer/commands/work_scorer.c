/* work_scorer.c - scores jobs, in the child of a worker
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "command.h"
#include "i18n.h"
#include "picture_scorer.h"
#include "result_json.h"
#include "work_child.h"
#include <errno.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <signal.h>
#include <unistd.h>

/* A model that stays loaded. */
typedef struct {
  char *name;
  GStatBuf file; /* as it was when it was loaded */
  CbiganModel *model;
  CbiganScorer *scorer;
} Loaded;

typedef struct {
  const CbiganWorkSettings *settings;
  GQueue loaded; /* of Loaded, the one used last first */
} Child;

static void
loaded_free(Loaded *self)
{
  g_clear_pointer(&self->scorer, cbigan_scorer_free);
  g_clear_pointer(&self->model, cbigan_model_unref);
  g_free(self->name);
  g_free(self);
}

static gboolean
is_unchanged(const Loaded *loaded, const GStatBuf *now)
{
  const GStatBuf *then = &loaded->file;

  return then->st_ino == now->st_ino && then->st_size == now->st_size && then->st_mtim.tv_sec == now->st_mtim.tv_sec &&
         then->st_mtim.tv_nsec == now->st_mtim.tv_nsec;
}

static Loaded *
load(Child *self, const char *name, const char *path, const GStatBuf *file, GError **error)
{
  Loaded *loaded = g_new0(Loaded, 1);

  loaded->name = g_strdup(name);
  loaded->file = *file;
  loaded->model = cbigan_model_load(path, error);
  if (loaded->model)
    loaded->scorer = cbigan_scorer_new(loaded->model, &self->settings->scorer, error);
  if (loaded->scorer)
    return loaded;
  loaded_free(loaded);
  return NULL;
}

/* The model of that name, loaded if it is not, or if its file has changed. NULL with an error. */
static const Loaded *
find_model(Child *self, const char *name, GError **error)
{
  g_autofree char *file = g_strconcat(name, ".safetensors", NULL);
  g_autofree char *path = g_build_filename(self->settings->models, file, NULL);
  GStatBuf now;

  if (strpbrk(name, "/\\") || *name == '.' || g_stat(path, &now) != 0) {
    cbigan_refuse(error, _("no model “%s” in %s"), name, self->settings->models);
    return NULL;
  }
  for (GList *link = self->loaded.head; link; link = link->next) {
    Loaded *loaded = link->data;

    if (!g_str_equal(loaded->name, name))
      continue;
    g_queue_delete_link(&self->loaded, link);
    if (is_unchanged(loaded, &now)) {
      g_queue_push_head(&self->loaded, loaded);
      return loaded;
    }
    loaded_free(loaded);
    break;
  }
  while (g_queue_get_length(&self->loaded) >= self->settings->keep)
    loaded_free(g_queue_pop_tail(&self->loaded));
  Loaded *loaded = load(self, name, path, &now, error);
  if (loaded)
    g_queue_push_head(&self->loaded, loaded);
  return loaded;
}

typedef struct {
  const CbiganModelInfo *info;
  JsonBuilder *builder;
} Scoring;

static gboolean
add_result(const CbiganPicture *picture, const CbiganResult *result, gpointer data, GError **error)
{
  const Scoring *scoring = data;

  cbigan_result_json_add(scoring->builder, picture->path, result, cbigan_result_faults(scoring->info, picture, result));
  return TRUE;
}

/* Adds one object per picture to the builder, which is in an array. */
static gboolean
score(const Loaded *loaded, const char *uri, JsonBuilder *builder, GError **error)
{
  const CbiganModelInfo *info = cbigan_model_info(loaded->model);
  Scoring scoring = { info, builder };
  g_autoptr(CbiganPictureScorer) pictures = cbigan_picture_scorer_new(loaded->scorer, TRUE, add_result, &scoring);
  g_autofree char *scheme = g_uri_parse_scheme(uri);
  g_autofree char *path = !scheme                       ? g_strdup(uri)
                          : g_str_equal(scheme, "file") ? g_filename_from_uri(uri, NULL, error)
                                                        : NULL;
  g_autofree char *escaped = g_strescape(uri, NULL);
  g_autofree char *pipeline = g_strdup_printf("uridecodebin uri=\"%s\"", escaped);
  const CbiganDatasetOptions options = {
    .path = path,
    .pipeline = path ? NULL : pipeline,
    .width = info->frame_width,
    .height = info->frame_height,
    .least = info->frame_width ? 0 : info->patch,
    .strict = TRUE,
  };

  if (!path && scheme && g_str_equal(scheme, "file"))
    return FALSE;
  return cbigan_dataset_foreach(&options, cbigan_picture_scorer_push, pictures, error) &&
         cbigan_picture_scorer_flush(pictures, error);
}

/* The answer to a job (transfer full): an array of results, or a string that says what is wrong. */
static char *
answer(Child *self, JsonObject *job)
{
  g_autoptr(JsonBuilder) builder = json_builder_new();
  g_autoptr(GError) error = NULL;
  g_autoptr(JsonNode) root = NULL;
  const Loaded *loaded = find_model(self, json_object_get_string_member(job, "model"), &error);

  json_builder_begin_array(builder);
  if (loaded && score(loaded, json_object_get_string_member(job, "uri"), builder, &error)) {
    json_builder_end_array(builder);
    root = json_builder_get_root(builder);
  } else {
    root = json_node_init_string(json_node_alloc(), error->message);
  }
  return json_to_string(root, FALSE);
}

int
cbigan_work_child_main(const CbiganWorkSettings *settings)
{
  Child child = { settings, G_QUEUE_INIT };
  g_autofree char *line = NULL;
  gsize size = 0;
  FILE *out;

  prctl(PR_SET_PDEATHSIG, SIGKILL);
  signal(SIGINT, SIG_IGN); /* of a terminal: the worker wants this job's answer */
  /* Whatever a library prints must not end up between the answers. */
  out = fdopen(dup(STDOUT_FILENO), "w");
  dup2(STDERR_FILENO, STDOUT_FILENO);
  while (out && getline(&line, &size, stdin) > 0) {
    g_autoptr(JsonNode) node = json_from_string(line, NULL);
    g_autofree char *text = answer(&child, json_node_get_object(node));

    if (fprintf(out, "%s\n", text) < 0 || fflush(out) != 0)
      return CBIGAN_EXIT_FAILED;
  }
  g_queue_clear_full(&child.loaded, (GDestroyNotify)loaded_free);
  return out ? CBIGAN_EXIT_FINE : CBIGAN_EXIT_FAILED;
}
