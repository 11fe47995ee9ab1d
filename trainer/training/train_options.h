/* train_options.h - the table of training options, for those who read it besides cbigan_train_options_check()
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include "training.h"

G_BEGIN_DECLS

/* "width=4 patch=64 ...": every option that a trained weight depends on (transfer full). */
char *cbigan_train_options_describe(const CbiganTrainOptions *options);
/* The first option of two descriptions that differs: FALSE, with the two "name=value" (transfer full). */
gboolean cbigan_train_options_same(const char *one, const char *other, char **in_one, char **in_other);

/* Steps of the warm-up: none at alpha = 0, where L_C has no part in the method. */
guint cbigan_train_options_warmup(const CbiganTrainOptions *options);
/* The moving average's decay: the option, or where that is NAN one that spans a fiftieth of all steps. */
double cbigan_train_options_decay(const CbiganTrainOptions *options);
const char *cbigan_preset_name(CbiganPreset preset); /* "object", "texture" */

G_END_DECLS
