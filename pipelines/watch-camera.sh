#!/usr/bin/env bash
# watch-camera.sh - scores a camera live; prints when anomalies begin and end, shows the heat map where there is a display
#
# Copyright (C) 2026 the cbigan developers
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# watch-camera.sh MODEL [SOURCE]
# SOURCE: a device (/dev/video0, the default), an address (rtsp://...), a video file, or a launch description of a
# source ("cbigantestsrc is-live=true defects=0.3"). Ctrl-C ends it.
set -euo pipefail
# shellcheck source=pipelines/setup.sh
. "$(dirname "$0")/setup.sh"

(($# == 1 || $# == 2)) || die "usage: ${0##*/} MODEL [SOURCE]"
read_model "$1"
read_source "${2:-/dev/video0}"
use_build

show=(fakesink sync=true)
if has_display; then show=(cbiganoverlay ! videoconvert ! autovideosink sync=false); fi

# The queue holds one frame: where scoring is slower than the camera, old frames are dropped and the delay stays small.
# -m prints the messages of all elements; those of cbiganscore are named after it.
launch -m "${source[@]}" ! queue max-size-buffers=1 leaky=downstream \
  ! cbiganscore "model=$model" updates=on-change ! "${show[@]}" |
  grep --line-buffered -E 'cbiganscore|^ERROR|EOS'
