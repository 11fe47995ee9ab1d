"""brokers.py - what the tests and benches of the fleet share: a real mosquitto, a subscriber, certificates, feed

Copyright (C) 2026 the cbigan developers
SPDX-License-Identifier: LGPL-2.1-or-later
"""
import contextlib
import json
import os
import pathlib
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import time

from harness import until

try:
    import paho.mqtt.client as mqtt
    from paho.mqtt.packettypes import PacketTypes
    from paho.mqtt.properties import Properties
except ImportError:
    mqtt = None

MOSQUITTO = shutil.which('mosquitto', path=os.environ.get('PATH', '') + ':/usr/sbin:/usr/local/sbin')


def why_not():
    """'' or why the tests with a broker cannot run here."""
    if not MOSQUITTO:
        return 'no mosquitto (Debian: mosquitto)'
    return '' if mqtt else 'no paho.mqtt for Python (Debian: python3-paho-mqtt)'


def free_port():
    with contextlib.closing(socket.socket()) as sock:
        sock.bind(('127.0.0.1', 0))
        return sock.getsockname()[1]


class Broker:
    """A mosquitto of its own, with its files in a folder. keeps: its sessions on disk, at `changes` (slow) or at its `end`; '' = not"""

    def __init__(self, folder, *lines, port=None, keeps='changes'):
        self.port = port or free_port()
        self.folder = pathlib.Path(folder).absolute()
        self.config = self.folder / f'mosquitto-{self.port}.conf'
        self.log = open(self.folder / f'mosquitto-{self.port}.log', 'ab')
        lines = [f'listener {self.port} 127.0.0.1', 'user root', *(lines or ['allow_anonymous true'])]
        if keeps:
            lines += ['max_queued_messages 0', 'persistence true', f'persistence_location {self.folder}/', f'persistence_file broker-{self.port}.db']
        if keeps == 'changes':
            lines += ['autosave_on_changes true', 'autosave_interval 1']
        self.config.write_text('\n'.join(lines) + '\n')
        self.process = None

    def start(self):
        self.process = subprocess.Popen([MOSQUITTO, '-c', str(self.config)], stdout=self.log, stderr=self.log)

        def is_up():
            with contextlib.closing(socket.socket()) as sock:
                return sock.connect_ex(('127.0.0.1', self.port)) == 0
        if not until(is_up, 10):
            raise RuntimeError(pathlib.Path(self.log.name).read_text())
        return self

    def stop(self, how=signal.SIGTERM):
        if self.process:
            self.process.send_signal(how)
            self.process.wait()
            self.process = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()
        self.log.close()


class Subscriber:
    """Keeps what comes under a topic: (topic, payload, retained, time of arrival)."""

    def __init__(self, port, topic='plant/#', name='subscriber', user=None, password=None, host='127.0.0.1'):
        arguments = {'client_id': name, 'protocol': mqtt.MQTTv5}
        if hasattr(mqtt, 'CallbackAPIVersion'):
            arguments['callback_api_version'] = mqtt.CallbackAPIVersion.VERSION1
        self.got, self.topic, self.ready = [], topic, threading.Event()
        self.client = mqtt.Client(**arguments)
        if user:
            self.client.username_pw_set(user, password)
        self.client.on_connect = lambda client, *_: client.subscribe(self.topic, qos=1)
        self.client.on_subscribe = lambda *_: self.ready.set()
        self.client.on_message = lambda _client, _data, message: self.got.append(
            (message.topic, message.payload, message.retain, time.time()))
        self.client.reconnect_delay_set(1, 1)
        properties = Properties(PacketTypes.CONNECT)
        properties.SessionExpiryInterval = 3600
        self.client.connect(host, port, clean_start=False, properties=properties)
        self.client.loop_start()
        self.ready.wait(10)

    def messages(self, kind):
        return [json.loads(payload) for topic, payload, _, _ in list(self.got) if topic.endswith('/' + kind)]

    def publish(self, topic, text):
        self.client.publish(topic, text, qos=1).wait_for_publish()

    def sequences(self):
        """Those of the events, without second copies, in the order in which they came."""
        return list(dict.fromkeys(m['sequence'] for m in self.messages('events')))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.disconnect()
        self.client.loop_stop()


class Feed:
    """The program feed, in the background."""

    def __init__(self, program, frames, rate, settle, properties):
        self.process = subprocess.Popen([program, str(frames), str(rate), str(settle), properties], text=True,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.errors = []
        self.reader = threading.Thread(target=lambda: [self.errors.append(line) for line in self.process.stderr])
        self.reader.start()

    def wait(self):
        """(what it printed, its warnings)"""
        out = self.process.stdout.read()
        self.process.wait()
        self.reader.join()
        if self.process.returncode:
            raise RuntimeError(f'feed: status {self.process.returncode}\n{out}{"".join(self.errors)}')
        return json.loads(out), ''.join(self.errors)


def certificates(folder):
    """Makes ca.pem and other.pem of two authorities; of the first one server.pem for localhost, expired.pem for it until yesterday, and
    client.pem. Each has its NAME.key."""
    def openssl(*arguments):
        subprocess.run(['openssl', *arguments], check=True, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for name in ('ca', 'other'):
        openssl('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', f'{name}.key', '-out', f'{name}.pem', '-days', '2',
                '-subj', f'/CN=cbigan test {name}')
    (pathlib.Path(folder) / 'names').write_text('subjectAltName=DNS:localhost\n')
    for name, days in (('server', '2'), ('expired', '-1'), ('client', '2')):
        openssl('req', '-newkey', 'rsa:2048', '-nodes', '-keyout', f'{name}.key', '-out', f'{name}.csr', '-subj', '/CN=localhost')
        openssl('x509', '-req', '-in', f'{name}.csr', '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', days,
                '-out', f'{name}.pem', '-extfile', 'names')


def tls_lines(port, certificate='server'):
    """Lines of a second listener of a Broker, with TLS; the files of certificates() are in the current folder."""
    here = os.getcwd()
    return [f'listener {port} 127.0.0.1', f'cafile {here}/ca.pem', f'certfile {here}/{certificate}.pem', f'keyfile {here}/{certificate}.key']


class Tls:
    """The mock cluster Kafka of that URI behind TLS, as it has none of its own: a connection per broker is decrypted and handed on. Brokers name
    their addresses in what they answer; those become localhost and the ports of here. certificate: of the current folder's certificates()"""

    def __init__(self, uri, certificate):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(f'{certificate}.pem', f'{certificate}.key')
        targets = [int(server.rpartition(':')[2]) for server in uri.removeprefix('kafka://').split(',')]
        self.servers = {target: socket.create_server(('127.0.0.1', 0)) for target in targets}
        self.ports = {target: server.getsockname()[1] for target, server in self.servers.items()}
        for target in targets:
            threading.Thread(target=self._accept, args=(target,), daemon=True).start()

    def _accept(self, target):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.servers[target].accept()
                threading.Thread(target=self._connect, args=(client, target), daemon=True).start()

    def _connect(self, client, target):
        with contextlib.suppress(OSError):  # a client that does not trust the certificate goes away
            client = self.context.wrap_socket(client, server_side=True)
            server = socket.create_connection(('127.0.0.1', target))
            threading.Thread(target=self._pass, args=(client, server, False), daemon=True).start()
            self._pass(server, client, True)

    def _pass(self, source, sink, from_broker):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                for target, port in self.ports.items() if from_broker else ():
                    data = data.replace(b'127.0.0.1' + target.to_bytes(4, 'big'), b'localhost' + port.to_bytes(4, 'big'))
                sink.sendall(data)
        for sock in (source, sink):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def uri(self, host='localhost'):
        return 'kafka://' + ','.join(f'{host}:{port}' for port in self.ports.values())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for server in self.servers.values():
            server.close()


class Kafka:
    """librdkafka's mock cluster: mock_kafka.c says what it obeys."""

    def __init__(self, program, partitions, *topics):
        self.process = subprocess.Popen([program, str(partitions), *topics], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.uri = 'kafka://' + self.process.stdout.readline().strip()

    def tell(self, line):
        self.process.stdin.write(line + '\n')
        self.process.stdin.flush()

    def produce(self, topic, key, text):
        self.tell(f'produce {topic} {key} {text}')
        self.process.stdout.readline()

    def consume(self, topic, n):
        self.tell(f'consume {topic} {n}')
        return list(iter(lambda: self.process.stdout.readline().strip(), 'consumed'))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()
