#!/usr/bin/env python3
"""test_collect.py - cbigan collect: which frames it saves, and what it says to bad input

Copyright (C) 2026 the cbigan developers
SPDX-License-Identifier: LGPL-2.1-or-later

usage: test_collect.py PROGRAM [TEST…]. Prints TAP. A new test is a function test_*().
"""
import os, random, sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
from harness import run_program, run_tests  # noqa: E402

PROGRAM = os.path.abspath(sys.argv[1])
SIDE = 64


def run(*arguments, **options):
    """What the program says; the options are run_program()'s."""
    return run_program(PROGRAM, *map(str, arguments), **options)[1]


def write_picture(path, seed, noise=0, spot=False):
    """Blocks of random grey, the same for the same seed. noise: levels that are added; spot: a white square."""
    blocks, grain = random.Random(seed), random.Random(1000 + noise)
    levels = [blocks.randrange(60, 180) for _ in range(64)]
    data = bytearray()
    for y in range(SIDE):
        for x in range(SIDE):
            value = levels[y // 8 * 8 + x // 8] + (grain.randrange(noise + 1) if noise else 0)
            if spot and 20 <= x < 40 and 20 <= y < 40:
                value = 255
            data += bytes([value] * 3)
    os.makedirs(os.path.dirname(path) or '.', exist_ok=True)
    with open(path, 'wb') as file:
        file.write(b'P6\n%d %d\n255\n' % (SIDE, SIDE) + data)


def saved(folder='out'):
    return sorted(os.listdir(folder))


def test_copies_are_left_out():
    for i in range(6):
        write_picture(f'in/{i}a.ppm', i)
        write_picture(f'in/{i}b.ppm', i)
        write_picture(f'in/{i}c.ppm', i, noise=1)
    said = run('collect', 'in', '--output', 'out')
    assert len(saved()) == 6, saved()
    assert 'frames saved' in said, said
    run('collect', 'in', '--output', 'all', '--difference', 0)
    assert len(saved('all')) == 12, saved('all')  # exact copies are left out in any case


def test_second_run_adds_what_is_new():
    for i in range(4):
        write_picture(f'in/{i}.ppm', i)
    run('collect', 'in', '--output', 'out')
    assert saved() == [f'frame-{i:06}.png' for i in range(1, 5)], saved()
    run('collect', 'in', '--output', 'out', code=1)  # nothing was saved
    assert len(saved()) == 4
    write_picture('in/9.ppm', 9)
    run('collect', 'in', '--output', 'out')
    assert saved()[-1] == 'frame-000005.png' and len(saved()) == 5, saved()


def test_limit_and_every():
    for i in range(9):
        write_picture(f'in/{i}.ppm', i)
    run('collect', 'in', '--output', 'out', '--limit', 3)
    assert len(saved()) == 3
    run('collect', 'in', '--output', 'third', '--every', 3)
    assert len(saved('third')) == 3


def test_pipeline():
    run('collect', '--pipeline', 'videotestsrc num-buffers=20 pattern=smpte75 ! video/x-raw,width=64,height=48', '--output', 'still')
    assert len(saved('still')) == 1, saved('still')
    run('collect', '--pipeline', 'videotestsrc pattern=snow ! video/x-raw,width=64,height=48', '--output', 'out', '--limit', 5)
    assert len(saved()) == 5
    run('collect', '--pipeline', 'no-such-element', '--output', 'none', code=1, error=['no-such-element'])


def test_model():
    for i in range(12):
        write_picture(f'good/{i:02}.ppm', i, noise=4)
    write_picture('in/good.ppm', 50, noise=4)
    write_picture('in/spot.ppm', 51, noise=4, spot=True)
    run('train', 'good', '--output', 'm.safetensors', *'--score paper --width 1 --batch 4 --warmup-steps 3 --steps 2 --threads 1'.split())
    said = run('collect', 'in', '--output', 'all', '--model', 'm.safetensors', '--threads', 1)
    assert len(saved('all')) + int(said.split(' nearly were copies, ')[1].split()[0]) == 2, said
    run('collect', 'good', '--output', 'doubtful', '--model', 'm.safetensors', '--doubtful', '--threads', 1)
    assert 1 <= len(saved('doubtful')) <= 12  # the threshold lies at the largest scores of good pictures


def test_bad_values():
    write_picture('in/0.ppm', 0)
    write_picture('file', 0)
    for arguments, code, words in (
            ('in', 2, ['--output']), ('--output out', 2, ['--pipeline']), ('in --pipeline x --output out', 2, ['--pipeline']),
            ('in --output out --doubtful', 2, ['--doubtful', '--model']), ('in --output out --every 0', 2, ['every', '1']),
            ('in --output out --difference -1', 2, ['difference', '0 to 255']),
            ('in --output file/out', 1, ['file/out']), ('missing --output out', 1, ['missing']),
            ('in --output out --model missing.safetensors', 1, ['missing.safetensors'])):
        run('collect', *arguments.split(), code=code, error=words)


if __name__ == '__main__':
    os.environ.update(LC_ALL='C.UTF-8', LANGUAGE='C')
    sys.exit(run_tests(globals(), sys.argv[2:]))
