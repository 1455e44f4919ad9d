/* SPDX-License-Identifier: Apache-2.0 */
/* Why does this agent not go on? */
#ifndef KOKEN_WHY_H
#define KOKEN_WHY_H

#include <koken/agent.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/*
 * koken_why writes into text what an agent does at the moment, how many messages wait for it, for whom it
 * waits and since when, and so on along the chain of those waited for; one line each, eight at most:
 *
 *     agent bank 100000002: waits 12 ms for the answer of 100000003, 4 messages wait for it
 *     agent ledger 100000003: runs for 11 ms, last in its handler of post, 1 message waits for it
 *
 * `koken why SOCKET [REF]` asks the same of a running program that was started with KOKEN_WHY=SOCKET in its
 * environment: koken_start then makes that socket (mode 0600), and a thread of its own answers until koken_stop.
 * It tells of waits for room (PARK) and of awaits of fibers by fibers. Answers the length of the text,
 * which is cut to size - 1 characters. Errors: -ESRCH; -EINVAL. Thread: any.
 */
KOKEN_MUST_USE int koken_why(koken_ref who, char *text, size_t size);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
