/* SPDX-License-Identifier: Apache-2.0 */
/* See channel.h. */
#include "mailbox/channel.h"

static struct kn_slot *slot_of(struct kn_list *link)
{
    return kn_container_of(link, struct kn_slot, link);
}

void kn_channel_init(struct kn_channel *channel, const struct koken_type *type, uint32_t capacity,
                     uint32_t stride, void *items)
{
    KN_ASSERT(!capacity == !items);
    KN_ASSERT(stride >= type->size);
    *channel =
        (struct kn_channel){.type = type, .capacity = capacity, .stride = stride, .items = items};
    kn_list_init(&channel->receivers);
    kn_list_init(&channel->senders);
}

/* Makes a wait this slot's, unless it is another one's already. */
static bool claim(struct kn_slot *slot)
{
    kn_atomic(uint32_t) *word = &slot->wait->word;
    /* Relaxed, all: decides between claims only; see channel.h. */
    uint32_t seen = kn_load(word, relaxed);
    while (seen <
           KN_WAIT_DONE) { /* ends: a word changes twice at most while we hold a lock of its */
        if (kn_cas_strong(word, &seen, KN_WAIT_DONE + slot->index, relaxed, relaxed)) {
            return true;
        }
    }
    return false;
}

static bool is_room(const struct kn_wakes *wakes)
{
    return wakes->count < KN_WAKES;
}

static void add_wake(struct kn_wakes *wakes, const struct kn_slot *slot, bool is_refused)
{
    KN_ASSERT(is_room(wakes));
    const struct kn_channel_wait *wait = slot->wait;
    wakes->of[wakes->count++] = (struct kn_wake){
        .who = wait->who,
        .word = &slot->wait->word,
        .cookie = slot->kind == KN_SLOT_LOOK ? NULL : wait->cookie,
        .context = wait->context,
        .is_refused = is_refused,
    };
}

/*
 * Tells the owner of a slot to look. False: it has got something elsewhere and is about to leave this line.
 */
static bool tell(struct kn_slot *slot, struct kn_wakes *wakes)
{
    uint32_t seen = KN_WAIT_WAITING;
    KN_ASSERT(slot->kind == KN_SLOT_LOOK);
    /* Relaxed: as in claim(). */
    if (kn_cas_strong(&slot->wait->word, &seen, KN_WAIT_LOOK, relaxed, relaxed)) {
        add_wake(wakes, slot, false);
    }
    slot->is_told = seen < KN_WAIT_DONE;
    return slot->is_told;
}

static void drop_out(struct kn_slot *slot)
{
    kn_list_remove(&slot->link);
    slot->is_told = false;
}

/* The first in line that has not got what it wanted elsewhere and is not the caller itself, or NULL. */
static struct kn_slot *first_of(struct kn_list *line, const struct kn_channel_wait *mine)
{
    kn_list_each (link, line) {
        struct kn_slot *slot = slot_of(link);
        /* Relaxed: no claim of this wait is undone. */
        if (slot->wait != mine && kn_load(&slot->wait->word, relaxed) < KN_WAIT_DONE) {
            return slot;
        }
    }
    return NULL;
}

/* Whether what there is must be left to somebody in that line, who has been passed over too often. */
static bool is_kept(const struct kn_list *line, const struct kn_channel_wait *mine)
{
    kn_list_each (link, line) {
        const struct kn_slot *slot = kn_container_of(link, struct kn_slot, link);
        if (slot->wait == mine) {
            return false; /* nobody before us */
        }
        /* Relaxed: as in first_of(). */
        if (kn_load(&slot->wait->word, relaxed) < KN_WAIT_DONE) {
            return slot->passes >= KN_PASSES_MAX;
        }
    }
    return false;
}

static void take_head(struct kn_channel *channel, void *ret_item)
{
    KN_ASSERT(channel->count > 0);
    kn_channel_copy(channel, ret_item, kn_channel_place(channel, 0));
    channel->head = channel->head + 1 == channel->capacity ? 0 : channel->head + 1;
    channel->count--;
}

/* Everybody in a line, because nothing will come any more. */
static void tell_all(struct kn_list *line, struct kn_wakes *wakes)
{
    kn_list_each_safe (link, line) {
        struct kn_slot *slot = slot_of(link);
        if (!is_room(wakes)) {
            wakes->is_more = true;
            return;
        }
        if (slot->kind == KN_SLOT_LOOK) {
            if (!slot->is_told) {
                (void)tell(slot, wakes);
            }
        } else if (claim(slot)) {
            drop_out(slot);
            add_wake(wakes, slot, slot->kind == KN_SLOT_GIFT);
        }
    }
}

/* Items to those who wait for them: gifts are given, the first of the others is told. */
static void settle_receivers(struct kn_channel *channel, struct kn_wakes *wakes)
{
    struct kn_slot *slot;
    while (channel->count > 0 && (slot = first_of(&channel->receivers, NULL)) != NULL) {
        if (slot->kind == KN_SLOT_LOOK) { /* ends: there, or items or receivers are used up */
            if (slot->is_told) {
                return;
            }
            if (!is_room(wakes)) {
                wakes->is_more = true;
                return;
            }
            if (tell(slot, wakes)) {
                return;
            }
        } else if (!is_room(wakes)) {
            wakes->is_more = true;
            return;
        } else if (claim(slot)) {
            take_head(channel, slot->item);
            drop_out(slot);
            add_wake(wakes, slot, false);
        }
    }
}

/* Whether a sender would find room, or a receiver to hand over to. */
static bool has_room(struct kn_channel *channel)
{
    return channel->capacity ? channel->count < channel->capacity
                             : first_of(&channel->receivers, NULL) != NULL;
}

/* Room to those who wait for it: hints cost nothing and are given to all in front. */
static void settle_senders(struct kn_channel *channel, struct kn_wakes *wakes)
{
    struct kn_slot *slot;
    while (has_room(channel) && (slot = first_of(&channel->senders, NULL)) != NULL) {
        if (slot->kind == KN_SLOT_LOOK) { /* ends: there, or nobody is left in line */
            if (slot->is_told) {
                return;
            }
            if (!is_room(wakes)) {
                wakes->is_more = true;
                return;
            }
            if (tell(slot, wakes)) {
                return;
            }
        } else if (!is_room(wakes)) {
            wakes->is_more = true;
            return;
        } else if (claim(slot)) {
            drop_out(slot);
            add_wake(wakes, slot, false);
        }
    }
}

/* Remembers, for the usual way, whether there is anybody to tell or to leave something to. */
static void note_pace(struct kn_channel *channel)
{
    const struct kn_slot *receiver = first_of(&channel->receivers, NULL);
    const struct kn_slot *sender = first_of(&channel->senders, NULL);
    channel->is_push_slow = channel->is_closed || (receiver && !receiver->is_told) ||
                            (sender && sender->passes >= KN_PASSES_MAX);
    channel->is_pop_slow = channel->is_closed || (sender && !sender->is_told) ||
                           (receiver && receiver->passes >= KN_PASSES_MAX);
}

void kn_channel_settle(struct kn_channel *channel, struct kn_wakes *wakes)
{
    if (!kn_list_is_empty(&channel->receivers)) {
        settle_receivers(channel, wakes);
        if (channel->is_closed && channel->count == 0) {
            tell_all(&channel->receivers, wakes);
        }
    }
    if (!kn_list_is_empty(&channel->senders)) {
        if (channel->is_closed) {
            tell_all(&channel->senders, wakes);
        } else {
            settle_senders(channel, wakes);
        }
    }
    note_pace(channel);
    KN_ASSERT(wakes->is_more || kn_channel_check(channel));
}

/* From hand to hand: an item to the first in line. */
static bool hand_over(struct kn_channel *channel, const void *item,
                      const struct kn_channel_wait *mine, struct kn_wakes *wakes)
{
    struct kn_slot *slot;
    while ((slot = first_of(&channel->receivers, mine)) != NULL) { /* ends: a claim fails at last */
        if (claim(slot)) {
            kn_channel_copy(channel, slot->item, item);
            drop_out(slot);
            add_wake(wakes, slot, false);
            return true;
        }
    }
    return false;
}

static bool take_over(struct kn_channel *channel, void *ret_item,
                      const struct kn_channel_wait *mine, struct kn_wakes *wakes)
{
    struct kn_slot *slot;
    kn_list_each_safe (link, &channel->senders) {
        slot = slot_of(link);
        if (slot->wait != mine && slot->kind == KN_SLOT_LOOK && claim(slot)) {
            kn_channel_copy(channel, ret_item, slot->item);
            drop_out(slot);
            add_wake(wakes, slot, false);
            return true;
        }
    }
    return false;
}

enum kn_channel_got kn_channel_push(struct kn_channel *channel, const void *item,
                                    const struct kn_channel_wait *mine, struct kn_wakes *wakes)
{
    if (channel->is_closed) {
        return KN_CHANNEL_CLOSED;
    }
    if (channel->capacity == 0) {
        return hand_over(channel, item, mine, wakes) ? KN_CHANNEL_OK : KN_CHANNEL_WAIT;
    }
    if (channel->count == channel->capacity || is_kept(&channel->senders, mine)) {
        return KN_CHANNEL_WAIT;
    }
    kn_channel_copy(channel, kn_channel_place(channel, channel->count), item);
    channel->count++;
    kn_channel_settle(channel, wakes);
    return KN_CHANNEL_OK;
}

enum kn_channel_got kn_channel_pop(struct kn_channel *channel, void *ret_item,
                                   const struct kn_channel_wait *mine, struct kn_wakes *wakes)
{
    if (channel->capacity == 0) {
        if (!channel->is_closed && take_over(channel, ret_item, mine, wakes)) {
            return KN_CHANNEL_OK;
        }
        return channel->is_closed ? KN_CHANNEL_CLOSED : KN_CHANNEL_WAIT;
    }
    if (channel->count == 0) {
        return channel->is_closed ? KN_CHANNEL_CLOSED : KN_CHANNEL_WAIT;
    }
    if (is_kept(&channel->receivers, mine)) {
        return KN_CHANNEL_WAIT;
    }
    take_head(channel, ret_item);
    kn_channel_settle(channel, wakes);
    return KN_CHANNEL_OK;
}

void kn_channel_enter(struct kn_channel *channel, struct kn_slot *slot, struct kn_wakes *wakes)
{
    KN_ASSERT(kn_list_is_empty(&slot->link));
    KN_ASSERT(!slot->is_told);
    kn_list_push_back(slot->is_sender ? &channel->senders : &channel->receivers, &slot->link);
    kn_channel_settle(channel, wakes);
}

void kn_channel_leave(struct kn_channel *channel, struct kn_slot *slot, struct kn_wakes *wakes)
{
    kn_list_remove(&slot->link);
    slot->is_told = false;
    kn_channel_settle(channel, wakes);
}

void kn_channel_looked(struct kn_channel *channel, struct kn_slot *slot)
{
    slot->passes = (uint8_t)(slot->passes + (slot->is_told && slot->passes < KN_PASSES_MAX));
    slot->is_told = false;
    note_pace(channel);
}

void kn_channel_close(struct kn_channel *channel, struct kn_wakes *wakes)
{
    channel->is_closed = true;
    kn_channel_settle(channel, wakes);
}

/*
 * The first who waits in a line for what there is must know of it; or somebody before him did, and has got something
 * elsewhere since: it is about to leave, and passes on what it knows.
 */
static bool is_told(const struct kn_list *line)
{
    kn_list_each (link, line) {
        const struct kn_slot *slot = kn_container_of(link, struct kn_slot, link);
        if (slot->is_told) {
            return true;
        }
        /* Relaxed: as in first_of(). */
        if (kn_load(&slot->wait->word, relaxed) < KN_WAIT_DONE) {
            return false;
        }
    }
    return true;
}

bool kn_channel_check(const struct kn_channel *const_channel)
{
    struct kn_channel *channel = (struct kn_channel *)(uintptr_t)const_channel; /* only looked at */
    KOKEN_CHECK(channel->count <= channel->capacity);
    KOKEN_CHECK(channel->head < channel->capacity || !channel->capacity);
    KOKEN_CHECK(!channel->count || is_told(&channel->receivers));                        /* I1 */
    KOKEN_CHECK(!channel->capacity || !has_room(channel) || is_told(&channel->senders)); /* I2 */
    return true;
}
