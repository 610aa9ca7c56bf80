#!/bin/sh
# SPDX-FileCopyrightText: The libhvemu authors
# SPDX-License-Identifier: MIT

# Installs what is missing (as root, with apt-get), builds everything below build/check with
# warnings as errors, and runs every test, in stages: under the sanitizers, with clang, and with gcc,
# there by kind, so that the closing lines are ctest's. Ends at the first stage that fails, with its
# output. How long each took is said at the end and kept in build/check/times.txt.

set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
. "$root/cmake/need.sh"

began=$(date +%s)
say() { printf '%4ds  %s\n' $(($(date +%s) - began)) "$*"; }

stage_began=$began
times=
stage_ends() # stage
{
    now=$(date +%s)
    times=$times$(printf '%5ds  %s' $((now - stage_began)) "$1")'
'
    stage_began=$now
}

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
stage_ends install
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

ctest_in() # preset, ctest's options...
{
    preset=$1
    shift
    $steady ctest --test-dir "$check/$preset" -j "$(nproc)" --output-on-failure \
        --no-tests=error "$@"
}

# cmocka has skips of its own, inside a test that ctest calls passed.
list_skips() # preset, log
{
    grep '(Skipped)$' "$2" || :
    sed -n 's/^\[  SKIPPED \] \([a-z].*\)/       skipped in this build: \1/p' \
        "$check/$1/Testing/Temporary/LastTest.log" | sort -u
}

tests() # stage, preset, ctest's options...
{
    stage=$1
    list=tests-$(echo "$stage" | tr ' ' -)
    shift
    logged "$list" ctest_in "$@"
    say "$stage: $(grep 'tests passed' "$check/$list.log")"
    list_skips "$1" "$check/$list.log"
    stage_ends "$stage"
}

for preset in asan-ubsan tsan dev-clang dev; do
    build "$preset"
done
stage_ends builds

# What is about the sources, and not about what a compiler made of them, runs once.
sources='^(protocol|schedules)$'
tests asan asan-ubsan -LE "$sources"
tests tsan tsan -LE "$sources"
tests clang dev-clang -LE "$sources"
tests "spin and schedules" dev -L "$sources"
tests model dev -L '^model$'
tests corpora dev -L '^fuzz$'
tests packaging dev -L '^(packaging|abi|docs|bench)$'
tests "unit and vectors" dev -LE '^(protocol|schedules|model|fuzz|packaging|abi|docs|bench)$'

printf '%s%5ds  in all\n' "$times" $(($(date +%s) - began)) >"$check/times.txt"
cat "$check/times.txt" "$check/tests-unit-and-vectors.log"
