/* missing_library.c - the library that is not there when a module is opened
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
extern int library_that_goes_away;
int library_that_goes_away = 1;
