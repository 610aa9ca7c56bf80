#!/bin/sh
# SPDX-FileCopyrightText: The libhvemu authors
# SPDX-License-Identifier: MIT

# sh cross.sh [--quick] [HOST...]: the tests on other machines than this one, Debian 12 on x86-64.
#   s390x    big-endian, under qemu-user
#   i686     32 bits, as this machine runs it or else under qemu-user
#   aarch64  under qemu-user
#   musl     this machine, with another C library
#   mingw    Windows on x86-64: built and not run, library and examples that need no POSIX
#   bare     no system at all: examples/bare, the freestanding library in a kernel, under the engines
#            of pic_vmm, of which one at least has to work
# Installs what is missing (as root, with apt-get), builds below build/cross, optimised and with
# warnings as errors, and runs the tests, one host after the other. Ends at the first that fails,
# with its output. cmocka and libbsd come as Debian's sources, for which apt-get has a state of its
# own below build/cross: the system's does not change. --quick leaves out what takes longest under
# qemu-user.
#
# What this cannot show is how threads meet on other machines: under qemu-user a foreign program's
# loads and stores are this machine's, which reorders less than s390x's memory order allows and much
# less than aarch64's. The thread tests run for their arithmetic and their 64-bit atomics, but for
# the two that are about nothing but order, and want more of it than an emulator does in their time.

set -eu
LC_ALL=C
export LC_ALL
unset CFLAGS CXXFLAGS LDFLAGS
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
. "$root/cmake/need.sh"
quick=
if [ "${1-}" = --quick ]; then
    quick=quick
    shift
fi
hosts=${*:-s390x i686 aarch64 musl mingw bare}

began=$(date +%s)
say() { printf '%4ds  %s\n' $(($(date +%s) - began)) "$*"; }

cross_compiler() # Debian's name of the architecture, of the compiler's target
{
    need "gcc-$2" command "$2-gcc"
    need "libc6-dev-$1-cross" file "/usr/$2/include/stdio.h"
}

need cmake command cmake
need ninja-build command ninja
need pkg-config command pkg-config
need xz-utils command xz
need binutils command readelf
for host in $hosts; do
    case $host in
    s390x)
        cross_compiler s390x s390x-linux-gnu
        need qemu-user command qemu-s390x
        ;;
    i686)
        cross_compiler i386 i686-linux-gnu
        need qemu-user command qemu-i386
        ;;
    aarch64)
        cross_compiler arm64 aarch64-linux-gnu
        need qemu-user command qemu-aarch64
        ;;
    musl)
        need gcc command gcc
        need musl-tools command musl-gcc
        need linux-libc-dev file /usr/include/linux/kvm.h
        ;;
    mingw)
        need gcc-mingw-w64-x86-64-win32 command x86_64-w64-mingw32-gcc
        ;;
    bare)
        need gcc command gcc
        need libc6-dev header stdio.h
        need libbsd-dev module libbsd-overlay
        need libunicorn-dev module unicorn
        ;;
    *)
        echo "cross.sh: no host is called $host" >&2
        exit 2
        ;;
    esac
done
install_needed
say "everything needed is installed"

cross=$root/build/cross
mkdir -p "$cross"

# Ends the script by set -e and not by ||, in front of which a function would go on after an error.
logged() # log, command...
{
    log=$1
    shift
    trap 'cat "$log"; say "FAILED; above is $log"' EXIT
    ("$@") >"$log" 2>&1
    trap - EXIT
}

# ---- cmocka and libbsd, which Debian has compiled for none of the cross compilers

apt_with_state() # state's directory, command...
{
    apt=$1
    shift
    apt-get -q -o Acquire::Retries=3 -o Dir::State="$apt" -o Dir::State::status=/dev/null \
        -o Dir::Cache="$apt/cache" -o Dir::Etc::sourcelist=/dev/null \
        -o Dir::Etc::sourceparts="$apt/sources" -o APT::Sandbox::User=root "$@"
}

fetch_sources()
(
    rm -rf "$cross/sources"
    mkdir -p "$cross/sources/apt/sources" "$cross/sources/apt/cache/archives/partial"
    cd "$cross/sources"
    for list in /etc/apt/sources.list /etc/apt/sources.list.d/*.list \
        /etc/apt/sources.list.d/*.sources; do
        [ ! -f "$list" ] || sed 's/^deb /deb-src /; s/^Types:.*/Types: deb-src/' "$list" \
            >"apt/sources/${list##*/}"
    done
    apt_with_state "$PWD/apt" update
    apt_with_state "$PWD/apt" source --download-only cmocka libbsd
    for package in cmocka libbsd; do
        mkdir $package
        tar -xJf ${package}_*.orig.tar.xz -C $package --strip-components=1
    done
    rm -rf apt
    touch complete
)

describe() # name, flags, libraries
{
    printf 'Name: %s\nDescription: %s\nVersion: 0\nCflags: %s\nLibs: -L%s %s\n' \
        "$1" "$1" "$2" "$prefix/lib" "$3" >"$prefix/lib/pkgconfig/$1.pc"
}

# Of cmocka all, of libbsd the headers and strtonum().
build_prefix() # compiler, its archiver
(
    prefix=$cross/$host/prefix
    rm -rf "$prefix"
    mkdir -p "$prefix/lib/pkgconfig"
    cp -R "$cross/sources/cmocka/include" "$prefix/include"
    cp -R "$cross/sources/libbsd/include/bsd" "$prefix/include/bsd"
    cd "$prefix/lib"
    if [ "$host" = musl ]; then # which has no kernel headers
        for headers in linux asm-generic "$(gcc -print-multiarch)/asm"; do
            ln -s "/usr/include/$headers" "$prefix/include/${headers##*/}"
        done
    fi
    "$1" -O2 -I"$prefix/include" -DHAVE_MALLOC_H -DHAVE_INTTYPES_H -DHAVE_SIGNAL_H \
        -DHAVE_STRINGS_H -DHAVE_SIGLONGJMP -DHAVE_STRSIGNAL -DHAVE_CLOCK_REALTIME \
        -DHAVE_STRUCT_TIMESPEC -DHAVE_GCC_THREAD_LOCAL_STORAGE \
        -c "$cross/sources/cmocka/src/cmocka.c"
    "$2" rcs libcmocka.a cmocka.o
    "$1" -O2 -isystem "$prefix/include/bsd" -DLIBBSD_OVERLAY \
        -c "$cross/sources/libbsd/src/strtonum.c" "$cross/sources/libbsd/src/strtoi.c"
    "$2" rcs libbsd.a strtonum.o strtoi.o
    describe cmocka "-isystem $prefix/include" -lcmocka
    describe libbsd-overlay "-isystem $prefix/include/bsd -DLIBBSD_OVERLAY" -lbsd
)

# ---- One host

configure() # system, processor, compiler, option...
{
    system=$1 processor=$2 compiler=$3
    shift 3
    PKG_CONFIG_LIBDIR=$cross/$host/prefix/lib/pkgconfig
    export PKG_CONFIG_LIBDIR
    # No processor is called x86_64 here, for which there would be pic_vmm; and there is no C++.
    logged "$cross/$host/configure.log" cmake --fresh -G Ninja -S "$root" -B "$cross/$host/build" \
        -DCMAKE_SYSTEM_NAME="$system" -DCMAKE_SYSTEM_PROCESSOR="$processor" \
        -DCMAKE_C_COMPILER="$compiler" -DCMAKE_CXX_COMPILER=NOTFOUND \
        -DCMAKE_BUILD_TYPE=Release -DHVEMU_WERROR=ON "$@"
    logged "$cross/$host/build.log" cmake --build "$cross/$host/build" -- --quiet
}

# Labels of tests that are not for other machines, and why.
left_out="\
abi=symbols and linker maps, which are those of files
packaging=builds with this machine's compiler
bench=times, and counts of instructions, are not an emulator's
docs=texts
protocol=models of the sources, not of what was built
schedules=of the sources, too
long=one that runs, with more steps"
labels=$(echo "$left_out" | sed 's/=.*//' | paste -s -d'|')
# Under qemu-user: those about nothing but order, and for --quick those that take longest.
orders="test_linearizable test_lifecycle_race"
slow="test_short_way test_double test_poison conformance_atomic conformance_faults model"

# What a program was built for, from itself.
what_is()
{
    readelf -hl "$1" | sed -n 's/.*Class: *//p; s/.*complement, \(.*\)/\1/p; s/.*Machine: *//p
        s/.*interpreter: \(.*\)\]/\1/p' | paste -s -d, | sed 's/,/, /g'
}

test_host() # compiler, archiver, emulator...
{
    compiler=$1
    logged "$cross/$host/prefix.log" build_prefix "$1" "$2"
    shift 2
    case ${1-} in
    qemu*) except="^($(echo "$orders${quick:+ $slow}" | sed 's/ /|/g'))\$" ;;
    *) except='^$' ;;
    esac
    configure Linux "$host" "$compiler" -DHVEMU_BUILD_SHARED=OFF \
        -DCMAKE_CROSSCOMPILING_EMULATOR="$(IFS=';' && echo "$*")"
    logged "$cross/$host/tests.log" ctest --test-dir "$cross/$host/build" -j "$(nproc)" \
        -LE "$labels" -E "$except" --output-on-failure --no-tests=error
    passed=$(sed -n 's/.* 0 tests failed out of \([0-9]*\)$/\1/p' "$cross/$host/tests.log")
    say "$host: $passed tests passed in $(($(date +%s) - host_began)) s" \
        "($(what_is "$cross/$host/build/tests/test_layout"))"
    tested=$host
    grep '(Skipped)$' "$cross/$host/tests.log" || :
    # cmocka has skips of its own, inside a test that ctest calls passed.
    sed -n 's/^\[  SKIPPED \] \([a-z].*\)/       skipped in this build: \1/p' \
        "$cross/$host/build/Testing/Temporary/LastTest.log" | sort -u
}

test_gnu() # target, emulator...
{
    compiler=$1-gcc archiver=$1-ar
    shift
    test_host "$compiler" "$archiver" "$@"
}

# ---- The image

build_image()
(
    cd "$cross/bare"
    cmake --fresh -G Ninja -S "$root" -B vmm -DCMAKE_C_COMPILER=gcc -DCMAKE_BUILD_TYPE=Release \
        -DHVEMU_BUILD_TESTS=OFF -DHVEMU_BUILD_SHARED=OFF -DHVEMU_WERROR=ON
    cmake --build vmm --target pic_vmm -- --quiet
    cmake --fresh -G Ninja -S "$root/examples/bare" -B image -DCMAKE_C_COMPILER=gcc \
        -DCMAKE_BUILD_TYPE=Release -DHVEMU_WERROR=ON
    cmake --build image -- --quiet
)

# An engine that does not work here says so; all but one may.
run_image()
{
    ran=
    for engine in kvm unicorn; do
        status=0
        sh "$root/examples/pic_vmm/compare.sh" "$root/examples/bare/bare.txt" \
            "$cross/bare/vmm/examples/pic_vmm/pic_vmm" --engine $engine \
            --image "$cross/bare/image/bare.bin" || status=$?
        case $status in
        0) ran="$ran $engine" ;;
        77) ;;
        *) return 1 ;;
        esac
    done
    [ "$ran" ]
}

# ---- All of them

case $hosts in
*s390x* | *i686* | *aarch64* | *musl*)
    if [ ! -e "$cross/sources/complete" ]; then
        logged "$cross/sources.log" fetch_sources
        say "sources of cmocka and libbsd: fetched"
    fi
    ;;
esac

tested=
for host in $hosts; do
    unset CFLAGS PKG_CONFIG_LIBDIR
    host_began=$(date +%s)
    mkdir -p "$cross/$host"
    case $host in
    s390x) test_gnu s390x-linux-gnu qemu-s390x -L /usr/s390x-linux-gnu ;;
    aarch64) test_gnu aarch64-linux-gnu qemu-aarch64 -L /usr/aarch64-linux-gnu ;;
    i686)
        lib=/usr/i686-linux-gnu/lib
        CFLAGS=-Wno-psabi # which only tells of an older compiler's mistake
        export CFLAGS
        if "$lib/ld-linux.so.2" --version >/dev/null 2>&1; then
            test_gnu i686-linux-gnu "$lib/ld-linux.so.2" --library-path "$lib"
        else
            test_gnu i686-linux-gnu qemu-i386 -L /usr/i686-linux-gnu
        fi
        ;;
    musl) test_host musl-gcc ar ;;
    mingw)
        configure Windows AMD64 x86_64-w64-mingw32-gcc -DHVEMU_BUILD_TESTS=OFF \
            -DHVEMU_BUILD_TOOLS=OFF
        say "mingw: built in $(($(date +%s) - host_began)) s and not run:" \
            "$(cd "$cross/mingw/build" && echo libhvemu.[ad]* examples/*.exe)"
        ;;
    bare)
        logged "$cross/bare/build.log" build_image
        logged "$cross/bare/run.log" run_image
        say "bare: said in $(($(date +%s) - host_began)) s what it should," \
            "$(wc -c <"$cross/bare/image/bare.bin") bytes"
        grep '^pic_vmm: engine' "$cross/bare/run.log"
        ;;
    esac
done

[ "$hosts" = bare ] || echo "Left out:"
if [ "$tested" ]; then
    echo "$left_out" | while IFS='=' read -r label why; do
        names=$(ctest --test-dir "$cross/$tested/build" -N -L "^$label\$" |
            sed -n 's/^ *Test *#[0-9]*: //p' | paste -s -d' ')
        echo "  $names ($label): $why"
    done
    echo "  $orders, under qemu-user: see the head of this script"
    [ -z "$quick" ] || echo "  $slow, under qemu-user: --quick"
    echo "  the headers as C++17: the compilers are for C alone"
    echo "  pic_vmm: its guest is x64 code"
fi
case $hosts in
*mingw*) echo "  mingw, all tests, test double and root_client: they need POSIX, or libbsd" ;;
esac
