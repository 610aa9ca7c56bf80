# SPDX-FileCopyrightText: The libhvemu authors
# SPDX-License-Identifier: MIT

# sh imports.sh STATIC_LIBRARY SHARED_LIBRARY
# All that the library can do on its own: it imports nothing but the four functions that compilers
# call anyway, makes no system call itself, and its thread-local caller is a load, not a function of
# the C library that may allocate. So there is no path to malloc(), mmap(), write(), a futex or
# anything else, in any test or any program, whatever is called. The shared library has besides what
# every one has for its own loading and unloading.

set -eu
LC_ALL=C
export LC_ALL
nm=${NM:-nm}
objdump=${OBJDUMP:-objdump}
readelf=${READELF:-readelf}
allowed='mem(cpy|move|set|cmp)'
loading='__cxa_finalize|__gmon_start__|_ITM_(de)?registerTMCloneTable'

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
status=0
refuse() # what, as lines of standard input
{
    if grep . >"$work/refused"; then
        sed "s|^|$1: |" "$work/refused"
        status=1
    fi
}

# Linked into one object, what the files want of each other is gone.
"${CC:-cc}" -r -nostdlib -o "$work/static.o" -Wl,--whole-archive "$1"
"$nm" -u "$work/static.o" | awk '{ print $2 }' >"$work/static"
"$nm" -D -u "$2" | awk '{ sub(/@.*/, "", $2); print $2 }' >"$work/shared"
grep -q '^memcpy$' "$work/static"
grep -q '^memcpy$' "$work/shared"
refuse "the static library imports" <<LINES
$(grep -vxE "$allowed|_GLOBAL_OFFSET_TABLE_" "$work/static")
LINES
refuse "the shared library imports" <<LINES
$(grep -vxE "$allowed|$loading" "$work/shared")
LINES

for object in "$work/static.o" "$2"; do
    "$objdump" -d "$object" >"$work/code"
    grep -q '<hvemu_x64_hypercall>:' "$work/code"
    refuse "a system call in ${object##*/}" <<LINES
$(awk -F '\t' '/^[0-9a-f]+ </ { name = $0 }
    $3 ~ /^(syscall|sysenter|int|svc|swi|ecall|scv?)([ \t]|$)/ { print name $3 }' "$work/code")
LINES
done
refuse "thread-local storage by a function" <<LINES
$("$readelf" -rW "$2" | grep -E 'DTPMOD|DTPREL|DTPOFF|TLSDESC')
LINES
exit $status
