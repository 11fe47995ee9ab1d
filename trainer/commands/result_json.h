/* result_json.h - the result of a picture as JSON, for cbigan score and cbigan work
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include "data/picture.h"
#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/* What is wrong with the picture itself: bits of CbiganHealthKind. */
guint cbigan_result_faults(const CbiganModelInfo *info, const CbiganPicture *picture, const CbiganResult *result);
/* "unusable", or else "good" or "anomalous", "" without a threshold; static. */
const char *cbigan_result_verdict(const CbiganResult *result, guint faults);
/* Adds an object with all fields of the result. path: of the picture, in any encoding */
void cbigan_result_json_add(JsonBuilder *builder, const char *path, const CbiganResult *result, guint faults);

G_END_DECLS
