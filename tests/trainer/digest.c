/* digest.c - compares parameters or their gradients with the digests of make_golden_training.py
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "digest.h"

#include <math.h>
#include <string.h>

static void
digest(const float *t, gsize n, guint samples, double *row)
{
  double square = 0.0;
  memset(row, 0, (2 + samples) * sizeof *row);
  for (gsize i = 0; i < n; i++) {
    row[0] += t[i] * ((double)(i * 7919 % 1000) / 500.0 - 1.0);
    square += (double)t[i] * t[i];
  }
  row[1] = sqrt(square);
  for (guint i = 0; i < MIN(samples, n); i++)
    row[2 + i] = t[n < samples ? i : i * n / samples];
}

static double
compare_row(const char *what, const char *name, const double *found, const float *expected, guint columns,
            double tolerance, double slack)
{
  double largest = 0.0, worst = 0.0;
  for (guint i = 2; i < columns; i++)
    largest = MAX(largest, fabs((double)expected[i]));
  for (guint i = 0; i < columns; i++) {
    double allowed = i < 2 ? tolerance * expected[1] : tolerance * largest + slack, off = fabs(found[i] - expected[i]);
    if (!(off <= allowed))
      g_error("%s, %s: %s %u is %.9g, expected %.9g (off by %.2g, allowed %.2g, tolerance %g of %.3g)", what, name,
              i == 0   ? "projection"
              : i == 1 ? "norm"
                       : "sample",
              i < 2 ? 0 : i - 2, found[i], (double)expected[i], off, allowed, tolerance,
              (double)(i < 2 ? expected[1] : largest));
    if (off > 0.0)
      worst = MAX(worst, off / allowed);
  }
  return worst;
}

double
digest_compare(Golden *golden, const char *what, const CbiganNetwork *network, const float *array, double tolerance,
               double slack)
{
  int dims[4];
  gsize length;
  const float *rows = golden_floats(golden, what, NULL, dims);
  g_autofree char *key = g_strconcat(cbigan_network_prefix(network->kind), ".names", NULL);
  const guint8 *text = golden_bytes(golden, key, &length, NULL);
  g_autofree char *joined = g_strndup((const char *)text, length);
  g_auto(GStrv) names = g_strsplit(joined, "\n", -1);
  guint columns = (guint)dims[1];
  g_autofree double *found = g_new(double, columns);
  double worst = 0.0;

  g_assert_cmpint(dims[0], ==, network->n_parameters);
  for (int i = 0; i < dims[0]; i++) {
    const CbiganParameter *p = NULL;
    for (int k = 0; k < network->n_parameters; k++)
      if (!strcmp(network->parameters[k].name, names[i]))
        p = &network->parameters[k];
    if (!p)
      g_error("%s: the network has no parameter %s", what, names[i]);
    digest(array + p->offset, p->size, columns - 2, found);
    worst = MAX(worst, compare_row(what, p->name, found, rows + (gsize)i * columns, columns, tolerance, slack));
  }
  return worst;
}
