/* safetensors.c - reads and writes the container of a model file
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * 8 bytes little-endian header length n; n bytes JSON, padded with blanks so that the data starts at a multiple of 8;
 * the data. As in https://github.com/huggingface/safetensors the tensors fill the data without gap or overlap.
 */
#include "model/safetensors.h"

#include <json-glib/json-glib.h>
#include <string.h>

#include "cbigan.h"
#include "i18n.h"

#define METADATA "__metadata__"
#define DEPTH 3 /* { "name": { "shape": [] } } */

typedef struct {
  CbiganTensor tensor;
  guint64 begin, end; /* bytes from the start of the data */
} Entry;

gboolean
cbigan_format_error(GError **error, const char *file, const char *format, ...)
{
  va_list args;
  va_start(args, format);
  g_autofree char *raw = g_strdup_vprintf(format, args);
  g_autofree char *message = g_utf8_make_valid(raw, -1); /* json-glib's message may quote a part of the file */
  va_end(args);
  g_set_error(error, CBIGAN_ERROR, CBIGAN_ERROR_FORMAT, "%s: %s", file, message);
  return FALSE;
}

guint64
cbigan_tensor_elements(const gint64 *dims, int n_dims)
{
  guint64 elements = 1;
  for (int i = 0; i < n_dims; i++)
    if (dims[i] < 0 || !g_uint64_checked_mul(&elements, elements, (guint64)dims[i]))
      return G_MAXUINT64;
  return elements;
}

char *
cbigan_tensor_shape(const gint64 *dims, int n_dims)
{
  GString *text = g_string_new("[");
  for (int i = 0; i < n_dims; i++)
    g_string_append_printf(text, "%s%" G_GINT64_FORMAT, i ? ", " : "", dims[i]);
  return g_string_free(g_string_append_c(text, ']'), FALSE);
}

gboolean
cbigan_json_check(const char *text, gsize length, int depth, const char **reason)
{
  gboolean in_string = FALSE;
  int open = 0;
  *reason = _("it contains something that JSON doesn't know");
  for (gsize i = 0; i < length; i++) {
    guchar c = (guchar)text[i];
    if (in_string) {
      if (c < 0x20)
        return FALSE;
      if (c == '\\')
        i++;
      else if (c == '"')
        in_string = FALSE;
    } else if (c == '"') {
      in_string = TRUE;
    } else if (c == '{' || c == '[') {
      if (++open > depth) {
        *reason = _("it is nested too deeply");
        return FALSE;
      }
    } else if (c == '}' || c == ']') {
      open--;
    } else if (!g_ascii_isalnum(c) && !(c && strchr("+-.:, \t\r\n", c))) {
      return FALSE;
    }
  }
  *reason = _("it ends too early");
  return !in_string && open == 0;
}

/* Reads [1, 2, 3]: integers >= 0, `most` at most; their number, or -1. json-glib turns an integer that is too large
 * into G_MAXINT64 since version 1.10, and into a negative one before. */
static int
read_integers(JsonObject *object, const char *member, gint64 *values, guint most)
{
  JsonNode *node = json_object_get_member(object, member);
  if (!node || !JSON_NODE_HOLDS_ARRAY(node))
    return -1;
  JsonArray *array = json_node_get_array(node);
  guint n = json_array_get_length(array);
  if (n > most)
    return -1;
  for (guint i = 0; i < n; i++) {
    JsonNode *element = json_array_get_element(array, i);
    if (!JSON_NODE_HOLDS_VALUE(element) || json_node_get_value_type(element) != G_TYPE_INT64 ||
        json_node_get_int(element) < 0 || json_node_get_int(element) == G_MAXINT64)
      return -1;
    values[i] = json_node_get_int(element);
  }
  return (int)n;
}

static const char *
read_string(JsonNode *node)
{
  return node && JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_STRING
             ? json_node_get_string(node)
             : NULL;
}

static gboolean
read_metadata(CbiganSafetensors *self, JsonNode *node, const char *file, GError **error)
{
  if (!JSON_NODE_HOLDS_OBJECT(node))
    return cbigan_format_error(error, file, _("“%s” in the header is not an object of strings"), METADATA);
  JsonObjectIter iter;
  const char *key;
  JsonNode *value;
  json_object_iter_init(&iter, json_node_get_object(node));
  while (json_object_iter_next(&iter, &key, &value)) {
    const char *string = read_string(value);
    if (!string)
      return cbigan_format_error(error, file, _("metadata key “%s” is not a string"), key);
    g_hash_table_insert(self->metadata, g_strdup(key), g_strdup(string));
  }
  return TRUE;
}

static gboolean
read_entry(Entry *entry, const char *name, JsonNode *node, guint64 data_size, const char *file, GError **error)
{
  if (!JSON_NODE_HOLDS_OBJECT(node))
    return cbigan_format_error(error, file, _("tensor “%s” is not described by an object"), name);
  JsonObject *object = json_node_get_object(node);
  const char *dtype = read_string(json_object_get_member(object, "dtype"));
  if (g_strcmp0(dtype, "F32"))
    return cbigan_format_error(error, file, _("tensor “%s” has type %s; expected F32"), name,
                               dtype ? dtype : _("none"));
  CbiganTensor *t = &entry->tensor;
  t->n_dims = read_integers(object, "shape", t->dims, CBIGAN_MAX_DIMS);
  if (t->n_dims < 0)
    return cbigan_format_error(error, file, _("tensor “%s”: its shape is not a list of at most %d sizes"), name,
                               CBIGAN_MAX_DIMS);
  gint64 offsets[2];
  if (read_integers(object, "data_offsets", offsets, 2) != 2 || offsets[0] > offsets[1])
    return cbigan_format_error(error, file, _("tensor “%s”: its data_offsets are not two rising numbers"), name);
  entry->begin = (guint64)offsets[0];
  entry->end = (guint64)offsets[1];
  guint64 elements = cbigan_tensor_elements(t->dims, t->n_dims), bytes = entry->end - entry->begin;
  if (entry->end > data_size)
    return cbigan_format_error(error, file,
                               _("tensor “%s” ends at byte %llu of the data, but the file has only %llu: truncated?"),
                               name, (unsigned long long)entry->end, (unsigned long long)data_size);
  if (elements > G_MAXUINT64 / 4 || bytes != elements * 4) {
    g_autofree char *shape = cbigan_tensor_shape(t->dims, t->n_dims);
    return cbigan_format_error(error, file,
                               _("tensor “%s” takes %llu bytes, which doesn't fit its shape %s of 4-byte numbers"),
                               name, (unsigned long long)bytes, shape);
  }
  return TRUE;
}

static int
by_begin(gconstpointer a, gconstpointer b)
{
  const Entry *x = a, *y = b;
  if (x->begin != y->begin)
    return x->begin < y->begin ? -1 : 1;
  return x->end < y->end ? -1 : x->end > y->end;
}

/* The tensors must fill the data one after another: nothing overlaps, nothing is left over. */
static gboolean
check_order(GArray *entries, guint64 data_size, const char *file, GError **error)
{
  g_array_sort(entries, by_begin);
  guint64 end = 0;
  for (guint i = 0; i < entries->len; i++) {
    const Entry *entry = &g_array_index(entries, Entry, i);
    if (entry->begin != end)
      return cbigan_format_error(
          error, file, _("tensor “%s” starts at byte %llu of the data; expected %llu, where the one before it ends"),
          entry->tensor.name, (unsigned long long)entry->begin, (unsigned long long)end);
    end = entry->end;
  }
  if (end != data_size)
    return cbigan_format_error(error, file, _("the tensors end at byte %llu of the data, but the file has %llu"),
                               (unsigned long long)end, (unsigned long long)data_size);
  return TRUE;
}

static gboolean
read_header(CbiganSafetensors *self, JsonObject *root, guint64 data, guint64 size, const char *file, GError **error)
{
  const guint64 data_size = size - data;
  g_autoptr(GArray) entries = g_array_new(FALSE, TRUE, sizeof(Entry));
  JsonObjectIter iter;
  const char *name;
  JsonNode *node;
  json_object_iter_init(&iter, root);
  while (json_object_iter_next(&iter, &name, &node)) {
    Entry entry = { .tensor = { .name = name } };
    if (!strcmp(name, METADATA)) {
      if (!read_metadata(self, node, file, error))
        return FALSE;
      continue;
    }
    if (!read_entry(&entry, name, node, data_size, file, error))
      return FALSE;
    g_array_append_val(entries, entry);
  }
  if (!check_order(entries, data_size, file, error))
    return FALSE;
  for (guint i = 0; i < entries->len; i++) {
    const Entry *entry = &g_array_index(entries, Entry, i);
    CbiganTensor *tensor = g_memdup2(&entry->tensor, sizeof *tensor);
    char *key = g_strdup(tensor->name);
    tensor->name = key;
    tensor->begin = data + entry->begin;
    g_hash_table_insert(self->tensors, key, tensor);
  }
  return TRUE;
}

typedef struct {
  GHashTable *seen; /* "object member" */
  char *twice;
} Duplicates;

/* json-glib keeps the last of two members with the same name; two readers must not see two different files. */
static void
on_member(JsonParser *parser, JsonObject *object, const char *member, gpointer data)
{
  Duplicates *duplicates = data;
  if (!g_hash_table_add(duplicates->seen, g_strdup_printf("%p %s", (void *)object, member)) && !duplicates->twice)
    duplicates->twice = g_strdup(member);
}

static gboolean
parse_json(JsonParser *parser, const char *text, gsize length, const char *file, GError **error)
{
  const char *reason;
  if (!cbigan_json_check(text, length, DEPTH, &reason))
    return cbigan_format_error(error, file, _("the header is not the JSON of a safetensors file: %s"), reason);
  g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  Duplicates duplicates = { seen, NULL };
  gulong handler = g_signal_connect(parser, "object-member", G_CALLBACK(on_member), &duplicates);
  g_autoptr(GError) reported = NULL;
  gboolean parsed = json_parser_load_from_data(parser, text, (gssize)length, &reported);
  g_signal_handler_disconnect(parser, handler);
  g_autofree char *twice = duplicates.twice;
  if (!parsed)
    return cbigan_format_error(error, file, _("the header is not the JSON of a safetensors file: %s"),
                               reported->message);
  if (twice)
    return cbigan_format_error(error, file, _("“%s” stands twice in the header"), twice);
  JsonNode *root = json_parser_get_root(parser);
  if (!root || !JSON_NODE_HOLDS_OBJECT(root))
    return cbigan_format_error(error, file, _("the header is not a JSON object"));
  return TRUE;
}

gsize
cbigan_safetensors_length(const guint8 *prefix, guint64 size, const char *file, GError **error)
{
  guint64 length = 0;
  if (size < CBIGAN_SAFETENSORS_PREFIX) {
    cbigan_format_error(error, file, _("%zu bytes, too short for a safetensors file"), (gsize)size);
    return 0;
  }
  memcpy(&length, prefix, sizeof length);
  length = GUINT64_FROM_LE(length);
  if (length < 2 || length > CBIGAN_MAX_HEADER) {
    cbigan_format_error(error, file, _("not a safetensors file: header of %llu bytes; expected 2 to %d"),
                        (unsigned long long)length, CBIGAN_MAX_HEADER);
    return 0;
  }
  if (length > size - CBIGAN_SAFETENSORS_PREFIX) {
    cbigan_format_error(error, file, _("header of %llu bytes, but only %zu follow: truncated?"),
                        (unsigned long long)length, (gsize)(size - CBIGAN_SAFETENSORS_PREFIX));
    return 0;
  }
  return (gsize)length;
}

CbiganSafetensors *
cbigan_safetensors_parse(const char *header, gsize length, guint64 size, const char *file, GError **error)
{
  g_autoptr(CbiganSafetensors) self = g_new0(CbiganSafetensors, 1);
  self->tensors = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  self->metadata = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  g_autoptr(JsonParser) parser = json_parser_new();
  if (!parse_json(parser, header, length, file, error) ||
      !read_header(self, json_node_get_object(json_parser_get_root(parser)), CBIGAN_SAFETENSORS_PREFIX + length, size,
                   file, error))
    return NULL;
  return g_steal_pointer(&self);
}

void
cbigan_safetensors_free(CbiganSafetensors *self)
{
  if (!self)
    return;
  g_hash_table_unref(self->tensors);
  g_hash_table_unref(self->metadata);
  g_free(self);
}

static void
add_integers(JsonBuilder *json, const char *member, const gint64 *values, int n)
{
  json_builder_set_member_name(json, member);
  json_builder_begin_array(json);
  for (int i = 0; i < n; i++)
    json_builder_add_int_value(json, values[i]);
  json_builder_end_array(json);
}

/* The JSON header; *data_size: bytes of all tensors. */
static GString *
build_header(const char *const *keys, char *const *values, guint n_keys, const CbiganTensor *tensors, guint n_tensors,
             guint64 *data_size)
{
  g_autoptr(JsonBuilder) json = json_builder_new();
  json_builder_begin_object(json);
  json_builder_set_member_name(json, METADATA);
  json_builder_begin_object(json);
  for (guint i = 0; i < n_keys; i++) {
    json_builder_set_member_name(json, keys[i]);
    json_builder_add_string_value(json, values[i]);
  }
  json_builder_end_object(json);
  gint64 offsets[2] = { 0, 0 };
  for (guint i = 0; i < n_tensors; i++) {
    offsets[0] = offsets[1];
    offsets[1] += 4 * (gint64)cbigan_tensor_elements(tensors[i].dims, tensors[i].n_dims);
    json_builder_set_member_name(json, tensors[i].name);
    json_builder_begin_object(json);
    json_builder_set_member_name(json, "dtype");
    json_builder_add_string_value(json, "F32");
    add_integers(json, "shape", tensors[i].dims, tensors[i].n_dims);
    add_integers(json, "data_offsets", offsets, 2);
    json_builder_end_object(json);
  }
  json_builder_end_object(json);
  *data_size = (guint64)offsets[1];

  g_autoptr(JsonNode) root = json_builder_get_root(json);
  g_autofree char *text = json_to_string(root, FALSE);
  GString *header = g_string_new(text);
  while (header->len % 8)
    g_string_append_c(header, ' ');
  return header;
}

guint8 *
cbigan_safetensors_build(const char *const *keys, char *const *values, guint n_keys, const CbiganTensor *tensors,
                         guint n_tensors, const char *file, gsize *size, GError **error)
{
  guint64 data_size;
  g_autoptr(GString) header = build_header(keys, values, n_keys, tensors, n_tensors, &data_size);
  if (header->len > CBIGAN_MAX_HEADER) {
    cbigan_format_error(error, file, _("the header would take %zu bytes, at most %d are allowed"), header->len,
                        CBIGAN_MAX_HEADER);
    return NULL;
  }
  guint64 length = GUINT64_TO_LE((guint64)header->len), total = sizeof length + header->len + data_size;
  guint8 *bytes = total <= G_MAXSIZE ? g_try_malloc((gsize)total) : NULL;
  if (!bytes) {
    cbigan_format_error(error, file, _("out of memory for the %llu bytes of the file"), (unsigned long long)total);
    return NULL;
  }
  guint8 *at = bytes;
  memcpy(at, &length, sizeof length);
  memcpy(at += sizeof length, header->str, header->len);
  at += header->len;
  for (guint i = 0; i < n_tensors; i++) {
    gsize n = 4 * (gsize)cbigan_tensor_elements(tensors[i].dims, tensors[i].n_dims);
    memcpy(at, tensors[i].data, n);
    at += n;
  }
  *size = (gsize)total;
  return bytes;
}
