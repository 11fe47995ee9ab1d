# shellcheck shell=bash disable=SC2034  # its variables are for the scripts that source it
# setup.sh - what the scripts share: install, build, say what happens. Sourced, never run.
#
# Copyright (C) 2026 the cbigan developers
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# To add a Debian package, add a line to packages.txt.

# Debian's own tools go first: its meson and its Python know the packages installed below.
PATH=/usr/bin:/bin:/usr/sbin:/sbin:$PATH
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

say() { # one progress line, with the time since the script began
  printf '[%3d s] %s\n' "$SECONDS" "$*"
}

die() {
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  exit 1
}

# arguments MINIMUM MAXIMUM "$@": prints the script's opening comment and ends for -h and for a wrong number of arguments
arguments() {
  local minimum=$1 maximum=$2 page status=0
  shift 2
  page=$(sed -n '2,/^[^#]/{/^# *Copyright\|^# SPDX\|^[^#]/d;s/^# \{0,1\}//;p}' "$0" | cat -s)
  if [[ ${1:-} == -h || ${1:-} == --help ]]; then
    printf '%s\n' "$page"
    exit 0
  fi
  if (($# < minimum || $# > maximum)); then status=1; fi
  local argument
  for argument in "$@"; do
    if [[ $argument == -* && ! -e $argument && $argument != */* ]]; then
      printf '%s: %s: unknown option (a file of that name: ./%s)\n' "${0##*/}" "$argument" "$argument" >&2
      status=1
    fi
  done
  if ((status)); then
    printf '%s\n' "$page" >&2
    exit 1
  fi
}

# run_logged LOG COMMAND...: output goes to LOG; on failure its end is shown and the log named.
run_logged() {
  local log=$1
  shift
  if ! "$@" > "$log" 2>&1 < /dev/null; then
    tail -n 40 "$log" >&2
    die "failed: $* (everything it said: $log)"
  fi
}

missing_packages() { # GROUP...: names of the packages that are not installed
  local group package
  while read -r group package _; do
    [[ -z $group || $group == \#* || " $* " != *" $group "* ]] && continue
    [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2> /dev/null) == installed ]] || echo "$package"
  done < "$root/pipelines/packages.txt"
}

install_packages() { # GROUP...
  local missing log as_root=()
  command -v dpkg-query > /dev/null || { say "not Debian: install what pipelines/packages.txt names yourself"; return; }
  mapfile -t missing < <(missing_packages "$@")
  ((${#missing[@]})) || return 0
  if ((EUID != 0)); then
    command -v sudo > /dev/null || die "run as root, or install first: ${missing[*]}"
    as_root=(sudo)
  fi
  log=$(mktemp "${TMPDIR:-/tmp}/cbigan-apt.XXXXXX.log")
  say "installing from Debian: ${missing[*]}"
  run_logged "$log" "${as_root[@]}" apt-get -q update
  run_logged "$log" "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get -q -y --no-install-recommends install "${missing[@]}"
  rm -f "$log"
}

build_in() { # FOLDER MESON_OPTIONS...: configures once, then compiles what changed
  local folder=$root/$1
  shift
  if [[ ! -f $folder/build.ninja ]]; then
    say "configuring ${folder##*/}"
    rm -rf "$folder"
    mkdir -p "$folder"
    run_logged "$folder.log" meson setup "$folder" "$root" "$@"
    mv "$folder.log" "$folder/setup.log"
  fi
  say "building ${folder##*/}"
  run_logged "$folder/build.log" meson compile -C "$folder"
}

use_build() { # cbigan and its elements from a build folder (CBIGAN_BUILD, else build/), or else the installed ones
  local folder=${CBIGAN_BUILD:-$root/build}
  if [[ -d $folder/gst-plugin ]]; then
    export PATH=$folder/trainer:$PATH
    export GST_PLUGIN_PATH=$folder/gst-plugin${GST_PLUGIN_PATH:+:$GST_PLUGIN_PATH}
    local modules=$folder/cbigan-core/backend/cuda:$folder/trainer/gradient/cuda:$folder/gst-plugin/cuda
    modules+=:$folder/gst-plugin/publish:$folder/trainer
    export CBIGAN_MODULE_PATH=${CBIGAN_MODULE_PATH:-$modules}
  fi
  command -v cbigan > /dev/null || die "cbigan is neither built nor installed: see README.md"
}

# launch GST_LAUNCH_ARGUMENTS...: gst-launch-1.0, which SIGTERM and Ctrl-C ask to end the stream (with -e) before it ends
#
# Beside it runs a second, live pipeline of one frame. Without a live source, GStreamer 1.22 may take the pipeline for paused
# although it plays, and the end of the stream never comes: gst_bin_post_message() sets posted_playing after the
# message is out. On two busy processors a tenth of the recordings hung. A live pipeline plays at once.
launch() {
  (trap '' TERM && exec gst-launch-1.0 "$@" videotestsrc is-live=true num-buffers=1 ! fakesink async=false) &
  local child=$! status=0
  trap 'kill -INT $child 2> /dev/null || true' INT TERM
  wait "$child" || status=$?
  # A signal ends `wait` early: wait until the pipeline has ended.
  while kill -0 "$child" 2> /dev/null; do wait "$child" && status=0 || status=$?; done
  trap - INT TERM
  return "$status"
}

# launch_text VALUE: the value as a property on a launch line, whose parser takes a backslash for itself
launch_text() {
  printf '%s' "${1//\\/\\\\}"
}

# new_folder FOLDER: makes it, or takes an empty one; sets `folder` to its full path. An unused one goes at the end.
new_folder() {
  if [[ -e $1 ]]; then
    [[ -d $1 && -z $(ls -A -- "$1") ]] || die "$1 exists and is not an empty folder: name a new one"
  fi
  mkdir -p -- "$1"
  folder=$(realpath -- "$1")
  trap 'rmdir -- "$folder" 2> /dev/null || true' EXIT
}

has_nvcc() {
  command -v nvcc > /dev/null || [[ -x /usr/local/cuda/bin/nvcc ]]
}

has_display() {
  [[ -n ${DISPLAY:-}${WAYLAND_DISPLAY:-} ]]
}

# read_source SOURCE: fills the array `source` with a launch description that ends in raw video, from a device, an
# address, a file, or a launch description
read_source() {
  case $1 in
    /dev/*) source=(v4l2src "device=$1" ! decodebin) ;;
    *://*) source=(uridecodebin "uri=$1") ;;
    *)
      if [[ -f $1 ]]; then
        source=(filesrc "location=$(launch_text "$(realpath -- "$1")")" ! decodebin)
      elif [[ $1 == *' '* || $1 == *src ]]; then
        read -ra source <<< "$1"
      else
        die "$1: neither a file, a device, an address nor a launch description"
      fi
      ;;
  esac
  source+=(! videoconvert)
}

# read_model MODEL: sets `model` to its full path, written as a launch line wants it
read_model() {
  [[ -f $1 ]] || die "$1: no such model (cbigan train makes one; the demo leaves demo-output/cloth.safetensors)"
  model=$(launch_text "$(realpath -- "$1")")
}
