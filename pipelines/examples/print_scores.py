#!/usr/bin/python3
"""print_scores.py - an application that reads what cbiganscore writes on each frame

Copyright (C) 2026 the cbigan developers
SPDX-License-Identifier: LGPL-2.1-or-later

    print_scores.py "filesrc location=video.mkv ! decodebin ! videoconvert ! cbiganscore model=cloth.safetensors name=score ! fakesink"

Needs Debian's python3-gi and gir1.2-gstreamer-1.0 only, because the score is a GstCustomMeta. A probe reads the buffers
that leave `score`; a probe behind any later element works too.
"""
import sys

import gi
gi.require_version('Gst', '1.0')
from gi.repository import GLib, Gst  # noqa: E402


def on_buffer(pad, info):
    buffer = info.get_buffer()
    meta = buffer.get_custom_meta('CbiganScore')
    if meta:
        score = meta.get_structure()
        _, value = score.get_double('score')
        _, normalized = score.get_double('normalized')  # 0.5 = at the threshold
        _, anomalous = score.get_boolean('anomalous')
        print(f'{buffer.pts / Gst.SECOND:.3f} s score {value:.3f} normalized {normalized:.3f}',
              'ANOMALOUS' if anomalous else 'good', flush=True)
    return Gst.PadProbeReturn.OK


def main(arguments):
    arguments = Gst.init(arguments)
    if len(arguments) != 2 or arguments[1].startswith('-'):
        sys.exit("usage: print_scores.py 'LAUNCH DESCRIPTION with cbiganscore name=score'")
    pipeline = Gst.parse_launch(arguments[1])
    element = pipeline.get_by_name('score')
    if not element:
        sys.exit('print_scores.py: no element has name=score in this pipeline')
    element.get_static_pad('src').add_probe(Gst.PadProbeType.BUFFER, on_buffer)
    pipeline.set_state(Gst.State.PLAYING)
    message = pipeline.get_bus().timed_pop_filtered(Gst.CLOCK_TIME_NONE, Gst.MessageType.EOS | Gst.MessageType.ERROR)
    pipeline.set_state(Gst.State.NULL)
    if message.type == Gst.MessageType.ERROR:
        sys.exit(f'print_scores.py: {message.parse_error()[0].message}')


if __name__ == '__main__':
    try:
        main(sys.argv)
    except GLib.Error as error:
        sys.exit(f'print_scores.py: {error.message}')
