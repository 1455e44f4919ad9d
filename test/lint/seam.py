#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The library reaches the world through base/ only, and never prints.

Time, randomness, threads, waiting and memory are owned by base/world.h and base/alloc.h, atomics by
base/atomic.h, so that the simulator and the explorer can take them over. Where a call must stay, a comment
on the line or on the line above says `seam: reason`.
"""
import re
import sys

from lint_lib import code_of, line_of, run

# Functions of the world, and where to turn instead. base/ may call them; nobody else.
WORLD = {
    "clock_gettime gettimeofday clock_nanosleep time clock": "kn_now()",
    "rand srand random srandom rand_r drand48 getrandom getentropy": "kn_random(), kn_entropy()",
    "pthread_create pthread_join pthread_detach thrd_create": "kn_thread_start()",
    "sleep usleep nanosleep": "a timer, or kn_futex_wait()",
    "sched_yield pthread_yield thrd_yield": "kn_thread_yield()",
    "pthread_cond_wait pthread_cond_timedwait sem_wait sem_timedwait cnd_wait cnd_timedwait": "kn_futex_wait()",
    "malloc calloc realloc reallocarray free aligned_alloc posix_memalign memalign strdup strndup asprintf":
        "kn_alloc(), kn_free()",
    "mallocx rallocx xallocx dallocx sdallocx mallctl": "kn_alloc(), kn_free()",
    "futex syscall": "kn_futex_wait(), kn_futex_wake()",
}
# Nowhere in the library (abort is kn_panic's alone).
NEVER = {
    "printf fprintf vprintf vfprintf puts fputs putchar fputc perror syslog psignal": "the library never prints",
    "setjmp longjmp sigsetjmp siglongjmp": "no setjmp",
    "exit _exit quick_exit": "the library never ends the process",
    "strcpy strcat sprintf vsprintf gets strtok": "unbounded or stateful",
}
PATTERNS = [
    (re.compile(r'(?<![\w.>])abort[ \t]*\('), "kn_panic()", "base/assert.c"),
    (re.compile(r'#[ \t]*include[ \t]*<stdatomic\.h>'), "atomics only through base/atomic.h", "base/atomic"),
    (re.compile(r'\batomic_(?:load|store|exchange|fetch|compare|thread|signal|init)\w*[ \t]*\('),
     "atomics only through base/atomic.h", "base/atomic"),
    (re.compile(r'\b__(?:atomic|sync)_\w+[ \t]*\('), "atomics only through base/atomic.h", "base/atomic"),
    (re.compile(r'\bvolatile\b(?![ \t]*\()'), "no volatile: an atomic, or nothing", "base/"),
    (re.compile(r'\b(?:__asm__|asm)\b'), "assembly lives in base/", "base/"),
]

WORD = re.compile(r"\w+")


def excused(lines, line):
    return any("seam:" in lines[i] for i in (line - 1, line - 2) if 0 <= i < len(lines))


def check(tree):
    rules = []
    for table, place in ((WORLD, "base/"), (NEVER, None)):
        for names, instead in table.items():
            pattern = re.compile(r"(?<!__attribute__\(\()(?<![\w.>])(?:" + "|".join(names.split()) + r")[ \t]*\(")
            rules.append((pattern, instead, place, set(names.split())))
    rules += [(*rule, None) for rule in PATTERNS]
    problems = []
    for path in tree.library(".c", ".h"):
        text = tree.read(path)
        code, lines = code_of(text, keep_strings=False), text.split("\n")
        words = set(WORD.findall(code))
        for pattern, instead, place, names in rules:
            if (place and path.startswith(place)) or (names and names.isdisjoint(words)):
                continue
            for match in pattern.finditer(code):
                line = line_of(code, match.start())
                if not excused(lines, line):
                    problems.append(f"{path}:{line}: {match.group(0).strip('( ')}: {instead}")
    return problems, []


CASES = [
    ({"sched/a.c": "int f(void) { return kn_now(); }\n"}, None),
    ({"sched/a.c": "x = clock_gettime(0, &t);\n"}, "clock_gettime: kn_now()"),
    ({"sched/a.c": "/* usleep(1) */ s = \"malloc(2)\"; o->free(p); my_free(p);\n"}, None),
    ({"actors/a.c": "p = malloc(3);\n"}, "malloc: kn_alloc()"),
    ({"actors/a.c": "p = malloc(3); /* seam: given to the user, who calls free() */\n"}, None),
    ({"base/a.c": "p = malloc(3);\n"}, None),
    ({"caps/a.h": "#define A(f) __attribute__((malloc(f, 1)))\n"}, None),
    ({"base/a.c": "printf(\"x\");\n"}, "never prints"),
    ({"mailbox/a.h": "#include <stdatomic.h>\n"}, "base/atomic.h"),
    ({"mailbox/a.h": "static volatile int x;\n"}, "no volatile"),
    ({"bench/a.c": "printf(\"x\"); usleep(1);\n"}, None),
]

if __name__ == "__main__":
    sys.exit(run(check, CASES))
