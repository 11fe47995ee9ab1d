/* inspector_metadata.h - the metadata keys that an inspector alone has
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include "cbigan.h"

G_BEGIN_DECLS

/* For the table in model_metadata.c. read: FALSE where the text is not as the table says. write: (transfer full), NULL
 * = leave the key out. */
gboolean cbigan_metadata_read_summary(const char *text, CbiganModelInfo *info);
char *cbigan_metadata_write_summary(const CbiganModelInfo *info);
gboolean cbigan_metadata_read_overlap(const char *text, CbiganModelInfo *info);
char *cbigan_metadata_write_overlap(const CbiganModelInfo *info);
gboolean cbigan_metadata_read_upright(const char *text, CbiganModelInfo *info);
char *cbigan_metadata_write_upright(const CbiganModelInfo *info);
gboolean cbigan_metadata_read_upright_box(const char *text, CbiganModelInfo *info);
char *cbigan_metadata_write_upright_box(const CbiganModelInfo *info);
gboolean cbigan_metadata_read_maps(const char *text, CbiganModelInfo *info);
char *cbigan_metadata_write_maps(const CbiganModelInfo *info);
gboolean cbigan_metadata_read_proxy(const char *text, CbiganModelInfo *info);
char *cbigan_metadata_write_proxy(const CbiganModelInfo *info);
gboolean cbigan_metadata_read_proxies(const char *text, CbiganModelInfo *info);
char *cbigan_metadata_write_proxies(const CbiganModelInfo *info);

G_END_DECLS
