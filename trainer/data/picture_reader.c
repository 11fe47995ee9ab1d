/* picture_reader.c - pictures out of GStreamer pipelines
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A file becomes `filesrc ! decodebin`, any other source is a launch description; both end in an appsink, and what
 * arrives there goes through the element's own conversion (video_input.h).
 */
#include "picture_reader.h"
#include "i18n.h"
#include "video_input.h"
#include <gio/gio.h>
#include <gst/app/gstappsink.h>
#include <gst/base/gsttypefindhelper.h>

#define SINK "appsink name=cbigan-pictures caps=video/x-raw sync=false max-buffers=4"
#define TYPEFIND_BYTES 4096
#define POLL (50 * GST_MSECOND) /* between looks at the bus while no frame comes */

struct _CbiganPictureReader {
  int width, height;
  gboolean originals;
  GstVideoInfo info;                  /* what the inputs were made for */
  CbiganVideoInput *input, *original; /* original: NULL unless asked for */
};

/* BMP, TIFF, PGM, PPM: of GStreamer's good plugins only gdkpixbufdec reads them, and decodebin does not try it on its
 * own. Decoders made for one format stay first. */
static void
offer_gdk_pixbuf(void)
{
  g_autoptr(GstPluginFeature) feature = gst_registry_lookup_feature(gst_registry_get(), "gdkpixbufdec");

  if (feature && gst_plugin_feature_get_rank(feature) == GST_RANK_NONE)
    gst_plugin_feature_set_rank(feature, GST_RANK_MARGINAL);
}

CbiganPictureReader *
cbigan_picture_reader_new(int width, int height, gboolean originals)
{
  CbiganPictureReader *self = g_new0(CbiganPictureReader, 1);

  offer_gdk_pixbuf();
  self->width = width;
  self->height = height;
  self->originals = originals;
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

void
cbigan_picture_free(CbiganPicture *picture)
{
  if (!picture)
    return;
  g_free(picture->path);
  g_free(picture->label);
  g_free(picture->pixels);
  g_free(picture->original);
  g_free(picture);
}

static gboolean
match_inputs(CbiganPictureReader *self, const GstVideoInfo *info, GError **error)
{
  if (self->input && gst_video_info_is_equal(info, &self->info))
    return TRUE;
  clear_inputs(self);
  self->info = *info;
  self->input = cbigan_video_input_new(info, self->width, self->height, error);
  if (self->input && self->originals)
    self->original = cbigan_video_input_new(info, 0, 0, error);
  return self->input && (self->original || !self->originals);
}

/* (height, width, 3) without padding (transfer full). */
static guint8 *
convert(CbiganVideoInput *input, GstVideoFrame *frame, int *width, int *height)
{
  gsize stride, row;
  const guint8 *rgb = cbigan_video_input_convert(input, frame, width, height, &stride);
  guint8 *pixels;

  row = (gsize)*width * 3;
  pixels = g_malloc(row * *height);
  for (int y = 0; y < *height; y++)
    memcpy(pixels + y * row, rgb + y * stride, row);
  return pixels;
}

static CbiganPicture *
read_sample(CbiganPictureReader *self, GstSample *sample, GError **error)
{
  g_autoptr(CbiganPicture) picture = g_new0(CbiganPicture, 1);
  GstCaps *caps = gst_sample_get_caps(sample);
  GstVideoInfo info;
  GstVideoFrame frame;

  if (!caps || !gst_video_info_from_caps(&info, caps) ||
      !gst_video_frame_map(&frame, &info, gst_sample_get_buffer(sample), GST_MAP_READ)) {
    g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_FILE, _("a frame that is no raw video"));
    return NULL;
  }
  if (match_inputs(self, &info, error)) {
    picture->pixels = convert(self->input, &frame, &picture->width, &picture->height);
    if (self->original)
      picture->original = convert(self->original, &frame, &picture->original_width, &picture->original_height);
  }
  gst_video_frame_unmap(&frame);
  return picture->pixels ? g_steal_pointer(&picture) : NULL;
}

/* TRUE and *error when the pipeline has reported one. */
static gboolean
take_bus_error(GstElement *pipeline, GError **error)
{
  g_autoptr(GstBus) bus = gst_element_get_bus(pipeline);
  g_autoptr(GstMessage) message = gst_bus_pop_filtered(bus, GST_MESSAGE_ERROR);
  g_autoptr(GError) reason = NULL;

  if (!message)
    return FALSE;
  gst_message_parse_error(message, &reason, NULL);
  g_set_error_literal(error, CBIGAN_ERROR, CBIGAN_ERROR_FILE, reason->message);
  return TRUE;
}

/* One frame; NULL at the end, or with *error. */
static GstSample *
pull(GstElement *pipeline, GstAppSink *sink, GError **error)
{
  for (;;) {
    GstSample *sample = gst_app_sink_try_pull_sample(sink, POLL);

    if (sample || take_bus_error(pipeline, error) || gst_app_sink_is_eos(sink))
      return sample;
  }
}

static gboolean
play(CbiganPictureReader *self, GstElement *pipeline, const char *path, guint limit, CbiganPictureFunc func,
     gpointer data, guint *n, GError **error)
{
  g_autoptr(GstElement) sink = gst_bin_get_by_name(GST_BIN(pipeline), "cbigan-pictures");
  GError *failure = NULL;

  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  for (*n = 0; !limit || *n < limit; (*n)++) {
    g_autoptr(GstSample) sample = pull(pipeline, GST_APP_SINK(sink), &failure);
    CbiganPicture *picture = sample ? read_sample(self, sample, &failure) : NULL;

    if (!picture)
      break;
    picture->path = !path ? g_strdup_printf(_("frame %u"), *n + 1)
                    : *n  ? g_strdup_printf(_("%s, frame %u"), path, *n + 1)
                          : g_strdup(path);
    if (!func(picture, data, &failure))
      break;
  }
  gst_element_set_state(pipeline, GST_STATE_NULL);
  if (!failure && *n == 0)
    g_set_error(&failure, CBIGAN_ERROR, CBIGAN_ERROR_FILE, _("no picture in it"));
  if (failure)
    g_propagate_error(error, failure);
  return !failure;
}

gboolean
cbigan_picture_reader_file(CbiganPictureReader *self, const char *path, guint limit, CbiganPictureFunc func,
                           gpointer data, guint *n, GError **error)
{
  g_autoptr(GstElement) pipeline = NULL;
  g_autoptr(GstElement) source = NULL;

  *n = 0;
  pipeline =
      gst_parse_launch("filesrc name=cbigan-file ! decodebin expose-all-streams=false caps=video/x-raw ! " SINK, error);
  if (!pipeline)
    return FALSE;
  source = gst_bin_get_by_name(GST_BIN(pipeline), "cbigan-file");
  g_object_set(source, "location", path, NULL);
  return play(self, pipeline, path, limit, func, data, n, error);
}

gboolean
cbigan_picture_reader_pipeline(CbiganPictureReader *self, const char *description, guint limit, CbiganPictureFunc func,
                               gpointer data, guint *n, GError **error)
{
  g_autofree char *whole = g_strdup_printf("%s ! " SINK, description);
  g_autoptr(GError) parse_error = NULL;
  g_autoptr(GstElement) pipeline = gst_parse_launch_full(whole, NULL, GST_PARSE_FLAG_FATAL_ERRORS, &parse_error);

  *n = 0;
  if (pipeline)
    return play(self, pipeline, NULL, limit, func, data, n, error);
  g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_ARGUMENT,
              _("Pipeline \"%s\": %s; expected a launch description that ends in raw video"), description,
              parse_error->message);
  return FALSE;
}

static gboolean
is_video(const GstCaps *caps)
{
  const char *name = caps && gst_caps_get_size(caps) ? gst_structure_get_name(gst_caps_get_structure(caps, 0)) : "";

  return g_str_has_prefix(name, "image/") || g_str_has_prefix(name, "video/");
}

/* gst_type_find_helper_for_extension() leaves out all types that could be told from their content too. */
static gboolean
is_video_extension(const char *extension)
{
  g_autolist(GstTypeFindFactory) factories = gst_type_find_factory_get_list();

  for (GList *l = factories; l; l = l->next) {
    const char *const *known = gst_type_find_factory_get_extensions(l->data);

    if (known && g_strv_contains(known, extension) && is_video(gst_type_find_factory_get_caps(l->data)))
      return TRUE;
  }
  return FALSE;
}

gboolean
cbigan_is_picture(const char *path)
{
  g_autoptr(GFile) file = g_file_new_for_path(path);
  g_autoptr(GFileInputStream) stream = g_file_read(file, NULL, NULL);
  g_autoptr(GstCaps) caps = NULL;
  g_autofree char *extension = NULL;
  guint8 head[TYPEFIND_BYTES];
  gsize length = 0;

  if (stream)
    g_input_stream_read_all(G_INPUT_STREAM(stream), head, sizeof head, &length, NULL, NULL);
  if (length)
    caps = gst_type_find_helper_for_data(NULL, head, length, NULL);
  extension = strrchr(path, '.') ? g_ascii_strdown(strrchr(path, '.') + 1, -1) : NULL;
  return is_video(caps) || (extension && is_video_extension(extension));
}
