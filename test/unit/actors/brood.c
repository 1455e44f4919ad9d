/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves that children come and go at run time (supervisor.h): added ones are restarted like the others, by every
 * strategy; removed ones are not, are waited for, and free their place; what cannot be is answered with an error
 * and changes nothing, lack of memory too.
 */
#include "actors/brood.h"
#include "test/support/runtime.h"

KOKEN_MESSAGE(fall, { int32_t reason; });
KOKEN_EVENT(hang);

static kn_atomic(uint32_t) births, deaths, gate, entered;
static kn_atomic(uint32_t) init_rc; /* negated */

struct worker {
    uint32_t unused;
};

static int on_init(koken_ctx *ctx, struct worker *self, const void *arg)
{
    (void)ctx, (void)self, (void)arg;
    (void)count(&births);
    return -(int)reading(&init_rc);
}

static int on_fall(koken_ctx *ctx, struct worker *self, const struct fall *msg)
{
    (void)ctx, (void)self;
    return msg->reason;
}

static int on_hang(koken_ctx *ctx, struct worker *self, const struct hang *msg)
{
    (void)ctx, (void)self, (void)msg;
    (void)count(&entered);
    wait_for(&gate, 1);
    return 0;
}

static void on_exit_hook(koken_ctx *ctx, struct worker *self, int reason)
{
    (void)ctx, (void)self, (void)reason;
    (void)count(&deaths);
}

KOKEN_AGENT(worker, struct worker, KOKEN_INIT(on_init), KOKEN_ON(fall, on_fall),
            KOKEN_ON(hang, on_hang), KOKEN_EXIT(on_exit_hook));

static struct koken *begin(const struct koken_supervisor *spec, koken_ref *ret_supervisor)
{
    struct koken *rt = start(2);
    reset(&births);
    reset(&deaths);
    reset(&gate);
    reset(&entered);
    reset(&init_rc);
    cr_assert_eq(koken_supervise(rt, spec, ret_supervisor), 0);
    return rt;
}

static struct koken_child_started add(struct koken *rt, koken_ref supervisor,
                                      struct koken_child child)
{
    struct koken_child_started told = {0};
    int rc = koken_await(rt, supervisor, KOKEN_S(60), &told, koken_child_start, .child = child);
    cr_assert_eq(rc, 0, "%s", koken_errname(rc));
    return told;
}

static int take_away(struct koken *rt, koken_ref supervisor, uint32_t index)
{
    struct koken_child_stopped told = {0};
    int rc = koken_await(rt, supervisor, KOKEN_S(60), &told, koken_child_stop, .index = index);
    cr_assert_eq(rc, 0, "%s", koken_errname(rc));
    cr_assert_eq(told.index, index);
    return told.error;
}

static koken_ref now(koken_ref supervisor, uint32_t index)
{
    koken_ref ref = KOKEN_NOBODY;
    return koken_supervised(supervisor, index, &ref) < 0 ? KOKEN_NOBODY : ref;
}

static void fell(struct koken *rt, koken_ref who)
{
    cr_assert_eq(koken_signal(who, fall, .reason = -EPROTO), 0);
    drain(rt);
}

static const struct koken_child a_worker = {.type = KOKEN_AGENT_TYPE(worker),
                                            .shutdown_ns = KOKEN_S(60)};

/* A hundred are added to none; each comes back when it fails; each is removed, and its place used again. */
Test(brood, children_come_and_go)
{
    static const struct koken_supervisor spec = {.intensity = 1000};
    koken_ref supervisor;
    struct koken *rt = begin(&spec, &supervisor);
    for (uint32_t i = 0; i < 100; i++) {
        struct koken_child_started told = add(rt, supervisor, a_worker);
        cr_assert_eq(told.error, 0);
        cr_assert_eq(told.index, i);
        cr_assert(koken_ref_equal(told.who, now(supervisor, i)));
    }
    for (uint32_t i = 0; i < 100; i += 7) {
        koken_ref old = now(supervisor, i);
        fell(rt, old);
        cr_assert(!koken_is_nobody(now(supervisor, i)));
        cr_assert(!koken_ref_equal(now(supervisor, i), old));
    }
    for (uint32_t i = 0; i < 100; i += 3) {
        koken_ref old = now(supervisor, i);
        cr_assert_eq(take_away(rt, supervisor, i), 0);
        cr_assert(!koken_alive(old), "waited for");
        cr_assert(koken_is_nobody(now(supervisor, i)));
        cr_assert_eq(take_away(rt, supervisor, i), -ESRCH);
    }
    cr_assert_eq(add(rt, supervisor, a_worker).index, 0, "the lowest free place");
    cr_assert_eq(add(rt, supervisor, a_worker).index, 3);
    cr_assert_eq(take_away(rt, supervisor, 1000), -ESRCH);
    drain(rt);
    cr_assert_eq(koken_exit(supervisor), 0);
    drain(rt);
    cr_assert_eq(metrics(rt).alive, 0, "all are ended with their supervisor");
    cr_assert_eq(reading(&births), reading(&deaths));
    stop(rt);
}

/* An added child is one of all, whatever the strategy; a fixed one can be removed, and a supervisor added. */
Test(brood, added_ones_are_like_the_others)
{
    static const struct koken_child two[] = {{.type = KOKEN_AGENT_TYPE(worker)},
                                             {.type = KOKEN_AGENT_TYPE(worker)}};
    for (int strategy = KOKEN_ONE_FOR_ONE; strategy <= KOKEN_REST_FOR_ONE; strategy++) {
        struct koken_supervisor spec = {.children = two,
                                        .child_count = 2,
                                        .intensity = 100,
                                        .strategy = (enum koken_strategy)strategy};
        koken_ref supervisor, old[4];
        struct koken *rt = begin(&spec, &supervisor);
        static const struct koken_supervisor inner = {.children = two, .child_count = 2};
        cr_assert_eq(add(rt, supervisor, a_worker).error, 0);
        cr_assert_eq(add(rt, supervisor, (struct koken_child){.supervisor = &inner}).error, 0);
        for (uint32_t i = 0; i < 4; i++) {
            old[i] = now(supervisor, i);
            cr_assert(koken_alive(old[i]));
        }
        fell(rt, old[2]);
        for (uint32_t i = 0; i < 4; i++) {
            bool is_new = i == 2 || strategy == KOKEN_ONE_FOR_ALL ||
                          (strategy == KOKEN_REST_FOR_ONE && i > 2);
            cr_assert(koken_alive(now(supervisor, i)), "strategy %d child %u", strategy, i);
            cr_assert_eq(koken_ref_equal(old[i], now(supervisor, i)), !is_new,
                         "strategy %d child %u", strategy, i);
        }
        cr_assert_eq(take_away(rt, supervisor, 0), 0);
        fell(rt, now(supervisor, 1));
        cr_assert(koken_is_nobody(now(supervisor, 0)),
                  "a removed one does not come back with the others");
        cr_assert(koken_alive(now(supervisor, 1)) && koken_alive(now(supervisor, 3)));
        stop(rt);
    }
}

/* What cannot be is answered, and nothing has changed. */
Test(brood, nonsense_and_failing_starts_are_answered)
{
    static const struct koken_supervisor spec = {0};
    koken_ref supervisor;
    struct koken *rt = begin(&spec, &supervisor);
    cr_assert_eq(add(rt, supervisor, (struct koken_child){0}).error, -EINVAL);
    kn_store(&init_rc, EBUSY, release);
    cr_assert_eq(add(rt, supervisor, a_worker).error, -EBUSY);
    reset(&init_rc);
    struct koken_child temporary = a_worker;
    temporary.restart = KOKEN_TEMPORARY;
    cr_assert_eq(add(rt, supervisor, temporary).index, 0);
    fell(rt, now(supervisor, 0));
    cr_assert_eq(take_away(rt, supervisor, 0), 0, "one that is down already");
    drain(rt); /* the agents that stood for us have ended */
    cr_assert_eq(metrics(rt).alive, 1);
    stop(rt);
}

struct removing {
    struct koken *rt;
    koken_ref supervisor;
    int error;
};

static void remove_on_a_thread(void *arg)
{
    struct removing *self = arg;
    struct koken_child_stopped told = {0};
    int rc =
        koken_await(self->rt, self->supervisor, KOKEN_S(60), &told, koken_child_stop, .index = 0);
    self->error = rc < 0 ? rc : told.error;
}

/* One that does not end is given up at its deadline; who asks meanwhile is told that it is under way. */
Test(brood, a_child_that_clings_is_given_up)
{
    static const struct koken_supervisor spec = {0};
    koken_ref supervisor;
    struct koken *rt = begin(&spec, &supervisor);
    struct koken_child slow = a_worker;
    slow.shutdown_ns = KOKEN_MS(30);
    cr_assert_eq(add(rt, supervisor, slow).index, 0);
    cr_assert_eq(koken_signal(now(supervisor, 0), hang), 0);
    wait_for(&entered, 1);
    struct removing removing[2] = {{rt, supervisor, 1}, {rt, supervisor, 1}};
    struct kn_thread threads[2] = {{0}};
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(kn_thread_start(&threads[i], "remove", remove_on_a_thread, &removing[i]), 0);
    }
    for (int i = 0; i < 2; i++) {
        kn_thread_join(&threads[i]);
    }
    int late = removing[0].error == -ETIMEDOUT ? 0 : 1;
    cr_assert_eq(removing[late].error, -ETIMEDOUT);
    cr_assert(removing[!late].error == -EALREADY || removing[!late].error == -ESRCH);
    kn_store(&gate, 1, release);
    drain(rt);
    cr_assert_eq(metrics(rt).alive, 1, "it has ended after all, and nobody minds");
    stop(rt);
}

#ifdef KN_DEBUG
/* Each allocation of an addition fails in turn: an error, nothing changed, and the next one succeeds. */
Test(brood, without_memory_nothing_changes)
{
    static const struct koken_supervisor spec = {0};
    uint32_t failures = 0;
    for (uint64_t k = 0; k < 60; k++) {
        koken_ref supervisor;
        struct koken *rt = begin(&spec, &supervisor);
        struct koken_child_started told = {0};
        kn_alloc_fail_after(k);
        int rc =
            koken_await(rt, supervisor, KOKEN_S(60), &told, koken_child_start, .child = a_worker);
        bool is_armed = kn_alloc_fail_is_armed();
        kn_alloc_fail_after(UINT64_MAX);
        cr_assert(rc == 0 || rc == -ENOMEM || rc == -EPROTO, "%s", koken_errname(rc));
        bool is_there = !koken_is_nobody(now(supervisor, 0));
        cr_assert(rc < 0 || is_there == (told.error == 0));
        cr_assert(rc < 0 || told.error == 0 || told.error == -ENOMEM);
        failures += rc < 0 || told.error < 0;
        cr_assert_eq(add(rt, supervisor, a_worker).error, 0);
        stop(rt);
        if (is_armed) {
            break;
        }
    }
    cr_assert_gt(failures, 2);
}
#endif
