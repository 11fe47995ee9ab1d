/* picture.h - a picture, and what is asked of a source of pictures
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include "cutout.h"

G_BEGIN_DECLS

typedef struct {
  char *path;     /* file, or "frame 17" of a pipeline */
  char *label;    /* the first folder below the path: "good", "broken_small"; "" where there are no folders */
  guint8 *pixels; /* (height, width, 3) RGB, rows without padding */
  gsize mapped;   /* bytes of a mapping that holds the pixels; 0: they lie in memory of their own */
  int width, height;
  guint8 *original; /* the same at its own size, (original_height, original_width, 3); NULL unless asked for */
  int original_width, original_height;
} CbiganPicture;

void cbigan_picture_free(CbiganPicture *picture);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CbiganPicture, cbigan_picture_free)
/* Takes the picture; FALSE with an error ends the reading. */
typedef gboolean (*CbiganPictureFunc)(CbiganPicture *picture, gpointer data, GError **error);

/* One part of several, which together are all files. */
typedef struct {
  guint index, of; /* 1 to `of` */
  guint seen;      /* files so far, of all parts; 0 at the begin */
} CbiganShard;

typedef struct {
  const char *path;           /* file, or folder that is searched as folder.h says; or */
  const char *pipeline;       /* launch description that ends in raw video */
  gboolean training;          /* leave folders of tests and defects out */
  int width, height;          /* resized to this; 0 x 0: as they are */
  const CbiganCutout *cutout; /* resized so that such a part gets the size above; NULL: the whole picture does */
  int least;                  /* a picture with a side of fewer pixels is refused, as a damaged one is; 0: none is */
  const CbiganMask *mask;     /* ignored pixels are filled, see score/areas/areas.h; NULL: none are */
  gboolean originals;         /* fill CbiganPicture.original too */
  gboolean strict;            /* an unreadable picture is an error instead of a warning */
  CbiganShard *shard;         /* files of other parts are left out; NULL: none are */
  guint limit;                /* at most so many pictures; 0 = all */
  guint64 memory;             /* bytes of pixels that cbigan_dataset_load() keeps in memory; 0: half of what is free */
  void (*progress)(guint done, guint all, gpointer data); /* may be NULL */
  void (*warning)(const char *message, gpointer data);    /* names the file that was skipped; may be NULL */
  void (*note)(const char *message, gpointer data);       /* what was read from where; may be NULL */
  gpointer data;
} CbiganDatasetOptions;

static inline CbiganFrame
cbigan_picture_frame(const CbiganPicture *picture)
{
  CbiganFrame frame = { picture->pixels, picture->width, picture->height, (gsize)picture->width * 3 };
  return frame;
}

G_END_DECLS
