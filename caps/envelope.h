/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The envelope: one message on its way, header and payload together, in one cache line (or two, or four).
 *
 * An envelope has exactly one owner at each step: the sender's worker until the push, then the mailbox,
 * then the receiver's worker until it goes back to a pool. Only the owner writes to it; the push releases
 * it and the take acquires it ([MB1] in mailbox/mailbox.h).
 */
#ifndef KN_CAPS_ENVELOPE_H
#define KN_CAPS_ENVELOPE_H

#include "base/align.h"

#include <stdint.h>

struct koken_type;

enum { KN_SIZE_CLASS_COUNT = 3 };
enum { KN_ENVELOPE_HEADER = 32 };
enum { KN_PAYLOAD_MAX = 256 - KN_ENVELOPE_HEADER };

enum kn_lane { KN_LANE_USER, KN_LANE_SYSTEM };

enum kn_envelope_flag {
    KN_ENV_REPLY = 1u << 0,   /* payload answers the request named by corr */
    KN_ENV_REQUEST = 1u << 1, /* the sender waits for an answer under corr */
    KN_ENV_STAMPED = 1u << 2, /* the last 8 bytes of the envelope are the time of the send, ns */
    KN_ENV_ERROR = 1u << 3,   /* a reply: the request failed, the payload is an int32_t code */
    KN_ENV_DONE =
        1u << 4, /* handled, but still the boundary of its mailbox: freed by a later take */
    KN_ENV_TIMER = 1u << 5, /* sent by an alarm of the receiver; corr is the alarm's number */
    KN_ENV_BYTES = 1u << 6, /* its payload counts against the receiver's bound in bytes */
    KN_ENV_UNCOUNTED =
        1u << 7,               /* of the user lane now, but not counted by the mailbox's sequence */
    KN_ENV_ANSWERED = 1u << 8, /* was a request, and has its answer, or the promise of one */
    KN_ENV_DEADLINE =
        1u << 9,            /* a request: until when its sender waits, ns, in the last 8 bytes, or
                                * in front of the stamp */
    KN_ENV_OWED = 1u << 10, /* was a request, and is its own answer once nothing else needs it */
    KN_ENV_AFTER =
        1u << 11, /* its deadline has not been looked up: for how long its sender waits */
};

struct kn_envelope {
    struct kn_envelope *next; /* older neighbour in a mailbox; link of whoever owns the envelope */
    const struct koken_type *type; /* what the payload is */
    uint64_t from;                 /* id of the sender, 0: not an agent */
    uint32_t corr;                 /* request number of the sender, 0: none */
    uint8_t size_class;            /* 0: 64 bytes, 1: 128, 2: 256 */
    uint8_t lane;                  /* enum kn_lane */
    uint16_t flags;                /* enum kn_envelope_flag */
    unsigned char payload[];       /* 32, 96 or 224 bytes, 32-byte aligned */
};

_Static_assert(sizeof(struct kn_envelope) == KN_ENVELOPE_HEADER, "the header is half a cache line");

#endif
