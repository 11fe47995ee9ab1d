/* screening.c - good pictures of an object that are left out of a training, as a defective one among them should be
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "screening.h"

#include "good_pictures.h"
#include "proxy.h"

#define FEWEST 20u        /* pictures */
#define MOST_LEFT_OUT 0.1 /* share of the pictures */

/* values: [n], of the good set's pictures. FALSE with an error. */
static gboolean
compare(const CbiganInspectorOptions *options, const CbiganGoodPictures *good, double *values, GError **error)
{
  const gsize pixels = 3 * (gsize)good->w * (gsize)good->h;
  const CbiganBackendOptions chosen = {
    .name = options->backend, .device = options->device, .threads = options->threads, .precision = CBIGAN_PRECISION_FP32
  };
  CbiganInspector inspector = { .width = options->width, .w = good->w, .h = good->h };
  inspector.mean = g_memdup2(good->mean, pixels * sizeof(float));
  inspector.deviation = g_memdup2(good->deviation, pixels * sizeof(float));
  CbiganBackend *backend = cbigan_backend_open(&chosen, error);
  CbiganProxy *proxy =
      backend ? cbigan_proxy_new(good, &inspector, &options->mask, backend, options->seed, error) : NULL;
  const gboolean fine = proxy && cbigan_proxy_compare_across(proxy, CBIGAN_MAP_BANK, values, error);
  cbigan_proxy_free(proxy);
  g_clear_pointer(&backend, cbigan_backend_close);
  cbigan_inspector_clear(&inspector);
  return fine;
}

static gboolean
is_suspect(const GArray *suspects, const char *path)
{
  for (guint i = 0; i < suspects->len; i++)
    if (g_array_index(suspects, CbiganSuspect, i).path == path)
      return TRUE;
  return FALSE;
}

CbiganDataset *
cbigan_screen_pictures(const CbiganInspectorOptions *options, const CbiganDataset *pictures, GArray *suspects,
                       GError **error)
{
  const guint n = pictures->pictures->len;
  g_autofree double *values = g_new(double, n);
  CbiganGoodSet good;
  if (n < FEWEST || options->keep_odd)
    return NULL;
  gboolean fine = cbigan_good_set_init(&good, pictures, 0, TRUE, CBIGAN_INSPECTOR_STEP, options->seed, error) &&
                  compare(options, &good.train, values, error);
  if (fine)
    cbigan_suspects_add(suspects, CBIGAN_SUSPECT_BEYOND, good.train.pictures, values, n);
  cbigan_good_set_clear(&good);
  if (!fine || suspects->len > MOST_LEFT_OUT * n)
    g_array_set_size(suspects, 0);
  if (!suspects->len)
    return NULL;
  cbigan_suspects_sort(suspects, n);
  CbiganDataset *others = g_new0(CbiganDataset, 1);
  others->pictures = g_ptr_array_new(); /* its elements stay the caller's */
  others->digest = g_strdup(pictures->digest);
  for (guint i = 0; i < n; i++) {
    gpointer picture = g_ptr_array_index(pictures->pictures, i);
    if (!is_suspect(suspects, ((const CbiganPicture *)picture)->path))
      g_ptr_array_add(others->pictures, picture);
  }
  return others;
}
