# SPDX-FileCopyrightText: The libhvemu authors
# SPDX-License-Identifier: MIT

# sh bench.sh PROGRAM: runs the benchmark of pic_vmm, briefly. Each engine has a line: why it was
# skipped, or times that are not 0 and a share below 100 %. How long anything took is not looked at.
# Ends with 77 if no engine works here.

LC_ALL=C
export LC_ALL

table=$(mktemp) || exit 2
trap 'rm -f "$table"' EXIT

"$1" --bench=50 >"$table"
status=$?
cat "$table"
[ $status -eq 0 ] || [ $status -eq 77 ] || exit 1

awk -v status=$status '
    function bad(why) { print why ": " $0; failed = 1 }
    $1 != "kvm" && $1 != "unicorn" { next }
    seen[$1]++ { bad("a second line") }
    / skipped: ./ { next }
    {
        measured++
        gsub(/[()]/, " ")
        if (NF != 10 || $10 != "%")
            bad("not what a line has")
        for (i = 2; i <= 9; i++)
            if ($i !~ /^[0-9]+(\.[0-9]+)?$/ || $i + 0 <= 0)
                bad("\"" $i "\" is no time")
        if ($3 > $2 || $5 > $4 || $7 > $6)
            bad("the least is more than the median")
        if ($9 >= 100)
            bad("a share of all and more")
    }
    END {
        if (!seen["kvm"] || !seen["unicorn"] || (status == 77) != !measured) {
            print "engines are missing, or it is the wrong exit status"
            failed = 1
        }
        exit failed
    }' "$table" || exit 1
exit $status
