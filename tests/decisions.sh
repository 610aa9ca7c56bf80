#!/bin/sh
# SPDX-FileCopyrightText: The libhvemu authors
# SPDX-License-Identifier: MIT

# Every test that docs/decisions.md names exists: the names in the last column of its tables.
# Usage: decisions.sh SOURCE_DIR

set -eu
cd "$1"
names=$(grep '^|' docs/decisions.md | sed 's/.*|\([^|]*\)|$/\1/' | grep -o '`[a-z0-9_]*`' | tr -d '`' | sort -u)
[ -n "$names" ] || { echo "no tests named in docs/decisions.md" >&2; exit 1; }
missing=0
for name in $names; do
    grep -rqw "$name" tests --include='test_*.c' || {
        echo "docs/decisions.md names $name, which is no test" >&2
        missing=1
    }
done
exit $missing
