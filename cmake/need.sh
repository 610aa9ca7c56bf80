# SPDX-FileCopyrightText: The libhvemu authors
# SPDX-License-Identifier: MIT

# For scripts that set up what they need. Sourced; they call
#   need PACKAGE command NAME   for each program, and
#   need PACKAGE module NAME    for each library known to pkg-config, and
#   need PACKAGE header NAME    for each header of the C library, and
#   need PACKAGE file PATH      for anything else, and then
#   install_needed
# which installs the Debian packages of what is missing, or says what is missing and ends the script.

needed=
missing=

is_there()
{
    case $1 in
    command) command -v "$2" ;;
    module) pkg-config --exists "$2" ;;
    header) echo "#include <$2>" | gcc -E - ;;
    file) [ -e "$2" ] ;;
    esac >/dev/null 2>&1
}

need()
{
    needed="$needed $1:$2:$3"
}

look_for_missing()
{
    missing=
    for item in $needed; do
        rest=${item#*:}
        is_there "${rest%%:*}" "${rest#*:}" || missing="$missing ${item%%:*}"
    done
}

install_needed()
{
    look_for_missing
    [ -n "$missing" ] || return 0
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        echo "Missing. On Debian 12:" >&2
        echo "  sudo apt-get install --no-install-recommends$missing" >&2
        exit 1
    fi

    echo "Installing$missing"
    apt_log=$(mktemp)
    DEBIAN_FRONTEND=noninteractive
    export DEBIAN_FRONTEND
    # shellcheck disable=SC2086 # one word a package
    if ! {
        apt-get -q -o Acquire::Retries=3 update &&
            apt-get -q -y -o Acquire::Retries=3 -o DPkg::Lock::Timeout=120 \
                install --no-install-recommends $missing
    } >"$apt_log" 2>&1 </dev/null; then
        cat "$apt_log" >&2
        rm -f "$apt_log"
        echo "apt-get failed (above); needed are:$missing" >&2
        exit 1
    fi
    rm -f "$apt_log"

    look_for_missing
    if [ -n "$missing" ]; then
        echo "Still missing, though apt-get was content:$missing" >&2
        exit 1
    fi
}
