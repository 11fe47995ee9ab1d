/* quick.c - a model from good pictures within seconds, without any network
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "quick.h"

#include <string.h>

#include "good_pictures.h"
#include "i18n.h"
#include "model/error.h"
#include "origin.h"
#include "proxy.h"
#include "score/areas/areas.h"
#include "score/calibration.h"
#include "screening.h"

#define ENOUGH 200u /* pictures; with more, statistics hardly change */
#define FEWEST 5

/* Fills maps and summary of the inspector. scores: [good->n]. Returns the proxy's AUROC, -1 with an error. */
static double
choose_maps(const CbiganInspectorOptions *options, const CbiganGoodPictures *good, CbiganInspector *inspector,
            double *scores, double *peaks, char **tried, GError **error)
{
  double auroc = -1.0;
  const CbiganBackendOptions chosen = {
    .name = options->backend, .device = options->device, .threads = options->threads, .precision = CBIGAN_PRECISION_FP32
  };
  g_autoptr(CbiganBackend) backend = cbigan_backend_open(&chosen, error);
  g_autoptr(CbiganProxy) proxy =
      backend ? cbigan_proxy_new(good, inspector, &options->mask, backend, options->seed, error) : NULL;
  const gboolean fine = proxy && cbigan_proxy_choose_across(proxy, scores, peaks, &auroc, tried, error);
  return fine ? auroc : -1.0;
}

static CbiganModel *
make_model(const CbiganInspectorOptions *options, const CbiganDataset *pictures, const CbiganGoodSet *good,
           CbiganInspector *inspector, GError **error)
{
  const guint n = good->train.n;
  g_autofree double *scores = g_new(double, n), *peaks = g_new(double, (gsize)n *CBIGAN_CELLS_PEAKS);
  g_autofree char *tried = NULL;
  inspector->width = options->width;
  cbigan_good_set_describe(good, inspector);
  const double auroc = choose_maps(options, &good->train, inspector, scores, peaks, &tried, error);
  if (auroc < 0.0)
    return NULL;
  g_autoptr(CbiganModel) model = cbigan_model_new_inspector(inspector);
  *inspector = (CbiganInspector){ 0 }; /* its arrays are the model's now */
  if (options->mask.counts && !cbigan_areas_set_model_mask(model, &options->mask, error))
    return NULL;
  cbigan_inspector_set_threshold(model, scores, peaks, n, options->false_alarms);
  model->info.proxy = auroc;
  model->info.proxies = g_steal_pointer(&tried);
  model->info.training = cbigan_origin_describe(&(CbiganOrigin){ .preset = options->aligned ? "object" : "texture",
                                                                 .digest = pictures->digest,
                                                                 .pictures = n,
                                                                 .seed = options->seed,
                                                                 .false_alarms = options->false_alarms });
  cbigan_good_pictures_measure(&model->info.usual, pictures);
  return g_steal_pointer(&model);
}

CbiganModel *
cbigan_quick_train(const CbiganInspectorOptions *options, const CbiganDataset *pictures, GArray *left_out,
                   GError **error)
{
  CbiganInspector inspector = { 0 };
  CbiganGoodSet good = { 0 };
  CbiganModel *model = NULL;
  g_autoptr(CbiganDataset) upright = NULL;
  const CbiganDataset *used = pictures;
  if (pictures->pictures->len < FEWEST) {
    cbigan_refuse(
        error,
        n_("%u good picture; expected at least %d", "%u good pictures; expected at least %d", pictures->pictures->len),
        pictures->pictures->len, FEWEST);
    return NULL;
  }
  if (options->aligned && cbigan_align_is_needed(pictures, options->align))
    used = upright = cbigan_align_pictures(pictures, &inspector.pose, error);
  if (!used || (options->aligned && !cbigan_screen_pictures(options, used, left_out, error))) {
    cbigan_inspector_clear(&inspector);
    return NULL;
  }
  g_autoptr(CbiganDataset) others = cbigan_screen_others(used, left_out);
  g_autoptr(CbiganDataset) measured = cbigan_screen_others(pictures, left_out);
  if (cbigan_good_set_init(&good, others, 0, options->aligned, CBIGAN_LEAST_SURFACE, options->seed, error)) {
    good.train.n = MIN(good.train.n, ENOUGH);
    model = make_model(options, measured, &good, &inspector, error);
  }
  cbigan_good_set_clear(&good);
  cbigan_inspector_clear(&inspector);
  return model;
}
