#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Memory-order tags: [XX9] in the comment of each non-relaxed access, the same at both ends.

Reported: an access stronger than relaxed without a tag on its lines or in a comment that ends at most
three lines above (the accesses of a function to the same word share it, and so do accesses on consecutive
lines); a tag without a release or without an acquire site; a fence without a tag. In files that wrap
Concurrency Kit or liburcu (kn_ck*, kn_rcu*) the orders are inside the library: there the words
`[XX9] release` and `[XX9] acquire` in a comment are the site.
"""
import re
import sys

from lint_lib import closing, code_of, comments_of, line_of, run, without_directives

TAG = re.compile(r"\[([A-Z]{2}[0-9]+)\]")
ACCESS = re.compile(r"\bkn_(load|store|swap|cas_weak|cas_strong|add|sub|or|and|xor)\s*\(")
FENCE = re.compile(r"\bkn_fence_seq_cst\s*\(")
ORDER = re.compile(r"\b(relaxed|acquire|release|acq_rel|seq_cst)\b")
WRAPPED = re.compile(r"/kn_(ck|rcu)(_[^/]*)?\.[ch]$")
WORDS = re.compile(r"\[([A-Z]{2}[0-9]+)\][ \t]+(release|acquire|acq_rel|seq_cst)")
WINDOW = 3

GIVES = {"relaxed": (), "acquire": ("acquire",), "release": ("release",),
         "acq_rel": ("acquire", "release"), "seq_cst": ("acquire", "release")}
LIMITS = {"load": ("acquire",), "store": ("release",)}


def accesses(code):
    """(first line, last line, operation, word, sides it gives, is relaxed) of each atomic access."""
    for match in ACCESS.finditer(code):
        operation = match.group(1)
        end = closing(code, match.end() - 1)
        arguments = code[match.end():end - 1]
        orders = ORDER.findall(arguments[arguments.find(","):])
        sides = {side for order in orders for side in GIVES[order]}
        if operation in LIMITS:
            sides &= set(LIMITS[operation])
        if orders:
            strong = any(order != "relaxed" for order in orders)
            yield line_of(code, match.start()), line_of(code, end - 1), operation, \
                arguments.partition(",")[0].strip(), sorted(sides), not strong
    for match in FENCE.finditer(code):
        line = line_of(code, match.start())
        yield line, line, "fence", "", ["acquire", "release"], False


def near(comments, first, last):
    """Text of the comments on the lines of an access, or that end shortly above it."""
    return "\n".join(c for c_first, c_last, c in comments if c_first <= last and c_last >= first - WINDOW)


def check(tree):
    problems, sites, bare_relaxed, total_relaxed = [], {}, 0, 0
    for path in tree.library(".c", ".h"):
        if path == "base/atomic.h":
            continue
        text = tree.read(path)
        comments = comments_of(text)
        for _, _, comment in comments if WRAPPED.search("/" + path) else ():
            for tag, order in WORDS.findall(comment):
                for side in GIVES[order]:
                    sites.setdefault(tag, {}).setdefault(side, path)
        code = without_directives(code_of(text))
        ends = [line_of(code, match.start()) for match in re.finditer(r"(?m)^\}", code)]
        previous_last, previous_tags, tags_of = -1, [], {}
        for first, last, operation, word, sides, is_relaxed in sorted(accesses(code)):
            comment = near(comments, first, last)
            if is_relaxed:
                total_relaxed += 1
                bare_relaxed += not comment
                continue
            key = word, sum(1 for end in ends if end < first)  # the word, in this function
            tags = TAG.findall(comment) or tags_of.get(key) or \
                (previous_tags if first == previous_last + 1 else [])
            previous_last, previous_tags, tags_of[key] = last, tags, tags
            if not tags:
                problems.append(f"{path}:{first}: {operation} is not relaxed and has no tag nearby")
            for tag in tags:
                for side in sides:
                    sites.setdefault(tag, {}).setdefault(side, f"{path}:{first}")
                sites.setdefault(tag, {})
    for tag, ends in sorted(sites.items()):
        for side in ("release", "acquire"):
            if side not in ends:
                other = next(iter(ends.values()), "?")
                problems.append(f"[{tag}] has no {side} site (other end: {other})")
    notes = []
    if total_relaxed:
        notes.append(f"{bare_relaxed} of {total_relaxed} relaxed accesses have no comment nearby")
    litmus = {p.split("/")[-1][:-2].lower() for p in tree.paths(".c", under="test/litmus/")}
    missing = [tag for tag in sorted(sites) if tag.lower() not in litmus]
    if missing:
        notes.append(f"{len(sites)} tags, without a litmus test of that name: {' '.join(missing)}")
    return problems, notes


GOOD = "kn_store(&x, 1, release); /* [AB1] */\nint y = kn_load(&x, acquire); /* [AB1] */\n"
CASES = [
    ({"sched/a.c": GOOD}, None),
    ({"sched/a.c": "/* [AB1] release: why,\n * in two lines. */\n\nkn_store(&x,\n  1, release);\n"
      "/* [AB1] */ kn_load(&x, acquire);\n"}, None),
    ({"sched/a.c": "kn_store(&x, 1, release);\n"}, "store is not relaxed and has no tag"),
    ({"sched/a.c": "/* [AB1] */\n\n\n\n\nkn_store(&x, 1, release);\n"}, "has no tag"),
    ({"sched/a.c": "kn_store(&x, 1, release); /* [AB1] */\n"}, "[AB1] has no acquire site"),
    ({"sched/a.c": "kn_load(&x, acquire); /* [AB2] */\n"}, "[AB2] has no release site"),
    ({"sched/a.c": "kn_store(&x, 1, relaxed);\n"}, None),
    ({"sched/a.c": GOOD + "\n\n\n\n\nkn_store(&x, 2, release);\n"}, None),
    ({"sched/a.c": GOOD + "}\n\n\n\n\nkn_store(&x, 2, release);\n"}, "has no tag"),
    ({"sched/a.c": GOOD + "\n\n\n\n\nkn_store(&y, 2, release);\n"}, "has no tag"),
    ({"sched/a.c": "kn_cas_weak(&x, &e, 1, release, relaxed); /* [AB3] */\n"}, "[AB3] has no acquire"),
    ({"sched/a.c": "kn_cas_weak(&x, &e, 1, acq_rel, acquire); /* [AB4] */\n"}, None),
    ({"sched/a.c": "kn_fence_seq_cst();\n"}, "fence is not relaxed"),
    ({"caps/kn_ck_a.c": "/* [CA1] release: here. [CA1] acquire there. */\n"}, None),
]

if __name__ == "__main__":
    sys.exit(run(check, CASES))
