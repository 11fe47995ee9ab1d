/* origin.c - where a trained model comes from: the JSON object cbigan.training of the model file
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "origin.h"

#include <json-glib/json-glib.h>

#include "config.h"

char *
cbigan_origin_describe(const CbiganOrigin *self)
{
  g_autoptr(JsonObject) object = json_object_new();
  json_object_set_string_member(object, "program", "cbigan " VERSION);
  json_object_set_string_member(object, "preset", self->preset);
  if (!self->backend)
    json_object_set_boolean_member(object, "quick", TRUE);
  json_object_set_string_member(object, "dataset_sha256", self->digest ? self->digest : "");
  json_object_set_int_member(object, "pictures", self->pictures);
  if (self->backend) {
    json_object_set_int_member(object, "held_out", self->held_out);
    json_object_set_int_member(object, self->count, self->steps);
  }
  json_object_set_int_member(object, "seed", (gint64)self->seed);
  if (self->adversarial) {
    json_object_set_double_member(object, "alpha", self->alpha);
    json_object_set_double_member(object, "average_decay", self->average_decay);
  }
  json_object_set_double_member(object, "false_alarms", self->false_alarms);
  if (self->backend) {
    json_object_set_string_member(object, "backend", cbigan_backend_name(self->backend));
    json_object_set_int_member(object, "threads", self->backend->threads);
    json_object_set_string_member(object, "options", self->options);
  }
  g_autoptr(JsonNode) node = json_node_init_object(json_node_alloc(), object);
  return json_to_string(node, FALSE);
}
