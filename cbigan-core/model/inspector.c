/* inspector.c - an inspector's network and memory
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "model/model.h"

int
cbigan_inspector_planes(const CbiganInspector *self)
{
  return self->w ? CBIGAN_OBJECT_PLANES : CBIGAN_SURFACE_PLANES;
}

CbiganNetwork *
cbigan_inspector_network(const CbiganInspector *self, int w, int h)
{
  return cbigan_network_new_inspector(self->width, (CbiganShape){ cbigan_inspector_planes(self), h, w });
}

void
cbigan_inspector_clear(CbiganInspector *self)
{
  g_free(self->parameters);
  g_free(self->mean);
  g_free(self->deviation);
  g_free(self->level);
  g_free(self->spread);
  g_free(self->pose.mean_part);
  *self = (CbiganInspector){ 0 };
}
