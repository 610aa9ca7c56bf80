#!/bin/sh
# SPDX-FileCopyrightText: The libhvemu authors
# SPDX-License-Identifier: MIT

# sh abi.sh [--update] SCRATCH_DIR
# Builds the shared library below SCRATCH_DIR with CC and has abidw tell its ABI: SONAME, symbols
# with their versions, functions, and what of their types the public headers say; no private types.
# abidiff compares that with libhvemu.abi. Any change fails, a compatible one too, so that none
# comes unnoticed.
#
# Of gcc and clang, with and without optimisation, the ABI is the same; of another machine it is
# not, and the test counts as skipped there. Constants that are no function's type (HVEMU_MEM_OK)
# are not in it: test_first_abi.c has them.
#
# A change that is meant comes with the new ABI, and a line in CHANGELOG.md:
#   sh tests/abi/abi.sh --update build/abi

set -eu
LC_ALL=C
export LC_ALL
unset CFLAGS LDFLAGS

update=
if [ "$1" = --update ]; then
    update=yes
    shift
fi
scratch=$1
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
root=$(CDPATH='' cd -- "$here/../.." && pwd)
stored=$here/libhvemu.abi
cc=${CC:-cc}
cmake=${CMAKE:-cmake}

skip()
{
    echo "abi: NOT CHECKED: $*"
    exit 77
}

command -v abidiff >/dev/null || skip "abigail-tools, which compares ABIs, is missing"
machine=$("$cc" -dumpmachine)
case $machine in
x86_64-*linux-gnu) ;;
*) skip "the stored ABI is that of x86_64-linux-gnu, and $cc compiles for $machine" ;;
esac

quietly()
{
    "$@" >"$scratch/log" 2>&1 || {
        cat "$scratch/log"
        echo "abi: failed: $*"
        exit 1
    }
}

mkdir -p "$scratch"
quietly "$cmake" --fresh -S "$root" -B "$scratch/build" -DCMAKE_C_COMPILER="$cc" \
    -DCMAKE_BUILD_TYPE=None -DCMAKE_C_FLAGS="-g -ffile-prefix-map=$root/=" \
    -DHVEMU_BUILD_STATIC=OFF -DHVEMU_BUILD_TESTS=OFF -DHVEMU_BUILD_EXAMPLES=OFF \
    -DHVEMU_BUILD_TOOLS=OFF
quietly "$cmake" --build "$scratch/build" --target hvemu_shared
quietly abidw --headers-dir "$root/include" --drop-private-types --exported-interfaces-only \
    --no-show-locs --no-comp-dir-path --no-corpus-path --no-elf-needed --no-write-default-sizes \
    --out-file "$scratch/now.abi" "$scratch/build/libhvemu.so"

# Of debug information that is not understood abidw makes an ABI with no function, and is content.
for function in hvemu_init HvClearVirtualInterrupt; do
    grep -q "<function-decl name='$function'" "$scratch/now.abi" || {
        echo "abi: abidw does not see $function()"
        exit 1
    }
done

if [ "$update" ]; then
    cat "$scratch/now.abi" >"$stored"
    echo "abi: stored"
fi

# abidiff's status: 4 any change, 8 also an incompatible one, 1 and 2 its own trouble.
status=0
abidiff --harmless --redundant "$stored" "$scratch/now.abi" || status=$?
case $status in
0) echo "abi: as stored" ;;
4 | 12)
    [ $status = 4 ] || echo "abi: INCOMPATIBLE: programs that were linked before do not work"
    echo "abi: not as stored (above); if that is meant:"
    echo "  sh tests/abi/abi.sh --update build/abi"
    echo "  and say it after \"ABI:\" in CHANGELOG.md; of what is incompatible, where a version was"
    echo "  released, that makes a new minor version, or after 1.0 a major one"
    exit 1
    ;;
*)
    echo "abi: abidiff failed: $status"
    exit 1
    ;;
esac
