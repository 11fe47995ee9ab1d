#!/usr/bin/env bash
# other-debian.sh - tries cbigan on another Debian, which lies in a folder of its own
#
# Copyright (C) 2026 the cbigan developers
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# usage: other-debian.sh SUITE [PART...]
# SUITE: bookworm, trixie, ... PART: demo, tests, packages, arm64, readme; without one, demo and tests.
#   demo   pipelines/demo.sh; then this machine's build/ scores its pictures with the model trained there, and must give
#          the same scores bit for bit
#   tests  all tests but the suites slow, long, and style
#   packages  builds the packages of debian/, asks lintian, installs those for run time in a new /var/tmp/cbigan-SUITE-packages,
#             where there is no compiler, and trains and scores there with program, plugin and Python
#   arm64  compiles for arm64 in /var/tmp/cbigan-SUITE-arm64, runs program, plugin and print_scores there by qemu-user, and
#          compares a score with that of this machine's build/
#   readme  README's two commands in a new /var/tmp/cbigan-SUITE-readme, and how many minutes each took
# Runs as root. debootstrap makes /var/tmp/cbigan-SUITE (or $CBIGAN_DEBIAN) the first time, from a mirror whose
# signature it checks; later runs use it again. The files that git knows or does not ignore are copied there. Nothing
# outside the folders is changed, and mounts end with the script. demo and packages say how many megabytes the packages
# that they install take on disk, where the folder was new.
set -euo pipefail
# shellcheck source=pipelines/setup.sh
. "$(dirname "$0")/../pipelines/setup.sh"
cd "$root"

arguments 1 6 "$@"
suite=$1
shift
parts=("$@")
if ((!${#parts[@]})); then parts=(demo tests); fi
for part in "${parts[@]}"; do [[ " demo tests packages arm64 readme " == *" $part "* ]] || die "$part: no part"; done
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

if has_part demo || has_part tests || has_part packages; then
  make_machine
  copy_sources
fi

if has_part demo; then
  say "demo on $suite"
  inside 'bash pipelines/demo.sh'
  say_size "with compiler and -dev packages"
  if [[ -x build/trainer/cbigan ]]; then
    # The same model and pictures, scored by both machines' builds. JSON has all digits, and the regions of the maps.
    score=(score --json --model demo-output/cloth.safetensors demo-output/test/good demo-output/test/stain)
    inside "build/trainer/cbigan ${score[*]} > scores-there.json"
    (cd "$machine/cbigan" && "$root/build/trainer/cbigan" "${score[@]}" > scores-here.json)
    cmp "$machine/cbigan/scores-there.json" "$machine/cbigan/scores-here.json" || die "the scores differ from this machine's"
    say "$(wc -l < "$machine/cbigan/scores-here.json") scores of one model, the same as this machine's"
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
    rm -rf build* demo-output scores-*.json
    apt-get -q update; apt-get -q -y --no-install-recommends install dpkg-dev lintian; apt-get -q -y --no-install-recommends build-dep ./
    dpkg-buildpackage -us -uc -b; cd ..; lintian --fail-on error,warning --info *.changes'
  built=$machine/packages
  (
    machine=${CBIGAN_DEBIAN:-/var/tmp/cbigan-$suite}-packages
    rm -rf --one-file-system "$machine"
    make_machine
    cp "$built"/*.deb docs/examples/library.py "$machine/cbigan/"
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
      picture="video/x-raw,format=RGB,width=128,height=128"
      cbigan train --quick --preset object --frame 128x128 --pipeline "videotestsrc num-buffers=20 ! $picture" --output bars.safetensors
      gst-launch-1.0 -q videotestsrc pattern=ball num-buffers=1 ! $picture ! pngenc ! filesink location=ball.png
      cbigan score --model bars.safetensors ball.png
      gst-launch-1.0 -q videotestsrc num-buffers=1 ! $picture ! videoconvert ! cbiganscore model=bars.safetensors ! cbiganjson ! fdsink'
    logged introspection 'export DEBIAN_FRONTEND=noninteractive
      apt-get -q -y --no-install-recommends install ./gir1.2-cbigan-0_*.deb gir1.2-gdkpixbuf-2.0 python3-gi'
    inside 'cbigan score --model bars.safetensors --json ball.png > ball.json
      python3 library.py bars.safetensors ball.png | tee ball.txt
      python3 -c "import json; a, b = json.load(open(\"ball.json\"))[\"score\"], float(open(\"ball.txt\").read().split()[0]); assert a == b, (a, b)"'
  )
fi

if has_part arm64; then
  machine=${CBIGAN_DEBIAN:-/var/tmp/cbigan-$suite}-arm64
  make_machine
  copy_sources
  say "compiling for arm64 on $suite"
  cat > "$machine/cbigan/arm64.ini" << 'EOT'
[binaries]
c = 'aarch64-linux-gnu-gcc'
cpp = 'aarch64-linux-gnu-g++'
ar = 'aarch64-linux-gnu-gcc-ar'
strip = 'aarch64-linux-gnu-strip'
pkgconfig = 'pkg-config'
exe_wrapper = 'qemu-aarch64'
[properties]
pkg_config_libdir = ['/usr/lib/aarch64-linux-gnu/pkgconfig', '/usr/share/pkgconfig']
[host_machine]
system = 'linux'
cpu_family = 'aarch64'
cpu = 'aarch64'
endian = 'little'
EOT
  # Compilers and tools are this machine's kind; libraries and GStreamer's plugins are arm64's.
  libraries=$(awk '$1 == "build" && $2 ~ /^lib.*-dev$/ && $2 !~ /girepository/ {printf "%s:arm64 ", $2}' pipelines/packages.txt)
  logged arm64 "export DEBIAN_FRONTEND=noninteractive
    dpkg --add-architecture arm64; apt-get -q update
    apt-get -q -y --no-install-recommends install gcc g++ {gcc,g++}-aarch64-linux-gnu meson ninja-build gettext protobuf-c-compiler \
      qemu-user pkg-config $libraries gstreamer1.0-{tools,plugins-base,plugins-good}:arm64
    [ -f build-arm64/build.ninja ] || meson setup build-arm64 --cross-file arm64.ini -Dtests=disabled -Dcuda=disabled -Dintrospection=disabled
    ninja -C build-arm64"
  say "running it by qemu-user"
  # GStreamer's scanner of plugins is a program of its own, which this kernel does not start.
  # shellcheck disable=SC2016
  inside 'export GST_REGISTRY_FORK=no GST_PLUGIN_PATH=build-arm64/gst-plugin picture="video/x-raw,format=RGB,width=64,height=64"
    arm64() { qemu-aarch64 "$@"; }
    arm64 build-arm64/trainer/cbigan --version
    arm64 build-arm64/trainer/cbigan train --quick --preset object --frame 64x64 --pipeline "videotestsrc num-buffers=20 ! $picture" --force --output bars.safetensors
    arm64 build-arm64/pipelines/examples/print_scores "videotestsrc num-buffers=3 ! $picture ! videoconvert ! cbiganscore model=bars.safetensors name=score ! fakesink"
    arm64 /usr/bin/gst-launch-1.0 -q videotestsrc pattern=ball num-buffers=1 ! $picture ! pngenc ! filesink location=ball.png
    arm64 build-arm64/trainer/cbigan score --json --model bars.safetensors ball.png > scores-there.json'
  if [[ -x build/trainer/cbigan ]]; then
    (cd "$machine/cbigan" && "$root/build/trainer/cbigan" score --json --model bars.safetensors ball.png > scores-here.json)
    # shellcheck disable=SC2016
    cat "$machine"/cbigan/scores-{here,there}.json | sed 's/.*"score":\([^,]*\),.*/\1/' | paste - - |
      awk '{print "score here: " $1 ", of arm64: " $2; exit !(($1 - $2)^2 < 1e-10 * $1^2)}' || die "the scores differ by more than 1e-5 of each"
  fi
fi

if has_part readme; then
  machine=${CBIGAN_DEBIAN:-/var/tmp/cbigan-$suite}-readme
  rm -rf --one-file-system "$machine"
  make_machine
  copy_sources
  for command in pipelines/demo.sh tests/run.sh; do
    SECONDS=0
    inside "bash $command" || say "$command failed"
    say "$command on a new $suite"
  done
fi
