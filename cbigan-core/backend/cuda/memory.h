/* memory.h - device memory, copies between it and the host, staging buffers
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include "context.h"

G_BEGIN_DECLS

/* Zeroed device memory; free with cbigan_cuda_free(). NULL: out of memory, which is not kept as a failure. */
float *cbigan_cuda_alloc(CbiganBackend *self, gsize n_floats);
/* Waits for all work in the stream. data: not NULL */
void cbigan_cuda_free(CbiganBackend *self, float *data);
/* Both wait, so the caller may use the host memory again at once. */
void cbigan_cuda_upload(CbiganBackend *self, CbiganShape shape, int n, const float *host, float *data);
void cbigan_cuda_download(CbiganBackend *self, CbiganShape shape, int n, const float *data, float *host);

/* Device memory of at least `size` bytes for the partial sums of one operation. The backend keeps it, and the next
 * operation overwrites it. NULL: failed, and the failure is kept. */
void *cbigan_cuda_partial(CbiganCuda *self, gsize size);

/* Makes both sides at least `size` bytes large; the content is lost. Waits if they grow, so it can't be captured.
 * FALSE: failed, and the failure is kept. */
gboolean cbigan_cuda_staging_grow(CbiganCuda *self, CbiganCudaStaging *staging, gsize size);
void cbigan_cuda_staging_clear(CbiganCudaStaging *staging);

G_END_DECLS
