#!/usr/bin/python3
"""library.py - scores a picture with libcbigan, without GStreamer

Copyright (C) 2026 the cbigan developers
SPDX-License-Identifier: LGPL-2.1-or-later

Usage: library.py MODEL PICTURE
Prints the score, and whether it is anomalous; then a line per region. Needs python3-gi and gdk-pixbuf. A picture of the
model's frame size gets the score of `cbigan score` bit for bit; others are resized by another filter than there.
"""
import sys

import gi

gi.require_version('Cbigan', '0')
gi.require_version('GdkPixbuf', '2.0')
from gi.repository import Cbigan, GdkPixbuf  # noqa: E402

if len(sys.argv) != 3:
    sys.exit(__doc__)
model = Cbigan.Model.load(sys.argv[1])
scorer = Cbigan.Scorer.new(model, None)
picture = GdkPixbuf.Pixbuf.new_from_file(sys.argv[2])
if picture.get_has_alpha():
    sys.exit(f'{sys.argv[2]} has an alpha channel; expected RGB')
width, height = model.get_frame_size()
if width and (picture.get_width(), picture.get_height()) != (width, height):
    picture = picture.scale_simple(width, height, GdkPixbuf.InterpType.BILINEAR)
result = scorer.score_pixels(picture.get_pixels(), picture.get_width(), picture.get_height(), picture.get_rowstride())
print(repr(result.score), 'anomalous' if result.anomalous else 'good')
for i in range(result.n_regions):
    there, region = result.get_region(i)
    print(f'{region.x:.3f} {region.y:.3f} {region.w:.3f} {region.h:.3f}')
