/* missing_library.c - a library that is missing when a module is opened
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
extern int library_that_goes_away;
int library_that_goes_away = 1;
