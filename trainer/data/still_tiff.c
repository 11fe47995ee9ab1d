/* still_tiff.c - the directories of a TIFF file, and of the EXIF data in other files
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * libtiff reads what is asked of it here: it makes 8-bit RGB of whole numbers of up to 16 bits. Of other samples it
 * makes something wrong, or nothing, so they are refused.
 */
#include "i18n.h"
#include "still_scan.h"
#include <string.h>

#define MOST_PAGES 10000
#define MOST_STRIPS (1 << 22)

enum {
  SUBFILE = 254,
  WIDTH = 256,
  HEIGHT = 257,
  BITS = 258,
  PHOTOMETRIC = 262,
  STRIP_OFFSETS = 273,
  ORIENTATION = 274,
  STRIP_SIZES = 279,
  TILE_OFFSETS = 324,
  TILE_SIZES = 325,
  SAMPLE_FORMAT = 339,
  DNG_VERSION = 50706,
};

enum { REDUCED = 1, MASK = 4, PHOTOMETRIC_CFA = 32803, PHOTOMETRIC_RAW = 34892 };

typedef struct {
  CbiganStillBytes bytes;
  int word; /* bytes of a count or an offset: 4, in a BigTIFF 8 */
} Tiff;

/* A tag's values. */
typedef struct {
  guint64 count, at; /* at: where the first one lies */
  int size;          /* bytes of one */
} Values;

static gboolean
open_tiff(Tiff *tiff, const guint8 *data, gsize size, guint64 *first)
{
  guint64 version;

  *tiff = (Tiff){ { data, size, FALSE }, 4 };
  if (size < 8 || (memcmp(data, "II", 2) != 0 && memcmp(data, "MM", 2) != 0))
    return FALSE;
  tiff->bytes.big_endian = data[0] == 'M';
  if (!cbigan_still_number(&tiff->bytes, 2, 2, &version) || (version != 42 && version != 43))
    return FALSE;
  tiff->word = version == 43 ? 8 : 4;
  return cbigan_still_number(&tiff->bytes, (guint64)tiff->word, tiff->word, first);
}

/* Of the directory at `at`: how many entries, and where the first one and the offset of the next directory lie. */
static gboolean
read_directory(const Tiff *tiff, guint64 at, guint64 *entries, guint64 *first, guint64 *next)
{
  int count = tiff->word == 8 ? 8 : 2;
  guint64 size = tiff->word == 8 ? 20 : 12;

  if (!cbigan_still_number(&tiff->bytes, at, count, entries) || *entries > 65535)
    return FALSE;
  *first = at + (guint64)count;
  *next = *first + *entries * size;
  return cbigan_still_holds(&tiff->bytes, *first, *entries * size);
}

/* FALSE where the directory hasn't got the tag, or its values are not whole numbers within the file. */
static gboolean
find(const Tiff *tiff, guint64 directory, guint tag, Values *values)
{
  static const int sizes[] = { 0, 1, 0, 2, 4, 0, 1, 0, 2, 4, 0, 0, 0, 4, 0, 0, 8, 8, 8 }; /* by TIFF's types */
  guint64 entries, at, next, found, type;

  if (!read_directory(tiff, directory, &entries, &at, &next))
    return FALSE;
  for (; entries--; at += tiff->word == 8 ? 20 : 12) {
    if (!cbigan_still_number(&tiff->bytes, at, 2, &found) || found != tag)
      continue;
    if (!cbigan_still_number(&tiff->bytes, at + 2, 2, &type) || type >= G_N_ELEMENTS(sizes) || !sizes[type] ||
        !cbigan_still_number(&tiff->bytes, at + 4, tiff->word, &values->count) || values->count > MOST_STRIPS)
      return FALSE;
    values->size = sizes[type];
    values->at = at + 4 + (guint64)tiff->word;
    if (values->count * (guint64)values->size > (guint64)tiff->word &&
        !cbigan_still_number(&tiff->bytes, values->at, tiff->word, &values->at))
      return FALSE;
    return cbigan_still_holds(&tiff->bytes, values->at, values->count * (guint64)values->size);
  }
  return FALSE;
}

static guint64
value(const Tiff *tiff, const Values *values, guint64 i)
{
  guint64 number = 0;

  cbigan_still_number(&tiff->bytes, values->at + i * (guint64)values->size, values->size, &number);
  return number;
}

static guint64
first_value(const Tiff *tiff, guint64 directory, guint tag, guint64 otherwise)
{
  Values values;

  return find(tiff, directory, tag, &values) && values.count ? value(tiff, &values, 0) : otherwise;
}

/* All strips or tiles lie within the file. */
static gboolean
check_strips(const Tiff *tiff, guint64 directory, GError **error)
{
  Values offsets, sizes;
  gboolean tiles = find(tiff, directory, TILE_OFFSETS, &offsets);

  if (!tiles && !find(tiff, directory, STRIP_OFFSETS, &offsets))
    return cbigan_still_refuse(error, _("TIFF without pixels, or they are cut off"));
  if (!find(tiff, directory, tiles ? TILE_SIZES : STRIP_SIZES, &sizes) || sizes.count < offsets.count)
    return cbigan_still_refuse(error, _("TIFF whose strips have no size"));
  for (guint64 i = 0; i < offsets.count; i++) {
    guint64 at = value(tiff, &offsets, i), size = value(tiff, &sizes, i);

    if (!cbigan_still_holds(&tiff->bytes, at, size))
      return cbigan_still_cut(error, tiff->bytes.size, at + MIN(size, G_MAXINT64));
  }
  return TRUE;
}

static gboolean
check_page(const Tiff *tiff, guint64 directory, GError **error)
{
  static const char *const names[] = { N_("unknown"), N_("unsigned"), N_("signed"), N_("floating-point"),
                                       N_("unknown"), N_("complex"),  N_("complex") };
  guint64 bits = first_value(tiff, directory, BITS, 1), format = first_value(tiff, directory, SAMPLE_FORMAT, 1);
  guint64 photometric = first_value(tiff, directory, PHOTOMETRIC, 0);

  if (photometric == PHOTOMETRIC_CFA || photometric == PHOTOMETRIC_RAW ||
      first_value(tiff, directory, DNG_VERSION, G_MAXUINT64) != G_MAXUINT64)
    return cbigan_still_refuse(error, _("a camera's raw picture; expected one that is developed"));
  if (format != 1 && format != 4)
    return cbigan_still_refuse(error, _("TIFF of %s numbers of %d bits; expected unsigned ones of up to 16 bits"),
                               _(names[MIN(format, G_N_ELEMENTS(names) - 1)]), (int)MIN(bits, 1024));
  if (bits != 1 && bits != 2 && bits != 4 && bits != 8 && bits != 16)
    return cbigan_still_refuse(error, _("TIFF of %d bits per channel; expected 1, 2, 4, 8 or 16"),
                               (int)MIN(bits, 1024));
  return check_strips(tiff, directory, error);
}

/* libtiff turns 1 to 4 by itself, and takes 5 to 8 for those. What remains to be done is EXIF's 5 or 7. */
static int
remaining_orientation(guint64 orientation)
{
  return orientation == 5 || orientation == 7 ? 5 : orientation == 6 || orientation == 8 ? 7 : 1;
}

gboolean
cbigan_still_scan_tiff(const CbiganStillBytes *b, CbiganStill *still, GError **error)
{
  g_autoptr(GArray) pages = g_array_new(FALSE, FALSE, sizeof(guint64));
  g_autoptr(GHashTable) seen = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
  guint64 directory = 0, entries, first, next;
  Tiff tiff;

  if (!open_tiff(&tiff, b->data, b->size, &directory))
    return cbigan_still_refuse(error, _("a damaged header of a TIFF"));
  while (directory && g_hash_table_size(seen) < MOST_PAGES && !g_hash_table_contains(seen, &directory)) {
    if (!read_directory(&tiff, directory, &entries, &first, &next))
      return cbigan_still_cut(error, b->size, directory + 2);
    g_hash_table_add(seen, g_memdup2(&directory, sizeof directory));
    if (!(first_value(&tiff, directory, SUBFILE, 0) & (REDUCED | MASK))) {
      if (!check_page(&tiff, directory, error))
        return FALSE;
      g_array_append_val(pages, directory);
      still->width = MAX(still->width, first_value(&tiff, directory, WIDTH, 0));
      still->height = MAX(still->height, first_value(&tiff, directory, HEIGHT, 0));
    }
    if (!cbigan_still_number(&tiff.bytes, next, tiff.word, &directory))
      return cbigan_still_cut(error, b->size, next + (guint64)tiff.word);
  }
  if (!pages->len)
    return cbigan_still_refuse(error, _("TIFF without a picture of full size; a camera's raw picture?"));
  still->orientation = remaining_orientation(first_value(&tiff, g_array_index(pages, guint64, 0), ORIENTATION, 1));
  still->pictures = pages->len;
  still->pages = g_memdup2(pages->data, pages->len * sizeof(guint64));
  return TRUE;
}

void
cbigan_still_choose_page(guint8 *data, const CbiganStill *still, guint page)
{
  gboolean big_endian = data[0] == 'M';
  int word = data[big_endian ? 3 : 2] == 43 ? 8 : 4;

  g_return_if_fail(still->pages && page < still->pictures);
  for (int i = 0; i < word; i++)
    data[word + (big_endian ? word - 1 - i : i)] = (guint8)(still->pages[page] >> 8 * i);
}

int
cbigan_still_exif_orientation(const guint8 *data, gsize size)
{
  guint64 directory, orientation = 1;
  Tiff tiff;

  if (open_tiff(&tiff, data, size, &directory))
    orientation = first_value(&tiff, directory, ORIENTATION, 1);
  return orientation >= 1 && orientation <= 8 ? (int)orientation : 1;
}
