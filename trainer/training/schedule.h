/* schedule.h - which batches the updates of a training run take, and the numbers of each update
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include "gradient/gradient.h"
#include "training.h"

G_BEGIN_DECLS

/* D's updates in a step after the warm-up */
guint cbigan_schedule_critic_updates(const CbiganTrainOptions *options);
/* Batches taken before step `step`: one each in the warm-up, afterwards one for every update, E's and G's last. */
guint64 cbigan_schedule_batches_before(const CbiganTrainOptions *options, guint step);
/* What the update that takes batch `number` gives Adam and the average. */
CbiganUpdate cbigan_schedule_update(const CbiganTrainOptions *options, guint64 number);

G_END_DECLS
