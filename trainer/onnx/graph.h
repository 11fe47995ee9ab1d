/* graph.h - an ONNX graph that grows node by node
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Names of values belong to the graph and stay valid as long as it. A graph is one thread's.
 */
#pragma once
#include <glib.h>

G_BEGIN_DECLS

typedef struct _CbiganOnnxGraph CbiganOnnxGraph;

typedef enum {
  CBIGAN_ONNX_FLOAT = 1,
  CBIGAN_ONNX_UINT8 = 2,
  CBIGAN_ONNX_INT64 = 7,
  CBIGAN_ONNX_DOUBLE = 11
} CbiganOnnxType;

#define CBIGAN_ONNX_MOST_INTS 8
/* An attribute of a node: exactly one of text, n_ints, is_float decides which member counts; else it is `i`. */
typedef struct {
  const char *name; /* NULL ends a list */
  gint64 i;
  gboolean is_float;
  float f;
  const char *text;
  int n_ints;
  gint64 ints[CBIGAN_ONNX_MOST_INTS];
} CbiganOnnxAttribute;

/* Lists for cbigan_onnx_node() */
#define CBIGAN_ONNX_IN(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define CBIGAN_ONNX_WITH(...) ((const CbiganOnnxAttribute[]){ __VA_ARGS__, { NULL } })
#define CBIGAN_ONNX_INT(attribute, value)                                                                              \
  {                                                                                                                    \
    .name = (attribute), .i = (value)                                                                                  \
  }
#define CBIGAN_ONNX_REAL(attribute, value)                                                                             \
  {                                                                                                                    \
    .name = (attribute), .is_float = TRUE, .f = (value)                                                                \
  }
#define CBIGAN_ONNX_TEXT(attribute, value)                                                                             \
  {                                                                                                                    \
    .name = (attribute), .text = (value)                                                                               \
  }
#define CBIGAN_ONNX_INTS(attribute, count, ...)                                                                        \
  {                                                                                                                    \
    .name = (attribute), .n_ints = (count), .ints = { __VA_ARGS__ }                                                    \
  }

/* An empty graph. Free with cbigan_onnx_graph_free(). */
CbiganOnnxGraph *cbigan_onnx_graph_new(void);
void cbigan_onnx_graph_free(CbiganOnnxGraph *graph); /* graph: may be NULL */

/* Adds a node and returns its first output. op: name of an operator of opset 17; inputs: NULL-terminated, "" = left
 * out; attributes: may be NULL. */
const char *cbigan_onnx_node(CbiganOnnxGraph *graph, const char *op, const char *const *inputs,
                             const CbiganOnnxAttribute *attributes);
/* Adds constants; `data` is copied. dims: (n_dims), 0 of them = a scalar. Return the constant's name. */
const char *cbigan_onnx_floats(CbiganOnnxGraph *graph, int n_dims, const gint64 *dims, const float *data);
const char *cbigan_onnx_ints(CbiganOnnxGraph *graph, int n, const gint64 *data); /* one axis */
const char *cbigan_onnx_float(CbiganOnnxGraph *graph, double value);             /* a scalar */
const char *cbigan_onnx_double(CbiganOnnxGraph *graph, double value);            /* a scalar of 64 bits */
/* Adds an input of the graph, or makes a value an output called `name`. dims: -1 = any length. */
const char *cbigan_onnx_input(CbiganOnnxGraph *graph, const char *name, CbiganOnnxType type, int n_dims,
                              const gint64 *dims);
void cbigan_onnx_output(CbiganOnnxGraph *graph, const char *value, const char *name, int n_dims, const gint64 *dims);
/* Metadata of the model; both texts are copied. */
void cbigan_onnx_note(CbiganOnnxGraph *graph, const char *key, const char *text);

/* The graph as the bytes of a .onnx file. Nothing may be added afterwards. */
GBytes *cbigan_onnx_graph_to_bytes(CbiganOnnxGraph *graph);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(CbiganOnnxGraph, cbigan_onnx_graph_free)

G_END_DECLS
