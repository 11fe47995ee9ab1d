/* test_distances.c - the critic's features and distances of every backend against their definition
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <math.h>
#include <string.h>

#include "harness.h"
#include "score/gan/weights.h"

typedef struct {
  int width, patch;
  guint blocks;
  int grid;
  gboolean apart;
  int batch;
} Case;

/* D's block outputs as `batch` random samples, statistics, and what is planned for them */
typedef struct {
  Case c;
  CbiganNetwork *network;
  CbiganBackend *backend; /* NULL: it can't run here */
  CbiganCritic critic;
  CbiganCriticStatistics good;
  float **values, *host[CBIGAN_MAX_FEATURES];
  float *found; /* (batch + 1, grid, grid) */
} Setup;

static gsize
positions(const Setup *s)
{
  return (gsize)s->c.grid * (gsize)s->c.grid;
}

/* first: the seed of the first sample's numbers, the others' follow */
static void
fill_values(Setup *s, guint32 first)
{
  for (int i = 0; i < s->critic.n; i++) {
    const gsize size = cbigan_shape_size(s->critic.shapes[i]);
    for (int k = 0; k < s->c.batch; k++) {
      g_autofree float *sample = data_new(DATA_RANDOM, size, 1000u * (guint32)i + first + (guint32)k);
      memcpy(s->host[i] + (gsize)k * size, sample, size * sizeof *sample);
    }
    cbigan_backend_upload(s->backend, s->critic.shapes[i], s->c.batch, s->host[i], s->values[s->critic.values[i]]);
  }
}

static Setup
setup_new(gconstpointer klass, const Case *c, gboolean compared)
{
  g_autoptr(GError) error = NULL;
  Setup s = { .c = *c, .backend = open_or_skip(klass) };
  if (!s.backend)
    return s;
  s.network = cbigan_network_new(CBIGAN_DISCRIMINATOR, c->width, c->patch);
  s.critic.grid = c->grid;
  s.critic.batch = c->batch;
  s.values = g_new0(float *, s.network->n_values);
  for (int block = 0; block < CBIGAN_MAX_FEATURES; block++)
    if (c->blocks & 1u << block) {
      const int value = cbigan_network_block_output(s.network, block), i = s.critic.n++;
      const CbiganShape shape = s.network->values[value].shape;
      const gsize n = cbigan_shape_size(shape) * (gsize)c->batch;
      s.critic.values[i] = value;
      s.critic.shapes[i] = shape;
      cbigan_resampler_init(&s.critic.resamplers[i], shape.w, c->grid);
      s.values[value] = cbigan_backend_alloc(s.backend, n, &error);
      g_assert_no_error(error);
      s.host[i] = g_new(float, n);
      s.critic.channels += shape.c;
    }
  s.good.channels = s.critic.channels;
  s.good.positions = c->apart ? c->grid * c->grid : 1;
  const gsize means = (gsize)s.good.positions * (gsize)s.good.channels;
  s.good.mean = data_new(DATA_RANDOM, means, 5);
  s.good.whitening = data_new(DATA_RANDOM, means * (gsize)s.good.channels, 6);
  s.critic.good = compared ? &s.good : NULL;
  cbigan_backend_critic_init(s.backend, &s.critic, &error);
  g_assert_no_error(error);
  s.found = cbigan_backend_alloc(s.backend, (gsize)(c->batch + 1) * positions(&s), &error);
  g_assert_no_error(error);
  return s;
}

static void
setup_clear(Setup *s)
{
  cbigan_backend_critic_clear(s->backend, &s->critic);
  for (int i = 0; i < s->critic.n; i++) {
    cbigan_resampler_clear(&s->critic.resamplers[i]);
    cbigan_backend_free(s->backend, s->values[s->critic.values[i]]);
    g_free(s->host[i]);
  }
  cbigan_backend_free(s->backend, s->found);
  g_free(s->values);
  g_free(s->good.mean);
  g_free(s->good.whitening);
  cbigan_backend_close(s->backend);
  cbigan_network_free(s->network);
}

/* (transfer full) (n, grid * grid) of the first n samples, and what lies behind untouched */
static float *
run(Setup *s, int n)
{
  g_autoptr(GError) error = NULL;
  g_autofree float *peaks = g_new0(float, n + 1);
  const gsize size = (gsize)(n + 1) * positions(s);
  const CbiganShape shape = { (int)size, 1, 1 };
  float *found = g_new(float, size);
  for (gsize i = 0; i < size; i++)
    found[i] = -1.0f;
  cbigan_backend_upload(s->backend, shape, 1, found, s->found);
  s->critic.good = &s->good; /* wherever the setup was moved */
  cbigan_backend_distances(s->backend, &s->critic, s->values, n, s->found, peaks);
  cbigan_backend_download(s->backend, shape, 1, s->found, found);
  cbigan_backend_finish(s->backend, &error);
  g_assert_no_error(error);
  for (gsize i = 0; i < positions(s); i++)
    g_assert_cmpfloat(found[(gsize)n * positions(s) + i], ==, -1.0f);
  for (int i = 0; i <= n; i++) {
    float peak = 0.0f;
    for (gsize p = 0; i < n && p < positions(s); p++) {
      const float distance = found[(gsize)i * positions(s) + p];
      peak = isfinite(distance) && !isnan(peak) ? MAX(peak, distance) : NAN;
    }
    g_assert_true(isnan(peak) ? isnan(peaks[i]) : peaks[i] == peak);
  }
  return found;
}

/* The features of a position (channels), from their definition, in double */
static void
feature(const Setup *s, int sample, gsize position, double *feature)
{
  const int row = (int)position / s->c.grid, column = (int)position % s->c.grid;
  for (int i = 0, channel = 0; i < s->critic.n; i++) {
    const CbiganShape shape = s->critic.shapes[i];
    const CbiganResampler *r = &s->critic.resamplers[i];
    for (int c = 0; c < shape.c; c++, channel++) {
      const float *x = s->host[i] + ((gsize)sample * (gsize)shape.c + (gsize)c) * (gsize)(shape.h * shape.w);
      double sum = 0.0;
      for (int j = 0; j < r->taps; j++)
        for (int k = 0; k < r->taps; k++)
          sum += (double)r->weight[row * r->taps + j] * r->weight[column * r->taps + k] *
                 x[(r->first[row] + j) * shape.w + r->first[column] + k];
      feature[channel] = sum;
    }
  }
}

static double
distance(const Setup *s, int sample, gsize position)
{
  const int channels = s->good.channels;
  const gsize at = s->c.apart ? position : 0;
  g_autofree double *d = g_new(double, channels);
  double square = 0.0;
  feature(s, sample, position, d);
  for (int i = 0; i < channels; i++)
    d[i] -= s->good.mean[at * (gsize)channels + (gsize)i];
  for (int row = 0; row < channels; row++) {
    double sum = 0.0;
    for (int i = 0; i < channels; i++)
      sum += s->good.whitening[(at * (gsize)channels + (gsize)row) * (gsize)channels + (gsize)i] * d[i];
    square += sum * sum;
  }
  return sqrt(square);
}

/* Channels: few, one group's, several rounds of rows; grids that are no multiple, wider than the maps, of one position;
 * more samples than share a matrix. */
static const Case cases[] = {
  { 1, 64, 0x1, 32, FALSE, 2 },  { 3, 64, 0x7, 32, FALSE, 1 }, { 3, 64, 0x7, 32, TRUE, 1 },
  { 3, 128, 0x5, 7, FALSE, 3 },  { 5, 64, 0x2f, 5, TRUE, 19 }, { 16, 64, 0x7, 4, FALSE, 5 },
  { 16, 64, 0x3f, 2, TRUE, 17 }, { 9, 64, 0x3f, 3, FALSE, 4 }, { 2, 64, 0x20, 1, FALSE, 33 },
};

static void
test_distances(gconstpointer klass)
{
  for (guint k = 0; k < G_N_ELEMENTS(cases); k++) {
    Setup s = setup_new(klass, &cases[k], TRUE);
    if (!s.backend)
      return;
    const int n = MAX(s.c.batch - 1, 1);
    for (int turn = 0; turn < 2; turn++) {
      fill_values(&s, 100u * (guint32)turn);
      g_autofree float *found = run(&s, n);
      for (int i = 0; i < n; i++)
        for (gsize p = 0; p < positions(&s); p += turn == 0 ? 1 : 3) {
          const double have = found[(gsize)i * positions(&s) + p], want = distance(&s, i, p);
          if (!(fabs(have - want) <= 1e-5 * want))
            g_error("case %u, turn %d, sample %d, position %zu: %.9g, expected %.9g, tolerance 1e-5", k, turn, i, p,
                    have, want);
        }
    }
    setup_clear(&s);
  }
}

/* Without statistics only the features are found. */
static void
test_features(gconstpointer klass)
{
  for (guint k = 0; k < 5; k++) {
    Setup s = setup_new(klass, &cases[k], FALSE);
    if (!s.backend)
      return;
    const int n = MAX(s.c.batch - 1, 1), channels = s.critic.channels;
    g_autofree float *host = g_new(float, (gsize)(n * channels) * positions(&s));
    g_autofree double *want = g_new(double, channels);
    fill_values(&s, 3);
    cbigan_backend_distances(s.backend, &s.critic, s.values, n, NULL, NULL);
    cbigan_backend_download(s.backend, (CbiganShape){ channels, s.c.grid, s.c.grid }, n, s.critic.features, host);
    for (int i = 0; i < n; i++)
      for (gsize p = 0; p < positions(&s); p++) {
        feature(&s, i, p, want);
        for (int c = 0; c < channels; c++) {
          const double have = host[(gsize)(i * channels + c) * positions(&s) + p];
          if (!(fabs(have - want[c]) <= 1e-6))
            g_error("case %u, sample %d, channel %d, position %zu: %.9g, expected %.9g, tolerance 1e-6", k, i, c, p,
                    have, want[c]);
        }
      }
    setup_clear(&s);
  }
}

/* To the bit, a sample's distances depend on neither the number nor the place of those in the batch. */
static void
test_alone(gconstpointer klass)
{
  for (int apart = 0; apart < 2; apart++) {
    const Case many = { 3, 64, 0x7, 5, apart, 21 }, one = { 3, 64, 0x7, 5, apart, 1 };
    Setup s = setup_new(klass, &many, TRUE), alone = setup_new(klass, &one, TRUE);
    if (!s.backend)
      return;
    fill_values(&s, 40);
    g_autofree float *together = run(&s, many.batch);
    for (int i = 0; i < many.batch; i++) {
      fill_values(&alone, 40 + (guint32)i);
      g_autofree float *found = run(&alone, 1);
      g_assert_cmpmem(found, positions(&s) * sizeof *found, together + (gsize)i * positions(&s),
                      positions(&s) * sizeof *found);
    }
    setup_clear(&s);
    setup_clear(&alone);
  }
}

/* A number that is not finite shows where it enters, and in no other sample; large numbers are no such case. */
static void
test_not_finite(gconstpointer klass)
{
  static const float bad[] = { NAN, INFINITY, -INFINITY };
  const Case c = { 3, 64, 0x7, 32, FALSE, 3 };
  g_autoptr(GError) error = NULL;
  Setup s = setup_new(klass, &c, TRUE);
  if (!s.backend)
    return;
  const CbiganShape shape = s.critic.shapes[0];
  for (guint k = 0; k < G_N_ELEMENTS(bad); k++) {
    fill_values(&s, 7);
    const gsize at = cbigan_shape_size(shape) + 33; /* of the second sample, row 1, column 1 */
    s.host[0][at] = bad[k];
    cbigan_backend_upload(s.backend, shape, c.batch, s.host[0], s.values[s.critic.values[0]]);
    g_autofree float *found = run(&s, c.batch);
    for (gsize i = 0; i < (gsize)c.batch * positions(&s); i++)
      if (i == positions(&s) + 33 ? isfinite(found[i]) : i / positions(&s) != 1 && !isfinite(found[i]))
        g_error("%g: number %zu is %g", (double)bad[k], i, (double)found[i]);
  }
  for (gsize i = 0; i < (gsize)s.good.channels; i++)
    s.good.mean[i] = 1e25f; /* the squares are more than a float */
  fill_values(&s, 7);
  cbigan_backend_critic_clear(s.backend, &s.critic);
  s.critic.good = &s.good;
  cbigan_backend_critic_init(s.backend, &s.critic, &error);
  g_assert_no_error(error);
  g_autofree float *found = run(&s, c.batch);
  for (gsize i = 0; i < (gsize)c.batch * positions(&s); i++)
    g_assert_true(isfinite(found[i]) && found[i] > 1e24f);
  setup_clear(&s);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  add_for_backends("distances", TRUE, test_distances);
  add_for_backends("features", TRUE, test_features);
  add_for_backends("alone", TRUE, test_alone);
  add_for_backends("not-finite", TRUE, test_not_finite);
  return g_test_run();
}
