/* score_json.c - what a buffer's CbiganScore says, as JSON
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "score_json.h"

#include <math.h>

#define VERSION_OF_LINES 1

JsonBuilder *
cbigan_json_begin(void)
{
  JsonBuilder *builder = json_builder_new();
  json_builder_begin_object(builder);
  json_builder_set_member_name(builder, "version");
  json_builder_add_int_value(builder, VERSION_OF_LINES);
  return builder;
}

char *
cbigan_json_end(JsonBuilder *builder)
{
  json_builder_end_object(builder);
  g_autoptr(JsonNode) root = json_builder_get_root(builder);
  return json_to_string(root, FALSE);
}

void
cbigan_json_add_double(JsonBuilder *builder, const char *name, double value)
{
  json_builder_set_member_name(builder, name);
  if (isfinite(value))
    json_builder_add_double_value(builder, value);
  else
    json_builder_add_null_value(builder);
}

void
cbigan_json_add_time(JsonBuilder *builder, const char *name, GstClockTime time)
{
  json_builder_set_member_name(builder, name);
  if (GST_CLOCK_TIME_IS_VALID(time) && time <= G_MAXINT64)
    json_builder_add_int_value(builder, (gint64)time);
  else
    json_builder_add_null_value(builder);
}

void
cbigan_json_add_string(JsonBuilder *builder, const char *name, const char *value)
{
  json_builder_set_member_name(builder, name);
  if (value)
    json_builder_add_string_value(builder, value);
  else
    json_builder_add_null_value(builder);
}

static void
add_regions(JsonBuilder *builder, const GValue *regions)
{
  static const char *const fields[] = { "x", "y", "w", "h", "peak", "area" };
  json_builder_set_member_name(builder, "regions");
  json_builder_begin_array(builder);
  for (guint i = 0; regions && i < gst_value_array_get_size(regions); i++) {
    const GstStructure *region = gst_value_get_structure(gst_value_array_get_value(regions, i));
    json_builder_begin_object(builder);
    for (guint k = 0; k < G_N_ELEMENTS(fields); k++) {
      double value = NAN;
      gst_structure_get_double(region, fields[k], &value);
      cbigan_json_add_double(builder, fields[k], value);
    }
    json_builder_end_object(builder);
  }
  json_builder_end_array(builder);
}

/* The areas of the property `roi`; without it there is no member. */
static void
add_areas(JsonBuilder *builder, const GValue *areas)
{
  static const char *const numbers[] = { "score", "threshold", "normalized" };
  json_builder_set_member_name(builder, "areas");
  json_builder_begin_array(builder);
  for (guint i = 0; i < gst_value_array_get_size(areas); i++) {
    const GstStructure *area = gst_value_get_structure(gst_value_array_get_value(areas, i));
    gboolean anomalous = FALSE;
    json_builder_begin_object(builder);
    cbigan_json_add_string(builder, "name", gst_structure_get_string(area, "name"));
    for (guint k = 0; k < G_N_ELEMENTS(numbers); k++) {
      double value = NAN;
      gst_structure_get_double(area, numbers[k], &value);
      cbigan_json_add_double(builder, numbers[k], value);
    }
    gst_structure_get_boolean(area, "anomalous", &anomalous);
    json_builder_set_member_name(builder, "anomalous");
    json_builder_add_boolean_value(builder, anomalous);
    json_builder_end_object(builder);
  }
  json_builder_end_array(builder);
}

void
cbigan_json_add_health(JsonBuilder *builder, const char *health)
{
  g_auto(GStrv) names = g_strsplit(health ? health : "good", ",", 0);
  json_builder_set_member_name(builder, "health");
  json_builder_begin_array(builder);
  for (char **name = names; *name; name++)
    if (!g_str_equal(*name, "good"))
      json_builder_add_string_value(builder, *name);
  json_builder_end_array(builder);
}

static void
add_result(JsonBuilder *builder, const GstStructure *score)
{
  static const char *const numbers[] = { "score", "threshold", "normalized" };
  static const char *const flags[] = { "anomalous", "stale" };
  guint event_id = 0;
  guint64 scored_pts = GST_CLOCK_TIME_NONE;
  for (guint i = 0; i < G_N_ELEMENTS(numbers); i++) {
    double value = NAN;
    gst_structure_get_double(score, numbers[i], &value);
    cbigan_json_add_double(builder, numbers[i], value);
  }
  for (guint i = 0; i < G_N_ELEMENTS(flags); i++) {
    gboolean value = FALSE;
    gst_structure_get_boolean(score, flags[i], &value);
    json_builder_set_member_name(builder, flags[i]);
    json_builder_add_boolean_value(builder, value);
  }
  gst_structure_get_uint(score, "event-id", &event_id);
  json_builder_set_member_name(builder, "event_id");
  json_builder_add_int_value(builder, event_id);
  gst_structure_get_uint64(score, "scored-pts", &scored_pts);
  cbigan_json_add_time(builder, "scored_pts", scored_pts);
  cbigan_json_add_string(builder, "model", gst_structure_get_string(score, "model"));
  cbigan_json_add_string(builder, "name", gst_structure_get_string(score, "name"));
  cbigan_json_add_health(builder, gst_structure_get_string(score, "health"));
  add_regions(builder, gst_structure_get_value(score, "regions"));
  if (gst_structure_has_field(score, "areas"))
    add_areas(builder, gst_structure_get_value(score, "areas"));
}

/* The results of elements before the last one follow in `previous`. */
void
cbigan_json_add_score(JsonBuilder *builder, const GstStructure *score)
{
  const GValue *previous = gst_structure_get_value(score, "previous");
  add_result(builder, score);
  json_builder_set_member_name(builder, "previous");
  json_builder_begin_array(builder);
  for (guint i = 0; previous && i < gst_value_array_get_size(previous); i++) {
    json_builder_begin_object(builder);
    add_result(builder, gst_value_get_structure(gst_value_array_get_value(previous, i)));
    json_builder_end_object(builder);
  }
  json_builder_end_array(builder);
}

/* microseconds since 1970 as ISO 8601 (transfer full); NULL = beyond the calendar */
static char *
utc_text(gint64 microseconds)
{
  g_autoptr(GDateTime) second = g_date_time_new_from_unix_utc(microseconds / G_USEC_PER_SEC);
  g_autoptr(GDateTime) time = second ? g_date_time_add(second, microseconds % G_USEC_PER_SEC) : NULL;
  return time ? g_date_time_format(time, "%Y-%m-%dT%H:%M:%S.%fZ") : NULL;
}

void
cbigan_json_add_now(JsonBuilder *builder)
{
  g_autofree char *utc = utc_text(g_get_real_time());
  cbigan_json_add_string(builder, "utc", utc);
}

/* Wall-clock time at which the frame of that running time was due (transfer full); NULL = the pipeline has no clock. */
static char *
utc_of(GstElement *element, GstClockTime running_time)
{
  g_autoptr(GstClock) clock = gst_element_get_clock(element);
  const GstClockTime base = gst_element_get_base_time(element);
  if (!clock || !GST_CLOCK_TIME_IS_VALID(running_time) || !GST_CLOCK_TIME_IS_VALID(base))
    return NULL;
  const gint64 age = (gint64)(gst_clock_get_time(clock) - base - running_time); /* ns, negative = in the future */
  return utc_text(g_get_real_time() - age / 1000);
}

void
cbigan_json_add_buffer(JsonBuilder *builder, GstElement *element, const GstSegment *segment, GstBuffer *buffer)
{
  const GstClockTime pts = GST_BUFFER_PTS(buffer);
  const GstClockTime running_time = segment->format == GST_FORMAT_TIME && GST_CLOCK_TIME_IS_VALID(pts)
                                        ? gst_segment_to_running_time(segment, GST_FORMAT_TIME, pts)
                                        : GST_CLOCK_TIME_NONE;
  g_autofree char *utc = utc_of(element, running_time);
  cbigan_json_add_time(builder, "pts", pts);
  cbigan_json_add_time(builder, "running_time", running_time);
  cbigan_json_add_string(builder, "utc", utc);
}
