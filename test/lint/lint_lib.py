# SPDX-License-Identifier: Apache-2.0
"""What the lints share: the tree, C text without comments, and the self-test.

A lint is a function check(tree) -> (problems, notes). Problems fail it, notes are printed. Each lint
brings cases: small trees, and a text that must appear among the problems (None: no problem at all).
They run first, every time: a lint that cannot fail is not a lint.
"""
import os
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
MODULES = ["base", "caps", "mailbox", "sched", "actors", "orchestration", "executors"]  # floors, upward
RANK = {name: rank for rank, name in enumerate(MODULES)}


def walk():
    """All files but those of builds and of git, by their path from the root."""
    for folder, folders, files in os.walk(ROOT):
        if folder == str(ROOT):
            folders[:] = [f for f in folders if f not in ("build", ".git")]
        under = os.path.relpath(folder, ROOT)
        yield from (f if under == "." else f"{under}/{f}" for f in files if os.path.isfile(f"{folder}/{f}"))


class Tree:
    """Files by their path from the root; given as a dict in a self-test."""

    def __init__(self, files=None):
        self.files = files
        self.found = sorted(files) if files is not None else None

    def paths(self, *suffixes, under=""):
        if self.found is None:
            self.found = sorted(walk())
        return [p for p in self.found if p.endswith(suffixes) and p.startswith(under)]

    def library(self, *suffixes):
        return [p for p in self.paths(*suffixes) if p.split("/")[0] in RANK]

    def read(self, path):
        if self.files is not None:
            return self.files[path]
        return (ROOT / path).read_text(encoding="utf-8")

    def exists(self, path):
        return path in self.files if self.files is not None else (ROOT / path).exists()


TOKEN = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)


def blank(text):
    """The same number of lines and columns, with nothing on them."""
    return re.sub(r"[^\n]", " ", text)


def code_of(text, keep_strings=False):
    """C without comments (and without the inside of strings); positions stay."""
    def replace(match):
        token = match.group(0)
        if token.startswith("/"):
            return blank(token)
        return token if keep_strings else token[0] + blank(token[1:-1]) + token[-1]
    return TOKEN.sub(replace, text)


def comments_of(text):
    """(first line, last line, comment) of each comment; neighbours that touch are one."""
    found = []
    for match in TOKEN.finditer(text):
        if not match.group(0).startswith("/"):
            continue
        first = line_of(text, match.start())
        last = first + match.group(0).count("\n")
        alone = text[text.rfind("\n", 0, match.start()) + 1:match.start()].strip() == ""
        if found and alone and found[-1][3] and found[-1][1] == first - 1:
            first, comment = found[-1][0], found[-1][2] + "\n" + match.group(0)
            found.pop()
        else:
            comment = match.group(0)
        found.append((first, last, comment, alone))
    return [(first, last, comment) for first, last, comment, _ in found]


def line_of(text, position):
    return text.count("\n", 0, position) + 1


BRACKET = re.compile(r"[][(){}]")


def closing(text, position):
    """Position after the bracket that closes the one at position."""
    depth = 0
    for match in BRACKET.finditer(text, position):
        depth += 1 if match.group(0) in "([{" else -1
        if depth == 0:
            return match.end()
    return len(text)


def without_directives(code):
    """Blanks preprocessor lines, continuations included."""
    return re.sub(r"(?m)^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", lambda m: blank(m.group(0)), code)


def run(check, cases):
    """Self-test, then the check of the tree. Returns the exit status."""
    name = pathlib.Path(sys.argv[0]).stem
    for files, expected in cases:
        problems, _ = check(Tree(files))
        said = "\n".join(problems)
        if (expected is None and problems) or (expected is not None and expected not in said):
            print(f"{name}: self-test: wanted {expected!r} for {sorted(files)}, got: {said or 'nothing'}")
            return 1
    problems, notes = check(Tree())
    for note in notes:
        print(f"{name}: note: {note}")
    for problem in problems:
        print(f"{name}: {problem}")
    print(f"{name}: {len(cases)} self-tests, {len(problems)} problems")
    return 1 if problems else 0
