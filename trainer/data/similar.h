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
#include <math.h> /* NAN */

G_BEGIN_DECLS

/* FALSE with CBIGAN_ERROR_ARGUMENT where fewer than `least` pictures differ, pixel by pixel. *warning: what else is
 * suspicious (transfer full): copies, pictures that nearly are, pictures that hardly differ or show nothing; NULL if
 * nothing is. */
gboolean cbigan_similar_check(const CbiganDataset *dataset, guint least, char **warning, GError **error);

/* Pictures that were kept, to tell which later ones are nearly copies of them. */
typedef struct _CbiganKept CbiganKept;

/* limit: levels of 255 below which a picture is nearly a copy; NAN: a sixth of the usual difference, 1 to 4. Free with
 * cbigan_kept_free(). */
CbiganKept *cbigan_kept_new(double limit);
void cbigan_kept_free(CbiganKept *self);
/* Keeps the picture's points. FALSE: it is a copy, or nearly one, of a kept one, and is not kept. */
gboolean cbigan_kept_add(CbiganKept *self, const CbiganPicture *picture);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(CbiganKept, cbigan_kept_free)

G_END_DECLS
