#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks a Promela model: safety (assertions, deadlocks), then each LTL property in all weakly fair executions.

    run.py CC MODEL.pml

Exit status 77 when spin is not installed. A counterexample is printed as spin's trail.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

DEPTH = 2000000


def run(command, where):
    done = subprocess.run(command, cwd=where, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.stdout


def check(cc, model, where, name, build, options):
    """One verification. True: nothing was found, and the search was complete."""
    run([cc, "-O2", "-w", *build, "-o", "pan", "pan.c"], where)
    said = run(["./pan", f"-m{DEPTH}", *options], where)
    states = re.search(r"(\d+(?:\.\d+)?(?:e\+\d+)?) states, stored", said)
    is_right = "errors: 0" in said and "max search depth too small" not in said
    print(f"{os.path.basename(model)} {name}: {'holds' if is_right else 'FAILS'},"
          f" {states.group(1) if states else '?'} states")
    if not is_right:
        print(said)
        print(run(["spin", "-t", "-p", "-g", os.path.basename(model)], where)[-6000:])
    return is_right


def main():
    cc, model = sys.argv[1], os.path.abspath(sys.argv[2])
    if shutil.which("spin") is None:
        print("spin is not installed")
        return 77
    properties = re.findall(r"^ltl (\w+)", open(model, encoding="utf-8").read(), re.MULTILINE)
    with tempfile.TemporaryDirectory() as where:
        shutil.copy(model, where)
        run(["spin", "-a", os.path.basename(model)], where)
        right = check(cc, model, where, "safety", ["-DSAFETY", "-DNOCLAIM"], [])
        for name in properties:
            build = ["-DNFAIR=3"]
            right = check(cc, model, where, name, build, ["-a", "-f", "-N", name]) and right
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
