#!/usr/bin/python3
"""test_library.py - the library for other languages: docs/examples/library.py and what it does not show, against `cbigan score`;
prints TAP

Copyright (C) 2026 the cbigan developers
SPDX-License-Identifier: LGPL-2.1-or-later

Usage: test_library.py CBIGAN [TEST ...]    GI_TYPELIB_PATH and LD_LIBRARY_PATH name the folder of the library
"""
import functools
import json
import math
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'tests'))
import harness  # noqa: E402

cbigan = functools.partial(harness.run_program, pathlib.Path(sys.argv[1]).resolve())
SIDE = 64


def need(*names):
    """The modules of gi.repository; the case is skipped where one is missing"""
    try:
        import gi
        for name, version in [('Cbigan', '0'), *names]:
            gi.require_version(name, version)
        import gi.repository
        return [getattr(__import__('gi.repository', fromlist=[name]), name) for name in ['Cbigan', *(name for name, _ in names)]]
    except (ImportError, ValueError) as reason:
        raise harness.Skip(str(reason))


def pixels(seed, side=SIDE, defect=False):
    """Stripes in a light of their own, R G B"""
    rows = bytearray()
    for y in range(side):
        for x in range(side):
            there = defect and 20 <= x * SIDE // side < 32 and 24 <= y * SIDE // side < 40
            level = 250 if there else 100 + 40 * math.sin(x * SIDE / side * 0.7) + (x * 7919 + y * 104729 + seed * 31) % 13
            rows += bytes([int(level), int(level * 0.9), int(level * 0.8)])
    return bytes(rows)


def write(path, data, side=SIDE):
    pathlib.Path(path).write_bytes(b'P6\n%d %d\n255\n' % (side, side) + data)


def make_model():
    pathlib.Path('good').mkdir()
    for i in range(12):
        write(f'good/{i:02}.ppm', pixels(i))
    cbigan('train', 'good', '--output', 'm.safetensors', '--threads', '1', '--quick', '--preset', 'object', '--frame', f'{SIDE}x{SIDE}')
    write('bad.ppm', pixels(99, defect=True))


def said():
    """What `cbigan score` says of bad.ppm"""
    return json.loads(cbigan('score', '--model', 'm.safetensors', '--json', 'bad.ppm')[0])


def example(picture):
    done = subprocess.run([sys.executable, ROOT / 'docs/examples/library.py', 'm.safetensors', picture], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    first, *regions = done.stdout.splitlines()
    return float(first.split()[0]), first.split()[1], [tuple(map(float, region.split())) for region in regions]


def test_example():
    need(('GdkPixbuf', '2.0'))
    make_model()
    score, verdict, regions = example('bad.ppm')
    expected = said()
    assert score == expected['score'], f'{score!r}, cbigan says {expected["score"]!r}'
    assert verdict == expected['verdict'] == 'anomalous', (verdict, expected)
    assert len(regions) == len(expected['regions']) > 0, (regions, expected)
    # one pixel of the frame, and three digits
    assert all(abs(a - expected['regions'][0][key]) <= 1 / SIDE + 0.001 for a, key in zip(regions[0], 'xywh')), (regions, expected)


def test_resized_picture():
    need(('GdkPixbuf', '2.0'))
    make_model()
    write('large.ppm', pixels(99, 2 * SIDE, defect=True), 2 * SIDE)
    assert example('large.ppm')[1] == 'anomalous'


def test_map_and_areas():
    Cbigan, GLib = need(('GLib', '2.0'))
    import struct
    make_model()
    scorer = Cbigan.Scorer.new(Cbigan.Model.load('m.safetensors'), None)
    assert scorer.set_roi('left=0,0,0.6,1;120px,0,8px,4px@1e9', 2 * SIDE, 2 * SIDE)
    result = scorer.score_pixels(pixels(99, defect=True), SIDE, SIDE, 3 * SIDE)
    assert result.n_areas == 2 and result.anomalous
    name, score, threshold, anomalous = result.get_area(0)
    assert name == 'left' and score == result.score and threshold == result.threshold and anomalous, (name, score, threshold)
    assert result.get_area(1)[0] == '2' and result.get_area(1)[2] == 1e9 and not result.get_area(1)[3], result.get_area(1)
    assert result.get_area(2)[0] is None and not result.get_region(result.n_regions)[0]
    data = result.get_map().get_data()
    values = struct.unpack(f'{SIDE * SIDE}f', data)
    assert (result.map_width, result.map_height) == (SIDE, SIDE) and max(values) > result.threshold, (max(values), result.threshold)
    copy = result.copy()
    del result
    assert copy.get_map().get_data() == data and copy.get_area(0)[0] == 'left'


def test_options_and_names():
    Cbigan, = need()
    make_model()
    model, options = Cbigan.Model.load('m.safetensors'), Cbigan.ScorerOptions.new()
    options.set_backend('reference')
    options.threshold = 1e6
    options.maps, options.score = Cbigan.Maps.MAPS_NONE, Cbigan.ScoreKind.SCORE_MODEL
    options.precision = Cbigan.Precision.PRECISION_FP32
    assert (options.maps, options.score) == (Cbigan.Maps.MAPS_NONE, Cbigan.ScoreKind.SCORE_MODEL), (options.maps, options.score)
    scorer = Cbigan.Scorer.new(model, options)
    result = scorer.score_pixels(pixels(99, defect=True), SIDE, SIDE, 3 * SIDE)
    assert scorer.backend() == 'reference' and result.threshold == 1e6 and not result.anomalous and result.get_map() is None
    assert model.get_threshold() == said()['threshold'] and Cbigan.score_name(model.get_score()) == 'inspector'
    assert Cbigan.score_from_name('critic') == (True, Cbigan.ScoreKind.SCORE_CRITIC)
    assert Cbigan.backend_unavailable('reference') is None and 'reference' in Cbigan.backend_names()
    assert Cbigan.version().split('.')[0] == Cbigan._version


def test_errors():
    Cbigan, GLib = need(('GLib', '2.0'))
    make_model()
    scorer = Cbigan.Scorer.new(Cbigan.Model.load('m.safetensors'), None)
    for code, words, call in [
            (Cbigan.Error.FILE, 'missing.safetensors', lambda: Cbigan.Model.load('missing.safetensors')),
            (Cbigan.Error.FRAME, 'expected at least', lambda: scorer.score_pixels(bytes(3 * SIDE * SIDE - 1), SIDE, SIDE, 3 * SIDE)),
            (Cbigan.Error.FRAME, 'expected at least', lambda: scorer.score_pixels(bytes(9), SIDE, SIDE, 1 << 62)),
            (Cbigan.Error.FRAME, '63 x 64', lambda: scorer.score_pixels(bytes(3 * SIDE * SIDE), SIDE - 1, SIDE, 3 * SIDE)),
            (Cbigan.Error.ARGUMENT, 'nothing', lambda: scorer.set_roi('nothing', 0, 0))]:
        try:
            call()
        except GLib.Error as error:
            assert error.matches(Cbigan.error_quark(), code) and words in error.message, (error.domain, error.code, error.message)
        else:
            raise AssertionError(f'no error; expected one with “{words}”')


if __name__ == '__main__':
    sys.exit(harness.run_tests(globals(), sys.argv[2:]))
