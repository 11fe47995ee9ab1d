#!/usr/bin/env bash
# score-folder.sh - scores every picture of a folder: scores.csv and a heat map of each
#
# Copyright (C) 2026 the cbigan developers
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# usage: score-folder.sh MODEL FOLDER OUTPUT
# OUTPUT: a new or an empty folder.
set -euo pipefail
# shellcheck source=pipelines/setup.sh
. "$(dirname "$0")/setup.sh"

arguments 3 3 "$@"
read_model "$1"
[[ -d $2 ]] || die "$2: no such folder"
pictures=$2
if [[ $pictures == -* ]]; then pictures=./$pictures; fi # no option of cbigan's
use_build
new_folder "$3"

cbigan score --model "$(realpath -- "$1")" --heatmap "$folder/heatmaps" "$pictures" > "$folder/scores.csv"
say "scored: ${3%/}/scores.csv, heat maps in ${3%/}/heatmaps"
