/* model_graph.c - a model, or one of its networks, as an ONNX file
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "onnx/model_graph.h"

#include <math.h>

#include "export.h"
#include "i18n.h"
#include "model/error.h"

static const char *
input_of(CbiganOnnxGraph *graph, const char *name, CbiganShape shape)
{
  const gint64 dims[] = { -1, shape.c, shape.h, shape.w };
  return cbigan_onnx_input(graph, name, CBIGAN_ONNX_FLOAT, shape.h * shape.w > 1 ? 4 : 2, dims);
}

/* The network until `value`, from inputs called image and latent */
static void
add_network(CbiganOnnxGraph *graph, const CbiganNetwork *network, const float *parameters, int value,
            const char *output)
{
  const CbiganShape out = network->values[value].shape;
  const char *inputs[2] = { NULL, NULL };
  for (int i = 0; i < network->n_inputs; i++)
    inputs[i] = input_of(graph, network->values[i].name, network->values[i].shape);
  g_autofree const char **names = cbigan_onnx_network(graph, network, parameters, inputs, value);
  cbigan_onnx_output(graph, names[value], output, out.h * out.w > 1 ? 4 : 2, (gint64[]){ -1, out.c, out.h, out.w });
}

static void
add_features(CbiganOnnxGraph *graph, const CbiganModel *model)
{
  const CbiganNetwork *d = model->networks[CBIGAN_DISCRIMINATOR];
  const float *parameters = model->parameters[CBIGAN_DISCRIMINATOR];
  if (model->info.tap == CBIGAN_TAP_FIRST) {
    g_autoptr(CbiganNetwork) first = cbigan_network_new_first_tap(model->info.width, model->info.patch);
    add_network(graph, first, parameters, first->output, "features");
    return;
  }
  add_network(graph, d, parameters, cbigan_network_find_value(d, "discriminator.hidden"), "features");
}

static void
add_notes(CbiganOnnxGraph *graph, const CbiganModelInfo *info)
{
  g_autofree char *threshold = g_strdup_printf("%.9g", info->threshold);
  cbigan_onnx_note(graph, "cbigan.score", cbigan_score_name(info->score));
  if (!isnan(info->threshold))
    cbigan_onnx_note(graph, "cbigan.threshold", threshold);
}

static gboolean
add_inspector(CbiganOnnxGraph *graph, const CbiganModel *model, int width, int height, GError **error)
{
  const CbiganModelInfo *info = &model->info;
  const int w = info->frame_width ? info->frame_width : width, h = info->frame_width ? info->frame_height : height;
  const CbiganFrame frame = { .width = w, .height = h };
  g_autoptr(CbiganAreas) areas = NULL;
  if (info->upright_width)
    return cbigan_refuse(error, _("the model turns parts upright, which an ONNX file can't do"));
  if (w < 1 || w % CBIGAN_INSPECTOR_STEP || h < 1 || h % CBIGAN_INSPECTOR_STEP)
    return cbigan_refuse(error, _("--frame: %dx%d; expected multiples of %d"), w, h, CBIGAN_INSPECTOR_STEP);
  if (!cbigan_areas_for_frames(&info->mask, &frame, 1, &areas, error))
    return FALSE;
  if (areas && (gint64)w * h > CBIGAN_ONNX_MASKED)
    return cbigan_refuse(error, _("--frame: %dx%d; expected at most %d pixels, as the model has a mask"), w, h,
                         CBIGAN_ONNX_MASKED);
  cbigan_onnx_inspector_score(graph, model, areas, w, h);
  add_notes(graph, info);
  return TRUE;
}

static gboolean
add_score(CbiganOnnxGraph *graph, const CbiganModel *model, int width, int height, GError **error)
{
  const CbiganModelInfo *info = &model->info;
  if (model->inspector_network)
    return add_inspector(graph, model, width, height, error);
  if (model->mask)
    return cbigan_refuse(error, _("the model is a CBiGAN with a mask, which an ONNX file can't do"));
  if (!info->frame_width && (width < info->patch || height < info->patch))
    return cbigan_refuse(error,
                         _("the model takes frames of any size, an ONNX file has one; expected --frame of at "
                           "least %dx%d"),
                         info->patch, info->patch);
  if (info->frame_width && width && (width != info->frame_width || height != info->frame_height))
    return cbigan_refuse(error, _("--frame: %dx%d; expected the model's own size, %dx%d"), width, height,
                         info->frame_width, info->frame_height);
  if (!info->scores[info->score])
    return cbigan_refuse(error, _("the model has no statistics for the score %s"), cbigan_score_name(info->score));
  cbigan_onnx_gan_score(graph, model, info->frame_width ? info->frame_width : width,
                        info->frame_width ? info->frame_height : height);
  add_notes(graph, info);
  return TRUE;
}

static gboolean
add_part(CbiganOnnxGraph *graph, const CbiganModel *model, CbiganOnnxPart part, int width, int height, GError **error)
{
  const CbiganNetworkKind kind = part == CBIGAN_ONNX_ENCODER ? CBIGAN_ENCODER : CBIGAN_GENERATOR;
  const CbiganNetwork *network = model->networks[kind];
  if (part != CBIGAN_ONNX_SCORE && model->inspector_network)
    return cbigan_refuse(error, _("--part: the model is an inspector, which has no such network; expected score"));
  switch (part) {
  case CBIGAN_ONNX_SCORE:
    return add_score(graph, model, width, height, error);
  case CBIGAN_ONNX_ENCODER:
  case CBIGAN_ONNX_GENERATOR:
    add_network(graph, network, model->parameters[kind], network->output,
                part == CBIGAN_ONNX_ENCODER ? "latent" : "image");
    return TRUE;
  case CBIGAN_ONNX_FEATURES:
    add_features(graph, model);
  }
  return TRUE;
}

gboolean
cbigan_onnx_write(const CbiganModel *model, CbiganOnnxPart part, int width, int height, const char *path,
                  GError **error)
{
  g_autoptr(CbiganOnnxGraph) graph = cbigan_onnx_graph_new();
  if (!add_part(graph, model, part, width, height, error))
    return FALSE;
  g_autoptr(GBytes) bytes = cbigan_onnx_graph_to_bytes(graph);
  return g_file_set_contents_full(path, g_bytes_get_data(bytes, NULL), (gssize)g_bytes_get_size(bytes),
                                  G_FILE_SET_CONTENTS_CONSISTENT, 0666, error);
}
