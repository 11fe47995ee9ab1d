/* struct_sizes.c - structs of programs that were compiled with another version of cbigan.h
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A struct of cbigan.h that begins with `size` grows at its end only. The library works with its own version of the
 * struct, and copies as many bytes as both versions have. A new member needs no change here, as the ends below are
 * those of version 0.1.
 */
#include "score/struct_sizes.h"

#include <stddef.h>
#include <string.h>

#define END_OF(type, member) (offsetof(type, member) + G_SIZEOF_MEMBER(type, member))
/* What size 0 means: up to the last member of version 0.1. */
#define OPTIONS_0_1 END_OF(CbiganScorerOptions, shared)
#define COUNTING_0_1 END_OF(CbiganCounting, mask)
#define RESULT_0_1 END_OF(CbiganResult, areas)
#define LEAST_RESULT offsetof(CbiganResult, n_areas) /* the map's members must be there */

static void
take(gpointer mine, gsize my_size, gconstpointer given, gsize given_size)
{
  memcpy(mine, given, MIN(given_size, my_size));
  *(gsize *)mine = my_size;
}

CbiganScorerOptions
cbigan_options_take(const CbiganScorerOptions *given)
{
  CbiganScorerOptions options = CBIGAN_SCORER_OPTIONS_INIT;
  if (given)
    take(&options, sizeof options, given, given->size ? given->size : OPTIONS_0_1);
  return options;
}

CbiganCounting
cbigan_counting_take(const CbiganCounting *given)
{
  CbiganCounting counting = CBIGAN_COUNTING_INIT;
  if (given)
    take(&counting, sizeof counting, given, given->size ? given->size : COUNTING_0_1);
  return counting;
}

static gsize
result_size(const CbiganResult *given)
{
  return given->size ? given->size : RESULT_0_1;
}

gboolean
cbigan_result_is_valid(const CbiganResult *given)
{
  return result_size(given) >= LEAST_RESULT;
}

gboolean
cbigan_result_is_ours(const CbiganResult *given)
{
  return result_size(given) == sizeof *given;
}

CbiganResult *
cbigan_results_take(const CbiganResult *given, guint n)
{
  const gsize size = result_size(given);
  CbiganResult *mine = g_new0(CbiganResult, n);
  for (guint i = 0; i < n; i++)
    take(&mine[i], sizeof mine[i], (const char *)given + i * size, size);
  return mine;
}

void
cbigan_results_give(CbiganResult *mine, guint n, CbiganResult *given)
{
  const gsize size = result_size(given), said = given->size;
  for (guint i = 0; i < n; i++) {
    mine[i].size = said;
    memcpy((char *)given + i * size, &mine[i], MIN(size, sizeof mine[i]));
  }
  g_free(mine);
}

void
cbigan_result_clear(CbiganResult *result)
{
  const gsize said = result->size;
  g_return_if_fail(cbigan_result_is_valid(result));
  g_free(result->map);
  memset(result, 0, result_size(result));
  result->size = said;
}
