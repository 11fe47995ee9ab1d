#!/usr/bin/env python3
"""peers.py - scoring against ONNX Runtime and PyTorch: the same network, weights and frame, fp32, interleaved

Copyright (C) 2026 the cbigan developers
SPDX-License-Identifier: LGPL-2.1-or-later

Usage: tests/bench/peers.py [--build build] [--venv build/peers] [--threads 2] [--rounds 15] [--cases c16]

Makes a virtual environment with the peers from PyPI the first time. Ours is cbigan_scorer_score() (score_loop.c), from
8-bit pixels to score and anomaly map; the peers get ready float patches and do E, G, D's features twice and the two
L1 sums of Eq. 7, so the comparison leans to their side. Every round measures each program once, in changing order, and
the ratios are medians over rounds: a busy machine disturbs times far more than ratios. Before anything is timed, the
scores are compared.
"""
import argparse
import os
import pathlib
import statistics
import subprocess
import sys
import time
import venv
import warnings

ROOT = pathlib.Path(__file__).resolve().parents[2]
PEERS = ('numpy', 'torch', 'onnx', 'onnxruntime')
CASES = [  # name, width c, patch side, patches a side of the frame
    ('c3, 64 patches of 64x64', 3, 64, 8),
    ('c4, 64 patches of 64x64', 4, 64, 8),
    ('c16, 64 patches of 64x64', 16, 64, 8),
    ('c3, one 128x128', 3, 128, 1),
    ('c4, one 128x128', 4, 128, 1),
    ('c16, one 128x128', 16, 128, 1),
]
TAPS = ('first', 'hidden')
TOLERANCE = 1e-4  # relative, of both terms


def arguments():
    parser = argparse.ArgumentParser(description='Scoring against ONNX Runtime and PyTorch.')
    parser.add_argument('--build', type=pathlib.Path, default=ROOT / 'build', help='build folder with score_loop')
    parser.add_argument('--venv', type=pathlib.Path, help='virtual environment of the peers (default: BUILD/peers)')
    parser.add_argument('--backend', default='cpu')
    parser.add_argument('--threads', type=int, default=2)
    parser.add_argument('--rounds', type=int, default=15)
    parser.add_argument('--cases', default='', help='only the cases with this in their name, such as "c16,"')
    return parser.parse_args()


def enter_environment(folder):
    """Goes on in the virtual environment's Python, which is made where it is missing."""
    python = folder / 'bin' / 'python'
    if not python.exists():
        print(f'making {folder} with {", ".join(PEERS)} from PyPI', flush=True)
        venv.create(folder, with_pip=True)
        subprocess.run([python, '-m', 'pip', 'install', '--quiet', *PEERS], check=True)
    if pathlib.Path(sys.prefix).resolve() != folder.resolve():
        os.execv(python, [python, *sys.argv])


class Ours:
    def __init__(self, options, case, tap):
        _, width, patch, side = case
        program = options.build / 'tests' / 'bench' / 'score_loop'
        command = [program, width, patch, side, tap, options.backend, options.threads]
        self.process = subprocess.Popen([str(word) for word in command], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        words = self.process.stdout.readline().split()
        if len(words) != 3:
            sys.exit('score_loop failed')
        self.terms = [float(word) for word in words[1:]]

    def milliseconds(self):
        self.process.stdin.write('go\n')
        self.process.stdin.flush()
        return float(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Peer:
    """score: a function of the patches that returns L_R and L_fD of every patch."""

    def __init__(self, score, patches):
        self.score, self.patches = score, patches
        pixel, feature = (term.reshape(-1) for term in score(patches))
        worst = (0.9 * pixel + 0.1 * feature).argmax()  # Eq. 7: the patch that decides
        self.terms = [float(pixel[worst]), float(feature[worst])]

    def milliseconds(self):
        start = time.perf_counter()
        self.score(self.patches)
        return 1000 * (time.perf_counter() - start)

    def close(self):
        pass


def frame(side):
    """The pixels of score_loop.c's frame_pixels()."""
    import numpy as np
    state, pixels = 1, bytearray(side * side * 3)
    for i in range(len(pixels)):
        state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
        pixels[i] = state >> 24
    return np.frombuffer(bytes(pixels), np.uint8).reshape(side, side, 3)


def cut(pixels, patch):
    """(n, 3, patch, patch) floats in -1..1"""
    import numpy as np
    rows, columns = pixels.shape[0] // patch, pixels.shape[1] // patch
    patches = pixels.reshape(rows, patch, columns, patch, 3).transpose(0, 2, 4, 1, 3)
    return np.ascontiguousarray(patches.reshape(-1, 3, patch, patch).astype(np.float32) / 127.5 - 1)


def peers(options, case, tap, patches):
    """{name: Peer} of ONNX Runtime and PyTorch with the golden tests' weights."""
    import onnxruntime
    import torch
    sys.path.insert(0, str(ROOT / 'tests' / 'golden'))
    import networks

    class Score(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.encoder, self.generator, self.discriminator = networks.make(case[1], case[2])
            self.features = self.discriminator.first_tap if tap == 'first' else self.discriminator.hidden_tap

        def forward(self, x):
            z = self.encoder(x)
            y = self.generator(z)
            return ((x - y).abs().flatten(1).sum(1),
                    (self.features(x, z) - self.features(y, z)).abs().flatten(1).sum(1))

    warnings.filterwarnings('ignore', category=DeprecationWarning)  # the exporter without dynamo needs no more packages
    torch.set_num_threads(options.threads)
    module, x = Score().eval(), torch.from_numpy(patches)
    path = options.build / 'tests' / 'bench' / f'c{case[1]}_{case[2]}_{tap}.onnx'
    torch.onnx.export(module, (x,), str(path), input_names=['x'], output_names=['pixel', 'feature'], dynamo=False)
    session_options = onnxruntime.SessionOptions()
    session_options.intra_op_num_threads = options.threads
    session_options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), session_options, providers=['CPUExecutionProvider'])

    def score_torch(data):
        with torch.inference_mode():
            return [term.numpy() for term in module(torch.from_numpy(data))]

    return {'ONNX Runtime': Peer(lambda data: session.run(None, {'x': data}), patches),
            'PyTorch': Peer(score_torch, patches)}


def measure(programs, rounds):
    """{name: [milliseconds of each round]}, the first two rounds left out as warm-up."""
    times = {name: [] for name in programs}
    for i in range(rounds + 2):
        names = list(programs)
        names = names[i % len(names):] + names[:i % len(names)]
        for name in names:
            time.sleep(0.02)  # the threads of the one before stop spinning
            times[name].append(programs[name].milliseconds())
    return {name: values[2:] for name, values in times.items()}


def compare_scores(programs):
    ours = programs['cbigan'].terms
    for name, program in programs.items():
        for term, mine, other in zip(('pixel', 'feature'), ours, program.terms):
            if not abs(mine - other) <= TOLERANCE * abs(other):
                sys.exit(f'the {term} term is {mine} here and {other} in {name}: not the same work')


def main():
    options = arguments()
    options.build = options.build.resolve()
    enter_environment((options.venv or options.build / 'peers').absolute())
    import onnxruntime
    import torch
    print(f'{options.threads} threads, fp32, medians of {options.rounds} rounds; onnxruntime {onnxruntime.__version__}, '
          f'torch {torch.__version__}')
    print(f'{"case":26} {"f_D":7} {"cbigan":>9} {"ORT":>9} {"PyTorch":>9}  ms;  {"ORT/cbigan":>10} {"PyTorch/cbigan":>14}')
    for case in CASES:
        if options.cases not in case[0]:
            continue
        patches = cut(frame(case[2] * case[3]), case[2])
        for tap in TAPS:
            programs = {'cbigan': Ours(options, case, tap), **peers(options, case, tap, patches)}
            compare_scores(programs)
            times = measure(programs, options.rounds)
            medians = [statistics.median(times[name]) for name in programs]
            ratios = [statistics.median(theirs / ours for theirs, ours in zip(times[name], times['cbigan']))
                      for name in ('ONNX Runtime', 'PyTorch')]
            print(f'{case[0]:26} {tap:7} {medians[0]:9.2f} {medians[1]:9.2f} {medians[2]:9.2f}       '
                  f'{ratios[0]:9.2f}x {ratios[1]:13.2f}x', flush=True)
            for program in programs.values():
                program.close()


if __name__ == '__main__':
    main()
