#!/usr/bin/python3
"""streams.py - many cameras with one model in one process: memory, threads, start, frames per second

Copyright (C) 2026 the cbigan developers
SPDX-License-Identifier: LGPL-2.1-or-later

Usage: tests/bench/streams.py [--build build] [--seconds 5] [--counts 1,16,200] [--model 3:64x64] [--properties ""]

Makes, once, a model of width c for frames of that size by a few steps of training: it tells nothing apart, but scores
take as long as any other's. Each row is a process with one pipeline of that many streams: each a source of frames of
the model's size, cbiganscore, fakesink. In between it runs the same pipeline with identity in place of cbiganscore, and
subtracts that from memory and threads, as sources and sinks have threads and buffers of their own.

“files” are as fast as they go (mode=sync). “cameras” are live with 25 frames per second (mode=async). The start is from
creating the elements to the last stream's PLAYING. Memory is what is resident at the end of the run. With --soak MINUTES
it plays cameras for so long, prints resident memory every minute, and its growth from the second minute on.
"""
import argparse
import copy
import datetime
import json
import os
import pathlib
import subprocess
import sys
import time

import stream

SOURCES = {
    'files': 'videotestsrc pattern=ball num-buffers=2000000000 ! video/x-raw,format=RGB,width={w},height={h},framerate=25/1',
    'cameras': 'videotestsrc pattern=ball is-live=true ! video/x-raw,format=RGB,width={w},height={h},framerate=25/1',
}


def arguments():
    parser = argparse.ArgumentParser(description='Many cameras with one model in one process.')
    parser.add_argument('--build', type=pathlib.Path, default=stream.ROOT / 'build', help='build folder')
    parser.add_argument('--seconds', type=float, default=5, help='of each run')
    parser.add_argument('--counts', default='1,16,200', help='streams, separated by commas')
    parser.add_argument('--model', default='3:64x64', help='width c : frame')
    parser.add_argument('--file', type=pathlib.Path, help='a model file instead; --model then gives the frame')
    parser.add_argument('--sources', default='files,cameras', help='separated by commas')
    parser.add_argument('--properties', default='', help='more properties of cbiganscore')
    parser.add_argument('--soak', type=float, default=0, help='minutes')
    parser.add_argument('--child', help=argparse.SUPPRESS)
    return parser.parse_args()


def resident():
    """MiB"""
    pages = int(pathlib.Path('/proc/self/statm').read_text().split()[1])
    return pages * os.sysconf('SC_PAGE_SIZE') / 2**20


def play(case):
    """In a process of its own."""
    gst = stream.Gst
    gst.init(None)
    width, height = case['frame'].split('x')
    source = SOURCES[case['source']].format(w=width, h=height)
    middle = f'cbiganscore model={case["model"]} updates=none {case["properties"]}' if case['scores'] else 'identity'
    for name in ('videotestsrc', 'cbiganscore', 'identity', 'fakesink'):
        gst.ElementFactory.make(name)  # plugins are loaded before the clock runs
    begin = time.perf_counter()
    pipeline = gst.parse_launch(' '.join(f'{source} ! {middle} name=m{i} ! fakesink sync={case["source"] == "cameras"} '
                                         f'name=s{i} async=false' for i in range(case['streams'])))
    pipeline.set_state(gst.State.PLAYING)
    if pipeline.get_state(60 * gst.SECOND)[0] == gst.StateChangeReturn.FAILURE:
        sys.exit(pipeline.get_bus().pop_filtered(gst.MessageType.ERROR).parse_error())
    start = time.perf_counter() - begin
    sinks = [pipeline.get_by_name(f's{i}') for i in range(case['streams'])]
    scorers = [pipeline.get_by_name(f'm{i}') for i in range(case['streams'])] if case['scores'] else []

    def counts():
        return [s.get_property('stats').get_uint64('scored')[1] for s in scorers] or \
            [s.get_property('stats').get_uint64('rendered')[1] for s in sinks]

    time.sleep(1)
    before, begin, memory = counts(), time.perf_counter(), []
    while time.perf_counter() - begin < case['seconds']:
        time.sleep(min(60, max(0, case['seconds'] - time.perf_counter() + begin)))
        memory.append(resident())
    rates = [(b - a) / (time.perf_counter() - begin) for a, b in zip(before, counts())]
    error = pipeline.get_bus().pop_filtered(gst.MessageType.ERROR)
    if error:
        sys.exit(error.parse_error())
    threads = len(os.listdir('/proc/self/task'))
    pipeline.set_state(gst.State.NULL)
    print(json.dumps({'start': start, 'memory': memory, 'threads': threads, 'rate': sum(rates), 'slowest': min(rates),
                      'fastest': max(rates)}))


def run(options, **case):
    case = {'frame': options.frame, 'model': str(options.path), 'properties': options.properties,
            'seconds': options.seconds, **case}
    command = [sys.executable, __file__, '--build', options.build, '--child', json.dumps(case)]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def measure(options):
    print('| sources | streams | start, s | memory of scoring, MiB | threads of scoring | frames scored/s | of the slowest '
          '| of the fastest |')
    print('|---|---:|---:|---:|---:|---:|---:|---:|', flush=True)
    for source in options.sources.split(','):
        for streams in map(int, options.counts.split(',')):
            bare = run(options, source=source, streams=streams, scores=False)
            full = run(options, source=source, streams=streams, scores=True)
            print(f'| {source} | {streams} | {full["start"]:.2f} | {full["memory"][-1] - bare["memory"][-1]:.1f} '
                  f'| {full["threads"] - bare["threads"]} | {full["rate"]:.0f} | {full["slowest"]:.1f} '
                  f'| {full["fastest"]:.1f} |', flush=True)


def soak(options):
    streams = int(options.counts.split(',')[-1])
    memory = run(options, source='cameras', streams=streams, scores=True, seconds=60 * options.soak)['memory']
    print(f'{streams} cameras, resident after each minute, MiB: {", ".join(f"{m:.1f}" for m in memory)}')
    if len(memory) > 2:
        growth = max(memory[1:]) / memory[1] - 1
        print(f'growth from the second minute on: {100 * growth:.2f} %')
        sys.exit(growth > 0.02)


def main():
    options = arguments()
    options.build = options.build.resolve()
    os.environ['GST_PLUGIN_PATH'] = f'{options.build / "gst-plugin"}:{os.environ.get("GST_PLUGIN_PATH", "")}'
    if options.child:
        play(json.loads(options.child))
        return
    width, options.frame = options.model.split(':')
    stream.Gst.init(None)
    options.width = int(width)
    options.path = (options.file and options.file.resolve()) or stream.make_model(copy.copy(options), options.build / 'tests' / 'bench')
    print(f'{datetime.date.today()}, {os.cpu_count()} processors, c = {width}, {options.frame}, {options.properties or "defaults"}, '
          f'{options.seconds:g} s per run, load before {os.getloadavg()[0]:.1f}\n', flush=True)
    soak(options) if options.soak else measure(options)


if __name__ == '__main__':
    main()
