#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs models with --mutants and says which mutants no model has killed, and MUTANTS.md does not explain.

    mutants.py [--all] FOLDER-OF-THE-BUILT-MODELS MODEL...

A mutant is an access of the sources (file, function, what, how it was changed); it is killed if one model kills it.
kills.txt says which model and scenario did: a mutant with a line there is run in that model only, in that scenario
first; one that MUTANTS.md explains is not run; a new one is run in each model. --all runs every mutant in every
model, and writes kills.txt anew.
"""
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
KILLS = os.path.join(HERE, "kills.txt")
WHY = os.path.join(HERE, "MUTANTS.md")


def explained():
    """The keys of the tables in MUTANTS.md: the first four columns."""
    keys = set()
    with open(WHY, encoding="utf-8") as text:
        for line in text:
            cells = [cell.strip().strip("`") for cell in line.strip().strip("|").split(" | ")]
            if len(cells) == 5:
                keys.add(" | ".join(cells[:4]))
    return keys


def known_kills():
    """key -> (model, scenario)."""
    kills = {}
    with open(KILLS, encoding="utf-8") as text:
        for line in text:
            cells = line.strip().split(" | ")
            if len(cells) == 6:
                kills[" | ".join(cells[:4])] = tuple(cells[4:])
    return kills


def run(folder, name, is_all):
    """The mutants that the model has tried: (key, verdict, scenario)."""
    files = [] if is_all else [KILLS, WHY]
    done = subprocess.run([os.path.join(folder, name), "--mutants", name, *files], stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"{name}: {done.stdout}")
    for line in done.stdout.splitlines():
        cells = line.split(" | ")
        if len(cells) >= 5:
            yield " | ".join(cells[:4]), cells[4], cells[5] if len(cells) > 5 else "?"


def main():
    arguments = sys.argv[1:]
    is_all = arguments[0] == "--all"
    folder, *names = arguments[is_all:]
    killed, survived = {}, set()
    for name in names:
        for key, verdict, scenario in run(folder, name, is_all):
            if verdict.startswith("killed"):
                killed.setdefault(key, (name, scenario))
            else:
                survived.add(key)
    known, why = known_kills(), explained()
    open_ones = sorted(survived - set(killed) - why)
    if not is_all:  # in another model's care
        open_ones = [key for key in open_ones if key not in known or known[key][0] in names]
    for key in open_ones:
        print("not killed, not explained:", key)
    for key in sorted(why & set(killed)):
        print("explained as equivalent, but killed:", key)
    if is_all:
        kept = {key: value for key, value in known.items() if value[0] not in names and key not in killed}
        with open(KILLS, "w", encoding="utf-8") as text:
            text.write("Written by mutants.py --all: mutants, the model and the scenario that killed them last.\n")
            for key, (model, scenario) in sorted({**kept, **killed}.items()):
                text.write(f"{key} | {model} | {scenario}\n")
    print(f"{len(killed)} mutants killed, {len(why)} explained, {len(open_ones)} open")
    return 1 if open_ones or why & set(killed) else 0


if __name__ == "__main__":
    sys.exit(main())
