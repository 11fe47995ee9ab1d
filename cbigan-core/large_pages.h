/* large_pages.h - large pages for blocks of several MiB
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Planes and maps of large frames are read and written as a whole for each frame. In pages of 4 KiB the processor must
 * look up where each of ten thousand pages lies. Where the system gives large pages on request only, this asks.
 */
#pragma once
#include <glib.h>
#include <sys/mman.h>

G_BEGIN_DECLS

#define CBIGAN_LARGE_PAGE 2097152 /* bytes */

/* Asks for memory that has not been touched yet, and returns it; NULL = there is none. Nothing happens where there are
 * no such pages, or for fewer than a few of them. */
static inline gpointer
cbigan_in_large_pages(gpointer memory, gsize size)
{
#ifdef MADV_HUGEPAGE
  const guintptr first = ((guintptr)memory + CBIGAN_LARGE_PAGE - 1) / CBIGAN_LARGE_PAGE * CBIGAN_LARGE_PAGE;
  if (memory && size >= 4 * CBIGAN_LARGE_PAGE)
    madvise((gpointer)first, ((guintptr)memory + size - first) / CBIGAN_LARGE_PAGE * CBIGAN_LARGE_PAGE, MADV_HUGEPAGE);
#endif
  return memory;
}

G_END_DECLS
