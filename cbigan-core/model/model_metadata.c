/* model_metadata.c - the metadata keys of a model file, as one table
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * To add a key: a field in CbiganModelInfo, a row in `keys` with its two functions, a line in docs/model-format.md. A
 * key that older versions must not ignore needs a new `cbigan.format`.
 */
#include "model/model_metadata.h"

#include <json-glib/json-glib.h>
#include <math.h>
#include <string.h>

#include "i18n.h"
#include "model/inspector_metadata.h"
#include "model/metadata_values.h"
#include "model/safetensors.h"

#define PREFIX "cbigan."
#define MAX_GRID 128
#define N_BLOCKS 6

static const char *const tap_names[] = { [CBIGAN_TAP_FIRST] = "first", [CBIGAN_TAP_HIDDEN] = "hidden" };

static gboolean
read_format(const char *text, CbiganModelInfo *info)
{
  info->scores[CBIGAN_SCORE_INSPECTOR] = !strcmp(text, "2");
  return !strcmp(text, "1") || !strcmp(text, "2");
}

static char *
write_format(const CbiganModelInfo *info)
{
  return g_strdup(info->scores[CBIGAN_SCORE_INSPECTOR] ? "2" : "1");
}

static gboolean
read_width(const char *text, CbiganModelInfo *info)
{
  return cbigan_metadata_read_integer(text, 1, CBIGAN_MAX_WIDTH, &info->width);
}

static char *
write_width(const CbiganModelInfo *info)
{
  return cbigan_metadata_write_integer(info->width);
}

static gboolean
read_latent(const char *text, CbiganModelInfo *info)
{
  return cbigan_metadata_read_integer(text, CBIGAN_LATENT, CBIGAN_LATENT, &info->latent);
}

static char *
write_latent(const CbiganModelInfo *info)
{
  return cbigan_metadata_write_integer(info->latent);
}

static gboolean
read_patch(const char *text, CbiganModelInfo *info)
{
  return cbigan_metadata_read_integer(text, 64, 128, &info->patch) && (info->patch == 64 || info->patch == 128);
}

static char *
write_patch(const CbiganModelInfo *info)
{
  return cbigan_metadata_write_integer(info->patch);
}

static gboolean
read_frame(const char *text, CbiganModelInfo *info)
{
  info->frame_width = info->frame_height = 0;
  if (!strcmp(text, "native"))
    return TRUE;
  g_auto(GStrv) sides = g_strsplit(text, "x", 3);
  const gboolean inspector = info->scores[CBIGAN_SCORE_INSPECTOR];
  const int least = inspector ? CBIGAN_INSPECTOR_STEP : info->patch, step = inspector ? CBIGAN_INSPECTOR_STEP : 1;
  return g_strv_length(sides) == 2 &&
         cbigan_metadata_read_integer(sides[0], (guint64)least, CBIGAN_MAX_FRAME, &info->frame_width) &&
         cbigan_metadata_read_integer(sides[1], (guint64)least, CBIGAN_MAX_FRAME, &info->frame_height) &&
         info->frame_width % step == 0 && info->frame_height % step == 0;
}

static char *
write_frame(const CbiganModelInfo *info)
{
  return info->frame_width ? g_strdup_printf("%dx%d", info->frame_width, info->frame_height) : g_strdup("native");
}

static gboolean
read_tap(const char *text, CbiganModelInfo *info)
{
  for (guint i = 0; i < G_N_ELEMENTS(tap_names); i++)
    if (!strcmp(text, tap_names[i])) {
      info->tap = (CbiganFeatureTap)i;
      return TRUE;
    }
  return FALSE;
}

static char *
write_tap(const CbiganModelInfo *info)
{
  return g_strdup(tap_names[info->tap]);
}

static gboolean
read_lambda(const char *text, CbiganModelInfo *info)
{
  return cbigan_metadata_read_number(text, 0, 1, &info->lambda);
}

static char *
write_lambda(const CbiganModelInfo *info)
{
  return cbigan_metadata_write_number(info->lambda);
}

static gboolean
read_score(const char *text, CbiganModelInfo *info)
{
  return cbigan_score_from_name(text, &info->score) &&
         (info->score == CBIGAN_SCORE_INSPECTOR) == info->scores[CBIGAN_SCORE_INSPECTOR];
}

static char *
write_score(const CbiganModelInfo *info)
{
  return g_strdup(cbigan_score_name(info->score));
}

static gboolean
read_blocks(const char *text, CbiganModelInfo *info)
{
  g_auto(GStrv) blocks = g_strsplit(text, ",", N_BLOCKS + 1);
  int last = -1, block;
  for (char **b = blocks; *b; b++, last = block) {
    if (!cbigan_metadata_read_integer(*b, 0, N_BLOCKS - 1, &block) || block <= last)
      return FALSE;
    info->critic_blocks |= 1u << block;
  }
  return last >= 0;
}

static char *
write_blocks(const CbiganModelInfo *info)
{
  if (!info->scores[CBIGAN_SCORE_CRITIC])
    return NULL;
  GString *text = g_string_new(NULL);
  for (int i = 0; i < N_BLOCKS; i++)
    if (info->critic_blocks & 1u << i)
      g_string_append_printf(text, "%s%d", text->len ? "," : "", i);
  return g_string_free(text, FALSE);
}

static gboolean
read_grid(const char *text, CbiganModelInfo *info)
{
  return cbigan_metadata_read_integer(text, 1, MAX_GRID, &info->critic_grid);
}

static char *
write_grid(const CbiganModelInfo *info)
{
  return info->scores[CBIGAN_SCORE_CRITIC] ? cbigan_metadata_write_integer(info->critic_grid) : NULL;
}

static gboolean
read_light(const char *text, CbiganModelInfo *info)
{
  g_auto(GStrv) parts = g_strsplit(text, ",", 0);
  return g_strv_length(parts) == 2 && cbigan_metadata_read_number(parts[0], -1, 1, &info->light_low) &&
         cbigan_metadata_read_number(parts[1], -1, 1, &info->light_median) && info->light_low < info->light_median;
}

static char *
write_light(const CbiganModelInfo *info)
{
  if (isnan(info->light_low))
    return NULL;
  g_autofree char *low = cbigan_metadata_write_number(info->light_low),
                  *median = cbigan_metadata_write_number(info->light_median);
  return g_strconcat(low, ",", median, NULL);
}

static gboolean
read_threshold(const char *text, CbiganModelInfo *info)
{
  return cbigan_metadata_read_number(text, 0, G_MAXDOUBLE, &info->threshold);
}

static char *
write_threshold(const CbiganModelInfo *info)
{
  return isnan(info->threshold) ? NULL : cbigan_metadata_write_number(info->threshold);
}

static gboolean
read_bf16_error(const char *text, CbiganModelInfo *info)
{
  return cbigan_metadata_read_number(text, 0, G_MAXDOUBLE, &info->bf16_error);
}

static char *
write_bf16_error(const CbiganModelInfo *info)
{
  return isnan(info->bf16_error) ? NULL : cbigan_metadata_write_number(info->bf16_error);
}

static gboolean
read_good_scores(const char *text, CbiganModelInfo *info)
{
  g_autoptr(JsonNode) root = cbigan_metadata_read_json(text, 1, JSON_NODE_ARRAY);
  if (!root)
    return FALSE;
  JsonArray *array = json_node_get_array(root);
  guint n = json_array_get_length(array);
  g_autofree double *scores = g_new(double, n);
  for (guint i = 0; i < n; i++) {
    JsonNode *element = json_array_get_element(array, i);
    GType type = JSON_NODE_HOLDS_VALUE(element) ? json_node_get_value_type(element) : G_TYPE_NONE;
    if (type != G_TYPE_INT64 && type != G_TYPE_DOUBLE)
      return FALSE;
    scores[i] = json_node_get_double(element);
    if (!isfinite(scores[i]) || scores[i] < 0)
      return FALSE;
  }
  info->n_good_scores = n;
  info->good_scores = g_steal_pointer(&scores);
  return TRUE;
}

static char *
write_good_scores(const CbiganModelInfo *info)
{
  if (!info->n_good_scores)
    return NULL;
  GString *text = g_string_new("[");
  for (guint i = 0; i < info->n_good_scores; i++) {
    g_autofree char *number = cbigan_metadata_write_number(info->good_scores[i]);
    g_string_append_printf(text, "%s%s", i ? "," : "", number);
  }
  return g_string_free(g_string_append_c(text, ']'), FALSE);
}

static gboolean
read_training(const char *text, CbiganModelInfo *info)
{
  g_autoptr(JsonNode) root = cbigan_metadata_read_json(text, CBIGAN_METADATA_JSON_DEPTH, JSON_NODE_OBJECT);
  if (!root)
    return FALSE;
  info->training = g_strdup(text);
  return TRUE;
}

static char *
write_training(const CbiganModelInfo *info)
{
  return g_strdup(info->training);
}

/* In the order in which they are read: the frame is checked against the patch. */
typedef enum { BOTH, CBIGAN, INSPECTOR } Kind; /* which models have the key */
static const struct {
  const char *name;
  Kind kind;
  gboolean required;
  gboolean (*read)(const char *text, CbiganModelInfo *info); /* FALSE: the value is not as `expected` says */
  char *(*write)(const CbiganModelInfo *info);               /* NULL: leave the key out */
  const char *expected;
} keys[] = {
  { PREFIX "format", BOTH, TRUE, read_format, write_format, N_("1 or 2, the versions that this program knows") },
  { PREFIX "width", BOTH, TRUE, read_width, write_width, N_("a whole number from 1 to 64") },
  { PREFIX "latent", CBIGAN, TRUE, read_latent, write_latent, "64" },
  { PREFIX "patch", CBIGAN, TRUE, read_patch, write_patch, N_("64 or 128") },
  { PREFIX "frame", BOTH, TRUE, read_frame, write_frame,
    N_("“native” or WIDTHxHEIGHT in pixels, from the patch's side to 16384; of an inspector multiples of 16") },
  { PREFIX "feature-tap", CBIGAN, TRUE, read_tap, write_tap, N_("“first” or “hidden”") },
  { PREFIX "lambda", CBIGAN, TRUE, read_lambda, write_lambda, N_("a number from 0 to 1") },
  { PREFIX "score", BOTH, FALSE, read_score, write_score,
    N_("“paper”, “calibrated” or “critic”, or of an inspector “inspector”") },
  { PREFIX "critic-blocks", CBIGAN, FALSE, read_blocks, write_blocks, N_("rising numbers from 0 to 5, such as 0,1,2") },
  { PREFIX "critic-grid", CBIGAN, FALSE, read_grid, write_grid, N_("a whole number from 1 to 128") },
  { PREFIX "light", CBIGAN, FALSE, read_light, write_light, N_("two numbers from -1 to 1, the smaller one first") },
  { PREFIX "threshold", BOTH, FALSE, read_threshold, write_threshold, N_("a finite number, 0 or more") },
  { PREFIX "bf16-error", CBIGAN, FALSE, read_bf16_error, write_bf16_error, N_("a finite number, 0 or more") },
  { PREFIX "upright", INSPECTOR, FALSE, cbigan_metadata_read_upright, cbigan_metadata_write_upright,
    N_("WIDTHxHEIGHT in pixels, multiples of 16, with a frame of one size") },
  { PREFIX "upright-box", INSPECTOR, FALSE, cbigan_metadata_read_upright_box, cbigan_metadata_write_upright_box,
    N_("four numbers: left, right, top and bottom, with cbigan.upright") },
  { PREFIX "summary", INSPECTOR, TRUE, cbigan_metadata_read_summary, cbigan_metadata_write_summary,
    N_("“peak”, “top” or “few”") },
  { PREFIX "overlap", INSPECTOR, FALSE, cbigan_metadata_read_overlap, cbigan_metadata_write_overlap, N_("“shared”") },
  { PREFIX "maps", INSPECTOR, FALSE, cbigan_metadata_read_maps, cbigan_metadata_write_maps,
    N_("NAME:OFFSET:SCALE, one or several with a comma in between, scale above 0; “-n” behind a name needs a frame of "
       "one size") },
  { PREFIX "proxy", INSPECTOR, FALSE, cbigan_metadata_read_proxy, cbigan_metadata_write_proxy,
    N_("a number from 0 to 1") },
  { PREFIX "proxies", INSPECTOR, FALSE, cbigan_metadata_read_proxies, cbigan_metadata_write_proxies,
    N_("a JSON object of numbers from 0 to 1") },
  { PREFIX "good-scores", BOTH, FALSE, read_good_scores, write_good_scores, N_("a JSON array of numbers, 0 or more") },
  { PREFIX "training", BOTH, FALSE, read_training, write_training, N_("a JSON object") },
  { PREFIX "good-pictures", BOTH, FALSE, cbigan_usual_read, cbigan_usual_write,
    N_("a JSON object with the measures of good pictures") },
};

static gboolean
has_key(const CbiganModelInfo *info, guint i)
{
  return keys[i].kind == BOTH || keys[i].kind == (info->scores[CBIGAN_SCORE_INSPECTOR] ? INSPECTOR : CBIGAN);
}

/* Other programs may add keys of their own; a key that begins with "cbigan." is a mistake or comes from a later
 * version. */
static gboolean
check_unknown(GHashTable *metadata, const CbiganModelInfo *info, const char *file, GError **error)
{
  GHashTableIter iter;
  gpointer key;
  g_hash_table_iter_init(&iter, metadata);
  while (g_hash_table_iter_next(&iter, &key, NULL)) {
    gboolean known = !g_str_has_prefix(key, PREFIX);
    for (guint i = 0; i < G_N_ELEMENTS(keys) && !known; i++)
      known = has_key(info, i) && !strcmp(key, keys[i].name);
    if (!known)
      return cbigan_format_error(error, file, _("unknown metadata key “%s”"), (const char *)key);
  }
  return TRUE;
}

gboolean
cbigan_metadata_read(GHashTable *metadata, CbiganModelInfo *info, const char *file, GError **error)
{
  *info = (CbiganModelInfo){
    .light_low = NAN, .light_median = NAN, .threshold = NAN, .bf16_error = NAN, .proxy = NAN, .lambda = NAN
  };
  for (guint i = 0; i < G_N_ELEMENTS(keys); i++) {
    if (!has_key(info, i))
      continue;
    const char *text = g_hash_table_lookup(metadata, keys[i].name);
    if (!text && keys[i].required)
      return cbigan_format_error(error, file, _("metadata key “%s” is missing; expected %s"), keys[i].name,
                                 _(keys[i].expected));
    if (text && !keys[i].read(text, info))
      return cbigan_format_error(error, file, _("metadata key “%s” is “%.60s”; expected %s"), keys[i].name, text,
                                 _(keys[i].expected));
  }
  if (info->scores[CBIGAN_SCORE_INSPECTOR])
    info->score = CBIGAN_SCORE_INSPECTOR;
  if (info->upright_width && !(info->upright_box[0] < info->upright_box[1]))
    return cbigan_format_error(error, file, _("metadata key “%s” is missing, “%s” needs it"), PREFIX "upright-box",
                               PREFIX "upright");
  return check_unknown(metadata, info, file, error);
}

void
cbigan_metadata_write(const CbiganModelInfo *info, GPtrArray *names, GPtrArray *values)
{
  for (guint i = 0; i < G_N_ELEMENTS(keys); i++) {
    char *value = has_key(info, i) ? keys[i].write(info) : NULL;
    if (!value)
      continue;
    g_ptr_array_add(names, (gpointer)keys[i].name);
    g_ptr_array_add(values, value);
  }
}
