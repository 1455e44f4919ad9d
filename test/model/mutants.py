#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs every model with --mutants and says which mutants no model has killed, and MUTANTS.md does not explain.

    mutants.py FOLDER-OF-THE-BUILT-MODELS [MODEL...]

A mutant is an access of the sources (file, function, what, how it was changed); it is killed if one model kills it.
"""
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


def explained():
    """The keys of the table in MUTANTS.md: the first four columns."""
    keys = set()
    for line in open(os.path.join(HERE, "MUTANTS.md"), encoding="utf-8"):
        cells = [cell.strip().strip("`") for cell in line.strip().strip("|").split(" | ")]
        if len(cells) == 5:
            keys.add(tuple(cells[:4]))
    return keys


def main():
    folder = sys.argv[1]
    names = sys.argv[2:] or sorted(n for n in os.listdir(folder)
                                   if os.path.exists(f"{HERE}/{n}.c") and n not in ("capability", "litmus"))
    fate = {}
    for name in names:
        done = subprocess.run([os.path.join(folder, name), "--mutants"], stdout=subprocess.PIPE, text=True)
        if done.returncode != 0:
            print(f"{name}: {done.stdout}")
            return 1
        for line in done.stdout.splitlines():
            cells = [cell.strip() for cell in line.split(" | ")]
            if len(cells) == 5:
                key = tuple(cells[:4])
                fate[key] = fate.get(key, False) or cells[4].startswith("killed")
    known = explained()
    alive = sorted(key for key, is_killed in fate.items() if not is_killed)
    open_ones = [key for key in alive if key not in known]
    for key in open_ones:
        print("not killed, not explained:", " | ".join(key))
    print(f"{len(fate)} mutants, {len(fate) - len(alive)} killed, {len(alive) - len(open_ones)} explained,"
          f" {len(open_ones)} open")
    return 1 if open_ones else 0


if __name__ == "__main__":
    sys.exit(main())
