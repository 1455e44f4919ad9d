/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What follows from the end of a node. Each link out of it is settled once: it takes one off the count of the
 * node it leads to, and leaves there, before that, what it has to say (broken, skipped, open, closed). Who takes
 * the last one off sees what all have said, and decides: so what becomes of a node does not depend on the order
 * in which its links were settled.
 *
 * Nodes that are decided not to run end at once, and their links are settled likewise; they wait in a list
 * through slot->next, so that depth costs no stack.
 */
#include "executors/teg/cache.h"

#include "base/world.h"

#include <errno.h>

bool kn_teg_is_open(const struct kn_teg_out *out, enum koken_teg_state state, int64_t number)
{
    KN_ASSERT(out->when < KOKEN_TEG_WHEN_COUNT_);
    bool has_failed = state == KOKEN_TEG_FAILED || state == KOKEN_TEG_TIMED_OUT;
    if (state != KOKEN_TEG_COMPLETED || out->when == KOKEN_TEG_IS_FAILED) {
        return has_failed && out->when == KOKEN_TEG_IS_FAILED;
    }
    switch ((enum koken_teg_when)out->when) {
    case KOKEN_TEG_IS_TRUE: return number != 0;
    case KOKEN_TEG_IS_FALSE: return number == 0;
    case KOKEN_TEG_EQUAL: return number == out->operand;
    case KOKEN_TEG_NOT_EQUAL: return number != out->operand;
    case KOKEN_TEG_LESS: return number < out->operand;
    case KOKEN_TEG_GREATER: return number > out->operand;
    default: return true;
    }
}

static inline void add_ready(struct kn_teg_harvest *harvest, uint32_t node)
{
    enum { ROOM = sizeof harvest->ready / sizeof harvest->ready[0] };
    KN_ASSERT(node < harvest->run->teg->count);
    KN_ASSERT(harvest->ready_count <= ROOM);
    /* Relaxed: a statistic. */
    kn_store(&harvest->run->slots[node].ready_at, harvest->now, relaxed);
    if (kn_unlikely(harvest->ready_count == ROOM)) {
        kn_teg_harvest_flush(harvest);
    }
    harvest->ready[harvest->ready_count++] = node;
}

/* Moves a node from PENDING. False: it was cancelled meanwhile, or a race that is decided. */
static inline bool leave_pending(struct kn_teg_slot *slot, enum koken_teg_state state)
{
    KN_ASSERT(state == KOKEN_TEG_READY || state == KOKEN_TEG_CANCELLED ||
              state == KOKEN_TEG_SKIPPED);
    uint32_t word = kn_teg_word(KOKEN_TEG_PENDING, 0);
    return kn_cas_strong(&slot->state, &word, kn_teg_word(state, 0), relaxed, relaxed); /* run.h */
}

/* All links into a node are settled. Answers whether it has ended by that. */
static bool decide(struct kn_teg_harvest *harvest, uint32_t index, uint32_t said)
{
    struct kn_teg_slot *slot = &harvest->run->slots[index];
    const struct kn_teg_node *node = &harvest->run->teg->nodes[index];
    enum koken_teg_state state = KOKEN_TEG_READY;
    KN_ASSERT((said & KN_TEG_COUNT_MASK) == 1); /* the caller has settled the last link */
    KN_ASSERT(node->in_count > 0);
    if (kn_unlikely(node->kind == KOKEN_TEG_RACE)) {
        if (leave_pending(slot, KOKEN_TEG_READY)) {
            slot->number = -1; /* nobody has won */
            add_ready(harvest, index);
        }
        return false;
    }
    if (kn_unlikely(said & KN_TEG_BROKEN)) {
        state = KOKEN_TEG_CANCELLED;
    } else if (kn_unlikely(said & KN_TEG_SKIPS)) {
        state = KOKEN_TEG_SKIPPED;
    } else if ((node->flags & KN_TEG_CONTROLLED) && !(said & KN_TEG_OPEN)) {
        state = said & KN_TEG_CLOSED ? KOKEN_TEG_CANCELLED : KOKEN_TEG_SKIPPED;
    }
    if (!leave_pending(slot, state)) {
        return false;
    }
    if (kn_likely(state == KOKEN_TEG_READY)) {
        add_ready(harvest, index);
        return false;
    }
    return true;
}

/* Adds a node that has just ended to those whose links are to be settled. */
static void add_ended(struct kn_teg_harvest *harvest, uint32_t node, uint32_t *list)
{
    KN_ASSERT(
        kn_teg_has_ended(kn_teg_state_of(kn_load(&harvest->run->slots[node].state, relaxed))));
    harvest->run->slots[node].next = *list;
    *list = node + 1;
}

/* An entrant has completed: if it is the first, the race is ready, and the others are cancelled. */
static void win(struct kn_teg_harvest *harvest, uint32_t race, uint32_t winner, uint32_t *list)
{
    struct koken_teg_run *run = harvest->run;
    const struct kn_teg_node *node = &run->teg->nodes[race];
    KN_ASSERT(node->kind == KOKEN_TEG_RACE);
    KN_ASSERT(winner < run->teg->count);
    if (!leave_pending(&run->slots[race], KOKEN_TEG_READY)) {
        return;
    }
    run->slots[race].number = winner;
    add_ready(harvest, race);
    for (uint32_t i = 0; i < node->in_count; i++) {
        uint32_t other = run->teg->ins[node->in + i].from;
        struct kn_teg_slot *slot = &run->slots[other];
        uint32_t word = kn_load(&slot->state, relaxed); /* relaxed: the compare and swap decides */
        bool is_moved = false;
        while (other != winner && !kn_teg_has_ended(kn_teg_state_of(word)) && !is_moved) {
            uint32_t next = kn_teg_word(KOKEN_TEG_CANCELLED, kn_teg_attempt_of(word));
            is_moved = kn_cas_weak(&slot->state, &word, next, relaxed, relaxed); /* run.h */
        }
        if (is_moved) {
            if (kn_teg_state_of(word) == KOKEN_TEG_EXECUTING) {
                kn_teg_flight_cancel(run, other);
            }
            add_ended(harvest, other, list);
        }
    }
}

/* What a link has to say to the node it leads to. */
static uint32_t word_of(const struct kn_teg_out *out, enum koken_teg_state state, int64_t number)
{
    switch ((enum kn_teg_link_kind)out->kind) {
    case KN_TEG_CONTROL:
        if (kn_teg_is_open(out, state, number)) {
            return KN_TEG_OPEN;
        }
        return state == KOKEN_TEG_COMPLETED || state == KOKEN_TEG_SKIPPED ? 0 : KN_TEG_CLOSED;
    case KN_TEG_CAUSE:
    case KN_TEG_RESOURCE:
        if (state == KOKEN_TEG_COMPLETED) {
            return 0;
        }
        return state == KOKEN_TEG_SKIPPED ? KN_TEG_SKIPS : KN_TEG_BROKEN;
    default: /* of a race, or a turn */ return 0;
    }
}

/* A node has failed or timed out. */
static void fail(struct kn_teg_harvest *harvest, const struct kn_teg_node *node)
{
    struct koken_teg_run *run = harvest->run;
    KN_ASSERT(node < harvest->run->teg->nodes + harvest->run->teg->count);
    if (node->flags & (KN_TEG_HANDLED | KN_TEG_ENTRANT_OF)) {
        return;
    }
    (void)kn_add(&run->failures, 1, relaxed); /* relaxed: read when the run is over, [TG3] */
    if (run->options.failure == KOKEN_TEG_FAIL_FAST) {
        harvest->ended += kn_teg_run_stop(run, KN_TEG_STOP_FAILED);
    }
}

static inline void settle_one(struct kn_teg_harvest *harvest, uint32_t index, uint32_t *list)
{
    struct koken_teg_run *run = harvest->run;
    const struct kn_teg_node *node = &run->teg->nodes[index];
    const struct kn_teg_slot *slot = &run->slots[index];
    const struct kn_teg_out *outs = &run->teg->outs[node->out];
    enum koken_teg_state state =
        kn_teg_state_of(kn_load(&slot->state, relaxed)); /* does not change */
    KN_ASSERT(kn_teg_has_ended(state));
    if (kn_unlikely(run->options.observe != NULL)) {
        uint32_t attempt = kn_teg_attempt_of(kn_load(&slot->state, relaxed)); /* likewise */
        kn_teg_observe(run, index, state, harvest->lane, attempt, harvest->now);
    }
    if (kn_unlikely(state == KOKEN_TEG_FAILED || state == KOKEN_TEG_TIMED_OUT)) {
        fail(harvest, node);
    }
    for (uint32_t i = 0; i < node->out_count; i++) {
        KN_ASSERT(outs[i].to < run->teg->count && outs[i].to != index);
        kn_atomic(uint32_t) *pending = &run->slots[outs[i].to].pending;
        uint32_t says = word_of(&outs[i], state, slot->number);
        if (kn_unlikely(outs[i].kind == KN_TEG_ENTRANT) && state == KOKEN_TEG_COMPLETED) {
            win(harvest, outs[i].to, index, list);
        }
        if (kn_unlikely(says != 0)) {
            (void)kn_or(pending, says, relaxed); /* relaxed: in front of the next line's release */
        }
        /* [TG2] release: the result, and what was said; acquire: those of all the others. */
        uint32_t said = kn_sub(pending, 1, acq_rel);
        KN_ASSERT((said & KN_TEG_COUNT_MASK) > 0);
        if ((said & KN_TEG_COUNT_MASK) == 1 && decide(harvest, outs[i].to, said)) {
            add_ended(harvest, outs[i].to, list);
        }
    }
}

void kn_teg_settle(struct kn_teg_harvest *harvest, uint32_t node)
{
    uint32_t list = 0;
    KN_ASSERT(node < harvest->run->teg->count);
    settle_one(harvest, node, &list);
    harvest->ended++;
    while (kn_unlikely(list != 0)) { /* ends: each node ends once */
        uint32_t next = list - 1;
        list = harvest->run->slots[next].next;
        settle_one(harvest, next, &list);
        harvest->ended++;
    }
}

/* A node that was to wait for another attempt does not, as the run is stopped. */
static void give_up(struct kn_teg_harvest *harvest, uint32_t node, uint32_t word)
{
    KN_ASSERT(kn_teg_state_of(word) == KOKEN_TEG_READY && kn_teg_attempt_of(word) > 0);
    uint32_t next = kn_teg_word(KOKEN_TEG_CANCELLED, kn_teg_attempt_of(word));
    /* Or the sweep has. Relaxed: run.h. */
    if (kn_cas_strong(&harvest->run->slots[node].state, &word, next, relaxed, relaxed)) {
        kn_teg_settle(harvest, node);
    }
}

/* Tries again, if it may. False: it may not, or nobody wants it any more. */
static bool try_again(struct kn_teg_harvest *harvest, struct koken_teg_call *call)
{
    struct koken_teg_run *run = harvest->run;
    const struct kn_teg_cold *cold = &run->teg->cold[call->node];
    uint32_t attempt = kn_teg_attempt_of(call->word), word = call->word;
    uint32_t next = kn_teg_word(KOKEN_TEG_READY, attempt + 1);
    uint64_t delay = cold->retry_delay_ns;
    KN_ASSERT(kn_teg_state_of(word) == KOKEN_TEG_EXECUTING);
    KN_ASSERT(attempt <= cold->retries);
    if (attempt >= cold->retries ||
        kn_load(&run->stop, relaxed)) { /* relaxed: begin() looks again */
        return false;
    }
    /* [TG6] seq_cst: see below. */
    if (!kn_cas_strong(&run->slots[call->node].state, &word, next, seq_cst, relaxed)) {
        return false;
    }
    for (uint32_t i = 0; i < attempt && delay < KOKEN_S(3600); i++) {
        delay *= 2;
    }
    (void)kn_add(&run->retries, 1, relaxed); /* relaxed: a statistic */
    kn_teg_call_fini(call);
    if (!delay) {
        add_ready(harvest, call->node); /* begin() looks whether the run is stopped */
        return true;
    }
    /* [TG6] seq_cst: a sweep that passed by before the node was READY had set stop before; else it finds it. */
    if (kn_load(&run->stop, seq_cst)) {
        give_up(harvest, call->node, next);
    } else {
        kn_teg_retry(harvest, call->node, next, delay);
    }
    return true;
}

bool kn_teg_conclude(struct kn_teg_harvest *harvest, struct koken_teg_call *call, int rc)
{
    struct koken_teg_run *run = harvest->run;
    struct kn_teg_slot *slot = &run->slots[call->node];
    uint32_t word = call->word;
    enum koken_teg_state end = KOKEN_TEG_COMPLETED;
    KN_ASSERT(kn_teg_state_of(word) == KOKEN_TEG_EXECUTING);
    KN_ASSERT(!call->is_undo);
    KN_ASSERT(rc != KOKEN_TEG_LATER); /* that is a flight's */
    if (kn_unlikely(run->making != NULL)) {
        kn_teg_cache_made(run, call, rc); /* though nobody may want it here any more */
    }
    if (kn_unlikely(rc < 0)) {
        if (run->teg->nodes[call->node].retries_more && try_again(harvest, call)) {
            return true;
        }
        end = KOKEN_TEG_FAILED;
    }
    /* Relaxed: run.h. */
    if (!kn_cas_strong(&slot->state, &word, kn_teg_word(end, kn_teg_attempt_of(word)), relaxed,
                       relaxed)) {
        kn_teg_call_fini(call);
        return false;
    }
    kn_store(&slot->ended_at, harvest->now, relaxed); /* relaxed: a statistic */
    KN_ASSERT(slot->bytes == NULL);                   /* a node ends once */
    slot->error = (int16_t)(rc < 0 ? (rc < INT16_MIN ? -EPROTO : rc) : 0);
    slot->number = call->number;
    slot->bytes = call->bytes;
    slot->size = (uint32_t)call->size;
    slot->is_items = call->is_items;
    slot->is_shared = call->is_shared;
    call->bytes = NULL;
    kn_teg_settle(harvest, call->node);
    return true;
}

bool kn_teg_time_out(struct kn_teg_harvest *harvest, uint32_t node, uint32_t word)
{
    struct kn_teg_slot *slot = &harvest->run->slots[node];
    uint32_t next = kn_teg_word(KOKEN_TEG_TIMED_OUT, kn_teg_attempt_of(word));
    KN_ASSERT(kn_teg_state_of(word) == KOKEN_TEG_EXECUTING);
    if (!kn_cas_strong(&slot->state, &word, next, relaxed, relaxed)) { /* run.h */
        return false;
    }
    kn_store(&slot->ended_at, harvest->now, relaxed); /* relaxed: a statistic */
    KN_ASSERT(slot->error == 0);
    slot->error = -ETIMEDOUT;
    kn_teg_settle(harvest, node);
    return true;
}
