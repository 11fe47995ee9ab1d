#!/usr/bin/python3
"""test_mpi.py - cbigan train under mpirun: two processes learn what one does; prints TAP

Copyright (C) 2026 the cbigan developers
SPDX-License-Identifier: LGPL-2.1-or-later

usage: test_mpi.py PROGRAM [TEST...]   (with CBIGAN_MODULE_PATH set)
"""
import array
import json
import os
import pathlib
import random
import shutil
import signal
import struct
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import harness

PROGRAM = os.path.abspath(sys.argv[1])
MPIRUN = shutil.which('mpirun')
ENVIRONMENT = dict(os.environ, OMPI_ALLOW_RUN_AS_ROOT='1', OMPI_ALLOW_RUN_AS_ROOT_CONFIRM='1', OMPI_MCA_mpi_yield_when_idle='1',
                   OMPI_MCA_rmaps_base_oversubscribe='1', OMPI_MCA_hwloc_base_binding_policy='none')
GAN = '--width 2 --batch 8 --threads 1 --score paper --held-out 0 --warmup-steps'.split()


def expect(condition, text):
    if not condition:
        raise AssertionError(text)


def prepare(n=12):
    os.makedirs('good')
    for i in range(n):
        noise = random.Random(i)
        data = bytearray()
        for y in range(64):
            for x in range(64):
                data += bytes([60 + 80 * x // 64 + 30 * y // 64 + noise.randrange(12)] * 3)
        pathlib.Path(f'good/{i:03}.ppm').write_bytes(b'P6\n64 64\n255\n' + data)


def start(n, *arguments):
    command = [PROGRAM, 'train', 'good', *arguments]
    return subprocess.Popen([MPIRUN, '-n', str(n), *command] if n else command, env=ENVIRONMENT, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True)


def train(n, output, *arguments, code=0):
    """n: processes under mpirun, 0 = without it. Returns what was printed."""
    process = start(n, '-o', output, *arguments)
    out = process.communicate(timeout=120)[0]
    expect((process.returncode == 0) == (code == 0), f'{n} processes: status {process.returncode}\n{out}')
    return out


WEIGHTS = ('inspector.', 'encoder.', 'generator.', 'discriminator.')


def read_model(path):
    """(name -> numbers, metadata)"""
    data = pathlib.Path(path).read_bytes()
    size, = struct.unpack('<Q', data[:8])
    header, arrays = json.loads(data[8:8 + size]), {}
    metadata = header.pop('__metadata__')
    for name in sorted(header):
        if header[name]['dtype'] in ('F32', 'F64'):
            begin, end = header[name]['data_offsets']
            arrays[name] = array.array({'F32': 'f', 'F64': 'd'}[header[name]['dtype']])
            arrays[name].frombytes(data[8 + size + begin:8 + size + end])
    return arrays, metadata


def numbers(path):
    """All weights of a model, without the statistics that depend on them."""
    arrays, _ = read_model(path)
    return sum((arrays[name] for name in arrays if name.startswith(WEIGHTS) and arrays[name].typecode == 'f'), array.array('f'))


def distance(a, b):
    return sum((x - y) ** 2 for x, y in zip(numbers(a), numbers(b))) ** 0.5


def test_cbigan():
    """Two and four processes learn what one learns with the same batch. What is learned from other draws says how far apart
    different trainings are. In the warm-up, the signs of the L1 losses make many gradients nearly zero, and Adam's first updates
    are as large for what rounding leaves of them as for all others: hence its larger bound."""
    prepare()
    for warmup, steps, bound in ((0, 2, 0.001), (2, 2, 0.1)):
        few = [*GAN, str(warmup), '--steps', str(steps), '--critic-updates', '1', '--force']
        train(0, 'one', *few)
        train(0, 'other', *few, '--batch', '4')
        apart = distance('one', 'other')
        for n in (1, 2, 4):
            train(n, f'n{n}', *few)
            found = distance('one', f'n{n}')
            expect(found <= (0 if n == 1 else bound * apart), f'{n} processes: {found} from one process; other draws: {apart}')
        train(2, 'again', *few)
        expect(numbers('n2') == numbers('again'), 'two runs of two processes differ')


def test_calibration():
    """The pictures held out are divided too. With weights that hardly move, the statistics and the threshold are those of one process."""
    prepare(24)
    still = '--width 2 --batch 8 --threads 1 --score critic --held-out 0.3 --warmup-steps 1 --steps 0 --rate 1e-12 --warmup-rate 1e-12 --force'.split()
    for n in (0, 2, 4):
        train(n, f'n{n}', *still)
    one, about_one = read_model('n0')
    expect({'critic.mean', 'critic.whitening'} <= set(one), f'no statistics: {list(one)}')
    for n in (2, 4):
        found, about = read_model(f'n{n}')
        expect(list(found) == list(one), f'{n} processes: {list(found)}')
        for name, values in one.items():
            largest, apart = max(map(abs, values)), max(abs(a - b) for a, b in zip(values, found[name]))
            expect(apart <= 1e-6 * largest, f'{n} processes: {name}: {apart} of {largest}')
        for key in [key for key in about if key.endswith('threshold')]:
            expect(abs(float(about[key]) / float(about_one[key]) - 1) < 1e-6, f'{n} processes: {key}: {about[key]}, expected {about_one[key]}')


def test_inspector():
    """The same for the inspector, for so few updates that no choice among measured weights can turn out otherwise."""
    prepare()
    few = '--width 2 --batch 4 --updates 2 --threads 1'.split()
    train(0, 'one', *few)
    train(0, 'other', *few[:2], '--batch', '2', *few[4:])
    train(2, 'two', *few)
    train(2, 'again', *few)
    apart, found = distance('one', 'other'), distance('one', 'two')
    expect(found <= 0.001 * apart, f'two processes: {found} from one process; other draws: {apart}')
    expect(numbers('two') == numbers('again'), 'two runs of two processes differ')


def test_resume():
    """A training that is stopped goes on with another number of processes."""
    prepare()
    long = [*GAN, '600', '--steps', '0', '--checkpoint', '1']
    process = start(2, '-o', 'model', *long)
    expect(until(lambda: os.path.exists('model.checkpoint')), 'no checkpoint')
    process.send_signal(signal.SIGTERM)
    out = process.communicate(timeout=60)[0]
    expect(process.returncode and os.path.exists('model.checkpoint') and not os.path.exists('model'), out)
    for n in (4, 0):
        shutil.copy('model.checkpoint', f'model{n}.checkpoint')
        train(n, f'model{n}', *long, '--resume', '--checkpoint', '600')
        expect(os.path.exists(f'model{n}'), f'{n}: no model')


def until(condition, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end and not condition():
        time.sleep(0.1)
    return condition()


def test_death():
    """A process that dies ends the others, with an error."""
    prepare()
    process = start(2, '-o', 'model', *GAN, '100000', '--steps', '0', '--checkpoint', '1')
    expect(until(lambda: os.path.exists('model.checkpoint')), 'no checkpoint')
    children = pathlib.Path(f'/proc/{process.pid}/task/{process.pid}/children').read_text().split()
    os.kill(int(children[1]), signal.SIGKILL)
    out = process.communicate(timeout=30)[0]
    expect(process.returncode != 0, out)
    expect(until(lambda: not os.path.exists(f'/proc/{children[0]}'), 10), 'the other process lives')
    expect('killed' in out.lower() or 'signal' in out.lower(), out)


def test_refused():
    """What can't be divided is refused in words."""
    prepare()
    out = train(3, 'model', *GAN, '1', '--steps', '0', code=1)
    expect('--batch: 8' in out and 'a multiple of the number of processes, 3' in out, out)
    out = train(2, 'model', '--quick', code=1)
    expect('--quick' in out, out)
    environment = dict(ENVIRONMENT, CBIGAN_MODULE_PATH='/nowhere', OMPI_COMM_WORLD_SIZE='2')
    done = subprocess.run([PROGRAM, 'train', 'good', '-o', 'model', *GAN, '1'], env=environment, capture_output=True, text=True, check=False)
    expect(done.returncode == 1 and 'MPI' in done.stderr, f'{done}')


if __name__ == '__main__':
    if not MPIRUN:
        print('1..0 # SKIP no mpirun (Debian: openmpi-bin)')
        sys.exit(0)
    sys.exit(harness.run_tests(globals(), sys.argv[2:]))
