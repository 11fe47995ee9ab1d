/* testsrc.h - the plugin of cbigantestsrc
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include <gst/gst.h>

G_BEGIN_DECLS

#define CBIGAN_TRUTH_META "CbiganTruth"

GST_ELEMENT_REGISTER_DECLARE(cbigantestsrc);

G_END_DECLS
