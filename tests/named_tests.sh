#!/bin/sh
# SPDX-FileCopyrightText: The libhvemu authors
# SPDX-License-Identifier: MIT

# Every test that docs/decisions.md and SECURITY.md name, in the last column of their tables, exists.
# Usage: named_tests.sh SOURCE_DIR

set -eu
cd "$1"
missing=0
for document in docs/decisions.md SECURITY.md; do
    names=$(grep '^|' $document | sed 's/.*|\([^|]*\)|$/\1/' | grep -o '`[a-z0-9_]*`' | tr -d '`' | sort -u)
    [ -n "$names" ] || { echo "no tests named in $document" >&2; exit 1; }
    for name in $names; do
        [ -d "tests/fuzz/corpus/${name#corpus_}" ] || grep -rqw "$name" tests --include='test_*.c' --include=CMakeLists.txt || {
            echo "$document names $name, which is no test" >&2
            missing=1
        }
    done
done
exit $missing
