#!/usr/bin/env python3
"""folder.py - a large folder of pictures through `cbigan score`: memory while it runs, and rows per second beside the decoder's

Copyright (C) 2026 the cbigan developers
SPDX-License-Identifier: LGPL-2.1-or-later

usage: folder.py PROGRAM MODEL [--pictures N] [--size WxH] [--format png|jpg]

The bare decoder is GStreamer's, run over the same files by gst-launch-1.0 and nothing behind it. Each is run three times in turns;
medians are shown. Memory is what is resident, looked at after a tenth, a half and nine tenths of the rows.
"""
import argparse, os, shutil, statistics, subprocess, tempfile, time


def make_pictures(folder, n, size, form):
    """16 different pictures, each of them many times over."""
    width, height = size.split('x')
    encoder = {'png': 'pngenc', 'jpg': 'jpegenc'}[form]
    source = (f'videotestsrc num-buffers=16 pattern=smpte ! video/x-raw,format=RGB,width={width},height={height} ! videoconvert ! '
              f'{encoder} ! multifilesink location={folder}/seed-%02d.{form}')
    subprocess.run(['gst-launch-1.0', '-q', *source.split()], check=True)
    seeds = [open(f'{folder}/seed-{i:02}.{form}', 'rb').read() for i in range(16)]
    for i in range(16):
        os.remove(f'{folder}/seed-{i:02}.{form}')
    for i in range(n):
        with open(f'{folder}/{i:06}.{form}', 'wb') as file:
            file.write(seeds[i % 16])


def resident(process):
    with open(f'/proc/{process.pid}/statm') as file:
        return int(file.read().split()[1]) * os.sysconf('SC_PAGESIZE') >> 20


def score(program, model, folder, n):
    """Seconds, and MiB at three places."""
    start, memory, rows = time.monotonic(), [], 0
    process = subprocess.Popen([program, 'score', '--model', model, folder], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    for _ in process.stdout:
        rows += 1
        if rows in (n // 10, n // 2, n * 9 // 10):
            memory.append(resident(process))
    process.wait()
    assert rows == n + 1, f'{rows - 1} rows, expected {n}'
    return time.monotonic() - start, memory


def decode(folder, n, form):
    caps, decoder = {'png': ('image/png,framerate=30/1', 'pngdec'), 'jpg': ('image/jpeg,framerate=30/1', 'jpegdec idct-method=islow')}[form]
    start = time.monotonic()
    subprocess.run(['gst-launch-1.0', '-q', *f'multifilesrc location={folder}/%06d.{form} stop-index={n - 1} caps={caps} ! {decoder} ! '
                    'fakesink'.split()], check=True)
    return time.monotonic() - start


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('program', type=os.path.abspath)
    parser.add_argument('model', type=os.path.abspath)
    parser.add_argument('--pictures', type=int, default=10000)
    parser.add_argument('--size', default='256x256')
    parser.add_argument('--format', choices=['png', 'jpg'], default='png')
    parser.add_argument('--turns', type=int, default=3)
    a = parser.parse_args()
    folder = tempfile.mkdtemp(prefix='cbigan-folder-')
    try:
        make_pictures(folder, a.pictures, a.size, a.format)
        scored, decoded = [], []
        for _ in range(a.turns):
            scored.append(score(a.program, a.model, folder, a.pictures))
            decoded.append(decode(folder, a.pictures, a.format))
    finally:
        shutil.rmtree(folder)
    ours, bare = statistics.median(s for s, _ in scored), statistics.median(decoded)
    print(f'{a.pictures} pictures of {a.size}, {a.format}: {a.pictures / ours:.0f} rows/s scored, {a.pictures / bare:.0f} rows/s '
          f'decoded alone; resident after 10, 50 and 90 % of the rows: {", ".join(map(str, scored[-1][1]))} MiB')


if __name__ == '__main__':
    main()
