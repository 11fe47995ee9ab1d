"""relay.py - a relay in user space between clients and a broker: an emulation of a bad network, and a witness of MQTT packets

Copyright (C) 2026 the cbigan developers
SPDX-License-Identifier: LGPL-2.1-or-later

It stands for `tc netem` where the kernel has no such module. It is no network: both of its connections are healthy TCP connections,
so that it can only hold back bytes. A lost packet therefore is what TCP makes of it: a stall of the retransmission's time-out. During
a cut, a new connection is accepted, and no byte comes.
"""
import contextlib
import queue
import random
import socket
import threading
import time

PACKET = 1448           # bytes of a full TCP packet on Ethernet
LEAST_TIMEOUT = 0.2     # s: Linux’ least time-out of a retransmission
CONNECT, PUBLISH, PUBACK = 1, 3, 4  # kinds of MQTT packets


class Packets:
    """Cuts a stream of bytes into MQTT packets."""

    def __init__(self):
        self.rest = b''

    def __call__(self, data):
        self.rest += data
        while True:
            size = shift = 0
            for at in range(1, 5):
                if len(self.rest) <= at:
                    return
                size |= (self.rest[at] & 127) << shift
                shift += 7
                if self.rest[at] < 128:
                    break
            end = at + 1 + size
            if len(self.rest) < end:
                return
            packet, self.rest = self.rest[:end], self.rest[end:]
            yield packet[0] >> 4, packet[at + 1:], packet


def publish_parts(body, protocol=5):
    """(number of the packet, payload) of a PUBLISH packet of quality of service 1"""
    at = 2 + int.from_bytes(body[:2], 'big')
    number = int.from_bytes(body[at:at + 2], 'big')
    at += 2
    return number, body[at + 1 + body[at]:] if protocol == 5 else body[at:]  # properties of fewer than 128 bytes


class Relay:
    """Listens on 127.0.0.1:port for the server at 127.0.0.1:target. delay, jitter: seconds one way; loss: probability of a packet; rate:
    bytes per second each way, 0 = no limit. watch(up, kind, body): called per MQTT packet, up: from the client; False swallows it."""

    def __init__(self, target, delay=0.0, jitter=0.0, loss=0.0, rate=0, watch=None):
        self.target, self.delay, self.jitter, self.loss, self.rate, self.watch = target, delay, jitter, loss, rate, watch
        self.stalls = 0
        self.open = threading.Event()  # not set: cut
        self.open.set()
        self.random = random.Random(1)
        self.server = socket.create_server(('127.0.0.1', 0))
        self.port = self.server.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self, seconds):
        self.open.clear()
        time.sleep(seconds)
        self.open.set()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.server.accept()
                threading.Thread(target=self._connect, args=(client,), daemon=True).start()

    def _connect(self, client):
        self.open.wait()
        try:
            server = socket.create_connection(('127.0.0.1', self.target))
        except OSError:
            client.close()
            return
        for up, source, sink in ((True, client, server), (False, server, client)):
            source.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            line = queue.Queue(maxsize=256)  # of (bytes, time at which they leave): what is on the way
            threading.Thread(target=self._read, args=(source, line, up), daemon=True).start()
            threading.Thread(target=self._write, args=(sink, line), daemon=True).start()

    def _late(self, data):
        """Seconds that these bytes are on the way."""
        late = self.delay + self.random.uniform(-self.jitter, self.jitter)
        for _ in range(0, len(data), PACKET):
            timeout = max(LEAST_TIMEOUT, 4 * self.delay)
            while self.random.random() < self.loss:
                late += timeout
                timeout *= 2
                self.stalls += 1
        return late

    def _read(self, source, line, up):
        packets, free = Packets(), 0.0
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if self.watch:
                    data = b''.join(packet for kind, body, packet in packets(data) if self.watch(up, kind, body) is not False)
                now = time.monotonic()
                free = max(now, free) + (len(data) / self.rate if self.rate else 0.0)
                line.put((data, free + self._late(data)))
        line.put((b'', 0.0))

    def _write(self, sink, line):
        with contextlib.suppress(OSError):
            while True:
                data, due = line.get()
                if not data and not due:
                    break
                time.sleep(max(0.0, due - time.monotonic()))  # in order: what comes behind a late one waits for it
                self.open.wait()
                sink.sendall(data)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.open.set()
        self.server.close()
