/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Internals of sending: the envelope of a message, its way into a mailbox, answers to requests.
 */
#ifndef KN_ACTORS_REQUEST_H
#define KN_ACTORS_REQUEST_H

#include "actors/agent.h"

/* A request whose answer the agent owes later (koken_defer). */
struct kn_claim {
    struct kn_claim *next;
    uint64_t from;
    uint32_t corr;
    uint32_t number;
    uint64_t deadline_ns; /* until when it is waited for; 0: for ever, or not known */
};
_Static_assert(sizeof(struct kn_claim) <= KN_BLOCK_MIN,
               "its block is as large as that of an answer");

/* What an await is ready to take: this type, or with type NULL whatever has that size and owns no payload. */
struct kn_wanted {
    const struct koken_type *type;
    size_t size;
};

/* Until when an answer is waited for. */
struct kn_await_until {
    uint64_t ns;   /* 0: for ever */
    bool is_after; /* from now on; the clock has not been looked at (call.h) */
};

static inline bool kn_answer_fits(const struct koken_type *type, struct kn_wanted wanted)
{
    bool owns = type->drop && type->field_count > 0;
    return wanted.type ? type == wanted.type : type->size == wanted.size && !owns;
}

/* An envelope filled in, from the worker's pool; NULL: no memory. */
struct kn_envelope *kn_message_new(struct kn_local *local, const struct koken_type *type,
                                   const void *payload);

/* Fills in an envelope from the worker's pool, made with room for that and for a stamp; nobody is its sender. */
void kn_message_fill(struct kn_local *local, struct kn_envelope *e, const struct koken_type *type,
                     const void *payload);

/* The same from the pool of threads outside. */
struct kn_envelope *kn_message_new_outside(struct koken *rt, const struct koken_type *type,
                                           const void *payload);

/*
 * The same for a request, from the worker's pool if local is of rt, else from outside. deadline_ns:
 * until when its sender waits, 0 for ever; it is left out where there is no room for it.
 */
struct kn_envelope *kn_request_new(struct koken *rt, struct kn_local *local,
                                   const struct koken_type *type, const void *payload,
                                   uint64_t deadline_ns);

/*
 * Puts an envelope into the mailbox of `to` on the system lane, and gets the agent scheduled.
 * 0 or -ESRCH, then the envelope is the caller's. It must be of `to`'s runtime. local NULL: from
 * outside.
 */
int kn_post_system(struct kn_local *local, uint64_t to, struct kn_envelope *take_envelope);

/*
 * kn_post_system for a message made beforehand in an envelope of rt: counts it, or frees it if `to` (0: nobody)
 * has ended. local NULL: from outside. Errors: -ESRCH.
 */
int kn_post_made(struct koken *rt, struct kn_local *local, uint64_t to,
                 struct kn_envelope *take_envelope);

/*
 * Makes a system message and posts it; from outside (local NULL) and between runtimes in an
 * envelope of the receiver's. Errors: -ENOMEM, -ESRCH.
 */
int kn_post(struct kn_local *local, uint64_t to, const struct koken_type *type, const void *payload,
            uint32_t corr, unsigned flags);

/*
 * Puts a message into the mailbox of an agent of the worker's runtime, by its policy, and gets it
 * run. 0 or KOKEN_PRESSURE, or -EAGAIN, -ESRCH, -EDEADLK: then the envelope is the caller's. A
 * fiber agent may come back on another worker.
 */
int kn_send(struct kn_local *local, struct kn_agent *a, struct kn_envelope *take_envelope);

/* The same from outside; counts, and frees the envelope when it is refused. */
int kn_send_outside(struct koken *rt, struct kn_agent *a, struct kn_envelope *take_envelope);

/* Gives up an envelope for good: request answered with error, payload dropped, memory back. */
void kn_message_drop(struct koken *rt, struct kn_local *local, struct kn_envelope *take_envelope,
                     int error);

/*
 * Answers the request e with error; its payload has been dropped. Where there is no memory for an answer, the
 * envelope of the request becomes it (KN_ENV_OWED): its owner then lets go of it by kn_envelope_part or
 * _over. rt: of the envelope. Thread: the owner of e.
 */
void kn_request_fail(struct koken *rt, struct kn_local *local, struct kn_envelope *e, int error);

/* kn_envelope_done for an envelope that may owe itself as an answer. */
void kn_envelope_over(struct kn_local *local, struct kn_agent *a,
                      struct kn_envelope *take_envelope);

/* Posts a system message without payload from a thread outside. Errors: -ESRCH, -ENOMEM. */
int kn_tell_outside(koken_ref who, const struct koken_type *type);

/* Answers what an agent that ends has promised to answer later, with error. Thread: holder of S. */
void kn_claims_end(struct kn_local *local, struct kn_agent *a, int error);

/*
 * Sends the request of that number, which says that its answer is waited for until deadline_ns, 0: for ever.
 * 0 or an error as koken_signal; nothing is left behind then.
 */
int kn_request_send(struct koken_ctx *ctx, koken_ref to, uint32_t number, uint64_t deadline_ns,
                    const struct koken_type *type, const void *payload);

/*
 * Puts the usual request, to a handler agent of the worker's runtime that rests and has room, into its mailbox.
 * KN_PUSH_WAKE: S of it is the caller's, who must get it run; *ret_request is there still. KN_PUSH_OK: it is
 * somebody else's. KN_PUSH_ELSE: nothing has been done.
 */
enum kn_push kn_request_push(struct kn_local *local, struct kn_agent *a, uint32_t number,
                             struct kn_await_until until, const struct koken_type *type,
                             const void *payload, struct kn_envelope **ret_request);

/*
 * Sends the usual request: the receiver is of the worker's runtime and not KN_AGENT_SPECIAL, and the sender's
 * messages need nothing unusual. deadline_ns as in kn_request_new. 0 or more, or an error as koken_signal.
 */
int kn_request_here(struct kn_local *local, struct kn_agent *a, uint32_t number,
                    uint64_t deadline_ns, const struct koken_type *type, const void *payload);

/*
 * What is left to do for a handled message whose payload has been dropped: its request answered in default, its
 * bytes given back. Then it is let go of by kn_envelope_over.
 */
void kn_message_over(struct kn_local *local, struct kn_agent *a, struct kn_envelope *e, int rc);

/* Has the agent take a look around. local NULL: from outside. Thread: any, online in RCU. */
void kn_agent_nudge(struct kn_local *local, struct kn_agent *a);

/* Makes the agent run again; it was found not scheduled. local NULL: from outside. */
void kn_agent_wake(struct kn_local *local, struct kn_agent *a);

/*
 * Copies a payload that fits a line with its header; by two or four words that may overlap. By words and not by vectors: the
 * caller has just stored it field by field, and a load that spans two such stores must wait for both to
 * reach the cache.
 */
static KN_ALWAYS_INLINE void kn_payload_copy_line(void *to, const void *from, uint32_t size)
{
    char *t = to;
    const char *f = from;
    KN_ASSERT(size <= 32);
    if (kn_likely(size - 16u <= 16u)) { /* 16 to 32 */
        __builtin_memcpy(t, f, 8);
        __builtin_memcpy(t + 8, f + 8, 8);
        __builtin_memcpy(t + size - 16, f + size - 16, 8);
        __builtin_memcpy(t + size - 8, f + size - 8, 8);
    } else if (size & 8) { /* 8 to 15 */
        __builtin_memcpy(t, f, 8);
        __builtin_memcpy(t + size - 8, f + size - 8, 8);
    } else if (size & 4) { /* 4 to 7 */
        uint32_t head, tail;
        __builtin_memcpy(&head, f, 4);
        __builtin_memcpy(&tail, f + size - 4, 4);
        __builtin_memcpy(t, &head, 4);
        __builtin_memcpy(t + size - 4, &tail, 4);
    } else if (size) { /* 1 to 3 */
        t[0] = f[0];
        t[size / 2] = f[size / 2];
        t[size - 1] = f[size - 1];
    }
}

/* The same for any size of an envelope. */
static inline void kn_payload_copy(void *to, const void *from, uint32_t size)
{
    if (kn_likely(size <= 32)) {
        kn_payload_copy_line(to, from, size);
        return;
    }
    char *t = to;
    const char *f = from;
    uint32_t done = 0;
    for (; done + 32 < size; done += 32) { /* at most seven lines of 32 bytes */
        __builtin_memcpy(t + done, f + done, 32);
    }
    __builtin_memcpy(t + size - 32, f + size - 32, 32);
}

/* The agent that runs on the calling thread, or NULL on a thread outside. Not across a suspension.
 */
static inline struct kn_local *kn_local_here(void)
{
    struct kn_worker *worker = kn_worker_self;
    return worker ? worker->local : NULL;
}

#endif
