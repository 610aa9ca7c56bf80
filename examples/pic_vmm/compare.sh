# SPDX-FileCopyrightText: The libhvemu authors
# SPDX-License-Identifier: MIT

# sh compare.sh STORY PROGRAM ARGUMENT...: runs pic_vmm, whose story must be that text, byte for byte.
# Ends with the program's exit status, so 77 if the engine does not work here.

story=$1
shift
told=$(mktemp) || exit 2
trap 'rm -f "$told"' EXIT

"$@" >"$told"
status=$?
if [ $status -eq 77 ]; then
    exit 77
fi
diff "$story" "$told" || exit 1
exit $status
