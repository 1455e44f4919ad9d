/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves: fibers get their argument and state as promised, move between workers, survive floods with tiny
 * mailboxes and PARK, find cycles, and give their stacks back. A pipeline of parked fibers loses nothing.
 */
#include "test/support/runtime.h"

#include <string.h>

KOKEN_MESSAGE(item, { uint32_t number; });

static kn_atomic(uint32_t) done;
static kn_atomic(uint32_t) received;
static kn_atomic(uint32_t) deadlocks;

struct state {
    uint64_t filler[20]; /* larger than a slot's own room */
    uint32_t count;
};

struct arg {
    koken_ref next;
    uint32_t n;
    char text[80];
};

static int look(koken_ctx *ctx, struct state *self, const void *arg)
{
    const struct arg *a = arg;
    static const struct state zero;
    expect(memcmp(self, &zero, sizeof zero) == 0);
    expect(strcmp(a->text, "kept as long as the agent") == 0);
    expect(koken_sleep(ctx, KOKEN_MS(1)) == 0);
    expect(strcmp(a->text, "kept as long as the agent") == 0);
    (void)count(&done);
    return 0;
}

KOKEN_FIBER(looker, struct state, look);

/* A copy of the argument lasts as long as the agent; the state begins zero. */
Test(fiber_agent, argument_and_state)
{
    struct koken *rt = start(2);
    reset(&done);
    for (int i = 0; i < 100; i++) {
        struct arg a = {.text = "kept as long as the agent"};
        cr_assert(!koken_is_nobody(koken_spawn(rt, looker, .arg = &a, .arg_size = sizeof a)));
        memset(&a, 0xff, sizeof a);
    }
    wait_for(&done, 100);
    drain(rt);
    cr_assert_eq(metrics(rt).alive, 0u);
    koken_ref who;
    cr_assert_eq(koken_try_spawn(rt, &who, looker, .arg_size = 8), -EINVAL,
                 "a size without an argument");
    stop(rt);
}

static int pass_on(koken_ctx *ctx, struct state *self, const void *arg)
{
    const struct arg *a = arg;
    struct item item;
    for (uint32_t i = 0; i < a->n; i++) {
        if (koken_receive_only(ctx, KOKEN_NO_DEADLINE, item, &item) < 0) {
            return 0;
        }
        expect(item.number == self->count++);
        if (koken_is_nobody(a->next)) {
            (void)count(&received);
        } else {
            expect(koken_signal(a->next, item, .number = item.number) == 0);
        }
    }
    (void)count(&done);
    return 0;
}

static int produce(koken_ctx *ctx, struct state *self, const void *arg)
{
    const struct arg *a = arg;
    (void)ctx, (void)self;
    for (uint32_t i = 0; i < a->n; i++) {
        expect(koken_signal(a->next, item, .number = i) == 0);
    }
    (void)count(&done);
    return 0;
}

KOKEN_FIBER(stage, struct state, pass_on);
KOKEN_FIBER(source, struct state, produce);

/* Source, three stages, sink; mailboxes of one to four messages; every message, in order. */
Test(fiber_agent, a_narrow_pipeline_loses_nothing, .timeout = 120)
{
    enum { ITEMS = 2000 * SCALE, STAGES = 4 };
    for (unsigned workers = 1; workers <= 3; workers++) {
        for (uint32_t capacity = 1; capacity <= 4; capacity += 3) {
            struct koken *rt = start(workers);
            reset(&done);
            reset(&received);
            struct arg a = {.n = ITEMS};
            for (int i = 0; i < STAGES; i++) {
                a.next = koken_spawn(rt, stage, .arg = &a, .arg_size = sizeof a,
                                     .capacity = capacity, .policy = KOKEN_POLICY_PARK);
                cr_assert(!koken_is_nobody(a.next));
            }
            cr_assert(!koken_is_nobody(koken_spawn(rt, source, .arg = &a, .arg_size = sizeof a)));
            wait_for(&done, STAGES + 1);
            check_balance(rt, 0);
            cr_assert_eq(reading(&received), (uint32_t)ITEMS);
            stop(rt);
        }
    }
}

static int push_around(koken_ctx *ctx, struct state *self, const void *arg)
{
    (void)self, (void)arg;
    struct item first;
    koken_ref next;
    struct koken_received msg;
    expect(koken_receive(ctx, KOKEN_NO_DEADLINE, &msg) == 0);
    next = koken_is_nobody(msg.from) ? koken_self(ctx) : msg.from;
    (void)first;
    int rc = 0;
    while (rc == 0) { /* ends: both mailboxes are full, and somebody is told */
        rc = koken_signal(next, item);
    }
    expect(rc == -EDEADLK || rc == -ESRCH || rc == -ECANCELED);
    if (rc == -EDEADLK) {
        (void)count(&deadlocks);
    }
    (void)count(&done);
    return 0;
}

KOKEN_FIBER(pusher, struct state, push_around);

static int begin(koken_ctx *ctx, struct state *self, const void *arg)
{
    const struct arg *a = arg;
    (void)self;
    expect(koken_signal(a->next, item) == 0);
    int rc = 0;
    while (rc == 0) { /* ends: as above */
        rc = koken_signal(a->next, item);
    }
    expect(rc == -EDEADLK || rc == -ESRCH || rc == -ECANCELED);
    if (rc == -EDEADLK) {
        (void)count(&deadlocks);
    }
    (void)ctx;
    (void)count(&done);
    return 0;
}

KOKEN_FIBER(beginner, struct state, begin);

/* Two that fill each other's mailboxes: one of them is told -EDEADLK, neither waits for ever. */
Test(fiber_agent, a_cycle_of_full_mailboxes_is_found, .timeout = 60)
{
    struct koken *rt = start(2);
    reset(&done);
    reset(&deadlocks);
    struct arg a = {{0}, 0, ""};
    a.next = koken_spawn(rt, pusher, .capacity = 4, .policy = KOKEN_POLICY_PARK);
    cr_assert(!koken_is_nobody(koken_spawn(rt, beginner, .arg = &a, .arg_size = sizeof a,
                                           .capacity = 4, .policy = KOKEN_POLICY_PARK)));
    wait_for(&done, 2);
    cr_assert_eq(reading(&deadlocks), 1u);
    check_balance(rt, 0);
    stop(rt);
}

/* A message to oneself with a full mailbox is the shortest cycle. */
Test(fiber_agent, a_full_mailbox_of_ones_own, .timeout = 60)
{
    struct koken *rt = start(1);
    reset(&done);
    reset(&deadlocks);
    koken_ref who = koken_spawn(rt, pusher, .capacity = 4, .policy = KOKEN_POLICY_PARK);
    cr_assert_eq(koken_signal(who, item), 0);
    wait_for(&done, 1);
    cr_assert_eq(reading(&deadlocks), 1u);
    stop(rt);
}

static int wait_for_ever(koken_ctx *ctx, struct state *self, const void *arg)
{
    struct koken_received msg;
    (void)self;
    (void)arg;
    (void)count(&done);
    return koken_receive(ctx, KOKEN_NO_DEADLINE, &msg);
}

KOKEN_FIBER(waiting, struct state, wait_for_ever);

static void count_line(void *arg, const char *line)
{
    (void)arg;
    if (strstr(line, "failed")) {
        (void)count(&received);
    }
}

/* Who is asked to stop and hands the -ECANCELED on that it got has not failed. */
Test(fiber_agent, to_end_when_asked_is_no_failure)
{
    reset(&done);
    reset(&received);
    struct koken *rt = start_with(2, (struct koken_options){.log = count_line});
    koken_ref one = koken_spawn(rt, waiting), other = koken_spawn(rt, waiting);
    wait_for(&done, 2);
    cr_assert_eq(koken_exit(one), 0);
    cr_assert_eq(koken_exit(other), 0);
    drain(rt);
    cr_assert_eq(metrics(rt).exited, 2u);
    cr_assert_eq(metrics(rt).failed, 0u);
    cr_assert_eq(reading(&received), 0u);
    stop(rt);
}

static int fail_with_it(koken_ctx *ctx, struct state *self, const void *arg)
{
    struct koken_received msg;
    (void)self;
    (void)arg;
    int rc = koken_receive(ctx, KOKEN_NO_DEADLINE, &msg);
    return rc < 0 ? rc : -EPERM;
}

KOKEN_FIBER(failing, struct state, fail_with_it);

/* Who waits for the answer of a fiber that fails with the message in its hands hears with what. */
Test(fiber_agent, the_asker_hears_how_it_failed)
{
    struct koken *rt = start(1);
    struct item answer;
    koken_ref who = koken_spawn(rt, failing);
    cr_assert_eq(koken_await(rt, who, KOKEN_S(30), &answer, item), -EPERM);
    check_balance(rt, 0);
    cr_assert_eq(metrics(rt).failed, 1u);
    stop(rt);
}
