/* folder.c - the files below a folder, each once
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "folder.h"
#include "cbigan.h"
#include "i18n.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* One listing that is being made. */
typedef struct {
  CbiganListing *listing;
  const char *root;
  gboolean training;
  GHashTable *seen; /* "device:inode" of each file and folder */
  GQueue folders;   /* of char *: paths from the root, still to be read */
  GQueue links;     /* of char *: links found, to be followed when all that is no link has been seen */
} Walk;

static void
free_file(gpointer data)
{
  CbiganListedFile *file = data;

  g_free(file->path);
  g_free(file->label);
  g_free(file->folder);
  g_free(file);
}

void
cbigan_listing_free(CbiganListing *self)
{
  if (!self)
    return;
  g_ptr_array_unref(self->files);
  g_ptr_array_unref(self->problems);
  g_ptr_array_unref(self->excluded);
  g_ptr_array_unref(self->mask_folders);
  g_free(self);
}

/* Whether a file or folder is met for the first time. */
static gboolean
is_new(Walk *w, const struct stat *status)
{
  return g_hash_table_add(w->seen, g_strdup_printf("%" G_GUINT64_FORMAT ":%" G_GUINT64_FORMAT, (guint64)status->st_dev,
                                                   (guint64)status->st_ino));
}

static void
add_problem(Walk *w, const char *path, int number)
{
  g_ptr_array_add(w->listing->problems, g_strdup_printf("%s: %s", path, g_strerror(number)));
}

/* relative: from the root. */
static void
add_file(Walk *w, const char *relative)
{
  CbiganListedFile *file = g_new0(CbiganListedFile, 1);
  const char *first = strchr(relative, '/'), *last = strrchr(relative, '/');

  file->path = g_build_filename(w->root, relative, NULL);
  file->label = first ? g_strndup(relative, (gsize)(first - relative)) : g_strdup("");
  file->folder = last ? g_strndup(relative, (gsize)(last - relative)) : g_strdup("");
  g_ptr_array_add(w->listing->files, file);
}

/* "part_mask.png", "part_GT.bmp" or "part_label.png" beside a file "part.*" is its mask. */
static gboolean
is_mask_beside(const char *name, GHashTable *stems)
{
  static const char *const suffixes[] = { "_mask", "_gt", "_label", "-mask", "-gt" };
  const char *dot = strrchr(name, '.');
  g_autofree char *stem = dot ? g_strndup(name, (gsize)(dot - name)) : g_strdup(name);
  gsize length = strlen(stem);

  for (guint i = 0; i < G_N_ELEMENTS(suffixes); i++) {
    gsize suffix = strlen(suffixes[i]);

    if (length > suffix && g_ascii_strcasecmp(stem + length - suffix, suffixes[i]) == 0) {
      stem[length - suffix] = '\0';
      return g_hash_table_contains(stems, stem);
    }
  }
  return FALSE;
}

/* MVTec 3D has pictures in rgb, and beside it depth in xyz and masks in gt. */
static gboolean
is_beside_rgb(const char *name, GHashTable *names)
{
  return g_hash_table_contains(names, "rgb") && (g_str_equal(name, "xyz") || g_str_equal(name, "depth"));
}

/* A folder, unless its name says that it holds something else. */
static void
add_folder(Walk *w, const char *relative, const char *name, GHashTable *names)
{
  if (cbigan_folder_is_masks(name) || is_beside_rgb(name, names))
    g_ptr_array_add(w->listing->mask_folders, g_strdup(relative));
  else if (w->training && (cbigan_folder_is_test(name) || cbigan_folder_is_defect(name)))
    g_ptr_array_add(w->listing->excluded, g_strdup(relative));
  else
    g_queue_push_tail(&w->folders, g_strdup(relative));
}

/* names: of all entries of the folder, stems: the same without their extensions. */
static void
add_entry(Walk *w, const char *relative, const char *name, gboolean follow, GHashTable *names, GHashTable *stems)
{
  g_autofree char *path = g_build_filename(w->root, relative, NULL);
  struct stat status;

  if (lstat(path, &status) != 0) {
    add_problem(w, path, errno);
  } else if (S_ISLNK(status.st_mode) && !follow) {
    g_queue_push_tail(&w->links, g_strdup(relative));
  } else if (S_ISLNK(status.st_mode) && stat(path, &status) != 0) {
    add_problem(w, path, errno);
  } else if (!S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode)) {
    w->listing->special++;
  } else if (S_ISREG(status.st_mode) && is_mask_beside(name, stems)) {
    w->listing->masks++;
  } else if (!is_new(w, &status)) {
    w->listing->again++;
  } else if (S_ISREG(status.st_mode)) {
    add_file(w, relative);
  } else {
    add_folder(w, relative, name, names);
  }
}

static char *
join(const char *folder, const char *name)
{
  return *folder ? g_strconcat(folder, "/", name, NULL) : g_strdup(name);
}

static gboolean
read_folder(Walk *w, const char *relative, GError **error)
{
  g_autofree char *path = *relative ? g_build_filename(w->root, relative, NULL) : g_strdup(w->root);
  g_autoptr(GDir) dir = g_dir_open(path, 0, error);
  g_autoptr(GHashTable) names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr(GHashTable) stems = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  GList *sorted;
  const char *name;

  if (!dir)
    return FALSE;
  while ((name = g_dir_read_name(dir))) {
    const char *dot = strrchr(name, '.');

    if (name[0] == '.') {
      w->listing->hidden++;
      continue;
    }
    g_hash_table_add(names, g_strdup(name));
    g_hash_table_add(stems, dot ? g_strndup(name, (gsize)(dot - name)) : g_strdup(name));
  }
  sorted = g_list_sort(g_hash_table_get_keys(names), (GCompareFunc)strcmp);
  for (GList *l = sorted; l; l = l->next) {
    g_autofree char *entry = join(relative, l->data);

    add_entry(w, entry, l->data, FALSE, names, stems);
  }
  g_list_free(sorted);
  return TRUE;
}

/* Folders that can't be read are noted. */
static void
read_folders(Walk *w)
{
  char *folder;

  while ((folder = g_queue_pop_head(&w->folders))) {
    g_autoptr(GError) reason = NULL;

    if (!read_folder(w, folder, &reason))
      g_ptr_array_add(w->listing->problems, g_strdup(reason->message));
    g_free(folder);
  }
}

static gint
compare_names(gconstpointer a, gconstpointer b, gpointer data)
{
  return strcmp(a, b);
}

/* A link's name was looked at beside others when it was found; its target may be a folder. */
static void
follow_links(Walk *w)
{
  g_autoptr(GHashTable) none = g_hash_table_new(g_str_hash, g_str_equal);

  while (!g_queue_is_empty(&w->links)) {
    g_autofree char *relative = NULL;
    g_autofree char *name = NULL;

    g_queue_sort(&w->links, compare_names, NULL);
    relative = g_queue_pop_head(&w->links);
    name = g_path_get_basename(relative);
    add_entry(w, relative, name, TRUE, none, none);
    read_folders(w);
  }
}

/* A slash comes before all letters, so "a/x" before "a.png": by the names of folders and files, from the root on. */
static int
rank(char letter)
{
  return letter == '/' ? 1 : letter ? 1 + (guchar)letter : 0;
}

static int
compare_paths(gconstpointer a, gconstpointer b)
{
  const char *x = (*(CbiganListedFile *const *)a)->path, *y = (*(CbiganListedFile *const *)b)->path;

  while (*x && *x == *y)
    x++, y++;
  return rank(*x) - rank(*y);
}

/* A link to a folder that holds the root is a loop. */
static void
know_parents(Walk *w)
{
  g_autofree char *path = g_canonicalize_filename(w->root, NULL);
  char *real = realpath(path, NULL);
  struct stat status;

  for (char *slash = real; slash && (slash = strrchr(real, '/')) && slash > real;) {
    *slash = '\0';
    if (stat(real, &status) == 0)
      is_new(w, &status);
  }
  if (stat("/", &status) == 0)
    is_new(w, &status);
  free(real);
}

/* The root is a file. */
static gboolean
list_file(Walk *w, const struct stat *status, GError **error)
{
  CbiganListedFile *file;

  if (!S_ISREG(status->st_mode)) {
    g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_FILE, _("%s: a FIFO, device or socket; expected a file or a folder"),
                w->root);
    return FALSE;
  }
  file = g_new0(CbiganListedFile, 1);
  file->path = g_strdup(w->root);
  file->label = g_strdup("");
  file->folder = g_strdup("");
  g_ptr_array_add(w->listing->files, file);
  return TRUE;
}

CbiganListing *
cbigan_folder_list(const char *root, gboolean training, GError **error)
{
  g_autoptr(CbiganListing) listing = g_new0(CbiganListing, 1);
  g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr(GError) reason = NULL;
  Walk walk = { listing, root, training, seen, G_QUEUE_INIT, G_QUEUE_INIT };
  struct stat status;
  gboolean fine;

  listing->files = g_ptr_array_new_with_free_func(free_file);
  listing->problems = g_ptr_array_new_with_free_func(g_free);
  listing->excluded = g_ptr_array_new_with_free_func(g_free);
  listing->mask_folders = g_ptr_array_new_with_free_func(g_free);
  if (stat(root, &status) != 0) {
    g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_FILE, "%s: %s", root, g_strerror(errno));
    return NULL;
  }
  if (!S_ISDIR(status.st_mode))
    return list_file(&walk, &status, error) ? g_steal_pointer(&listing) : NULL;
  know_parents(&walk);
  is_new(&walk, &status);
  fine = read_folder(&walk, "", &reason);
  if (fine) {
    read_folders(&walk);
    follow_links(&walk);
    g_ptr_array_sort(listing->files, compare_paths);
    return g_steal_pointer(&listing);
  }
  g_set_error_literal(error, CBIGAN_ERROR, CBIGAN_ERROR_FILE, reason->message);
  return NULL;
}
