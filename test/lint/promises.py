#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Each promise of README links to the checkers that guard it, and they are there."""
import re
import sys

from lint_lib import run

ROW = re.compile(r"^\| (P\d+) \|[^|]*\|([^|]*)\|", re.MULTILINE)
LINK = re.compile(r"\]\(([^)]+)\)")
PROMISES = [f"P{n}" for n in range(1, 15)]


def check(tree):
    problems = []
    rows = dict(ROW.findall(tree.read("README.md")))
    for promise in PROMISES:
        links = LINK.findall(rows.get(promise, ""))
        if not links:
            problems.append(f"README.md: {promise} has no checker")
        problems += [f"README.md: {promise}: {link} is not there" for link in links if not tree.exists(link)]
    return problems, []


def table(link):
    return "".join(f"| {promise} | text | [`c`]({link}) |\n" for promise in PROMISES)


CASES = [
    ({"README.md": table("test/c.c"), "test/c.c": ""}, None),
    ({"README.md": table("test/c.c")}, "P1: test/c.c is not there"),
    ({"README.md": table("test/c.c").replace("P9", "P99"), "test/c.c": ""}, "P9 has no checker"),
]

if __name__ == "__main__":
    sys.exit(run(check, CASES))
