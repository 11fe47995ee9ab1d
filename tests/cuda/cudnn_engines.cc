/* cudnn_engines.cc - engines for graphs of cuDNN's operations, emulated: which there are, and what they compute
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What is computed follows from the descriptors alone. The list has engines that must not be taken: they are the
 * fastest, and wrong by a hundredth, or lose NaN. CBIGAN_EMULATOR's graph=N: microseconds that the first good one takes
 * (the wrong ones a tenth of that); second=N: the second one, which adds up in another order; noengine=H: there is none
 * for maps of height H; graph32=1: there are good ones for floats n,c,h,w, which cuDNN 9.19 hasn't; failing=1: none can
 * be run; graphspace=N: GiB of workspace that they need.
 */
#include <cmath>
#include <cstring>

#include "descriptors.h"

enum Virtue { GOOD, WRONG, LOSES_NAN, BROKEN /* is counted but not given, as it can't be finalized */ };

struct Engine {
  std::vector<cudnnBackendNumericalNote_t> notes;
  bool floats; /* takes n,c,h,w; else 16 bits n,h,w,c */
  Virtue virtue;
  bool backwards; /* adds channels up from the last one on */
};

static const Engine engines[] = {
  { { CUDNN_NUMERICAL_NOTE_TENSOR_CORE, CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC }, false, WRONG, false },
  { {}, false, BROKEN, false },
  { { CUDNN_NUMERICAL_NOTE_TENSOR_CORE, CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION }, false, WRONG, false },
  { { CUDNN_NUMERICAL_NOTE_TENSOR_CORE }, false, LOSES_NAN, false },
  { { CUDNN_NUMERICAL_NOTE_TENSOR_CORE }, false, GOOD, false },
  { { CUDNN_NUMERICAL_NOTE_TENSOR_CORE }, false, GOOD, true },
  { { CUDNN_NUMERICAL_NOTE_TENSOR_CORE, CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS }, true, WRONG, false },
  { { CUDNN_NUMERICAL_NOTE_WINOGRAD, CUDNN_NUMERICAL_NOTE_WINOGRAD_TILE_6x6 }, true, WRONG, false },
  { { CUDNN_NUMERICAL_NOTE_STRICT_NAN_PROP }, true, GOOD, false },
  { { CUDNN_NUMERICAL_NOTE_STRICT_NAN_PROP }, true, GOOD, true },
};

static int
cost_of(const Engine &e)
{
  const int cost = emulator_machine("graph", 1000);
  return e.virtue != GOOD ? cost / 10 : e.backwards ? emulator_machine("second", 2 * cost) : cost;
}

/* Tensor cores want channels in eights and 16 bytes' alignment. */
static bool
takes(const Engine &e, const Program &p)
{
  const std::vector<Tensor> arguments = emulator_arguments(p);
  if (e.floats && e.virtue == GOOD && !emulator_machine("graph32", 0))
    return false;
  if (arguments[2].dims[2] == emulator_machine("noengine", 0) || p.y.dims[2] != p.x.dims[2] ||
      p.y.dims[3] != p.x.dims[3])
    return false;
  for (const Tensor &t : arguments) {
    const bool bias = t.dims[0] * t.dims[2] * t.dims[3] == 1 && t.type == CUDNN_DATA_FLOAT;
    if (!emulator_is_packed(t, !e.floats) || t.alignment < 16 || (is_narrow(t.type) == e.floats && !bias) ||
        (!e.floats && (t.dims[1] % 8 || (&t == &arguments[1] && t.dims[0] % 8))))
      return false;
  }
  return true;
}

static std::vector<int>
list(const Descriptor *graph)
{
  std::vector<int> found;
  const Program p = emulator_program(graph);
  for (int i = 0; i < (int)(sizeof engines / sizeof *engines); i++)
    if (engines[i].virtue == BROKEN || takes(engines[i], p))
      found.push_back(i);
  return found;
}

/* --- questions --------------------------------------------------------------------------------------------------- */

/* Puts what was found in place of descriptors that the caller made. */
static cudnnStatus_t
give(void *elements, int i, Kind kind, const Descriptor *graph, int engine)
{
  Descriptor *d = emulator_descriptor(((cudnnBackendDescriptor_t *)elements)[i]);
  if (d->kind != kind)
    return CUDNN_STATUS_BAD_PARAM;
  d->graph = graph;
  d->engine = engine;
  d->finalized = true;
  return CUDNN_STATUS_SUCCESS;
}

static size_t
workspace_of(const Program &p)
{
  return ((size_t)emulator_machine("graphspace", 0) << 30) + 2000 + 16 * (size_t)p.w.dims[0];
}

static cudnnStatus_t
answer_configs(const Descriptor *d, int64_t requested, int64_t *count, void *elements)
{
  const Descriptor *graph = other(d, CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH);
  const std::vector<int> found = list(graph);
  cudnnStatus_t status = CUDNN_STATUS_SUCCESS;
  *count = requested ? 0 : (int64_t)found.size();
  for (size_t i = 0; i < found.size() && *count < requested && status == CUDNN_STATUS_SUCCESS; i++)
    if (engines[found[i]].virtue != BROKEN)
      status = give(elements, (int)(*count)++, CUDNN_BACKEND_ENGINECFG_DESCRIPTOR, graph, found[i]);
  return status;
}

static cudnnStatus_t
answer_engine(const Descriptor *d, int64_t, int64_t *count, void *elements)
{
  *count = 1;
  return give(elements, 0, CUDNN_BACKEND_ENGINE_DESCRIPTOR, d->graph, d->engine);
}

static cudnnStatus_t
answer_notes(const Descriptor *d, int64_t requested, int64_t *count, void *elements)
{
  const std::vector<cudnnBackendNumericalNote_t> &notes = engines[d->engine].notes;
  *count = (int64_t)notes.size();
  for (size_t i = 0; i < notes.size() && (int64_t)i < requested; i++)
    ((cudnnBackendNumericalNote_t *)elements)[i] = notes[i];
  return CUDNN_STATUS_SUCCESS;
}

static const Descriptor *
config_of(const Descriptor *plan)
{
  return other(plan, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG);
}

static cudnnStatus_t
answer_workspace(const Descriptor *d, int64_t, int64_t *count, void *elements)
{
  *count = 1;
  *(int64_t *)elements = (int64_t)workspace_of(emulator_program(config_of(d)->graph));
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t
cudnnBackendGetAttribute(cudnnBackendDescriptor_t const descriptor, cudnnBackendAttributeName_t name,
                         cudnnBackendAttributeType_t type, int64_t requested, int64_t *count, void *elements)
{
  static const struct {
    Kind kind;
    cudnnBackendAttributeName_t name;
    cudnnBackendAttributeType_t type;
    cudnnStatus_t (*answer)(const Descriptor *, int64_t, int64_t *, void *);
  } questions[] = {
    { CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR, CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_TYPE_BACKEND_DESCRIPTOR,
      answer_configs },
    { CUDNN_BACKEND_ENGINECFG_DESCRIPTOR, CUDNN_ATTR_ENGINECFG_ENGINE, CUDNN_TYPE_BACKEND_DESCRIPTOR, answer_engine },
    { CUDNN_BACKEND_ENGINE_DESCRIPTOR, CUDNN_ATTR_ENGINE_NUMERICAL_NOTE, CUDNN_TYPE_NUMERICAL_NOTE, answer_notes },
    { CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR, CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE, CUDNN_TYPE_INT64,
      answer_workspace },
  };
  std::lock_guard<std::recursive_mutex> lock(emulator_mutex);
  const Descriptor *d = emulator_descriptor(descriptor);
  for (const auto &q : questions)
    if (q.kind == d->kind && q.name == name)
      return !d->finalized                ? CUDNN_STATUS_NOT_INITIALIZED
             : q.type != type             ? CUDNN_STATUS_BAD_PARAM_ATTRIBUTE_TYPE
             : requested > 0 && !elements ? CUDNN_STATUS_BAD_PARAM
                                          : q.answer(d, requested, count, elements);
  return CUDNN_STATUS_BAD_PARAM;
}

/* --- what they compute, as floats n,c,h,w ------------------------------------------------------------------------ */

typedef std::vector<float> Numbers;

/* body(place in memory, place in the order of the dimensions) */
template <typename Body>
static void
for_each_number(const Tensor &t, Body body)
{
  size_t i = 0;
  for (int64_t n = 0; n < t.dims[0]; n++)
    for (int64_t c = 0; c < t.dims[1]; c++)
      for (int64_t h = 0; h < t.dims[2]; h++)
        for (int64_t w = 0; w < t.dims[3]; w++)
          body(n * t.strides[0] + c * t.strides[1] + h * t.strides[2] + w * t.strides[3], i++);
}

static Numbers
load(const Tensor &t, const void *p)
{
  Numbers to((size_t)(t.dims[0] * t.dims[1] * t.dims[2] * t.dims[3]));
  for_each_number(t, [&](int64_t at, size_t i) {
    to[i] = is_narrow(t.type) ? from_narrow(t.type, ((const uint16_t *)p)[at]) : ((const float *)p)[at];
  });
  return to;
}

static void
store(const Tensor &t, const Numbers &from, void *p)
{
  for_each_number(t, [&](int64_t at, size_t i) {
    if (is_narrow(t.type))
      ((uint16_t *)p)[at] = to_narrow(t.type, from[i]);
    else
      ((float *)p)[at] = from[i];
  });
}

static void
add_plane(const float *x, float weight, int h, int w, int dy, int dx, float *y)
{
  for (int r = max(0, -dy); r < min(h, h - dy); r++)
    for (int s = max(0, -dx); s < min(w, w - dx); s++)
      y[r * w + s] += weight * x[(r + dy) * w + s + dx];
}

/* Maps are as large as those of x. */
static Numbers
convolve(const Program &p, bool backwards, const Numbers &x, const Numbers &w)
{
  const int64_t in = p.x.dims[1], out = p.w.dims[0];
  const int height = (int)p.x.dims[2], width = (int)p.x.dims[3], side = (int)p.w.dims[2];
  const size_t plane = (size_t)(height * width);
  Numbers y((size_t)(p.x.dims[0] * out) * plane);
  for (int64_t n = 0; n < p.x.dims[0]; n++)
    for (int64_t o = 0; o < out; o++)
      for (int64_t k = 0; k < in; k++) {
        const int64_t i = backwards ? in - 1 - k : k;
        for (int tap = 0; tap < side * side; tap++)
          add_plane(&x[(size_t)(n * in + i) * plane], w[(size_t)((o * in + i) * side * side + tap)], height, width,
                    tap / side - (int)p.pad, tap % side - (int)p.pad, &y[(size_t)(n * out + o) * plane]);
      }
  return y;
}

static void
operate(const Operation &o, const Numbers &with, bool loses_nan, Numbers &y)
{
  const Tensor dense = { 0,
                         { o.to.dims[0], o.to.dims[1], o.to.dims[2], o.to.dims[3] },
                         { with.size() > 1 && o.with.dims[0] > 1 ? o.with.dims[1] * o.with.dims[2] * o.with.dims[3] : 0,
                           o.with.dims[1] > 1 ? o.with.dims[2] * o.with.dims[3] : 0,
                           o.with.dims[2] > 1 ? o.with.dims[3] : 0, o.with.dims[3] > 1 },
                         0,
                         CUDNN_DATA_FLOAT,
                         false };
  for_each_number(dense, [&](int64_t at, size_t i) {
    if (o.mode == CUDNN_POINTWISE_ADD)
      y[i] += with[(size_t)at];
    else if (o.mode == CUDNN_POINTWISE_TANH_FWD)
      y[i] = tanhf(y[i]);
    else if (y[i] != y[i])
      y[i] = loses_nan ? 0.0f : y[i];
    else
      y[i] = y[i] > 0.0f ? y[i] : (float)o.slope * y[i];
    if (is_narrow(o.to.type))
      y[i] = from_narrow(o.to.type, to_narrow(o.to.type, y[i]));
  });
}

static void
execute(const Engine &e, const Program &p, const std::map<int64_t, void *> &memory)
{
  Numbers y = convolve(p, e.backwards, load(p.x, memory.at(p.x.id)), load(p.w, memory.at(p.w.id)));
  for (const Operation &o : p.operations)
    operate(o, o.mode == CUDNN_POINTWISE_ADD ? load(o.with, memory.at(o.with.id)) : Numbers(), e.virtue == LOSES_NAN,
            y);
  for (float &number : y)
    number *= e.virtue == WRONG ? 1.01f : 1.0f;
  const Tensor to = emulator_arguments(p)[2];
  store(to, y, memory.at(to.id));
}

cudnnStatus_t
cudnnBackendExecute(cudnnHandle_t handle, cudnnBackendDescriptor_t plan, cudnnBackendDescriptor_t pack)
{
  std::lock_guard<std::recursive_mutex> lock(emulator_mutex);
  const Descriptor *d = emulator_descriptor(plan), *given = emulator_descriptor(pack);
  if (d->kind != CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR || given->kind != CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR)
    return CUDNN_STATUS_BAD_PARAM_DESCRIPTOR_TYPE;
  if (!d->finalized || !given->finalized)
    return CUDNN_STATUS_BAD_PARAM_NOT_FINALIZED;
  const Descriptor *config = config_of(d);
  const Program p = emulator_program(config->graph);
  const Engine &e = engines[config->engine];
  void *workspace = get<void *>(given, CUDNN_ATTR_VARIANT_PACK_WORKSPACE);
  EmulatorWork work = { "graph", { workspace }, cost_of(e), nullptr };
  std::map<int64_t, void *> memory;
  for (int i = 0; i < (int)given->values.at(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS).count; i++)
    memory[get<int64_t>(given, CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, i)] =
        get<void *>(given, CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, i);
  for (const Tensor &t : emulator_arguments(p)) {
    if (!memory.count(t.id) || !memory[t.id])
      return CUDNN_STATUS_BAD_PARAM_NULL_POINTER;
    if ((uintptr_t)memory[t.id] % (uintptr_t)t.alignment)
      return CUDNN_STATUS_BAD_PARAM_MISALIGNED_POINTER;
    work.pointers.push_back(memory[t.id]);
  }
  if (!workspace)
    return CUDNN_STATUS_BAD_PARAM_NULL_POINTER;
  if (emulator_machine("failing", 0))
    return CUDNN_STATUS_EXECUTION_FAILED;
  const std::shared_ptr<bool> lives = d->lives;
  work.run = [=] {
    if (!*lives)
      emulator_stop("its plan is gone", "graph");
    memset(workspace, 0x5A, workspace_of(p));
    execute(e, p, memory);
  };
  return emulator_enqueue(handle->stream, work) == cudaSuccess ? CUDNN_STATUS_SUCCESS : CUDNN_STATUS_EXECUTION_FAILED;
}
