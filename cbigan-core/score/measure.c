/* measure.c - runs the networks over frames, patches of several frames together
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Patches of all frames queue up until a batch is full (flush), whatever frames they come from; what comes back is
 * sorted into one Slot a frame, and a slot whose patches are all back is handed to the caller and used again. For a
 * backend that keeps frames, kept_measure.c does all that its own way.
 */
#include "measure.h"

#include <math.h>

#include "difference.h"
#include "i18n.h"
#include "kept_measure.h"

/* A frame in flight. Buffers grow and stay. */
typedef struct {
  gboolean busy;
  guint frame;   /* number in the call */
  guint missing; /* patches not back yet */
  CbiganLight light[CBIGAN_N_VIEWS];
  CbiganPatches patches;
  const CbiganFrame *pixels;
  gsize n_pixels, n_patches;         /* allocated for */
  float *images[CBIGAN_N_VIEWS];     /* (patches, 3, patch, patch): reconstructions */
  float *difference[CBIGAN_N_VIEWS]; /* (3, h, w) */
  double *l_r, *l_fd;                /* (patches) */
  float *features;                   /* (patches, grid * grid, channels) */
  float *distances;                  /* (patches, grid * grid) */
} Slot;

typedef struct {
  Slot *slot;
  int patch;
} Item;

struct _CbiganMeasure {
  const CbiganModelInfo *info;
  CbiganBackend *backend;
  CbiganPasses *passes;
  guint needs[CBIGAN_N_VIEWS];
  CbiganKeptMeasure *kept; /* NULL unless the backend keeps frames; then nothing of what follows is used */

  double *l_r, *l_fd;      /* (batch) */
  float **to;              /* (batch): where each patch's features go */
  float *planes;           /* (CBIGAN_PLANES, h, w) */
  double *columns;         /* (w + h) */
  guint8 *counts;          /* (w + h) */
  gsize n_planes, n_sides; /* allocated for */

  Slot *slots; /* (batch): each of a batch's patches may be another frame's */
  Item *items; /* (batch) */
  int n_items;
};

/* 64 fill the lanes of four threads with 16 lanes each. */
#define MOST 64

int
cbigan_measure_batch(const CbiganModelInfo *info)
{
  if (!info->frame_width)
    return 8;
  int n =
      ((info->frame_width + info->patch - 1) / info->patch) * ((info->frame_height + info->patch - 1) / info->patch);
  int batches = (n + MOST - 1) / MOST;
  return MAX((n + batches - 1) / batches, 1);
}

gboolean
cbigan_measure_check(const CbiganModelInfo *info, const CbiganFrame *frame, gboolean on_device, GError **error)
{
  if (info->frame_width && (frame->width != info->frame_width || frame->height != info->frame_height)) {
    g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_FRAME, _("the frame has %d x %d pixels, the model wants %d x %d"),
                frame->width, frame->height, info->frame_width, info->frame_height);
    return FALSE;
  }
  if (frame->width < 1 || frame->height < 1 || !frame->data || frame->stride < 3 * (gsize)frame->width) {
    g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_FRAME,
                _("a frame of %d x %d pixels with rows of %zu bytes; expected at least 3 bytes a pixel"), frame->width,
                frame->height, frame->stride);
    return FALSE;
  }
  if (!frame->on_device || on_device)
    return TRUE;
  g_set_error_literal(error, CBIGAN_ERROR, CBIGAN_ERROR_FRAME,
                      _("the frame is in a GPU's memory; expected host memory"));
  return FALSE;
}

gboolean
cbigan_measure_not_finite(CbiganBackend *backend, guint frame, GError **error)
{
  if (cbigan_backend_finish(backend, error))
    g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_BACKEND,
                _("the networks' results for frame %u are not finite; the weights are not those of a trained model"),
                frame);
  return FALSE;
}

void
cbigan_measure_free(CbiganMeasure *self)
{
  if (!self)
    return;
  cbigan_kept_measure_free(self->kept);
  for (int i = 0; self->slots && i < self->passes->batch; i++) {
    Slot *slot = &self->slots[i];
    cbigan_patches_clear(&slot->patches);
    for (int view = 0; view < CBIGAN_N_VIEWS; view++) {
      g_free(slot->images[view]);
      g_free(slot->difference[view]);
    }
    g_free(slot->l_r);
    g_free(slot->l_fd);
    g_free(slot->features);
    g_free(slot->distances);
  }
  cbigan_passes_free(self->passes);
  g_free(self->l_r);
  g_free(self->l_fd);
  g_free(self->to);
  g_free(self->planes);
  g_free(self->columns);
  g_free(self->counts);
  g_free(self->slots);
  g_free(self->items);
  g_free(self);
}

/* --- frames into batches --------------------------------------------------------------------------------------- */

static gsize
distances_size(const CbiganMeasure *self) /* floats of one patch; 0 without the critic */
{
  return self->passes->channels ? (gsize)self->info->critic_grid * self->info->critic_grid : 0;
}

static gsize
feature_size(const CbiganMeasure *self) /* floats of one patch */
{
  return distances_size(self) * self->passes->channels;
}

static gsize
image_size(const CbiganMeasure *self) /* floats of one patch */
{
  return 3 * (gsize)self->info->patch * self->info->patch;
}

static void
grow_patches(CbiganMeasure *self, Slot *slot, gsize n)
{
  slot->n_patches = n;
  slot->l_r = g_renew(double, slot->l_r, n);
  slot->l_fd = g_renew(double, slot->l_fd, n);
  slot->features = g_renew(float, slot->features, n *feature_size(self));
  slot->distances = g_renew(float, slot->distances, n *distances_size(self));
  for (int view = 0; view < CBIGAN_N_VIEWS; view++)
    if (self->needs[view] & CBIGAN_NEEDS_DIFFERENCE)
      slot->images[view] = g_renew(float, slot->images[view], n *image_size(self));
}

static void
grow(CbiganMeasure *self, Slot *slot, gsize w, gsize h)
{
  gsize n = slot->patches.corners->len;
  if (w * h > slot->n_pixels) {
    slot->n_pixels = w * h;
    for (int view = 0; view < CBIGAN_N_VIEWS; view++)
      if (self->needs[view] & CBIGAN_NEEDS_DIFFERENCE)
        slot->difference[view] = g_renew(float, slot->difference[view], 3 * w * h);
  }
  if (w + h > self->n_sides) {
    self->n_sides = w + h;
    self->counts = g_renew(guint8, self->counts, w + h);
    self->columns = g_renew(double, self->columns, w + h);
  }
  if (w * h > self->n_planes) { /* of what all frames use, one after another */
    self->n_planes = w * h;
    self->planes = g_renew(float, self->planes, CBIGAN_PLANES *w *h);
  }
  if (n > slot->n_patches)
    grow_patches(self, slot, n);
}

CbiganMeasure *
cbigan_measure_new(const CbiganModel *model, CbiganBackend *backend, const guint needs[CBIGAN_N_VIEWS],
                   const CbiganBaseline *standard, int batch, GError **error)
{
  g_autoptr(CbiganMeasure) self = g_new0(CbiganMeasure, 1);
  *self = (CbiganMeasure){ .info = &model->info,
                           .backend = backend,
                           .needs = { needs[CBIGAN_VIEW_RAW], needs[CBIGAN_VIEW_LIGHT] } };
  if (isnan(model->info.light_median)) { /* both views are the same */
    self->needs[CBIGAN_VIEW_RAW] |= self->needs[CBIGAN_VIEW_LIGHT];
    self->needs[CBIGAN_VIEW_LIGHT] = 0;
  }
  if (!(self->passes = cbigan_passes_new(model, backend, needs[CBIGAN_VIEW_RAW] | needs[CBIGAN_VIEW_LIGHT],
                                         standard ? &standard->critic : NULL, batch, error)))
    return NULL;
  if (cbigan_backend_keeps_frames(backend)) {
    self->kept = cbigan_kept_measure_new(&model->info, self->passes, self->needs, standard, error);
    return self->kept ? g_steal_pointer(&self) : NULL;
  }
  self->l_r = g_new(double, batch);
  self->l_fd = g_new(double, batch);
  self->to = g_new(float *, batch);
  self->items = g_new0(Item, batch);
  self->slots = g_new0(Slot, batch);
  for (int i = 0; i < batch; i++)
    cbigan_patches_init(&self->slots[i].patches, model->info.patch);
  return g_steal_pointer(&self);
}

static gboolean
begin_frame(CbiganMeasure *self, const CbiganFrame *frame, guint number, Slot **begun, GError **error)
{
  Slot *slot = self->slots;
  while (slot->busy)
    slot++;
  if (!cbigan_measure_check(self->info, frame, FALSE, error) ||
      !cbigan_patches_cover(&slot->patches, frame->width, frame->height, error))
    return FALSE;
  grow(self, slot, (gsize)frame->width, (gsize)frame->height);
  slot->busy = TRUE;
  slot->frame = number;
  slot->missing = slot->patches.corners->len;
  slot->pixels = frame;
  slot->light[CBIGAN_VIEW_RAW] = (CbiganLight){ 1.0f, 0.0f };
  if (self->needs[CBIGAN_VIEW_LIGHT])
    slot->light[CBIGAN_VIEW_LIGHT] =
        cbigan_light_compensation(frame, self->info->light_low, self->info->light_median, self->backend);
  *begun = slot;
  return TRUE;
}

/* --- one batch ------------------------------------------------------------------------------------------------- */

/* How many items from `first` on are of the same frame; their patches follow one another. */
static int
run_length(const CbiganMeasure *self, int first)
{
  int n = 1;
  while (first + n < self->n_items && self->items[first + n].slot == self->items[first].slot)
    n++;
  return n;
}

static void
fill_images(CbiganMeasure *self, CbiganView view)
{
  for (int i = 0, n; i < self->n_items; i += n) {
    Slot *slot = self->items[i].slot;
    n = run_length(self, i);
    const CbiganPoint *corners = &g_array_index(slot->patches.corners, CbiganPoint, self->items[i].patch);
    CbiganPixels pixels = { slot->pixels->data, slot->pixels->width, slot->pixels->height, slot->pixels->stride };
    cbigan_backend_patches(self->backend, &pixels, corners, n, self->info->patch, slot->light[view].gain,
                           slot->light[view].shift, self->passes->x + (gsize)i * image_size(self));
  }
}

static void
keep_reconstructions(CbiganMeasure *self, CbiganView view)
{
  for (int i = 0, n; i < self->n_items; i += n) {
    const Item *item = &self->items[i];
    n = run_length(self, i);
    cbigan_passes_images(self->passes, i, n, item->slot->images[view] + (gsize)item->patch * image_size(self));
  }
}

static void
find_features(CbiganMeasure *self)
{
  for (int i = 0; i < self->n_items; i++)
    self->to[i] = self->items[i].slot->features + (gsize)self->items[i].patch * feature_size(self);
  cbigan_passes_features(self->passes, self->n_items, self->to);
}

static void
run_view(CbiganMeasure *self, CbiganView view)
{
  guint needs = self->needs[view];
  if (!needs)
    return;
  fill_images(self, view);
  if (needs & (CBIGAN_NEEDS_TERMS | CBIGAN_NEEDS_DIFFERENCE))
    cbigan_passes_reconstruct(self->passes);
  if (needs & CBIGAN_NEEDS_TERMS)
    cbigan_passes_terms(self->passes, self->n_items, self->l_r, self->l_fd);
  if (needs & CBIGAN_NEEDS_DIFFERENCE)
    keep_reconstructions(self, view);
  if (needs & CBIGAN_NEEDS_FEATURES)
    find_features(self);
}

/* --- one frame ------------------------------------------------------------------------------------------------- */

/* slot->difference[view]; FALSE unless all of it is finite */
static gboolean
subtract(CbiganMeasure *self, Slot *slot, CbiganView view)
{
  const CbiganDifference d = { .frame = slot->pixels,
                               .light = slot->light[view],
                               .patches = &slot->patches,
                               .images = slot->images[view],
                               .counts = self->counts,
                               .difference = slot->difference[view],
                               .backend = self->backend };
  return cbigan_difference_find(&d);
}

static gboolean
end_frame(CbiganMeasure *self, Slot *slot, CbiganMeasureFunc func, gpointer data)
{
  gsize n = slot->patches.corners->len;
  gboolean finite = TRUE;
  CbiganMeasurement m = { .width = slot->pixels->width,
                          .height = slot->pixels->height,
                          .patches = &slot->patches,
                          .planes = self->planes,
                          .columns = self->columns,
                          .distances = slot->distances,
                          .backend = self->backend };
  for (int view = 0; view < CBIGAN_N_VIEWS; view++) {
    if (self->needs[view] & CBIGAN_NEEDS_DIFFERENCE) {
      finite = finite && subtract(self, slot, (CbiganView)view);
      m.difference[view] = slot->difference[view];
    }
    if (self->needs[view] & CBIGAN_NEEDS_TERMS) {
      m.l_r = slot->l_r;
      m.l_fd = slot->l_fd;
      for (gsize i = 0; i < n; i++)
        finite = finite && isfinite(slot->l_r[i]) && isfinite(slot->l_fd[i]);
    }
    if (self->needs[view] & CBIGAN_NEEDS_FEATURES) {
      m.features = slot->features;
      finite = finite && cbigan_all_finite(slot->features, n * feature_size(self));
    }
  }
  if (isnan(self->info->light_median))
    m.difference[CBIGAN_VIEW_LIGHT] = m.difference[CBIGAN_VIEW_RAW];
  slot->busy = FALSE;
  if (finite)
    func(slot->frame, &m, data);
  return finite;
}

static gboolean
flush(CbiganMeasure *self, CbiganMeasureFunc func, gpointer data, GError **error)
{
  for (int view = 0; view < CBIGAN_N_VIEWS; view++)
    run_view(self, (CbiganView)view);
  int n = self->n_items;
  self->n_items = 0;
  if (!cbigan_backend_finish(self->backend, error))
    return FALSE;
  for (int i = 0; i < n; i++) {
    Slot *slot = self->items[i].slot;
    slot->l_r[self->items[i].patch] = self->l_r[i];
    slot->l_fd[self->items[i].patch] = self->l_fd[i];
    if (--slot->missing == 0 && !end_frame(self, slot, func, data))
      return cbigan_measure_not_finite(self->backend, slot->frame, error);
  }
  return TRUE;
}

gboolean
cbigan_measure_run(CbiganMeasure *self, const CbiganFrame *frames, guint n, CbiganMeasureFunc func, gpointer data,
                   GError **error)
{
  gboolean ok = TRUE;
  if (self->kept)
    return cbigan_kept_measure_run(self->kept, frames, n, func, data, error);
  for (guint i = 0; ok && i < n; i++) {
    Slot *slot = NULL;
    ok = begin_frame(self, &frames[i], i, &slot, error);
    for (int patch = 0; ok && patch < (int)slot->patches.corners->len; patch++) {
      self->items[self->n_items++] = (Item){ slot, patch };
      if (self->n_items == self->passes->batch)
        ok = flush(self, func, data, error);
    }
  }
  if (ok && self->n_items)
    ok = flush(self, func, data, error);
  self->n_items = 0;
  for (int i = 0; i < self->passes->batch; i++)
    self->slots[i].busy = FALSE;
  return cbigan_backend_finish(self->backend, ok ? error : NULL) && ok; /* the loops over frames are done too */
}
