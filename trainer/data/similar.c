/* similar.c - whether good pictures differ as good products do
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Pictures are compared at some points of their own pixels, not as means over areas: those of a fine texture would be
 * alike where the textures are not. Differences are means of absolute ones, in levels of 255.
 */
#include "similar.h"
#include "i18n.h"
#include <math.h>
#include <string.h>

#define SIDE 32 /* points along a side */
#define POINTS (SIDE * SIDE)
#define NEIGHBOURS 64    /* pictures of about the same brightness that each is compared with */
#define PAIRS 400        /* from which the usual difference is found */
#define NEARLY (1.0 / 6) /* of the usual difference: then one is nearly a copy */
#define MOST_NEARLY 4.0  /* levels */
#define NOISE 1.0        /* levels: a camera's grain alone may differ by so much */
#define HARDLY 0.5       /* levels: the usual difference of pictures that don't differ */
#define NO_CONTRAST 2.0  /* levels: standard deviation within a picture that shows nothing */

typedef struct {
  const CbiganPicture *picture;
  guint8 points[POINTS];
  double mean, contrast;
  gboolean copy, nearly; /* of a picture before it */
} Sketch;

static void
draw(Sketch *sketch, const CbiganPicture *picture)
{
  double sum = 0, squares = 0;

  sketch->picture = picture;
  for (int i = 0; i < POINTS; i++) {
    gsize x = (gsize)((2 * (i % SIDE) + 1) * (gint64)picture->width / (2 * SIDE));
    gsize y = (gsize)((2 * (i / SIDE) + 1) * (gint64)picture->height / (2 * SIDE));
    const guint8 *rgb = picture->pixels + 3 * (y * (gsize)picture->width + x);
    int level = (rgb[0] + rgb[1] + rgb[2]) / 3;

    sketch->points[i] = (guint8)level;
    sum += level;
    squares += (double)level * level;
  }
  sketch->mean = sum / POINTS;
  sketch->contrast = sqrt(fmax(0, squares / POINTS - sketch->mean * sketch->mean));
}

static double
difference(const Sketch *a, const Sketch *b)
{
  int sum = 0;

  for (int i = 0; i < POINTS; i++)
    sum += ABS(a->points[i] - b->points[i]);
  return (double)sum / POINTS;
}

static gboolean
is_copy(const Sketch *a, const Sketch *b)
{
  const CbiganPicture *x = a->picture, *y = b->picture;

  return x->width == y->width && x->height == y->height &&
         memcmp(x->pixels, y->pixels, (gsize)x->width * (gsize)x->height * 3) == 0;
}

static int
compare_doubles(gconstpointer a, gconstpointer b)
{
  double x = *(const double *)a, y = *(const double *)b;

  return (x > y) - (x < y);
}

static int
compare_means(gconstpointer a, gconstpointer b)
{
  return compare_doubles(&((const Sketch *)a)->mean, &((const Sketch *)b)->mean);
}

/* The median over pairs of pictures that lie far apart in the list. */
static double
usual_difference(const Sketch *sketches, guint n)
{
  double differences[PAIRS];
  guint pairs = MIN(n, PAIRS);

  for (guint i = 0; i < pairs; i++) {
    guint a = (guint)((guint64)i * n / pairs);

    differences[i] = difference(&sketches[a], &sketches[(a + MAX(1, n / 2)) % n]);
  }
  qsort(differences, pairs, sizeof *differences, compare_doubles);
  return differences[pairs / 2];
}

typedef struct {
  guint copies, nearly, empty;
  const Sketch *first_copy[2], *first_nearly[2];
  double nearest;
} Findings;

/* sketches: sorted by brightness. */
static void
find_copies(Sketch *sketches, guint n, double limit, Findings *f)
{
  for (guint i = 0; i < n; i++) {
    f->empty += sketches[i].contrast < NO_CONTRAST;
    for (guint k = i + 1; k < MIN(n, i + 1 + NEIGHBOURS) && sketches[k].mean - sketches[i].mean <= limit; k++) {
      double apart = difference(&sketches[i], &sketches[k]);

      if (!sketches[k].copy && apart == 0 && is_copy(&sketches[i], &sketches[k])) {
        if (!f->copies++) {
          f->first_copy[0] = &sketches[i];
          f->first_copy[1] = &sketches[k];
        }
        sketches[k].copy = TRUE;
      } else if (!sketches[k].copy && !sketches[k].nearly && apart < limit) {
        if (!f->nearly++) {
          f->first_nearly[0] = &sketches[i];
          f->first_nearly[1] = &sketches[k];
          f->nearest = apart;
        }
        sketches[k].nearly = TRUE;
      }
    }
  }
}

/* Copies follow each other in the order of brightness, but more of them than are compared may lie between. */
static char *
describe(const Findings *f, guint n, double usual)
{
  g_autoptr(GString) text = g_string_new(NULL);

  if (f->copies)
    g_string_append_printf(text,
                           n_("%u of %u pictures is a copy of another (%s is %s). ",
                              "%u of %u pictures are copies of others (%s is %s). ", f->copies),
                           f->copies, n, f->first_copy[1]->picture->path, f->first_copy[0]->picture->path);
  if (f->nearly)
    g_string_append_printf(text,
                           n_("%u of %u pictures is nearly a copy of another (%s and %s differ by %.2g of 255 levels, "
                              "pictures usually by %.2g). ",
                              "%u of %u pictures are nearly copies of others (%s and %s differ by %.2g of 255 levels, "
                              "pictures usually by %.2g). ",
                              f->nearly),
                           f->nearly, n, f->first_nearly[1]->picture->path, f->first_nearly[0]->picture->path,
                           f->nearest, usual);
  if (f->copies || f->nearly)
    g_string_append(text, _("Copies on both sides, trained on and kept for the threshold, make it too low. "));
  if (usual < HARDLY)
    g_string_append_printf(
        text, _("The pictures hardly differ, by %.2g of 255 levels: a covered lens, or one picture? "), usual);
  if (f->empty * 2 > n)
    g_string_append_printf(text,
                           n_("%u of %u pictures shows nothing: it has no contrast. ",
                              "%u of %u pictures show nothing: they have no contrast. ", f->empty),
                           f->empty, n);
  if (!text->len)
    return NULL;
  g_string_truncate(text, text->len - 1);
  return g_strdup(text->str);
}

gboolean
cbigan_similar_check(const CbiganDataset *dataset, guint least, char **warning, GError **error)
{
  guint n = dataset->pictures->len;
  g_autofree Sketch *sketches = g_new0(Sketch, MAX(1, n));
  Findings findings = { 0 };
  double usual;

  *warning = NULL;
  if (n < least || n < 2)
    return TRUE; /* who counts them says so */
  for (guint i = 0; i < n; i++)
    draw(&sketches[i], cbigan_dataset_get(dataset, i));
  usual = usual_difference(sketches, n);
  qsort(sketches, n, sizeof *sketches, compare_means);
  find_copies(sketches, n, fmin(usual * NEARLY, MOST_NEARLY), &findings);
  if (n - findings.copies >= least) {
    *warning = describe(&findings, n, usual);
    return TRUE;
  }
  g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_ARGUMENT,
              n_("%u of %u good pictures is a copy of another (%s is %s), and no threshold can come of the rest; "
                 "expected at least %u that differ",
                 "%u of %u good pictures are copies of others (%s is %s), and no threshold can come of the rest; "
                 "expected at least %u that differ",
                 findings.copies),
              findings.copies, n, findings.first_copy[1]->picture->path, findings.first_copy[0]->picture->path, least);
  return FALSE;
}

struct _CbiganKept {
  double limit;
  GArray *sketches; /* of Sketch, without their pictures */
};

CbiganKept *
cbigan_kept_new(double limit)
{
  CbiganKept *self = g_new0(CbiganKept, 1);

  self->limit = limit;
  self->sketches = g_array_new(FALSE, FALSE, sizeof(Sketch));
  return self;
}

void
cbigan_kept_free(CbiganKept *self)
{
  if (!self)
    return;
  g_array_unref(self->sketches);
  g_free(self);
}

gboolean
cbigan_kept_add(CbiganKept *self, const CbiganPicture *picture)
{
  const Sketch *kept = (const Sketch *)(gpointer)self->sketches->data;
  const guint n = self->sketches->len;
  double limit = self->limit;
  Sketch sketch = { 0 };

  draw(&sketch, picture);
  sketch.picture = NULL;
  if (isnan(limit))
    limit = n < 2 ? NOISE : fmax(fmin(usual_difference(kept, n) * NEARLY, MOST_NEARLY), NOISE);
  for (guint i = 0; i < n; i++) {
    const double apart = fabs(kept[i].mean - sketch.mean) > limit ? limit : difference(&kept[i], &sketch);

    if (apart < limit || (apart == 0 && kept[i].mean == sketch.mean && difference(&kept[i], &sketch) == 0))
      return FALSE;
  }
  g_array_append_val(self->sketches, sketch);
  return TRUE;
}
