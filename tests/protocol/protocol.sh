#!/bin/sh
# SPDX-FileCopyrightText: The libhvemu authors
# SPDX-License-Identifier: MIT

# sh protocol.sh SOURCE_DIR
# Has spin search the model in ext_int.pml: in each configuration all of it without an error, and
# with each breaking until an assertion fails. A search that is not complete is a failure, and so is
# a breaking that nobody notices. CC compiles what spin writes.

set -eu
LC_ALL=C
export LC_ALL

model=$1/tests/protocol/ext_int.pml
cc=${CC:-cc}

command -v spin >/dev/null || {
    echo "protocol: NOT CHECKED: spin, which searches the model, is missing"
    exit 77
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$model" "$work"
cd "$work"
status=0

fail() # name, text
{
    sed 's/^/    /' log
    echo "protocol: $1: $2"
    status=1
}

# Leaves what was printed in log. MEMLIM is in MiB, twice what the largest search takes.
search() # definitions...
{
    rm -f pan
    spin "$@" -a ext_int.pml >log 2>&1 &&
        $cc "$optimize" -w -DSAFETY -DNOFAIR -DMEMLIM=1024 -o pan pan.c >>log 2>&1 &&
        ./pan -m100000 -w22 -n >log 2>&1
}

say() # name, verdict
{
    states=$(sed -n 's/^ *\([0-9]*\) states, stored.*/\1/p' log)
    seconds=$(sed -n 's/^pan: elapsed time \(.*\) seconds/\1/p' log)
    printf '%-20s %8s states %6s s   %s\n' "$1" "$states" "$seconds" "$2"
}

# pan says it in several ways if it has not seen all.
holds() # name, definitions...
{
    name=$1
    shift
    if ! search "$@"; then
        fail "$name" "the search failed"
    elif ! grep -q '^Full statespace search' log || ! grep -q ' errors: 0$' log; then
        fail "$name" "something does not hold"
    elif grep -Eiq 'not completed|too small|out of memory|memlim|^error' log; then
        fail "$name" "the search is not complete"
    else
        say "$name" "holds"
    fi
}

breaks() # breaking, definitions...
{
    name=$1
    shift
    if ! search -DBREAK="$name" "$@"; then
        fail "$name" "the search failed"
    elif ! grep -q '^pan:1: assertion violated' log || ! grep -q ' errors: 1$' log; then
        fail "$name" "NOT NOTICED"
    else
        say "$name" "is noticed"
    fi
}

# Every two threads meet; a search of all seven would take too much.
optimize=-Og
holds handshake -DASSERTERS=2 -DCLEARERS=2 -DVP_0
holds vp_0_asserted -DASSERTERS=2 -DVP_0 -DDELETER
holds reuse_asserted -DASSERTERS=1 -DVP_0 -DDESTROYER
holds reuse_cleared -DCLEARERS=1 -DVP_0 -DDESTROYER
holds reuse -DASSERTERS=1 -DCLEARERS=1 -DDESTROYER -DOWN_IDS
holds vp_0_reuse -DASSERTERS=1 -DDELETER -DDESTROYER -DOWN_IDS
optimize=-O0 # these are soon done
holds timeouts -DASSERTERS=1 -DCLEARERS=1 -DVP_0 -DDELETER -DATTEMPTS=1
holds endless -DASSERTERS=1 -DCLEARERS=1 -DVP_0 -DCALLS=0
holds vp_0_cleared -DASSERTERS=1 -DCLEARERS=1 -DVP_0 -DDELETER
holds caller -DCALLER=1 -DDESTROYER
holds delayed_vp_0 -DASSERTERS=1 -DCLEARERS=1 -DVP_0 -DDELETER -DDELAYED
holds delayed_asserted -DASSERTERS=1 -DDESTROYER -DDELAYED
holds delayed_cleared -DCLEARERS=1 -DDESTROYER -DDELAYED
holds delayed_caller -DCALLER=1 -DDESTROYER -DDELAYED

breaks NO_GENERATION -DASSERTERS=1 -DVP_0 -DDESTROYER
breaks PARENT_FIRST -DASSERTERS=1 -DVP_0 -DDESTROYER
breaks NO_SECOND_LOOK -DCLEARERS=1 -DVP_0 -DDESTROYER
breaks VP0_BESIDE -DASSERTERS=1 -DVP_0 -DDELETER
breaks CLEAR_BY_SWAP -DASSERTERS=1 -DCLEARERS=1 -DVP_0
breaks CLEAR_IN_TWO_STEPS -DASSERTERS=1 -DCLEARERS=2 -DVP_0
breaks COUNT_LATE -DASSERTERS=1 -DDESTROYER
breaks COUNT_FIRST -DASSERTERS=1 -DDESTROYER
breaks WORD_FIRST -DASSERTERS=1 -DVP_0 -DDESTROYER
breaks CALLER_LOOKS_ONCE -DCALLER=1 -DDESTROYER
breaks ACK_BY_STORE -DASSERTERS=1 -DVP_0 -DDELETER

exit $status
