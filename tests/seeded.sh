#!/bin/sh
# SPDX-FileCopyrightText: The libhvemu authors
# SPDX-License-Identifier: MIT

# sh seeded.sh [PATCH...]: would the tests see a hole? Each patch in tests/seeded makes one that
# somebody might make, and names the quick test that catches it. Applies one after the other to a
# copy of this tree, builds library and test, and runs the test, which must fail; without a patch all
# those tests must pass. Takes a minute or two; everything lies below build/seeded.

set -eu
LC_ALL=C
export LC_ALL
unset CFLAGS LDFLAGS
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
. "$root/cmake/need.sh"
[ $# != 0 ] || set -- "$root"/tests/seeded/*.patch

began=$(date +%s)
exec 3>&1 # for people; the rest will go to the log
say() { printf '%4ds  %s\n' $(($(date +%s) - began)) "$*" >&3; }
give_up()
{
    say "$*; see $seeded/log"
    exit 1
}

need gcc command gcc
need cmake command cmake
need ninja-build command ninja
need pkg-config command pkg-config
need patch command patch
need libcmocka-dev module cmocka
need libbsd-dev module libbsd-overlay
install_needed

seeded=$root/build/seeded
rm -rf "$seeded"
mkdir -p "$seeded/tree"
(cd "$root" && tar -cf - --exclude=./build --exclude=./.git .) | tar -xf - -C "$seeded/tree"
exec >"$seeded/log" 2>&1

caught_by() { sed -n 's/^Caught-by: //p' "$@"; }
in_tree() { patch -d "$seeded/tree" -p1 -F0 -s --no-backup-if-mismatch "$@"; }
build() # test|test...
{
    # shellcheck disable=SC2046 # one word a target
    cmake --build "$seeded/build" \
        --target $(echo "$1" | tr '|' '\n' | sed 's/^/test_/; s/^test_test_/test_/') -- --quiet
}
passes() { ctest --test-dir "$seeded/build" -R "^($1)\$" --no-tests=error; }

cmake -G Ninja -S "$seeded/tree" -B "$seeded/build" -DCMAKE_C_COMPILER=gcc \
    -DCMAKE_BUILD_TYPE= -DCMAKE_C_FLAGS='-O1 -w' -DHVEMU_BUILD_SHARED=OFF -DHVEMU_BUILD_EXAMPLES=OFF ||
    give_up "not configured"
tests=$(caught_by "$@" | sort -u | paste -s -d'|')
build "$tests" || give_up "does not build without a hole"
passes "$tests" || give_up "a test fails without a hole"
say "without a hole all pass"

missed=0
for hole; do
    test=$(caught_by "$hole")
    name=$(basename "$hole" .patch)
    in_tree -i "$(realpath "$hole")" || give_up "$name: does not apply"
    build "$test" || give_up "$name: does not build"
    if passes "$test"; then
        say "$name: NOT CAUGHT by $test"
        missed=$((missed + 1))
    else
        say "$name: $test fails"
    fi
    in_tree -R -i "$(realpath "$hole")"
done
say "$# holes, $missed not caught"
[ "$missed" = 0 ]
