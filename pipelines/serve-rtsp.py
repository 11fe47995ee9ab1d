#!/usr/bin/python3
"""serve-rtsp.py - scores a camera and serves the picture with its heat map, as RTSP or as HLS

Copyright (C) 2026 the cbigan developers
SPDX-License-Identifier: LGPL-2.1-or-later
"""
import argparse
import os
import signal
import sys

import gi
gi.require_version('Gst', '1.0')
from gi.repository import GLib, Gst  # noqa: E402

EXAMPLES = """examples:
  serve-rtsp.py cloth.safetensors rtsp://camera/stream
  serve-rtsp.py cloth.safetensors /dev/video0 --port 8555 --overlay "text=true camera=\\"line 3\\""
  serve-rtsp.py cloth.safetensors rtsp://camera/stream --hls /var/www/line3
The picture is then at rtsp://HOST:PORT/scored, or in DIR/live.m3u8. SIGTERM and Ctrl-C end it."""

RTSP_PACKAGE = 'gir1.2-gst-rtsp-server-1.0'
HLS_ENCODERS = {'x264enc': 'x264enc tune=zerolatency speed-preset=veryfast key-int-max=50', 'openh264enc': 'openh264enc gop-size=50'}


def quoted(text):
    return '"' + text.replace('\\', '\\\\').replace('"', '\\"') + '"'


def source_of(text):
    """The launch description of a device, an address, a file, or of a description itself"""
    if '://' in text and ' ' not in text:
        return f'uridecodebin uri={quoted(text)}'
    if text.startswith('/dev/'):
        return f'v4l2src device={quoted(text)}'
    if os.path.exists(text):
        return f'filesrc location={quoted(text)} ! decodebin'
    return text


def scored(arguments):
    return (f'{source_of(arguments.source)} ! videoconvert ! queue max-size-buffers=2 leaky=downstream '
            f'! cbiganscore model={quoted(os.path.abspath(arguments.model))} ! cbiganoverlay {arguments.overlay} ! videoconvert')


def missing(*elements):
    return [name for name in elements if not Gst.ElementFactory.find(name)]


def serve_rtsp(arguments, loop):
    """Returns what must live as long as the server."""
    try:
        gi.require_version('GstRtspServer', '1.0')
        from gi.repository import GstRtspServer
    except (ValueError, ImportError):
        sys.exit(f'serve-rtsp.py: no RTSP server: install {RTSP_PACKAGE}')
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(f'( {scored(arguments)} ! vp8enc deadline=1 cpu-used=8 threads=1 keyframe-max-dist=30 ! rtpvp8pay name=pay0 )')
    factory.set_shared(True)  # one camera and one score for all clients
    server = GstRtspServer.RTSPServer()
    server.set_service(str(arguments.port))
    server.get_mount_points().add_factory('/scored', factory)
    if not server.attach(None):
        sys.exit(f'serve-rtsp.py: port {arguments.port} can\'t be opened; expected a free one')
    print(f'rtsp://127.0.0.1:{server.get_bound_port()}/scored', flush=True)
    return server


def serve_hls(arguments, loop):
    encoder = next((HLS_ENCODERS[name] for name in HLS_ENCODERS if not missing(name)), None)
    if not encoder or missing('hlssink2', 'h264parse'):
        sys.exit('serve-rtsp.py: no HLS: install gstreamer1.0-plugins-bad and gstreamer1.0-plugins-ugly')
    os.makedirs(arguments.hls, exist_ok=True)
    folder = os.path.abspath(arguments.hls)
    pipeline = Gst.parse_launch(f'{scored(arguments)} ! {encoder} ! h264parse ! hlssink2 target-duration=2 max-files=10 '
                                f'playlist-location={quoted(folder + "/live.m3u8")} location={quoted(folder + "/part%05d.ts")}')

    def on_message(bus, message):
        if message.type == Gst.MessageType.LATENCY:
            pipeline.recalculate_latency()
        elif message.type == Gst.MessageType.ERROR:
            arguments.problem = message.parse_error()[0].message
            loop.quit()
        elif message.type == Gst.MessageType.EOS:
            loop.quit()

    bus = pipeline.get_bus()
    bus.add_signal_watch()
    bus.connect('message', on_message)
    pipeline.set_state(Gst.State.PLAYING)
    print(f'{folder}/live.m3u8', flush=True)
    return pipeline


def main():
    parser = argparse.ArgumentParser(prog='serve-rtsp.py', description=__doc__.splitlines()[0].split(' - ')[1], epilog=EXAMPLES,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('model', metavar='MODEL')
    parser.add_argument('source', metavar='SOURCE', nargs='?', default='/dev/video0',
                        help='a device, an address, a file, or a launch description')
    parser.add_argument('--port', type=int, default=8554, help='of RTSP; 0 = any free one (default: 8554)')
    parser.add_argument('--hls', metavar='DIR', help='write HLS there instead of serving RTSP')
    parser.add_argument('--overlay', metavar='TEXT', default='text=true', help='properties of cbiganoverlay (default: text=true)')
    arguments = parser.parse_args()
    arguments.problem = None
    Gst.init(None)
    if not os.path.isfile(arguments.model):
        sys.exit(f'serve-rtsp.py: {arguments.model}: no such file; expected a model')
    if not 0 <= arguments.port <= 65535:
        sys.exit(f'serve-rtsp.py: port {arguments.port}; expected 0 to 65535')
    if missing('cbiganscore', 'cbiganoverlay'):
        sys.exit('serve-rtsp.py: GStreamer has no cbiganscore; install it, or run “meson devenv -C build -w $PWD”')
    loop = GLib.MainLoop()
    served = (serve_hls if arguments.hls else serve_rtsp)(arguments, loop)
    for number in signal.SIGINT, signal.SIGTERM:
        GLib.unix_signal_add(GLib.PRIORITY_HIGH, number, served.send_event if arguments.hls else lambda *unused: loop.quit(),
                             Gst.Event.new_eos())
    loop.run()
    if arguments.hls:
        served.set_state(Gst.State.NULL)
    if arguments.problem:
        sys.exit(f'serve-rtsp.py: {arguments.problem}')


if __name__ == '__main__':
    try:
        main()
    except GLib.Error as error:
        sys.exit(f'serve-rtsp.py: {error.message}')
