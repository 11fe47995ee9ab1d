#!/usr/bin/python3
"""watch_events.py - an application that hears of anomalies on the bus, and keeps a live pipeline's latency right

Copyright (C) 2026 the cbigan developers
SPDX-License-Identifier: LGPL-2.1-or-later

    watch_events.py "v4l2src ! videoconvert ! cbiganscore model=cloth.safetensors ! fakesink sync=true"

Needs Debian's python3-gi and gir1.2-gstreamer-1.0 only. Ctrl-C ends the stream, so that an anomaly that is on ends too.
"""
import signal
import sys
import warnings

import gi
gi.require_version('Gst', '1.0')
from gi.repository import GLib, Gst  # noqa: E402

warnings.simplefilter('ignore', DeprecationWarning)  # GObject.ValueArray is the only way to read a GstValueArray


def regions_of(score):
    """(x, y, w, h) in fractions of the frame"""
    found, array = score.get_array('regions')
    regions = [array.get_nth(i) for i in range(array.n_values)] if found else []
    return [tuple(region.get_double(field)[1] for field in ('x', 'y', 'w', 'h')) for region in regions]


def describe(event):
    name = event.get_string('event')
    _, number = event.get_uint('event-id')
    if name == 'end':
        _, peak = event.get_double('peak')
        return f'end {number} peak {peak:.3f}'
    _, score = event.get_double('score')
    places = ''.join(f' at {x:.2f},{y:.2f} size {w:.2f}x{h:.2f}' for x, y, w, h in regions_of(event))
    return f'{name} {number} score {score:.3f}{places}'


def on_message(bus, message, pipeline, loop, problems):
    structure = message.get_structure()
    if message.type == Gst.MessageType.LATENCY:
        pipeline.recalculate_latency()  # an element's latency has changed: a new model may be slower
    elif message.type == Gst.MessageType.ERROR:
        problems.append(message.parse_error()[0].message)
        loop.quit()
    elif message.type == Gst.MessageType.WARNING:
        print(f'warning: {message.parse_warning()[0].message}', file=sys.stderr, flush=True)
    elif message.type == Gst.MessageType.EOS:
        loop.quit()
    elif structure and structure.get_name() == 'cbigan' and structure.get_string('event') in ('begin', 'end'):
        print(describe(structure), flush=True)


def main(arguments):
    arguments = Gst.init(arguments)
    if len(arguments) != 2 or arguments[1].startswith('-'):
        sys.exit("usage: watch_events.py 'LAUNCH DESCRIPTION with cbiganscore'")
    pipeline, loop, problems = Gst.parse_launch(arguments[1]), GLib.MainLoop(), []
    bus = pipeline.get_bus()
    bus.add_signal_watch()
    bus.connect('message', on_message, pipeline, loop, problems)
    for number in signal.SIGINT, signal.SIGTERM:
        GLib.unix_signal_add(GLib.PRIORITY_HIGH, number, pipeline.send_event, Gst.Event.new_eos())
    pipeline.set_state(Gst.State.PLAYING)
    loop.run()
    pipeline.set_state(Gst.State.NULL)
    if problems:
        sys.exit(f'watch_events.py: {problems[0]}')


if __name__ == '__main__':
    try:
        main(sys.argv)
    except GLib.Error as error:
        sys.exit(f'watch_events.py: {error.message}')
