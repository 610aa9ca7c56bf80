# SPDX-FileCopyrightText: The libhvemu authors
# SPDX-License-Identifier: MIT

# sh packaging.sh SOURCE_DIR SCRATCH_DIR
# Installs the library below a prefix with a space in its name, moves it, and builds programs
# outside the project with what is there: by pkg-config and by find_package, static and shared, with
# either library removed, in C++17, and as a subproject.

set -eu
source=$1
scratch=$2
cmake=${CMAKE:-cmake}
cc=${CC:-cc} # used in eval
cxx=${CXX:-}
here=$source/tests/packaging
warnings='-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror'

fail()
{
    echo "packaging: $*"
    exit 1
}

# Runs a command whose output matters only if it fails.
quietly()
{
    if ! "$@" >"$scratch/log" 2>&1; then
        cat "$scratch/log"
        fail "failed: $*"
    fi
}

# The program at $1, built in the way $2, must print what is stored.
check()
{
    "$1" >"$scratch/output" || fail "$2: exit status $?"
    diff "$here/outside.txt" "$scratch/output" || fail "$2: prints the right-hand side"
    echo "ok: $2"
}

needs_shared()
{
    readelf -d "$1" | grep -q 'NEEDED.*libhvemu\.so\.0\.1\]'
}

rm -rf "$scratch"
mkdir -p "$scratch"

# ---- Installed, then moved
quietly "$cmake" -S "$source" -B "$scratch/build" -DCMAKE_BUILD_TYPE=Release -DHVEMU_WERROR=ON \
    -DHVEMU_BUILD_TESTS=OFF -DHVEMU_BUILD_EXAMPLES=OFF -DHVEMU_BUILD_TOOLS=OFF \
    -DCMAKE_INSTALL_LIBDIR=lib \
    "-DCMAKE_INSTALL_PREFIX=$scratch/first place"
quietly "$cmake" --build "$scratch/build"
quietly "$cmake" --install "$scratch/build"
prefix="$scratch/second place"
mv "$scratch/first place" "$prefix"
if grep -rF "first place" "$prefix"; then
    fail "an installed file knows where it was installed"
fi

# ---- pkg-config
by_pkg_config() # way, prefix, pkg-config's option, compiler's option
{
    eval "\"\$cc\" -std=c11 $warnings \"\$here/outside.c\" -o \"\$scratch/outside\" $4" \
        "$(PKG_CONFIG_PATH="$2/lib/pkgconfig" pkg-config $3 --cflags --libs libhvemu)"
    LD_LIBRARY_PATH="$2/lib"
    export LD_LIBRARY_PATH
    check "$scratch/outside" "pkg-config, $1"
    unset LD_LIBRARY_PATH
}

by_pkg_config shared "$prefix" '' ''
needs_shared "$scratch/outside" || fail "pkg-config, shared: is not linked with the shared library"
by_pkg_config static "$prefix" --static -static
required=$(PKG_CONFIG_PATH="$prefix/lib/pkgconfig" pkg-config --print-requires-private libhvemu)
[ -z "$required" ] || fail "libhvemu.pc requires $required"

# ---- find_package, with both libraries or one
by_find_package() # way, prefix, expected libraries, program, further option
{
    quietly "$cmake" --fresh -S "$here/find_package" -B "$scratch/consumer" \
        "-DCMAKE_PREFIX_PATH=$2" "-DEXPECT=$3" -DCMAKE_BUILD_TYPE=Release $5
    quietly "$cmake" --build "$scratch/consumer"
    check "$scratch/consumer/$4" "find_package, $1"
}

by_find_package "shared" "$prefix" "static;shared" outside_shared ''
by_find_package "static" "$prefix" "static;shared" outside_static ''
by_find_package "default" "$prefix" "static;shared" outside ''
needs_shared "$scratch/consumer/outside" || fail "hvemu::hvemu is not the shared library"
by_find_package "BUILD_SHARED_LIBS=OFF" "$prefix" "static;shared" outside -DBUILD_SHARED_LIBS=OFF
if needs_shared "$scratch/consumer/outside"; then
    fail "hvemu::hvemu is the shared library in spite of BUILD_SHARED_LIBS=OFF"
fi

# With the description of the removed library left behind, and without it.
for left_behind in yes no; do
    only="$scratch/only static $left_behind"
    cp -a "$prefix" "$only"
    rm "$only"/lib/libhvemu.so*
    [ "$left_behind" = yes ] || rm "$only"/lib/cmake/hvemu/hvemu-shared-*
    by_find_package "shared library removed" "$only" static outside ''
    by_pkg_config "shared library removed" "$only" --static ''

    only="$scratch/only shared $left_behind"
    cp -a "$prefix" "$only"
    rm "$only/lib/libhvemu.a"
    [ "$left_behind" = yes ] || rm "$only"/lib/cmake/hvemu/hvemu-static-*
    by_find_package "static library removed" "$only" shared outside ''
    by_pkg_config "static library removed" "$only" '' ''
done

# ---- C++17
if [ -n "$cxx" ]; then
    eval "\"\$cxx\" -std=c++17 $warnings \"\$here/outside.cpp\" -o \"\$scratch/outside\" -static" \
        "$(PKG_CONFIG_PATH="$prefix/lib/pkgconfig" pkg-config --static --cflags --libs libhvemu)"
    "$scratch/outside" || fail "C++17: exit status $?"
    echo "ok: C++17"
fi

# ---- Directories outside the prefix
quietly "$cmake" "$scratch/build" -DCMAKE_INSTALL_INCLUDEDIR=/elsewhere/include \
    -DCMAKE_INSTALL_LIBDIR=/elsewhere/lib
quietly "$cmake" --build "$scratch/build" # CMake has run twice in this tree
for line in includedir=/elsewhere/include libdir=/elsewhere/lib; do
    grep -qx "$line" "$scratch/build/libhvemu.pc" || fail "libhvemu.pc lacks $line"
done

# ---- As a subproject
for shared in OFF ON; do
    quietly "$cmake" --fresh -S "$here/subproject" -B "$scratch/parent" -DCMAKE_BUILD_TYPE=Release \
        "-DHVEMU_SOURCE=$source" "-DBUILD_SHARED_LIBS=$shared" \
        "-DCMAKE_INSTALL_PREFIX=$scratch/parent's place"
    quietly "$cmake" --build "$scratch/parent"
    check "$scratch/parent/outside" "add_subdirectory, BUILD_SHARED_LIBS=$shared"
    quietly "$cmake" --install "$scratch/parent"
    installed=$(cd "$scratch/parent's place" && find . -type f)
    [ "$installed" = ./bin/outside ] || fail "a subproject installs: $installed"
done
