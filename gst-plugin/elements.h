/* elements.h - the elements that plugin.c registers
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * To add an element: a file with GST_ELEMENT_REGISTER_DEFINE, and a line each here, in plugin.c and in meson.build.
 */
#pragma once
#include <gst/gst.h>

G_BEGIN_DECLS

GST_ELEMENT_REGISTER_DECLARE(cbigangate);
GST_ELEMENT_REGISTER_DECLARE(cbiganjson);
GST_ELEMENT_REGISTER_DECLARE(cbiganoverlay);
GST_ELEMENT_REGISTER_DECLARE(cbiganpublish);
GST_ELEMENT_REGISTER_DECLARE(cbiganscore);

#define CBIGAN_AUTHOR "the cbigan developers"

G_END_DECLS
