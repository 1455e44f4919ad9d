#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The shared library exports koken_* and nothing else: symbols.py LIBKOKEN.SO

Every exported symbol is declared in a public header, and every function that a public header declares is
exported: a name hidden by the version script would fail only in the user's link.
"""
import re
import subprocess
import sys

from lint_lib import Tree, code_of, without_directives

# Of builds with KOKEN_CAPS_DEBUG.
DEBUG_ONLY = {"koken_adopt_iso_", "koken_adopt_val_", "koken_borrow_", "koken_unborrow_"}
STATIC_MACRO = re.compile(r"#[ \t]*define[ \t]+(\w+)((?:[^\n]*\\\n)*[^\n]*\bstatic\b)")
DECLARED = re.compile(r"\b(koken_[a-z0-9_]+)\s*\(")


def exported(library):
    """Names of the defined dynamic symbols, without the version nodes."""
    output = subprocess.run(["nm", "-D", "--defined-only", library], capture_output=True, text=True, check=True)
    names = set()
    for line in output.stdout.split("\n"):
        fields = line.split()
        if len(fields) == 3 and fields[1] != "A":
            names.add(fields[2].split("@")[0])
    return names


def declared(tree):
    """Functions that the public headers declare at file level, and every koken_ name they mention."""
    functions, mentioned, static = set(), set(), {"static", "typedef"}
    headers = [path for path in tree.library(".h") if "/include/" in path]
    for path in headers:
        static |= {match.group(1) for match in STATIC_MACRO.finditer(tree.read(path))}
    for path in headers:
        code = without_directives(code_of(tree.read(path)))
        mentioned |= set(re.findall(r"\bkoken_\w+", tree.read(path)))
        code = re.sub(r'extern\s+"\s*"\s*\{', "", code)
        depth, flat = 0, []
        for character in code:
            depth += character == "{"
            if depth == 0:
                flat.append(character)
            depth -= character == "}" and depth > 0
        for statement in re.split(r";", "".join(flat)):
            match = DECLARED.search(statement)
            words = statement.split()
            if match and not static & set(words):
                functions.add(match.group(1))
    return functions, mentioned


def compare(names, functions, mentioned):
    problems = [f"{name}: exported, does not start with koken_" for name in sorted(names)
                if not name.startswith("koken_")]
    problems += [f"{name}: exported, in no public header" for name in sorted(names)
                 if name.startswith("koken_") and name.removeprefix("koken_type_") not in mentioned
                 and name not in mentioned and not name.startswith("koken_type_kn_")]
    problems += [f"{name}: declared in a public header, not exported" for name in sorted(functions - names - DEBUG_ONLY)]
    return problems


def self_test():
    header = ('#ifdef __cplusplus\nextern "C" {\n#endif\nint koken_a(int x) __attribute__((pure));\n'
              "static inline int koken_b(void)\n{\n    return koken_a(1);\n}\nstruct koken_s { int (*koken_f)(int); };\n"
              "#define FN_ \\\n    static inline\nFN_ void koken_c(void)\n{\n}\n"
              "#define koken_m(x) koken_a(x)\n#ifdef __cplusplus\n}\n#endif\n")
    functions, mentioned = declared(Tree({"base/include/koken/a.h": header}))
    assert functions == {"koken_a"}, functions
    assert compare({"koken_a"}, functions, mentioned) == []
    assert "does not start" in compare({"koken_a", "kn_x"}, functions, mentioned)[0]
    assert "in no public header" in compare({"koken_a", "koken_z"}, functions, mentioned)[0]
    assert "not exported" in compare(set(), functions, mentioned)[0]


def main():
    self_test()
    names = exported(sys.argv[1])
    problems = compare(names, *declared(Tree()))
    for problem in problems:
        print(f"symbols: {problem}")
    print(f"symbols: {len(names)} exported, {len(problems)} problems")
    return 1 if problems or not names else 0


sys.exit(main())
