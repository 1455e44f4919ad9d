/* SPDX-License-Identifier: Apache-2.0 */
/*
 * More of a runtime of one thread, for the programs of this folder: channels, many receivers, votes, timers. Nobody
 * waits here; a vote is answered at once, by each member with the question itself.
 */
#include "market.h"

#include <koken/broadcast.h>
#include <koken/channel.h>
#include <koken/quorum.h>

#include "caps/payload.h"

enum { ITEMS_MAX = 8, ITEM_ROOM = 64, MEMBERS_MAX = 4 };

struct koken_channel {
    const struct koken_type *type;
    size_t first, count, capacity;
    unsigned char items[ITEMS_MAX][ITEM_ROOM] __attribute__((aligned(32)));
};

int koken_channel_new_rt_(struct koken *rt, const struct koken_type *type, size_t capacity,
                          struct koken_channel **ret_channel)
{
    struct koken_channel *channel = calloc(1, sizeof *channel);

    (void)rt;
    if (channel == NULL || type->size > ITEM_ROOM || capacity > ITEMS_MAX) {
        abort();
    }
    channel->type = type;
    channel->capacity = capacity;
    *ret_channel = channel;
    return 0;
}

struct koken_channel *koken_channel_unref(struct koken_channel *channel)
{
    for (size_t i = 0; i < channel->count; i++) {
        channel->type->drop(channel->items[(channel->first + i) % ITEMS_MAX]);
    }
    free(channel);
    return NULL;
}

int koken_channel_send_(struct koken_channel *channel, uint64_t timeout_ns,
                        const struct koken_type *type, const void *payload)
{
    (void)timeout_ns;
    if (channel->type != type) {
        return -EINVAL;
    }
    if (channel->count == channel->capacity) {
        return -EAGAIN;
    }
    memcpy(channel->items[(channel->first + channel->count++) % ITEMS_MAX], payload, type->size);
    return 0;
}

int koken_channel_give_(struct koken_channel *channel, uint64_t timeout_ns, const void *payload,
                        int is_val)
{
    struct kn_handle handle;
    const struct koken_type *type = kn_payload_message(payload, is_val != 0, &handle);

    return koken_channel_send_(channel, timeout_ns, type, &handle);
}

int koken_channel_recv_(struct koken_channel *channel, uint64_t timeout_ns,
                        const struct koken_type *type, void *ret_item)
{
    (void)timeout_ns;
    if (channel->type != type) {
        return -EINVAL;
    }
    if (channel->count == 0) {
        return -EAGAIN;
    }
    memcpy(ret_item, channel->items[channel->first], type->size);
    channel->first = (channel->first + 1) % ITEMS_MAX;
    channel->count--;
    return 0;
}

int koken_broadcast_val_(const koken_ref *members, size_t count,
                         struct koken_broadcast_counts *ret_counts, const void *payload)
{
    for (size_t i = 0; i < count; i++) {
        (void)!koken_share_(members[i], payload);
    }
    if (ret_counts != NULL) {
        *ret_counts = (struct koken_broadcast_counts){.accepted = (uint32_t)count};
    }
    return 0;
}

struct koken_quorum {
    struct koken_ballot ballots[MEMBERS_MAX];
    struct quote_val answers[MEMBERS_MAX];
    size_t count;
};

/* Each member answers with a quote of its own. */
int koken_quorum_val_rt_(struct koken *rt, struct koken_quorum_call call, const void *payload,
                         struct koken_quorum **ret_vote)
{
    struct koken_quorum *vote = calloc(1, sizeof *vote);

    (void)rt;
    (void)payload;
    if (vote == NULL || call.count > MEMBERS_MAX) {
        abort();
    }
    vote->count = call.count;
    for (size_t i = 0; i < call.count; i++) {
        koken_iso(quote, q) = koken_new(quote);
        koken_val(quote, v) = koken_freeze(q);
        koken_put(vote->answers[i], v);
        vote->ballots[i].answer = &vote->answers[i];
        vote->ballots[i].state = KOKEN_BALLOT_ANSWERED;
    }
    *ret_vote = vote;
    return 0;
}

const struct koken_ballot *koken_quorum_ballot(const struct koken_quorum *vote, size_t index)
{
    return index < vote->count ? &vote->ballots[index] : NULL;
}

void koken_quorum_free(struct koken_quorum *vote)
{
    for (size_t i = 0; i < vote->count; i++) {
        koken_val(quote, v) = koken_take(vote->answers[i]);
        koken_drop(v);
    }
    free(vote);
}

void koken_quorum_result_drop_(void *payload)
{
    (void)payload;
}

/* Time passes at once. */
koken_timer koken_timer_(koken_ctx *ctx, koken_ref to, uint64_t delay_ns, uint64_t period_ns,
                         const struct koken_type *type, const void *payload)
{
    (void)ctx;
    (void)delay_ns;
    (void)period_ns;
    return (koken_timer){koken_signal_(to, type, payload) < 0 ? 0 : 1};
}
