/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a channel is: a ring of items, and two lines of those who wait, one for items, one for room. All of it,
 * marked (l), belongs to whoever holds the channel's lock, which is above this floor; so nothing here is
 * atomic but the word of a wait, because one wait may stand in the lines of several channels (select).
 *
 *     word:   WAITING --something may be had--> LOOK --its owner looks, in vain--> WAITING
 *                |                               |
 *                +--------- an item passed by hand (claim) ---------> DONE + index of the slot
 *
 * Every change of a word is made under the lock of a channel where its wait stands, the one back to WAITING
 * under all of them. Therefore claims compete with each other only, and the compare-and-swap that decides
 * between them needs no order: what a claim hands over, the owner reads after it has taken that lock itself.
 *
 * Channels with room for items do not hand over. They tell the first in line to look and leave the item where
 * it is; others may take it meanwhile, at most PASSES times, then it is kept for the first in line. One at a
 * time is told, and whoever has been told tells the next when it leaves, for whatever reason. So of N items
 * that come in one burst one receiver wakes, not N. Without room (capacity 0) items pass from hand to hand.
 *
 * I1 If there are items and somebody waits for one, the first in line has been told (is_told), or is a gift,
 *    and then the call has not ended. I2 The same of room. I3 A slot that is not in a line is not touched.
 */
#ifndef KN_MAILBOX_CHANNEL_H
#define KN_MAILBOX_CHANNEL_H

#include "base/align.h"
#include "base/assert.h"
#include "base/atomic.h"
#include "base/list.h"

#include <koken/message.h>

#include <stdint.h>
#include <string.h>

struct kn_channel {
    const struct koken_type *type; /* (c) of its items */
    uint32_t capacity;             /* (c) items; 0: they pass from hand to hand */
    uint32_t stride;               /* (c) bytes from item to item */
    unsigned char *items;          /* (c) NULL without capacity */
    uint32_t head;                 /* (l) place of the oldest item */
    uint32_t count;                /* (l) items in the ring */
    struct kn_list receivers;      /* (l) slots, who came first in front */
    struct kn_list senders;        /* (l) likewise */
    bool is_closed;                /* (l) */
    bool is_push_slow;             /* (l) a push has more to do than to put its item in */
    bool is_pop_slow;              /* (l) likewise */
};

/* What a slot's owner wants. */
enum kn_slot_kind {
    KN_SLOT_LOOK, /* to be told to look for itself: fibers and threads */
    KN_SLOT_GIFT, /* the item itself, put into `item`; receivers only */
    KN_SLOT_HINT, /* to be told once that there is room; senders only */
};

enum { KN_WAIT_WAITING, KN_WAIT_LOOK, KN_WAIT_DONE };

/* A wait: all slots of one call. */
struct kn_channel_wait {
    kn_atomic(uint32_t) word; /* (a) KN_WAIT_..., DONE with the slot's index added */
    uint64_t who;             /* (c) the agent to wake; 0: the thread that sleeps on `word` */
    void *cookie;             /* (c) of a gift or hint, for whoever does the waking */
    void *context;            /* (c) likewise */
};

struct kn_slot {
    struct kn_list link;          /* (l) in a line, or alone */
    struct kn_channel_wait *wait; /* (c) */
    void *item;                   /* (c) the item to send, or where to put the one received */
    uint32_t index;               /* (c) among the slots of its wait */
    uint8_t kind;                 /* (c) enum kn_slot_kind */
    uint8_t is_sender;            /* (c) */
    uint8_t is_told;              /* (l) its owner has been told to look and has not yet */
    uint8_t passes;               /* (l) times that others were faster */
};

enum { KN_WAKES = 8, KN_PASSES_MAX = 2 };

/* Whom to wake, to be done without the lock. */
struct kn_wakes {
    uint32_t count;
    bool is_more; /* there was no room for all: call kn_channel_settle again */
    struct kn_wake {
        uint64_t who; /* 0: a thread, by its word */
        kn_atomic(uint32_t) *word;
        void *cookie; /* of a gift or hint, else NULL */
        void *context;
        bool is_refused; /* of a gift: there is no item, and will be none */
    } of[KN_WAKES];
};

enum kn_channel_got { KN_CHANNEL_OK, KN_CHANNEL_WAIT, KN_CHANNEL_CLOSED };

/* items: capacity * stride bytes, aligned for the type. */
void kn_channel_init(struct kn_channel *channel, const struct koken_type *type, uint32_t capacity,
                     uint32_t stride, void *keep_items);

/*
 * Puts an item in, takes one out, or says that the call would have to wait. mine: the caller's own wait, if it
 * stands in a line, else NULL. Thread: holder of the lock.
 */
enum kn_channel_got kn_channel_push(struct kn_channel *channel, const void *item,
                                    const struct kn_channel_wait *mine, struct kn_wakes *wakes);
enum kn_channel_got kn_channel_pop(struct kn_channel *channel, void *ret_item,
                                   const struct kn_channel_wait *mine, struct kn_wakes *wakes);

/* Lines a slot up at the end, or takes it out of the line and passes on what it has been told. */
void kn_channel_enter(struct kn_channel *channel, struct kn_slot *keep_slot,
                      struct kn_wakes *wakes);
void kn_channel_leave(struct kn_channel *channel, struct kn_slot *slot, struct kn_wakes *wakes);

/* The owner of a slot has looked in vain. */
void kn_channel_looked(struct kn_channel *channel, struct kn_slot *slot);

/* Nothing more comes in. What is in stays, to be taken out. */
void kn_channel_close(struct kn_channel *channel, struct kn_wakes *wakes);

/* Tells whoever is to be told, as far as there is room in wakes. */
void kn_channel_settle(struct kn_channel *channel, struct kn_wakes *wakes);

/* Checks what must hold between two holds of the lock. True, so that it can stand in an assert. */
bool kn_channel_check(const struct kn_channel *channel);

static inline unsigned char *kn_channel_place(const struct kn_channel *channel, uint32_t nth)
{
    uint32_t at = channel->head + nth;
    at -= at >= channel->capacity ? channel->capacity : 0;
    KN_ASSERT(at < channel->capacity);
    return channel->items + (size_t)at * channel->stride;
}

/* An item's bytes; those of the usual sizes without a call. stride: the size rounded up to words. */
static inline void kn_channel_copy(const struct kn_channel *channel, void *to, const void *from)
{
    if (kn_likely(channel->type->size == 8)) {
        memcpy(to, from, 8);
    } else if (channel->type->size == 16) {
        memcpy(to, from, 16);
    } else {
        memcpy(to, from, channel->type->size);
    }
}

/*
 * The usual way: whoever waits has been told already, and is first served by nobody's turn but its own. False:
 * nothing has been done. Thread: as above.
 */
static KN_ALWAYS_INLINE bool kn_channel_try_push(struct kn_channel *channel, const void *item)
{
    if (kn_unlikely(channel->count >= channel->capacity || channel->is_push_slow)) {
        return false;
    }
    kn_channel_copy(channel, kn_channel_place(channel, channel->count), item);
    channel->count++;
    return true;
}

static KN_ALWAYS_INLINE bool kn_channel_try_pop(struct kn_channel *channel, void *ret_item)
{
    if (kn_unlikely(channel->count == 0 || channel->is_pop_slow)) {
        return false;
    }
    kn_channel_copy(channel, ret_item, channel->items + (size_t)channel->head * channel->stride);
    channel->head = channel->head + 1 == channel->capacity ? 0 : channel->head + 1;
    channel->count--;
    return true;
}

#endif
