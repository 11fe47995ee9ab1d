/* mutate.c - drives the fuzz target without libFuzzer: a fixed number of mutated seeds, the same ones every time
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Runs everywhere in a few seconds. To look for new faults use libFuzzer: tests/fuzz/meson.build.
 */
#include <string.h>

#include "fuzz_model_file.h"

#define RUNS_A_SEED 2000

/* Pieces that single-byte mutations would hardly produce */
static const char *const pieces[] = {
  "{",
  "}",
  "[",
  "]",
  "\"",
  ",",
  ":",
  "\\",
  "\\u0000",
  "\\ud800",
  "null",
  "true",
  "-1",
  "1e999",
  "0.5",
  "nan",
  "4294967295",
  "18446744073709551615",
  "9223372036854775807",
  "99999999999999999999",
  "//",
  "/*",
  "critic",
  "paper",
  "native",
  "1x1",
  "64x64",
  "16384x16384",
  "0,1,2,3,4,5",
  "128",
  "cbigan.",
  "\"__metadata__\":{}",
  "F16",
  "\xff",
  "[[[[[[[[[[[[[[[[[[",
};

static void
insert(GByteArray *bytes, guint at, const void *piece, gsize size)
{
  guint tail = bytes->len - at;
  g_byte_array_append(bytes, piece, (guint)size);
  memmove(bytes->data + at + size, bytes->data + at, tail);
  memcpy(bytes->data + at, piece, size);
}

static void
mutate(GByteArray *bytes, GRand *random)
{
  if (!bytes->len)
    return;
  /* Metadata stands in the first part and is the most delicate: half of the changes go there. */
  const guint reach = g_rand_boolean(random) ? MIN(bytes->len, 600) : bytes->len;
  const guint at = (guint)g_rand_int_range(random, 0, (gint32)reach);
  const guint some = (guint)g_rand_int_range(random, 1, 20), n = MIN(some, bytes->len - at);
  switch (g_rand_int_range(random, 0, 6)) {
  case 0:
    bytes->data[at] = (guint8)g_rand_int_range(random, 0, 256);
    break;
  case 1:
    if (g_ascii_isdigit(bytes->data[at]))
      bytes->data[at] = (guint8)('0' + g_rand_int_range(random, 0, 10));
    break;
  case 2:
    g_byte_array_remove_range(bytes, at, n);
    break;
  case 3: {
    g_autofree guint8 *copy = g_memdup2(bytes->data + at, n);
    insert(bytes, (guint)g_rand_int_range(random, 0, (gint32)bytes->len), copy, n);
    break;
  }
  case 4:
    g_byte_array_set_size(bytes, at);
    break;
  default: {
    const char *piece = pieces[g_rand_int_range(random, 0, G_N_ELEMENTS(pieces))];
    insert(bytes, at, piece, strlen(piece));
  }
  }
}

static void
test_seed(gconstpointer data)
{
  gsize size;
  const guint8 *seed = g_bytes_get_data((GBytes *)data, &size);
  GRand *random = g_rand_new_with_seed(2026);
  LLVMFuzzerTestOneInput(seed, size);
  for (int run = 0; run < RUNS_A_SEED; run++) {
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    g_byte_array_append(bytes, seed, (guint)size);
    for (int changes = g_rand_int_range(random, 1, 5); changes > 0; changes--)
      mutate(bytes, random);
    LLVMFuzzerTestOneInput(bytes->data, bytes->len);
  }
  g_rand_free(random);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_autoptr(GPtrArray) seeds = fuzz_seeds();
  for (guint i = 0; i < seeds->len; i++) {
    g_autofree char *path = g_strdup_printf("/fuzz/model-file/seed%u", i);
    g_test_add_data_func(path, seeds->pdata[i], test_seed);
  }
  return g_test_run();
}
