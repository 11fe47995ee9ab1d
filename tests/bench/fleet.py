#!/usr/bin/python3
"""fleet.py - publishing, workers and training by several processes: rates, delays, and what is lost when parts fail

Copyright (C) 2026 the cbigan developers
SPDX-License-Identifier: LGPL-2.1-or-later

usage: fleet.py MEASUREMENT [BUILD]   (BUILD: the build folder, “build” by default)

  rate          events per second to a real mosquitto, and the time from frame to subscriber
  restarts      the broker restarted 50 times under load: what is lost
  kills         the same with SIGKILL, and a witness on the wire: which of the lost events mosquitto had acknowledged
  frames        time of each frame through cbiganpublish beside an identity, while the broker is killed, cut off, slow or silent
  network       a network of namespaces with delay, loss and cuts (needs root, iproute2, netem in the kernel): what is lost
  relayed       delay, loss and cuts by a relay in user space, where the kernel has no netem
  stand_ins     whether the relay and the kernel's token bucket filter delay, lose and limit as they say (needs root, iproute2)
  cameras       many cameras' connections and events to one broker, with a storm
  simulate      10,000 cameras for two minutes at realistic rates, with storms of 5 %; CAMERAS, SECONDS in the environment
  kafka         the same as rate, to librdkafka's mock cluster, which is no Kafka: it stores in memory, in one thread
  workers       pictures per second of one and of two workers with one thread each; PICTURES in the environment
  worker_kills  two workers, one of them killed with SIGKILL every 5 s: whether every picture is answered
  mpi           a training by two processes with one thread each, beside one process with two threads; STEPS, ROUNDS
  mpi_network   the same between two network namespaces with 1 Gbit/s and 100 Mbit/s between them (needs root, iproute2)
  scaling       a model of 2 to 64 machines from what it measures on this one

On a machine that does other work, put “chrt -r 1” in front, where times and rates are to mean something.
"""
import os
import sys
import tempfile

import fleet_broker
import fleet_mpi
import fleet_plant
import fleet_stand_ins
import fleet_workers

MEASUREMENTS = {f.__name__: f for f in (
    fleet_broker.rate, fleet_broker.restarts, fleet_broker.kills, fleet_broker.frames, fleet_broker.network, fleet_broker.relayed, fleet_stand_ins.stand_ins,
    fleet_plant.cameras, fleet_plant.simulate, fleet_broker.kafka, fleet_workers.workers, fleet_workers.worker_kills, fleet_mpi.mpi, fleet_mpi.mpi_network,
    fleet_mpi.scaling)}

if __name__ == '__main__':
    if len(sys.argv) < 2 or sys.argv[1] not in MEASUREMENTS:
        sys.exit(__doc__)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        MEASUREMENTS[sys.argv[1]]()
