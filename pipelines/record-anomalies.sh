#!/usr/bin/env bash
# record-anomalies.sh - records only what lies around anomalies: one Matroska file each, and a line of JSON per anomalous frame
#
# Copyright (C) 2026 the cbigan developers
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# usage: record-anomalies.sh MODEL SOURCE FOLDER [SECONDS]
# SOURCE: as in watch-camera.sh. FOLDER: a new or an empty one. SECONDS: what is kept before and after an anomaly (2).
# Ctrl-C or SIGTERM ends it; the last file is complete then. The lines are in FOLDER/anomalies.jsonl (docs/json.md).
set -euo pipefail
# shellcheck source=pipelines/setup.sh
. "$(dirname "$0")/setup.sh"

arguments 3 4 "$@"
read_model "$1"
read_source "$2"
[[ ${4:-2} =~ ^[0-9]+$ ]] || die "SECONDS is $4; expected a whole number"
roll=$((${4:-2} * 1000000000))
use_build
new_folder "$3"

# The gate stands behind the encoder, where a second of video takes little memory. A clip begins with a key frame.
launch -q -e "${source[@]}" ! queue ! cbiganscore "model=$model" ! tee name=scored \
  ! queue ! cbiganoverlay ! videoconvert \
  ! vp8enc deadline=1 cpu-used=8 threads=1 target-bitrate=4000000 keyframe-max-dist=15 \
  ! cbigangate pre-roll=$roll post-roll=$roll \
  ! splitmuxsink muxer-factory=matroskamux "location=$(launch_text "${folder//%/%%}")/%05d.mkv" \
  scored. ! queue leaky=downstream ! cbiganjson anomalous-only=true \
  ! filesink async=false "location=$(launch_text "$folder")/anomalies.jsonl"
say "recorded: $3"
