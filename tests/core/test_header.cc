/* test_header.cc - cbigan.h in C++, without warnings; the library is the version that the header names
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <cbigan.h>

static void
test_version()
{
  char *version = g_strdup_printf("%d.%d.%d", CBIGAN_VERSION_MAJOR, CBIGAN_VERSION_MINOR, CBIGAN_VERSION_MICRO);
  g_assert_cmpstr(cbigan_version(), ==, version);
  g_assert_true(CBIGAN_CHECK_VERSION(CBIGAN_VERSION_MAJOR, CBIGAN_VERSION_MINOR, CBIGAN_VERSION_MICRO));
  g_assert_false(CBIGAN_CHECK_VERSION(CBIGAN_VERSION_MAJOR, CBIGAN_VERSION_MINOR, CBIGAN_VERSION_MICRO + 1));
  g_assert_false(CBIGAN_CHECK_VERSION(CBIGAN_VERSION_MAJOR + 1, 0, 0));
  g_free(version);
}

static void
test_result()
{
  CbiganResult result = CBIGAN_RESULT_INIT;
  g_assert_null(result.map);
  g_assert_cmpuint(result.n_regions, ==, 0);
  cbigan_result_clear(&result);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/header/version", test_version);
  g_test_add_func("/header/result", test_result);
  return g_test_run();
}
