/* roi.c - the areas of a frame that count, read from text
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "roi.h"

#include <math.h>
#include <string.h>

#include "i18n.h"
#include "model/error.h"

#define ROUNDING 1e-9 /* by which a sum of fractions may exceed 1 */

void
cbigan_roi_clear(CbiganRoi *self)
{
  g_clear_pointer(&self->points, g_free);
  self->n = 0;
}

/* Where something lies along an axis, or how long it is, in the unit in which it was written. */
typedef struct {
  double value;
  int pixels; /* of the axis where the value is in pixels; 0: the value is a fraction of the axis */
} Length;

static double
fraction_of(Length length)
{
  return length.pixels ? length.value / length.pixels : length.value;
}

/* In pixels where one of both is. */
static Length
sum_of(Length a, Length b)
{
  const int pixels = MAX(a.pixels, b.pixels);
  return pixels ? (Length){ (fraction_of(a) + fraction_of(b)) * pixels, pixels } : (Length){ a.value + b.value, 0 };
}

/* (transfer full) as it was written */
static char *
text_of(Length length)
{
  return g_strdup_printf("%g%s", length.value, length.pixels ? "px" : "");
}

/* pixels: of the axis; 0 = unknown */
static gboolean
parse_length(const char *text, int pixels, Length *length, GError **error)
{
  char *end = NULL;
  const double value = g_ascii_strtod(text, &end);
  const gboolean in_pixels = g_str_equal(end, "px");
  if (end == text || !isfinite(value) || (*end && !in_pixels))
    return cbigan_refuse(error, _("roi: “%s”; expected a number, in fractions of the picture or like “120px”"), text);
  if (in_pixels && !pixels)
    return cbigan_refuse(error, _("roi: “%s”; expected fractions, as the size of the picture is not known here"), text);
  *length = (Length){ value, in_pixels ? pixels : 0 };
  return TRUE;
}

/* "x,y" or "x,y,w,h" -> lengths (2 or 4); their number, or 0 with an error. */
static guint
parse_lengths(const char *text, int width, int height, Length lengths[4], GError **error)
{
  g_auto(GStrv) parts = g_strsplit(text, ",", -1);
  const guint n = g_strv_length(parts);
  if (n != 2 && n != 4) {
    cbigan_refuse(error, _("roi: “%s”; expected a rectangle “x,y,width,height”, or corners “x,y x,y x,y”"), text);
    return 0;
  }
  for (guint i = 0; i < n; i++)
    if (!parse_length(g_strstrip(parts[i]), i % 2 ? height : width, &lengths[i], error))
      return 0;
  return n;
}

static gboolean
check_inside(const CbiganRoi *self, const char *axis, Length place, GError **error)
{
  const double fraction = fraction_of(place);
  if (fraction >= -ROUNDING && fraction <= 1 + ROUNDING)
    return TRUE;
  if (place.pixels)
    return cbigan_refuse(error, _("roi “%s”: reaches %s = %gpx; expected 0px to %dpx"), self->name, axis, place.value,
                         place.pixels);
  return cbigan_refuse(error,
                       _("roi “%s”: reaches %s = %g; expected 0 to 1, as a fraction of the picture, or pixels like "
                         "“120px”"),
                       self->name, axis, place.value);
}

static gboolean
make_rectangle(CbiganRoi *self, const Length r[4], GError **error)
{
  const Length right = sum_of(r[0], r[2]), bottom = sum_of(r[1], r[3]);
  const double x[] = { fraction_of(r[0]), fraction_of(right) }, y[] = { fraction_of(r[1]), fraction_of(bottom) };
  if (!(r[2].value > 0 && r[3].value > 0)) {
    g_autofree char *w = text_of(r[2]), *h = text_of(r[3]);
    return cbigan_refuse(error, _("roi “%s”: %s x %s; expected width and height above 0"), self->name, w, h);
  }
  self->n = 4;
  self->points = g_memdup2((double[]){ x[0], y[0], x[1], y[0], x[1], y[1], x[0], y[1] }, 8 * sizeof(double));
  return check_inside(self, "x", r[0], error) && check_inside(self, "y", r[1], error) &&
         check_inside(self, "x", right, error) && check_inside(self, "y", bottom, error);
}

static gboolean
make_polygon(CbiganRoi *self, char **corners, int width, int height, GError **error)
{
  g_autoptr(GArray) points = g_array_new(FALSE, FALSE, sizeof(double));
  Length lengths[4];
  for (; *corners; corners++) {
    if (!**corners)
      continue;
    const guint n = parse_lengths(*corners, width, height, lengths, error);
    if (!n)
      return FALSE;
    if (n == 4)
      return cbigan_refuse(error, _("roi “%s”: “%s” among the corners; expected “x,y”"), self->name, *corners);
    if (!check_inside(self, "x", lengths[0], error) || !check_inside(self, "y", lengths[1], error))
      return FALSE;
    g_array_append_vals(points, ((double[]){ fraction_of(lengths[0]), fraction_of(lengths[1]) }), 2);
  }
  self->n = points->len / 2;
  if (self->n < 3)
    return cbigan_refuse(error,
                         n_("roi “%s”: %u corner; expected a rectangle “x,y,width,height” or at least 3 corners",
                            "roi “%s”: %u corners; expected a rectangle “x,y,width,height” or at least 3 corners",
                            self->n),
                         self->name, self->n);
  self->points = (double *)(gpointer)g_array_free(g_steal_pointer(&points), FALSE);
  return TRUE;
}

/* Cuts “@threshold” off the text. */
static gboolean
take_threshold(CbiganRoi *self, char *text, GError **error)
{
  char *at = strrchr(text, '@'), *end = NULL;
  self->threshold = NAN;
  if (!at)
    return TRUE;
  *at = '\0';
  g_strstrip(at + 1);
  self->threshold = g_ascii_strtod(at + 1, &end);
  return (end != at + 1 && !*end && isfinite(self->threshold) && self->threshold >= 0) ||
         cbigan_refuse(error, _("roi: threshold “%s”; expected a number of at least 0"), at + 1);
}

static gboolean
parse_area(CbiganRoi *self, char *text, guint number, int width, int height, GError **error)
{
  char *shape = strchr(text, '=');
  Length lengths[4];
  if (shape)
    *shape++ = '\0';
  else
    shape = text;
  if (!take_threshold(self, shape, error))
    return FALSE;
  g_strstrip(shape);
  if (shape != text && *g_strstrip(text)) {
    if (!g_utf8_validate(text, -1, NULL) || strlen(text) >= sizeof self->name)
      return cbigan_refuse(error, _("roi: name “%s”; expected at most %zu bytes of UTF-8"), text,
                           sizeof self->name - 1);
    g_strlcpy(self->name, text, sizeof self->name);
  } else {
    g_snprintf(self->name, sizeof self->name, "%u", number);
  }
  g_auto(GStrv) corners = g_strsplit_set(shape, " \t\n", -1);
  if (g_strv_length(corners) == 1) {
    const guint n = parse_lengths(shape, width, height, lengths, error);
    if (!n)
      return FALSE;
    if (n == 4)
      return make_rectangle(self, lengths, error);
  }
  return make_polygon(self, corners, width, height, error);
}

GArray *
cbigan_roi_parse(const char *text, int width, int height, GError **error)
{
  g_autoptr(GArray) areas = g_array_new(FALSE, TRUE, sizeof(CbiganRoi));
  g_array_set_clear_func(areas, (GDestroyNotify)cbigan_roi_clear);
  g_auto(GStrv) parts = g_strsplit(text, ";", -1);
  for (guint i = 0; parts[i]; i++) {
    if (!*g_strstrip(parts[i]))
      continue;
    if (areas->len == CBIGAN_MAX_AREAS) {
      cbigan_refuse(error, _("roi: more than %d areas; expected at most that many"), CBIGAN_MAX_AREAS);
      return NULL;
    }
    g_array_set_size(areas, areas->len + 1);
    CbiganRoi *area = &g_array_index(areas, CbiganRoi, areas->len - 1);
    if (!parse_area(area, parts[i], areas->len, width, height, error))
      return NULL;
    for (guint k = 0; k + 1 < areas->len; k++)
      if (!strcmp(area->name, g_array_index(areas, CbiganRoi, k).name)) {
        cbigan_refuse(error, _("roi: two areas are called “%s”; expected different names"), area->name);
        return NULL;
      }
  }
  if (!areas->len) {
    cbigan_refuse(error, _("roi: “%s”; expected at least one area “x,y,width,height”"), text);
    return NULL;
  }
  return g_steal_pointer(&areas);
}

/* Even-odd rule: a point is inside if a ray to its left crosses an odd number of edges. */
static gboolean
contains(const CbiganRoi *self, double x, double y)
{
  gboolean inside = FALSE;
  for (guint i = 0, before = self->n - 1; i < self->n; before = i++) {
    const double *a = self->points + 2 * before, *b = self->points + 2 * i;
    if ((a[1] > y) != (b[1] > y) && x > a[0] + (y - a[1]) / (b[1] - a[1]) * (b[0] - a[0]))
      inside = !inside;
  }
  return inside;
}

void
cbigan_roi_draw(const CbiganRoi *self, int w, int h, guint8 *counts)
{
  for (int y = 0; y < h; y++)
    for (int x = 0; x < w; x++)
      if (contains(self, (x + 0.5) / w, (y + 0.5) / h))
        counts[(gsize)y * (gsize)w + (gsize)x] = 1;
}
