#!/bin/sh
# check_exports.sh - the shared library exports every function of cbigan.h and nothing else of ours
#
# Copyright (C) 2026 the cbigan developers
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# usage: check_exports.sh LIBRARY HEADER
set -eu
export LC_ALL=C
exported=$(nm -D --defined-only "$1" | awk '$2 ~ /^[A-Z]$/ && $2 != "A" { print $3 }' | grep -v '^_' | sort -u)
# Declarations begin in the first column; comments, macros and inline functions don't match.
declared=$(grep -E '^[A-Za-z].*\bcbigan_[a-z0-9_]+\(' "$2" | grep -v G_DEFINE | sed -E 's/.*\b(cbigan_[a-z0-9_]+)\(.*/\1/' | sort -u)
if [ -n "$declared" ] && [ "$exported" = "$(printf '%s\n' "$declared" | sed 's/$/@@CBIGAN_0/')" ]; then exit 0; fi
printf 'exported by %s:\n%s\ndeclared in %s:\n%s\n' "$1" "$exported" "$2" "$declared" >&2
exit 1
