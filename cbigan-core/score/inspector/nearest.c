/* nearest.c - how far features of a picture's cells are from the nearest ones that good pictures have there
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "nearest.h"

#include <math.h>
#include <string.h>

#include "multiversion.h"

#define BLOCK 32 /* cells side by side whose numbers stay in registers or the first cache */

CBIGAN_WIDE static void
add_centred(const float *restrict x, float mean, float weight, gsize n, float *restrict sums)
{
  for (gsize i = 0; i < n; i++)
    sums[i] += weight * (x[i] - mean);
}

/* From the last channel to the first, as a channel depends on those before it. */
void
cbigan_whiten(CbiganBackend *backend, const float *mean, const float *whitening, int channels, gsize cells, float *x)
{
  g_autofree float *sums = cbigan_scratch_new(backend, float, cells);
  for (int i = channels - 1; sums && i >= 0; i--) {
    const float *row = whitening + i * (i + 1) / 2;
    memset(sums, 0, cells * sizeof(float));
    for (int k = 0; k <= i; k++)
      add_centred(x + (gsize)k * cells, mean[k], row[k], cells, sums);
    memcpy(x + (gsize)i * cells, sums, cells * sizeof(float));
  }
}

typedef struct {
  CbiganBackend *backend;
  const float *x, *samples;
  int n, channels, w, h;
  float *distance;
} Search;

/* Squared distances of `some` cells side by side. x: (channels, BLOCK), sample: (channels, w) from the first cell on */
static inline __attribute__((always_inline)) void
square_distances(const float *restrict x, const float *restrict sample, int channels, int w, int some,
                 float *restrict squares)
{
  float sums[BLOCK] = { 0 };
  for (int c = 0; c < channels; c++)
    for (int i = 0; i < some; i++) {
      const float difference = x[c * BLOCK + i] - sample[c * w + i];
      sums[i] += difference * difference;
    }
  for (int i = 0; i < some; i++)
    squares[i] = sums[i];
}

/* Puts each number in its place among the three least so far. */
static inline __attribute__((always_inline)) void
keep_least(const float *restrict squares, int some, float least[3][BLOCK])
{
  for (int i = 0; i < some; i++) {
    const float first = MAX(squares[i], least[0][i]), second = MAX(first, least[1][i]);
    least[0][i] = MIN(squares[i], least[0][i]);
    least[1][i] = MIN(first, least[1][i]);
    least[2][i] = MIN(second, least[2][i]);
  }
}

/* Compares `some` cells with all samples of a row that lie `across` columns beside them. */
static inline __attribute__((always_inline)) void
compare_row(const Search *self, const float *x, const float *samples, int column, int across, int some,
            float least[3][BLOCK])
{
  const int begin = column + across < 0 ? 1 : 0, end = column + across + some > self->w ? some - 1 : some;
  float squares[BLOCK];
  for (int i = 0; i < BLOCK; i++)
    squares[i] = INFINITY; /* of cells at the border, which have no neighbour there */
  for (int sample = 0; sample < self->n; sample++, samples += self->channels * self->w) {
    if (begin == 0 && end == BLOCK)
      square_distances(x, samples + column + across, self->channels, self->w, BLOCK, squares);
    else
      square_distances(x + begin, samples + column + across + begin, self->channels, self->w, end - begin,
                       squares + begin);
    keep_least(squares, BLOCK, least);
  }
}

/* Cells [column, column + some) of a row. x: (channels, BLOCK) of scratch */
static inline __attribute__((always_inline)) void
search_block(const Search *self, int row, int column, int some, float *x)
{
  const gsize cells = (gsize)self->w * (gsize)self->h, size = (gsize)(self->n * self->channels) * (gsize)self->w;
  const gsize at = (gsize)row * (gsize)self->w + (gsize)column;
  float least[3][BLOCK];
  for (int i = 0; i < 3 * BLOCK; i++)
    least[i / BLOCK][i % BLOCK] = INFINITY;
  for (int c = 0; c < self->channels; c++)
    for (int i = 0; i < some; i++)
      x[c * BLOCK + i] = self->x[(gsize)c * cells + at + (gsize)i];
  for (int down = MAX(row - 1, 0); down <= MIN(row + 1, self->h - 1); down++)
    for (int across = -1; across <= 1; across++)
      compare_row(self, x, self->samples + (gsize)down * size, column, across, some, least);
  for (int i = 0; i < some; i++)
    self->distance[at + (gsize)i] =
        (sqrtf(least[0][i]) + sqrtf(least[1][i]) + sqrtf(least[2][i])) / (3.0f * sqrtf((float)self->channels));
}

CBIGAN_WIDE static void
search_rows(const Search *self, int first, int end, float *x)
{
  for (int row = first; row < end; row++)
    for (int column = 0; column < self->w; column += BLOCK)
      search_block(self, row, column, MIN(BLOCK, self->w - column), x);
}

static void
search(gpointer data, int first, int end)
{
  const Search *self = data;
  g_autofree float *x = cbigan_scratch_new(self->backend, float, (gsize)self->channels *BLOCK);
  if (x)
    search_rows(self, first, end, x);
}

void
cbigan_nearest_distance(CbiganBackend *backend, const float *x, const float *samples, int n, int channels, int w, int h,
                        float *distance)
{
  cbigan_backend_each(backend, h, (gsize)(n * channels) * (gsize)w * (gsize)h, search,
                      &(Search){ backend, x, samples, n, channels, w, h, distance });
}
