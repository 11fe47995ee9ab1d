/* train_processes.h - what cbigan train checks when mpirun has started several processes
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include "data/dataset.h"
#include "training/train_options.h"

G_BEGIN_DECLS

/* Whether the training can be divided; chooses the backend if that is automatic. minutes: --minutes, 0 = not given.
 * FALSE with CBIGAN_ERROR_ARGUMENT. One process: always TRUE. */
gboolean cbigan_train_check_processes(CbiganTrainOptions *options, gboolean quick, double minutes, GError **error);
/* Whether all processes have the same options and pictures; all must call it. Otherwise they would make one useless
 * model. FALSE with CBIGAN_ERROR_ARGUMENT. */
gboolean cbigan_train_check_same(const CbiganTrainOptions *options, int updates, gboolean resume,
                                 const CbiganDataset *pictures, GError **error);

G_END_DECLS
