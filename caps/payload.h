/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The memory of payloads: a header in front of each, and what the owner words mean for it.
 *
 *   iso, ref    count is 0; who has the handle may do anything
 *   val         count is the number of references to the root of an immutable graph
 *
 * An iso field points to a payload that the outer one owns alone; moving the outer handle moves the
 * whole graph in O(1), freezing the outer one freezes it all: what is reached only through a val is
 * never counted by itself.
 *
 *            new drop freeze keep(val) drop(val) thaw
 *   iso       each needs exclusion: there is one owner
 *   val       keep and drop by any number of references at once: lock-free, one RMW each
 */
#ifndef KN_CAPS_PAYLOAD_H
#define KN_CAPS_PAYLOAD_H

#include "base/align.h"
#include "base/atomic.h"
#include "caps/poison.h"

#include <koken/payload.h>

#include <stdbool.h>
#include <stdint.h>

enum kn_payload_state {
    KN_PAYLOAD_ISO = 1,
    KN_PAYLOAD_LOCAL,
    KN_PAYLOAD_VAL,
    KN_PAYLOAD_GONE,  /* debug: given back, kept for a while to catch who still uses it */
    KN_PAYLOAD_MOVED, /* debug: sent or frozen, lives elsewhere now */
    KN_PAYLOAD_STATE_COUNT_
};

/* Ends where the payload begins. */
struct kn_payload {
    const struct koken_type *type; /* (c) */
    struct kn_payload *link;       /* (o) list of a drop, quarantine of a debug build */
    kn_atomic(uint32_t) count;     /* (a) references to a val */
    uint32_t generation;           /* (o) debug: changes with the owner */
    uint16_t state;                /* (o) enum kn_payload_state */
    uint8_t has_pages;             /* (c) debug: the data has pages of its own, see protect.c */
    uint8_t is_in_region; /* (c) the memory is that of another one's region, see region.c */
    uint32_t hash;        /* (o) debug: of a val's bytes; of a ref or iso, its agent */
} KN_ALIGNED(32);

_Static_assert(sizeof(struct kn_payload) == 32, "the header is half a cache line");

static inline struct kn_payload *kn_payload_of(const void *payload)
{
    return (struct kn_payload *)((uintptr_t)payload - sizeof(struct kn_payload));
}

static inline void *kn_payload_data(struct kn_payload *header)
{
    return header + 1;
}

/* The name of the running agent, for the debug checks; set by the tests. 0: none. */
extern KN_TLS uint64_t kn_caps_agent;

/* The runtime, at each change of the running agent of this thread, in debug builds only. */
KN_NOINLINE void kn_caps_run(uint64_t agent);

/* NULL: no memory. The data is zero. */
struct kn_payload *kn_payload_new(const struct koken_type *type, enum kn_payload_state state);

/* Writes a header. The data is the caller's. */
void kn_payload_begin(struct kn_payload *header, const struct koken_type *type,
                      enum kn_payload_state state);

/* Frees one payload, nothing that it refers to. */
void kn_payload_free(struct kn_payload *header);

/* Its memory only: nothing is counted, nothing held back. */
void kn_payload_memory_free(struct kn_payload *header);

/* Regions (region.c): count payloads of header's region, of which it is one, are gone; the last take the memory along. */
void kn_region_give(struct kn_payload *header, uint32_t count);
bool kn_region_is_same(const struct kn_payload *left, const struct kn_payload *right);

/* The size of a handle of any build: a debug one has a generation beside the pointer. */
struct kn_handle {
    const void *payload;
    uint32_t generation;
};

/* The handle of a payload as a message. Answers the message's type. */
const struct koken_type *kn_payload_message(const void *payload, bool is_val,
                                            struct kn_handle *ret_handle);

/* Whether an object of that type may be copied by counting: what it owns are vals and nothing else, or nothing at all. */
bool kn_payload_is_shareable(const struct koken_type *type);

/* One reference more to each val in an object of such a type, which is about to be copied byte by byte. */
void kn_payload_share(const struct koken_type *type, const void *object);

/* Makes ret_object, of that type, a deep copy. Errors: -ENOMEM, nothing is written then. */
int kn_payload_copy_fields(const struct koken_type *type, void *ret_object, const void *object);

/* The debug checks hold freed payloads back for a while, once a program that has them on has
 * started. */
void kn_payload_watch(void);
bool kn_payload_is_watched(void);
void kn_payload_frozen(struct kn_payload *header);
void kn_payload_last_look(struct kn_payload *header); /* at a val whose last reference has gone */
void kn_quarantine(struct kn_payload *header, enum kn_payload_state as);

/*
 * ThreadSanitizer builds: whoever got the message claims what its handles refer to, an iso as if it wrote it all, a
 * val as if it read it, so that a use by the sender after the send is a race although the receiver touches nothing.
 */
#ifdef KN_TSAN
enum { KN_CLAIMS = 1 };
#else
enum { KN_CLAIMS = 0 };
#endif
void kn_payload_claim(const struct koken_type *type, const void *message);

/* Tells where a val was frozen and that the code at place wrote to it, and ends the program. */
_Noreturn void kn_payload_written(const void *payload, const char *place);

/* Code as `program+0x1139 in function`, what addr2line -e program 0x1139 makes a line of. */
void kn_payload_place(const void *place, char *text, size_t size);

/* A payload was frozen as part of another. */
void kn_payload_frozen_within(const void *payload, const void *whole);

/*
 * Debug, on request (koken_caps_protect): the data of payloads on pages of their own, which a val may not be written
 * to. The graph below an iso is walked by a list through the headers. protect.c
 */
bool kn_payload_protects(void);
struct kn_payload *kn_payload_pages_new(const struct koken_type *type); /* NULL: no memory */
void kn_payload_pages_free(struct kn_payload *header);
void kn_payload_seal(struct kn_payload *header);
void kn_payload_unseal(struct kn_payload *header);

#endif
