"""fleet_broker.py - the benches of cbiganpublish with a broker; fleet.py runs them

Copyright (C) 2026 the cbigan developers
SPDX-License-Identifier: LGPL-2.1-or-later
"""
import json
import os
import pathlib
import signal
import statistics
import subprocess
import time

from fleet_build import FEED, MOCK_KAFKA
import brokers
import relay
from brokers import Broker, Feed, Kafka, Subscriber, until

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
    print(f'  frames that passed: {stats["passed"]}; memory at the end {stats["memory"] / 1024:.1f} MiB', flush=True)


def tell_frames(stats):
    for name, what in (('push', 'cbiganpublish'), ('identity', 'an identity'), ('busy', 'an identity that computes as long')):
        print('  a frame takes through {}: median {p50}, 99 % {p99}, 99.9 % {p999}, longest {longest} us; over 1 ms: {late} (waited {late_waited}, '
              'preempted {late_preempted}); waited for something: {waited}'.format(what, **stats[name]), flush=True)


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


def restart(broker, times, how, between=1.7):
    for _ in range(times):
        time.sleep(between)
        broker.stop(how)
        time.sleep(0.2)
        broker.start()


def restarts():
    frames = 20000
    with Broker('.', keeps='end') as broker, Subscriber(broker.port) as subscriber:
        feed = Feed(FEED, frames, 200, 120, f'uri=mqtt://127.0.0.1:{broker.port} {QUIET} spool={os.getcwd()}/spool')
        restart(broker, 50, signal.SIGTERM)
        stats, _ = feed.wait()
        until(lambda: len(subscriber.sequences()) == frames, 20)
        print('50 times SIGTERM and a new start of mosquitto, 200 events/s:')
        tell_kept(subscriber, stats, frames)


class Witness:
    """A relay that notes which events mosquitto has acknowledged, as seen on the wire beside the publisher."""

    def __init__(self, port):
        self.sent, self.acknowledged = {}, set()
        self.relay = relay.Relay(port, watch=self.watch)

    def watch(self, up, kind, body):
        if up and kind == relay.PUBLISH:
            number, payload = relay.publish_parts(body)
            message = json.loads(payload)
            if message['kind'] == 'events':
                self.sent[number] = message['sequence']
        elif not up and kind == relay.PUBACK:
            self.acknowledged.add(self.sent.get(int.from_bytes(body[:2], 'big')))


def kills():
    """Where mosquitto stores at every change, and then where it sends without a limit besides."""
    for events, times, more in ((20, 50, []), (200, 50, []), (200, 50, ['max_inflight_messages 0'])):
        frames, folder = events * times * 2, f'{events}-{len(more)}'
        os.makedirs(folder)
        with Broker(folder, 'allow_anonymous true', *more) as broker, Subscriber(broker.port) as subscriber:
            witness = Witness(broker.port)
            feed = Feed(FEED, frames, events, 120, f'uri=mqtt://127.0.0.1:{witness.relay.port} {QUIET} spool={os.getcwd()}/{folder}/spool')
            restart(broker, times, signal.SIGKILL)
            stats, _ = feed.wait()
            until(lambda s=subscriber, n=frames: len(s.sequences()) == n, 20)
            lost = set(range(1, frames + 1)) - set(subscriber.sequences())
            print(f'{times} times SIGKILL and a new start of mosquitto, {events} events/s, {" ".join(more) or "20 messages in flight"}:')
            tell_kept(subscriber, stats, frames)
            print(f'  of the lost: acknowledged by mosquitto, seen on the wire: {len(lost & witness.acknowledged)}; never acknowledged: '
                  f'{len(lost - witness.acknowledged)}', flush=True)


def frames():
    """What a frame takes through cbiganpublish beside an identity, while the broker fails in some way."""
    n, rate = int(os.environ.get('FRAMES', '2000')), 100

    def run(name, port, meanwhile=lambda: None):
        feed = Feed(FEED, n, rate, 0, f'uri=mqtt://127.0.0.1:{port} {QUIET} spool={os.getcwd()}/spool-{port} stop-timeout=0')
        meanwhile()
        stats, _ = feed.wait()
        print(f'{name}: {n} frames at {rate}/s, passed: {stats["passed"]}; connections: {stats["connections"]}; acknowledged: {stats["acknowledged"]}')
        tell_frames(stats)
    with Broker('.', keeps='') as broker:
        run('a broker that is well', broker.port)
        run('killed and started every 2 s', broker.port, lambda: restart(broker, n // 250, signal.SIGKILL))
        with relay.Relay(broker.port) as line:
            def cuts():
                for _ in range(n // 600):
                    time.sleep(2)
                    line.cut(3)
            run('the network cut every 5 s for 3 s (relay)', line.port, cuts)
        with relay.Relay(broker.port, delay=0.05, jitter=0.02, loss=0.05, rate=10000) as line:
            run('50 ms, 5 % lost, 10 kB/s (relay)', line.port)
        with relay.Relay(broker.port, watch=lambda up, kind, _: up or kind != relay.PUBACK) as line:
            run('never acknowledges (relay)', line.port)
    run('away', brokers.free_port())


def relayed():
    """Delay, loss and cuts by a relay in user space, which is no network: relay.py says what it can show."""
    for name, settings, cut in (('no delay, no loss', {}, 10), ('50 ms +- 10 ms, 5 % lost', {'delay': 0.05, 'jitter': 0.01, 'loss': 0.05}, 0),
                                ('50 ms, 5 % lost', {'delay': 0.05, 'loss': 0.05}, 40)):
        n = 1000 + 50 * cut
        with Broker('.', keeps='') as broker, Subscriber(broker.port) as subscriber, relay.Relay(broker.port, **settings) as line:
            feed = Feed(FEED, n, 50, 120, f'uri=mqtt://127.0.0.1:{line.port} {QUIET} spool={os.getcwd()}/spool-{line.port}')
            if cut:
                time.sleep(5)
                line.cut(cut)
            stats, errors = feed.wait()
            until(lambda s=subscriber, k=n: len(s.sequences()) == k, 20)
            print(f'{name}{f", cut for {cut} s" if cut else ""}, 50 events/s; stalls: {line.stalls}; said: {errors.splitlines()}')
            tell_delays(subscriber)
            tell_kept(subscriber, stats, n)
            tell_frames(stats)


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


def kafka():
    frames = 10000  # the mock cluster keeps the newest 5 MiB of a partition
    with Kafka(MOCK_KAFKA, 1, 'plant.events') as cluster:
        stats, _ = Feed(FEED, frames, 0, 60, f'uri={cluster.uri} {QUIET} queue-size=100000').wait()
        print(f'librdkafka’s mock cluster, as fast as possible: {stats["acknowledged"] / stats["seconds"]:.0f} events/s acknowledged; dropped {stats["dropped"]}')
        found = [json.loads(text)['sequence'] for text in cluster.consume('plant.events', frames)]
        print(f'  lost: {frames - len(set(found))}; out of order: {sum(b < a for a, b in zip(found, found[1:]))}; second copies: {len(found) - len(set(found))}')
