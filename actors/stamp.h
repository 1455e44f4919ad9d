/* SPDX-License-Identifier: Apache-2.0 */
/* What stands behind a message's payload, where there is room: until when its answer is wanted, and, last, when it was sent. */
#ifndef KN_ACTORS_STAMP_H
#define KN_ACTORS_STAMP_H

#include "caps/envelope.h"
#include "caps/pool.h"

/* Stamps a message that has not been; the room is there. */
void kn_message_stamp(struct kn_envelope *e);

/* A timer's message is sent when it is due, not when it was made. */
void kn_message_stamp_again(struct kn_envelope *envelope);

/* When a stamped message was sent, koken_now() time; 0 without a stamp. */
uint64_t kn_message_sent_at(const struct kn_envelope *e);

/*
 * Until when the sender of a request waits, 0 for ever or not known. Where that has not been looked up yet (call.h),
 * it is now. Thread: the owner of e.
 */
uint64_t kn_message_deadline(struct kn_envelope *e);

/* Where the deadline of a request is: in front of the stamp. */
static inline size_t kn_deadline_at(const struct kn_envelope *e)
{
    return kn_class_size(e->size_class) - (e->flags & KN_ENV_STAMPED ? 16 : 8);
}

#endif
