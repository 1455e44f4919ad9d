#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Unit tests mirror the sources: sched/runq.c <-> test/unit/sched/runq.c.

A source without a test of its own stands in mirror_allow.txt with the reason (mostly: where it is tested).
A test may also belong to a header (base/list.h, base/include/koken/time.h). Entries that are no longer
needed are reported.
"""
import pathlib
import sys

from lint_lib import run

ALLOW = "test/lint/mirror_allow.txt"


def read_allowed(tree):
    """{path: reason}, and what is wrong with the list."""
    allowed, problems = {}, []
    for number, line in enumerate(tree.read(ALLOW).split("\n") if tree.exists(ALLOW) else [], 1):
        if not line.strip() or line.startswith("#"):
            continue
        path, _, reason = line.partition(":")
        if not reason.strip():
            problems.append(f"{ALLOW}:{number}: {path}: no reason given")
        allowed[path.strip()] = reason.strip()
    return allowed, problems


def owners(test):
    """The files that a test may belong to."""
    inside = test[len("test/unit/"):-len(".c")]
    module, _, rest = inside.partition("/")
    name = pathlib.PurePosixPath(inside).name
    return [f"{inside}.c", f"{inside}.h", f"{inside}.S", f"{module}/include/koken/{name}.h",
            f"{module}/include/{rest}.h"]


def check(tree):
    allowed, problems = read_allowed(tree)
    tests = set(tree.paths(".c", under="test/unit/"))
    for source in tree.library(".c"):
        has_test = f"test/unit/{source}" in tests
        if not has_test and source not in allowed:
            problems.append(f"{source}: no test/unit/{source}, and not in {ALLOW}")
        if has_test and source in allowed:
            problems.append(f"{ALLOW}: {source} has a test now")
    for test in sorted(tests):
        if test not in allowed and not any(tree.exists(owner) for owner in owners(test)):
            problems.append(f"{test}: no such source ({owners(test)[0]})")
    for path in sorted(allowed):
        if not tree.exists(path):
            problems.append(f"{ALLOW}: {path} does not exist")
    return problems, []


CASES = [
    ({"sched/a.c": "", "test/unit/sched/a.c": "", "base/l.h": "", "test/unit/base/l.c": ""}, None),
    ({"sched/a.c": ""}, "no test/unit/sched/a.c"),
    ({"test/unit/sched/a.c": ""}, "no such source"),
    ({"sched/a.c": "", ALLOW: "# list\nsched/a.c: by test/unit/sched/b.c\n"}, None),
    ({"sched/a.c": "", ALLOW: "sched/a.c:\n"}, "no reason given"),
    ({ALLOW: "sched/a.c: gone\n"}, "does not exist"),
    ({"sched/a.c": "", "test/unit/sched/a.c": "", ALLOW: "sched/a.c: x\n"}, "has a test now"),
    ({"base/include/koken/t.h": "", "test/unit/base/t.c": ""}, None),
]

if __name__ == "__main__":
    sys.exit(run(check, CASES))
