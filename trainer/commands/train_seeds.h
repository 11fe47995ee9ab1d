/* train_seeds.h - compares the models that cbigan train --seeds has made
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include "command.h"

G_BEGIN_DECLS

/* Prints a line for each model that is finished, and mean, smallest and largest of its figures. With test pictures
 * beside the training's in `dir`, the models are measured on them. outputs: of CbiganTrainOutput. dir: NULL = none.
 * strict: refuses damaged test pictures. FALSE after a message where a model could not be measured. */
gboolean cbigan_train_compare_seeds(const GPtrArray *outputs, const char *dir, const CbiganRunOptions *run,
                                    gboolean strict);

G_END_DECLS
