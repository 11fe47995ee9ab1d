#!/usr/bin/python3
"""test_score_example.py - docs/examples/score.py, which the page on model files makes, agrees with `cbigan score`; prints TAP

Copyright (C) 2026 the cbigan developers
SPDX-License-Identifier: LGPL-2.1-or-later

Usage: test_score_example.py CBIGAN [TEST ...]
"""
import pathlib
import subprocess
import sys

try:
    import numpy as np
except ImportError:
    print('1..0 # SKIP python3-numpy is missing')
    sys.exit(0)

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'tests'))
import harness  # noqa: E402

CBIGAN = pathlib.Path(sys.argv[1]).resolve()
TOLERANCE = 1e-4  # of single against double precision, relative


def write_picture(path, width, height, seed):
    """A striped surface with noise, in a light of its own"""
    random = np.random.default_rng(seed)
    stripes = 110 + 40 * np.sin(np.arange(width) * 0.7)[None, :, None] + random.normal(0, 12, (height, width, 3)) + 10 * random.random()
    path.write_bytes(b'P6\n%d %d\n255\n' % (width, height) + np.clip(stripes, 0, 255).astype(np.uint8).tobytes())


def check(options, width, height):
    """Trains a model of random weights and good statistics, and compares all its scores on a picture."""
    good = pathlib.Path('good')
    good.mkdir()
    for i in range(12):
        write_picture(good / f'{i:02}.ppm', width, height, i)
    write_picture(pathlib.Path('new.ppm'), width, height, 99)
    harness.run_program(CBIGAN, 'train', 'good', '--output', 'm.safetensors', '--score', 'critic', '--warmup-steps', '1', '--steps', '1',
                        '--batch', '2', '--threads', '1', *options)
    lines = subprocess.run([sys.executable, ROOT / 'docs/examples/score.py', 'm.safetensors', 'new.ppm'], capture_output=True, text=True,
                           check=True).stdout.splitlines()
    scores = {name: float(number) for name, number in map(str.split, lines)}
    assert sorted(scores) == ['calibrated', 'critic', 'paper'], f'{scores}: expected three scores'
    for name, score in scores.items():
        output, _ = harness.run_program(CBIGAN, 'score', '--model', 'm.safetensors', '--score', name, '--precision', 'fp32', '--json', 'new.ppm')
        found = float(output.split('"score":')[1].split(',')[0])
        assert found > 0 and abs(score - found) <= TOLERANCE * found, f'{name}: cbigan {found}, score.py {score}'


def test_object():
    check(['--preset', 'object', '--frame', '64x64', '--patch', '64', '--width', '4', '--lambda', '0.5'], 64, 64)


def test_overlapping_patches():
    check(['--preset', 'texture', '--frame', '150x100', '--patch', '64', '--width', '3'], 150, 100)


def test_large_patch_hidden_tap():
    check(['--preset', 'object', '--frame', '128x128', '--patch', '128', '--width', '2', '--tap', 'hidden'], 128, 128)


if __name__ == '__main__':
    sys.exit(harness.run_tests(globals(), sys.argv[2:]))
