#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Includes go downward only: executors > orchestration > actors > sched > mailbox > caps > base.

Also: no circle of headers, no private header behind a public one, no private header in an example, and
koken.h includes public headers and nothing else.
"""
import re
import sys

from lint_lib import RANK, code_of, line_of, run

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^">]+)[">]', re.MULTILINE)

# What is not a floor but may be reached from one, and why.
# The model build takes the two seams over.
ALLOWED = {("base/atomic.h", "test/model/atomic_model.h"), ("base/world.h", "test/model/world_model.h")}


def resolve(tree, path, quote, name):
    """The file in the tree that an include means, or None."""
    if quote == "<":
        if name == "koken.h" or name.startswith("koken/"):
            for module in RANK:
                if tree.exists(f"{module}/include/{name}"):
                    return f"{module}/include/{name}"
        return None
    beside = "/".join(path.split("/")[:-1] + [name])
    return name if tree.exists(name) else beside if tree.exists(beside) else None


def check_edge(path, target):
    module, other = path.split("/")[0], target.split("/")[0]
    if (path, target) in ALLOWED:
        return None
    if path.endswith("/include/koken.h") and "/include/" in target:
        return None  # it stands above all floors
    if module == "examples":
        if "/include/" not in target and other != "examples":
            return "an example sees public headers only"
        return None
    if module not in RANK:
        return None
    if other not in RANK:
        return f"{module} must not know {other}/"
    if RANK[other] > RANK[module]:
        return f"upward: {module} is below {other}"
    if "/include/" in path and "/include/" not in target:
        return "a public header must not need a private one"
    return None


def find_circles(graph):
    """Each circle of includes once, as a text."""
    circles, state, trail = [], {}, []

    def visit(node):
        state[node] = "open"
        trail.append(node)
        for target in graph.get(node, ()):
            if state.get(target) == "open":
                circles.append(" -> ".join(trail[trail.index(target):] + [target]))
            elif target not in state:
                visit(target)
        trail.pop()
        state[node] = "done"

    for node in sorted(graph):
        if node not in state:
            visit(node)
    return circles


def check(tree):
    problems, graph = [], {}
    for path in tree.paths(".c", ".h", ".S"):
        code = code_of(tree.read(path), keep_strings=True)
        for match in INCLUDE.finditer(code):
            quote, name = match.groups()
            where = f"{path}:{line_of(code, match.start())}: {name}"
            target = resolve(tree, path, quote, name)
            if path.endswith("/koken.h") and not name.startswith("koken/"):
                problems.append(f"{where}: koken.h includes public headers and nothing else")
            if quote == '"' and target is None and path.split("/")[0] in RANK and (path, name) not in ALLOWED:
                problems.append(f"{where}: not in the tree")
            if target is None:
                continue
            graph.setdefault(path, []).append(target)
            problem = check_edge(path, target)
            if problem:
                problems.append(f"{where}: {problem}")
    problems += [f"circle: {circle}" for circle in find_circles(graph)]
    return problems, []


CASES = [
    ({"sched/a.c": '#include "base/b.h"\n#include <koken/e.h>\n', "base/b.h": "", "base/include/koken/e.h": ""},
     None),
    ({"base/a.c": '#include "sched/b.h"\n', "sched/b.h": ""}, "upward: base is below sched"),
    ({"caps/a.c": "#include <koken/s.h>\n", "sched/include/koken/s.h": ""}, "upward: caps is below sched"),
    ({"actors/a.h": '#include "actors/b.h"\n', "actors/b.h": '#include "a.h"\n'}, "circle: actors/a.h"),
    ({"base/include/koken/e.h": '#include "base/b.h"\n', "base/b.h": ""}, "must not need a private"),
    ({"examples/x.c": '#include "base/b.h"\n', "base/b.h": ""}, "public headers only"),
    ({"actors/include/koken.h": "#include <stdio.h>\n"}, "nothing else"),
    ({"base/a.c": '#include "bench/b.h"\n', "bench/b.h": ""}, "must not know bench/"),
    ({"base/a.c": '/* #include "sched/b.h" */\n', "sched/b.h": ""}, None),
]

if __name__ == "__main__":
    sys.exit(run(check, CASES))
