#!/usr/bin/env python3
"""test_masks.py - the program cbigan with masks, areas and cutouts: what they ignore changes no score, and bad ones are named

Copyright (C) 2026 the cbigan developers
SPDX-License-Identifier: LGPL-2.1-or-later

usage: test_masks.py PROGRAM [TEST…]. Prints TAP. A new test is a function test_*().
"""
import csv, io, json, os, random, struct, sys, zlib

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
from harness import run_program, run_tests  # noqa: E402

PROGRAM = os.path.abspath(sys.argv[1])
SIDE = 64
KINDS = {'critic': '--score critic --width 1 --batch 4 --warmup-steps 3 --steps 2 --threads 1'.split(),
         'object': '--width 1 --batch 2 --updates 4 --threads 1'.split(),
         'quick': '--quick --threads 1'.split(),
         'quick-texture': '--quick --preset texture --threads 1'.split(),
         'texture': '--preset texture --width 1 --batch 2 --updates 4 --threads 1'.split()}


def run(*arguments, **options):
    """What the program prints; the options are run_program()'s."""
    return run_program(PROGRAM, *map(str, arguments), **options)[0]


def write_picture(path, seed, spoiled=None):
    """A gradient with noise. spoiled: a seed for noise in the right half, which the mask ignores."""
    noise, other = random.Random(seed), random.Random(spoiled)
    data = bytearray()
    for y in range(SIDE):
        for x in range(SIDE):
            value = 60 + 80 * x // SIDE + 30 * y // SIDE + noise.randrange(12)
            if spoiled is not None and x >= SIDE // 2:
                value = other.randrange(256)
            data += bytes([value] * 3)
    os.makedirs(os.path.dirname(path) or '.', exist_ok=True)
    with open(path, 'wb') as file:
        file.write(b'P6\n%d %d\n255\n' % (SIDE, SIDE) + data)


def write_mask(path, width=SIDE, height=SIDE, counts=lambda x, y: x < 0.5):
    """A grey PNG: white where the place, in fractions, counts."""
    def chunk(kind, content):
        return struct.pack('>I', len(content)) + kind + content + struct.pack('>I', zlib.crc32(kind + content))
    rows = b''.join(b'\0' + bytes(255 if counts((x + 0.5) / width, (y + 0.5) / height) else 0 for x in range(width))
                    for y in range(height))
    with open(path, 'wb') as file:
        file.write(b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', struct.pack('>IIBBBBB', width, height, 8, 0, 0, 0, 0)) +
                   chunk(b'IDAT', zlib.compress(rows)) + chunk(b'IEND', b''))


def scores(model, *more):
    """Score and verdict of each picture"""
    rows = csv.reader(io.StringIO(run('score', '--model', model, '--threads', 1, *more)))
    return [(row[1], row[3]) for row in rows][1:]


def write_folders():
    """The same pictures twice, differently spoiled where the mask ignores them."""
    for i in range(12):
        write_picture(f'one/{i:02}.ppm', i)
        write_picture(f'two/{i:02}.ppm', i, spoiled=100 + i)
    write_mask('mask.png')


def write_test():
    """Pictures that differ only where the mask ignores them."""
    for i in range(4):
        write_picture(f'test/good/{i}.ppm', 50 + i)
        write_picture(f'test/spoiled/{i}.ppm', 50 + i, spoiled=i)


def evaluate(model, *more):
    return run('eval', '--model', model, '--threads', 1, *more, 'test')


def test_training_ignores():
    write_folders()
    for kind, options in KINDS.items():
        for folder in 'one', 'two':
            run('train', folder, '--output', f'{kind}-{folder}.safetensors', '--mask', 'mask.png', *options)
        texts = [run('info', f'{kind}-{folder}.safetensors') for folder in ('one', 'two')]
        assert '64x64 pixels, 50.0 % of them count' in texts[0], texts[0]
        # The provenance has the digest of the filled pictures, so the files are the same to the byte.
        with open(f'{kind}-one.safetensors', 'rb') as one, open(f'{kind}-two.safetensors', 'rb') as two:
            assert one.read() == two.read(), f'{kind}: ignored pixels changed the model'
        assert scores(f'{kind}-one.safetensors', 'one') == scores(f'{kind}-one.safetensors', 'two'), kind


def test_calibration_ignores():
    write_folders()
    for kind, options in KINDS.items():
        run('train', 'one', '--output', f'{kind}.safetensors', '--mask', 'mask.png', *options)
        for folder in 'one', 'two':
            run('calibrate', '--model', f'{kind}.safetensors', '--output', f'{kind}-{folder}.safetensors', '--threads', 1,
                folder)
        with open(f'{kind}-one.safetensors', 'rb') as one, open(f'{kind}-two.safetensors', 'rb') as two:
            assert one.read() == two.read(), f'{kind}: ignored pixels changed the calibration'


def test_scoring_ignores():
    write_folders()
    write_mask('large.png', 10 * SIDE, 5 * SIDE)
    for kind, options in KINDS.items():
        run('train', 'one', '--output', f'{kind}.safetensors', *options)
        assert scores(f'{kind}.safetensors', 'one') != scores(f'{kind}.safetensors', 'two'), kind
        masked = [scores(f'{kind}.safetensors', '--mask', 'mask.png', folder) for folder in ('one', 'two')]
        assert masked[0] == masked[1], kind
        masked = [scores(f'{kind}.safetensors', '--mask', 'large.png', folder) for folder in ('one', 'two')]
        assert masked[0] == masked[1], f'{kind}, large mask'
        write_test()
        assert '0.500' in evaluate(f'{kind}.safetensors', '--mask', 'mask.png'), kind
        assert '0.500' not in evaluate(f'{kind}.safetensors'), kind


def test_areas():
    write_folders()
    run('train', 'one', '--output', 'm.safetensors', *KINDS['critic'])
    lines = run('score', '--model', 'm.safetensors', '--threads', 1, '--json', '--roi',
                'left=0,0,0.5,1@1e9; right=0.5,0 1,0 1,1 0.5,1@0', 'one/00.ppm')
    row = json.loads(lines)
    assert [(a['name'], a['verdict']) for a in row['areas']] == [('left', 'good'), ('right', 'anomalous')], row
    assert row['verdict'] == 'anomalous' and row['threshold'] == 0 and row['score'] == row['areas'][1]['score'], row
    write_test()
    evaluate('m.safetensors', '--csv', 'whole.csv')
    evaluate('m.safetensors', '--csv', 'corner.csv', '--roi', '0,0,0.1,0.1')
    with open('whole.csv') as whole, open('corner.csv') as corner:
        assert whole.read() != corner.read()
    threshold = 0.98 * row['areas'][0]['score']  # over which a small part of the map lies
    for least, verdict in (0, 'anomalous'), (1, 'good'):
        row = json.loads(run('score', '--model', 'm.safetensors', '--threads', 1, '--json', '--threshold', threshold, '--min-area',
                             least, '--roi', '0,0,0.5,1', 'one/00.ppm'))
        assert row['verdict'] == verdict and bool(row['regions']) == (verdict == 'anomalous'), row


def test_cutouts():
    write_folders()
    run('train', 'one', '--output', 'm.safetensors', *KINDS['critic'])
    write_picture('spoiled.ppm', 20, spoiled=1)
    parts = ['one/00.ppm', 'one/01.ppm', 'spoiled.ppm', 'one/02.ppm']
    rows = [[], []]
    for i, part in enumerate(parts):  # two beside two make a picture of four frames
        with open(part, 'rb') as file:
            pixels = file.read()[-3 * SIDE * SIDE:]
        rows[i // 2].append([pixels[3 * SIDE * y:3 * SIDE * (y + 1)] for y in range(SIDE)])
    with open('large.ppm', 'wb') as file:
        file.write(b'P6\n%d %d\n255\n' % (2 * SIDE, 2 * SIDE) + b''.join(a + b for left, right in rows for a, b in zip(left, right)))
    worst = max(scores('m.safetensors', *parts), key=lambda row: float(row[0]))
    for cutout in 'model', f'{SIDE}x{SIDE}':
        assert scores('m.safetensors', '--cutout', cutout, '--cutout-overlap', 0, 'large.ppm') == [worst], cutout
    row = json.loads(run('score', '--model', 'm.safetensors', '--threads', 1, '--json', '--threshold', 0.9 * float(worst[0]),
                         '--cutout', 'model', 'large.ppm'))
    assert row['regions'] and 0.4 < row['regions'][0]['y'] and 'moved' not in row.get('health', []), row
    run('score', '--model', 'm.safetensors', '--cutout', 'model', '--heatmap', 'maps', 'large.ppm')
    assert len(os.listdir('maps')) == 1


def test_calibrated_cutouts():
    """The threshold of large pictures is that of the parts which are chosen from them, for fewer false alarms of each."""
    write_folders()
    run('train', 'one', '--output', 'm.safetensors', *KINDS['critic'])
    for i in range(6):
        rows = []
        for half in range(2):
            parts = [random.Random(1000 * i + 10 * half + k) for k in range(2)]
            rows += [b''.join(bytes([60 + 80 * x // SIDE + 30 * y // SIDE + noise.randrange(12)] * 3) for noise in parts
                              for x in range(SIDE)) for y in range(SIDE)]
        os.makedirs('large', exist_ok=True)
        with open(f'large/{i}.ppm', 'wb') as file:
            file.write(b'P6\n%d %d\n255\n' % (2 * SIDE, 2 * SIDE) + b''.join(rows))
        left, top = int(SIDE * (i * 0.618 % 1)), int(SIDE * ((i * 0.382 + 0.5) % 1))
        os.makedirs('parts', exist_ok=True)
        with open(f'parts/{i}.ppm', 'wb') as file:
            file.write(b'P6\n%d %d\n255\n' % (SIDE, SIDE) +
                       b''.join(row[3 * left:3 * (left + SIDE)] for row in rows[top:top + SIDE]))
    for name, folder, options in (('cut', 'large', '--cutout model --false-alarms 0.4'), ('parts', 'parts', '--false-alarms 0.1'),
                                  ('same', 'parts', '--cutout 64x64 --false-alarms 0.1')):
        run('calibrate', '--model', 'm.safetensors', '--output', f'{name}.safetensors', '--threads', 1, *options.split(), folder)
    models = [open(f'{name}.safetensors', 'rb').read() for name in ('cut', 'parts', 'same')]
    assert models[0] == models[1] == models[2]
    run('train', 'one', '--output', 'any.safetensors', *KINDS['texture'])
    run('train', 'one', '--output', 'masked.safetensors', '--mask', 'mask.png', *KINDS['critic'])
    for model, cutout, words in (('any', 'model', 'any size'), ('masked', 'model', 'mask'), ('m', '64', 'WIDTHxHEIGHT')):
        run('calibrate', '--model', f'{model}.safetensors', '--cutout', cutout, 'large', code=1, error=[words])


def test_bad_values():
    write_folders()
    run('train', 'one', '--output', 'm.safetensors', *KINDS['critic'])
    write_mask('black.png', counts=lambda x, y: False)
    with open('mask.png', 'rb') as file, open('cut.png', 'wb') as cut:
        cut.write(file.read()[:60])
    os.mkdir('folder.png')
    for options, words in {
        '--mask none.png': ['none.png', 'No such file'], '--mask cut.png': ['cut.png', 'PNG'], '--mask one/00.ppm': ['PNG'],
        '--mask folder.png': ['folder.png', 'regular'], '--mask black.png': ['mask', '64 x 64', 'at least one'],
        '--roi 0,0,2,1': ['x = 2', '0 to 1'], '--roi 0,0,9px,1': ['9px', 'fractions'], '--roi x': ['“x”', 'rectangle'],
        '--min-area 2': ['2', '0 to 1'], '--min-area nan': ['nan', '0 to 1'], '--roi=': ['--roi', 'empty'],
        '--cutout 64': ['cutout', '“64”', 'WIDTHxHEIGHT'], '--cutout model --cutout-overlap 1': ['1', '0 to 0.9'],
        '--cutout model --cutout-overlap nan': ['nan', '0 to 0.9'],
    }.items():
        run('score', '--model', 'm.safetensors', *options.split(), 'one/00.ppm', code=1, error=words)
    run('train', 'one', '--output', 'n.safetensors', '--mask', 'black.png', *KINDS['object'], code=1, error=['64 x 64'])
    run('train', 'one', '--output', 'n.safetensors', '--mask', 'mask.png', '--align', 'on', *KINDS['object'], code=1,
        error=['--mask', '--align'])
    assert not os.path.exists('n.safetensors')


if __name__ == '__main__':
    os.environ.update(LC_ALL='C.UTF-8', LANGUAGE='C')
    sys.exit(run_tests(globals(), sys.argv[2:]))
