#!/usr/bin/env bash
# watch-cameras.sh - scores up to four sources and shows them, with their heat maps, in one window
#
# Copyright (C) 2026 the cbigan developers
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# usage: watch-cameras.sh MODEL SOURCE [SOURCE [SOURCE [SOURCE]]]
# SOURCE: as in watch-camera.sh. Without a display nothing is shown. Ctrl-C or SIGTERM ends it.
set -euo pipefail
# shellcheck source=pipelines/setup.sh
. "$(dirname "$0")/setup.sh"

arguments 2 5 "$@"
read_model "$1"
shift
use_build

width=640 height=360
show=(fakesink sync=true)
if has_display; then show=(autovideosink sync=false); fi
line=(compositor name=window background=black)
for ((i = 0; i < $#; i++)); do
  row=$((i / 2)) column=$((i % 2))
  line+=("sink_$i::xpos=$((column * width))" "sink_$i::ypos=$((row * height))"
    "sink_$i::width=$width" "sink_$i::height=$height")
done
line+=(! videoconvert ! "${show[@]}")
for description in "$@"; do
  read_source "$description"
  line+=("${source[@]}" ! queue max-size-buffers=1 leaky=downstream ! cbiganscore "model=$model" threads=1
    ! cbiganoverlay ! videoconvert ! queue max-size-buffers=1 ! window.)
done
launch -q "${line[@]}"
