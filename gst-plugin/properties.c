/* properties.c - the properties of an element as one table
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "properties.h"

#include "i18n.h"

static GParamSpec *
new_param_spec(const CbiganProperty *p)
{
  const GParamFlags flags = p->flags | G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS;
  const char *nick = _(p->nick), *blurb = _(p->blurb);
  switch (p->kind) {
  case CBIGAN_PROPERTY_BOOLEAN:
    return g_param_spec_boolean(p->name, nick, blurb, p->initial != 0, flags);
  case CBIGAN_PROPERTY_INT:
    return g_param_spec_int(p->name, nick, blurb, (int)p->minimum, (int)p->maximum, (int)p->initial, flags);
  case CBIGAN_PROPERTY_UINT:
    return g_param_spec_uint(p->name, nick, blurb, (guint)p->minimum, (guint)p->maximum, (guint)p->initial, flags);
  case CBIGAN_PROPERTY_UINT64:
    return g_param_spec_uint64(p->name, nick, blurb, 0, G_MAXUINT64, (guint64)p->initial, flags);
  case CBIGAN_PROPERTY_DOUBLE:
    return g_param_spec_double(p->name, nick, blurb, p->minimum, p->maximum, p->initial, flags);
  case CBIGAN_PROPERTY_STRING:
    return g_param_spec_string(p->name, nick, blurb, p->text, flags);
  case CBIGAN_PROPERTY_ENUM:
    return g_param_spec_enum(p->name, nick, blurb, p->type(), (int)p->initial, flags);
  case CBIGAN_PROPERTY_FLAGS:
    return g_param_spec_flags(p->name, nick, blurb, p->type(), (guint)p->initial, flags);
  }
  g_return_val_if_reached(NULL);
}

void
cbigan_properties_install(GObjectClass *class, const CbiganProperty *table, guint n)
{
  for (guint i = 0; i < n; i++) {
    g_object_class_install_property(class, i + 1, new_param_spec(&table[i]));
    if (table[i].type)
      gst_type_mark_as_plugin_api(table[i].type(), 0);
  }
}

void
cbigan_properties_init(const CbiganProperty *table, guint n, gpointer options)
{
  for (guint i = 0; i < n; i++) {
    GParamSpec *pspec = g_param_spec_ref_sink(new_param_spec(&table[i]));
    cbigan_property_set(&table[i], options, g_param_spec_get_default_value(pspec));
    g_param_spec_unref(pspec);
  }
}

void
cbigan_property_set(const CbiganProperty *row, gpointer options, const GValue *value)
{
  gpointer place = (char *)options + row->offset;
  switch (row->kind) {
  case CBIGAN_PROPERTY_BOOLEAN:
    *(gboolean *)place = g_value_get_boolean(value);
    break;
  case CBIGAN_PROPERTY_INT:
    *(int *)place = g_value_get_int(value);
    break;
  case CBIGAN_PROPERTY_UINT:
    *(guint *)place = g_value_get_uint(value);
    break;
  case CBIGAN_PROPERTY_UINT64:
    *(guint64 *)place = g_value_get_uint64(value);
    break;
  case CBIGAN_PROPERTY_DOUBLE:
    *(double *)place = g_value_get_double(value);
    break;
  case CBIGAN_PROPERTY_STRING:
    g_free(*(char **)place);
    *(char **)place = g_value_dup_string(value);
    break;
  case CBIGAN_PROPERTY_ENUM:
    *(int *)place = g_value_get_enum(value);
    break;
  case CBIGAN_PROPERTY_FLAGS:
    *(guint *)place = g_value_get_flags(value);
    break;
  }
}

void
cbigan_property_get(const CbiganProperty *row, gconstpointer options, GValue *value)
{
  gconstpointer place = (const char *)options + row->offset;
  switch (row->kind) {
  case CBIGAN_PROPERTY_BOOLEAN:
    g_value_set_boolean(value, *(const gboolean *)place);
    break;
  case CBIGAN_PROPERTY_INT:
    g_value_set_int(value, *(const int *)place);
    break;
  case CBIGAN_PROPERTY_UINT:
    g_value_set_uint(value, *(const guint *)place);
    break;
  case CBIGAN_PROPERTY_UINT64:
    g_value_set_uint64(value, *(const guint64 *)place);
    break;
  case CBIGAN_PROPERTY_DOUBLE:
    g_value_set_double(value, *(const double *)place);
    break;
  case CBIGAN_PROPERTY_STRING:
    g_value_set_string(value, *(char *const *)place);
    break;
  case CBIGAN_PROPERTY_ENUM:
    g_value_set_enum(value, *(const int *)place);
    break;
  case CBIGAN_PROPERTY_FLAGS:
    g_value_set_flags(value, *(const guint *)place);
    break;
  }
}

void
cbigan_properties_sync(GstObject *element, const GstSegment *segment, GstBuffer *buffer)
{
  GstClockTime time = GST_CLOCK_TIME_NONE;
  if (segment->format == GST_FORMAT_TIME)
    time = gst_segment_to_stream_time(segment, GST_FORMAT_TIME, GST_BUFFER_PTS(buffer));
  if (GST_CLOCK_TIME_IS_VALID(time))
    gst_object_sync_values(element, time);
}
