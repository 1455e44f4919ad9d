#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs one example: example.py SOURCE_ROOT NAME PROGRAM

The program must exit with 0. Where examples/NAME.expect (or examples/NAME/NAME.expect) exists, standard
output must be those lines: `*` in a line stands for any text, a line `...` for any number of lines.
NAME.args beside it holds the arguments, as in a shell.
"""
import pathlib
import re
import shlex
import subprocess
import sys


def find(root, name, suffix):
    for path in (root / f"{name}{suffix}", root / name / f"{name}{suffix}"):
        if path.exists():
            return path.read_text()
    return None


def pattern_of(expect):
    parts = []
    for line in expect.rstrip("\n").split("\n"):
        if line == "...":
            parts.append(r"(?:[^\n]*\n)*?")
        else:
            parts.append("[^\n]*".join(re.escape(piece) for piece in line.split("*")) + r"\n")
    return re.compile("".join(parts))


def main():
    root, name, program = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    examples = root / "examples"
    arguments = shlex.split(find(examples, name, ".args") or "")
    run = subprocess.run([program] + arguments, cwd=root, stdin=subprocess.DEVNULL,
                         stdout=subprocess.PIPE, text=True, check=False)
    expect = find(examples, name, ".expect")
    if run.returncode != 0:
        print(run.stdout, end="")
        print(f"{name}: exit status {run.returncode}")
        return 1
    if expect is not None and not pattern_of(expect).fullmatch(run.stdout):
        print(f"{name}: output differs; expected:\n{expect}got:\n{run.stdout}", end="")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
