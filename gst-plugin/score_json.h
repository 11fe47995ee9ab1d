/* score_json.h - what a buffer's CbiganScore says, as JSON
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * docs/json.md describes the members. To add a member of every line: cbigan_json_add_score().
 */
#pragma once
#include <gst/gst.h>
#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/* An object that is open, with its member `version` (transfer full). */
JsonBuilder *cbigan_json_begin(void);
/* Closes the object of cbigan_json_begin(). Its text, on one line without a line feed (transfer full). */
char *cbigan_json_end(JsonBuilder *builder);
/* JSON has no NaN and no infinity: null stands for both. */
void cbigan_json_add_double(JsonBuilder *builder, const char *name, double value);
/* time: ns; null stands for GST_CLOCK_TIME_NONE. */
void cbigan_json_add_time(JsonBuilder *builder, const char *name, GstClockTime time);
/* value: NULL becomes null. */
void cbigan_json_add_string(JsonBuilder *builder, const char *name, const char *value);
/* The member `utc`: the wall-clock time of this call. */
void cbigan_json_add_now(JsonBuilder *builder);
/* The buffer's times. element: its clock gives the wall-clock time; segment: of the buffer */
void cbigan_json_add_buffer(JsonBuilder *builder, GstElement *element, const GstSegment *segment, GstBuffer *buffer);
/* The member `health`: "black,flat" becomes an array of both, "good" and NULL an empty one. */
void cbigan_json_add_health(JsonBuilder *builder, const char *health);
/* All fields of a CbiganScore. */
void cbigan_json_add_score(JsonBuilder *builder, const GstStructure *score);

G_END_DECLS
