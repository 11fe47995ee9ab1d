#!/usr/bin/env bash
# demo.sh - everything, from nothing to a video with the defects marked; safe to run again
#
# Copyright (C) 2026 the cbigan developers
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Installs what is missing from Debian, builds, makes pictures of woven cloth, trains a small model on the good ones,
# measures it on others, and runs a pipeline that scores a passing strip of cloth and draws where it is wrong.
# Results: demo-output/ (replaced by every run).
set -euo pipefail
# shellcheck source=pipelines/setup.sh
. "$(dirname "$0")/setup.sh"
arguments 0 0 "$@"
cd "$root"

size=256 # pixels, of the square pictures; the strip moves by one picture, so no two show the same cloth
kinds=(missing-yarn stain hole scratch)
output=demo-output
model=$output/cloth.safetensors

# pictures FOLDER NUMBER SEED [PROPERTY...]
pictures() {
  local folder=$1 number=$2 seed=$3
  shift 3
  mkdir -p "$folder"
  launch -q cbigantestsrc num-buffers="$number" speed=$size seed="$seed" "$@" \
    ! video/x-raw,width=$size,height=$size ! videoconvert ! pngenc ! multifilesink location="$folder/$seed-%04d.png"
}

install_packages build run
if has_nvcc; then install_packages cuda; fi
if has_display; then install_packages window; fi
build_in build
use_build

say "making pictures of good and of defective cloth"
rm -rf "$output"
# A seed is a roll with its own warp. With one roll alone, the threshold would not know how much rolls differ.
for roll in 11 12 13 14; do pictures $output/train/good 30 $roll; done
pictures $output/test/good 40 2
for kind in "${kinds[@]}"; do pictures "$output/test/$kind" 10 3 defects=1 kinds="$kind"; done

say "training on $output/train/good"
# Woven cloth is learnt with fewer updates than the default's; slow machines stop after four minutes.
cbigan train $output/train --preset texture --updates 1000 --minutes 4 --output $model

say "measuring on $output/test, which it has not seen"
cbigan eval --model $model --csv $output/scores.csv $output/test | tee $output/eval.txt

say "scoring a passing strip"
launch -q cbigantestsrc num-buffers=250 speed=6 seed=4 defects=0.4 \
  ! video/x-raw,width=$size,height=$size,framerate=25/1 ! cbiganscore model=$model ! cbiganoverlay ! videoconvert \
  ! vp8enc deadline=1 cpu-used=8 threads=1 target-bitrate=4000000 ! matroskamux ! filesink location=$output/scored.mkv

say "done. In $output/:"
cat << EOT
  scored.mkv         the strip, marked where it is wrong (any player shows it)
  eval.txt           how well defective and good pictures are told apart
  scores.csv         the score of every test picture
  cloth.safetensors  the model; use it in a pipeline with: cbiganscore model=$PWD/$model
  train/ test/       the pictures
EOT
if has_display; then
  say "showing the strip live (close the window or press Ctrl-C to end)"
  launch -q cbigantestsrc is-live=true speed=6 seed=5 defects=0.4 \
    ! video/x-raw,width=$size,height=$size,framerate=25/1 ! cbiganscore model=$model ! cbiganoverlay \
    ! videoconvert ! autovideosink
fi
