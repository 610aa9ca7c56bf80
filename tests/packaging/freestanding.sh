# SPDX-FileCopyrightText: The libhvemu authors
# SPDX-License-Identifier: MIT

# sh freestanding.sh SOURCE_DIR SCRATCH_DIR
# Builds the freestanding preset, without and with the Hv functions. The core as a whole imports
# nothing but the four functions that compilers call of their own accord; the Hv functions ask the
# embedder who calls.

set -eu
source=$1
build=$2
cmake=${CMAKE:-cmake}
nm=${NM:-nm}

check() # HVEMU_FREESTANDING_WRAPPER, all that may be imported
{
    rm -rf "$build"
    "$cmake" --preset freestanding -B "$build" -DHVEMU_WERROR=ON \
        -DHVEMU_FREESTANDING_WRAPPER="$1" >/dev/null
    "$cmake" --build "$build" >"$build/log" || { cat "$build/log"; exit 1; }

    # Linked into one object, what the files want of each other is gone.
    "${CC:-cc}" -r -nostdlib -o "$build/core.o" -Wl,--whole-archive "$build/libhvemu.a"
    "$nm" "$build/core.o" >"$build/symbols"
    grep -q ' T hvemu_x64_hypercall$' "$build/symbols"
    "$nm" -u "$build/core.o" | awk '{ print $2 }' >"$build/imports"
    if grep -vxE "$2" "$build/imports"; then
        echo "is imported by the freestanding core (above)"
        exit 1
    fi
    if grep -w hvemu_attach "$build/symbols"; then
        echo "is in the freestanding core, which has no thread-local caller (above)"
        exit 1
    fi
}

cd "$source"
check ON 'mem(cpy|move|set|cmp)|hvemu_current_caller'
check OFF 'mem(cpy|move|set|cmp)'
