/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves: the first sample stands, later ones weigh a tenth, rounded down (T052); a busy agent is told from
 * an idle one (T053); messages are counted (T054); an agent that turned out slow gives way, but only where
 * no priority was asked for.
 */
#include "actors/profile.h"
#include "test/support/runtime.h"

KOKEN_MESSAGE(work, { uint64_t ns; });

struct worker {
    uint64_t done;
};

static int on_work(koken_ctx *ctx, struct worker *self, const struct work *msg)
{
    (void)ctx;
    uint64_t end = koken_now() + msg->ns;
    while (koken_now() < end) {
        kn_pause();
    }
    self->done++;
    return 0;
}

KOKEN_AGENT(worker, struct worker, KOKEN_ON(work, on_work));

/* An agent as bare as a sample needs it. */
static struct kn_agent bare(uint8_t flags)
{
    struct kn_agent a = {.flags = flags};
    kn_atomic_init(&a.run_ns_ema, 0);
    kn_atomic_init(&a.priority, KN_PRIO_NORMAL);
    return a;
}

static uint32_t average(struct kn_agent *a)
{
    return kn_load(&a->run_ns_ema, relaxed);
}

/* The first sample stands; a later one moves the average by a tenth of the difference, up or down. */
Test(profile, average_moves_by_a_tenth)
{
    struct kn_agent a = bare(0);
    kn_profile_enter(&a, 100000, 1);
    cr_assert_eq(average(&a), 100000u);
    kn_profile_enter(&a, 200000, 1);
    cr_assert_eq(average(&a), 110000u);
    kn_profile_enter(&a, 10, 1);
    cr_assert_eq(average(&a), 99001u, "%u", average(&a));
    kn_profile_enter(&a, 400019, 0);
    cr_assert_eq(average(&a), 99001u, "a turn without messages teaches nothing");
}

/* A turn of several messages counts as what each took, at least 1 ns and at most what fits. */
Test(profile, time_is_per_message)
{
    struct kn_agent a = bare(0), quick = bare(0), endless = bare(0);
    kn_profile_enter(&a, 7001, 7);
    cr_assert_eq(average(&a), 1000u);
    kn_profile_enter(&quick, 3, 64);
    cr_assert_eq(average(&quick), 1u);
    kn_profile_enter(&endless, UINT64_MAX, 1);
    cr_assert_eq(average(&endless), (uint32_t)INT32_MAX);
    kn_profile_enter(&endless, 1, 1);
    cr_assert_lt(average(&endless), (uint32_t)INT32_MAX);
}

/* Slow agents leave the short cut, very slow ones give way; an asked-for priority stays. */
Test(profile, slow_agents_give_way)
{
    struct kn_agent a = bare(KN_AGENT_ADAPTIVE), fixed = bare(0), slow = bare(KN_AGENT_ADAPTIVE);
    kn_profile_enter(&a, 50000, 1);
    cr_assert_eq(kn_load(&a.priority, relaxed), KN_PRIO_NORMAL);
    kn_profile_enter(&a, 200000, 1);
    cr_assert_eq(kn_load(&a.priority, relaxed), (KN_PRIO_NORMAL | KN_PRIO_TAIL));
    kn_profile_enter(&slow, 6000000, 1);
    cr_assert_eq(kn_load(&slow.priority, relaxed), KN_PRIO_LOW);
    kn_profile_enter(&fixed, 6000000, 1);
    cr_assert_eq(kn_load(&fixed.priority, relaxed), KN_PRIO_NORMAL);
}

/* A sample is at least the time that passed since it began: what more there is was the machine's. */
Test(profile, sample_covers_what_passed)
{
    cr_assert_eq(kn_world_init(), 0);
    struct kn_agent a = bare(0);
    struct kn_sample s;
    kn_profile_begin(&s);
    uint64_t from = koken_now();
    while (koken_now() < from + 100000) {
        kn_pause();
    }
    kn_profile_sample(&s, &a, 1);
    cr_assert_geq(average(&a), 99000u, "%u", average(&a));
}

/* What koken_profile tells of a busy agent, an idle one, and nobody. */
Test(profile, tells_busy_from_idle, .timeout = 120)
{
    struct koken *rt = start(1);
    koken_ref busy = koken_spawn(rt, worker, .policy = KOKEN_POLICY_GROW);
    koken_ref idle = koken_spawn(rt, worker);
    for (int i = 0; i < 2000;
         i++) { /* one message a turn would need 64 turns for a sample: so many */
        cr_assert_eq(koken_signal(busy, work, .ns = 50000), 0);
        if (i % 8 == 0) {
            drain(rt);
        }
    }
    cr_assert_eq(koken_signal(idle, work, .ns = 1), 0);
    drain(rt);
    struct koken_profile b, i;
    cr_assert_eq(koken_profile(busy, &b), 0);
    cr_assert_eq(koken_profile(idle, &i), 0);
    cr_assert_eq(b.messages, 2000u);
    cr_assert_eq(i.messages, 1u);
    cr_assert(b.run_ns_ema == 0 || b.run_ns_ema > 40000u, /* 0: no turn of it was sampled */ "%llu",
              (unsigned long long)b.run_ns_ema);
    cr_assert(b.run_ns_ema == 0 ? b.cpu_intensity == 0 : b.cpu_intensity > 0);
    cr_assert(i.run_ns_ema == 0 ? i.cpu_intensity == 0 : i.cpu_intensity > 0);
    cr_assert_leq(b.cpu_intensity, 1.0);
    cr_assert_gt(b.arrival_rate, i.arrival_rate);
    cr_assert_eq(i.priority, KOKEN_PRIORITY_NORMAL);
    cr_assert_eq(koken_profile(KOKEN_NOBODY, &b), -ESRCH);
    cr_assert_eq(koken_profile(busy, NULL), -EINVAL);
    stop(rt);
}
