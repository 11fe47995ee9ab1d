/* inference.c - from frames to the numbers that scores combine, on any backend
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A turn takes as many frames of one size as a batch of patches holds, or one frame that needs several batches. Each
 * batch calls the same operations every time, so they are captured: patches in their light, networks, terms, distances,
 * and with a frame's last batch its maps and their peaks. Only numbers come back, at the turn's end.
 *
 * Without a baseline (calibration) the critic's features are downloaded between operations, so nothing is captured.
 */
#include "inference.h"

#include <math.h>

#include "i18n.h"
#include "model/error.h"
#include "model_networks.h"
#include "tiling.h"
#include "weights.h"

/* Memory for a turn; made for one size of frame. */
typedef struct {
  CbiganFrameTiling tiling;
  int patches;
  int most;    /* frames in a turn */
  int batches; /* of a frame */
  CbiganFrames *frames;
  /* Backend memory */
  float *corners;                     /* the tiling's: (columns + rows) */
  float *differences[CBIGAN_N_VIEWS]; /* (batches * batch, 3, patch, patch), the first most * patches count */
  float *error_maps, *local_maps;     /* (most, height, width) */
  float *scratch;                     /* (CBIGAN_MAP_PLANES, height, width) */
  float *distances;                   /* (most, patches, grid * grid) */
  CbiganCapture **captures;           /* (most + batches - 1): a turn of 1, 2, ... frames; later batches of one */
  /* Host memory */
  double *l_r, *l_fd;     /* (most, patches) */
  float *local_peaks;     /* (most) */
  float *distances_peaks; /* (most, patches) */
  float *features;        /* (most, patches, grid * grid, channels); NULL with a baseline */
  float *host_distances;  /* (patches, grid * grid) */
} Stage;

struct _CbiganInference {
  const CbiganModelInfo *info;
  CbiganBackend *backend;
  CbiganModelNetworks *networks;
  guint needs[CBIGAN_N_VIEWS];
  CbiganMapFilter error_filter, local_filter;
  gboolean compares;       /* there is a baseline */
  float *mean, *deviation; /* backend memory, what `good` points at */
  CbiganMapBaseline good;
  Stage stage;
  const CbiganMeasurement *current; /* of the callback at work */
  int current_frame;                /* of its turn */
  gboolean has_drawn;               /* operations were called after finish() */
};

/* floats of one patch */
static gsize
image_size(const CbiganInference *self)
{
  return 3 * (gsize)self->info->patch * self->info->patch;
}

/* distances of one patch */
static gsize
grid_size(const CbiganInference *self)
{
  return (gsize)self->info->critic_grid * self->info->critic_grid;
}

static guint
all_needs(const CbiganInference *self)
{
  return self->needs[CBIGAN_VIEW_RAW] | self->needs[CBIGAN_VIEW_LIGHT];
}

static gboolean
wants_features(const CbiganInference *self)
{
  return (all_needs(self) & CBIGAN_NEEDS_FEATURES) && !self->compares;
}

/* --- the stage ------------------------------------------------------------------------------------------------- */

static void
stage_clear(CbiganInference *self)
{
  Stage *s = &self->stage;
  float *const memory[] = { s->corners,    s->differences[0], s->differences[1], s->error_maps,
                            s->local_maps, s->scratch,        s->distances };
  for (int i = 0; s->captures && i < s->most + s->batches - 1; i++)
    cbigan_backend_capture_free(self->backend, s->captures[i]);
  for (guint i = 0; i < G_N_ELEMENTS(memory); i++)
    cbigan_backend_free(self->backend, memory[i]);
  cbigan_backend_frames_free(self->backend, s->frames);
  g_free(s->captures);
  g_free(s->l_r);
  g_free(s->l_fd);
  g_free(s->local_peaks);
  g_free(s->distances_peaks);
  g_free(s->features);
  g_free(s->host_distances);
  *s = (Stage){ 0 };
}

/* TRUE where the memory is not needed */
static gboolean
alloc(CbiganInference *self, guint need, float **data, gsize n_floats, GError **error)
{
  return !need || (*data = cbigan_backend_alloc(self->backend, n_floats, error)) != NULL;
}

static gboolean
alloc_memory(CbiganInference *self, GError **error)
{
  Stage *s = &self->stage;
  const guint all = all_needs(self);
  const gsize most = (gsize)s->most, pixels = (gsize)s->tiling.width * (gsize)s->tiling.height;
  const gsize differences = (gsize)s->batches * (gsize)self->networks->batch * image_size(self);
  for (int view = 0; view < CBIGAN_N_VIEWS; view++)
    if (!alloc(self, self->needs[view] & CBIGAN_NEEDS_DIFFERENCE, &s->differences[view], differences, error))
      return FALSE;
  return (s->frames = cbigan_backend_frames_new(self->backend, s->most, s->tiling.width, s->tiling.height, error)) &&
         alloc(self, TRUE, &s->corners, (gsize)(s->tiling.columns + s->tiling.rows), error) &&
         alloc(self, all & CBIGAN_NEEDS_ERROR_MAP, &s->error_maps, most * pixels, error) &&
         alloc(self, all & CBIGAN_NEEDS_LOCAL_MAP, &s->local_maps, most * pixels, error) &&
         alloc(self, all & CBIGAN_NEEDS_DIFFERENCE, &s->scratch, CBIGAN_MAP_PLANES * pixels, error) &&
         alloc(self, (all & CBIGAN_NEEDS_FEATURES) && self->compares, &s->distances,
               most * (gsize)s->patches * grid_size(self), error);
}

/* Host memory for the numbers of all patches */
static gboolean
alloc_numbers(CbiganInference *self, GError **error)
{
  Stage *s = &self->stage;
  const gsize all = (gsize)s->most * (gsize)s->patches;
  const gsize distances = s->distances ? (gsize)s->patches * grid_size(self) : 0;
  const gsize features = wants_features(self) ? all * grid_size(self) * (gsize)self->networks->critic.channels : 0;
  return (s->captures = cbigan_try_new(CbiganCapture *, s->most + s->batches - 1, error)) &&
         (s->l_r = cbigan_try_new(double, all, error)) && (s->l_fd = cbigan_try_new(double, all, error)) &&
         (s->local_peaks = cbigan_try_new(float, s->most, error)) &&
         (s->distances_peaks = cbigan_try_new(float, all, error)) &&
         (!distances || (s->host_distances = cbigan_try_new(float, distances, error))) &&
         (!features || (s->features = cbigan_try_new(float, features, error)));
}

static void
upload_corners(CbiganInference *self)
{
  CbiganFrameTiling *tiling = &self->stage.tiling;
  const int n = tiling->columns + tiling->rows;
  g_autofree float *host = g_new(float, n);
  cbigan_tiling_corners(tiling, host);
  cbigan_backend_upload(self->backend, (CbiganShape){ n, 1, 1 }, 1, host, self->stage.corners);
  tiling->across = self->stage.corners;
  tiling->down = self->stage.corners + tiling->columns;
}

/* Allocates memory for frames of that size, after freeing that for another size. */
static gboolean
stage_make(CbiganInference *self, int width, int height, GError **error)
{
  Stage *s = &self->stage;
  const int batch = self->networks->batch;
  stage_clear(self);
  if (!cbigan_tiling_init(&s->tiling, width, height, self->info->patch, error))
    return FALSE;
  s->patches = cbigan_tiling_patches(&s->tiling);
  s->most = MAX(batch / s->patches, 1);
  s->batches = (s->patches + batch - 1) / batch;
  if (!alloc_memory(self, error) || !alloc_numbers(self, error)) {
    stage_clear(self);
    return FALSE;
  }
  upload_corners(self);
  return TRUE;
}

/* --- a batch of a turn ----------------------------------------------------------------------------------------- */

typedef struct {
  CbiganInference *self;
  int frames;
  int first, n; /* patches of each; first > 0: there is one frame, so a turn's patches always follow one another */
} Turn;

static void
run_view(const Turn *turn, CbiganView view)
{
  CbiganInference *self = turn->self;
  Stage *s = &self->stage;
  CbiganModelNetworks *networks = self->networks;
  const int n = turn->frames * turn->n;
  const gsize first = (gsize)turn->first, grid = grid_size(self);
  const CbiganLightTarget light = { self->info->light_low, self->info->light_median };
  const guint needs = self->needs[view];
  float *difference = s->differences[view] ? s->differences[view] + first * image_size(self) : NULL;
  if (!needs)
    return;
  cbigan_backend_crop(self->backend, s->frames, turn->frames, &s->tiling, turn->first, turn->n,
                      view == CBIGAN_VIEW_LIGHT ? &light : NULL, networks->x);
  if (needs & (CBIGAN_NEEDS_TERMS | CBIGAN_NEEDS_DIFFERENCE))
    cbigan_model_networks_reconstruct(networks);
  if (needs & CBIGAN_NEEDS_TERMS)
    cbigan_model_networks_terms(networks, n, difference, s->l_r + first, s->l_fd + first);
  else if (needs & CBIGAN_NEEDS_DIFFERENCE)
    cbigan_model_networks_difference(networks, n, difference);
  if ((needs & CBIGAN_NEEDS_FEATURES) && self->compares)
    cbigan_model_networks_distances(networks, n, s->distances + first * grid, s->distances_peaks + first);
  else if (needs & CBIGAN_NEEDS_FEATURES)
    cbigan_model_networks_features(networks, n, s->features + first * grid * (gsize)networks->critic.channels);
}

/* Of a frame whose patches are all done */
static void
make_maps(CbiganInference *self, int frame)
{
  Stage *s = &self->stage;
  const gsize at = (gsize)frame * (gsize)s->tiling.width * (gsize)s->tiling.height;
  for (int view = 0; view < CBIGAN_N_VIEWS; view++) {
    const float *differences = s->differences[view] + (gsize)frame * (gsize)s->patches * image_size(self);
    if (self->needs[view] & CBIGAN_NEEDS_ERROR_MAP)
      cbigan_backend_map(self->backend, &s->tiling, differences, &self->error_filter, NULL, s->scratch,
                         s->error_maps + at, NULL);
    if (self->needs[view] & CBIGAN_NEEDS_LOCAL_MAP)
      cbigan_backend_map(self->backend, &s->tiling, differences, &self->local_filter,
                         self->compares ? &self->good : NULL, s->scratch, s->local_maps + at, &s->local_peaks[frame]);
  }
}

static void
operations(gpointer data)
{
  const Turn *turn = data;
  for (int view = 0; view < CBIGAN_N_VIEWS; view++)
    run_view(turn, (CbiganView)view);
  if (turn->first + turn->n == turn->self->stage.patches)
    for (int i = 0; i < turn->frames; i++)
      make_maps(turn->self, i);
}

static void
run_batch(CbiganInference *self, Turn turn)
{
  Stage *s = &self->stage;
  const int batch = turn.first / self->networks->batch; /* 0 where there are several frames */
  if (wants_features(self))
    operations(&turn);
  else
    cbigan_backend_capture(self->backend, &s->captures[turn.frames - 1 + batch], 0.0, operations, &turn);
}

/* --- frames ---------------------------------------------------------------------------------------------------- */

static gboolean
all_finite(const float *x, gsize n)
{
  for (gsize i = 0; i < n; i++)
    if (!isfinite(x[i]))
      return FALSE;
  return TRUE;
}

/* FALSE if a result of that frame of the turn is not finite */
static gboolean
measure(const CbiganInference *self, int frame, CbiganMeasurement *m)
{
  const Stage *s = &self->stage;
  const gsize n = (gsize)s->patches, first = (gsize)frame * n;
  const gsize features = grid_size(self) * (gsize)self->networks->critic.channels;
  gboolean terms = (all_needs(self) & CBIGAN_NEEDS_TERMS) != 0, finite = TRUE;
  m->l_r = terms ? s->l_r + first : NULL;
  m->l_fd = terms ? s->l_fd + first : NULL;
  m->deviations_peak = (double)s->local_peaks[frame];
  m->distances_peak = 0.0;
  for (gsize i = first; i < first + n; i++) {
    m->distances_peak = MAX(m->distances_peak, (double)s->distances_peaks[i]);
    finite = finite && isfinite(s->l_r[i]) && isfinite(s->l_fd[i]) && isfinite(s->distances_peaks[i]);
  }
  return finite && isfinite(s->local_peaks[frame]) &&
         (!s->features || all_finite(s->features + first * features, n * features));
}

static gboolean
hand_over(CbiganInference *self, int frame, guint number, CbiganInferenceFunc func, gpointer data, GError **error)
{
  CbiganMeasurement m = { .inference = self, .frame = number, .tiling = &self->stage.tiling };
  if (measure(self, frame, &m)) {
    self->current = &m;
    self->current_frame = frame;
    func(number, &m, data);
    self->current = NULL;
    return TRUE;
  }
  if (cbigan_backend_finish(self->backend, error))
    g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_BACKEND,
                _("the networks' results for frame %u are not finite; the weights are not those of a trained model"),
                number);
  return FALSE;
}

/* Number of the n frames that one turn takes: those of the first frame's size. 0: a frame can't be scored. */
static int
count(CbiganInference *self, const CbiganFrame *frames, guint n, GError **error)
{
  Stage *s = &self->stage;
  const gboolean on_device = cbigan_backend_reads_device(self->backend);
  if (!cbigan_tiling_check(self->info, &frames[0], on_device, error) ||
      ((frames[0].width != s->tiling.width || frames[0].height != s->tiling.height) &&
       !stage_make(self, frames[0].width, frames[0].height, error)))
    return 0;
  int same = 1;
  while (same < (int)MIN(n, (guint)s->most) && frames[same].width == s->tiling.width &&
         frames[same].height == s->tiling.height) {
    if (!cbigan_tiling_check(self->info, &frames[same], on_device, error))
      return 0;
    same++;
  }
  return same;
}

gboolean
cbigan_inference_run(CbiganInference *self, const CbiganFrame *frames, guint n, CbiganInferenceFunc func, gpointer data,
                     GError **error)
{
  Stage *s = &self->stage;
  const int batch = self->networks->batch;
  gboolean ok = TRUE;
  self->has_drawn = FALSE;
  for (guint done = 0; ok && done < n;) {
    const int some = count(self, frames + done, n - done, error);
    if (some == 0)
      return FALSE;
    for (int i = 0; i < some; i++)
      cbigan_backend_frame(self->backend, s->frames, i, &frames[done + (guint)i]);
    for (int first = 0; first < s->patches; first += batch)
      run_batch(self, (Turn){ self, some, first, MIN(s->patches - first, batch) });
    ok = cbigan_backend_finish(self->backend, error);
    for (int i = 0; ok && i < some; i++, done++)
      ok = hand_over(self, i, done, func, data, error);
  }
  if (self->has_drawn || self->backend->failure)
    ok = cbigan_backend_finish(self->backend, ok ? error : NULL) && ok;
  return ok;
}

/* --- what a callback may ask for -------------------------------------------------------------------------------- */

static gboolean
is_current(const CbiganMeasurement *m)
{
  return m && m->inference && m->inference->current == m;
}

static void
download_map(const CbiganMeasurement *m, const float *maps, float *map)
{
  CbiganInference *self = m->inference;
  const CbiganShape shape = { 1, m->tiling->height, m->tiling->width };
  self->has_drawn = TRUE;
  cbigan_backend_download(self->backend, shape, 1, maps + (gsize)self->current_frame * cbigan_shape_size(shape), map);
}

void
cbigan_inference_error_map(const CbiganMeasurement *m, float *map)
{
  g_return_if_fail(is_current(m) && m->inference->stage.error_maps && map);
  download_map(m, m->inference->stage.error_maps, map);
}

void
cbigan_inference_local_map(const CbiganMeasurement *m, float *map)
{
  g_return_if_fail(is_current(m) && m->inference->stage.local_maps && map);
  download_map(m, m->inference->stage.local_maps, map);
}

const float *
cbigan_inference_distances(const CbiganMeasurement *m)
{
  g_return_val_if_fail(is_current(m) && m->inference->stage.distances, NULL);
  CbiganInference *self = m->inference;
  const Stage *s = &self->stage;
  const int grid = self->info->critic_grid;
  self->has_drawn = TRUE;
  cbigan_backend_download(self->backend, (CbiganShape){ 1, grid, grid }, s->patches,
                          s->distances + (gsize)self->current_frame * (gsize)s->patches * grid_size(self),
                          s->host_distances);
  return s->host_distances;
}

const float *
cbigan_inference_features(const CbiganMeasurement *m)
{
  g_return_val_if_fail(is_current(m) && m->inference->stage.features, NULL);
  const CbiganInference *self = m->inference;
  const gsize size = grid_size(self) * (gsize)self->networks->critic.channels;
  return self->stage.features + (gsize)self->current_frame * (gsize)self->stage.patches * size;
}

void
cbigan_inference_each(const CbiganMeasurement *m, int n, gsize numbers, CbiganRangeFunc range, gpointer data)
{
  g_return_if_fail(is_current(m));
  m->inference->has_drawn = TRUE;
  cbigan_backend_each(m->inference->backend, n, numbers, range, data);
}

/* --- opening --------------------------------------------------------------------------------------------------- */

static gboolean
upload_map_baseline(CbiganInference *self, const CbiganBaseline *baseline, GError **error)
{
  const CbiganMapStatistics *good = &baseline->map;
  const CbiganShape shape = { 1, good->h, good->w };
  if (!alloc(self, TRUE, &self->mean, cbigan_shape_size(shape), error) ||
      !alloc(self, TRUE, &self->deviation, cbigan_shape_size(shape), error))
    return FALSE;
  cbigan_backend_upload(self->backend, shape, 1, good->mean, self->mean);
  cbigan_backend_upload(self->backend, shape, 1, good->deviation, self->deviation);
  self->good =
      (CbiganMapBaseline){ self->mean, self->deviation, good->w * good->h > 1, (float)baseline->deviation_floor };
  return TRUE;
}

gboolean
cbigan_inference_set_baseline(CbiganInference *self, const CbiganBaseline *baseline, GError **error)
{
  const guint all = all_needs(self);
  stage_clear(self); /* captures hold the old baseline */
  cbigan_backend_free(self->backend, self->mean);
  cbigan_backend_free(self->backend, self->deviation);
  self->mean = self->deviation = NULL;
  self->compares = baseline != NULL;
  if ((all & CBIGAN_NEEDS_FEATURES) &&
      !cbigan_model_networks_set_good(self->networks, baseline ? &baseline->critic : NULL, error))
    return FALSE;
  if ((all & CBIGAN_NEEDS_LOCAL_MAP) && baseline && !upload_map_baseline(self, baseline, error))
    return FALSE;
  /* Memory for frames of a known size is allocated now, so that its lack is an error of opening. */
  return (!self->info->frame_width || stage_make(self, self->info->frame_width, self->info->frame_height, error)) &&
         cbigan_backend_finish(self->backend, error);
}

CbiganInference *
cbigan_inference_new(const CbiganModel *model, CbiganBackend *backend, const guint needs[CBIGAN_N_VIEWS],
                     const CbiganBaseline *baseline, int batch, const CbiganInference *like, GError **error)
{
  g_autoptr(CbiganInference) self = g_new0(CbiganInference, 1);
  *self = (CbiganInference){ .info = &model->info,
                             .backend = backend,
                             .needs = { needs[CBIGAN_VIEW_RAW], needs[CBIGAN_VIEW_LIGHT] },
                             .error_filter = cbigan_error_map_filter(model->info.patch),
                             .local_filter = cbigan_local_map_filter(model->info.patch) };
  if (isnan(model->info.light_median)) { /* both views are the same */
    self->needs[CBIGAN_VIEW_RAW] |= self->needs[CBIGAN_VIEW_LIGHT];
    self->needs[CBIGAN_VIEW_LIGHT] = 0;
  }
  if (!(self->networks =
            cbigan_model_networks_new(model, backend, all_needs(self), batch, like ? like->networks : NULL, error)) ||
      !cbigan_inference_set_baseline(self, baseline, error))
    return NULL;
  return g_steal_pointer(&self);
}

void
cbigan_inference_free(CbiganInference *self)
{
  if (!self)
    return;
  stage_clear(self);
  cbigan_model_networks_free(self->networks);
  cbigan_backend_free(self->backend, self->mean);
  cbigan_backend_free(self->backend, self->deviation);
  g_free(self);
}

int
cbigan_inference_batch(const CbiganInference *self)
{
  return self->networks->batch;
}

guint
cbigan_inference_frames(const CbiganInference *self)
{
  return self->info->frame_width ? (guint)self->stage.most : 1;
}
