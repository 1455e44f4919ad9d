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

/* A sample that began ns ago. */
static void sample(struct kn_agent *a, uint64_t ns)
{
    uint32_t before = kn_load(&a->run_ns_ema, relaxed);
    struct kn_sample s;
    kn_profile_begin(&s);
    while (kn_ticks_ns(kn_ticks() - s.start) < ns) {
        kn_pause();
    }
    kn_profile_sample(&s, a, 1);
    uint32_t after = kn_load(&a->run_ns_ema, relaxed);
    cr_assert(before != after || before > 0);
}

/* The average moves by a tenth of the difference: between the old value and the new sample. */
Test(profile, average_moves_by_a_tenth)
{
    cr_assert_eq(kn_world_init(), 0);
    struct kn_agent a = bare(0);
    sample(&a, 100000);
    uint32_t first = kn_load(&a.run_ns_ema, relaxed);
    cr_assert_geq(first, 99000u, "%u", first);
    sample(&a, 200000);
    uint32_t second = kn_load(&a.run_ns_ema, relaxed);
    cr_assert_geq(second, first + (199000 - first) / 10 - 1, "%u after %u", second, first);
    struct kn_sample s;
    kn_profile_begin(&s);
    kn_profile_sample(&s, &a, 0);
    cr_assert_eq(kn_load(&a.run_ns_ema, relaxed), second,
                 "a turn without messages teaches nothing");
}

/* Slow agents leave the short cut, very slow ones give way; an asked-for priority stays. */
Test(profile, slow_agents_give_way)
{
    cr_assert_eq(kn_world_init(), 0);
    struct kn_agent a = bare(KN_AGENT_ADAPTIVE), fixed = bare(0);
    sample(&a, 200000);
    sample(&fixed, 200000);
    cr_assert_eq(kn_load(&a.priority, relaxed), (KN_PRIO_NORMAL | KN_PRIO_TAIL));
    cr_assert_eq(kn_load(&fixed.priority, relaxed), KN_PRIO_NORMAL);
    struct kn_agent slow = bare(KN_AGENT_ADAPTIVE);
    sample(&slow, 6000000);
    cr_assert_eq(kn_load(&slow.priority, relaxed), KN_PRIO_LOW);
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
    cr_assert_geq(b.cpu_intensity, b.run_ns_ema ? i.cpu_intensity : 0.0);
    cr_assert_lt(i.cpu_intensity, 0.1);
    cr_assert_gt(b.arrival_rate, i.arrival_rate);
    cr_assert_eq(i.priority, KOKEN_PRIORITY_NORMAL);
    cr_assert_eq(koken_profile(KOKEN_NOBODY, &b), -ESRCH);
    cr_assert_eq(koken_profile(busy, NULL), -EINVAL);
    stop(rt);
}
