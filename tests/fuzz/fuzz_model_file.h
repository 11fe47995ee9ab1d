/* fuzz_model_file.h - what libFuzzer calls, and the inputs to start from
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * An input is a header without its length, so that mutations reach behind the first check; the target adds the length
 * and as much data as the header describes. An input that begins with FUZZ_RAW is a file as it is.
 */
#pragma once
#include <glib.h>

G_BEGIN_DECLS

#define FUZZ_RAW '#'

int LLVMFuzzerTestOneInput(const guint8 *input, gsize size);

/* Inputs that load (headers of the sample models), and a raw one. */
GPtrArray *fuzz_seeds(void); /* of GBytes */

G_END_DECLS
