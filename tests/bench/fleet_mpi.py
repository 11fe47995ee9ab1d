"""fleet_mpi.py - the benches of a training by several processes; fleet.py runs them

Copyright (C) 2026 the cbigan developers
SPDX-License-Identifier: LGPL-2.1-or-later
"""
import contextlib
import os
import pathlib
import random
import statistics
import subprocess
import time

from fleet_build import PROGRAM

COMMON = '--patch 128 --score paper --held-out 0 --warmup-steps 0 --critic-updates 1 --force --threads 1'.split()
OVERSUBSCRIBED = '--bind-to none --mca mpi_yield_when_idle 1'.split()
STEPS = int(os.environ.get('STEPS', '4'))   # per run; one more run has a single step, and is subtracted
ROUNDS = int(os.environ.get('ROUNDS', '2'))  # of all ways, one after another


def pictures():
    os.makedirs('good')
    noise = random.Random(1)
    for i in range(64):
        pathlib.Path(f'good/{i}.ppm').write_bytes(b'P6\n128 128\n255\n' + bytes(noise.randrange(100, 156) for _ in range(128 * 128 * 3)))


def seconds_per_step(prefix, *options):
    """Of training with these options."""
    def run(steps):
        before = time.time()
        subprocess.run([*prefix, PROGRAM, 'train', 'good', '-o', os.path.abspath('model'), *COMMON, *options, '--steps', str(steps)], check=True,
                       capture_output=True)
        return time.time() - before
    return (run(STEPS + 1) - run(1)) / STEPS


def compare(ways):
    """ways: name -> (prefix, options); two of them. Prints the medians of ROUNDS interleaved runs, in seconds per step. Returns the median of
    each round's ratio, which is the second way's speed by the first one's."""
    found = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, (prefix, options) in ways.items():
            found[name].append(seconds_per_step(prefix, *options))
    for name, seconds in found.items():
        print(f'{name}: {statistics.median(seconds):.2f} s per step ({", ".join(f"{value:.2f}" for value in seconds)})', flush=True)
    return statistics.median(first / second for first, second in zip(*found.values()))


def mpi():
    pictures()
    one = ([], ['--width', '16', '--batch', '64', '--threads', '2'])
    two = (['mpirun', '-n', '2', *OVERSUBSCRIBED], ['--width', '16', '--batch', '64'])
    speed = compare({'one process, two threads': one, 'two processes, one thread each': two})
    print(f'  two processes reach {speed:.2f} of its speed')


@contextlib.contextmanager
def two_hosts(rate):
    """Two network namespaces, cbigan-1 and cbigan-2, between which `rate` words of tc's tbf pass ('' = no limit). Yields the start of a
    command that runs one process in each. They share processors, memory and disk of this machine, and nothing of its network."""
    def ip(*arguments):
        subprocess.run(['ip', *arguments], check=True)
    names = [f'cbigan-{i}' for i in (1, 2)]
    for name in names:
        ip('netns', 'add', name)
    try:
        ip('-n', names[0], 'link', 'add', 'wire', 'type', 'veth', 'peer', 'name', 'wire', 'netns', names[1])
        for i, name in enumerate(names):
            ip('-n', name, 'addr', 'add', f'10.77.0.{i + 1}/24', 'dev', 'wire')
            for device in ('lo', 'wire'):
                ip('-n', name, 'link', 'set', device, 'up')
            if rate:
                subprocess.run(['tc', '-n', name, 'qdisc', 'add', 'dev', 'wire', 'root', 'tbf', *f'rate {rate} burst 256kb latency 50ms'.split()], check=True)
        agent = pathlib.Path('agent').absolute()  # in place of ssh; OpenMPI tells hosts apart by their names
        agent.write_text('#!/bin/sh\nhost=$1; shift\nexec ip netns exec cbigan-${host##*.} unshare --uts sh -c "hostname host-${host##*.}; $*"\n')
        agent.chmod(0o755)
        interface = '10.77.0.0/24'
        yield [str(agent), '10.77.0.1', 'exec', 'mpirun', '-n', '2', '--host', '10.77.0.1,10.77.0.2', *OVERSUBSCRIBED, '--mca', 'plm_rsh_agent', str(agent),
               '--mca', 'pml', 'ob1', '--mca', 'btl', 'tcp,self', '--mca', 'btl_tcp_if_include', interface, '--mca', 'oob_tcp_if_include', interface,
               '-x', 'CBIGAN_MODULE_PATH', '-x', 'PATH']
    finally:
        for name in names:
            subprocess.run(['ip', 'netns', 'del', name], check=False)


def sent(name='cbigan-1'):
    """Bytes that the namespace has sent to the other one."""
    return int(subprocess.run(['ip', 'netns', 'exec', name, 'cat', '/sys/class/net/wire/statistics/tx_bytes'], check=True, capture_output=True, text=True).stdout)


def mpi_network():
    """The same between two network namespaces."""
    pictures()
    for rate in ('1gbit', '100mbit'):
        with two_hosts(rate) as prefix:
            before = sent()
            options = ['--width', '16', '--batch', '64']
            speed = compare({'two processes of one host': (['mpirun', '-n', '2', *OVERSUBSCRIBED], options),
                             f'two processes of two hosts, {rate}/s between them': (prefix, options)})
            steps = ROUNDS * (STEPS + 2)
            print(f'  {speed:.3f} of its speed; {(sent() - before) / steps / 1e6:.1f} MB per step each way')


def scaling():
    """N machines like this one with one thread each, the whole batch of 64 patches divided among them. Computing: measured with a batch of 64 / N.
    Bytes: measured between two. Each sends and receives 2 (N - 1) / N times the gradients. Two columns: sums after the computing, and sums
    hidden behind it as far as they fit; what was measured between two lies between them."""
    pictures()
    computing = {n: seconds_per_step([], '--width', '16', '--batch', str(64 // n)) for n in (1, 2, 4, 8, 16, 32, 64)}
    with two_hosts('') as prefix:
        before = sent()
        subprocess.run([*prefix, PROGRAM, 'train', 'good', '-o', os.path.abspath('model'), *COMMON, '--width', '16', '--batch', '64', '--steps', '4'],
                       check=True, capture_output=True)
        one_way = (sent() - before) / 4
    print(f'one machine: {computing[1]:.2f} s per step; two machines send {one_way / 1e6:.1f} MB per step each')
    print('machines  computing s  1 Gbit/s: speed-up, least to most  10 Gbit/s')
    for n, seconds in computing.items():
        row = []
        for rate in (1e9, 1e10):
            network = one_way * 2 * (n - 1) / n / (rate / 8)
            row.append(f'{computing[1] / (seconds + network):.1f} to {computing[1] / max(seconds, network):.1f}')
        print(f'{n:8}  {seconds:11.3f}  {row[0]:>15}  {row[1]:>15}')
