#!/bin/sh
# SPDX-FileCopyrightText: The libhvemu authors
# SPDX-License-Identifier: MIT

# sh analyze.sh: has clang-tidy, cppcheck and gcc -fanalyzer read the library, the tools and the
# examples. First each must find what was put into a file for it to be found. Then all that any of
# them says is an error, but for what analyze.txt lists with its reason; and so is what is listed
# there and not said any more. Installs what is missing (as root, with apt-get), builds below
# build/analyze, and prints one line a tool.
#
# The tests are not read: they run, under sanitizers. That a try-lock is given back on every way,
# none of these tools knows how to see.

set -eu
LC_ALL=C
export LC_ALL
unset CFLAGS LDFLAGS
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
. "$root/cmake/need.sh"

need gcc command gcc
need libc6-dev header stdio.h
need linux-libc-dev header linux/kvm.h
need clang command clang
need clang-tidy command clang-tidy
need cppcheck command cppcheck
need cmake command cmake
need ninja-build command ninja
need pkg-config command pkg-config
need libbsd-dev module libbsd-overlay
need libunicorn-dev module unicorn
install_needed

began=$(date +%s)
work=$root/build/analyze
mkdir -p "$work"
cd "$root"

logged() # log, command...
{
    log=$1
    shift
    "$@" >"$log" 2>&1 || {
        cat "$log"
        echo "analyze: failed: $*"
        exit 1
    }
}

# ---- The tools. Each writes what compilers write: path:line:column: warning: text [check]

# One file a process: clang-tidy 14 takes a va_list for uninitialized if it saw another before.
run_tidy() # file...
{
    printf '%s\n' "$@" | xargs -P "$(nproc)" -n 1 clang-tidy --quiet -p "$work/clang"
}

# Of the system's headers it reads none and knows functions by library files of its own; but lists
# and trees are macros. Not looked for: badBitmaskCheck, since zeros say which bits are not there;
# variableScope, since declarations stand at the head of a function.
bsd=$(pkg-config --variable=includedir libbsd-overlay)/bsd/sys
run_cppcheck() # what is to be read...
{
    cppcheck --quiet -j "$(nproc)" --std=c11 --library=posix --library=bsd \
        --enable=warning,performance,portability,style \
        --suppress=badBitmaskCheck --suppress=variableScope \
        "--include=$bsd/queue.h" "--include=$bsd/tree.h" \
        '--template={file}:{line}:{column}: warning: {message} [{id}]' "$@"
}

configure() # folder, compiler, flags
{
    logged "$work/$1.log" cmake --fresh -G Ninja -S "$root" -B "$work/$1" \
        -DCMAKE_C_COMPILER="$2" "-DCMAKE_C_FLAGS=$3" -DCMAKE_BUILD_TYPE=Debug \
        -DCMAKE_EXPORT_COMPILE_COMMANDS=ON -DHVEMU_BUILD_SHARED=OFF -DHVEMU_BUILD_TESTS=OFF
}

# ---- What they say

# File, check and the whole finding, one a line.
findings() # log
{
    sed -n "s#^$root/##; s#^[^ :]*/\.\./##
        s#^\([^ :]*\)\(:[0-9]*:[0-9]*: [a-z ]*: .*\)\[\([^] ]*\)\]\$#\1 \3 \1\2[\3]#p" "$1" |
        sort -u
}

status=0
judge() # tool, log
{
    findings "$2" >"$work/findings"
    awk -v tool="$1" '
        FILENAME == ARGV[1] {
            if ($1 == tool)
                unsaid[$2 " " $3]
            listed[$1, $2, $3]
            next
        }
        { delete unsaid[$1 " " $2] }
        !((tool, $1, $2) in listed) {
            sub(/[^ ]* [^ ]* /, "")
            print tool ": " $0
            bad = 1
        }
        END {
            for (what in unsaid) {
                print "tests/analyze.txt: not said any more: " tool ": " what
                bad = 1
            }
            exit bad
        }' tests/analyze.txt "$work/findings" || status=1
    printf '%4ds  %-10s  %d files\n' $(($(date +%s) - began)) "$1" "$count"
}

# ---- Whether they find anything

cat >"$work/planted.c" <<'END'
#include <stdlib.h>
#include <string.h>

int null_dereference(int which);
int uninitialized(int which);
int leak(size_t bytes);

int null_dereference(int which)
{
    int number = 1, *at = NULL;

    if (which == 1)
        at = &number;
    return *at;
}

int uninitialized(int which)
{
    int number;

    if (which == 1)
        number = 2;
    return number;
}

int leak(size_t bytes)
{
    char *block = malloc(bytes);

    if (!block)
        return -1;
    memset(block, (int)sizeof block, 0);
    return 0;
}
END

must_find() # log, check...
{
    log=$1
    shift
    for check; do
        findings "$log" | grep -q "/planted.c $check " || {
            cat "$log"
            echo "analyze: what was planted is not found: $check"
            exit 1
        }
    done
}

logged "$work/tidy.log" clang-tidy --config-file=.clang-tidy "$work/planted.c" -- -std=c11
must_find "$work/tidy.log" clang-analyzer-core.NullDereference \
    clang-analyzer-core.uninitialized.UndefReturn clang-analyzer-unix.Malloc \
    bugprone-suspicious-memset-usage
logged "$work/cppcheck.log" run_cppcheck "$work/planted.c"
must_find "$work/cppcheck.log" nullPointer uninitvar memleak memsetZeroBytes
logged "$work/gcc.log" gcc -fanalyzer -c -o "$work/planted.o" "$work/planted.c"
must_find "$work/gcc.log" -Wanalyzer-null-dereference -Wanalyzer-use-of-uninitialized-value \
    -Wanalyzer-malloc-leak

# ---- The sources

configure clang clang ''
configure gcc gcc -fanalyzer
sed -n "s#^ *\"file\": \"$root/\(.*\.c\)\",*\$#\1#p" "$work/clang/compile_commands.json" |
    grep -v '^build/' | sort -u >"$work/files"
count=$(wc -l <"$work/files")
for file in lib/*.c lib/*/*.c tools/*.c examples/*.c; do
    [ "$file" != tools/call_table.c ] || continue # the tests' own
    grep -qx "$file" "$work/files" || {
        echo "analyze: $file is not compiled, so not read"
        exit 1
    }
done

# shellcheck disable=SC2046 # one word a file
logged "$work/tidy.log" run_tidy $(cat "$work/files")
judge clang-tidy "$work/tidy.log"
logged "$work/cppcheck.log" run_cppcheck "--project=$work/clang/compile_commands.json"
judge cppcheck "$work/cppcheck.log"
logged "$work/gcc.log" cmake --build "$work/gcc" --clean-first
judge gcc "$work/gcc.log"
exit $status
