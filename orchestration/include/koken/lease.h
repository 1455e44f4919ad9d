/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Leases: one holder at a time per name, for as long as it renews. They are given by an agent, the
 * lease keeper, that is asked by messages; fibers and threads outside may use the calls below.
 *
 *     koken_ref keeper = koken_lease_keeper(rt);
 *     struct koken_lease lease;
 *     int rc = koken_lease_acquire(ctx, keeper, "desk", KOKEN_MS(100), KOKEN_S(1), &lease);
 *
 * A lease can end while its holder believes to have it: a stop of its process is enough. So each lease
 * has a token, larger than all given before by the keeper, to be shown to whatever it protects; a
 * koken_guard there refuses every token older than one that it has seen.
 *
 *     FREE --take--> HELD --release, time is over, holder's end--> FREE, or HELD by who has waited longest
 */
#ifndef KOKEN_LEASE_H
#define KOKEN_LEASE_H

#include <koken/signal.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* Bytes of a name, with the 0 at its end. */
#define KOKEN_LEASE_NAME_MAX 48u

/* koken_lease_keeper spawns a keeper; where is a runtime or a context. Nobody: no memory. */
#define koken_lease_keeper(where)                                                                  \
    KOKEN_WHERE_(where, koken_lease_keeper_rt_, koken_lease_keeper_ctx_)(where)
koken_ref koken_lease_keeper_rt_(struct koken *rt);
koken_ref koken_lease_keeper_ctx_(koken_ctx *ctx);

/*
 * What a keeper is asked, by koken_request or koken_await; it answers each with a struct koken_lease,
 * whose error is one of:
 *   take     -ETIMEDOUT it was not free within wait_ns; -EINVAL no name, or ttl_ns 0; -ENOMEM
 *   renew, release   -EALREADY the lease is over already: released, out of time, its holder ended;
 *            -EPERM the token is another's, or nobody's
 */
KOKEN_MESSAGE(koken_lease_take, {
    char name[KOKEN_LEASE_NAME_MAX];
    koken_ref
        holder; /* its end is the lease's end, it is told of the expiry; nobody: only time counts */
    uint64_t ttl_ns;
    uint64_t wait_ns; /* 0: now or not at all */
});
KOKEN_MESSAGE(koken_lease_renew, {
    char name[KOKEN_LEASE_NAME_MAX];
    uint64_t token;
    uint64_t ttl_ns; /* from now */
});
KOKEN_MESSAGE(koken_lease_release, {
    char name[KOKEN_LEASE_NAME_MAX];
    uint64_t token;
});

/* The answer to each of them. */
KOKEN_MESSAGE(koken_lease, {
    char name[KOKEN_LEASE_NAME_MAX];
    uint64_t token;      /* greater than 0 */
    uint64_t expires_ns; /* koken_now() time */
    int32_t error;
});

/* To the holder whose lease is out of time. Once per lease, never after a release was answered with 0. */
KOKEN_MESSAGE(koken_lease_expired, {
    char name[KOKEN_LEASE_NAME_MAX];
    uint64_t token;
});

/*
 * koken_lease_acquire takes the lease of that name, and waits for it in the order of coming. where is
 * a context (fiber agents, which then are the holder) or a runtime (threads outside: the lease has no
 * holder whose end would end it). Errors: as koken_lease_take and koken_await; -EINVAL the name is too
 * long. A lease that comes when its waiter has gone is over with the waiter, or when its time is.
 */
#define koken_lease_acquire(where, keeper, name, ttl_ns, wait_ns, ret_lease)                       \
    KOKEN_WHERE_(where, koken_lease_acquire_rt_, koken_lease_acquire_ctx_)                         \
    ((where), (keeper), (name), (ttl_ns), (wait_ns), (ret_lease))
KOKEN_MUST_USE int koken_lease_acquire_rt_(struct koken *rt, koken_ref keeper, const char *name,
                                           uint64_t ttl_ns, uint64_t wait_ns,
                                           struct koken_lease *ret_lease);
KOKEN_MUST_USE int koken_lease_acquire_ctx_(koken_ctx *ctx, koken_ref keeper, const char *name,
                                            uint64_t ttl_ns, uint64_t wait_ns,
                                            struct koken_lease *ret_lease);

/* koken_lease_extend renews *lease, and notes there until when. Errors: as koken_lease_renew. */
#define koken_lease_extend(where, keeper, lease, ttl_ns)                                           \
    KOKEN_WHERE_(where, koken_lease_extend_rt_, koken_lease_extend_ctx_)                           \
    ((where), (keeper), (lease), (ttl_ns))
KOKEN_MUST_USE int koken_lease_extend_rt_(struct koken *rt, koken_ref keeper,
                                          struct koken_lease *lease, uint64_t ttl_ns);
KOKEN_MUST_USE int koken_lease_extend_ctx_(koken_ctx *ctx, koken_ref keeper,
                                           struct koken_lease *lease, uint64_t ttl_ns);

/* koken_lease_end gives a lease back. Errors: as koken_lease_release. */
#define koken_lease_end(where, keeper, lease)                                                      \
    KOKEN_WHERE_(where, koken_lease_end_rt_, koken_lease_end_ctx_)((where), (keeper), (lease))
KOKEN_MUST_USE int koken_lease_end_rt_(struct koken *rt, koken_ref keeper,
                                       const struct koken_lease *lease);
KOKEN_MUST_USE int koken_lease_end_ctx_(koken_ctx *ctx, koken_ref keeper,
                                        const struct koken_lease *lease);

/* What stands before a thing that a lease protects, and remembers the newest token seen. */
struct koken_guard;

/* koken_guard_new makes a guard that has seen nothing. Errors: -ENOMEM, -EINVAL. */
KOKEN_MUST_USE int koken_guard_new(struct koken_guard **ret_guard);
void koken_guard_free(struct koken_guard *guard);

/*
 * koken_lease_guard lets a token pass, 0, or refuses it: -EPERM a newer one has passed, or it is 0.
 * Thread: any. Order: what was done before a token passed is seen by who passes with the next one.
 */
KOKEN_MUST_USE int koken_lease_guard(struct koken_guard *guard, uint64_t token);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
