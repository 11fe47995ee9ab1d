/* cbigantestsrc.c - a camera over an endless strip of woven cloth
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/**
 * SECTION:element-cbigantestsrc
 * @title: cbigantestsrc
 *
 * Makes video of an endless strip of woven cloth that passes under a camera, with seeded defects and the truth about
 * them, for demonstrations, tests and soak runs without a camera. The same properties and the same frame number give
 * the same pixels, on every machine of the same kind.
 *
 * Each buffer carries a #GstCustomMeta named `CbiganTruth` with these fields:
 *
 * - `defective` (boolean): a defect lies in the picture, even if only a part of it
 * - `kind` (string): `none`, `missing-yarn`, `stain`, `hole` or `scratch`
 * - `x`, `y`, `w`, `h` (double): the visible part of its box, in fractions of the picture
 * - `visible` (double): share of its box that lies in the picture, 0..1
 * - `frame` (guint64): number of the frame
 *
 * Where more than one defect is visible, the truth is about the one that shows most. The truth describes the picture as
 * this element made it: elements that crop, flip or rotate the picture leave it as it is.
 *
 * The element is no part of a deployment: it is built always, and installed with the build option `testsrc` only.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 cbigantestsrc defects=0.3 ! video/x-raw,width=640,height=480,framerate=30/1 ! videoconvert \
 *     ! autovideosink
 * ]|
 * Watch the strip pass.
 * |[
 * gst-launch-1.0 cbigantestsrc num-buffers=20 speed=256 seed=7 ! video/x-raw,width=256,height=256 ! videoconvert \
 *     ! pngenc ! multifilesink location=good-%05d.png
 * ]|
 * Twenty good pictures; since the strip moves by a whole picture each time, no two show the same cloth.
 */
#include <gst/base/gstpushsrc.h>
#include <gst/video/video.h>

#include "cloth.h"
#include "i18n.h"
#include "properties.h"
#include "testsrc.h"

#define DEFAULT_WIDTH 640
#define DEFAULT_HEIGHT 480

typedef struct {
  ClothOptions cloth;
  guint speed; /* rows per frame */
} Options;

struct _GstCbiganTestSrc {
  GstPushSrc parent;
  /* under the object lock */
  Options options;
  gboolean options_changed;
  GstVideoInfo info; /* written by the streaming thread, which reads it without the lock */
  /* of the streaming thread */
  Cloth *cloth;
  guint64 frame;           /* number of the next frame */
  guint64 caps_frame;      /* number of the first frame with the current caps */
  GstClockTime caps_start; /* stream time of that frame */
};

#define GST_TYPE_CBIGAN_TEST_SRC (gst_cbigan_test_src_get_type())
G_DECLARE_FINAL_TYPE(GstCbiganTestSrc, gst_cbigan_test_src, GST, CBIGAN_TEST_SRC, GstPushSrc)
G_DEFINE_TYPE(GstCbiganTestSrc, gst_cbigan_test_src, GST_TYPE_PUSH_SRC)
GST_ELEMENT_REGISTER_DEFINE(cbigantestsrc, "cbigantestsrc", GST_RANK_NONE, GST_TYPE_CBIGAN_TEST_SRC)

static GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS(GST_VIDEO_CAPS_MAKE("RGB")));

static GType
defect_kinds_get_type(void)
{
  static gsize type = 0;
  static const GFlagsValue values[] = {
    { CLOTH_MISSING_YARN, N_("A yarn is missing over some length"), "missing-yarn" },
    { CLOTH_STAIN, N_("A stain of oil"), "stain" },
    { CLOTH_HOLE, N_("A hole with a frayed rim"), "hole" },
    { CLOTH_SCRATCH, N_("A pulled thread lies across the weave"), "scratch" },
    { 0, NULL, NULL },
  };
  if (g_once_init_enter(&type))
    g_once_init_leave(&type, g_flags_register_static("CbiganDefectKinds", values));
  return type;
}

#define LIVE (GST_PARAM_MUTABLE_PLAYING | GST_PARAM_CONTROLLABLE)
#define OPTION(kind, field) CBIGAN_PROPERTY_##kind, offsetof(Options, field)

static const CbiganProperty properties[] = {
  { "seed", OPTION(UINT64, cloth.seed), .flags = LIVE, .nick = N_("Seed"),
    .blurb = N_("Decides the cloth and its defects; the same seed gives the same video") },
  { "defects", OPTION(DOUBLE, cloth.rate), 0, 1, 0, .flags = LIVE, .nick = N_("Defects"),
    .blurb = N_("Share of the strip's pieces, each one picture long, that hold a defect (0 to 1)") },
  { "kinds", OPTION(FLAGS, cloth.kinds), .initial = CLOTH_ALL_DEFECTS, .type = defect_kinds_get_type, .flags = LIVE,
    .nick = N_("Kinds"), .blurb = N_("Kinds of defects to choose from") },
  { "contrast", OPTION(DOUBLE, cloth.contrast), 0, 1, 1, .flags = LIVE, .nick = N_("Contrast"),
    .blurb = N_("How much the defects stand out (0 = invisible, 1 = fully)") },
  { "speed", OPTION(UINT, speed), 0, 1 << 20, 4, .flags = LIVE, .nick = N_("Speed"),
    .blurb = N_("Movement of the strip in pixels per frame (0 = stands still)") },
  { "pitch", OPTION(DOUBLE, cloth.pitch), 3, 256, 10, .flags = LIVE, .nick = N_("Pitch"),
    .blurb = N_("Distance from yarn to yarn in pixels (3 to 256)") },
  { "brightness", OPTION(DOUBLE, cloth.brightness), 0, 2, 1, .flags = LIVE, .nick = N_("Brightness"),
    .blurb = N_("Factor on the lamp's light (0 to 2, 1 = normal)") },
};

enum { PROP_IS_LIVE = G_N_ELEMENTS(properties) + 1 }; /* kept by GstBaseSrc */

static void
gst_cbigan_test_src_set_property(GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  GstCbiganTestSrc *self = GST_CBIGAN_TEST_SRC(object);
  if (id == PROP_IS_LIVE) {
    gst_base_src_set_live(GST_BASE_SRC(self), g_value_get_boolean(value));
    return;
  }
  GST_OBJECT_LOCK(self);
  cbigan_property_set(&properties[id - 1], &self->options, value);
  self->options_changed = TRUE;
  GST_OBJECT_UNLOCK(self);
}

static void
gst_cbigan_test_src_get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  GstCbiganTestSrc *self = GST_CBIGAN_TEST_SRC(object);
  if (id == PROP_IS_LIVE) {
    g_value_set_boolean(value, gst_base_src_is_live(GST_BASE_SRC(self)));
    return;
  }
  GST_OBJECT_LOCK(self);
  cbigan_property_get(&properties[id - 1], &self->options, value);
  GST_OBJECT_UNLOCK(self);
}

static GstCaps *
gst_cbigan_test_src_fixate(GstBaseSrc *src, GstCaps *caps)
{
  caps = gst_caps_make_writable(caps);
  for (guint i = 0; i < gst_caps_get_size(caps); i++) {
    GstStructure *s = gst_caps_get_structure(caps, i);
    gst_structure_fixate_field_nearest_int(s, "width", DEFAULT_WIDTH);
    gst_structure_fixate_field_nearest_int(s, "height", DEFAULT_HEIGHT);
    gst_structure_fixate_field_nearest_fraction(s, "framerate", 30, 1);
    if (gst_structure_has_field(s, "pixel-aspect-ratio"))
      gst_structure_fixate_field_nearest_fraction(s, "pixel-aspect-ratio", 1, 1);
  }
  return GST_BASE_SRC_CLASS(gst_cbigan_test_src_parent_class)->fixate(src, caps);
}

/* Stream time of a frame; GST_CLOCK_TIME_NONE where the caps have no fixed rate (0/1). */
static GstClockTime
frame_time(const GstCbiganTestSrc *self, guint64 frame)
{
  if (!self->info.fps_n)
    return frame ? GST_CLOCK_TIME_NONE : self->caps_start;
  return self->caps_start + gst_util_uint64_scale(frame - self->caps_frame, GST_SECOND * (guint64)self->info.fps_d,
                                                  (guint64)self->info.fps_n);
}

static gboolean
gst_cbigan_test_src_set_caps(GstBaseSrc *src, GstCaps *caps)
{
  GstCbiganTestSrc *self = GST_CBIGAN_TEST_SRC(src);
  GstVideoInfo info;
  if (!gst_video_info_from_caps(&info, caps))
    return FALSE;
  GstClockTime now = frame_time(self, self->frame);
  self->caps_start = GST_CLOCK_TIME_IS_VALID(now) ? now : 0;
  self->caps_frame = self->frame;
  GST_OBJECT_LOCK(self);
  self->info = info;
  GST_OBJECT_UNLOCK(self);
  if (gst_base_src_is_live(src)) /* the latency is known now */
    gst_element_post_message(GST_ELEMENT(self), gst_message_new_latency(GST_OBJECT(self)));
  gst_base_src_set_blocksize(src, (guint)MIN(info.size, G_MAXUINT));
  g_clear_pointer(&self->cloth, cloth_free);
  return TRUE;
}

static gboolean
gst_cbigan_test_src_decide_allocation(GstBaseSrc *src, GstQuery *query)
{
  GstCbiganTestSrc *self = GST_CBIGAN_TEST_SRC(src);
  g_autoptr(GstBufferPool) pool = NULL;
  GstCaps *caps;
  guint size = (guint)self->info.size, min = 0, max = 0;
  gboolean update = gst_query_get_n_allocation_pools(query) > 0;

  gst_query_parse_allocation(query, &caps, NULL);
  if (update)
    gst_query_parse_nth_allocation_pool(query, 0, &pool, &size, &min, &max);
  size = MAX(size, (guint)self->info.size);
  if (!pool)
    pool = gst_video_buffer_pool_new();
  GstStructure *config = gst_buffer_pool_get_config(pool);
  gst_buffer_pool_config_set_params(config, caps, size, min, max);
  if (gst_query_find_allocation_meta(query, GST_VIDEO_META_API_TYPE, NULL))
    gst_buffer_pool_config_add_option(config, GST_BUFFER_POOL_OPTION_VIDEO_META);
  gst_buffer_pool_set_config(pool, config);
  if (update)
    gst_query_set_nth_allocation_pool(query, 0, pool, size, min, max);
  else
    gst_query_add_allocation_pool(query, pool, size, min, max);
  return GST_BASE_SRC_CLASS(gst_cbigan_test_src_parent_class)->decide_allocation(src, query);
}

static gboolean
gst_cbigan_test_src_start(GstBaseSrc *src)
{
  GstCbiganTestSrc *self = GST_CBIGAN_TEST_SRC(src);
  self->frame = self->caps_frame = 0;
  self->caps_start = 0;
  GST_OBJECT_LOCK(self);
  gst_video_info_init(&self->info);
  GST_OBJECT_UNLOCK(self);
  return TRUE;
}

static gboolean
gst_cbigan_test_src_stop(GstBaseSrc *src)
{
  g_clear_pointer(&GST_CBIGAN_TEST_SRC(src)->cloth, cloth_free);
  return TRUE;
}

static gboolean
gst_cbigan_test_src_is_seekable(GstBaseSrc *src)
{
  return !gst_base_src_is_live(src);
}

static gboolean
gst_cbigan_test_src_do_seek(GstBaseSrc *src, GstSegment *segment)
{
  GstCbiganTestSrc *self = GST_CBIGAN_TEST_SRC(src);
  if (segment->rate < 0 || segment->format != GST_FORMAT_TIME)
    return FALSE;
  segment->time = segment->start;
  self->caps_start = 0;
  self->caps_frame = 0;
  self->frame = self->info.fps_n ? gst_util_uint64_scale(segment->position, (guint64)self->info.fps_n,
                                                         GST_SECOND * (guint64)self->info.fps_d)
                                 : 0;
  return TRUE;
}

/* A live source gives each frame at its time, as a camera does: the base class waits until *start. */
static void
gst_cbigan_test_src_get_times(GstBaseSrc *src, GstBuffer *buffer, GstClockTime *start, GstClockTime *end)
{
  *start = *end = GST_CLOCK_TIME_NONE;
  if (!gst_base_src_is_live(src) || !GST_BUFFER_PTS_IS_VALID(buffer))
    return;
  *start = GST_BUFFER_PTS(buffer);
  if (GST_BUFFER_DURATION_IS_VALID(buffer))
    *end = *start + GST_BUFFER_DURATION(buffer);
}

/* A camera gives a frame when it is complete, and never waits for one to be taken. */
static gboolean
gst_cbigan_test_src_query(GstBaseSrc *src, GstQuery *query)
{
  const GstVideoInfo *info = &GST_CBIGAN_TEST_SRC(src)->info;
  if (GST_QUERY_TYPE(query) != GST_QUERY_LATENCY)
    return GST_BASE_SRC_CLASS(gst_cbigan_test_src_parent_class)->query(src, query);
  GST_OBJECT_LOCK(src);
  const int fps_n = info->fps_n, fps_d = info->fps_d;
  GST_OBJECT_UNLOCK(src);
  if (fps_n > 0)
    gst_query_set_latency(query, gst_base_src_is_live(src), gst_util_uint64_scale_int(GST_SECOND, fps_d, fps_n),
                          GST_CLOCK_TIME_NONE);
  return fps_n > 0;
}

static void
add_truth(GstBuffer *buffer, const ClothTruth *truth, guint64 frame)
{
  GstCustomMeta *meta = gst_buffer_add_custom_meta(buffer, CBIGAN_TRUTH_META);
  gst_structure_set(gst_custom_meta_get_structure(meta), "defective", G_TYPE_BOOLEAN, truth->defective, "kind",
                    G_TYPE_STRING, cloth_defect_name(truth->kind), "x", G_TYPE_DOUBLE, truth->x, "y", G_TYPE_DOUBLE,
                    truth->y, "w", G_TYPE_DOUBLE, truth->w, "h", G_TYPE_DOUBLE, truth->h, "visible", G_TYPE_DOUBLE,
                    truth->visible, "frame", G_TYPE_UINT64, frame, NULL);
}

static GstFlowReturn
gst_cbigan_test_src_fill(GstPushSrc *src, GstBuffer *buffer)
{
  GstCbiganTestSrc *self = GST_CBIGAN_TEST_SRC(src);
  GstVideoFrame frame;
  ClothTruth truth;

  GST_OBJECT_LOCK(self);
  ClothOptions options = self->options.cloth;
  guint64 top = self->frame * self->options.speed;
  gboolean changed = self->options_changed;
  self->options_changed = FALSE;
  GST_OBJECT_UNLOCK(self);

  if (!self->cloth)
    self->cloth = cloth_new(self->info.width, self->info.height, &options);
  else if (changed)
    cloth_set_options(self->cloth, &options);
  if (!gst_video_frame_map(&frame, &self->info, buffer, GST_MAP_WRITE)) {
    GST_ELEMENT_ERROR(self, RESOURCE, WRITE, (NULL),
                      ("can't map a buffer of %ux%u pixels", self->info.width, self->info.height));
    return GST_FLOW_ERROR;
  }
  cloth_render(self->cloth, top, GST_VIDEO_FRAME_PLANE_DATA(&frame, 0), (gsize)GST_VIDEO_FRAME_PLANE_STRIDE(&frame, 0),
               &truth);
  gst_video_frame_unmap(&frame);
  add_truth(buffer, &truth, self->frame);

  GstClockTime next = frame_time(self, self->frame + 1);
  GST_BUFFER_DTS(buffer) = GST_CLOCK_TIME_NONE;
  GST_BUFFER_PTS(buffer) = frame_time(self, self->frame);
  GST_BUFFER_DURATION(buffer) = GST_CLOCK_TIME_IS_VALID(next) ? next - GST_BUFFER_PTS(buffer) : GST_CLOCK_TIME_NONE;
  GST_BUFFER_OFFSET(buffer) = self->frame++;
  GST_BUFFER_OFFSET_END(buffer) = self->frame;
  return GST_FLOW_OK;
}

static void
gst_cbigan_test_src_class_init(GstCbiganTestSrcClass *class)
{
  GObjectClass *object_class = G_OBJECT_CLASS(class);
  GstElementClass *element_class = GST_ELEMENT_CLASS(class);
  GstBaseSrcClass *src_class = GST_BASE_SRC_CLASS(class);

  object_class->set_property = gst_cbigan_test_src_set_property;
  object_class->get_property = gst_cbigan_test_src_get_property;
  cbigan_properties_install(object_class, properties, G_N_ELEMENTS(properties));
  g_object_class_install_property(
      object_class, PROP_IS_LIVE,
      g_param_spec_boolean("is-live", _("Is live"), _("Act as a camera: frames come at their time, by the clock"),
                           FALSE, G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY));
  gst_element_class_add_static_pad_template(element_class, &src_template);
  gst_element_class_set_metadata(element_class, _("Woven cloth with defects"), "Source/Video",
                                 _("Video of an endless strip of woven cloth with seeded defects and their truth"),
                                 "the cbigan developers");
  src_class->fixate = gst_cbigan_test_src_fixate;
  src_class->set_caps = gst_cbigan_test_src_set_caps;
  src_class->decide_allocation = gst_cbigan_test_src_decide_allocation;
  src_class->start = gst_cbigan_test_src_start;
  src_class->stop = gst_cbigan_test_src_stop;
  src_class->is_seekable = gst_cbigan_test_src_is_seekable;
  src_class->do_seek = gst_cbigan_test_src_do_seek;
  src_class->query = gst_cbigan_test_src_query;
  src_class->get_times = gst_cbigan_test_src_get_times;
  GST_PUSH_SRC_CLASS(class)->fill = gst_cbigan_test_src_fill;
}

static void
gst_cbigan_test_src_init(GstCbiganTestSrc *self)
{
  cbigan_properties_init(properties, G_N_ELEMENTS(properties), &self->options);
  gst_base_src_set_format(GST_BASE_SRC(self), GST_FORMAT_TIME);
}
