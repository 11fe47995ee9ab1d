/* plugin.c - registers the elements
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Loading needs no backend: cbiganscore asks for one when it opens a model.
 */
#include "config.h"

#include <gmodule.h>

#include "elements.h"
#include "meta.h"

static gboolean
plugin_init(GstPlugin *plugin)
{
  /* The caps of cbiganscore depend on these files. A change of them makes the registry load the plugin again. */
  gst_plugin_add_dependency_simple(plugin, "CBIGAN_MODULE_PATH", CBIGAN_MODULE_DIR,
                                   "libcbigan-cuda-video." G_MODULE_SUFFIX, GST_PLUGIN_DEPENDENCY_FLAG_NONE);
  gst_plugin_add_dependency_simple(plugin, NULL, "/dev", "nvidia0", GST_PLUGIN_DEPENDENCY_FLAG_NONE);
  cbigan_metas_register();
  return GST_ELEMENT_REGISTER(cbigangate, plugin) && GST_ELEMENT_REGISTER(cbiganjson, plugin) &&
         GST_ELEMENT_REGISTER(cbiganoverlay, plugin) && GST_ELEMENT_REGISTER(cbiganpublish, plugin) &&
         GST_ELEMENT_REGISTER(cbiganscore, plugin);
}

GST_PLUGIN_DEFINE(GST_VERSION_MAJOR, GST_VERSION_MINOR, cbigan, "Visual anomaly detection on video with CBiGAN",
                  plugin_init, VERSION, "LGPL", PACKAGE, "https://github.com/cbigan/cbigan")
