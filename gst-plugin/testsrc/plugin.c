/* plugin.c - registers cbigantestsrc, in a plugin that no deployment needs
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "i18n.h"
#include "testsrc.h"

static gboolean
plugin_init(GstPlugin *plugin)
{
  /* No tags: every element that makes new buffers copies the truth, also where the picture is moved or cropped. */
  static const char *tags[] = { NULL };
#ifdef ENABLE_NLS
  cbigan_bind_translations();
#endif
  if (!gst_meta_get_info(CBIGAN_TRUTH_META))
    gst_meta_register_custom(CBIGAN_TRUTH_META, tags, NULL, NULL, NULL);
  return GST_ELEMENT_REGISTER(cbigantestsrc, plugin);
}

GST_PLUGIN_DEFINE(GST_VERSION_MAJOR, GST_VERSION_MINOR, cbigantest, "A source of test video for cbigan", plugin_init,
                  VERSION, "LGPL", PACKAGE, "https://github.com/cbigan/cbigan")
