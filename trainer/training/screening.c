/* screening.c - good pictures of an object that are left out of a training, as a defective one among them should be
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "screening.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "good_pictures.h"
#include "proxy.h"

#define FEWEST 20u         /* pictures */
#define MOST_LEFT_OUT 0.1  /* share of the pictures */
#define SQUARE 8           /* pixels */
#define LEVELS_BEYOND 18.0 /* twice what good pictures reach */
#define MEDIAN_TO_DEVIATION 1.4826
#define LEAST_DEVIATION 0.02 /* of a square's level, a logarithm */

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

static int
ascending(gconstpointer a, gconstpointer b)
{
  float x = *(const float *)a, y = *(const float *)b;
  return (x > y) - (x < y);
}

/* Levels of squares of SQUARE pixels -> levels [columns * rows] */
static void
find_levels(const CbiganGoodPictures *good, guint picture, float *x, float *levels)
{
  const int columns = good->w / SQUARE, rows = good->h / SQUARE;
  const gsize plane = (gsize)good->w * (gsize)good->h;
  const CbiganFrame frame = cbigan_picture_frame(good->pictures[picture]);
  cbigan_exposure_cut(&good->exposures[picture], &frame, 0, 0, good->w, good->h, x);
  memset(levels, 0, (gsize)(columns * rows) * sizeof(float));
  for (gsize i = 0; i < 3 * plane; i++) {
    const int row = (int)(i % plane) / good->w / SQUARE, column = (int)(i % plane) % good->w / SQUARE;
    levels[row * columns + column] += x[i] / (3.0f * SQUARE * SQUARE);
  }
}

/* How far the levels of all squares together are from their medians, in deviations. Other than distances from a mean
 * and a covariance, this tells odd pictures that are alike, such as those where the part is missing. values: [n] */
static void
compare_levels(const CbiganGoodPictures *good, double *values)
{
  const guint n = good->n, squares = (guint)(good->w / SQUARE * (good->h / SQUARE));
  g_autofree float *levels = g_new(float, (gsize)n *squares);
  g_autofree float *x = g_new(float, 3 * (gsize)good->w * (gsize)good->h);
  g_autofree float *sorted = g_new(float, n);
  for (guint p = 0; p < n; p++) {
    find_levels(good, p, x, levels + (gsize)p * squares);
    values[p] = 0.0;
  }
  for (guint i = 0; i < squares; i++) {
    for (guint p = 0; p < n; p++)
      sorted[p] = levels[(gsize)p * squares + i];
    qsort(sorted, n, sizeof(float), ascending);
    const float median = sorted[n / 2];
    for (guint p = 0; p < n; p++)
      sorted[p] = fabsf(sorted[p] - median);
    qsort(sorted, n, sizeof(float), ascending);
    const double deviation = MEDIAN_TO_DEVIATION * (double)sorted[n / 2] + LEAST_DEVIATION;
    for (guint p = 0; p < n; p++)
      values[p] += fabs((double)(levels[(gsize)p * squares + i] - median)) / deviation / squares;
  }
}

static gboolean
is_suspect(const GArray *suspects, const char *path)
{
  for (guint i = 0; i < suspects->len; i++)
    if (g_str_equal(g_array_index(suspects, CbiganSuspect, i).path, path))
      return TRUE;
  return FALSE;
}

/* Those that the fixed filters find, and further ones by their levels. FALSE with an error. */
static gboolean
find_suspects(const CbiganInspectorOptions *options, const CbiganGoodPictures *good, GArray *suspects, GError **error)
{
  g_autofree double *values = g_new(double, good->n);
  g_autoptr(GArray) more = g_array_new(FALSE, FALSE, sizeof(CbiganSuspect));
  if (!compare(options, good, values, error))
    return FALSE;
  cbigan_suspects_add(suspects, CBIGAN_SUSPECT_BEYOND, good->pictures, values, good->n);
  compare_levels(good, values);
  cbigan_suspects_add(more, LEVELS_BEYOND, good->pictures, values, good->n);
  for (guint i = 0; i < more->len; i++) {
    const CbiganSuspect suspect = g_array_index(more, CbiganSuspect, i);
    if (!is_suspect(suspects, suspect.path))
      g_array_append_val(suspects, suspect);
  }
  return TRUE;
}

gboolean
cbigan_screen_pictures(const CbiganInspectorOptions *options, const CbiganDataset *pictures, GArray *suspects,
                       GError **error)
{
  const guint n = pictures->pictures->len;
  CbiganGoodSet good;
  if (n < FEWEST || options->keep_odd)
    return TRUE;
  const gboolean fine = cbigan_good_set_init(&good, pictures, 0, TRUE, CBIGAN_INSPECTOR_STEP, options->seed, error) &&
                        find_suspects(options, &good.train, suspects, error);
  cbigan_good_set_clear(&good);
  if (!fine || suspects->len > MOST_LEFT_OUT * n)
    g_array_set_size(suspects, 0);
  cbigan_suspects_sort(suspects, n);
  return fine;
}

CbiganDataset *
cbigan_screen_others(const CbiganDataset *pictures, const GArray *suspects)
{
  CbiganDataset *others = g_new0(CbiganDataset, 1);
  others->pictures = g_ptr_array_new(); /* its elements stay the caller's */
  others->digest = g_strdup(pictures->digest);
  for (guint i = 0; i < pictures->pictures->len; i++) {
    const CbiganPicture *picture = cbigan_dataset_get(pictures, i);
    if (!is_suspect(suspects, picture->path))
      g_ptr_array_add(others->pictures, (gpointer)picture);
  }
  return others;
}
