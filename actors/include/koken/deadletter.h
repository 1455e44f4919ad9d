/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dead letters: accepted messages that nobody will handle. They are counted by reason and type, the last
 * of them are kept, and one line a second at most goes to the runtime's log: never while it stops.
 * A message that a send has refused (-EAGAIN, -ESRCH) is no dead letter, it is still its sender's.
 */
#ifndef KOKEN_DEADLETTER_H
#define KOKEN_DEADLETTER_H

#include <koken/agent.h>
#include <koken/message.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

enum koken_dead_reason {
    KOKEN_DEAD_ENDED, /* its receiver ended before it came to it; or failed with it in its hands */
    KOKEN_DEAD_FULL,  /* dropped by the policy of a full mailbox */
    KOKEN_DEAD_LATE,  /* an answer to a request that has timed out or was answered before */
    KOKEN_DEAD_STALE, /* a timer's message to an agent that had ended */
    KOKEN_DEAD_STOPPING,  /* given up because the runtime stops */
    KOKEN_DEAD_UNHANDLED, /* its receiver has no row for its type */
    KOKEN_DEAD_REASON_COUNT_
};

/* The last so many dead letters of each worker are kept. */
#define KOKEN_DEAD_LETTERS_KEPT 256u

/* Bytes of what a dead letter tells of its fields, with the 0. */
#define KOKEN_DEAD_TEXT_MAX 128u

/* One dead letter; also the message that those who watch receive. trusted: descriptions of types are constants. */
KOKEN_MESSAGE_TRUSTED(koken_dead_letter, {
    koken_ref sender; /* nobody: a thread outside */
    koken_ref receiver;
    const struct koken_type *type;
    enum koken_dead_reason reason;
    uint64_t at_ns;  /* when it was given up, koken_now() time */
    uint64_t age_ns; /* how long after its send; 0 unless stamp_messages is on */
    /* What was in it, as koken_print writes it, cut at the end; of a type without a field list only its name. */
    char text[KOKEN_DEAD_TEXT_MAX];
});

/*
 * koken_dead_letters copies the last dead letters of rt, newest first, n at most. Answers how many.
 * Errors: -EINVAL. Thread: any.
 */
KOKEN_MUST_USE int koken_dead_letters(struct koken *rt, struct koken_dead_letter *ret_letters,
                                      uint32_t n);

/* koken_dead_letter_count is the number of dead letters of that reason so far. Thread: any. */
uint64_t koken_dead_letter_count(struct koken *rt, enum koken_dead_reason reason);

/*
 * koken_dead_letter_count_of is the number of those of a message type, by name:
 * koken_dead_letter_count_of(rt, KOKEN_DEAD_FULL, price). Each worker tells 64 types apart; letters of
 * further types are counted by reason only. Thread: any.
 */
#define koken_dead_letter_count_of(rt, reason, NAME)                                               \
    koken_dead_letter_count_of_((rt), (reason), &koken_type_##NAME)
uint64_t koken_dead_letter_count_of_(struct koken *rt, enum koken_dead_reason reason,
                                     const struct koken_type *type);

/*
 * koken_watch_dead_letters(ctx, true) has each dead letter from now on come to the running agent as a
 * struct koken_dead_letter, by the policy of its mailbox; those that find it full are only counted.
 * false ends it. Errors: -EBUSY eight agents of the runtime watch already.
 */
KOKEN_MUST_USE int koken_watch_dead_letters(koken_ctx *ctx, bool is_watching);

/* koken_dead_reason_name is "ENDED" for KOKEN_DEAD_ENDED, and so on; "UNKNOWN" for anything else. */
const char *koken_dead_reason_name(enum koken_dead_reason reason);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
