#!/bin/sh
# SPDX-FileCopyrightText: The libhvemu authors
# SPDX-License-Identifier: MIT

# sh coverage.sh: how much of lib/ the behaviour tests reach: those that assert what is documented,
# labels unit, threads, conformance and double. No fuzzing, model, example or benchmark runs, nor a
# test that reaches what it reaches by chance, so that the figures are the same every time. Installs
# what is missing (as root, with apt-get) and builds below build/coverage. Fails, having named each
# line and branch that was not reached, below all lines or 98 of 100 branches.
#
# gcc counts, without optimization and inlining, and gcovr adds up over everything that a header's
# function was compiled into; what tests compile of lib/ does not count. A branch is a way out of a
# jump in gcc's code: two for a condition, for each operand of && and ||, for ?: and for a loop, one
# for each case of a switch. The jumps in atomic operations count too. What gcc folds has none: a
# minimum, two comparisons of one number, a condition that is constant on this machine. Nothing is
# excluded, and a marker that would exclude something fails.

set -eu
LC_ALL=C
export LC_ALL
unset CFLAGS CXXFLAGS LDFLAGS GCOV
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
. "$root/cmake/need.sh"

if [ "$(uname -s) $(uname -m)" != "Linux x86_64" ]; then
    echo "Skipped: test_interleaving, which some lines need, is for x86-64 Linux" >&2
    exit 77
fi

began=$(date +%s)
say() { printf '%4ds  %s\n' $(($(date +%s) - began)) "$*"; }

need gcc command gcc
need libc6-dev header stdio.h
need cmake command cmake
need ninja-build command ninja
need pkg-config command pkg-config
need gcovr command gcovr
need libcmocka-dev module cmocka
need libbsd-dev module libbsd-overlay
install_needed
say "everything needed is installed"

coverage=$root/build/coverage
build=$coverage/gcc
mkdir -p "$coverage"
cd "$root"

logged() # log, command...
{
    log=$coverage/$1.log
    shift
    "$@" >"$log" 2>&1 || {
        cat "$log"
        say "FAILED: $*"
        exit 1
    }
}

by_chance="\
test_short_way=compares exits that are drawn by lot
test_linearizable=threads meet as they will
test_lifecycle_race=the same
test_signal=the same, and signals
test_tenants=the same"
names=$(echo "$by_chance" | sed 's/=.*//' | paste -s -d'|')

logged configure cmake --fresh --preset coverage -B "$build" -DCMAKE_C_COMPILER=gcc \
    -DCMAKE_CXX_COMPILER=NOTFOUND -DCMAKE_C_FLAGS="-O0 -fno-inline" \
    -DHVEMU_BUILD_SHARED=OFF -DHVEMU_BUILD_EXAMPLES=OFF
logged build cmake --build "$build" -- --quiet
find "$build" -name '*.gcda' -delete
say "built"
logged tests ctest --test-dir "$build" -j "$(nproc)" -L '^(unit|threads|conformance|double)$' \
    -E "^($names)\$" --output-on-failure --no-tests=error
say "$(grep 'tests passed' "$coverage/tests.log")"
grep '(Skipped)$' "$coverage/tests.log" || :
# cmocka has skips of its own, inside a test that ctest calls passed.
sed -n 's/^\[  SKIPPED \] \([a-z].*\)/       skipped in this build: \1/p' \
    "$build/Testing/Temporary/LastTest.log" | sort -u
echo "Left out:"
echo "$by_chance" | sed 's/\(.*\)=/  \1: /'

logged gcovr gcovr --root "$root" --filter "$root/lib/" --json "$coverage/counts.json" \
    "$build/CMakeFiles/hvemu_static.dir"
report() { gcovr --root "$root" --add-tracefile "$coverage/counts.json" "$@"; }

# Counted, not by gcovr's percentages, which are rounded.
status=0
echo
report --csv | awk -F, '
    function row(name, lines, all_lines, branches, all_branches) {
        printf "%-28s %5d of %5d lines  %5d of %5d branches\n", name, lines, all_lines,
            branches, all_branches
    }
    NR > 1 {
        row($1, $3, $2, $6, $5)
        all_lines += $2; lines += $3; all_branches += $5; branches += $6
    }
    END {
        row("all", lines, all_lines, branches, all_branches)
        exit !(all_lines && lines == all_lines && 100 * branches >= 98 * all_branches)
    }' || status=1

echo
for kind in lines branches; do
    option=
    [ "$kind" = lines ] || option=--branches
    echo "Not reached, $kind:"
    # shellcheck disable=SC2086 # none, or one
    report $option | awk '/^lib\// && $2 != $3 { print "  " $1 ": " $NF; some = 1 }
        END { if (!some) print "  none" }'
done

unset log
if grep -rnE '[GL]COVR?_EXCL' lib; then
    echo "Lines are excluded (above)"
    status=1
fi
files=$(find lib -name '*.c' | wc -l)
counted=$(report --csv | grep -c '^lib/.*\.c,')
if [ "$files" != "$counted" ]; then
    echo "Of $files files of code only $counted were counted"
    status=1
fi
[ $status = 0 ] || say "FAILED: all lines and 98 of 100 branches are to be reached"
exit $status
