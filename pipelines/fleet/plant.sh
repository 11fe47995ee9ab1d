#!/usr/bin/env bash
# plant.sh - a small plant on this machine: a broker, cameras that watch woven cloth, and a monitor
#
# Copyright (C) 2026 the cbigan developers
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# usage: plant.sh MODEL [CAMERAS] [SECONDS]
# MODEL: of woven cloth (the demo leaves demo-output/cloth.safetensors). CAMERAS: 1 to 50, 3 by default. SECONDS: 20 by
# default. The broker is a mosquitto of its own, on 127.0.0.1 and a free port. Prints events, and a table of the cameras
# every 5 seconds. Halfway, the broker is away for a few seconds, and nothing is lost.
set -euo pipefail
# shellcheck source=pipelines/setup.sh
. "$(dirname "$0")/../setup.sh"

arguments 1 3 "$@"
read_model "$1"
cameras=${2:-3} seconds=${3:-20}
if [[ ! $cameras =~ ^[0-9]{1,2}$ ]] || ((10#$cameras < 1 || 10#$cameras > 50)); then die "CAMERAS is $cameras; expected 1 to 50"; fi
if [[ ! $seconds =~ ^[0-9]{1,4}$ ]] || ((10#$seconds < 10)); then die "SECONDS is $seconds; expected 10 to 9999"; fi
use_build
command -v mosquitto > /dev/null || die "no mosquitto (Debian: mosquitto)"
python3 -c 'import paho.mqtt.client' 2> /dev/null || die "no paho.mqtt for Python (Debian: python3-paho-mqtt)"

work=$(mktemp -d "${TMPDIR:-/tmp}/cbigan-plant.XXXXXX")
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
printf 'listener %s 127.0.0.1\nallow_anonymous true\npersistence true\npersistence_location %s/\n' "$port" "$work" > "$work/mosquitto.conf"
if ((EUID == 0)); then echo 'user root' >> "$work/mosquitto.conf"; fi
children=()
stop() {
  local child
  for child in "${children[@]}" "${broker:-}"; do [[ -z $child ]] || kill "$child" 2> /dev/null || true; done
  wait 2> /dev/null || true
  rm -rf "$work"
}
trap stop EXIT
start_broker() {
  mosquitto -c "$work/mosquitto.conf" 2>> "$work/mosquitto.log" &
  broker=$!
}

start_broker
sleep 1
python3 "$root/pipelines/fleet/monitor.py" "127.0.0.1:$port" 'plant/#' "$seconds" &
monitor=$!
children+=("$monitor")
for ((i = 1; i <= cameras; i++)); do
  gst-launch-1.0 -q cbigantestsrc is-live=true defects=0.3 seed="$i" ! video/x-raw,framerate=10/1 ! cbiganscore "model=$model" threads=1 \
    ! cbiganpublish "uri=mqtt://127.0.0.1:$port" "camera=camera-$i" health-interval=2000 "spool=$work/spool-$i" ! fakesink \
    2>> "$work/camera-$i.log" > /dev/null &
  children+=($!)
done
sleep $((seconds / 2))
say "the broker is away"
kill "$broker"
wait "$broker" 2> /dev/null || true
sleep 3
say "the broker is back"
start_broker
wait "$monitor"
