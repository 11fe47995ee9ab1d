/* model_file.c - reads and writes model files
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * docs/model-format.md is the specification. The reader checks sizes before it allocates memory. The writer reads its
 * own bytes back, so that every saved file can be loaded.
 */
#include "model/model_file.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "i18n.h"
#include "model/model_mask.h"
#include "model/model_metadata.h"
#include "model/model_source.h"
#include "model/safetensors.h"

/* Numbers are copied from the file without conversion */
G_STATIC_ASSERT(G_BYTE_ORDER == G_LITTLE_ENDIAN && sizeof(float) == 4);

/* A tensor of the model: its name and shape in the file, and its place in memory */
typedef struct {
  const char *name;
  int n_dims;
  gint64 dims[CBIGAN_MAX_DIMS];
  float **base; /* memory of several parameters, or of this one tensor */
  gsize offset; /* floats from *base */
  gboolean not_negative;
} Slot;

static float *
slot_data(const Slot *slot)
{
  return *slot->base + slot->offset;
}

static void
add_network(GArray *slots, const CbiganNetwork *network, float **parameters)
{
  for (int k = 0; k < network->n_parameters; k++) {
    const CbiganParameter *p = &network->parameters[k];
    Slot slot = { .name = p->name, .n_dims = p->n_dims, .base = parameters, .offset = p->offset };
    for (int d = 0; d < p->n_dims; d++)
      slot.dims[d] = p->dims[d];
    g_array_append_val(slots, slot);
  }
}

/* "prefix.name", static. */
static const char *
tensor_name(const char *prefix, const char *name)
{
  g_autofree char *text = g_strconcat(prefix, ".", name, NULL);
  return g_intern_string(text);
}

/* The statistics of an inspector's map. */
static void
add_map(CbiganModel *m, CbiganMapKind kind, GArray *slots)
{
  CbiganInspectorMap *map = &m->inspector.maps[kind];
  const CbiganMapDescription *description = &cbigan_map_descriptions[kind];
  const gint64 h = MAX(m->inspector.h / CBIGAN_INSPECTOR_CELL, 1), w = MAX(m->inspector.w / CBIGAN_INSPECTOR_CELL, 1);
  const gint64 n = description->channels, samples = description->samples;
  const struct {
    const char *name;
    int n_dims;
    gint64 dims[3];
    float **base;
    gboolean wanted, not_negative;
  } rows[] = {
    { "mean", 3, { n, samples ? 1 : h, samples ? 1 : w }, &map->mean, n > 1, FALSE },
    { "whitening", 3, { n * (n + 1) / 2, samples ? 1 : h, samples ? 1 : w }, &map->whitening, n > 1, FALSE },
    { "samples", 3, { h, samples * n, w }, &map->samples, samples > 0, FALSE },
    { "level", 2, { h, w }, &map->level, map->levelled, FALSE },
    { "spread", 2, { h, w }, &map->spread, map->levelled, TRUE },
  };
  for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
    Slot slot = { .n_dims = rows[i].n_dims, .base = rows[i].base, .not_negative = rows[i].not_negative };
    if (!rows[i].wanted)
      continue;
    slot.name = tensor_name(description->prefix, rows[i].name);
    memcpy(slot.dims, rows[i].dims, sizeof rows[i].dims);
    g_array_append_val(slots, slot);
  }
}

static void
add_inspector(CbiganModel *m, GArray *slots)
{
  CbiganInspector *inspector = &m->inspector;
  const gint64 h = inspector->h, w = inspector->w;
  const Slot statistics[] = {
    { "good.mean", 3, { 3, h, w }, &inspector->mean, 0, FALSE },
    { "good.deviation", 3, { 3, h, w }, &inspector->deviation, 0, TRUE },
  };
  if (cbigan_inspector_uses_network(inspector))
    add_network(slots, m->inspector_network, &inspector->parameters);
  if (w)
    g_array_append_vals(slots, statistics, 2);
  for (int i = 0; i < CBIGAN_N_MAP_KINDS; i++)
    if (inspector->maps[i].used)
      add_map(m, (CbiganMapKind)i, slots);
  const Slot light[] = { { "light.quartiles", 2, { 3, 3 }, &inspector->light.quartiles, 0, TRUE },
                         { "light.weights", 2, { 3, 3 }, &inspector->light.weights, 0, FALSE } };
  if (inspector->light.known)
    g_array_append_vals(slots, light, G_N_ELEMENTS(light));
  const Slot mean_part = { "good.part", 2, { h / 2, w / 2 }, &inspector->pose.mean_part, 0, FALSE };
  if (inspector->pose.frame_w)
    g_array_append_val(slots, mean_part);
}

static void
add_mask(CbiganModel *m, GArray *slots)
{
  const Slot mask = { "mask", 2, { m->info.mask.height, m->info.mask.width }, &m->mask, 0, TRUE };
  if (m->info.mask.width)
    g_array_append_val(slots, mask);
}

/* Slots of the networks, and of the statistics that info.scores announces. Needs no memory behind the tensors. */
static GArray *
model_slots(CbiganModel *m)
{
  GArray *slots = g_array_new(FALSE, FALSE, sizeof(Slot));
  add_mask(m, slots);
  if (m->info.scores[CBIGAN_SCORE_INSPECTOR]) {
    add_inspector(m, slots);
    return slots;
  }
  for (int i = 0; i < CBIGAN_N_NETWORKS; i++)
    add_network(slots, m->networks[i], &m->parameters[i]);
  const gint64 h = m->map.h, w = m->map.w, positions = m->critic.positions, channels = m->critic.channels;
  const Slot statistics[] = {
    { "calibration.mean", 2, { h, w }, &m->map.mean, 0, TRUE },
    { "calibration.deviation", 2, { h, w }, &m->map.deviation, 0, TRUE },
    { "critic.mean", 2, { positions, channels }, &m->critic.mean, 0, FALSE },
    { "critic.whitening", 3, { positions, channels, channels }, &m->critic.whitening, 0, FALSE },
  };
  if (m->info.scores[CBIGAN_SCORE_CALIBRATED])
    g_array_append_vals(slots, statistics, 2);
  if (m->info.scores[CBIGAN_SCORE_CRITIC])
    g_array_append_vals(slots, statistics + 2, 2);
  return slots;
}

/* Statistics per position need a frame that is one patch: in other frames a position within a patch means nothing. */
static gboolean
frame_is_patch(const CbiganModelInfo *info)
{
  return info->frame_width == info->patch && info->frame_height == info->patch;
}

static gint64
first_dim(const CbiganSafetensors *file, const char *name)
{
  const CbiganTensor *tensor = g_hash_table_lookup(file->tensors, name);
  return tensor && tensor->n_dims > 0 ? tensor->dims[0] : 0;
}

/* Finds which statistics the file has, and in which of two sizes. model_slots() then expects exactly these. */
static gboolean
read_geometry(CbiganModel *m, const CbiganSafetensors *file, const char *name, GError **error)
{
  CbiganModelInfo *info = &m->info;
  cbigan_mask_find_size(info, g_hash_table_lookup(file->tensors, "mask"));
  if (info->scores[CBIGAN_SCORE_INSPECTOR]) {
    if (!info->maps) /* a file of before there were several */
      m->inspector.maps[CBIGAN_MAP_LOGIT].levelled =
          g_hash_table_contains(file->tensors, "good.level") || g_hash_table_contains(file->tensors, "good.spread");
    m->inspector.light.known = !info->frame_width && (g_hash_table_contains(file->tensors, "light.quartiles") ||
                                                      g_hash_table_contains(file->tensors, "light.weights"));
    return TRUE;
  }
  info->scores[CBIGAN_SCORE_PAPER] = TRUE;
  info->scores[CBIGAN_SCORE_CALIBRATED] = g_hash_table_contains(file->tensors, "calibration.mean") ||
                                          g_hash_table_contains(file->tensors, "calibration.deviation");
  info->scores[CBIGAN_SCORE_CRITIC] =
      g_hash_table_contains(file->tensors, "critic.mean") || g_hash_table_contains(file->tensors, "critic.whitening");

  gboolean everywhere = !info->frame_width || first_dim(file, "calibration.mean") == 1;
  m->map.w = everywhere ? 1 : info->frame_width;
  m->map.h = everywhere ? 1 : info->frame_height;

  gboolean per_position = frame_is_patch(info) && first_dim(file, "critic.mean") != 1;
  m->critic.positions = per_position ? info->critic_grid * info->critic_grid : 1;
  m->critic.channels = cbigan_model_critic_channels(info);
  if (info->scores[CBIGAN_SCORE_CRITIC] && (!info->critic_blocks || !info->critic_grid))
    return cbigan_format_error(error, name, _("metadata key “%s” is missing, tensor “critic.mean” needs it"),
                               info->critic_blocks ? "cbigan.critic-grid" : "cbigan.critic-blocks");
  if (!info->scores[info->score])
    return cbigan_format_error(error, name,
                               _("metadata key “cbigan.score” is “%s”, but the file has no statistics for that score"),
                               cbigan_score_name(info->score));
  return TRUE;
}

/* Every slot has its tensor with the right shape, and there is no other tensor. */
static gboolean
check_tensors(const GArray *slots, const CbiganSafetensors *file, const char *name, GError **error)
{
  g_autoptr(GHashTable) known = g_hash_table_new(g_str_hash, g_str_equal);
  for (guint i = 0; i < slots->len; i++) {
    const Slot *slot = &g_array_index(slots, Slot, i);
    const CbiganTensor *tensor = g_hash_table_lookup(file->tensors, slot->name);
    g_autofree char *expected = cbigan_tensor_shape(slot->dims, slot->n_dims);
    if (!tensor)
      return cbigan_format_error(error, name, _("tensor “%s” is missing; expected shape %s"), slot->name, expected);
    if (tensor->n_dims != slot->n_dims ||
        memcmp(tensor->dims, slot->dims, sizeof slot->dims[0] * (gsize)slot->n_dims) != 0) {
      g_autofree char *found = cbigan_tensor_shape(tensor->dims, tensor->n_dims);
      return cbigan_format_error(error, name, _("tensor “%s” has shape %s; expected %s"), slot->name, found, expected);
    }
    g_hash_table_add(known, (gpointer)slot->name);
  }
  GHashTableIter iter;
  gpointer key;
  g_hash_table_iter_init(&iter, file->tensors);
  while (g_hash_table_iter_next(&iter, &key, NULL))
    if (!g_hash_table_contains(known, key))
      return cbigan_format_error(error, name, _("unknown tensor “%s”"), (const char *)key);
  return TRUE;
}

static gboolean
check_values(const Slot *slot, const char *name, GError **error)
{
  const float *data = slot_data(slot);
  gsize n = (gsize)cbigan_tensor_elements(slot->dims, slot->n_dims);
  for (gsize i = 0; i < n; i++)
    if (!isfinite(data[i]) || (slot->not_negative && data[i] < 0))
      return cbigan_format_error(error, name, _("tensor “%s”: number %zu is %g; expected %s"), slot->name, i, data[i],
                                 slot->not_negative ? _("a finite number, 0 or more") : _("a finite number"));
  return TRUE;
}

/* Allocates memory for the slots, whose sizes have been checked against the file. */
typedef struct {
  float **memory;
  gsize n;
} Wanted;

static gboolean
allocate_all(const Wanted *wanted, guint n, const char *name, GError **error)
{
  for (guint i = 0; i < n; i++) {
    *wanted[i].memory = g_try_new(float, wanted[i].n);
    if (!*wanted[i].memory && wanted[i].n)
      return cbigan_format_error(error, name, _("out of memory for %zu numbers of the model"), wanted[i].n);
  }
  return TRUE;
}

static gboolean
allocate_inspector(CbiganModel *m, const char *name, GError **error)
{
  CbiganInspector *inspector = &m->inspector;
  const gsize pixels = (gsize)inspector->w * (gsize)inspector->h;
  const gsize positions = cbigan_inspector_positions(inspector);
  const Wanted wanted[] = {
    { &inspector->parameters, cbigan_inspector_uses_network(inspector) ? m->inspector_network->n_floats : 0 },
    { &inspector->mean, 3 * pixels },
    { &inspector->deviation, 3 * pixels },
    { &inspector->pose.mean_part, inspector->pose.frame_w ? pixels / 4 : 0 },
    { &inspector->light.quartiles, inspector->light.known ? 9 : 0 },
    { &inspector->light.weights, inspector->light.known ? 9 : 0 },
    { &m->mask, (gsize)m->info.mask.width * (gsize)m->info.mask.height },
  };
  for (int i = 0; i < CBIGAN_N_MAP_KINDS; i++) {
    CbiganInspectorMap *map = &inspector->maps[i];
    const gsize n = (gsize)cbigan_map_descriptions[i].channels;
    const gsize samples = map->used ? (gsize)cbigan_map_descriptions[i].samples : 0;
    const gsize features = map->used && n > 1 ? cbigan_inspector_map_positions(inspector, (CbiganMapKind)i) : 0;
    const gsize levels = map->used && map->levelled ? positions : 0;
    const Wanted statistics[] = { { &map->mean, features * n },
                                  { &map->whitening, features * n * (n + 1) / 2 },
                                  { &map->samples, samples * n * positions },
                                  { &map->level, levels },
                                  { &map->spread, levels } };
    if (!allocate_all(statistics, G_N_ELEMENTS(statistics), name, error))
      return FALSE;
  }
  return allocate_all(wanted, G_N_ELEMENTS(wanted), name, error);
}

static gboolean
allocate(CbiganModel *m, const char *name, GError **error)
{
  if (m->info.scores[CBIGAN_SCORE_INSPECTOR])
    return allocate_inspector(m, name, error);
  if (!m->info.scores[CBIGAN_SCORE_CALIBRATED])
    m->map = (CbiganMapStatistics){ 0 };
  if (!m->info.scores[CBIGAN_SCORE_CRITIC])
    m->critic = (CbiganCriticStatistics){ 0 };
  const gsize pixels = (gsize)m->map.h * m->map.w, means = (gsize)m->critic.positions * m->critic.channels;
  const Wanted wanted[] = {
    { &m->parameters[CBIGAN_ENCODER], m->networks[CBIGAN_ENCODER]->n_floats },
    { &m->parameters[CBIGAN_GENERATOR], m->networks[CBIGAN_GENERATOR]->n_floats },
    { &m->parameters[CBIGAN_DISCRIMINATOR], m->networks[CBIGAN_DISCRIMINATOR]->n_floats },
    { &m->map.mean, pixels },
    { &m->map.deviation, pixels },
    { &m->critic.mean, means },
    { &m->critic.whitening, means * m->critic.channels },
    { &m->mask, (gsize)m->info.mask.width * (gsize)m->info.mask.height },
  };
  return allocate_all(wanted, G_N_ELEMENTS(wanted), name, error);
}

static CbiganModel *
new_inspector(const CbiganModelInfo *info)
{
  const double *box = info->upright_box;
  CbiganInspector inspector = { .width = info->width,
                                .w = info->frame_width,
                                .h = info->frame_height,
                                .summary = info->summary,
                                .shared_overlap = info->shared_overlap };
  if (info->upright_width) {
    inspector.w = info->upright_width;
    inspector.h = info->upright_height;
    inspector.pose = (CbiganPose){ .frame_w = info->frame_width,
                                   .frame_h = info->frame_height,
                                   .w = inspector.w,
                                   .h = inspector.h,
                                   .left = box[0],
                                   .right = box[1],
                                   .top = box[2],
                                   .bottom = box[3] };
  }
  inspector.maps[CBIGAN_MAP_LOGIT] = (CbiganInspectorMap){ .used = TRUE, .scale = 1.0 };
  if (info->maps)
    cbigan_inspector_read_maps(inspector.maps, info->maps); /* has been checked */
  return cbigan_model_new_inspector(&inspector);
}

/* The header is read and checked first, and then as many bytes of each tensor as the model has room for. */
static CbiganModel *
load(const CbiganModelSource *source, const char *name, GError **error)
{
  g_autoptr(CbiganSafetensors) file = cbigan_source_read_header(source, name, error);
  if (!file)
    return NULL;
  CbiganModelInfo info;
  if (!cbigan_metadata_read(file->metadata, &info, name, error)) {
    cbigan_model_info_clear(&info);
    return NULL;
  }
  g_autoptr(CbiganModel) model = NULL;
  if (info.scores[CBIGAN_SCORE_INSPECTOR])
    model = new_inspector(&info);
  else
    model = cbigan_model_new_empty(info.width, info.patch);
  cbigan_model_info_clear(&model->info);
  model->info = info;
  if (!read_geometry(model, file, name, error))
    return NULL;
  g_autoptr(GArray) slots = model_slots(model);
  if (!check_tensors(slots, file, name, error) || !allocate(model, name, error))
    return NULL;
  for (guint i = 0; i < slots->len; i++) {
    const Slot *slot = &g_array_index(slots, Slot, i);
    const CbiganTensor *tensor = g_hash_table_lookup(file->tensors, slot->name);
    const gsize n = 4 * (gsize)cbigan_tensor_elements(slot->dims, slot->n_dims);
    if (!cbigan_source_read(source, tensor->begin, slot_data(slot), n, name, error) || !check_values(slot, name, error))
      return NULL;
  }
  if (!cbigan_mask_check(model, name, error))
    return NULL;
  cbigan_mask_take(model);
  return g_steal_pointer(&model);
}

CbiganModel *
cbigan_model_load_bytes(const guint8 *bytes, gsize size, const char *name, GError **error)
{
  return load(&(CbiganModelSource){ .bytes = bytes, .size = size }, name, error);
}

CbiganModel *
cbigan_model_load(const char *path, GError **error)
{
  g_return_val_if_fail(path, NULL);
  g_autofree char *name = g_filename_display_name(path);
  struct stat status;
  /* Opening a pipe must not wait for somebody who writes to it. */
  const int file = g_open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0);
  gboolean readable = file >= 0 && fstat(file, &status) == 0;
  if (readable && S_ISDIR(status.st_mode)) {
    readable = FALSE;
    errno = EISDIR;
  }
  if (!readable) {
    g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_FILE, _("%s: can't read the model: %s"), name, g_strerror(errno));
    if (file >= 0)
      close(file);
    return NULL;
  }
  CbiganModel *model = NULL;
  if (S_ISREG(status.st_mode))
    model = load(&(CbiganModelSource){ .file = file, .size = (guint64)status.st_size }, name, error);
  else /* a pipe or a device might never end */
    g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_FILE, _("%s: not a regular file"), name);
  close(file);
  return model;
}

/* A header that the reader would refuse comes from a wrong call or a failed training. */
static gboolean
check_metadata(const CbiganModel *model, const GPtrArray *keys, const GPtrArray *values, const char *name,
               GError **error)
{
  g_autoptr(GHashTable) metadata = g_hash_table_new(g_str_hash, g_str_equal);
  for (guint i = 0; i < keys->len; i++)
    g_hash_table_insert(metadata, keys->pdata[i], values->pdata[i]);
  CbiganModelInfo info;
  gboolean good = cbigan_metadata_read(metadata, &info, name, error);
  cbigan_model_info_clear(&info);
  return good;
}

/* Statistics must have one of the sizes that the reader accepts. */
static gboolean
check_statistics(const CbiganModel *m, const char *name, GError **error)
{
  const CbiganModelInfo *info = &m->info;
  const gboolean *scores = info->scores;
  if (scores[CBIGAN_SCORE_INSPECTOR])
    return TRUE;
  if (!!m->map.mean != !!scores[CBIGAN_SCORE_CALIBRATED] || !!m->map.deviation != !!scores[CBIGAN_SCORE_CALIBRATED] ||
      !!m->critic.mean != !!scores[CBIGAN_SCORE_CRITIC] || !!m->critic.whitening != !!scores[CBIGAN_SCORE_CRITIC] ||
      !scores[info->score])
    return cbigan_format_error(error, name, _("the statistics don't match the scores that the model announces"));
  if (m->map.mean && !(m->map.w == 1 && m->map.h == 1) &&
      !(m->map.w == info->frame_width && m->map.h == info->frame_height))
    return cbigan_format_error(error, name, _("calibration of %dx%d pixels; expected %dx%d or 1x1"), m->map.w, m->map.h,
                               info->frame_width, info->frame_height);
  if (!m->critic.mean)
    return TRUE;
  const int channels = cbigan_model_critic_channels(info);
  const int positions = frame_is_patch(info) ? info->critic_grid * info->critic_grid : 1;
  if (m->critic.channels != channels || (m->critic.positions != 1 && m->critic.positions != positions))
    return cbigan_format_error(error, name,
                               _("critic's statistics of %d positions and %d channels; expected %d or 1 and %d"),
                               m->critic.positions, m->critic.channels, positions, channels);
  return TRUE;
}

guint8 *
cbigan_model_save_bytes(const CbiganModel *model, const char *name, gsize *size, GError **error)
{
  g_autoptr(GPtrArray) keys = g_ptr_array_new(), values = g_ptr_array_new_with_free_func(g_free);
  cbigan_metadata_write(&model->info, keys, values);
  if (!check_metadata(model, keys, values, name, error) || !check_statistics(model, name, error) ||
      !cbigan_mask_check(model, name, error))
    return NULL;
  g_autoptr(GArray) slots = model_slots((CbiganModel *)model);
  g_autofree CbiganTensor *tensors = g_new0(CbiganTensor, slots->len);
  for (guint i = 0; i < slots->len; i++) {
    const Slot *slot = &g_array_index(slots, Slot, i);
    if (!check_values(slot, name, error))
      return NULL;
    tensors[i] = (CbiganTensor){ .name = slot->name, .n_dims = slot->n_dims, .data = (const guint8 *)slot_data(slot) };
    memcpy(tensors[i].dims, slot->dims, sizeof slot->dims);
  }
  return cbigan_safetensors_build((const char *const *)keys->pdata, (char *const *)values->pdata, keys->len, tensors,
                                  slots->len, name, size, error);
}

gboolean
cbigan_model_save(const CbiganModel *model, const char *path, GError **error)
{
  g_return_val_if_fail(model && path, FALSE);
  g_autofree char *name = g_filename_display_name(path);
  gsize size;
  g_autofree guint8 *bytes = cbigan_model_save_bytes(model, name, &size, error);
  if (!bytes)
    return FALSE;
  g_autoptr(GError) reason = NULL;
  /* Temporary file beside it, fsync, rename, fsync of the folder. */
  if (!g_file_set_contents_full(path, (const char *)bytes, (gssize)size,
                                G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE, 0666, &reason)) {
    g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_FILE, _("%s: can't write the model: %s"), name, reason->message);
    return FALSE;
  }
  return TRUE;
}
