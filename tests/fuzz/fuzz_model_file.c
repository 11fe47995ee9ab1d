/* fuzz_model_file.c - the model reader on arbitrary input: it gives a model or an error, and never crashes
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "fuzz_model_file.h"

#include <string.h>

#include "model/model_file.h"

#define MAX_DATA (4 << 20) /* bytes; more than the sample models have */

/* The largest end of any data_offsets, so that a consistent header gets exactly the data that it describes. */
static gsize
described_data(const char *header, gsize size)
{
  static const char member[] = "\"data_offsets\":[";
  guint64 largest = 0;
  for (const char *at = header; (at = memmem(at, size - (gsize)(at - header), member, sizeof member - 1));) {
    at += sizeof member - 1;
    g_autofree char *numbers = g_strndup(at, MIN(48, size - (gsize)(at - header)));
    const char *comma = strchr(numbers, ',');
    guint64 end = comma ? g_ascii_strtoull(comma + 1, NULL, 10) : 0;
    if (end <= MAX_DATA)
      largest = MAX(largest, end);
  }
  return (gsize)largest;
}

/* A model that loads must also save and load again. */
static void
check_model(const CbiganModel *model)
{
  gsize size;
  g_autoptr(GError) error = NULL;
  g_autofree guint8 *bytes = cbigan_model_save_bytes(model, "again", &size, &error);
  if (!bytes)
    g_error("a model that was loaded can't be saved: %s", error->message);
  g_autoptr(CbiganModel) again = cbigan_model_load_bytes(bytes, size, "again", &error);
  if (!again)
    g_error("a model that was saved can't be loaded: %s", error->message);
}

int
LLVMFuzzerTestOneInput(const guint8 *input, gsize size)
{
  g_autofree guint8 *file = NULL;
  gsize file_size;
  if (size > 0 && input[0] == FUZZ_RAW) {
    file_size = size - 1;
    file = g_memdup2(input + 1, file_size);
  } else {
    const guint64 length = size;
    file_size = sizeof length + size + described_data((const char *)input, size);
    file = g_malloc0(file_size);
    memcpy(file, &length, sizeof length);
    memcpy(file + sizeof length, input, size);
  }
  g_autoptr(GError) error = NULL;
  g_autoptr(CbiganModel) model = cbigan_model_load_bytes(file, file_size, "fuzz", &error);
  if (!model == !error)
    g_error("neither model nor error, or both");
  if (error && (error->domain != CBIGAN_ERROR || error->code != CBIGAN_ERROR_FORMAT ||
                !g_str_has_prefix(error->message, "fuzz: ") || !g_utf8_validate(error->message, -1, NULL)))
    g_error("not the error that is documented: %s", error->message);
  if (model)
    check_model(model);
  return 0;
}
