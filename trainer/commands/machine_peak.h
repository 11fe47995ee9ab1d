/* machine_peak.h - the most that this machine can do: multiply-adds and bytes per second
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include <glib.h>

G_BEGIN_DECLS

typedef struct _CbiganMachine CbiganMachine;

/* threads > 0. Takes the memory that read() needs; NULL with CBIGAN_ERROR_BACKEND if there is too little, or with
 * G_THREAD_ERROR if threads can't be started. Free with cbigan_machine_free(). */
CbiganMachine *cbigan_machine_new(int threads, GError **error);
void cbigan_machine_free(CbiganMachine *self);

const char *
cbigan_machine_processor(const CbiganMachine *self); /* "AMD EPYC 7B13"; "unknown" if the system does not say */
/* Instructions that multiply_add() uses: "avx512", "avx2", "baseline" */
const char *cbigan_machine_isa(const CbiganMachine *self);

/* Both measure now, for some milliseconds, on all threads at once. FALSE with G_THREAD_ERROR. gflops: fp32; a
 * multiplication and its addition are two. gbytes: per second, from a block that no cache holds */
gboolean cbigan_machine_multiply_add(CbiganMachine *self, double *gflops, GError **error);
gboolean cbigan_machine_read(CbiganMachine *self, double *gbytes, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(CbiganMachine, cbigan_machine_free)

G_END_DECLS
