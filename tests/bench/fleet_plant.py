"""fleet_plant.py - the benches of many cameras at one broker; fleet.py runs them

Copyright (C) 2026 the cbigan developers
SPDX-License-Identifier: LGPL-2.1-or-later
"""
import json
import os
import pathlib
import random
import resource
import selectors
import socket
import subprocess
import time

from fleet_build import MAKE_MODEL, percentiles
from brokers import Broker, Subscriber, until


def packet(kind, body):
    """A packet of MQTT 3.1.1, shorter than 16 KiB."""
    size = bytes([len(body)]) if len(body) < 128 else bytes([len(body) % 128 + 128, len(body) // 128])
    return bytes([kind]) + size + body


def text(value):
    return len(value).to_bytes(2, 'big') + value.encode()


def cameras():
    """Connections of N cameras, by sockets, since so many processes do not fit here. Each sends an event as large as a real one, as in a
    minute's health of all at once; then 5 % of them send one, as in a storm. The time ends when a subscriber has all."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    payload = json.dumps({'version': 1, 'kind': 'events', 'camera': 'camera', 'sequence': 1, 'text': 'x' * 280}).encode()
    for n in [n for n in (100, 1000, 5000, 10000) if n + 100 < limit]:
        with Broker('.', 'allow_anonymous true', 'max_queued_messages 0', keeps='') as broker, Subscriber(broker.port) as subscriber:
            sockets = []
            before = time.time()
            for i in range(n):
                sockets.append(socket.create_connection(('127.0.0.1', broker.port)))
                sockets[-1].sendall(packet(0x10, text('MQTT') + b'\4\2\0\0' + text(f'camera-{i}')))
                sockets[-1].recv(4)
            connected = time.time() - before
            took = []
            for part in (sockets, sockets[:n // 20]):
                expected = len(subscriber.got) + len(part)
                before = time.time()
                for i, sock in enumerate(part):
                    sock.sendall(packet(0x32, text(f'plant/camera-{i}/events') + b'\0\1' + payload))
                until(lambda s=subscriber, k=expected: len(s.got) >= k, 120)
                took.append((time.time() - before) * 1000)
            print(f'{n} cameras: connected in {connected:.1f} s; one event of each in {took[0]:.0f} ms ({n / took[0] * 1000:.0f} per second); a storm of '
                  f'{n // 20} in {took[1]:.0f} ms; broker {memory(broker):.1f} MiB', flush=True)
            for sock in sockets:
                sock.close()


def recorded():
    """(an event, a health message) as cbiganpublish sends them of the cloth source"""
    with Broker('.', keeps='') as broker, Subscriber(broker.port) as subscriber:
        subprocess.run(['gst-launch-1.0', '-q', 'cbigantestsrc', 'is-live=true', 'num-buffers=90', '!', 'video/x-raw,width=128,height=128,framerate=30/1', '!',
                        'videoconvert', '!', 'cbiganscore', 'model=model.safetensors', 'threads=1', 'threshold=0.001', '!', 'cbiganpublish', 'camera=hall2-line1-top', 'health-interval=500',
                        f'uri=mqtt://127.0.0.1:{broker.port}', '!', 'fakesink'], check=True, capture_output=True)
        until(lambda: subscriber.messages('health'), 10)
        return [next(payload for topic, payload, _, _ in subscriber.got if topic.endswith(kind)) for kind in ('events', 'health')]


def memory(broker):
    status = pathlib.Path(f'/proc/{broker.process.pid}/status').read_text()
    return int(status.split('VmRSS:')[1].split()[0]) / 1024


def simulate():
    """CAMERAS cameras for SECONDS: each sends its health every 10 s and an event every 10 minutes, at a random moment; every 30 s, 5 % of them
    send an event at once. Messages are those of one real camera; the cameras are sockets of this process."""
    n, seconds = int(os.environ.get('CAMERAS', '10000')), int(os.environ.get('SECONDS', '120'))
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    subprocess.run([MAKE_MODEL, 'model.safetensors'], check=True, capture_output=True)
    event, health = recorded()
    print(f'recorded: an event of {len(event)} bytes, health of {len(health)} bytes', flush=True)
    with Broker('.', 'allow_anonymous true', 'max_queued_messages 0', keeps='') as broker, Subscriber(broker.port) as subscriber:
        chooser, sockets, draw = selectors.DefaultSelector(), [], random.Random(1)
        for i in range(n):
            sockets.append(socket.create_connection(('127.0.0.1', broker.port)))
            sockets[-1].sendall(packet(0x10, text('MQTT') + b'\4\2\0\0' + text(f'camera-{i}')))
            sockets[-1].recv(4)
            chooser.register(sockets[-1], selectors.EVENT_READ)
        sent, acknowledged, begin = [], 0, time.time()
        due = [(draw.uniform(0, 10) + 10 * k, i, 'health') for i in range(n) for k in range(seconds // 10)]
        due += [(draw.uniform(0, seconds), draw.randrange(n), 'events') for _ in range(n * seconds // 600)]
        due += [(30 * k + 15, i, 'storm') for k in range(seconds // 30) for i in draw.sample(range(n), n // 20)]
        due.sort()
        before = memory(broker)
        for at, i, kind in due:
            while time.time() < begin + at:
                for key, _ in chooser.select(min(0.01, max(0, begin + at - time.time()))):
                    acknowledged += len(key.fileobj.recv(65536)) // 4
            number = len(sent) % 65535 + 1
            stamp = f'{len(sent)} '.encode()
            sockets[i].sendall(packet(0x32, text(f'plant/{i}/{kind}') + number.to_bytes(2, 'big') + stamp + (health if kind == 'health' else event)))
            sent.append(time.time())
        until(lambda: len(subscriber.got) >= len(sent), 60)
        while acknowledged < len(sent) and (ready := chooser.select(5)):
            acknowledged += sum(len(key.fileobj.recv(65536)) // 4 for key, _ in ready)
        late = {'health': [], 'events': [], 'storm': []}
        for topic, payload, _, arrival in subscriber.got:
            late[topic.rpartition('/')[2]].append(arrival - sent[int(payload.split(b' ', 1)[0])])
        print(f'{n} cameras, {seconds} s: {len(sent)} messages sent, {acknowledged} acknowledged, {len(subscriber.got)} with the subscriber; '
              f'{len(sent) / seconds:.0f} per second; mosquitto {before:.1f} MiB before, {memory(broker):.1f} MiB after')
        for kind, values in [row for row in late.items() if row[1]]:
            print(f'  {kind}: {len(values)}, from sending to the subscriber: {percentiles(values, "ms", 1000)}')
        for sock in sockets:
            sock.close()
