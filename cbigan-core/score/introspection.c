/* introspection.c - what other languages need of cbigan.h: types on the heap, plain arguments, annotations
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cbigan.h describes the functions. The blocks of annotations here are for g-ir-scanner, which makes Cbigan-0.gir of
 * them: they say what C can't. A function that other languages can't call, or that a simpler one replaces, is (skip).
 * To add a function: its block below, in the order of cbigan.h.
 */
#include "cbigan.h"
#include "i18n.h"
#include "score/struct_sizes.h"

/* --- models ---------------------------------------------------------------------------------------------------- */

/**
 * CbiganModel:
 *
 * A trained model, which never changes.
 */
G_DEFINE_BOXED_TYPE(CbiganModel, cbigan_model, cbigan_model_ref, cbigan_model_unref)

/**
 * cbigan_model_get_frame_size:
 * @model: a model
 * @width: (out): pixels; 0 = any size
 * @height: (out): pixels; 0 = any size
 */
void
cbigan_model_get_frame_size(const CbiganModel *model, int *width, int *height)
{
  g_return_if_fail(model && width && height);
  *width = cbigan_model_info(model)->frame_width;
  *height = cbigan_model_info(model)->frame_height;
}

/**
 * cbigan_model_get_threshold:
 * @model: a model
 *
 * Returns: the threshold in units of the model's score; NAN: none
 */
double
cbigan_model_get_threshold(const CbiganModel *model)
{
  g_return_val_if_fail(model, NAN);
  return cbigan_model_info(model)->threshold;
}

/**
 * cbigan_model_get_score:
 * @model: a model
 *
 * Returns: the score that the threshold belongs to
 */
CbiganScoreKind
cbigan_model_get_score(const CbiganModel *model)
{
  g_return_val_if_fail(model, CBIGAN_SCORE_MODEL);
  return cbigan_model_info(model)->score;
}

/* --- scorers --------------------------------------------------------------------------------------------------- */

/**
 * CbiganScorer:
 *
 * A model on a backend. One thread at a time uses it.
 */
G_DEFINE_BOXED_TYPE(CbiganScorer, cbigan_scorer, cbigan_scorer_ref, cbigan_scorer_free)

/**
 * CbiganScorerOptions:
 * @size: (skip): of the struct
 * @backend: (skip): cbigan_scorer_options_set_backend()
 * @score: (type gint): a CbiganScoreKind
 * @precision: (type gint): a CbiganPrecision
 * @maps: (type gint): a CbiganMaps
 * @cuda_context: (skip): for C
 *
 * How a scorer is opened. The enums have no GType, and PyGObject 3.50 warns of each assignment to a field of such a
 * type, so these fields are numbers.
 */
G_DEFINE_BOXED_TYPE(CbiganScorerOptions, cbigan_scorer_options, cbigan_scorer_options_copy, cbigan_scorer_options_free)

/**
 * cbigan_scorer_options_new: (constructor)
 *
 * Returns: (transfer full): the defaults
 */
CbiganScorerOptions *
cbigan_scorer_options_new(void)
{
  return cbigan_scorer_options_copy(&(CbiganScorerOptions)CBIGAN_SCORER_OPTIONS_INIT);
}

/**
 * cbigan_scorer_options_copy:
 * @options: options
 *
 * Returns: (transfer full): a copy
 */
CbiganScorerOptions *
cbigan_scorer_options_copy(const CbiganScorerOptions *options)
{
  g_return_val_if_fail(options, NULL);
  const CbiganScorerOptions mine = cbigan_options_take(options);
  return g_memdup2(&mine, sizeof mine);
}

/**
 * cbigan_scorer_options_free:
 * @options: (nullable) (transfer full): options
 */
void
cbigan_scorer_options_free(CbiganScorerOptions *options)
{
  g_free(options);
}

/**
 * cbigan_scorer_options_set_backend:
 * @options: options
 * @backend: (nullable): a name; %NULL = chosen
 */
void
cbigan_scorer_options_set_backend(CbiganScorerOptions *options, const char *backend)
{
  g_return_if_fail(options);
  options->backend = g_intern_string(backend);
}

/**
 * cbigan_scorer_score_pixels:
 * @scorer: a scorer
 * @pixels: (array length=n) (element-type guint8): bytes R, G, B
 * @n: bytes
 * @width: pixels
 * @height: pixels
 * @stride: bytes from one row to the next
 * @error: (nullable): an error
 *
 * Returns: (transfer full): the result
 */
CbiganResult *
cbigan_scorer_score_pixels(CbiganScorer *scorer, const guint8 *pixels, gsize n, int width, int height, gsize stride,
                           GError **error)
{
  g_return_val_if_fail(scorer && pixels, NULL);
  if (width > 0 && height > 0) {
    gsize rows = 0, wanted = 0;
    if (!g_size_checked_mul(&rows, (gsize)height - 1, stride) || !g_size_checked_add(&wanted, rows, 3 * (gsize)width) ||
        n < wanted) {
      g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_FRAME,
                  _("%zu bytes of pixels for %d rows of %d pixels, %zu bytes apart; expected at least %zu"), n, height,
                  width, stride, wanted);
      return NULL;
    }
  }
  CbiganFrame frame = { .data = pixels, .width = width, .height = height, .stride = stride };
  CbiganResult *result = cbigan_result_new();
  if (!cbigan_scorer_score(scorer, &frame, 1, result, error))
    g_clear_pointer(&result, cbigan_result_free);
  return result;
}

/**
 * cbigan_scorer_set_roi:
 * @scorer: a scorer
 * @roi: (nullable): areas; %NULL = the whole frame
 * @picture_width: pixels of the picture before it was resized; 0 = not known
 * @picture_height: likewise
 * @error: (nullable): an error
 */
gboolean
cbigan_scorer_set_roi(CbiganScorer *scorer, const char *roi, int picture_width, int picture_height, GError **error)
{
  CbiganCounting counting = CBIGAN_COUNTING_INIT;
  counting.roi = roi;
  counting.picture_width = picture_width;
  counting.picture_height = picture_height;
  return cbigan_scorer_set_counting(scorer, &counting, error);
}

/* --- results --------------------------------------------------------------------------------------------------- */

/**
 * CbiganResult:
 * @size: (skip): of the struct
 * @map: (skip): cbigan_result_get_map()
 * @map_allocated: (skip): private
 * @regions: (skip): cbigan_result_get_region()
 * @areas: (skip): cbigan_result_get_area()
 *
 * The result of a frame.
 */
G_DEFINE_BOXED_TYPE(CbiganResult, cbigan_result, cbigan_result_copy, cbigan_result_free)

/**
 * cbigan_result_new: (constructor)
 *
 * Returns: (transfer full): an empty result
 */
CbiganResult *
cbigan_result_new(void)
{
  return g_memdup2(&(CbiganResult)CBIGAN_RESULT_INIT, sizeof(CbiganResult));
}

/**
 * cbigan_result_copy:
 * @result: a result
 *
 * Returns: (transfer full): a copy with a map of its own
 */
CbiganResult *
cbigan_result_copy(const CbiganResult *result)
{
  g_return_val_if_fail(result && cbigan_result_is_valid(result), NULL);
  CbiganResult *copy = cbigan_results_take(result, 1);
  copy->map = g_memdup2(result->map, result->map_allocated * sizeof(float));
  return copy;
}

/**
 * cbigan_result_free:
 * @result: (nullable) (transfer full): a result
 */
void
cbigan_result_free(CbiganResult *result)
{
  if (result)
    g_free(result->map);
  g_free(result);
}

/**
 * cbigan_result_get_map:
 * @result: a result
 *
 * Returns: (transfer full) (nullable): (map_height, map_width) floats
 */
GBytes *
cbigan_result_get_map(const CbiganResult *result)
{
  g_return_val_if_fail(result, NULL);
  return result->map_width
             ? g_bytes_new(result->map, (gsize)result->map_width * (gsize)result->map_height * sizeof(float))
             : NULL;
}

/**
 * cbigan_result_get_region:
 * @result: a result
 * @i: number of the region, from 0
 * @region: (out caller-allocates): the region
 *
 * Returns: whether there is such a region
 */
gboolean
cbigan_result_get_region(const CbiganResult *result, guint i, CbiganRegion *region)
{
  g_return_val_if_fail(result && region, FALSE);
  if (i >= result->n_regions)
    return FALSE;
  *region = result->regions[i];
  return TRUE;
}

/**
 * cbigan_result_get_area:
 * @result: a result
 * @i: number of the area, from 0
 * @score: (out): its score
 * @threshold: (out): its threshold
 * @anomalous: (out): its verdict
 *
 * Returns: (transfer full) (nullable): its name; %NULL: there is no such area
 */
char *
cbigan_result_get_area(const CbiganResult *result, guint i, double *score, double *threshold, gboolean *anomalous)
{
  g_return_val_if_fail(result && score && threshold && anomalous, NULL);
  const gboolean there = i < result->n_areas;
  const CbiganAreaResult *area = &result->areas[there ? i : 0];
  *score = there ? area->score : NAN;
  *threshold = there ? area->threshold : NAN;
  *anomalous = there && area->anomalous;
  return there ? g_strdup(area->name) : NULL;
}

/* --- functions of other files ---------------------------------------------------------------------------------- */

/**
 * cbigan_score_from_name:
 * @name: a name
 * @kind: (out): its score
 *
 * Returns: whether there is such a score
 */
/**
 * cbigan_model_load: (constructor)
 * @path: (type filename): the file
 * @error: (nullable): an error
 *
 * Returns: (transfer full): the model
 */
/**
 * cbigan_model_load_shared: (constructor)
 * @path: (type filename): the file
 * @error: (nullable): an error
 *
 * Returns: (transfer full): the model
 */
/**
 * cbigan_model_ref:
 * @model: a model
 *
 * Returns: (transfer full): the model
 */
/**
 * cbigan_model_unref:
 * @model: (nullable) (transfer full): a model
 */
/**
 * cbigan_model_info: (skip)
 */
/**
 * cbigan_model_save:
 * @model: a model
 * @path: (type filename): the file
 * @error: (nullable): an error
 */
/**
 * cbigan_backend_names:
 *
 * Returns: (transfer none) (array zero-terminated=1): the names
 */
/**
 * cbigan_backend_unavailable:
 * @name: a name
 *
 * Returns: (transfer full) (nullable): the reason; %NULL: the backend can run here
 */
/**
 * cbigan_result_clear: (skip)
 */
/**
 * cbigan_scorer_new: (constructor)
 * @model: a model
 * @options: (nullable): options; %NULL = the defaults
 * @error: (nullable): an error
 *
 * Returns: (transfer full): the scorer
 */
/**
 * cbigan_scorer_ref:
 * @scorer: a scorer
 *
 * Returns: (transfer full): the scorer
 */
/**
 * cbigan_scorer_free: (skip)
 */
/**
 * cbigan_scorer_score: (skip)
 */
/**
 * cbigan_scorer_set_counting: (skip)
 */
/**
 * CbiganPrepareFunc: (skip)
 */
/**
 * CbiganDoneFunc: (skip)
 */
/**
 * cbigan_scorer_post: (skip)
 */
/**
 * cbigan_scorer_set_cutouts:
 * @scorer: a scorer
 * @overlap: part of a cutout's side, 0..0.9; NAN = frames have the model's size
 * @error: (nullable): an error
 */
/**
 * cbigan_picture_measure: (skip)
 */
/**
 * cbigan_health_check: (skip)
 */
/**
 * cbigan_usual_forget_places: (skip)
 */
/**
 * cbigan_usual_scores: (skip)
 */
/**
 * cbigan_model_recalibrate: (skip)
 */
/**
 * cbigan_map_to_gray16: (skip)
 */
/**
 * cbigan_map_to_bgra: (skip)
 */
