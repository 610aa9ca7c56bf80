# SPDX-FileCopyrightText: The libhvemu authors
# SPDX-License-Identifier: MIT

# sh exports.sh SOURCE_DIR SHARED_LIBRARY STATIC_LIBRARY
# The prototypes in the headers, the version script and the shared library's exports are the same
# set of names, each export with the version that the script gives it; what else the static
# library's objects share is called hvemu__something. The SONAME is that of the header's version.

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

awk '/^HVEMU_[0-9.]+ {$/ { node = $1 }
    /^ *global:/ { global = 1 }
    /^ *local:/ { global = 0 }
    global && /^ *[A-Za-z0-9_]+;$/ { sub(/;/, "", $1); print $1 "@@" node }
    ' "$source/lib/libhvemu.map" | sort >"$work/script_versions"
sed 's/@@.*//' "$work/script_versions" >"$work/script"

# The version nodes are absolute symbols.
"$nm" -D --defined-only "$shared" | awk '$2 != "A" { print $3 }' | sort >"$work/library_versions"
sed 's/@.*//' "$work/library_versions" >"$work/library"

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
if ! diff "$work/script_versions" "$work/library_versions" >"$work/diff"; then
    echo "version script (<) and library (>) differ in versions:"
    cat "$work/diff"
    status=1
fi

number() { sed -n "s/^#define HVEMU_VERSION_$1 //p" "$source/include/hvgdk/hvemu.h"; }
if [ "$(number MAJOR)" = 0 ]; then
    want=0.$(number MINOR)
else
    want=$(number MAJOR)
fi
soname=$(readelf -d "$shared" | sed -n 's/.*SONAME.*\[\(.*\)\]$/\1/p')
if [ "$soname" != "libhvemu.so.$want" ]; then
    echo "the SONAME is $soname, of this version it would be libhvemu.so.$want"
    status=1
fi
exit $status
