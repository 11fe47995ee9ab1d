"""fleet_workers.py - the benches of cbigan work; fleet.py runs them

Copyright (C) 2026 the cbigan developers
SPDX-License-Identifier: LGPL-2.1-or-later
"""
import json
import os
import subprocess
import time

from fleet_build import MAKE_MODEL, PROGRAM, make_cloth
from brokers import Broker, Subscriber, until

PICTURES = int(os.environ.get('PICTURES', '10000'))
FILES = 200  # different ones among them


def start(port, name):
    process = subprocess.Popen([PROGRAM, 'work', '--broker', f'mqtt://127.0.0.1:{port}', '--models', 'models', '--threads', '1', '--name', name],
                               stderr=subprocess.PIPE, text=True)
    while line := process.stderr.readline():
        if 'gives jobs' in line:
            return process
    raise RuntimeError(f'{name} ended with {process.wait()} before it took jobs')


def prepare():
    os.makedirs('models')
    subprocess.run([MAKE_MODEL, 'models/cloth.safetensors'], check=True, capture_output=True)
    return make_cloth('cloth', FILES, 512)


def send(subscriber, files):
    for i in range(PICTURES):
        text = json.dumps({'id': str(i), 'uri': files[i % len(files)], 'model': 'cloth'})
        last = subscriber.client.publish('cbigan/jobs', text, qos=1)
    last.wait_for_publish()


def answered(subscriber, seen):
    """The ids that have a result until now; the messages before the last call are not read again."""
    for _, payload, _, _ in subscriber.got[seen.setdefault('read', 0):]:
        result = json.loads(payload)
        seen['read'] += 1
        seen.setdefault(result['id'], set()).add(json.dumps([result['state'], result.get('pictures')]))
    return len(seen) - 1


def workers():
    files, took = prepare(), {}
    for count in (1, 2):
        with Broker('.', 'allow_anonymous true', 'max_queued_messages 0', keeps='') as broker, Subscriber(broker.port, 'cbigan/results') as subscriber:
            running, seen = [start(broker.port, f'w{i}') for i in range(count)], {}
            before = time.time()
            send(subscriber, files)
            until(lambda s=subscriber, d=seen: answered(s, d) >= PICTURES, 1800)
            took[count] = time.time() - before
            print(f'{count} workers: {PICTURES / took[count]:.1f} pictures of 512x512 per second; answered: {len(seen) - 1} of {PICTURES}', flush=True)
            for process in running:
                process.terminate()
                process.wait()
    print(f'  two are {took[1] / took[2]:.2f} times as fast as one')


def worker_kills():
    files, kills, seen = prepare(), 0, {}
    with Broker('.', 'allow_anonymous true', 'max_queued_messages 0', keeps='') as broker, Subscriber(broker.port, 'cbigan/results') as subscriber:
        running = [start(broker.port, f'w{i}') for i in range(2)]
        before = time.time()
        send(subscriber, files)
        while answered(subscriber, seen) < PICTURES and time.time() - before < 3600:
            if until(lambda: answered(subscriber, seen) >= PICTURES, 5):
                break
            victim = kills % 2
            running[victim].kill()
            running[victim].wait()
            running[victim] = start(broker.port, f'w{victim}')
            kills += 1
        took = time.time() - before
        for process in running:
            process.terminate()
            process.wait()
        n = answered(subscriber, seen)
        del seen['read']
        print(f'two workers, one of them killed with SIGKILL every 5 s, {kills} times in {took:.0f} s: answered: {n} of {PICTURES}; '
              f'second copies: {len(subscriber.got) - n}; jobs with different results: {sum(len(texts) > 1 for texts in seen.values())}; '
              f'not done: {sum("done" not in next(iter(texts)) for texts in seen.values())}')
