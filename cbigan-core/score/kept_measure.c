/* kept_measure.c - runs the networks over frames that a backend keeps
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Frames go in, then come turns: as many frames of one size as a batch holds, or one that needs several batches. What a
 * turn asks of the backend is the same every time, so it is recorded: light, patches, networks, terms, distances, and
 * with a frame's last batch its maps, deviations and peaks. Only numbers come back, at its end; maps stay where they
 * are until a row of scores downloads one.
 *
 * A calibration wants the critic's features themselves, as does who has no memory there for its statistics: they are
 * downloaded between operations, so nothing is recorded then.
 */
#include "kept_measure.h"

#include <math.h>

#include "difference.h"

/* Of all frames of a turn, or of one after another; made for one size of frame. */
typedef struct {
  int width, height;
  int most;    /* frames in a turn */
  int batches; /* of a frame */
  CbiganPatches patches;
  CbiganMosaic mosaic;
  CbiganIntake *intake;
  float *corners;                     /* mosaic's: (columns + rows) */
  float *differences[CBIGAN_N_VIEWS]; /* (most, patches, 3, patch, patch) */
  float *error_maps, *local_maps;     /* (most, height, width) */
  float *scratch;                     /* (CBIGAN_MAP_PLANES, height, width) */
  float *distances;                   /* (most, patches, grid * grid) */
  CbiganRecording **recordings;       /* (most + batches - 1): a turn of 1, 2, ... frames; later batches of one */
  /* On the host */
  double *l_r, *l_fd;                        /* (most, patches) */
  float *deviations_peaks, *distances_peaks; /* (most) */
  float *features;                           /* (most, patches, grid * grid, channels): where they are wanted */
  float *host_distances;                     /* (patches, grid * grid) */
  float *planes;                             /* (CBIGAN_PLANES, height, width) */
} Stage;

struct _CbiganKeptMeasure {
  const CbiganModelInfo *info;
  CbiganBackend *backend;
  CbiganPasses *passes;
  guint needs[CBIGAN_N_VIEWS];
  CbiganMapFilter error_filter, local_filter;
  float *mean, *deviation; /* backend memory, of good pictures' maps; NULL: without a standard */
  gboolean apart;          /* each pixel's own */
  float floor;
  Stage stage;
};

static gsize
image_size(const CbiganKeptMeasure *self) /* floats of one patch */
{
  return 3 * (gsize)self->info->patch * self->info->patch;
}

static gsize
grid_size(const CbiganKeptMeasure *self) /* distances of one patch */
{
  return (gsize)self->info->critic_grid * self->info->critic_grid;
}

static guint
all_needs(const CbiganKeptMeasure *self)
{
  return self->needs[CBIGAN_VIEW_RAW] | self->needs[CBIGAN_VIEW_LIGHT];
}

static gboolean
wants_features(const CbiganKeptMeasure *self)
{
  return (all_needs(self) & CBIGAN_NEEDS_FEATURES) && !self->passes->distances;
}

/* --- the stage ------------------------------------------------------------------------------------------------- */

static void
stage_clear(CbiganKeptMeasure *self)
{
  Stage *s = &self->stage;
  float *const there[] = { s->corners,    s->differences[0], s->differences[1], s->error_maps,
                           s->local_maps, s->scratch,        s->distances };
  for (int i = 0; s->recordings && i < s->most + s->batches - 1; i++)
    cbigan_backend_recording_free(self->backend, s->recordings[i]);
  for (guint i = 0; i < G_N_ELEMENTS(there); i++)
    cbigan_backend_free(self->backend, there[i]);
  if (s->intake)
    s->intake->free(s->intake);
  g_free(s->recordings);
  g_free(s->l_r);
  g_free(s->l_fd);
  g_free(s->deviations_peaks);
  g_free(s->distances_peaks);
  g_free(s->features);
  g_free(s->host_distances);
  g_free(s->planes);
  *s = (Stage){ .patches = s->patches };
}

/* TRUE where it is not needed */
static gboolean
alloc(CbiganKeptMeasure *self, guint need, float **data, gsize n_floats, GError **error)
{
  return !need || (*data = cbigan_backend_alloc(self->backend, n_floats, error)) != NULL;
}

static gboolean
alloc_there(CbiganKeptMeasure *self, GError **error)
{
  Stage *s = &self->stage;
  const guint all = all_needs(self), raw = self->needs[CBIGAN_VIEW_RAW], lit = self->needs[CBIGAN_VIEW_LIGHT];
  const gsize most = (gsize)s->most, patches = s->patches.corners->len, pixels = (gsize)s->width * (gsize)s->height;
  return (s->intake = cbigan_backend_intake(self->backend, s->most, s->width, s->height, error)) &&
         alloc(self, TRUE, &s->corners, (gsize)(s->patches.columns + s->patches.rows), error) &&
         alloc(self, raw & CBIGAN_NEEDS_DIFFERENCE, &s->differences[CBIGAN_VIEW_RAW], most * patches * image_size(self),
               error) &&
         alloc(self, lit & CBIGAN_NEEDS_DIFFERENCE, &s->differences[CBIGAN_VIEW_LIGHT],
               most * patches * image_size(self), error) &&
         alloc(self, all & CBIGAN_NEEDS_ERROR_MAP, &s->error_maps, most * pixels, error) &&
         alloc(self, all & CBIGAN_NEEDS_LOCAL_MAP, &s->local_maps, most * pixels, error) &&
         alloc(self, all & CBIGAN_NEEDS_DIFFERENCE, &s->scratch, CBIGAN_MAP_PLANES * pixels, error) &&
         alloc(self, self->passes->distances != NULL, &s->distances, most * patches * grid_size(self), error);
}

static void
send_corners(CbiganKeptMeasure *self)
{
  Stage *s = &self->stage;
  const int columns = s->patches.columns, rows = s->patches.rows;
  const CbiganPoint *corners = &g_array_index(s->patches.corners, CbiganPoint, 0);
  g_autofree float *host = g_new(float, columns + rows);
  for (int i = 0; i < columns; i++)
    host[i] = (float)corners[i].x;
  for (int i = 0; i < rows; i++)
    host[columns + i] = (float)corners[i * columns].y;
  cbigan_backend_upload(self->backend, (CbiganShape){ columns + rows, 1, 1 }, 1, host, s->corners);
  s->mosaic = (CbiganMosaic){ s->width, s->height, self->info->patch, columns, rows, s->corners, s->corners + columns };
}

/* For frames of that size; what was there for others goes first. */
static gboolean
stage_make(CbiganKeptMeasure *self, int width, int height, GError **error)
{
  Stage *s = &self->stage;
  stage_clear(self);
  if (!cbigan_patches_cover(&s->patches, width, height, error))
    return FALSE;
  const int batch = self->passes->batch, patches = (int)s->patches.corners->len;
  s->width = width;
  s->height = height;
  s->most = MAX(batch / patches, 1);
  s->batches = (patches + batch - 1) / batch;
  if (!alloc_there(self, error)) {
    stage_clear(self);
    return FALSE;
  }
  send_corners(self);
  const gsize all = (gsize)s->most * (gsize)patches, pixels = (gsize)width * (gsize)height;
  s->recordings = g_new0(CbiganRecording *, s->most + s->batches - 1);
  s->l_r = g_new0(double, all);
  s->l_fd = g_new0(double, all);
  s->deviations_peaks = g_new0(float, s->most);
  s->distances_peaks = g_new0(float, s->most);
  s->host_distances = g_new(float, (gsize)patches *grid_size(self));
  if (!self->mean)
    s->planes = g_new(float, CBIGAN_PLANES *pixels);
  if (wants_features(self))
    s->features = g_new(float, all *grid_size(self) * (gsize)self->passes->channels);
  return TRUE;
}

/* --- a turn ---------------------------------------------------------------------------------------------------- */

typedef struct {
  CbiganKeptMeasure *self;
  int frames;
  int first, n; /* patches of each; first > 0: there is one frame, so a turn's patches always follow one another */
} Turn;

static void
download_features(const Turn *turn)
{
  CbiganKeptMeasure *self = turn->self;
  const int n = turn->frames * turn->n;
  const gsize size = grid_size(self) * (gsize)self->passes->channels;
  g_autofree float **to = g_new(float *, n);
  for (int i = 0; i < n; i++)
    to[i] = self->stage.features + ((gsize)turn->first + (gsize)i) * size;
  cbigan_passes_features(self->passes, n, to);
}

static void
run_view(const Turn *turn, CbiganView view)
{
  CbiganKeptMeasure *self = turn->self;
  Stage *s = &self->stage;
  CbiganPasses *passes = self->passes;
  const int n = turn->frames * turn->n;
  const gsize image = image_size(self);
  const guint needs = self->needs[view];
  const gboolean lit = view == CBIGAN_VIEW_LIGHT;
  if (!needs)
    return;
  if (lit && turn->first == 0)
    s->intake->light(s->intake, turn->frames, self->info->light_low, self->info->light_median);
  for (int i = 0; i < turn->frames; i++)
    s->intake->crop(s->intake, i, &s->mosaic, turn->first, turn->n, lit, passes->x + (gsize)(i * turn->n) * image);
  if (needs & (CBIGAN_NEEDS_TERMS | CBIGAN_NEEDS_DIFFERENCE))
    cbigan_passes_reconstruct(passes);
  if (needs & CBIGAN_NEEDS_TERMS)
    cbigan_passes_terms(passes, n, s->l_r + (gsize)turn->first, s->l_fd + (gsize)turn->first);
  if (needs & CBIGAN_NEEDS_DIFFERENCE)
    cbigan_passes_subtract(passes, 0, n, s->differences[view] + (gsize)turn->first * image);
  if ((needs & CBIGAN_NEEDS_FEATURES) && passes->distances)
    cbigan_passes_distances(passes, n, s->distances + (gsize)turn->first * grid_size(self));
  else if (needs & CBIGAN_NEEDS_FEATURES)
    download_features(turn);
}

/* Of one frame, whose patches are all there */
static void
make_maps(CbiganKeptMeasure *self, int frame)
{
  Stage *s = &self->stage;
  const gsize pixels = (gsize)s->width * (gsize)s->height, at = (gsize)frame * pixels;
  const gsize patches = s->patches.corners->len;
  for (int view = 0; view < CBIGAN_N_VIEWS; view++) {
    const float *differences = s->differences[view] + (gsize)frame * patches * image_size(self);
    if (self->needs[view] & CBIGAN_NEEDS_ERROR_MAP)
      cbigan_backend_map(self->backend, &s->mosaic, differences, &self->error_filter, s->scratch, s->error_maps + at);
    if (!(self->needs[view] & CBIGAN_NEEDS_LOCAL_MAP))
      continue;
    cbigan_backend_map(self->backend, &s->mosaic, differences, &self->local_filter, s->scratch, s->local_maps + at);
    if (self->mean)
      cbigan_backend_deviations(self->backend, pixels, self->mean, self->deviation, self->apart, self->floor,
                                s->local_maps + at);
    cbigan_backend_peak(self->backend, pixels, s->local_maps + at, &s->deviations_peaks[frame]);
  }
  if (s->distances)
    cbigan_backend_peak(self->backend, patches * grid_size(self),
                        s->distances + (gsize)frame * patches * grid_size(self), &s->distances_peaks[frame]);
}

static void
operations(gpointer data)
{
  const Turn *turn = data;
  Stage *s = &turn->self->stage;
  for (int view = 0; view < CBIGAN_N_VIEWS; view++)
    run_view(turn, (CbiganView)view);
  if (turn->first + turn->n == (int)s->patches.corners->len)
    for (int i = 0; i < turn->frames; i++)
      make_maps(turn->self, i);
}

static void
run_turn(CbiganKeptMeasure *self, Turn turn)
{
  Stage *s = &self->stage;
  const int batch = turn.first / self->passes->batch; /* 0 where there are several frames */
  if (wants_features(self))
    operations(&turn);
  else
    cbigan_backend_record(self->backend, &s->recordings[turn.frames - 1 + batch], 0.0, operations, &turn);
}

/* --- frames ---------------------------------------------------------------------------------------------------- */

static gboolean
is_finite(const CbiganKeptMeasure *self, int frame)
{
  const Stage *s = &self->stage;
  const guint needs = all_needs(self);
  const gsize n = s->patches.corners->len, first = (gsize)frame * n;
  const gsize features = grid_size(self) * (gsize)self->passes->channels;
  for (gsize i = first; (needs & CBIGAN_NEEDS_TERMS) && i < first + n; i++)
    if (!isfinite(s->l_r[i]) || !isfinite(s->l_fd[i]))
      return FALSE;
  return (!s->local_maps || isfinite(s->deviations_peaks[frame])) &&
         (!s->distances || isfinite(s->distances_peaks[frame])) &&
         (!s->features || cbigan_all_finite(s->features + first * features, n * features));
}

static CbiganMeasurement
measurement(const CbiganKeptMeasure *self, int frame)
{
  const Stage *s = &self->stage;
  const gsize n = s->patches.corners->len, first = (gsize)frame * n;
  const gsize map = (gsize)frame * (gsize)s->width * (gsize)s->height;
  const float *local_map = s->local_maps ? s->local_maps + map : NULL;
  return (CbiganMeasurement){
    .width = s->width,
    .height = s->height,
    .patches = &s->patches,
    .l_r = all_needs(self) & CBIGAN_NEEDS_TERMS ? s->l_r + first : NULL,
    .l_fd = all_needs(self) & CBIGAN_NEEDS_TERMS ? s->l_fd + first : NULL,
    .features = s->features ? s->features + first * grid_size(self) * (gsize)self->passes->channels : NULL,
    .distances = s->host_distances,
    .kept = { .error_map = s->error_maps ? s->error_maps + map : NULL,
              .local_map = self->mean ? NULL : local_map,
              .deviations = self->mean ? local_map : NULL,
              .distances = s->distances ? s->distances + first * grid_size(self) : NULL,
              .deviations_peak = s->deviations_peaks[frame],
              .distances_peak = s->distances_peaks[frame] },
    .planes = s->planes,
    .backend = self->backend,
  };
}

/* How many of n frames one turn takes: those of the first one's size. 0: one of them can't be scored. */
static int
count(CbiganKeptMeasure *self, const CbiganFrame *frames, guint n, GError **error)
{
  Stage *s = &self->stage;
  if (!cbigan_measure_check(self->info, &frames[0], TRUE, error) ||
      ((frames[0].width != s->width || frames[0].height != s->height) &&
       !stage_make(self, frames[0].width, frames[0].height, error)))
    return 0;
  int same = 1;
  while (same < (int)MIN(n, (guint)s->most) && frames[same].width == s->width && frames[same].height == s->height) {
    if (!cbigan_measure_check(self->info, &frames[same], TRUE, error))
      return 0;
    same++;
  }
  return same;
}

gboolean
cbigan_kept_measure_run(CbiganKeptMeasure *self, const CbiganFrame *frames, guint n, CbiganMeasureFunc func,
                        gpointer data, GError **error)
{
  Stage *s = &self->stage;
  for (guint done = 0; done < n;) {
    const int some = count(self, frames + done, n - done, error);
    if (some == 0)
      return FALSE;
    for (int i = 0; i < some; i++) {
      const CbiganFrame *f = &frames[done + (guint)i];
      s->intake->take(s->intake, i, &(CbiganPixels){ f->data, f->width, f->height, f->stride, f->on_device, f->ready });
    }
    const int patches = (int)s->patches.corners->len;
    for (int first = 0; first < patches; first += self->passes->batch)
      run_turn(self, (Turn){ self, some, first, MIN(patches - first, self->passes->batch) });
    if (!cbigan_backend_finish(self->backend, error))
      return FALSE;
    for (int i = 0; i < some; i++, done++) {
      if (!is_finite(self, i))
        return cbigan_measure_not_finite(self->backend, done, error);
      const CbiganMeasurement m = measurement(self, i);
      func(done, &m, data);
    }
  }
  return !self->backend->failure || cbigan_backend_finish(self->backend, error); /* of a map's download */
}

/* --- opening --------------------------------------------------------------------------------------------------- */

static gboolean
send_statistics(CbiganKeptMeasure *self, const CbiganBaseline *standard, GError **error)
{
  const CbiganMapStatistics *good = &standard->map;
  const CbiganShape shape = { 1, good->h, good->w };
  if (!(all_needs(self) & CBIGAN_NEEDS_LOCAL_MAP))
    return TRUE;
  self->apart = good->w * good->h > 1;
  self->floor = (float)standard->deviation_floor;
  if (!alloc(self, TRUE, &self->mean, cbigan_shape_size(shape), error) ||
      !alloc(self, TRUE, &self->deviation, cbigan_shape_size(shape), error))
    return FALSE;
  cbigan_backend_upload(self->backend, shape, 1, good->mean, self->mean);
  cbigan_backend_upload(self->backend, shape, 1, good->deviation, self->deviation);
  return TRUE;
}

CbiganKeptMeasure *
cbigan_kept_measure_new(const CbiganModelInfo *info, CbiganPasses *passes, const guint needs[CBIGAN_N_VIEWS],
                        const CbiganBaseline *standard, GError **error)
{
  CbiganKeptMeasure *self = g_new0(CbiganKeptMeasure, 1);
  *self = (CbiganKeptMeasure){ .info = info,
                               .backend = passes->backend,
                               .passes = passes,
                               .needs = { needs[CBIGAN_VIEW_RAW], needs[CBIGAN_VIEW_LIGHT] },
                               .error_filter = cbigan_error_map_filter(info->patch),
                               .local_filter = cbigan_local_map_filter(info->patch) };
  cbigan_patches_init(&self->stage.patches, info->patch);
  /* Memory for frames of a known size is there before the first one, or there is an error now. */
  if ((!standard || send_statistics(self, standard, error)) &&
      (!info->frame_width || stage_make(self, info->frame_width, info->frame_height, error)) &&
      cbigan_backend_finish(self->backend, error))
    return self;
  cbigan_kept_measure_free(self);
  return NULL;
}

void
cbigan_kept_measure_free(CbiganKeptMeasure *self)
{
  if (!self)
    return;
  stage_clear(self);
  cbigan_patches_clear(&self->stage.patches);
  cbigan_backend_free(self->backend, self->mean);
  cbigan_backend_free(self->backend, self->deviation);
  g_free(self);
}
