/* SPDX-License-Identifier: Apache-2.0 */
/* The runtime's own messages, on the system lane. */
#ifndef KN_ACTORS_SYSTEM_H
#define KN_ACTORS_SYSTEM_H

#include "actors/agent.h"

extern const struct koken_type kn_type_stop; /* end, please */
extern const struct koken_type kn_type_init; /* first message of an agent spawned from outside */
extern const struct koken_type kn_type_alarm_over; /* the alarm `corr` has done its work */

/* Payload of kn_type_init. */
struct kn_init_arg {
    const void *arg; /* of the caller, who waits; or NULL: inside `bytes` */
    uint32_t size;
    uint32_t is_waiting;
    unsigned char bytes[KN_PAYLOAD_MAX - 16] KN_ALIGNED(16);
};

/* Who has asked to be told of room. Its message is made with it, so that no lack of memory loses it. */
struct kn_room_letter {
    struct kn_room_waiter waiter;
    struct kn_envelope
        *envelope; /* NULL: of an agent of another runtime, whose envelopes stay there */
};

/* Delivers koken_writable of `room` to who asked, and gives its letter back (its address is the cookie). */
void kn_system_writable(struct kn_local *local, const struct kn_agent *room, uint64_t cookie);

#endif
