# SPDX-FileCopyrightText: The libhvemu authors
# SPDX-License-Identifier: MIT

# sh stack.sh SOURCE_DIR SCRATCH_DIR
# The most stack that a call of the library can take, the VMM's ops, its own calls' handlers and its
# hvemu_caller functions excluded: the largest sum of frames along any chain from an exported
# function, from the compiler's own call graph of both libraries, built as users build them. At most
# 1024 bytes. A frame is as the compiler says, return address included; mem*() of the C library
# counts for nothing. A caller that only jumps to a function, as x86 code shows, has no frame left.
#
# The call graph says where a call through a pointer stands. What is called there the source says:
# a handler (any of the library's; handle_list() calls those of rep calls, all else the others), an
# op, or a caller's function. Anything else is an error, as are recursion, frames without bound, and
# functions that the graph does not have.

set -eu
LC_ALL=C
export LC_ALL
unset CFLAGS LDFLAGS

source=$1
scratch=$2
limit=1024
cc=${CC:-cc}
cmake=${CMAKE:-cmake}
objdump=${OBJDUMP:-objdump}

mkdir -p "$scratch"
echo 'int main(void) { return 0; }' >"$scratch/probe.c"
"$cc" -fcallgraph-info=su -c "$scratch/probe.c" -o "$scratch/probe.o" 2>/dev/null || {
    echo "stack: NOT CHECKED: $cc writes no call graph (gcc does: -fcallgraph-info)"
    exit 77
}

# Without a red zone, which a frame's size leaves out.
flags=-fcallgraph-info=su
if "$cc" -mno-red-zone -c "$scratch/probe.c" -o "$scratch/probe.o" 2>/dev/null; then
    flags="$flags -mno-red-zone"
fi

quietly()
{
    "$@" >"$scratch/log" 2>&1 || {
        cat "$scratch/log"
        echo "stack: failed: $*"
        exit 1
    }
}

quietly "$cmake" --fresh -S "$source" -B "$scratch/build" -DCMAKE_C_COMPILER="$cc" \
    -DCMAKE_BUILD_TYPE=Release -DCMAKE_C_FLAGS="$flags" \
    -DHVEMU_BUILD_STATIC=ON -DHVEMU_BUILD_SHARED=ON -DHVEMU_BUILD_TESTS=OFF \
    -DHVEMU_BUILD_TOOLS=OFF -DHVEMU_BUILD_EXAMPLES=OFF
quietly "$cmake" --build "$scratch/build" --clean-first

{
    awk -F ', *' '/^HVEMU_CALL\(/ { print $8 ~ /REP/ ? "rep" : "simple", "hvemu__" $3 }' \
        "$source/lib/hypercalls.def"
    sed -n '/^ *global:/,/^ *local:/s/^ *\([A-Za-z0-9_]*\);$/export \1/p' \
        "$source/lib/libhvemu.map"
} >"$scratch/names"

# "tail FILE CALLER CALLEE" for all that is jumped to and never called.
find_tails() # object file...
{
    for object in "$@"; do
        "$objdump" -dr --no-show-raw-insn "$object" | awk -v file="$object" '
            function seen(to) { kind = op ~ /^call/ ? "call" : "jump"; to_by[kind, from " " to] = 1 }
            BEGIN { FS = "\t"; sub(/.*\/lib\//, "", file); sub(/\.o$/, "", file) }
            /^[0-9a-f]+ <.*>:$/ {
                from = $0
                gsub(/.*<|>:|\.cold/, "", from)
                next
            }
            $2 ~ /^(call|j[a-z]+) / {
                op = $2
                if (match($2, /<[^+>]+>/))
                    seen(substr($2, RSTART + 1, RLENGTH - 2))
                next
            }
            / R_/ && op { sub(/[-+]0x[0-9a-f]+$/, "", $NF); seen($NF) }
            { op = "" }
            END {
                for (pair in to_by) {
                    split(pair, part, SUBSEP)
                    if (part[1] == "jump" && !(("call", part[2]) in to_by))
                        print "tail", file, part[2]
                }
            }'
    done
}

worst_chain() # library
{
    objects=$scratch/build/CMakeFiles/hvemu_$1.dir
    find "$objects" -name '*.ci' -exec cat {} + >"$scratch/graph"
    # shellcheck disable=SC2046 # the names are the project's own
    (cd "$objects" && find_tails $(find ./lib -name '*.o')) >"$scratch/tails"
    awk -v library="$1" -v limit=$limit '
        function fail(text) { print "stack: " library ": " text; failed = 1; exit 1 }
        function quoted(key) # the value of key: "value"
        {
            return match($0, key ": \"[^\"]*\"") ? substr($0, RSTART + length(key) + 3,
                                                          RLENGTH - length(key) - 4) : ""
        }
        # What is called at file:line:column, by the text there.
        function pointed_at(place, part, n, line, i, text)
        {
            n = split(place, part, ":")
            for (i = 1; i <= part[n - 1]; i++)
                if ((getline line < part[1]) <= 0)
                    fail("nothing at " place)
            close(part[1])
            text = substr(line, part[n] > 40 ? part[n] - 40 : 1)
            if (text ~ /ops(->|\.)[a-z_]+\(/ || text ~ /caller->hypercall\(/)
                return ""
            if (text ~ /handler\(/)
                return "handler"
            fail(place ": who is called there?" line)
        }
        function depth(name, sum, best, i, callee)
        {
            if (name in done)
                return done[name]
            if (name in within)
                fail("recursion: " name)
            if (!(name in frame)) {
                if (name ~ /^(__builtin_)?mem(cpy|move|set|cmp)$/)
                    return 0
                fail("no frame known of " name)
            }
            within[name] = 1
            best = frame[name]
            for (i = 1; i <= callees[name]; i++) {
                callee = calls[name, i]
                sum = depth(callee) + ((name, callee) in tail ? 0 : frame[name])
                if (sum > best) {
                    best = sum
                    next_of[name] = callee
                }
            }
            delete within[name]
            return done[name] = best
        }
        function short(name) { sub(/.*:/, "", name); return name }
        function add(from, to) { if (!seen[from, to]++) calls[from, ++callees[from]] = to }
        $1 == "rep" || $1 == "simple" { form[$2] = $1; next }
        $1 == "tail" { jumped[$2, $3, $4] = 1; next }
        $1 == "graph:" { file = quoted("title"); sub(/.*\/lib\//, "", file) }
        $1 == "export" { exports[++export_count] = $2; next }
        $1 == "node:" && match($0, /[0-9]+ bytes \([a-z,]+\)/) {
            split(substr($0, RSTART, RLENGTH), size, " ")
            if (size[3] == "(dynamic)")
                fail("no bound: " quoted("title"))
            frame[quoted("title")] = size[1]
        }
        $1 == "edge:" {
            from = quoted("sourcename")
            to = quoted("targetname")
            if (sub(/\.localalias$/, "", to)) # an exported function, called from inside
                to = short(to)
            if ((file, short(from), short(to)) in jumped)
                tail[from, to] = 1
            if (to != "__indirect_call")
                add(from, to)
            else if (pointed_at(quoted("label")) == "handler")
                for (handler in form)
                    if (form[handler] == (from ~ /:handle_list$/ ? "rep" : "simple"))
                        add(from, handler)
        }
        END {
            if (failed)
                exit 1
            if (!length(form) || !export_count)
                fail("no handlers or no exports known")
            for (i = 1; i <= export_count; i++)
                if (depth(exports[i]) > done[worst])
                    worst = exports[i]
            printf "%s: %d bytes of at most %d:", library, done[worst], limit
            for (name = worst; name; name = next_of[name])
                printf " %s %d%s", short(name), frame[name],
                    (name, next_of[name]) in tail ? " (left)" : ""
            print ""
            exit done[worst] > limit
        }' "$scratch/names" "$scratch/tails" "$scratch/graph"
}

status=0
worst_chain static || status=1
worst_chain shared || status=1
exit $status
