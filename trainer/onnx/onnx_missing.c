/* onnx_missing.c - in place of ONNX files where protobuf-c is missing
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "i18n.h"
#include "model/error.h"
#include "onnx/model_graph.h"

gboolean
cbigan_onnx_write(const CbiganModel *model, CbiganOnnxPart part, int width, int height, const char *path,
                  GError **error)
{
  return cbigan_refuse(error, _("this cbigan was built without ONNX (meson option “onnx”, Debian's package "
                                "libprotobuf-c-dev)"));
}
