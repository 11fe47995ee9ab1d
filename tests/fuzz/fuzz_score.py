#!/usr/bin/env python3
"""fuzz_score.py - mutated pictures and videos of every format through `cbigan score`

Copyright (C) 2026 the cbigan developers
SPDX-License-Identifier: LGPL-2.1-or-later

usage: fuzz_score.py PROGRAM MODEL [--seconds S] [--files N] [--seed N] [--keep FOLDER]

PROGRAM is best built with -Db_sanitize=address,undefined. Each folder of N files is scored twice, with memory that is
filled with other bytes before it is used: what differs had pixels that nobody wrote. Reported, and kept in FOLDER, are
crashes, sanitizers' reports, runs that take longer than two minutes, and rows that differ. The model must be small.
"""
import argparse, os, random, shutil, subprocess, sys, tempfile, time, zlib
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'inputs'))
from known_pictures import known_rows  # noqa: E402

LIMIT = 120  # seconds for a folder
PIECES = [b'\xff\xd8', b'\xff\xd9', b'\xff\xda', b'\xff\xc4', b'\xff\x00', b'IDAT', b'IEND', b'\0\0\0\0', b'\xff\xff\xff\xff',
          b'\x7f\xff\xff\xff', b'\x80\0\0\0', b'II*\0', b'BM', b'P6\n', b'RIFF', b'moov', b'VP8X', b'GIF89a', b'\1\0', b'\0\1']
VIDEOS = {
    'v.avi': 'jpegenc ! avimux', 'v.mp4': 'jpegenc ! qtmux', 'v.mkv': 'jpegenc ! matroskamux', 'v.mov': 'pngenc ! qtmux',
    'v.webm': 'vp8enc deadline=1 ! webmmux', 'v.ogv': 'theoraenc ! oggmux',
}


def seeds():
    """(extension, bytes) of whole files."""
    found = [(os.path.splitext(name)[1], data) for _, kind, name, data, expected, _ in known_rows()
             if not isinstance(expected, str)]
    for name, encoder in VIDEOS.items():
        source = f'videotestsrc num-buffers=3 ! video/x-raw,width=64,height=64 ! {encoder} ! filesink location={name}'
        if subprocess.run(['gst-launch-1.0', '-q', *source.split()], capture_output=True).returncode == 0:
            found.append((os.path.splitext(name)[1], open(name, 'rb').read()))
    return found


def mutate(data, dice, others):
    data = bytearray(data)
    for _ in range(dice.choice([1, 1, 2, 3, 8])):
        if not data:
            break
        # Headers are the most delicate: half of the changes go there.
        at = dice.randrange(min(len(data), 120) if dice.random() < 0.5 else len(data))
        kind = dice.randrange(8)
        if kind == 0:
            data[at] = dice.randrange(256)
        elif kind == 1:
            data[at] ^= 1 << dice.randrange(8)
        elif kind == 2:
            del data[at:at + dice.randrange(1, 40)]
        elif kind == 3:
            data[at:at] = data[at:at + dice.randrange(1, 40)]
        elif kind == 4:
            del data[at:]
        elif kind == 5:
            piece = dice.choice(PIECES)
            data[at:at + len(piece)] = piece
        elif kind == 6:
            end = dice.randrange(at, len(data) + 1)
            data[at:end] = bytes(end - at)
        else:
            other = dice.choice(others)[1]
            start = dice.randrange(len(other))
            data[at:at + 64] = other[start:start + 64]
    return bytes(data)


def with_check_sums(data):
    """A PNG with the right sum behind each chunk, so that more than libpng's first look is reached."""
    data, at = bytearray(data), 8
    while at + 12 <= len(data):
        length = int.from_bytes(data[at:at + 4], 'big')
        if at + 12 + length > len(data):
            break
        data[at + 8 + length:at + 12 + length] = zlib.crc32(data[at + 4:at + 8 + length]).to_bytes(4, 'big')
        at += 12 + length
    return bytes(data)


def score(program, model, folder, fill):
    environment = dict(os.environ, G_SLICE='always-malloc', MALLOC_PERTURB_=str(fill), GST_REGISTRY_FORK='no', OMP_NUM_THREADS='1',
                       UBSAN_OPTIONS='halt_on_error=1:print_stacktrace=1',
                       ASAN_OPTIONS=f'detect_leaks=0:detect_odr_violation=0:max_malloc_fill_size=1000000000:'
                                    f'malloc_fill_byte={fill}:allocator_may_return_null=1')
    try:
        done = subprocess.run([program, 'score', '--model', model, '--threads', '1', '--precision', 'fp32', folder],
                              capture_output=True, timeout=LIMIT, env=environment)
    except subprocess.TimeoutExpired:
        return b'', 'hangs'
    text = done.stderr.decode(errors='replace')
    if done.returncode not in (0, 1) or 'Sanitizer' in text or 'runtime error' in text:
        return done.stdout, f'exit code {done.returncode}: {text[-3000:]}'
    return done.stdout, None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('program', type=os.path.abspath)
    parser.add_argument('model', type=os.path.abspath)
    parser.add_argument('--seconds', type=float, default=0)
    parser.add_argument('--files', type=int, default=100)
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--keep', type=os.path.abspath, default=os.path.abspath('fuzz-kept'))
    a = parser.parse_args()
    work = tempfile.mkdtemp(prefix='cbigan-fuzz-')
    os.chdir(work)
    originals, dice, end, files, read, faults = seeds(), random.Random(a.seed), time.monotonic() + a.seconds, 0, 0, 0
    while True:
        os.mkdir('batch')
        for i in range(a.files):
            extension, data = dice.choice(originals)
            with open(f'batch/{i:04}{extension}', 'wb') as file:
                data = mutate(data, dice, originals)
                file.write(with_check_sums(data) if extension == '.png' and dice.random() < 0.7 else data)
        first, problem = score(a.program, a.model, 'batch', 17)
        second, again = score(a.program, a.model, 'batch', 222)
        if not problem and not again and first != second:
            problem = 'rows differ:\n' + '\n'.join(
                f'{x}\n{y}' for x, y in zip(first.decode().splitlines(), second.decode().splitlines()) if x != y)
        files, read = files + a.files, read + max(0, first.count(b'\n') - 1)
        if problem or again:
            faults += 1
            kept = os.path.join(a.keep, f'{a.seed}-{files}')
            shutil.copytree('batch', kept)
            print(f'{kept}: {problem or again}', flush=True)
        shutil.rmtree('batch')
        if time.monotonic() >= end:
            break
    os.chdir('/')
    shutil.rmtree(work)
    print(f'{files} files, of which {read} pictures were scored; {faults} folders with faults', flush=True)
    return faults > 0


if __name__ == '__main__':
    sys.exit(main())
