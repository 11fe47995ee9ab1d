/* similar.h - whether good pictures differ as good products do
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A threshold comes from pictures that were kept out of training. If those are copies of pictures that were trained on,
 * or all pictures are one, it comes out too low, down to 0.
 */
#pragma once
#include "dataset.h"

G_BEGIN_DECLS

/* FALSE with CBIGAN_ERROR_ARGUMENT where fewer than `least` pictures differ, pixel by pixel. *warning: what else is
 * suspicious (transfer full): copies, pictures that nearly are, pictures that hardly differ or show nothing; NULL if
 * nothing is. */
gboolean cbigan_similar_check(const CbiganDataset *dataset, guint least, char **warning, GError **error);

G_END_DECLS
