#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reports what breaks the rules of koken/caps.h, with the tools that are installed.

  lint.py [options] FILE...             options of the compiler for all files after --
  lint.py [options] -p FOLDER [FILE...] as the compile_commands.json in FOLDER says (of a file, the first command)

The layers (those whose tool is absent are skipped with --partial, else it is an error):
  types     the compilers' own errors                    always
  gcc       gcc -O2: use after consumption, wrong frees   every build
  clang     clang -O2: use after consumption              every build
  tsa       clang -Wthread-safety: ownership on all paths every build
  query     clang-query with caps.query: copies, escapes, globals, casts
  globals   writable objects in .data and .bss
  flow      what is in slots, fields and elements on each path, by flow.py
  text      KOKEN_MESSAGE_TRUSTED and KOKEN_ARG_TRUSTED without a reason
  analyzer  gcc -O1 -fanalyzer                            --deep only: slow

Reports are merged by file, line and rule. Exit status: 0 nothing, 1 something, 2 a file could not be checked, because it
does not compile or a tool failed (and there is nothing else), or the lint could not run.
"""
import argparse
import concurrent.futures
import glob
import itertools
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import flow  # noqa: E402

RULES = {
    "R0": ("the types of capabilities", "the message names what is allowed here"),
    "R1": ("an iso or val is consumed exactly once on every path",
           "send, freeze, move, put or drop it once; where it may be empty ask koken_none, or use a slot"),
    "R2": ("a handle is never copied", "use koken_move, koken_take and koken_put, or koken_dup for a val"),
    "R3": ("a borrowed pointer does not outlive its statement or KOKEN_WITH block",
           "keep the handle, not the pointer"),
    "R4": ("no raw pointer crosses from agent to agent",
           "copy the data (KOKEN_ARG, a message), or give an iso or val (koken_spawn_given); for what is made to be "
           "shared say so in a comment beside it, `trusted: reason`"),
    "R5": ("no mutable data at file scope and no static locals", "put it into the state of an agent"),
    "R6": ("no casts to payload pointers, no pointers in numbers, no private parts",
           "use the operations of koken/caps.h"),
    "ROLE": ("a state is touched by its own agent only", "send a message instead"),
    "BUILD": ("what does not compile cannot be checked",
              "let it compile first: compiler options go after --, or say -p FOLDER of compile_commands.json"),
}

# Rule, and words and advice of its own where those of the rule would not tell what to do.
QUERY_RULES = {
    "caps-assign": ("R2", "a variable that owns is assigned", "use koken_set, which sees that it was empty"),
    "caps-assign-field": ("R2", "a field that owns is assigned: what it owned would leak",
                          "use koken_put, which sees that it was empty; koken_take or koken_release empties it"),
    "caps-copy": ("R2",), "caps-copy-struct": ("R2", "a struct that holds handles is copied"),
    "caps-copy-address": ("R2", "the address of a handle is taken, which lets others copy or keep it",
                          "pass the state, payload or letter that the handle is in; an item of a channel comes out by "
                          "koken_channel_recv_iso, an answer by koken_await_iso"),
    "caps-keep": ("R3", "a field for a pointer to a payload"),
    "caps-keep-static": ("R3", "a static pointer to a payload"),
    "caps-borrow": ("R3", "a borrowed pointer is put into a variable",
                    "use it in the statement that borrows it, or for a block by KOKEN_WITH (pointer, handle) { ... }"),
    "caps-global": ("R5",), "caps-smuggle": ("R6", "a pointer made a number, or a number a pointer"),
    "caps-cast": ("R6", "a cast to a pointer to a payload"), "caps-private": ("R6", "the private parts of a handle"),
    "caps-private-call": ("R6", "a private function of koken/caps.h"), "caps-forge": ("R6", "a handle made by hand"),
    "caps-arg": ("R4",), "caps-arg-kept": ("R4",),
    "caps-copy-bytes": ("R2", "handles are copied by their bytes"),
    "caps-kept": ("R3", "a function keeps a pointer to what it was lent",
                  "lent is for the call: keep a number, a copy of the data, or own the handle"),
    "caps-kept-by": ("R3", "a borrowed pointer is given to a function that keeps it",
                     "lent is for the call: let it copy the data, or own the handle"),
    "caps-kept-message": ("R3", "a handler keeps a pointer to its message, which is gone when it returns",
                          "copy the data, or take the handle out"),
    "caps-lend": ("R3", "a borrowed pointer is given to a function of another file, which may keep it",
                  "let its declaration say that it does not: KOKEN_LENT before the name of the parameter"),
    "caps-launder": ("R6", "what may only be read is written through the answer of a search"),
    "caps-state": ("ROLE", "the state of an agent is given to a thread"),
    "caps-state-kept": ("ROLE", "the address of a state is kept where others find it"),
    "caps-state-pointer": ("ROLE", "the state of an agent in the state of another", "name the agent (koken_ref), and send"),
    "caps-refused": ("R1", "what was refused is still owned, and nobody asks whether it was",
                     "if (koken_give(to, h) != 0) { ... }, or koken_post, which gives back what is refused"),
    "caps-bytes": ("R6", "what holds handles is seen as bytes, or as something else"),
    "caps-wiped": ("R1", "handles are wiped: what they own would leak", "take it out, or koken_release the state"),
    "caps-ref-foreign": ("ROLE", "a ref is put into a state that this function was not given"),
    "caps-lost": ("R1", "an iso or val that nobody takes", "give it a name by koken_iso or koken_val, or drop it"),
    "caps-unowned": ("R1", "a parameter that owns, of a function that does not say so",
                     "begin the function with koken_owned, and consume it on every path"),
    "caps-recover": ("R2", "what koken_recover builds gets out of it, or takes a ref from outside",
                     "its statements use what they make, and no ref of others"),
}

# To clang's thread-safety analysis a handle is a mutex. What it says, in words of payloads.
TSA_WORDS = [
    (r"mutex '(.+)' is not held on every path through here", r"'\1' owns something on one path to here, and nothing on another"),
    (r"mutex '(.+)' is still held at the end of function", r"'\1' still owns something at the end of the function"),
    (r"expecting mutex '(.+)' to be held at start of each loop",
     r"'\1' owns something at one beginning of the loop, and nothing at another"),
    (r"expecting mutex '(.+)' to be held at the end of function", r"'\1' owns nothing at the end of the function"),
    (r"calling function 'koken_access_\w+' requires holding (?:iso|val|mutex) '(.+)' exclusively",
     r"'\1' is used where it owns nothing any more"),
    (r"releasing (?:iso|val|mutex) '(.+)' that was not held", r"'\1' is consumed where it owns nothing any more"),
    (r"acquiring (?:iso|val|mutex) '(.+)' that is already held", r"'\1' is given something while it owns something"),
]
# A compiler's error that is about capabilities, and not about C.
ABOUT_TYPES = re.compile(r"koken|nobody_reads_|\w_(iso|val|ref|box|tag)\b|read-only|const-qualified|discards")

DIAGNOSTIC = re.compile(r"^(?P<file>[^:\n]+):(?P<line>\d+):(?:\d+:)? (?:fatal )?(?P<kind>error|warning): (?P<text>.*)$")
MACRO_FLAGS = {"gcc": ["-ftrack-macro-expansion=0"], "clang": ["-fmacro-backtrace-limit=1"]}
# Warnings that are about ownership; any other is the ordinary build's business.
ABOUT = re.compile(r"thread-safety|use-after-free|mismatched-dealloc|free-nonheap|Wnonnull|analyzer|"
                   r"discarded-qualifiers|incompatible-pointer-types-discards|Wcast-qual|Wuninitialized|"
                   r"writing into constant object")


class Report:
    def __init__(self, file, line, rule, text, layer, advice=None):
        self.file, self.line, self.rule, self.text, self.layer = file, line, rule, text, layer
        self.advice = advice or RULES[rule][1] if rule else ""
        self.notes = [] # the lines of the tool after it

    def key(self):
        return (self.file, self.line, self.rule)


def find_tool(*names):
    for name in names:
        if shutil.which(name):
            return name
    return None


def tools():
    return {
        "gcc": find_tool("gcc", "gcc-12"),
        "clang": find_tool("clang", "clang-14"),
        "query": find_tool("clang-query", "clang-query-14"),
        "objdump": find_tool("objdump"),
    }


def run(argv, cwd=None):
    done = subprocess.run(argv, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    return done.returncode, done.stdout.decode("utf-8", "replace")


def rule_of(text):
    if "agent '" in text and "thread-safety" in text:
        return "ROLE"
    if "thread-safety" in text or "gone already" in text or "Wnonnull" in text:
        return "R1"
    if "use-after-free" in text or "analyzer" in text:
        return "R1" if "leak" in text or "double" in text or "null" in text else "R3"
    if "dealloc" in text or "nonheap" in text or "Wcast-qual" in text:
        return "R6"
    return "R0" if ABOUT_TYPES.search(text) and "file not found" not in text and "No such file" not in text else "BUILD"


def in_words(text, notes):
    """A report of the thread-safety analysis as one of ownership, with the line where that began if a note tells it."""
    for pattern, words in TSA_WORDS:
        said, count = re.subn(pattern, words, text)
        if count:
            since = re.search(r":(\d+):\d+: note: (?:mutex|iso|val) acquired here", "\n".join(notes))
            return said.replace(" [-Wthread-safety-analysis]", "") + (f", since line {since[1]}" if since else "")
    return text


def diagnostics(output, layer, file, all_errors):
    found = []
    lines = output.splitlines()
    for number, line in enumerate(lines):
        match = DIAGNOSTIC.match(line)
        if not match:
            continue
        text = match["text"]
        if match["kind"] == "error" and not all_errors and "gone already" not in text:
            continue
        if match["kind"] == "warning" and not ABOUT.search(text):
            continue
        text = re.sub(r"call to .koken_gone_handle_. declared with .*attribute(?: error)?: koken: ", "", text)
        is_own = match["file"].endswith(os.path.basename(file))
        if not is_own:
            text += f" [{match['file']}:{match['line']}]"
        of = "types" if match["kind"] == "error" and "gone already" not in text else layer
        found.append(Report(match["file"] if is_own else file, int(match["line"]) if is_own else 1, rule_of(text), text, of))
        found[-1].notes = list(itertools.takewhile(lambda line: not DIAGNOSTIC.match(line), lines[number + 1:]))
    return found


def check_types(tool, flags, file, layer):
    argv = [tool, *flags, *MACRO_FLAGS[layer], "-w", "-fsyntax-only", file]
    return diagnostics(run(argv)[1], "types", file, all_errors=True)


def check_optimised(tool, flags, file, layer):
    """What does not compile (types), and what the optimiser sees."""
    argv = [tool, *flags, *MACRO_FLAGS[layer], "-O2", "-Wall", "-Wcast-qual", "-c", file, "-o", os.devnull]
    return diagnostics(run(argv)[1], layer, file, all_errors=True)


def check_tsa(tool, flags, file):
    argv = [tool, *flags, *MACRO_FLAGS["clang"], "-DKOKEN_LINT", "-Wthread-safety", "-fsyntax-only", file]
    found = [r for r in diagnostics(run(argv)[1], "tsa", file, all_errors=False) if "thread-safety" in r.text]
    for report in found:
        report.text = in_words(report.text, report.notes)
    return found


# The rules that can be broken where there are no payloads.
WITHOUT_PAYLOADS = re.compile(r'"caps-(global|smuggle|arg|arg-kept|private|private-call|kept-message|state|state-kept|state-pointer)"')


def has_payloads(file):
    """Whether a source may see a payload: it names one, or includes headers of its own."""
    return re.search(r'KOKEN_(PAYLOAD|LETTER|STATE)|_(iso|val)\b|^[ \t]*#[ \t]*include[ \t]*"', "\n".join(lines_of(file)), re.M)


def check_query(tool, flags, file):
    with open(os.path.join(HERE, "caps.query"), encoding="utf-8") as source:
        is_whole = has_payloads(file)
        rules = [line for line in source if is_whole or not line.startswith("match ") or WITHOUT_PAYLOADS.search(line)]
    with tempfile.NamedTemporaryFile("w", suffix=".query") as query:
        query.writelines(rules)
        query.flush()
        code, said = run([tool, "-f", query.name, file, "--", *flags, "-DKOKEN_LINT", "-w"])
    found = []
    for match in re.finditer(r'^([^:\n]+):(\d+):\d+: note: "([a-z-]+)" binds here$', said, re.M):
        if match[3] not in QUERY_RULES: # what a rule needs for itself
            continue
        rule, words, advice = (*QUERY_RULES[match[3]], None, None)[:3]
        if rule == "R4" and is_trusted(lines_of(file), int(match[2])):
            continue
        where = file if match[1].endswith(os.path.basename(file)) else os.path.relpath(match[1])
        found.append(Report(where, int(match[2]), rule, f"{words or RULES[rule][0]} [{match[3]}]", "query", advice))
    if code != 0 and not re.search(r"\berror: ", said): # those of the file itself the types layer reports
        found.append(Report(file, 1, "BUILD", f"{tool} failed ({code}): {(said.strip().splitlines() or ['it said nothing'])[0]}",
                            "query", "its checks of R2 to R6 are missing for this file"))
    return found


def lines_of(file):
    with open(file, encoding="utf-8", errors="replace") as source:
        return source.read().splitlines()


def is_trusted(lines, number):
    """Whether a comment from three lines before that line to the end of its statement says `trusted: reason`."""
    last = number
    while last < len(lines) and not re.search(r";\s*(/[*/].*)?$", lines[last - 1]) and last < number + 60:
        last += 1
    while last < len(lines) and not re.search(r"\)\s*;", lines[last - 1]) and last < number + 60:
        last += 1
    return re.search(r"trusted:\s*\w", "\n".join(lines[max(number - 4, 0):last])) is not None


def without_comments(text):
    """The same with blanks for comments and strings; the lines stay."""
    parts = r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"'
    return re.sub(parts, lambda match: re.sub(r"[^\n]", " ", match[0]), text, flags=re.S)


def check_text(file):
    lines = lines_of(file)
    found = []
    for number, line in enumerate(without_comments("\n".join(lines)).splitlines(), 1):
        match = re.search(r"\b(KOKEN_MESSAGE_TRUSTED|KOKEN_ARG_TRUSTED)\s*\(", line)
        if match and not line.lstrip().startswith("#") and not is_trusted(lines, number):
            found.append(Report(file, number, "R4", f"{match[1]} without a reason: nothing checks it", "text"))
    return found


def check_flow(file):
    text = without_comments("\n".join(lines_of(file)))
    return [Report(file, line, "R1", words, "flow", advice) for line, words, advice in flow.reports_of(text)]


def check_globals(gcc, objdump, flags, file):
    with tempfile.TemporaryDirectory() as folder:
        object_file = os.path.join(folder, "object.o")
        if run([gcc, *flags, "-w", "-O0", "-DKOKEN_NO_FORTIFY", "-c", file, "-o", object_file])[0] != 0:
            return []
        found = []
        for line in run([objdump, "-t", object_file])[1].splitlines():
            match = re.match(r"^[0-9a-f]+ [^d]{7} (\.data|\.data\.rel|\.data\.rel\.local|\.bss|\.tdata|\.tbss)\t[0-9a-f]+ (\S+)$", line)
            if match:
                name = re.sub(r"\.\d+$", "", match[2])
                found.append(Report(file, line_of(file, name), "R5",
                                    f"'{name}' is writable and shared by all agents [{match[1]}]", "globals"))
        return found


def line_of(file, name):
    for number, line in enumerate(lines_of(file), 1):
        if re.search(r"\b%s\b" % re.escape(name), line):
            return number
    return 1


def check_analyzer(tool, flags, file):
    argv = [tool, *flags, *MACRO_FLAGS["gcc"], "-O1", "-DKOKEN_ANALYZE", "-fanalyzer", "-c", file, "-o", os.devnull]
    # Leaks of what it calls <unknown>, or where that decides, come from loops that it merges; the thread-safety pass sees
    # the real ones.
    return [r for r in diagnostics(run(argv)[1], "analyzer", file, all_errors=False)
            if "analyzer" in r.text and "<unknown>" not in r.text + ("".join(r.notes) if "leak" in r.text else "")]


def layers(found, deep):
    """(name, function(flags, file)) for each layer whose tool is here."""
    result = [("text", lambda _, x: check_text(x)), ("flow", lambda _, x: check_flow(x))]
    if found["gcc"]:
        result.append(("gcc", lambda f, x: check_optimised(found["gcc"], f, x, "gcc")))
    if found["clang"]:
        result.append(("clang", lambda f, x: check_optimised(found["clang"], f, x, "clang")))
        result.append(("tsa", lambda f, x: check_tsa(found["clang"], f, x)))
    if found["query"]:
        result.append(("query", lambda f, x: check_query(found["query"], f, x)))
    if found["gcc"] and found["objdump"]:
        result.append(("globals", lambda f, x: check_globals(found["gcc"], found["objdump"], f, x)))
    if deep and found["gcc"]:
        result.append(("analyzer", lambda f, x: check_analyzer(found["gcc"], f, x)))
    return result


def check_file(file, flags, found, deep):
    reports = []
    for _, check in layers(found, deep):
        reports.extend(check(flags, file))
    return reports


def merge(reports):
    """One report per file, line and rule, with the names of all layers: the thread-safety analysis' words, which name
    the variable, else those of the first layer."""
    merged = {}
    for report in reports:
        first = merged.setdefault(report.key(), report)
        if first is not report and report.layer not in first.layer.split("+"):
            first.layer += "+" + report.layer
            first.text = report.text if report.layer == "tsa" else first.text
    return sorted(merged.values(), key=lambda r: (r.file, r.line, r.rule))


def flags_of(command):
    """What of a compile command says how to read the file: -I, -D, -U, -std, -include, -isystem."""
    words = command.get("arguments") or shlex.split(command["command"])
    kept, option = [], None

    def path(word, option="-I"):
        if option in ("-D", "-U"):
            return word
        at = os.path.join(command["directory"], word)
        return at if option not in ("-include", "-imacros") or os.path.exists(at) else word  # looked for as #include is
    for word in words[1:]:
        match = re.match(r"-(?:I|isystem|iquote|idirafter)(?=.)", word)
        if option:
            kept += [option, path(word, option)]
            option = None
        elif word in ("-I", "-D", "-U", "-include", "-imacros", "-isystem", "-iquote", "-idirafter"):
            option = word
        elif match:
            kept.append(match[0] + path(word[match.end():]))
        elif re.match(r"-(D|U|std=|pthread$)", word):
            kept.append(word)
    return kept


def own_includes():
    """Where koken's headers are: in the installation or the source tree that this script is part of."""
    top = os.path.dirname(os.path.dirname(HERE))
    installed = os.path.join(os.path.dirname(top), "include")
    if os.path.exists(os.path.join(installed, "koken.h")):
        return [f"-I{installed}"]
    return [f"-I{path}" for path in sorted(glob.glob(os.path.join(glob.escape(top), "*", "include")))]


def jobs_of(options):
    """(file, flags) for each file to look at. Raises OSError, ValueError."""
    for file in options.files:
        with open(file, "rb"):
            pass
        if not file.endswith(".c"):
            raise ValueError(f"{file} is not a .c file: capabilities are checked in C, headers where they are included")
    if not options.database:
        flags = ["-std=gnu11", *own_includes(), *options.flags]
        return [(file, flags) for file in options.files]
    database = options.database
    if os.path.isdir(database):
        database = os.path.join(database, "compile_commands.json")
    with open(database, encoding="utf-8") as source:
        try:
            commands = [dict(command, file=os.path.join(command["directory"], command["file"]))
                        for command in json.load(source)]
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{database} is no compile_commands.json: {error}") from error
    wanted = {os.path.abspath(file) for file in options.files}
    jobs = {}
    for command in commands:
        file = os.path.abspath(command["file"])
        if file.endswith(".c") and (not wanted or file in wanted):
            jobs.setdefault(file, flags_of(command) + options.flags)  # of several targets: as the first compiles it
    unknown = sorted(wanted - set(jobs))
    if unknown:
        raise ValueError(f"{database} does not say how to compile {unknown[0]}")
    return list(jobs.items())


def sarif(reports):
    rules = [{"id": rule, "shortDescription": {"text": text}, "help": {"text": advice}}
             for rule, (text, advice) in RULES.items()]
    results = [{
        "ruleId": r.rule,
        "level": "error",
        "message": {"text": r.text},
        "locations": [{"physicalLocation": {
            "artifactLocation": {"uri": r.file}, "region": {"startLine": r.line}}}],
    } for r in reports]
    return {"version": "2.1.0", "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
            "runs": [{"tool": {"driver": {"name": "koken lint", "rules": rules}}, "results": results}]}


def parse(argv):
    flags = []
    if "--" in argv:
        at = argv.index("--")
        argv, flags = argv[:at], argv[at + 1:]
    parser = argparse.ArgumentParser(prog="koken lint", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*")
    parser.add_argument("-p", dest="database", metavar="FOLDER", help="of compile_commands.json")
    parser.add_argument("--deep", action="store_true", help="gcc -fanalyzer too")
    parser.add_argument("--partial", action="store_true", help="go on without clang or clang-query")
    parser.add_argument("--sarif", metavar="FILE", help="write the reports as SARIF 2.1.0")
    parser.add_argument("-j", dest="jobs", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args(argv)
    options.flags = flags
    if not options.files and not options.database:
        parser.error("no files")
    return options


def main(argv):
    options = parse(argv)
    found = tools()
    if not found["gcc"] and not found["clang"]:
        print("koken lint: neither gcc nor clang is installed", file=sys.stderr)
        return 2
    missing = [words for name, words in (("gcc", "gcc"), ("clang", "clang"), ("query", "clang-query"),
                                         ("objdump", "objdump")) if not found[name]]
    if missing:
        rest = "so not checked by it" if options.partial else "and needed (or --partial)"
        print(f"koken lint: not installed, {rest}: {', '.join(missing)}", file=sys.stderr)
        if not options.partial:
            return 2
    try:
        jobs = jobs_of(options)
        out = open(options.sarif, "w", encoding="utf-8") if options.sarif else None # before the work, not after it
    except (OSError, ValueError, KeyError) as error:
        words = f"{error.filename}: {error.strerror}" if isinstance(error, OSError) else error
        print(f"koken lint: {words}", file=sys.stderr)
        return 2
    with concurrent.futures.ThreadPoolExecutor(max(options.jobs, 1)) as pool:
        lists = list(pool.map(lambda job: check_file(job[0], job[1], found, options.deep), jobs))
    reports = merge([report for part in lists for report in part])
    for report in reports:
        print(f"{report.file}:{report.line}: {report.rule}: {report.text} ({report.layer})\n    {report.advice}")
    if out:
        with out:
            json.dump(sarif(reports), out, indent=1)
    if not reports:
        return 0
    return 1 if any(report.rule != "BUILD" for report in reports) else 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
