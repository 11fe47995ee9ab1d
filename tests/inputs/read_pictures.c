/* read_pictures.c - what the program makes of files, at their own size: for test_pictures.py
 * a line for each: JSON, a tab, and what was wrong
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * usage: read-pictures FILE…
 */
#include "data/dataset.h"
#include <gst/gst.h>
#include <stdio.h>

static gboolean
print_picture(CbiganPicture *picture, gpointer data, GError **error)
{
  gsize size = (gsize)picture->width * (gsize)picture->height * 3;
  guint *n = data;

  printf("%s{\"width\": %d, \"height\": %d, \"rgb\": \"", (*n)++ ? ", " : "", picture->width, picture->height);
  for (gsize i = 0; i < size; i++)
    printf("%02x", picture->pixels[i]);
  printf("\"}");
  cbigan_picture_free(picture);
  return TRUE;
}

int
main(int argc, char **argv)
{
  gst_init(NULL, NULL);
  for (int i = 1; i < argc; i++) {
    CbiganDatasetOptions options = { .path = argv[i] };
    g_autoptr(GError) error = NULL;
    guint n = 0;

    printf("{\"pictures\": [");
    cbigan_dataset_foreach(&options, print_picture, &n, &error);
    printf("]}\t%s\n", error ? g_strdelimit(error->message, "\n\t", ' ') : "");
    fflush(stdout);
  }
  return 0;
}
