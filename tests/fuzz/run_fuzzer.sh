#!/bin/sh
# run_fuzzer.sh - libFuzzer on the model reader, a fixed number of inputs from a fixed start
#
# Copyright (C) 2026 the cbigan developers
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# usage: run_fuzzer.sh WRITE_SEEDS FUZZER. An input that fails stays in the folder where this was started.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$1" "$folder/corpus"
"$2" -seed=1 -runs=3000 -max_len=30000 -timeout=20 "$folder/corpus"
