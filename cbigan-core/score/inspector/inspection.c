/* inspection.c - runs an inspector: its maps of a picture, made one
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "inspection.h"

#include <math.h>
#include <string.h>

#include "forward/forward.h"
#include "i18n.h"
#include "inspector_maps.h"
#include "large_pages.h"
#include "model/error.h"
#include "pose.h"
#include "surface.h"
#include "score/gan/tiling.h"
#include "windows.h"

#define SPARE 12 /* floats per pixel besides two sets of planes: maps, and what only lives during a call */

/* The network for a window of w x h pixels. */
typedef struct {
  int w, h;
  gboolean keeps_hidden;  /* the hidden units can be read after a run */
  CbiganNetwork *network; /* NULL: not opened yet */
  CbiganForward *forward;
} Window;

/* What inspections of one inspector read. The first one owns it. */
typedef struct {
  CbiganBackend *backend; /* of the parameters */
  CbiganGoodLight light;  /* objects */
  gsize n_floats;
  float *parameters;                /* backend memory; NULL: there is no network */
  GMutex lock;                      /* of the windows, but not while their inspections run them */
  Window *packed[CBIGAN_N_WINDOWS]; /* of any of the inspections, whose weights the others take; NULL = none is open */
} Shared;

struct _CbiganInspection {
  const CbiganInspector *inspector;
  CbiganBackend *backend;
  Shared *shared;
  gboolean owns_shared;
  Window windows[CBIGAN_N_WINDOWS];
  int w, h;                              /* of the last picture; 0 before the first */
  float *x;                              /* (3, h, w): its logarithms */
  CbiganSurface surface;                 /* low-passes of a surface; else without memory */
  float *planes;                         /* (planes, h, w) */
  gboolean made;                         /* the planes lie there; else they can be made from the surface */
  float *output;                         /* of a window: logits or hidden units of its cells */
  guint used;                            /* bit i: memory for the map of kind i */
  float *logits;                         /* (cells); NULL: no map in use reads the network */
  float *features[CBIGAN_N_MAP_KINDS];   /* (channels, cells); NULL: the map is not used */
  float *map_values[CBIGAN_N_MAP_KINDS]; /* (cells) */
  CbiganCells cells;
  CbiganPlacement placement; /* of the part in the last frame, where it is turned upright */
  const guint8 *unmasked;    /* (h, w) of frames; NULL = no pixel is ignored */
};

static void
shared_free(Shared *shared)
{
  cbigan_good_light_clear(&shared->light);
  cbigan_backend_free(shared->backend, shared->parameters);
  g_mutex_clear(&shared->lock);
  g_free(shared);
}

/* NULL with CBIGAN_ERROR_BACKEND */
static Shared *
shared_new(const CbiganInspector *inspector, CbiganBackend *backend, GError **error)
{
  g_autoptr(CbiganNetwork) any = cbigan_inspector_network(inspector, CBIGAN_INSPECTOR_STEP, CBIGAN_INSPECTOR_STEP);
  Shared *shared = g_new0(Shared, 1);
  shared->backend = backend;
  shared->n_floats = any->n_floats;
  g_mutex_init(&shared->lock);
  if (inspector->w)
    cbigan_good_light_init(&shared->light, backend, inspector->w, inspector->h, inspector->mean);
  if (cbigan_backend_finish(backend, error) &&
      (!inspector->parameters || (shared->parameters = cbigan_backend_alloc(backend, shared->n_floats, error))))
    return shared;
  shared_free(shared);
  return NULL;
}

CbiganInspection *
cbigan_inspection_new(const CbiganInspector *inspector, CbiganBackend *backend, const CbiganInspection *like,
                      GError **error)
{
  g_autoptr(CbiganInspection) self = g_new0(CbiganInspection, 1);
  self->inspector = inspector;
  self->backend = backend;
  self->owns_shared = !like;
  self->shared = like ? like->shared : shared_new(inspector, backend, error);
  if (!self->shared)
    return NULL;
  if (self->owns_shared)
    cbigan_inspection_load(self);
  return g_steal_pointer(&self);
}

static void
close_window(CbiganInspection *self, int i)
{
  Window *window = &self->windows[i];
  g_mutex_lock(&self->shared->lock);
  if (self->shared->packed[i] == window)
    self->shared->packed[i] = NULL;
  g_mutex_unlock(&self->shared->lock);
  g_clear_pointer(&window->forward, cbigan_forward_free);
  g_clear_pointer(&window->network, cbigan_network_free);
}

static void
free_picture(CbiganInspection *self)
{
  g_clear_pointer(&self->x, g_free);
  g_clear_pointer(&self->planes, g_free);
  cbigan_surface_clear(&self->surface);
  g_clear_pointer(&self->output, g_free);
  g_clear_pointer(&self->logits, g_free);
  for (int i = 0; i < CBIGAN_N_MAP_KINDS; i++) {
    g_clear_pointer(&self->features[i], g_free);
    g_clear_pointer(&self->map_values[i], g_free);
  }
  g_clear_pointer(&self->cells.values, g_free);
  self->w = self->h = 0;
}

void
cbigan_inspection_free(CbiganInspection *self)
{
  if (!self)
    return;
  for (int i = 0; i < CBIGAN_N_WINDOWS && self->shared; i++)
    close_window(self, i);
  free_picture(self);
  if (self->owns_shared && self->shared)
    shared_free(self->shared);
  g_free(self);
}

void
cbigan_inspection_set_mask(CbiganInspection *self, const guint8 *unmasked)
{
  self->unmasked = unmasked;
}

void
cbigan_inspection_load(CbiganInspection *self)
{
  const Shared *shared = self->shared;
  if (!shared->parameters)
    return;
  cbigan_backend_upload(self->backend, (CbiganShape){ (int)shared->n_floats, 1, 1 }, 1, self->inspector->parameters,
                        shared->parameters);
  for (int i = 0; i < CBIGAN_N_WINDOWS; i++)
    if (self->windows[i].forward)
      cbigan_forward_load(self->windows[i].forward);
}

static guint
used_maps(const CbiganInspector *inspector)
{
  guint used = 0;
  for (int i = 0; i < CBIGAN_N_MAP_KINDS; i++)
    used |= inspector->maps[i].used ? 1u << i : 0;
  return used;
}

/* Memory for the maps in use. */
static void
make_room_for_maps(CbiganInspection *self)
{
  CbiganBackend *backend = self->backend;
  const gsize n = (gsize)self->cells.w * (gsize)self->cells.h;
  if (cbigan_inspector_uses_network(self->inspector)) {
    self->output = cbigan_scratch_new(backend, float, CBIGAN_INSPECTOR_HIDDEN *n);
    self->logits = cbigan_scratch_new(backend, float, n);
  }
  for (int i = 0; i < CBIGAN_N_MAP_KINDS; i++)
    if (self->used & 1u << i) {
      self->features[i] = cbigan_scratch_new(backend, float, (gsize)cbigan_map_descriptions[i].channels *n);
      self->map_values[i] = cbigan_scratch_new(backend, float, n);
    }
}

/* Memory for a picture of w x h pixels. A block of about that size and a call's is tried first: a size that is too
 * large fails at once, and glibc, which keeps twice the largest block that was freed, then keeps the memory of a call.
 */
static gboolean
make_room(CbiganInspection *self, int w, int h, GError **error)
{
  const gsize n = (gsize)w * (gsize)h, planes = (gsize)cbigan_inspector_planes(self->inspector);
  if (self->w == w && self->h == h && self->used == used_maps(self->inspector))
    return TRUE;
  free_picture(self);
  if (!cbigan_try_room((2 * planes + SPARE) * n, sizeof(float), error))
    return FALSE;
  self->used = used_maps(self->inspector);
  self->x = cbigan_scratch_new(self->backend, float, 3 * n);
  self->planes = cbigan_in_large_pages(cbigan_scratch_new(self->backend, float, planes *n), planes * n * sizeof(float));
  self->cells.w = (w + CBIGAN_INSPECTOR_CELL - 1) / CBIGAN_INSPECTOR_CELL;
  self->cells.h = (h + CBIGAN_INSPECTOR_CELL - 1) / CBIGAN_INSPECTOR_CELL;
  self->cells.values = cbigan_scratch_new(self->backend, float, (gsize)self->cells.w *(gsize)self->cells.h);
  self->cells.backend = self->backend;
  if (!self->inspector->w)
    cbigan_surface_init(&self->surface, self->backend, w, h);
  make_room_for_maps(self);
  if (!cbigan_backend_finish(self->backend, error)) {
    free_picture(self);
    return FALSE;
  }
  self->w = w;
  self->h = h;
  return TRUE;
}

/* The value that the last layer reads. */
static int
hidden_value(const CbiganNetwork *network)
{
  return network->layers[network->n_layers - 1].input;
}

/* The network for windows of w x h pixels, with the weights of another inspection's window where one has that size. */
static gboolean
open_window(CbiganInspection *self, int i, int w, int h, GError **error)
{
  Shared *shared = self->shared;
  Window *window = &self->windows[i];
  const gboolean keeps_hidden = (self->used & 1u << CBIGAN_MAP_HIDDEN) != 0;
  if (window->forward && window->w == w && window->h == h && window->keeps_hidden == keeps_hidden)
    return TRUE;
  close_window(self, i);
  window->w = w;
  window->h = h;
  window->keeps_hidden = keeps_hidden;
  window->network = cbigan_inspector_network(self->inspector, w, h);
  const int keep[] = { keeps_hidden ? hidden_value(window->network) : -1, -1 };
  g_mutex_lock(&shared->lock);
  const Window *like = shared->packed[i];
  if (like && like->w == w && like->h == h && like->keeps_hidden == keeps_hidden)
    window->forward = cbigan_forward_new_like(self->backend, window->network, keep, like->forward, error);
  else if ((window->forward = cbigan_forward_new(self->backend, window->network, window->network->n_layers, 1, keep,
                                                 shared->parameters, error)))
    shared->packed[i] = window;
  g_mutex_unlock(&shared->lock);
  return window->forward != NULL;
}

/* --- windows ---------------------------------------------------------------------------------------------------- */

/* A value of the window's network -> to (c, cells) */
static gboolean
take_value(CbiganInspection *self, const Window *window, const CbiganWindowPart *part, int value, float *to,
           GError **error)
{
  const CbiganShape shape = window->network->values[value].shape;
  cbigan_backend_download(self->backend, shape, 1, window->forward->values[value], self->output);
  if (!cbigan_backend_finish(self->backend, error))
    return FALSE;
  cbigan_windows_copy(self->backend, part, shape, self->output, self->cells.w, self->cells.h, to);
  return TRUE;
}

/* The planes of a surface in memory, for what can't read them row by row. */
static void
fill_planes(CbiganInspection *self)
{
  cbigan_surface_fill(&self->surface, self->planes);
  self->made = TRUE;
}

/* Runs the network on window i of the planes. */
static gboolean
run_part(CbiganInspection *self, int i, const CbiganWindowPart *part, GError **error)
{
  Window *window = &self->windows[i];
  if (part->first_column == part->end_column || part->first_row == part->end_row)
    return TRUE;
  if (!open_window(self, i, part->w, part->h, error))
    return FALSE;
  const gsize row = (gsize)self->w;
  const CbiganPlaneMaker maker = cbigan_surface_maker(&self->surface);
  const CbiganPlanes rows = { part->left, part->top, .plane = row, .maker = &maker };
  if (!self->made && !cbigan_forward_run_planes(window->forward, &rows))
    fill_planes(self);
  if (self->made)
    cbigan_forward_run_planes(window->forward,
                              &(CbiganPlanes){ part->left, part->top, self->planes, row, row * (gsize)self->h });
  return take_value(self, window, part, window->network->output, self->logits, error) &&
         (!window->keeps_hidden ||
          take_value(self, window, part, hidden_value(window->network), self->features[CBIGAN_MAP_HIDDEN], error));
}

/* Logits, and hidden units where a map reads them: they are its features */
static gboolean
run_network(CbiganInspection *self, GError **error)
{
  CbiganWindowPart parts[CBIGAN_N_WINDOWS];
  cbigan_windows_divide(self->w, self->h, self->inspector->shared_overlap, parts);
  for (int i = 0; i < CBIGAN_N_WINDOWS; i++)
    if (!run_part(self, i, &parts[i], error))
      return FALSE;
  return TRUE;
}

/* x: logarithms of the picture for which memory was made */
static void
make_planes(CbiganInspection *self, const CbiganExposure *exposure, const float *x)
{
  const CbiganInspector *inspector = self->inspector;
  const gboolean masked = self->unmasked && inspector->w && !inspector->pose.frame_w; /* no part that is turned */
  const gsize n = (gsize)self->w * (gsize)self->h;
  g_autofree float *usual = masked ? cbigan_object_unmask(self->backend, x, inspector->mean, self->unmasked, n) : NULL;
  if (inspector->w)
    cbigan_object_planes(usual ? usual : x, self->w, self->h, inspector->mean, inspector->deviation, inspector->w,
                         inspector->h, 0, 0, self->planes);
  else
    cbigan_surface_take(&self->surface, exposure, x);
  self->made = inspector->w > 0;
}

/* --- maps ------------------------------------------------------------------------------------------------------- */

/* The smallest of the maps in use -> the cells */
static void
fuse(CbiganInspection *self)
{
  const CbiganInspectorMap *maps = self->inspector->maps;
  const gsize n = (gsize)self->cells.w * (gsize)self->cells.h;
  g_autofree float *levelled = cbigan_scratch_new(self->backend, float, n);
  for (gsize i = 0; i < n; i++)
    self->cells.values[i] = INFINITY;
  for (int i = 0; levelled && i < CBIGAN_N_MAP_KINDS; i++) {
    if (!maps[i].used)
      continue;
    memcpy(levelled, self->map_values[i], n * sizeof(float));
    cbigan_map_level(&maps[i], n, levelled);
    cbigan_map_fuse(&maps[i], levelled, n, self->cells.values);
  }
}

/* The cells, from the planes */
static const CbiganCells *
inspect_planes(CbiganInspection *self, GError **error)
{
  const CbiganInspector *inspector = self->inspector;
  if (!self->made && (self->used & (1u << CBIGAN_MAP_BANK | 1u << CBIGAN_MAP_NEAREST)))
    fill_planes(self);
  if (cbigan_inspector_uses_network(inspector) && !run_network(self, error))
    return NULL;
  CbiganMapSource source = { .backend = self->backend,
                             .planes = self->planes,
                             .aligned = inspector->w > 0,
                             .w = self->w,
                             .h = self->h,
                             .columns = self->cells.w,
                             .rows = self->cells.h,
                             .logits = self->logits };
  for (int i = 0; i < CBIGAN_N_MAP_KINDS; i++)
    if (inspector->maps[i].used) {
      cbigan_map_features((CbiganMapKind)i, &source, self->features[i]);
      cbigan_map_values((CbiganMapKind)i, &inspector->maps[i], &source, self->features[i], self->map_values[i]);
      if (i == CBIGAN_MAP_BANK)
        source.bank = self->features[i];
    }
  fuse(self);
  return cbigan_backend_finish(self->backend, error) ? &self->cells : NULL;
}

const float *
cbigan_inspection_features(const CbiganInspection *self, CbiganMapKind kind)
{
  return self->features[kind];
}

const float *
cbigan_inspection_values(const CbiganInspection *self, CbiganMapKind kind)
{
  return self->map_values[kind];
}

const CbiganCells *
cbigan_inspection_picture(CbiganInspection *self, const CbiganExposure *exposure, const float *x, int w, int h,
                          GError **error)
{
  if (!make_room(self, w, h, error))
    return NULL;
  make_planes(self, exposure, x);
  return inspect_planes(self, error);
}

/* --- frames ----------------------------------------------------------------------------------------------------- */

static gboolean
check_frame(const CbiganInspector *inspector, const CbiganFrame *frame, GError **error)
{
  const int w = inspector->pose.frame_w ? inspector->pose.frame_w : inspector->w;
  const int h = inspector->pose.frame_h ? inspector->pose.frame_h : inspector->h;
  if (!cbigan_frame_check(frame, error))
    return FALSE;
  if (!frame->on_device && (!w || (frame->width == w && frame->height == h)))
    return TRUE;
  g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_FRAME,
              _("the frame has %d x %d pixels%s; the inspector expects %d x %d in the host's memory"), frame->width,
              frame->height, frame->on_device ? _(" in the device's memory") : "", w, h);
  return FALSE;
}

/* A frame as the network sees it. */
static const CbiganCells *
inspect(CbiganInspection *self, const CbiganFrame *frame, GError **error)
{
  const CbiganInspector *inspector = self->inspector;
  const int w = MAX(frame->width, CBIGAN_INSPECTOR_STEP), h = MAX(frame->height, CBIGAN_INSPECTOR_STEP);
  CbiganExposure exposure;
  if (!make_room(self, w, h, error))
    return NULL;
  if (!inspector->w && w == frame->width && h == frame->height) {
    cbigan_surface_read(&self->surface, frame, &inspector->light);
    self->made = FALSE;
    return inspect_planes(self, error);
  }
  if (inspector->w)
    cbigan_exposure_object(&exposure, frame, &self->shared->light, self->backend);
  else
    cbigan_exposure_surface(&exposure, frame, &inspector->light, self->backend);
  cbigan_exposure_cut_by(self->backend, &exposure, frame, 0, 0, w, h, self->x);
  make_planes(self, &exposure, self->x);
  return inspect_planes(self, error);
}

const CbiganCells *
cbigan_inspection_frame(CbiganInspection *self, const CbiganFrame *frame, GError **error)
{
  const CbiganPose *pose = &self->inspector->pose;
  if (!check_frame(self->inspector, frame, error))
    return NULL;
  if (!pose->frame_w)
    return inspect(self, frame, error);
  g_autofree guint8 *pixels = cbigan_try_new(guint8, 3 * (gsize)pose->w * (gsize)pose->h, error);
  if (!pixels)
    return NULL;
  const CbiganFrame upright = { .data = pixels, .width = pose->w, .height = pose->h, .stride = 3 * (gsize)pose->w };
  self->placement = cbigan_pose_find(self->backend, pose, frame);
  cbigan_pose_cut(pose, &self->placement, frame, pixels);
  return inspect(self, &upright, error);
}

float
cbigan_inspection_draw(const CbiganInspection *self, const guint8 *counts, int w, int h, float *map)
{
  const CbiganPose *pose = &self->inspector->pose;
  CbiganCells cells = self->cells;
  cells.counts = counts;
  if (!pose->frame_w)
    return cbigan_cells_draw(&cells, w, h, map);
  g_autofree float *upright = cbigan_scratch_new(self->backend, float, (gsize)pose->w *(gsize)pose->h);
  if (!upright)
    return 0.0f;
  const float largest = cbigan_cells_draw(&cells, pose->w, pose->h, upright);
  cbigan_pose_lay_back(pose, &self->placement, upright, map);
  return largest;
}

guint8 *
cbigan_inspection_count(const CbiganInspection *self, const guint8 *counts, int w, int h)
{
  const CbiganPose *pose = &self->inspector->pose;
  const CbiganCells *cells = &self->cells;
  g_autofree guint8 *upright =
      pose->frame_w ? cbigan_pose_cut_counts(self->backend, pose, &self->placement, counts) : NULL;
  guint8 *found =
      upright || !pose->frame_w ? cbigan_scratch_new(self->backend, guint8, (gsize)cells->w * (gsize)cells->h) : NULL;
  if (!found)
    return NULL;
  memset(found, 0, (gsize)cells->w * (gsize)cells->h);
  if (upright) {
    counts = upright;
    w = pose->w;
    h = pose->h;
  }
  for (int y = 0; y < h; y++)
    for (int x = 0; x < w; x++)
      if (counts[(gsize)y * (gsize)w + (gsize)x])
        found[y / CBIGAN_INSPECTOR_CELL * cells->w + x / CBIGAN_INSPECTOR_CELL] = 1;
  return found;
}

gboolean
cbigan_inspection_finish(const CbiganInspection *self, GError **error)
{
  return cbigan_backend_finish(self->backend, error);
}
