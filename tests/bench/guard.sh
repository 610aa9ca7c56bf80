# SPDX-FileCopyrightText: The libhvemu authors
# SPDX-License-Identifier: MIT

# sh guard.sh [--update] SCRATCH_DIR
# Builds the library and hvemu_bench below SCRATCH_DIR with CC, optimised, as users do, and counts
# the instructions of each measure, which do not depend on how busy the machine is. It fails
#  - if a measure takes over 1 % and at least one instruction more than instructions.txt has stored
#    for this compiler and architecture, or has nothing stored there;
#  - if fast-clear takes more than 1.5 times the floor, whatever is stored.
# A measure that takes over 5 % less wants an update. Where nothing is stored for the compiler, the
# test counts as skipped; what is stored is of Debian 12.
#
# A change that saves instructions, or is worth what it costs, comes with new counts:
#   for cc in gcc clang; do CC=$cc sh tests/bench/guard.sh --update build/guard; done

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
table=$here/instructions.txt
cc=${CC:-cc}
cmake=${CMAKE:-cmake}

command -v valgrind >/dev/null || {
    echo "guard: NOT CHECKED: valgrind, which counts instructions, is missing"
    exit 77
}

quietly()
{
    "$@" >"$scratch/log" 2>&1 || {
        cat "$scratch/log"
        echo "guard: failed: $*"
        exit 1
    }
}

# Such as gcc-12-x86_64.
compiler=$(printf '#ifdef __clang__\nclang-__clang_major__\n#else\ngcc-__GNUC__\n#endif\n' |
    "$cc" -E -P - | tr -d ' \n')
machine=$("$cc" -dumpmachine)
column=$compiler-${machine%%-*}

mkdir -p "$scratch"
quietly "$cmake" --fresh -S "$here/../.." -B "$scratch/build" -DCMAKE_C_COMPILER="$cc" \
    -DCMAKE_BUILD_TYPE=Release -DHVEMU_BUILD_SHARED=OFF -DHVEMU_BUILD_EXAMPLES=OFF \
    -DHVEMU_BUILD_TOOLS=OFF
quietly "$cmake" --build "$scratch/build" --clean-first --target hvemu_bench
quietly "$scratch/build/tests/hvemu_bench" --json --count-only
sed -n 's/null/-/g; s/.*"name": "\([^"]*\)".*"instructions": \([0-9.-]*\)}.*/\1 \2/p' \
    "$scratch/log" >"$scratch/counts"

# Rows are the measures of today, in their order; other columns keep their numbers.
if [ "$update" ]; then
    awk -v column="$column" '
        function print_row(name, i)
        {
            printf "%-17s", name
            for (i = 2; i <= columns; i++)
                printf " %16s", (name, i) in cells ? cells[name, i] : "-"
            print ""
        }
        NR == FNR { counted[$1] = $2; names[++count] = $1; next }
        /^#/ || !NF { print; next }
        $1 == "name" { columns = NF }
        {
            for (i = 2; i <= NF; i++) {
                cells[$1, i] = $i
                if ($1 == "name" && $i == column)
                    at = i
            }
        }
        END {
            if (!at)
                cells["name", at = ++columns] = column
            print_row("name")
            for (i = 1; i <= count; i++) {
                cells[names[i], at] = counted[names[i]]
                print_row(names[i])
            }
        }' "$scratch/counts" "$table" >"$scratch/table"
    cat "$scratch/table" >"$table"
    echo "guard: stored: $column"
fi

awk -v column="$column" '
    function fail(text) { print "guard: " text; failed = 1 }
    function is_number(text) { return text ~ /^[0-9]+\.[0-9]$/ }
    function compare(name, stored, now)
    {
        if (stored == now)
            return
        if (!is_number(stored) || !is_number(now))
            fail(name ": stored " stored ", counted " now)
        else if (now > stored * 1.01 && now - stored > 0.95) # both are rounded
            fail(sprintf("%s: stored %s, counted %s: %.1f %% more",
                         name, stored, now, (now / stored - 1) * 100))
        else if (now < stored * 0.95)
            print "guard: " name ": stored " stored ", counted " now ": --update would keep that"
    }
    NR == FNR { counted[$1] = $2; next }
    /^#/ || !NF { next }
    $1 == "name" {
        for (i = 2; i <= NF; i++)
            if ($i == column)
                at = i
        next
    }
    !($1 in counted) { fail($1 ": stored, but hvemu_bench has no such measure"); next }
    { stored[$1]; if (at) compare($1, $at, counted[$1]) }
    END {
        for (name in counted)
            if (!(name in stored))
                fail(name ": no measure of this name is stored")

        # What is promised, whatever is stored.
        if (!(counted["fast-clear"] > 0 && counted["fast-clear"] <= 1.5 * counted["floor"]))
            fail("fast-clear: counted " counted["fast-clear"] ", which is promised to be at most " \
                 "1.5 x floor, of " counted["floor"])

        if (failed) {
            print "guard: FAILED for " column "; tests/bench/guard.sh says what to do"
            exit 1
        }
        if (!at) {
            print "guard: NOT COMPARED: no counts are stored for " column
            exit 77
        }
        print "guard: nothing takes more than what is stored for " column
    }' "$scratch/counts" "$table"
