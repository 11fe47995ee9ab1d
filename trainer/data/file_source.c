/* file_source.c - a source element for one file that tells whether it is reading
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * With filesrc a file that comes slowly over a network can't be told from a demuxer that has given up in silence.
 */
#include "file_source.h"
#include "cbigan.h"
#include "i18n.h"
#include <errno.h>
#include <fcntl.h>
#include <gst/base/gstbasesrc.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
  GstBaseSrc base;
  int fd;
  gsize size;
  gint reading; /* atomic, as the next one */
  guint reads;
} FileSource;

typedef GstBaseSrcClass FileSourceClass;

static GType file_source_get_type(void);
G_DEFINE_TYPE(FileSource, file_source, GST_TYPE_BASE_SRC)

static gboolean
get_size(GstBaseSrc *base, guint64 *size)
{
  *size = ((FileSource *)base)->size;
  return TRUE;
}

static gboolean
is_seekable(GstBaseSrc *base)
{
  return TRUE;
}

static GstFlowReturn
fill(GstBaseSrc *base, guint64 offset, guint size, GstBuffer *buffer)
{
  FileSource *self = (FileSource *)base;
  GstMapInfo map;
  gsize done = 0;
  ssize_t n = 1;

  if (!gst_buffer_map(buffer, &map, GST_MAP_WRITE))
    return GST_FLOW_ERROR;
  g_atomic_int_set(&self->reading, TRUE);
  while (done < size && n > 0) {
    n = pread(self->fd, map.data + done, size - done, (off_t)(offset + done));
    if (n < 0 && errno == EINTR)
      n = 1;
    else if (n > 0)
      done += (gsize)n;
  }
  g_atomic_int_set(&self->reading, FALSE);
  g_atomic_int_inc((gint *)&self->reads);
  gst_buffer_unmap(buffer, &map);
  if (n < 0) {
    GST_ELEMENT_ERROR(self, RESOURCE, READ, ("%s", g_strerror(errno)), (NULL));
    return GST_FLOW_ERROR;
  }
  gst_buffer_resize(buffer, 0, (gssize)done);
  return done ? GST_FLOW_OK : GST_FLOW_EOS;
}

static void
finalize(GObject *object)
{
  close(((FileSource *)object)->fd);
  G_OBJECT_CLASS(file_source_parent_class)->finalize(object);
}

static void
file_source_class_init(FileSourceClass *source_class)
{
  static GstStaticPadTemplate src = GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);

  gst_element_class_add_static_pad_template(GST_ELEMENT_CLASS(source_class), &src);
  gst_element_class_set_static_metadata(GST_ELEMENT_CLASS(source_class), "File source", "Source/File",
                                        "Reads an open file", "the cbigan developers");
  G_OBJECT_CLASS(source_class)->finalize = finalize;
  source_class->get_size = get_size;
  source_class->is_seekable = is_seekable;
  source_class->fill = fill;
}

static void
file_source_init(FileSource *self)
{
  self->fd = -1;
}

int
cbigan_file_open(const char *path, gsize *size, GError **error)
{
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  struct stat status;

  if (fd >= 0 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode)) {
    *size = (gsize)status.st_size;
    return fd;
  }
  g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_FILE, "%s", fd < 0 ? g_strerror(errno) : _("not a regular file"));
  if (fd >= 0)
    close(fd);
  return -1;
}

GstElement *
cbigan_file_source_new(int fd, gsize size)
{
  FileSource *self = g_object_new(file_source_get_type(), NULL);

  self->fd = fd;
  self->size = size;
  return GST_ELEMENT(self);
}

guint
cbigan_file_source_progress(GstElement *source, gboolean *reading)
{
  FileSource *self = (FileSource *)source;

  *reading = g_atomic_int_get(&self->reading);
  return (guint)g_atomic_int_get((gint *)&self->reads);
}
