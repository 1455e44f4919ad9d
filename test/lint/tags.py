#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Memory-order tags: [XX9] in the comment of each non-relaxed access, the same at both ends.

Reported: an access stronger than relaxed without a tag on its lines or in a comment that ends at most
three lines above (the accesses of a function to the same word share it, and so do accesses on consecutive
lines); a tag without a release or without an acquire site; a fence without a tag. In files that wrap
Concurrency Kit or liburcu (kn_ck*, kn_rcu*) the orders are inside the library: there the words
`[XX9] release` and `[XX9] acquire` in a comment are the site.

Each tag has a row in test/litmus/TAGS.md, which names what notices that one of its accesses is weaker than it
should be: programs under test/, or `count`. Of a count of owners each access is a kn_sub() with acq_rel: that is looked
at here. Reported: a tag without a row or in two, a row of no tag or without a checker, a program that is not there, a
litmus program that no row names.
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
TABLE = "test/litmus/TAGS.md"

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


def rows_of(text):
    """(tags, checkers) of each row of TAGS.md."""
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split(" | ")]
        tags = re.fullmatch(r"[A-Z]{2}[0-9]+(, [A-Z]{2}[0-9]+)*", cells[0])
        if line.startswith("| ") and tags and len(cells) >= 3:
            yield cells[0].split(", "), re.findall(r"`([^`]+)`", cells[2])


def check_table(tree, tags, not_counts):
    """Problems of the table of what holds each tag."""
    if not tree.exists(TABLE):
        return []
    problems, known, named = [], set(), set()
    for row, checkers in rows_of(tree.read(TABLE)):
        if not checkers:
            problems.append(f"{TABLE}: {row[0]}: nothing notices")
        for checker in checkers:
            named.add(checker)
            if checker != "count" and not tree.exists(f"test/{checker}"):
                problems.append(f"{TABLE}: {row[0]}: there is no test/{checker}")
        for tag in row:
            if tag in known:
                problems.append(f"{TABLE}: {tag} has two rows")
            if tag not in tags:
                problems.append(f"{TABLE}: {tag} is not in the sources")
            if "count" in checkers and tag in not_counts:
                problems.append(f"{not_counts[tag]}: [{tag}] is a count: kn_sub() with acq_rel")
            known.add(tag)
    problems += [f"[{tag}] has no row in {TABLE}" for tag in sorted(tags - known)]
    problems += [f"{path} is in no row of {TABLE}" for path in tree.paths(".c", under="test/litmus/")
                 if path[len("test/"):] not in named]
    return problems


def check(tree):
    problems, sites, not_counts, bare_relaxed, total_relaxed = [], {}, {}, 0, 0
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
                if operation != "sub" or len(sides) < 2:
                    not_counts[tag] = f"{path}:{first}"
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
    return problems + check_table(tree, set(sites), not_counts), notes


GOOD = "kn_store(&x, 1, release); /* [AB1] */\nint y = kn_load(&x, acquire); /* [AB1] */\n"
COUNT = {"sched/a.c": "(void)kn_sub(&x, 1, acq_rel); /* [AB1] */\n"}
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
    ({"sched/a.c": GOOD, TABLE: "| AB1 | x | `model/a.c` |\n", "test/model/a.c": ""}, None),
    ({"sched/a.c": GOOD, TABLE: "| AB1 | x | `model/a.c` |\n"}, "there is no test/model/a.c"),
    ({"sched/a.c": GOOD, TABLE: "| AB1 | x | by argument |\n"}, "nothing notices"),
    ({"sched/a.c": GOOD, TABLE: "| tag | what | checker |\n"}, "[AB1] has no row"),
    ({"sched/a.c": "", TABLE: "| AB1 | x | `count` |\n"}, "AB1 is not in the sources"),
    ({"sched/a.c": GOOD, TABLE: "| AB1 | x | `count` |\n"}, "[AB1] is a count"),
    ({**COUNT, TABLE: "| AB1 | x | `count` |\n"}, None),
    ({**COUNT, TABLE: "| AB1 | x | `count` |\n| AB1 | x | `count` |\n"}, "AB1 has two rows"),
    ({**COUNT, TABLE: "| AB1 | x | `count` |\n", "test/litmus/AB1.c": ""}, "is in no row"),
]

if __name__ == "__main__":
    sys.exit(run(check, CASES))
