#!/usr/bin/python3
"""test_publish.py - cbiganpublish against a real mosquitto that is killed, refuses, and lies; prints TAP

Copyright (C) 2026 the cbigan developers
SPDX-License-Identifier: LGPL-2.1-or-later

usage: test_publish.py FEED MOCK_KAFKA [TEST...]   (MOCK_KAFKA “none”: no tests with Kafka; with GST_PLUGIN_PATH and CBIGAN_MODULE_PATH set)
"""
import json
import os
import pathlib
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import brokers
import harness
from brokers import Broker, Feed, Kafka, Subscriber
from harness import expect, expect_equal, until

FEED, MOCK_KAFKA = (os.path.abspath(path) if path != 'none' else '' for path in sys.argv[1:3])
QUIET = 'health-interval=0'


def expect_in_order(sequences, n):
    expect_equal(len(sequences), n, 'different messages')
    wrong = [(a, b) for a, b in zip(sequences, sequences[1:]) if b <= a]
    expect(not wrong, f'out of order: {wrong[:5]}')


def spool(name):
    return f'spool={name}.spool'


def test_delivery():
    """Every event comes once, in order, with the documented fields; the status is kept for later subscribers."""
    with Broker('.') as broker, Subscriber(broker.port) as subscriber:
        stats, errors = Feed(FEED, 200, 0, 10, f'uri=mqtt://127.0.0.1:{broker.port} camera=a scores-interval=1').wait()
        expect(until(lambda: len(subscriber.sequences()) == 200), f'events: {len(subscriber.sequences())}, expected 200\n{errors}')
        expect_in_order(subscriber.sequences(), 200)
        events = subscriber.messages('events')
        expect_equal([e['event'] for e in events[:4]], ['begin', 'end', 'begin', 'end'], 'events')
        expect_equal([e['event_id'] for e in events[:4]], [1, 1, 2, 2], 'event ids')
        expect_equal((events[0]['version'], events[0]['kind'], events[0]['camera'], events[0]['score']), (1, 'events', 'a', 3.0), 'fields')
        expect(subscriber.messages('scores'), 'no scores')
        expect_equal([m['health'] for m in subscriber.messages('health')], [['black', 'flat']], 'health')
        expect_equal(stats['acknowledged'], stats['messages'], 'acknowledged')
        expect_equal(stats['dropped'], 0, 'dropped')
        expect(until(lambda: [m['state'] for m in subscriber.messages('status')] == ['online', 'offline']),
               f'{subscriber.messages("status")}')
        with Subscriber(broker.port, name='late') as late:
            expect(until(lambda: late.got), 'no retained status')
            expect_equal(json.loads(late.got[0][1])['state'], 'offline', 'retained state')


def test_last_will():
    """A publisher that dies is offline."""
    with Broker('.') as broker, Subscriber(broker.port) as subscriber:
        feed = Feed(FEED, 100000, 50, 0, f'uri=mqtt://127.0.0.1:{broker.port} camera=b')
        expect(until(lambda: subscriber.messages('status')), 'not online')
        feed.process.kill()
        expect(until(lambda: [m['state'] for m in subscriber.messages('status')] == ['online', 'offline']), 'no last will')
        feed.reader.join()


def test_restarts():
    """The broker is restarted under load, five times: nothing is lost, the order stays, every frame passes."""
    with Broker('.', keeps='end') as broker, Subscriber(broker.port) as subscriber:
        feed = Feed(FEED, 3000, 300, 60, f'uri=mqtt://127.0.0.1:{broker.port} camera=c {QUIET} {spool("restarts")}')
        for _ in range(5):
            time.sleep(1)
            broker.stop()
            time.sleep(0.5)
            broker.start()
        stats, errors = feed.wait()
        expect(until(lambda: len(subscriber.sequences()) == 3000),
               f'messages: {len(subscriber.sequences())}, expected 3000; {stats}\n{errors}')
        expect_in_order(subscriber.sequences(), 3000)
        expect_equal((stats['passed'], stats['dropped'], stats['spooled'], stats['queued']), (3000, 0, 0, 0), 'figures')


def test_away_at_first():
    """Without a broker the stream runs; the next run sends what the first has left, before its own."""
    port = brokers.free_port()
    properties = f'uri=mqtt://127.0.0.1:{port} camera=d {QUIET} {spool("away")}'
    stats, errors = Feed(FEED, 500, 0, 1, properties).wait()
    expect_equal((stats['passed'], stats['spooled'], stats['dropped']), (500, 500, 0), 'figures')
    expect('refused' in errors, f'no reason is said: {errors}')
    with Broker('.', port=port) as broker, Subscriber(broker.port) as subscriber:
        stats, errors = Feed(FEED, 10, 0, 20, properties).wait()
        expect(until(lambda: len(subscriber.messages('events')) >= 510), f'{len(subscriber.messages("events"))} of 510: {stats} {errors}')
        expect_equal([m['sequence'] for m in subscriber.messages('events')], [*range(1, 501), *range(1, 11)], 'sequences')


def test_killed():
    """A publisher that is killed leaves a spool without damage: what it has stored arrives, from the first message on, without gaps."""
    port = brokers.free_port()
    properties = f'uri=mqtt://127.0.0.1:{port} camera=l {QUIET} {spool("killed")}'
    feed = Feed(FEED, 100000, 500, 0, properties)
    path = pathlib.Path('killed.spool-wal')
    expect(until(lambda: path.exists() and path.stat().st_size > 300000), 'nothing is stored')
    feed.process.kill()
    feed.process.wait()
    feed.reader.join()
    with Broker('.', port=port, keeps='') as broker, Subscriber(broker.port) as subscriber:
        stats, errors = Feed(FEED, 0, 0, 20, properties).wait()
        n = stats['acknowledged']
        expect(n > 100 and not errors.count('damaged'), f'{stats} {errors}')
        expect(until(lambda: len(subscriber.sequences()) == n), f'{len(subscriber.sequences())} of {n}: {stats} {errors}')
        expect_equal(subscriber.sequences(), list(range(1, n + 1)), 'sequences')


def test_spool_full():
    """Exactly the counted messages are missing, and those are the oldest."""
    port = brokers.free_port()
    properties = f'uri=mqtt://127.0.0.1:{port} camera=e {QUIET} {spool("full")} spool-size=50000'
    stats, errors = Feed(FEED, 500, 0, 0, properties).wait()
    dropped = stats['dropped']
    expect_equal(dropped + stats['spooled'], 500, 'dropped and kept')
    expect(0 < dropped < 500, f'dropped: {dropped}')
    expect('dropped' in errors, errors)
    with Broker('.', port=port) as broker, Subscriber(broker.port) as subscriber:
        Feed(FEED, 0, 0, 20, properties).wait()
        expect(until(lambda: len(subscriber.sequences()) == 500 - dropped), f'{len(subscriber.sequences())}')
        expect_equal(subscriber.sequences(), list(range(dropped + 1, 501)), 'sequences')


def test_queue_full():
    """The same without a spool: the queue's bound."""
    port = brokers.free_port()
    stats, _ = Feed(FEED, 500, 0, 0, f'uri=mqtt://127.0.0.1:{port} camera=f {QUIET} queue-size=100 stop-timeout=10').wait()
    expect_equal((stats['passed'], stats['dropped']), (500, 500), 'figures')


def test_full_disk():
    """A full disk under the spool costs counted messages, and no frame."""
    disk = pathlib.Path('disk')
    disk.mkdir()
    mounted = subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=200k', 'cbigan-test', str(disk)], capture_output=True, text=True, check=False)
    if mounted.returncode:
        raise harness.Skip(f'no file system of 200 KiB: {mounted.stderr.strip()}')
    port = brokers.free_port()
    properties = f'uri=mqtt://127.0.0.1:{port} camera=g {QUIET} spool={disk}/s queue-size=100 stop-timeout=0'
    try:
        stats, errors = Feed(FEED, 2000, 500, 0, properties).wait()
        expect_equal((stats['passed'], stats['dropped'] + stats['spooled']), (2000, 2000), 'figures')
        expect('full' in errors, errors)
        with Broker('.', port=port) as broker, Subscriber(broker.port) as subscriber:
            Feed(FEED, 0, 0, 20, properties).wait()
            expect(until(lambda: len(subscriber.sequences()) == stats['spooled']), f'{len(subscriber.sequences())} of {stats["spooled"]}')
    finally:
        subprocess.run(['umount', str(disk)], check=True)


def test_damaged_spool():
    """A file that is no spool is put aside, and said."""
    path = pathlib.Path('damaged.spool')
    path.write_bytes(os.urandom(5000))
    stats, errors = Feed(FEED, 20, 0, 0, f'uri=mqtt://127.0.0.1:{brokers.free_port()} {QUIET} spool={path}').wait()
    expect_equal(stats['spooled'], 20, 'spooled')
    expect('damaged' in errors and list(pathlib.Path('.').glob('damaged.spool.damaged-*')), errors)


def test_wrong_password():
    """A wrong password is said, and never shown; the right one helps without a restart."""
    secret = pathlib.Path('secret')
    passwords = pathlib.Path('passwords').absolute()
    subprocess.run(['mosquitto_passwd', '-b', '-c', str(passwords), 'camera', 'right-4711'], check=True, capture_output=True)
    secret.write_text('user=camera\npassword=wrong-0815\n')
    with Broker('.', 'allow_anonymous false', f'password_file {passwords}') as broker, \
            Subscriber(broker.port, user='camera', password='right-4711') as subscriber:
        feed = Feed(FEED, 200, 50, 30, f'uri=mqtt://127.0.0.1:{broker.port} camera=h {QUIET} credentials={secret} {spool("password")}')
        expect(until(lambda: any('uthor' in line for line in feed.errors)), f'{feed.errors}')
        secret.write_text('user=camera\npassword=right-4711\n')
        stats, errors = feed.wait()
        expect(until(lambda: len(subscriber.sequences()) == 200), f'{len(subscriber.sequences())} of 200: {stats} {errors}')
        expect('0815' not in errors and '4711' not in errors, 'a password is shown')


def test_password_in_uri():
    """Such a URI is refused, and what comes behind it is not shown."""
    done = subprocess.run(['gst-launch-1.0', 'videotestsrc', 'num-buffers=1', '!', 'cbiganpublish', 'uri=mqtt://u:hidden-99@localhost',
                           '!', 'fakesink'], capture_output=True, text=True, check=False)
    expect(done.returncode != 0 and 'credentials' in done.stdout + done.stderr, done.stdout + done.stderr)
    expect('hidden-99' not in done.stdout + done.stderr, 'the password is shown')


def test_no_module():
    """Without the module of the broker, the video runs, and the reason is said."""
    environment = dict(os.environ, CBIGAN_MODULE_PATH='/nowhere')
    done = subprocess.run([FEED, '20', '0', '0', f'uri=mqtt://localhost {QUIET} {spool("module")}'], env=environment, capture_output=True, text=True, check=False)
    stats = json.loads(done.stdout)
    expect_equal((stats['passed'], stats['dropped']), (20, 20), done.stderr)
    expect('libcbigan-mqtt' in done.stderr and 'libcbigan-spool' in done.stderr, done.stderr)


def test_topic_rights():
    """What the broker does not allow is counted and said."""
    rights = pathlib.Path('rights').absolute()
    rights.write_text('topic write plant/i/status\ntopic read #\n')
    with Broker('.', 'allow_anonymous true', f'acl_file {rights}', keeps='') as broker:
        stats, errors = Feed(FEED, 20, 0, 10, f'uri=mqtt://127.0.0.1:{broker.port} camera=i {QUIET}').wait()
        expect_equal((stats['passed'], stats['refused']), (20, 20), f'{stats} {errors}')
        expect('plant/i/events' in errors and 'uthor' in errors, errors)


def test_certificate():
    """The broker's certificate must be of a known authority, of the broker's name, and of today."""
    brokers.certificates('.')
    cases = (('server', 'localhost', 'ca.pem', ''), ('server', 'localhost', 'other.pem', 'verify failed'), ('server', '127.0.0.1', 'ca.pem', 'TLS'),
             ('server', 'localhost', None, 'verify failed'), ('expired', 'localhost', 'ca.pem', 'verify failed'))
    port, expired = brokers.free_port(), brokers.free_port()
    with Broker('.', 'allow_anonymous true', *brokers.tls_lines(port), *brokers.tls_lines(expired, 'expired')):
        for certificate, host, ca, reason in cases:
            authority = f'ca-file={os.getcwd()}/{ca}' if ca else ''
            uri = f'mqtts://{host}:{port if certificate == "server" else expired}'
            stats, errors = Feed(FEED, 20, 0, 1 if reason else 10, f'uri={uri} {QUIET} stop-timeout=100 {authority}').wait()
            expect_equal((stats['passed'], stats['acknowledged']), (20, 0 if reason else 20), f'{certificate}, {host} with {ca}: {errors}')
            expect(reason in errors, f'{certificate}, {host} with {ca}: {errors}')


class Liar(threading.Thread):
    """Accepts connections and messages, and acknowledges none. reason: MQTT's code that answers a connection, 0 = accepted"""

    def __init__(self, reason=0):
        super().__init__(daemon=True)
        self.reason = reason
        self.server = socket.create_server(('127.0.0.1', 0))
        self.port = self.server.getsockname()[1]

    def run(self):
        while True:
            client, _ = self.server.accept()
            client.recv(4096)
            client.sendall(bytes([0x20, 3, 0, self.reason, 0]))  # CONNACK
            threading.Thread(target=lambda c=client: [None for _ in iter(lambda: c.recv(65536), b'')], daemon=True).start()


def test_never_acknowledges():
    """Nothing is lost to a broker that accepts and never acknowledges."""
    liar = Liar()
    liar.start()
    properties = f'camera=j {QUIET} {spool("liar")} stop-timeout=100'
    stats, _ = Feed(FEED, 1000, 500, 0, f'uri=mqtt://127.0.0.1:{liar.port} {properties}').wait()
    expect_equal((stats['passed'], stats['acknowledged'], stats['spooled'], stats['dropped']), (1000, 0, 1000, 0), 'figures')
    with Broker('.', keeps='') as broker, Subscriber(broker.port) as subscriber:
        Feed(FEED, 0, 0, 20, f'uri=mqtt://127.0.0.1:{broker.port} {properties}').wait()
        expect(until(lambda: len(subscriber.sequences()) == 1000), f'{len(subscriber.sequences())}')
        expect_in_order(subscriber.sequences(), 1000)


def test_other_version():
    """A broker that does not speak MQTT 5: said in words, nothing lost."""
    liar = Liar(0x84)
    liar.start()
    stats, errors = Feed(FEED, 20, 0, 1, f'uri=mqtt://127.0.0.1:{liar.port} {QUIET} {spool("version")} stop-timeout=100').wait()
    expect_equal((stats['passed'], stats['acknowledged'], stats['spooled']), (20, 0, 20), 'figures')
    expect('protocol version' in errors.lower(), errors)


def test_kafka():
    """librdkafka's mock cluster, whose brokers refuse requests and go away meanwhile: every message once, in order."""
    if not MOCK_KAFKA:
        raise harness.Skip('no librdkafka (Debian: librdkafka-dev)')
    with Kafka(MOCK_KAFKA, 1, 'plant.events') as kafka:
        feed = Feed(FEED, 1000, 300, 60, f'uri={kafka.uri} camera=k topic=plant.{{kind}} {QUIET} {spool("kafka")}')
        for broker in (1, 2, 3):
            kafka.tell('fail 3')
            kafka.tell(f'down {broker}')
            time.sleep(0.7)
            kafka.tell(f'up {broker}')
        stats, errors = feed.wait()
        found = [json.loads(text)['sequence'] for text in kafka.consume('plant.events', 1000)]
        expect_equal((stats['passed'], stats['acknowledged'], stats['dropped']), (1000, 1000, 0), f'figures: {errors}')
        expect_equal(found, list(range(1, 1001)), 'sequences')


def test_kafka_certificate():
    """The same of Kafka's brokers as of test_certificate()'s."""
    if not MOCK_KAFKA:
        raise harness.Skip('no librdkafka (Debian: librdkafka-dev)')
    brokers.certificates('.')
    pathlib.Path('secret').write_text('security.protocol=ssl\n')
    with Kafka(MOCK_KAFKA, 1, 'plant.events') as kafka, brokers.Tls(kafka.uri, 'server') as tls, brokers.Tls(kafka.uri, 'expired') as expired:
        for uri, ca, reason in ((tls.uri(), 'ca.pem', ''), (tls.uri(), 'other.pem', 'verify failed'), (tls.uri('127.0.0.1'), 'ca.pem', 'verify failed'),
                                (tls.uri(), None, 'verify failed'), (expired.uri(), 'ca.pem', 'verify failed')):
            more = f'credentials=secret stop-timeout=100 topic=plant.{{kind}} {QUIET}' + (f' ca-file={ca}' if ca else '')
            stats, errors = Feed(FEED, 20, 0, 3 if reason else 20, f'uri={uri} {more}').wait()
            expect_equal((stats['passed'], stats['acknowledged']), (20, 0 if reason else 20), f'{uri} with {ca}: {errors}')
            expect(reason in errors, f'{uri} with {ca}: {errors}')


def test_kafka_settings():
    """A setting that is none, or has a wrong value or file, is named without its value; the video runs, and nothing is sent."""
    if not MOCK_KAFKA:
        raise harness.Skip('no librdkafka (Debian: librdkafka-dev)')
    for text, words in (('security.protocol=nonsense-99\n', ['secret', 'line 1', 'security.protocol']),
                        ('user=a\nnonsense.setting=secret-99\n', ['secret', 'line 2', 'nonsense.setting']),
                        ('security.protocol=ssl\nssl.ca.location=/nowhere.pem\n', ['ssl.ca.location']),
                        ('security.protocol=sasl_plaintext\nsasl.mechanism=nonsense\n', ['SASL mechanism'])):
        pathlib.Path('secret').write_text(text)
        stats, errors = Feed(FEED, 20, 0, 0, f'uri=kafka://127.0.0.1:9 credentials=secret {QUIET} stop-timeout=100').wait()
        expect_equal((stats['passed'], stats['acknowledged']), (20, 0), f'{text}: {errors}')
        expect(all(word in errors for word in words) and '-99' not in errors, f'{text}: {errors}')
    pathlib.Path('secret').write_text('security.protocol=sasl_plaintext\nsasl.mechanism=PLAIN\nuser=a\npassword=secret-99\n')
    with Kafka(MOCK_KAFKA, 1, 'plant.events') as kafka:  # which has no SASL, and says so when it is asked
        _, errors = Feed(FEED, 20, 0, 2, f'uri={kafka.uri} credentials=secret topic=plant.{{kind}} {QUIET} stop-timeout=100').wait()
        expect('SASL Handshake not supported' in errors and '-99' not in errors, errors)


if __name__ == '__main__':
    if brokers.why_not():
        print(f'1..0 # SKIP {brokers.why_not()}')
        sys.exit(0)
    sys.exit(harness.run_tests(globals(), sys.argv[3:]))
