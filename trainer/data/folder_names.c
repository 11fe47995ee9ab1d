/* folder_names.c - what the names of folders say, and where public data sets keep their pictures
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * To know another name, add it to a list.
 */
#include "cbigan.h"
#include "folder.h"
#include "i18n.h"
#include <string.h>

static const char *const good_names[] = { "good",  "goods",      "ok",       "okay",      "normal",       "normals",
                                          "clean", "defectfree", "nodefect", "nodefects", "nondefective", NULL };
static const char *const test_names[] = { "test", "tests", "testing", "testset", "testdata", NULL };
static const char *const train_names[] = { "train", "training", "trainset", "traindata", NULL };
static const char *const mask_names[] = { "groundtruth", "groundtruths", "gt", "gts", NULL };
/* Words of a folder's name. */
static const char *const defect_words[] = { "ko",    "ng",     "nok",     "nio",     "bad",      "hole",   "holes",
                                            "cut",   "cuts",   "bent",    "poke",    "squeeze",  "glue",   "misplaced",
                                            "tear",  "torn",   "burr",    "missing", "squeezed", "rough",  "notgood",
                                            "notok", "dent",   "dents",   "dented",  "stain",    "stains", "stained",
                                            "crack", "cracks", "cracked", NULL };
/* Beginnings of words. */
static const char *const defect_stems[] = { "defect", "anomal", "abnorm",  "fault",    "fail", "reject",
                                            "broken", "damag",  "scratch", "contamin", NULL };

/* Lower case, without what separates words (transfer full). */
static char *
plain(const char *name)
{
  GString *text = g_string_new(NULL);

  for (; *name; name++)
    if (!strchr(" -_.", *name))
      g_string_append_c(text, g_ascii_tolower(*name));
  return g_string_free(text, FALSE);
}

static gboolean
is_one_of(const char *name, const char *const *names)
{
  g_autofree char *text = plain(name);

  return g_strv_contains(names, text);
}

gboolean
cbigan_folder_is_good(const char *name)
{
  return is_one_of(name, good_names);
}

gboolean
cbigan_folder_is_test(const char *name)
{
  return is_one_of(name, test_names);
}

static gboolean
is_train(const char *name)
{
  return is_one_of(name, train_names);
}

gboolean
cbigan_folder_is_masks(const char *name)
{
  g_autofree char *text = plain(name);

  return g_strv_contains(mask_names, text) || g_str_has_suffix(text, "mask") || g_str_has_suffix(text, "masks");
}

gboolean
cbigan_folder_is_defect(const char *name)
{
  g_autofree char *text = plain(name);
  g_autofree char *lower = g_ascii_strdown(name, -1);
  g_auto(GStrv) words = g_strsplit_set(lower, " -_.0123456789", -1);
  gboolean defect = g_strv_contains(defect_words, text);

  if (cbigan_folder_is_good(name))
    return FALSE;
  for (guint i = 0; words[i] && !defect; i++) {
    defect = *words[i] && g_strv_contains(defect_words, words[i]);
    for (guint k = 0; defect_stems[k] && !defect; k++)
      defect = g_str_has_prefix(words[i], defect_stems[k]);
  }
  return defect;
}

static gboolean
is_data(const char *name)
{
  return g_ascii_strcasecmp(name, "Data") == 0;
}

static gboolean
is_images(const char *name)
{
  return g_ascii_strcasecmp(name, "Images") == 0;
}

static gboolean
is_rejected(const char *name)
{
  return cbigan_folder_is_test(name) || cbigan_folder_is_defect(name);
}

/* The first folder in `dir` of such a name (transfer full), or NULL. dir may be NULL. */
static char *
child(const char *dir, gboolean (*fits)(const char *))
{
  g_autoptr(GDir) entries = dir ? g_dir_open(dir, 0, NULL) : NULL;
  g_autofree char *best = NULL;
  const char *name;

  while (entries && (name = g_dir_read_name(entries))) {
    g_autofree char *path = g_build_filename(dir, name, NULL);

    if (fits(name) && (!best || strcmp(name, best) < 0) && g_file_test(path, G_FILE_TEST_IS_DIR)) {
      g_free(best);
      best = g_strdup(name);
    }
  }
  return best ? g_build_filename(dir, best, NULL) : NULL;
}

/* Where VisA has its folders Normal and Anomaly: DIR/Data/Images, DIR/Images; or NULL (transfer full). */
static char *
visa_images(const char *dir)
{
  g_autofree char *data = child(dir, is_data);
  char *images = child(data, is_images);

  return images ? images : child(dir, is_images);
}

char *
cbigan_folder_for_training(const char *dir, GError **error)
{
  g_autofree char *train = child(dir, is_train);
  g_autofree char *images = visa_images(dir);
  g_autofree char *rejected = NULL;
  const char *const bases[] = { train, dir, images };

  for (guint i = 0; i < G_N_ELEMENTS(bases); i++) {
    char *good = child(bases[i], cbigan_folder_is_good);

    if (good)
      return good;
  }
  rejected = child(train ? train : dir, is_rejected);
  if (!rejected)
    return g_strdup(train ? train : dir);
  g_set_error(
      error, CBIGAN_ERROR, CBIGAN_ERROR_FILE,
      _("%s: no folder of good pictures (good, ok or normal), but %s, which must not be trained on; name the folder "
        "of good pictures itself"),
      train ? train : dir, rejected);
  return NULL;
}

char *
cbigan_folder_for_tests(const char *dir, GError **error)
{
  g_autofree char *train = child(dir, is_train);
  g_autofree char *images = visa_images(dir);
  g_autofree char *good = child(dir, cbigan_folder_is_good);
  char *test = child(dir, cbigan_folder_is_test);

  if (test)
    return test;
  if (!good && images)
    return g_steal_pointer(&images);
  if (good || !train)
    return g_strdup(dir);
  g_set_error(
      error, CBIGAN_ERROR, CBIGAN_ERROR_FILE,
      _("%s: a folder %s, but none called test; expected a folder test, or a folder good and one for each kind of "
        "defect"),
      dir, train);
  return NULL;
}
