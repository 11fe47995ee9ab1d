#!/usr/bin/env python3
"""plot_cost.py - what scoring costs against the frame's size and the networks' width, as a table and as docs/cost.png

Copyright (C) 2026 the cbigan developers
SPDX-License-Identifier: LGPL-2.1-or-later

Usage: tests/bench/plot_cost.py [--build build] [--venv build/peers] [--threads 2] [--output docs/cost.png]
                                [--keep FILE] [--from FILE]

Runs `cbigan bench --json` over frames of 1 to 256 patches of 64x64. Cost has to grow linearly with pixels: the table shows
milliseconds a megapixel, and how much dearer a pixel of the largest frame is than one of the 512x512 frame (64 patches).
--keep writes bench's lines to a file, --from draws them again without measuring. Needs Matplotlib, which is installed
into the virtual environment where it is missing.
"""
import argparse
import datetime
import json
import os
import pathlib
import subprocess

from peers import ROOT, enter_environment

WIDTHS = (3, 4, 8, 16, 32)
BATCHES = (1, 4, 16, 64, 256)
COMPARED = (64, 256)  # patches: a pixel of the second against one of the first
PATCH = 64


def arguments():
    parser = argparse.ArgumentParser(description='Cost of scoring against frame size and width.')
    parser.add_argument('--build', type=pathlib.Path, default=ROOT / 'build', help='build folder with cbigan')
    parser.add_argument('--venv', type=pathlib.Path, help='virtual environment with Matplotlib (default: BUILD/peers)')
    parser.add_argument('--backend', default='auto')
    parser.add_argument('--threads', type=int, default=2)
    parser.add_argument('--repeats', type=int, default=7)
    parser.add_argument('--tap', default='first')
    parser.add_argument('--output', type=pathlib.Path, default=ROOT / 'docs' / 'cost.png')
    parser.add_argument('--keep', type=pathlib.Path, metavar='FILE', help="write bench's lines there too")
    parser.add_argument('--from', dest='source', type=pathlib.Path, metavar='FILE', help='lines that --keep wrote')
    return parser.parse_args()


def measure(options):
    if options.source:
        return options.source.read_text()
    command = [options.build / 'trainer' / 'cbigan', 'bench', '--json', '--backend', options.backend,
               '--threads', options.threads, '--repeats', options.repeats, '--tap', options.tap, '--patch', PATCH,
               '--width', ','.join(map(str, WIDTHS)), '--batch', ','.join(map(str, BATCHES))]
    lines = subprocess.run([str(word) for word in command], check=True, stdout=subprocess.PIPE, text=True).stdout
    if options.keep:
        options.keep.write_text(lines)
    return lines


def megapixels(line):
    return line['batch'] * line['patch']**2 / 1e6


def print_table(lines):
    """{(width, batch): line} -> Markdown"""
    batches = sorted({batch for _, batch in lines})
    print('| c | ' + ' | '.join(f'{batch} patches' for batch in batches) + ' | pixel at {1} / at {0} |'.format(*COMPARED))
    print('|---|' + '---:|' * (len(batches) + 1))
    for width in sorted({width for width, _ in lines}):
        cost = {batch: lines[width, batch]['milliseconds'] / megapixels(lines[width, batch]) for batch in batches}
        growth = cost[COMPARED[1]] / cost[COMPARED[0]]
        print(f'| {width} | ' + ' | '.join(f'{cost[batch]:.1f}' for batch in batches) + f' | {growth:.2f} |')


def draw(lines, title, path):
    import matplotlib
    matplotlib.use('Agg')
    from matplotlib import pyplot
    figure, axes = pyplot.subplots(figsize=(7, 4.5), dpi=90)
    for width in sorted({width for width, _ in lines}, reverse=True):
        row = sorted((line for (w, _), line in lines.items() if w == width), key=megapixels)
        x = [megapixels(line) for line in row]
        curve, = axes.loglog(x, [line['milliseconds'] for line in row], marker='o', label=f'c = {width}')
        axes.loglog(x, [line['floor_milliseconds'] for line in row], linestyle=':', color=curve.get_color())
    axes.set_xlabel('frame, megapixels (patches of 64x64)')
    axes.set_ylabel('milliseconds a frame (dotted: the floor)')
    axes.set_title(title, fontsize=9)
    axes.grid(True, which='both', alpha=0.3)
    axes.legend()
    figure.tight_layout()
    figure.savefig(path, metadata={'Software': None})


def main():
    options = arguments()
    options.build = options.build.resolve()
    enter_environment((options.venv or options.build / 'peers').absolute(), packages=('matplotlib',))
    lines = [json.loads(line) for line in measure(options).splitlines()]
    first = lines[0]
    title = (f'{datetime.date.today()}, {first["processor"]} ({first["isa"]}), {first["threads"]} threads, backend '
             f'{first["backend"]}, f_D {first["tap"]}, cbigan {first["version"]}')
    peaks = f'{first["peak_gflops"]:.0f} GFLOP/s, {first["bandwidth_gbytes"]:.0f} GB/s'
    print(f'Milliseconds a megapixel. {title}; peak {peaks}, load after {os.getloadavg()[0]:.1f}\n')
    lines = {(line['width'], line['batch']): line for line in lines}
    print_table(lines)
    draw(lines, title, options.output)


if __name__ == '__main__':
    main()
