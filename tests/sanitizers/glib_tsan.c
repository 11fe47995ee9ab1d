/* glib_tsan.c - tells the thread sanitizer of GLib's locks, which it does not know as they are futexes
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * For runs by hand; the sanitizer's own library comes first:
 *   meson setup build-tsan -Dtests=enabled -Dcuda=disabled -Db_sanitize=thread -Db_lundef=false && ninja -C build-tsan
 *   gcc -shared -fPIC $(pkg-config --cflags glib-2.0) tests/sanitizers/glib_tsan.c -o build-tsan/glib_tsan.so -ldl
 *   TSAN_OPTIONS=ignore_noninstrumented_modules=1 G_SLICE=always-malloc \
 *     LD_PRELOAD="$(gcc -print-file-name=libtsan.so) $PWD/build-tsan/glib_tsan.so" build-tsan/tests/core/test-sharing
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <glib.h>

extern void __tsan_acquire(void *address);
extern void __tsan_release(void *address);

/* The function of that name behind this one. */
#define REAL(name)                                                                                                     \
  static __typeof__(&name) real;                                                                                       \
  if (!real)                                                                                                           \
  real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

#undef g_mutex_lock
void
g_mutex_lock(GMutex *mutex)
{
  REAL(g_mutex_lock);
  real(mutex);
  __tsan_acquire(mutex);
}

gboolean
g_mutex_trylock(GMutex *mutex)
{
  REAL(g_mutex_trylock);
  const gboolean locked = real(mutex);
  if (locked)
    __tsan_acquire(mutex);
  return locked;
}

void
g_mutex_unlock(GMutex *mutex)
{
  REAL(g_mutex_unlock);
  __tsan_release(mutex);
  real(mutex);
}

void
g_cond_wait(GCond *cond, GMutex *mutex)
{
  REAL(g_cond_wait);
  __tsan_release(mutex);
  real(cond, mutex);
  __tsan_acquire(mutex);
}

gboolean
g_cond_wait_until(GCond *cond, GMutex *mutex, gint64 end)
{
  REAL(g_cond_wait_until);
  __tsan_release(mutex);
  const gboolean signalled = real(cond, mutex, end);
  __tsan_acquire(mutex);
  return signalled;
}

void(g_atomic_ref_count_inc)(gatomicrefcount *count)
{
  __tsan_release((void *)count);
  __atomic_fetch_add(count, 1, __ATOMIC_SEQ_CST);
}

gboolean(g_atomic_ref_count_dec)(gatomicrefcount *count)
{
  __tsan_release((void *)count);
  const gboolean is_last = __atomic_fetch_sub(count, 1, __ATOMIC_SEQ_CST) == 1;
  if (is_last)
    __tsan_acquire((void *)count);
  return is_last;
}
