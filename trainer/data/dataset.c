/* dataset.c - pictures for training and evaluation, read ahead or kept
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dataset.h"
#include "i18n.h"
#include "memory.h"
#include "pixel_store.h"
#include <string.h>

static void
digest_number(GChecksum *digest, gint64 number)
{
  gint64 bytes = GINT64_TO_LE(number);

  g_checksum_update(digest, (const guchar *)&bytes, sizeof bytes);
}

static void
digest_picture(GChecksum *digest, const CbiganPicture *picture)
{
  digest_number(digest, (gint64)strlen(picture->label));
  g_checksum_update(digest, (const guchar *)picture->label, -1);
  digest_number(digest, picture->width);
  digest_number(digest, picture->height);
  g_checksum_update(digest, picture->pixels, (gssize)picture->width * picture->height * 3);
}

typedef struct {
  const CbiganDatasetOptions *options;
  GPtrArray *pictures;
  GChecksum *checksum;
  CbiganPixelStore store;
  guint64 bytes, most; /* of pixels in memory */
} Collected;

static void
tell_store(const Collected *c, const CbiganPicture *picture)
{
  g_autofree char *message =
      g_strdup_printf(_("the pictures take more than %zu MiB, half of the memory that is free: from %s on "
                        "they lie in a file in %s, and are read from there as they are needed"),
                      (gsize)(c->most >> 20), picture->path, cbigan_pixel_store_folder());

  if (c->options->note)
    c->options->note(message, c->options->data);
}

static gboolean
collect(CbiganPicture *picture, gpointer data, GError **error)
{
  Collected *c = data;
  gboolean stored = c->store.fd >= 0;

  g_ptr_array_add(c->pictures, picture);
  digest_picture(c->checksum, picture);
  c->bytes += (guint64)picture->width * (guint64)picture->height * 3;
  if (c->bytes <= c->most)
    return TRUE;
  if (!stored)
    tell_store(c, picture);
  return cbigan_pixel_store_take(&c->store, picture, error);
}

CbiganDataset *
cbigan_dataset_load(const CbiganDatasetOptions *options, GError **error)
{
  g_autoptr(GChecksum) checksum = g_checksum_new(G_CHECKSUM_SHA256);
  g_autoptr(GPtrArray) pictures = g_ptr_array_new_with_free_func((GDestroyNotify)cbigan_picture_free);
  Collected collected = { options,   pictures, checksum,
                          { -1, 0 }, 0,        options->memory ? options->memory : cbigan_memory_free() / 2 };
  CbiganDataset *dataset;
  gboolean fine = cbigan_dataset_foreach(options, collect, &collected, error);

  cbigan_pixel_store_clear(&collected.store);
  if (!fine)
    return NULL;
  dataset = g_new0(CbiganDataset, 1);
  dataset->pictures = g_steal_pointer(&pictures);
  dataset->digest = g_strdup(g_checksum_get_string(checksum));
  return dataset;
}

void
cbigan_dataset_free(CbiganDataset *dataset)
{
  if (!dataset)
    return;
  g_ptr_array_unref(dataset->pictures);
  g_free(dataset->digest);
  g_free(dataset);
}
