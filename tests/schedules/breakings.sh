#!/bin/sh
# SPDX-FileCopyrightText: The libhvemu authors
# SPDX-License-Identifier: MIT

# sh breakings.sh SOURCE_DIR
# Breaks a copy of the library in one way after the other; the test must find each. CC compiles;
# CFLAGS and LIBS have what the system's headers need.

set -eu
LC_ALL=C
export LC_ALL

source=$(cd "$1" && pwd)
cc=${CC:-cc}
flags="-std=gnu11 -O1 -w -U_FORTIFY_SOURCE -DHVEMU_STATIC_BUILD ${CFLAGS-}"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
status=0

compile() # object, source, options...
{
    object=$1 file=$2
    shift 2
    # shellcheck disable=SC2086 # words
    $cc $flags "$@" -I include -I lib -I "$source/tests/schedules" -c -o "$object" "$file"
}

# The library, and from the second time on only what may be another.
compile_library() # all files, or those changed
{
    for file in "$@"; do
        compile "$(echo "$file" | tr / _).o" "$file" \
            -include "$source/tests/schedules/atomics.h"
    done
}

fresh()
{
    rm -rf lib include
    cp -R "$source/lib" "$source/include" .
}

# 0: right; else wrong, and the log says what.
link_and_run() # family
{
    # shellcheck disable=SC2086 # words
    $cc -o schedules ./*.o ${LIBS-} || exit 2
    result=0
    ./schedules -s 3 "$1" >log 2>&1 || result=$?
    case $result in
    0 | 1) return $result ;;
    139) echo ": it crashes" >log && return 1 ;;
    *) cat log >&2 && exit 2 ;;
    esac
}

breaks() # name, family, file, sed script
{
    fresh
    sed "$4" "$source/$3" >"$3"
    if cmp -s "$source/$3" "$3"; then
        echo "schedules: $1: changes nothing"
        status=1
        return
    fi
    case $3 in
    *.h) changed=$all ;;
    *) changed=$3 ;;
    esac
    # shellcheck disable=SC2086 # words
    compile_library $changed
    if link_and_run "$2"; then
        echo "schedules: $1: NOT NOTICED"
        status=1
    else
        printf '%-18s %-12s %s\n' "$1" "$2" "$(sed -n '1s/[^:]*: //p' log)"
    fi
    fresh
    # shellcheck disable=SC2086
    compile_library $changed
}

fresh
all=$(find lib -name '*.c')
# shellcheck disable=SC2086
compile_library $all
for file in "$source"/tests/schedules/*.c; do
    compile "$(basename "$file").o" "$file"
done

breaks NO_GENERATION stale lib/internal.h \
    's/return (word ^ id) >> HVEMU__STATE_SHIFT == 0;/return !((word ^ id) \& HVEMU__STATE_MASK);/'
breaks NO_SECOND_LOOK reuse lib/internal.h \
    's/HVEMU__MOSTLY(hvemu__load(&partition->word) == \*word))/1)/'
breaks NOT_JUDGED_AGAIN end lib/partition/ext_int.c \
    '/uint16_t hvemu__assert_ext_int/,/^}/s/= hvemu__judge(target);/= attempt ? 0 : hvemu__judge(target);/'
breaks VP0_IN_TWO_STEPS processor lib/partition/vp.c \
    's/^        hvemu__and(&partition->word, ~(HVEMU__VP0 | HVEMU__EXT_INT));/{ hvemu__and(\&partition->word, ~HVEMU__EXT_INT); hvemu__and(\&partition->word, ~HVEMU__VP0); }/'
breaks CLEAR_BY_SWAP handshake lib/partition/ext_int.c \
    's/return hvemu__cas(&partition->word, word, \*word & ~HVEMU__EXT_INT) ? HV_STATUS_SUCCESS/return hvemu__swap(\&partition->word, *word \& ~HVEMU__EXT_INT) \& HVEMU__EXT_INT_ACKED ? HV_STATUS_SUCCESS/'
breaks ACK_BY_STORE handshake lib/partition/ext_int.c \
    's/if (hvemu__cas(&vp->partition->word, &word,/hvemu__store(\&vp->partition->word,/
     s/word ^ (HVEMU__EXT_INT_ASSERTED | HVEMU__EXT_INT_ACKED))) {/word ^ (HVEMU__EXT_INT_ASSERTED | HVEMU__EXT_INT_ACKED)); {/'
breaks COUNT_LATE end lib/partition/interrupt.c \
    's/^    status = hvemu__judge(target);/    status = 0;/'
breaks COUNT_FIRST 'end of ops' lib/partition/life.c \
    's/^    if (partition->rest->children)/    const uint32_t before = hvemu__load(\&partition->ops);&/
     s/hvemu__load(&partition->ops) ||/before ||/'
breaks COUNT_NOT_READ end lib/partition/life.c 's/ || hvemu__load(&partition->ops)//'
breaks CALLER_NOT_COUNTED 'end of ops' lib/hypercall.c \
    's/hvemu__add(&partition->ops, 1);/;/; s/hvemu__sub(&partition->ops, 1);/;/'
breaks WORD_FIRST 'birth by B' lib/partition/partition.c \
    '/^    hv->first_free = child->rest->next;/s/$/hvemu__set_state(child, state);/
     /^    append_child(hv, parent, child);/{n;d;}'
breaks UNLOCKED_EARLY birth lib/hypercall.c \
    '/^    if (hvemu__alive(invocation->caller, target->shown.caller))/s/^/hvemu__unlock_both(target->shown.hv, invocation->caller);/
     /^        status = act(invocation, work);/{n;d;}'
breaks UNLOCK_FORGOTTEN locks lib/hypercall.c 's/hvemu__unlock(&held->rest->lock);/;/'
breaks HALF_LOCKED locks lib/internal.h \
    '/^        return 1;/{n;s/hvemu__unlock(&hv->lock);/;/;}'

exit $status
