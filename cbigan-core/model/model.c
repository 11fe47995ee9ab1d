/* model.c - a model in memory: networks, parameters, statistics
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "model/model.h"

#include <math.h>
#include <string.h>

#include "model/error.h"
#include "model/networks.h"

static const char *const score_names[CBIGAN_N_SCORES] = {
  [CBIGAN_SCORE_PAPER] = "paper",
  [CBIGAN_SCORE_CALIBRATED] = "calibrated",
  [CBIGAN_SCORE_CRITIC] = "critic",
  [CBIGAN_SCORE_INSPECTOR] = "inspector",
};

const char *
cbigan_score_name(CbiganScoreKind kind)
{
  g_return_val_if_fail(kind >= 0 && kind < CBIGAN_N_SCORES, NULL);
  return score_names[kind];
}

const char *
cbigan_precision_name(CbiganPrecision precision)
{
  static const char *const names[CBIGAN_N_PRECISIONS] = {
    [CBIGAN_PRECISION_AUTO] = "auto",
    [CBIGAN_PRECISION_FP32] = "fp32",
    [CBIGAN_PRECISION_BF16] = "bf16",
    [CBIGAN_PRECISION_FP16] = "fp16",
  };
  g_return_val_if_fail(precision >= 0 && precision < CBIGAN_N_PRECISIONS, NULL);
  return names[precision];
}

gboolean
cbigan_score_from_name(const char *name, CbiganScoreKind *kind)
{
  g_return_val_if_fail(name && kind, FALSE);
  for (int i = 0; i < CBIGAN_N_SCORES; i++)
    if (!strcmp(name, score_names[i])) {
      *kind = (CbiganScoreKind)i;
      return TRUE;
    }
  return FALSE;
}

CbiganModel *
cbigan_model_new_empty(int width, int patch)
{
  g_return_val_if_fail(width >= 1 && width <= CBIGAN_MAX_WIDTH && (patch == 64 || patch == 128), NULL);
  CbiganModel *self = g_new0(CbiganModel, 1);
  g_atomic_ref_count_init(&self->references);
  self->info = (CbiganModelInfo){ .width = width,
                                  .latent = CBIGAN_LATENT,
                                  .patch = patch,
                                  .lambda = 0.1,
                                  .light_low = NAN,
                                  .light_median = NAN,
                                  .threshold = NAN,
                                  .bf16_error = NAN };
  self->info.proxy = NAN;
  self->info.scores[CBIGAN_SCORE_PAPER] = TRUE;
  for (int i = 0; i < CBIGAN_N_NETWORKS; i++)
    self->networks[i] = cbigan_network_new((CbiganNetworkKind)i, width, patch);
  return self;
}

CbiganModel *
cbigan_model_new(int width, int patch, GError **error)
{
  g_autoptr(CbiganModel) self = cbigan_model_new_empty(width, patch);
  for (int i = 0; self && i < CBIGAN_N_NETWORKS; i++)
    if (!(self->parameters[i] = cbigan_try_new(float, self->networks[i]->n_floats, error)))
      return NULL;
  return g_steal_pointer(&self);
}

CbiganModel *
cbigan_model_new_inspector(const CbiganInspector *inspector)
{
  CbiganModel *self = g_new0(CbiganModel, 1);
  g_atomic_ref_count_init(&self->references);
  self->info = (CbiganModelInfo){ .width = inspector->width,
                                  .frame_width = inspector->w,
                                  .frame_height = inspector->h,
                                  .lambda = NAN,
                                  .score = CBIGAN_SCORE_INSPECTOR,
                                  .light_low = NAN,
                                  .light_median = NAN,
                                  .threshold = NAN,
                                  .bf16_error = NAN,
                                  .summary = inspector->summary,
                                  .shared_overlap = inspector->shared_overlap,
                                  .proxy = NAN };
  self->info.scores[CBIGAN_SCORE_INSPECTOR] = TRUE;
  if (inspector->pose.frame_w) {
    const CbiganPose *pose = &inspector->pose;
    self->info.frame_width = pose->frame_w;
    self->info.frame_height = pose->frame_h;
    self->info.upright_width = pose->w;
    self->info.upright_height = pose->h;
    memcpy(self->info.upright_box, (double[]){ pose->left, pose->right, pose->top, pose->bottom },
           sizeof self->info.upright_box);
  }
  self->inspector = *inspector;
  self->inspector_network = cbigan_inspector_network(inspector, CBIGAN_INSPECTOR_STEP, CBIGAN_INSPECTOR_STEP);
  self->info.maps = cbigan_inspector_write_maps(inspector);
  return self;
}

CbiganModel *
cbigan_model_ref(CbiganModel *self)
{
  g_return_val_if_fail(self, NULL);
  g_atomic_ref_count_inc(&self->references);
  return self;
}

void
cbigan_model_info_clear(CbiganModelInfo *info)
{
  g_clear_pointer((gpointer *)&info->good_scores, g_free);
  g_clear_pointer((gpointer *)&info->training, g_free);
  g_clear_pointer((gpointer *)&info->maps, g_free);
  g_clear_pointer((gpointer *)&info->proxies, g_free);
  g_clear_pointer((gpointer *)&info->mask.counts, g_free);
}

void
cbigan_model_unref(CbiganModel *self)
{
  if (!self || !(self->is_shared ? cbigan_shared_model_unref(self) : g_atomic_ref_count_dec(&self->references)))
    return;
  for (int i = 0; i < CBIGAN_N_NETWORKS; i++) {
    cbigan_network_free(self->networks[i]);
    g_free(self->parameters[i]);
  }
  g_free(self->map.mean);
  g_free(self->map.deviation);
  g_free(self->critic.mean);
  g_free(self->critic.whitening);
  cbigan_inspector_clear(&self->inspector);
  cbigan_network_free(self->inspector_network);
  cbigan_model_info_clear(&self->info);
  g_free(self->mask);
  g_free(self);
}

const CbiganModelInfo *
cbigan_model_info(const CbiganModel *self)
{
  g_return_val_if_fail(self, NULL);
  return &self->info;
}

int
cbigan_model_critic_channels(const CbiganModelInfo *info)
{
  int channels = 0, block = 0;
  for (const CbiganStage *stage = cbigan_discriminator_stages; stage->kind != CBIGAN_STAGE_END; stage++)
    if (stage->kind == CBIGAN_STAGE_BLOCK && (info->critic_blocks & 1u << block++))
      channels += stage->multiple * info->width;
  return channels;
}
