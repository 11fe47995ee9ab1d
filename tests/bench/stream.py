#!/usr/bin/python3
"""stream.py - a video file to scores: frames per second through the whole pipeline, and of the decoding alone

Copyright (C) 2026 the cbigan developers
SPDX-License-Identifier: LGPL-2.1-or-later

Usage: tests/bench/stream.py [--build build] [--frames 120] [--rounds 5] [--size 1920x1080] [--width 4] [--frame 512x512]

Makes, once, a video of a cloth with defects for each codec of CODECS whose encoder is installed, and a model from a few
steps of training: it tells nothing apart, but its scores take as long as any other's of its width and frame. Then it plays
the file from filesrc to fakesink as fast as it goes, in turn with cbiganscore and without, and takes the time from the
first buffer to the last, so that loading the model does not count. Every frame must carry a score. Prints Markdown, for
docs/performance.md; real time is 30 frames per second.
"""
import argparse
import datetime
import os
import pathlib
import statistics
import subprocess
import sys
import time

import gi

gi.require_version('Gst', '1.0')
from gi.repository import Gst  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
REAL_TIME = 30  # frames a second
CODECS = {  # name: (encoder that must exist, what makes the stream from raw video)
    'H.264': ('x264enc', 'x264enc speed-preset=veryfast bitrate=8000 ! h264parse'),
    'H.264 (OpenH264)': ('openh264enc', 'openh264enc bitrate=8000000 ! h264parse'),
    'VP8': ('vp8enc', 'vp8enc deadline=1 cpu-used=16 threads=4 target-bitrate=8000000 keyframe-max-dist=60'),
    'MJPEG': ('jpegenc', 'jpegenc quality=85'),
}


def arguments():
    parser = argparse.ArgumentParser(description='Frames a second from a video file to scores.')
    parser.add_argument('--build', type=pathlib.Path, default=ROOT / 'build', help='build folder')
    parser.add_argument('--frames', type=int, default=120, help='in the video')
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--size', default='1920x1080', help='of the video')
    parser.add_argument('--width', type=int, default=4, help='of the networks, c')
    parser.add_argument('--frame', default='512x512', help="of the model, a multiple of 64")
    parser.add_argument('--threads', type=int, default=0, help="cbiganscore's, 0 = all")
    parser.add_argument('--scores', default='critic,paper', help='scores to measure, separated by commas; more properties may follow each, like “critic cutout=model”')
    return parser.parse_args()


def caps(size):
    width, height = size.split('x')
    return f'video/x-raw,width={width},height={height},framerate=30/1'


def run(pipeline, probe=None):
    """Plays it to its end. probe: a function of each buffer that reaches the element named "end"."""
    pipeline = Gst.parse_launch(pipeline)
    if probe:
        pad = pipeline.get_by_name('end').get_static_pad('sink')
        pad.add_probe(Gst.PadProbeType.BUFFER, lambda _, info: probe(info.get_buffer()) or Gst.PadProbeReturn.OK)
    pipeline.set_state(Gst.State.PLAYING)
    message = pipeline.get_bus().timed_pop_filtered(Gst.CLOCK_TIME_NONE, Gst.MessageType.EOS | Gst.MessageType.ERROR)
    pipeline.set_state(Gst.State.NULL)
    if message.type == Gst.MessageType.ERROR:
        sys.exit(f'{message.parse_error()}')


def make_video(options, folder, name):
    path = folder / f'stream-{CODECS[name][0]}-{options.size}-{options.frames}.mkv'
    if not path.exists():
        part = path.with_suffix('.part')
        run(f'cbigantestsrc num-buffers={options.frames} defects=0.2 seed=7 ! {caps(options.size)} ! videoconvert ! '
            f'video/x-raw,format=I420 ! {CODECS[name][1]} ! matroskamux ! filesink location={part}')
        part.rename(path)
    return path


def make_model(options, folder):
    folder.mkdir(parents=True, exist_ok=True)  # a build without tests
    path = folder / f'stream-c{options.width}-{options.frame}.safetensors'
    if not path.exists():
        subprocess.run([options.build / 'trainer' / 'cbigan', 'train', '--preset', 'texture', '--width', str(options.width),
                        '--frame', options.frame, '--warmup-steps', '20', '--steps', '5', '--batch', '8', '--output', path,
                        '--pipeline', f'cbigantestsrc num-buffers=30 speed=512 ! {caps(options.frame)} ! videoconvert'],
                       check=True)
    return path


def frames_a_second(video, frames, scoring):
    """scoring: '' or cbiganscore with its properties."""
    times, scored = [], []

    def probe(buffer):
        times.append(time.perf_counter())
        scored.append(buffer.get_custom_meta('CbiganScore') is not None)

    run(f'filesrc location={video} ! decodebin ! queue ! {scoring and scoring + " ! queue ! "}fakesink name=end sync=false',
        probe)
    if len(times) != frames or all(scored) != bool(scoring) or any(scored) != bool(scoring):
        sys.exit(f'{len(times)} frames, {sum(scored)} of them scored; expected {frames}, {frames if scoring else 0}')
    return (len(times) - 1) / (times[-1] - times[0])


def measure(options, video, model, ways):
    rates = {way: [] for way in ways}
    for i in range(options.rounds):
        for way in list(ways)[:: 1 if i % 2 else -1]:
            scoring = way and f'cbiganscore model={model} threads={options.threads} score={way}'
            rates[way].append(frames_a_second(video, options.frames, scoring))
    return {way: statistics.median(values) for way, values in rates.items()}


def main():
    options = arguments()
    options.build = options.build.resolve()
    os.environ['GST_PLUGIN_PATH'] = f'{options.build / "gst-plugin"}:{os.environ.get("GST_PLUGIN_PATH", "")}'
    Gst.init(None)
    folder = options.build / 'tests' / 'bench'
    model = make_model(options, folder)
    ways = ['', *options.scores.split(',')]
    print(f'{datetime.date.today()}, {os.cpu_count()} processors, threads={options.threads}, medians of {options.rounds} '
          f'rounds of {options.frames} frames, load before {os.getloadavg()[0]:.1f}\n')
    print('| video | score | decoding alone, frames/s | file to meta, frames/s | scoring adds, ms | real time |')
    print('|---|---|---:|---:|---:|---|', flush=True)
    absent = []
    for name, (encoder, _) in CODECS.items():
        if not Gst.ElementFactory.find(encoder):
            absent.append(f'{name} ({encoder})')
            continue
        rates = measure(options, make_video(options, folder, name), model, ways)
        for way in ways[1:]:
            adds = 1e3 / rates[way] - 1e3 / rates['']
            print(f'| {options.size} {name} | {way}, c = {options.width}, {options.frame} | {rates[""]:.1f} '
                  f'| {rates[way]:.1f} | {adds:.1f} | {"yes" if rates[way] >= REAL_TIME else "no"} |', flush=True)
    if absent:
        print(f'\nNot measured, because the encoder is not installed here: {", ".join(absent)}.')


if __name__ == '__main__':
    main()
