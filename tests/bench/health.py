#!/usr/bin/python3
"""health.py - which pictures `cbigan score` calls unusable: good and defective ones, and spoilt versions of the good ones

Copyright (C) 2026 the cbigan developers
SPDX-License-Identifier: LGPL-2.1-or-later

usage: health.py PROGRAM MODEL TEST [--pictures N] [--only TEXT]    TEXT: in the versions' names

TEST is a folder as in MVTec AD: good/ and one folder per kind of defect. Prints one row per version: the share that is unusable, and
which faults were named. Random numbers have a fixed seed.
"""
import argparse, collections, csv, os, subprocess, tempfile

import gi
gi.require_version('GdkPixbuf', '2.0')
from gi.repository import GdkPixbuf  # noqa: E402
import numpy as np  # noqa: E402

RANDOM = np.random.default_rng(1)


def read(path):
    pixbuf = GdkPixbuf.Pixbuf.new_from_file(path)
    h, w, n = pixbuf.get_height(), pixbuf.get_width(), pixbuf.get_n_channels()
    rows = np.frombuffer(pixbuf.get_pixels(), np.uint8)
    stride = pixbuf.get_rowstride()
    rows = np.pad(rows, (0, stride * h - len(rows))).reshape(h, stride)
    return rows[:, :w * n].reshape(h, w, n)[:, :, :3].astype(float)


def blur(x, sigma):
    radius = int(np.ceil(3 * sigma))
    kernel = np.exp(-.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    kernel /= kernel.sum()
    for axis in (0, 1):
        padded = np.pad(x, [(radius, radius) if a == axis else (0, 0) for a in range(3)], mode='edge')
        x = sum(k * padded.take(np.arange(i, i + x.shape[axis]), axis) for i, k in enumerate(kernel))
    return x


def half(x, gain):
    x = x.copy()
    x[:, :x.shape[1] // 2] *= gain
    return x


# Sizes are fractions of the longer side, so that they are the same when the picture is brought to the model's frame.
VERSIONS = {
    'as it is': lambda x: x,
    'light x 0.92': lambda x: .92 * x,
    'light x 1.08': lambda x: 1.08 * x,
    'light - 10': lambda x: x - 10,
    'light + 10': lambda x: x + 10,
    'light x 0.9': lambda x: .9 * x,
    'light x 1.1': lambda x: 1.1 * x,
    'light x 0.7': lambda x: .7 * x,
    'light x 1.4': lambda x: 1.4 * x,
    'light - 20': lambda x: x - 20,
    'light + 20': lambda x: x + 20,
    'black': lambda x: 0 * x + RANDOM.normal(2, 1, x.shape),
    'white': lambda x: 0 * x + 255,
    'grey': lambda x: 0 * x + 128 + RANDOM.normal(0, 1, x.shape),
    'noise': lambda x: RANDOM.uniform(0, 255, x.shape),
    'noisy, deviation 25': lambda x: x + RANDOM.normal(0, 25, x.shape[:2])[:, :, None],
    'blurred, 1/64': lambda x: blur(x, max(x.shape) / 64),
    'blurred, 1/128': lambda x: blur(x, max(x.shape) / 128),
    'half x 0.2': lambda x: half(x, .2),
    'light x 0.5': lambda x: .5 * x,
    'light x 2': lambda x: 2 * x,
    'moved by 1/5': lambda x: np.roll(x, x.shape[1] // 5, 1),
}


def write(path, x):
    h, w = x.shape[:2]
    with open(path, 'wb') as file:
        file.write(b'P6\n%d %d\n255\n' % (w, h) + np.clip(np.rint(x), 0, 255).astype(np.uint8).tobytes())


def row(name, program, model, folder):
    out = subprocess.run([program, 'score', '--model', model, folder], capture_output=True, text=True, check=True).stdout
    rows = list(csv.DictReader(out.splitlines()))
    verdicts = collections.Counter(r['verdict'] for r in rows)
    faults = collections.Counter(fault for r in rows for fault in r['health'].split('+') if fault)
    print(f'| {name} | {len(rows)} | {verdicts["unusable"]} | {verdicts["anomalous"]} | '
          + ', '.join(f'{fault} {n}' for fault, n in faults.most_common()) + ' |', flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('program')
    parser.add_argument('model')
    parser.add_argument('test')
    parser.add_argument('--pictures', type=int, default=10**9)
    parser.add_argument('--only', default='')
    a = parser.parse_args()
    good = sorted(os.listdir(f'{a.test}/good'))[:a.pictures]
    print('| version | pictures | unusable | anomalous | faults |\n|---|---|---|---|---|')
    for kind in sorted(os.listdir(a.test)):
        row('good' if kind == 'good' else f'defective: {kind}', a.program, a.model, f'{a.test}/{kind}')
    for name, change in [v for v in VERSIONS.items() if a.only in v[0]]:
        with tempfile.TemporaryDirectory() as folder:
            for picture in good:
                write(f'{folder}/{picture}.ppm', change(read(f'{a.test}/good/{picture}')))
            row(f'good, {name}', a.program, a.model, folder)


if __name__ == '__main__':
    main()
