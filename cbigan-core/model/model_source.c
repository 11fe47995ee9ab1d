/* model_source.c - reads parts of a model file from memory, or from an open file
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "model/model_source.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "cbigan.h"
#include "i18n.h"

gboolean
cbigan_source_read(const CbiganModelSource *source, guint64 at, gpointer to, gsize n, const char *name, GError **error)
{
  if (source->bytes) {
    memcpy(to, source->bytes + at, n);
    return TRUE;
  }
  for (gsize done = 0; done < n;) {
    const ssize_t some = pread(source->file, (guint8 *)to + done, n - done, (off_t)(at + done));
    if (some < 0 && errno == EINTR)
      continue;
    if (some <= 0) {
      g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_FILE, _("%s: can't read the model: %s"), name,
                  some < 0 ? g_strerror(errno) : _("it became shorter"));
      return FALSE;
    }
    done += (gsize)some;
  }
  return TRUE;
}

CbiganSafetensors *
cbigan_source_read_header(const CbiganModelSource *source, const char *name, GError **error)
{
  guint8 prefix[CBIGAN_SAFETENSORS_PREFIX] = { 0 };
  if (!cbigan_source_read(source, 0, prefix, (gsize)MIN(source->size, sizeof prefix), name, error))
    return NULL;
  const gsize length = cbigan_safetensors_length(prefix, source->size, name, error);
  g_autofree char *header = g_malloc(length + 1);
  if (!length || !cbigan_source_read(source, sizeof prefix, header, length, name, error))
    return NULL;
  return cbigan_safetensors_parse(header, length, source->size, name, error);
}
