/* screening.h - good pictures of an object that are left out of a training, as a defective one among them should be
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Each picture is compared, by the fixed filters, with statistics of three quarters of the others. This takes seconds
 * and no network, so that odd pictures have no part in what the network learns.
 */
#pragma once
#include "inspector_options.h"
#include "suspects.h"

G_BEGIN_DECLS

/* pictures: of one object, upright; they must outlive what is returned. Appends the odd ones to suspects, of
 * CbiganSuspect, the farthest first. Returns the others, in their order; free with cbigan_dataset_free(). NULL: all of
 * them stay, because none is odd, options->keep_odd says so, or more than one in ten, which is then how good pictures
 * vary; or with an error. */
CbiganDataset *cbigan_screen_pictures(const CbiganInspectorOptions *options, const CbiganDataset *pictures,
                                      GArray *suspects, GError **error);

G_END_DECLS
