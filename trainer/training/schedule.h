/* schedule.h - which batch each update of a training run takes, and the update's numbers
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include "gradient/gradient.h"
#include "train_options.h"

G_BEGIN_DECLS

/* Updates of D per step after the warm-up. */
guint cbigan_schedule_critic_updates(const CbiganTrainOptions *options);
/* Batches taken before step `step`: one per step of the warm-up, then one per update, that of E and G last. */
guint64 cbigan_schedule_batches_before(const CbiganTrainOptions *options, guint step);
/* The numbers of Adam and the average in the update that takes batch `number`. */
CbiganUpdate cbigan_schedule_update(const CbiganTrainOptions *options, guint64 number);

G_END_DECLS
