#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Shows that a build with KOKEN_TSAN_AGENTS takes each agent for a thread: run.py FOLDER_OF_THE_BUILD

bad/   two agents of one worker touch the same memory without a message between them: ThreadSanitizer must report
       it. The same program with a library that is built without the option, if --plain names its folder, is not.
good/  memory goes from agent to agent with the messages, and the examples: no report.

The last line is `N passed, M failed`.
"""
import argparse
import concurrent.futures
import glob
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
MODULES = ("base", "caps", "mailbox", "sched", "actors", "orchestration", "executors")
RACE = "WARNING: ThreadSanitizer: data race"


def compiler_of(build):
    with open(os.path.join(build, "CMakeCache.txt"), encoding="utf-8") as cache:
        return re.search(r"^CMAKE_C_COMPILER:\w+=(.*)$", cache.read(), re.M)[1]


def libraries():
    names = ["ck", "liburcu-qsbr", "liburcu-cds", "hwloc", "jansson", "libcrypto"]
    done = subprocess.run(["pkg-config", "--libs", *names], stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout.split()


def build_program(build, source, folder):
    name = os.path.basename(source)[:-2]
    program = os.path.join(folder, f"{name}.{len(build)}")
    includes = [f"-I{ROOT}/{module}/include" for module in MODULES]
    subprocess.run([compiler_of(build), "-std=gnu11", "-g", "-O1", "-w", "-fsanitize=thread", *includes, source,
                    f"{build}/libkoken.a", *libraries(), "-lpthread", "-lm", "-o", program], check=True)
    return program


def says(program):
    """Exit status and what was said."""
    environment = dict(os.environ, TSAN_OPTIONS="history_size=4")
    done = subprocess.run([program], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment,
                          timeout=120, check=False)
    return done.returncode, done.stderr


def judge(job):
    kind, source, build, plain, folder = job
    name = os.path.basename(source)
    if kind == "example":
        code, text = says(source)
        return name, code == 0 and "ThreadSanitizer" not in text, text
    code, text = says(build_program(build, source, folder))
    if kind == "good":
        return name, code == 0 and "ThreadSanitizer" not in text, f"exit {code}\n{text}"
    fine = RACE in text
    if fine and plain and RACE in says(build_program(plain, source, folder))[1]:
        return name, False, "an ordinary build reports it too: it shows nothing"
    return name, fine, f"exit {code}, no race\n{text}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=os.path.abspath)
    parser.add_argument("--plain", type=os.path.abspath, help="folder of a build with -fsanitize=thread alone")
    parser.add_argument("-j", type=int, default=2, dest="jobs")
    parser.add_argument("names", nargs="*", help="only programs whose names contain one of these")
    options = parser.parse_args()
    failed = passed = 0
    with tempfile.TemporaryDirectory() as folder:
        jobs = [(kind, source, options.build, options.plain, folder) for kind in ("bad", "good")
                for source in sorted(glob.glob(f"{HERE}/{kind}/*.c"))]
        jobs += [("example", program, options.build, options.plain, folder)
                 for program in sorted(glob.glob(f"{options.build}/examples/*"))
                 if os.access(program, os.X_OK) and os.path.isfile(program)]
        jobs = [j for j in jobs if not options.names or any(n in os.path.basename(j[1]) for n in options.names)]
        with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
            for name, fine, text in pool.map(judge, jobs):
                passed, failed = passed + fine, failed + (not fine)
                if not fine:
                    print(f"FAILED: {name}: {text[:3000]}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
