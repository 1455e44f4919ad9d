#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compiles cost.c and compares, function by function, the code for handles with that for plain pointers.

Exit status: 0 when no function with handles has more instructions than its twin, for no compiler and level.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
INCLUDES = [f"-I{ROOT}/{m}/include" for m in ("base", "caps", "actors")]


def functions(compiler, level, folder):
    target = os.path.join(folder, "cost.o")
    # Without folding: gcc -Os finds the twins equal and makes one a jump to the other.
    unfolded = ["-fno-ipa-icf"] if compiler == "gcc" else []
    subprocess.run([compiler, "-std=gnu11", level, *unfolded, "-fno-asynchronous-unwind-tables", *INCLUDES, "-c",
                    os.path.join(HERE, "cost.c"), "-o", target], check=True)
    text = subprocess.run(["objdump", "-d", "--no-show-raw-insn", target], check=True, capture_output=True,
                          text=True).stdout
    found = {}
    for block in re.split(r"\n\n", text):
        name = re.match(r"[0-9a-f]+ <(\w+)>:", block.strip())
        if name:
            lines = [line.split("\t")[1].strip() for line in block.splitlines()[1:] if "\t" in line]
            # Padding between functions is no cost.
            found[name[1]] = [line for line in lines if not re.match(r"(data16 |cs )*nop|xchg +%ax,%ax", line)]
    return found


def main():
    passed = failed = 0
    compilers = [c for c in ("gcc", "clang") if shutil.which(c)]
    if not compilers or not shutil.which("objdump"):
        print("no compiler or no objdump")
        return 77
    with tempfile.TemporaryDirectory() as folder:
        for compiler in compilers:
            for level in ("-O1", "-O2", "-O3", "-Os"):
                code = functions(compiler, level, folder)
                for name in sorted(n for n in code if n.endswith("_caps")):
                    caps, plain = code[name], code[name[:-5] + "_plain"]
                    if len(caps) > len(plain):
                        failed += 1
                    else:
                        passed += 1
                    verdict = "same" if len(caps) == len(plain) else f"{len(caps) - len(plain):+d}"
                    print(f"{compiler:6} {level} {name[:-5]:8} caps {len(caps):3} plain {len(plain):3} {verdict}")
    print(f"{passed} passed, {failed} failed")
    return 0 if passed > 0 and failed == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
