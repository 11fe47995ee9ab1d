/* test_choice.c - the list of backends, choosing, failures
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <string.h>

#include "cbigan.h"
#include "harness.h"

static void
test_list(void)
{
  const char *const *names = cbigan_backend_names();
  const CbiganBackendClass *const *list = cbigan_backend_list();
  gsize n = 0;
  for (; list[n]; n++) {
    g_assert_cmpstr(names[n], ==, list[n]->name);
    g_assert_cmpuint(strlen(cbigan_backend_description(list[n]->name)), >, 0);
  }
  g_assert_null(names[n]);
  g_assert_true(g_strv_contains(names, "reference"));
  g_assert_null(cbigan_backend_unavailable("reference"));
}

static void
test_unknown(void)
{
  static const char *const wrong[] = { "", "gpu", "CPU", "cpu " };
  for (gsize i = 0; i < G_N_ELEMENTS(wrong); i++) {
    g_autoptr(GError) error = NULL;
    g_autofree char *why = cbigan_backend_unavailable(wrong[i]);
    g_assert_null(cbigan_backend_open(&(CbiganBackendOptions){ .name = wrong[i] }, &error));
    g_assert_error(error, CBIGAN_ERROR, CBIGAN_ERROR_BACKEND);
    g_assert_cmpstr(error->message, ==, why);
    g_assert_nonnull(strstr(why, wrong[i]));
    g_assert_nonnull(strstr(why, "reference"));
  }
}

/* NULL and "auto" take the first of the list that can run here. */
static void
test_auto(void)
{
  const CbiganBackendClass *const *best = cbigan_backend_list();
  for (; *best; best++) {
    g_autofree char *why = cbigan_backend_unavailable((*best)->name);
    if (!why)
      break;
    g_test_message("%s: %s", (*best)->name, why);
  }
  g_autoptr(GError) error = NULL;
  g_autoptr(CbiganBackend) a = cbigan_backend_open(&(CbiganBackendOptions){ .name = "auto" }, &error),
                           b = open_backend(&(CbiganBackendOptions){ .name = NULL });
  g_assert_cmpstr(cbigan_backend_name(a), ==, (*best)->name);
  g_assert_cmpstr(cbigan_backend_name(b), ==, (*best)->name);
}

static void
test_failure(gconstpointer klass)
{
  g_autoptr(CbiganBackend) backend = open_or_skip(klass);
  g_autoptr(GError) error = NULL;
  if (!backend)
    return;
  g_assert_true(cbigan_backend_finish(backend, &error));
  cbigan_backend_fail(backend, "the %s", "first");
  cbigan_backend_fail(backend, "the second");
  g_assert_false(cbigan_backend_finish(backend, &error));
  g_assert_error(error, CBIGAN_ERROR, CBIGAN_ERROR_BACKEND);
  g_assert_cmpstr(error->message, ==, "the first");
  g_clear_error(&error);
  g_assert_true(cbigan_backend_finish(backend, &error));
}

static void
test_out_of_memory(gconstpointer klass)
{
  g_autoptr(CbiganBackend) backend = open_or_skip(klass);
  static const gsize sizes[] = { G_MAXSIZE / 8, G_MAXSIZE };
  for (gsize i = 0; backend && i < G_N_ELEMENTS(sizes); i++) {
    g_autoptr(GError) error = NULL;
    g_assert_null(cbigan_backend_alloc(backend, sizes[i], &error));
    g_assert_error(error, CBIGAN_ERROR, CBIGAN_ERROR_BACKEND);
  }
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/choice/list", test_list);
  g_test_add_func("/choice/unknown", test_unknown);
  g_test_add_func("/choice/auto", test_auto);
  add_for_backends("failure", TRUE, test_failure);
  add_for_backends("out-of-memory", TRUE, test_out_of_memory);
  return g_test_run();
}
