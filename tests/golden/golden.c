/* golden.c - reads golden files and repeats the weights behind them
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "golden.h"

#include <json-glib/json-glib.h>
#include <math.h>
#include <string.h>

struct _Golden {
  char *path, *contents;
  gsize length;
  JsonParser *parser;
  const char *data;  /* behind the header */
  GPtrArray *floats; /* aligned copies: in the file they start anywhere */
};

Golden *
golden_open(const char *name)
{
  g_autoptr(GError) error = NULL;
  Golden *golden = g_new0(Golden, 1);
  golden->path = g_build_filename(GOLDEN_DIR, name, NULL);
  if (!g_file_get_contents(golden->path, &golden->contents, &golden->length, &error))
    g_error("%s", error->message);
  guint64 header;
  memcpy(&header, golden->contents, sizeof header);
  header = GUINT64_FROM_LE(header);
  golden->data = golden->contents + sizeof header + header;
  golden->floats = g_ptr_array_new_with_free_func(g_free);
  golden->parser = json_parser_new();
  if (!json_parser_load_from_data(golden->parser, golden->contents + sizeof header, (gssize)header, &error))
    g_error("%s: %s", golden->path, error->message);
  return golden;
}

void
golden_free(Golden *golden)
{
  if (!golden)
    return;
  g_ptr_array_unref(golden->floats);
  g_object_unref(golden->parser);
  g_free(golden->contents);
  g_free(golden->path);
  g_free(golden);
}

static const void *
find(Golden *golden, const char *name, const char *dtype, gsize *size, int dims[4])
{
  JsonObject *root = json_node_get_object(json_parser_get_root(golden->parser));
  if (!json_object_has_member(root, name))
    g_error("%s: no tensor \"%s\"", golden->path, name);
  JsonObject *entry = json_object_get_object_member(root, name);
  g_assert_cmpstr(json_object_get_string_member(entry, "dtype"), ==, dtype);
  JsonArray *shape = json_object_get_array_member(entry, "shape");
  JsonArray *offsets = json_object_get_array_member(entry, "data_offsets");
  g_assert_cmpuint(json_array_get_length(shape), <=, 4);
  gsize n = 1;
  for (guint i = 0; i < 4; i++) {
    int side = i < json_array_get_length(shape) ? (int)json_array_get_int_element(shape, i) : 1;
    n *= (gsize)side;
    if (dims)
      dims[i] = side;
  }
  if (size)
    *size = n;
  const char *begin = golden->data + json_array_get_int_element(offsets, 0);
  g_assert_true(begin + n * (dtype[0] == 'F' ? sizeof(float) : 1) <= golden->contents + golden->length);
  return begin;
}

const float *
golden_floats(Golden *golden, const char *name, gsize *size, int dims[4])
{
  gsize n;
  const void *data = find(golden, name, "F32", &n, dims);
  float *copy = g_memdup2(data, n * sizeof *copy);
  g_ptr_array_add(golden->floats, copy);
  if (size)
    *size = n;
  return copy;
}

const guint8 *
golden_bytes(Golden *golden, const char *name, gsize *size, int dims[4])
{
  return find(golden, name, "U8", size, dims);
}

/* networks.py's uniforms() */
static void
uniforms(const char *name, gsize n, double *u)
{
  guint64 hash = 0xcbf29ce484222325u; /* FNV-1a */
  for (; *name; name++)
    hash = (hash ^ (guint8)*name) * 0x100000001b3u;
  for (gsize i = 0; i < n; i++) { /* splitmix64, counted */
    guint64 z = hash + (guint64)(i + 1) * 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    u[i] = (double)((z ^ (z >> 31)) >> 11) * 0x1p-53;
  }
}

static double
bound_of(const CbiganParameter *p)
{
  static const char *const smaller[] = { "skip.weight", "conv2.weight", "image.weight" };
  if (p->n_dims == 1)
    return 0.2;
  double bound = sqrt(6.0 / (1.04 * ((double)p->size / p->dims[0])));
  for (guint i = 0; i < G_N_ELEMENTS(smaller); i++)
    if (g_str_has_suffix(p->name, smaller[i]))
      return bound * 0.7;
  return bound;
}

void
golden_parameters(const CbiganNetwork *network, float *parameters)
{
  for (int i = 0; i < network->n_parameters; i++) {
    const CbiganParameter *p = &network->parameters[i];
    g_autofree double *u = g_new(double, p->size);
    uniforms(p->name, p->size, u);
    double bound = bound_of(p);
    for (gsize k = 0; k < p->size; k++)
      parameters[p->offset + k] = (float)(bound * (2.0 * u[k] - 1.0));
  }
}

CbiganModel *
golden_model(int width, int patch)
{
  CbiganModel *model = cbigan_model_new(width, patch, NULL);
  for (int i = 0; i < CBIGAN_N_NETWORKS; i++)
    golden_parameters(model->networks[i], model->parameters[i]);
  return model;
}

double
golden_distance(const float *a, const float *b, gsize n)
{
  double difference = 0.0, largest = 0.0;
  for (gsize i = 0; i < n; i++) {
    if (!isfinite(a[i]) || !isfinite(b[i]))
      return INFINITY;
    difference = MAX(difference, fabs((double)a[i] - b[i]));
    largest = MAX(largest, fabs((double)b[i]));
  }
  return largest > 0.0 ? difference / largest : difference;
}

void
golden_compare_at(const char *file, int line, const char *what, const float *a, const float *b, gsize n,
                  double tolerance)
{
  double largest = 0.0;
  for (gsize i = 0; i < n; i++)
    largest = MAX(largest, fabs((double)b[i]));
  for (gsize i = 0; i < n; i++)
    if (!(fabs((double)a[i] - b[i]) <= tolerance * largest))
      g_error("%s:%d: %s[%" G_GSIZE_FORMAT "] is %.9g, expected %.9g (tolerance %g of the largest, %g)", file, line,
              what, i, a[i], b[i], tolerance, largest);
}
