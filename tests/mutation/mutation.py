#!/usr/bin/env python3
# SPDX-FileCopyrightText: The libhvemu authors
# SPDX-License-Identifier: MIT

"""Do the quick tests see that the library has changed? Makes mutants, which have one token,
condition or statement of lib/ changed, builds library and tests, and runs those until one fails.
Run by hand, as it takes an hour:

    python3 tests/mutation/mutation.py                    300 mutants, the same ones each time
    python3 tests/mutation/mutation.py --only lib/calls.c --count 40 --seed 7

A mutant is killed by a test that fails, crashes or does not end. One that does not compile, or
whose optimised objects are those of the unchanged library, is none, and the next takes its place.
One that nobody can tell from the library all the same is in equivalents.txt, with a proof; an entry
there that is killed, or whose line is gone, is an error. Fails below 95 % killed or above 3 %
equivalents, both of all, and prints who survived.

The quick tests are those labelled unit, conformance and double, and for who survives them threads.
Trees, builds and results lie below build/mutation. Results are taken up again as long as the
mutated file stays as it was; --retry makes those run again that survived and are no equivalents,
--fresh all.
"""

import argparse
import collections
import functools
import hashlib
import json
import os
import pathlib
import queue
import random
import re
import shutil
import subprocess
import sys
import threading
import time
import traceback

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = pathlib.Path(__file__).resolve().parent
QUICK, SLOW = "unit|conformance|double", "threads"
KILLED_MIN, EQUIVALENT_MAX = 95.0, 3.0
UNCOUNTED = "identical", "not compiling"

# ---- Mutants

Mutant = collections.namedtuple("Mutant", "file operator start end text")

# Names that stand for each other.
FAMILIES = [
    r"HVEMU_(?:STEP|REPEAT|UD|GP|INTERCEPT|NEED_XMM|PASS|GONE|FAILED)",
    r"HVEMU_(?:OK|E_ARGUMENT|E_VERSION|E_SPACE|E_PARTITION|E_VP|E_NOTHING|E_BUSY|E_OP)",
    r"HVEMU_MEM_(?:OK|NONE|AGAIN|FAILED|DENIED)",
    r"HVEMU__(?:FREE|UNINITIALIZED|ACTIVE|FINALIZING|FINALIZED)",
    r"HVEMU_ACCESS_(?:READ|WRITE|LOST)",
    r"HVEMU_(?:PARENT|SELF)",
    r"HV_STATUS_[A-Z_]+",
]


@functools.cache
def source_of(path):
    return (ROOT / path).read_text()


def blanked(source):
    """The source with comments, strings and preprocessor lines as spaces, at the same places."""
    blank = lambda match: re.sub(r"[^\n]", " ", match.group())
    texts = r'/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\''
    source = re.sub(texts, blank, source, flags=re.S)
    return re.sub(r"^[ \t]*#(?:.*\\\n)*.*$", blank, source, flags=re.M)


def bodies(code):
    """Where functions' bodies and tables are: not enums, structures and prototypes."""
    depth, begin = 0, 0
    for match in re.finditer(r"[{}]", code):
        if match.group() == "{":
            if depth == 0:
                begin = match.start()
            depth += 1
        else:
            depth -= 1
            if depth == 0 and re.search(r"(\)|=)\s*$", code[:begin]):
                yield begin, match.end()


def closing(code, at):
    """The end of the parenthesis that begins at `at`."""
    depth = 0
    for i in range(at, len(code)):
        depth += (code[i] in "([{") - (code[i] in ")]}")
        if depth == 0:
            return i + 1
    raise ValueError(at)


def operand_end(code, at, stop):
    """The end of an operand from `at` on: where at its own depth something of `stop` comes."""
    depth = 0
    for match in re.compile(r"[(\[{]|[)\]};,]|" + stop).finditer(code, at):
        if match.group() in "([{":
            depth += 1
        elif depth == 0:
            return match.start()
        elif match.group() in ")]}":
            depth -= 1
    raise ValueError(at)


def operand_begin(code, at):
    """Where the condition of a conditional operator begins that ends at `at`."""
    begin, depth = at, 0
    before = re.compile(r"(?:[(\[{,;?:]| =|\breturn)$")
    while depth or code[begin] == "=" or not before.search(code[:begin]):
        begin -= 1
        depth += (code[begin] in ")]}") - (code[begin] in "([{")
    return begin + len(code[begin:at]) - len(code[begin:at].lstrip())


def swaps(code, operator, pairs):
    """Operators between two operands, which the code's format has between spaces."""
    for old, news in pairs.items():
        for match in re.finditer(r"(?<= )" + re.escape(old) + r"(?=\s)", code):
            for new in news:
                yield operator, match.start(), match.end(), new


def conditions(code):
    for match in re.finditer(r"\b(?:if|while) (?=\()", code):
        end = closing(code, match.end())
        condition = code[match.end():end]
        yield "negate condition", match.end(), end, f"(!{condition})"
        yield "fix condition", match.end(), end, "(0)"
        if not match.group().startswith("while"):
            yield "fix condition", match.end(), end, "(1)"
    for match in re.finditer(r"\s\?\s", code):
        begin = operand_begin(code, match.start())
        yield "negate condition", begin, match.start(), f"!({code[begin:match.start()]})"


def dropped_operands(code):
    for match in re.finditer(r"\s(?:&&|\|\|)\s", code):
        end = operand_end(code, match.end(), r"&&|\|\||[?:]")
        yield "drop check", match.start(), end, " "
    for match in re.finditer(r"\s[&|]\s", code):
        end = operand_end(code, match.end(), r"&|\||[?:^=<>]")
        yield "drop mask", match.start(), end, " "


def constants(code):
    for match in re.finditer(r"(?<![\w.])(0x[0-9A-Fa-f]+|\d+)(?:[uUlL]*)\b", code):
        value = int(match.group(1), 0)
        for new in sorted({value + 1, max(value - 1, 0), 0} - {value}):
            yield "constant", match.start(1), match.end(1), str(new)


LEAD = r"\s*(?:else\b|do\b|case [^:]*:|default:|((?:if|while|for) (?=\()))?\s*"
NO_STATEMENT = (r"(?:\(void\)|const|static|struct|enum|unsigned|int|char|size_t|\w+_t|_Atomic"
                r"|HV_STATUS|return|goto)(?!\w)")


def statement_before(code, end):
    """Where the statement begins whose semicolon is at `end`: behind its conditions and labels."""
    at = max(code.rfind(c, 0, end) for c in ";{}") + 1
    lead = re.compile(LEAD)
    while at < end and (found := lead.match(code, at, end)).end() != at:
        at = closing(code, found.end()) if found.group(1) else found.end()
    return at


def statements(code):
    for match in re.finditer(r";", code):
        begin, end = statement_before(code, match.start()), match.start()
        text = code[begin:end]
        result = re.match(r"return\s+(\S.*)$", text, re.S)
        if begin >= end or text.count("(") != text.count(")"):
            continue # of a for
        if result:
            zero = re.fullmatch("0|NULL|HV_STATUS_SUCCESS|HVEMU_OK|HVEMU_STEP", result.group(1))
            yield "return", begin + result.start(1), end, "1" if zero else "0"
        elif text in ("break", "continue"):
            yield "jump", begin, end, "break" if text == "continue" else "continue"
            yield "jump", begin, end, ""
        elif not re.match(NO_STATEMENT, text) and re.search(r"[=(]|\+\+|--", text):
            yield "drop statement", begin, end, "(void)0"


def names(code):
    for family in FAMILIES:
        found = sorted(set(re.findall(rf"\b{family}\b", code)))
        for match in re.finditer(rf"\b{family}\b", code):
            yield from other(code, match, "name", found)


def other(code, match, operator, kin):
    """One of the kin of what was matched, always the same one at a place of this look."""
    kin = [name for name in kin if name != match.group()]
    if kin:
        look = code[max(match.start() - 40, 0):match.end() + 40]
        yield operator, match.start(), match.end(), random.Random(look).choice(kin)


def mutations(code):
    yield from swaps(code, "boundary", {"<": ["<="], "<=": ["<"], ">": [">="], ">=": [">"]})
    yield from swaps(code, "relation", {"<": [">="], "<=": [">"], ">": ["<="], ">=": ["<"],
                                        "==": ["!="], "!=": ["=="]})
    yield from swaps(code, "logic", {"&&": ["||"], "||": ["&&"]})
    yield from swaps(code, "arithmetic", {"+": ["-"], "-": ["+"], "*": ["/"], "/": ["*"],
                                          "%": ["*"]})
    yield from swaps(code, "bits", {"&": ["|"], "|": ["&"], "^": ["&"]})
    yield from swaps(code, "shift", {"<<": [">>"], ">>": ["<<"]})
    yield from swaps(code, "assignment", {"+=": ["-=", "="], "-=": ["+="], "|=": ["=", "&="],
                                          "&=": ["=", "|="], "/=": ["*="], "*=": ["/="]})
    for match in re.finditer(r"\+\+|--", code):
        yield "step", match.start(), match.end(), "--" if match.group() == "++" else "++"
    for match in re.finditer(r"(?<![\w)])[!~](?=[\w(*])", code):
        yield "drop " + match.group(), match.start(), match.end(), ""
    yield from conditions(code)
    yield from dropped_operands(code)
    yield from constants(code)
    yield from statements(code)
    yield from names(code)


def rows(source):
    """hypercalls.def: sizes, and what of form, target and states is combined."""
    kins = ["PARENT", "SELF", "NOBODY"], ["SIMPLE", "REP"], ["UNINITIALIZED", "ACTIVE", "FINALIZED"]
    for row in re.finditer(r"^HVEMU_CALL\((0x\w+, \w+, \w+),(.*?)\)$", source, re.M | re.S):
        code, at = row.group(2), row.start(2)
        found = [*constants(code), *dropped_operands(code)]
        for kin in kins:
            for match in re.finditer(rf"\b(?:{'|'.join(kin)})\b", code):
                found += other(row.group(), match, "row", kin)
        for _, start, end, text in found:
            yield "row", at + start, at + end, text


def mutants_of(path):
    source = source_of(path)
    seen = set()
    if path.endswith(".def"):
        found = rows(source)
    else:
        code = blanked(source)
        found = [(operator, begin + start, begin + end, text) for begin, finish in bodies(code)
                 for operator, start, end, text in mutations(code[begin:finish])]
    for operator, start, end, text in sorted(found, key=lambda each: each[1:]):
        if (start, end, text) not in seen and source[start:end] != text:
            seen.add((start, end, text))
            yield Mutant(path, operator, start, end, text)


def lines_of(mutant):
    """The line number, and the lines before and after, as one line each."""
    source = source_of(mutant.file)
    begin = source.rfind("\n", 0, mutant.start) + 1
    end = source.find("\n", mutant.end)
    one = lambda text: " ".join(text.split())
    return (source.count("\n", 0, mutant.start) + 1, one(source[begin:end]),
            one(source[begin:mutant.start] + mutant.text + source[mutant.end:end]))


def hash_of(*what):
    return hashlib.sha256("\n".join(what).encode()).hexdigest()[:16]


def key_of(mutant):
    digest = hash_of(source_of(mutant.file))
    return f"{mutant.file} {digest} {mutant.start} {mutant.end} {mutant.text}"


# ---- Equivalents


def equivalents():
    """FILE: OPERATOR, then '- line', '+ line', proof; blank lines between."""
    text = (HERE / "equivalents.txt").read_text()
    for block in re.split(r"\n\s*\n", text.strip()):
        if block.startswith("#"):
            continue
        head, old, new, *proof = block.split("\n")
        file, operator = head.split(": ")
        if not (old.startswith("- ") and new.startswith("+ ") and proof):
            sys.exit(f"equivalents.txt: not an entry with its proof:\n{block}")
        yield file, operator, old[2:], new[2:]


def identity_of(mutant):
    _, old, new = lines_of(mutant)
    return mutant.file, mutant.operator, old, new


def in_order(seed):
    """By what mutants are and not where: a change elsewhere in lib/ leaves a sample as it is."""
    found = collections.Counter()

    def place(mutant):
        identity = identity_of(mutant)
        found[identity] += 1
        return hash_of(*identity, str(found[identity]), str(seed))

    return place


# ---- Building and testing


def synchronize(tree):
    """Makes the tree a copy of this one. What is as it was keeps its time, what is not gets a new
    one, whatever it had here: so ninja builds what it must."""
    skipped = shutil.ignore_patterns("build", ".git")
    fresh = tree.with_name("fresh")
    shutil.rmtree(fresh, ignore_errors=True)
    shutil.copytree(ROOT, fresh, ignore=skipped, copy_function=shutil.copyfile)
    for path in fresh.rglob("*"):
        old = tree / path.relative_to(fresh)
        if path.is_file() and old.is_file() and path.read_bytes() == old.read_bytes():
            shutil.copystat(old, path)
    shutil.rmtree(tree, ignore_errors=True)
    fresh.rename(tree)


class Worker:
    def __init__(self, where, labels):
        self.tree, self.build = where / "tree", where / "build"
        self.tests, self.kills = {label: [] for label in labels}, collections.Counter()
        self.seconds = {} # by test, once prepared

    def run(self, *command, timeout=600):
        return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              stdin=subprocess.DEVNULL, timeout=timeout, text=True,
                              errors="replace", cwd=self.build)

    def objects(self):
        folder = self.build / "CMakeFiles/hvemu_static.dir/lib"
        return {path: path.read_bytes() for path in folder.rglob("*.o")}

    def prepare(self):
        synchronize(self.tree)
        self.build.mkdir(parents=True, exist_ok=True)
        made = self.run("cmake", "-G", "Ninja", "-S", str(self.tree), "-B", ".",
                        "-DCMAKE_BUILD_TYPE=", "-DCMAKE_C_FLAGS=-O2 -w", "-DHVEMU_BUILD_SHARED=OFF",
                        "-DHVEMU_BUILD_EXAMPLES=OFF")
        failed = made.stdout if made.returncode else self.make("all")
        if failed:
            sys.exit(f"{failed}\nThe unchanged tree does not build, in {self.build}")
        for test in json.loads(self.run("ctest", "--show-only=json-v1").stdout)["tests"]:
            labels = [p["value"] for p in test["properties"] if p["name"] == "LABELS"]
            for label, chosen in self.tests.items():
                if labels and re.fullmatch(label, labels[0][0]):
                    chosen.append((test["name"], test["command"]))
        self.baseline = self.objects()
        for name, command in sum(self.tests.values(), []):
            began = time.monotonic()
            if self.verdict(command, 600):
                sys.exit(f"{name} fails without a mutant")
            self.seconds[name] = time.monotonic() - began

    def target(self, command):
        return os.path.relpath(command[0], self.build)

    def make(self, *targets):
        """None, or the output of a build that failed."""
        made = self.run("ninja", "-j1", *targets)
        return made.stdout or "ninja fails" if made.returncode else None

    def verdict(self, command, timeout):
        """'' if the test passes, else how it fails."""
        try:
            done = self.run(*command, timeout=timeout)
        except subprocess.TimeoutExpired:
            return "time-out"
        if done.returncode == 0:
            return ""
        # cmocka catches signals, and then tells of the next tests.
        crash = done.returncode < 0 or "Test failed with exception" in done.stdout
        return "crash" if crash else "test"

    def try_mutant(self, mutant):
        path = self.tree / mutant.file
        source = path.read_text()
        path.write_text(source[:mutant.start] + mutant.text + source[mutant.end:])
        try:
            return self.judge(mutant)
        finally:
            path.write_text(source)

    def judge(self, mutant):
        if self.make("hvemu_static"):
            return "not compiling", ""
        if self.objects() == self.baseline:
            return "identical", ""
        stem = pathlib.Path(mutant.file).stem
        rank = lambda test: (stem not in test[0], -self.kills[mutant.file, test[0]],
                             self.seconds[test[0]])
        quick, *slow = (sorted(tests, key=rank) for tests in self.tests.values())
        for some in quick[:2], quick[2:], *slow:
            if self.make(*{self.target(command) for _, command in some}):
                return "not compiling", "" # a header's mutant, in a test
            for name, command in some:
                how = self.verdict(command, 10 + 5 * self.seconds[name])
                if how:
                    self.kills[mutant.file, name] += 1
                    return how, name
        return "survived", ""


# ---- The run


def show(mutant):
    line, old, new = lines_of(mutant)
    return f"{mutant.file}:{line}: {mutant.operator}\n- {old}\n+ {new}"


def table(title, rows):
    kinds = ["test", "crash", "time-out", "survived", "equivalent", *UNCOUNTED]
    width = max(len(name) for name in rows)
    print(f"\n{title:{width}}" + "".join(f"{kind:>15}" for kind in kinds))
    for name in sorted(rows, key=lambda name: (name == "all", name)):
        print(f"{name:{width}}" + "".join(f"{rows[name][kind]:15}" for kind in kinds))


def report(results):
    by_file, by_operator = (collections.defaultdict(collections.Counter) for _ in range(2))
    total = collections.Counter()
    for mutant, (how, _) in results:
        for counter in by_file[mutant.file], by_operator[mutant.operator], total:
            counter[how] += 1
    for mutant, (how, _) in results:
        if how == "survived":
            print("\n" + show(mutant))
    by_file["all"] = by_operator["all"] = total
    table("file", by_file)
    table("operator", by_operator)
    killed = total["test"] + total["crash"] + total["time-out"]
    count = killed + total["survived"] + total["equivalent"]
    share, equivalent = 100 * killed / max(count, 1), 100 * total["equivalent"] / max(count, 1)
    print(f"\n{count} mutants: {killed} killed, {share:.1f} %; {total['equivalent']} equivalent, "
          f"{equivalent:.1f} %; {total['survived']} survived")
    return share >= KILLED_MIN and equivalent <= EQUIVALENT_MAX


class Run:
    def __init__(self, options, sample, named):
        self.options, self.results, self.lock = options, {}, threading.Lock()
        self.counted = 0
        self.stored = options.dir / "results"
        self.known = {}
        if self.stored.exists() and not options.fresh:
            for line in self.stored.read_text().splitlines():
                key, *result = json.loads(line)
                self.known[key] = tuple(result)
        for mutant in sample if options.retry else []:
            key = key_of(mutant)
            if self.known.get(key) == ("survived", "") and identity_of(mutant) not in named:
                del self.known[key]
        self.waiting = queue.SimpleQueue()
        for place, mutant in enumerate(sample):
            self.waiting.put((place, mutant))
        options.dir.mkdir(parents=True, exist_ok=True)
        self.log = self.stored.open("w" if options.fresh else "a")

    def take(self):
        """The next mutant, as long as there are too few that compile and differ."""
        with self.lock:
            while self.counted < self.options.count and not self.waiting.empty():
                place, mutant = self.waiting.get()
                if key_of(mutant) not in self.known:
                    return place, mutant
                self.note(place, mutant, self.known[key_of(mutant)])
        return None

    def note(self, place, mutant, result):
        self.results[place] = mutant, result
        self.counted += result[0] not in UNCOUNTED

    def work(self, worker):
        while (taken := self.take()) is not None:
            place, mutant = taken
            if not worker.seconds:
                worker.prepare()
            result = worker.try_mutant(mutant)
            with self.lock:
                self.note(place, mutant, result)
                self.log.write(json.dumps([key_of(mutant), *result]) + "\n")
                self.log.flush()
                print(f"{self.counted:4} {time.strftime('%H:%M:%S')} {mutant.file}"
                      f" {mutant.operator}: {' '.join(result)}", flush=True)

    def workers(self):
        def one(number):
            labels = [QUICK] if self.options.no_threads else [QUICK, SLOW]
            worker = Worker(self.options.dir / f"worker{number}", labels)
            try:
                self.work(worker)
            except BaseException:
                traceback.print_exc()
                os._exit(1)
        threads = [threading.Thread(target=one, args=(n,)) for n in range(self.options.workers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=300, help="mutants that compile and differ")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", action="append", help="a file of lib/, once or more")
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--dir", type=pathlib.Path, default=ROOT / "build/mutation")
    parser.add_argument("--fresh", action="store_true", help="forget stored results")
    parser.add_argument("--retry", action="store_true",
                        help="forget stored survivors that are not in equivalents.txt")
    parser.add_argument("--no-threads", action="store_true", help="without the tests of threads")
    parser.add_argument("--equivalents", action="store_true",
                        help="those of equivalents.txt in place of a sample")
    parser.add_argument("--list", action="store_true", help="say what there is, and end")
    options = parser.parse_args()
    options.dir = options.dir.resolve()

    files = options.only or sorted(str(path.relative_to(ROOT)) for path in (ROOT / "lib").rglob("*")
                                   if path.suffix in (".c", ".h") or path.name == "hypercalls.def")
    every = [mutant for file in files for mutant in mutants_of(file)]
    named = set(equivalents())
    if options.list:
        for mutant in every:
            print(show(mutant))
        print(collections.Counter(mutant.operator for mutant in every), len(every))
        return 0
    every.sort(key=in_order(options.seed))
    sample = [m for m in every if identity_of(m) in named] if options.equivalents else every

    run = Run(options, sample, named)
    run.workers()
    results, good, counted = [], True, 0
    for _, (mutant, (how, name)) in sorted(run.results.items()):
        if counted == options.count: # the workers may have done one more
            break
        counted += how not in UNCOUNTED
        if identity_of(mutant) in named:
            if how == "survived":
                how = "equivalent"
            else:
                print(f"\nin equivalents.txt, but {how} {name}: " + show(mutant))
                good = False
        results.append((mutant, (how, name)))
    gone = {each for each in named if each[0] in files} - {identity_of(m) for m in every}
    for file, operator, old, new in sorted(gone):
        print("\nin equivalents.txt, but there is no such line:\n"
              f"{file}: {operator}\n- {old}\n+ {new}")
    judged = report(results)
    return 0 if good and not gone and (judged or options.equivalents) else 1


if __name__ == "__main__":
    sys.exit(main())
