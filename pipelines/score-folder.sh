#!/usr/bin/env bash
# score-folder.sh - scores every picture of a folder: scores.csv and a heat map of each
#
# Copyright (C) 2026 the cbigan developers
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# score-folder.sh MODEL FOLDER OUTPUT
# The output folder must not exist yet.
set -euo pipefail
# shellcheck source=pipelines/setup.sh
. "$(dirname "$0")/setup.sh"

(($# == 3)) || die "usage: ${0##*/} MODEL FOLDER OUTPUT"
read_model "$1"
[[ -d $2 ]] || die "$2: no such folder"
[[ ! -e $3 ]] || die "$3 exists: name a new folder"
use_build

mapfile -d '' pictures < <(find "$2" -type f -regextype posix-extended \
  -iregex '.*\.(png|jpe?g|bmp|tiff?|webp|p[gpn]m)' -print0 | sort -z)
((${#pictures[@]})) || die "$2: no pictures"
mkdir -p "$3/heatmaps"
cbigan score --model "$model" --heatmap "$3/heatmaps" "${pictures[@]}" > "$3/scores.csv"
say "${#pictures[@]} pictures scored: $3/scores.csv, heat maps in $3/heatmaps"
