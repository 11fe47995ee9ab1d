/* pixel_store.c - where pixels lie that don't fit into memory together
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A file that is mapped: the system reads its pages as they are needed, and drops them when memory is short.
 */
#include "pixel_store.h"
#include "i18n.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

const char *
cbigan_pixel_store_folder(void)
{
  const char *folder = g_getenv("TMPDIR");

  return folder && *folder ? folder : "/var/tmp";
}

static gboolean
set_error(int number, GError **error)
{
  g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_FILE, _("%s: no room for pictures that don't fit into memory: %s"),
              cbigan_pixel_store_folder(), g_strerror(number));
  return FALSE;
}

static gboolean
make_file(CbiganPixelStore *self, GError **error)
{
  g_autofree char *path = g_build_filename(cbigan_pixel_store_folder(), "cbigan-pictures-XXXXXX", NULL);

  if (self->fd >= 0)
    return TRUE;
  self->fd = g_mkstemp_full(path, O_RDWR | O_CLOEXEC, 0600);
  if (self->fd < 0)
    return set_error(errno, error);
  unlink(path);
  return TRUE;
}

static int
write_all(int fd, const guint8 *data, gsize size, guint64 at)
{
  while (size) {
    ssize_t n = pwrite(fd, data, size, (off_t)at);

    if (n < 0 && errno != EINTR)
      return errno;
    if (n > 0) {
      data += n;
      size -= (gsize)n;
      at += (guint64)n;
    }
  }
  return 0;
}

gboolean
cbigan_pixel_store_take(CbiganPixelStore *self, CbiganPicture *picture, GError **error)
{
  gsize size = (gsize)picture->width * (gsize)picture->height * 3, page = (gsize)sysconf(_SC_PAGESIZE);
  gpointer mapping;
  int failure;

  if (!make_file(self, error))
    return FALSE;
  failure = write_all(self->fd, picture->pixels, size, self->size);
  if (failure)
    return set_error(failure, error);
  mapping = mmap(NULL, size, PROT_READ, MAP_SHARED, self->fd, (off_t)self->size);
  if (mapping == MAP_FAILED)
    return set_error(errno, error);
  self->size += (size + page - 1) / page * page;
  g_free(picture->pixels);
  picture->pixels = mapping;
  picture->mapped = size;
  return TRUE;
}

void
cbigan_pixel_store_clear(CbiganPixelStore *self)
{
  if (self->fd >= 0)
    close(self->fd);
  self->fd = -1;
}
