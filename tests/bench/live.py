#!/usr/bin/python3
"""live.py - a live stream with a slow model: does the display stay smooth, and how many scores come of it

Copyright (C) 2026 the cbigan developers
SPDX-License-Identifier: LGPL-2.1-or-later

Usage: tests/bench/live.py [--build build] [--seconds 20] [--models 4:512x512,16:1024x1024] [--modes async,sync]
       [--ways "in line,behind a tee"]

Each model is a width c and a frame size. Makes, once, a model for each by a few steps of training: it tells nothing
apart, but its scores take as long as any other's of its size. Then it plays a live source of 30 frames per second into a
synchronised sink, with cbiganscore in line and behind a tee. In between it plays a file, where the element scores every
frame and nothing waits: 1 / p50 there is the rate that the scorer reaches alone.

Prints Markdown. The interarrival p95 and the delay are measured where the sink shows a frame. The delay is the time of
the clock less the frame's own. Its growth is the median of the last fifth less that of the first one.
"""
import argparse
import datetime
import os
import pathlib
import statistics
import time

import stream
from gi.repository import GLib, Gst

WARM_UP = 2  # seconds that count for nothing
LONGEST_ALONE = 20  # seconds
WAYS = {
    'in line': '{source} ! cbiganscore name=score {scoring} mode={mode} ! {sink}',
    'behind a tee': '{source} ! tee name=t ! queue ! {sink} '
                    't. ! queue leaky=downstream max-size-buffers=1 ! cbiganscore name=score {scoring} mode={mode} ! fakesink',
}


def arguments():
    parser = argparse.ArgumentParser(description='A live stream with a slow model.')
    parser.add_argument('--build', type=pathlib.Path, default=stream.ROOT / 'build', help='build folder')
    parser.add_argument('--seconds', type=float, default=20, help='of each run')
    parser.add_argument('--size', default='640x480', help='of the video')
    parser.add_argument('--models', default='4:512x512,16:1024x1024', help='width c : frame, separated by commas')
    parser.add_argument('--ways', default=','.join(WAYS), help='where cbiganscore stands, separated by commas')
    parser.add_argument('--modes', default='async,sync', help='of cbiganscore, separated by commas')
    parser.add_argument('--threads', type=int, default=0, help="cbiganscore's, 0 = all")
    parser.add_argument('--real-time', action='store_true', help='on a machine with other work, as root')
    return parser.parse_args()


def prefer_display():
    """Real-time priority for this process, the lowest for the threads that score: other programs then hardly count, and
    threads that wake for a frame come first, as on a quiet machine."""
    for task in os.listdir('/proc/self/task'):
        name = pathlib.Path(f'/proc/self/task/{task}/comm').read_text()
        os.sched_setscheduler(int(task), os.SCHED_RR, os.sched_param(1 if name.startswith('cbigan-') else 2))
    return True


def quantile(values, part):
    return sorted(values)[min(len(values) - 1, int(part * len(values)))]


def stat(pipeline, field):
    return pipeline.get_by_name('score').get_property('stats').get_uint64(field)[1]


def run_file(options, scoring):
    """Scores per second of the scorer alone."""
    pipeline = Gst.parse_launch(f'cbigantestsrc num-buffers=1000000 ! {stream.caps(options.size)} ! '
                                f'cbiganscore name=score {scoring} ! fakesink sync=false')
    pipeline.set_state(Gst.State.PLAYING)
    time.sleep(WARM_UP / 2)
    if options.real_time:
        prefer_display()
    time.sleep(WARM_UP / 2 + min(options.seconds / 2, LONGEST_ALONE))
    rate = 1e9 / max(stat(pipeline, 'p50'), 1)
    pipeline.set_state(Gst.State.NULL)
    return rate


def run_live(options, way, mode, scoring):
    """(times at which frames were shown in s, their delays in ms, scores per second)"""
    shown, delays = [], []

    def show(_, buffer, pad):
        sink = pad.get_parent_element()
        shown.append(time.perf_counter())
        delays.append((sink.get_clock().get_time() - sink.get_base_time() - buffer.pts) / 1e6)

    pipeline = Gst.parse_launch(WAYS[way].format(source=f'cbigantestsrc is-live=true ! {stream.caps(options.size)}',
                                                 scoring=scoring, mode=mode,
                                                 sink='fakesink name=end sync=true qos=true signal-handoffs=true'))
    pipeline.get_by_name('end').connect('handoff', show)
    loop = GLib.MainLoop()
    bus = pipeline.get_bus()
    bus.add_signal_watch()
    bus.connect('message::latency', lambda *_: pipeline.recalculate_latency())
    bus.connect('message::error', lambda _, message: (print(message.parse_error()), loop.quit()))
    counts = []
    GLib.timeout_add(WARM_UP * 1000, lambda: (shown.clear(), delays.clear(), counts.append(stat(pipeline, 'scored'))) and False)
    GLib.timeout_add(int((WARM_UP + options.seconds) * 1000), loop.quit)
    if options.real_time:
        GLib.timeout_add(WARM_UP * 250, prefer_display)
    pipeline.set_state(Gst.State.PLAYING)
    loop.run()
    counts.append(stat(pipeline, 'scored'))
    pipeline.set_state(Gst.State.NULL)
    bus.remove_signal_watch()
    return shown, delays, (counts[1] - counts[0]) / options.seconds


def report(name, way, mode, result, alone):
    shown, delays, rate = result
    gaps = [1e3 * (b - a) for a, b in zip(shown, shown[1:])] or [float('nan')]
    fifth = max(len(delays) // 5, 1)
    growth = statistics.median(delays[-fifth:]) - statistics.median(delays[:fifth])
    shown_rate = 1e3 / statistics.mean(gaps)
    print(f'| {name} | {way} | {mode} | {shown_rate:.1f} | {quantile(gaps, 0.95):.1f} | {max(gaps):.0f} '
          f'| {statistics.median(delays):.0f} | {growth:+.0f} | {rate:.2f} | {alone:.2f} | {100 * rate / alone:.0f} % |', flush=True)


def main():
    options = arguments()
    options.build = options.build.resolve()
    os.environ['GST_PLUGIN_PATH'] = (f'{options.build / "gst-plugin"}:{options.build / "gst-plugin" / "testsrc"}:'
                                     f'{os.environ.get("GST_PLUGIN_PATH", "")}')
    Gst.init(None)
    print(f'{datetime.date.today()}, {os.cpu_count()} processors, threads={options.threads}, {options.seconds:g} s per run, '
          f'{options.size} at 30 frames/s, load before {os.getloadavg()[0]:.1f}\n')
    print('| model | where | mode | shown/s | interarrival p95, ms | longest, ms | delay, ms | growth, ms | scores/s | alone/s | of alone |')
    print('|---|---|---|---:|---:|---:|---:|---:|---:|---:|---:|', flush=True)
    for model in options.models.split(','):
        options.width, options.frame = model.split(':')
        path = stream.make_model(options, options.build / 'tests' / 'bench')
        scoring = f'model={path} threads={options.threads} updates=none'
        for way in options.ways.split(','):
            for mode in options.modes.split(','):
                before = run_file(options, scoring)
                result = run_live(options, way, mode, scoring)
                alone = statistics.mean([before, run_file(options, scoring)])
                report(f'c = {options.width}, {options.frame}', way, mode, result, alone)


if __name__ == '__main__':
    main()
