#!/usr/bin/env bash
# record.sh - records a scored source with the heat map drawn in, as Matroska files of ten minutes
#
# Copyright (C) 2026 the cbigan developers
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# usage: record.sh MODEL SOURCE FOLDER
# SOURCE: as in watch-camera.sh. FOLDER: a new or an empty one. Ctrl-C or SIGTERM ends the recording; its last file is
# complete then.
set -euo pipefail
# shellcheck source=pipelines/setup.sh
. "$(dirname "$0")/setup.sh"

arguments 3 3 "$@"
read_model "$1"
read_source "$2"
use_build
new_folder "$3"

# -e: Ctrl-C sends the end of the stream, so that the muxer can finish. The files' name is a printf format.
# One encoder thread: libvpx's others spin.
launch -q -e "${source[@]}" ! queue ! cbiganscore "model=$model" ! cbiganoverlay ! videoconvert ! queue \
  ! vp8enc deadline=1 cpu-used=8 threads=1 target-bitrate=4000000 keyframe-max-dist=60 \
  ! splitmuxsink muxer-factory=matroskamux max-size-time=600000000000 \
  "location=$(launch_text "${folder//%/%%}")/%05d.mkv"
say "recorded: $3"
