#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""No raw pointer crosses from agent to agent in the examples and the swarm.

Messages and payloads are checked by the compiler. What is left is what an agent starts with: by KOKEN_ARG, which the
compiler checks too, and never by a plain .arg; and what is trusted, which says why. (What `koken lint` looks at in any
program, it looks at here as well; but that needs clang.)
"""
import pathlib
import re
import sys

from lint_lib import ROOT, code_of, run

sys.path.insert(0, str(pathlib.Path(ROOT) / "caps" / "lint"))
import lint  # noqa: E402

SPAWN = re.compile(r"\bkoken_(?:try_)?spawn\s*\(")
TRUSTED = re.compile(r"\bKOKEN_(?:MESSAGE|ARG)_TRUSTED\s*\(")
CHILD = re.compile(r"\.options\s*=\s*\{[^}]*\.arg\s*=")


def call_at(code, start):
    """The text of the call whose opening parenthesis is before start."""
    depth = 1
    for at in range(start, len(code)):
        depth += {"(": 1, ")": -1}.get(code[at], 0)
        if depth == 0:
            return code[start:at]
    return code[start:]


def check(tree):
    problems = []
    paths = tree.paths(".c", ".h", under="examples/")
    library = [p for p in tree.library(".c", ".h") if p != "caps/include/koken/message.h"]
    for path in paths:
        code = code_of(tree.read(path))
        for match in SPAWN.finditer(code):
            if re.search(r"\.arg\s*=", call_at(code, match.end())):
                line = code.count("\n", 0, match.start()) + 1
                problems.append(f"{path}:{line}: an agent starts with a plain .arg: use KOKEN_ARG")
        for match in CHILD.finditer(code):
            line = code.count("\n", 0, match.start()) + 1
            problems.append(f"{path}:{line}: a child starts with a plain .arg: use KOKEN_ARG")
    for path in paths + library:
        text = tree.read(path)
        lines = text.splitlines()
        code = code_of(text)
        for match in TRUSTED.finditer(code):
            line = code.count("\n", 0, match.start()) + 1
            if not lines[line - 1].startswith("#") and not lint.is_trusted(lines, line):
                problems.append(f"{path}:{line}: trusted without a reason")
    return problems, []


CASES = [
    ({"examples/a.c": "f(koken_spawn(rt, a, KOKEN_ARG(x)));\n"}, None),
    ({"examples/a.c": "f(koken_spawn(rt, a, .capacity = g(1),\n .arg = &x));\n"}, "a.c:1: an agent starts"),
    ({"examples/a.c": "x = koken_spawn(rt, a); koken_teg_add(t, &(struct o){.arg = p});\n"}, None),
    ({"examples/a.c": "struct koken_child c = {.options = {.high = 1, .arg = &x}};\n"}, "a child starts"),
    ({"examples/a.c": "/* trusted: a channel */\nKOKEN_MESSAGE_TRUSTED(a, { char *p; });\n"}, None),
    ({"examples/a.c": "KOKEN_MESSAGE_TRUSTED(a, {\n    char *p;\n}); /* trusted: a constant */\n"}, None),
    ({"examples/a.c": "KOKEN_MESSAGE_TRUSTED(a, { char *p; });\n"}, "a.c:1: trusted without"),
    ({"caps/a.c": "f(KOKEN_ARG_TRUSTED(p)); /* trusted: */\n"}, "caps/a.c:1: trusted without"),
]

if __name__ == "__main__":
    sys.exit(run(check, CASES))
