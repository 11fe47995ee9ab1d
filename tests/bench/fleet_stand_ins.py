"""fleet_stand_ins.py - whether what stands in for netem does what it says; fleet.py runs it

Copyright (C) 2026 the cbigan developers
SPDX-License-Identifier: LGPL-2.1-or-later
"""
import contextlib
import socket
import statistics
import subprocess
import sys
import threading
import time

import relay
from fleet_mpi import two_hosts

MEGABYTES = 40


def echo(server):
    with contextlib.suppress(OSError):
        while True:
            client, _ = server.accept()
            threading.Thread(target=lambda c=client: [c.sendall(data) for data in iter(lambda: c.recv(65536), b'')], daemon=True).start()


def round_trips(port, n, size=64):
    """Seconds of each, sorted."""
    found = []
    with socket.create_connection(('127.0.0.1', port)) as sock:
        for _ in range(n):
            before, left = time.monotonic(), size
            sock.sendall(bytes(size))
            while left:
                left -= len(sock.recv(left))
            found.append(time.monotonic() - before)
    return sorted(found)


def bytes_per_second(rate):
    """Through a TCP connection from the first namespace to the second one"""
    receive = ('import socket; s = socket.create_server(("10.77.0.2", 7777)); print(flush=True); c, _ = s.accept()\n'
               'while c.recv(1 << 20): pass\nc.sendall(b"x")')
    send = ('import socket, time; c = socket.create_connection(("10.77.0.2", 7777)); before = time.monotonic()\n'
            f'c.sendall(bytes({MEGABYTES}000000)); c.shutdown(socket.SHUT_WR); c.recv(1); print({MEGABYTES}e6 / (time.monotonic() - before))')
    with two_hosts(rate):
        start = ['ip', 'netns', 'exec']
        with subprocess.Popen([*start, 'cbigan-2', sys.executable, '-c', receive], stdout=subprocess.PIPE) as receiver:
            receiver.stdout.readline()
            return float(subprocess.run([*start, 'cbigan-1', sys.executable, '-c', send], check=True, capture_output=True, text=True).stdout)


def stand_ins():
    with socket.create_server(('127.0.0.1', 0)) as server:
        threading.Thread(target=echo, args=(server,), daemon=True).start()
        port = server.getsockname()[1]
        for name, settings, n, size in (('as it is', {}, 200, 64), ('delay of 50 ms one way', {'delay': 0.05}, 50, 64),
                                        ('5 % lost', {'loss': 0.05}, 200, 64), ('100 kB/s', {'rate': 100000}, 3, 100000)):
            with relay.Relay(port, **settings) as line:
                found = round_trips(line.port, n, size)
                print(f'relay, {name}: {n} round trips of {size} bytes: median {statistics.median(found) * 1000:.1f} ms, longest {found[-1] * 1000:.0f} ms; '
                      f'stalls: {line.stalls}', flush=True)
    for rate in ('', '1gbit', '100mbit'):
        print(f'two namespaces, tbf {rate or "none"}: {bytes_per_second(rate) * 8 / 1e6:.0f} Mbit/s', flush=True)
