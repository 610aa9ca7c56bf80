# SPDX-FileCopyrightText: The libhvemu authors
# SPDX-License-Identifier: MIT

# sh compare.sh PROGRAM ENGINE: runs pic_vmm, whose story must be story.txt, byte for byte. Ends
# with the program's exit status, so 77 if the engine does not work here.

story=$(dirname "$0")/story.txt
told=$(mktemp) || exit 2
trap 'rm -f "$told"' EXIT

"$1" --engine "$2" >"$told"
status=$?
if [ $status -eq 77 ]; then
    exit 77
fi
diff "$story" "$told" || exit 1
exit $status
