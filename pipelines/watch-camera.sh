#!/usr/bin/env bash
# watch-camera.sh - scores a camera live: a line when an anomaly begins or ends; the picture with its heat map on a display
#
# Copyright (C) 2026 the cbigan developers
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# usage: watch-camera.sh MODEL [SOURCE]
# SOURCE: a device (/dev/video0, the default), an address (rtsp://...), a video file, or a launch description of a
# source ("cbigantestsrc is-live=true defects=0.3"). Ctrl-C or SIGTERM ends it. Output: lines of JSON
# (docs/json.md) with the anomaly's event_id when it begins, and 0 when it ends.
set -euo pipefail
# shellcheck source=pipelines/setup.sh
. "$(dirname "$0")/setup.sh"

arguments 1 2 "$@"
read_model "$1"
read_source "${2:-/dev/video0}"
use_build

show=(fakesink sync=true)
if has_display; then show=(cbiganoverlay ! videoconvert ! autovideosink sync=false); fi

# The queue holds one frame: where scoring is slower than the camera, old frames are dropped and the delay stays small.
launch -q "${source[@]}" ! queue max-size-buffers=1 leaky=downstream ! cbiganscore "model=$model" ! tee name=scored \
  ! queue max-size-buffers=1 leaky=downstream ! "${show[@]}" \
  scored. ! queue leaky=downstream ! cbiganjson changes-only=true ! fdsink async=false
