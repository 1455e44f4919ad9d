#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints the coverage of each folder from gcovr's JSON, with the files that lag; fails below the bars."""
import collections
import json
import sys

LINES_MIN, BRANCHES_MIN = 90.0, 80.0
CORE = ["base", "caps", "mailbox", "sched", "actors"]


def percent(hit, all_):
    return 100.0 * hit / all_ if all_ else 100.0


def main(path):
    with open(path, encoding="utf-8") as file:
        report = json.load(file)
    folders, files = collections.defaultdict(lambda: [0] * 4), []
    for file in report["files"]:
        lines = [l for l in file["lines"] if not l.get("gcovr/noncode") and not l.get("gcovr/excluded")]
        branches = [b["count"] for l in lines for b in l["branches"]]
        count = [sum(l["count"] > 0 for l in lines), len(lines), sum(b > 0 for b in branches), len(branches)]
        folder = folders[file["file"].split("/")[0]]
        folder[:] = [a + b for a, b in zip(folder, count)]
        files.append((percent(*count[:2]), percent(*count[2:]), file["file"]))
    print("folder            lines             branches")
    for name, (hit, all_, taken, ways) in sorted(folders.items()):
        print(f"{name:15} {percent(hit, all_):5.1f} % of {all_:5}   {percent(taken, ways):5.1f} % of {ways:5}")
    for lines, branches, name in sorted(files)[:12]:
        print(f"  {name:40} {lines:5.1f} % {branches:5.1f} %")
    core = [sum(column) for column in zip(*(folders[name] for name in CORE))]
    lines, branches = percent(*core[:2]), percent(*core[2:])
    print(f"{' '.join(CORE)}: {lines:.1f} % of lines, {branches:.1f} % of branches")
    return int(lines < LINES_MIN or branches < BRANCHES_MIN)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
