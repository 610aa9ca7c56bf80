#!/bin/sh
# SPDX-FileCopyrightText: The libhvemu authors
# SPDX-License-Identifier: MIT

# sh fuzz.sh [-u] MINUTES [TARGET...]: fuzzes with libFuzzer, each target for so long, as many at a
# time as there are processors.
#   exit      frames of any registers, ops that fail and call back
#   sequence  calls, MSRs, acknowledgements, resets, ops that fail, against the model
#   threads   two threads, under ThreadSanitizer; the others under Address- and UB-Sanitizer
#   tenant    two tenants, of whom one is made of canaries
#   decode    the decoder against another one
#   text      the parsers of vectors and scripts, and replay
# Installs what is missing (as root, with apt-get) and builds below build/fuzz. Every run begins with
# the inputs in tests/fuzz/corpus and leaves what it finds in build/fuzz/found/TARGET. Fails on any
# finding, whose input is kept and named, and where fewer edges were reached than tests/fuzz/edges.txt
# says, less 5 % for other compilers; -u writes there what was reached. A minute is enough for it.

set -eu
LC_ALL=C
export LC_ALL
unset CFLAGS LDFLAGS
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
. "$root/cmake/need.sh"

update=
if [ "${1:-}" = -u ]; then
    update=yes
    shift
fi
case ${1:-} in
'' | *[!0-9]* | 0)
    echo "usage: fuzz.sh [-u] MINUTES [TARGET...]" >&2
    exit 2
    ;;
esac
seconds=$(($1 * 60))
shift
targets=${*:-exit sequence threads tenant decode text}
for target in $targets; do
    if [ ! -d "$root/tests/fuzz/corpus/$target" ]; then
        echo "fuzz.sh: no target is called $target" >&2
        exit 2
    fi
done

began=$(date +%s)
say() { printf '%4ds  %s\n' $(($(date +%s) - began)) "$*"; }

need clang command clang
need cmake command cmake
need ninja-build command ninja
need pkg-config command pkg-config
need libcmocka-dev module cmocka
need libbsd-dev module libbsd-overlay
install_needed
say "everything needed is installed"

fuzz=$root/build/fuzz
edges=$root/tests/fuzz/edges.txt
mkdir -p "$fuzz"
cd "$root"

build() # preset, CMake target...
{
    preset=$1
    shift
    if ! {
        cmake --fresh --preset "$preset" -B "$fuzz/$preset" -DHVEMU_WERROR=ON &&
            cmake --build "$fuzz/$preset" --target "$@" -- --quiet
    } >"$fuzz/$preset.log" 2>&1; then
        cat "$fuzz/$preset.log"
        say "FAILED: preset $preset"
        exit 1
    fi
    say "$preset: built"
}

build fuzz fuzz
case " $targets " in
*' threads '*) build fuzz-threads fuzz_threads ;;
esac

# As in check.sh: where the kernel moves mappings about more than shadow memory allows for.
steady=
if setarch "$(uname -m)" -R true 2>/dev/null; then
    steady="setarch $(uname -m) -R"
fi
# libFuzzer's handler of a failed assert allocates, of which ThreadSanitizer would complain by waiting
# for itself; a race ends as a failed assert, see threads.c.
TSAN_OPTIONS=report_signal_unsafe=0
ASAN_OPTIONS=quarantine_size_mb=1 # an input is soon over, and all its memory free
export TSAN_OPTIONS ASAN_OPTIONS

run() # target
{
    preset=fuzz
    [ "$1" != threads ] || preset="fuzz-threads"
    rm -rf "$fuzz/found/$1"
    mkdir -p "$fuzz/found/$1"
    # shellcheck disable=SC2086 # the words of $steady
    $steady "$fuzz/$preset/tests/fuzz/fuzz_$1" -dict="$fuzz/fuzz/tests/fuzz/rows.dict" \
        -max_total_time="$seconds" -len_control=0 -max_len=4096 -timeout=20 -reload=0 \
        -print_final_stats=1 -artifact_prefix="$fuzz/$1-" \
        "$fuzz/found/$1" "$root/tests/fuzz/corpus/$1" >"$fuzz/$1.log" 2>&1
}

last() # pattern, log
{
    sed -n "s/$1/\\1/p" "$2" | tail -n 1
}

failed=
report() # target, exit status
{
    log=$fuzz/$1.log
    reached=$(last '.*DONE *cov: \([0-9]*\) .*' "$log")
    wanted=$(last "^$1 \\([0-9]*\\)\$" "$edges")
    if [ "$2" != 0 ]; then
        tail -n 100 "$log"
        say "$1: FOUND something; above is the end of $log;" \
            "the input is $(last '.*Test unit written to \(.*\)' "$log")"
        failed="$failed $1"
        return
    fi
    say "$1: $(last 'stat::number_of_executed_units: *\([0-9]*\)' "$log") executions in" \
        "$seconds s, $reached edges (stored: ${wanted:-none})"
    if [ "$update" ]; then
        { grep -v "^$1 " "$edges" || :; } >"$fuzz/edges.txt"
        echo "$1 $reached" | cat "$fuzz/edges.txt" - | sort >"$edges"
    elif [ "$((reached * 100))" -lt "$((${wanted:-1000000} * 95))" ]; then
        say "$1: TOO FEW edges"
        failed="$failed $1"
    fi
}

finish_batch()
{
    for pair in $batch; do
        status=0
        wait "${pair#*:}" || status=$?
        report "${pair%:*}" "$status"
    done
    batch=
}

# They all take the same time, so that batches lose nothing.
batch=
for target in $targets; do
    run "$target" &
    batch="$batch $target:$!"
    # shellcheck disable=SC2086
    set -- $batch
    [ $# -lt "$(nproc)" ] || finish_batch
done
finish_batch
if [ "$failed" ]; then
    say "FAILED:$failed"
    exit 1
fi
