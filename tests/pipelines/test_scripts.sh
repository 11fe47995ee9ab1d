#!/usr/bin/env bash
# test_scripts.sh - every shell script parses, and shellcheck has nothing to say; prints TAP
#
# Copyright (C) 2026 the cbigan developers
# SPDX-License-Identifier: LGPL-2.1-or-later
set -u
cd "$(dirname "$0")/../.." || exit 1
mapfile -t scripts < <(find .ci/run po tests pipelines -name '*.sh' -o -path .ci/run | sort)
n=0

# check NAME COMMAND...: one test case; what a failing command says follows as comments
check() {
  local name=$1 said
  shift
  n=$((n + 1))
  if said=$("$@" 2>&1); then echo "ok $n - $name"; else printf '# %s\n' "${said//$'\n'/$'\n# '}"; echo "not ok $n - $name"; fi
}

for script in "${scripts[@]}"; do
  check "$script parses" bash -n "$script"
  if command -v shellcheck > /dev/null; then
    check "$script passes shellcheck" shellcheck -x "$script"
  else
    n=$((n + 1)) && echo "ok $n - $script passes shellcheck # SKIP shellcheck is not installed"
  fi
done
echo "1..$n"
