#!/bin/sh
# check_potfiles.sh - every source with translatable strings stands in POTFILES.in, and no other; all can be translated
#
# Copyright (C) 2026 the cbigan developers
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# usage: check_potfiles.sh SOURCE_ROOT. To mend what it finds: check_potfiles.sh SOURCE_ROOT --update
set -eu
cd "$1"
export LC_ALL=C
listed=po/POTFILES.in
found=$(grep -rlE '(^|[^A-Za-z0-9_])[Nn]?_ ?\("' --include='*.[ch]' --include='*.cc' cbigan-core gst-plugin trainer | sort)
if [ "${2:-}" = --update ]; then
  printf '%s\n' '# sources with translatable strings; po/check_potfiles.sh . --update' "$found" > "$listed"
fi
wanted=$(grep -v '^#' "$listed")
if [ "$found" != "$wanted" ]; then
  echo "$listed differs from the sources with _() or N_(); run po/check_potfiles.sh . --update" >&2
  printf 'listed:\n%s\nfound:\n%s\n' "$wanted" "$found" >&2
  exit 1
fi
# xgettext takes a string only up to a macro.
if printf '%s\n' "$found" | xargs grep -nE '[Nn]?_ ?\(.*" *G_G[A-Z0-9]+_FORMAT' >&2; then
  echo "these can't be translated: write %zu, or %llu and a cast" >&2
  exit 1
fi
