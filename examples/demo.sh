#!/bin/sh
# SPDX-FileCopyrightText: The libhvemu authors
# SPDX-License-Identifier: MIT

# Installs what is missing (as root, with apt-get), builds the library and the examples below
# build/demo, and runs pic_vmm. Arguments are pic_vmm's.

set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
. "$root/cmake/need.sh"

need gcc command gcc
need libc6-dev header stdio.h
need cmake command cmake
need ninja-build command ninja
need pkg-config command pkg-config
need libbsd-dev module libbsd-overlay
need libunicorn-dev module unicorn
install_needed

build=$root/build/demo
log=$build.log
if ! mkdir -p "$root/build" || [ ! -w "$root/build" ]; then
    echo "$root/build is not writable: was it made by another user?" >&2
    exit 1
fi
echo "Building in $build"
if ! {
    cmake --fresh --preset release -S "$root" -B "$build" \
        -DHVEMU_BUILD_TESTS=OFF -DHVEMU_BUILD_SHARED=OFF &&
        cmake --build "$build" -- --quiet
} >"$log" 2>&1; then
    cat "$log" >&2
    exit 1
fi
echo "Running $build/examples/pic_vmm/pic_vmm${*:+ $*}"
exec "$build/examples/pic_vmm/pic_vmm" "$@"
