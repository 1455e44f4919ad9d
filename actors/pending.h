/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What floors above have under way in an agent's name, or a runtime's, and must hear of its end: a wait in a
 * channel's line. An agent's pending thing hangs on an alarm (handler agents) or on its fiber.
 */
#ifndef KN_ACTORS_PENDING_H
#define KN_ACTORS_PENDING_H

#include "base/list.h"

#include <stdbool.h>

struct koken;
struct kn_local;

struct kn_pending {
    /*
     * It is no longer wanted: out of time, or its agent ends. False: too late, its message to the agent is on its way;
     * then an alarm out of time stays silent. Called again at the agent's end all the same.
     */
    bool (*give_up)(struct kn_pending *pending);

    /* Its alarm is over: the memory back. NULL of a fiber's, which has it on its stack. */
    void (*free)(struct kn_pending *pending, struct kn_local *local);
};

/*
 * Called once at the end of a runtime, when no thread of it is left and its agents have not been ended yet. What it unbinds
 * may be used by threads outside until a grace period has passed. Not called for what has been taken off before.
 */
struct kn_ending {
    struct kn_list link; /* (m) rt->endings_lock */
    void (*end)(struct kn_ending *ending, struct koken *rt);
};

/*
 * Enters (false: the runtime ends), and takes off again, after which it is not called and is not being called.
 * Thread: any, online in RCU.
 */
bool kn_ending_enter(struct koken *rt, struct kn_ending *keep_ending);
void kn_ending_leave(struct koken *rt, struct kn_ending *ending);

/* Calls them all. (stop.c) */
void kn_endings_call(struct koken *rt);

#endif
