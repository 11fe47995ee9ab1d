/* picture_source.c - all pictures of a file, a folder or a pipeline, one after the other
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "picture_source.h"
#include "folder.h"
#include "i18n.h"
#include "picture_reader.h"
#include "score/areas/areas.h"
#include "tally.h"

/* One run over a folder. */
typedef struct {
  const CbiganDatasetOptions *options;
  CbiganPictureFunc func;
  gpointer func_data;
  const CbiganListedFile *file; /* that is being read; NULL: a pipeline */
  CbiganTally *tally;
  CbiganAreas *areas; /* NULL: every pixel counts */
  gboolean stopped;   /* func refused */
  gboolean small;     /* the picture has fewer pixels than asked for */
  guint pictures;     /* handed to func */
  guint damaged;
} Run;

static gboolean
label_and_pass_on(CbiganPicture *picture, gpointer data, GError **error)
{
  Run *run = data;
  int least = run->options->least;

  if (MIN(picture->width, picture->height) < least) {
    g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_FILE, _("%dx%d pixels; expected at least %dx%d"), picture->width,
                picture->height, least, least);
    cbigan_picture_free(picture);
    run->small = TRUE;
    return FALSE;
  }
  if (run->areas && !cbigan_areas_prepare(run->areas, picture->width, picture->height, error)) {
    cbigan_picture_free(picture);
    return FALSE;
  }
  if (run->areas)
    cbigan_areas_fill(run->areas, picture->pixels);
  picture->label = g_strdup(run->file ? run->file->label : "");
  if (run->file)
    cbigan_tally_add_picture(run->tally, run->file->folder);
  run->stopped = !run->func(picture, run->func_data, error);
  return !run->stopped;
}

/* A file or folder that can't be read: an error under `strict`, or a warning. */
static gboolean
skip(Run *run, const char *problem, GError **error)
{
  const CbiganDatasetOptions *options = run->options;
  g_autofree char *message = NULL;

  if (options->strict) {
    g_set_error_literal(error, CBIGAN_ERROR, CBIGAN_ERROR_FILE, problem);
    return FALSE;
  }
  message = g_strdup_printf(_("skipped %s"), problem);
  if (options->warning)
    options->warning(message, options->data);
  return TRUE;
}

/* FALSE with an error that ends the run: func's own, or a damaged picture under `strict`. */
static gboolean
read_file(Run *run, CbiganPictureReader *reader, const CbiganListedFile *file, GError **error)
{
  const CbiganDatasetOptions *options = run->options;
  g_autoptr(GError) reason = NULL;
  g_autofree char *problem = NULL;
  guint n, left = options->limit ? options->limit - run->pictures : 0;
  gboolean fine;

  if (options->shard && options->shard->seen++ % options->shard->of != options->shard->index - 1)
    return TRUE;
  run->file = file;
  run->small = FALSE;
  fine = cbigan_picture_reader_file(reader, file->path, left, label_and_pass_on, run, &n, &reason);
  run->pictures += n;
  if (fine)
    return TRUE;
  if (run->stopped) {
    g_propagate_error(error, g_steal_pointer(&reason));
    return FALSE;
  }
  run->damaged++;
  problem = run->small ? g_strdup_printf("%s: %s", file->path, reason->message)
                       : g_strdup_printf(_("%s: damaged or no picture that can be decoded here: %s"), file->path,
                                         reason->message);
  return skip(run, problem, error);
}

/* Reads a file if it is a picture, or the only one that was asked for. */
static gboolean
look_at_file(Run *run, CbiganPictureReader *reader, const CbiganListedFile *file, GError **error)
{
  gboolean single = g_str_equal(file->path, run->options->path);
  CbiganFileKind kind = single ? CBIGAN_FILE_PICTURE : cbigan_file_kind(file->path);

  if (kind == CBIGAN_FILE_PICTURE)
    return read_file(run, reader, file, error);
  if (kind == CBIGAN_FILE_HEATMAP)
    cbigan_tally_add_heatmap(run->tally);
  else
    cbigan_tally_add_other(run->tally, file->path);
  return TRUE;
}

/* Tells what came from where. FALSE with an error if nothing came. */
static gboolean
end_folder(const Run *run, const CbiganListing *listing, GError **error)
{
  const CbiganDatasetOptions *options = run->options;
  g_autofree char *description = cbigan_tally_describe(run->tally, options->path, listing);

  if (run->pictures || (options->shard && options->shard->seen)) {
    if (options->note)
      options->note(description, options->data);
    return TRUE;
  }
  g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_FILE,
              n_("%s: no picture that can be read: %u file there, %u of them damaged pictures; expected at least one "
                 "picture, in the folder or below it (%s)",
                 "%s: no picture that can be read: %u files there, %u of them damaged pictures; expected at least one "
                 "picture, in the folder or below it (%s)",
                 listing->files->len),
              options->path, listing->files->len, run->damaged, description);
  return FALSE;
}

static gboolean
read_files(Run *run, CbiganPictureReader *reader, const CbiganListing *listing, GError **error)
{
  const CbiganDatasetOptions *options = run->options;

  for (guint i = 0; i < listing->problems->len; i++)
    if (!skip(run, g_ptr_array_index(listing->problems, i), error))
      return FALSE;
  for (guint i = 0; i < listing->files->len && (!options->limit || run->pictures < options->limit); i++) {
    if (!look_at_file(run, reader, g_ptr_array_index(listing->files, i), error))
      return FALSE;
    if (options->progress)
      options->progress(i + 1, listing->files->len, options->data);
  }
  return end_folder(run, listing, error);
}

/* A file that is asked for by name is read whatever it is, and its error is the run's. */
static gboolean
read_single(Run *run, CbiganPictureReader *reader, const CbiganListing *listing, GError **error)
{
  CbiganDatasetOptions strict = *run->options;

  strict.strict = TRUE;
  run->options = &strict;
  return read_file(run, reader, g_ptr_array_index(listing->files, 0), error);
}

static gboolean
read_pipeline(Run *run, CbiganPictureReader *reader, GError **error)
{
  const CbiganDatasetOptions *options = run->options;
  g_autoptr(GError) reason = NULL;

  if (cbigan_picture_reader_pipeline(reader, options->pipeline, options->limit, label_and_pass_on, run, &run->pictures,
                                     &reason))
    return TRUE;
  if (run->stopped || g_error_matches(reason, CBIGAN_ERROR, CBIGAN_ERROR_ARGUMENT))
    g_propagate_error(error, g_steal_pointer(&reason));
  else
    g_set_error(
        error, CBIGAN_ERROR, CBIGAN_ERROR_FILE,
        n_("pipeline “%s” failed after %u frame: %s", "pipeline “%s” failed after %u frames: %s", run->pictures),
        options->pipeline, run->pictures, reason->message);
  return FALSE;
}

gboolean
cbigan_picture_source_read(const CbiganDatasetOptions *options, CbiganPictureFunc func, gpointer func_data,
                           GError **error)
{
  g_autoptr(CbiganPictureReader) reader = cbigan_picture_reader_new(options);
  g_autoptr(CbiganTally) tally = cbigan_tally_new();
  g_autoptr(CbiganListing) listing = NULL;
  g_autoptr(CbiganAreas) areas = NULL;
  Run run = { options, func, func_data, NULL, tally };

  g_return_val_if_fail(!options->path != !options->pipeline, FALSE);
  if (options->mask && !cbigan_areas_for_frames(options->mask, NULL, 0, &areas, error))
    return FALSE;
  run.areas = areas;
  if (options->pipeline)
    return read_pipeline(&run, reader, error);
  listing = cbigan_folder_list(options->path, options->training, error);
  if (!listing)
    return FALSE;
  return g_file_test(options->path, G_FILE_TEST_IS_DIR) ? read_files(&run, reader, listing, error)
                                                        : read_single(&run, reader, listing, error);
}
