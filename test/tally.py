#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Adds up test results: tally.py JUNIT.xml... STEP...

Any argument that is not an .xml file names a step that failed, and counts as one failure. Each file is
what `ctest --output-junit` wrote. A program that prints how many cases it ran (Criterion's synthesis, the
shim's last line) counts with its cases, any other as one; one that failed counts at least one failure.
Prints the failed programs with the end of their output, then `N passed, M failed`.
"""
import re
import sys
import xml.etree.ElementTree as ElementTree

CRITERION = re.compile(r"Synthesis: Tested: (\d+) \| Passing: (\d+) \| Failing: (\d+)")
SHIM = re.compile(r"^(\d+) passed, (\d+) failed", re.MULTILINE)


def count(case):
    """Returns (passed, failed, output) of one ctest entry; (0, 0, ...) when it skipped itself."""
    output = case.findtext("system-out") or ""
    output = re.sub(r"\x1b\[[0-9;]*m", "", output)
    skipped = case.find("skipped")
    if skipped is not None and (skipped.get("message") or "").startswith("SKIP_RETURN_CODE"):
        print(f"--- {case.get('name')}: skipped")
        return 0, 0, output
    is_good = case.get("status") == "run"
    passed, failed = (1, 0) if is_good else (0, 1)
    found = CRITERION.findall(output)
    if found:
        passed, failed = int(found[-1][1]), int(found[-1][2])
    else:
        found = SHIM.findall(output)
        if found:
            passed, failed = int(found[-1][0]), int(found[-1][1])
    if is_good and failed:
        is_good = False
    if not is_good and not failed:
        failed = 1
    return passed, failed, output


def main():
    passed = failed = 0
    for path in sys.argv[1:]:
        if not path.endswith(".xml"):
            print(f"--- {path}: failed")
            failed += 1
            continue
        try:
            cases = ElementTree.parse(path).getroot().iter("testcase")
        except (OSError, ElementTree.ParseError) as error:
            print(f"--- {path}: no results ({type(error).__name__}): did it build?")
            failed += 1
            continue
        for case in cases:
            case_passed, case_failed, output = count(case)
            passed += case_passed
            failed += case_failed
            if case_failed:
                print(f"--- {path}: {case.get('name')}: {case_failed} failed")
                print("\n".join(output.rstrip().split("\n")[-40:]))
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


sys.exit(main())
