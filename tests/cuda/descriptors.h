/* descriptors.h - those of cuDNN's graph API, emulated: what cudnn_graph.cc and cudnn_engines.cc share
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once
#include <map>
#include <memory>
#include <vector>

#include "dnn.h"

typedef cudnnBackendDescriptorType_t Kind;

struct Value {
  int64_t count;
  std::vector<unsigned char> bytes;
};

struct Descriptor {
  Kind kind;
  bool finalized;
  std::map<int, Value> values; /* by attribute */
  const Descriptor *graph;     /* of an engine or a configuration */
  int engine;                  /* which one, or -1 */
  std::shared_ptr<bool> lives; /* also told to what is enqueued */
};

/* Ends the program where it is none, or gone. */
Descriptor *emulator_descriptor(cudnnBackendDescriptor_t descriptor);

static inline bool
has(const Descriptor *d, cudnnBackendAttributeName_t name)
{
  return d->values.count(name) != 0;
}

template <typename T>
static inline T
get(const Descriptor *d, cudnnBackendAttributeName_t name, int i = 0)
{
  T value = T();
  if (has(d, name))
    memcpy(&value, d->values.at(name).bytes.data() + sizeof(T) * (size_t)i, sizeof value);
  return value;
}

static inline const Descriptor *
other(const Descriptor *d, cudnnBackendAttributeName_t name, int i = 0)
{
  return emulator_descriptor(get<cudnnBackendDescriptor_t>(d, name, i));
}

struct Tensor {
  int64_t id, dims[4], strides[4], alignment; /* n, c, h, w, or of filters: out, in, h, w */
  cudnnDataType_t type;
  bool is_virtual;
};

Tensor emulator_tensor(const Descriptor *d);
/* It has no gaps, and lies in the order of its dimensions, or channels last. */
bool emulator_is_packed(const Tensor &t, bool last);

/* The tensors and operations of a finalized graph */
struct Operation {
  cudnnPointwiseMode_t mode;
  double slope;
  Tensor with, to;
};

struct Program {
  Tensor x, w, y; /* y: what the convolution makes */
  int64_t pad;
  std::vector<Operation> operations;
};

Program emulator_program(const Descriptor *graph);
/* What lies in memory, each once */
std::vector<Tensor> emulator_arguments(const Program &p);
