#!/usr/bin/python3
"""monitor.py - shows the cameras of a plant, their states and their events, from an MQTT broker

Copyright (C) 2026 the cbigan developers
SPDX-License-Identifier: LGPL-2.1-or-later

usage: monitor.py [HOST[:PORT]] [TOPIC] [SECONDS]   (localhost:1883, plant/#, until Ctrl-C)

Prints an event per line, and every 5 seconds a table of the cameras. Needs Debian's python3-paho-mqtt. Second copies of a message are
left out, and gaps in the sequence are counted as missing. From the environment: CBIGAN_USER, CBIGAN_PASSWORD, and CBIGAN_CA, a file of
authorities, which makes the connection one with TLS.
"""
import json
import os
import sys
import time

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

cameras = {}  # name -> what is known of it


def on_message(_client, _data, message):
    try:
        said = json.loads(message.payload)
        camera, kind = cameras.setdefault(said['camera'], {'events': 0, 'missing': 0, 'open': '', 'last': {}}), said['kind']
    except (ValueError, KeyError, TypeError):
        return  # a picture, or not ours
    number, last = said.get('sequence', 0), camera['last'].get((said['session'], kind), 0)
    if number and number <= last:
        return  # a second copy
    if last and number > last + 1:
        camera['missing'] += number - last - 1
    camera['last'][(said['session'], kind)] = number
    camera['heard'] = time.time()
    if kind == 'status':
        camera['state'] = said['state']
    elif kind == 'health':
        camera['health'] = f'{said["frames_per_second"]:.1f} frames/s, {said["spooled"]} waiting, {said["dropped"]} dropped'
    elif kind == 'events':
        camera['events'] += said['event'] == 'begin'
        camera['open'] = f'anomaly {said["event_id"]}' if said['event'] == 'begin' else ''
        print(f'{said["utc"]} {said["camera"]}: anomaly {said["event_id"]} {said["event"]}s, normalized {said["normalized"]:.2f}', flush=True)


def show():
    print(f'--- {time.strftime("%H:%M:%S")}: {len(cameras)} cameras, {sum(c.get("state") != "online" for c in cameras.values())} not online')
    for name, c in sorted(cameras.items()):
        print(f'{name:20} {c.get("state", "?"):8} {c["events"]:5} events {c["missing"]:3} missing  {c["open"]:12} {c.get("health", "")}', flush=True)


def main():
    if sys.argv[1:2] in (['-h'], ['--help']):
        sys.exit(print(__doc__))
    host, _, port = (sys.argv[1] if len(sys.argv) > 1 else 'localhost').partition(':')
    topic, end = (sys.argv[2] if len(sys.argv) > 2 else 'plant/#'), time.time() + float(sys.argv[3] if len(sys.argv) > 3 else 'inf')
    version = {'callback_api_version': mqtt.CallbackAPIVersion.VERSION1} if hasattr(mqtt, 'CallbackAPIVersion') else {}
    client = mqtt.Client(client_id=f'monitor-{os.uname().nodename}-{topic}', protocol=mqtt.MQTTv5, **version)
    kept = Properties(PacketTypes.CONNECT)
    kept.SessionExpiryInterval = 3600  # the broker keeps what comes while this monitor is away
    if 'CBIGAN_USER' in os.environ:
        client.username_pw_set(os.environ['CBIGAN_USER'], os.environ.get('CBIGAN_PASSWORD'))
    if 'CBIGAN_CA' in os.environ:
        client.tls_set(os.environ['CBIGAN_CA'])
    client.on_connect = lambda *_: client.subscribe(topic, qos=1)
    client.on_message = on_message
    port = port or ('8883' if 'CBIGAN_CA' in os.environ else '1883')
    try:
        client.connect(host, int(port), clean_start=False, properties=kept)
    except OSError as error:
        sys.exit(f'monitor.py: no broker at {host}:{port}: {error.strerror}')
    client.loop_start()
    while time.time() < end:
        time.sleep(min(5, max(0, end - time.time())))
        show()


if __name__ == '__main__':
    try:
        main()
    except KeyboardInterrupt:
        pass
