/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Task effect graphs from and to text: commands as effects, a JSON form, pictures with timings, traces.
 *
 *     {
 *       "teg": 1,
 *       "nodes": [
 *         { "id": "left",  "effect": "number", "number": 40 },
 *         { "id": "right", "effect": "number", "number": 2 },
 *         { "id": "sum",   "effect": "sum", "after": ["left", "right"] },
 *         { "id": "say",   "effect": "command", "argv": ["echo", "big"], "timeout_ms": 1000 }
 *       ],
 *       "links": [ { "from": "sum", "to": "say", "when": { "greater": 41 } } ]
 *     }
 *
 * All members: of the whole "teg" (the version, 1), "nodes", "links", "resources", "config", "options"; of a node
 * "id", "effect" or "race" or "parallel" (lists of ids), "number" or "text" or "argv", "after" (ids), "needs" and
 * "makes" (names of resources), "tag", "domain", "kind" ("perform", "pure", "bind", "handle"), "cost", "timeout_ms",
 * "retries", "retry_delay_ms", "cached", "place" ("worker", "pool"); of a link "from", "to", "when" (absent: the
 * result is an input and nothing else; else "always", "true", "false", "failed", or { "equal": n }, "not_equal",
 * "less", "greater"); of a resource "name", "use" ("shared", "linear", "exclusive"), "initial"; of config the members
 * of struct koken_teg_config that are numbers or booleans; of options "failure" ("fail_fast", "isolate") and "undo".
 *
 * Effects: "number" and "text" answer their argument; "sum", "product", "min", "max" work on the numbers of the
 * inputs, "concat" on their bytes, "words" counts the words in them; "spin" uses the processor for number
 * microseconds, "sleep" waits for number milliseconds, "fail" fails number times and answers then; "command" runs
 * argv. A program may bring its own.
 */
#ifndef KOKEN_TEG_IO_H
#define KOKEN_TEG_IO_H

#include <koken/teg_run.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/*
 * koken_teg_add_command adds a node that runs a program: argv as for execvp, ended by NULL; standard input is empty;
 * what it writes to its output and its errors is the bytes of the result (up to 1 MiB, the rest is dropped), its
 * exit status the number. effect says everything else (id, timeout, tag, ...; run, arg and place are set here) and
 * may be NULL. A program that ends with another status than 0 fails the node with -EPROTO, one that was ended by
 * signal n too, with number 128 + n; one that cannot be started fails it with -EINVAL. What the node has written is
 * kept in any case (koken_teg_value has bytes, though is_missing). The node ends when the program has ended and nobody
 * has its output open any more, so what it leaves in the background counts. When it times out or is cancelled the
 * program and all of its process group are killed; a signal to this process (Ctrl-C too, as the group is another one)
 * does not reach it: who wants it to cancels the run, as koken teg and examples/teg_build.c do.
 */
koken_teg_node koken_teg_add_command(struct koken_teg *teg, const struct koken_teg_effect *effect,
                                     const char *const *argv);

/* One effect that a program brings for the JSON form: the node is a copy of effect, with the argument of the file. */
struct koken_teg_named {
    const char *name;
    struct koken_teg_effect effect;
};

/* What a text says. */
struct koken_teg_document {
    struct koken_teg *teg; /* checked; yours */
    struct koken_teg_config config;
    struct koken_teg_options options;
};

/*
 * koken_teg_read makes a graph of its JSON form. effects, which may be NULL, ends with a name of NULL; a name of
 * theirs goes before one of koken's. Errors: -EPROTO the text is not JSON, or says something unknown; -ENOMEM; those
 * of koken_teg_check. ret_problem, which may be NULL, says where and what. Depth and size of hostile texts are
 * bounded (-E2BIG above 64 MiB); nothing runs.
 */
KOKEN_MUST_USE int koken_teg_read(const char *text, size_t len,
                                  const struct koken_teg_named *effects,
                                  struct koken_teg_document *ret_document,
                                  struct koken_teg_problem *ret_problem);

/* Where text goes: 0, or a negative errno that ends the writing. */
typedef int koken_teg_sink(void *arg, const char *text, size_t len);

/*
 * koken_teg_write_mermaid and koken_teg_write_dot draw a checked graph for Mermaid and Graphviz. run may be NULL; of a
 * run that is over each node has its state, its time, and is marked if it lies on the longest way.
 * koken_teg_write_trace writes a run that is over in the format of Chrome's trace events, which Perfetto opens: a
 * track per lane, arrows along the links. Errors: -EINVAL not checked, or not of this graph; -EBUSY not over; -ENOMEM;
 * those of the sink.
 */
KOKEN_MUST_USE int koken_teg_write_mermaid(const struct koken_teg *teg,
                                           const struct koken_teg_run *run, koken_teg_sink *sink,
                                           void *arg);
KOKEN_MUST_USE int koken_teg_write_dot(const struct koken_teg *teg, const struct koken_teg_run *run,
                                       koken_teg_sink *sink, void *arg);
KOKEN_MUST_USE int koken_teg_write_trace(const struct koken_teg_run *run, koken_teg_sink *sink,
                                         void *arg);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
