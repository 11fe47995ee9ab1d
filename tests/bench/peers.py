#!/usr/bin/env python3
"""peers.py - scoring against ONNX Runtime, OpenVINO and PyTorch: same network, weights and frame, interleaved

Copyright (C) 2026 the cbigan developers
SPDX-License-Identifier: LGPL-2.1-or-later

Usage: tests/bench/peers.py [--build build] [--venv build/peers] [--threads 2] [--rounds 15] [--cases c16,] [--isa avx2]
       [--precision bf16]

Makes a virtual environment with the peers from PyPI the first time. Ours is cbigan_scorer_score() (score_loop.c),
from 8-bit pixels to score and anomaly map; the peers get ready float patches and do E, G, D's features twice and the
two L1 sums of Eq. 7, so the comparison leans to their side. Each peer is tried at all its settings first (the rows of
peer_settings.py) and goes into the comparison at its fastest, which is named below the table. Every round measures
each program once, in changing order, and the ratios are medians over rounds, which evens out what hits all programs
alike. It does not even out a processor that other work takes: then two threads share the other one, times have two
values almost a factor of 2 apart, and how often a program is in the slower state depends on how its threads wait for
each other. A setting whose scores are others than ours is left out. Prints Markdown, for docs/performance.md.
"""
import argparse
import datetime
import importlib.metadata
import importlib.util
import os
import pathlib
import statistics
import subprocess
import sys
import time
import venv

import peer_settings

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PEERS = ('numpy', 'torch', 'onnx', 'onnxruntime', 'openvino')
CASES = [  # name, width c, patch side, patches a side of the frame
    ('c3, 64 patches of 64x64', 3, 64, 8),
    ('c4, 64 patches of 64x64', 4, 64, 8),
    ('c16, 64 patches of 64x64', 16, 64, 8),
    ('c32, 64 patches of 64x64', 32, 64, 8),
    ('c3, one 128x128', 3, 128, 1),
    ('c4, one 128x128', 4, 128, 1),
    ('c16, one 128x128', 16, 128, 1),
]
TAPS = ('first', 'hidden')
TOLERANCES = {'fp32': 1e-4, 'bf16': 0.05, 'fp16': 0.05}  # by our precision: relative, of both terms
TRIALS = 3  # of each setting
TURN = 50  # milliseconds: of short calls a turn makes several
# What each program reads. Where the program has no such variable there is nothing to write, see unlimited().
ISA_VARIABLES = {
    'avx2': {'CBIGAN_ISA': 'avx2', 'DNNL_MAX_CPU_ISA': 'AVX2', 'ONEDNN_MAX_CPU_ISA': 'AVX2', 'OV_CPU_MAX_ISA': 'AVX2',
             'ATEN_CPU_CAPABILITY': 'avx2', 'MKL_ENABLE_INSTRUCTIONS': 'AVX2'},
}


def arguments():
    parser = argparse.ArgumentParser(description='Scoring against ONNX Runtime, OpenVINO and PyTorch.')
    parser.add_argument('--build', type=pathlib.Path, default=ROOT / 'build', help='build folder with score_loop')
    parser.add_argument('--venv', type=pathlib.Path, help='virtual environment of the peers (default: BUILD/peers)')
    parser.add_argument('--backend', default='cpu')
    parser.add_argument('--threads', type=int, default=2)
    parser.add_argument('--rounds', type=int, default=15)
    parser.add_argument('--cases', default='', help='only the cases with this in their name, such as "c16,"')
    parser.add_argument('--tap', choices=TAPS, help='only this f_D; both unless given')
    parser.add_argument('--isa', choices=ISA_VARIABLES, help='limit every program to these vector instructions')
    parser.add_argument('--precision', choices=TOLERANCES, default='fp32', help='of ours; the peers compute in fp32')
    return parser.parse_args()


def enter_environment(folder, variables=None, packages=PEERS):
    """Goes on in the virtual environment's Python, which is made where it is missing, with the variables set."""
    python = folder / 'bin' / 'python'
    if not python.exists():
        print(f'making {folder} with {", ".join(packages)} from PyPI', flush=True)
        venv.create(folder, with_pip=True)
        subprocess.run([python, '-m', 'pip', 'install', '--quiet', *packages], check=True)
    missing = {name: value for name, value in (variables or {}).items() if os.environ.get(name) != value}
    if missing or pathlib.Path(sys.prefix).resolve() != folder.resolve():
        os.execve(python, [python, *sys.argv], {**os.environ, **missing})
    absent = [name for name in packages if not importlib.util.find_spec(name)]  # it was made for something else
    if absent:
        subprocess.run([python, '-m', 'pip', 'install', '--quiet', *absent], check=True)


def processor():
    """(its name, what it can do)"""
    facts = {}
    for line in pathlib.Path('/proc/cpuinfo').read_text().splitlines():
        name, _, value = line.partition(':')
        facts.setdefault(name.strip(), value.strip())
    return facts.get('model name', 'unknown processor'), facts.get('flags', facts.get('Features', '')).split()


def describe_run(options, packages, precision='fp32'):
    """One line: what a figure is worth nothing without."""
    versions = ', '.join(f'{name} {importlib.metadata.version(name)}' for name in packages)
    name, flags = processor()
    widest = next((isa for isa in ('avx512f', 'avx2', 'asimd') if isa in flags), 'no vectors known')
    load = os.getloadavg()[0]
    return (f'{datetime.date.today()}, {name} ({widest}), {options.threads} threads, {precision}, medians of '
            f'{options.rounds} rounds, load before {load:.1f}; {versions}')


def unlimited(options):
    """What --isa does not reach, in words; nothing where the processor has no more anyway."""
    if not options.isa or 'avx512f' not in processor()[1]:
        return
    print(f'\nNot limited to {options.isa}: ONNX Runtime (its kernels take the widest instructions that the processor has; '
          'there is no switch), and, in versions that ignore OV_CPU_MAX_ISA, those kernels of OpenVINO that are not '
          'oneDNN\'s. Their figures here are the better for it.')


class Program:
    """A process that scores on command: score_loop or peer_loop.py. setting: None for ours."""

    def __init__(self, command, setting=None, log=None):
        self.setting = setting
        self.process = subprocess.Popen([str(word) for word in command], text=True, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=log)
        words = self.process.stdout.readline().split()
        self.ready = words[:1] == ['ready']
        self.terms = [float(word) for word in words[1:]]

    def milliseconds(self, what='go'):
        self.process.stdin.write(f'{what}\n')
        self.process.stdin.flush()
        return float(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def open_ours(options, case, tap, precision):
    """Not ready where the backend can't."""
    return Program([options.build / 'tests' / 'bench' / 'score_loop', *case[1:], tap, options.backend, options.threads,
                    precision])


def difference(ours, theirs, tolerance):
    """In which term they are not the same work, in words; None where they are."""
    for term, mine, other in zip(('pixel', 'feature'), ours, theirs):
        if not abs(mine - other) <= tolerance * abs(other):
            return f'the {term} term is {mine} here and {other} there'
    return None


def open_fastest(name, settings, folder, tail, ours, tolerance):
    """The program at its setting with the shortest trial. A setting that does not work here, or that computes something
    else, is said and left out."""
    best = None
    for setting in settings:
        with open(folder / 'peer.log', 'w+', encoding='utf-8') as log:
            peer = Program([sys.executable, HERE / 'peer_loop.py', name, setting, *tail], setting, log)
            reason = peer.ready and difference(ours.terms, peer.terms, tolerance)
            if reason or not peer.ready:
                peer.close()
                log.seek(0)
                said = [line for line in log.read().splitlines() if line.strip()] or ['no reason given']
                print(f'{name}, {setting}: left out: {reason or said[-1]}', file=sys.stderr, flush=True)
                continue
        peer.trial = min(turn(peer) for _ in range(TRIALS))
        print(f'{name}, {setting}: {peer.trial:.2f} ms', file=sys.stderr, flush=True)
        if best is None or peer.trial < best.trial:
            best, peer = peer, best
        if peer:
            peer.close()
    return best or sys.exit(f'{name} runs at none of its settings')


def turn(program):
    """Milliseconds of a call that finds threads awake and caches warm: median of a few, after one that wakes them."""
    first = program.milliseconds()
    calls = min(5, max(1, int(TURN / first)))
    return statistics.median(program.milliseconds() for _ in range(calls))


def measure(programs, rounds, take=turn):
    """{name: [what take() measures of a program, each round]}, the first round left out as warm-up."""
    times = {name: [] for name in programs}
    for i in range(rounds + 1):
        names = list(programs)
        names = names[i % len(names):] + names[:i % len(names)]
        for name in names:
            time.sleep(0.05)  # the threads of the one before stop spinning
            times[name].append(take(programs[name]))
    return {name: values[1:] for name, values in times.items()}


def ratio(ours, theirs):
    """How many times as long theirs take."""
    return statistics.median(b / a for a, b in zip(ours, theirs))


def compare(options, case, tap, used):
    """One row of the table; notes in `used` at which setting each peer ran."""
    folder = options.build / 'tests' / 'bench'
    path = folder / f'c{case[1]}_{case[2]}x{case[3]}_{tap}.onnx'
    tail = [*case[1:], tap, options.threads, path]
    if not path.exists():
        subprocess.run([str(word) for word in (sys.executable, HERE / 'peer_loop.py', '', '', *tail)], check=True)
    programs = {'cbigan': open_ours(options, case, tap, options.precision)}
    if not programs['cbigan'].ready:
        sys.exit('score_loop failed')
    for name, settings in peer_settings.PROGRAMS.items():
        programs[name] = open_fastest(name, settings, folder, tail, programs['cbigan'], TOLERANCES[options.precision])
    times = measure(programs, options.rounds)
    row = [case[0], tap, *(f'{statistics.median(times[name]):.2f}' for name in programs)]
    for name, program in programs.items():
        if program.setting:
            row.append(f'{ratio(times["cbigan"], times[name]):.2f}x')
            used.setdefault(f'{name}: {program.setting}', []).append(f'{case[0].split(" of ")[0]} {tap}')
        program.close()
    print('| ' + ' | '.join(row) + ' |', flush=True)


def main():
    options = arguments()
    options.build = options.build.resolve()
    enter_environment((options.venv or options.build / 'peers').absolute(), ISA_VARIABLES.get(options.isa))
    os.environ.setdefault('TORCHINDUCTOR_CACHE_DIR', str(options.build / 'tests' / 'bench' / 'inductor'))
    names = list(peer_settings.PROGRAMS)
    limit = f'; limited to {options.isa}' if options.isa else ''
    precision = 'fp32' if options.precision == 'fp32' else f'cbigan in {options.precision} and the others in fp32'
    print(describe_run(options, ('onnxruntime', 'openvino', 'torch'), precision) + limit + '\n')
    print('| case | f_D | ' + ' | '.join(f'{name}, ms' for name in ('cbigan', *names)) + ' | '
          + ' | '.join(f'{name} / cbigan' for name in names) + ' |')
    print('|---|---|' + '---:|' * (1 + 2 * len(names)), flush=True)
    used = {}
    for case in CASES:
        for tap in TAPS:
            if options.cases in case[0] and options.tap in (None, tap):
                compare(options, case, tap, used)
    print('\nSettings that were the fastest:\n')
    for setting in sorted(used):
        print(f'- {setting} ({"; ".join(used[setting])})')
    unlimited(options)


if __name__ == '__main__':
    main()
