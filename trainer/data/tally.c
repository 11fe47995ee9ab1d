/* tally.c - how many pictures came from which folders, and what was left out
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tally.h"
#include "i18n.h"
#include <string.h>

#define MOST_NAMES 8 /* in a line */

/* Something of a name, and how often it occurred. */
typedef struct {
  char *name;
  guint n;
} Row;

struct _CbiganTally {
  GPtrArray *folders, *extensions; /* of Row */
  guint pictures, heatmaps, others;
};

static void
free_row(gpointer data)
{
  g_free(((Row *)data)->name);
  g_free(data);
}

CbiganTally *
cbigan_tally_new(void)
{
  CbiganTally *self = g_new0(CbiganTally, 1);

  self->folders = g_ptr_array_new_with_free_func(free_row);
  self->extensions = g_ptr_array_new_with_free_func(free_row);
  return self;
}

void
cbigan_tally_free(CbiganTally *self)
{
  if (!self)
    return;
  g_ptr_array_unref(self->folders);
  g_ptr_array_unref(self->extensions);
  g_free(self);
}

/* Names that follow each other are mostly the same, so the search begins with the last one. */
static void
count(GPtrArray *rows, const char *name)
{
  Row *row;

  for (guint i = rows->len; i--;) {
    row = g_ptr_array_index(rows, i);
    if (g_str_equal(row->name, name)) {
      row->n++;
      return;
    }
  }
  row = g_new(Row, 1);
  *row = (Row){ g_strdup(name), 1 };
  g_ptr_array_add(rows, row);
}

void
cbigan_tally_add_picture(CbiganTally *self, const char *folder)
{
  count(self->folders, folder);
  self->pictures++;
}

void
cbigan_tally_add_heatmap(CbiganTally *self)
{
  self->heatmaps++;
}

void
cbigan_tally_add_other(CbiganTally *self, const char *path)
{
  const char *dot = strrchr(path, '.');
  g_autofree char *extension =
      dot && !strchr(dot, '/') ? g_ascii_strdown(dot, -1) : g_strdup(_("without an extension"));

  count(self->extensions, extension);
  self->others++;
}

static int
compare_counts(gconstpointer a, gconstpointer b)
{
  const Row *x = *(Row *const *)a, *y = *(Row *const *)b;

  return x->n != y->n ? (x->n < y->n) - (x->n > y->n) : strcmp(x->name, y->name);
}

/* "good 8, hole 4". */
static void
list_rows(GString *text, const GPtrArray *rows)
{
  guint rest = 0;

  for (guint i = 0; i < rows->len; i++) {
    const Row *row = g_ptr_array_index(rows, i);

    if (i >= MOST_NAMES)
      rest += row->n;
    else
      g_string_append_printf(text, "%s%s %u", i ? ", " : "", *row->name ? row->name : ".", row->n);
  }
  if (rest)
    g_string_append_printf(text, _(", others %u"), rest);
}

static void
begin(GString *text, gboolean *first)
{
  g_string_append(text, *first ? _("; left out: ") : ", ");
  *first = FALSE;
}

static void
add_count(GString *text, gboolean *first, guint n, const char *what)
{
  if (!n)
    return;
  begin(text, first);
  g_string_append_printf(text, "%s %u", what, n);
}

static void
add_folders(GString *text, gboolean *first, const GPtrArray *names, const char *what)
{
  if (!names->len)
    return;
  begin(text, first);
  g_string_append(text, what);
  for (guint i = 0; i < MIN(names->len, MOST_NAMES); i++)
    g_string_append_printf(text, "%s %s", i ? "," : "", (const char *)g_ptr_array_index(names, i));
  if (names->len > MOST_NAMES)
    g_string_append_printf(text, _(" and %u more"), names->len - MOST_NAMES);
}

char *
cbigan_tally_describe(const CbiganTally *self, const char *root, const CbiganListing *listing)
{
  GString *text = g_string_new(NULL);
  gboolean first = TRUE;

  g_string_append_printf(text, _("pictures from %s: %u"), root, self->pictures);
  if (self->folders->len > 1 || (self->folders->len && *((Row *)g_ptr_array_index(self->folders, 0))->name)) {
    g_string_append(text, " (");
    list_rows(text, self->folders);
    g_string_append(text, ")");
  }
  add_folders(text, &first, listing->excluded, _("folders of tests and defects:"));
  add_folders(text, &first, listing->mask_folders, _("folders of masks or depth:"));
  add_count(text, &first, listing->masks, _("masks beside pictures"));
  add_count(text, &first, self->heatmaps, _("heat maps of cbigan score"));
  add_count(text, &first, self->others, _("files that are no pictures"));
  if (self->others) {
    g_string_append(text, " (");
    g_ptr_array_sort(self->extensions, compare_counts);
    list_rows(text, self->extensions);
    g_string_append(text, ")");
  }
  add_count(text, &first, listing->hidden, _("hidden files"));
  add_count(text, &first, listing->again, _("links to what is there already"));
  add_count(text, &first, listing->special, _("FIFOs, devices or sockets"));
  return g_string_free(text, FALSE);
}
