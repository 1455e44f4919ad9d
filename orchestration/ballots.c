/* SPDX-License-Identifier: Apache-2.0 */
/* See ballots.h. */
#include "orchestration/ballots.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "caps/payload.h"
#include "orchestration/hash.h"

#include <koken/schema.h>

#include <errno.h>
#include <string.h>

static uint64_t need_of(const struct koken_quorum *vote)
{
    uint64_t total = vote->total;
    switch (vote->options.rule) {
    case KOKEN_QUORUM_MAJORITY: return total / 2 + 1;
    case KOKEN_QUORUM_SUPERMAJORITY: return total ? (2 * total + 2) / 3 : 1;
    case KOKEN_QUORUM_ALL: return total ? total : 1;
    case KOKEN_QUORUM_THRESHOLD: return vote->options.threshold;
    case KOKEN_QUORUM_BYZANTINE: return total ? (total + (total - 1) / 3) / 2 + 1 : 1;
    }
    return UINT64_MAX; /* no such rule: cannot be reached */
}

/* The place of a number in the table: where it is, or where it would be. equal tells. */
static uint32_t *slot_of(const struct koken_quorum *vote, uint64_t number,
                         bool (*equal)(const struct kn_ballot *ballot, uint64_t number))
{
    uint32_t at = (uint32_t)kn_hash_mix(number) & vote->slot_mask;
    /* Ends: the table is at most half full. */
    while (vote->slots[at] && !equal(&vote->ballots[vote->slots[at] - 1], number)) {
        at = (at + 1) & vote->slot_mask;
    }
    return &vote->slots[at];
}

static bool is_who(const struct kn_ballot *ballot, uint64_t number)
{
    return ballot->seen.who.id == number;
}

static bool is_request(const struct kn_ballot *ballot, uint64_t number)
{
    return ballot->request == number;
}

/* Who is there twice has one vote. Uses the table for handles, and leaves it empty for numbers. */
static void enter_members(struct koken_quorum *vote, const struct koken_quorum_call *call)
{
    const uint32_t *weights = vote->options.weights;
    for (uint32_t i = 0; i < vote->count; i++) {
        struct kn_ballot *ballot = &vote->ballots[i];
        *ballot = (struct kn_ballot){.seen = {.who = call->members[i], .weight = 1}, .group = i};
        if (weights) {
            ballot->seen.weight = weights[i];
        }
        uint32_t *slot = slot_of(vote, ballot->seen.who.id, is_who);
        bool is_somebody = !koken_is_nobody(ballot->seen.who); /* nobody is a member that fails */
        if (*slot && is_somebody) {
            ballot->seen.state = KOKEN_BALLOT_DUPLICATE;
            ballot->seen.weight = 0;
            vote->duplicate++;
        } else {
            *slot = is_somebody ? i + 1 : *slot;
            vote->pending++;
            vote->total += ballot->seen.weight;
        }
    }
    vote->pending_weight = vote->total;
    memset(vote->slots, 0, (vote->slot_mask + 1) * sizeof *vote->slots);
}

int kn_ballots_new(const struct koken_quorum_call *call, struct koken_quorum **ret_vote)
{
    const struct koken_quorum_options *o = call->options;
    if ((!call->members && call->count) || !call->type || !call->payload ||
        (o && o->struct_size != 0 && o->struct_size != sizeof *o)) {
        return -EINVAL;
    }
    if (call->count > KN_BALLOTS_MAX) {
        return -E2BIG;
    }
    if (!kn_payload_is_shareable(call->type)) {
        return -ENOTSUP;
    }
    uint32_t slots = 2;
    while (slots < 2 * call->count) { /* ends: it doubles */
        slots *= 2;
    }
    size_t size = kn_align_up(sizeof(struct koken_quorum) + call->count * sizeof(struct kn_ballot) +
                                  slots * sizeof(uint32_t),
                              _Alignof(struct koken_quorum));
    struct koken_quorum *vote = kn_alloc(size, _Alignof(struct koken_quorum), -1);
    if (!vote) {
        return -ENOMEM;
    }
    memset(vote, 0, sizeof *vote);
    vote->options = o ? *o : (struct koken_quorum_options){0};
    vote->options.by_value |= vote->options.rule == KOKEN_QUORUM_BYZANTINE;
    vote->timeout_ns = call->timeout_ns;
    vote->type = call->type;
    memcpy(vote->question, call->payload, call->type->size);
    kn_payload_share(call->type, vote->question);
    vote->count = (uint32_t)call->count;
    vote->size = size;
    vote->slots = (uint32_t *)(void *)&vote->ballots[call->count];
    vote->slot_mask = slots - 1;
    memset(vote->slots, 0, slots * sizeof *vote->slots);
    enter_members(vote, call);
    vote->options.weights = NULL; /* not ours */
    vote->need = need_of(vote);
    if (vote->need > vote->total) {
        koken_quorum_free(vote);
        return -EINVAL;
    }
    *ret_vote = vote;
    return 0;
}

void koken_quorum_free(struct koken_quorum *vote)
{
    for (uint32_t i = 0; vote && i < vote->count; i++) {
        struct kn_ballot *ballot = &vote->ballots[i];
        void *answer = (void *)(uintptr_t)ballot->seen.answer;
        if (answer && ballot->seen.type->drop) {
            ballot->seen.type->drop(answer);
        }
        if (answer && answer != ballot->bytes) {
            kn_free(answer, ballot->seen.type->size, 32);
        }
    }
    if (vote) {
        if (vote->type->drop) {
            vote->type->drop(vote->question);
        }
        kn_free(vote, vote->size, _Alignof(struct koken_quorum));
    }
}

void kn_ballots_asked(struct koken_quorum *vote, uint32_t index, uint32_t request)
{
    KN_ASSERT(index < vote->count && request != 0);
    vote->ballots[index].request = request;
    uint32_t *slot = slot_of(vote, request, is_request);
    KN_ASSERT(*slot == 0);
    *slot = index + 1;
}

int kn_ballots_find(const struct koken_quorum *vote, uint32_t request)
{
    return (int)*slot_of(vote, request, is_request) - 1;
}

/* It has answered or failed, whatever that was: its weight is not to come any more. */
static bool settle(struct koken_quorum *vote, struct kn_ballot *ballot)
{
    if (ballot->seen.state != KOKEN_BALLOT_PENDING) {
        return false;
    }
    KN_ASSERT(vote->pending > 0);
    KN_ASSERT(vote->pending_weight >= ballot->seen.weight);
    vote->pending--;
    vote->pending_weight -= ballot->seen.weight;
    return true;
}

/* By value: the answer joins its equals, or begins a group. */
static void join_group(struct koken_quorum *vote, uint32_t index)
{
    struct kn_ballot *ballot = &vote->ballots[index];
    for (uint32_t i = 0; i < vote->count; i++) {
        const struct kn_ballot *other = &vote->ballots[i];
        if (i != index && other->group == i && other->group_weight > 0 &&
            other->seen.type == ballot->seen.type &&
            koken_equal(ballot->seen.type, other->seen.answer, ballot->seen.answer) == 1) {
            ballot->group = i;
            break;
        }
    }
    struct kn_ballot *first = &vote->ballots[ballot->group];
    first->group_weight += ballot->seen.weight;
    if (first->group_weight > vote->have) {
        vote->have = first->group_weight;
        vote->best = ballot->group;
    }
}

void kn_ballots_count(struct koken_quorum *vote, uint32_t index, const struct koken_type *type,
                      const void *answer)
{
    KN_ASSERT(index < vote->count);
    struct kn_ballot *ballot = &vote->ballots[index];
    void *copy =
        type->size <= KN_BALLOT_INLINE ? ballot->bytes : kn_alloc(type->size, 32, /* node= */ -1);
    bool is_refused = !kn_payload_is_shareable(type);
    if (is_refused || !copy) {
        if (copy && copy != ballot->bytes) {
            kn_free(copy, type->size, 32);
        }
        kn_ballots_fail(vote, index, copy ? -ENOTSUP : -ENOMEM);
        return;
    }
    if (!settle(vote, ballot)) {
        if (copy != ballot->bytes) {
            kn_free(copy, type->size, 32);
        }
        return;
    }
    memcpy(copy, answer, type->size);
    kn_payload_share(type,
                     copy); /* the message has its own references, until it has been handled */
    ballot->seen.state = KOKEN_BALLOT_ANSWERED;
    ballot->seen.type = type;
    ballot->seen.answer = copy;
    vote->answered++;
    const struct koken_quorum_options *o = &vote->options;
    if (o->accept && !o->accept(o->accept_arg, &ballot->seen)) {
        return;
    }
    ballot->seen.is_counted = true;
    if (o->by_value) {
        join_group(vote, index);
    } else {
        vote->have += ballot->seen.weight;
    }
}

void kn_ballots_fail(struct koken_quorum *vote, uint32_t index, int error)
{
    KN_ASSERT(index < vote->count && error < 0);
    struct kn_ballot *ballot = &vote->ballots[index];
    if (settle(vote, ballot)) {
        ballot->seen.state = KOKEN_BALLOT_FAILED;
        ballot->seen.error = error;
        vote->failed++;
    }
}

enum kn_verdict kn_ballots_verdict(const struct koken_quorum *vote)
{
    KN_ASSERT(vote->have + vote->pending_weight <= vote->total);
    if (vote->have >= vote->need) {
        return KN_VOTE_DONE;
    }
    return vote->have + vote->pending_weight < vote->need ? KN_VOTE_LOST : KN_VOTE_OPEN;
}

void kn_ballots_close(struct koken_quorum *vote, int error)
{
    vote->error = error;
    for (uint32_t i = 0; vote->options.by_value && i < vote->count; i++) {
        struct kn_ballot *ballot = &vote->ballots[i];
        ballot->seen.is_counted = ballot->seen.is_counted && ballot->group == vote->best;
    }
}

struct koken_quorum_tally koken_quorum_tally(const struct koken_quorum *vote)
{
    struct koken_quorum_tally tally = {
        .need = vote->need,
        .have = vote->have,
        .total = vote->total,
        .members = vote->count,
        .answered = vote->answered,
        .failed = vote->failed,
        .pending = vote->pending,
        .duplicate = vote->duplicate,
        .error = vote->error,
    };
    return tally;
}

const struct koken_ballot *koken_quorum_ballot(const struct koken_quorum *vote, size_t index)
{
    return vote && index < vote->count ? &vote->ballots[index].seen : NULL;
}
