#!/usr/bin/env python3
"""train_peer.py - training updates against PyTorch: the same networks, losses and batch, fp32, interleaved

Copyright (C) 2026 the cbigan developers
SPDX-License-Identifier: LGPL-2.1-or-later

Usage: tests/bench/train_peer.py [--build build] [--venv build/peers] [--threads 2] [--rounds 15]
                                 [--width 4,16] [--patch 64,128] [--batch 32] [--device cpu]

Ours is an update as trainer/training/training.c makes it (train_loop.c), data preparation included; PyTorch gets a ready batch,
its own double backward for the gradient penalty, fused Adam and averages by _foreach_lerp_. That both compute the same
is what tests/trainer/test_losses.c shows. PyTorch is tried at all of SETTINGS first and goes into the comparison at its
fastest, which is named in the table. On a GPU (gpu_peers.py) its numbers are in full float too, not TF32. Every round measures each update of each program once; ratios are medians over
rounds, which evens out what hits both programs alike. Prints Markdown, for docs/performance.md.
"""
import argparse
import itertools
import os
import pathlib
import statistics
import sys
import time

from peers import ROOT, Program, describe_run, enter_environment, ratio

SETTINGS = [  # name, channels last, mode (all but D under the penalty: torch.compile has no double backward)
    ('eager', False, None),
    ('eager, channels last', True, None),
    ('torch.compile', False, 'default'),
]
GPU_SETTINGS = [
    *SETTINGS[:2],
    ('torch.compile max-autotune', False, 'max-autotune'),  # with CUDA graphs, where PyTorch can use them here
    ('torch.compile max-autotune, without CUDA graphs', False, 'max-autotune-no-cudagraphs'),
    ('torch.compile max-autotune, channels last, without CUDA graphs', True, 'max-autotune-no-cudagraphs'),
]
TRIALS = 2  # of each update at each setting, after one to warm up
UPDATES = ('warm-up', 'critic', 'encoder-generator')
ALPHA, PENALTY = 1e-4, 10


def numbers(text):
    return [int(word) for word in text.split(',')]


def arguments():
    parser = argparse.ArgumentParser(description='Training updates against PyTorch.')
    parser.add_argument('--build', type=pathlib.Path, default=ROOT / 'build', help='build folder with train_loop')
    parser.add_argument('--venv', type=pathlib.Path, help='virtual environment of PyTorch (default: BUILD/peers)')
    parser.add_argument('--backend', default='cpu')
    parser.add_argument('--threads', type=int, default=2)
    parser.add_argument('--rounds', type=int, default=15)
    parser.add_argument('--width', type=numbers, default=[4, 16], help='widths c, separated by commas')
    parser.add_argument('--patch', type=numbers, default=[64, 128], help='patch sides')
    parser.add_argument('--batch', type=numbers, default=[32], help='patches in a batch')
    parser.add_argument('--device', default='cpu', help='PyTorch\'s, such as "cuda"')
    return parser.parse_args()


class Ours(Program):
    """train_loop, which answers each update's name with its milliseconds"""

    def __init__(self, options, width, patch, batch):
        super().__init__([options.build / 'tests' / 'bench' / 'train_loop', width, patch, batch, options.backend,
                          options.threads])
        if not self.ready:
            sys.exit('train_loop failed')


class Torch:
    def __init__(self, options, setting, width, patch, batch):
        import torch
        sys.path.insert(0, str(ROOT / 'tests' / 'golden'))
        import networks
        self.torch, self.n = torch, batch
        torch.set_num_threads(options.threads)
        torch.manual_seed(1)
        self.setting, channels_last, mode = setting
        self.device = options.device
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
        torch.backends.cudnn.benchmark = True
        layout = torch.channels_last if channels_last else torch.contiguous_format
        self.E, self.G, self.D = (network.to(self.device, memory_format=layout)
                                  for network in networks.make(width, patch))
        self.of_e_g = [*self.E.parameters(), *self.G.parameters()]
        self.of_d = list(self.D.parameters())
        self.means = [p.detach().clone() for p in self.of_e_g]
        self.adam_e_g = torch.optim.Adam(self.of_e_g, 1e-4, (0.5, 0.9), fused=True)
        self.adam_d = torch.optim.Adam(self.of_d, 1e-4, (0.5, 0.9), fused=True)
        self.x = (torch.rand(batch, 3, patch, patch, device=self.device) * 2 - 1).contiguous(memory_format=layout)
        self.plain_D = self.D
        if mode:
            self.E, self.G, self.D = (torch.compile(network, dynamic=False, mode=mode)
                                      for network in (self.E, self.G, self.D))

    def freeze(self, frozen):
        for p in self.of_d:
            p.requires_grad_(not frozen)

    def encoder_generator(self, alpha):
        torch, n = self.torch, self.n
        z = torch.randn(n, 64, device=self.device)
        self.freeze(True)
        g_z = self.G(z)
        e = self.E(torch.cat((self.x, g_z)))
        loss = alpha * ((self.G(e[:n]) - self.x).abs().sum() + (e[n:] - z).abs().sum()) / n
        if alpha < 1:
            d = self.D(torch.cat((self.x, g_z)), torch.cat((e[:n], z)))
            loss = loss + (1 - alpha) * (d[:n].mean() - d[n:].mean())
        loss.backward()
        self.adam_e_g.step()
        self.adam_e_g.zero_grad()
        torch._foreach_lerp_(self.means, [p.detach() for p in self.of_e_g], 0.01)
        self.freeze(False)

    def critic(self):
        torch, n, x = self.torch, self.n, self.x
        z, e = torch.randn(n, 64, device=self.device), torch.rand(n, 1, device=self.device)
        with torch.no_grad():
            g_z, e_x = self.G(z), self.E(x)
        d = self.plain_D(torch.cat((x, g_z)), torch.cat((e_x, z)))
        e_4 = e.view(-1, 1, 1, 1)
        x_i = (e_4 * x + (1 - e_4) * g_z).requires_grad_()
        z_i = (e * e_x + (1 - e) * z).requires_grad_()
        g_x, g_l = torch.autograd.grad(self.plain_D(x_i, z_i).sum(), (x_i, z_i), create_graph=True)
        norms = (g_x.square().sum((1, 2, 3)) + g_l.square().sum(1)).sqrt()
        (d[n:].mean() - d[:n].mean() + PENALTY * (norms - 1).square().mean()).backward()
        self.adam_d.step()
        self.adam_d.zero_grad()

    def milliseconds(self, update):
        start = time.perf_counter()
        if update == 'critic':
            self.critic()
        else:
            self.encoder_generator(1 if update == 'warm-up' else ALPHA)
        if self.device != 'cpu':
            self.torch.cuda.synchronize()
        return 1000 * (time.perf_counter() - start)


def fastest(options, case):
    """PyTorch at the setting with the shortest trial. A setting that does not work here is said and left out."""
    best = None
    for setting in SETTINGS if options.device == 'cpu' else GPU_SETTINGS:
        try:
            program = Torch(options, setting, *case)
            trials = [[program.milliseconds(update) for _ in range(TRIALS + 1)] for update in UPDATES]
        except Exception as error:  # no compiler
            print(f'{setting[0]}: left out: {str(error).splitlines()[0]}', file=sys.stderr, flush=True)
            continue
        program.trial = sum(min(times[1:]) for times in trials)
        print(f'{setting[0]}: {program.trial:.1f} ms for all updates', file=sys.stderr, flush=True)
        if best is None or program.trial < best.trial:
            best = program
    return best


def measure(programs, rounds):
    """{(name, update): [milliseconds of each round]}, the round before left out as warm-up."""
    times = {(name, update): [] for name in programs for update in UPDATES}
    for i in range(rounds + 1):
        for name in list(programs)[:: 1 if i % 2 else -1]:
            time.sleep(0.05)  # the threads of the one before stop spinning
            for update in UPDATES:
                times[name, update].append(programs[name].milliseconds(update))
    return {key: values[1:] for key, values in times.items()}


HEADING = ("| case | update | cbigan, ms | PyTorch, ms | PyTorch / cbigan | PyTorch's setting |\n"
           '|---|---|---:|---:|---:|---|')


def compare(options, case):
    """The rows of one case; milliseconds of a whole adversarial step, ours and PyTorch's."""
    torch = fastest(options, case)
    programs = {'cbigan': Ours(options, *case), 'PyTorch': torch}
    times = measure(programs, options.rounds)
    statistic = statistics.median
    for who in programs:  # what one adversarial step takes
        times[who, 'critic + encoder-generator'] = [
            sum(pair) for pair in zip(times[who, 'critic'], times[who, 'encoder-generator'])]
    for update in (*UPDATES, 'critic + encoder-generator'):
        ours, theirs = times['cbigan', update], times['PyTorch', update]
        print('| c{}, patch {}, batch {} '.format(*case) + f'| {update} | {statistic(ours):.1f} | {statistic(theirs):.1f} | '
              f'{ratio(ours, theirs):.2f}x | {torch.setting} |', flush=True)
    programs['cbigan'].close()
    return [statistic(times[who, 'critic + encoder-generator']) for who in programs]


def main():
    options = arguments()
    options.build = options.build.resolve()
    enter_environment((options.venv or options.build / 'peers').absolute())
    os.environ.setdefault('TORCHINDUCTOR_CACHE_DIR', str(options.build / 'tests' / 'bench' / 'inductor'))
    print(describe_run(options, ('torch',)) + '\n')
    print(HEADING, flush=True)
    for case in itertools.product(options.width, options.patch, options.batch):
        compare(options, case)


if __name__ == '__main__':
    main()
