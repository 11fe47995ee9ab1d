#!/usr/bin/python3
"""test_mpi.py - cbigan train under mpirun: two processes learn what one does; prints TAP

Copyright (C) 2026 the cbigan developers
SPDX-License-Identifier: LGPL-2.1-or-later

usage: test_mpi.py PROGRAM [TEST...]   (with CBIGAN_MODULE_PATH set)
"""
import array
import hashlib
import json
import os
import pathlib
import random
import shutil
import signal
import struct
import subprocess
import sys

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[1] / folder) for folder in ('', 'inputs')]
import harness
import picture_writer
from harness import expect, until

PROGRAM = os.path.abspath(sys.argv[1])
MPIRUN = shutil.which('mpirun')
ENVIRONMENT = dict(os.environ, OMPI_ALLOW_RUN_AS_ROOT='1', OMPI_ALLOW_RUN_AS_ROOT_CONFIRM='1', OMPI_MCA_mpi_yield_when_idle='1',
                   OMPI_MCA_rmaps_base_oversubscribe='1', OMPI_MCA_hwloc_base_binding_policy='none')
INSPECTOR = '--width 2 --batch 8 --threads 1 --updates'.split()
GAN = '--width 2 --batch 8 --threads 1 --score paper --held-out 0 --warmup-steps'.split()


def prepare(n=12, side=64):
    os.makedirs('good')
    for i in range(n):
        noise = random.Random(i)
        data = bytearray()
        for y in range(side):
            for x in range(side):
                data += bytes([60 + 80 * x // side + 30 * y // side + noise.randrange(12)] * 3)
        pathlib.Path(f'good/{i:03}.ppm').write_bytes(b'P6\n%d %d\n255\n' % (side, side) + data)


def start(n, *arguments):
    command = [PROGRAM, 'train', 'good', *arguments]
    return subprocess.Popen([MPIRUN, '-n', str(n), *command] if n else command, env=ENVIRONMENT, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True)


def train(n, output, *arguments, code=0):
    """n: processes under mpirun, 0 = without it. Returns what was printed."""
    process = start(n, '-o', output, *arguments)
    out = process.communicate(timeout=harness.LIMIT)[0]
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


def expect_same_model(path, other, arrays):
    """Within rounding. arrays: names that must be there"""
    (one, about_one), (found, about) = read_model(other), read_model(path)
    expect(arrays <= set(one) and list(found) == list(one), f'{path}: {list(found)}; {other}: {list(one)}')
    for name, values in one.items():
        largest, apart = max(map(abs, values)), max(abs(a - b) for a, b in zip(values, found[name]))
        expect(apart <= 1e-6 * largest, f'{path}: {name}: {apart} of {largest}')
    for key in [key for key in about if key.endswith('threshold')]:
        expect(abs(float(about[key]) / float(about_one[key]) - 1) < 1e-6, f'{path}: {key}: {about[key]}, expected {about_one[key]}')


def test_calibration():
    """The pictures held out are divided too. With weights that hardly move, the statistics and the threshold are those of one process."""
    prepare(24)
    still = '--width 2 --batch 8 --threads 1 --score critic --held-out 0.3 --warmup-steps 1 --steps 0 --rate 1e-12 --warmup-rate 1e-12 --force'.split()
    for n in (0, 2, 4):
        train(n, f'n{n}', *still)
    for n in (2, 4):
        expect_same_model(f'n{n}', 'n0', {'critic.mean', 'critic.whitening'})


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


def stop_early(n, *arguments):
    """model.checkpoint of a training of n processes that is stopped as soon as it has one"""
    pathlib.Path('model.checkpoint').unlink(missing_ok=True)
    process = start(n, '-o', 'model', *arguments, '--checkpoint', '1')
    expect(until(lambda: os.path.exists('model.checkpoint'), 60), 'no checkpoint')
    process.send_signal(signal.SIGTERM)
    out = process.communicate(timeout=60)[0]
    expect(process.returncode and os.path.exists('model.checkpoint') and not os.path.exists('model'), out)


def pretend_done(updates):
    """model.checkpoint says that all updates are done."""
    head, content = pathlib.Path('model.checkpoint').read_bytes().split(b'\n', 1)
    content = struct.pack('=I', updates) + content[4:]
    magic = head.rpartition(b' ')[0] + b' ' + hashlib.sha256(content).hexdigest().encode()
    pathlib.Path('model.checkpoint').write_bytes(magic + b'\n' + content)


def resume(n, *arguments):
    shutil.copy('model.checkpoint', f'n{n}.checkpoint')
    train(n, f'n{n}', *arguments, '--resume')
    expect(os.path.exists(f'n{n}'), f'{n}: no model')


def test_resume():
    """A training that is stopped goes on with another number of processes."""
    prepare()
    for options, counts in (([*GAN, '1600', '--steps', '0'], (4, 0)), ([*INSPECTOR, '2000'], (0,))):
        stop_early(2, *options)
        for n in counts:
            resume(n, *options, '--checkpoint', '600')


def test_inspector_calibration():
    """The good pictures of an inspector's calibration are divided: from the same weights, any number of processes makes the same model. The
    object's pictures are screened before, and with a mask some processes have no picture of their own. A surface has statistics of its own."""
    prepare(24)
    pathlib.Path('mask.png').write_bytes(picture_writer.png([[(255 * (y < 48),)] * 64 for y in range(64)], colour=0))
    for counts, options in (((2, 3), []), ((6,), ['--mask', 'mask.png', '--held-out', '0.1']), ((2,), ['--preset', 'texture'])):
        whole = ['--width', '2', '--batch', '6', '--threads', '1', '--updates', '100000', *options]
        stop_early(0, *whole)
        pretend_done(100000)
        for n in (0, *counts):
            resume(n, *whole)
        for n in counts:
            expect_same_model(f'n{n}', 'n0', set())
            os.remove(f'n{n}')
        os.remove('n0')


def kill_second(process):
    """Kills process 1; the other one must end within seconds, with an error."""
    children = pathlib.Path(f'/proc/{process.pid}/task/{process.pid}/children').read_text().split()
    os.kill(int(children[1]), signal.SIGKILL)
    out = process.communicate(timeout=30)[0]
    expect(process.returncode != 0 and not os.path.exists('model'), out)
    expect(until(lambda: not os.path.exists(f'/proc/{children[0]}'), 10), 'the other process lives')
    expect('killed' in out.lower() or 'signal' in out.lower(), out)


def test_death():
    """A process that dies ends the others, with an error."""
    prepare()
    process = start(2, '-o', 'model', *GAN, '100000', '--steps', '0', '--checkpoint', '1')
    expect(until(lambda: os.path.exists('model.checkpoint'), 60), 'no checkpoint')
    kill_second(process)


def test_death_while_calibrating():
    """The same while the inspector is calibrated."""
    prepare(40, 128)
    whole = [*INSPECTOR, '100000', '--held-out', '0.5']
    stop_early(0, *whole)
    pretend_done(100000)
    process = start(2, '-o', 'model', *whole, '--resume')
    while 'calibrating' not in (line := process.stdout.readline()):
        expect(line, 'the training ended')
    kill_second(process)
    expect(os.path.exists('model.checkpoint'), 'the checkpoint is gone')


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
