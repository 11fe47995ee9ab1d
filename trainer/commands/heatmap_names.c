/* heatmap_names.c - a file name of its own for each picture's heat map
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "heatmap_names.h"
#include "data/picture_reader.h"
#include <string.h>

/* Bytes of a name: file systems take 255, and a temporary file gets a longer one. */
#define LONGEST 200

struct _CbiganHeatmapNames {
  char *folder;
  GHashTable *given; /* names without ".png" */
};

CbiganHeatmapNames *
cbigan_heatmap_names_new(const char *folder)
{
  CbiganHeatmapNames *self = g_new0(CbiganHeatmapNames, 1);

  self->folder = g_strdup(folder);
  self->given = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  return self;
}

void
cbigan_heatmap_names_free(CbiganHeatmapNames *self)
{
  if (!self)
    return;
  g_hash_table_unref(self->given);
  g_free(self->folder);
  g_free(self);
}

/* The end of a long name, behind a number that tells it from others with the same end (transfer full). */
static char *
shorten(const char *name)
{
  g_autofree char *digest = NULL;
  const char *end = name + strlen(name) - MIN(strlen(name), LONGEST - 9);

  if (strlen(name) <= LONGEST)
    return g_strdup(name);
  digest = g_compute_checksum_for_string(G_CHECKSUM_SHA256, name, -1);
  while ((*end & 0xc0) == 0x80) /* within a letter of UTF-8 */
    end++;
  return g_strdup_printf("%.8s-%s", digest, end);
}

/* Takes the name, unless it was given already or lies over a file that is no heat map. */
static gboolean
take(CbiganHeatmapNames *self, const char *name, char **path)
{
  g_autofree char *file = g_strconcat(name, ".png", NULL);

  if (g_hash_table_contains(self->given, name))
    return FALSE;
  *path = g_build_filename(self->folder, file, NULL);
  if (!g_file_test(*path, G_FILE_TEST_EXISTS) || cbigan_file_kind(*path) == CBIGAN_FILE_HEATMAP) {
    g_hash_table_add(self->given, g_strdup(name));
    return TRUE;
  }
  g_clear_pointer(path, g_free);
  return FALSE;
}

char *
cbigan_heatmap_names_choose(CbiganHeatmapNames *self, const char *picture)
{
  g_autofree char *flat = g_strdelimit(g_strdup(picture + strspn(picture, "./")), "/", '_');
  g_autofree char *whole = shorten(flat);
  const char *slash = strrchr(picture, '/');
  char *dot = strrchr(flat, '.'), *path = NULL;
  gsize name = strlen(slash ? slash + 1 : picture); /* bytes of the picture's own name */
  g_autofree char *stem = NULL;

  /* The extension goes; "a.mkv, frame 2" keeps its number. */
  if (dot && dot > flat && strlen(dot) < name && !strchr(dot, ' '))
    *dot = '\0';
  stem = shorten(flat);
  if (take(self, stem, &path) || take(self, whole, &path))
    return path;
  for (guint n = 2;; n++) {
    g_autofree char *numbered = g_strdup_printf("%s-%u", stem, n);

    if (take(self, numbered, &path))
      return path;
  }
}
