#!/usr/bin/env python3
"""test_seeds.py - cbigan train --seeds: the models and figures are those of single trainings and evaluations

Copyright (C) 2026 the cbigan developers
SPDX-License-Identifier: LGPL-2.1-or-later

usage: test_seeds.py PROGRAM [TEST…]. Prints TAP. A new test is a function test_*().
"""
import os, random, re, signal, subprocess, sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
from harness import LIMIT, expect, expect_equal, run_program, run_tests  # noqa: E402

PROGRAM = os.path.abspath(sys.argv[1])
QUICK = '--quick --threads 1'.split()
INSPECTOR = '--width 1 --batch 2 --updates 4 --threads 1'.split()
GAN = '--score critic --width 1 --batch 4 --warmup-steps 3 --steps 2 --threads 1'.split()
LONGER = '--score critic --width 1 --batch 4 --warmup-steps 200 --steps 100 --threads 1'.split()
SIDE = 64


def run(*arguments, **options):
    """(standard output, standard error); the options are run_program()'s."""
    return run_program(PROGRAM, *map(str, arguments), **options)


def write_picture(path, pixel):
    """pixel(x, y): 0 to 255"""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'wb') as file:
        file.write(b'P5\n%d %d\n255\n' % (SIDE, SIDE) + bytes(pixel(x, y) for y in range(SIDE) for x in range(SIDE)))


def is_spot(x, y):
    return 20 <= x < 36 and 24 <= y < 40


def write_pictures(folder, n, seed, spot=0):
    """Gradients with noise; spot: by how much a square in them is brighter, in the last picture."""
    noise = random.Random(seed)
    for i in range(n):
        write_picture(f'{folder}/{i:03}.pgm', lambda x, y: 60 + x + y // 2 + noise.randrange(12) + is_spot(x, y) * spot * (i + 1) // n)


def write_set():
    write_pictures('set/train/good', 12, 1)
    write_pictures('set/test/good', 5, 2)
    write_pictures('set/test/spot', 4, 3, spot=10)
    for i in range(4):
        write_picture(f'set/ground_truth/spot/{i:03}_mask.png', lambda x, y: 255 * is_spot(x, y))


def read(path):
    with open(path, 'rb') as file:
        return file.read()


def table(text):
    """{first column: {title: number}}"""
    lines = [re.split(r'\s{2,}', line.strip()) for line in text.splitlines()]
    lines = lines[[line[0] for line in lines].index('seed'):]
    return {line[0]: dict(zip(lines[0][1:], map(float, line[1:]), strict=True)) for line in lines[1:]}


def evaluated(model):
    """What cbigan eval says, by the titles of the table."""
    text = run('eval', '--model', model, '--threads', 1, 'set')[0]
    pixels = re.search(r'masks\): AUROC ([0-9.]+), AUPRO ([0-9.]+)', text)
    over = re.search(r'good pictures (\d+) of 5 .*, defective pictures (\d+) of 4 ', text)
    return {'AUROC': float(re.search(r'^all +4 +([0-9.]+)', text, re.M)[1]), 'pixel AUROC': float(pixels[1]), 'AUPRO': float(pixels[2]),
            'good flagged': float(over[1]), 'defective flagged': float(over[2])}


def check_spread(rows, seeds):
    for title in rows[seeds[0]]:
        numbers = [rows[seed][title] for seed in seeds]
        decimals = 1 if 'flagged' in title else 4
        mean = rows['mean'][title]
        expect(abs(mean - sum(numbers) / len(numbers)) <= 0.5001 * (0.1 ** decimals + 0.1 ** 4), f'{title}: mean {mean} of {numbers}')
        expect_equal([rows['smallest'][title], rows['largest'][title]], [min(numbers), max(numbers)], title)


def test_figures():
    write_set()
    text = run('train', 'set', '--seeds', 2, '--seed', 8, '--output', 'm.safetensors', *QUICK)[0]
    expect('5 good pictures, 4 defective pictures' in text, text)
    rows = table(text)
    expect_equal(list(rows), ['8', '9', 'mean', 'smallest', 'largest'], text)
    for seed in '8', '9':
        said = run('train', 'set', '--seed', seed, '--output', f'alone-{seed}', *QUICK)[1]
        expect_equal(read(f'm-{seed}.safetensors') == read(f'alone-{seed}'), True, f'the same model with seed {seed}')
        expect_equal({title: rows[seed][title] for title in evaluated('m-8.safetensors')}, evaluated(f'alone-{seed}'), f'seed {seed}')
        threshold, synthetic = re.search(r'threshold ([0-9.]+), AUROC ([0-9.]+)', said).groups()
        expect(abs(rows[seed]['threshold'] - float(threshold)) < 6e-5, said)
        expect(abs(rows[seed]['synthetic AUROC'] - float(synthetic)) < 6e-4, said)
    expect(rows['8'] != rows['9'], text)
    check_spread(rows, ['8', '9'])


def test_without_tests():
    """All kinds of models; a name without an extension."""
    write_pictures('good', 12, 1)
    for name, options, titles in (('i', INSPECTOR, ['threshold', 'synthetic AUROC']), ('g', GAN, ['threshold'])):
        text = run('train', 'good', '--seeds', 2, '--output', name, *options)[0]
        rows = table(text)
        expect_equal(list(rows['1']), titles, text)
        expect('no test pictures' in text, text)
        check_spread(rows, ['1', '2'])
        run('train', 'good', '--seed', 2, '--output', f'{name}-alone', *options)
        expect_equal(read(f'{name}-2') == read(f'{name}-alone'), True, f'{name}: the same model')
    write_pictures('set/good', 12, 1)
    write_pictures('set/test/spot', 2, 3)  # no good ones: nothing to measure
    expect('no test pictures' in run('train', 'set', '--seeds', 1, '--output', 'only.bad', *QUICK)[0], 'test/spot alone was measured')
    pipeline = 'videotestsrc pattern=snow num-buffers=12 ! video/x-raw,width=64,height=64 ! videoconvert'
    text = run('train', '--pipeline', pipeline, '--seeds', 2, '--output', 'p.x/q', *GAN, code=1, error=['p.x/q-1'])[0]
    expect_equal(text, '', 'printed for a folder that is not there')
    os.mkdir('p.x')
    expect_equal(len(table(run('train', '--pipeline', pipeline, '--seeds', 2, '--output', 'p.x/q', *GAN)[0])), 5, 'rows')
    expect_equal(sorted(os.listdir('p.x')), ['q-1', 'q-2'], 'models')


def test_refused():
    write_pictures('good', 12, 1)
    for number in '0', '-1', '1001':
        run('train', 'good', f'--seeds={number}', '--output', 'm.x', *QUICK, code=2, error=['--seeds', number, 'expected 1 to 1000'])
    run('train', 'good', '--seeds', 'x', '--output', 'm.x', *QUICK, code=2, error=['--seeds'])
    run('train', 'good', '--seeds', 2, '--output', 'm.x', *QUICK, '--resume', code=1, error=['m-1.x.checkpoint', 'nothing to resume'])
    open('m-2.x', 'w').write('older')
    run('train', 'good', '--seeds', 2, '--output', 'm.x', *QUICK, code=1, error=['m-2.x', 'exists already', '--force'])
    expect_equal(sorted(os.listdir('.')), ['good', 'm-2.x'], 'files')
    run('train', 'good', '--seeds', 2, '--output', 'm.x', *QUICK, '--force')
    expect(read('m-2.x') != b'older' and len(read('m-1.x')) == len(read('m-2.x')), 'not replaced')


def test_stop_and_resume():
    write_pictures('good', 12, 1)
    arguments = ['train', 'good', '--seeds', '2', '--output', 'm.x', *LONGER]
    process = subprocess.Popen([PROGRAM, *arguments], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    for line in process.stderr:
        if 'seed 2' in line:
            break
    expect('training with' in process.stderr.readline(), 'no note of the second training')
    process.send_signal(signal.SIGINT)
    text, said = process.communicate(timeout=LIMIT)
    expect_equal((process.returncode, text), (1, ''), said)
    expect('stopped with 1 of 2' in said and '--resume' in said, said)
    expect_equal(sorted(os.listdir('.')), ['good', 'm-1.x', 'm-2.x.checkpoint'], 'files')
    run(*arguments, code=1, error=['m-1.x', '--force'])
    before = os.stat('m-1.x').st_mtime_ns
    text, said = run(*arguments, '--resume', error=['m-1.x is finished'])
    expect_equal(list(table(text)), ['1', '2', 'mean', 'smallest', 'largest'], text)
    expect_equal(os.stat('m-1.x').st_mtime_ns, before, 'the time of the finished model')
    run('train', 'good', '--seed', 2, '--output', 'alone', *LONGER)
    expect_equal(read('m-2.x') == read('alone'), True, 'the resumed model is that of one training')
    expect_equal(sorted(os.listdir('.')), ['alone', 'good', 'm-1.x', 'm-2.x'], 'files')


def test_one_fails():
    write_pictures('good', 12, 1)
    open('m-2.x.checkpoint', 'w').write('no checkpoint')
    text = run('train', 'good', '--seeds', 3, '--output', 'm.x', '--resume', *GAN, code=1,
               error=['m-2.x.checkpoint: not a checkpoint', 'seed 2 failed'])[0]
    rows = table(text)
    expect_equal(list(rows), ['1', '3', 'mean', 'smallest', 'largest'], text)
    check_spread(rows, ['1', '3'])


if __name__ == '__main__':
    os.environ.update(LC_ALL='C.UTF-8', LANGUAGE='C')
    sys.exit(run_tests(globals(), sys.argv[2:]))
