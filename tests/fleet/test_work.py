#!/usr/bin/python3
"""test_work.py - cbigan work: jobs from a real mosquitto and from librdkafka's mock Kafka, workers that die; prints TAP

Copyright (C) 2026 the cbigan developers
SPDX-License-Identifier: LGPL-2.1-or-later

usage: test_work.py PROGRAM MAKE_MODEL MOCK_KAFKA [TEST...]   (MOCK_KAFKA “none”: no tests with Kafka)
"""
import csv
import json
import os
import pathlib
import random
import signal
import socket
import subprocess
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import brokers
import harness
import relay
from brokers import Broker, Kafka, Subscriber
from harness import expect, expect_equal, until

PROGRAM, MAKE_MODEL, MOCK_KAFKA = (os.path.abspath(path) if path != 'none' else '' for path in sys.argv[1:4])


def prepare(n):
    """n pictures, and the folder of models."""
    os.makedirs('models')
    subprocess.run([MAKE_MODEL, 'models/cloth.safetensors'], check=True, capture_output=True)
    noise = random.Random(1)
    for i in range(n):
        data = bytes(noise.randrange(120, 136) for _ in range(64 * 64 * 3))
        pathlib.Path(f'{i:03}.ppm').write_bytes(b'P6\n64 64\n255\n' + data)


def job(i, uri=None, model='cloth'):
    return json.dumps({'id': f'job-{i}', 'uri': uri or os.path.abspath(f'{i:03}.ppm'), 'model': model})


class Worker:
    """A cbigan work in the background, that gives jobs already."""

    def __init__(self, uri, name, *options):
        self.process = subprocess.Popen([PROGRAM, 'work', '--broker', uri, '--models', 'models', '--name', name, '--threads', '1', *options],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.lines = []
        threading.Thread(target=lambda: [self.lines.append(line) for line in self.process.stderr], daemon=True).start()

    def wait_ready(self):
        expect(until(lambda: any('gives jobs' in line for line in self.lines)), f'worker: {self.lines}')
        return self

    def child(self):
        pid = self.process.pid
        found = pathlib.Path(f'/proc/{pid}/task/{pid}/children').read_text().split()
        return int(found[0]) if found else 0

    def stop(self, how=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(how)
            self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def results_of(subscriber):
    """id -> results, in the order in which they came"""
    found = {}
    for result in subscriber.messages('results'):
        found.setdefault(result.get('id'), []).append(result)
    return found


def expect_all(results, n):
    missing = [i for i in range(n) if f'job-{i}' not in results]
    expect(not missing, f'no result of jobs {missing[:10]}')
    different = [name for name, copies in results.items() if len({json.dumps(c.get('pictures')) for c in copies}) > 1]
    expect(not different, f'two results of one job differ: {different}')


def test_shared():
    """Two workers share the jobs; the scores are those of cbigan score."""
    prepare(20)
    with Broker('.') as broker, Subscriber(broker.port, 'cbigan/results') as subscriber:
        uri = f'mqtt://127.0.0.1:{broker.port}'
        with Worker(uri, 'a') as a, Worker(uri, 'b') as b:
            a.wait_ready()
            b.wait_ready()
            for i in range(20):
                subscriber.publish('cbigan/jobs', job(i))
            expect(until(lambda: len(results_of(subscriber)) == 20), f'{len(results_of(subscriber))} of 20\n{a.lines}{b.lines}')
        results = results_of(subscriber)
        expect_all(results, 20)
        expect_equal({r['worker'] for copies in results.values() for r in copies}, {'a', 'b'}, 'workers')
        printed = subprocess.run([PROGRAM, 'score', '--model', 'models/cloth.safetensors', '--threads', '1', '000.ppm', '001.ppm', '--json'],
                                 check=True, capture_output=True, text=True).stdout.splitlines()
        for i, line in enumerate(printed):
            expect_equal(results[f'job-{i}'][0]['pictures'][0]['score'], json.loads(line)['score'], f'score of job {i}')


def test_killed():
    """A worker that is killed, three times, gets its jobs again: every job is answered."""
    prepare(30)
    with Broker('.') as broker, Subscriber(broker.port, 'cbigan/results') as subscriber:
        uri = f'mqtt://127.0.0.1:{broker.port}'
        worker = Worker(uri, 'a').wait_ready()
        for i in range(30):
            subscriber.publish('cbigan/jobs', job(i))
        for kills in (3, 8, 15):
            expect(until(lambda: len(results_of(subscriber)) >= kills), f'{len(results_of(subscriber))}: {worker.lines}')
            worker.stop(signal.SIGKILL)
            worker = Worker(uri, 'a').wait_ready()
        with worker:
            expect(until(lambda: len(results_of(subscriber)) == 30), f'{len(results_of(subscriber))} of 30: {worker.lines}')
        expect_all(results_of(subscriber), 30)


def test_bad_jobs():
    """A job that is malformed, names no model, no picture, or a URI that hangs is refused with the reason; the next one is done."""
    prepare(1)
    pathlib.Path('damaged.png').write_bytes(b'\x89PNG\r\n\x1a\nnonsense')
    silent = socket.create_server(('127.0.0.1', 0))
    hanging = f'rtsp://127.0.0.1:{silent.getsockname()[1]}/x'
    cases = [('not JSON', None, 'JSON'), (json.dumps({'id': 'x'}), None, 'uri'), (json.dumps({'id': 1, 'uri': 'a', 'model': 'b'}), None, 'id'),
             (job(1, 'a.png', 'other'), 'job-1', 'other'), (job(2, 'a.png', '../models/cloth'), 'job-2', 'no model'),
             (job(3, '/nowhere/a.png'), 'job-3', 'nowhere'), (job(4, os.path.abspath('damaged.png')), 'job-4', 'damaged'),
             (job(5, hanging), 'job-5', '2 seconds'), (job(6, 'nonsense://x" ! fakesink'), 'job-6', '')]
    with Broker('.') as broker, Subscriber(broker.port, 'cbigan/results') as subscriber, \
            Worker(f'mqtt://127.0.0.1:{broker.port}', 'a', '--timeout', '2') as worker:
        worker.wait_ready()
        for text, name, reason in cases:
            before = len(subscriber.got)
            subscriber.publish('cbigan/jobs', text)
            expect(until(lambda n=before: len(subscriber.got) > n), f'{text}: no answer: {worker.lines}')
            result = json.loads(subscriber.got[-1][1])
            expect_equal((result.get('id'), result['state']), (name, 'refused'), text)
            expect(reason in result['error'], f'{text}: {result}')
        subscriber.publish('cbigan/jobs', job(0))
        expect(until(lambda: 'job-0' in results_of(subscriber)), f'{worker.lines}')
        expect_equal(results_of(subscriber)['job-0'][0]['state'], 'done', 'the job after them')


def test_poison():
    """A job whose scoring process dies three times is set aside, and the next one is done."""
    prepare(1)
    silent = socket.create_server(('127.0.0.1', 0))
    with Broker('.') as broker, Subscriber(broker.port, 'cbigan/results') as subscriber, \
            Worker(f'mqtt://127.0.0.1:{broker.port}', 'a') as worker:
        worker.wait_ready()
        subscriber.publish('cbigan/jobs', job(7, f'rtsp://127.0.0.1:{silent.getsockname()[1]}/x'))
        subscriber.publish('cbigan/jobs', job(0))
        killed = set()
        while len(killed) < 3:  # what a crash in a decoder looks like from outside
            expect(until(lambda: worker.child() not in {0} | killed), f'{worker.lines}')
            child = worker.child()
            os.kill(child, signal.SIGSEGV)
            killed.add(child)
        expect(until(lambda: len(results_of(subscriber)) == 2), f'{worker.lines}')
        result = results_of(subscriber)['job-7'][0]
        expect_equal(result['state'], 'set-aside', 'state')
        expect(str(signal.strsignal(signal.SIGSEGV)) in result['error'], result['error'])
        expect_equal(results_of(subscriber)['job-0'][0]['state'], 'done', 'the job after it')


def test_models():
    """More models than stay loaded; and a model that is replaced is loaded again."""
    prepare(2)
    for name in 'abc':
        pathlib.Path(f'models/{name}.safetensors').write_bytes(pathlib.Path('models/cloth.safetensors').read_bytes())
    with Broker('.') as broker, Subscriber(broker.port, 'cbigan/results') as subscriber, \
            Worker(f'mqtt://127.0.0.1:{broker.port}', 'a', '--keep', '2') as worker:
        worker.wait_ready()
        for i in range(12):
            subscriber.publish('cbigan/jobs', job(i, os.path.abspath('000.ppm'), 'abc'[i % 3]))
        expect(until(lambda: len(results_of(subscriber)) == 12), f'{worker.lines}')
        expect_equal(len({json.dumps(r[0]['pictures']) for r in results_of(subscriber).values()}), 1, 'different results of equal models')
        os.remove('models/a.safetensors')
        subscriber.publish('cbigan/jobs', job(20, os.path.abspath('000.ppm'), 'a'))
        expect(until(lambda: 'job-20' in results_of(subscriber)), f'{worker.lines}')
        expect_equal(results_of(subscriber)['job-20'][0]['state'], 'refused', 'a model that is gone')


def wait_words(worker, *words):
    expect(until(lambda: any(all(word in line for word in words) for line in list(worker.lines))), f'{words} in {worker.lines}')


def answer_one(worker, subscriber, i):
    """Sends a job, and waits for its result."""
    subscriber.publish('cbigan/jobs', job(i, os.path.abspath('000.ppm')))
    expect(until(lambda: f'job-{i}' in results_of(subscriber)), f'job {i}: {worker.lines}')
    expect_equal(results_of(subscriber)[f'job-{i}'][0]['state'], 'done', f'job {i}')


def passwords(*users):
    """The lines of a Broker that admits these users, each with the password right-USER."""
    path = os.path.abspath('passwords')
    pathlib.Path(path).touch()
    for user in users:
        subprocess.run(['mosquitto_passwd', '-b', path, user, f'right-{user}'], check=True, capture_output=True)
    return ['allow_anonymous false', f'password_file {path}']


def test_tls():
    """A broker that wants a client's certificate, a user and a password. The worker names what is wrong, and goes on when the file is right."""
    prepare(1)
    brokers.certificates('.')
    port, secret = brokers.free_port(), pathlib.Path('secret')
    lines = [*passwords('worker', 'test'), *brokers.tls_lines(port), 'require_certificate true']
    secret.write_text('user=worker\npassword=wrong-0815\n')
    options = ['--credentials', 'secret', '--ca-file', 'ca.pem', '--cert-file', 'client.pem', '--key-file', 'client.key']
    with Broker('.', *lines) as broker, Subscriber(broker.port, 'cbigan/results', user='test', password='right-test') as subscriber:
        with Worker(f'mqtts://localhost:{port}', 'a', *options) as worker:
            wait_words(worker, f'localhost:{port}', 'uthor')
            secret.write_text('user=worker\npassword=right-worker\n')
            worker.wait_ready()
            answer_one(worker, subscriber, 1)
            expect(not any('0815' in line or 'right-worker' in line for line in worker.lines), f'a password is shown: {worker.lines}')
        with Worker(f'mqtts://localhost:{port}', 'b', *options[:4]) as worker:  # no certificate of its own
            wait_words(worker, f'localhost:{port}', 'certificate required')


def test_bad_certificates():
    """A worker takes no job from, and sends no password to, a broker whose certificate is expired, of another name or of an unknown authority."""
    prepare(1)
    brokers.certificates('.')
    pathlib.Path('secret').write_text('user=worker\npassword=right-worker\n')
    port, expired = brokers.free_port(), brokers.free_port()
    with Broker('.', *passwords('worker', 'test'), *brokers.tls_lines(port), *brokers.tls_lines(expired, 'expired')) as broker:
        for uri, authority, reason in ((f'mqtts://localhost:{expired}', 'ca.pem', 'verify failed'), (f'mqtts://127.0.0.1:{port}', 'ca.pem', 'TLS'),
                                       (f'mqtts://localhost:{port}', 'other.pem', 'verify failed'), (f'mqtts://localhost:{port}', 'none.pem', 'none.pem')):
            with Worker(uri, 'a', '--credentials', 'secret', '--ca-file', authority) as worker:
                wait_words(worker, uri.partition('//')[2], reason)
        log = pathlib.Path(broker.log.name).read_text()
        expect('cbigan-a-jobs' not in log, f'a worker came in: {log}')


def test_subscription_refused():
    """A worker that may not subscribe to jobs says so. mosquitto's plugin refuses a subscription; its acl_file grants it and sends nothing."""
    plugin = next(pathlib.Path('/usr/lib').glob('*/mosquitto_dynamic_security.so'), None)
    if not plugin:
        raise harness.Skip('no mosquitto_dynamic_security.so')
    prepare(0)
    rights = pathlib.Path('rights.json').absolute()
    rights.write_text(json.dumps({'clients': [], 'groups': [], 'roles': [], 'defaultACLAccess': {
        'publishClientSend': True, 'publishClientReceive': True, 'subscribe': False, 'unsubscribe': True}}))
    with Broker('.', 'allow_anonymous true', f'plugin {plugin}', f'plugin_opt_config_file {rights}') as broker, \
            Worker(f'mqtt://127.0.0.1:{broker.port}', 'a') as worker:
        wait_words(worker, 'refuses the subscription', '$share/workers/cbigan/jobs', 'uthor')


def test_results_refused():
    """A worker that may not write results says so, and its job stays until it may."""
    prepare(1)
    rights, everything = pathlib.Path('rights').absolute(), 'topic readwrite #\n'
    rights.write_text(f'user test\n{everything}user worker\ntopic read cbigan/jobs\n')
    pathlib.Path('secret').write_text('user=worker\npassword=right-worker\n')
    with Broker('.', *passwords('worker', 'test'), f'acl_file {rights}') as broker, \
            Subscriber(broker.port, 'cbigan/results', user='test', password='right-test') as subscriber, \
            Worker(f'mqtt://127.0.0.1:{broker.port}', 'a', '--credentials', 'secret') as worker:
        worker.wait_ready()
        subscriber.publish('cbigan/jobs', job(1, os.path.abspath('000.ppm')))
        wait_words(worker, 'refuses results', 'cbigan/results')
        rights.write_text(f'user test\n{everything}user worker\n{everything}')
        broker.process.send_signal(signal.SIGHUP)
        expect(until(lambda: 'job-1' in results_of(subscriber)), f'{worker.lines}')


def test_never_acknowledges():
    """A broker that takes results and never acknowledges them: that is said, the connection is made anew, and the job is acknowledged after that."""
    prepare(1)
    honest = threading.Event()

    def watch(up, kind, _body):
        return up or kind != relay.PUBACK or honest.is_set()
    with Broker('.') as broker, Subscriber(broker.port, 'cbigan/results') as subscriber, \
            relay.Relay(broker.port, watch=watch) as liar, Worker(f'mqtt://127.0.0.1:{liar.port}', 'a') as worker:
        worker.wait_ready()
        for i in (1, 2):
            subscriber.publish('cbigan/jobs', job(i, os.path.abspath('000.ppm')))
        expect(until(lambda: any('acknowledged nothing for 30 s' in line for line in list(worker.lines)), 50), f'{worker.lines}')
        expect('job-2' not in results_of(subscriber), 'the first job counted as answered')
        honest.set()
        expect(until(lambda: len(results_of(subscriber)) == 2), f'{worker.lines}')
        copies = [result['pictures'] for result in results_of(subscriber)['job-1']]
        expect(len(copies) > 1 and copies[0] == copies[-1], f'copies of the result that was not acknowledged: {copies}')


def test_kafka_settings():
    """What stands in the file of credentials goes to librdkafka as it is: a wrong setting is refused by its name, without its value."""
    if not MOCK_KAFKA:
        raise harness.Skip('no librdkafka (Debian: librdkafka-dev)')
    prepare(0)
    for text, words in (('sasl.mechanism=secret-99\nsecurity.protocol=nonsense-99\n', ['secret', 'line 2', '“security.protocol”']),
                        ('nonsense.setting=secret-99\n', ['secret', 'line 1', '“nonsense.setting”']),
                        ('security.protocol=ssl\nssl.ca.location=/nowhere.pem\n', ['ssl.ca.location'])):
        pathlib.Path('secret').write_text(text)
        done = subprocess.run([PROGRAM, 'work', '--broker', 'kafka://127.0.0.1:9', '--models', 'models', '--credentials', 'secret', '--idle', '1'],
                              capture_output=True, text=True, timeout=60, check=False)
        expect(done.returncode == 1 and all(word in done.stderr for word in words) and '-99' not in done.stderr, f'{text}: {done}')


def test_kafka_tls():
    """Jobs and results over TLS. A worker takes no job from brokers whose certificate it does not trust, and says so."""
    if not MOCK_KAFKA:
        raise harness.Skip('no librdkafka (Debian: librdkafka-dev)')
    prepare(1)
    brokers.certificates('.')
    pathlib.Path('secret').write_text('security.protocol=ssl\n')
    with Kafka(MOCK_KAFKA, 1, 'cbigan.jobs', 'cbigan.results') as kafka, brokers.Tls(kafka.uri, 'server') as tls:
        kafka.produce('cbigan.jobs', 'key', job(0))
        with Worker(tls.uri(), 'a', '--credentials', 'secret', '--ca-file', 'other.pem') as worker:
            wait_words(worker, 'localhost', 'verify failed')
        with Worker(tls.uri(), 'a', '--credentials', 'secret', '--ca-file', 'ca.pem') as worker:
            found = kafka.consume('cbigan.results', 1)
            expect_equal([json.loads(text)['state'] for text in found], ['done'], f'{worker.lines}')


def test_kafka():
    """The same from a consumer group: a worker that is killed leaves its partition to the other."""
    if not MOCK_KAFKA:
        raise harness.Skip('no librdkafka (Debian: librdkafka-dev)')
    prepare(20)
    with Kafka(MOCK_KAFKA, 4, 'cbigan.jobs', 'cbigan.results') as kafka:
        for i in range(20):
            kafka.produce('cbigan.jobs', f'key{i}', job(i))
        first, found = Worker(kafka.uri, 'a'), []
        with Worker(kafka.uri, 'b') as second:
            found += kafka.consume('cbigan.results', 5)
            first.stop(signal.SIGKILL)
            for _ in range(6):
                found += kafka.consume('cbigan.results', 20 - len({json.loads(f)['id'] for f in found}))
                if len({json.loads(f)['id'] for f in found}) == 20:
                    break
        results = {}
        for text in found:
            results.setdefault(json.loads(text)['id'], []).append(json.loads(text))
        expect(len(results) == 20, f'{len(results)} of 20: {second.lines} {first.lines}')
        expect_all(results, 20)


def test_shards():
    """The shards of a folder are disjoint, and together they are the whole."""
    prepare(10)
    os.makedirs('folder')
    for i in range(10):
        os.rename(f'{i:03}.ppm', f'folder/{i:03}.ppm')

    def paths(*options):
        out = subprocess.run([PROGRAM, 'score', '--model', 'models/cloth.safetensors', '--threads', '1', *options], check=True, capture_output=True, text=True).stdout
        return [row['path'] for row in csv.DictReader(out.splitlines())]
    files = sorted(str(path) for path in pathlib.Path('folder').iterdir())
    for what in (['folder'], files):
        parts = [paths('--shard', f'{i}/3', *what) for i in (1, 2, 3)]
        expect_equal([len(part) for part in parts], [4, 3, 3], 'sizes')
        expect_equal(sorted(sum(parts, [])), paths(*what), 'the whole')
    for wrong in ('0/3', '4/3', 'x', '1/0', '1/2x'):
        done = subprocess.run([PROGRAM, 'score', '--model', 'models/cloth.safetensors', '--shard', wrong, 'folder'], capture_output=True, text=True, check=False)
        expect(done.returncode == 2 and wrong in done.stderr, f'--shard {wrong}: {done}')


ROOT = pathlib.Path(__file__).resolve().parents[2]


def test_send_jobs():
    """The script that sends a job per file prints a result for each."""
    prepare(5)
    with Broker('.') as broker, Worker(f'mqtt://127.0.0.1:{broker.port}', 'a') as worker:
        worker.wait_ready()
        script = [sys.executable, ROOT / 'pipelines/fleet/send_jobs.py', f'127.0.0.1:{broker.port}', 'cloth']
        done = subprocess.run([*script, *[f'{i:03}.ppm' for i in range(5)]], capture_output=True, text=True, timeout=60, check=False)
        expect_equal((done.returncode, len(done.stdout.splitlines())), (0, 5), f'{done} {worker.lines}')
        done = subprocess.run([*script, 'nothing.ppm'], capture_output=True, text=True, timeout=60, check=False)
        expect(done.returncode == 1 and 'refused' in done.stdout, f'{done}')


def test_plant():
    """The small plant: its cameras are online before and after the broker was away."""
    prepare(0)
    environment = dict(os.environ, CBIGAN_BUILD=str(pathlib.Path(PROGRAM).parents[1]))
    done = subprocess.run(['bash', ROOT / 'pipelines/fleet/plant.sh', 'models/cloth.safetensors', '2', '20'], env=environment, capture_output=True,
                          text=True, timeout=100, check=False)
    expect_equal(done.returncode, 0, f'{done}')
    tables = done.stdout.split('---')
    expect('2 cameras, 0 not online' in tables[1] and '2 cameras, 0 not online' in tables[-1], done.stdout)


if __name__ == '__main__':
    if brokers.why_not():
        print(f'1..0 # SKIP {brokers.why_not()}')
        sys.exit(0)
    sys.exit(harness.run_tests(globals(), sys.argv[4:]))
