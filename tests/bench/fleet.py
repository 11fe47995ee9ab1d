#!/usr/bin/python3
"""fleet.py - publishing, workers and training by several processes: rates, delays, and what is lost when parts fail

Copyright (C) 2026 the cbigan developers
SPDX-License-Identifier: LGPL-2.1-or-later

usage: fleet.py MEASUREMENT [BUILD]   (BUILD: the build folder, “build” by default)

  rate      events per second to a real mosquitto, and the time from frame to subscriber
  restarts  the broker restarted 50 times under load: what is lost
  kills     the same with SIGKILL; mosquitto acknowledges before it has stored, so that it may lose what it has acknowledged
  network   a network of namespaces with delay, loss and cuts (needs root, iproute2): what is lost
  cameras   many cameras' connections and events to one broker, with a storm
  kafka     the same as rate, to librdkafka's mock cluster, which is no Kafka: it stores in memory, in one thread
  workers   pictures per second of one and of two workers with one thread each
  mpi       a training by two processes with one thread each, beside one process with two threads

On a machine that does other work, put “chrt -r 1” in front for `workers` and `mpi`.
"""
import json
import os
import pathlib
import random
import resource
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / 'tests' / 'fleet')]
import brokers
from brokers import Broker, Feed, Kafka, Subscriber, until

BUILD = pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else 'build').resolve()
FEED, PROGRAM = str(BUILD / 'tests/fleet/feed'), str(BUILD / 'trainer/cbigan')
MOCK_KAFKA, MAKE_MODEL = str(BUILD / 'tests/fleet/mock-kafka'), str(BUILD / 'tests/gst/make-model')
os.environ.update(GST_PLUGIN_PATH=str(BUILD / 'gst-plugin'), CBIGAN_MODULE_PATH=f'{BUILD}/gst-plugin/publish:{BUILD}/trainer',
                  OMPI_ALLOW_RUN_AS_ROOT='1', OMPI_ALLOW_RUN_AS_ROOT_CONFIRM='1')
QUIET = 'health-interval=0'


def delays(subscriber):
    """Milliseconds from the push of a frame to the arrival of its event, sorted."""
    return sorted((at - json.loads(payload)['pts'] / 1e9) * 1000 for topic, payload, _, at in subscriber.got if topic.endswith('/events'))


def tell_delays(subscriber):
    found = delays(subscriber)
    print(f'  frame to subscriber: median {statistics.median(found):.2f} ms, p99 {found[len(found) * 99 // 100]:.2f} ms, longest {found[-1]:.1f} ms')


def tell_kept(subscriber, stats, frames):
    got = subscriber.sequences()
    copies = len(subscriber.messages('events')) - len(got)
    print(f'  lost: {frames - len(got)} of {frames}; out of order: {sum(b < a for a, b in zip(got, got[1:]))}; second copies: {copies}; '
          f'counted as dropped: {stats["dropped"]}; acknowledged {stats["acknowledged"]}, in the spool {stats["spooled"]}; connections: {stats["connections"]}')
    print(f'  frames that passed: {stats["passed"]}; push of a frame: p99 {stats["p99_push"]} us, longest {stats["longest_push"]} us; '
          f'memory at the end {stats["memory"] / 1024:.1f} MiB')


def rate():
    with Broker('.', keeps='') as broker, Subscriber(broker.port) as subscriber:
        stats, _ = Feed(FEED, 20000, 0, 60, f'uri=mqtt://127.0.0.1:{broker.port} {QUIET} queue-size=100000').wait()
        print(f'as fast as possible: {stats["acknowledged"] / stats["seconds"]:.0f} events/s acknowledged')
        until(lambda: len(subscriber.got) >= 20000)
    for name, more in (('without a spool', ''), ('with a spool', f'spool={os.getcwd()}/spool')):
        with Broker('.', keeps='') as broker, Subscriber(broker.port) as subscriber:
            stats, _ = Feed(FEED, 3000, 100, 10, f'uri=mqtt://127.0.0.1:{broker.port} {QUIET} {more}').wait()
            until(lambda s=subscriber: len(s.messages('events')) == 3000)
            print(f'100 events/s, {name}:')
            tell_delays(subscriber)
            tell_kept(subscriber, stats, 3000)


def restarts(how=signal.SIGTERM, keeps='end', events=200):
    frames = 100 * events
    with Broker('.', keeps=keeps) as broker, Subscriber(broker.port) as subscriber:
        feed = Feed(FEED, frames, events, 120, f'uri=mqtt://127.0.0.1:{broker.port} {QUIET} spool={os.getcwd()}/spool')
        for _ in range(50):
            time.sleep(1.7)
            broker.stop(how)
            time.sleep(0.2)
            broker.start()
        stats, _ = feed.wait()
        until(lambda: len(subscriber.sequences()) == frames, 20)
        print(f'50 times {how.name} and a new start of mosquitto, {events} events/s:')
        tell_kept(subscriber, stats, frames)


def kills():
    restarts(signal.SIGKILL, 'changes', 20)


def network():
    def ip(*arguments):
        subprocess.run(['ip', *arguments], check=True)

    def netem(namespace, device, words):
        return subprocess.run([*namespace, 'tc', 'qdisc', 'replace', 'dev', device, 'root', 'netem', *words.split()], capture_output=True, text=True,
                              check=False).stderr.strip()
    inside = ['ip', 'netns', 'exec', 'cbigan-bench']
    ip('netns', 'add', 'cbigan-bench')
    try:
        ip('link', 'add', 'cbigan0', 'type', 'veth', 'peer', 'name', 'cbigan1')
        ip('link', 'set', 'cbigan1', 'netns', 'cbigan-bench')
        ip('addr', 'add', '10.77.0.1/24', 'dev', 'cbigan0')
        ip('link', 'set', 'cbigan0', 'up')
        ip('-n', 'cbigan-bench', 'addr', 'add', '10.77.0.2/24', 'dev', 'cbigan1')
        ip('-n', 'cbigan-bench', 'link', 'set', 'cbigan1', 'up')
        time.sleep(3)
        script = pathlib.Path('in-namespace')
        script.write_text(f'#!/bin/sh\nexec {" ".join(inside)} {FEED} "$@"\n')
        script.chmod(0o755)
        for words, cut in ((None, 0), (None, 10), (None, 60), ('delay 50ms 10ms loss 5%', 0), ('delay 50ms loss 5%', 40)):
            name = f'{words or "no delay, no loss"}{f", cut for {cut} s" if cut else ""}'
            if words and (netem([], 'cbigan0', words) or netem(inside, 'cbigan1', words)):
                print(f'{name}: not measured: {netem([], "cbigan0", words)}')
                continue
            port, frames = brokers.free_port(), 1000 + 50 * cut
            with Broker('.', 'allow_anonymous true', f'listener {port} 10.77.0.1', 'allow_anonymous true', keeps='') as broker, \
                    Subscriber(broker.port) as subscriber:
                feed = Feed(str(script.absolute()), frames, 50, 120, f'uri=mqtt://10.77.0.1:{port} {QUIET} spool={os.getcwd()}/spool-{port}')
                if cut:
                    time.sleep(5)
                    ip('link', 'set', 'cbigan0', 'down')
                    time.sleep(cut)
                    ip('link', 'set', 'cbigan0', 'up')
                stats, errors = feed.wait()
                until(lambda s=subscriber, n=frames: len(s.sequences()) == n, 20)
                print(f'{name}, 50 events/s: said: {errors.splitlines()}')
                tell_delays(subscriber)
                tell_kept(subscriber, stats, frames)
    finally:
        ip('netns', 'del', 'cbigan-bench')
        subprocess.run(['ip', 'link', 'del', 'cbigan0'], check=False, stderr=subprocess.DEVNULL)


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
            memory = next(line for line in pathlib.Path(f'/proc/{broker.process.pid}/status').read_text().splitlines() if line.startswith('VmRSS'))
            print(f'{n} cameras: connected in {connected:.1f} s; one event of each in {took[0]:.0f} ms ({n / took[0] * 1000:.0f} per second); a storm of '
                  f'{n // 20} in {took[1]:.0f} ms; broker {int(memory.split()[1]) / 1024:.1f} MiB', flush=True)
            for sock in sockets:
                sock.close()


def kafka():
    frames = 10000  # the mock cluster keeps the newest 5 MiB of a partition
    with Kafka(MOCK_KAFKA, 1, 'plant.events') as cluster:
        stats, _ = Feed(FEED, frames, 0, 60, f'uri={cluster.uri} {QUIET} queue-size=100000').wait()
        print(f'librdkafka’s mock cluster, as fast as possible: {stats["acknowledged"] / stats["seconds"]:.0f} events/s acknowledged; dropped {stats["dropped"]}')
        found = [json.loads(text)['sequence'] for text in cluster.consume('plant.events', frames)]
        print(f'  lost: {frames - len(set(found))}; out of order: {sum(b < a for a, b in zip(found, found[1:]))}; second copies: {len(found) - len(set(found))}')


def workers():
    os.makedirs('models')
    subprocess.run([MAKE_MODEL, 'models/cloth.safetensors'], check=True, capture_output=True)
    noise, n = random.Random(1), int(os.environ.get('PICTURES', '1000'))
    for i in range(50):
        pathlib.Path(f'{i}.ppm').write_bytes(b'P6\n512 512\n255\n' + bytes(noise.randrange(120, 136) for _ in range(512 * 3)) * 512)
    took = {}
    for count in (1, 2):
        with Broker('.', keeps='') as broker, Subscriber(broker.port, 'cbigan/results') as subscriber:
            running = [subprocess.Popen([PROGRAM, 'work', '--broker', f'mqtt://127.0.0.1:{broker.port}', '--models', 'models', '--threads', '1',
                                         '--name', f'w{i}'], stderr=subprocess.PIPE, text=True) for i in range(count)]
            for process in running:
                while 'gives jobs' not in process.stderr.readline():
                    pass
            before = time.time()
            for i in range(n):
                subscriber.publish('cbigan/jobs', json.dumps({'id': str(i), 'uri': os.path.abspath(f'{i % 50}.ppm'), 'model': 'cloth'}))
            until(lambda s=subscriber: len(s.got) >= n, 600)
            took[count] = time.time() - before
            print(f'{count} workers: {n / took[count]:.1f} pictures of 512x512 per second')
            for process in running:
                process.terminate()
                process.wait()
    print(f'  two are {took[1] / took[2]:.2f} times as fast as one')


def mpi():
    os.makedirs('good')
    noise = random.Random(1)
    for i in range(64):
        pathlib.Path(f'good/{i}.ppm').write_bytes(b'P6\n128 128\n255\n' + bytes(noise.randrange(100, 156) for _ in range(128 * 128 * 3)))
    common = '--width 16 --patch 128 --batch 64 --score paper --held-out 0 --warmup-steps 0 --critic-updates 1 --force'.split()
    ways = {'one process, two threads': ([], '2'), 'two processes, one thread each': (['mpirun', '--bind-to', 'none', '-n', '2'], '1')}

    def run(way, steps):
        prefix, threads = ways[way]
        before = time.time()
        subprocess.run([*prefix, PROGRAM, 'train', 'good', '-o', 'model', *common, '--steps', str(steps), '--threads', threads], check=True, capture_output=True)
        return time.time() - before
    found = {way: [] for way in ways}
    for _ in range(2):
        for way in ways:
            found[way].append((run(way, 4) - run(way, 1)) / 3)
    for way, seconds in found.items():
        print(f'{way}: {statistics.median(seconds):.2f} s per step of 64 patches')
    medians = [statistics.median(seconds) for seconds in found.values()]
    print(f'  two processes reach {medians[0] / medians[1]:.2f} of its speed')


MEASUREMENTS = {f.__name__: f for f in (rate, restarts, kills, network, cameras, kafka, workers, mpi)}

if __name__ == '__main__':
    if len(sys.argv) < 2 or sys.argv[1] not in MEASUREMENTS:
        sys.exit(__doc__)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        MEASUREMENTS[sys.argv[1]]()
