/* dataset.c - pictures for training and evaluation, read ahead or kept
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "dataset.h"
#include "i18n.h"
#include "memory.h"
#include "pixel_store.h"
#include "random.h"
#include <string.h>

#define MOST_RUNS 4 /* of neighbours that are held out, one in each quarter of the pictures */

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

void
cbigan_dataset_hold_out(guint n, guint n_held_out, guint64 seed, guint *order)
{
  const guint64 key = cbigan_random_key(seed, CBIGAN_RANDOM_HELD_OUT, 0);
  const guint n_train = n - n_held_out, runs = MIN(MOST_RUNS, n_held_out);
  g_autofree guint *places = g_new(guint, n);
  guint trained = 0;
  g_return_if_fail(n > n_held_out && (n_held_out <= MOST_RUNS || n_held_out <= (n + 1) / 2));
  cbigan_random_order(key, n_train, places);
  for (guint i = 0; i < n; i++)
    order[i] = n; /* no place yet */
  for (guint run = 0; run < runs; run++) {
    /* Folds of the held-out pictures take every fourth one, and so each run whole. */
    const guint begin = (guint)((guint64)run * n / runs), end = (guint)((guint64)(run + 1) * n / runs);
    const guint length = (n_held_out + runs - 1 - run) / runs;
    const guint first = begin + cbigan_random_below(key, n_train + run, end - begin - length + 1);
    for (guint i = 0; i < length; i++)
      order[first + i] = n_train + run + i * runs;
  }
  for (guint i = 0; i < n; i++)
    if (order[i] == n)
      order[i] = places[trained++];
}
