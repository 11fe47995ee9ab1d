/* dataset.c - pictures for training and evaluation, read through GStreamer pipelines
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dataset.h"
#include "i18n.h"
#include "picture_reader.h"
#include <string.h>

/* Masks of defects, a convention of MVTec AD: pictures, but not of the product. */
#define MASKS "ground_truth"

static int
compare_names(gconstpointer a, gconstpointer b)
{
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Appends every file below `folder`, sorted by name within each folder; hidden ones left out. */
static gboolean
list_files(const char *folder, GPtrArray *files, GError **error)
{
  g_autoptr(GDir) dir = g_dir_open(folder, 0, error);
  g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
  const char *name;

  if (!dir)
    return FALSE;
  while ((name = g_dir_read_name(dir)))
    if (name[0] != '.' && !g_str_equal(name, MASKS))
      g_ptr_array_add(names, g_strdup(name));
  g_ptr_array_sort(names, compare_names);
  for (guint i = 0; i < names->len; i++) {
    g_autofree char *path = g_build_filename(folder, g_ptr_array_index(names, i), NULL);

    if (!g_file_test(path, G_FILE_TEST_IS_DIR))
      g_ptr_array_add(files, g_steal_pointer(&path));
    else if (!list_files(path, files, error))
      return FALSE;
  }
  return TRUE;
}

static char *
label_of(const char *root, const char *path)
{
  g_autofree char *folder = g_path_get_dirname(path);
  g_autofree char *top = g_canonicalize_filename(root, NULL);
  g_autofree char *full = g_canonicalize_filename(folder, NULL);

  return g_str_equal(top, full) || g_str_equal(root, path) ? g_strdup("") : g_path_get_basename(folder);
}

/* One run over a folder. */
typedef struct {
  const CbiganDatasetOptions *options;
  CbiganPictureFunc func;
  gpointer func_data;
  const char *label; /* of the file being read */
  gboolean stopped;  /* func refused */
  guint pictures;    /* handed to func */
  guint damaged;
} Run;

static gboolean
label_and_pass_on(CbiganPicture *picture, gpointer data, GError **error)
{
  Run *run = data;

  picture->label = g_strdup(run->label);
  run->stopped = !run->func(picture, run->func_data, error);
  return !run->stopped;
}

/* FALSE with an error that ends the run: func's own, or a damaged picture under `strict`. */
static gboolean
read_file(Run *run, CbiganPictureReader *reader, const char *path, GError **error)
{
  const CbiganDatasetOptions *options = run->options;
  g_autofree char *label = label_of(options->path, path);
  g_autoptr(GError) reason = NULL;
  g_autofree char *message = NULL;
  guint n, left = options->limit ? options->limit - run->pictures : 0;
  gboolean fine;

  run->label = label;
  fine = cbigan_picture_reader_file(reader, path, left, label_and_pass_on, run, &n, &reason);
  run->pictures += n;
  if (fine)
    return TRUE;
  if (run->stopped) {
    g_propagate_error(error, g_steal_pointer(&reason));
    return FALSE;
  }
  message = g_strdup_printf(_("%s: damaged or no picture that can be decoded here: %s"), path, reason->message);
  if (options->strict) {
    g_set_error_literal(error, CBIGAN_ERROR, CBIGAN_ERROR_FILE, message);
    return FALSE;
  }
  run->damaged++;
  if (options->warning)
    options->warning(message, options->data);
  return TRUE;
}

static gboolean
read_files(Run *run, CbiganPictureReader *reader, GPtrArray *files, GError **error)
{
  const CbiganDatasetOptions *options = run->options;
  gboolean single = files->len == 1 && g_str_equal(g_ptr_array_index(files, 0), options->path);

  for (guint i = 0; i < files->len && (!options->limit || run->pictures < options->limit); i++) {
    const char *path = g_ptr_array_index(files, i);

    if ((single || cbigan_is_picture(path)) && !read_file(run, reader, path, error))
      return FALSE;
    if (options->progress)
      options->progress(i + 1, files->len, options->data);
  }
  if (run->pictures)
    return TRUE;
  g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_FILE,
              _("%s: no picture that can be read: %u files there, %u of them damaged pictures; expected at least one "
                "picture, in the folder or below it"),
              options->path, files->len, run->damaged);
  return FALSE;
}

static gboolean
read_pipeline(Run *run, CbiganPictureReader *reader, GError **error)
{
  const CbiganDatasetOptions *options = run->options;
  g_autoptr(GError) reason = NULL;

  run->label = "";
  if (cbigan_picture_reader_pipeline(reader, options->pipeline, options->limit, label_and_pass_on, run, &run->pictures,
                                     &reason))
    return TRUE;
  if (run->stopped || g_error_matches(reason, CBIGAN_ERROR, CBIGAN_ERROR_ARGUMENT))
    g_propagate_error(error, g_steal_pointer(&reason));
  else
    g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_FILE, _("Pipeline \"%s\" failed after %u frames: %s"),
                options->pipeline, run->pictures, reason->message);
  return FALSE;
}

gboolean
cbigan_dataset_foreach(const CbiganDatasetOptions *options, CbiganPictureFunc func, gpointer func_data, GError **error)
{
  g_autoptr(CbiganPictureReader) reader =
      cbigan_picture_reader_new(options->width, options->height, options->originals);
  g_autoptr(GPtrArray) files = g_ptr_array_new_with_free_func(g_free);
  g_autoptr(GError) reason = NULL;
  Run run = { options, func, func_data };

  g_return_val_if_fail(!options->path != !options->pipeline, FALSE);
  if (options->pipeline)
    return read_pipeline(&run, reader, error);
  if (g_file_test(options->path, G_FILE_TEST_IS_REGULAR)) {
    g_ptr_array_add(files, g_strdup(options->path));
  } else if (!list_files(options->path, files, &reason)) {
    g_set_error_literal(error, CBIGAN_ERROR, CBIGAN_ERROR_FILE, reason->message);
    return FALSE;
  }
  return read_files(&run, reader, files, error);
}

static void
digest_number(GChecksum *digest, gint64 number)
{
  gint64 bytes = GINT64_TO_LE(number);

  g_checksum_update(digest, (const guchar *)&bytes, sizeof bytes);
}

static void
digest_picture(GChecksum *digest, const CbiganPicture *picture)
{
  digest_number(digest, (gint64)strlen(picture->label));
  g_checksum_update(digest, (const guchar *)picture->label, -1);
  digest_number(digest, picture->width);
  digest_number(digest, picture->height);
  g_checksum_update(digest, picture->pixels, (gssize)picture->width * picture->height * 3);
}

typedef struct {
  GPtrArray *pictures;
  GChecksum *checksum;
} Collected;

static gboolean
collect(CbiganPicture *picture, gpointer data, GError **error)
{
  Collected *collected = data;

  g_ptr_array_add(collected->pictures, picture);
  digest_picture(collected->checksum, picture);
  return TRUE;
}

CbiganDataset *
cbigan_dataset_load(const CbiganDatasetOptions *options, GError **error)
{
  g_autoptr(GChecksum) checksum = g_checksum_new(G_CHECKSUM_SHA256);
  g_autoptr(GPtrArray) pictures = g_ptr_array_new_with_free_func((GDestroyNotify)cbigan_picture_free);
  Collected collected = { pictures, checksum };
  CbiganDataset *dataset;

  if (!cbigan_dataset_foreach(options, collect, &collected, error))
    return NULL;
  dataset = g_new0(CbiganDataset, 1);
  dataset->pictures = g_steal_pointer(&pictures);
  dataset->digest = g_strdup(g_checksum_get_string(checksum));
  return dataset;
}

void
cbigan_dataset_free(CbiganDataset *dataset)
{
  if (!dataset)
    return;
  g_ptr_array_unref(dataset->pictures);
  g_free(dataset->digest);
  g_free(dataset);
}
