#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks that a program is rejected for the right reason: compile_fail.py FILE

FILE says what the compilers must say, in one or more lines `// expect: text` (both), `// expect-gcc: text`
or `// expect-clang: text`. It is compiled as a user would, plain C11 without any warning option. Built with
-DCONTROL, the same file must compile: there the mistake is left out.
"""
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent


def compile_with(compiler, path, *flags):
    includes = [f"-I{d}" for d in sorted(ROOT.glob("*/include"))]
    command = [compiler, "-std=c11", "-O1", "-c", "-o", "/dev/null", *flags, *includes, f"-I{ROOT}", str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def main():
    path = pathlib.Path(sys.argv[1])
    text = path.read_text()
    failures, seen = [], 0
    for compiler in ("gcc", "clang"):
        if not shutil.which(compiler):
            continue
        seen += 1
        expects = re.findall(rf"//\s*expect(?:-{compiler})?:\s*(.+)", text)
        if not expects:
            failures.append(f"no expect line for {compiler}")
        run = compile_with(compiler, path)
        if run.returncode == 0:
            failures.append(f"{compiler} compiled it")
        for expect in expects:
            if expect.strip() not in run.stderr:
                failures.append(f"{compiler} did not say: {expect}\n{run.stderr}")
        if "CONTROL" in text:
            run = compile_with(compiler, path, "-DCONTROL")
            if run.returncode != 0:
                failures.append(f"{compiler} rejects the control:\n{run.stderr}")
    if not seen:
        failures.append("no compiler found")
    for failure in failures:
        print(f"{path.name}: {failure}")
    return 1 if failures else 0


sys.exit(main())
