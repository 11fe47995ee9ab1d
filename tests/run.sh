#!/usr/bin/env bash
# usage: run.sh [--all | --soak]
#
# Installs what is missing, builds, runs the tests, then those of the sanitizers; safe to run again. --all runs the
# long tail too: more widths, shapes and emulated GPUs of the same tests. --soak only plays 16 cameras for half an hour
# and fails if memory grows by more than 2 %.
#
# Copyright (C) 2026 the cbigan developers
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The last line is "N passed, N failed, N skipped" over all test cases; the exit status is 0 only when none failed.
# Builds lie in build-tests/ and build-sanitize/, each with its logs. A test's folder is its suite; tests that are in
# the suite "slow" too do not run under the sanitizers, those in "long" only with --all. So do the cases under the
# sanitizers that `late_cases` of tests/meson.build names.
set -euo pipefail
# shellcheck source=pipelines/setup.sh
. "$(dirname "$0")/../pipelines/setup.sh"
cd "$root"
setup=default
if [[ ${1:-} == --soak && $# == 1 ]]; then
  install_packages build run test
  build_in build-tests -Dtests=enabled -Dcuda-chips=75
  exec /usr/bin/python3 tests/bench/streams.py --build build-tests --counts 16 --soak 30
fi
if [[ ${1:-} == --all && $# == 1 ]]; then
  setup=all
elif (($#)); then
  arguments 0 0 "$@"
fi

export LC_ALL=C.UTF-8
unset DISPLAY WAYLAND_DISPLAY GST_PLUGIN_PATH GST_DEBUG

run_tests() { # FOLDER MESON_TEST_OPTIONS...; failures are counted at the end, from the logs
  local folder=$1
  shift
  say "testing in $folder"
  rm -f "$folder"/meson-logs/testlog*
  # One process more than processors: some tests only wait.
  GST_REGISTRY=$root/$folder/registry.bin meson test -C "$folder" --no-rebuild --setup "$setup" \
    --num-processes $(($(nproc) + 1)) "$@" < /dev/null 2>&1 |
    tee "$folder/test.log" | grep -E '^ *[0-9]+/[0-9]+ ' || true
}

install_packages build run test
if has_nvcc; then install_packages cuda; fi

install_onnxruntime() { # from PyPI, for one test, whose cases are skipped without it
  [[ -x build-onnxruntime/bin/python ]] && return
  say "installing onnxruntime in build-onnxruntime"
  { /usr/bin/python3 -m venv build-onnxruntime && build-onnxruntime/bin/pip -q install onnxruntime; } > build-onnxruntime.log 2>&1 ||
    { rm -rf build-onnxruntime; say "no onnxruntime: build-onnxruntime.log"; }
}

if [[ $setup == all ]]; then install_onnxruntime; fi
# One kind of GPU is enough where kernels are compiled but not run: it takes a quarter of the time of all.
build_in build-tests -Dtests=enabled -Dcuda-chips=75
run_tests build-tests --timeout-multiplier 6

# b_lundef: the sanitizers' run-time functions come from the program, not from the libraries.
# Without cuda: its emulated threads change stacks, which the address sanitizer takes for damage.
build_in build-sanitize -Dtests=enabled -Dcuda=disabled -Dbuildtype=debugoptimized -Doptimization=1 -Db_sanitize=address,undefined -Db_lundef=false
# Debian's plugins are registered beforehand, without the sanitizers, which would find those plugins' own leaks.
GST_REGISTRY=build-sanitize/registry.bin gst-inspect-1.0 > /dev/null
# GST_REGISTRY_FORK: GStreamer's scanner is a program without the sanitizers, so it could not open our plugin.
# detect_odr_violation: tests that open the plugin hold the core twice, in themselves and in the plugin.
# detect_stack_use_after_return: gcc 14 stores AVX-512 vectors in its stack frames as if their alignment were 64.
ASAN_OPTIONS=detect_odr_violation=0:detect_stack_use_after_return=0:malloc_context_size=20:allocator_may_return_null=1 \
  LSAN_OPTIONS=suppressions=$root/tests/sanitizers/lsan.supp:print_suppressions=0 \
  UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 \
  GST_REGISTRY_FORK=no \
  run_tests build-sanitize --timeout-multiplier 10 --no-suite slow --no-suite pipelines

say "logs: build-tests/test.log, build-sanitize/test.log, and meson-logs/testlog.txt in both"
python3 tests/count_results.py build-tests build-sanitize
