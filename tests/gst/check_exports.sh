#!/bin/sh
# check_exports.sh - a GStreamer plugin exports its two entry points and nothing else of ours
#
# Copyright (C) 2026 the cbigan developers
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# usage: check_exports.sh PLUGIN...
set -eu
export LC_ALL=C
for plugin in "$@"; do
  name=$(basename "$plugin" .so)
  name=${name#libgst}
  wanted="gst_plugin_${name}_get_desc gst_plugin_${name}_register"
  found=$(nm -D --defined-only "$plugin" | awk '$2 ~ /^[A-Z]$/ { print $3 }' | grep -v '^_' | sort | xargs)
  [ "$found" = "$wanted" ] && continue
  printf '%s exports: %s\nexpected: %s\n' "$plugin" "$found" "$wanted" >&2
  exit 1
done
