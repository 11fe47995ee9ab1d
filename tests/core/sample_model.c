/* sample_model.c - a small model with every optional part
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "sample_model.h"

static float *
random_floats(GRand *random, gsize n, double low, double high)
{
  float *data = g_new(float, n);
  for (gsize i = 0; i < n; i++)
    data[i] = (float)g_rand_double_range(random, low, high);
  return data;
}

static void
add_statistics(CbiganModel *m, GRand *random, gboolean per_position)
{
  CbiganModelInfo *info = &m->info;
  const int side = per_position ? info->patch : 1;
  info->critic_blocks = 1u << 0 | 1u << 2;
  info->critic_grid = 4;
  m->map.w = m->map.h = side;
  m->map.mean = random_floats(random, (gsize)side * side, 0, 1);
  m->map.deviation = random_floats(random, (gsize)side * side, 0.01, 1);
  m->critic.positions = per_position ? info->critic_grid * info->critic_grid : 1;
  m->critic.channels = cbigan_model_critic_channels(info);
  const gsize means = (gsize)m->critic.positions * m->critic.channels;
  m->critic.mean = random_floats(random, means, -1, 1);
  m->critic.whitening = random_floats(random, means * m->critic.channels, -1, 1);
  info->scores[CBIGAN_SCORE_CALIBRATED] = info->scores[CBIGAN_SCORE_CRITIC] = TRUE;
  info->score = CBIGAN_SCORE_CRITIC;
}

static CbiganModel *
sample_inspector(void)
{
  enum { WIDTH = 32, HEIGHT = 16, CELLS = WIDTH * HEIGHT / (CBIGAN_INSPECTOR_CELL * CBIGAN_INSPECTOR_CELL) };
  g_autoptr(GRand) random = g_rand_new_with_seed(13);
  CbiganInspector inspector = {
    .width = 1, .w = WIDTH, .h = HEIGHT, .summary = CBIGAN_SUMMARY_TOP, .shared_overlap = TRUE
  };
  inspector.mean = random_floats(random, 3 * WIDTH * HEIGHT, -2, 0);
  inspector.deviation = random_floats(random, 3 * WIDTH * HEIGHT, 0.01, 1);
  for (int i = 0; i < CBIGAN_N_MAP_KINDS; i++) {
    const gsize n = (gsize)cbigan_map_descriptions[i].channels;
    CbiganInspectorMap *map = &inspector.maps[i];
    *map = (CbiganInspectorMap){ .used = TRUE, .levelled = i == CBIGAN_MAP_LOGIT, .offset = -1.0 / 3.0, .scale = 0.5 };
    if (map->levelled) {
      map->level = random_floats(random, CELLS, -1, 1);
      map->spread = random_floats(random, CELLS, 0.01, 1);
    }
    if (cbigan_map_descriptions[i].samples)
      map->samples = random_floats(random, (gsize)cbigan_map_descriptions[i].samples * n * CELLS, -1, 1);
    if (n > 1) {
      map->mean = random_floats(random, n * CELLS, -1, 1);
      map->whitening = random_floats(random, n * (n + 1) / 2 * CELLS, -1, 1);
    }
  }
  CbiganModel *m = cbigan_model_new_inspector(&inspector);
  m->inspector.parameters = g_new(float, m->inspector_network->n_floats);
  cbigan_network_initialise(m->inspector_network, 7, m->inspector.parameters);
  m->info.threshold = 4.71;
  m->info.proxy = 0.875;
  m->info.proxies = g_strdup("{\"logit\":0.75,\"logit-n+hidden\":0.875}");
  return m;
}

static CbiganModel *
sample_surface(void)
{
  g_autoptr(GRand) random = g_rand_new_with_seed(17);
  CbiganInspector inspector = { .width = 1, .summary = CBIGAN_SUMMARY_FEW, .light.known = TRUE };
  inspector.light.quartiles = random_floats(random, 9, 0, 255);
  inspector.light.weights = random_floats(random, 9, -1, 1);
  inspector.maps[CBIGAN_MAP_LOGIT] = (CbiganInspectorMap){ .used = TRUE, .offset = -1.0 / 3.0, .scale = 0.5 };
  CbiganModel *m = cbigan_model_new_inspector(&inspector);
  m->inspector.parameters = g_new(float, m->inspector_network->n_floats);
  cbigan_network_initialise(m->inspector_network, 7, m->inspector.parameters);
  return m;
}

CbiganModel *
sample_model(SampleKind kind)
{
  if (kind == SAMPLE_SURFACE)
    return sample_surface();
  if (kind == SAMPLE_INSPECTOR)
    return sample_inspector();
  CbiganModel *m = cbigan_model_new(1, 64, NULL);
  for (int i = 0; i < CBIGAN_N_NETWORKS; i++)
    cbigan_network_initialise(m->networks[i], 7, m->parameters[i]);
  if (kind == SAMPLE_PLAIN)
    return m;
  GRand *random = g_rand_new_with_seed(11);
  if (kind == SAMPLE_OBJECT)
    m->info.frame_width = m->info.frame_height = m->info.patch;
  add_statistics(m, random, kind == SAMPLE_OBJECT);
  g_rand_free(random);
  m->info.tap = CBIGAN_TAP_HIDDEN;
  m->info.lambda = 1.0 / 3.0;
  m->info.light_low = -0.1234567890123456;
  m->info.light_median = 0.25;
  m->info.threshold = 4.71;
  m->info.bf16_error = 0.008;
  static const double scores[] = { 1, 2.5, 1e-300, 0.1, 1e300, 2.0 / 3.0 };
  m->info.good_scores = g_memdup2(scores, sizeof scores);
  m->info.n_good_scores = G_N_ELEMENTS(scores);
  m->info.usual.n = 7;
  for (int i = 0; i < CBIGAN_N_MEASURES; i++) {
    m->info.usual.least[i] = 0.125 * i;
    m->info.usual.most[i] = i >= CBIGAN_MEASURE_UNEVENNESS ? 0.75 : 10.0 + i;
  }
  for (int i = 0; i < CBIGAN_THUMBNAIL_SIDE * CBIGAN_THUMBNAIL_SIDE; i++)
    m->info.usual.thumbnail[i] = (float)i / 2;
  m->info.training =
      g_strdup("{\"note\":\"gut \\\"gewebt\\\" \u00fc\",\"seed\":1,\"nested\":[{\"alpha\":1e-4},true,null]}");
  return m;
}
