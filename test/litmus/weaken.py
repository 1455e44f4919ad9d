#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Weakens the accesses of a tag, one at a time, and says whether the tag's litmus program notices.

    weaken.py BUILD [TAG...]

BUILD is a ThreadSanitizer build with the litmus programs in it. A mutant is one access of a tagged source (.c) with
relaxed in place of its order, or with one half of acq_rel; the source is compiled anew with the build's own command,
linked before libkoken.a, and run. Without tags: each that has a litmus program. What the explorer's models execute is
mutated there (../model/mutants.py); a header's accesses are too many programs' to be tried here.
"""
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(HERE.parent / "lint"))
from lint_lib import Tree, code_of, closing, comments_of, line_of, without_directives  # noqa: E402
from tags import ACCESS, ORDER, near  # noqa: E402

RUNS = 3
WEAKER = {"acquire": ["relaxed"], "release": ["relaxed"], "acq_rel": ["acquire", "release"],
          "seq_cst": ["acq_rel", "relaxed"]}
LIMITS = {"load": {"acq_rel": "acquire"}, "store": {"acq_rel": "release"}}


def mutants(path, tag):
    """(line, old order, new order, text) of each."""
    text = (ROOT / path).read_text(encoding="utf-8")
    code, comments = without_directives(code_of(text)), comments_of(text)
    for access in ACCESS.finditer(code):
        end = closing(code, access.end() - 1)
        first, last = line_of(code, access.start()), line_of(code, end - 1)
        if f"[{tag}]" not in near(comments, first, last):
            continue
        comma = code.find(",", access.end())
        for order in ORDER.finditer(code, comma, end):
            for weaker in WEAKER.get(order.group(0), ()):
                weaker = LIMITS.get(access.group(1), {}).get(weaker, weaker)
                if weaker == order.group(0):
                    continue
                yield first, order.group(0), weaker, text[:order.start()] + weaker + text[order.end():]


class Build:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder).resolve()
        self.commands = {}
        for entry in json.loads((self.folder / "compile_commands.json").read_text(encoding="utf-8")):
            if "koken_objects" in entry["command"]:
                self.commands[os.path.relpath(entry["file"], ROOT)] = entry["command"]

    def link_command(self, tag):
        out = subprocess.run(["ninja", "-C", self.folder, "-t", "commands", f"litmus-{tag}"], check=True,
                             stdout=subprocess.PIPE, text=True).stdout
        return out.strip().split("\n")[-1]

    def is_noticed(self, tag, path, text, place):
        """How the program ended for the mutant: a word, or None; "no mutant" if it does not compile."""
        source, object_file, program = (os.path.join(place, n) for n in ("mutant.c", "mutant.o", "mutant"))
        pathlib.Path(source).write_text(text, encoding="utf-8")
        words = [w for w in shlex.split(self.commands[path]) if not w.endswith("ccache")]
        words[words.index("-o") + 1] = object_file
        words[words.index("-c") + 1] = source
        if subprocess.run(words, cwd=self.folder, stderr=subprocess.DEVNULL, check=False).returncode != 0:
            return "no mutant"  # C refuses it: success weaker than failure
        link = self.link_command(tag)
        link = re.sub(r" -o \S+", f" -o {program} {object_file}", link, count=1)
        subprocess.run(link, shell=True, cwd=self.folder, check=True)
        environment = {**os.environ, "TSAN_OPTIONS": "history_size=4:atexit_sleep_ms=50:halt_on_error=1"}
        for _ in range(RUNS):
            try:
                done = subprocess.run(["setarch", "-R", program], env=environment, timeout=20, check=False,
                                      stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            except subprocess.TimeoutExpired:
                return "hangs"
            if done.returncode != 0:
                return "data race" if b"data race" in done.stdout else f"status {done.returncode}"
        return None


def main():
    build = Build(sys.argv[1])
    tags = sys.argv[2:] or sorted(p.stem for p in HERE.glob("*.c"))
    sources = [p for p in Tree().library(".c") if p in build.commands]
    texts = {path: (ROOT / path).read_text(encoding="utf-8") for path in sources}
    killed, survived = 0, 0
    with tempfile.TemporaryDirectory() as place:
        for tag in tags:
            for path in (p for p in sources if f"[{tag}]" in texts[p]):
                for line, old, new, text in mutants(path, tag):
                    verdict = build.is_noticed(tag, path, text, place)
                    if verdict == "no mutant":
                        continue
                    killed, survived = killed + bool(verdict), survived + (not verdict)
                    print(f"[{tag}] {path}:{line}: {old} -> {new}: {verdict or 'NOT NOTICED'}", flush=True)
    print(f"{killed} noticed, {survived} not")


if __name__ == "__main__":
    main()
