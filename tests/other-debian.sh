#!/usr/bin/env bash
# other-debian.sh - tries cbigan on another Debian, which lies in a folder of its own
#
# Copyright (C) 2026 the cbigan developers
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# usage: other-debian.sh SUITE [PART...]
# SUITE: bookworm, trixie, ... PART: demo, tests, packages; without one, demo and tests.
#   demo   pipelines/demo.sh, then the scores of its pictures against those of this machine's build/, bit for bit
#   tests  all tests but the suites slow, long, and style
#   packages  builds the packages of debian/, asks lintian, installs those for run time in /var/tmp/cbigan-SUITE-packages,
#             where there is no compiler, and trains and scores there with program and plugin
# Runs as root. debootstrap makes /var/tmp/cbigan-SUITE (or $CBIGAN_DEBIAN) the first time, from a mirror whose
# signature it checks; later runs use it again. The files that git knows or does not ignore are copied there. Nothing
# outside the folders is changed, and mounts end with the script. demo and packages say how many megabytes the packages
# that they install take on disk, where the folder was new.
set -euo pipefail
# shellcheck source=pipelines/setup.sh
. "$(dirname "$0")/../pipelines/setup.sh"
cd "$root"

arguments 1 4 "$@"
suite=$1
shift
parts=("$@")
if ((!${#parts[@]})); then parts=(demo tests); fi
for part in "${parts[@]}"; do [[ " demo tests packages " == *" $part "* ]] || die "$part: no part"; done
((EUID == 0)) || die "run as root: it makes a root folder and enters it"
command -v debootstrap > /dev/null || die "install debootstrap first"
machine=${CBIGAN_DEBIAN:-/var/tmp/cbigan-$suite}
keys=/usr/share/keyrings/debian-archive-keyring.gpg
[[ -f $keys ]] || die "$keys is missing: install debian-archive-keyring"
mirror=${CBIGAN_MIRROR:-http://deb.debian.org/debian}

# inside COMMAND: in a shell of $machine, in its folder /cbigan; /proc and /dev are mounted for it alone
inside() {
  # shellcheck disable=SC2016  # the inner shell expands them
  unshare --mount sh -c '
    mountpoint -q "$1/proc" || mount -t proc proc "$1/proc"
    mountpoint -q "$1/dev" || mount --bind /dev "$1/dev"
    exec chroot "$1" env -i PATH=/usr/bin:/bin:/usr/sbin:/sbin HOME=/root LC_ALL=C.UTF-8 \
      bash -euc "cd /cbigan; $2"' inside "$machine" "$1" < /dev/null
}

# megabytes: what Debian takes in $machine, without the source tree, the built packages and what apt keeps
megabytes() {
  du -smx --exclude="$machine"/{cbigan,packages,proc,dev,root,tmp,var/cache,var/lib/apt/lists} "$machine" | cut -f 1
}

# say_size WHAT: how many megabytes were installed since debootstrap
say_size() {
  if [[ -f $machine.bare ]]; then say "$1: $(($(megabytes) - $(< "$machine.bare"))) MB on top of a bare $suite of $(< "$machine.bare") MB"; fi
}

# Makes $machine if it is not there. The network and apt are set up as here: proxies, and clocks that differ from the
# mirror's.
make_machine() {
  if [[ ! -f $machine/etc/debian_version ]]; then
    say "making $machine"
    run_logged "$machine.log" debootstrap --variant=minbase --keyring="$keys" "$suite" "$machine" "$mirror"
    megabytes > "$machine.bare"
  fi
  cp /etc/resolv.conf /etc/hosts "$machine/etc/"
  apt-config dump | grep '^Acquire::' > "$machine/etc/apt/apt.conf.d/90host"
  mkdir -p "$machine/cbigan"
}

# Files of an older source tree go; what was built there stays.
copy_sources() {
  find "$machine/cbigan" -mindepth 1 -maxdepth 1 ! -name 'build*' ! -name demo-output -exec rm -rf {} +
  git ls-files -z -c -o --exclude-standard | tar -c --null --ignore-failed-read -T - | tar -x -C "$machine/cbigan"
}

# logged WHAT COMMAND: inside(), its output in $machine.WHAT.log
logged() {
  inside "$2" > "$machine.$1.log" 2>&1 || { tail -n 40 "$machine.$1.log" >&2; die "failed (everything: $machine.$1.log)"; }
}

has_part() {
  [[ " ${parts[*]} " == *" $1 "* ]]
}

make_machine
copy_sources

if has_part demo; then
  say "demo on $suite"
  inside 'bash pipelines/demo.sh'
  say_size "with compiler and -dev packages"
  if [[ -x build/trainer/cbigan ]]; then
    # The same model and pictures, scored by both machines' builds
    score=(score --model demo-output/cloth.safetensors demo-output/test/good demo-output/test/stain)
    inside "build/trainer/cbigan ${score[*]} > scores-there.csv"
    (cd "$machine/cbigan" && "$root/build/trainer/cbigan" "${score[@]}" > scores-here.csv)
    cmp "$machine/cbigan/scores-there.csv" "$machine/cbigan/scores-here.csv" || die "the scores differ from this machine's"
    say "$(wc -l < "$machine/cbigan/scores-here.csv") rows of scores, the same as this machine's"
  fi
fi

if has_part tests; then
  say "tests on $suite"
  inside '. pipelines/setup.sh; install_packages build run test; build_in build -Dtests=enabled
    unset DISPLAY; meson test -C build --no-rebuild -t 6 --no-suite slow --no-suite style > build/test.log 2>&1 || true
    grep -E "^ *[0-9]+/[0-9]+ .*(FAIL|TIMEOUT|ERROR)" build/test.log || true
    python3 tests/count_results.py build'
fi

if has_part packages; then
  say "building packages on $suite"
  logged packages 'export DEBIAN_FRONTEND=noninteractive
    rm -rf /packages; mkdir /packages; cp -r /cbigan /packages/cbigan; cd /packages/cbigan
    rm -rf build* demo-output scores-*.csv
    apt-get -q update; apt-get -q -y --no-install-recommends install dpkg-dev lintian; apt-get -q -y --no-install-recommends build-dep ./
    dpkg-buildpackage -us -uc -b; cd ..; lintian --fail-on error,warning --info *.changes'
  built=$machine/packages
  (
    machine=${CBIGAN_DEBIAN:-/var/tmp/cbigan-$suite}-packages
    make_machine
    rm -rf "$machine"/cbigan/*
    cp "$built"/*.deb "$machine/cbigan/"
    say "installing packages on a $suite without a compiler"
    logged install 'export DEBIAN_FRONTEND=noninteractive
      apt-get -q update; apt-get -q -y --no-install-recommends install ./libcbigan0_*.deb ./cbigan_*.deb ./gstreamer1.0-cbigan_*.deb gstreamer1.0-tools'
    say_size "run time alone"
    say "packages that it asks for:"
    # shellcheck disable=SC2016
    inside 'for deb in libcbigan0 cbigan gstreamer1.0-cbigan; do dpkg-query -W -f "\${Depends}, " $deb; done' |
      sed 's/ ([^)]*)//g; s/, /\n/g' | grep -v '^$\|cbigan' | sort -u | tr '\n' ' '
    # shellcheck disable=SC2016
    inside 'echo; if command -v gcc > /dev/null; then echo "there is a compiler" >&2; exit 1; fi
      cbigan --version; cbigan --help > /dev/null; gst-inspect-1.0 cbiganscore > /dev/null
      picture="video/x-raw,width=128,height=128"
      cbigan train --quick --preset object --pipeline "videotestsrc num-buffers=20 ! $picture" --output bars.safetensors
      gst-launch-1.0 -q videotestsrc pattern=ball num-buffers=1 ! $picture ! pngenc ! filesink location=ball.png
      cbigan score --model bars.safetensors ball.png
      gst-launch-1.0 -q videotestsrc num-buffers=1 ! $picture ! videoconvert ! cbiganscore model=bars.safetensors ! cbiganjson ! fdsink'
  )
fi
