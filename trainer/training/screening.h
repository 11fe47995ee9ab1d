/* screening.h - good pictures of an object that are left out of a training, as a defective one among them should be
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Each picture is compared, by the fixed filters, with statistics of three quarters of the pictures, which do not hold
 * it, and its levels with the median of all. Odd pictures so have no part in what a network learns.
 */
#pragma once
#include "inspector_options.h"
#include "suspects.h"

G_BEGIN_DECLS

/* pictures: of one object, upright. suspects: of CbiganSuspect, empty; gets the odd ones, the farthest first. None is
 * odd with fewer than 20 pictures, with options->keep_odd, and where it would be more than one in ten, which is then
 * how good pictures vary. FALSE with an error. */
gboolean cbigan_screen_pictures(const CbiganInspectorOptions *options, const CbiganDataset *pictures, GArray *suspects,
                                GError **error);
/* The pictures whose paths are not among those of suspects, in their order. They belong to `pictures`, which must
 * outlive them. Free with cbigan_dataset_free(). */
CbiganDataset *cbigan_screen_others(const CbiganDataset *pictures, const GArray *suspects);

G_END_DECLS
