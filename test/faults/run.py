#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fault loops: every example with the k-th call to the system failing, for k = 1 until all succeed.

    run.py SHIM FOLDER-OF-EXAMPLES [NAME...] [--all]

Whatever fails, a program must end by itself: with its own exit status (0 if the failure was overcome, 1 or
2 if it was reported), never by a signal, never by hanging; and it gives back what it took from the heap. An example that goes on
without what failed (a vote with a dead node) says so in its output.
Beyond the first calls of a kind only every so manieth is failed, unless --all; and once with all calls from
the k-th on. Prints a line for each example; the last line is a sum.
"""
import argparse
import concurrent.futures
import os
import pathlib
import shlex
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "test"))
sys.dont_write_bytecode = True
from example import find, pattern_of  # noqa: E402

TIMEOUT = 30
KINDS = ["alloc", "mmap", "mprotect", "thread", "futex", "membarrier", "epoll", "eventfd"]
ARGUMENTS = {"trading_swarm": "--ticks 4 --csv examples/trading_swarm/data/stocks-monthly.csv",
             "teg_build": "-n hello.c pingpong.c timers.c", "teg_words": "README.md HACKING.md"}


def numbers(count, is_all):
    """Which calls of count to fail: each of the first, then with growing distance."""
    k = 1
    while k <= count:
        yield k
        k += 1 if is_all else max(1, k // 6)


def run(shim, program, arguments, fault):
    """Answers (exit status, None for a hang; the report; what it said)."""
    with tempfile.NamedTemporaryFile(prefix="koken-fault", mode="r") as report:
        environment = dict(os.environ, LD_PRELOAD=str(shim), KN_FAULT=fault, KN_FAULT_REPORT=report.name)
        try:
            done = subprocess.run([program, *arguments], env=environment, cwd=ROOT, timeout=TIMEOUT,
                                  stdin=subprocess.DEVNULL, capture_output=True, check=False)
            status, said, log = done.returncode, done.stdout.decode(), done.stderr.decode(errors="replace")
        except subprocess.TimeoutExpired:
            status, said, log = None, "", ""
        lines = dict(line.rsplit(" ", 1) for line in report.read().splitlines())
    return status, {name: int(value) for name, value in lines.items()}, said, log


def verdict(status, report, live):
    if status is None:
        return f"hangs for {TIMEOUT} s"
    if status < 0:
        return f"killed by signal {-status}"
    if status > 2:
        return f"exit status {status}"
    if report.get("live", 0) > live:
        return f"{report['live'] - live} blocks not given back"
    return None


def examine(shim, program, is_all, pool):
    name = program.name
    arguments = shlex.split(ARGUMENTS.get(name, ""))
    status, report, said, log = run(shim, program, arguments, "")
    if status != 0 or not report:
        return 1, 1, [f"{name}: without a fault: exit status {status}\n{said[-300:]}{log[-300:]}"], ""
    expect = find(ROOT / "examples", name, ".expect")
    expected = pattern_of(expect) if expect and name not in ARGUMENTS else None
    live = max(report["live"], 0)
    faults = []
    for kind in KINDS:
        for k in numbers(report[kind], is_all):
            faults.append(f"{kind}:{k}")
        lasting = (1,) if kind == "membarrier" else (1, 2, 3, 5, 8, 13)  # no kernel forgets it later
        faults += [f"{kind}:{k}+" for k in lasting if k <= report[kind]]
    problems, overcome, told = [], 0, 0
    for fault, (status, report, said, log) in zip(
            faults, pool.map(lambda f: run(shim, program, arguments, f), faults)):
        problem = verdict(status, report, live)
        overcome += status == 0 and (not expected or bool(expected.fullmatch(said)))
        told += status == 0 and bool(expected) and not expected.fullmatch(said)
        if problem:
            problems.append(f"{name} with KN_FAULT={fault}: {problem}\n{said[-300:]}{log[-300:]}")
    notes = f"{overcome} overcome, {told} told in its words, {len(faults) - overcome - told} by exit status"
    return len(faults), len(problems), problems, notes


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("shim", type=pathlib.Path)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--all", action="store_true", help="each single call")
    options = parser.parse_args()
    programs = [p for p in sorted(options.folder.iterdir())
                if p.is_file() and os.access(p, os.X_OK) and (not options.names or p.name in options.names)]
    total = failed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for program in programs:
            count, bad, problems, notes = examine(options.shim.resolve(), program.resolve(), options.all, pool)
            total, failed = total + count, failed + bad
            print(f"{program.name:24} {count:5} faults: {notes}; {bad} not survived", flush=True)
            for problem in problems[:8]:
                print("  " + problem.replace("\n", "\n    "), flush=True)
    print(f"{total} faults in {len(programs)} examples, {failed} not survived")
    return int(failed > 0 or not programs)


if __name__ == "__main__":
    sys.exit(main())
