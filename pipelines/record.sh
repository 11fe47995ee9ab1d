#!/usr/bin/env bash
# record.sh - records a scored source with the heat map drawn in, as Matroska files of ten minutes
#
# Copyright (C) 2026 the cbigan developers
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# record.sh MODEL SOURCE FOLDER
# SOURCE: as in watch-camera.sh. The folder must not exist yet. Ctrl-C ends the recording; its last file is complete then.
set -euo pipefail
# shellcheck source=pipelines/setup.sh
. "$(dirname "$0")/setup.sh"

(($# == 3)) || die "usage: ${0##*/} MODEL SOURCE FOLDER"
read_model "$1"
read_source "$2"
[[ ! -e $3 ]] || die "$3 exists: name a new folder"
mkdir -p "$3"
use_build

# -e: Ctrl-C sends the end of the stream, so that the muxer can finish.
launch -q -e "${source[@]}" ! queue ! cbiganscore "model=$model" ! cbiganoverlay ! videoconvert ! queue \
  ! vp8enc deadline=1 cpu-used=8 threads=2 target-bitrate=4000000 keyframe-max-dist=60 \
  ! splitmuxsink muxer-factory=matroskamux max-size-time=600000000000 "location=$3/%05d.mkv"
say "recorded: $3"
