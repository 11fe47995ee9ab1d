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

/* One length along an axis of `pixels` pixels -> fraction. */
static gboolean
parse_length(const char *text, int pixels, double *fraction, GError **error)
{
  char *end = NULL;
  const double value = g_ascii_strtod(text, &end);
  if (end == text || !isfinite(value))
    return cbigan_refuse(error, _("roi: “%s”; expected a number, in fractions of the picture or like “120px”"), text);
  *fraction = value;
  if (*end == '\0')
    return TRUE;
  if (strcmp(end, "px"))
    return cbigan_refuse(error, _("roi: “%s”; expected a number, in fractions of the picture or like “120px”"), text);
  if (!pixels)
    return cbigan_refuse(error, _("roi: “%s”; expected fractions, as the size of the picture is not known here"), text);
  *fraction = value / pixels;
  return TRUE;
}

/* "x,y" or "x,y,w,h" -> lengths (2 or 4); their number, or 0 with an error. */
static guint
parse_lengths(const char *text, int width, int height, double lengths[4], GError **error)
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
make_rectangle(CbiganRoi *self, const double r[4], GError **error)
{
  const double right = r[0] + r[2], bottom = r[1] + r[3];
  if (!(r[2] > 0 && r[3] > 0))
    return cbigan_refuse(error, _("roi “%s”: %g x %g of the picture's size; expected width and height above 0"),
                         self->name, r[2], r[3]);
  self->n = 4;
  self->points = g_memdup2((double[]){ r[0], r[1], right, r[1], right, bottom, r[0], bottom }, 8 * sizeof(double));
  return TRUE;
}

static gboolean
make_polygon(CbiganRoi *self, char **corners, int width, int height, GError **error)
{
  g_autoptr(GArray) points = g_array_new(FALSE, FALSE, sizeof(double));
  double lengths[4];
  for (; *corners; corners++) {
    if (!**corners)
      continue;
    const guint n = parse_lengths(*corners, width, height, lengths, error);
    if (!n)
      return FALSE;
    if (n == 4)
      return cbigan_refuse(error, _("roi “%s”: “%s” among the corners; expected “x,y”"), self->name, *corners);
    g_array_append_vals(points, lengths, 2);
  }
  if (points->len < 6)
    return cbigan_refuse(error,
                         _("roi “%s”: %u corners; expected a rectangle “x,y,width,height” or at least 3 corners"),
                         self->name, points->len / 2);
  self->n = points->len / 2;
  self->points = (double *)(gpointer)g_array_free(g_steal_pointer(&points), FALSE);
  return TRUE;
}

static gboolean
check_inside(const CbiganRoi *self, GError **error)
{
  for (guint i = 0; i < 2 * self->n; i++)
    if (!(self->points[i] >= -ROUNDING && self->points[i] <= 1 + ROUNDING))
      return cbigan_refuse(error,
                           _("roi “%s”: reaches %s %g of the picture's size; expected an area within the picture, "
                             "0 to 1 (pixels are written like “120px”)"),
                           self->name, i % 2 ? "y =" : "x =", self->points[i]);
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
  double lengths[4];
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
      return make_rectangle(self, lengths, error) && check_inside(self, error);
  }
  return make_polygon(self, corners, width, height, error) && check_inside(self, error);
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
