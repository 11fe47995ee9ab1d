/* version.c - the version of the library that runs
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "cbigan.h"
#include "config.h"

#define TEXT_OF(number) #number
#define TEXT(number) TEXT_OF(number)
#define HEADER TEXT(CBIGAN_VERSION_MAJOR) "." TEXT(CBIGAN_VERSION_MINOR) "." TEXT(CBIGAN_VERSION_MICRO)

/* Equal lengths and equal text: meson.build and cbigan.h name the same version. */
G_STATIC_ASSERT(sizeof HEADER == sizeof VERSION);

const char *
cbigan_version(void)
{
  g_return_val_if_fail(g_str_equal(HEADER, VERSION), VERSION);
  return VERSION;
}
