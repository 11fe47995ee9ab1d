/* proxy.h - how well an inspector sees synthetic defects in good pictures that it was not trained on
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Several processes divide the pictures among them (ranks.h): all of them must call the same functions, and get the
 * same result.
 */
#pragma once
#include "data/defect_batches.h"
#include "score/inspector/inspection.h"

G_BEGIN_DECLS

typedef struct _CbiganProxy CbiganProxy;

/* held_out: pictures that were not trained on, at least 4. Keeps a reference to nothing; `held_out` must outlive it.
 * inspector: whose parameters, statistics and summary the functions below use and set. mask: copied; NULL or one
 * without pixels: every pixel counts. NULL with CBIGAN_ERROR_ARGUMENT where no pixel of a picture counts. Free with
 * cbigan_proxy_free(). */
CbiganProxy *cbigan_proxy_new(const CbiganGoodPictures *held_out, CbiganInspector *inspector, const CbiganMask *mask,
                              CbiganBackend *backend, guint64 seed, GError **error);
void cbigan_proxy_free(CbiganProxy *self);
/* The inspector's AUROC with its parameters as they are, by the maps of its network together, which most models end up
 * with. train: the pictures that were trained on. FALSE with CBIGAN_ERROR_BACKEND. */
gboolean cbigan_proxy_measure(CbiganProxy *self, const CbiganGoodPictures *train, double *auroc, GError **error);
/* Fits statistics of the pictures that were trained on, tries the ways to make a score of maps, and leaves the best one
 * in the inspector: its maps and summary. scores: [held_out->n] values of the good pictures, each against levels of
 * others. peaks: [held_out->n * CBIGAN_CELLS_PEAKS] of the same, as cbigan_cells_peaks() gives them. *auroc: of what
 * was chosen. *tried: JSON object of what was tried (transfer full). */
gboolean cbigan_proxy_choose(CbiganProxy *self, const CbiganGoodPictures *train, double *scores, double *peaks,
                             double *auroc, char **tried, GError **error);

/* The same without a network: the inspector has no parameters, and held_out are all pictures. They are compared with
 * statistics of the others, and then all of them make the statistics. */
gboolean cbigan_proxy_choose_across(CbiganProxy *self, double *scores, double *peaks, double *auroc, char **tried,
                                    GError **error);

/* values [held_out->n]: the peak of one kind of map of each held-out picture, compared with statistics of the others.
 * The map reads no network. FALSE with CBIGAN_ERROR_BACKEND. */
gboolean cbigan_proxy_compare_across(CbiganProxy *self, CbiganMapKind kind, double *values, GError **error);

/* values [good->n] of good pictures as the inspector is now. peaks: [good->n * CBIGAN_CELLS_PEAKS]; NULL: not wanted.
 * FALSE with CBIGAN_ERROR_BACKEND. */
gboolean cbigan_proxy_score(CbiganProxy *self, const CbiganGoodPictures *good, double *values, double *peaks,
                            GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(CbiganProxy, cbigan_proxy_free)

G_END_DECLS
