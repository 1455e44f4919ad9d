#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Draws the figures of `koken bench` as SVG, with gnuplot.

usage: plot.py OUT-FOLDER all.json [workers-N.json...]

all.json comes from `koken bench all --json`; workers-N.json from `koken bench -w N --json`. Written are

    latency.svg   latency by percentile, paced benchmarks
    workers.svg   throughput against workers (needs the workers-N files)
    scale.svg     ns per hop and bytes per agent against the number of agents
    table.svg     every figure in ns or ms, median with min and max
"""
import json
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
PERCENTILES = [("p50", 50), ("p90", 90), ("p99", 99), ("p99.9", 99.9), ("p99.99", 99.99)]


def results(path):
    with open(path, encoding="utf-8") as file:
        return {row["name"]: row for row in json.load(file)["results"]}


def write(folder, name, lines):
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(line + "\n" for line in lines)
    return path


def latency(rows, folder):
    """One block per benchmark: 1 / (1 - percentile), ns."""
    lines = []
    for bench in ("latency", "latency-due", "latency-1m", "latency-1m-due", "latency-ext", "wakeup",
                  "wakeup-futex"):
        points = [(p, rows[f"{bench}-{n}"]["median"]) for n, p in PERCENTILES if f"{bench}-{n}" in rows]
        if points:
            lines += [f'"{bench}"', *(f"{1 / (1 - p / 100):.6g} {v}" for p, v in points), "", ""]
    return write(folder, "latency.dat", lines) if lines else None


def workers(paths, folder):
    lines = []
    runs = sorted((int(re.search(r"(\d+)\.json$", path).group(1)), results(path)) for path in paths)
    names = sorted({name.removesuffix("-1w") for _, rows in runs for name, row in rows.items()
                    if row["unit"] == "msgs/s"})
    for name in names:
        lines.append(f'"{name}"')
        for count, rows in runs:
            row = rows.get(name) or rows.get(name + "-1w")
            if row:
                lines.append(f"{count} {row['median'] / 1e6} {row['min'] / 1e6} {row['max'] / 1e6}")
        lines += ["", ""]
    return write(folder, "workers.dat", lines) if lines else None


def scale(rows, folder):
    lines = []
    for name, row in rows.items():
        match = re.fullmatch(r"scale-(\d+)", name)
        if match:
            memory = rows[f"scale-mem-{match.group(1)}"]
            lines.append(f"{match.group(1)} {row['median']} {memory['median']}")
    return write(folder, "scale.dat", lines) if lines else None


def table(rows, folder):
    lines = [f'"{name}" {row["median"]} {row["min"]} {row["max"]}' for name, row in rows.items()
             if row["unit"].startswith("ns/") and not name.startswith("scale")]
    return write(folder, "table.dat", lines) if lines else None


def main():
    if len(sys.argv) < 3 or sys.argv[1].startswith("-"):
        print(__doc__.strip(), file=sys.stderr)
        return 2
    folder, main_file, *worker_files = sys.argv[1:]
    os.makedirs(folder, exist_ok=True)
    rows = results(main_file)
    with tempfile.TemporaryDirectory() as work:
        jobs = {"latency": latency(rows, work), "scale": scale(rows, work), "table": table(rows, work),
                "workers": workers(worker_files, work) if worker_files else None}
        for name, data in jobs.items():
            if data is None:
                continue
            picture = os.path.join(folder, name + ".svg")
            subprocess.run(["gnuplot", "-e", f"data='{data}'; picture='{picture}'",
                            os.path.join(HERE, name + ".gp")], check=True)
            print(picture)
    return 0


if __name__ == "__main__":
    sys.exit(main())
