#!/usr/bin/python3
"""test_other_programs.py - programs without cbigan compute its scores: docs/examples/score.py and inspector.py from a model file,
onnxruntime from what `cbigan export` writes; prints TAP

Copyright (C) 2026 the cbigan developers
SPDX-License-Identifier: LGPL-2.1-or-later

Usage: test_other_programs.py CBIGAN WRITE_SAMPLE_MODEL [TEST ...]
"""
import functools
import json
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'tests'))
import harness  # noqa: E402
sys.path.insert(0, str(ROOT / 'tests/inputs'))
import picture_writer  # noqa: E402

try:
    import numpy as np
except ImportError:
    np = None
try:
    import onnxruntime
except ImportError:
    onnxruntime = None

TOLERANCE = 1e-4  # relative: sums run in another order, or in double precision
GAN = ['--score', 'critic', '--warmup-steps', '1', '--steps', '1', '--batch', '2']
SCORES = ['calibrated', 'critic', 'paper']
MODELS = {  # name: options, width and height of pictures
    'object': ([*GAN, '--preset', 'object', '--frame', '64x64', '--patch', '64', '--width', '4', '--lambda', '0.5'], 64, 64),
    'overlapping patches': ([*GAN, '--preset', 'texture', '--frame', '150x100', '--patch', '64', '--width', '3'], 150, 100),
    'any size': ([*GAN, '--preset', 'texture', '--frame', 'native', '--patch', '64', '--width', '3'], 201, 64),
    'large patch, hidden tap': ([*GAN, '--preset', 'object', '--frame', '128x128', '--patch', '128', '--width', '2', '--tap', 'hidden'], 128, 128),
    'bank of an object': (['--quick', '--preset', 'object', '--frame', '64x48'], 64, 48),
    'bank of a surface': (['--quick', '--preset', 'texture'], 80, 64),
    'network of a surface': (['--preset', 'texture', '--updates', '4', '--width', '2'], 155, 118),
    'masked object': (['--quick', '--preset', 'object', '--frame', '64x48', '--mask', 'mask.png'], 64, 48),
    'masked surface': (['--quick', '--preset', 'texture', '--mask', 'mask.png'], 80, 64),
}
WRITE_SAMPLE_MODEL = pathlib.Path(sys.argv[2]).resolve()
cbigan = functools.partial(harness.run_program, pathlib.Path(sys.argv[1]).resolve())


def pixels(width, height, seed):
    """A striped surface with noise, in a light of its own: uint8 (height, width, 3)"""
    random = np.random.default_rng(seed)
    stripes = 110 + 40 * np.sin(np.arange(width) * 0.7)[None, :, None] + random.normal(0, 12, (height, width, 3)) + 10 * random.random()
    return np.clip(stripes, 0, 255).astype(np.uint8)


def make_model(name):
    """m.safetensors with random weights and statistics of good pictures, and new.ppm"""
    if not np:
        raise harness.Skip('python3-numpy is missing')
    options, width, height = MODELS[name]
    pathlib.Path('good').mkdir(exist_ok=True)
    for path, seed in [(f'good/{i:02}.ppm', i) for i in range(12)] + [('new.ppm', 99)]:
        pathlib.Path(path).write_bytes(b'P6\n%d %d\n255\n' % (width, height) + pixels(width, height, seed).tobytes())
    mask = [[(255 if x > width // 4 or y < height // 3 else 0,) * 3 for x in range(width)] for y in range(height)]
    pathlib.Path('mask.png').write_bytes(picture_writer.png(mask))
    cbigan('train', 'good', '--output', 'm.safetensors', '--force', '--threads', '1', *options)
    return pixels(width, height, 99)


def forget_light():
    """m.safetensors becomes one of a version before light.quartiles."""
    data = pathlib.Path('m.safetensors').read_bytes()
    length = int.from_bytes(data[:8], 'little')
    header, kept = json.loads(data[8:8 + length]), b''
    for name in sorted(header.keys() - {'__metadata__'}, key=lambda name: header[name]['data_offsets']):
        begin, end = header[name]['data_offsets']
        if name.startswith('light.'):
            del header[name]
        else:
            header[name]['data_offsets'] = [len(kept), len(kept) + end - begin]
            kept += data[8 + length + begin:8 + length + end]
    text = json.dumps(header).encode()
    text += b' ' * (-len(text) % 8)
    pathlib.Path('m.safetensors').write_bytes(len(text).to_bytes(8, 'little') + text + kept)


def scored(score):
    """What `cbigan score` says of new.ppm"""
    return json.loads(cbigan('score', '--model', 'm.safetensors', '--score', score, '--precision', 'fp32', '--json', 'new.ppm')[0])


def compare(what, number, expected):
    assert expected > 0 and abs(number - expected) <= TOLERANCE * expected, f'{what}: {number}, cbigan says {expected}'


def check_score_py(name):
    make_model(name)
    lines = subprocess.run([sys.executable, ROOT / 'docs/examples/score.py', 'm.safetensors', 'new.ppm'], capture_output=True, text=True,
                           check=True).stdout.splitlines()
    scores = {score: float(number) for score, number in map(str.split, lines)}
    assert sorted(scores) == SCORES, f'{scores}: expected {SCORES}'
    for score, number in scores.items():
        compare(score, number, scored(score)['score'])


def check_inspector_py():
    """A model and new.ppm are there."""
    score, number = subprocess.run([sys.executable, ROOT / 'docs/examples/inspector.py', 'm.safetensors', 'new.ppm'], capture_output=True,
                                   text=True, check=True).stdout.split()
    compare(score, float(number), scored('inspector')['score'])


def run_onnx(inputs, *options):
    cbigan('export', '--model', 'm.safetensors', '--onnx', 'm.onnx', *options)
    return onnxruntime.InferenceSession('m.onnx').run(None, inputs)


def check_map(found, expected):
    """The map exceeds the threshold within cbigan's regions only, and each region's peak is there."""
    height, width = found.shape
    outside = found.copy()
    for region in expected['regions']:
        x, y, w, h = (round(region[k] * n) for k, n in (('x', width), ('y', height), ('w', width), ('h', height)))
        peak = found[y:y + h, x:x + w].max()
        compare('peak of a region', peak / (peak + expected['threshold']), region['peak'])
        outside[y:y + h, x:x + w] = 0
    assert outside.max() <= expected['threshold'] * (1 + TOLERANCE), f'{outside.max()} outside of {expected}'


def check_onnx(name, scores=SCORES):
    if not onnxruntime:
        raise harness.Skip('onnxruntime is missing')
    picture = make_model(name)
    size = f'{picture.shape[1]}x{picture.shape[0]}'
    for score in scores:
        expected = scored(score)
        number, found = run_onnx({'frame': picture}, '--score', score, '--frame', size)
        compare(score, number[0], expected['score'])
        if expected['threshold']:
            check_map(found, expected)
        if score in ('calibrated', 'critic'):
            compare(f'peak of the map of {score}', found.max(), expected['score'])


def test_score_py_object():
    check_score_py('object')


def test_score_py_overlapping_patches():
    check_score_py('overlapping patches')


def test_score_py_large_patch_hidden_tap():
    check_score_py('large patch, hidden tap')


def test_score_py_pixels_like_blanks():
    """The first pixel's bytes are no part of the header."""
    picture = make_model('object')
    picture[0, 0] = 32, 10, 9
    pathlib.Path('new.ppm').write_bytes(b'P6\n64 64\n255\n' + picture.tobytes())
    lines = subprocess.run([sys.executable, ROOT / 'docs/examples/score.py', 'm.safetensors', 'new.ppm'], capture_output=True, text=True,
                           check=True).stdout.splitlines()
    compare('paper', float(lines[0].split()[1]), scored('paper')['score'])


def test_inspector_py_bank_of_an_object():
    make_model('bank of an object')
    check_inspector_py()


def test_inspector_py_bank_of_a_surface():
    make_model('bank of a surface')
    check_inspector_py()


def test_inspector_py_network_of_a_surface():
    """Its sides are no multiples of 16, so windows share the picture."""
    make_model('network of a surface')
    check_inspector_py()


def test_inspector_py_earlier_surface():
    make_model('bank of a surface')
    forget_light()
    check_inspector_py()


def test_onnx_earlier_surface():
    if not onnxruntime:
        raise harness.Skip('onnxruntime is missing')
    make_model('bank of a surface')
    forget_light()
    number, _ = run_onnx({'frame': pixels(80, 64, 99)}, '--frame', '80x64')
    compare('inspector', number[0], scored('inspector')['score'])


def test_onnx_object():
    check_onnx('object')


def test_onnx_overlapping_patches():
    check_onnx('overlapping patches')


def test_onnx_any_size():
    check_onnx('any size')


def test_onnx_large_patch_hidden_tap():
    check_onnx('large patch, hidden tap')


def test_onnx_bank_of_an_object():
    check_onnx('bank of an object', ['inspector'])


def test_onnx_bank_of_a_surface():
    check_onnx('bank of a surface', ['inspector'])


def test_onnx_masked_object():
    check_onnx('masked object', ['inspector'])


def test_onnx_masked_surface():
    check_onnx('masked surface', ['inspector'])


def make_sample_inspector(*maps):
    """m.safetensors with random maps and statistics, and new.ppm"""
    if not np:
        raise harness.Skip('python3-numpy is missing')
    subprocess.run([WRITE_SAMPLE_MODEL, 'm.safetensors', *maps], check=True)
    pathlib.Path('new.ppm').write_bytes(b'P6\n32 16\n255\n' + pixels(32, 16, 99).tobytes())


def check_sample_inspector(*maps):
    if not onnxruntime:
        raise harness.Skip('onnxruntime is missing')
    make_sample_inspector(*maps)
    number, _ = run_onnx({'frame': pixels(32, 16, 99)})
    compare('inspector', number[0], scored('inspector')['score'])


def test_onnx_network_of_an_inspector():
    check_sample_inspector()


def test_onnx_nearest_samples():
    check_sample_inspector('nearest')


def test_inspector_py_network_of_an_object():
    make_sample_inspector()
    check_inspector_py()


def test_inspector_py_nearest_samples():
    make_sample_inspector('nearest')
    check_inspector_py()


def test_onnx_networks():
    """The paper's two terms from E, G and f_D alone"""
    if not onnxruntime:
        raise harness.Skip('onnxruntime is missing')
    image = make_model('large patch, hidden tap').transpose(2, 0, 1)[None].astype(np.float32) / 127.5 - 1
    latent, = run_onnx({'image': image}, '--part', 'encoder')
    again, = run_onnx({'latent': latent}, '--part', 'generator')
    features = [run_onnx({'image': x, 'latent': latent}, '--part', 'features')[0] for x in (image, again)]
    expected = scored('paper')
    compare('L_R', np.abs(image - again).sum(), expected['pixel_term'])
    compare('L_fD', np.abs(features[0] - features[1]).sum(), expected['feature_term'])


def test_info_names_every_map():
    subprocess.run([WRITE_SAMPLE_MODEL, 'm.safetensors'], check=True)
    text = ''.join(cbigan('info', 'm.safetensors'))
    assert 'nearest' in text and '(null)' not in text, text


def test_refused():
    make_model('any size')
    cbigan('export', '--model', 'm.safetensors', '--onnx', 'm.onnx', code=1, error=['--frame'])
    cbigan('export', '--model', 'm.safetensors', '--onnx', 'm.onnx', '--frame', '63x64', code=1, error=['64x64'])
    cbigan('export', '--model', 'm.safetensors', '--onnx', 'm.onnx', '--frame', '640', code=2, error=['640', 'WIDTHxHEIGHT'])
    cbigan('export', '--model', 'm.safetensors', code=2, error=['--onnx'])
    cbigan('export', '--model', 'm.safetensors', '--onnx', 'missing/m.onnx', '--frame', '64x64', code=1, error=['missing/m.onnx'])


if __name__ == '__main__':
    sys.exit(harness.run_tests(globals(), sys.argv[3:]))
