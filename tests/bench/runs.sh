# SPDX-FileCopyrightText: The libhvemu authors
# SPDX-License-Identifier: MIT

# sh runs.sh HVEMU_BENCH: takes each measure a few times, whatever the build, and those of --growth.
# What it prints with --json is JSON, and has every measure of --list once; null times only for
# several threads where there is one CPU. How long anything took is not looked at.

set -eu
LC_ALL=C
export LC_ALL

bench=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

one_cpu=
[ "$(nproc)" -gt 1 ] || one_cpu='/"t[a-z]*-[ta]/s/null, /0, /g;'

# Each value becomes a letter, each array or object of letters a V, until one is left.
is_json()
{
    awk '
        { text = text $0 }
        END {
            gsub(/[ \t]/, "", text)
            gsub(/"[^"\\]*"/, "S", text)
            gsub(/-?(0|[1-9][0-9]*)(\.[0-9]+)?|null/, "N", text)
            while (gsub(/\{S:[SNV](,S:[SNV])*\}|\[[SNV](,[SNV])*\]/, "V", text))
                ;
            if (text != "V") {
                print "this is no JSON: " text
                exit 1
            }
        }' "$1"
}

for table in '' --growth; do
    "$bench" $table --list >"$work/list"
    "$bench" $table --json --force --iterations 100 >"$work/json"
    is_json "$work/json"
    sed -n "$one_cpu"'s/.*"name": "\([^"]*\)", "ns": [0-9.]*, "ns_min": [0-9.]*, "ratio": [0-9.]*, "instructions": [0-9.null]*}.*/\1/p' \
        "$work/json" >"$work/names"
    [ -s "$work/list" ]
    grep -q '^{"floor_ns": [0-9.]*, "results": \[$' "$work/json"
    diff "$work/list" "$work/names"
done
