#!/usr/bin/env bash
# serve-json.sh - scores a source and serves the results as lines of JSON on a TCP port of this machine
#
# Copyright (C) 2026 the cbigan developers
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# usage: serve-json.sh MODEL SOURCE [PORT]
# SOURCE: as in watch-camera.sh. PORT: 5555 if not given. Any number of readers: nc 127.0.0.1 5555 (docs/json.md). A reader that
# stops reading is disconnected. Ctrl-C or SIGTERM ends it.
set -euo pipefail
# shellcheck source=pipelines/setup.sh
. "$(dirname "$0")/setup.sh"

arguments 2 3 "$@"
read_model "$1"
read_source "$2"
port=${3:-5555}
if [[ ! $port =~ ^[0-9]{1,5}$ ]] || ((10#$port < 1 || 10#$port > 65535)); then
  die "PORT is $port; expected 1 to 65535"
fi
use_build

launch -q "${source[@]}" ! queue max-size-buffers=1 leaky=downstream ! cbiganscore "model=$model" ! cbiganjson \
  ! tcpserversink host=127.0.0.1 "port=$port" recover-policy=none buffers-max=1000 sync=false
