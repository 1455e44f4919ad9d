#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every public function and macro with arguments stands under a comment, and so in the manual."""
import pathlib
import re
import sys

from lint_lib import ROOT, code_of, run

sys.path.insert(0, str(pathlib.Path(ROOT) / "docs"))
sys.dont_write_bytecode = True
from reference import Entry, is_public, parse  # noqa: E402

NAME = re.compile(r"(?:^#\s*define\s+|^(?!#)[^=\n]*?)\b((?:koken|KOKEN)_\w+)\(", re.MULTILINE)
DECLARERS = re.compile(r"KOKEN_(MESSAGE|MESSAGE_TRUSTED|EVENT|LETTER|PAYLOAD\w*|MUST_USE|API|WEAK_|PRINTF\w*)$")


def declared(text):
    """Names that a header declares at the left margin, outside of the bodies of macros and structs."""
    code = re.sub(r"(#[^\n]*?)\\\n(?:[^\n]*\\\n)*[^\n]*", r"\1", code_of(text))
    for match in NAME.finditer(code):
        name = match.group(1)
        line = code[code.rfind("\n", 0, match.start(1)) + 1:match.start(1)]
        if is_public(name) and not name.startswith("KOKEN_LIST_") and not DECLARERS.match(name) and not line.startswith((" ", "}")):
            yield name, code.count("\n", 0, match.start(1)) + 1


def check(tree):
    problems, count = [], 0
    for path in tree.library(".h"):
        if "/include/" not in path:
            continue
        text = tree.read(path)
        described = {name for entry in parse(text)[1] for name in entry.names}
        for name, line in declared(text):
            count += 1
            if name not in described:
                problems.append(f"{path}:{line}: {name} has no comment of its own: what does it do?")
    return problems, [f"{count} public functions and macros are described"]


HEAD = "/* SPDX-License-Identifier: Apache-2.0 */\n/*\n * A thing.\n */\n"
CASES = [
    ({"base/include/koken/a.h": HEAD + "\n/* koken_a does it. */\nint koken_a(int x);\n"}, None),
    ({"base/include/koken/a.h": HEAD + "\nint koken_a(int x);\n"}, "koken_a has no comment"),
    ({"base/include/koken/a.h": HEAD + "\n#define koken_b(x) (x)\n"}, "koken_b has no comment"),
    ({"base/include/koken/a.h": HEAD + "\nint koken_c_(int x);\n"}, None),
    ({"base/include/koken/a.h": HEAD + "\n/* koken_a and koken_b. */\nint koken_a(int);\nint koken_b(int);\n"}, None),
    ({"base/include/koken/a.h": HEAD + "\n/* koken_a. */\nint koken_a(int);\n\nint koken_b(int);\n"}, "koken_b has"),
]
assert Entry("", ["int koken_x(void);"]).names == ["koken_x"]

if __name__ == "__main__":
    sys.exit(run(check, CASES))
