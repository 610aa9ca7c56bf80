#!/bin/sh
# SPDX-FileCopyrightText: The libhvemu authors
# SPDX-License-Identifier: MIT

# Installs what is missing (as root, with apt-get), builds everything below build/check with
# warnings as errors, and runs every test: with clang, under the sanitizers, and last with gcc, so
# that the closing lines are ctest's. Ends at the first stage that fails, with its output.

set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
. "$root/cmake/need.sh"

began=$(date +%s)
say() { printf '%4ds  %s\n' $(($(date +%s) - began)) "$*"; }

need gcc command gcc
need g++ command g++
need libc6-dev header stdio.h
need clang command clang
need cmake command cmake
need ninja-build command ninja
need pkg-config command pkg-config
need valgrind command valgrind
need spin command spin
need abigail-tools command abidiff
need libcmocka-dev module cmocka
need libbsd-dev module libbsd-overlay
need libunicorn-dev module unicorn
install_needed
say "everything needed is installed"

check=$root/build/check
if ! mkdir -p "$check" || [ ! -w "$check" ]; then
    echo "$check is not writable: was it made by another user?" >&2
    exit 1
fi
cd "$root"

# gcc unless the preset says otherwise, whatever cc is here.
unset CFLAGS CXXFLAGS LDFLAGS
CC=gcc
CXX=g++
export CC CXX

# Where the kernel moves mappings about more than the sanitizers' shadow memory allows for, they
# only start with that turned off. Some containers forbid turning it off.
steady=
if setarch "$(uname -m)" -R true 2>/dev/null; then
    steady="setarch $(uname -m) -R"
fi

logged() # stage, command...
{
    log=$check/$1.log
    shift
    "$@" >"$log" 2>&1 || {
        cat "$log"
        say "FAILED: $*"
        exit 1
    }
}

build() # preset
{
    logged "$1-configure" cmake --fresh --preset "$1" -B "$check/$1" -DHVEMU_WERROR=ON
    logged "$1-build" cmake --build "$check/$1" --target all all_verify_interface_header_sets \
        -- --quiet
    say "$1: built"
}

# cmocka has skips of its own, inside a test that ctest calls passed.
list_cmocka_skips() # preset
{
    sed -n 's/^\[  SKIPPED \] \([a-z].*\)/       skipped in this build: \1/p' \
        "$check/$1/Testing/Temporary/LastTest.log" | sort -u
}

ctest_in() # preset
{
    $steady ctest --test-dir "$check/$1" -j "$(nproc)" --output-on-failure --no-tests=error
}

for preset in dev-clang asan-ubsan tsan; do
    build "$preset"
    logged "$preset-tests" ctest_in "$preset"
    say "$preset: $(grep 'tests passed' "$check/$preset-tests.log")"
    grep '(Skipped)$' "$check/$preset-tests.log" || :
    list_cmocka_skips "$preset"
done

build dev
status=0
ctest_in dev >"$check/dev-tests.log" 2>&1 || status=$?
list_cmocka_skips dev
say "dev:"
cat "$check/dev-tests.log"
exit $status
