/* quick.h - a model from good pictures within seconds, without any network
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Features of a fixed bank of filters, and statistics of them: cbigan_proxy_choose_across() decides how they make a
 * score. The model is an inspector that has such maps alone.
 */
#pragma once
#include "inspector_options.h"

G_BEGIN_DECLS

/* options: aligned, align, seed, false_alarms, keep_odd, mask, backend, device and threads count. pictures: as for
 * cbigan_inspector_training_new(), at least 5. left_out: gets the odd ones, of CbiganSuspect. Free with
 * cbigan_model_unref(). NULL with an error. */
CbiganModel *cbigan_quick_train(const CbiganInspectorOptions *options, const CbiganDataset *pictures, GArray *left_out,
                                GError **error);

G_END_DECLS
