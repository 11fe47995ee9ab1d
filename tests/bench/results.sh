#!/usr/bin/env bash
# results.sh - the figures of docs/results.md: trains on a data set laid out as MVTec AD's with several seeds, and evaluates
#
# Copyright (C) 2026 the cbigan developers
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# usage: tests/bench/results.sh DATA OUTPUT [N [TRAIN_OPTION...]]        N: number of seeds
#        tests/bench/results.sh mvtec_bottle_256 bottle-results 3 --preset object --rotation 45
# Run it in `meson devenv -C build`; run again, it goes on where it was. OUTPUT gets seed-1.safetensors, ..., what the training
# printed: train, and for each seed what `cbigan eval` printed: seed-1.eval (as they are), .dark and .bright (brightness x0.92
# and x1.08), of a CBiGAN .untrained (D with its start values: a warm-up of one step leaves it alone).
set -euo pipefail
shopt -s nullglob
data=$1 output=$2 n=${3:-3}
shift $(($# < 3 ? $# : 3))
mkdir -p "$output"
there=("$output"/seed-*.safetensors*)
cbigan train "$data" "$@" --seeds "$n" ${there:+--resume} --output "$output/seed.safetensors" 2>&1 | tee -i "$output/train"
for model in "$output"/seed-*.safetensors; do
  name=${model%.safetensors}
  if ! cbigan info "$model" | grep -q '^Score: *inspector'; then
    cbigan train "$data" "$@" --seed "${name##*-}" --warmup-steps 1 --steps 0 --force --output "$output/start.safetensors" 2> /dev/null
    cbigan eval --model "$output/start.safetensors" "$data/test" > "$name.untrained"
    rm "$output/start.safetensors"
  fi
  cbigan eval --model "$model" "$data/test" > "$name.eval"
  cbigan eval --model "$model" --gain 0.92 "$data/test" > "$name.dark"
  cbigan eval --model "$model" --gain 1.08 "$data/test" > "$name.bright"
done
# mean and spread in other light, of an inspector; the training's table has the others
for light in dark bright; do
  grep -h '^all ' "$output"/*.$light | awk -v light=$light '{ n++; sum += $3; low = n == 1 || $3 < low ? $3 : low; high = $3 > high ? $3 : high }
    END { if (n) printf "%s: AUROC of %d seeds: mean %.4f, %.4f to %.4f\n", light, n, sum / n, low, high }'
  for kind in good defective; do
    sed -n "s/^Over the model.* $kind pictures \([0-9]*\) of \([0-9]*\).*/\1 \2/p" "$output"/*.$light | awk -v light=$light -v kind=$kind '
      { n++; sum += $1; low = n == 1 || $1 < low ? $1 : low; high = $1 > high ? $1 : high; all = $2 }
      END { if (n) printf "%s: %s pictures flagged: mean %.1f, %d to %d of %d\n", light, kind, sum / n, low, high, all }'
  done
done
grep -H -E '^all |^Over the model' "$output"/seed-*.{untrained,eval,dark,bright}
