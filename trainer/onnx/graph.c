/* graph.c - an ONNX graph that grows node by node, written by protobuf-c
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "graph.h"

#include <string.h>

#include "config.h"
#include "onnx.pb-c.h"

#define IR_VERSION 8 /* the oldest that allows opset 17 */
#define OPSET 17

struct _CbiganOnnxGraph {
  Onnx__ModelProto *model; /* all of it is freed with protobuf-c, which frees as g_free() does */
  GPtrArray *nodes, *constants, *inputs, *outputs, *notes;
  GStringChunk *names;
  guint n_names;
};

CbiganOnnxGraph *
cbigan_onnx_graph_new(void)
{
  CbiganOnnxGraph *self = g_new0(CbiganOnnxGraph, 1);
  self->model = g_new(Onnx__ModelProto, 1);
  onnx__model_proto__init(self->model);
  GPtrArray **const lists[] = { &self->nodes, &self->constants, &self->inputs, &self->outputs, &self->notes };
  for (guint i = 0; i < G_N_ELEMENTS(lists); i++)
    *lists[i] = g_ptr_array_new();
  self->names = g_string_chunk_new(4096);
  return self;
}

/* Hands the lists over to the model, which then owns and frees them. */
static void
complete(CbiganOnnxGraph *self)
{
  Onnx__ModelProto *m = self->model;
  if (m->graph)
    return;
  m->graph = g_new(Onnx__GraphProto, 1);
  onnx__graph_proto__init(m->graph);
  m->has_ir_version = TRUE;
  m->ir_version = IR_VERSION;
  m->producer_name = g_strdup(PACKAGE);
  m->producer_version = g_strdup(VERSION);
  m->n_opset_import = 1;
  m->opset_import = g_new(Onnx__OperatorSetIdProto *, 1);
  m->opset_import[0] = g_new(Onnx__OperatorSetIdProto, 1);
  onnx__operator_set_id_proto__init(m->opset_import[0]);
  m->opset_import[0]->has_version = TRUE;
  m->opset_import[0]->version = OPSET;
  m->graph->name = g_strdup(PACKAGE);
  m->graph->n_node = self->nodes->len;
  m->graph->n_initializer = self->constants->len;
  m->graph->n_input = self->inputs->len;
  m->graph->n_output = self->outputs->len;
  m->n_metadata_props = self->notes->len;
  m->graph->node = (Onnx__NodeProto **)g_ptr_array_free(self->nodes, FALSE);
  m->graph->initializer = (Onnx__TensorProto **)g_ptr_array_free(self->constants, FALSE);
  m->graph->input = (Onnx__ValueInfoProto **)g_ptr_array_free(self->inputs, FALSE);
  m->graph->output = (Onnx__ValueInfoProto **)g_ptr_array_free(self->outputs, FALSE);
  m->metadata_props = (Onnx__StringStringEntryProto **)g_ptr_array_free(self->notes, FALSE);
}

void
cbigan_onnx_graph_free(CbiganOnnxGraph *self)
{
  if (!self)
    return;
  complete(self);
  onnx__model_proto__free_unpacked(self->model, NULL);
  g_string_chunk_free(self->names);
  g_free(self);
}

static const char *
new_name(CbiganOnnxGraph *self, const char *stem)
{
  g_autofree char *name = g_strdup_printf("%s_%u", stem, self->n_names++);
  return g_string_chunk_insert(self->names, name);
}

static Onnx__AttributeProto *
new_attribute(const CbiganOnnxAttribute *from)
{
  Onnx__AttributeProto *to = g_new(Onnx__AttributeProto, 1);
  onnx__attribute_proto__init(to);
  to->name = g_strdup(from->name);
  to->has_type = TRUE;
  if (from->text) {
    to->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING;
    to->has_s = TRUE;
    to->s.len = strlen(from->text);
    to->s.data = (guint8 *)g_strdup(from->text);
  } else if (from->n_ints) {
    to->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS;
    to->n_ints = (gsize)from->n_ints;
    to->ints = g_memdup2(from->ints, (gsize)from->n_ints * sizeof *from->ints);
  } else if (from->is_float) {
    to->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT;
    to->has_f = TRUE;
    to->f = from->f;
  } else {
    to->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT;
    to->has_i = TRUE;
    to->i = from->i;
  }
  return to;
}

/* A node with that output, whose inputs and attributes are copied. */
static void
add_node(CbiganOnnxGraph *self, const char *op, const char *const *inputs, const CbiganOnnxAttribute *attributes,
         const char *output)
{
  Onnx__NodeProto *node = g_new(Onnx__NodeProto, 1);
  onnx__node_proto__init(node);
  node->op_type = g_strdup(op);
  node->n_input = g_strv_length((char **)inputs);
  node->input = g_strdupv((char **)inputs);
  node->n_output = g_str_equal(op, "TopK") ? 2 : 1; /* the second one, where the largest lie, is not read */
  node->output = g_new(char *, 2);
  node->output[0] = g_strdup(output);
  node->output[1] = node->n_output > 1 ? g_strconcat(output, "_places", NULL) : NULL;
  for (const CbiganOnnxAttribute *a = attributes; a && a->name; a++)
    node->n_attribute++;
  node->attribute = g_new(Onnx__AttributeProto *, node->n_attribute);
  for (gsize i = 0; i < node->n_attribute; i++)
    node->attribute[i] = new_attribute(&attributes[i]);
  g_ptr_array_add(self->nodes, node);
}

const char *
cbigan_onnx_node(CbiganOnnxGraph *self, const char *op, const char *const *inputs,
                 const CbiganOnnxAttribute *attributes)
{
  const char *output = new_name(self, op);
  add_node(self, op, inputs, attributes, output);
  return output;
}

static const char *
add_constant(CbiganOnnxGraph *self, CbiganOnnxType type, int n_dims, const gint64 *dims, gsize size, gconstpointer data)
{
  const char *name = new_name(self, "constant");
  Onnx__TensorProto *tensor = g_new(Onnx__TensorProto, 1);
  gsize n = 1;
  onnx__tensor_proto__init(tensor);
  for (int i = 0; i < n_dims; i++)
    n *= (gsize)dims[i];
  tensor->name = g_strdup(name);
  tensor->has_data_type = tensor->has_raw_data = TRUE;
  tensor->data_type = (int)type;
  tensor->n_dims = (gsize)n_dims;
  tensor->dims = g_memdup2(dims, (gsize)n_dims * sizeof *dims);
  tensor->raw_data.len = n * size;
  tensor->raw_data.data = g_memdup2(data, n * size);
  g_ptr_array_add(self->constants, tensor);
  return name;
}

const char *
cbigan_onnx_floats(CbiganOnnxGraph *self, int n_dims, const gint64 *dims, const float *data)
{
  return add_constant(self, CBIGAN_ONNX_FLOAT, n_dims, dims, sizeof *data, data);
}

const char *
cbigan_onnx_ints(CbiganOnnxGraph *self, int n, const gint64 *data)
{
  return add_constant(self, CBIGAN_ONNX_INT64, 1, (gint64[]){ n }, sizeof *data, data);
}

const char *
cbigan_onnx_float(CbiganOnnxGraph *self, double value)
{
  return cbigan_onnx_floats(self, 0, NULL, (float[]){ (float)value });
}

const char *
cbigan_onnx_double(CbiganOnnxGraph *self, double value)
{
  return add_constant(self, CBIGAN_ONNX_DOUBLE, 0, NULL, sizeof value, &value);
}

static Onnx__ValueInfoProto *
new_value(const char *name, CbiganOnnxType type, int n_dims, const gint64 *dims)
{
  Onnx__ValueInfoProto *value = g_new(Onnx__ValueInfoProto, 1);
  Onnx__TensorShapeProto *shape = g_new(Onnx__TensorShapeProto, 1);
  onnx__value_info_proto__init(value);
  onnx__tensor_shape_proto__init(shape);
  value->name = g_strdup(name);
  value->type = g_new(Onnx__TypeProto, 1);
  onnx__type_proto__init(value->type);
  value->type->tensor_type = g_new(Onnx__TypeProto__Tensor, 1);
  onnx__type_proto__tensor__init(value->type->tensor_type);
  value->type->tensor_type->has_elem_type = TRUE;
  value->type->tensor_type->elem_type = (int)type;
  value->type->tensor_type->shape = shape;
  shape->n_dim = (gsize)n_dims;
  shape->dim = g_new(Onnx__TensorShapeProto__Dimension *, n_dims);
  for (int i = 0; i < n_dims; i++) {
    shape->dim[i] = g_new(Onnx__TensorShapeProto__Dimension, 1);
    onnx__tensor_shape_proto__dimension__init(shape->dim[i]);
    shape->dim[i]->has_dim_value = dims[i] >= 0;
    shape->dim[i]->dim_value = MAX(dims[i], 0);
  }
  return value;
}

const char *
cbigan_onnx_input(CbiganOnnxGraph *self, const char *name, CbiganOnnxType type, int n_dims, const gint64 *dims)
{
  g_ptr_array_add(self->inputs, new_value(name, type, n_dims, dims));
  return g_string_chunk_insert(self->names, name);
}

void
cbigan_onnx_output(CbiganOnnxGraph *self, const char *value, const char *name, int n_dims, const gint64 *dims)
{
  add_node(self, "Identity", CBIGAN_ONNX_IN(value), NULL, name);
  g_ptr_array_add(self->outputs, new_value(name, CBIGAN_ONNX_FLOAT, n_dims, dims));
}

void
cbigan_onnx_note(CbiganOnnxGraph *self, const char *key, const char *text)
{
  Onnx__StringStringEntryProto *entry = g_new(Onnx__StringStringEntryProto, 1);
  onnx__string_string_entry_proto__init(entry);
  entry->key = g_strdup(key);
  entry->value = g_strdup(text);
  g_ptr_array_add(self->notes, entry);
}

GBytes *
cbigan_onnx_graph_to_bytes(CbiganOnnxGraph *self)
{
  complete(self);
  gsize size = onnx__model_proto__get_packed_size(self->model);
  guint8 *bytes = g_malloc(size);
  onnx__model_proto__pack(self->model, bytes);
  return g_bytes_new_take(bytes, size);
}
