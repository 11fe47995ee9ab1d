/* test_model_file.c - the model file: round trip, and errors that name what is wrong
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <errno.h>
#include <glib/gstdio.h>
#include <locale.h>
#include <math.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "model_damage.h"
#include "sample_model.h"

#define NAME "line.safetensors"

static char *folder; /* for the files of this run */

static GByteArray *
sample_bytes(SampleKind kind)
{
  g_autoptr(CbiganModel) model = sample_model(kind);
  g_autoptr(GError) error = NULL;
  gsize size = 0;
  guint8 *bytes = cbigan_model_save_bytes(model, NAME, &size, &error);
  g_assert_no_error(error);
  return g_byte_array_new_take(bytes, size);
}

static guint64
header_size(const GByteArray *file)
{
  guint64 n;
  memcpy(&n, file->data, sizeof n);
  return n;
}

/* Replaces the header's first `old` by `new` (of any length); `old` must be there. */
static void
edit_header(GByteArray *file, const char *old, const char *new)
{
  guint64 n = header_size(file);
  g_autofree char *header = g_strndup((const char *)file->data + 8, n);
  const char *at = strstr(header, old);
  if (!at)
    g_error("the header has no %s: %s", old, header);
  g_autofree char *edited = g_strdup_printf("%.*s%s%s", (int)(at - header), header, new, at + strlen(old));
  guint64 edited_size = strlen(edited);
  GByteArray *data = g_byte_array_new();
  g_byte_array_append(data, file->data + 8 + n, file->len - 8 - (guint)n);
  g_byte_array_set_size(file, 0);
  g_byte_array_append(file, (const guint8 *)&edited_size, 8);
  g_byte_array_append(file, (const guint8 *)edited, (guint)edited_size);
  g_byte_array_append(file, data->data, data->len);
  g_byte_array_unref(data);
}

/* Loading must fail as a damaged file; the message must name the file, and all of the NULL-terminated parts. */
static void
assert_refused(const guint8 *bytes, gsize size, const char *part, ...)
{
  g_autoptr(GError) error = NULL;
  CbiganModel *model = cbigan_model_load_bytes(bytes, size, NAME, &error);
  g_assert_null(model);
  g_assert_error(error, CBIGAN_ERROR, CBIGAN_ERROR_FORMAT);
  g_assert_true(g_utf8_validate(error->message, -1, NULL));
  if (!g_str_has_prefix(error->message, NAME ": "))
    g_error("the message doesn't begin with the file: %s", error->message);
  va_list parts;
  va_start(parts, part);
  for (; part; part = va_arg(parts, const char *))
    if (!strstr(error->message, part))
      g_error("“%s” is not in the message: %s", part, error->message);
  va_end(parts);
}

static gboolean
same_number(double a, double b)
{
  return a == b || (isnan(a) && isnan(b));
}

static void
assert_same_info(const CbiganModelInfo *a, const CbiganModelInfo *b)
{
  g_assert_cmpint(a->width, ==, b->width);
  g_assert_cmpint(a->latent, ==, b->latent);
  g_assert_cmpint(a->patch, ==, b->patch);
  g_assert_cmpint(a->frame_width, ==, b->frame_width);
  g_assert_cmpint(a->frame_height, ==, b->frame_height);
  g_assert_cmpint(a->tap, ==, b->tap);
  g_assert_true(same_number(a->lambda, b->lambda));
  g_assert_cmpint(a->score, ==, b->score);
  g_assert_cmpmem(a->scores, sizeof a->scores, b->scores, sizeof b->scores);
  g_assert_cmpuint(a->critic_blocks, ==, b->critic_blocks);
  g_assert_cmpint(a->critic_grid, ==, b->critic_grid);
  g_assert_true(same_number(a->light_low, b->light_low));
  g_assert_true(same_number(a->light_median, b->light_median));
  g_assert_true(same_number(a->threshold, b->threshold));
  g_assert_true(same_number(a->bf16_error, b->bf16_error));
  g_assert_cmpmem(a->good_scores, a->n_good_scores * sizeof(double), b->good_scores, b->n_good_scores * sizeof(double));
  g_assert_cmpstr(a->training, ==, b->training);
  g_assert_cmpint(a->summary, ==, b->summary);
  g_assert_cmpint(a->shared_overlap, ==, b->shared_overlap);
  g_assert_true(same_number(a->proxy, b->proxy));
  g_assert_cmpstr(a->maps, ==, b->maps);
  g_assert_cmpstr(a->proxies, ==, b->proxies);
}

static void
test_round_trip(gconstpointer data)
{
  g_autoptr(CbiganModel) a = sample_model((SampleKind)GPOINTER_TO_INT(data));
  g_autofree char *path = g_build_filename(folder, "round-trip.safetensors", NULL);
  g_autoptr(GError) error = NULL;
  g_assert_true(cbigan_model_save(a, path, &error));
  g_assert_no_error(error);
  g_autoptr(CbiganModel) b = cbigan_model_load(path, &error);
  g_assert_no_error(error);

  assert_same_info(cbigan_model_info(a), cbigan_model_info(b));
  for (int i = 0; i < CBIGAN_N_NETWORKS && a->networks[i]; i++)
    g_assert_cmpmem(a->parameters[i], a->networks[i]->n_floats * 4, b->parameters[i], b->networks[i]->n_floats * 4);
  const gsize pixels = (gsize)a->map.w * a->map.h * 4, means = (gsize)a->critic.positions * a->critic.channels * 4;
  g_assert_cmpint(a->map.w, ==, b->map.w);
  g_assert_cmpint(a->map.h, ==, b->map.h);
  g_assert_cmpint(a->critic.positions, ==, b->critic.positions);
  g_assert_cmpint(a->critic.channels, ==, b->critic.channels);
  g_assert_true(!a->map.mean == !b->map.mean && !a->critic.mean == !b->critic.mean);
  if (a->map.mean) {
    g_assert_cmpmem(a->map.mean, pixels, b->map.mean, pixels);
    g_assert_cmpmem(a->map.deviation, pixels, b->map.deviation, pixels);
    g_assert_cmpmem(a->critic.mean, means, b->critic.mean, means);
    g_assert_cmpmem(a->critic.whitening, means * a->critic.channels, b->critic.whitening, means * a->critic.channels);
  }
  gsize size_a, size_b;
  g_autofree guint8 *bytes_a = cbigan_model_save_bytes(a, NAME, &size_a, NULL);
  g_autofree guint8 *bytes_b = cbigan_model_save_bytes(b, NAME, &size_b, NULL);
  g_assert_cmpmem(bytes_a, size_a, bytes_b, size_b);
  g_unlink(path);
}

/* A locale with a decimal comma changes neither writing nor reading. */
/* A file of before there were several maps has the map of logits, and level and spread or neither. */
static void
test_before_maps(void)
{
  for (int levelled = 0; levelled < 2; levelled++) {
    g_autoptr(CbiganModel) model = sample_model(SAMPLE_INSPECTOR);
    g_autoptr(GError) error = NULL;
    gsize size;
    for (int i = 0; i < CBIGAN_N_MAP_KINDS; i++)
      model->inspector.maps[i].used = i == CBIGAN_MAP_LOGIT;
    model->inspector.maps[CBIGAN_MAP_LOGIT].levelled = levelled;
    cbigan_inspector_drop_unused(&model->inspector);
    g_clear_pointer((gpointer *)&model->info.maps, g_free);
    g_autofree guint8 *bytes = cbigan_model_save_bytes(model, NAME, &size, &error);
    g_assert_no_error(error);
    g_autoptr(CbiganModel) loaded = cbigan_model_load_bytes(bytes, size, NAME, &error);
    g_assert_no_error(error);
    const CbiganInspectorMap *map = &loaded->inspector.maps[CBIGAN_MAP_LOGIT];
    g_assert_true(map->used && map->levelled == levelled && !map->level == !levelled && !map->spread == !levelled);
    g_assert_cmpfloat(map->offset, ==, 0.0);
    g_assert_cmpfloat(map->scale, ==, 1.0);
    g_assert_false(loaded->inspector.maps[CBIGAN_MAP_HIDDEN].used || loaded->inspector.maps[CBIGAN_MAP_BANK].used);
  }
}

static void
test_locale(void)
{
  static const char *const locales[] = { "de_DE.UTF-8", "fr_FR.UTF-8", "de_DE.utf8", "it_IT.UTF-8" };
  g_autoptr(GByteArray) before = sample_bytes(SAMPLE_OBJECT);
  const char *found = NULL;
  for (guint i = 0; i < G_N_ELEMENTS(locales) && !found; i++)
    found = setlocale(LC_NUMERIC, locales[i]);
  if (!found) {
    g_test_skip("no locale with a decimal comma is installed");
    return;
  }
  g_autoptr(GByteArray) after = sample_bytes(SAMPLE_OBJECT);
  g_autoptr(GError) error = NULL;
  g_autoptr(CbiganModel) model = cbigan_model_load_bytes(after->data, after->len, NAME, &error);
  setlocale(LC_NUMERIC, "C");
  g_assert_no_error(error);
  g_assert_cmpfloat(cbigan_model_info(model)->lambda, ==, 1.0 / 3.0);
  g_assert_cmpmem(before->data, before->len, after->data, after->len);
}

/* What other readers of safetensors rely on. */
static void
test_layout(void)
{
  g_autoptr(GByteArray) file = sample_bytes(SAMPLE_OBJECT);
  guint64 n = header_size(file);
  g_assert_cmpuint(n % 8, ==, 0);
  g_assert_cmpint(file->data[8], ==, '{');
  g_autofree char *header = g_strndup((const char *)file->data + 8, n);
  static const char *const parts[] = {
    "\"cbigan.format\":\"1\"",
    "\"cbigan.frame\":\"64x64\"",
    "\"cbigan.feature-tap\":\"hidden\"",
    "\"cbigan.critic-blocks\":\"0,2\"",
    "\"cbigan.threshold\":\"4.71\"",
    "\"cbigan.bf16-error\":\"0.008\"",
    "\"cbigan.good-scores\":\"[1,2.5,1e-300,0.1,1e+300,0.6666666666666666]\"",
    "\"encoder.block0.skip.weight\":{\"dtype\":\"F32\",\"shape\":[1,3,1,1],\"data_offsets\":[0,12]}",
    "\"critic.whitening\":{\"dtype\":\"F32\",\"shape\":[16,4,4]",
  };
  for (guint i = 0; i < G_N_ELEMENTS(parts); i++)
    if (!strstr(header, parts[i]))
      g_error("%s is not in the header: %s", parts[i], header);
}

/* A file that ends anywhere in the header or near it, and at many places in the data. */
static void
test_truncated(void)
{
  g_autoptr(GByteArray) file = sample_bytes(SAMPLE_OBJECT);
  const gsize data = 8 + (gsize)header_size(file), step = (file->len - data) / 199;
  for (gsize size = 0; size < data + 64; size++)
    assert_refused(file->data, size, NULL);
  for (gsize size = data + 64; size < file->len; size += step)
    assert_refused(file->data, size, "tensor “", "truncated?", NULL);
  assert_refused(file->data, file->len - 1, "tensor “critic.whitening”", "truncated?", NULL);
  g_byte_array_append(file, (const guint8 *)"", 1);
  assert_refused(file->data, file->len, "the tensors end at byte", NULL);
}

static void
test_damage(gconstpointer data)
{
  const Damage *d = data;
  g_autoptr(GByteArray) file = sample_bytes(d->kind);
  edit_header(file, d->old, d->new);
  assert_refused(file->data, file->len, d->part, d->second, NULL);
}

static void
test_huge_header(void)
{
  g_autoptr(GByteArray) file = sample_bytes(SAMPLE_PLAIN);
  static const guint64 sizes[] = { 0, 1, (1 << 20) + 1, G_MAXINT64, G_MAXUINT64, G_MAXUINT64 - 7 };
  for (guint i = 0; i < G_N_ELEMENTS(sizes); i++) {
    memcpy(file->data, &sizes[i], 8);
    assert_refused(file->data, file->len, "header of", "1048576", NULL);
  }
}

/* A recursive parser's nightmare. */
static void
test_deep_header(void)
{
  const guint64 n = 1 << 20;
  g_autofree guint8 *file = g_malloc(8 + n);
  memcpy(file, &n, 8);
  memset(file + 8, '[', n);
  assert_refused(file, 8 + n, "nested too deeply", NULL);
  memcpy(file + 8, "{\"a\":\"\\", 7);
  assert_refused(file, 8 + n, "ends too early", NULL);
}

static void
test_not_utf8(void)
{
  g_autoptr(GByteArray) file = sample_bytes(SAMPLE_PLAIN);
  edit_header(file, "\"cbigan.score\":\"paper\"", "\"cbigan.score\":\"p\xff\xfe\xfdr\"");
  assert_refused(file->data, file->len, NULL);
  g_autoptr(GByteArray) surrogate = sample_bytes(SAMPLE_PLAIN);
  edit_header(surrogate, "\"cbigan.score\":\"paper\"", "\"cbigan.score\":\"\\ud800\"");
  assert_refused(surrogate->data, surrogate->len, NULL);
}

/* Each kind of number that must not be in a tensor, in the first, a middle and the last place of the data. */
static void
test_values(void)
{
  static const float bad[] = { NAN, INFINITY, -INFINITY };
  g_autoptr(GByteArray) file = sample_bytes(SAMPLE_OBJECT);
  const gsize data = 8 + (gsize)header_size(file), n = (file->len - data) / 4;
  const struct {
    gsize place;
    const char *tensor;
  } places[] = { { 0, "encoder.block0.skip.weight" }, { n / 2, "discriminator." }, { n - 1, "critic.whitening" } };
  for (guint p = 0; p < G_N_ELEMENTS(places); p++)
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
      guint8 *at = file->data + data + 4 * places[p].place, good[4];
      memcpy(good, at, 4);
      memcpy(at, &bad[i], 4);
      assert_refused(file->data, file->len, places[p].tensor, "finite", NULL);
      memcpy(at, good, 4);
    }
  /* A deviation below zero. */
  g_autoptr(CbiganModel) model = cbigan_model_load_bytes(file->data, file->len, NAME, NULL);
  g_assert_nonnull(model);
  const gsize behind = 16 * 4 + 16 * 4 * 4 + 64 * 64; /* critic.mean, critic.whitening, calibration.deviation */
  const float negative = -1;
  memcpy(file->data + data + 4 * (n - behind), &negative, 4);
  assert_refused(file->data, file->len, "calibration.deviation", "number 0 is -1", NULL);
}

/* Paths that are no model; the code says whether the system or the format is to blame. */
static void
test_paths(void)
{
  g_autofree char *missing = g_build_filename(folder, "missing.safetensors", NULL);
  g_autofree char *empty = g_build_filename(folder, "empty.safetensors", NULL);
  g_autofree char *text = g_build_filename(folder, "README.md", NULL);
  g_autofree char *pipe = g_build_filename(folder, "pipe", NULL);
  g_assert_true(g_file_set_contents(empty, "", 0, NULL));
  g_assert_true(g_file_set_contents(text, "# Read me\nThis is not a model.\n", -1, NULL));
  g_assert_cmpint(mkfifo(pipe, 0600), ==, 0);
  const struct {
    const char *path;
    CbiganError code;
    const char *part;
  } paths[] = {
    { missing, CBIGAN_ERROR_FILE, g_strerror(ENOENT) }, { folder, CBIGAN_ERROR_FILE, g_strerror(EISDIR) },
    { pipe, CBIGAN_ERROR_FILE, "regular file" },        { "/dev/zero", CBIGAN_ERROR_FILE, "regular file" },
    { empty, CBIGAN_ERROR_FORMAT, "0 bytes" },          { text, CBIGAN_ERROR_FORMAT, "not a safetensors file" },
  };
  for (guint i = 0; i < G_N_ELEMENTS(paths); i++) {
    g_autoptr(GError) error = NULL;
    g_assert_null(cbigan_model_load(paths[i].path, &error));
    g_assert_error(error, CBIGAN_ERROR, (int)paths[i].code);
    if (!g_str_has_prefix(error->message, paths[i].path) || !strstr(error->message, paths[i].part))
      g_error("message for %s: %s", paths[i].path, error->message);
  }
  g_unlink(empty);
  g_unlink(text);
  g_unlink(pipe);
}

static guint
files_in_folder(void)
{
  guint n = 0;
  g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
  while (g_dir_read_name(dir))
    n++;
  return n;
}

/* As on a full disk: the write fails half way. The old file stays, and nothing else is left behind. */
static void
test_failed_save(void)
{
  g_autofree char *path = g_build_filename(folder, "kept.safetensors", NULL);
  g_autoptr(CbiganModel) small = sample_model(SAMPLE_PLAIN), large = sample_model(SAMPLE_OBJECT);
  g_assert_true(cbigan_model_save(small, path, NULL));
  g_autofree char *before = NULL, *after = NULL;
  gsize size_before, size_after;
  g_assert_true(g_file_get_contents(path, &before, &size_before, NULL));

  struct rlimit old_limit, limit;
  getrlimit(RLIMIT_FSIZE, &old_limit);
  limit = old_limit;
  limit.rlim_cur = 1 << 20;
  signal(SIGXFSZ, SIG_IGN);
  g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &limit), ==, 0);
  g_autoptr(GError) error = NULL;
  gboolean saved = cbigan_model_save(large, path, &error);
  setrlimit(RLIMIT_FSIZE, &old_limit);
  g_assert_false(saved);
  g_assert_error(error, CBIGAN_ERROR, CBIGAN_ERROR_FILE);
  g_assert_true(g_str_has_prefix(error->message, path));
  g_assert_nonnull(strstr(error->message, g_strerror(EFBIG)));
  g_assert_true(g_file_get_contents(path, &after, &size_after, NULL));
  g_assert_cmpmem(before, size_before, after, size_after);
  g_assert_cmpuint(files_in_folder(), ==, 1);

  g_clear_error(&error);
  g_autofree char *nowhere = g_build_filename(folder, "missing", "m.safetensors", NULL);
  g_assert_false(cbigan_model_save(large, nowhere, &error));
  g_assert_error(error, CBIGAN_ERROR, CBIGAN_ERROR_FILE);
  g_unlink(path);
}

static void
break_nan(CbiganModel *m)
{
  m->parameters[CBIGAN_GENERATOR][5] = NAN;
}

static void
break_lambda(CbiganModel *m)
{
  m->info.lambda = 2;
}

static void
break_threshold(CbiganModel *m)
{
  m->info.threshold = INFINITY;
}

static void
break_bf16_error(CbiganModel *m)
{
  m->info.bf16_error = -0.001;
}

static void
break_frame(CbiganModel *m)
{
  m->info.frame_width = m->info.frame_height = 65;
}

static void
break_grid(CbiganModel *m)
{
  m->info.critic_grid = 5;
}

static void
break_scores(CbiganModel *m)
{
  m->info.scores[CBIGAN_SCORE_CRITIC] = FALSE;
}

/* A model that could not be read again is not written. */
static void
test_bad_save(void)
{
  static void (*const breaks[])(CbiganModel *) = { break_nan,   break_lambda, break_threshold, break_bf16_error,
                                                   break_frame, break_grid,   break_scores };
  g_autofree char *path = g_build_filename(folder, "bad.safetensors", NULL);
  for (guint i = 0; i < G_N_ELEMENTS(breaks); i++) {
    g_autoptr(CbiganModel) model = sample_model(SAMPLE_OBJECT);
    breaks[i](model);
    g_autoptr(GError) error = NULL;
    g_assert_false(cbigan_model_save(model, path, &error));
    g_assert_error(error, CBIGAN_ERROR, CBIGAN_ERROR_FORMAT);
    g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
  }
}

static void
test_names(void)
{
  for (int i = 0; i < CBIGAN_N_SCORES; i++) {
    CbiganScoreKind kind = CBIGAN_SCORE_MODEL;
    g_assert_true(cbigan_score_from_name(cbigan_score_name((CbiganScoreKind)i), &kind));
    g_assert_cmpint(kind, ==, i);
  }
  CbiganScoreKind kind;
  g_assert_false(cbigan_score_from_name("", &kind));
  g_assert_false(cbigan_score_from_name("Paper", &kind));
  const CbiganModelInfo info = { .width = 4, .critic_blocks = 1u << 1 | 1u << 5 };
  g_assert_cmpint(cbigan_model_critic_channels(&info), ==, 4 * (2 + 16));
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  folder = g_dir_make_tmp("cbigan-model-XXXXXX", NULL);
  g_assert_nonnull(folder);
  static const char *const kinds[N_SAMPLES] = { "plain", "object", "everywhere", "inspector", "surface" };
  for (int i = 0; i < N_SAMPLES; i++) {
    g_autofree char *path = g_strconcat("/model-file/round-trip/", kinds[i], NULL);
    g_test_add_data_func(path, GINT_TO_POINTER(i), test_round_trip);
  }
  for (guint i = 0; i < G_N_ELEMENTS(damages); i++) {
    g_autofree char *path = g_strconcat("/model-file/damage/", damages[i].name, NULL);
    g_test_add_data_func(path, &damages[i], test_damage);
  }
  g_test_add_func("/model-file/before-maps", test_before_maps);
  g_test_add_func("/model-file/locale", test_locale);
  g_test_add_func("/model-file/layout", test_layout);
  g_test_add_func("/model-file/truncated", test_truncated);
  g_test_add_func("/model-file/huge-header", test_huge_header);
  g_test_add_func("/model-file/deep-header", test_deep_header);
  g_test_add_func("/model-file/not-utf8", test_not_utf8);
  g_test_add_func("/model-file/values", test_values);
  g_test_add_func("/model-file/paths", test_paths);
  g_test_add_func("/model-file/failed-save", test_failed_save);
  g_test_add_func("/model-file/bad-save", test_bad_save);
  g_test_add_func("/model-file/names", test_names);
  int result = g_test_run();
  g_rmdir(folder);
  g_free(folder);
  return result;
}
