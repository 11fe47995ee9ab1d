#!/usr/bin/env python3
"""test_cli.py - the program cbigan as a person runs it, above all on bad input

Copyright (C) 2026 the cbigan developers
SPDX-License-Identifier: LGPL-2.1-or-later

usage: test_cli.py PROGRAM [TEST…]. Prints TAP. The pictures are written here as PGM and PPM files, so nothing but Python's own
library is needed. A new test is a function test_*().
"""
import csv, functools, io, json, os, random, re, resource, signal, struct, subprocess, sys, time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
from harness import LIMIT, run_program, run_tests  # noqa: E402

PROGRAM = os.path.abspath(sys.argv[1])
TINY = '--width 1 --batch 4 --warmup-steps 3 --steps 2 --threads 1'.split()


def run(*arguments, **options):
    """What the program prints; the options are run_program()'s."""
    return run_program(PROGRAM, *map(str, arguments), **options)[0]


def write_picture(path, seed, width=64, height=64, kind='P6', spot=False):
    """A gradient with noise; spot: with a white square in it."""
    noise, deep = random.Random(seed), kind == 'P5-16'
    channels = 3 if kind == 'P6' else 1
    data = bytearray()
    for y in range(height):
        for x in range(width):
            value = 60 + 80 * x // width + 30 * y // height + noise.randrange(12)
            if spot and 0.3 < x / width < 0.6 and 0.3 < y / height < 0.6:
                value = 250
            data += struct.pack('>H', value * 257) if deep else bytes([value] * channels)
    os.makedirs(os.path.dirname(path) or '.', exist_ok=True)
    with open(path, 'wb') as file:
        file.write(b'%s\n%d %d\n%d\n' % (kind[:2].encode(), width, height, 65535 if deep else 255) + data)


def write_pictures(folder, n, seed=0, **options):
    for i in range(n):
        write_picture(f'{folder}/{i:03}.ppm', seed + i, **options)


def read(path):
    with open(path, 'rb') as file:
        return file.read()


def train(output='model.safetensors', *more, folder='good', **options):
    return run('train', folder, '--output', output, *TINY, *more, **options)


def with_model():
    write_pictures('good', 12)
    train()


def test_usage():
    assert 'train' in run('--help') and 'bench' in run('--help')
    assert run('--version').startswith('cbigan ')
    run(code=2, error=['Usage'])
    run('fly', code=2, error=['“fly”', 'Usage'])
    for command in 'train', 'eval', 'score', 'calibrate', 'info', 'bench':
        text = run(command, '--help')
        assert 'Examples:' in text and f'cbigan {command}' in text, text
        run(command, '--no-such-option', code=2, error=['--no-such-option'])
    few, every = run('train', '--help'), run('train', '--help-all')
    assert '--critic-updates=' in every and '--critic-updates=' not in few and '--help-steps' in few, few
    assert '--output=' in few and '--threads=' in run('train', '--help-machine'), few


def test_bad_values():
    os.mkdir('empty')
    for options, words in {
        '--rate nan': ['rate', 'nan', '1'], '--rate 0': ['rate', '0'], '--rate x': ['x', '--rate'],
        '--alpha 2': ['alpha', '2', '0 to 1'], '--alpha nan': ['alpha', 'nan'],
        '--preset cloud': ['--preset', 'cloud', 'object', 'texture'], '--width 0': ['width', '0', '1 to 64'],
        '--patch 65': ['patch', '65', '64 or 128'], '--steps -1': ['steps'], '--frame 512': ['--frame', '512', 'native'],
        '--frame 0x5': ['--frame', '0x5'], '--frame 32x32 --preset texture': ['frame', '32x32', '64x64'],
        '--score best': ['--score', 'best', 'critic'], '--tap last': ['--tap', 'last', 'hidden'],
        '--backend gpu': ['--backend', 'gpu', 'reference'], '--threads -1': ['--threads', '-1'],
        '--minutes nan': ['--minutes', 'nan'], '--held-out 0.9': ['held-out', '0.9', '0 to 0.5'],
        '--steps 99999999999': ['99999999999'], '--resume --force': ['--resume', '--force'],
        '--quick --resume': ['--quick', '--resume'], '--quick --steps 3': ['--quick', 'CBiGAN'],
        '--pipeline videotestsrc': ['--pipeline'],
    }.items():
        run('train', 'empty', '--output', 'm', *options.split(), code=2, error=['cbigan train', *words])
    run('train', 'empty', code=2, error=['--output'])
    run('train', '--output', 'm', code=2, error=['--pipeline'])
    run('train', 'a', 'b', '--output', 'm', code=2)
    run('score', 'x.png', code=2, error=['--model'])
    run('score', '--model', 'm', code=2)
    run('score', '--model', 'm', '--threshold', 'nan', 'x', code=2, error=['--threshold', 'nan'])
    run('score', '--model', 'm', '--lambda', '2', 'x', code=2, error=['--lambda', '2', '0 to 1'])
    run('eval', '--model', 'm', '--gain', '-1', 'x', code=2, error=['--gain', '-1'])
    for command in ('score', '--model', 'm', 'x'), ('eval', '--model', 'm', 'x'), ('bench',):
        run(*command, '--precision', 'int8', code=2, error=[f'cbigan {command[0]}', '--precision', 'int8', 'auto, fp32, bf16, fp16'])
    run('train', 'empty', '--output', 'm', '--precision', 'fp32', code=2, error=['--precision'])
    run('calibrate', '--model', 'm', '--false-alarms', '1', 'x', code=2, error=['--false-alarms', '0 to 0.5'])
    run('bench', '--width', '3,x', code=2, error=['--width', '3,x'])
    run('bench', '--patch', '100', code=2, error=['--patch', '100', '64 or 128'])
    run('info', code=2, error=['--backends'])
    assert not os.path.exists('m') and not os.path.exists('m.checkpoint')


def test_damaged_models():
    with_model()
    whole = read('model.safetensors')
    header = 8 + struct.unpack('<Q', whole[:8])[0]
    nan = whole[:-4] + struct.pack('<f', float('nan'))
    files = {
        'empty': b'', 'text': b'this is no model\n' * 9, 'cut-length': whole[:5], 'cut-header': whole[:header // 2],
        'cut-data': whole[:-1], 'longer': whole + b'x', 'nan': nan, 'huge-header': struct.pack('<Q', 2**62) + whole[8:],
        'wrong-type': whole.replace(b'"F32"', b'"F16"', 1),
        'unknown-version': whole.replace(b'"cbigan.format":"1"', b'"cbigan.format":"9"', 1),
    }
    for name, data in files.items():
        assert data != whole, name
        with open(name, 'wb') as file:
            file.write(data)
    os.mkdir('folder')
    for name in [*files, 'missing', 'folder']:
        run('info', name, code=1, error=['cbigan info', name])
        run('score', '--model', name, 'good/000.ppm', code=1, error=['cbigan score', name])
    for command in 'eval', 'calibrate':
        run(command, '--model', 'cut-data', 'good', code=1, error=[f'cbigan {command}', 'cut-data'])


def test_folders():
    os.mkdir('empty')
    train(folder='empty', code=1, error=['empty', '0 files'])
    train(folder='missing', code=1, error=['missing'])
    os.mkdir('notes')
    open('notes/a.txt', 'w').write('nothing to see')
    train(folder='notes', code=1, error=['notes', '1 file'])
    write_pictures('few', 3)
    train(folder='few', code=1, error=['3', '5'])
    assert not os.path.exists('model.safetensors')
    write_pictures('mvtec/train/good', 8)
    train('a.safetensors', folder='mvtec', error=['mvtec/train/good'])
    train('b.safetensors', folder='mvtec/train', error=['mvtec/train/good'])
    train('c.safetensors', folder='mvtec/train/good', error=['mvtec/train/good itself'])
    assert read('a.safetensors') == read('b.safetensors') == read('c.safetensors')


def test_one_damaged_picture():
    write_pictures('good', 10)
    open('good/zz.png', 'wb').write(b'\x89PNG\r\n\x1a\nand then nothing')
    open('good/list.csv', 'w').write('a,b\n')
    train('model.safetensors', '--strict', code=1, error=['zz.png'])
    assert not os.path.exists('model.safetensors')
    train(error=['warning', 'zz.png', '10 pictures'])


def test_mixed_pictures():
    for i, (width, height, kind) in enumerate([(64, 64, 'P6'), (200, 100, 'P5'), (65, 129, 'P5-16'), (32, 40, 'P6')] * 3):
        write_picture(f'good/{i}.pnm', i, width, height, kind)
    train(error=['12 pictures'])
    rows = list(csv.DictReader(io.StringIO(run('score', '--model', 'model.safetensors', 'good'))))
    assert len(rows) == 12 and all(float(row['score']) > 0 for row in rows), rows


def test_texture_at_native_size():
    for i in range(10):
        write_picture(f'cloth/{i}.pnm', i, 64 + 8 * i, 100)
    train('model.safetensors', '--preset', 'texture', folder='cloth')
    assert 'own size' in run('info', 'model.safetensors')
    write_picture('small.ppm', 1, 63, 100)
    run('score', '--model', 'model.safetensors', 'small.ppm', code=1, error=['small.ppm', '63', '64'])
    write_picture('cloth/small.ppm', 1, 63, 100)
    train('other.safetensors', '--preset', 'texture', folder='cloth', error=['small.ppm', '63', '64', '10 pictures'])
    assert read('other.safetensors') == read('model.safetensors')
    train('strict.safetensors', '--preset', 'texture', '--strict', folder='cloth', code=1, error=['small.ppm', '63'])


def test_second_run():
    with_model()
    first = read('model.safetensors')
    train('model.safetensors', '--seed', '2', code=1, error=['model.safetensors', '--force'])
    train('model.safetensors', '--resume', code=1, error=['model.safetensors.checkpoint', 'nothing to resume'])
    assert read('model.safetensors') == first
    train('model.safetensors', '--force')
    assert read('model.safetensors') == first, 'the same seed gave another model'
    train('model.safetensors', '--force', '--seed', '2')
    assert read('model.safetensors') != first
    train('nowhere/model.safetensors', code=1, error=['nowhere/model.safetensors'])
    train('good', code=1, error=['good'])
    assert sorted(os.listdir('.')) == ['good', 'model.safetensors']


LONGER = ['--width', '1', '--batch', '4', '--warmup-steps', '400', '--steps', '200', '--threads', '1']


def start(*arguments):
    """Starts a training and waits until it runs."""
    process = subprocess.Popen([PROGRAM, 'train', 'good', *LONGER, *arguments], stderr=subprocess.PIPE, text=True)
    for line in process.stderr:
        if 'training with' in line:
            return process
    raise AssertionError(f'{arguments} ended before it trained')


@functools.cache
def uninterrupted():
    run('train', 'good', '--output', 'whole', *LONGER)
    return read('whole')


def interrupted_by(number, wait_for_checkpoint):
    write_pictures('good', 10)
    whole = uninterrupted()
    process = start('--output', 'parts', '--checkpoint', '1')
    end = time.monotonic() + LIMIT
    while wait_for_checkpoint and not os.path.exists('parts.checkpoint') and time.monotonic() < end:
        time.sleep(0.01)
    process.send_signal(number)
    text = process.communicate(timeout=LIMIT)[1]
    assert not os.path.exists('parts'), 'ended before the signal came'
    assert os.path.exists('parts.checkpoint')
    run('train', 'good', '--output', 'parts', *LONGER, code=1, error=['parts.checkpoint', '--resume', '--force'])
    run('train', 'good', '--output', 'parts', *LONGER, '--resume', '--seed', '9', code=1, error=['seed'])
    run('train', 'good', '--output', 'parts', *LONGER, '--resume')
    assert read('parts') == whole, 'the resumed training gave another model'
    assert not os.path.exists('parts.checkpoint')
    return process.returncode, text


def test_interrupt_and_resume():
    code, text = interrupted_by(signal.SIGINT, False)
    assert code == 1 and '--resume' in text and 'parts.checkpoint' in text, (code, text)


def test_terminate_and_resume():
    code, text = interrupted_by(signal.SIGTERM, True)
    assert code == 1 and '--resume' in text, (code, text)


def test_kill_and_resume():
    code, _ = interrupted_by(signal.SIGKILL, True)
    assert code == -signal.SIGKILL, code


def no_large_files():
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))


def test_full_disk():
    with_model()
    before, files = read('model.safetensors'), sorted(os.listdir('.'))
    train('model.safetensors', '--force', '--seed', '2', code=1, error=['model.safetensors'], preexec_fn=no_large_files,
          restore_signals=False)
    run('calibrate', '--model', 'model.safetensors', '--false-alarms', '0.2', 'good', code=1,
        error=['model.safetensors'], preexec_fn=no_large_files, restore_signals=False)
    assert read('model.safetensors') == before, 'the model was there before and is gone'
    assert sorted(os.listdir('.')) == files, os.listdir('.')
    with open('/dev/full', 'w') as full:
        done = subprocess.run([PROGRAM, 'score', '--model', 'model.safetensors', 'good'], stdout=full,
                              stderr=subprocess.PIPE, text=True, timeout=LIMIT)
    assert done.returncode == 1 and 'standard output' in done.stderr, done
    write_pictures('test/good', 2)
    write_pictures('test/spot', 2, spot=True)
    run('eval', '--model', 'model.safetensors', '--csv', '/dev/full', 'test', code=1, error=['/dev/full'])


def test_waiting():
    write_pictures('good', 12)
    said = run_program(PROGRAM, 'train', 'good', '--output', 'm', *TINY)[1]
    share = re.findall(r'trained for .*, of which ([0-9.]+) % were waiting for pictures', said)
    assert len(share) == 1 and 0 <= float(share[0]) <= 100, said


def test_minutes():
    write_pictures('good', 10)
    run('train', 'good', '--output', 'model', '--width', '1', '--batch', '4', '--steps', '1000000', '--minutes', '0.01',
        error=['time is up', 'another model'])
    assert 'Threshold' in run('info', 'model')
    assert not os.path.exists('model.checkpoint')


def test_score():
    with_model()
    write_picture('odd, "name".ppm', 99)
    write_picture('spot.ppm', 98, 128, 96, spot=True)
    out = run('score', '--model', 'model.safetensors', 'odd, "name".ppm', 'missing.png', 'spot.ppm', '--heatmap', 'maps',
              code=1, error=['missing.png'])
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [row['path'] for row in rows] == ['odd, "name".ppm', 'spot.ppm'], out
    assert list(rows[0]) == ['path', 'score', 'normalized', 'verdict', 'pixel_term', 'feature_term', 'health'], out
    assert [row['verdict'] for row in rows] == ['good', 'anomalous'], out
    assert float(rows[0]['normalized']) < 0.5 < float(rows[1]['normalized']), out
    assert sorted(os.listdir('maps')) == ['odd, "name".png', 'spot.png'], os.listdir('maps')
    assert struct.unpack('>II', read('maps/spot.png')[16:24]) == (128, 96), 'the heat map has another size'
    lines = [json.loads(line) for line in
             run('score', '--model', 'model.safetensors', '--json', 'spot.ppm', 'good/000.ppm').splitlines()]
    assert [line['verdict'] for line in lines] == ['anomalous', 'good'] and lines[0]['regions'], lines
    for region in lines[0]['regions']:  # its pixels lie in its box
        assert list(region) == ['x', 'y', 'w', 'h', 'peak', 'area'] and 0 < region['area'] <= region['w'] * region['h'], region
    assert abs(lines[0]['score'] - float(rows[1]['score'])) <= 1e-5 * lines[0]['score'], (lines, rows)
    write_picture('black.ppm', 97)
    with open('black.ppm', 'r+b') as file:
        file.seek(15)
        file.write(bytes(3 * 64 * 64))
    rows = list(csv.DictReader(io.StringIO(run('score', '--model', 'model.safetensors', 'black.ppm', 'good/000.ppm'))))
    assert [row['verdict'] for row in rows] == ['unusable', 'good'], rows
    assert 'black' in rows[0]['health'].split('+') and rows[1]['health'] == '' and rows[0]['score'], rows
    line = json.loads(run('score', '--model', 'model.safetensors', '--json', 'black.ppm'))
    assert line['verdict'] == 'unusable' and 'black' in line['health'], line
    paper = next(csv.DictReader(io.StringIO(run('score', '--model', 'model.safetensors', '--score', 'paper', 'spot.ppm'))))
    expected = 0.9 * float(paper['pixel_term']) + 0.1 * float(paper['feature_term'])
    assert abs(float(paper['score']) - expected) <= 1e-4 * expected, paper
    assert paper['verdict'] == '' and paper['normalized'] == '', paper
    assert ',good,' in run('score', '--model', 'model.safetensors', '--threshold', '1e9', 'spot.ppm')
    run('score', '--model', 'model.safetensors', '--strict', 'missing.png', 'spot.ppm', code=1, error=['missing.png'])


def test_eval():
    with_model()
    write_pictures('set/test/good', 4, seed=50)
    write_pictures('set/test/spot', 3, seed=60, spot=True)
    write_pictures('set/test/none', 2, seed=70)
    write_pictures('set/ground_truth/spot', 3)
    out = run('eval', '--model', 'model.safetensors', '--csv', 'scores.csv', 'set')
    assert '4 good pictures, 5 defective' in out, out
    spot = next(line.split() for line in out.splitlines() if line.startswith('spot'))
    assert spot[1] == '3' and spot[-2:] == ['1.0000', '1.0000'], out
    rows = list(csv.DictReader(open('scores.csv')))
    assert list(rows[0]) == ['path', 'label', 'paper', 'calibrated', 'critic', 'verdict'], rows
    assert sorted({row['label'] for row in rows}) == ['good', 'none', 'spot'] and len(rows) == 9, rows
    assert run('eval', '--model', 'model.safetensors', 'set/test') == out
    run('eval', '--model', 'model.safetensors', '--gain', '0.5', '--csv', 'dark.csv', 'set')
    assert read('dark.csv') != read('scores.csv')
    run('eval', '--model', 'model.safetensors', 'good', code=1, error=['good', '12 defective'])
    os.rename(b'set/test/none', b'set/test/caf\xe9')  # a name that is no UTF-8
    done = subprocess.run([PROGRAM, 'eval', '--model', 'model.safetensors', 'set'], capture_output=True, check=True)
    lines = {line.split()[0]: line for line in done.stdout.splitlines() if line}
    assert lines[b'caf\xe9'].index(b' 2 ') == lines[b'spot'].index(b' 3 '), done.stdout


def test_calibrate():
    with_model()
    before = read('model.safetensors')
    write_pictures('other', 12, seed=500)
    run('calibrate', '--model', 'model.safetensors', '--output', 'new.safetensors', '--score', 'calibrated', 'other')
    assert read('model.safetensors') == before
    assert 'calibrated' in run('info', 'new.safetensors') and '12 good pictures' in run('info', 'new.safetensors')
    run('calibrate', '--model', 'model.safetensors', '--score', 'calibrated', 'other')
    assert read('model.safetensors') == read('new.safetensors')
    write_pictures('few', 2)
    run('calibrate', '--model', 'model.safetensors', 'few', code=1)
    assert read('model.safetensors') == read('new.safetensors')


def test_precision():
    write_pictures('good', 12)
    said = run_program(PROGRAM, 'train', 'good', '--output', 'model.safetensors', *TINY)[1]
    notes = re.findall(r'^cbigan train: bf16: (.*)$', said, re.MULTILINE)
    assert len(notes) == 1, said
    info = run('info', 'model.safetensors')
    assert ('no verdict changed' in notes[0]) == ('fp32 or bf16' in info), (notes, info)
    assert ('takes fp32' in notes[0]) == ('fp32; not known' in info), (notes, info)
    run('calibrate', '--model', 'model.safetensors', '--output', 'plain', '--backend', 'reference', 'good',
        error=['cbigan calibrate: bf16: not checked', 'reference', 'takes fp32'])
    assert 'not known' in run('info', 'plain')
    run('score', '--model', 'plain', '--backend', 'reference', '--precision', 'bf16', 'good', code=1,
        error=['cbigan score', 'reference', 'bf16'])

    def score(precision, kind):
        rows = run('score', '--model', 'plain', '--precision', precision, '--score', kind, 'good')
        return [float(row['score']) for row in csv.DictReader(io.StringIO(rows))]
    assert len(score('fp32', 'critic')) == 12 and score('auto', 'critic') == score('fp32', 'critic')
    single, short = score('fp32', 'paper'), score('bf16', 'paper')
    assert all(abs(a - b) < 0.05 * a for a, b in zip(single, short, strict=True)), (single, short)
    write_pictures('set/spot', 2, seed=60, spot=True)
    write_pictures('set/good', 2, seed=50)
    for precision in 'auto', 'fp32', 'bf16':
        assert '2 good pictures' in run('eval', '--model', 'plain', '--precision', precision, 'set')


def test_pipelines():
    source = 'videotestsrc pattern=ball num-buffers=12 ! video/x-raw,format=I420,width=96,height=80'
    run('train', '--pipeline', source, '--output', 'a', *TINY, error=['12 pictures'])
    open('ball.launch', 'w').write(source + '\n')
    run('train', '--pipeline', 'ball.launch', '--output', 'b', *TINY)
    assert read('a') == read('b')
    run('train', '--pipeline', 'videotestsrc pattern=ball', '--limit', '12', '--output', 'c', *TINY)
    run('train', '--pipeline', 'nosuchsource', '--output', 'd', *TINY, code=2, error=['nosuchsource'])
    run('train', '--pipeline', 'filesrc location=missing ! decodebin', '--output', 'd', *TINY, code=1, error=['missing'])


def test_info():
    out = run('info', '--backends')
    assert 'reference' in out and 'can run here' in out, out


def test_inspector():
    """What `cbigan train` makes by default goes through every command; a score that it has not got is refused in words."""
    write_pictures('good', 12, width=128, height=128)
    write_pictures('test/good', 2, seed=50, width=128, height=128)
    write_pictures('test/spot', 2, seed=60, width=128, height=128, spot=True)
    run('train', 'good', '--quick', '--threads', 1, '--output', 'quick.safetensors')
    assert '12 good ones' in run('info', 'quick.safetensors')
    for preset in ('object', 'texture'):
        run('train', 'good', '--preset', preset, '--updates', 4, '--threads', 1, '--output', f'{preset}.safetensors')
        assert '12 good ones with brightness' in run('info', f'{preset}.safetensors')
        rows = list(csv.DictReader(io.StringIO(run('score', '--model', f'{preset}.safetensors', '--heatmap', f'{preset}-maps', 'test'))))
        assert len(rows) == 4 and all(row['verdict'] and not row['pixel_term'] for row in rows), rows
        assert len(os.listdir(f'{preset}-maps')) == 4, os.listdir(f'{preset}-maps')
        assert 'inspector' in run('eval', '--model', f'{preset}.safetensors', 'test')
        assert 'inspector' in run('info', f'{preset}.safetensors')
        run('score', '--model', f'{preset}.safetensors', '--score', 'paper', 'test', code=1, error=['paper', 'inspector'])


def scoring_work(c, patch, tap):
    """(operations a patch, weights) of Eq. 7, counted from the paper's description: E, G, and f_D twice."""
    def block(before, filters, side):  # 3x3, 3x3, 1x1 with bias, skip 1x1: (multiplications, weights)
        window = 9 * before + 9 * filters + filters + before
        return window * filters * side * side, window * filters + filters

    def trunk():
        filters = [m * c for m in (1, 2, 3, 4, 8, 16)]
        return [block(before, after, patch >> i) for i, (before, after) in enumerate(zip([3, *filters], filters))]

    def dense(into, out, bias=False):
        return into * out, (into + bias) * out

    flat, sides = 16 * c * (patch // 32)**2, [patch >> i for i in (5, 4, 3, 2, 1, 0)]
    filters = [m * c for m in (16, 16, 8, 4, 3, 2, 1)]
    e = [*trunk(), dense(flat, 16 * c), dense(16 * c, 64, True)]
    g = [dense(64, 64 * c), *map(block, filters, filters[1:], sides), (3 * c * patch * patch, 3 * c + 3)]
    d = [(27 * c * patch * patch, 27 * c)] if tap == 'first' else [
        *trunk(), dense(64, 512), dense(512, 512), dense(512, 512), dense(flat + 512, 16 * c)]
    return 2 * sum(n for n, _ in e + g + d + d), sum(weights for _, weights in e + g + d)


def bench(*arguments, environment=()):
    """The command on tiny cases in plain C."""
    return run('bench', '--backend', 'reference', '--repeats', '1', *arguments, env={**os.environ, **dict(environment)})


def test_bench():
    lines = [json.loads(line) for tap in ('first', 'hidden') for patch in (64, 128) for line in
             bench('--width', '1,2', '--patch', patch, '--batch', '1,2', '--tap', tap, '--json').splitlines()]
    assert [(line['tap'], line['patch'], line['width'], line['batch']) for line in lines] == [
        (tap, patch, width, batch) for tap in ('first', 'hidden') for patch in (64, 128) for width in (1, 2)
        for batch in (1, 2)], lines
    for line in lines:
        flop, weights = scoring_work(line['width'], line['patch'], line['tap'])
        gflop = flop * line['batch'] / 1e9
        mbytes = (4 * weights + 7 * line['patch']**2 * line['batch']) / 1e6  # RGB bytes in, floats of the map out
        expected = {
            'gflop': gflop, 'mbytes': mbytes, 'gflops': gflop / line['milliseconds'] * 1e3,
            'peak_share': gflop / line['milliseconds'] * 1e3 / line['peak_gflops'],
            'bandwidth_share': mbytes / line['milliseconds'] / line['bandwidth_gbytes'],
            'floor_milliseconds': max(gflop / line['peak_gflops'] * 1e3, mbytes / line['bandwidth_gbytes']),
        }
        for name, value in expected.items():
            assert 0 < value < float('inf') and abs(line[name] - value) < 1e-9 * value, (name, value, line)
        assert line['backend'] == 'reference' and line['precision'] == 'fp32' and line['threads'] == 1 and line['isa'] and line['processor'], line
        assert f'cbigan {line["version"]}\n' == run('--version'), line
    limited = json.loads(bench('--width', '1', '--patch', '64', '--batch', '1', '--json',
                               environment={'CBIGAN_ISA': 'reference'}))
    assert limited['isa'] == 'baseline', limited
    tiny = '--width', '1', '--patch', '64', '--batch', '1', '--repeats', '1'
    for precision in 'fp32', 'bf16':
        line = json.loads(run('bench', '--backend', 'cpu', *tiny, '--precision', precision, '--json'))
        assert line['precision'] == precision, line
        assert f'precision: {precision}; ' in run('bench', '--backend', 'cpu', *tiny, '--precision', precision)
    assert json.loads(bench(*tiny, '--precision', 'auto', '--json'))['precision'] == 'fp32'
    run('bench', '--backend', 'reference', *tiny, '--precision', 'bf16', code=1, error=['reference', 'bf16'])


def test_bench_table():
    machine, titles, *rows = bench('--width', '1,2', '--patch', '64', '--batch', '3').splitlines()
    assert 'threads: 1; precision: fp32; ' in machine and 'GFLOP/s' in machine and 'GB/s' in machine, machine
    for title in 'ms a frame', 'floor ms', 'GFLOP/s', 'peak %', 'bandwidth %':
        assert title in titles, titles
    for width, row in zip((1, 2), rows, strict=True):
        backend, *numbers = row.split()
        c, patch, batch, gflop, mbytes, ms, floor, gflops, peak, bandwidth = map(float, numbers)
        assert (backend, c, patch, batch) == ('reference', width, 64, 3), row
        assert abs(gflop - 3 * scoring_work(width, 64, 'first')[0] / 1e9) < 1e-3, row
        assert abs(gflops - gflop / ms * 1e3) <= 0.06 + 1e3 * 5e-4 / ms, row
        assert all(value >= 0 for value in (mbytes, floor, peak, bandwidth)) and mbytes < 10, row


if __name__ == '__main__':
    os.environ.update(LC_ALL='C.UTF-8', LANGUAGE='C')
    sys.exit(run_tests(globals(), sys.argv[2:]))
