/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The counting of a vote: who has answered what, and whether that is enough. It knows nothing of
 * messages and time, and belongs to one agent at a time.
 *
 *     OPEN --count, fail--> OPEN      DONE (have >= need), LOST (have + pending < need)
 *
 * By value: have is the weight of the heaviest group of equal answers. Groups only grow, so the
 * heaviest is known without looking at the others.
 */
#ifndef KN_ORCHESTRATION_BALLOTS_H
#define KN_ORCHESTRATION_BALLOTS_H

#include "base/align.h"

#include <koken/quorum.h>

enum { KN_BALLOTS_MAX = 32768, KN_BALLOT_INLINE = 32, KN_NO_BALLOT = -1 };

enum kn_verdict { KN_VOTE_OPEN, KN_VOTE_DONE, KN_VOTE_LOST };

struct kn_ballot {
    struct koken_ballot seen; /* by the user */
    uint64_t group_weight;    /* of the group that this answer is the first of */
    uint32_t group;           /* index of the first answer equal to this one */
    uint32_t request;         /* number of the request to the member */
    unsigned char bytes[KN_BALLOT_INLINE] KN_ALIGNED(32); /* of a small answer */
};

struct koken_quorum {
    struct koken_quorum_options options;
    uint64_t timeout_ns;
    const struct koken_type *type; /* of the question */
    uint64_t have, need, total, pending_weight;
    uint32_t count, answered, failed, pending, duplicate;
    uint32_t best;      /* by value: index of the first answer of the heaviest group */
    uint32_t slot_mask; /* of the table from numbers to ballots */
    int error;
    size_t size;     /* of this allocation */
    uint32_t *slots; /* index + 1; 0 empty */
    unsigned char question[KOKEN_PAYLOAD_MAX] KN_ALIGNED(32);
    struct kn_ballot ballots[];
};

/* A vote in which nobody has answered. Errors: -EINVAL, -E2BIG, -ENOTSUP, -ENOMEM. */
int kn_ballots_new(const struct koken_quorum_call *call, struct koken_quorum **ret_vote);

/* Enters the number under which a member has been asked, and finds the ballot of a number. */
void kn_ballots_asked(struct koken_quorum *vote, uint32_t index, uint32_t request);
int kn_ballots_find(const struct koken_quorum *vote, uint32_t request);

/* A member has answered, or will not. Ignored if it had already. */
void kn_ballots_count(struct koken_quorum *vote, uint32_t index, const struct koken_type *type,
                      const void *answer);
void kn_ballots_fail(struct koken_quorum *vote, uint32_t index, int error);

enum kn_verdict kn_ballots_verdict(const struct koken_quorum *vote);

/* The vote is over: marks whose answers were counted. */
void kn_ballots_close(struct koken_quorum *vote, int error);

#endif
