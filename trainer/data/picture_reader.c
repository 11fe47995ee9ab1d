/* picture_reader.c - pictures out of files and GStreamer pipelines
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A still picture is scanned (still.h) and decoded in memory; videos and formats that still.h does not know are played
 * by decodebin. Every frame is turned upright and goes through the element's own conversion (video_input.h).
 */
#include "picture_reader.h"
#include "file_source.h"
#include "i18n.h"
#include "memory.h"
#include "playback.h"
#include "still_decoder.h"
#include "upright.h"
#include "video_input.h"
#include <errno.h>
#include <gst/base/gsttypefindhelper.h>
#include <string.h>
#include <unistd.h>

struct _CbiganPictureReader {
  const CbiganDatasetOptions *options;
  GstVideoInfo info;                  /* what the inputs were made for */
  CbiganVideoInput *input, *original; /* original: NULL unless asked for */
};

/* One file or pipeline that is being read. */
typedef struct {
  CbiganPictureReader *reader;
  const char *path; /* NULL: a pipeline */
  guint limit;
  CbiganPictureFunc func;
  gpointer data;
  guint *n;
} Reading;

CbiganPictureReader *
cbigan_picture_reader_new(const CbiganDatasetOptions *options)
{
  CbiganPictureReader *self = g_new0(CbiganPictureReader, 1);

  self->options = options;
  return self;
}

static void
clear_inputs(CbiganPictureReader *self)
{
  g_clear_pointer(&self->input, cbigan_video_input_free);
  g_clear_pointer(&self->original, cbigan_video_input_free);
}

void
cbigan_picture_reader_free(CbiganPictureReader *self)
{
  if (!self)
    return;
  clear_inputs(self);
  g_free(self);
}

static gboolean
match_inputs(CbiganPictureReader *self, const GstVideoInfo *info, GError **error)
{
  int width = self->options->width, height = self->options->height;

  if (self->input && gst_video_info_is_equal(info, &self->info))
    return TRUE;
  clear_inputs(self);
  self->info = *info;
  if (self->options->cutout &&
      !cbigan_cutout_resize(self->options->cutout, width, height, info->width, info->height, &width, &height, error))
    return FALSE;
  self->input = cbigan_video_input_new(info, width, height, error);
  if (self->input && self->options->originals)
    self->original = cbigan_video_input_new(info, 0, 0, error);
  return self->input && (self->original || !self->options->originals);
}

/* (height, width, 3) without padding (transfer full); NULL without memory. */
static guint8 *
convert(CbiganVideoInput *input, GstVideoFrame *frame, int *width, int *height, GError **error)
{
  gsize stride, row;
  const guint8 *rgb = cbigan_video_input_convert(input, frame, width, height, &stride);
  guint8 *pixels;

  row = (gsize)*width * 3;
  pixels = g_try_malloc(row * (gsize)*height);
  if (!pixels)
    g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_FILE, _("out of memory for %dx%d pixels"), *width, *height);
  for (int y = 0; pixels && y < *height; y++)
    memcpy(pixels + (gsize)y * row, rgb + (gsize)y * stride, row);
  return pixels;
}

/* sample: upright. */
static CbiganPicture *
read_sample(CbiganPictureReader *self, GstSample *sample, GError **error)
{
  g_autoptr(CbiganPicture) picture = g_new0(CbiganPicture, 1);
  GstCaps *caps = gst_sample_get_caps(sample);
  gboolean fine;
  GstVideoInfo info;
  GstVideoFrame frame;

  if (!caps || !gst_video_info_from_caps(&info, caps) ||
      !gst_video_frame_map(&frame, &info, gst_sample_get_buffer(sample), GST_MAP_READ)) {
    g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_FILE, _("a frame that is no raw video"));
    return NULL;
  }
  fine = match_inputs(self, &info, error) &&
         (picture->pixels = convert(self->input, &frame, &picture->width, &picture->height, error)) &&
         (!self->original || (picture->original = convert(self->original, &frame, &picture->original_width,
                                                          &picture->original_height, error)));
  gst_video_frame_unmap(&frame);
  return fine ? g_steal_pointer(&picture) : NULL;
}

/* Takes the sample. FALSE with an error. */
static gboolean
pass_on(Reading *r, GstSample *sample, int orientation, GError **error)
{
  g_autoptr(GstSample) upright = cbigan_upright(sample, orientation, error);
  CbiganPicture *picture = upright ? read_sample(r->reader, upright, error) : NULL;

  if (!picture)
    return FALSE;
  picture->path = !r->path ? g_strdup_printf(_("frame %u"), *r->n + 1)
                  : *r->n  ? g_strdup_printf(_("%s, frame %u"), r->path, *r->n + 1)
                           : g_strdup(r->path);
  if (!r->func(picture, r->data, error))
    return FALSE;
  (*r->n)++;
  return TRUE;
}

static gboolean
wants_more(const Reading *r)
{
  return !r->limit || *r->n < r->limit;
}

static void
tell_waiting(guint seconds, gpointer data)
{
  const Reading *r = data;
  const CbiganDatasetOptions *options = r->reader->options;
  g_autofree char *message =
      g_strdup_printf(n_("waiting for %s for %u second", "waiting for %s for %u seconds", seconds),
                      r->path ? r->path : options->pipeline, seconds);

  if (options->note)
    options->note(message, options->data);
}

/* Takes the playback. */
static gboolean
play(Reading *r, CbiganPlayback *taken, GError **error)
{
  g_autoptr(CbiganPlayback) playback = taken;
  GError *failure = NULL;

  if (!playback)
    return FALSE;
  cbigan_playback_start(playback, tell_waiting, r);
  while (!failure && wants_more(r)) {
    GstSample *sample = cbigan_playback_pull(playback, &failure);

    if (!sample || !pass_on(r, sample, cbigan_playback_orientation(playback), &failure))
      break;
  }
  if (!failure && *r->n == 0)
    g_set_error(&failure, CBIGAN_ERROR, CBIGAN_ERROR_FILE, _("no picture in it"));
  if (failure)
    g_propagate_error(error, failure);
  return !failure;
}

/* What decoding and conversion keep at once, in bytes per pixel: the decoder's picture in two forms, and RGB to turn,
 * for the original, and for a model that takes frames of any size. */
static guint64
bytes_per_pixel(const CbiganDatasetOptions *options, const CbiganStill *still)
{
  gboolean native = !options->width || options->cutout;

  return 10 + (still->orientation != 1 ? 6 : 0) + (options->originals ? 6 : 0) + (native ? 6 : 0);
}

static gboolean
check_memory(const CbiganDatasetOptions *options, const CbiganStill *still, GError **error)
{
  g_autoptr(GError) reason = NULL;

  if (cbigan_memory_check(still->width * still->height * bytes_per_pixel(options, still), &reason))
    return TRUE;
  g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_FILE, _("%zux%zu pixels: %s"), (gsize)still->width,
              (gsize)still->height, reason->message);
  return FALSE;
}

/* GIF and PNG hold animations whose first frame stands for the rest, as no decoder here gives the others. */
static void
tell_frames(const Reading *r, const CbiganStill *still)
{
  const CbiganDatasetOptions *options = r->reader->options;
  g_autofree char *message = NULL;

  if (still->pictures < 2 || still->pages || !options->note)
    return;
  message = g_strdup_printf(_("%s: an animation of %u frames; the first one is read"), r->path, still->pictures);
  options->note(message, options->data);
}

static gboolean
read_still(Reading *r, guint8 *data, gsize size, GError **error)
{
  g_auto(CbiganStill) still = { 0 };
  guint pages;

  if (!cbigan_still_scan(data, size, &still, error) || !check_memory(r->reader->options, &still, error))
    return FALSE;
  tell_frames(r, &still);
  pages = still.pages ? still.pictures : 1;
  for (guint page = 0; page < pages && wants_more(r); page++) {
    GstSample *sample = cbigan_still_decode(data, &still, page, error);

    if (!sample || !pass_on(r, sample, still.orientation, error))
      return FALSE;
  }
  return TRUE;
}

/* Reads `size` bytes. FALSE with an error; a file that has become shorter is filled up with zeros, which is damage. */
static gboolean
read_bytes(int fd, guint8 *data, gsize size, gsize *length, GError **error)
{
  ssize_t n = 1;

  for (*length = 0; *length < size && n > 0;) {
    n = pread(fd, data + *length, size - *length, (off_t)*length);
    if (n < 0 && errno == EINTR)
      n = 1;
    else if (n > 0)
      *length += (gsize)n;
  }
  if (n < 0)
    g_set_error_literal(error, CBIGAN_ERROR, CBIGAN_ERROR_FILE, g_strerror(errno));
  return n >= 0;
}

/* The whole file (free with g_free()); NULL with an error. */
static guint8 *
load(int fd, gsize *size, GError **error)
{
  guint8 *data;

  if (!cbigan_memory_check(*size, error))
    return NULL;
  data = g_try_malloc(*size + 1);
  if (!data)
    g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_FILE, _("out of memory for a file of %zu bytes"), *size);
  else if (!read_bytes(fd, data, *size, size, error))
    g_clear_pointer(&data, g_free);
  return data;
}

/* Takes `fd`. A format that has a name is called by it where decodebin can't read it. */
static gboolean
play_file(Reading *r, int fd, gsize size, const char *name, GError **error)
{
  g_autoptr(GError) reason = NULL;

  if (play(r, cbigan_playback_file(fd, size, &reason), &reason))
    return TRUE;
  if (name && *r->n == 0 && g_error_matches(reason, CBIGAN_ERROR, CBIGAN_ERROR_FILE))
    g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_FILE, _("%s, which nothing here decodes; convert it to PNG (%s)"),
                name, reason->message);
  else
    g_propagate_error(error, g_steal_pointer(&reason));
  return FALSE;
}

gboolean
cbigan_picture_reader_file(CbiganPictureReader *self, const char *path, guint limit, CbiganPictureFunc func,
                           gpointer data, guint *n, GError **error)
{
  Reading reading = { self, path, limit, func, data, n };
  guint8 head[CBIGAN_STILL_HEAD];
  g_autofree guint8 *whole = NULL;
  gsize size = 0, length = 0;
  gboolean fine = FALSE;
  int fd = cbigan_file_open(path, &size, error);

  *n = 0;
  if (fd < 0)
    return FALSE;
  if (!read_bytes(fd, head, sizeof head, &length, error))
    ; /* nothing to do but to close it */
  else if (!length)
    g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_FILE, _("the file is empty"));
  else if (cbigan_still_format(head, length) == CBIGAN_STILL_NONE)
    return play_file(&reading, fd, size, cbigan_still_unknown_name(head, length), error);
  else if ((whole = load(fd, &size, error)))
    fine = read_still(&reading, whole, size, error);
  close(fd);
  return fine;
}

gboolean
cbigan_picture_reader_pipeline(CbiganPictureReader *self, const char *description, guint limit, CbiganPictureFunc func,
                               gpointer data, guint *n, GError **error)
{
  Reading reading = { self, NULL, limit, func, data, n };

  *n = 0;
  return play(&reading, cbigan_playback_description(description, error), error);
}

static gboolean
is_video(const GstCaps *caps)
{
  const char *name = caps && gst_caps_get_size(caps) ? gst_structure_get_name(gst_caps_get_structure(caps, 0)) : "";

  return (g_str_has_prefix(name, "image/") && !g_str_has_prefix(name, "image/svg")) || g_str_has_prefix(name, "video/");
}

/* gst_type_find_helper_for_extension() leaves out all types that could be told from their content too. */
static gboolean
is_video_extension(const char *extension)
{
  static const char *const others[] = {
    "heic", "heif", "avif", "jxl", "jfif", "dng", "nef", "cr2", "cr3", "arw", NULL
  };
  g_autolist(GstTypeFindFactory) factories = NULL;

  if (g_strv_contains(others, extension))
    return TRUE;
  factories = gst_type_find_factory_get_list();
  for (GList *l = factories; l; l = l->next) {
    const char *const *known = gst_type_find_factory_get_extensions(l->data);

    if (known && g_strv_contains(known, extension) && is_video(gst_type_find_factory_get_caps(l->data)))
      return TRUE;
  }
  return FALSE;
}

CbiganFileKind
cbigan_file_kind(const char *path)
{
  g_autoptr(GstCaps) caps = NULL;
  g_autofree char *extension = NULL;
  guint8 head[CBIGAN_STILL_HEAD];
  GstTypeFindProbability certainty = GST_TYPE_FIND_NONE;
  const char *dot = strrchr(path, '.');
  gsize length = 0, size;
  int fd = cbigan_file_open(path, &size, NULL);

  if (fd >= 0) {
    read_bytes(fd, head, sizeof head, &length, NULL);
    close(fd);
  }
  if (length && cbigan_still_format(head, length) != CBIGAN_STILL_NONE)
    return cbigan_still_is_heatmap(head, length) ? CBIGAN_FILE_HEATMAP : CBIGAN_FILE_PICTURE;
  extension = dot && !strchr(dot, '/') ? g_ascii_strdown(dot + 1, -1) : NULL;
  if (extension && is_video_extension(extension))
    return CBIGAN_FILE_PICTURE;
  if (length)
    caps = gst_type_find_helper_for_data(NULL, head, length, &certainty);
  return is_video(caps) && certainty >= GST_TYPE_FIND_LIKELY ? CBIGAN_FILE_PICTURE : CBIGAN_FILE_OTHER;
}
