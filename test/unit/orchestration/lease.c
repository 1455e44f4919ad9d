/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves of leases: one holder at a time, first come first served, renewal, expiry with its event,
 * release at the holder's end, rising tokens (T048, T049), every refusal, and that nothing leaks.
 */
#include "test/support/runtime.h"

#include <koken/fiber.h>
#include <koken/lease.h>

#include <string.h>

static kn_atomic(uint32_t) order, expired, holding, done;

Test(lease, is_exclusive_renewed_and_released)
{
    struct koken *rt = start(2);
    koken_ref keeper = koken_lease_keeper(rt);
    struct koken_lease lease, other;
    cr_assert_eq(koken_lease_acquire(rt, keeper, "desk", KOKEN_S(60), 0, &lease), 0);
    cr_assert_str_eq(lease.name, "desk");
    cr_assert_eq(koken_lease_acquire(rt, keeper, "desk", KOKEN_S(60), 0, &other), -ETIMEDOUT);
    cr_assert_eq(koken_lease_acquire(rt, keeper, "desk", KOKEN_S(60), KOKEN_MS(5), &other),
                 -ETIMEDOUT);
    cr_assert_eq(koken_lease_acquire(rt, keeper, "chair", KOKEN_S(60), 0, &other), 0);
    cr_assert(other.token > lease.token);
    uint64_t before = lease.expires_ns;
    cr_assert_eq(koken_lease_extend(rt, keeper, &lease, KOKEN_S(90)), 0);
    cr_assert(lease.expires_ns > before);
    cr_assert_eq(koken_lease_end(rt, keeper, &lease), 0);
    cr_assert_eq(koken_lease_end(rt, keeper, &lease), -EALREADY);
    cr_assert_eq(koken_lease_extend(rt, keeper, &lease, KOKEN_S(90)), -EALREADY);
    cr_assert_eq(koken_lease_acquire(rt, keeper, "desk", KOKEN_S(60), 0, &other), 0);
    cr_assert(other.token > lease.token);
    cr_assert_eq(koken_lease_end(rt, keeper, &lease), -EALREADY);
    lease.token = other.token + 1;
    cr_assert_eq(koken_lease_end(rt, keeper, &lease), -EPERM);
    lease.token = 0;
    cr_assert_eq(koken_lease_end(rt, keeper, &lease), -EPERM);
    stop(rt);
}

Test(lease, many_names)
{
    struct koken *rt = start(1);
    koken_ref keeper = koken_lease_keeper(rt);
    static struct koken_lease leases[500];
    for (int i = 0; i < 500; i++) {
        char name[3] = {(char)('a' + i % 20), (char)('a' + i / 20), '\0'};
        cr_assert_eq(koken_lease_acquire(rt, keeper, name, KOKEN_S(60), 0, &leases[i]), 0);
    }
    for (int i = 0; i < 500; i += 2) {
        cr_assert_eq(koken_lease_end(rt, keeper, &leases[i]), 0);
    }
    stop(rt);
}

/* ---- a holder that is an agent --------------------------------------------------------------------- */

enum { HOLDERS = 8 };

struct holder {
    koken_ref keeper;
    uint32_t rounds, number;
};

static int in_turn(koken_ctx *ctx, struct holder *self, const void *arg)
{
    struct holder given = *(const struct holder *)arg;
    struct koken_lease lease;
    uint64_t token = 0;
    (void)self;
    for (uint32_t i = 0; i < given.rounds; i++) {
        int rc =
            koken_lease_acquire(ctx, given.keeper, "turn", KOKEN_S(60), KOKEN_NO_DEADLINE, &lease);
        if (rc < 0) {
            return rc;
        }
        expect(lease.token > token);
        token = lease.token;
        expect(count(&holding) == 0);
        rc = koken_yield(ctx);
        expect(kn_sub(&holding, 1, acq_rel) == 1);
        expect(koken_lease_end(ctx, given.keeper, &lease) == 0 || rc < 0);
    }
    (void)count(&done);
    return 0;
}

KOKEN_FIBER(in_turn, struct holder, in_turn);

Test(lease, has_one_holder_among_many_who_want_it)
{
    struct koken *rt = start(2);
    struct holder holder = {koken_lease_keeper(rt), 200 * SCALE, 0};
    reset(&done);
    reset(&holding);
    for (int i = 0; i < HOLDERS; i++) {
        (void)koken_spawn(rt, in_turn, .arg = &holder, .arg_size = sizeof holder);
    }
    wait_for(&done, HOLDERS);
    stop(rt);
}

static int keeps(koken_ctx *ctx, struct holder *self, const void *arg)
{
    const struct holder *given = arg;
    struct koken_lease lease;
    (void)self;
    expect(koken_lease_acquire(ctx, given->keeper, "turn", KOKEN_S(3600), KOKEN_S(60), &lease) ==
           0);
    expect(count(&order) == given->number);
    return 0; /* and ends, holding it */
}

KOKEN_FIBER(keeps, struct holder, keeps);

Test(lease, passes_on_at_the_holders_end_in_the_order_of_coming)
{
    struct koken *rt = start(2);
    koken_ref keeper = koken_lease_keeper(rt);
    struct koken_lease lease;
    reset(&order);
    cr_assert_eq(koken_lease_acquire(rt, keeper, "turn", KOKEN_S(60), 0, &lease), 0);
    for (uint32_t i = 0; i < HOLDERS; i++) {
        struct holder holder = {keeper, 0, i};
        (void)koken_spawn(rt, keeps, .arg = &holder, .arg_size = sizeof holder);
        drain(rt);
    }
    cr_assert_eq(reading(&order), 0);
    cr_assert_eq(koken_lease_end(rt, keeper, &lease), 0);
    wait_for(&order, HOLDERS);
    cr_assert_eq(koken_lease_acquire(rt, keeper, "turn", KOKEN_S(60), KOKEN_S(60), &lease), 0);
    stop(rt);
}

static int overstays(koken_ctx *ctx, struct holder *self, const void *arg)
{
    const struct holder *given = arg;
    struct koken_lease lease;
    struct koken_lease_expired event;
    (void)self;
    expect(koken_lease_acquire(ctx, given->keeper, "turn", KOKEN_S(60), 0, &lease) == 0);
    expect(koken_lease_extend(ctx, given->keeper, &lease, KOKEN_MS(10)) == 0);
    expect(koken_receive_only(ctx, KOKEN_S(60), koken_lease_expired, &event) == 0);
    expect(event.token == lease.token && koken_now() >= lease.expires_ns);
    expect(koken_lease_extend(ctx, given->keeper, &lease, KOKEN_MS(10)) == -EALREADY);
    (void)count(&expired);
    return 0;
}

KOKEN_FIBER(overstays, struct holder, overstays);

Test(lease, expires_with_an_event_and_goes_to_the_next)
{
    struct koken *rt = start(2);
    struct holder holder = {koken_lease_keeper(rt), 0, 0};
    struct koken_lease lease;
    reset(&expired);
    (void)koken_spawn(rt, overstays, .arg = &holder, .arg_size = sizeof holder);
    drain(rt);
    cr_assert_eq(koken_lease_acquire(rt, holder.keeper, "turn", KOKEN_S(60), KOKEN_S(60), &lease),
                 0);
    wait_for(&expired, 1);
    stop(rt);
}

Test(lease, the_keepers_end_frees_those_who_wait)
{
    struct koken *rt = start(2);
    struct holder holder = {koken_lease_keeper(rt), 100, 0};
    struct koken_lease lease;
    reset(&holding);
    cr_assert_eq(koken_lease_acquire(rt, holder.keeper, "turn", KOKEN_S(60), 0, &lease), 0);
    for (int i = 0; i < HOLDERS; i++) {
        (void)koken_spawn(rt, in_turn, .arg = &holder, .arg_size = sizeof holder);
    }
    drain(rt);
    cr_assert_eq(koken_exit(holder.keeper), 0);
    drain(rt);
    cr_assert_eq(metrics(rt).alive, 0);
    stop(rt);
}

/* ---- a handler, which asks by messages ---------------------------------------------------------------- */

KOKEN_EVENT(lease_go);

struct clerk {
    koken_ref keeper;
    struct koken_lease lease;
    uint32_t step;
};

static int on_lease_go(koken_ctx *ctx, struct clerk *self, const struct lease_go *go)
{
    struct koken_lease_take take = {
        .name = "till", .holder = koken_self(ctx), .ttl_ns = KOKEN_S(60)};
    (void)go;
    return koken_request_(ctx, self->keeper, KOKEN_S(60), &koken_type_koken_lease_take, &take);
}

static int release(koken_ctx *ctx, struct clerk *self, uint64_t token)
{
    struct koken_lease_release end = {.name = "till", .token = token};
    return koken_request_(ctx, self->keeper, KOKEN_S(60), &koken_type_koken_lease_release, &end);
}

/* Taken, renewed, a foreign token, given back, given back twice. */
static int on_lease_answer(koken_ctx *ctx, struct clerk *self, const struct koken_lease *answer)
{
    static const int errors[] = {0, 0, -EPERM, 0, -EALREADY};
    struct koken_lease_renew renew = {.name = "till", .ttl_ns = KOKEN_S(90)};
    expect(answer->error == errors[self->step]);
    switch (self->step++) {
    case 0:
        self->lease = *answer;
        renew.token = answer->token;
        return koken_request_(ctx, self->keeper, KOKEN_S(60), &koken_type_koken_lease_renew,
                              &renew);
    case 1: expect(answer->expires_ns > self->lease.expires_ns); break;
    case 4: (void)count(&done); return 0;
    default: break;
    }
    return release(ctx, self, self->step == 2 ? self->lease.token + 1 : self->lease.token);
}

KOKEN_AGENT(clerk, struct clerk, KOKEN_ON(lease_go, on_lease_go),
            KOKEN_ON(koken_lease, on_lease_answer));

Test(lease, handlers_ask_by_messages)
{
    struct koken *rt = start(2);
    struct clerk state = {.keeper = koken_lease_keeper(rt)};
    reset(&done);
    cr_assert_eq(koken_signal(koken_spawn(rt, clerk, .arg = &state), lease_go), 0);
    wait_for(&done, 1);
    stop(rt);
}
