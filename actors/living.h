/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which runtimes live in this process. A pointer to a runtime that has been stopped is not followed but looked
 * up here, so that of several threads that stop the same one, one does and the others are told.
 *
 * And the child of a fork: of a process with runtimes it has got the memory, not the threads. The runtimes are
 * dead there, what their threads held is locked for good, and a grace period would wait for them for ever.
 */
#ifndef KN_ACTORS_LIVING_H
#define KN_ACTORS_LIVING_H

#include <koken/error.h>

struct koken;

/* Errors: -ENOTSUP this is the child of a process that had runtimes. Thread: any. */
KOKEN_MUST_USE int kn_living_check(void);

/* The first of the list, linked by next_living. For who looks while nobody else runs (the simulator). */
struct koken *kn_living_first(void);

/* Enters a runtime that has been started. -ENOTSUP as above. Thread: any. */
KOKEN_MUST_USE int kn_living_enter(struct koken *keep_rt);

/*
 * The right to stop rt. Errors: -EINVAL no such runtime (any more), -EBUSY another thread has it, -ENOTSUP as
 * above. Thread: any.
 */
KOKEN_MUST_USE int kn_living_claim(struct koken *rt);

/* The claim ends: rt is gone and must be freed only now, or lives on. Thread: the one that claimed. */
void kn_living_leave(struct koken *rt);
void kn_living_unclaim(struct koken *rt);

#endif
