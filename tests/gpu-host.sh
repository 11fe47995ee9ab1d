#!/usr/bin/env bash
# gpu-host.sh - the GPU tests on a host that has a GPU but can reach no package server
#
# Copyright (C) 2026 the cbigan developers
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Here:  bash tests/gpu-host.sh pack cbigan-gpu.tar    our sources and the Debian packages that they need; needs a build
#                                                      (CBIGAN_BUILD, else build/) and Debian's package server
# There: tar -xf cbigan-gpu.tar && bash cbigan-gpu/source/tests/gpu-host.sh run
#
# The host needs gcc and g++, CUDA 13 with nvcc, cuDNN 9 (CUDA's, the system's or Python's nvidia-cudnn) and Python 3.
# The packages are unpacked beside its own, into cbigan-gpu/root. What comes back is cbigan-gpu/report.tar.gz: what the
# host is, logs, test results, `cbigan bench`, frames per second from video in GPU memory, and the comparison with PyTorch
# where the host's Python has one for the GPU. Exit status 0: all passed; 77: no GPU that can run this; 1: a failure.
set -euo pipefail
# shellcheck source=pipelines/setup.sh
. "$(dirname "$0")/../pipelines/setup.sh"

most_mib=60 # of the archive

# --- pack ---

package_of() { # FILE...: names of Debian's packages that hold them
  local file
  for file in "$@"; do
    file=$(realpath "$file")
    # A file of /lib may be listed as one of /usr/lib, and the other way round.
    { dpkg-query -S "$file" "${file#/usr}" "/usr$file" 2> /dev/null || true; } | head -n 1 | cut -d: -f1
  done | sort -u
}

pc_files() { # NAME...: the .pc files of these and of all that they require
  local -A seen=()
  local queue=("$@") name
  while ((${#queue[@]})); do
    name=${queue[0]} queue=("${queue[@]:1}")
    [[ -z ${seen[$name]:-} ]] || continue
    seen[$name]=1
    echo "$(pkg-config --variable=pcfiledir "$name")/$name.pc"
    mapfile -t -O "${#queue[@]}" queue < <(pkg-config --print-requires --print-requires-private "$name" | cut -d' ' -f1)
  done
}

list_packages() { # BUILD
  local build=$1 libraries
  # What the programs load, less what every host has that can compile C++.
  mapfile -t libraries < <(ldd "$build/trainer/cbigan" "$build/tests/gst/test-testsrc" | awk '$3 ~ /^\// { print $3 }')
  package_of "${libraries[@]}" | grep -vxE 'libc6|libgcc-s1|libstdc\+\+6|libgomp1'
  awk '$1 == "build" && $2 ~ /-dev$/ { print $2 }' "$root/pipelines/packages.txt"
  mapfile -t libraries < <(pc_files glib-2.0 gmodule-no-export-2.0 gio-2.0 json-glib-1.0 \
    gstreamer-{,base-,video-,app-,check-}1.0)
  package_of "${libraries[@]}"
  if pkg-config --exists gstreamer-cuda-1.0; then list_gpu_video_packages; fi
  printf '%s\n' meson ninja-build pkgconf pkgconf-bin libpkgconf3
}

# Video in GPU memory: GStreamer's CUDA library, and the elements of the test and the measurement that have pipelines,
# with what they load.
list_gpu_video_packages() {
  local plugins files
  plugins=$(pkg-config --variable=pluginsdir gstreamer-1.0)
  mapfile -t files < <(pc_files gstreamer-cuda-1.0)
  package_of "${files[@]}"
  mapfile -t files < <(printf '%s\n' "$plugins"/libgst{app,coreelements,nvcodec,videoconvertscale,videoparsersbad,videotestsrc}.so)
  package_of "${files[@]}"
  mapfile -t files < <(ldd "${files[@]}" | awk '$3 ~ /^\// { print $3 }' | sort -u)
  package_of "${files[@]}" | grep -vxE 'libc6|libgcc-s1|libstdc\+\+6|libgomp1'
}

pack() { # ARCHIVE
  local archive folder build=${CBIGAN_BUILD:-$root/build} size
  archive=$(realpath -m "$1")
  [[ -x $build/trainer/cbigan ]] || die "$build/trainer/cbigan: not built"
  folder=$(mktemp -d)
  # shellcheck disable=SC2064  # the folder of now
  trap "rm -rf '$folder'" EXIT
  mkdir -p "$folder/cbigan-gpu/source" "$folder/cbigan-gpu/packages"
  say "sources"
  (cd "$root" && git ls-files -z --cached --others --exclude-standard | xargs -0 tar -c --) |
    tar -x -C "$folder/cbigan-gpu/source"
  say "packages"
  list_packages "$build" | sort -u > "$folder/cbigan-gpu/packages/list"
  (cd "$folder/cbigan-gpu/packages" && xargs -a list apt-get -q download > download.log) ||
    die "Debian's package server did not give: $(tr '\n' ' ' < "$folder/cbigan-gpu/packages/list")"
  tar -cf "$archive" -C "$folder" cbigan-gpu # its packages are compressed
  size=$(($(stat -c %s "$archive") / 1048576 + 1))
  ((size <= most_mib)) || die "$archive has $size MiB, expected at most $most_mib"
  say "$archive: $size MiB, $(wc -l < "$folder/cbigan-gpu/packages/list") packages"
}

# --- run ---

unpack_packages() { # ROOT
  local package
  for package in "$root"/../packages/*.deb; do
    if command -v dpkg-deb > /dev/null; then
      dpkg-deb -x "$package" "$1"
    else # a .deb is an ar archive with a data.tar.* in it
      (cd "$1" && ar p "$package" "$(ar t "$package" | grep '^data\.tar')" | tar -xJ)
    fi
  done
}

# Libraries that the host's own tools load stay the host's; what we build against is ours.
drop_known() { # ROOT
  local known library
  local ours='^lib(glib|gobject|gio|gmodule|gthread|gst|json|opencv|dnnl|tbb|blas|lapack|gfortran|quadmath|orc)'
  known=$(/sbin/ldconfig -p)
  for library in "$1"/usr/lib/x86_64-linux-gnu/*.so.* "$1"/lib/x86_64-linux-gnu/*.so.*; do
    [[ -e $library && ! ${library##*/} =~ $ours && $known == *"${library##*/} "* ]] && rm -f "$library"
  done
  return 0
}

use_root() { # ROOT: compilers, pkg-config and programs find what lies there
  local folder=$1/usr/lib/x86_64-linux-gnu
  export PKG_CONFIG_LIBDIR=$folder/pkgconfig:$1/usr/share/pkgconfig PKG_CONFIG_SYSROOT_DIR=$1
  export CPATH=$1/usr/include CPLUS_INCLUDE_PATH=$1/usr/include/opencv4 LIBRARY_PATH=$folder
  # blas and lapack: Debian chooses among several by links that unpacking does not make.
  export LD_LIBRARY_PATH=$folder:$1/lib/x86_64-linux-gnu:$folder/blas:$folder/lapack
  export GST_PLUGIN_SYSTEM_PATH=$folder/gstreamer-1.0
  export GST_PLUGIN_SCANNER=$folder/gstreamer1.0/gstreamer-1.0/gst-plugin-scanner
  export PATH=$PATH:$1/usr/bin PYTHONPATH=$1/usr/lib/python3/dist-packages
}

use_cudnn() { # FOLDER: Python's cuDNN, where the host has no other; the linker wants its name without a number
  local cudnn
  [[ -e $cuda/include/cudnn.h || -e /usr/include/cudnn.h || -e /usr/local/include/cudnn.h ]] && return
  cudnn=$(python3 -c 'import nvidia.cudnn as c; print(list(c.__path__)[0])') ||
    die "no cuDNN: neither in $cuda nor Python's nvidia-cudnn"
  mkdir -p "$1"
  ln -sf "$cudnn/lib/libcudnn.so.9" "$1/libcudnn.so"
  export CPATH=$CPATH:$cudnn/include LIBRARY_PATH=$LIBRARY_PATH:$1 LD_LIBRARY_PATH=$LD_LIBRARY_PATH:$cudnn/lib
}

# libcudnn.so.9 loads the others when it is first used.
report_cudnn() {
  local library
  for library in libcudnn{,_graph,_heuristic,_engines_precompiled,_engines_runtime_compiled,_ops,_cnn}.so.9; do
    python3 -c 'import ctypes, sys; ctypes.CDLL(sys.argv[1]); print(sys.argv[1] + ": can be loaded")' "$library" 2> /dev/null ||
      echo "$library: CAN'T BE LOADED"
  done
}

report_host() {
  uname -a
  cat /etc/os-release
  nvidia-smi || echo "no nvidia-smi"
  "$cuda/bin/nvcc" --version
  gcc --version
  report_cudnn
  "$1/trainer/cbigan" info --backends
}

bench() { # PROGRAM BACKENDS: one JSON object a line
  local precision
  for precision in fp32 bf16; do
    "$1" bench --json --precision "$precision" --backend "$2" --width 3,16,32,64 --patch 64 --batch 64 &&
      "$1" bench --json --precision "$precision" --backend "$2" --width 3,16,32,64 --patch 128 --batch 1,8,64 || return
  done
}

compare_with_pytorch() { # BUILD REPORT
  local status=0 hours=2 # compiling by PyTorch takes most of them
  timeout "${hours}h" python3 "$root/tests/bench/gpu_peers.py" --build "$1" --tap hidden > "$2/gpu-peers.md" \
    2> "$2/gpu-peers.log" || status=$?
  case $status in
    77) cat "$2/gpu-peers.md" ;; # it says what is missing
    124) say "the comparison with PyTorch was stopped after $hours hours; the report has what was measured" ;;
    *) return "$status" ;;
  esac
}

measure_video() { # BUILD REPORT: frames per second from 1080p video in GPU memory
  local status=0
  GST_PLUGIN_PATH=$1/gst-plugin GST_REGISTRY=$2/../registry.bin "$1/tests/bench/gpu_stream" > "$2/gpu-video.md" \
    2> "$2/gpu-video.log" || status=$?
  ((status == 77)) || return "$status"
  cat "$2/gpu-video.md" # it says what is missing
}

check_memory() { # BUILD: kernels under NVIDIA's checkers
  local tool part status=0
  for tool in memcheck racecheck; do
    for part in 'backends/test-backend-pixels -p /cuda' 'backends/test-backend-layers -p /cuda/dense' \
      'cuda/test-cuda-frame -p /frame/NV12' 'cuda/test-cuda-frame -p /frame/P010_10LE' \
      'cuda/test-cuda-fused -p /cuda-fused/data' 'cuda/test-cuda-fused -p /cuda-fused/wide-blocks' \
      'cuda/test-cuda-fused -p /cuda-fused/neighbours' \
      'cuda/test-cuda-graphs -p /cuda-graphs/pointers' 'cuda/test-cuda-captures' 'cuda/test-cuda-staging' \
      'backends/test-backend-maps -p /cuda' 'backends/test-backend-distances -p /cuda/distances' \
      'cuda/test-cuda-scores -p /cuda-scores/scores' \
      'cuda/test-cuda-updates' 'trainer/test-gradient_vectors' 'trainer/test-augment -p /augment/stored/cuda' \
      'trainer/test-gradients -p /gradients/tangent' 'trainer/test-gradients -p /gradients/differences'; do
      # shellcheck disable=SC2086  # words are wanted
      timeout 900 compute-sanitizer --tool "$tool" --error-exitcode 9 "$1"/tests/$part || status=1
    done
  done
  return "$status"
}

# Two processes on one GPU: both pass.
test_two() { # BUILD REPORT
  local first status=0
  "$1/tests/cuda/test-cuda-scores" -p /cuda-scores/scores > "$2/two-1.txt" 2>&1 &
  first=$!
  "$1/tests/cuda/test-cuda-scores" -p /cuda-scores/scores > "$2/two-2.txt" 2>&1 || status=1
  wait "$first" || status=1
  return "$status"
}

can_run() { # PROGRAM: there is a GPU, and the cuda backend takes it
  "$1" info --backends | grep -A 1 '^cuda ' | grep -q 'can run here$'
}

run() {
  local base report build failed=0 unpacked modules
  base=$(realpath "$root/..")
  unpacked=$base/root report=$base/report build=$base/build
  rm -rf "$report"
  mkdir -p "$unpacked" "$report"
  cuda=$(dirname "$(dirname "$(command -v nvcc || echo /usr/local/cuda/bin/nvcc)")")
  [[ -x $cuda/bin/nvcc ]] || die "no nvcc, neither in PATH nor in /usr/local/cuda/bin"
  PATH=$PATH:$cuda/bin
  say "unpacking packages into $unpacked"
  [[ -d $unpacked/usr ]] || unpack_packages "$unpacked"
  drop_known "$unpacked"
  use_root "$unpacked"
  use_cudnn "$base/cudnn"
  export LD_LIBRARY_PATH=$LD_LIBRARY_PATH:$cuda/lib64 # cuDNN may load libnvrtc from there
  say "building in $build"
  [[ -f $build/build.ninja ]] ||
    run_logged "$report/setup.log" meson setup "$build" "$root" -Dcuda=enabled -Dtests=enabled -Dnls=disabled
  run_logged "$report/build.log" ninja -C "$build"
  say "built"
  modules=$build/cbigan-core/backend/cuda:$build/trainer/gradient/cuda:$build/gst-plugin/cuda
  export LC_ALL=C.UTF-8 CBIGAN_MODULE_PATH=${CBIGAN_MODULE_PATH:+$CBIGAN_MODULE_PATH:}$modules
  report_host "$build" > "$report/host.txt" 2>&1 || true
  say "testing"
  CBIGAN_TEST_BACKEND=cuda meson test -C "$build" --no-rebuild --timeout-multiplier 10 \
    augment backend-choice backend-distances backend-forward backend-layers backend-maps backend-pixels \
    cuda-captures cuda-device cuda-frame cuda-fused cuda-graphs cuda-module cuda-scores cuda-staging cuda-updates \
    golden gpu-memory gradients gradient_vectors losses training > "$report/tests.txt" 2>&1 < /dev/null || failed=1
  cp "$build/meson-logs/testlog.txt" "$report/"
  grep -E '^ *[0-9]+/[0-9]+ ' "$report/tests.txt"
  if can_run "$build/trainer/cbigan"; then
    CBIGAN_TEST_BACKEND=cuda test_two "$build" "$report" || failed=1
    if command -v compute-sanitizer > /dev/null; then
      say "checking memory"
      CBIGAN_TEST_BACKEND=cuda check_memory "$build" > "$report/memory.txt" 2>&1 || failed=1
    fi
    say "measuring"
    bench "$build/trainer/cbigan" cuda,cpu > "$report/bench.json" 2> "$report/bench.log" || failed=1
    measure_video "$build" "$report" || failed=1
    compare_with_pytorch "$build" "$report" || failed=1
  elif ((!failed)); then
    failed=77
  fi
  tar -czf "$base/report.tar.gz" -C "$base" report
  say "$base/report.tar.gz"
  return "$failed"
}

case ${1:-} in
  pack) pack "${2:?usage: gpu-host.sh pack ARCHIVE}" ;;
  run) run ;;
  *) die "usage: gpu-host.sh pack ARCHIVE | run" ;;
esac
