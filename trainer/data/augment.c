/* augment.c - batches of training patches, prepared ahead by a thread of their own
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Two batches take turns: the thread fills one while the network works on the other. With staging buffers a third batch
 * is copied to the device meanwhile. To add a kind of augmentation: draw_cut() and cut_patch(), a random purpose of its
 * own (random.h), and the cut() of backends.
 */
#include "augment.h"

#include <math.h>
#include <string.h>

#include "model/error.h"
#include "model/network.h"
#include "random.h"

#define MOST_BATCHES 3
#define ALIGNMENT 64 /* of x or cuts in a batch's memory */

struct _CbiganBatches {
  CbiganBatchOptions options;
  const CbiganPicture **pictures;
  CbiganStored *stored; /* or NULL */
  CbiganBatch batches[MOST_BATCHES];
  guint8 *memory[MOST_BATCHES]; /* where they lie that are not staged */
  int n_batches;
  CbiganBatch *current;       /* with the caller */
  CbiganBatch *ahead;         /* sent, but not yet given to the caller; or NULL */
  gint64 waited;              /* microseconds */
  GAsyncQueue *empty, *ready; /* of CbiganBatch; `stop` in `empty` ends the thread */
  GThread *thread;
  /* the thread's own */
  guint64 next;
  guint64 epoch;
  guint *order;  /* (n_pictures) of that epoch */
  float *latent; /* (whole, 64) */
};

static CbiganBatch stop;

static inline int
clamp_index(int i, int n)
{
  return i < 0 ? 0 : i >= n ? n - 1 : i;
}

/* Of four neighbours, t from the second to the third: cubic convolution with a = -1/2 (Keys 1981, equation 4). A linear
 * mean would make turned pictures smoother than scored pictures. */
static inline void
cubic_weights(float t, float weights[4])
{
  float u = 1.0f - t;
  weights[0] = -0.5f * t * u * u;
  weights[1] = 1.0f + t * t * (1.5f * t - 2.5f);
  weights[2] = 1.0f + u * u * (1.5f * u - 2.5f);
  weights[3] = -0.5f * u * t * t;
}

/* The three channels of `picture` at column u, row v; beyond the edges they go on. */
static inline void
sample_at(const CbiganPicture *picture, double u, double v, float rgb[3])
{
  int i = (int)floor(u), j = (int)floor(v), columns[4];
  float across[4], down[4];
  cubic_weights((float)(u - i), across);
  cubic_weights((float)(v - j), down);
  for (int k = 0; k < 4; k++)
    columns[k] = clamp_index(i - 1 + k, picture->width) * 3;
  rgb[0] = rgb[1] = rgb[2] = 0.0f;
  for (int k = 0; k < 4; k++) {
    const guint8 *row = picture->pixels + (gsize)clamp_index(j - 1 + k, picture->height) * picture->width * 3;
    for (int c = 0; c < 3; c++)
      rgb[c] += down[k] * (across[0] * row[columns[0] + c] + across[1] * row[columns[1] + c] +
                           across[2] * row[columns[2] + c] + across[3] * row[columns[3] + c]);
  }
}

static void
cut_patch(const CbiganPicture *picture, const CbiganCut *cut, int patch, float *x)
{
  double half = 0.5 * (patch - 1);
  gsize plane = (gsize)patch * patch;

  for (int row = 0; row < patch; row++) {
    float *out = x + (gsize)row * patch;
    for (int column = 0; column < patch; column++) {
      double across = column - half, down = row - half;
      float rgb[3];
      sample_at(picture, cut->left + half + cut->cosine * across - cut->sine * down,
                cut->top + half + cut->sine * across + cut->cosine * down, rgb);
      for (int c = 0; c < 3; c++) /* cubic weights overshoot at edges */
        out[(gsize)c * plane + column] = CLAMP(rgb[c], 0.0f, 255.0f) / 127.5f - 1.0f;
    }
  }
}

static CbiganCut
turned_cut(guint picture, double left, double top, double degrees)
{
  return (CbiganCut){ picture, left, top, cos(degrees * G_PI / 180.0), sin(degrees * G_PI / 180.0) };
}

void
cbigan_augment_patch(const CbiganPicture *picture, double left, double top, double degrees, int patch, float *x)
{
  CbiganCut cut = turned_cut(0, left, top, degrees);
  cut_patch(picture, &cut, patch, x);
}

static guint
picture_at(CbiganBatches *self, guint64 position)
{
  guint n = self->options.n_pictures;
  guint64 epoch = position / n;
  if (epoch != self->epoch) {
    self->epoch = epoch;
    cbigan_random_order(cbigan_random_key(self->options.seed, CBIGAN_RANDOM_ORDER, epoch), n, self->order);
  }
  return self->order[position % n];
}

static CbiganCut
draw_cut(CbiganBatches *self, guint64 draw, guint sample)
{
  const CbiganBatchOptions *o = &self->options;
  guint at = picture_at(self, draw * (guint)o->whole + sample);
  const CbiganPicture *picture = self->pictures[at];
  guint64 key = cbigan_random_key(o->seed, CBIGAN_RANDOM_CROP, draw);
  guint left = cbigan_random_below(key, sample * 3, (guint)(picture->width - o->patch + 1));
  guint top = cbigan_random_below(key, sample * 3 + 1, (guint)(picture->height - o->patch + 1));
  double degrees = o->rotation * (2.0 * cbigan_random_uniform(key, sample * 3 + 2) - 1.0);
  return turned_cut(at, left, top, degrees);
}

static void
fill(CbiganBatches *self, guint64 draw, CbiganBatch *batch)
{
  const CbiganBatchOptions *o = &self->options;
  guint n = (guint)o->batch, first = (guint)o->first;
  gsize size = (gsize)3 * o->patch * o->patch;
  for (guint i = 0; i < n; i++) {
    CbiganCut cut = draw_cut(self, draw, first + i);
    if (batch->cuts)
      batch->cuts[i] = cut;
    else
      cut_patch(self->pictures[cut.picture], &cut, o->patch, batch->x + i * size);
  }
  cbigan_random_normal(cbigan_random_key(o->seed, CBIGAN_RANDOM_LATENT, draw), (gsize)o->whole * CBIGAN_LATENT,
                       self->latent);
  memcpy(batch->z, self->latent + (gsize)first * CBIGAN_LATENT, (gsize)n * CBIGAN_LATENT * sizeof(float));
  guint64 key = cbigan_random_key(o->seed, CBIGAN_RANDOM_MIX, draw);
  for (guint i = 0; i < n; i++)
    batch->e[i] = (float)cbigan_random_uniform(key, first + i);
  if (o->update)
    o->update(o->data, draw, batch->update);
}

static gpointer
work(gpointer data)
{
  CbiganBatches *self = data;
  CbiganBatch *batch;
  while ((batch = g_async_queue_pop(self->empty)) != &stop) {
    fill(self, self->next++, batch);
    g_async_queue_push(self->ready, batch);
  }
  return NULL;
}

/* Stays NULL if the backend can't store pictures: this file then cuts the patches. */
static void
store(CbiganBatches *self)
{
  const CbiganBatchOptions *o = &self->options;
  if (!o->grad)
    return;
  g_autofree CbiganFrame *pixels = g_new(CbiganFrame, o->n_pictures);
  for (guint i = 0; i < o->n_pictures; i++) {
    const CbiganPicture *p = self->pictures[i];
    pixels[i] = (CbiganFrame){ p->pixels, p->width, p->height, (gsize)p->width * 3 };
  }
  self->stored = cbigan_grad_store(o->grad, o->n_pictures, pixels);
}

/* Where x or the cuts lie in a batch's memory: behind its update, e and z. */
static gsize
place_of_patches(const CbiganBatchOptions *o)
{
  gsize size = sizeof(CbiganUpdate) + (gsize)o->batch * (1 + CBIGAN_LATENT) * sizeof(float);
  return (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

static gsize
batch_size(const CbiganBatches *self)
{
  const CbiganBatchOptions *o = &self->options;
  gsize of_one = self->stored ? sizeof(CbiganCut) : (gsize)3 * o->patch * o->patch * sizeof(float);
  return place_of_patches(o) + (gsize)o->batch * of_one;
}

/* FALSE: the backend has no staging buffers; all are freed then. */
static gboolean
make_staging(CbiganBatches *self)
{
  const CbiganBatchOptions *o = &self->options;
  if (!o->grad)
    return FALSE;
  for (int i = 0; i < MOST_BATCHES; i++) {
    if ((self->batches[i].staging = cbigan_grad_staging_new(o->grad, batch_size(self))))
      continue;
    for (; i > 0; i--)
      cbigan_grad_staging_free(o->grad, g_steal_pointer(&self->batches[i - 1].staging));
    return FALSE;
  }
  return TRUE;
}

static void
free_stored(CbiganBatches *self)
{
  if (self->stored)
    cbigan_grad_stored_free(self->options.grad, g_steal_pointer(&self->stored));
}

static gboolean
make_batches(CbiganBatches *self, GError **error)
{
  const CbiganBatchOptions *o = &self->options;
  gboolean staged = make_staging(self);
  self->n_batches = staged ? MOST_BATCHES : MOST_BATCHES - 1;
  if (!staged)
    free_stored(self); /* cuts come in staging buffers */
  for (int i = 0; i < self->n_batches; i++) {
    CbiganBatch *b = &self->batches[i];
    if (!staged && !(self->memory[i] = cbigan_try_malloc(batch_size(self), 1, error)))
      return FALSE;
    guint8 *memory = staged ? b->staging->host : self->memory[i], *patches = memory + place_of_patches(o);
    b->update = (CbiganUpdate *)(gpointer)memory;
    *b->update = (CbiganUpdate){ 0 };
    b->e = (float *)(gpointer)(b->update + 1);
    b->z = b->e + o->batch;
    b->stored = self->stored;
    if (b->stored)
      b->cuts = (CbiganCut *)(gpointer)patches;
    else
      b->x = (float *)(gpointer)patches;
    g_async_queue_push(self->empty, b);
  }
  return TRUE;
}

CbiganBatches *
cbigan_batches_new(const CbiganBatchOptions *options, guint64 first, GError **error)
{
  g_return_val_if_fail(options->n_pictures > 0, NULL);
  g_autoptr(CbiganBatches) self = g_new0(CbiganBatches, 1);
  self->options = *options;
  self->pictures = g_memdup2(options->pictures, options->n_pictures * sizeof *options->pictures);
  if (!options->whole)
    self->options.whole = options->batch;
  self->order = g_new(guint, options->n_pictures);
  self->latent = g_new(float, (gsize)self->options.whole *CBIGAN_LATENT);
  self->epoch = G_MAXUINT64;
  self->next = first;
  self->empty = g_async_queue_new();
  self->ready = g_async_queue_new();
  store(self);
  if (!make_batches(self, error))
    return NULL;
  self->thread = g_thread_try_new("cbigan-batches", work, self, error);
  return self->thread ? g_steal_pointer(&self) : NULL;
}

void
cbigan_batches_free(CbiganBatches *self)
{
  if (!self)
    return;
  if (self->thread) {
    g_async_queue_push_front(self->empty, &stop);
    g_thread_join(self->thread);
  }
  for (int i = 0; i < self->n_batches; i++) {
    if (self->batches[i].staging)
      cbigan_grad_staging_free(self->options.grad, self->batches[i].staging);
    g_free(self->memory[i]);
  }
  free_stored(self);
  g_async_queue_unref(self->empty);
  g_async_queue_unref(self->ready);
  g_free(self->pictures);
  g_free(self->order);
  g_free(self->latent);
  g_free(self);
}

/* A filled batch; in a staging buffer its copy has begun. NULL: no batch is ready, only without `wait`. */
static CbiganBatch *
take(CbiganBatches *self, gboolean wait)
{
  const CbiganBatchOptions *o = &self->options;
  CbiganBatch *batch = g_async_queue_try_pop(self->ready);
  if (!batch && wait) {
    gint64 start = g_get_monotonic_time();
    batch = g_async_queue_pop(self->ready);
    self->waited += g_get_monotonic_time() - start;
  }
  if (batch && batch->staging)
    cbigan_grad_staging_send(o->grad, batch->staging);
  return batch;
}

const CbiganBatch *
cbigan_batches_next(CbiganBatches *self)
{
  const CbiganBatchOptions *o = &self->options;
  if (self->current) {
    if (self->current->staging)
      cbigan_grad_staging_wait(o->grad, self->current->staging);
    g_async_queue_push(self->empty, self->current);
  }
  self->current = self->ahead ? self->ahead : take(self, TRUE);
  self->ahead = self->current->staging ? take(self, FALSE) : NULL;
  return self->current;
}

double
cbigan_batches_waited(const CbiganBatches *self)
{
  return (double)self->waited / G_USEC_PER_SEC;
}
