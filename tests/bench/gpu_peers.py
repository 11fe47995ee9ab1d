#!/usr/bin/env python3
"""gpu_peers.py - scoring and training on a GPU against PyTorch: same networks, weights and frames, interleaved

Copyright (C) 2026 the cbigan developers
SPDX-License-Identifier: LGPL-2.1-or-later

Usage: tests/bench/gpu_peers.py [--build build] [--venv build/peers] [--rounds 15] [--cases c16,] [--tap hidden]

Takes a PyTorch that is there, in this Python or in the virtual environment of peers.py; installs nothing. Exit status
77, and why in words, where there is no GPU that both can use. Ours is cbigan_scorer_score() (score_loop.c), from 8-bit
pixels in the host's memory to score and map there; PyTorch gets the same patches as bytes in pinned memory, and copies
them, makes numbers of them, does E, G, D's features twice and the two L1 sums of Eq. 7, and copies those back. It is
tried at all rows of GPU_PROGRAMS (peer_settings.py) first: eager or compiled with CUDA graphs, both layouts, in fp32
(full float, no TF32) and fp16, and goes into the comparison at its fastest. Rounds, ratios and the comparison of the
scores are as in peers.py; percentiles are of all calls of all rounds. The floor is the larger of operations / rate and
bytes / bandwidth: operations are E, G and D's features (twice, or once for f_D "first") as PyTorch counts them, bytes
the weights, the pixels and the map, rates those of PyTorch's own large matrix products, bandwidth that of its copies.
Training is train_peer.py's comparison. Compiling takes minutes a row, so rows are printed as they come. Prints Markdown. With --device cpu --backend cpu it tries itself without a GPU.
"""
import argparse
import importlib.util
import itertools
import os
import pathlib
import statistics
import subprocess
import sys
import time

import peer_loop
import peer_settings
import peers
import train_peer

SKIPPED = 77
CASES = [(f'c{c}, 64 patches of 64x64', c, 64, '8') for c in (3, 16, 32, 64)] + [
    (f'c{c}, {n} of 128x128', c, 128, grid) for c, (n, grid) in itertools.product(
        (3, 16, 32, 64), ((1, '1'), (8, '4x2'), (64, '8')))]
OURS = {f'cbigan {precision}': precision for precision in ('fp32', 'bf16', 'fp16')}
TRAINING = [*itertools.product((3, 16), (64, 128), (32,))]  # width, patch, batch
PERCENTILES = (50, 95, 99)


def arguments():
    parser = argparse.ArgumentParser(description='Scoring and training on a GPU against PyTorch.')
    parser.add_argument('--build', type=pathlib.Path, default=peers.ROOT / 'build', help='build folder with score_loop')
    parser.add_argument('--venv', type=pathlib.Path, help='virtual environment with PyTorch (default: BUILD/peers)')
    parser.add_argument('--rounds', type=int, default=15)
    parser.add_argument('--cases', default='', help='only the cases with this in their name, such as "c16,"')
    parser.add_argument('--tap', choices=peers.TAPS, help='only this f_D; both unless given')
    parser.add_argument('--device', default='cuda', help="PyTorch's")
    parser.add_argument('--backend', default='cuda', help='ours')
    parser.add_argument('--no-training', action='store_true')
    parser.set_defaults(threads=1)  # as describe_run() and open_ours() read it
    return parser.parse_args()


def skip(why):
    print(f'gpu_peers.py: nothing was measured: {why}')
    sys.exit(SKIPPED)


def enter_python(options):
    """Goes on in a Python that has PyTorch."""
    if importlib.util.find_spec('torch'):
        return
    python = options.venv / 'bin' / 'python'
    if not python.exists():
        skip(f'no PyTorch, neither in {sys.executable} nor in {options.venv}')
    if pathlib.Path(sys.prefix).resolve() == options.venv.resolve():
        skip(f'no PyTorch in {options.venv}')
    os.execv(python, [python, *sys.argv])


def check_machine(options):
    import torch
    if options.device != 'cpu' and not torch.cuda.is_available():
        skip(f'PyTorch {torch.__version__} finds no GPU' if torch.version.cuda
             else f'PyTorch {torch.__version__} is made without CUDA')
    program = options.build / 'trainer' / 'cbigan'
    if not program.exists():
        skip(f'{program} is not built')
    lines = subprocess.run([program, 'info', '--backends'], capture_output=True, text=True, check=True).stdout.splitlines()
    place = next((i for i, line in enumerate(lines) if line.startswith(f'{options.backend} ')), None)
    if place is None or not lines[place + 1].strip() == 'can run here':
        skip(f'backend {options.backend}: {"unknown" if place is None else lines[place + 1].strip()}')


# --- the floor ---------------------------------------------------------------------------------------------------


def best_seconds(work, device, times=10):
    import torch
    seconds = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        if device != 'cpu':
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def measure_limits(options):
    """{'fp32': operations a second, 'fp16': the same, 'bytes': a second}"""
    import torch
    n = 8192 if options.device != 'cpu' else 1024
    limits = {}
    for name, number in (('fp32', torch.float32), ('fp16', torch.float16)):
        a = torch.ones(n, n, dtype=number, device=options.device)
        limits[name] = 2 * n ** 3 / best_seconds(lambda a=a: a @ a, options.device)
    source = torch.ones(n * n * 4, dtype=torch.uint8, device=options.device)
    target = torch.empty_like(source)
    limits['bytes'] = 2 * source.numel() / best_seconds(lambda: target.copy_(source), options.device)
    return limits


def count_work(width, patch, tap, patches):
    """(operations, bytes that don't depend on the precision, weights)"""
    import torch
    from torch.utils.flop_counter import FlopCounterMode
    score = peer_loop.score_module(width, patch, tap)
    x = torch.zeros(1, 3, patch, patch)
    with torch.inference_mode():
        z = score.encoder(x)
        with FlopCounterMode(display=False) as once:
            score.generator(score.encoder(x))
        with FlopCounterMode(display=False) as features:
            score.features(x, z)
    operations = once.get_total_flops() + features.get_total_flops() * (1 if tap == 'first' else 2)
    return operations * patches, patches * patch * patch * (3 + 4), sum(p.numel() for p in score.parameters())


def floor(limits, work, number):
    operations, fixed, weights = work
    size = fixed + weights * (4 if number == 'fp32' else 2)
    return 1000 * max(operations / limits[number], size / limits['bytes'])


# --- scoring -----------------------------------------------------------------------------------------------------


def calls(program):
    """Milliseconds of each of some calls, after one that says how many."""
    number = min(50, max(3, int(peers.TURN / program.milliseconds())))
    return [program.milliseconds() for _ in range(number)]


def percentiles(rounds):
    times = sorted(itertools.chain(*rounds))
    return ' / '.join(f'{times[min(len(times) - 1, len(times) * p // 100)]:.2f}' for p in PERCENTILES)


def compare(options, limits, case, tap, used):
    """One row of the table; notes in `used` at which setting PyTorch ran."""
    name, width, patch, grid = case
    folder = options.build / 'tests' / 'bench'
    tail = [width, patch, grid, tap, options.threads, '', options.device]
    programs = {ours: program for ours, precision in OURS.items()
                if (program := peers.open_ours(options, case, tap, precision)).ready}  # chips before sm_80 have no bf16
    if 'cbigan fp32' not in programs:
        sys.exit('score_loop failed')
    names, exact = list(programs), programs['cbigan fp32']
    for who in names:
        if other := peers.difference(exact.terms, programs[who].terms, peers.TOLERANCES[OURS[who]]):
            sys.exit(f'{who}: {other}')
    for peer, settings in peer_settings.GPU_PROGRAMS.items():
        tolerance = peers.TOLERANCES[peer.split()[-1]]
        programs[peer] = peers.open_fastest(peer, settings, folder, tail, exact, tolerance)
        used.setdefault(f'{peer}: {programs[peer].setting}', []).append(f'{name} {tap}')
    times = peers.measure(programs, options.rounds, calls)
    medians = {who: [statistics.median(calls) for calls in rounds] for who, rounds in times.items()}
    for program in programs.values():
        program.close()
    ours = min(names, key=lambda who: statistics.median(medians[who]))
    theirs = min(peer_settings.GPU_PROGRAMS, key=lambda who: statistics.median(medians[who]))
    columns, rows = peer_loop.grid(grid)
    work = count_work(width, patch, tap, columns * rows)
    row = [name, tap, *(percentiles(times[who]) if who in times else '-' for who in (*OURS, *peer_settings.GPU_PROGRAMS)),
           f'{peers.ratio(medians["cbigan fp32"], medians["PyTorch fp32"]):.2f}x',
           f'{peers.ratio(medians[ours], medians[theirs]):.2f}x ({theirs} / {ours})',
           *(f'{floor(limits, work, number):.3f}' for number in ('fp32', 'fp16'))]
    print('| ' + ' | '.join(row) + ' |', flush=True)


def score(options):
    limits = measure_limits(options)
    print(f'Limits, by PyTorch\'s matrix products and copies: {limits["fp32"] / 1e12:.2f} TFLOP/s in fp32, '
          f'{limits["fp16"] / 1e12:.2f} in fp16, {limits["bytes"] / 1e9:.0f} GB/s. Times are p50 / p95 / p99.\n')
    names = [*OURS, *peer_settings.GPU_PROGRAMS]
    print('| case | f_D | ' + ' | '.join(f'{name}, ms' for name in names)
          + ' | fp32: PyTorch / cbigan | fastest: PyTorch / cbigan | floor fp32, ms | floor fp16, ms |')
    print('|---|---|' + '---:|' * (len(names) + 4), flush=True)
    used = {}
    for case, tap in itertools.product(CASES, peers.TAPS):
        if options.cases in case[0] and options.tap in (None, tap):
            compare(options, limits, case, tap, used)
    print('\nSettings that were the fastest:\n')
    for setting in sorted(used):
        print(f'- {setting} ({"; ".join(used[setting])})')


def train(options):
    print(f'Training, fp32:\n\n{train_peer.HEADING}', flush=True)
    rates = []
    for case in TRAINING:
        if options.cases in f'c{case[0]},':
            ours, theirs = train_peer.compare(options, case)
            rates.append('- c{}, patch {}, batch {}: '.format(*case) + f'cbigan {1000 * case[2] / ours:.0f} images/s, '
                         f'PyTorch {1000 * case[2] / theirs:.0f} images/s')
    print('\nImages a second, of critic + encoder-generator:\n\n' + '\n'.join(rates) + '\n')


def main():
    options = arguments()
    options.build = options.build.resolve()
    options.venv = (options.venv or options.build / 'peers').absolute()
    enter_python(options)
    check_machine(options)
    os.environ.setdefault('TORCHINDUCTOR_CACHE_DIR', str(options.build / 'tests' / 'bench' / 'inductor'))
    import torch
    gpu = 'no GPU' if options.device == 'cpu' else torch.cuda.get_device_name()
    print(f'{gpu}; {peers.describe_run(options, ("torch",), "fp32 and less")}\n')
    if not options.no_training:
        train(options)
    score(options)


if __name__ == '__main__':
    main()
