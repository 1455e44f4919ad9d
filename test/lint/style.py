#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What clang-format does not see: licence lines, comments, braces, lengths, unfinished work, asserts."""
import re
import sys

from lint_lib import RANK, closing, code_of, line_of, run, without_directives

FUNCTION_LINES_MAX = 70
FILE_LINES_SOFT, FILE_LINES_HARD = 600, 1000
ASSERTS_PER_KSLOC = 30
ASSERT_MODULES = ("base", "caps", "mailbox", "sched", "actors", "executors")
SOURCES = (".c", ".h", ".S")
UNFINISHED = re.compile(r"\b(TO" + r"DO|X" + r"XX|HA" + r"CK|TB" + r"D)\b|\bFIX" + r"ME\b(?!\(\d+\))")
ASSERT = re.compile(r"\b(KN_ASSERT|KOKEN_CHECK|static_assert|_Static_assert)\s*\(")


def needs_licence(path):
    return path.endswith(SOURCES + (".py", ".sh", ".cmake", ".map")) or \
        path.split("/")[-1] in ("CMakeLists.txt", "dev", "run")


def check_licence(path, text):
    if "SPDX-License-Identifier: Apache-2.0" not in "\n".join(text.split("\n")[:3]):
        yield f"{path}:1: no SPDX line"


def check_comments(path, text):
    if not path.endswith((".c", ".h")):
        return
    for match in re.finditer(r'/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|//[^\n]*', text, re.DOTALL):
        if match.group(0).startswith("//") and not re.match(r"//\s*expect", match.group(0)):
            yield f"{path}:{line_of(text, match.start())}: // comment"


def check_unfinished(path, text):
    for match in UNFINISHED.finditer(text):
        yield f"{path}:{line_of(text, match.start())}: {match.group(0)}: finish it, or name an issue"


def check_braces(path, code):
    """Every body has braces. Macros are left out."""
    for match in re.finditer(r"\b(if|for|while|switch|else|do)\b", code):
        word, position = match.group(1), match.end()
        if word in ("if", "for", "while", "switch"):
            opening = code.find("(", position)
            if opening < 0 or code[position:opening].strip():
                continue
            position = closing(code, opening)
        rest = code[position:].lstrip()
        if rest.startswith("{") or (word == "else" and rest.startswith("if")):
            continue
        if word == "while" and rest.startswith(";"):
            continue  # the end of a do, or an empty body that the compiler warns about
        yield f"{path}:{line_of(code, match.start())}: {word} without braces"


def check_lengths(path, text, code):
    lines = text.count("\n")
    if lines > FILE_LINES_HARD and not text.startswith("/* LONG: "):
        yield f"{path}: {lines} lines, at most {FILE_LINES_HARD} (or a first line /* LONG: reason */)"
    for match in re.finditer(r"(?m)^\{", code):
        length = code.count("\n", match.start(), closing(code, match.start())) + 1
        before = code[:match.start()].rstrip()
        if before.endswith(")") and length > FUNCTION_LINES_MAX:
            line = line_of(code, match.start())
            yield f"{path}:{line}: function of {length} lines, at most {FUNCTION_LINES_MAX}"


def assert_density(tree):
    """(note, whether it is a problem) per module: some have a floor, once there is something to count."""
    for module in RANK:
        asserts = sloc = 0
        for path in tree.paths(".c", ".h", under=module + "/"):
            code = code_of(tree.read(path))
            sloc += sum(1 for line in code.split("\n") if line.strip())
            asserts += len(ASSERT.findall(code))
        if sloc:
            density = asserts * 1000 / sloc
            low = module in ASSERT_MODULES and density < ASSERTS_PER_KSLOC and sloc >= 1000
            yield f"{module}: {asserts} asserts in {sloc} lines, {density:.1f} per 1000" + \
                (f", below {ASSERTS_PER_KSLOC}" if low else ""), low


def check(tree):
    problems, notes = [], []
    for path in tree.paths(""):
        if not needs_licence(path):
            continue
        text = tree.read(path)
        problems += check_licence(path, text)
        problems += check_unfinished(path, text)
        problems += check_comments(path, text)
        if path.endswith((".c", ".h")):
            code = without_directives(code_of(text))
            problems += check_braces(path, code)
            problems += check_lengths(path, text, code)
            if FILE_LINES_SOFT < text.count("\n") <= FILE_LINES_HARD:
                notes.append(f"{path}: {text.count(chr(10))} lines, better below {FILE_LINES_SOFT}")
    for note, low in assert_density(tree):
        (problems if low else notes).append(note)
    return problems, notes


SPDX = "/* SPDX-License-Identifier: Apache-2.0 */\n"
LONG_BODY = "int f(void)\n{\n" + "    g();\n" * 80 + "}\n"
CASES = [
    ({"sched/a.c": SPDX + "int f(int x)\n{\n    if (x) {\n        return 1;\n    }\n    return 0;\n}\n"}, None),
    ({"sched/a.c": "int x;\n"}, "no SPDX line"),
    ({"test/x.py": "import sys\n"}, "no SPDX line"),
    ({"sched/a.c": SPDX + "int x; // why\n"}, "// comment"),
    ({"sched/a.c": SPDX + 'const char *u = "http://x"; /* see // there */\n'}, None),
    ({"test/compile_fail/a.c": SPDX + "// expect: error\n"}, None),
    ({"sched/a.c": SPDX + "/* TO" + "DO: later */\n"}, "finish it"),
    ({"sched/a.c": SPDX + "/* FIX" + "ME(12): later */\n"}, None),
    ({"sched/a.c": SPDX + "void f(int x)\n{\n    if (x)\n        g();\n}\n"}, "if without braces"),
    ({"sched/a.c": SPDX + "void f(int x)\n{\n    do {\n        g();\n    } while (x);\n}\n"}, None),
    ({"sched/a.c": SPDX + "void f(int x)\n{\n    if (x) {\n        g();\n    } else\n        h();\n}\n"},
     "else without braces"),
    ({"sched/a.c": SPDX + LONG_BODY}, "function of 82 lines"),
    ({"sched/a.c": SPDX + "int x;\n" * 1001}, "at most 1000"),
    ({"sched/a.c": SPDX + "int x;\n" * 600, "sched/b.c": SPDX + "int y;\n" * 600}, "0.0 per 1000, below 30"),
]

if __name__ == "__main__":
    sys.exit(run(check, CASES))
