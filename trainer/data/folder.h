/* folder.h - which files of a folder are pictures of what: labels, masks, folders of defects
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Names are compared without case, spaces, hyphens and underscores: “Good”, “GOOD” and “good” are one.
 */
#pragma once
#include <glib.h>

G_BEGIN_DECLS

/* Names of folders. */
gboolean cbigan_folder_is_good(const char *name);   /* good, ok, normal, … */
gboolean cbigan_folder_is_defect(const char *name); /* ko, bad, scratch, … */
gboolean cbigan_folder_is_test(const char *name);   /* test, testing, … */
gboolean cbigan_folder_is_masks(const char *name);  /* ground_truth, masks, gt, … */

/* The good pictures of a data set in `dir` (transfer full): train/good, good, those of VisA, the folder train, or dir
 * itself. NULL with CBIGAN_ERROR_FILE where dir has folders of tests or defects, and none of good pictures. */
char *cbigan_folder_for_training(const char *dir, GError **error);
/* The folder with a folder of good and of defective pictures (transfer full): test, that of VisA, or dir itself. NULL
 * with CBIGAN_ERROR_FILE where dir has a folder train, and none called test. */
char *cbigan_folder_for_tests(const char *dir, GError **error);

typedef struct {
  char *path;
  char *label;  /* the first folder below the root; "" for files in the root itself */
  char *folder; /* path from the root to the file's folder; "" for the root */
} CbiganListedFile;

typedef struct {
  GPtrArray *files;                    /* of CbiganListedFile, sorted by name within each folder */
  GPtrArray *problems;                 /* of char *: "NAME: reason" for each folder or link that can't be read */
  GPtrArray *excluded;                 /* of char *: folders of tests and defects that were left out of a training */
  GPtrArray *mask_folders;             /* of char *: folders of masks that were left out */
  guint hidden, masks, again, special; /* files left out: names that begin with a dot, masks, links to files that are in
                                        * the list already, and FIFOs, devices, sockets */
} CbiganListing;

/* All regular files below `root`, each once, links followed. root may be a file. training: without folders of tests and
 * defects. NULL with CBIGAN_ERROR_FILE where root itself can't be read. */
CbiganListing *cbigan_folder_list(const char *root, gboolean training, GError **error);
void cbigan_listing_free(CbiganListing *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(CbiganListing, cbigan_listing_free)

G_END_DECLS
