/* precision_check.c - whether a model's verdicts stay when its networks are multiplied in bf16
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Good pictures alone say little, because most of them score far below the threshold. Each picture is therefore scored
 * with CutPaste defects too (Li, Sohn, Yoon, Pfister, CVPR 2021, arXiv 2104.04015): a piece of the picture, a little
 * brighter or darker, pasted elsewhere. To add a kind of defect: a row of `defects`.
 */
#include "score/calibration.h"

#include <math.h>
#include <string.h>

#include "i18n.h"
#include "model/error.h"

#define SEED 2104
#define JITTER 0.1 /* brightness is multiplied by 1 +- this */

typedef struct {
  double least, most;
} Range;

/* A rectangle to cut and paste. */
static const struct {
  Range area;   /* share of the picture */
  Range aspect; /* the longer side by the shorter one */
} defects[] = {
  { { 0.02, 0.15 }, { 1.0, 3.3 } },   /* CutPaste */
  { { 0.002, 0.01 }, { 8.0, 25.0 } }, /* its scar: long and thin */
};

enum { FP32, BF16, N_SCORERS };

typedef struct {
  CbiganScorer *scorers[N_SCORERS];
  CbiganResult results[N_SCORERS];
  double threshold;
  GRand *random;
  guint8 *pixels; /* of a picture with a defect */
  CbiganBf16Check *found;
} Check;

static double
draw(GRand *random, Range range)
{
  return range.least + g_rand_double(random) * (range.most - range.least);
}

/* Memory for a changed copy of any of the frames */
static gboolean
make_room(Check *self, const CbiganFrame *frames, guint n, GError **error)
{
  gsize most = 0;
  for (guint i = 0; i < n; i++)
    most = MAX(most, 3 * (gsize)frames[i].width * (gsize)frames[i].height);
  return (self->pixels = cbigan_try_new(guint8, most, error)) != NULL;
}

/* A picture with a piece of `good` pasted somewhere; its pixels are self->pixels. */
static CbiganFrame
make_defect(Check *self, guint kind, const CbiganFrame *good)
{
  const gsize stride = 3 * (gsize)good->width;
  double area = draw(self->random, defects[kind].area) * good->width * good->height;
  double aspect = draw(self->random, defects[kind].aspect),
         gain = draw(self->random, (Range){ 1 - JITTER, 1 + JITTER });
  int longer = (int)ceil(sqrt(area * aspect)), shorter = (int)ceil(sqrt(area / aspect));
  gboolean lying = g_rand_boolean(self->random);
  int w = MIN(lying ? longer : shorter, good->width), h = MIN(lying ? shorter : longer, good->height);
  int from_x = g_rand_int_range(self->random, 0, good->width - w + 1);
  int from_y = g_rand_int_range(self->random, 0, good->height - h + 1);
  int to_x = g_rand_int_range(self->random, 0, good->width - w + 1);
  int to_y = g_rand_int_range(self->random, 0, good->height - h + 1);

  for (int y = 0; y < good->height; y++)
    memcpy(self->pixels + (gsize)y * stride, good->data + (gsize)y * good->stride, stride);
  for (int y = 0; y < h; y++) {
    const guint8 *from = good->data + (gsize)(from_y + y) * good->stride + 3 * (gsize)from_x;
    guint8 *to = self->pixels + (gsize)(to_y + y) * stride + 3 * (gsize)to_x;
    for (int i = 0; i < 3 * w; i++)
      to[i] = (guint8)MIN(gain * from[i] + 0.5, 255.0);
  }
  return (CbiganFrame){ self->pixels, good->width, good->height, stride };
}

static gboolean
compare(Check *self, const CbiganFrame *frame, GError **error)
{
  for (int i = 0; i < N_SCORERS; i++)
    if (!cbigan_scorer_score(self->scorers[i], frame, 1, &self->results[i], error))
      return FALSE;
  const CbiganResult *fp32 = &self->results[FP32], *bf16 = &self->results[BF16];
  self->found->error = MAX(self->found->error, fabs(bf16->score - fp32->score) / MAX(self->threshold, fp32->score));
  self->found->changed += bf16->anomalous != fp32->anomalous;
  self->found->pictures++;
  return TRUE;
}

static gboolean
open_scorers(Check *self, CbiganModel *model, const CbiganCalibrationOptions *options, GError **error)
{
  CbiganScorerOptions wanted = CBIGAN_SCORER_OPTIONS_INIT;
  wanted.backend = options->backend;
  wanted.device = options->device;
  wanted.threads = options->threads;
  wanted.maps = CBIGAN_MAPS_NONE;
  wanted.precision = CBIGAN_PRECISION_BF16; /* first, because bf16 may be missing */
  self->scorers[BF16] = cbigan_scorer_new(model, &wanted, error);
  wanted.precision = CBIGAN_PRECISION_FP32;
  self->scorers[FP32] = self->scorers[BF16] ? cbigan_scorer_new(model, &wanted, error) : NULL;
  return self->scorers[FP32] != NULL;
}

static gboolean
run(Check *self, CbiganModel *model, const CbiganCalibrationOptions *options, const CbiganFrame *frames, guint n,
    GError **error)
{
  if (!(self->threshold > 0.0))
    return cbigan_refuse(error, _("the threshold is %g; expected more than 0"), self->threshold);
  if (!open_scorers(self, model, options, error) || !make_room(self, frames, n, error))
    return FALSE;
  for (guint i = 0; i < n; i++) {
    if (!compare(self, &frames[i], error))
      return FALSE;
    for (guint kind = 0; kind < G_N_ELEMENTS(defects); kind++) {
      CbiganFrame defective = make_defect(self, kind, &frames[i]);
      if (!compare(self, &defective, error))
        return FALSE;
    }
  }
  /* Rounding changes every score. Equal scores mean that this machine computes nothing in bf16, which says nothing
   * about other processors. */
  return self->found->error > 0.0 ||
         cbigan_refuse(error,
                       n_("on this machine %u picture scores the same in bf16 as in fp32, to the last bit",
                          "on this machine %u pictures score the same in bf16 as in fp32, to the last bit",
                          self->found->pictures),
                       self->found->pictures);
}

void
cbigan_model_check_bf16(CbiganModel *model, const CbiganCalibrationOptions *options, const CbiganFrame *frames, guint n,
                        CbiganBf16Check *check)
{
  g_return_if_fail(model && options && (frames || !n) && check);
  g_autoptr(GError) error = NULL;
  *check = (CbiganBf16Check){ 0 };
  Check self = { .threshold = model->info.threshold, .random = g_rand_new_with_seed(SEED), .found = check };
  gboolean tried = run(&self, model, options, frames, n, &error);
  model->info.bf16_error = tried && !check->changed && check->error <= CBIGAN_BF16_LIMIT ? check->error : NAN;
  if (!tried)
    check->untried = g_strdup(error->message);
  for (int i = 0; i < N_SCORERS; i++) {
    cbigan_scorer_free(self.scorers[i]);
    cbigan_result_clear(&self.results[i]);
  }
  g_rand_free(self.random);
  g_free(self.pixels);
}

void
cbigan_bf16_check_clear(CbiganBf16Check *check)
{
  g_clear_pointer(&check->untried, g_free);
}
