#!/usr/bin/python3
"""send_jobs.py - sends a job per file to the workers of an MQTT broker, and prints the results as they come

Copyright (C) 2026 the cbigan developers
SPDX-License-Identifier: LGPL-2.1-or-later

usage: send_jobs.py HOST:PORT MODEL FILE...   (MODEL: a name in the workers' folder; start a worker before)

Needs Debian's python3-paho-mqtt. A job's id is its number and its file. Ends when every job has a result; status 1 if one was refused.
From the environment, as for monitor.py: CBIGAN_USER, CBIGAN_PASSWORD, CBIGAN_CA.
"""
import json
import os
import sys
import threading

import paho.mqtt.client as mqtt


def main():
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    host, _, port = sys.argv[1].partition(':')
    waiting = {f'{number}-{path}': path for number, path in enumerate(sys.argv[3:])}
    states, ready, done = {}, threading.Event(), threading.Event()

    def on_message(_client, _data, message):
        result = json.loads(message.payload)
        if result.get('id') in waiting and result['id'] not in states:  # a second copy is left out
            states[result['id']] = result['state']
            print(json.dumps(result), flush=True)
        if len(states) == len(waiting):
            done.set()

    version = {'callback_api_version': mqtt.CallbackAPIVersion.VERSION1} if hasattr(mqtt, 'CallbackAPIVersion') else {}
    client = mqtt.Client(protocol=mqtt.MQTTv5, **version)
    if 'CBIGAN_USER' in os.environ:
        client.username_pw_set(os.environ['CBIGAN_USER'], os.environ.get('CBIGAN_PASSWORD'))
    if 'CBIGAN_CA' in os.environ:
        client.tls_set(os.environ['CBIGAN_CA'])
    client.on_connect = lambda *_: client.subscribe('cbigan/results', qos=1)
    client.on_subscribe = lambda *_: ready.set()
    client.on_message = on_message
    port = port or ('8883' if 'CBIGAN_CA' in os.environ else '1883')
    try:
        client.connect(host, int(port))
    except OSError as error:
        sys.exit(f'send_jobs.py: no broker at {host}:{port}: {error.strerror}')
    client.loop_start()
    ready.wait()
    for name, path in waiting.items():
        uri = path if '://' in path else os.path.abspath(path)
        client.publish('cbigan/jobs', json.dumps({'id': name, 'uri': uri, 'model': sys.argv[2]}), qos=1).wait_for_publish()
    done.wait()
    client.loop_stop()
    return any(state != 'done' for state in states.values())


if __name__ == '__main__':
    sys.exit(main())
