/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A channel above mailbox/channel.h: its lock, its references, who may be in it, and how those who wait are
 * woken.
 *
 * A channel belongs to a runtime as mailboxes do: the worker that is alone awake (actors/alone.h) uses it by
 * plain loads and stores, everybody else visits the runtime and takes the lock. At the end of the runtime it is
 * closed and unbound; from then on there is only the lock.
 */
#ifndef KN_ORCHESTRATION_CHANNEL_H
#define KN_ORCHESTRATION_CHANNEL_H

#include "actors/agent.h"
#include "actors/alone.h"
#include "actors/pending.h"
#include "mailbox/channel.h"
#include "sched/lock.h"

#include <koken/channel.h>

struct KN_ALIGNED(KN_FALSE_SHARING) koken_channel {
    struct kn_channel core; /* (l) */
    struct kn_lock
        lock;      /* leaf; several in the order of their making; never while anybody is woken */
    uint32_t last; /* (l) index of the worker that was here last, for the folding */
    kn_atomic(struct koken *) rt; /* (a) NULL once unbound */
    kn_atomic(uint32_t) refs;     /* (a) */
    uint64_t chance;              /* (l) where selects begin */
    uint64_t number; /* (c) of all channels of the process: several are held in this order */
    struct kn_ending ending;
};

/* The channels that one call holds, each once, in the order of their making. */
struct kn_held {
    struct koken_channel *channels[KOKEN_SELECT_MAX];
    struct koken *visited[KOKEN_SELECT_MAX]; /* their runtimes, where it had to be visited */
    uint32_t count;
    bool is_alone;
    struct kn_local
        *local; /* of the worker that holds; NULL: a thread outside, which is online in RCU */
};

void kn_channels_add(struct kn_held *held, struct koken_channel *channel);

/*
 * Holds all of them, and lets go again; then wakes who is to be woken, which may need further holds. Not across a suspension.
 */
void kn_channels_hold(struct kn_held *held);
void kn_channels_release(struct kn_held *held, struct kn_wakes *wakes);

/* Lets an envelope that stands for a wait go to its agent. (channel_later.c) */
void kn_channel_post(const struct kn_wake *wake, struct kn_local *local);

#endif
