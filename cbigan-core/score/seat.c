/* seat.c - a backend with a model's networks on it, on which one thread at a time computes
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "score/seat.h"

#include "score/gan/tiling.h"

static CbiganInference *
open_inference(CbiganSeat *self, const CbiganEngineKey *key, const CbiganSeat *like, GError **error)
{
  const int wanted = like ? cbigan_inference_batch(like->inference) : key->batch;
  cbigan_baseline_init(&self->baseline, key->model);
  if (wanted)
    return cbigan_inference_new(key->model, self->backend, key->needs, &self->baseline, wanted,
                                like ? like->inference : NULL, error);
  /* A device may have too little free memory. Half the batch needs half the memory. */
  g_autoptr(GError) first = NULL;
  CbiganInference *inference = NULL;
  for (int batch = cbigan_tiling_batch(&key->model->info); !inference && batch; batch /= 2)
    inference = cbigan_inference_new(key->model, self->backend, key->needs, &self->baseline, batch, NULL,
                                     first ? NULL : &first);
  if (!inference)
    g_propagate_error(error, g_steal_pointer(&first));
  return inference;
}

CbiganSeat *
cbigan_seat_new(const CbiganEngineKey *key, const CbiganSeat *like, GError **error)
{
  CbiganSeat *self = g_new0(CbiganSeat, 1);
  self->backend = cbigan_backend_open(&(CbiganBackendOptions){ .name = key->backend,
                                                               .device = key->device,
                                                               .threads = key->threads,
                                                               .cuda_context = key->cuda_context,
                                                               .precision = key->precision,
                                                               .width = key->model->info.width },
                                      error);
  if (self->backend && key->model->inspector_network)
    self->inspection =
        cbigan_inspection_new(&key->model->inspector, self->backend, like ? like->inspection : NULL, error);
  else if (self->backend)
    self->inference = open_inference(self, key, like, error);
  if (self->inspection || self->inference)
    return self;
  cbigan_seat_free(self);
  return NULL;
}

void
cbigan_seat_free(CbiganSeat *self)
{
  if (!self)
    return;
  cbigan_inference_free(self->inference);
  cbigan_inspection_free(self->inspection);
  cbigan_backend_close(self->backend);
  g_free(self);
}

guint
cbigan_seat_frames(const CbiganSeat *self)
{
  return self->inference ? cbigan_inference_frames(self->inference) : 1;
}

static void
fill(guint number, const CbiganMeasurement *m, gpointer data)
{
  const CbiganRequest *request = ((CbiganRequest *const *)data)[number];
  cbigan_scorer_fill(request->scorer, m, request->result);
}

static gboolean
infer(CbiganSeat *self, CbiganRequest **requests, guint n, GError **error)
{
  g_autofree CbiganFrame *frames = g_new(CbiganFrame, n);
  for (guint i = 0; i < n; i++)
    frames[i] = requests[i]->frame;
  return cbigan_inference_run(self->inference, frames, n, fill, requests, error);
}

void
cbigan_seat_run(CbiganSeat *self, CbiganRequest *const *requests, guint n)
{
  g_autofree CbiganRequest **ready = g_new(CbiganRequest *, n);
  guint n_ready = 0;
  for (guint i = 0; i < n; i++) {
    CbiganRequest *r = requests[i];
    if (r->prepare && !r->prepare(r->data, &r->frame, &r->error))
      r->dropped = !r->error;
    else if (!cbigan_scorer_make_room(r->scorer, &r->frame, r->result, &r->error))
      continue;
    else if (cbigan_scorer_has_cutouts(r->scorer))
      cbigan_scorer_score_cutouts(r->scorer, self->inference, self->inspection, &r->frame, r->result, &r->error);
    else
      ready[n_ready++] = r;
  }
  if (n_ready == 0)
    return;
  const gboolean one_call = ready[0]->call && ready[0]->call == ready[n_ready - 1]->call;
  if (self->inference) {
    if (infer(self, ready, n_ready, &ready[0]->error) || n_ready == 1 || one_call)
      return;
    g_clear_error(&ready[0]->error); /* each alone, to find whose frame failed */
  }
  for (guint i = 0; i < n_ready; i++) {
    CbiganRequest *r = ready[i];
    if (self->inference)
      infer(self, &ready[i], 1, &r->error);
    else
      cbigan_scorer_inspect(r->scorer, self->inspection, &r->frame, r->result, &r->error);
  }
}
