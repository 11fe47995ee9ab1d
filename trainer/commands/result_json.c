/* result_json.c - the result of a picture as JSON
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "result_json.h"

guint
cbigan_result_faults(const CbiganModelInfo *info, const CbiganPicture *picture, const CbiganResult *result)
{
  const CbiganFrame frame = cbigan_picture_frame(picture);
  CbiganPictureMeasures measures;
  CbiganHealth health;

  if (!cbigan_picture_measure(info, &frame, &measures))
    return 0;
  cbigan_health_check(info, &measures, result->scores[info->score], &health);
  return health.faults;
}

const char *
cbigan_result_verdict(const CbiganResult *result, guint faults)
{
  if (cbigan_health_is_unusable(faults))
    return "unusable";
  return isnan(result->threshold) ? "" : result->anomalous ? "anomalous" : "good";
}

static void
add_number(JsonBuilder *builder, const char *name, double number)
{
  json_builder_set_member_name(builder, name);
  if (isnan(number))
    json_builder_add_null_value(builder);
  else
    json_builder_add_double_value(builder, number);
}

static void
add_text(JsonBuilder *builder, const char *name, const char *text)
{
  g_autofree char *valid = g_utf8_make_valid(text, -1);

  json_builder_set_member_name(builder, name);
  json_builder_add_string_value(builder, valid);
}

static void
add_regions(JsonBuilder *builder, const CbiganResult *result)
{
  json_builder_set_member_name(builder, "regions");
  json_builder_begin_array(builder);
  for (guint i = 0; i < result->n_regions; i++) {
    const CbiganRegion *region = &result->regions[i];

    json_builder_begin_object(builder);
    add_number(builder, "x", region->x);
    add_number(builder, "y", region->y);
    add_number(builder, "w", region->w);
    add_number(builder, "h", region->h);
    add_number(builder, "peak", region->peak);
    add_number(builder, "area", region->area);
    json_builder_end_object(builder);
  }
  json_builder_end_array(builder);
}

static void
add_areas(JsonBuilder *builder, const CbiganResult *result)
{
  json_builder_set_member_name(builder, "areas");
  json_builder_begin_array(builder);
  for (guint i = 0; i < result->n_areas; i++) {
    const CbiganAreaResult *area = &result->areas[i];

    json_builder_begin_object(builder);
    add_text(builder, "name", area->name);
    add_number(builder, "score", area->score);
    add_number(builder, "threshold", area->threshold);
    add_number(builder, "normalized", area->normalized);
    add_text(builder, "verdict", isnan(area->threshold) ? "" : area->anomalous ? "anomalous" : "good");
    json_builder_end_object(builder);
  }
  json_builder_end_array(builder);
}

static void
add_health(JsonBuilder *builder, guint faults)
{
  json_builder_set_member_name(builder, "health");
  json_builder_begin_array(builder);
  for (int i = 0; i < CBIGAN_N_HEALTH; i++)
    if (faults & 1u << i)
      json_builder_add_string_value(builder, cbigan_health_name((CbiganHealthKind)i));
  json_builder_end_array(builder);
}

void
cbigan_result_json_add(JsonBuilder *builder, const char *path, const CbiganResult *result, guint faults)
{
  json_builder_begin_object(builder);
  add_text(builder, "path", path);
  add_number(builder, "score", result->score);
  add_number(builder, "threshold", result->threshold);
  add_number(builder, "normalized", result->normalized);
  add_text(builder, "verdict", cbigan_result_verdict(result, faults));
  add_number(builder, "pixel_term", result->pixel_term);
  add_number(builder, "feature_term", result->feature_term);
  add_regions(builder, result);
  if (result->n_areas)
    add_areas(builder, result);
  add_health(builder, faults);
  json_builder_end_object(builder);
}
