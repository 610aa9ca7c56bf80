# SPDX-FileCopyrightText: The libhvemu authors
# SPDX-License-Identifier: MIT

# sh exports.sh SOURCE_DIR SHARED_LIBRARY STATIC_LIBRARY
# The prototypes in the headers, the version script and the shared library's exports are the same
# set of names; what else the static library's objects share is called hvemu__something.

set -eu
LC_ALL=C
export LC_ALL

source=$1
shared=$2
static=$3
nm=${NM:-nm}
cc=${CC:-cc}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Through the preprocessor, so that comments count for nothing.
preprocess() { "$cc" -E -P "$@" | tr '\n' ' '; }
{
    preprocess -DHVEMU_API=EXPORTED "$source/include/hvgdk/hvemu.h" |
        grep -o 'EXPORTED [^(]*('
    preprocess -I "$source/include" "$source/include/hvgdk/hvapi.h" |
        grep -o 'HV_STATUS Hv[A-Za-z0-9]*('
} | sed 's/($//; s/.*[ *]//' | sort >"$work/headers"

sed -n '/^ *global:/,/^ *local:/s/^ *\([A-Za-z0-9_]*\);$/\1/p' "$source/lib/libhvemu.map" |
    sort >"$work/script"

# The version nodes are absolute symbols.
"$nm" -D --defined-only "$shared" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' |
    sort >"$work/library"

"$nm" -g --defined-only "$static" | awk 'NF == 3 { print $3 }' | grep -v '^hvemu__' |
    sort >"$work/archive"

[ -s "$work/headers" ] || { echo "no prototype found in the headers"; exit 1; }
status=0
for set in script library archive; do
    if ! diff "$work/headers" "$work/$set" >"$work/diff"; then
        echo "headers (<) and $set (>) differ:"
        cat "$work/diff"
        status=1
    fi
done
exit $status
