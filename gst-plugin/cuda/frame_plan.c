/* frame_plan.c - plans the conversion of a stream's frames to the model's RGB frame on a GPU, to the host's bits
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * GstVideoConverter, as video_input.c sets it up, computes in integers and rounds after each step. The order and the
 * weights of the steps are therefore part of the result. tests/cuda/test_frame.c compares the two conversions.
 */
#include "frame_plan.h"

#include <math.h>

#include "i18n.h"
#include "video_input.h"

/* --- one direction of the resampling --- */

typedef enum {
  AXIS_SUMS,   /* the weights of a GstVideoScaler, rounded */
  AXIS_STEPS,  /* two neighbours; the positions are equal steps from the first pixel to the last, without rounding */
  AXIS_SECOND, /* two neighbours; only the second's weight is rounded */
} AxisKind;

/* GStreamer makes the rounded weights of an output add up to one: it bisects for the fraction that is rounded up. If
 * equal weights leave no such fraction, the last one tried counts. */
static void
round_weights(const double *weight, int n, int bits, short *rounded)
{
  const int one = 1 << bits;
  double low = 0, high = 1, point = 0.5;
  for (int turn = 0; turn < 64; turn++) {
    int sum = 0;
    for (int i = 0; i < n; i++)
      sum += rounded[i] = (short)floor(point + weight[i] * one);
    if (sum == one || low == high)
      return;
    if (sum < one) {
      low = MAX(low, point);
      point += (high - low) / 2;
    } else {
      high = MIN(high, point);
      point -= (high - low) / 2;
    }
  }
}

static void
fill_sums(GstVideoScaler *scaler, const CbiganFrameAxis *axis, AxisKind kind, CbiganFrameTables *tables)
{
  for (gsize i = 0; i < tables->size; i++) {
    guint first, n;
    const double *weight = gst_video_scaler_get_coeff(scaler, (guint)i, &first, &n);
    short *rounded = tables->weight + i * n;
    round_weights(weight, (int)n, axis->shift, rounded);
    tables->first[i] = (int)first;
    if (kind == AXIS_SECOND)
      rounded[0] = (short)((1 << axis->shift) - rounded[1]);
  }
}

static void
fill_steps(int from, CbiganFrameTables *tables)
{
  const int step = tables->size > 1 ? (int)(((gint64)(from - 1) << 16) / (gint64)(tables->size - 1)) - 1 : 0;
  for (gsize i = 0; i < tables->size; i++) {
    const int at = (int)i * step, part = at >> 8 & 255;
    tables->first[i] = at >> 16;
    tables->weight[2 * i] = (short)(256 - part);
    tables->weight[2 * i + 1] = (short)part;
  }
}

/* How GStreamer's resampler computes with axis->n_taps taps. packed: it keeps 4 numbers per pixel, not 3. */
static AxisKind
choose_arithmetic(CbiganFrameAxis *axis, gboolean deep, gboolean vertical, gboolean packed)
{
  const gboolean two = axis->n_taps == 2;
  if (axis->n_taps == 1) {
    axis->shift = axis->round = 0;
    return AXIS_SUMS;
  }
  if (deep) {
    axis->shift = 12;
    axis->round = two ? 4096 : 4095; /* one half is 2048; GStreamer adds more */
    return two && vertical ? AXIS_SECOND : AXIS_SUMS;
  }
  axis->shift = two && (vertical || packed) ? 8 : 6;
  axis->round = !two ? 32 : vertical ? 128 : packed ? 0 : 32;
  return !two ? AXIS_SUMS : vertical ? AXIS_SECOND : packed ? AXIS_STEPS : AXIS_SUMS;
}

static void
make_axis(CbiganFrameAxis *axis, CbiganFrameTables *tables, guint taps, int from, int to, gboolean deep,
          gboolean vertical, gboolean packed)
{
  if (from == to)
    return;
  GstVideoScaler *scaler = gst_video_scaler_new(GST_VIDEO_RESAMPLER_METHOD_LINEAR, GST_VIDEO_SCALER_FLAG_NONE, taps,
                                                (guint)from, (guint)to, NULL);
  axis->n_taps = (int)gst_video_scaler_get_max_taps(scaler);
  AxisKind kind = choose_arithmetic(axis, deep, vertical, packed);
  tables->size = (gsize)to;
  tables->first = g_new(int, tables->size);
  tables->weight = g_new(short, tables->size *(gsize)axis->n_taps);
  if (kind == AXIS_STEPS)
    fill_steps(from, tables);
  else
    fill_sums(scaler, axis, kind, tables);
  gst_video_scaler_free(scaler);
}

static void
plan_resampling(CbiganFramePlan *self, gboolean same_format)
{
  CbiganDeviceFrame *f = &self->frame;
  const gboolean enlarges = (gint64)f->out_width * f->out_height > (gint64)f->width * f->height;
  const guint taps = cbigan_video_input_taps(f->width, f->height, f->out_width, f->out_height);

  f->matrix_first = enlarges;
  const gboolean deep = f->deep && !f->matrix_first;
  make_axis(&f->horizontal, &self->horizontal, taps, f->width, f->out_width, deep, FALSE, !same_format);
  make_axis(&f->vertical, &self->vertical, taps, f->height, f->out_height, deep, TRUE, !same_format);
  if (same_format) /* first the direction that leaves the other fewer rows, as GStreamer counts them for RGB */
    f->vertical_first = f->vertical.n_taps && self->vertical.first[f->out_height - 1] > f->out_height;
  else
    f->vertical_first = (gint64)f->out_width * f->height > (gint64)f->width * f->out_height;
}

/* --- colours --- */

/* Y'CbCr of the unpacked depth (8 or 16 bits) -> R'G'B' of the same depth; factors are times 256. */
static gboolean
plan_matrix(CbiganDeviceFrame *f, const GstVideoInfo *info, GError **error)
{
  double kr, kb;
  int offset[4], scale[4];

  if (!gst_video_color_matrix_get_Kr_Kb(info->colorimetry.matrix, &kr, &kb)) {
    g_autofree char *name = gst_video_colorimetry_to_string(&info->colorimetry);
    g_set_error(error, GST_CORE_ERROR, GST_CORE_ERROR_NEGOTIATION,
                _("%s video with the colorimetry “%s” can't be converted to RGB in GPU memory"),
                GST_VIDEO_INFO_NAME(info), name ? name : "");
    return FALSE;
  }
  gst_video_color_range_offsets(info->colorimetry.range, gst_video_format_get_info(info->finfo->unpack_format), offset,
                                scale);
  const double kg = 1 - kr - kb, most = 255.0 * 256 * (f->deep ? 256 : 1);
  const double to_rgb[3][3] = {
    { 1, 0, 2 * (1 - kr) },
    { 1, -2 * kb * (1 - kb) / kg, -2 * kr * (1 - kr) / kg },
    { 1, 2 * (1 - kb), 0 },
  };
  for (int i = 0; i < 3; i++) {
    double constant = 0;
    for (int k = 0; k < 3; k++) {
      const double factor = to_rgb[i][k] * (double)(1 / (float)scale[k]) * most;
      f->matrix[i][k] = (int)rint(factor);
      constant -= factor * offset[k];
    }
    f->matrix[i][3] = (int)rint(constant);
  }
  f->yuv = TRUE;
  return TRUE;
}

static void
plan_chroma(CbiganDeviceFrame *f, const GstVideoInfo *info)
{
  const GstVideoFormat format = GST_VIDEO_INFO_FORMAT(info);
  const gboolean same_size = f->width == f->out_width && f->height == f->out_height;
  /* For these two formats GStreamer has a shortcut that repeats chroma. */
  if (same_size && (format == GST_VIDEO_FORMAT_I420 || format == GST_VIDEO_FORMAT_YV12))
    return;
  f->chroma =
      info->chroma_site & GST_VIDEO_CHROMA_SITE_H_COSITED ? CBIGAN_FRAME_CHROMA_COSITED : CBIGAN_FRAME_CHROMA_CENTRED;
  f->chroma_between_rows = !(info->chroma_site & GST_VIDEO_CHROMA_SITE_V_COSITED);
}

static void
plan_components(CbiganFramePlan *self, const GstVideoFormatInfo *format)
{
  for (int i = 0; i < 3; i++) {
    self->plane[i] = (int)GST_VIDEO_FORMAT_INFO_PLANE(format, i);
    self->offset[i] = GST_VIDEO_FORMAT_INFO_POFFSET(format, i);
    if (self->frame.deep && self->offset[i] == 1) /* V of P010: GStreamer 1.22 counts numbers, not bytes */
      self->offset[i] = 2;
    self->frame.component[i] = (CbiganFrameComponent){
      .step = GST_VIDEO_FORMAT_INFO_PSTRIDE(format, i),
      .shift_x = (int)GST_VIDEO_FORMAT_INFO_W_SUB(format, i),
      .shift_y = (int)GST_VIDEO_FORMAT_INFO_H_SUB(format, i),
    };
  }
}

static gboolean
is_listed(const GstVideoInfo *info)
{
  g_auto(GStrv) names = g_strsplit_set(CBIGAN_FRAME_FORMATS, "{}, ", -1);
  return g_strv_contains((const char *const *)names, GST_VIDEO_INFO_NAME(info));
}

static gboolean
check(const GstVideoInfo *info, GError **error)
{
  if (!is_listed(info)) {
    g_set_error(error, GST_CORE_ERROR, GST_CORE_ERROR_NEGOTIATION,
                _("video of format %s in GPU memory can't be scored: expected one of %s"), GST_VIDEO_INFO_NAME(info),
                CBIGAN_FRAME_FORMATS);
    return FALSE;
  }
  if (GST_VIDEO_INFO_IS_INTERLACED(info)) {
    g_set_error_literal(error, GST_CORE_ERROR, GST_CORE_ERROR_NEGOTIATION,
                        _("interlaced video in GPU memory can't be scored: deinterlace it, or bring it to system "
                          "memory with cudadownload"));
    return FALSE;
  }
  if (GST_VIDEO_INFO_WIDTH(info) < 1 || GST_VIDEO_INFO_HEIGHT(info) < 1) {
    g_set_error(error, GST_CORE_ERROR, GST_CORE_ERROR_NEGOTIATION,
                _("video of %dx%d pixels (%s) can't be scored: expected at least 1x1"), GST_VIDEO_INFO_WIDTH(info),
                GST_VIDEO_INFO_HEIGHT(info), GST_VIDEO_INFO_NAME(info));
    return FALSE;
  }
  return TRUE;
}

CbiganFramePlan *
cbigan_frame_plan_new(const GstVideoInfo *info, int width, int height, GError **error)
{
  g_return_val_if_fail(width >= 0 && height >= 0 && !width == !height, NULL);
  if (!check(info, error))
    return NULL;
  g_autoptr(CbiganFramePlan) self = g_new0(CbiganFramePlan, 1);
  CbiganDeviceFrame *f = &self->frame;
  f->width = GST_VIDEO_INFO_WIDTH(info);
  f->height = GST_VIDEO_INFO_HEIGHT(info);
  f->out_width = width ? width : f->width;
  f->out_height = height ? height : f->height;
  f->deep = GST_VIDEO_INFO_COMP_DEPTH(info, 0) > 8;
  plan_components(self, info->finfo);
  if (GST_VIDEO_INFO_IS_YUV(info)) {
    plan_chroma(f, info);
    if (!plan_matrix(f, info, error))
      return NULL;
  }
  plan_resampling(self, GST_VIDEO_INFO_FORMAT(info) == GST_VIDEO_FORMAT_RGB);
  return g_steal_pointer(&self);
}

static void
tables_clear(CbiganFrameTables *tables)
{
  g_free(tables->first);
  g_free(tables->weight);
}

void
cbigan_frame_plan_free(CbiganFramePlan *self)
{
  if (!self)
    return;
  tables_clear(&self->horizontal);
  tables_clear(&self->vertical);
  g_free(self);
}
